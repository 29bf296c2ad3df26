//! The API and the file of proxies, asked whatever chance makes up: nothing panics, nothing leaves the
//! loopback, and what is accepted can be said again.
//!
//! An input that begins with a capital letter is a request as it stands (`POST /proxies`, a line's end,
//! the body), as those of the corpus are; every other byte is a piece of one. A failure goes into the
//! corpus, `src/__fuzz__/*/corpus`, which is replayed each time. `BOLERO_RANDOM_ITERATIONS` asks for more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hulk_net::Scope;
use hulk_scenarios::Source;
use hulk_scenarios::chaos::{Protocol, ToxicKind};
use hyper::Method;
use tokio::runtime::Builder;

use crate::api::respond;
use crate::desk::Desk;
use crate::settings::settings;
use crate::spec::ProxySpec;

/// Where requests go.
const CALLS: [&str; 16] = [
    "POST /proxies",
    "POST /populate",
    "POST /proxies/tcp",
    "PATCH /proxies/http",
    "POST /proxies/tcp/toxics",
    "POST /proxies/http/toxics",
    "POST /proxies/udp/toxics",
    "PATCH /proxies/tcp/toxics/t",
    "PUT /v1/proxies/tcp/toxics/t",
    "PUT /v1/proxies/http/toxics/t",
    "PUT /v1/proxies/tcp/toxics/t/lease",
    "POST /v1/proxies",
    "DELETE /proxies/tcp/toxics/t",
    "POST /reset",
    "GET /proxies",
    "GET /v1/proxies/tcp/toxics/t",
];

/// What bodies are made of.
const PIECES: [&str; 64] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"name\":",
    "\"t\"",
    "\"type\":",
    "\"stream\":",
    "\"toxicity\":",
    "\"attributes\":{",
    "\"latency\"",
    "\"bandwidth\"",
    "\"slicer\"",
    "\"timeout\"",
    "\"reset_peer\"",
    "\"limit_data\"",
    "\"slow_close\"",
    "\"slow_start\"",
    "\"http_status\"",
    "\"http_header\"",
    "\"http_body\"",
    "\"loss\"",
    "\"connection_limit\"",
    "\"upstream\"",
    "\"downstream\"",
    "\"LATENCY\":",
    "\"jitter\":",
    "\"rate\":",
    "\"average_size\":",
    "\"size_variation\":",
    "\"delay\":",
    "\"bytes\":",
    "\"timeout\":",
    "\"distribution\":",
    "\"histogram\":",
    "\"pareto\"",
    "\"shape\":",
    "\"status\":",
    "\"share\":",
    "\"path\":",
    "\"/\"",
    "\"ttl_ms\":",
    "\"ramp_from\":{",
    "\"ramp_ms\":",
    "\"listen\":",
    "\"upstream\":",
    "\"127.0.0.1:0\"",
    "\"8.8.8.8:53\"",
    "\":0\"",
    "\"enabled\":",
    "true",
    "false",
    "null",
    "0",
    "1",
    "-1",
    "0.5",
    "1e300",
    "9223372036854775807",
    "1000",
    "503",
    "\"\\u0000\"",
];

fn made_up(bytes: &[u8], pieces: &[&str]) -> String {
    bytes.iter().map(|byte| pieces[usize::from(*byte) % pieces.len()]).collect()
}

/// A desk with a proxy of each protocol, none of which listens.
fn desk() -> Arc<Desk> {
    let desk = Desk::new(Scope::default(), 1, Duration::from_secs(60));
    for protocol in [Protocol::Tcp, Protocol::Http, Protocol::Udp] {
        let spec = ProxySpec {
            name: protocol.name().to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            upstream: "127.0.0.1:9".to_owned(),
            protocol,
            enabled: false,
        };
        desk.create(spec).unwrap();
    }
    desk
}

