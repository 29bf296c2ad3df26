use super::*;

const GIVEN: Given = Given { descriptors: 20_000, workers: 1, cores: 2 };

fn estimate(change: impl FnOnce(&mut Rehearsal)) -> (Rehearsal, Estimate) {
    let mut rehearsal = Rehearsal::load("match-day").expect("the shipped rehearsal is valid");
    // They have an estimate of their own.
    rehearsal.callers = None;
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
    let peak = estimate.requests_per_s_peak.expect("it can be told");
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
    warns_with(Given { descriptors, workers: 1, cores: 2 }, change, wanted);
}

/// The same with more than descriptors given.
fn warns_with(given: Given, change: impl FnOnce(&mut Rehearsal), wanted: &[&str]) {
    let (rehearsal, estimate) = estimate(change);
    let warnings = estimate.warnings(&rehearsal, &given);
    assert_eq!(warnings.len(), wanted.len(), "{warnings:#?}");
    for (warning, wanted) in warnings.iter().zip(wanted) {
        assert!(warning.contains(wanted), "{warning}");
    }
}

#[test]
fn the_stream_is_laid_beside_each_ceiling_of_bandwidth() {
    let with = |all_gbps: Option<f64>, north_gbps: Option<f64>| {
        move |rehearsal: &mut Rehearsal| {
            let crate::Target::Embedded(embedded) = &mut rehearsal.target else {
                panic!("embedded")
            };
            embedded.platform.bandwidth_gbps = all_gbps;
            embedded.platform.edges[0].bandwidth_gbps = north_gbps;
        }
    };
    // 400 kbit/s each, at full scale.
    let (rehearsal, plain) = estimate(with(None, None));
    let peak_gbps = f64::from(plain.viewers_peak) / rehearsal.audience.scale * 400e3 / 1e9;
    assert!(peak_gbps > 5_000.0 && plain.bandwidth.is_empty(), "{peak_gbps}");
    warns(20_000, with(Some(peak_gbps / 0.69), Some(peak_gbps / 2.0 / 0.69)), &[]);
    let edge = format!("takes {:.0} of ", peak_gbps / 2.0);
    let wanted = [": 72 %; above 70 % little is left", edge.as_str()];
    warns(20_000, with(Some(peak_gbps / 0.72), Some(peak_gbps / 2.0 / 0.71)), &wanted);
    let (_, both) = estimate(with(Some(peak_gbps * 4.0), Some(peak_gbps)));
    let told: Vec<String> = both.bandwidth.iter().map(BandwidthEstimate::describe).collect();
    assert!(told[0].ends_with("Gbit/s of all edges at full scale: 25 %"), "{told:?}");
    assert!(told[1].ends_with("Gbit/s of edge `north` at full scale: 50 %"), "{told:?}");
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
fn more_workers_are_a_way_out_where_they_help() {
    let own = |r: &mut Rehearsal| {
        let mut own = crate::Own::default();
        own.origins.push(crate::Origin {
            base: "http://127.0.0.1:9".into(),
            way: crate::Way::Addresses(vec![std::net::SocketAddr::from(([127, 0, 0, 1], 9))]),
            timeouts: crate::Timeouts::default(),
            http: crate::Http::One,
            host: "127.0.0.1:9".into(),
            tls: None,
            headers: Vec::new(),
        });
        r.target = crate::Target::Url(own);
    };
    let given = |descriptors, workers, cores| Given { descriptors, workers, cores };
    // What is said of its steps at such a target comes last.
    let steps = ["step `heartbeat` sends", "step `progress` sends"];
    let few = ["and 1024 are allowed: use `--workers 3`, lower `audience.scale`"];
    warns_with(given(1024, 1, 2), own, &[&few[..], &steps].concat());
    let each = ["needed by each worker and 1024 are allowed: use `--workers 3`"];
    warns_with(given(1024, 2, 2), own, &[&each[..], &steps].concat());
    warns_with(given(1024, 3, 2), own, &steps);
    let platform =
        ["needed by the embedded platform, which is one process, and 1024 are allowed: lower"];
    warns_with(given(1024, 3, 2), |_| {}, &platform);
    let busy = |r: &mut Rehearsal| r.clock.speed *= 2.0;
    warns_with(given(20_000, 1, 2), busy, &["the load runs on one, which carries about 8824"]);
    warns_with(given(20_000, 1, 4), busy, &["use `--workers 2`, or lower"]);
    warns_with(given(20_000, 2, 2), busy, &[]);
}

#[test]
fn no_worker_has_more_viewers_than_its_descriptors() {
    let (rehearsal, estimate) = estimate(|_| {});
    let schedule = Schedule::generate(&rehearsal.audience);
    for workers in [2, 3, 8, 64] {
        let most = (0..workers).map(|worker| {
            let slots = hulk_record::SHARD_SLOTS;
            let own = slots * worker / workers..slots * (worker + 1) / workers;
            rehearsal.users_peak(&schedule.shard(|slot| own.contains(&slot)))
        });
        let most = u64::from(most.max().expect("there are workers"));
        let told = estimate.machine.descriptors_of_a_worker(workers);
        assert!(most + 64 <= told && told < most + 64 + most / 2, "{workers}: {most} of {told}");
    }
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
            .replace("[\"streaming\"]", "[\"login\", \"streaming\", \"ads\"]")
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
    assert_eq!(ports(one, &["127.0.0.2", "127.0.0.3"]), (1_000, 1_800, true), "more than half");
    let three = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    assert_eq!(ports(one, &three), (1_000, 2_700, false));
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

/// What an executor asks of a site whose journey has two requests and so much time to think.
fn of_load(load: &str, think_s: f64) -> (Rehearsal, Estimate) {
    // Tests run beside each other: each call has a file of its own.
    static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let call = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = std::env::temp_dir();
    let name = format!("hulk-load-{}-{call}.toml", std::process::id());
    let journey = format!(
        "name = \"site\"\ntimeout_ms = 100\nretry = {{ none = {{}} }}\n[[step]]\nafter = {{ name = \"front\", \
         service = \"web\", get = \"/\" }}\n[[step]]\nafter = {{ name = \"item\", service = \"web\", get = \
         \"/item\", think_s = {think_s} }}\n"
    );
    std::fs::write(folder.join(&name), journey).expect("a file");
    let text = format!(
        "name = \"load\"\njourneys = [\"{name}\"]\n[load]\n{load}\n[target.url]\nbase = \
         \"http://127.0.0.1:8080\"\n"
    );
    let rehearsal = Rehearsal::read(&hulk_settings::Source::new("load.toml", text), &folder);
    std::fs::remove_file(folder.join(&name)).expect("nobody else has it");
    let rehearsal = rehearsal.unwrap_or_else(|problems| panic!("{problems}"));
    let schedule = Schedule::generate(&rehearsal.audience);
    let estimate = Estimate::of(&rehearsal, &schedule);
    (rehearsal, estimate)
}

#[test]
fn closed_users_are_bounded_by_their_thinking_alone() {
    let load = "constant_users = { users = 50, duration_s = 10 }";
    let (rehearsal, bounded) = of_load(load, 0.5);
    assert_eq!(bounded.requests_per_s_peak, Some(200.0), "2 requests each half a second by 50");
    assert_eq!((bounded.viewers_peak, bounded.arrivals), (50, 50));
    assert_eq!(bounded.machine.cores_peak, Some(200.0 * 50e-6));
    assert_eq!(bounded.connects_per_s_peak, 50.0, "all in the lead-in");
    assert!(bounded.warnings(&rehearsal, &GIVEN).is_empty());
    let (rehearsal, free) = of_load(load, 0.0);
    assert_eq!((free.requests_per_s_peak, free.machine.cores_peak), (None, None));
    assert_eq!(free.services[0].requests_per_s_peak, None);
    assert!(free.warnings(&rehearsal, &GIVEN).is_empty());
}

#[test]
fn arrivals_are_counted_and_their_pool_is_two_seconds_and_the_thinking() {
    let load =
        |per_s: u32| format!("constant_arrival_rate = {{ per_s = {per_s}, duration_s = 20 }}");
    let (_, few) = of_load(&load(5), 1.0);
    assert_eq!((few.requests_per_s_peak, few.arrivals), (Some(10.0), 100));
    assert_eq!(few.viewers_peak, 64, "at least");
    let (_, many) = of_load(&load(100), 1.0);
    assert_eq!((many.viewers_peak, many.connects_per_s_peak), (300, 100.0));
    let (rehearsal, most) = of_load(&load(50_000), 0.0);
    assert_eq!(most.viewers_peak, 20_000, "at most");
    let warnings = most.warnings(&rehearsal, &GIVEN);
    assert!(
        warnings.iter().all(|warning| warning.contains("ask for less in `[load]`")),
        "{warnings:?}"
    );
    assert_eq!(warnings.len(), 2, "processor and descriptors: {warnings:?}");
    let given = format!("{}\n[generator]\nusers_max = 7", load(100));
    assert_eq!(of_load(&given, 1.0).1.viewers_peak, 7);
}
