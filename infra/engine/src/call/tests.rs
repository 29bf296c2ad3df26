//! Backends that mean ill, on real sockets: each costs one session, is told apart, and never hangs.

use std::net::SocketAddr;

use hulk_net::{Scope, listen};
use hulk_record::SessionEnd::{self, Lost, Refused};
use hulk_scenarios::avatar::{FrameMessage, Leave, Turn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;

/// Longer than any limit that a hostile backend may use up here, and far below a hang.
const END_LIMIT: Duration = Duration::from_secs(5);

/// What a backend does with a connection, step by step.
#[derive(Clone)]
enum Does {
    /// Reads a request, and answers it with this.
    Answers(String),
    /// Reads a request, and answers it with a body of so many bytes.
    AnswersAtLength(usize),
    /// Reads a request for a WebSocket, and grants it.
    Accepts,
    /// Sends bytes as they are.
    Sends(Vec<u8>),
    /// Sends bytes again and again, for as long as they are taken.
    SendsOnAndOn(Vec<u8>),
    /// Reads a request and says nothing.
    Ignores,
    /// Waits for longer than anybody waits here.
    Waits,
}
use Does::*;

/// A WebSocket frame of the server's: first byte, length, payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[first, 126], &length[..], payload].concat()
}

fn close(code: u16, reason: &str) -> Does {
    Sends(frame(0x88, &[&code.to_be_bytes()[..], reason.as_bytes()].concat()))
}

fn answer(status: &str, body: &str) -> Does {
    let length = body.len();
    Answers(format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"))
}

/// Reads the head of a request, with its body where it says how long that is.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0; 1];
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.unwrap_or(0) == 1 {
        text.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&text).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _cut_short = stream.read_exact(&mut body).await;
    head
}

async fn does(mut stream: TcpStream, steps: Vec<Does>) {
    for step in steps {
        let bytes = match step {
            Answers(text) => {
                request(&mut stream).await;
                text.into_bytes()
            }
            AnswersAtLength(bytes) => {
                request(&mut stream).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
                [head.as_bytes(), &vec![b' '; bytes]].concat()
            }
            Accepts => {
                let head = request(&mut stream).await;
                let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
                let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
                format!(
                    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: \
                     upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
                )
                .into_bytes()
            }
            Sends(bytes) => bytes,
            SendsOnAndOn(bytes) => {
                while stream.write_all(&bytes).await.is_ok() {}
                return;
            }
            Ignores => {
                request(&mut stream).await;
                tokio::time::sleep(END_LIMIT).await;
                return;
            }
            Waits => {
                tokio::time::sleep(END_LIMIT).await;
                return;
            }
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // What the caller said is read, so that the end is an end and no reset.
    let mut rest = [0; 4096];
    let _best_effort = stream.shutdown().await;
    while let Ok(1..) = stream.read(&mut rest).await {}
}

/// A backend whose connections do these things, one after another.
fn backend(connections: Vec<Vec<Does>>) -> SocketAddr {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for steps in connections {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(does(stream, steps));
        }
    });
    address
}

/// Two seconds of speech, by a caller who waits 300 ms for a frame.
fn plan() -> CallPlan {
    CallPlan {
        turns: vec![Turn { speak_us: 2_000_000, pause_us: 0, barge_in_after_us: None }],
        leave: Leave::Close,
        silence_us_max: 300_000,
        first_frame_us_max: 300_000,
    }
}

/// A call by an adapter, to a backend whose connections do these things.
async fn called(adapter: &str, connections: Vec<Vec<Does>>) -> Called {
    let address = backend(connections);
    let permit = Scope::default().permit(address).unwrap();
    let adapter = Arc::new(Adapter::read(&Adapter::shipped(adapter).unwrap()).unwrap());
    let mut callee = Callee::new(permit, adapter, Epoch(Instant::now()));
    callee.step_limit = Duration::from_millis(500);
    let call = callee.call(0, "s", Offset(0), plan());
    timeout(END_LIMIT, call).await.expect("it hangs")
}

/// The token is given, and then the socket's connection does these things.
async fn socket(steps: Vec<Does>) -> Called {
    let token = answer("200 OK", "{\"room\":\"r\",\"serverUrl\":\"\",\"token\":\"t\"}");
    called("rapido_ws", vec![vec![token], steps]).await
}

async fn ends(cases: Vec<(&str, Vec<Does>, SessionEnd)>) {
    for (name, steps, end) in cases {
        let called = socket(steps).await;
        assert_eq!(called.session.end, end, "{name}: {:?}", called.trouble);
    }
}

