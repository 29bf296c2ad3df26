//! The hop between a client and a server in memory: for all that they say, cut wherever it is cut.

use hulk_scenarios::chaos::{Attributes, Effect, Set, Toxic};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// Says `bytes` in pieces of those lengths, over and over; gives up where nobody listens.
async fn say(mut into: impl AsyncWrite + Unpin, bytes: Vec<u8>, pieces: Vec<usize>) {
    let mut said = 0;
    for piece in pieces.iter().cycle() {
        if said == bytes.len() {
            break;
        }
        let end = (said + piece).min(bytes.len());
        if into.write_all(&bytes[said..end]).await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
        said = end;
    }
    let _best_effort = into.shutdown().await;
}

/// When the server says what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// While it hears.
    Meanwhile,
    /// When it has heard that there is no more.
    AtTheEnd,
}

/// What the server hears of a client that says `asks`, and the client of a server that says `answers`.
fn heard(
    asks: Vec<u8>,
    answers: Vec<u8>,
    says: Says,
    pieces: Vec<usize>,
    order: Order,
) -> (Vec<u8>, Vec<u8>) {
    let (_orders, orders) = watch::channel(Arc::new(order));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, far) = duplex(257);
        let (mut to_server, server) = duplex(131);
        let (mut client_hears, client_says) = split(near);
        let (mut server_hears, server_says) = split(server);
        let (toxics, state) = (Toxics::new(1, orders), State::default());
        let (mut by_server, mut by_client) = (Vec::new(), Vec::new());
        let server = async {
            let hears = async { server_hears.read_to_end(&mut by_server).await.unwrap() };
            match says {
                Says::Meanwhile => {
                    tokio::join!(hears, say(server_says, answers, pieces.clone()));
                }
                Says::AtTheEnd => {
                    hears.await;
                    say(server_says, answers, pieces.clone()).await;
                }
            }
        };
        let hops = async {
            hop(far, &mut to_server, &toxics, &state).await;
            drop(to_server);
        };
        let client = async { client_hears.read_to_end(&mut by_client).await.unwrap() };
        tokio::join!(hops, server, client, say(client_says, asks, pieces.clone()));
        (by_server, by_client)
    })
}

/// A body, and the field that says how long it is.
fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\r\n".to_owned()),
        "[ -~\r\n]{0,90}".prop_map(|body| format!("content-length: {}\r\n\r\n{body}", body.len())),
        vec("[ -~\r\n]{1,30}", 0..4).prop_map(|chunks| {
            let chunks = chunks.iter().map(|chunk| format!("{:x};e\r\n{chunk}\r\n", chunk.len()));
            let chunks: String = chunks.collect();
            format!("Transfer-encoding: chunked\r\n\r\n{chunks}0\r\nsum: 1\r\n\r\n")
        }),
    ]
}

/// A request for `path`, and an answer to it.
fn exchange(path: &'static str) -> impl Strategy<Value = (String, String)> {
    let before = prop_oneof![
        Just(""),
        Just("HTTP/1.1 100 Continue\r\n\r\n"),
        Just("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"),
    ];
    let length = any::<bool>();
    let ask = (prop_oneof![Just("GET"), Just("HEAD"), Just("POST")], "[a-z]{0,9}", body());
    let answer = (before, prop_oneof![Just(200), Just(404), Just(204), Just(304)], body(), length);
    (ask, answer).prop_map(move |((method, field, asked), (before, status, said, length))| {
        let ask = format!("{method} {path} HTTP/1.1\r\nX{field}:{field}\r\n{asked}");
        let bodiless = method == "HEAD" || status == 204 || status == 304;
        let said = match (bodiless, said.as_str()) {
            (true, _) if length => "content-length: 99\r\n\r\n",
            (true, _) => "\r\n",
            // Else it would have no end.
            (false, "\r\n") => "content-length: 0\r\n\r\n",
            (false, said) => said,
        };
        (ask, format!("{before}HTTP/1.1 {status} Said\r\n{said}"))
    })
}

