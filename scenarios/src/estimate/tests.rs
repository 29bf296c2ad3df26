use super::*;

fn estimate(change: impl FnOnce(&mut Rehearsal)) -> (Rehearsal, Estimate) {
    let mut rehearsal = Rehearsal::load("match-day").expect("the shipped rehearsal is valid");
    change(&mut rehearsal);
    let schedule = Schedule::generate(&rehearsal.audience);
    let estimate = Estimate::of(&rehearsal, &schedule);
    (rehearsal, estimate)
}

#[test]
fn an_estimate_counts_viewers_requests_and_bits() {
    let (rehearsal, estimate) = estimate(|_| {});
    let wanted = rehearsal.audience.wanted_max();
    let held = estimate.viewers_peak;
    assert!(held >= wanted && held < wanted + wanted / 5, "those at home, too: {held} of {wanted}");
    assert!((estimate.wall_s - 88.2).abs() < 1e-9, "10.4 min at 7.5 and 5 s: {}", estimate.wall_s);
    // 400 kbit/s each.
    assert_eq!(estimate.bits_per_s_peak, f64::from(estimate.viewers_peak) * 400e3);
    // A viewer makes 2/60 + 1/120 + 2/6 requests a match second, starts apart.
    let watching = f64::from(wanted) * (2.0 / 60.0 + 1.0 / 120.0 + 2.0 / 6.0) * 7.5;
    let peak = estimate.requests_per_s_peak;
    assert!(peak > watching && peak < watching * 1.5, "{peak} over {watching}");
    let windows = estimate.services.iter().map(|s| (s.name.as_str(), s.requests_per_window));
    for (name, requests) in windows {
        match name {
            "edge" => assert_eq!(requests, None, "it does not scale"),
            "playback" => assert!(requests.is_some_and(|n| n > 2500.0), "{name}: {requests:?}"),
            _ => assert!(requests.is_some_and(|n| n > 0.0), "{name}: {requests:?}"),
        }
    }
}

/// The texts of which each must be a part of one warning, and of no other.
fn warns(descriptors: u64, change: impl FnOnce(&mut Rehearsal), wanted: &[&str]) {
    let (rehearsal, estimate) = estimate(change);
    let warnings = estimate.warnings(&rehearsal, descriptors);
    assert_eq!(warnings.len(), wanted.len(), "{warnings:#?}");
    for (warning, wanted) in warnings.iter().zip(wanted) {
        assert!(warning.contains(wanted), "{warning}");
    }
}

#[test]
fn each_shortage_is_a_warning_with_its_way_out() {
    warns(20_000, |_| {}, &[]);
    warns(1024, |_| {}, &["file descriptors are needed and 1024 are allowed"]);
    warns(20_000, |r| r.users_max = Some(100), &["`generator.users_max` is 100"]);
    let windows = ["service `playback` sees"];
    warns(20_000, |r| r.audience.scale /= 10.0, &windows);
}

#[test]
fn ports_are_counted_for_each_pair_of_addresses() {
    let text = concat!("devices = \"2019\"\n", include_str!("../schema/whole/own-target.toml"));
    let text = text.replace(
        "base = \"https://shop.test:8443\"\nresolve = \"127.0.0.1\"\nca = \"ca.pem\"",
        "{whole}",
    );
    let ports = |whole: &str, local: &[&str]| {
        let text = text
            .replace("{whole}", whole)
            .replace("[\"streaming\"]", "[\"login\", \"streaming\"]")
            .replace("{ env = \"SHOP_TOKEN\" }", "\"t\"");
        let source = hulk_settings::Source::new("own.toml", text);
        let read = Rehearsal::read(&source, std::path::Path::new("."));
        let mut rehearsal = read.expect("it is valid");
        rehearsal.local_addresses =
            local.iter().map(|text| text.parse().expect("an address")).collect();
        let ports = PortsEstimate::of(&rehearsal, 1_000, 900);
        (ports.needed, ports.available, ports.warning().is_some())
    };
    // The service `edge` has a name of which nobody knows how many addresses it has.
    let one = "base = \"http://127.0.0.1:8080\"";
    assert_eq!(ports(one, &[]), (1_000, 900, true));
    assert_eq!(ports(one, &["127.0.0.2", "127.0.0.3"]), (1_000, 1_800, false));
    let two = "base = \"http://shop.test\"\nresolve = [\"127.0.0.1\", \"::1\"]";
    let (needed, available, _) = ports(two, &["127.0.0.2", "127.0.0.3", "::1"]);
    assert_eq!((needed, available), (1_000, 1_800), "the name's one address has the fewest");
}

#[test]
fn a_value_that_those_who_watch_already_never_get_is_a_warning() {
    let journey = |resume: &str| {
        let text = format!(
            "name = \"shop\"\ntimeout_ms = 100\nretry = {{ none = {{}} }}\n[[step]]\nafter = {{ name = \
             \"login\", service = \"web\", get = \"/\", extract = {{ token = \"/token\" }}{resume} \
             }}\n[[step]]\nevery = {{ name = \"news\", service = \"web\", get = \"/?${{token}}\", period_s \
             = 5 }}\n"
        );
        let source = hulk_settings::Source::new("shop.toml", text);
        let journey = crate::Journey::read(&source, std::path::Path::new(".")).expect("valid");
        not_given(&Script::of(journey).expect("it compiles"))
    };
    let warnings = journey("");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let wanted = "step `news` sends `${token}`, which only `login` gives";
    assert!(warnings[0].starts_with(wanted), "{warnings:?}");
    assert!(journey(", on_resume = true").is_empty());
}
