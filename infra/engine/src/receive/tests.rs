//! Services that serve and services that mean ill, on real sockets: whatever they do is counted,
//! and never hangs.

use std::net::SocketAddr;

use hulk_net::{Scope, listen};
use hulk_scenarios::StampUnit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::*;

/// Far above what any run here takes, and far below a hang.
const END_LIMIT: Duration = Duration::from_secs(10);
/// From the start of a run to its end.
const RUN_US: i64 = 700_000;

/// What a service does with each connection, step by step.
#[derive(Clone)]
enum Does {
    /// Reads a request, and answers it with this.
    Answers(&'static str),
    /// Reads a request for a WebSocket, and grants it.
    Accepts,
    /// Sends bytes as they are.
    Sends(Vec<u8>),
    /// Sends bytes again and again, for as long as they are taken.
    SendsOnAndOn(Vec<u8>),
    /// Waits for longer than anybody waits here.
    Waits,
}
use Does::*;

/// A WebSocket frame of the server's: first byte, length, payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[first, 126], &length[..], payload].concat()
}

async fn request(stream: &mut TcpStream) -> String {
    let (mut text, mut byte) = (Vec::new(), [0; 1]);
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.unwrap_or(0) == 1 {
        text.push(byte[0]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

async fn does(mut stream: TcpStream, steps: Vec<Does>) {
    for step in steps {
        let bytes = match step {
            Answers(text) => {
                request(&mut stream).await;
                text.as_bytes().to_vec()
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
            Waits => {
                tokio::time::sleep(END_LIMIT).await;
                return;
            }
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
    // What the receiver said is read, so that the end is an end and no reset.
    let mut rest = [0; 4096];
    let _best_effort = stream.shutdown().await;
    while let Ok(1..) = stream.read(&mut rest).await {}
}

/// A service in whose connections this happens.
fn service<F, C>(connection: C) -> SocketAddr
where
    C: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream));
        }
    });
    address
}

fn feed(address: SocketAddr, receivers: u32, epoch: Epoch) -> Feed {
    Feed {
        permit: Scope::default().permit(address).unwrap(),
        path: "/feed?topic=a".to_owned(),
        rooms: 0,
        fields: MessageFields::new("/t", StampUnit::Us, "/n"),
        receivers,
        over_us: 0,
        for_us: RUN_US,
        storm: None,
        seed: 1,
        epoch,
        unix_us: 0,
    }
}

/// What two receivers meet of a service that does these things.
async fn met(steps: Vec<Does>) -> Heard {
    let address = service(move |stream| does(stream, steps.clone()));
    let run = receive_within(feed(address, 2, Epoch(Instant::now())), Duration::from_millis(200));
    timeout(END_LIMIT, run).await.expect("it hangs").unwrap()
}

