//! What no toxic changes is as it was said.

use std::time::Duration;

use hulk_scenarios::record::hash_of;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{ANSWER, ASK, Pair, ends, hears, world};
use crate::world::LONG;

#[tokio::test]
async fn every_byte_of_a_message_is_as_it_was_said() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    for _ in 0..3 {
        pair.asks(
            "GET http://a.example/x?y HTTP/1.1\r\nHOST:a.example\r\nx-TWICE: 1\r\nB:\t2 \r\n\
             X-twice: 3\r\nEmpty:\r\n\r\n",
        )
        .await;
        pair.answers(
            "HTTP/1.1 200 Very  Well\r\nServer:me\r\nset-Cookie: a=b\r\nX: y\r\n\
             SET-COOKIE: c=d\r\ncontent-LENGTH: 5\r\nUmlaut: \u{fc}\r\n\r\nhello",
        )
        .await;
        pair.asks("PUT /x HTTP/1.1\nhost: a\ncontent-length: 3\n\nabc").await;
        pair.answers("HTTP/1.1 201\r\nContent-Length: 0\r\n\r\n").await;
    }
    assert_eq!(world.shown().accepted, 1);
    let shown = world.shown();
    assert_eq!((shown.upstream.0, shown.downstream.0), (shown.upstream.1, shown.downstream.1));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    // More of them than may be due at a time.
    let asked = |n| format!("POST /{n:03} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{n:03}");
    let answer = |n| format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{n:03}");
    let all: String = (0..500).map(asked).collect();
    pair.client.write_all(all.as_bytes()).await.unwrap();
    for n in 0..500 {
        hears(&mut pair.server, &asked(n)).await;
        if n == 100 {
            // It may take its time, too.
            hears(&mut pair.client, &(0..n).map(answer).collect::<String>()).await;
        }
        pair.server.write_all(answer(n).as_bytes()).await.unwrap();
    }
    hears(&mut pair.client, &(100..500).map(answer).collect::<String>()).await;
    pair.goes_on().await;
}

#[tokio::test]
async fn chunks_and_their_trailers_go_through_as_they_are() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    let chunks = "5;a=b\r\nhello\r\n001\r\n \r\nA\r\nworld12345\r\n0\r\nX-Sum: 1\r\ny: 2\r\n\r\n";
    for _ in 0..2 {
        pair.asks(&format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
        ))
        .await;
        pair.answers(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n{chunks}"))
            .await;
    }
    pair.goes_on().await;
}

#[tokio::test]
async fn a_chunk_goes_on_when_it_comes_and_waits_for_no_other() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    // The answer begins before the request has ended.
    pair.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for piece in ["3\r", "\nab", "c\r\n", "2\r\nde\r\n", "0\r\n", "\r\n"] {
        pair.asks(piece).await;
        pair.answers(piece).await;
    }
    pair.goes_on().await;
}

