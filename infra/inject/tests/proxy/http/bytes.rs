//! Toxics of bytes do to HTTP what they do to any stream; and real clients get on with real servers.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hulk_scenarios::chaos::Protocol;
use hulk_scenarios::record::hash_of;
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{ANSWER, ASK, Pair, hears, is_reset, world};
use crate::world::World;

#[tokio::test]
async fn late_and_sliced_bytes_are_the_same_bytes() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    for stream in ["upstream", "downstream"] {
        world.set("latency", stream, json!({ "latency": 3, "jitter": 2 }));
        world.set("slicer", stream, json!({ "average_size": 7, "size_variation": 3, "delay": 10 }));
    }
    for _ in 0..20 {
        pair.goes_on().await;
    }
    for (stream, text) in [("upstream", ASK), ("downstream", ANSWER)] {
        let bytes = text.len() as u64 * 20;
        assert_eq!(world.effect(&format!("latency_{stream}")).bytes_delayed, bytes);
        assert!(world.effect(&format!("slicer_{stream}")).pieces_cut > bytes / 10);
    }
}

#[tokio::test]
async fn a_limit_of_data_breaks_an_answer_off_where_it_is_reached() {
    let (world, listener) = world().await;
    world.set("limit_data", "downstream", json!({ "bytes": ANSWER.len() + 45 }));
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    pair.asks(ASK).await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n12345678901234567890";
    pair.server.write_all(answer.as_bytes()).await.unwrap();
    hears(&mut pair.client, &answer[..45]).await;
    world.idle().await;
    assert_eq!(world.effect("limit_data_downstream").connections_closed, 1);
}

#[tokio::test]
async fn a_reset_by_a_toxic_resets_both_sides() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    pair.goes_on().await;
    world.set("reset_peer", "downstream", json!({ "timeout": 0 }));
    is_reset(&mut pair.client).await;
    is_reset(&mut pair.server).await;
    assert_eq!(world.effect("reset_peer_downstream").connections_reset, 1);
    world.idle().await;
}

/// Says a request's body again, with its length told or not.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}

async fn echoing() -> World {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = World::new(Protocol::Http, listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let service = service_fn(echo);
                let _ended =
                    server::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    world
}

/// Asks a hundred times; how often it failed, and how often another body came.
async fn converse(stream: TcpStream, link: u64) -> (u64, u64) {
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (mut failed, mut changed) = (0, 0);
    for number in 0..100 {
        let length = hash_of(link, number) % 20_000;
        let body: Bytes = (0..length).map(|at| hash_of(number, at) as u8).collect();
        let path = if number % 5 == 0 { "/other" } else { "/" };
        let request = Request::post(path).header("host", "a");
        let request = request.body(Full::new(body.clone())).unwrap();
        sender.ready().await.unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status();
        let heard = answer.into_body().collect().await.unwrap().to_bytes();
        match (status.as_u16(), path) {
            (503, _) => failed += u64::from(heard == "no"),
            (200, "/other") => changed += u64::from(heard == "other"),
            _ => assert!(heard == body, "request {number} of link {link}"),
        }
    }
    (failed, changed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_client_gets_on_with_a_real_server_through_everything_at_once() {
    let world = echoing().await;
    world.set("latency", "downstream", json!({ "latency": 1, "jitter": 1 }));
    world.set("slicer", "upstream", json!({ "average_size": 1_000, "size_variation": 500 }));
    world.set("http_status", "downstream", json!({ "status": 503, "body": "no", "share": 0.2 }));
    world.set("http_body", "downstream", json!({ "body": "other", "path": "/other" }));
    let mut links = Vec::new();
    for link in 0..8 {
        links.push(tokio::spawn(converse(world.dial().await, link)));
    }
    let (mut failed, mut changed) = (0, 0);
    for link in links {
        let (more_failed, more_changed) = link.await.unwrap();
        failed += more_failed;
        changed += more_changed;
    }
    assert_eq!(world.effect("http_status_downstream").requests_failed, failed);
    assert_eq!(world.effect("http_body_downstream").answers_changed, changed);
    assert!(failed > 100 && changed > 80, "{failed} {changed}");
    assert_eq!(world.shown().accepted, 8);
    world.idle().await;
}
