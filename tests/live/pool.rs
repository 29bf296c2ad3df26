//! Systems that we did not write: Apache Traffic Server twice, before HAProxy, before a pool of nginx
//! that the test scales while HULK rehearses it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use hulk_record::Record;
use rustix::process::Signal;

use crate::bench::{Bench, HULK, Run, wait_for};
use crate::servers::{Server, free_port, program};

const LIMIT: Duration = Duration::from_secs(20);
/// The names and settings of the caches, which cache nothing here.
const CACHE: [(&str, &str); 6] = [
    ("runroot.yaml", include_str!("http-servers/traffic-server/runroot.yaml")),
    ("records.config", include_str!("http-servers/traffic-server/records.config")),
    ("storage.config", include_str!("http-servers/traffic-server/storage.config")),
    ("ip_allow.yaml", include_str!("http-servers/traffic-server/ip_allow.yaml")),
    ("remap.config", "map http://pool.test/ http://127.0.0.1:ORIGIN/\n"),
    ("cache.config", "url_regex=.* action=never-cache\n"),
];
const SERVERS: [&str; 3] = ["first", "second", "third"];

/// All of them, from the outermost in.
struct Systems<'a> {
    bench: &'a Bench,
    caches: [Server; 2],
    haproxy: Server,
    nginx: Server,
    third: u16,
}

impl<'a> Systems<'a> {
    fn start(bench: &'a Bench) -> Self {
        let ports: [u16; 7] = std::array::from_fn(|_| free_port());
        let [edge_a, edge_b, front, first, _, third, _] = ports;
        let folder = bench.path("");
        let folder = folder.to_str().unwrap().trim_end_matches('/');
        let names = ["EDGE_A", "EDGE_B", "FRONT", "FIRST", "SECOND", "THIRD", "STATS"];
        for (name, text) in [
            ("haproxy.cfg", include_str!("pool/haproxy.cfg")),
            ("nginx.conf", include_str!("pool/nginx.conf")),
            ("rehearsal.toml", include_str!("pool/rehearsal.toml")),
            ("journey.toml", include_str!("pool/journey.toml")),
        ] {
            let text = text.replace("FOLDER", folder);
            let fill =
                |text: String, (name, port): (&str, u16)| text.replace(name, &port.to_string());
            bench.write(name, names.into_iter().zip(ports).fold(text, fill));
        }
        // Servers may go on as somebody else, and write here.
        let open = |path: &Path| {
            let all = std::os::unix::fs::PermissionsExt::from_mode(0o777);
            fs::set_permissions(path, all).unwrap();
        };
        fs::create_dir_all(bench.path("site")).unwrap();
        bench.write("site/index.html", "a page\n");
        open(&bench.path(""));
        let nginx = [&program("nginx"), "-p", folder, "-c", "nginx.conf"];
        let nginx = Server::start(bench, &nginx, first);
        let haproxy = [&program("haproxy"), "-C", folder, "-f", "haproxy.cfg"];
        let haproxy = Server::start(bench, &haproxy, front);
        let caches = [edge_a, edge_b].map(|port| {
            let own = bench.path(&format!("cache-{port}"));
            fs::create_dir_all(&own).unwrap();
            open(&own);
            for (name, text) in CACHE {
                let text = text.replace("PORT", &port.to_string());
                fs::write(own.join(name), text.replace("ORIGIN", &front.to_string())).unwrap();
            }
            let root = format!("--run-root={}", own.join("runroot.yaml").to_str().unwrap());
            Server::start(bench, &[&program("traffic_server"), &root], port)
        });
        Self { bench, caches, haproxy, nginx, third }
    }

    /// A cell of a row of HAProxy's statistics.
    fn cell(&self, server: &str, column: &str) -> u64 {
        let answer = self.say("show stat");
        let mut rows =
            answer.trim_start_matches("# ").lines().map(|line| line.split(',').collect::<Vec<_>>());
        let heads = rows.next().unwrap();
        let place = heads.iter().position(|head| *head == column).unwrap();
        let mut of_pool = rows.filter(|row| row[0] == "pool");
        of_pool.find(|row| row[1] == server).map_or(0, |row| row[place].parse().unwrap())
    }

