//! What four servers that we did not write have logged of each kind of answer, and our record.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use crate::bench::{Bench, HULK, Run, wait_for};
use crate::servers::{Server, free_port, program};

/// The settings of the servers, and the rehearsal; `PORT`, `ORIGIN` and `FOLDER` are filled in.
const FILES: [(&str, &str); 13] = [
    ("journey.toml", include_str!("http-servers/journey.toml")),
    ("audience.toml", include_str!("http-servers/audience.toml")),
    ("rehearsal.toml", include_str!("http-servers/rehearsal.toml")),
    ("nginx.conf", include_str!("http-servers/nginx.conf")),
    ("apache.conf", include_str!("http-servers/apache.conf")),
    ("haproxy.cfg", include_str!("http-servers/haproxy.cfg")),
    ("runroot.yaml", include_str!("http-servers/traffic-server/runroot.yaml")),
    ("records.config", include_str!("http-servers/traffic-server/records.config")),
    ("remap.config", include_str!("http-servers/traffic-server/remap.config")),
    ("storage.config", include_str!("http-servers/traffic-server/storage.config")),
    ("logging.yaml", include_str!("http-servers/traffic-server/logging.yaml")),
    ("cache.config", include_str!("http-servers/traffic-server/cache.config")),
    ("ip_allow.yaml", include_str!("http-servers/traffic-server/ip_allow.yaml")),
];
const SMALL: &str = "a small text\n";
const LARGE: usize = 1 << 20;
/// A log is written to its end within this.
const LIMIT: Duration = Duration::from_secs(20);

/// Writes what a test needs: the site, and every file with the port of the server that is asked
/// and of the one behind it.
fn write_all(bench: &Bench, port: u16, origin: u16) {
    let folder = bench.path("");
    let folder = folder.to_str().unwrap().trim_end_matches('/');
    for (name, text) in FILES {
        // nginx and Apache httpd are behind where there is somebody before.
        let own = if ["nginx.conf", "apache.conf"].contains(&name) { origin } else { port };
        let text = text.replace("PORT", &own.to_string()).replace("ORIGIN", &origin.to_string());
        bench.write(name, text.replace("FOLDER", folder));
    }
    fs::create_dir_all(bench.path("site")).unwrap();
    bench.write("site/small.txt", SMALL);
    bench.write("site/form.txt", "posted\n");
    bench.write("site/large.bin", &"large\n".repeat(LARGE).as_bytes()[..LARGE]);
    bench.write("site/chunked.shtml", chunked("<!--#include virtual=\"/small.txt\" -->"));
    // Servers may go on as somebody else, and write here.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(bench.path(""), open).unwrap();
}

/// What is sent in chunks, with what stands in its middle.
fn chunked(middle: &str) -> String {
    let half = "a line of a page that includes another\n".repeat(500);
    format!("{half}{middle}{half}")
}

/// Status and length of the answers to a step; no length where it is the server's own text.
fn wanted(step: &str) -> (u16, Option<u64>) {
    match step {
        "small" | "later" => (200, Some(SMALL.len() as u64)),
        "large" => (200, Some(LARGE as u64)),
        "chunked" => (200, Some(chunked(SMALL).len() as u64)),
        "empty" => (204, Some(0)),
        "same" => (304, Some(0)),
        "head" | "head-of-chunks" => (200, Some(0)),
        "missing" => (404, None),
        "moved" => (301, None),
        "form" => (200, Some(7)),
        other => panic!("{other}"),
    }
}

/// An answer: of the log, or of the record.
#[derive(Debug, Clone, PartialEq)]
struct Answer {
    status: u16,
    /// Bytes of its body.
    bytes: u64,
    /// The step of a record; of a log, how manieth of its connection.
    note: String,
}

