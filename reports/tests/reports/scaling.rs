//! Supply against demand: debt, shortage, and what is judged while it lasts.

use hulk_reports::{ObjectiveStatus, VerdictKind, judge};

use crate::builder::{Minute, debt, latency, quiet, record, served_share};

/// From match minute 34 to 36 there is a demand for 5 instances, and 3 or 4 are there.
fn short() -> Vec<Minute> {
    let mut minutes = quiet();
    for (minute, ready) in minutes[4..7].iter_mut().zip([3.0, 3.0, 4.0]) {
        *minute =
            Minute { requests: 3000, served: 2400, latency_us: 900_000, ready, ..minute.clone() };
    }
    minutes
}

#[test]
fn too_few_instances_are_a_debt_with_its_minute() {
    let verdict = judge(&record(&short(), vec![debt(2.0)]));
    assert_eq!(verdict.kind, VerdictKind::Fail, "{:?}", verdict.reasons);
    assert_eq!(
        verdict.reasons,
        [
            "login lacked 5 instance-minutes of capacity (limit 2): supply was below demand from \
          match minute 34.0 (0.2 min after wicket), worst at 34.0 with 3 of the 5 instances needed, \
          and 1,800 requests of 1,350 viewers were not served meanwhile.",
            "login fell behind at match minute 34.0: the policy never wanted more than 4 of the 5 \
          instances; 2 instances more (5 in all) would have been enough, and a head start would not: \
          so many never served."
        ]
    );
    let login = &verdict.scaling[0];
    let figures = login.elasticity.unwrap();
    assert_eq!((figures.debt_unit_min, figures.debt_peak_units), (5.0, 2.0));
    assert_eq!((figures.tau_u_pct, login.demand_peak, login.supply_peak), (30.0, 5.0, 4.0));
    assert_eq!(login.rises_not_followed, 1);
    let shortage = login.shortage.unwrap();
    assert_eq!((shortage.lasted_match_min, shortage.not_served), (3.0, 1800));
    assert_eq!((login.not_served, login.viewers_not_served), (1800, Some(1350)));
    assert_eq!(login.not_served_first_match_min, Some(34.0));
    assert_eq!((login.moment.as_deref(), login.window_requests_max), (Some("wicket"), 3000));
}

#[test]
fn latency_while_instances_are_missing_does_not_count() {
    let verdict = judge(&record(&short(), vec![latency(100.0)]));
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    assert_eq!(verdict.objectives[1].samples, 7 * 1200);
    assert!(verdict.notes[0].starts_with("login had fewer instances than it needed for 3 match"));
    // The same latency with enough instances counts.
    let mut minutes = short();
    minutes[4..7].iter_mut().for_each(|minute| minute.ready = 5.0);
    assert_eq!(judge(&record(&minutes, vec![latency(100.0)])).kind, VerdictKind::Fail);
}

#[test]
fn without_a_known_supply_every_interval_counts() {
    let mut record = record(&short(), vec![latency(100.0)]);
    record.manifest.observed = false;
    record.capacity.clear();
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert!(verdict.reasons[0].ends_with("its capacity is not known."), "{:?}", verdict.reasons);
}

#[test]
fn a_debt_objective_without_a_known_supply_is_inconclusive() {
    let mut record = record(&quiet(), vec![debt(2.0)]);
    record.manifest.observed = false;
    record.capacity.clear();
    let verdict = judge(&record);
    assert_eq!((verdict.kind, verdict.kind.exit_code()), (VerdictKind::Inconclusive, 5));
    assert_eq!(
        verdict.reasons,
        ["The capacity debt of login is unknown: nobody observed the capacity."]
    );
    assert_eq!(verdict.scaling[0].not_judged.as_deref(), Some("nobody observed the capacity"));
    // Where no objective names scaling, not knowing it hurts nobody.
    record.manifest.objectives = vec![served_share(0.99)];
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Pass);
    assert_eq!(verdict.notes[0], "Scaling was not judged: the capacity is not known.");
}

#[test]
fn an_unrated_service_is_not_judged() {
    let mut record = record(&quiet(), vec![debt(2.0)]);
    record.manifest.services[0].rated_rps = None;
    let verdict = judge(&record);
    assert_eq!(verdict.objectives[1].status, ObjectiveStatus::Unknown);
    assert_eq!(verdict.scaling[0].not_judged.as_deref(), Some("login has no rated capacity"));
}

#[test]
fn a_blind_observer_makes_the_run_invalid() {
    let mut record = record(&quiet(), Vec::new());
    record.capacity.retain(|sample| sample.at.0 < 2_000_000 || sample.at.0 > 7_000_000);
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Invalid);
    assert_eq!(
        verdict.reasons,
        ["The longest silence of the observers of login was 7 s (limit 5 s), from match minute \
          31.0 on."]
    );
    record.capacity.clear();
    let verdict = judge(&record);
    assert_eq!(
        verdict.reasons,
        ["The capacity was to be observed and no observer saw any service."]
    );
}

#[test]
fn demand_is_of_decision_windows_and_of_the_scale() {
    let mut minutes = quiet();
    // 3,000 in one minute are 1,560 a minute over a window of five.
    minutes[2].requests = 3000;
    minutes[2].served = 3000;
    let mut record = record(&minutes, vec![debt(0.0)]);
    record.manifest.services[0].decision_window_s = 300.0;
    assert_eq!(judge(&record).kind, VerdictKind::Pass);
    // At half the scale an instance serves half as much: twice as many are needed.
    record.manifest.scale = 0.5;
    let verdict = judge(&record);
    assert_eq!(verdict.scaling[0].demand_peak, 6.0);
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert!(verdict.notes.iter().any(|note| note.contains("pooling")));
}

#[test]
fn supply_that_comes_late_has_a_lag() {
    let mut minutes = short();
    minutes[6].ready = 5.0;
    let verdict = judge(&record(&minutes, vec![debt(4.0)]));
    assert_eq!(verdict.scaling[0].lag_longest_match_s, Some(120.0));
    assert_eq!(verdict.scaling[0].rises_not_followed, 0);
    assert_eq!(verdict.kind, VerdictKind::Pass);
}

#[test]
fn a_noisy_shortage_that_nobody_asked_about_is_told_only_when_it_lasts() {
    // Two instances are ready where 1,300 requests need three; a window is a minute.
    let notes = |from: usize, to: usize, requests: u64, objectives| {
        let mut minutes = quiet();
        for minute in &mut minutes[from..to] {
            *minute = Minute { requests, served: requests, ready: 2.0, ..minute.clone() };
        }
        let verdict = judge(&record(&minutes, objectives));
        assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
        verdict.notes.iter().any(|note| note.starts_with("login had fewer instances"))
    };
    assert!(!notes(4, 5, 1300, Vec::new()), "one window of few requests is chance");
    assert!(notes(4, 6, 1300, Vec::new()), "two of them are not");
    assert!(notes(4, 5, 2500, Vec::new()), "so many requests are no chance");
    assert!(notes(4, 5, 1300, vec![debt(2.0)]), "an objective asks for it");
}