/// What is no message, or only part of one.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..20),
        "[ -~]{0,20}\r\n".prop_map(String::into_bytes),
        exchange("/").prop_map(|(ask, _)| ask.into_bytes()),
        exchange("/").prop_map(|(_, answer)| answer.into_bytes()),
        Just(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n".to_vec()),
        Just(b"\r\n\r\n".to_vec()),
        Just(b"3\r\nabc\r\n".to_vec()),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(1..9_usize, 1..9), vec(1..300_usize, 1..9)]
}

fn concat(parts: impl Iterator<Item = String>) -> Vec<u8> {
    parts.collect::<String>().into_bytes()
}

proptest! {
    #[test]
    fn what_the_two_say_is_what_they_hear(
        exchanges in vec(exchange("/"), 0..8),
        last in prop_oneof![Just(""), Just("HTTP/1.1 200 OK\r\n\r\nall that comes")],
        pieces in pieces(),
    ) {
        let mut exchanges = exchanges;
        if !last.is_empty() {
            exchanges.push(("GET / HTTP/1.0\r\n\r\n".to_owned(), last.to_owned()));
        }
        let asks = concat(exchanges.iter().map(|(ask, _)| ask.clone()));
        let answers = concat(exchanges.iter().map(|(_, answer)| answer.clone()));
        let heard = heard(asks.clone(), answers.clone(), Says::AtTheEnd, pieces, Order::default());
        prop_assert_eq!(heard, (asks, answers));
    }

    #[test]
    fn a_server_hears_whatever_a_client_says(said in anything(), pieces in pieces()) {
        let (by_server, by_client) =
            heard(said.clone(), Vec::new(), Says::AtTheEnd, pieces, Order::default());
        prop_assert_eq!((by_server, by_client), (said, Vec::new()));
    }

    #[test]
    fn a_client_hears_nothing_that_its_server_has_not_said(
        asks in prop_oneof![vec(exchange("/"), 0..4).prop_map(
            |all| concat(all.into_iter().map(|(ask, _)| ask))
        ), anything()],
        said in anything(),
        says in prop_oneof![Just(Says::Meanwhile), Just(Says::AtTheEnd)],
        pieces in pieces(),
    ) {
        let (by_server, by_client) = heard(asks.clone(), said.clone(), says, pieces, Order::default());
        prop_assert!(asks.starts_with(&by_server));
        prop_assert!(said.starts_with(&by_client));
    }

    #[test]
    fn of_many_requests_those_that_fail_are_answered_in_their_turn(
        exchanges in vec((exchange("/good"), exchange("/bad"), any::<bool>()), 0..10),
        pieces in pieces(),
    ) {
        let attributes: Attributes =
            serde_json::from_str(r#"{"status": 503, "body": "busy", "path": "/bad"}"#).unwrap();
        let toxic = Toxic::new(None, "http_status", None, None, &attributes).unwrap();
        let effect = Arc::new(Effect::default());
        let downstream = vec![Set { id: 1, toxic, effect: Arc::clone(&effect) }];
        let (mut asks, mut asked, mut answers, mut answered) = <[Vec<String>; 4]>::default().into();
        for ((ask, answer), (bad, _), fails) in exchanges {
            if fails {
                let body = if bad.starts_with("HEAD") { "" } else { "busy" };
                let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\n";
                answered.push(format!("{head}{body}"));
                asks.push(bad);
            } else {
                asks.push(ask.clone());
                asked.push(ask);
                answers.push(answer.clone());
                answered.push(answer);
            }
        }
        let failed = asks.len() - asked.len();
        let texts = [asks, asked, answers, answered];
        let [asks, asked, answers, answered] = texts.map(|texts| concat(texts.into_iter()));
        let order = Order { upstream: Vec::new(), downstream };
        let heard = heard(asks, answers, Says::AtTheEnd, pieces, order);
        prop_assert_eq!(heard, (asked, answered));
        prop_assert_eq!(effect.counts().requests_failed, failed as u64);
    }
}
