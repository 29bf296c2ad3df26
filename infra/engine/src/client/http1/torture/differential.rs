//! Answers made up at random, laid beside what hyper makes of them.
//!
//! `HULK_FUZZ_CASES=200000` takes so many instead of some thousand.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use http_body_util::{BodyExt, Full};
use hulk_scenarios::Method;
use hyper::body::Bytes;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestRunner};

use super::script::Script;
use super::{End, Outcome, outcome};
use crate::client::http1::{Http1, Malformed};

/// What a server sends to a request, and what it does then.
#[derive(Debug, Clone)]
struct Sample {
    method: Method,
    pieces: Vec<Vec<u8>>,
    end: End,
}

/// A difference to hyper that is on purpose.
struct Difference {
    reason: &'static str,
    /// What shows it, in its pieces.
    example: &'static [&'static str],
    /// Whether it is this one: all that was sent, what came of it here, and what there.
    is_it: fn(&[u8], &Outcome, &Outcome) -> bool,
}

const DIFFERENCES: [Difference; 6] = [
    Difference {
        reason: "hyper hands over a connection whose protocol changes, which nobody asks for here",
        example: &["HTTP/1.1 101 Switching Protocols\r\n\r\n"],
        is_it: |_, ours, _| *ours == failed(Malformed::Upgrade),
    },
    Difference {
        reason: "hyper takes a line feed alone for the end of the trailer's last line",
        example: &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: b\n\r\n\r\n"],
        is_it: |_, ours, _| *ours == failed(Malformed::Trailer),
    },
    Difference {
        reason: "hyper reads bodies of any length",
        example: &["HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nhello"],
        is_it: |_, ours, _| *ours == failed(Malformed::BodyTooLong),
    },
    Difference {
        reason: "hyper looks into no list that has a byte beyond ASCII",
        example: &["HTTP/1.1 200 OK\r\nconnection: close, \u{e9}\r\ncontent-length: 0\r\n\r\n"],
        is_it: |sent, _, _| !sent.is_ascii(),
    },
    Difference {
        reason: "hyper looks at a head that has begun only when its end has come",
        example: &["HTTP/1.1 ", "2x"],
        is_it: |_, ours, theirs| *ours == failed(Malformed::Head) && *theirs == Outcome::Waiting,
    },
    Difference {
        reason: "hyper reads zeros and white space of size lines without end",
        example: &[],
        is_it: |_, ours, theirs| {
            *ours == failed(Malformed::ChunkSize) && !matches!(theirs, Outcome::Failed(_))
        },
    },
];

fn failed(why: Malformed) -> Outcome {
    Outcome::Failed(why.to_string())
}

/// What a difference may lie in: why something failed is told in other words.
fn class(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Failed(_) => Outcome::Failed(String::new()),
        other => other.clone(),
    }
}

/// What came of it here, and why it differs, if it does so on purpose.
fn judge(sample: &Sample) -> Result<(Outcome, Option<&'static str>), String> {
    let script = || Script::new(sample.pieces.clone(), sample.end);
    let ours = outcome(&mut Http1::new(script()), sample.method);
    let theirs = Hyper::new(script()).outcome(sample.method);
    if class(&ours) == class(&theirs) {
        return Ok((ours, None));
    }
    let sent = sample.pieces.concat();
    let known = DIFFERENCES.iter().find(|known| (known.is_it)(&sent, &ours, &theirs));
    known.map(|known| (ours.clone(), Some(known.reason))).ok_or_else(|| {
        let sent = sample.pieces.iter().map(|piece| piece.escape_ascii().to_string());
        let sent = sent.collect::<Vec<_>>().join("⏎");
        format!("{:?} {sent} {:?}\nhere  {ours:?}\nhyper {theirs:?}", sample.method, sample.end)
    })
}

/// hyper's client on a stream, driven by hand.
struct Hyper {
    sender: SendRequest<Full<Bytes>>,
    connection: Option<Connection<TokioIo<Script>, Full<Bytes>>>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Hyper {
    fn new(script: Script) -> Self {
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Ok((sender, connection))) = pin!(handshake(TokioIo::new(script))).poll(cx)
        else {
            panic!("a handshake that waits");
        };
        Self { sender, connection: Some(connection), woken: Arc::default() }
    }

