//! Coordinated omission, live: a server that answers nothing for a second, and what the record says
//! of it. `tests/virtual_time/co1.rs` has the same law to the last digit.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use hulk_record::{Frame, Measure, Record, Samples};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::bench::{Bench, Run};

const LATENCY: Duration = Duration::from_millis(1);
/// Since the first request: what is in flight or comes in it is answered at its end.
const STALL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(6));
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

const REHEARSAL: &str = r#"
name = "co1"
seed = 1
journeys = ["ask.toml"]

[load]
constant_arrival_rate = { per_s = 1000, duration_s = 10 }

[generator]
users_max = 1500

[target.url]
base = "http://127.0.0.1:PORT"
"#;

const JOURNEY: &str = r#"
name = "ask"
retry = { none = {} }

[[step]]
after = { name = "ask", service = "target", get = "/" }
"#;

/// A server that stalls once; it ends with this value.
struct Stalling {
    port: u16,
    /// How late the last of those who were stalled had the answer, in ms: the control.
    late_ms: Arc<AtomicU64>,
    _over: oneshot::Sender<Infallible>,
}

impl Stalling {
    fn start() -> Self {
        let (over, ended) = oneshot::channel();
        let (tell, port) = mpsc::channel();
        let late_ms = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&late_ms);
        thread::spawn(move || {
            keep_to_the_first_core();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                tell.send(listener.local_addr().unwrap().port()).unwrap();
                tokio::select! {
                    () = serve(listener, told) => {}
                    // Nothing is ever sent: the other end goes.
                    _gone = ended => {}
                }
            });
        });
        Self { port: port.recv().unwrap(), late_ms, _over: over }
    }
}

/// The generator keeps to the last one: on one core with it, the server's thousand answers and their readings
/// would stand in a row.
fn keep_to_the_first_core() {
    let mut cores = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|core| cores.is_set(*core)).unwrap();
    cores.clear();
    cores.set(first);
    sched_setaffinity(None, &cores).unwrap();
}

async fn serve(listener: TcpListener, late_ms: Arc<AtomicU64>) {
    let first = Arc::new(OnceLock::new());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        tokio::spawn(answer_all(stream, Arc::clone(&first), Arc::clone(&late_ms)));
    }
}

/// Requests without a body, one after another, each of which comes in one piece.
async fn answer_all(mut stream: TcpStream, first: Arc<OnceLock<Instant>>, late_ms: Arc<AtomicU64>) {
    let mut request = [0; 4096];
    while let Ok(1..) = stream.read(&mut request).await {
        let received = Instant::now();
        let start = *first.get_or_init(|| received);
        let due = received + LATENCY;
        let stalled = due >= start + STALL.0 && received < start + STALL.1;
        let due = if stalled { start + STALL.1 + LATENCY } else { due };
        sleep_until(due).await;
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
        if stalled {
            late_ms.fetch_max(due.elapsed().as_millis() as u64, Ordering::Relaxed);
        }
    }
}

/// All samples of one measure in the window.
fn samples(record: &Record, measure: Measure) -> Samples {
    let mut all = Samples::new();
    for (key, samples) in record.frames.iter().flat_map(|frame| &frame.series) {
        if key.measure == measure && key.step == "ask" {
            all.merge(samples);
        }
    }
    all
}

/// CPU time that the generator wanted and did not get just before and after a time, in ms.
fn lost_ms(record: &Record, at: Duration) -> u64 {
    let around = |frame: &&Frame| {
        let us = at.as_micros() as i64;
        (frame.from.0 - 500_000..frame.to.0 + 500_000).contains(&us)
    };
    let lost_us = |frame: &Frame| frame.machine.steal_us + frame.process.run_delay_us.unwrap_or(0);
    record.frames.iter().filter(around).map(lost_us).sum::<u64>() / 1000
}

/// The run, and how late its server was with the last of those who were stalled, in ms.
fn stalled_run(bench: &Bench) -> (Run, u64) {
    bench.write("ask.toml", JOURNEY);
    let server = RefCell::new(None);
    let run = bench.rehearse_each("co1", || {
        // Each try has a stall of its own.
        let fresh = Stalling::start();
        bench.write("co1.toml", REHEARSAL.replace("PORT", &fresh.port.to_string()));
        server.replace(Some(fresh));
        bench.rehearsal("co1.toml").end()
    });
    run.assert_ended(0, "PASS");
    let server_ms = server.take().map_or(0, |server| server.late_ms.load(Ordering::Relaxed));
    (run, server_ms)
}

