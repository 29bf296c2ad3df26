//! What the report says of viewers, steps, moments, faults and troubles.

use std::path::Path;

use hulk_record::{
    FaultInfo, MatchTime, MomentInfo, Offset, Record, ResponseCount, RunEvent, SendCount,
    ServiceInfo, StepInfo, TroubleCount,
};
use hulk_reports::{VerdictKind, headline, html, judge, summary};

use crate::builder::{debt, latency, quiet, record, served_share};

fn page(record: &Record) -> String {
    String::from_utf8(html(record, &judge(record))).unwrap()
}

fn json(record: &Record) -> serde_json::Value {
    serde_json::from_slice(&summary(record, &judge(record)).unwrap()).unwrap()
}

/// 336 viewers, each of whom stood for 12,500, are turned away in match minutes 33 and 34.
fn refused() -> Record {
    let mut minutes = quiet();
    minutes[4].served = 800;
    minutes[3].served = 1198;
    let mut record = record(&minutes, vec![served_share(0.999), latency(100.0), debt(1.0)]);
    record.manifest.scale = 8e-5;
    record.manifest.services[0].rated_rps = Some(10.0 / 8e-5);
    record.manifest.moments = [("toss", 0.0), ("dhoni-out", 168.0), ("handshakes", 900.0)]
        .map(|(name, at_s)| MomentInfo {
            name: name.into(),
            at: MatchTime::from_s(at_s),
            response: None,
        })
        .to_vec();
    record.frames[3].sends[0].viewers_not_served = 1;
    record.frames[4].sends[0].viewers_not_served = 335;
    record
}

#[test]
fn the_headline_names_minute_moment_service_and_viewers() {
    let verdict = judge(&refused());
    assert_eq!(
        headline(&verdict),
        "It did not hold: login served 96.7 % of 12,000 first attempts (at least 99.9 %): 402 \
         requests of 336 viewers (who stood for 4.2M) were not served, from match minute 33.0 \
         (0.2 min after dhoni-out) on, most at match minute 34.0; it had all the instances that \
         its demand needed. In all 402 of 12,000 requests were not served."
    );
    let result = &verdict.objectives[1];
    assert_eq!((result.first_match_min, result.worst_match_min), (Some(33.0), Some(34.0)));
    assert_eq!(
        (result.viewers_not_served, result.moment.as_deref()),
        (Some(336), Some("dhoni-out"))
    );
    let page = page(&refused());
    assert!(
        page.contains("<td class=\"n\">402</td><td class=\"n\">336</td><td class=\"n\">4.2M</td>")
    );
}

#[test]
fn the_headline_names_the_viewers_of_other_services_too() {
    let mut record = refused();
    record.manifest.objectives.remove(0);
    for frame in &mut record.frames {
        frame.series.iter_mut().for_each(|(_, samples)| samples.counts = vec![(900_000, 1200)]);
        frame.series.iter_mut().for_each(|(_, samples)| samples.max_us = 900_000);
        frame.series.retain(|(key, _)| key.measure != hulk_record::Measure::Lag);
    }
    // What broke first is latency, which says nothing of those who were not served.
    let text = headline(&judge(&record));
    assert!(text.starts_with("It did not hold: the p99 of response time of login was"), "{text}");
    assert!(
        text.ends_with(
            "worst at match minute 33.0 (0.2 min after dhoni-out) with 1,000 viewers (who stood \
             for 12.5M) present; capacity was enough then, so the service itself is slow. In all \
             402 of 12,000 requests were not served: login 402 requests of 336 viewers (who stood \
             for 4.2M)."
        ),
        "{text}"
    );
    let mut record = refused();
    let service = ServiceInfo { name: "ads".into(), ..record.manifest.services[0].clone() };
    record.manifest.services.push(service);
    record.frames[5].sends.push(SendCount {
        service: "ads".into(),
        due_interval: 5,
        first: 9,
        served: 2,
        viewers_not_served: 6,
        ..SendCount::default()
    });
    let text = headline(&judge(&record));
    let wanted = "were not served; also ads 7 requests of 6 viewers (who stood for 75,000).";
    assert!(text.ends_with(wanted), "{text}");
}