/// A log's lines of a run, `ID STATUS BYTES NUMBER PATH`, by their ids.
fn logged(text: &str, run_id: &str) -> BTreeMap<String, Answer> {
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with(run_id)) {
        let fields: Vec<&str> = line.split(' ').collect();
        let [id, status, bytes, number, _path] = fields[..] else { panic!("{line}") };
        let (status, bytes) = (status.parse().unwrap(), bytes.parse().unwrap_or(0));
        let answer = Answer { status, bytes, note: number.to_owned() };
        assert!(all.insert(id.to_owned(), answer).is_none(), "received twice: {line}");
    }
    all
}

/// The record's answers by their ids, and the ids of requests that were cut off.
fn recorded(run: &Run) -> (BTreeMap<String, Answer>, BTreeSet<String>) {
    let text = fs::read_to_string(run.folder().join("raw.csv")).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    let place = |name: &str| head.iter().position(|known| *known == name).unwrap();
    let [id, step, status, bytes] = ["id", "step", "status", "bytes"].map(place);
    let (mut answers, mut cut_off) = (BTreeMap::new(), BTreeSet::new());
    for row in rows {
        let Ok(status) = row[status].parse() else {
            cut_off.insert(row[id].to_owned());
            continue;
        };
        let answer =
            Answer { status, bytes: row[bytes].parse().unwrap(), note: row[step].to_owned() };
        assert!(answers.insert(row[id].to_owned(), answer).is_none(), "{row:?} is there twice");
    }
    (answers, cut_off)
}

/// A rehearsal against what listens.
fn rehearse(bench: &Bench) -> Run {
    bench.rehearse_each("rehearsal.toml", || {
        bench.start(&[HULK, "rehearse", "--raw", "rehearsal.toml"]).end()
    })
}

fn run_id(run: &Run) -> String {
    run.record().manifest.run_id.clone().unwrap()
}

/// The record is what the site has, and what the log says; lengths of chunked answers may be
/// logged with what is around the chunks, and not at all where a log has no lengths.
fn compare(run: &Run, log: &BTreeMap<String, Answer>, has_lengths: bool) {
    let (answers, cut_off) = recorded(run);
    let mut steps: BTreeMap<&str, u32> = BTreeMap::new();
    for (id, answer) in &answers {
        *steps.entry(&answer.note).or_default() += 1;
        let (status, bytes) = wanted(&answer.note);
        assert_eq!(answer.status, status, "{id} {answer:?}");
        assert!(bytes.is_none_or(|bytes| answer.bytes == bytes), "{id} {answer:?}");
        let known = log.get(id).unwrap_or_else(|| panic!("{id} {answer:?} was not logged"));
        assert_eq!(answer.status, known.status, "{id} {answer:?} {known:?}");
        let framed = answer.note == "chunked" && known.bytes > answer.bytes;
        let same = known.bytes == answer.bytes || framed || !has_lengths;
        assert!(same, "{id} {answer:?} {known:?}");
    }
    assert_eq!(steps.len(), 11, "{steps:?}");
    assert!(steps.values().all(|count| *count >= 20) && answers.len() > 500, "{steps:?}");
    let strange: Vec<_> =
        log.keys().filter(|id| !answers.contains_key(*id) && !cut_off.contains(*id)).collect();
    assert!(strange.is_empty(), "logged and not recorded: {strange:?}");
    let record = run.record();
    let troubles: Vec<_> = record.frames.iter().flat_map(|frame| &frame.troubles).collect();
    assert!(troubles.is_empty(), "{troubles:?}");
    // What a machine with too little CPU makes invalid are latencies, not counts.
    assert!([0, 6].contains(&run.code), "{run:#?}");
}

/// Connections carried as many requests as the server lets them, and there were many.
fn reconnected(log: &BTreeMap<String, Answer>, first: u32, last: u32) {
    let numbers = log.values().map(|answer| answer.note.parse::<u32>().unwrap());
    let numbers: Vec<u32> = numbers.collect();
    assert_eq!(numbers.iter().max(), Some(&last));
    let connections = numbers.iter().filter(|number| **number == first).count();
    assert!(connections > numbers.len() / 8, "{connections} for {} requests", numbers.len());
}

