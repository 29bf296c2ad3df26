//! Many viewers at once, on the connections of several workers, beside the log of a server that we
//! did not write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use hulk_record::{Outcome, Record};
use rustix::process::Signal;

use crate::bench::{Bench, HULK, Run};
use crate::servers::{Server, free_port, program};

/// More than a process may have descriptors for, on the server's side too.
const HELD: u64 = 20_000;
/// Of the server: viewers take turns with them, since one has a limited number of local ports.
const ADDRESSES: u8 = 2;

const NGINX: &str = "
daemon off;
worker_processes 3;
worker_rlimit_nofile 12000;
pid nginx.pid;
error_log error.log;
events { worker_connections 11000; }
http {
    log_format hulk '$http_x_hulk_request $status';
    access_log access.log hulk buffer=256k flush=1s;
    keepalive_timeout 3600s;
    keepalive_requests 1000000;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    server { LISTEN location / { return 200 \"ok\"; } }
}
";

const TARGET: &str = r#"
[target.url]
base = "http://many.test:PORT"
resolve = [ADDRESSES]
"#;

/// Everybody is there before the window and stays: those of the lead-in come 2,000 a second.
const HELD_FILE: &str = r#"
name = "held"
seed = 1
journeys = ["held-journey.toml"]

[clock]
speed = 1

[audience]
model = "held-model.toml"
day = "flat"
from_min = 0
to_min = 0.16666666666666666
scale = 1
lead_in_ms = 10_000
"#;

const HELD_MODEL: &str = r#"
name = "held"
about = "as many all the time"

[view_length]
lognormal = { mu = 12, sigma = 0 }
grade = "M"

[[days]]
name = "flat"
minutes_grade = "M"
points = [
    { minute = 0, viewers = 20_000, grade = "M" },
    { minute = 10, viewers = 20_000, grade = "M" },
]
"#;

const HELD_JOURNEY: &str = r#"
name = "held"
retry = { none = {} }

[[step]]
after = { name = "join", service = "many", get = "/join", on_resume = true }

[[step]]
every = { name = "beat", service = "many", get = "/beat", period_s = 60 }
"#;

const MASS_FILE: &str = r#"
name = "mass"
seed = 1
journeys = ["present.toml"]

[on]
act = { journey = "act.toml" }

[load]
mass_action = { users = 10_000, at_s = 3, within_s = 1 }
lead_in_ms = 6_000
"#;

const PRESENT_JOURNEY: &str = r#"
name = "present"
retry = { none = {} }

[[step]]
after = { name = "join", service = "many", get = "/join", on_resume = true }
"#;

const ACT_JOURNEY: &str = r#"
name = "act"
retry = { none = {} }

[[step]]
after = { name = "act", service = "many", get = "/act" }
"#;

/// nginx with several workers on several addresses.
struct Many {
    port: u16,
    server: Server,
}

impl Many {
    fn start(bench: &Bench) -> Self {
        let port = free_port();
        let listen = |n| format!("listen 127.0.0.{n}:{port} reuseport backlog=4096; ");
        let listen: String = (1..=ADDRESSES).map(listen).collect();
        bench.write("nginx.conf", NGINX.replace("LISTEN", &listen));
        let folder = bench.path(".");
        let command = [&program("nginx"), "-p", folder.to_str().unwrap(), "-c", "nginx.conf"];
        Self { port, server: Server::start(bench, &command, port) }
    }

    fn target(&self) -> String {
        let address = |n| format!("\"127.0.0.{n}:{}\"", self.port);
        let addresses: Vec<String> = (1..=ADDRESSES).map(address).collect();
        let text = TARGET.replace("PORT", &self.port.to_string());
        text.replace("ADDRESSES", &addresses.join(", "))
    }
}

/// A run of several workers, and the id and status of each request that nginx has logged.
fn rehearse(bench: &Bench, file: &str, text: &str, more: &[&str]) -> (Run, Vec<(String, u16)>) {
    let many = Many::start(bench);
    bench.write(file, format!("{text}{}", many.target()));
    let log = bench.path("access.log");
    let run = bench.rehearse_each(file, || {
        // Of the try before; nginx appends.
        fs::File::options().write(true).truncate(true).open(&log).unwrap();
        bench.start(&[&[HULK, "rehearse", "--workers", "3"], more, &[file]].concat()).end()
    });
    // It writes what it has kept back.
    many.server.stop(Signal::QUIT);
    let text = fs::read_to_string(log).unwrap();
    let line = |line: &str| {
        let (id, status) = line.split_once(' ').unwrap();
        (id.to_owned(), status.parse().unwrap())
    };
    (run, text.lines().map(line).collect())
}

/// Viewer and number of a request.
fn send(id: &str) -> (u32, u32) {
    let [_, viewer, send] = id.split('-').collect::<Vec<_>>()[..] else { panic!("{id}") };
    (viewer.parse().unwrap(), send.parse().unwrap())
}

/// nginx has logged each request once, and each complete answer with the status that was recorded.
fn assert_same(record: &Record, log: &[(String, u16)]) {
    let ids: BTreeSet<&String> = log.iter().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), log.len(), "an id was received twice");
    let unanswered = record.frames.iter().flat_map(|frame| &frame.unanswered);
    let unanswered: BTreeSet<_> = unanswered.map(|one| (one.viewer, one.send)).collect();
    let mut received: BTreeMap<u16, u64> = BTreeMap::new();
    for (id, status) in log {
        if !unanswered.contains(&send(id)) {
            *received.entry(*status).or_default() += 1;
        }
    }
    let mut recorded: BTreeMap<u16, u64> = BTreeMap::new();
    for answer in record.frames.iter().flat_map(|frame| &frame.answers) {
        *recorded.entry(answer.status).or_default() += answer.count;
    }
    assert_eq!(received, recorded, "by status");
}

