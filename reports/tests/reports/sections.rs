//! The sections that are not about the verdict: percentiles, journeys, the platform's own view,
//! the generator, the files.

use hulk_record::{Measure, Outcome, ProcessSample, Record, RunEvent, Samples, SeriesKey};
use hulk_reports::{html, judge, summary};

use crate::builder::{Minute, debt, key, quiet, record};

fn page(record: &Record) -> String {
    String::from_utf8(html(record, &judge(record))).unwrap()
}

/// The cells of the row that begins with `name`, after its heading.
#[track_caller]
fn row(page: &str, name: &str) -> Vec<String> {
    let start = format!("<th scope=\"row\">{name}</th>");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no row {name}"));
    let (cells, _) = rest.split_once("</tr>").unwrap();
    let cells = cells.split("</td>").filter_map(|cell| cell.split_once('>'));
    cells.map(|(_, text)| text.to_owned()).collect()
}

/// 12,000 samples of 20 ms, of which so many took 900 ms.
fn with_tail(slow: u64) -> Record {
    let mut minutes = quiet();
    minutes[0] = Minute { tail: (slow, 900_000), ..Minute::quiet() };
    record(&minutes, vec![debt(2.0)])
}

#[test]
fn golden_percentiles_are_exact_ranks_and_end_where_samples_do() {
    // The rank of 99.9 % of 12,000 is 11,988: twelve slow ones lie above it, thirteen do not.
    let of = |slow| row(&page(&with_tail(slow)), "response time");
    let twelve = ["12,000", "20.9 ms", "20 ms", "20 ms", "20 ms", "20 ms", "900 ms"];
    assert_eq!(of(12), twelve);
    let thirteen = ["12,000", "21 ms", "20 ms", "20 ms", "20 ms", "900 ms", "900 ms"];
    assert_eq!(of(13), thirteen);
    // 12,000 samples do not bound 99.99 %.
    let page = page(&with_tail(12));
    assert!(page.contains(">99.9 %</th>") && !page.contains(">99.99 %</th>"));
    assert!(page.contains("<path class=\"rank-2\" d=\"M0.0"), "{page}");
    assert!(!page.contains("NaN") && !page.contains(" style="));
}

#[test]
fn journeys_tell_how_their_visits_began() {
    let mut record = record(&quiet(), vec![debt(2.0)]);
    let starts = [(Outcome::Ok, 90, 400_000), (Outcome::Timeout, 6, 5_000_000)];
    for (outcome, count, us) in starts.into_iter().chain([(Outcome::Abandoned, 4, 900_000)]) {
        let mut samples = Samples::new();
        samples.record_n(us, count);
        let whole = SeriesKey { step: String::new(), ..key(Measure::Journey, outcome) };
        record.frames[2].series.push((whole, samples.sparse()));
    }
    let cells = row(&page(&record), "signup");
    assert_eq!(
        cells,
        ["100", "90 %", "6 %", "4 %", "400 ms", "400 ms", "5 s", "5 s", "12,000", "0"],
        "times read as {cells:?}"
    );
}

#[test]
fn the_platforms_own_counters_stand_beside_the_records() {
    let mut record = record(&quiet(), vec![debt(2.0)]);
    for (index, sample) in record.capacity.iter_mut().enumerate() {
        sample.requests_total = Some(500.0 + 1200.0 * index as f64);
        sample.desired = Some(if index == 4 { 7.0 } else { 3.0 });
        sample.pending = Some(if index == 5 { 4.0 } else { 0.0 });
        sample.stalled_ms_total = Some(10.0 * index as f64);
    }
    let event = |kind: &str, text: &str| RunEvent {
        at: hulk_record::Offset::from_s(4.0),
        intended: None,
        kind: kind.into(),
        text: text.into(),
    };
    record.events.push(event("scale", "login: 3 → 3 instances serve, 3 → 7 wanted"));
    record.events.push(event("switch", "static_home is on"));
    record.events.push(event("observer", "the platform's capacity could not be seen"));
    let page = page(&record);
    let (_, section) = page.split_once("<h2>What the platform says of itself</h2>").unwrap();
    // Ten looks a second apart: nine intervals of its own counter, ten of the record's.
    assert_eq!(
        row(section, "login"),
        ["3", "7", "4", "2", "10,800", "12,000", "0", "0", "0 s", "1"]
    );
    assert!(section.contains("for 90 ms, 0.9 % of the run."));
    assert!(section.contains("Minute 34.0: static_home is on."));
    assert!(section.contains("Nothing was filled in where a feed was lost."));
    assert!(section.contains("Minute 34.0: the platform&#39;s capacity could not be seen."));
    record.capacity.clear();
    record.manifest.observed = false;
    assert!(self::page(&record).contains("Nobody looked at the target's own figures in this run."));
}