    /// Goes on with both until the future is ready, or nothing moves any more.
    fn drive<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::clone(&self.woken));
        let cx = &mut Context::from_waker(&waker);
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            if let Poll::Ready(value) = future.as_mut().poll(cx) {
                return Some(value);
            }
            if let Some(connection) = &mut self.connection
                && Pin::new(connection).poll(cx).is_ready()
            {
                self.connection = None;
                continue;
            }
            if !self.woken.0.load(Ordering::Relaxed) {
                return None;
            }
        }
    }

    fn one(&mut self, method: Method) -> Outcome {
        let (name, body) = match method {
            Method::Head => ("HEAD", ""),
            Method::Post => ("POST", "body"),
            _ => ("GET", ""),
        };
        let request = hyper::Request::builder().method(name).uri("/");
        let request = request.header("host", "target.test").body(Full::from(body)).unwrap();
        let answer = self.sender.send_request(request);
        let exchange = async {
            let answer = answer.await?;
            let status = answer.status().as_u16();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        match self.drive(exchange) {
            Some(Ok((status, body))) => {
                Outcome::Answer { status, body: body.to_vec(), again: false }
            }
            Some(Err(error)) => Outcome::Failed(error.to_string()),
            None => Outcome::Waiting,
        }
    }

    fn outcome(&mut self, method: Method) -> Outcome {
        let mut outcome = self.one(method);
        if let Outcome::Answer { again, .. } = &mut outcome {
            // It goes on until it is at rest.
            let rest: Option<()> = self.drive(std::future::pending());
            assert!(rest.is_none());
            let second = self.one(Method::Get);
            *again = matches!(second, Outcome::Answer { status: 203, .. });
        }
        outcome
    }
}

fn head() -> impl Strategy<Value = String> {
    let version = select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
    let status = prop_oneof![
        12 => Just(200),
        6 => select(vec![201, 204, 206, 301, 304, 404, 500, 503]),
        1 => select(vec![0, 99, 100, 101, 103, 199, 600, 999, 1000]),
    ];
    let reason = select(vec![" OK", " Some Words", " ", ""]);
    let field = prop_oneof![
        6 => select(vec!["server: one", "X: \t y \t", "empty:", "etag: \"1\"", "connection: keep-alive"]),
        1 => select(vec!["connection: close", "Connection: Upgrade, Close", "connection:"]),
        1 => select(vec!["content-length: 3", "transfer-encoding: gzip"]),
    ];
    let interim = select(vec![
        "",
        "",
        "",
        "",
        "",
        "\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early\r\nlink: a\r\n\r\n",
        "HTTP/1.0 102 Wait\r\nconnection: close\r\ncontent-length: 5\r\n\r\n",
    ]);
    let end = prop_oneof![9 => Just("\r\n"), 1 => Just("\n")];
    (interim, version, status, reason, vec(field, 0..4), end).prop_map(
        |(interim, version, status, reason, fields, end)| {
            let fields: String = fields.iter().map(|field| format!("{field}{end}")).collect();
            format!("{interim}{version} {status}{reason}{end}{fields}")
        },
    )
}

/// The last field of the head, and the body.
fn body() -> impl Strategy<Value = String> {
    let length = "[a-z\r\n]{0,40}".prop_flat_map(|body| {
        let exact = body.len().to_string();
        let odd = vec![
            format!("{exact}, {exact}"),
            format!("{exact},{exact}1"),
            format!("+{exact}"),
            format!("00{exact}"),
            format!("{}", body.len() + 1),
            "18446744073709551616".to_owned(),
        ];
        let length = prop_oneof![6 => Just(exact), 1 => select(odd)];
        length.prop_map(move |length| format!("content-length: {length}\r\n\r\n{body}"))
    });
    let extension = select(vec!["", "", "", ";a=b", " ", "\t;x", ";\"q\"", ";"]);
    let chunk = ("[a-z]{1,20}", extension, select(vec!["", "0", "00"])).prop_map(
        |(data, extension, zeros)| format!("{zeros}{:x}{extension}\r\n{data}\r\n", data.len()),
    );
    let trailer = prop_oneof![
        6 => select(vec!["", "", "x: 1\r\n", "x: 1\r\ny:\r\n"]),
        1 => select(vec!["x:1\r\n y\r\n", "x\r\n"]),
    ];
    let chunks = (vec(chunk, 0..5), trailer).prop_map(|(chunks, trailer)| {
        format!("transfer-encoding: chunked\r\n\r\n{}0\r\n{trailer}\r\n", chunks.concat())
    });
    let open = "[a-z]{0,40}".prop_map(|body| format!("\r\n{body}"));
    prop_oneof![3 => length, 3 => chunks, 1 => open]
}