/// Who could not connect, was cut off or was not answered in time.
fn lost(record: &Record) -> u64 {
    let series = record.frames.iter().flat_map(|frame| &frame.series);
    let bad = [Outcome::ConnectError, Outcome::Broken, Outcome::Timeout];
    let bad = series.filter(|(key, _)| bad.contains(&key.outcome));
    bad.map(|(_, samples)| samples.counts.iter().map(|(_, count)| count).sum::<u64>()).sum()
}

#[test]
fn twenty_thousand_viewers_are_held_by_three_workers() {
    let bench = Bench::take("held");
    bench.write("held-model.toml", HELD_MODEL);
    bench.write("held-journey.toml", HELD_JOURNEY);
    let (run, log) = rehearse(&bench, "held.toml", HELD_FILE, &[]);
    run.assert_ended(0, "PASS");
    let record = run.record();
    assert_same(&record, &log);
    assert_eq!(lost(&record), 0);
    let workers: BTreeSet<u32> = record.frames.iter().map(|frame| frame.worker).collect();
    assert_eq!(Vec::from_iter(workers), [0, 1, 2]);
    // Viewer-µs and length of each interval of the window, over all workers.
    let mut intervals: BTreeMap<i64, (u64, i64)> = BTreeMap::new();
    for frame in record.frames.iter().filter(|frame| frame.from.0 >= 0) {
        let interval = intervals.entry(frame.from.0).or_default();
        interval.0 += frame.audience.presence_us;
        interval.1 = interval.1.max(frame.to.0 - frame.from.0);
    }
    assert!(intervals.len() >= 9, "{intervals:?}");
    let until = record.manifest.until.0;
    for (from, (presence_us, length_us)) in intervals {
        let present = presence_us as f64 / length_us.min(until - from) as f64;
        let share = present / HELD as f64;
        // A last one that takes longer has more viewer-time.
        let enough = if from + length_us > until { 0.99..=f64::MAX } else { 0.99..=1.01 };
        assert!(enough.contains(&share), "{present} were present from {from} µs on");
    }
    let joined = log.len() as u64;
    assert!(joined >= HELD, "each has a connection and asked at least once: {joined}");
}

#[test]
fn ten_thousand_act_each_at_its_own_instant_of_a_second() {
    let bench = Bench::take("mass");
    bench.write("present.toml", PRESENT_JOURNEY);
    bench.write("act.toml", ACT_JOURNEY);
    let (run, log) = rehearse(&bench, "mass.toml", MASS_FILE, &["--raw"]);
    run.assert_ended(0, "PASS");
    assert_same(&run.record(), &log);
    let text = fs::read_to_string(run.folder().join("raw.csv")).unwrap();
    let head: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let place = |name: &str| head.iter().position(|known| *known == name).unwrap();
    let [viewer, step, due, sent] = ["viewer", "step", "due_us", "sent_us"].map(place);
    let (mut viewers, mut dues) = (BTreeSet::new(), Vec::new());
    for row in text.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>()) {
        if row[step] == "act" {
            assert!(viewers.insert(row[viewer]), "{} acted twice", row[viewer]);
            let [due, sent] = [due, sent].map(|column| row[column].parse::<i64>().unwrap());
            assert!(due <= sent, "{row:?} was sent before its time");
            dues.push(due - 3_000_000);
        }
    }
    assert_eq!(dues.len(), 10_000, "everybody acted");
    dues.sort_unstable();
    // Each has a tenth of a millisecond of its own, over all workers; due times are whole µs.
    for (rank, due) in (0_i64..).zip(dues) {
        let own = 100 * rank..=100 * (rank + 1);
        assert!(own.contains(&due), "{due} µs after the moment, the {rank}th has {own:?}");
    }
}
