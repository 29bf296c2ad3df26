//! How connections end, and that nothing is left of them.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::{ANSWER, ASK, Pair, ends, hears, is_gone, is_reset, world};
use crate::world::{LONG, eventually};

#[expect(
    deprecated,
    reason = "a test may block for a moment: nothing waits in a socket of its own"
)]
fn reset(stream: TcpStream) {
    stream.set_linger(Some(Duration::ZERO)).unwrap();
}

/// How many tasks there are now.
fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

#[tokio::test]
async fn when_the_server_closes_an_idle_connection_the_clients_is_closed() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    drop(pair.server);
    ends(&mut pair.client).await;
    // Though the client has closed nothing yet.
    world.idle().await;
}

#[tokio::test]
async fn when_the_client_closes_the_server_hears_it() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    drop(pair.client);
    ends(&mut pair.server).await;
    drop(pair.server);
    world.idle().await;
}

#[tokio::test]
async fn a_client_that_has_no_more_to_ask_still_hears_its_answers() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks(&ASK.repeat(2)).await;
    pair.client.shutdown().await.unwrap();
    ends(&mut pair.server).await;
    pair.answers(&ANSWER.repeat(2)).await;
    drop(pair.server);
    ends(&mut pair.client).await;
    world.idle().await;
}

#[tokio::test]
async fn a_reset_of_the_client_is_one_for_the_server() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    reset(pair.client);
    is_reset(&mut pair.server).await;
    world.idle().await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ] {
        let (world, listener) = world().await;
        let mut pair = Pair::new(&world, &listener).await;
        pair.asks(ASK).await;
        pair.server.write_all(answer.as_bytes()).await.unwrap();
        drop(pair.server);
        // What came of it, and the end.
        hears(&mut pair.client, answer).await;
        ends(&mut pair.client).await;
        world.idle().await;
    }
}

#[tokio::test]
async fn a_reset_of_the_server_is_one_for_the_client() {
    // The second would end with its connection: it must not look whole.
    for answer in
        ["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all", "HTTP/1.1 200 OK\r\n\r\n..."]
    {
        let (world, listener) = world().await;
        let mut pair = Pair::new(&world, &listener).await;
        pair.asks(ASK).await;
        pair.answers(answer).await;
        reset(pair.server);
        is_reset(&mut pair.client).await;
        world.idle().await;
    }
}

#[tokio::test]
async fn a_server_that_answers_nothing_at_all_gives_no_answer() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks(ASK).await;
    drop(pair.server);
    ends(&mut pair.client).await;
    world.idle().await;
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_gives_no_answer() {
    for answer in
        ["SSH-2.0-x\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n"]
    {
        let (world, listener) = world().await;
        let mut pair = Pair::new(&world, &listener).await;
        pair.asks(ASK).await;
        pair.server.write_all(answer.as_bytes()).await.unwrap();
        ends(&mut pair.client).await;
        is_gone(&mut pair.server).await;
        world.idle().await;
    }
}

#[tokio::test]
async fn what_a_server_says_unasked_is_heard() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.answers("HTTP/1.1 408 Too Late\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    drop(pair.server);
    ends(&mut pair.client).await;
    world.idle().await;
}

#[tokio::test]
async fn a_client_that_still_sends_hears_the_answer_that_ends_it() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n").await;
    let no = "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
    pair.server.write_all(no.as_bytes()).await.unwrap();
    drop(pair.server);
    let (mut from, mut to) = pair.client.split();
    for _ in 0..100 {
        to.write_all(&[7; 10_000]).await.unwrap();
        sleep(Duration::from_micros(100)).await;
    }
    let mut heard = String::new();
    timeout(LONG, from.read_to_string(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard, no);
    drop(pair.client);
    world.idle().await;
}

#[tokio::test]
async fn an_answer_that_is_on_its_way_arrives_though_its_server_is_gone() {
    let (world, listener) = world().await;
    world.set("latency", "downstream", json!({ "latency": 300 }));
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks(ASK).await;
    pair.server.write_all(ANSWER.as_bytes()).await.unwrap();
    drop(pair.server);
    eventually(|| world.shown().downstream.0 == ANSWER.len() as u64).await;
    for _ in 0..10 {
        // In vain: nobody is there to answer.
        pair.client.write_all(ASK.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(5)).await;
    }
    hears(&mut pair.client, ANSWER).await;
    ends(&mut pair.client).await;
    world.idle().await;
}

#[tokio::test]
async fn when_the_proxy_ends_so_do_both() {
    let (world, listener) = world().await;
    let (before, mut pair) = (alive(), Pair::new(&world, &listener).await);
    let mut busy = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    busy.asks(ASK).await;
    busy.answers("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all").await;
    world.end();
    for mut stream in [pair.client, pair.server, busy.client, busy.server] {
        is_gone(&mut stream).await;
    }
    // The one that accepts has ended as well.
    eventually(|| alive() < before).await;
}

#[tokio::test]
async fn of_a_hundred_connections_that_end_as_they_like_nothing_is_left() {
    let (world, listener) = world().await;
    world.set("latency", "downstream", json!({ "latency": 1 }));
    let before = alive();
    for number in 0..100 {
        let mut pair = Pair::new(&world, &listener).await;
        pair.goes_on().await;
        if number % 2 == 0 {
            pair.asks("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").await;
        }
        match number % 5 {
            0 => reset(pair.client),
            1 => reset(pair.server),
            2 => drop(pair.client),
            3 => drop(pair.server),
            _ => drop(pair),
        }
    }
    world.idle().await;
    assert_eq!(world.shown().accepted, 100);
    eventually(|| alive() == before).await;
}