#[tokio::test]
async fn every_way_to_refuse_the_upgrade_is_told_apart() {
    ends(vec![
        ("full", vec![answer("403 Forbidden", "Maximum concurrent streams")], Refused(Cause::Capacity)),
        ("busy", vec![answer("503 Service Unavailable", "")], Refused(Cause::Capacity)),
        ("too many", vec![answer("429 Too Many Requests", "")], Refused(Cause::Capacity)),
        ("unknown", vec![answer("401 Unauthorized", "")], Refused(Cause::Auth)),
        ("not there", vec![answer("404 Not Found", "")], Refused(Cause::NotReady)),
        ("broken", vec![answer("500 Internal Server Error", "")], Refused(Cause::Server)),
        ("redirect", vec![Answers("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".into())], Refused(Cause::Server)),
        ("a page", vec![answer("200 OK", "<html>")], Refused(Cause::Server)),
        ("rubbish", vec![Answers("\u{1}\u{2} no HTTP\r\n\r\n".into())], Refused(Cause::Server)),
        ("another key", vec![Answers("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: nonsense\r\n\r\n".into())], Refused(Cause::Server)),
        ("silence", vec![Ignores], Refused(Cause::Server)),
    ])
    .await;
}

#[tokio::test]
async fn an_early_close_is_told_apart_at_every_step() {
    let nobody = called("rapido_ws", vec![vec![]]).await;
    assert_eq!(nobody.session.end, Refused(Cause::Network), "{:?}", nobody.trouble);
    let half = "HTTP/1.1 101 Switching Proto".to_owned();
    ends(vec![
        ("before the upgrade's answer", vec![], Refused(Cause::Network)),
        ("in it", vec![Answers(half)], Refused(Cause::Network)),
        ("after it", vec![Accepts], Lost(Cause::Network)),
        ("in a frame", vec![Accepts, Sends(vec![0x82, 126, 1])], Lost(Cause::Network)),
    ])
    .await;
}

#[tokio::test]
async fn every_close_has_its_cause() {
    ends(vec![
        ("full", vec![Accepts, close(1011, "Maximum concurrent streams")], Lost(Cause::Capacity)),
        ("try again later", vec![Accepts, close(1013, "")], Lost(Cause::Capacity)),
        ("who are you", vec![Accepts, close(1008, "bad token")], Lost(Cause::Auth)),
        ("an error", vec![Accepts, close(1011, "boom")], Lost(Cause::Server)),
        ("going away", vec![Accepts, close(1001, "")], Lost(Cause::Server)),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_frame_costs_one_session() {
    let small =
        FrameMessage { video: &[0; 12], audio: &[], start_speech: false, end_speech: false };
    let endless = [&[0x82, 127][..], &(1_u64 << 40).to_be_bytes()].concat();
    ends(vec![
        ("rubbish", vec![Accepts, Sends(frame(0x82, &[0xff; 300])), Waits], Lost(Cause::Server)),
        (
            "a small picture",
            vec![Accepts, Sends(frame(0x82, &small.encode())), Waits],
            Lost(Cause::Server),
        ),
        ("a gigantic message", vec![Accepts, Sends(endless), Waits], Lost(Cause::Server)),
        ("reserved bits", vec![Accepts, Sends(frame(0xf2, &[0; 300])), Waits], Lost(Cause::Server)),
        (
            "a text that is none",
            vec![Accepts, Sends(frame(0x81, &[0xff; 300])), Waits],
            Lost(Cause::Server),
        ),
        ("silence", vec![Accepts, Waits], Lost(Cause::Server)),
        (
            "texts without end",
            vec![Accepts, SendsOnAndOn(frame(0x81, &[b'a'; 300]).repeat(50))],
            Lost(Cause::Server),
        ),
        ("only texts", vec![Accepts, Sends(frame(0x81, &[b'a'; 300])), Waits], Lost(Cause::Server)),
    ])
    .await;
}

#[tokio::test]
async fn admission_says_no_in_each_dialect() {
    for (name, adapter, steps, end) in [
        (
            "200 and a code",
            "offer_answer",
            vec![answer("200 OK", "{\"code\":-1}")],
            Refused(Cause::Capacity),
        ),
        (
            "a vendor's 429",
            "json_base64",
            vec![answer("429 Too Many Requests", "{}")],
            Refused(Cause::Capacity),
        ),
        (
            "a vendor's 401",
            "json_base64",
            vec![answer("401 Unauthorized", "{}")],
            Refused(Cause::Auth),
        ),
        (
            "still loading",
            "rapido_ws",
            vec![answer("409 Conflict", "{}")],
            Refused(Cause::NotReady),
        ),
        ("no room in it", "rapido_ws", vec![answer("200 OK", "{}")], Refused(Cause::Server)),
        ("no JSON", "rapido_ws", vec![answer("200 OK", "<html>")], Refused(Cause::Server)),
        ("without an end", "rapido_ws", vec![AnswersAtLength(8 << 20)], Refused(Cause::Server)),
        (
            "rubbish",
            "rapido_ws",
            vec![Answers("\u{1} no HTTP\r\n\r\n".into())],
            Refused(Cause::Server),
        ),
        (
            "an end in the body",
            "rapido_ws",
            vec![Answers("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".into())],
            Refused(Cause::Network),
        ),
        ("silence", "rapido_ws", vec![Ignores], Refused(Cause::Server)),
    ] {
        let called = called(adapter, vec![steps]).await;
        assert_eq!(called.session.end, end, "{name}: {:?}", called.trouble);
        assert!(called.trouble.is_some_and(|told| !told.is_empty()), "{name}");
    }
}
