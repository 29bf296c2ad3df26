//! `hulk proxy` behind clients that we did not write, each made for Toxiproxy: of node, of Rust, and the
//! Chaos Toolkit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hulk_net::{Method, Permit, Scope, ask, fetch};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::bench::{Bench, HULK, Run, Running, wait_for};
use crate::processes::listening;
use crate::servers::{Server, free_port, program};

/// Where Toxiproxy listens when nobody says otherwise; some clients ask nowhere else. A test has the turn
/// of the whole machine while it has this port.
const DEFAULT_PORT: u16 = 8474;
/// Ports of the crate's own tests.
const PORTS_OF_THE_CRATE: [u16; 2] = [2000, 2001];
const LIMIT: Duration = Duration::from_secs(20);
/// Of a client and all that it does; a build is longer.
const CLIENT_LIMIT: Duration = Duration::from_secs(120);
const BUILD_LIMIT: Duration = Duration::from_secs(600);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clients() -> PathBuf {
    root().join("tests/clients")
}

/// A fault proxy alone.
pub(crate) struct Proxy {
    pub(crate) running: Running,
    runtime: Runtime,
    port: u16,
}

impl Proxy {
    /// On a free port.
    fn start(bench: &Bench) -> Self {
        Self::start_with(bench, &["--port", "0"])
    }

    pub(crate) fn start_with(bench: &Bench, arguments: &[&str]) -> Self {
        let running = bench.start(&[&[HULK, "proxy"], arguments].concat());
        let port = wait_for("the proxy's API", LIMIT, || {
            let said = running.said();
            let mut addresses = said.lines().filter_map(|line| line.strip_prefix("api: http://"));
            addresses.find_map(|at| at.strip_prefix("127.0.0.1:")?.strip_suffix('/')?.parse().ok())
        });
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { running, runtime, port }
    }

