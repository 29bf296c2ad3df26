//! Names, local addresses and the limits of phases, over real sockets. What is sent, and what comes
//! of it, is counted; how long it took is not, so no verdict is asked for.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use hulk_net::{Scope, dial};
use hulk_record::{Measure, Outcome, Record};
use tokio::net::TcpSocket;

use crate::bench::Bench;
use crate::served::Served;

/// Five seconds of some twenty viewers at a target with such tables.
fn file(tables: &str) -> String {
    format!(
        "name = \"names\"\njourneys = [\"names.toml\"]\nclock = {{ speed = 1 }}\n\n[audience]\nmodel = \
         \"ind-vs-nz-2019\"\nday = \"day-2\"\nfrom_min = 256\nto_min = 256.08333333333333\nscale = \
         9.4e-7\nlead_in_ms = 1000\n\n[[objective]]\nname = \"it answers\"\nservice = \
         \"shop\"\nserved_share = {{ min = 0.99 }}\n\n{tables}"
    )
}

const JOURNEY: &str = "name = \"names\"\ntimeout_ms = 2_000\nretry = { none = {} }\n\n[[step]]\n\
                       after = { name = \"front\", service = \"shop\", get = \"/\", on_resume = true }\n";

/// Answers each request on a connection with so much of a text of six bytes.
fn serve(stream: TcpStream, body: &str) {
    let mut writer = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(line)) = lines.next() {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n{body}");
        if line.is_empty() && writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Answers one request.
fn serve_once(stream: TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    if lines.take_while(|line| !line.is_empty()).count() > 0 {
        let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\nhello!";
        // A viewer who leaves does not wait for it.
        let _left = writer.write_all(answer);
    }
}

/// A name server that knows one name; it ends with this value.
struct NameServer {
    port: u16,
    v4: Arc<Mutex<Vec<Ipv4Addr>>>,
    over: Arc<AtomicBool>,
    answering: Option<JoinHandle<()>>,
}

impl NameServer {
    /// Its answers count for a second.
    fn start(v4: &[Ipv4Addr]) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let port = socket.local_addr().unwrap().port();
        let (v4, over) = (Arc::new(Mutex::new(v4.to_vec())), Arc::new(AtomicBool::new(false)));
        let (says, end) = (Arc::clone(&v4), Arc::clone(&over));
        let answering = thread::spawn(move || {
            let mut question = [0; 512];
            while !end.load(Ordering::SeqCst) {
                let Ok((length, from)) = socket.recv_from(&mut question) else { continue };
                let mut answer = question[..length].to_vec();
                answer[2] |= 0x80;
                // A, and not AAAA.
                if answer[length - 3] == 1 {
                    let says = says.lock().unwrap();
                    answer[7] = says.len() as u8;
                    for address in says.iter() {
                        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
                        answer.extend(address.octets());
                    }
                }
                socket.send_to(&answer, from).unwrap();
            }
        });
        Self { port, v4, over, answering: Some(answering) }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ended = self.answering.take().map(JoinHandle::join);
    }
}

/// All samples of a measure.
fn samples(record: &Record, measure: Measure) -> u64 {
    let series = record.frames.iter().flat_map(|frame| &frame.series);
    let those = series.filter(|(key, _)| key.measure == measure);
    those.flat_map(|(_, samples)| &samples.counts).map(|(_, count)| count).sum()
}

fn troubles(record: &Record) -> BTreeSet<String> {
    let all = record.frames.iter().flat_map(|frame| &frame.troubles);
    all.map(|trouble| format!("{}: {}", trouble.step, trouble.what)).collect()
}

#[test]
fn viewers_take_turns_with_the_addresses_of_a_name_and_with_their_own() {
    let bench = Bench::take("names");
    let seen: Arc<Mutex<Vec<(IpAddr, IpAddr)>>> = Arc::default();
    let on = |last: u8, port: u16| {
        let seen = Arc::clone(&seen);
        Served::at(SocketAddr::from(([127, 0, 0, last], port)), move |stream| {
            let ends = (stream.local_addr().unwrap().ip(), stream.peer_addr().unwrap().ip());
            seen.lock().unwrap().push(ends);
            serve_once(stream);
        })
    };
    let first = on(1, 0);
    let port = first.port;
    let _others = [on(2, port), on(3, port), on(4, port)];
    let local = |last: u8| Ipv4Addr::new(127, 0, 0, last);
    let names = NameServer::start(&[local(1), local(2), local(3), Ipv4Addr::new(192, 0, 2, 1)]);
    let beat =
        "[[step]]\nevery = { name = \"beat\", service = \"shop\", get = \"/\", period_s = 0.25 }\n";
    bench.write("names.toml", format!("{JOURNEY}{beat}"));
    bench.write(
        "rehearsal.toml",
        file(&format!(
            "[generator]\nlocal_addresses = [\"127.0.0.8\", \"127.0.0.9\"]\n\n[target.url]\nbase = \
             \"http://shop.test:{port}\"\nresolve = {{ dns = \"127.0.0.1:{}\" }}\n",
            names.port
        )),
    );
    let mut running = bench.rehearsal("rehearsal.toml");
    running.wait_for_folder();
    // Well after the lead-in, the name leads elsewhere.
    sleep(Duration::from_millis(3_300));
    *names.v4.lock().unwrap() = vec![local(4)];
    let run = running.end();
    let seen = seen.lock().unwrap();
    let places: BTreeSet<IpAddr> = seen.iter().map(|(at, _)| *at).collect();
    assert_eq!(places, (1..=4).map(|last| local(last).into()).collect(), "{seen:?}");
    let from: BTreeSet<IpAddr> = seen.iter().map(|(_, from)| *from).collect();
    assert_eq!(from, [8, 9].map(|last| local(last).into()).into());
    let record = run.record();
    assert!(samples(&record, Measure::Dns) > 0);
    let wanted = ["front", "beat"].map(|step| format!("{step}: the name leads outside the scope"));
    let troubles = troubles(&record);
    assert!(!troubles.is_empty() && troubles.is_subset(&wanted.into()), "{troubles:?}");
}

