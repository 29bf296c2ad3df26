//! `hulk proxy` as somebody starts it who has a file of proxies.

use std::time::Duration;

use hulk_net::{Scope, fetch};
use rustix::process::Signal;
use serde_json::json;

use crate::bench::{Bench, HULK};
use crate::platform::promtool;
use crate::processes::kill;
use crate::proxy_clients::Proxy;
use crate::served::Served;
use crate::servers::free_port;

const LIMIT: Duration = Duration::from_secs(5);

/// Answers each connection once.
fn one_answer() -> Served {
    use std::io::{Read, Write};
    Served::by(|mut stream| {
        let mut head = [0; 1024];
        let _read = stream.read(&mut head);
        let _written = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    })
}

fn get(port: u16) -> Result<String, String> {
    let permit = Scope::default().permit(([127, 0, 0, 1], port).into()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fetch(permit, "/", LIMIT)).map_err(|error| error.to_string())
}

#[test]
fn a_file_of_toxiproxy_s_and_its_spelling_of_options_are_taken() {
    let bench = Bench::take_beside("proxy-config");
    let (served, port) = (one_answer(), free_port());
    let list = json!([
        { "name": "web", "listen": format!("127.0.0.1:{port}"), "upstream": format!("127.0.0.1:{}", served.port), "enabled": true },
        { "name": "down", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", "enabled": false },
    ]);
    bench.write("proxies.json", list.to_string());
    let proxy = Proxy::start_with(
        &bench,
        &["-config", "proxies.json", "-port=0", "-host", "127.0.0.1", "-seed", "3"],
    );
    assert_eq!(get(port).as_deref(), Ok("ok"));
    let said = proxy.running.said();
    let line = format!("web: 127.0.0.1:{port} to 127.0.0.1:{}, tcp", served.port);
    assert!(
        said.contains(&line) && said.contains("down: 127.0.0.1:0 to 127.0.0.1:9, tcp, disabled"),
        "{said}"
    );
    let set = json!({ "type": "limit_data", "name": "q\"u", "attributes": { "bytes": 1 } });
    proxy.post("/proxies/web/toxics", &set);
    assert!(get(port).is_err(), "the answer broke off");
    let metrics = proxy.text("/metrics");
    for wanted in [
        format!("toxiproxy_proxy_sent_bytes_total{{direction=\"upstream\",proxy=\"web\",listener=\"127.0.0.1:{port}\",upstream=\"127.0.0.1:{}\"}}", served.port),
        "hulk_proxy_connections_accepted_total{proxy=\"web\"} 2".to_owned(),
        "hulk_proxy_toxic_effect_total{proxy=\"web\",toxic=\"q\\\"u\",type=\"limit_data\",stream=\"downstream\",effect=\"connections_closed\"} 1".to_owned(),
    ] {
        assert!(metrics.contains(&wanted), "{wanted} not in\n{metrics}");
    }
    assert_eq!(promtool(&metrics), (true, String::new()));
    let broken = metrics.replace("hulk_proxy_toxic_effect_total", "hulk_proxy_toxic_effect");
    assert!(!promtool(&broken).0, "it does complain where there is something to complain of");
    kill(proxy.running.id(), Signal::INT);
    assert_eq!(proxy.running.end_within(LIMIT).code, 130);
    assert!(get(port).is_err(), "its ports are closed");
}

#[test]
fn the_file_of_proxies_of_the_documentation_is_taken_with_its_toxics() {
    let bench = Bench::take_beside("proxy-toml");
    bench.write("proxies.toml", include_str!("../../docs/examples/proxies/proxies.toml"));
    let proxy = Proxy::start_with(&bench, &["--config", "proxies.toml", "--port", "0"]);
    let shown = proxy.get("/v1/proxies");
    let names = |of: &serde_json::Value, key: &str| -> Vec<String> {
        of.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&shown["proxies"], "name"), ["cdn", "database", "rtp"]);
    assert_eq!(names(&shown["proxies"], "protocol"), ["http", "tcp", "udp"]);
    let database = proxy.get("/v1/proxies/database");
    assert_eq!(names(&database["toxics"], "name"), ["far-away", "narrow"]);
    let rate = database["toxics"][1]["attributes"]["rate"].as_i64().unwrap();
    assert!((100..=10_000).contains(&rate), "it is on its way down: {rate}");
    let left =
        proxy.get("/v1/proxies/cdn/toxics/http_status_downstream")["ttl_ms"].as_i64().unwrap();
    assert!((1..=600_000).contains(&left), "{left}");
}

#[test]
fn a_file_or_an_address_that_cannot_be_is_refused_with_exit_2() {
    let bench = Bench::take_beside("proxy-wrong");
    bench.write("list.json", r#"[{"name":"a","upstream":"example.com:80"}]"#);
    bench.write("text.json", "no list");
    bench.write(
        "wrong.toml",
        "[proxy.a]\nupstream = \"127.0.0.1:1\"\n[[proxy.a.toxic]]\ntype = \"latancy\"\n",
    );
    for (arguments, wanted) in [
        (&["--config", "nowhere.json"][..], "nowhere.json cannot be read"),
        (&["--config", "list.json"], "`example.com:80` may not be touched"),
        (&["--config", "text.json"], "bad request body"),
        (&["--config", "wrong.toml"], "did you mean `latency`?"),
        (&["--host", "0.0.0.0"], "0.0.0.0 is not loopback"),
        (&["--host", "here"], "`here` is no address"),
        (&["--lease-s", "0"], "1..=86400"),
    ] {
        let run =
            bench.start(&[&[HULK, "proxy", "--port", "0"], arguments].concat()).end_within(LIMIT);
        let said = run.stderr.replace('\n', " ");
        assert!(run.code == 2 && said.contains(wanted), "{arguments:?}: {run:#?}");
    }
}