#[test]
fn where_nobody_looked_scaling_is_not_judged_and_the_chart_is_grey() {
    let mut record = record(&quiet(), vec![debt(2.0)]);
    record.capacity.retain(|sample| sample.at.0 < 2_000_000 || sample.at.0 > 7_000_000);
    let verdict = hulk_reports::judge(&record);
    let why = "nobody saw the capacity of login for 420 match seconds, from match minute 31.0 on";
    assert_eq!(verdict.scaling[0].not_judged.as_deref(), Some(why));
    assert_eq!(verdict.scaling[0].elasticity, None);
    let page = page(&record);
    let part = |class: &str| page.matches(&format!("<path class=\"{class}\"")).count();
    assert_eq!((part("unseen"), part("supply")), (1, 2), "the line is broken, not drawn through");
    assert!(page.contains("not seen where it is grey") && page.contains("<td>not seen</td>"));
}

#[test]
fn the_generator_tells_least_mean_and_most() {
    let mut minutes = quiet();
    minutes[7].machine.cpu_us = 1_200_000;
    minutes[7].lag_us = 3_000;
    let record = record(&minutes, vec![debt(2.0)]);
    let page = page(&record);
    // 9 × 10 % and 60 % of two cores.
    assert_eq!(row(&page, "CPU, share of its 2 cores"), ["10 %", "15 %", "60 %", "37.0"]);
    assert_eq!(
        row(&page, "Lag: sent − due, all workers"),
        ["12,000", "480 µs", "200 µs", "200 µs", "3 ms", "3 ms", "3 ms"]
    );
    let bytes = summary(&record, &judge(&record)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["generator"]["workers"][0]["cpu_share"]["max_match_min"], 37.0);
    assert_eq!(json["generator"]["lag"]["p99_us"], 3_000);
}

#[test]
fn the_generator_tells_what_its_process_waited_for_and_held() {
    let mut minutes = quiet();
    let run_delay_us = Some(0);
    minutes.iter_mut().for_each(|minute| minute.process.run_delay_us = run_delay_us);
    minutes[4].process = ProcessSample {
        run_delay_us: Some(250_000),
        pss_kib: Some(80 * 1024),
        anonymous_kib: Some(50 * 1024),
        machine_sockets_kib: Some(3 * 1024),
    };
    let page = page(&record(&minutes, vec![debt(2.0)]));
    assert_eq!(
        row(&page, "Its threads ready but without a CPU, in all"),
        ["0 %", "2.5 %", "25 %", "34.0"]
    );
    // Read in one interval only: the others said nothing, which is not nothing.
    assert_eq!(row(&page, "Memory of its own (PSS)"), ["80 MiB", "80 MiB", "80 MiB", "34.0"]);
    assert_eq!(row(&page, "Of its memory: behind no file")[0], "50 MiB");
    assert_eq!(row(&page, "Kernel memory of TCP sockets, whole machine")[2], "3 MiB");
    // An older record is not given what it did not tell.
    let old = self::page(&record(&quiet(), vec![debt(2.0)]));
    assert!(!old.contains("(PSS)</th>") && !old.contains("without a CPU, in all"));
}

#[test]
fn the_lag_of_each_interval_is_told() {
    let mut minutes = quiet();
    minutes[7].lag_us = 3_000;
    minutes[7].process.run_delay_us = Some(100_000);
    minutes[8].requests = 0;
    minutes[8].served = 0;
    let record = record(&minutes, vec![debt(2.0)]);
    let page = page(&record);
    let (_, behind) = page.split_once("<summary>Lag, CPU and waiting").unwrap();
    let rows: Vec<&str> = behind.lines().filter(|line| line.starts_with("<tr><td>")).collect();
    let cells = |at: usize| -> Vec<&str> {
        let cells = rows[at].split("</td>").filter_map(|cell| cell.rsplit_once("<td>"));
        cells.map(|(_, text)| text).collect()
    };
    assert_eq!(cells(7), ["37.00", "1,200", "3 ms", "3 ms", "3 ms", "3 ms", "10 %", "10 %", "0 %"]);
    assert_eq!(cells(8), ["38.00", "0", "–", "–", "–", "–", "10 %", "–", "0 %"]);
    assert!(page.contains("Lag of all workers: sent − due: p99 at most 3 ms"), "no drawing");
    let bytes = summary(&record, &judge(&record)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let over_time = &json["generator"]["over_time"];
    assert_eq!(over_time.as_array().unwrap().len(), 10);
    assert_eq!(
        (&over_time[6]["lag"]["p99_us"], &over_time[7]["lag"]["max_us"]),
        (&200.into(), &3_000.into())
    );
    assert!(over_time[8]["lag"].is_null());
}

#[test]
fn the_report_names_every_file_of_the_folder() {
    let page = page(&record(&quiet(), vec![debt(2.0)]));
    for file in ["summary.json", "lag.hlog", "record/frames.bin", "record/events.jsonl", "raw.csv"]
    {
        assert!(page.contains(file), "{file}");
    }
}
