//! `hulk platform` alone, in front of programs that know nothing of HULK.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use hulk_net::{HttpError, Method, Scope, ask, fetch};
use hulk_record::CapacitySample;
use rustix::process::Signal;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::bench::{Bench, HULK, Running, wait_for};
use crate::processes::kill;
use crate::servers::free_port;

const LIMIT: Duration = Duration::from_secs(5);

/// A platform alone, with its ports.
struct Alone {
    running: Running,
    runtime: Runtime,
    control: u16,
    north: u16,
}

impl Alone {
    fn start(bench: &Bench, more: &[&str]) -> Self {
        let [control, north] = [free_port(), free_port()];
        let (at_control, at_north) = (control.to_string(), north.to_string());
        let ports = ["--control", &at_control, "--edge", &at_north];
        let running = bench.start(&[&[HULK, "platform"], &ports[..], more].concat());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let alone = Self { running, runtime, control, north };
        wait_for("the platform", LIMIT, || alone.get(control, "/metrics").ok());
        alone
    }

    fn ask(&self, method: Method, port: u16, path: &str, body: &str) -> Result<String, HttpError> {
        let permit = Scope::default().permit(([127, 0, 0, 1], port).into()).unwrap();
        let body = body.to_owned().into();
        self.runtime.block_on(ask(permit, method, path, body, LIMIT))
    }

    fn get(&self, port: u16, path: &str) -> Result<String, HttpError> {
        let permit = Scope::default().permit(([127, 0, 0, 1], port).into()).unwrap();
        self.runtime.block_on(fetch(permit, path, LIMIT))
    }

    fn metrics(&self) -> String {
        self.get(self.control, "/metrics").unwrap()
    }
}

/// What promtool says of metrics: nothing where they are right.
pub(crate) fn promtool(metrics: &str) -> (bool, String) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool: {error}; `tests/run` installs it"));
    child.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn promtool_accepts_the_metrics_of_a_platform_alone() {
    let bench = Bench::take("promtool");
    let alone = Alone::start(&bench, &["match-day-cloud-group"]);
    // Something of everything: answers of several kinds, a switch, a fault.
    for path in ["/v1/home", "/v1/config", "/live/north-1/master.m3u8", "/nowhere"] {
        let _refused_is_counted_too = alone.get(alone.north, path);
    }
    let fault = r#"{"id":1,"fault":{"latency":{"service":"home","add_ms":5}},"lease_ms":9000}"#;
    alone.ask(Method::POST, alone.control, "/faults", fault).unwrap();
    let press = (Method::PUT, "/switches/slow_refresh", r#"{"state":"on"}"#);
    alone.ask(press.0, alone.control, press.1, press.2).unwrap();
    let metrics = alone.metrics();
    for line in [
        "hulk_platform_requests_total{service=\"home\"} 1",
        "hulk_platform_responses_total{service=\"edge\",edge=\"north\",status=\"404\"} 1",
        "hulk_platform_responses_total{service=\"edge\",edge=\"north\",status=\"200\"} 1",
        "hulk_platform_policy_info{service=\"home\",policy=\"cloud_group\"} 1",
        "hulk_platform_switch{name=\"slow_refresh\"} 1",
        "hulk_platform_fault{id=\"1\",kind=\"latency\",at=\"home\"} 1",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} not in\n{metrics}");
    }
    assert_eq!(promtool(&metrics), (true, String::new()));
    // It does complain where there is something to complain of.
    for (good, bad) in [
        ("# HELP hulk_platform_connections Viewers connected.\n", ""),
        ("hulk_platform_requests_total", "hulk_platform_requests"),
        ("stalled_seconds_total", "stalled_ms_total"),
        ("hulk_platform_connections", "hulk_platform_connections_total"),
        ("service=\"home\"", "service=\"ho\"me\""),
    ] {
        assert!(metrics.contains(good), "{good}");
        let (accepted, said) = promtool(&metrics.replace(good, bad));
        assert!(!accepted && !said.is_empty(), "{good} as {bad}");
    }
}

#[test]
fn prometheus_scrapes_a_platform_alone_and_is_read_back() {
    let bench = Bench::take("prometheus");
    let alone = Alone::start(&bench, &["--speed", "1", "--scale", "1"]);
    let (port, control) = (free_port(), alone.control);
    bench.write(
        "prometheus.yml",
        format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}\nscrape_configs:\n  - \
             job_name: hulk\n    static_configs: [{{ targets: ['127.0.0.1:{control}'] }}]\n"
        ),
    );
    let at = format!("--web.listen-address=127.0.0.1:{port}");
    let _prometheus = bench.start(&[
        "prometheus",
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        &at,
    ]);
    // What it asks for by itself is OpenMetrics, of which it is a strict reader.
    let query = |query: &str| -> Option<Value> {
        let text = alone.get(port, &format!("/api/v1/query?query={query}")).ok()?;
        let answer: Value = serde_json::from_str(&text).unwrap();
        let result = answer["data"]["result"].as_array().unwrap();
        (!result.is_empty()).then(|| answer["data"]["result"].clone())
    };
    let up = wait_for("a scrape", Duration::from_secs(20), || query("up"));
    assert_eq!(up[0]["value"][1], "1", "{up}");
    let info = query("hulk_platform_policy_info").unwrap();
    assert_eq!(info.as_array().unwrap().len(), 9, "{info}");
    let targets = alone.get(port, "/api/v1/metadata?metric=hulk_platform_requests").unwrap();
    assert!(targets.contains("\"counter\""), "read as OpenMetrics: {targets}");
    read_back(&bench, &alone, port);
}