#[test]
fn a_name_that_does_not_lead_to_this_machine_is_not_followed() {
    let bench = Bench::take("names-out");
    let names = NameServer::start(&[Ipv4Addr::new(192, 0, 2, 1)]);
    bench.write("names.toml", JOURNEY);
    let url = "[target.url]\nbase = \"http://shop.test\"\nresolve = ";
    let tables = format!("{url}{{ dns = \"127.0.0.1:{}\" }}\n", names.port);
    bench.write("rehearsal.toml", file(&tables));
    let run = bench.rehearsal("rehearsal.toml").end();
    assert_ne!(run.code, 0, "nothing was answered: {run:?}");
    let wanted = "front: no connection: the name leads outside the scope".to_owned();
    assert_eq!(troubles(&run.record()), [wanted].into());
    let trial = bench.hulk(&["trial", "rehearsal.toml"]);
    assert!(trial.stdout.contains("the name leads outside the scope"), "{trial:?}");
}

/// A port whose queue of connections is full for as long as these are there.
async fn full() -> (u16, (tokio::net::TcpListener, Vec<tokio::net::TcpStream>)) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let at = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    let permit = Scope::default().permit(at).unwrap();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(500), dial(permit)).await {
        queue.push(stream.unwrap());
        assert!(queue.len() < 100, "a queue of one is never full");
    }
    (at.port(), (listener, queue))
}

#[test]
fn each_phase_has_a_limit_of_its_own() {
    let bench = Bench::take("phases");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (full_port, _queue) = runtime.block_on(full());
    let shop = Served::by(|stream| serve(stream, "hello!"));
    let half = Served::by(|stream| serve(stream, "hel"));
    // Reads, and says nothing.
    let mute = Served::by(|stream| BufReader::new(stream).lines().for_each(drop));
    let silent_names = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let names_port = silent_names.local_addr().unwrap().port();
    let services = ["unnamed", "full", "dark", "mute", "half"];
    let steps = services.map(|name| {
        format!(
            "[[step]]\nevery = {{ name = \"{name}\", service = \"{name}\", get = \"/\", period_s = 2 \
             }}\n"
        )
    });
    bench.write("names.toml", format!("{JOURNEY}{}", steps.concat()));
    let certificate = include_str!("../../infra/net/tests/certificates/ca.pem");
    bench.write("ca.pem", certificate);
    let tables = format!(
        "[target.url]\nbase = \"http://127.0.0.1:{}\"\ntimeouts = {{ dns_ms = 40, connect_ms = 50, \
         tls_ms = 60, first_byte_ms = 500, body_ms = 80 }}\n[target.url.service]\nunnamed = {{ base = \
         \"http://shop.test\", resolve = {{ dns = \"127.0.0.1:{names_port}\" }} }}\nfull = {{ base = \
         \"http://127.0.0.1:{full_port}\" }}\ndark = {{ base = \"https://127.0.0.1:{}\", ca = \
         \"ca.pem\" }}\nmute = {{ base = \"http://127.0.0.1:{}\", timeouts = {{ first_byte_ms = 70 }} \
         }}\nhalf = {{ base = \"http://127.0.0.1:{}\" }}\n",
        shop.port, mute.port, mute.port, half.port
    );
    bench.write("rehearsal.toml", file(&tables));
    let run = bench.rehearsal("rehearsal.toml").end();
    let record = run.record();
    let wanted = [
        "unnamed: no address within dns_ms",
        "full: no connection within connect_ms",
        "dark: not encrypted within tls_ms",
        "mute: no answer within first_byte_ms",
        "half: the answer began and did not end within body_ms",
    ];
    let mut troubles = troubles(&record);
    // What nobody waits for any more is given up by itself, and that is known for a second.
    troubles.remove("unnamed: no connection: the name server does not answer");
    assert_eq!(troubles, wanted.map(str::to_owned).into());
    for service in services {
        let keys = record.frames.iter().flat_map(|frame| &frame.series).map(|(key, _)| key);
        let outcomes: BTreeSet<Outcome> = keys
            .filter(|key| key.step == service && key.measure == Measure::Response)
            .map(|key| key.outcome)
            .collect();
        // Who leaves meanwhile takes the request along.
        assert!(outcomes.contains(&Outcome::Timeout), "{service}: {outcomes:?}");
        assert!(!outcomes.contains(&Outcome::Ok), "{service}: {outcomes:?}");
    }
    let trial = bench.hulk(&["trial", "rehearsal.toml"]);
    let told = wanted.iter().filter_map(|wanted| wanted.split(": ").nth(1));
    for wanted in told {
        assert!(trial.stdout.contains(wanted), "{wanted}: {}", trial.stdout);
    }
}