#[test]
fn clients_retry_amplification_is_told_for_each_step() {
    let mut record = refused();
    let refresh = StepInfo { name: "refresh".into(), service: "login".into() };
    record.manifest.journeys[0].steps.push(refresh);
    let frame = &mut record.frames[4];
    let mut series = frame.series[0].clone();
    series.0.step = "refresh".into();
    frame.series.push(series);
    frame.sends.push(SendCount {
        step: "refresh".into(),
        first: 100,
        retries: 200,
        served: 100,
        ..frame.sends[0].clone()
    });
    // The lead-in is not judged.
    let lead_in = SendCount { due_interval: -1, retries: 5000, ..frame.sends[1].clone() };
    frame.sends.push(lead_in);
    let json = json(&record);
    let [login, refresh] = [0, 1].map(|at| &json["steps"][at]["requests"]);
    assert_eq!((&login["first"], &login["retries"]), (&12_000.into(), &201.into()));
    assert_eq!(login["amplification"], 12_201.0 / 12_000.0);
    assert_eq!((&refresh["retries"], &refresh["amplification"]), (&200.into(), &3.0.into()));
    let page = page(&record);
    assert!(page.contains("<td class=\"n\">200</td><td class=\"n\">× 3</td>"));
}

#[test]
fn each_fault_and_each_moment_shows_with_intended_and_real_time() {
    let mut record = refused();
    let fault = |name: &str, service: Option<&str>, from_s, until_s| FaultInfo {
        name: name.into(),
        kind: "latency".into(),
        text: "300 ms more".into(),
        from: MatchTime::from_s(from_s),
        until: MatchTime::from_s(until_s),
        service: service.map(str::to_owned),
    };
    record.manifest.faults = vec![
        fault("slow <login>", Some("login"), 120.0, 240.0),
        fault("storm", None, 300.0, 450.0),
    ];
    let event = |at: i64, intended: Option<i64>, kind: &str, text: &str| RunEvent {
        at: Offset(at),
        intended: intended.map(Offset),
        kind: kind.into(),
        text: text.into(),
    };
    // A second is a match minute. So many other events leave no room for all.
    record.events = (0..200).map(|n| event(n * 1000, None, "scale", "login 3 of 3")).collect();
    record.events.extend([
        event(2_012_000, Some(2_000_000), "fault", "slow <login> begins"),
        event(2_806_000, Some(2_800_000), "moment", "dhoni-out"),
        event(3_999_000, Some(4_000_000), "fault", "slow <login> ends"),
    ]);
    let page = page(&record);
    for (minute, intended, late, kind, text) in [
        ("32.012", "32.000", "12", "fault", "slow &lt;login&gt; begins"),
        ("32.806", "32.800", "6", "moment", "dhoni-out"),
        ("33.999", "34.000", "-1", "fault", "slow &lt;login&gt; ends"),
    ] {
        let row = format!(
            "<td class=\"n\">{minute}</td><td class=\"n\">{intended}</td><td class=\"n\">{late} \
             ms</td><td>{kind}</td><td class=\"wide\">{text}</td>"
        );
        assert!(page.contains(&row), "{row}");
    }
    assert!(page.contains("123 more are in summary.json."));
    assert!(page.contains("<path class=\"fault\" d=\"M20000 -4V"), "a band from 20 % of the width");
    assert!(page.contains("data-from=\"120\" data-until=\"240\" x=\"20.00%\""), "its letter");
    assert!(page.contains(
        "<li data-from=\"120\" data-until=\"240\"><b>A</b> <span>slow &lt;login&gt; (minute 32.0 to \
         34.0: latency of login, 300 ms more)</span></li>"
    ));
    let json = json(&record);
    let fault = &json["events"][200];
    assert_eq!((&fault["match_min"], &fault["intended_match_min"]), (&32.012.into(), &32.0.into()));
    assert_eq!((&fault["late_ms"], &json["events"][0]["late_ms"]), (&12.0.into(), &().into()));
    assert_eq!(json["faults"][1]["name"], "storm");
}

