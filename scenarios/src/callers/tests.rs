use std::path::Path;

use hulk_record::Offset;
use hulk_settings::Source;

use super::*;
use crate::Problems;

const ALONE: &str = "name = \"calls\"\nseed = 7\n[load]\nnobody = { duration_s = 60 }\n";

fn read(callers: &str) -> Result<Rehearsal, Problems> {
    let text = format!("{ALONE}[callers]\n{callers}");
    Rehearsal::read(&Source::new("test.toml", text), Path::new("nowhere"))
}

fn messages(callers: &str) -> Vec<String> {
    let problems = read(callers).expect_err("it has problems");
    problems.list.iter().map(|problem| problem.message.clone()).collect()
}

#[test]
fn callers_come_at_their_times_whatever_the_shard() {
    let text = "embedded = \"avatar-72\"\n\
                [[callers.come]]\nat_ms = 0\ncallers = 2\n\
                [[callers.come]]\nat_ms = 10_000\nwithin_ms = 4_000\ncallers = 4\n";
    let rehearsal = read(text).unwrap();
    let all = rehearsal.calls(|_| true);
    let times: Vec<(u32, f64)> = all.iter().map(|call| (call.caller, call.at.as_s())).collect();
    let wanted = [(0, 0.0), (1, 0.0), (2, 10.0), (3, 11.0), (4, 12.0), (5, 13.0)];
    assert_eq!(times, wanted);
    let halves = [rehearsal.calls(|slot| slot < 2048), rehearsal.calls(|slot| slot >= 2048)];
    let mut both: Vec<PlannedCall> = halves.into_iter().flatten().collect();
    both.sort_by_key(|call| (call.at, call.caller));
    assert_eq!(both, all, "the parts together are the whole");
    let info = rehearsal.callers_info().unwrap();
    assert_eq!((info.backend.as_str(), info.adapter.as_str()), ("avatar-72", "rapido_ws"));
    assert_eq!((info.planned.len(), info.streams_max), (6, Some(72)));
    assert_eq!(info.objectives.monthly_cost, Some(1_850.0), "the backend's own price list");
    assert_eq!(rehearsal.aims_at(), "the embedded avatar backend avatar-72");
}

#[test]
fn callers_at_random_times_come_within_theirs_and_the_same_each_time() {
    let text = "url = \"ws://127.0.0.1:8000\"\n[[callers.come]]\nat_ms = 5_000\nwithin_ms = 20_000\n\
                spread = \"random\"\ncallers = 200\n";
    let rehearsal = read(text).unwrap();
    let calls = rehearsal.calls(|_| true);
    let (from, until) = (Offset::from_s(5.0), Offset::from_s(25.0));
    assert!(calls.iter().all(|call| (from..until).contains(&call.at)));
    assert!(calls.is_sorted_by_key(|call| call.at));
    let middle = calls.iter().filter(|call| call.at < Offset::from_s(15.0)).count();
    assert!((70..=130).contains(&middle), "{middle} of 200 in the first half");
    let gaps = calls.windows(2).map(|two| two[1].at.since(two[0].at));
    assert!(gaps.collect::<std::collections::BTreeSet<_>>().len() > 100, "not one after another");
    assert_eq!(rehearsal.calls(|_| true), calls);
    assert_eq!(rehearsal.callers_info().unwrap().objectives.monthly_cost, None);
    assert_eq!(rehearsal.aims_at(), "the avatar backend ws://127.0.0.1:8000");
}

/// Callers know wall time: neither speed nor scale changes how many come, or how long they take.
#[test]
fn callers_come_after_a_moment_of_the_match() {
    let shipped = crate::shipped_rehearsal("match-day").unwrap();
    let (head, tail) = shipped.text.split_once("# After the wicket").unwrap();
    let (_theirs, tail) = tail.split_once("[target]").unwrap();
    let mut text = format!("{head}[target]{tail}");
    text += "[callers]\nembedded = \"t4\"\n[[callers.come]]\nmoment = \"dhoni-out\"\nafter_ms = 500\n\
             within_ms = 1_000\ncallers = 2\n";
    let rehearsal =
        Rehearsal::read(&Source::new("test.toml", text), Path::new("scenarios")).unwrap();
    let minute = rehearsal.audience.moment("dhoni-out").unwrap().minute;
    let out = rehearsal.clock.wall(rehearsal.audience.time_of(minute));
    let times: Vec<i64> = rehearsal.calls(|_| true).iter().map(|call| call.at.since(out)).collect();
    assert_eq!(times, [500_000, 1_000_000]);
    let aim = "the embedded reference platform and the embedded avatar backend t4";
    assert_eq!(rehearsal.aims_at(), aim);
}