    fn api(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn permit(&self) -> Permit {
        Scope::default().permit(([127, 0, 0, 1], self.port).into()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        self.runtime.block_on(fetch(self.permit(), path, LIMIT)).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string().into();
        let asked = ask(self.permit(), Method::POST, path, body, LIMIT);
        serde_json::from_str(&self.runtime.block_on(asked).unwrap()).unwrap()
    }
}

#[test]
fn the_node_client_of_toxiproxy_finds_its_whole_api_and_every_toxic_bites() {
    let bench = Bench::take("proxy-node");
    let installed = clients().join("node_modules/toxiproxy-node-client").is_dir();
    assert!(installed, "tests/clients/node_modules is missing: `tests/run` installs it");
    let proxy = Proxy::start(&bench);
    let script = clients().join("toxiproxy.mjs");
    let run = bench.start(&["node", script.to_str().unwrap(), &proxy.api()]);
    let run = run.end_within(CLIENT_LIMIT);
    assert_eq!(run.code, 0, "{run:#?}");
    let claims: BTreeMap<String, String> = serde_json::from_str(&run.stdout).unwrap();
    let wrong: Vec<String> = claims
        .iter()
        .filter(|(_, problem)| !problem.is_empty())
        .map(|(claim, problem)| format!("{claim}: {problem}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(claims.len(), 13, "{claims:?}");
    assert_eq!(proxy.get("/proxies"), json!({}));
}

/// The script that brings the tests of the crate `toxiproxy_rust` from the registry, to its end.
fn crate_tests(bench: &Bench, arguments: &[&str], limit: Duration) -> Run {
    let script = clients().join("toxiproxy_rust/test");
    let run = bench.start(&[&[script.to_str().unwrap()], arguments].concat()).end_within(limit);
    assert_eq!(run.code, 0, "{run:#?}");
    run
}

#[test]
fn the_tests_of_the_crate_toxiproxy_rust_pass_as_they_were_published() {
    let bench = Bench::take("proxy-crate");
    crate_tests(&bench, &["--no-run"], BUILD_LIMIT);
    let taken = listening();
    for port in PORTS_OF_THE_CRATE.into_iter().chain([DEFAULT_PORT]) {
        let free = taken.iter().all(|(_, known)| *known != port);
        assert!(free, "the crate's tests need port {port}, which something listens on");
    }
    let _proxy = Proxy::start_with(&bench, &[]);
    // They share a proxy.
    let run = crate_tests(&bench, &["--", "--test-threads", "1"], CLIENT_LIMIT);
    let all = run.stdout.matches(" ... ok\n").count();
    assert!(all > 10, "{run:#?}");
    let passed = format!("test result: ok. {all} passed; 0 failed; 0 ignored");
    assert!(run.stdout.contains(&passed), "{run:#?}");
}

/// A page of so many bytes, which the experiments know.
const PAGE_BYTES: usize = 60_000;
/// Each experiment, and whether what should hold must not hold while its fault is there.
const EXPERIMENTS: [(&str, bool); 5] =
    [("latency", true), ("bandwidth", true), ("timeout", true), ("slicer", false), ("down", true)];

/// nginx with the page.
fn site(bench: &Bench) -> (Server, u16) {
    let port = free_port();
    let settings = include_str!("http-servers/nginx.conf").replace("PORT", &port.to_string());
    bench.write("nginx.conf", settings);
    fs::create_dir_all(bench.path("site")).unwrap();
    bench.write("site/page", &"a page\n".repeat(PAGE_BYTES).as_bytes()[..PAGE_BYTES]);
    let folder = bench.path("");
    let nginx = [&program("nginx"), "-p", folder.to_str().unwrap(), "-c", "nginx.conf"];
    (Server::start(bench, &nginx, port), port)
}

/// Runs an experiment to its end; what the Chaos Toolkit has written of it.
fn experiment(bench: &Bench, name: &str, variables: &[String]) -> Value {
    let chaos = root().join("tests/.venv/bin/chaos");
    assert!(chaos.exists(), "{} is missing: run `tests/run`", chaos.display());
    let file = clients().join(format!("experiments/{name}.json"));
    let journal = format!("{name}.journal.json");
    let variables: Vec<&str> = variables.iter().map(String::as_str).collect();
    let quiet = ["--no-version-check", "--no-log-file"];
    let run = ["run", "--rollback-strategy", "always", "--journal-path", &journal];
    let chaos = [&["env"], &variables[..], &[chaos.to_str().unwrap()], &quiet].concat();
    let command = [&chaos[..], &run, &[file.to_str().unwrap()]].concat();
    let run = bench.start(&command).end_within(CLIENT_LIMIT);
    let text = fs::read_to_string(bench.path(&journal));
    let text = text.unwrap_or_else(|error| panic!("{name}: {error}: {run:#?}"));
    serde_json::from_str(&text).unwrap()
}

/// What the probe of this name in the method has found.
fn found(journal: &Value, probe: &str) -> u64 {
    let mut steps = journal["run"].as_array().unwrap().iter();
    let step = steps.find(|step| step["activity"]["name"] == probe).unwrap();
    step["output"].as_u64().unwrap()
}

#[test]
fn each_experiment_of_the_chaos_toolkit_bites_and_is_rolled_back() {
    let bench = Bench::take("proxy-chaostoolkit");
    let (_nginx, origin) = site(&bench);
    let proxy = Proxy::start(&bench);
    let upstream = format!("127.0.0.1:{origin}");
    let page = json!({ "name": "page", "listen": "127.0.0.1:0", "upstream": upstream });
    let fresh = proxy.post("/proxies", &page);
    let variables = [
        format!("PROXY_API={}", proxy.api()),
        format!("PAGE=http://{}/page", fresh["listen"].as_str().unwrap()),
        format!("DIRECT=http://{upstream}/page"),
        format!("PYTHONPATH={}", clients().display()),
        "PYTHONDONTWRITEBYTECODE=1".to_owned(),
        // Loopback is asked directly, whatever this machine has for others.
        "NO_PROXY=127.0.0.1".to_owned(),
    ];
    for (name, deviates) in EXPERIMENTS {
        let journal = experiment(&bench, name, &variables);
        assert_eq!(journal["status"], "completed", "{name}: {journal:#}");
        let steady = |when: &str| journal["steady_states"][when]["steady_state_met"].clone();
        assert_eq!(steady("before"), true, "{name}: {journal:#}");
        assert_eq!(steady("after"), !deviates, "{name}: {journal:#}");
        assert_eq!(journal["deviated"], deviates, "{name}: {journal:#}");
        let steps = ["run", "rollbacks"].map(|part| journal[part].as_array().unwrap());
        for step in steps.into_iter().flatten() {
            assert_eq!(step["status"], "succeeded", "{name}: {step:#}");
        }
        assert_eq!(journal["rollbacks"][0]["output"], true, "{name}: {journal:#}");
        if name == "slicer" {
            let [before, sliced] = ["pieces before", "pieces"].map(|probe| found(&journal, probe));
            assert!(sliced >= 10 && sliced > 2 * before, "{before} pieces became {sliced}");
        }
        assert_eq!(proxy.get("/proxies/page"), fresh, "{name}");
    }
}