/// Bytes that may mean something.
const BYTES: &[u8] = b"\r\n\r\n\r\n \t:,;0123456789aAfFxX+-\0\x01\x7f\x80\xffHTP/.=\"closet";

/// Something goes wrong with some bytes.
fn change(sent: &mut Vec<u8>, (what, at, byte): (u8, Index, u8)) {
    if sent.is_empty() {
        return;
    }
    let at = at.index(sent.len());
    match what {
        0 => drop(sent.remove(at)),
        1 => sent.insert(at, byte),
        2 => sent[at] = byte,
        3 => {
            let again = sent[at..sent.len().min(at + 1 + usize::from(byte % 16))].to_vec();
            drop(sent.splice(at..at, again));
        }
        _ => sent.truncate(at),
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let method = select(vec![Method::Get, Method::Get, Method::Post, Method::Head]);
    let end = select(vec![End::Stay, End::Stay, End::Close]);
    let change_one = (0..5_u8, any::<Index>(), select(BYTES));
    let changes = prop_oneof![3 => Just(Vec::new()), 2 => vec(change_one, 1..4)];
    let after = select(vec!["\r\n", "x", "HTTP/1.1 200 OK\r\n\r\n"]);
    let after = prop_oneof![9 => Just(""), 1 => after];
    let parts = (head(), body(), after, changes, vec(any::<Index>(), 0..4));
    (method, end, parts).prop_map(|(method, end, (head, body, after, changes, cuts))| {
        let mut sent = [head, body, after.to_owned()].concat().into_bytes();
        changes.into_iter().for_each(|one| change(&mut sent, one));
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(sent.len() + 1)).collect();
        places.extend([0, sent.len()]);
        places.sort_unstable();
        let pieces = places.windows(2).map(|ends| sent[ends[0]..ends[1]].to_vec()).collect();
        Sample { method, pieces, end }
    })
}

#[test]
fn random_answers_are_read_as_hyper_reads_them() {
    let cases = std::env::var("HULK_FUZZ_CASES").ok();
    let cases = cases.map_or(3000, |cases| cases.parse().unwrap());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut came = Came::default();
    let counted = RefCell::new(&mut came);
    let judged = |sample| {
        let (outcome, difference) = judge(&sample).map_err(TestCaseError::fail)?;
        counted.borrow_mut().count(&outcome, difference.is_some());
        Ok(())
    };
    TestRunner::new(config).run(&sample(), judged).unwrap();
    // What is made up is neither all rubbish nor all well, and rarely is there a difference.
    let Came { again, last, failed, waiting, different } = came;
    let enough = [again, last, failed, waiting].iter().all(|count| *count > cases / 20);
    assert!(enough && different < cases / 20, "{came:?}");
}

/// How often what came.
#[derive(Debug, Clone, Copy, Default)]
struct Came {
    again: u32,
    last: u32,
    failed: u32,
    waiting: u32,
    different: u32,
}

impl Came {
    fn count(&mut self, outcome: &Outcome, different: bool) {
        *match outcome {
            Outcome::Answer { again: true, .. } => &mut self.again,
            Outcome::Answer { again: false, .. } => &mut self.last,
            Outcome::Failed(_) => &mut self.failed,
            Outcome::Waiting => &mut self.waiting,
        } += 1;
        self.different += u32::from(different);
    }
}

#[test]
fn each_difference_to_hyper_is_one() {
    for difference in &DIFFERENCES {
        let mut pieces: Vec<_> = difference.example.iter().map(|p| p.as_bytes().to_vec()).collect();
        if pieces.is_empty() {
            let zeros = "0".repeat(20_000);
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            pieces.push(format!("{head}{zeros}\r\n\r\n").into());
        }
        let sample = Sample { method: Method::Get, pieces, end: End::Stay };
        assert_eq!(judge(&sample).map(|(_, reason)| reason), Ok(Some(difference.reason)));
    }
}