/// A rehearsal of the platform's home, whose capacity is known by Prometheus alone.
fn read_back(bench: &Bench, alone: &Alone, prometheus: u16) {
    write_home(bench);
    let figure = |name: &str| format!("sum(hulk_platform_{name}{{service=\"home\"}})");
    let [ready, desired] = ["instances_ready", "instances_desired"].map(figure);
    bench.write(
        "observed.toml",
        format!(
            "name = \"observed\"\njourneys = [\"home.toml\"]\n[load]\nconstant_arrival_rate = \
             {{ per_s = 40, duration_s = 4 }}\n[target.url]\nbase = \"http://127.0.0.1:{}\"\n\
             [observe.home]\nrated_rps = 10\ndecision_window_s = 2\n[observe.home.prometheus]\n\
             url = \"http://127.0.0.1:{prometheus}\"\nready = '{ready}'\ndesired = '{desired}'\n\
             age_s = 'time() - max(timestamp(hulk_platform_instances_ready))'\n\
             [[objective]]\nname = \"home\"\nservice = \"home\"\ncapacity_debt = {{ \
             max_instance_min = 0 }}\n",
            alone.north
        ),
    );
    let run = bench.rehearse("observed.toml");
    run.assert_ended(0, "PASS");
    let metrics = alone.metrics();
    let own = |name: &str| -> f64 {
        let line = format!("hulk_platform_{name}{{service=\"home\"}} ");
        metrics.lines().find_map(|known| known.strip_prefix(&line)).unwrap().parse().unwrap()
    };
    let (ready, desired) = (own("instances_ready"), own("instances_desired"));
    assert!(ready > 4.0, "nothing is missing: {ready}");
    let seen = run.record().capacity;
    assert!(seen.len() >= 4, "{seen:?}");
    let same = |seen: &CapacitySample| (seen.ready, seen.desired) == (ready, Some(desired));
    assert!(seen.iter().all(same), "{ready} {desired}: {seen:?}");
}

/// The journey of a visitor of the platform's home.
fn write_home(bench: &Bench) {
    bench.write(
        "home.toml",
        "name = \"home\"\ntimeout_ms = 2_000\nretry = { none = {} }\n[[step]]\nafter = { name = \
         \"home\", service = \"home\", get = \"/v1/home\" }\n",
    );
}

#[test]
fn another_load_may_be_aimed_at_a_platform_alone_which_ends_with_its_signal() {
    let bench = Bench::take("aimed");
    let alone = Alone::start(&bench, &["--speed", "1", "--scale", "1"]);
    write_home(&bench);
    let north = alone.north;
    bench.write(
        "aimed.toml",
        format!(
            "name = \"aimed\"\njourneys = [\"home.toml\"]\n[load]\niterations = {{ users = 5, each \
             = 4, limit_s = 60 }}\n[target.url]\nbase = \"http://127.0.0.1:{north}\"\n\
             [[objective]]\nname = \"home\"\nservice = \"home\"\nserved_share = {{ min = 1.0 }}\n"
        ),
    );
    let run = bench.rehearse("aimed.toml");
    run.assert_ended(0, "PASS");
    let metrics = alone.metrics();
    let answered = "hulk_platform_responses_total{service=\"home\",status=\"200\"}";
    let answered = metrics.lines().find_map(|line| line.strip_prefix(answered));
    // A run that lost machine time was repeated.
    let answered: u64 = answered.unwrap().trim().parse().unwrap();
    assert!(answered > 0 && answered.is_multiple_of(20), "{answered}");

    kill(alone.running.id(), Signal::TERM);
    let ended = alone.running.end_within(LIMIT);
    assert_eq!((ended.code, ended.stderr.as_str()), (143, ""));
    let printed = format!("edge north: http://127.0.0.1:{north}\nedge south: http://127.0.0.1:");
    assert!(ended.stdout.contains(&printed), "{}", ended.stdout);
    let page = format!("page: http://127.0.0.1:{}/\n", alone.control);
    assert!(ended.stdout.contains(&page), "{}", ended.stdout);
}