/// Asks twice: what is there already is another case.
fn ask(input: &[u8]) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = runtime.enter();
    let desk = desk();
    let text = String::from_utf8_lossy(input).into_owned();
    let (call, body) = if input.first().is_some_and(u8::is_ascii_uppercase) {
        let (call, body) = text.split_once('\n').unwrap_or((&text, ""));
        (call.to_owned(), body.as_bytes().to_vec())
    } else {
        let [call, rest @ ..] = input else { return };
        let call = CALLS[usize::from(*call) % CALLS.len()].to_owned();
        (call, made_up(rest, &PIECES).into_bytes())
    };
    let (method, path) = call.split_once(' ').unwrap_or((&call, "/"));
    let Ok(method) = method.parse::<Method>() else { return };
    for _ in 0..2 {
        let said = respond(&desk, &method, path, &body);
        let status = said.status().as_u16();
        assert!([200, 201, 204, 400, 403, 404, 405, 409, 500].contains(&status), "{status}");
        if [400, 403, 409].contains(&status) {
            let said: serde_json::Value = serde_json::from_str(said.body()).unwrap();
            assert!(said["error"].is_string() && said["status"] == status, "{said}");
        }
        judge(&desk);
    }
}

/// What holds whatever was asked.
fn judge(desk: &Desk) {
    for proxy in desk.proxies() {
        if proxy.spec.enabled {
            let listens: SocketAddr = proxy.spec.listen.parse().unwrap();
            assert!(listens.ip().is_loopback() && listens.port() > 0, "{listens}");
        }
        for shown in proxy.toxics {
            let kind = &shown.toxic.kind;
            let again = ToxicKind::read(kind.name(), &kind.attributes());
            assert_eq!(again.as_ref(), Ok(kind), "{:?}", kind.attributes());
            assert!((0.0..=1.0).contains(&shown.toxic.toxicity));
            assert!(shown.toxic.fits(proxy.spec.protocol).is_ok());
        }
    }
}

#[test]
fn whatever_the_api_is_asked_it_answers() {
    bolero::check!(name = "api").with_iterations(3_000).with_max_len(200).for_each(ask);
}

/// What a file of proxies is made of.
const WORDS: [&str; 32] = [
    "[proxy.a]\n",
    "[[proxy.a.toxic]]\n",
    "[proxy.b]\n",
    "listen = ",
    "upstream = ",
    "protocol = ",
    "enabled = ",
    "type = ",
    "stream = ",
    "toxicity = ",
    "ttl_s = ",
    "ramp_s = ",
    "ramp_from = ",
    "attributes = ",
    "name = ",
    "{ latency = 1 }",
    "{ rate = -1 }",
    "{ }",
    "\"latency\"",
    "\"loss\"",
    "\"127.0.0.1:1\"",
    "\"upstream\"",
    "\"udp\"",
    "true",
    "0",
    "0.5",
    "-1",
    "[",
    "]",
    "\n",
    "\n",
    " # ",
];

fn read(input: &[u8]) {
    let text = if input.first().is_some_and(|first| (b' '..127).contains(first)) {
        String::from_utf8_lossy(input).into_owned()
    } else {
        made_up(input, &WORDS)
    };
    match settings(&Source::new("proxies.toml", text.clone())) {
        Ok(all) => {
            assert!(!all.is_empty());
            for (asked, lease_ms) in all.into_iter().flat_map(|proxy| proxy.toxics) {
                assert!(ToxicKind::read(&asked.kind, &asked.attributes).is_ok(), "{asked:?}");
                assert!(lease_ms.is_none_or(|ms| ms >= 100), "{lease_ms:?}");
            }
        }
        Err(problems) => {
            assert!(!problems.list.is_empty());
            for problem in &problems.list {
                assert!(text.get(problem.span.clone()).is_some(), "{:?} of {text:?}", problem.span);
            }
        }
    }
}

#[test]
fn whatever_a_file_of_proxies_says_it_is_read_or_every_problem_has_its_place() {
    bolero::check!(name = "file").with_iterations(3_000).with_max_len(200).for_each(read);
}

/// Every input of a corpus; by how many of them something was found wrong, is told by the panic.
fn replay(name: &str, with: fn(&[u8])) {
    let folder = format!("{}/src/__fuzz__/{name}/corpus", env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        with(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 20, "{folder} has only {count} inputs");
}

#[test]
fn the_corpus_of_both_is_replayed() {
    replay("api", ask);
    replay("file", read);
}
