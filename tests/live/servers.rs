//! Servers that we did not write: the shipped examples, with nginx and HAProxy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hulk_record::Record;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::bench::{Bench, HULK, Run, Running, wait_for};
use crate::files::replaced;
use crate::processes::{kill, listening};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples");
/// A third of the examples' 18 s: tests have less time.
const SHORTER: (&str, &str) = ("to_min = 0.3 ", "to_min = 0.1 ");
/// A server is up, and ends, within this.
const LIMIT: Duration = Duration::from_secs(20);

/// The path of a program; system programs are not on everybody's path.
pub(crate) fn program(name: &str) -> String {
    let places = [name.to_owned(), format!("/usr/sbin/{name}")];
    let there = |place: &String| Command::new(place).arg("-v").output().is_ok();
    let found = places.into_iter().find(there);
    found.unwrap_or_else(|| panic!("{name} is missing: tests/run installs it"))
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// A program that serves on a port; it and its children do not outlive this value.
pub(crate) struct Server(Option<Running>);

impl Server {
    pub(crate) fn start(bench: &Bench, program: &[&str], port: u16) -> Self {
        let server = Self(Some(bench.start(program)));
        wait_for(&format!("{} on {port}", program[0]), LIMIT, || {
            listening().iter().any(|(_, known)| *known == port).then_some(())
        });
        server
    }

    /// Ends it when it has finished what it does.
    pub(crate) fn stop(mut self, signal: Signal) -> Run {
        let running = self.0.take().unwrap();
        kill(running.id(), signal);
        running.end_within(LIMIT)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(group) = self.0.as_ref().and_then(|running| Pid::from_raw(running.id())) {
            // The master of nginx has a worker.
            let _ended = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The shipped site with nginx, on a port of its own.
struct Site<'a> {
    bench: &'a Bench,
    port: u16,
    nginx: Server,
}

impl<'a> Site<'a> {
    fn start(bench: &'a Bench) -> Self {
        Self::start_by(bench, "")
    }

    /// The same with more said of how it listens.
    fn start_by(bench: &'a Bench, how: &str) -> Self {
        let nginx = program("nginx");
        let examples = bench.path("examples");
        copy(Path::new(EXAMPLES), &examples);
        let port = free_port();
        change(bench, "nginx-site/nginx.conf", &[("listen 127.0.0.1:8080;", &listen(port, how))]);
        let folder = examples.join("nginx-site");
        let command = [&nginx, "-p", folder.to_str().unwrap(), "-c", "nginx.conf"];
        let nginx = Server::start(bench, &command, port);
        Self { bench, port, nginx }
    }

    /// A run of an example whose requests all end here, with the site's log of it.
    fn rehearse(self, file: &str) -> (Run, Vec<Line>) {
        let log = self.bench.path("examples/nginx-site/access.log");
        let path = format!("examples/{file}");
        let run = self.bench.rehearse_each(file, || {
            // Of the try before; nginx appends.
            fs::File::options().write(true).truncate(true).open(&log).unwrap();
            self.bench.start(&[HULK, "rehearse", "--raw", &path]).end()
        });
        self.nginx.stop(Signal::QUIT);
        let text = fs::read_to_string(log).unwrap();
        (run, text.lines().map(Line::parse).collect())
    }
}

fn listen(port: u16, how: &str) -> String {
    format!("listen 127.0.0.1:{port}{how};")
}

/// Changes an example's copy.
fn change(bench: &Bench, file: &str, changes: &[(&str, &str)]) {
    let path = format!("examples/{file}");
    let mut text = fs::read_to_string(bench.path(&path)).unwrap();
    for (from, to) in changes {
        text = replaced(&text, from, to);
    }
    bench.write(&path, text);
}

/// A request as nginx has logged it.
#[derive(Debug, PartialEq)]
struct Line {
    id: String,
    status: u16,
    service: &'static str,
}

impl Line {
    /// `ID STATUS METHOD URI`.
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(' ').collect();
        let [id, status, _, uri] = fields[..] else { panic!("{line}") };
        let service = if uri.starts_with("/media/") { "media" } else { "web" };
        Self { id: id.to_owned(), status: status.parse().unwrap(), service }
    }

    /// Viewer and number of the request.
    fn send(&self) -> (u32, u32) {
        let parts: Vec<&str> = self.id.split('-').collect();
        let [_, viewer, send] = parts[..] else { panic!("{self:?} has no id") };
        (viewer.parse().unwrap(), send.parse().unwrap())
    }
}

/// The requests that were written and had no complete answer: the server may have them or not.
fn unanswered(record: &Record) -> BTreeSet<(u32, u32)> {
    assert!(record.frames.iter().all(|frame| frame.unanswered_untold == 0));
    let all = record.frames.iter().flat_map(|frame| &frame.unanswered);
    all.map(|request| (request.viewer, request.send)).collect()
}

/// The log of a server and the record say the same of each request.
fn compare(run: &Run, log: &[Line]) {
    let record = run.record();
    let ids: BTreeSet<&str> = log.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids.len(), log.len(), "an id was received twice");
    assert!(ids.len() > 200, "hardly anything was received: {}", ids.len());
    let unanswered = unanswered(&record);
    let (cancelled, complete): (Vec<&Line>, Vec<&Line>) =
        log.iter().partition(|line| unanswered.contains(&line.send()));
    assert!(cancelled.len() <= unanswered.len());
    let received_ids: BTreeMap<&str, u16> =
        complete.iter().map(|line| (line.id.as_str(), line.status)).collect();
    let text = fs::read_to_string(run.folder().join("raw.csv")).unwrap();
    let mut rows = text.lines();
    let head: Vec<&str> = rows.next().unwrap().split(',').collect();
    let place = |name: &str| head.iter().position(|known| *known == name).unwrap();
    let (id, status) = (place("id"), place("status"));
    let rows = rows.map(|row| row.split(',').collect::<Vec<_>>());
    let answered = rows.filter(|row| !row[status].is_empty());
    let sent: Vec<(String, u16)> =
        answered.map(|row| (row[id].to_owned(), row[status].parse().unwrap())).collect();
    let known: BTreeMap<&str, u16> = sent.iter().map(|(id, s)| (id.as_str(), *s)).collect();
    assert_eq!(known.len(), sent.len(), "an id was given twice");
    assert_eq!(received_ids, known, "nginx received what was sent, and answered what was recorded");
    let mut received: BTreeMap<(&str, u16), u64> = BTreeMap::new();
    for line in &complete {
        *received.entry((line.service, line.status)).or_default() += 1;
    }
    let mut recorded: BTreeMap<(&str, u16), u64> = BTreeMap::new();
    for answer in record.frames.iter().flat_map(|frame| &frame.answers) {
        *recorded.entry((answer.service.as_str(), answer.status)).or_default() += answer.count;
    }
    assert_eq!(received, recorded);
    let troubles: Vec<_> = record.frames.iter().flat_map(|frame| &frame.troubles).collect();
    assert!(troubles.is_empty(), "{troubles:?}");
}

#[test]
fn ids_in_nginx_access_log_equal_the_record() {
    let bench = Bench::take("nginx");
    let site = Site::start(&bench);
    let base = format!("http://127.0.0.1:{}", site.port);
    let changes = [("http://127.0.0.1:8080", base.as_str()), SHORTER];
    change(&bench, "nginx-site.toml", &changes);
    let (run, log) = site.rehearse("nginx-site.toml");
    compare(&run, &log);
    run.assert_ended(0, "PASS");
}

#[test]
fn ids_equal_over_http_2_by_prior_knowledge() {
    let bench = Bench::take("http2");
    let site = Site::start_by(&bench, " http2");
    let target = format!("http = \"2\"\nbase = \"http://127.0.0.1:{}\"", site.port);
    change(&bench, "nginx-site.toml", &[("base = \"http://127.0.0.1:8080\"", &target), SHORTER]);
    let (run, log) = site.rehearse("nginx-site.toml");
    compare(&run, &log);
    run.assert_ended(0, "PASS");
}

#[test]
fn ids_equal_through_haproxy_over_tls_and_http_2() {
    let bench = Bench::take("haproxy-http2");
    let site = Site::start(&bench);
    change(&bench, "tls-front/haproxy.cfg", &[("alpn http/1.1", "alpn h2")]);
    let front = tls_front(&bench, &site);
    let media = "[target.url.service.media]\nhttp = \"1.1\"";
    let spoken = [
        ("base = \"https://", "http = \"2\"\nbase = \"https://"),
        ("[target.url.service.media]", media),
        SHORTER,
    ];
    change(&bench, "tls-front.toml", &spoken);
    let (run, log) = site.rehearse("tls-front.toml");
    front.stop(Signal::TERM);
    compare(&run, &log);
    run.assert_ended(0, "PASS");
}

/// The shipped load balancer before the site.
fn tls_front(bench: &Bench, site: &Site<'_>) -> Server {
    let (haproxy, port) = (program("haproxy"), free_port());
    let _is_there = program("openssl");
    let folder = bench.path("examples/tls-front");
    let made = Command::new(folder.join("make-certificates")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let at_site = format!("server site 127.0.0.1:{}", site.port);
    change(
        bench,
        "tls-front/haproxy.cfg",
        &[
            ("bind 127.0.0.1:8443", &format!("bind 127.0.0.1:{port}")),
            ("server site 127.0.0.1:8080", &at_site),
        ],
    );
    change(
        bench,
        "tls-front.toml",
        &[
            ("\"https://shop.test:8443\"", &format!("\"https://shop.test:{port}\"")),
            ("\"http://127.0.0.1:8080\"", &format!("\"http://127.0.0.1:{}\"", site.port)),
        ],
    );
    let command = [&haproxy, "-C", folder.to_str().unwrap(), "-f", "haproxy.cfg"];
    Server::start(bench, &command, port)
}

#[test]
fn ids_equal_through_haproxy_over_tls() {
    let bench = Bench::take("haproxy");
    let site = Site::start(&bench);
    let front = tls_front(&bench, &site);
    change(&bench, "tls-front.toml", &[SHORTER]);
    let (run, log) = site.rehearse("tls-front.toml");
    front.stop(Signal::TERM);
    compare(&run, &log);
    run.assert_ended(0, "PASS");
    let checked = bench.hulk(&["check", "examples/tls-front.toml"]);
    assert!(checked.stdout.contains("viewers × 2 origins"), "{checked:?}");
}

#[test]
fn a_certificate_for_another_name_is_told_once_and_fails() {
    let bench = Bench::take("name");
    let site = Site::start(&bench);
    let front = tls_front(&bench, &site);
    change(&bench, "tls-front.toml", &[("\"https://shop.test:", "\"https://shop.example:")]);
    change(&bench, "tls-front.toml", &[("to_min = 0.3 ", "to_min = 0.05")]);
    let (run, log) = site.rehearse("tls-front.toml");
    front.stop(Signal::TERM);
    run.assert_ended(3, "FAIL");
    assert!(log.iter().all(|line| line.service == "media"), "something was sent: {log:?}");
    let record = run.record();
    let troubles: BTreeSet<String> = { record.frames.iter() }
        .flat_map(|frame| &frame.troubles)
        .map(|trouble| format!("{} / {}: {}", trouble.journey, trouble.step, trouble.what))
        .collect();
    let wanted = "site / front: no connection: certificate verify failed: NotValidForName";
    assert_eq!(Vec::from_iter(troubles), [wanted]);
}
