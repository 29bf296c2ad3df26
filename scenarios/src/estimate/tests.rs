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
            address: std::net::SocketAddr::from(([127, 0, 0, 1], 9)),
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
