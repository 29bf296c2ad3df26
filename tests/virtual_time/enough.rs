//! What a report says would have been enough, tried: with it the run passes, with 80 % of it it does
//! not.

use std::path::Path;

use hulk_reports::{Enough, Verdict, VerdictKind, judge};
use hulk_scenarios::scaling::Policy;
use hulk_scenarios::{Rehearsal, Source, Target};

use crate::driver::run;

/// A service of 4 instances of 50 requests/s that is asked for 100 a second, and from match second 20 on
/// for so many more. The policy looks each 2 s; what it orders serves 8 s later. Nobody waits.
pub(crate) fn rehearsal(policy: &str, stages: &str) -> Rehearsal {
    const PLATFORM: &str = r#"
[edge.only]
base_latency_ms = 0
cache_entries = 8
[media]
origin = "api"
segment_s = 6
window_segments = 3
playlist_ttl_s = 2
segment_ttl_s = 60
[media.rendition.240p]
kbps = 400
[service.api]
rated_rps = 50
patience_s = 0.2
base_latency_ms = 5
decision_window_s = 2
provisioning = { evaluate_s = 2, decide_s = 2, node_s = 4, app_s = 2, scale_in_hold_s = 600 }
[[route]]
path = "/api"
service = "api"
json = { text = "{}" }
"#;
    const JOURNEY: &str = r#"
name = "ask"
timeout_ms = 30_000
retry = { none = {} }
[[step]]
after = { name = "ask", service = "api", get = "/api" }
"#;
    let text = format!(
        "name = \"enough\"\nseed = 1\njourneys = [\"ask.toml\"]\n[clock]\nspeed = 2\n[load]\n\
         ramping_arrival_rate = {{ from_per_s = 100, stages = [{{ per_s = 100, over_s = 20 }}, {stages}] }}\n\
         [target]\nembedded = {{ platform = \"one.toml\" }}\n[policy.api]\n{policy}\n[[objective]]\nname = \
         \"served\"\nservice = \"api\"\nserved_share = {{ min = 0.999 }}\n"
    );
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("enough");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in [("one.toml", PLATFORM), ("ask.toml", JOURNEY)] {
        // Tests run side by side: what is half written is nobody's.
        let whole = folder.join(format!("{name}.{:?}", std::thread::current().id()));
        std::fs::write(&whole, text).expect("a file");
        std::fs::rename(&whole, folder.join(name)).expect("a file");
    }
    Rehearsal::read(&Source::new("enough.toml", &text), &folder)
        .unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Rounds of advice for match-day's cloud group.
const ROUNDS_MAX: usize = 4;

fn judged(rehearsal: &Rehearsal) -> Verdict {
    let verdict = judge(&run(rehearsal).record);
    println!("{:?}: {:#?}", verdict.kind, verdict.reasons);
    assert!([VerdictKind::Pass, VerdictKind::Fail].contains(&verdict.kind), "{verdict:#?}");
    verdict
}

fn advice(verdict: &Verdict, service: &str) -> Enough {
    assert_eq!(verdict.kind, VerdictKind::Fail, "{:?}", verdict.reasons);
    let service = verdict.scaling.iter().find(|of| of.service == service).expect("a service");
    let enough = service.enough.expect("it fell behind");
    assert!(verdict.reasons.iter().any(|reason| reason.contains("would have been enough")));
    enough
}

fn passes(rehearsal: &Rehearsal) -> bool {
    judged(rehearsal).kind == VerdictKind::Pass
}

/// Follows the requests; never fewer than so many.
pub(crate) fn follows(min_instances: u32) -> String {
    format!(
        "requests = {{ rated_per_min = 3000, min_instances = {min_instances}, max_instances = 50 }}"
    )
}

pub(crate) const JUMP: &str = "{ per_s = 500, over_s = 0 }, { per_s = 500, over_s = 30 }";

#[test]
fn as_many_more_instances_as_are_advised_are_enough_and_80_percent_are_not() {
    let enough = advice(&judged(&rehearsal(&follows(4), JUMP)), "api");
    assert_eq!((enough.more_instances, enough.instances), (6.0, 10.0));
    let with = |more: f64| passes(&rehearsal(&follows(4 + more.floor() as u32), JUMP));
    assert!(with(enough.more_instances));
    assert!(!with(enough.more_instances * 0.8));
}

#[test]
fn so_much_earlier_as_is_advised_is_enough_and_80_percent_are_not() {
    let enough = advice(&judged(&rehearsal(&follows(4), JUMP)), "api");
    let earlier_s = enough.earlier_match_s.expect("it was served in the end");
    // The look at 22 s is the first that sees all of it, and 8 s later it serves.
    assert_eq!(earlier_s, 10.0);
    // What served at 30 s is there so much before, and it is ordered 8 s before that.
    let with = |earlier_s: f64| {
        let before_s = 8.0 + earlier_s - 10.0;
        let at_min = 20.0 / 60.0;
        let ahead = format!(
            "{}\nahead = [{{ at_min = {at_min}, before_s = {before_s:?}, after_s = 60, min_instances = {} }}]",
            follows(4),
            enough.instances
        );
        passes(&rehearsal(&ahead, JUMP))
    };
    assert!(with(earlier_s));
    assert!(!with(earlier_s * 0.8));
}

/// Who is turned away at the exit asks for none of the trays: each rehearsal with what the one before
/// advised sees more of the demand.
#[test]
fn advice_that_is_the_least_leads_to_enough_in_a_few_rounds() {
    let shipped = Rehearsal::load("match-day-cloud-group").expect("it is shipped");
    let with = |instances: f64| {
        let mut rehearsal = shipped.clone();
        let Target::Embedded(embedded) = &mut rehearsal.target else { panic!("embedded") };
        let services = &embedded.platform.services;
        let home = services.iter().position(|service| service.name == "home").expect("home");
        let Policy::CloudGroup(group) = &mut embedded.policies[home] else { panic!("a group") };
        let instances = instances.floor() as u32;
        (group.bounds.min_instances, group.bounds.initial_instances) = (instances, instances);
        judged(&rehearsal)
    };
    let mut verdict = judged(&shipped);
    let first = advice(&verdict, "home");
    let before = first.instances - first.more_instances;
    let mut instances = before;
    let mut rounds = 0;
    while verdict.kind == VerdictKind::Fail {
        let enough = advice(&verdict, "home");
        assert!(enough.at_least && enough.instances > instances, "{enough:?}");
        instances = enough.instances;
        rounds += 1;
        assert!(rounds <= ROUNDS_MAX, "{instances}");
        verdict = with(instances);
    }
    assert_eq!(verdict.kind, VerdictKind::Pass);
    assert_eq!(with(before + 0.8 * (instances - before)).kind, VerdictKind::Fail);
}