#[test]
fn co1_live_shows_the_stall_as_long_as_it_was() {
    let bench = Bench::take("co1");
    let (run, server_ms) = stalled_run(&bench);
    let record = run.record();
    let response = samples(&record, Measure::Response);
    assert_eq!(response.count(), 10_000, "each arrival asked once");
    // Who got no CPU when the stall was over made it longer, by an arrival for each ms: the server says how
    // late it was, the record what its own threads and the machine lacked in those seconds.
    let lost_ms = server_ms + lost_ms(&record, STALL.1);
    println!("the server was {server_ms} ms late, {lost_ms} ms were lost in all");
    let slow = response.count_above(100_000);
    let slow_max = 918 + lost_ms;
    assert!((882..=slow_max).contains(&slow), "{slow} took longer than 100 ms: 900 ± 2 % should");
    let p99_us = response.quantile_us(990_000);
    let p99_max = 916_000 + lost_ms * 1000;
    assert!((886_000..=p99_max).contains(&p99_us), "p99 is {p99_us} µs: 901 ± 15 ms should be");
    let all = record.frames.iter().map(|frame| &frame.arrivals);
    let dropped: u64 = all.map(|a| a.dropped_pool + a.dropped_target + a.dropped_descriptors).sum();
    assert_eq!(dropped, 0, "the pool held all who waited");
}

/// oha's durations with its correction, in ms, of the same load on a server of the same kind, and how late
/// that was, in ms.
fn by_oha(bench: &Bench) -> (Vec<f64>, u64) {
    let server = Stalling::start();
    let oha =
        std::env::var("OHA").expect("OHA=path of oha; benches/peers/run --only oha installs it");
    let url = format!("http://127.0.0.1:{}/", server.port);
    // It waits for the answers that are under way at its end.
    let options = "--no-tui --output-format csv --latency-correction -q 1000 -c 1200 -z 10s -w";
    let run = bench
        .start(&[&[oha.as_str()], &options.split(' ').collect::<Vec<_>>()[..], &[&url]].concat());
    let run = run.end();
    assert_eq!(run.code, 0, "{run:?}");
    let mut lines = run.stdout.lines();
    let names = lines.next().expect("a head").split(',');
    let place = names.into_iter().position(|name| name == "request-duration").expect("a column");
    let seconds = lines.map(|line| line.split(',').nth(place).unwrap().parse::<f64>().unwrap());
    (seconds.map(|s| s * 1e3).collect(), server.late_ms.load(Ordering::Relaxed))
}

#[test]
#[ignore = "needs oha: `tests/long co1`"]
fn co1_live_agrees_with_oha_and_its_correction() {
    let bench = Bench::take("co1-oha");
    let (run, late_ms) = stalled_run(&bench);
    let response = samples(&run.record(), Measure::Response);
    let (mut oha_ms, oha_late_ms) = by_oha(&bench);
    oha_ms.sort_by(f64::total_cmp);
    let slow = [
        response.count_above(100_000) as f64,
        oha_ms.iter().filter(|ms| **ms > 100.0).count() as f64,
    ];
    let p99_ms = [response.quantile_us(990_000) as f64 / 1e3, oha_ms[oha_ms.len() * 99 / 100]];
    println!("| generator | requests | longer than 100 ms | p99 ms | the server was late by ms |");
    println!("|---|---|---|---|---|");
    // A server that needs longer for those who waited makes the stall longer: told beside, not allowed for.
    let late_ms = [late_ms, oha_late_ms];
    let requests = [response.count() as usize, oha_ms.len()];
    for (place, name) in ["HULK", "oha"].into_iter().enumerate() {
        let (slow, p99_ms, late_ms) = (slow[place], p99_ms[place], late_ms[place]);
        println!("| {name} | {} | {slow} | {p99_ms:.1} | {late_ms} |", requests[place]);
        assert!((882.0..=918.0).contains(&slow), "{name}: 900 ± 2 % should be slow");
        assert!((886.0..=916.0).contains(&p99_ms), "{name}: p99 should be 901 ± 15 ms");
    }
    assert!((slow[0] / slow[1] - 1.0).abs() <= 0.02, "{slow:?}");
}
