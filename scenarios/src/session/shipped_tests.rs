//! The shipped journeys, as each kind of viewer goes through them.

use std::sync::Arc;

use hulk_record::Outcome;

use super::tests::{arrival, at};
use super::{Ended, Note, Rendered, Session};
use crate::{Arrival, Rehearsal, Script};

fn script() -> Arc<Script> {
    Rehearsal::load("match-day").expect("it is shipped").script
}

/// A viewer's way until watching, or until giving up: each request with the device that sends it.
fn way_of(script: &Arc<Script>, viewer: u32) -> Vec<String> {
    let arrival = Arrival { end: at(9e6), leave: at(8e6), ..arrival(viewer) };
    let mut session = Session::new(Arc::clone(script), 7, &arrival);
    let mut log = Vec::new();
    let mut rendered = Rendered::default();
    let headers: &[(&str, &str)] = &[];
    loop {
        if session.notes().any(|note| matches!(note, Note::Started { .. })) {
            return log;
        }
        let Some(planned) = session.next() else {
            log.push("gives up".to_owned());
            return log;
        };
        session.render(&planned, 0, &mut rendered);
        let step = &script.parts[usize::from(planned.journey)].steps[usize::from(planned.step)];
        let agent = rendered.headers.iter().find(|(name, _)| name == "user-agent");
        let device = agent.map_or("?", |(_, value)| value.rsplit(' ').next().unwrap_or("?"));
        log.push(format!("{device} {} {}{}", step.service, rendered.path, rendered.body));
        let body = br#"{"token":"abc","code":"42","verified":true}"#;
        let ended = Ended::Answer { status: 200, headers: &headers, body };
        let told = session.answered(&planned, planned.due, 1.0, ended);
        assert_eq!(told.outcome, Outcome::Ok, "{log:?}");
    }
}

/// The first viewer whose way has all of these in it, in any order.
fn who(script: &Arc<Script>, parts: &[&str]) -> Vec<String> {
    let ways = (100_000..300_000).map(|viewer| (viewer, way_of(script, viewer)));
    let has = |way: &[String], part: &str| way.iter().any(|line| line.contains(part));
    let mut found = ways.filter(|(_, way)| parts.iter().all(|part| has(way, part)));
    let (viewer, way) = found.next().expect("there is such a viewer");
    way.into_iter().map(|line| line.replace(&viewer.to_string(), "N")).collect()
}

#[test]
fn journeys_of_those_whose_token_is_valid_and_of_those_who_refresh_it() {
    let script = script();
    let watch = [
        "home /v1/home?device=mobile&token=abc",
        "home /v1/home/trays/0?token=abc",
        "home /v1/home/trays/1?token=abc",
        "playback /v1/watch?token=abc",
        "playback /v1/entitlement{\"token\":\"abc\"}",
        "playback /v1/licence{\"token\":\"abc\"}",
        "ads /v1/ads/decision?device=mobile&token=abc",
    ];
    for kind in ["check", "refresh"] {
        let token = format!("login /v1/token/{kind}{{\"viewer\":\"N\"}}");
        let wanted = ["login /v1/config?device=mobile", &token].into_iter().chain(watch);
        let wanted: Vec<String> = wanted.map(|line| format!("mobile {line}")).collect();
        let way = who(&script, &["mobile ", &format!("/v1/token/{kind}")]);
        assert_eq!(way, wanted);
    }
}

#[test]
fn journeys_of_those_who_sign_up_with_a_password_that_is_sent_to_them() {
    let script = script();
    let way = who(&script, &["/v1/otp/verify", "/v1/payment"]);
    let steps: Vec<&str> = way.iter().filter_map(|line| line.split(' ').nth(2)).collect();
    let path = |line: &str| line.split(['?', '{']).next().unwrap_or_default().to_owned();
    let steps: Vec<String> = steps.iter().map(|step| path(step)).collect();
    assert_eq!(
        steps[..5],
        ["/v1/config", "/v1/otp/request", "/v1/otp/inbox", "/v1/otp/verify", "/v1/payment"]
    );
    assert!(
        way[3].contains("{\"viewer\":\"N\",\"code\":\"42\"}"),
        "the code of the inbox: {way:?}"
    );
    assert!(way.iter().any(|line| line.contains("/v1/licence{\"token\":\"abc\"}")), "{way:?}");
    // Who asks again, and who gives up.
    let requests = |viewer: u32| {
        let way = way_of(&script, viewer);
        (way.iter().filter(|line| line.contains("/v1/otp/request")).count(), way.last().cloned())
    };
    let all: Vec<_> = (0..20_000).map(requests).filter(|(count, _)| *count > 0).collect();
    let share = |n: usize| n as f64 / all.len() as f64;
    let again = share(all.iter().filter(|(count, _)| *count == 2).count());
    let gave_up = share(all.iter().filter(|(_, last)| last.as_deref() == Some("gives up")).count());
    assert!((320..480).contains(&all.len()), "2 % of 20,000: {}", all.len());
    assert!((again - 0.12).abs() < 0.05 && (gave_up - 0.08).abs() < 0.04, "{again} {gave_up}");
}

#[test]
fn devices_have_their_own_home_page_its_trays_and_its_size() {
    let script = script();
    for (device, trays) in [("mobile", 2), ("web", 2), ("tv", 8)] {
        let way = who(&script, &[&format!("{device} "), "/v1/token/check"]);
        let loaded = way.iter().filter(|line| line.contains("/v1/home/trays/")).count();
        assert_eq!(loaded, trays, "{way:?}");
        assert!(way.iter().any(|line| line.contains(&format!("/v1/home?device={device}"))));
    }
    let shares = |name: &str| {
        let count =
            (0..20_000).filter(|viewer| way_of(&script, *viewer)[0].starts_with(name)).count();
        count as f64 / 20_000.0
    };
    for (device, share) in [("mobile", 0.85), ("web", 0.08), ("tv", 0.07)] {
        assert!((shares(device) - share).abs() < 0.01, "{device}: {}", shares(device));
    }
}
