//! The commentary-aware policy on the home page of `match-day`, when the star is out.

use std::path::Path;

use hulk_reports::{Verdict, VerdictKind, judge};
use hulk_scenarios::scaling::Policy;
use hulk_scenarios::{Rehearsal, Source};

use crate::driver::{Run, run};

/// Laid out for what the home page is asked for in the rise, and not for what the exit asks.
const THIN: &str = "ladder = { rung_viewers = 1_000_000, buffer_viewers = 2_000_000, \
                    rps_per_viewer = 0.012, rps_buffer = 0.30, rps_per_instance = 2500 }";

/// `match-day` with this policy for the home page.
fn match_day(home: &str) -> Rehearsal {
    let shipped = include_str!("../../scenarios/match-day.toml");
    let (before, rest) = shipped.split_once("[policy.home]\n").expect("it scales the home page");
    let (_, after) = rest.split_once('\n').expect("a line of policy");
    let source = Source::new("match-day.toml", format!("{before}[policy.home]\n{home}\n{after}"));
    Rehearsal::read(&source, Path::new("scenarios")).unwrap_or_else(|why| panic!("{why}"))
}

fn aware(more: &str) -> String {
    format!(
        "commentary = {{ role = \"recommendation\", rungs = 24, for_s = 1_200, \
         max_instances = 400, {THIN}{more} }}"
    )
}

fn not_served(verdict: &Verdict) -> u64 {
    verdict.requests.not_served
}

/// Instances of the home page that serve before the star comes in.
fn at_first(run: &Run) -> f64 {
    let mut home = run.record.capacity.iter().filter(|sample| sample.service == "home");
    home.next().expect("it is looked at").ready
}

#[test]
fn who_hears_that_the_star_is_in_serves_those_who_leave_with_him() {
    let ladder = judge(&run(&match_day(THIN)).record);
    assert_eq!(ladder.kind, VerdictKind::Fail, "{:?}", ladder.reasons);
    assert!(not_served(&ladder) > 500, "{:?}", ladder.requests);
    let heard = run(&match_day(&aware("")));
    let verdict = judge(&heard.record);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    assert_eq!(not_served(&verdict), 0);
    // The shipped ladder passes too, because it is laid out for the exit all the time.
    let always = crate::match_day::shipped();
    assert!(at_first(&heard) < 0.65 * at_first(always), "{}", at_first(&heard));
}

#[test]
fn the_wanted_instances_change_when_the_message_comes_and_not_before() {
    let rehearsal = match_day(&aware(""));
    let told = rehearsal.feed().messages;
    let star = told.iter().find(|message| message.moment.as_deref() == Some("dhoni-in"));
    let star = rehearsal.clock.wall(star.expect("the star comes in").at);
    let record = run(&rehearsal).record;
    let home = || record.capacity.iter().filter(|sample| sample.service == "home");
    let before = home().filter(|sample| sample.at < star).filter_map(|sample| sample.desired);
    let before = before.fold(0.0, f64::max);
    let mut after = home().filter(|sample| sample.at >= star);
    let first = after.next().and_then(|sample| sample.desired).expect("it is looked at");
    assert!(first > 1.9 * before, "{before} → {first}");
}

#[test]
fn in_virtual_time_nobody_is_asked_and_the_rules_count() {
    let chat = ", chat = { url = \"http://127.0.0.1:1/v1/chat/completions\", model = \"m\" }";
    let rehearsal = match_day(&aware(chat));
    let policies = &rehearsal.platform().expect("it is embedded").policies;
    assert!(policies.iter().filter_map(Policy::commentary).any(|rule| rule.chat.is_some()));
    assert_eq!(run(&rehearsal).record.capacity, run(&match_day(&aware(""))).record.capacity);
}