fn nginx(bench: &Bench, port: u16) -> Server {
    let nginx = program("nginx");
    let folder = bench.path("");
    Server::start(bench, &[&nginx, "-p", folder.to_str().unwrap(), "-c", "nginx.conf"], port)
}

fn apache(bench: &Bench, port: u16) -> Server {
    let apache = program("apache2");
    let file = bench.path("apache.conf");
    Server::start(bench, &[&apache, "-f", file.to_str().unwrap(), "-D", "FOREGROUND"], port)
}

#[test]
fn each_kind_of_answer_of_nginx_is_recorded_as_it_is_logged() {
    let bench = Bench::take_beside("http-nginx");
    let port = free_port();
    write_all(&bench, port, port);
    let nginx = nginx(&bench, port);
    let run = rehearse(&bench);
    nginx.stop(Signal::QUIT);
    let log = logged(&fs::read_to_string(bench.path("nginx.log")).unwrap(), &run_id(&run));
    compare(&run, &log, true);
    reconnected(&log, 1, 7);
}

#[test]
fn each_kind_of_answer_of_apache_httpd_is_recorded_as_it_is_logged() {
    let bench = Bench::take_beside("http-apache");
    let port = free_port();
    write_all(&bench, port, port);
    let apache = apache(&bench, port);
    let run = rehearse(&bench);
    apache.stop(Signal::TERM);
    let log = logged(&fs::read_to_string(bench.path("apache.log")).unwrap(), &run_id(&run));
    compare(&run, &log, true);
    reconnected(&log, 0, 7);
}

#[test]
fn each_kind_of_answer_through_haproxy_is_recorded_as_it_is_logged() {
    let bench = Bench::take_beside("http-haproxy");
    let (port, origin) = (free_port(), free_port());
    write_all(&bench, port, origin);
    let nginx = nginx(&bench, origin);
    let folder = bench.path("");
    // Lines for a pipe that is full are dropped; a file is never full.
    let into_file = "exec \"$0\" -C \"$1\" -f haproxy.cfg >\"$1/front.log\"";
    let command = ["sh", "-c", into_file, &program("haproxy"), folder.to_str().unwrap()];
    let haproxy = Server::start(&bench, &command, port);
    let run = rehearse(&bench);
    haproxy.stop(Signal::USR1);
    let front = fs::read_to_string(bench.path("front.log")).unwrap();
    nginx.stop(Signal::QUIT);
    let run_id = run_id(&run);
    compare(&run, &logged(&front, &run_id), false);
    // The lengths are those of nginx behind it.
    let log = logged(&fs::read_to_string(bench.path("nginx.log")).unwrap(), &run_id);
    compare(&run, &log, true);
}

#[test]
fn each_kind_of_answer_through_traffic_server_is_recorded_as_it_is_logged() {
    let bench = Bench::take_beside("http-traffic-server");
    let (port, origin) = (free_port(), free_port());
    write_all(&bench, port, origin);
    let apache = apache(&bench, origin);
    let traffic_server = program("traffic_server");
    let root = format!("--run-root={}", bench.path("runroot.yaml").to_str().unwrap());
    let traffic_server = Server::start(&bench, &[&traffic_server, &root], port);
    let run = rehearse(&bench);
    let run_id = run_id(&run);
    let answers = recorded(&run).0;
    // It writes its log from time to time.
    let log = wait_for("the log of traffic_server", LIMIT, || {
        let text = fs::read_to_string(bench.path("access.log")).unwrap_or_default();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let log = logged(whole, &run_id);
        answers.keys().all(|id| log.contains_key(id)).then_some(log)
    });
    traffic_server.stop(Signal::TERM);
    apache.stop(Signal::TERM);
    compare(&run, &log, true);
}
