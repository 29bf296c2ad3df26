//! What a person and another program read.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use hulk_record::{Measure, Offset, Record, RunEnd, RunEvent, WorkerEnd};
use hulk_reports::{headline, hlog, html, html_static, judge, sentence, summary};

use crate::builder::{
    INCARNATION, INTERVAL_US, Minute, WORKER, debt, latency, quiet, record, served_share,
};

fn page(record: &Record) -> String {
    String::from_utf8(html(record, &judge(record))).unwrap()
}

/// The same without script and style, and none of both is left.
fn static_page(page: &str) -> String {
    let plain = String::from_utf8(html_static(page.as_bytes())).unwrap();
    for forbidden in ["<script", "<style", "style=", "class=", "src=", "href=", "onclick", "url("] {
        assert!(!plain.contains(forbidden), "{forbidden}");
    }
    plain
}

fn first_screen_sentence(page: &str) -> &str {
    page.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0
}

fn short() -> Record {
    let mut minutes = quiet();
    for minute in &mut minutes[4..7] {
        *minute = Minute { requests: 3000, served: 2400, ..minute.clone() };
    }
    record(&minutes, vec![latency(100.0), served_share(0.5), debt(2.0)])
}

#[test]
fn the_first_screen_says_what_broke_when_for_how_many_and_why() {
    assert_eq!(
        first_screen_sentence(&page(&short())),
        "It did not hold: login lacked 6 instance-minutes of capacity (limit 2): supply was below \
         demand from match minute 34.0 (0.2 min after wicket), worst at 34.0 with 3 of the 5 instances \
         needed, and 1,800 requests of 1,350 viewers were not served meanwhile. In all 1,800 of \
         17,400 requests were not served."
    );
    let good = record(&quiet(), vec![latency(100.0), debt(2.0)]);
    assert_eq!(
        first_screen_sentence(&page(&good)),
        "It held from match minute 30.0 to 40.0. All 2 objectives were met and no arrival was \
         kept out by the target."
    );
}

#[test]
fn the_terminal_says_the_same() {
    let mut minutes = quiet();
    minutes[3].latency_us = 800_000;
    minutes[3].served = 1000;
    let verdict = judge(&record(&minutes, vec![latency(250.0), served_share(0.999)]));
    let text = sentence(&verdict);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], format!("FAIL: {}", headline(&verdict)));
    assert!(lines[1].starts_with("  - login served 98.3 % of 12,000 first attempts"), "{text}");
}

#[test]
fn an_interrupted_run_says_what_its_part_says() {
    let mut run = record(&quiet(), vec![latency(100.0)]);
    run.frames.truncate(6);
    let workers = vec![WorkerEnd { worker: WORKER, incarnation: INCARNATION, frames: 6 }];
    run.end = RunEnd::Interrupted { signal: 2, workers, lost: Vec::new() };
    assert_eq!(
        sentence(&judge(&run)),
        "INTERRUPTED: The run was stopped by SIGINT at match minute 36.0 of 30.0 to 40.0. Nothing \
         was breached until then; the rest is unknown."
    );
    assert!(page(&run).contains(">stopped</text>"));
    assert!(static_page(&page(&run)).contains(">? INTERRUPTED</font>"));
}

#[test]
fn the_report_is_one_small_file_without_network() {
    let page = page(&short());
    assert!(page.len() < 300 << 10, "{} bytes", page.len());
    for forbidden in ["http://", "https://", "src=", "href=", "url(", "@import"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("prefers-color-scheme: dark"));
    for page in [page.clone(), static_page(&page)] {
        assert!(!page.contains("{{") && !page.contains("NaN") && !page.contains("inf%"));
    }
}

#[test]
fn template_style_and_script_are_small() {
    let mut nothing = record(&quiet(), Vec::new());
    nothing.frames.clear();
    let page = page(&nothing);
    assert!(page.len() < 64 << 10, "{} bytes without data", page.len());
    let plain = static_page(&page);
    assert!(plain.len() < 40 << 10, "{} bytes without data", plain.len());
}

/// As many services as `names`, each like the first one.
fn with_services(mut long: Record, names: usize) -> Record {
    let login = long.manifest.services[0].clone();
    let capacity = long.capacity.clone();
    for name in (0..names).map(|n| format!("service-{n}")) {
        let service = hulk_record::ServiceInfo { name: name.clone(), ..login.clone() };
        long.manifest.services.push(service);
        for frame in &mut long.frames {
            let send = frame.sends[0].clone();
            frame.sends.push(hulk_record::SendCount { service: name.clone(), ..send });
        }
        long.capacity.extend(
            capacity
                .iter()
                .map(|sample| hulk_record::CapacitySample { service: name.clone(), ..*sample }),
        );
    }
    long
}