    /// Says something to HAProxy at its runtime API.
    fn say(&self, command: &str) -> String {
        let mut socket = UnixStream::connect(self.bench.path("admin.sock")).unwrap();
        socket.write_all(format!("{command}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// The scaler: the third server, so long after the first request.
    fn add_third(&self, after: Duration) {
        wait_for("the first request", LIMIT, || (self.cell("BACKEND", "stot") > 0).then_some(()));
        sleep(after);
        let added = self.say(&format!("add server pool/third 127.0.0.1:{}", self.third));
        assert_eq!(added, "New server registered.");
        assert_eq!(self.say("enable server pool/third"), "");
    }

    /// A rehearsal, with a third server so long after its first request, or never. Then all that
    /// the systems and HULK have counted must be the same.
    fn rehearse(self, third_after: Option<Duration>) -> Run {
        let mut running = self.bench.start(&[HULK, "rehearse", "--raw", "rehearsal.toml"]);
        running.wait_for_folder();
        if let Some(after) = third_after {
            self.add_third(after);
        }
        let run = running.end();
        let of = |column: &'static str| SERVERS.map(|server| self.cell(server, column));
        let (requests, errors) = (of("stot"), of("hrsp_5xx"));
        // They have nothing to finish, and would take seconds for it.
        drop((self.caches, self.haproxy));
        self.nginx.stop(Signal::QUIT);
        compare(self.bench, &run, requests, errors);
        run
    }
}

/// Each answer of the record was given by one of the servers, by its own log, and what HAProxy says
/// that each was asked and failed at is that too.
fn compare(bench: &Bench, run: &Run, requests: [u64; 3], errors: [u64; 3]) {
    let text = fs::read_to_string(run.folder().join("raw.csv")).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heads = rows.next().unwrap();
    let place = |name: &str| heads.iter().position(|head| *head == name).unwrap();
    let (id, status) = (place("id"), place("status"));
    // Who is under way when the run ends has no answer; a server may have given one.
    let (cut_off, answered): (Vec<_>, Vec<_>) = rows.partition(|row| row[status].is_empty());
    let cut_off: BTreeSet<&str> = cut_off.iter().map(|row| row[id]).collect();
    let mut recorded: BTreeMap<&str, u16> =
        answered.iter().map(|row| (row[id], row[status].parse().unwrap())).collect();
    assert!(recorded.len() > 700, "hardly anything was answered: {}", recorded.len());
    assert!(cut_off.len() < 8, "{} requests without an answer", cut_off.len());
    for (place, server) in SERVERS.iter().enumerate() {
        let log = fs::read_to_string(bench.path(&format!("{server}.log"))).unwrap();
        let mut failed = 0;
        for line in log.lines() {
            let (id, status) = line.split_once(' ').unwrap();
            if !cut_off.contains(id) {
                assert_eq!(recorded.remove(id), status.parse().ok(), "{server}: {line}");
            }
            failed += u64::from(status.starts_with('5'));
        }
        let counted = (log.lines().count() as u64, failed);
        assert_eq!(counted, (requests[place], errors[place]), "{server}: its log and HAProxy");
    }
    assert!(recorded.is_empty(), "answered by no server: {recorded:?}");
}

/// Instances that were observed at the end.
fn observed(record: &Record) -> f64 {
    record.capacity.last().unwrap().ready
}

/// A run of the systems, anew for each repetition.
fn rehearse(bench: &Bench, third_after: Option<Duration>) -> Run {
    bench.rehearse_each("pool", || {
        for server in SERVERS {
            // nginx appends.
            let _of_the_try_before = fs::remove_file(bench.path(&format!("{server}.log")));
        }
        Systems::start(bench).rehearse(third_after)
    })
}

#[test]
fn capacity_that_somebody_adds_on_time_passes() {
    let bench = Bench::take("pool-on-time");
    let run = rehearse(&bench, Some(Duration::from_millis(1000)));
    run.assert_ended(0, "PASS");
    assert_eq!(observed(&run.record()), 3.0);
}

/// In instance-seconds.
fn debt(run: &Run) -> f64 {
    let summary = run.summary();
    let mut all = summary.verdict()["scaling"].as_array().unwrap().iter();
    let web = all.find(|service| service["service"] == "web").unwrap();
    web["elasticity"]["debt_unit_min"].as_f64().unwrap() * 60.0
}

#[test]
fn capacity_that_somebody_adds_late_fails() {
    let bench = Bench::take("pool-late");
    let run = rehearse(&bench, Some(Duration::from_millis(5000)));
    run.assert_ended(3, "FAIL");
    assert!(run.stdout.contains("it had only 2 of the 3 instances that it needed"), "{run:?}");
    assert_eq!(observed(&run.record()), 3.0);
    // One instance too few for three of the last six seconds; it is looked at once a second.
    assert!((1.9..=4.1).contains(&debt(&run)), "{}", debt(&run));
}

#[test]
fn capacity_that_nobody_adds_fails() {
    let bench = Bench::take("pool-never");
    let run = rehearse(&bench, None);
    run.assert_ended(3, "FAIL");
    assert!(run.stdout.contains("it had only 2 of the 3 instances that it needed"), "{run:?}");
    assert_eq!(observed(&run.record()), 2.0);
    assert!((5.0..=6.1).contains(&debt(&run)), "{}", debt(&run));
}