#[test]
fn every_wrong_key_of_callers_is_told() {
    assert_eq!(messages(""), ["whom do they call?"]);
    assert_eq!(messages("embedded = \"avatar-72\""), ["nobody calls"]);
    let come = "[[callers.come]]\nat_ms = 0\ncallers = 1\n";
    let told = messages(&format!("embedded = \"avatar-27\"\n{come}"));
    assert_eq!(told, ["there is no shipped avatar backend `avatar-27`"]);
    let told = messages(&format!("embedded = \"t4\"\nadapter = \"rapido\"\n{come}"));
    assert_eq!(told, ["there is no shipped adapter `rapido`"]);
    let told = messages(&format!("url = \"ws://192.0.2.1:80\"\n{come}"));
    assert!(told[0].contains("no consent") && told[0].contains("192.0.2.1"), "{told:?}");
    let told = messages(&format!("url = \"http://127.0.0.1:80\"\n{come}"));
    assert!(told[0].contains("is not a URL of a WebSocket"), "{told:?}");
    let told = messages(&format!("url = \"ws://127.0.0.1:80/ws\"\n{come}"));
    assert!(told[0].contains("the adapter has the path"), "{told:?}");
    let late =
        "embedded = \"t4\"\n[[callers.come]]\nat_ms = 59_000\nwithin_ms = 2_000\ncallers = 1\n";
    let told = messages(late);
    assert_eq!(told, ["they come from 59.0 to 61.0 s of a window that lasts 60.0 s of wall time"]);
    let told = messages("embedded = \"t4\"\n[[callers.come]]\nmoment = \"out\"\ncallers = 1\n");
    assert_eq!(told, ["the day has no moment `out`"]);
    let told = messages("embedded = \"t4\"\n[[callers.come]]\ncallers = 1\n");
    assert_eq!(told, ["when do they come?"]);
    let wide = "embedded = \"t4\"\n[callers.objectives]\nmin_goodput = 95\n";
    let told = messages(&format!("{wide}{come}"));
    assert_eq!(told, ["`min_goodput` is 95: it must be from 0 to 1"]);
}

#[test]
fn nobody_sends_nothing_and_needs_callers() {
    let problems = Rehearsal::read(&Source::new("test.toml", ALONE.to_owned()), Path::new("x"));
    let told = problems.expect_err("nobody calls").to_string();
    assert!(told.contains("`nobody` sends nothing, and there is no `[callers]`"), "{told}");
    let come = "embedded = \"t4\"\n[[callers.come]]\nat_ms = 0\ncallers = 1\n[target]\n\
                url = { base = \"http://127.0.0.1:80\" }\n";
    assert_eq!(messages(come), ["`target` is of viewers, and there is nobody"]);
}

#[test]
fn an_estimate_counts_calls_at_a_time_and_those_that_are_cut_off() {
    let text = "embedded = \"avatar-72\"\nturns = 2\nspeak_s = { fixed = { s = 4 } }\n\
                pause_s = { fixed = { s = 6 } }\n[[callers.come]]\nat_ms = 0\ncallers = 3\n\
                [[callers.come]]\nat_ms = 20_000\ncallers = 2\n\
                [[callers.come]]\nat_ms = 45_000\ncallers = 1\n";
    let rehearsal = read(text).unwrap();
    let schedule = hulk_traffic_models::Schedule::generate(&rehearsal.audience);
    let estimate = crate::Estimate::of(&rehearsal, &schedule);
    let callers = estimate.callers.as_ref().expect("there are callers");
    // Each lasts 20 s: the first three are gone when the two come.
    assert_eq!((callers.calls, callers.sessions_peak, callers.cut_off), (6, 3, 1));
    // 3 × (128 × 128 × 3 × 8 × 25 + 2 × 16,000 × 16).
    assert_eq!(callers.bits_per_s_peak, Some(3.0 * (9_830_400.0 + 512_000.0)));
    assert_eq!((estimate.viewers_peak, estimate.arrivals), (0, 0));
    let given = crate::Given { descriptors: 20_000, workers: 1, cores: 2 };
    let warnings = estimate.warnings(&rehearsal, &given);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("1 of 6 calls are still on"), "{warnings:?}");
}