#[test]
fn a_long_run_with_many_services_stays_small() {
    let minutes: Vec<Minute> = (0..2000)
        .map(|n| Minute {
            ready: 3.0 + (n % 7) as f64,
            requests: 1200 + n % 911,
            ..Minute::quiet()
        })
        .map(|minute| Minute { served: minute.requests - 1, ..minute })
        .collect();
    let page = page(&with_services(record(&minutes, vec![debt(2.0)]), 20));
    assert!(page.len() < 600 << 10, "{} bytes", page.len());
    // Viewers, response times, failures, and the generator's lag.
    assert_eq!(page.matches("class=\"panel\"").count(), 4 + 21, "every service is in the file");
    assert!(page.contains("15 more services"));
    assert!(static_page(&page).len() < 600 << 10);
}

#[test]
fn eight_hours_of_seconds_stay_small() {
    const INTERVALS: usize = 8 * 3600;
    let mut long = record(&quiet()[..1], vec![debt(2.0)]);
    let first = long.frames[0].clone();
    let shifted = |index: usize| {
        let mut frame = first.clone();
        let shift = index as i64 * INTERVAL_US as i64;
        frame.sequence = index as u64;
        for at in [&mut frame.from, &mut frame.to, &mut frame.watermark] {
            *at = at.plus(shift);
        }
        frame.sends[0].due_interval = index as i32;
        frame
    };
    long.frames = (0..INTERVALS).map(shifted).collect();
    long.manifest.until = Offset(INTERVALS as i64 * INTERVAL_US as i64);
    long.manifest.wanted = vec![1000; INTERVALS];
    let workers =
        vec![WorkerEnd { worker: WORKER, incarnation: INCARNATION, frames: INTERVALS as u64 }];
    long.end = RunEnd::Completed { workers, lost: Vec::new() };
    let page = page(&long);
    assert!(page.len() < 300 << 10, "{} bytes", page.len());
    let rows = page.split_once("data-rows=\"bins\"").unwrap().1.split_once("</table>").unwrap().0;
    assert_eq!(rows.matches("<tr>").count(), 1 + 240, "the first view's bins and the heads");
    assert_eq!(data_of(&page)["levels"][1]["requests"].as_array().unwrap().len(), 960);
}

/// What is embedded for the script.
fn data_of(page: &str) -> serde_json::Value {
    let data = page.split_once("id=\"data\">").unwrap().1.split_once("</script>").unwrap().0;
    serde_json::from_str(data).unwrap()
}

#[test]
fn the_script_knows_what_the_record_says() {
    let data = data_of(&page(&short()));
    let level = &data["levels"][0];
    assert_eq!(data["levels"].as_array().unwrap().len(), 1, "bins are intervals already");
    assert_eq!((&data["from_min"], &data["total_s"]), (&30.0.into(), &600.into()));
    assert_eq!(level["requests"][3], 1200);
    assert_eq!(level["requests"][4], 3300, "with 300 retries");
    assert_eq!((&level["retries"][4], &level["failures"][4]), (&300.into(), &600.into()));
    assert_eq!(data["whole_us"], serde_json::json!([20_000, 20_000, 20_000]));
    let login = &data["services"][0];
    assert_eq!((&login["demand"][1], &login["supply"][1]), (&5.into(), &3.into()));
}

#[test]
fn names_are_escaped() {
    let evil = "<script>alert('1')</script>\"{{tiles}}";
    let mut record = short();
    record.manifest.name = evil.into();
    record.manifest.file = evil.into();
    record.manifest.services[0].name = evil.into();
    record.manifest.journeys[0].steps[0].service = evil.into();
    record.manifest.moments[0].name = evil.into();
    record.manifest.environment.target = evil.into();
    record.manifest.regions[0] = evil.into();
    for objective in &mut record.manifest.objectives {
        objective.name = evil.into();
        objective.service = evil.into();
    }
    record.manifest.journeys[0].name = evil.into();
    for frame in &mut record.frames {
        frame.sends[0].service = evil.into();
        frame.series.iter_mut().for_each(|(key, _)| key.journey = evil.into());
    }
    record.capacity.iter_mut().for_each(|sample| sample.service = evil.into());
    record.manifest.moments[0].response = Some(evil.into());
    record.manifest.faults = vec![hulk_record::FaultInfo {
        name: evil.into(),
        kind: evil.into(),
        text: evil.into(),
        from: hulk_record::MatchTime(0),
        until: hulk_record::MatchTime::from_s(60.0),
        service: Some(evil.into()),
    }];
    let [journey, step, what] = [evil; 3].map(String::from);
    record.frames[0].troubles = vec![hulk_record::TroubleCount { journey, step, what, count: 1 }];
    let [service, edge] = [evil; 2].map(String::from);
    let services = vec![hulk_record::TargetService { service, edge, ..Default::default() }];
    record.target = Some(hulk_record::TargetCounts { services, last: Vec::new() });
    record.events.push(RunEvent {
        at: Offset(0),
        intended: None,
        kind: evil.into(),
        text: evil.into(),
    });
    let page = page(&record);
    assert_eq!(page.matches("<script").count(), 2, "an unescaped name");
    assert_eq!(page.matches("</script>").count(), 2, "a name ends the script");
    assert_eq!(data_of(&page)["services"][0]["name"], evil);
    assert_eq!(page.matches("<ul class=\"tiles\">").count(), 1);
    for page in [page.clone(), static_page(&page)] {
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;{{tiles}}"));
    }
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let (a, mut b) = (short(), short());
    b.frames.reverse();
    b.capacity.reverse();
    assert_eq!(judge(&a), judge(&b));
    assert_eq!(page(&a), page(&b));
    assert_eq!(summary(&a, &judge(&a)).unwrap(), summary(&b, &judge(&b)).unwrap());
    assert_eq!(hlog(&a, Measure::Response).unwrap(), hlog(&b, Measure::Response).unwrap());
}