#[tokio::test]
async fn answers_without_a_body_end_with_their_head() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    pair.answers("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
    pair.goes_on().await;
    pair.asks("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    pair.answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    pair.goes_on().await;
    for head in ["204 No Content\r\n", "304 Not Modified\r\nContent-Length: 1000\r\n"] {
        pair.asks(ASK).await;
        pair.answers(&format!("HTTP/1.1 {head}\r\n")).await;
        pair.goes_on().await;
    }
}

#[tokio::test]
async fn what_a_server_says_before_its_answer_is_heard_before_the_body_is_said() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    pair.answers("HTTP/1.1 100 Continue\r\n\r\n").await;
    pair.asks("body").await;
    pair.answers("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
    pair.answers(ANSWER).await;
    // One that says no at once: only the server says so.
    pair.asks("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    pair.answers("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n").await;
    pair.asks("body").await;
    pair.goes_on().await;
}

#[tokio::test]
async fn a_client_of_http_1_0_is_answered_as_the_server_answers_it() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").await;
    pair.answers("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok").await;
    pair.asks("GET / HTTP/1.0\r\n\r\n").await;
    pair.answers("HTTP/1.0 200 OK\r\n\r\nall until its end").await;
    drop(pair.server);
    ends(&mut pair.client).await;
    world.idle().await;
}

#[tokio::test]
async fn a_connection_that_is_to_close_closes_behind_its_answer() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    pair.asks("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    pair.answers("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall until its end").await;
    drop(pair.server);
    ends(&mut pair.client).await;
    world.idle().await;
}

/// Bytes that no other place of the stream has.
fn piece(at: u64) -> Vec<u8> {
    (0..8_192).flat_map(|word| hash_of(at, word).to_be_bytes()).collect()
}

/// Says a body of `pieces`, and gives up where the other side takes nothing for a while; how many it said.
async fn says_until_stuck(stream: &mut TcpStream, pieces: u64) -> u64 {
    let mut said = 0;
    while said < pieces {
        let bytes = piece(said);
        let mut written = 0;
        while written < bytes.len() {
            let more = timeout(Duration::from_millis(500), stream.write(&bytes[written..])).await;
            let Ok(more) = more else { return said };
            written += more.unwrap();
        }
        said += 1;
    }
    said
}

#[tokio::test]
async fn of_a_body_that_nobody_takes_hardly_anything_is_held() {
    let (world, listener) = world().await;
    let length = 4_096_u64 * 64 * 1_024;
    for downstream in [false, true] {
        let mut pair = Pair::new(&world, &listener).await;
        let head = format!("Content-Length: {length}\r\n\r\n");
        let said = if downstream {
            pair.asks(ASK).await;
            pair.answers(&format!("HTTP/1.1 200 OK\r\n{head}")).await;
            says_until_stuck(&mut pair.server, 4_096).await
        } else {
            pair.asks(&format!("PUT / HTTP/1.1\r\nHost: a\r\n{head}")).await;
            says_until_stuck(&mut pair.client, 4_096).await
        };
        // The system itself takes some MB for each of the two connections.
        assert!(said < 512, "{said} pieces of 64 KiB");
        let (taken, given) = if downstream {
            world.shown().downstream
        } else {
            (said * 65_536, world.shown().upstream.1)
        };
        assert!(taken - given < 24 << 20, "{taken} taken, {given} given");
    }
}

#[tokio::test]
async fn a_large_body_arrives_as_it_was_said() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    let pieces = 512_u64;
    let head = format!("Content-Length: {}\r\n\r\n", pieces * 65_536);
    let say = async |stream: &mut TcpStream| {
        for at in 0..pieces {
            stream.write_all(&piece(at)).await.unwrap();
        }
    };
    let hear = async |stream: &mut TcpStream| {
        let mut heard = vec![0; 65_536];
        for at in 0..pieces {
            timeout(LONG, stream.read_exact(&mut heard)).await.unwrap().unwrap();
            assert!(heard == piece(at), "piece {at} is another");
        }
    };
    pair.asks(&format!("PUT / HTTP/1.1\r\nHost: a\r\n{head}")).await;
    tokio::join!(say(&mut pair.client), hear(&mut pair.server));
    pair.answers(&format!("HTTP/1.1 200 OK\r\n{head}")).await;
    tokio::join!(say(&mut pair.server), hear(&mut pair.client));
    pair.goes_on().await;
}

#[tokio::test]
async fn behind_an_upgrade_bytes_go_both_ways_whatever_they_are() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    let ask = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    pair.asks(ask).await;
    // What the server says right behind its answer is none of it.
    pair.answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}\u{2}").await;
    for _ in 0..3 {
        pair.asks("\u{81}\u{5}GET / HTTP/1.1\r\n\r\n").await;
        pair.answers("\u{0}not HTTP at all\r\n\r\n").await;
    }
    // Each direction has an end of its own.
    pair.server.shutdown().await.unwrap();
    ends(&mut pair.client).await;
    pair.asks("still").await;
    pair.client.shutdown().await.unwrap();
    ends(&mut pair.server).await;
    world.idle().await;
}

#[tokio::test]
async fn an_upgrade_that_the_server_does_not_want_leaves_the_connection_as_it_was() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    pair.asks(ask).await;
    // The next request waits until it is known to be one.
    pair.client.write_all(ASK.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    pair.answers(ANSWER).await;
    hears(&mut pair.server, ASK).await;
    pair.answers(ANSWER).await;
    // A client that gives up while it waits is gone for the server, too.
    pair.asks(ask).await;
    drop(pair.client);
    ends(&mut pair.server).await;
    drop(pair.server);
    world.idle().await;
}

#[tokio::test]
async fn a_tunnel_is_one_as_soon_as_the_server_says_so() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks("CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n").await;
    pair.answers("HTTP/1.1 200 Connected\r\n\r\nhello").await;
    pair.asks("not HTTP").await;
}

#[tokio::test]
async fn what_a_client_says_that_is_not_http_goes_through() {
    for said in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}hello",
        "GET /\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\nabc",
    ] {
        let (world, listener) = world().await;
        let mut pair = Pair::new(&world, &listener).await;
        pair.goes_on().await;
        pair.asks(said).await;
        pair.answers("HTTP/1.1 400 Bad Request\r\n\r\nno").await;
        pair.asks("anything").await;
        pair.answers("anything").await;
        drop(pair.client);
        ends(&mut pair.server).await;
    }
}

#[tokio::test]
async fn what_comes_in_single_bytes_is_the_same() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    let ask =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx: y\r\n\r\n";
    for byte in ask.bytes() {
        pair.client.write_all(&[byte]).await.unwrap();
        sleep(Duration::from_micros(100)).await;
    }
    hears(&mut pair.server, ask).await;
    for byte in answer.bytes() {
        pair.server.write_all(&[byte]).await.unwrap();
        sleep(Duration::from_micros(100)).await;
    }
    hears(&mut pair.client, answer).await;
    pair.goes_on().await;
}
