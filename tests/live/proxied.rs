//! A target behind the fault proxy of its rehearsal.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::bench::{Bench, HULK, Run, wait_for};
use crate::served::Served;

const JOURNEY: &str = "name = \"ask\"\ntimeout_ms = 5_000\n[retry]\nbackoff = { first_s = 1, max_s = 8 }\n[[step]]\n\
                       after = { name = \"ask\", service = \"web\", get = \"/ask\" }\n";
const PER_S: usize = 50;
const LATENCY_US: i64 = 250_000;

/// Answers what comes on a connection until it ends.
fn answer_all(stream: TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let ended = line.is_empty();
        if ended && writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
            return;
        }
    }
}

/// So many seconds of requests through a proxy, with a toxic from the second 2 to the second 4.
fn rehearsal(bench: &Bench, duration_s: u32, toxic: &str) -> Served {
    let served = Served::by(answer_all);
    bench.write("ask.toml", JOURNEY);
    bench.write(
        "proxied.toml",
        format!(
            "name = \"proxied\"\nseed = 1\njourneys = [\"ask.toml\"]\n[load]\n\
             constant_arrival_rate = {{ per_s = {PER_S}, duration_s = {duration_s} }}\n\
             [target.url]\nbase = \"http://127.0.0.1:{}\"\n[proxy.way]\nbefore = \"web\"\n\
             [[fault]]\nname = \"slow\"\nat_min = {}\nfor_s = 2\n\
             toxic = {{ proxy = \"way\", type = \"latency\", {toxic} }}\n\
             [[objective]]\nname = \"it answers\"\nservice = \"web\"\nserved_share = {{ min = 1 }}\n",
            served.port,
            2.0 / 60.0,
        ),
    );
    served
}

fn events(run: &Run) -> String {
    fs::read_to_string(run.folder().join("record/events.jsonl")).unwrap()
}

/// How late each answer was, in µs, by when it was due: before the toxic, while it is surely there, after it.
fn delays(run: &Run) -> [Vec<i64>; 3] {
    let text = fs::read_to_string(run.folder().join("raw.csv")).unwrap();
    let mut found: [Vec<i64>; 3] = Default::default();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split(',').collect();
        let [due, sent, done] =
            [6, 7, 8].map(|column: usize| columns[column].parse::<i64>().unwrap());
        let place = match due {
            ..1_700_000 => 0,
            2_500_000..3_700_000 => 1,
            4_500_000.. => 2,
            _ => continue,
        };
        found[place].push(done - sent);
    }
    found
}

#[test]
fn a_toxic_of_the_timeline_slows_the_requests_of_its_time_and_tells_what_it_did() {
    let bench = Bench::take("proxied");
    let _served = rehearsal(&bench, 6, "attributes = { latency = 250 }");
    let run = bench.rehearse_each("proxied.toml", || {
        bench.start(&[HULK, "rehearse", "--raw", "proxied.toml"]).end()
    });
    run.assert_ended(0, "PASS");
    let [before, during, after] = delays(&run);
    assert_eq!(during.len(), PER_S * 12 / 10, "every request of that time is there");
    let slow = |delays: &[i64]| delays.iter().filter(|delay| **delay >= LATENCY_US).count();
    assert_eq!(slow(&during), during.len(), "{during:?}");
    assert_eq!((slow(&before), slow(&after)), (0, 0), "{before:?} {after:?}");
    assert!(before.len() > PER_S && after.len() > PER_S, "{} {}", before.len(), after.len());
    let events = events(&run);
    assert!(events.contains("slow: has bitten on ") && events.contains("slow: healed"), "{events}");
    let summary = run.summary();
    let check = summary.check("toxics that did not bite");
    assert_eq!(check["measured"], 0.0, "{check}");
}

#[test]
fn a_toxic_that_bites_nothing_makes_the_run_invalid() {
    let bench = Bench::take("proxied-idle");
    let _served = rehearsal(&bench, 5, "toxicity = 0, attributes = { latency = 250 }");
    let run = bench.rehearse("proxied.toml");
    run.assert_ended(6, "INVALID");
    let reason = run.summary().broken_check("toxics that did not bite");
    assert!(reason.contains("slow has not bitten on 0 links"), "{reason}");
}

/// Processes of this program that carry bytes for a rehearsal, as children of `parent` or of nobody.
fn proxies() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_one = |id: &u32| {
        let line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let mut words = line.split('\0');
        words.next().is_some_and(|program| Path::new(program).ends_with("hulk"))
            && words.next() == Some("proxy")
            && words.next() == Some("--embedded")
    };
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_one).collect()
}

#[test]
fn a_rehearsal_that_is_killed_takes_its_proxy_with_it() {
    let bench = Bench::take("proxied-killed");
    let _served = rehearsal(&bench, 30, "attributes = { latency = 250 }");
    let before = proxies();
    let mut run = bench.start(&[HULK, "rehearse", "proxied.toml"]);
    run.wait_for_folder();
    let own: Vec<u32> = proxies().into_iter().filter(|id| !before.contains(id)).collect();
    assert_eq!(own.len(), 1, "{own:?}");
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(run.id()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    wait_for("the proxy's end", Duration::from_secs(3), || {
        proxies().iter().all(|id| !own.contains(id)).then_some(())
    });
    drop(run);
}