#[test]
fn the_summary_is_exact() {
    let mut record = short();
    record.manifest.scale = 0.001;
    record.manifest.services[0].rated_rps = Some(10_000.0);
    let bytes = summary(&record, &judge(&record)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["exit_code"], 3);
    assert_eq!(json["verdict"]["kind"], "fail");
    assert_eq!((&json["clock_speed"], &json["scale"]), (&60.0.into(), &0.001.into()));
    let notes = json["verdict"]["notes"].to_string();
    assert!(notes.contains("One viewer stood for 1,000. Scaling down hides pooling"), "{notes}");
    let step = &json["steps"][0];
    assert_eq!((&step["journey"], &step["step"]), (&"signup".into(), &"log in".into()));
    assert_eq!(step["outcomes"]["rejected"], 1800);
    assert_eq!(step["measures"]["response"]["count"], 17_400);
    assert_eq!(step["measures"]["response"]["p99_us"], 20_000);
    assert_eq!(step["measures"]["lag"]["max_us"], 200);
    assert_eq!(step["requests"]["retries"], 900);
    assert_eq!(step["requests"]["viewers_not_served"], 1350);
    assert_eq!(json["events"][0]["late_ms"], 0.0);
    assert_eq!(json["target"], serde_json::Value::Null);
    assert_eq!(json["verdict"]["scaling"][0]["elasticity"]["debt_unit_min"], 6.0);
    assert_eq!(json["verdict"]["arrivals"]["intended"], 1000);
}

#[test]
fn the_histogram_log_reads_back_to_equal_counts() {
    let mut record = short();
    // A second region in the same interval merges into the same lines.
    let mut other = record.frames[4].clone();
    other.worker = 1;
    other.series.iter_mut().for_each(|(key, _)| key.region = "far, away".into());
    record.frames.push(other);
    let bytes = hlog(&record, Measure::Response).unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(text.starts_with("#[Histogram log format version 1.3]\n"));
    assert!(text.contains("#[StartTime: 1781465400.000 (seconds since epoch)]\n"));
    assert!(text.contains("#[BaseTime: 1781465400.000 (seconds since epoch)]\n"));
    assert!(text.contains("\nTag=signup/log_in/rejected,4.000,1.000,20."), "{text}");
    let mut found: Histogram<u64> = Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
    let mut lines = 0;
    for entry in IntervalLogIterator::new(&bytes) {
        if let LogEntry::Interval(interval) = entry.unwrap() {
            let encoded = base64(interval.encoded_histogram());
            let histogram: Histogram<u64> =
                Deserializer::new().deserialize(&mut encoded.as_slice()).unwrap();
            found.add(histogram).unwrap();
            lines += 1;
        }
    }
    assert_eq!(lines, 10 + 3);
    let mut wanted = hulk_record::Samples::new();
    for (key, samples) in record.frames.iter().flat_map(|frame| &frame.series) {
        if key.measure == Measure::Response {
            wanted.merge(samples);
        }
    }
    assert_eq!(found, *wanted.histogram());
    assert_eq!(found.len(), 17_400 + 3000);
}

fn base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|c| *c != b'=').map(value).collect();
    let groups = digits.chunks(4).map(|group| {
        let bits = group.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bits = bits << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    });
    groups.flatten().collect()
}

#[test]
fn an_empty_record_is_rendered_all_the_same() {
    let mut record = record(&quiet(), vec![latency(100.0), debt(1.0)]);
    record.frames.clear();
    record.capacity.clear();
    record.end = RunEnd::Cut;
    let page = page(&record);
    assert!(page.contains("INVALID") && page.contains("There is no interval to draw."));
    assert!(page.contains("id=\"data\">null</script>"), "the script has nothing to do");
    assert!(static_page(&page).contains("There is no interval to draw."));
    assert!(hlog(&record, Measure::Lag).is_ok());
    assert!(summary(&record, &judge(&record)).is_ok());
}