#[tokio::test]
async fn each_way_to_be_no_feed_is_told_by_its_reason() {
    let redirect =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let full = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\n\r\nfull\n";
    let endless = [&[0x81, 127][..], &(1_u64 << 40).to_be_bytes()].concat();
    let slow = frame(0x88, &[&1013_u16.to_be_bytes()[..], b"too slow"].concat());
    for (steps, connected, reason) in [
        (vec![Answers(redirect)], 0, "upgrade: 302"),
        (vec![Answers(full)], 0, "upgrade: 503 full"),
        (vec![Answers("\u{1} no HTTP\r\n\r\n")], 0, "upgrade: "),
        (vec![], 0, "upgrade: "),
        (vec![Waits], 0, "upgrade: no answer in time"),
        (vec![Accepts], 2, "cut off"),
        (vec![Accepts, Sends(vec![0x81, 126, 1])], 2, "cut off"),
        (vec![Accepts, Sends(slow)], 2, "closed: 1013 too slow"),
        (vec![Accepts, Sends(endless), Waits], 2, "broken: Space limit exceeded"),
        (vec![Accepts, Sends(frame(0xf1, b"{}")), Waits], 2, "broken: "),
    ] {
        let heard = met(steps).await;
        assert_eq!((heard.connected, heard.received), (connected, 0), "{reason}: {heard:?}");
        let [(told, count)] = &heard.troubles[..] else { panic!("{reason}: {heard:?}") };
        assert!(told.starts_with(reason) && *count >= 2, "{reason}: {heard:?}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_counted_and_the_connection_stays() {
    let texts = ["garbage", "{\"n\": 0}", "{\"t\": \"now\", \"n\": 1}", "[]", ""];
    let frames = texts.map(|text| frame(0x81, text.as_bytes())).concat();
    let heard = met(vec![Accepts, Sends(frames), Waits]).await;
    assert_eq!((heard.received, heard.malformed), (10, 10), "{heard:?}");
    assert_eq!((heard.expected, heard.missed, heard.troubles.len()), (4, 0, 0), "{heard:?}");
    let silent = met(vec![Accepts, Waits]).await;
    assert_eq!((silent.connected, silent.gone, silent.received), (2, 0, 0), "{silent:?}");
    assert!(silent.lag.count() > 10, "{silent:?}");
}

#[tokio::test]
async fn a_feed_that_never_pauses_ends_with_the_run() {
    let many = frame(0x81, b"{\"t\": 0, \"n\": 5}").repeat(500);
    let heard = met(vec![Accepts, SendsOnAndOn(many)]).await;
    assert!(heard.received > 1_000 && heard.repeated >= heard.received - 2, "{heard:?}");
    assert_eq!((heard.gone, heard.expected), (0, 2), "{heard:?}");
}

/// A service that counts for everybody alike, every 20 ms, with stamps so much earlier than the
/// message.
fn counting(epoch: Epoch, early_us: i64) -> SocketAddr {
    service(move |stream| async move {
        let Ok(mut socket) = accept_async(stream).await else { return };
        let mut number = epoch.now_us() / 20_000 + 1;
        loop {
            sleep_until(epoch.at_us(number * 20_000)).await;
            let stamp_us = epoch.now_us() - early_us;
            let text = format!("{{\"t\": {stamp_us}, \"n\": {number}}}");
            if socket.send(Message::text(text)).await.is_err() {
                return;
            }
            number += 1;
        }
    })
}

#[tokio::test]
async fn a_stamp_shifts_the_latency_by_what_it_is_early_and_one_of_the_future_is_told() {
    let epoch = Epoch(Instant::now());
    let heard = receive(feed(counting(epoch, 50_000), 3, epoch)).await.unwrap();
    assert_eq!((heard.connected, heard.ahead, heard.missed), (3, 0, 0), "{heard:?}");
    assert!(heard.received >= 30 && heard.latency.min_us() >= 50_000, "{heard:?}");
    let epoch = Epoch(Instant::now());
    let heard = receive(feed(counting(epoch, -9_000_000), 1, epoch)).await.unwrap();
    assert_eq!((heard.ahead, heard.latency.count()), (heard.received, 0), "{heard:?}");
    assert!((8_000_000..=9_000_000).contains(&heard.ahead_us_max), "{heard:?}");
}

#[tokio::test]
async fn who_is_cut_off_by_the_storm_comes_back_at_once() {
    let epoch = Epoch(Instant::now());
    let storm = Some(Storm { at_us: 300_000, share: 0.5 });
    let feed = Feed { storm, for_us: 2 * RUN_US, ..feed(counting(epoch, 0), 4, epoch) };
    let heard = timeout(END_LIMIT, receive(feed)).await.expect("it hangs").unwrap();
    let storm = heard.storm.expect("there was one");
    assert_eq!((storm.cut, storm.back, heard.reconnects), (2, 2, 2), "{heard:?}");
    assert_eq!((heard.missed, heard.gone, heard.troubles.len()), (0, 0, 0), "{heard:?}");
    assert_eq!(heard.away.count(), 2);
    assert!(storm.last_back_us < 1_000_000, "{heard:?}");
}

#[tokio::test]
async fn rooms_are_taken_in_turn_and_a_path_must_be_one() {
    let epoch = Epoch(Instant::now());
    let plain = feed(([127, 0, 0, 1], 1).into(), 5, epoch);
    let path = |feed: &Feed, receiver| {
        let tally = Mutex::new(Tally::new(5, feed.rooms, None));
        Receivers { feed: feed.clone(), step_limit: STEP_LIMIT, tally }.path(receiver)
    };
    assert_eq!(path(&plain, 4), "/feed?topic=a");
    let rooms = Feed { rooms: 3, ..plain.clone() };
    assert_eq!(path(&rooms, 4), "/feed?topic=a&room=1");
    assert_eq!(path(&Feed { path: "/feed".to_owned(), ..rooms }, 2), "/feed?room=2");
    let none = receive(Feed { path: "/a b".to_owned(), ..plain }).await;
    assert!(matches!(none, Err(FeedError::Path(path)) if path == "/a b"));
}

#[test]
fn waits_double_up_to_a_limit_and_spread_from_nothing_on() {
    for (failed, most_s) in [(1, 1.0), (2, 2.0), (5, 16.0), (6, 30.0), (99, 30.0)] {
        let waits: Vec<f64> =
            (0..1_000).map(|of| wait_of(1, of, 7, failed).as_secs_f64() / most_s).collect();
        assert!(waits.iter().all(|share| (0.0..1.0).contains(share)), "{failed}");
        let mean = waits.iter().sum::<f64>() / 1_000.0;
        assert!((0.45..0.55).contains(&mean), "{failed}: {mean}");
    }
    assert_eq!(wait_of(1, 2, 3, 4), wait_of(1, 2, 3, 4));
    assert_ne!(wait_of(1, 2, 3, 4), wait_of(1, 2, 4, 4), "each attempt draws anew");
    assert_ne!(wait_of(1, 2, 3, 4), wait_of(2, 2, 3, 4));
}
