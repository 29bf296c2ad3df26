//! What the report says of playback.

use hulk_record::{
    Bound, Measure, Objective, Outcome, QoeCounts, Record, Samples, SeriesKey, StreamInfo,
};
use hulk_reports::{ObjectiveStatus, VerdictKind, html, judge, summary};

use crate::builder::{key, quiet, record};

fn objective(bound: Bound) -> Objective {
    Objective { name: "viewers are happy".into(), service: "edge".into(), bound }
}

fn startup(max_ms: f64) -> Objective {
    objective(Bound::Startup { quantile_ppm: 900_000, max_ms })
}

fn stall_ratio(max: f64) -> Objective {
    objective(Bound::StallRatio { max })
}

/// 20 players start in 200 ms each, two fail after 5 s; in minute 35 viewers stall.
fn watched(objectives: Vec<Objective>) -> Record {
    let mut record = record(&quiet(), objectives);
    record.manifest.stream = Some(StreamInfo {
        journey: "signup".into(),
        service: "edge".into(),
        stall_min_us: 15_000_000,
    });
    let samples = |us: u64, count: u64| {
        let mut samples = Samples::new();
        samples.record_n(us, count);
        samples.sparse()
    };
    let first_frame =
        |outcome| SeriesKey { step: String::new(), ..key(Measure::FirstFrame, outcome) };
    record.frames[0].series.push((first_frame(Outcome::Ok), samples(200_000, 20)));
    record.frames[0].series.push((first_frame(Outcome::Abandoned), samples(5_000_000, 2)));
    record.frames[0].qoe =
        QoeCounts { started: 20, failed_starts: 2, viewers_watched: 20, ..QoeCounts::default() };
    record.frames[1].qoe = QoeCounts {
        watched_us: 3_600_000_000,
        rated_us: 1_000_000,
        rated_bits: 400_000,
        ..QoeCounts::default()
    };
    record.frames[5].qoe = QoeCounts {
        stalls: 5,
        stalled_us: 400_000_000,
        viewers_stalled: 4,
        short_stalls: 3,
        short_stalled_us: 1_500_000,
        ..QoeCounts::default()
    };
    record
}

fn json(record: &Record) -> serde_json::Value {
    serde_json::from_slice(&summary(record, &judge(record)).unwrap()).unwrap()
}

fn page(record: &Record) -> String {
    String::from_utf8(html(record, &judge(record))).unwrap()
}

#[test]
fn golden_the_figures_of_playback() {
    let record = watched(Vec::new());
    let of = &json(&record)["qoe"]["figures"];
    assert_eq!(
        (&of["starts"], &of["started"], &of["failed_starts"]),
        (&22.into(), &20.into(), &2.into())
    );
    let first = &of["first_frame"];
    assert_eq!((&first["count"], &first["p99_us"]), (&20.into(), &200_000.into()));
    assert_eq!((&of["stall_ratio"], &of["stalls_per_hour_watched"]), (&0.1.into(), &5.0.into()));
    assert_eq!((&of["viewers_stalled_share"], &of["mean_kbps"]), (&0.2.into(), &400.0.into()));
    let over_time = of["over_time"].as_array().unwrap();
    assert_eq!(over_time.len(), 10);
    assert_eq!(
        (&over_time[5]["from_match_s"], &over_time[5]["stalls"]),
        (&300.0.into(), &5.into())
    );
    assert_eq!(over_time[1]["stall_ratio"], 0.0);
    assert_eq!(over_time[2]["stall_ratio"], serde_json::Value::Null);
    let page = page(&record);
    for line in [
        "<th scope=\"row\">Time to first frame, p95</th><td class=\"n\">200 ms</td>",
        "<th scope=\"row\">Rebuffer ratio: stalled or without a player ÷ (that + watched)</th><td class=\"n\">10 %</td>",
        "<th scope=\"row\">Stalls an hour watched</th><td class=\"n\">5</td>",
        "<th scope=\"row\">Viewers with a stall</th><td class=\"n\">4 viewers</td>",
        "counts as a stall from 15 match s on; 3 shorter ones lasted 1.5 match s in all.",
        "At v = 60 an interruption of wall time is stretched",
        "Most time was lost around match minute 35.0",
    ] {
        assert!(page.contains(line), "{line}");
    }
}

#[test]
fn what_was_not_recorded_is_said_and_not_zero() {
    let mut old = watched(vec![startup(1.0), stall_ratio(0.5)]);
    old.manifest.version = 2;
    let verdict = judge(&old);
    assert_eq!(verdict.kind, VerdictKind::Inconclusive, "{:?}", verdict.reasons);
    assert!(page(&old).contains("Playback was not recorded: the record is of version 2"));
    let told = json(&old);
    assert_eq!(told["qoe"]["figures"], serde_json::Value::Null);
    let mut none = watched(Vec::new());
    none.manifest.stream = None;
    assert!(page(&none).contains("No journey of this rehearsal has a stream."));
}

#[test]
fn the_start_is_judged_with_those_that_failed() {
    // p90 of 20 at 200 ms and 2 at 5 s is the 20th.
    let few = judge(&watched(vec![startup(201.0)]));
    assert_eq!(few.objectives[1].status, ObjectiveStatus::Unknown, "22 are too few for p90");
    let mut record = watched(vec![startup(201.0)]);
    let more = record.frames[0].clone();
    record.frames[1].series.extend(more.series);
    let met = judge(&record);
    let result = &met.objectives[1];
    assert_eq!((result.status, result.samples), (ObjectiveStatus::Met, 44), "{}", result.reason);
    let failed = record.frames[1].series.last_mut().unwrap();
    let mut samples = Samples::new();
    samples.record_n(5_000_000, 8);
    failed.1 = samples.sparse();
    let result = judge(&record).objectives.remove(1);
    assert_eq!(result.status, ObjectiveStatus::Breached, "{}", result.reason);
    assert_eq!(
        result.reason,
        "The p90 of time to first frame was 5,000 ms (limit 201 ms) over 50 starts, of which 2 \
         failed and 0 were left, worst at match minute 31.0."
    );
}

#[test]
fn standing_still_is_judged_by_the_share_of_time() {
    let met = judge(&watched(vec![stall_ratio(0.1)]));
    assert_eq!(met.objectives[1].status, ObjectiveStatus::Met, "{}", met.objectives[1].reason);
    let result = judge(&watched(vec![stall_ratio(0.099)])).objectives.remove(1);
    assert_eq!(result.status, ObjectiveStatus::Breached);
    assert_eq!(
        result.reason,
        "Viewers of the stream saw a still picture or none for 10 % of their time in the video (at \
         most 9.9 %): 5 stalls of 4 viewers, 0 players given up, 400 match s of 4,000; first at match minute 35.0 (1.2 min after \
         wicket), most at 35.0."
    );
    assert_eq!((result.first_match_min, result.worst_match_min), (Some(35.0), Some(35.0)));
    let mut nobody = watched(vec![stall_ratio(0.5)]);
    nobody.frames.iter_mut().for_each(|frame| frame.qoe = QoeCounts::default());
    assert_eq!(judge(&nobody).objectives[1].status, ObjectiveStatus::Unknown);
}