#[test]
fn each_moment_has_a_ledger_of_its_responses() {
    let mut record = refused();
    record.manifest.moments[1].response = Some("exit".into());
    record.manifest.moments[2].response = Some("push".into());
    let woken = |frame: usize, woken, left_at_once, loaded, abandoned| ResponseCount {
        moment: "dhoni-out".into(),
        first_at: Some(Offset(2_800_000 + frame as i64 * 1000)),
        woken,
        left_at_once,
        loaded,
        abandoned,
        left: loaded / 2,
        returned: loaded / 4,
        ..ResponseCount::default()
    };
    record.frames[4].responses = vec![woken(4, 50, 10, 20, 5)];
    record.frames[3].responses = vec![woken(3, 50, 10, 40, 5)];
    record.frames[4].audience.gave_up = 42;
    record.frames[5].audience.at_home = 17;
    let json = json(&record);
    let moments = json["moments"].as_array().unwrap();
    assert_eq!(moments.len(), 2, "the toss has no response");
    let out = &moments[0];
    assert_eq!((&out["counts"]["woken"], &out["still_loading"]), (&100.into(), &10.into()));
    // 30 are gone and 15 are back, of the 100 who pressed Back.
    assert_eq!((&out["counts"]["loaded"], &out["still_there"]), (&60.into(), &55.into()));
    assert_eq!(out["intended_match_min"], 32.8);
    assert_eq!(out["first_match_min"], 30.0 + 2.803);
    assert_eq!(moments[1]["counts"]["came"], 0);
    assert_eq!(
        (&json["audience"]["gave_up_max"], &json["audience"]["at_home_max"]),
        (&42.into(), &17.into())
    );
    let page = page(&record);
    assert!(page.contains(">dhoni-out</th><th class=\"n\" scope=\"col\">handshakes</th>"));
    for (what, out, push) in [
        ("At match minute", "32.8", "45.0"),
        ("First response at", "32.8", "–"),
        ("Pressed Back", "100", "0"),
        ("– still loading it at the end", "10", "0"),
        ("– back in the video", "15", "0"),
    ] {
        let cells = [out, push].map(|of| format!("<td class=\"n\">{of}</td>")).concat();
        assert!(page.contains(&format!("<th scope=\"row\">{what}</th>{cells}")), "{what}");
    }
    assert!(page.contains("at most 42 had closed the app before their stay was over."));
}

#[test]
fn troubles_of_the_journeys_are_told_by_name() {
    let mut record = record(&quiet(), Vec::new());
    let trouble = |what: &str, count| TroubleCount {
        journey: "signup".into(),
        step: "log in".into(),
        what: what.into(),
        count,
    };
    record.frames[1].troubles = vec![trouble("feeder users ran dry", 2)];
    record.frames[2].troubles =
        vec![trouble("feeder users ran dry", 3), trouble("pointer /token found nothing", 4)];
    let verdict = judge(&record);
    assert_eq!(verdict.kind, VerdictKind::Pass);
    let wanted = "The journeys met 9 troubles, most often in signup / log in: feeder \
                  users ran dry.";
    assert_eq!(verdict.notes[0], wanted);
    assert!(
        page(&record)
            .contains("<td class=\"wide\">pointer /token found nothing</td><td class=\"n\">4</td>")
    );
    assert_eq!(json(&record)["troubles"][0]["count"], 5);
}

#[test]
fn a_version_1_record_is_judged_by_what_it_tells() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/record/tests/v1");
    let old = Record::read(&folder).unwrap();
    let verdict = judge(&old);
    assert_eq!(verdict.objectives[1].viewers_not_served, None);
    assert!(
        verdict.objectives[1]
            .reason
            .contains(": 1 request was not served, from match minute 30.0 (around wicket) on")
    );
    let json = json(&old);
    assert_eq!(json["steps"][0]["requests"], serde_json::Value::Null);
    assert!(page(&old).contains("<td class=\"n\">–</td>"));
    // The lead-in's interval is not judged.
    assert_eq!(json["steps"][0]["outcomes"]["abandoned"], 8);
}
