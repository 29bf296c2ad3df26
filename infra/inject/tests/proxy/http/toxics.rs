//! What HTTP toxics do to requests and answers, and that nothing else changes.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{ANSWER, ASK, Pair, ends, hears, is_gone, world};

/// An answer of the proxy's own.
fn failure(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_failed_request_is_answered_here_and_the_server_never_sees_it() {
    let (world, listener) = world().await;
    world.set(
        "http_status",
        "downstream",
        json!({ "status": 503, "body": "busy", "path": "/api/", "method": "post" }),
    );
    let mut pair = Pair::new(&world, &listener).await;
    let failure = failure("503 Service Unavailable", "busy");
    for _ in 0..3 {
        for body in ["Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]
        {
            let ask = format!("POST /api/x?y HTTP/1.1\r\nHost: a\r\n{body}");
            pair.client.write_all(ask.as_bytes()).await.unwrap();
            hears(&mut pair.client, &failure).await;
        }
        // The next that the server sees is none of them.
        pair.goes_on().await;
        pair.asks("GET /api/x HTTP/1.1\r\nHost: a\r\n\r\n").await;
        pair.answers(ANSWER).await;
        pair.asks("POST /x/api/ HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        pair.answers(ANSWER).await;
    }
    let effect = world.remove("http_status_downstream");
    assert_eq!((effect.requests_failed, effect.answers_changed, effect.links), (6, 0, 1));
    pair.asks("POST /api/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    pair.answers(ANSWER).await;
}

#[tokio::test]
async fn among_pipelined_requests_a_failure_has_its_turn() {
    let (world, listener) = world().await;
    world.set("http_status", "upstream", json!({ "status": 500, "path": "/bad" }));
    let mut pair = Pair::new(&world, &listener).await;
    let bad = "PUT /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nbad";
    pair.asks_as(&[ASK, bad, ASK, bad, bad].concat(), &[ASK, ASK].concat()).await;
    let failed = failure("500 Internal Server Error", "");
    pair.answers_as(ANSWER, &[ANSWER, &failed].concat()).await;
    pair.answers_as(ANSWER, &[ANSWER, &failed, &failed].concat()).await;
    pair.goes_on().await;
}

#[tokio::test]
async fn a_failure_has_the_length_that_it_says() {
    let (world, listener) = world().await;
    world.set("http_status", "downstream", json!({ "status": 404, "body": "für" }));
    let mut pair = Pair::new(&world, &listener).await;
    let ask = |method: &str| format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
    let no_body = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\n";
    let both = [ask("HEAD"), ask("GET"), ask("HEAD")].concat();
    pair.client.write_all(both.as_bytes()).await.unwrap();
    hears(&mut pair.client, &format!("{no_body}{no_body}für{no_body}")).await;
    for (status, head) in [
        (204, "HTTP/1.1 204 No Content\r\n\r\n"),
        (304, "HTTP/1.1 304 Not Modified\r\n\r\n"),
        (599, "HTTP/1.1 599 \r\nContent-Length: 4\r\n\r\nfür"),
    ] {
        world.change("http_status_downstream", json!({ "status": status }));
        pair.client.write_all(ask("GET").as_bytes()).await.unwrap();
        hears(&mut pair.client, head).await;
    }
    assert_eq!(world.effect("http_status_downstream").requests_failed, 6);
}

#[tokio::test]
async fn a_failure_ends_a_connection_only_where_its_client_wants_it() {
    let (world, listener) = world().await;
    world.set("http_status", "downstream", json!({ "status": 429 }));
    for (ask, field) in [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "Connection: close\r\n"),
        ("GET / HTTP/1.0\r\n\r\n", "Connection: close\r\n"),
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive\r\n"),
    ] {
        let mut pair = Pair::new(&world, &listener).await;
        pair.client.write_all(ask.as_bytes()).await.unwrap();
        let head = "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n";
        hears(&mut pair.client, &format!("{head}{field}\r\n")).await;
        if field.contains("close") {
            ends(&mut pair.client).await;
            is_gone(&mut pair.server).await;
        } else {
            pair.client.write_all(ask.as_bytes()).await.unwrap();
            hears(&mut pair.client, &format!("{head}{field}\r\n")).await;
        }
    }
    world.idle().await;
}

#[tokio::test]
async fn a_failed_request_with_a_body_without_end_costs_its_connection() {
    let (world, listener) = world().await;
    world.set("http_status", "downstream", json!({ "status": 503 }));
    let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n";
    for (body, closing) in [
        ("Content-Length: 100000000000\r\n\r\n", "Connection: close\r\n"),
        ("Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n", ""),
    ] {
        let mut pair = Pair::new(&world, &listener).await;
        let ask = format!("PUT / HTTP/1.1\r\nHost: a\r\n{body}");
        pair.client.write_all(ask.as_bytes()).await.unwrap();
        // It does not wait for the body.
        hears(&mut pair.client, &format!("{answer}{closing}\r\n")).await;
        let mut said = 0;
        while pair.client.write_all(&[7; 65_536]).await.is_ok() {
            said += 65_536_u64;
            // The end is there before everything is said.
            let mut byte = [0];
            if timeout(std::time::Duration::ZERO, pair.client.read(&mut byte)).await.is_ok() {
                break;
            }
            assert!(said < 1 << 30, "it takes everything");
        }
        drop(pair.client);
        is_gone(&mut pair.server).await;
    }
    world.idle().await;
}

#[tokio::test]
async fn a_client_that_waits_before_its_body_hears_of_its_failure_first() {
    let (world, listener) = world().await;
    world.set("http_status", "downstream", json!({ "status": 503, "path": "/bad" }));
    let mut pair = Pair::new(&world, &listener).await;
    let head = "PUT /bad HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    pair.client.write_all(head.as_bytes()).await.unwrap();
    hears(&mut pair.client, &failure("503 Service Unavailable", "")).await;
    pair.client.write_all(b"body").await.unwrap();
    pair.goes_on().await;
}

#[tokio::test]
async fn headers_are_set_and_taken_away_on_the_way_that_the_toxic_is_on() {
    let (world, listener) = world().await;
    world.set("http_header", "upstream", json!({ "name": "x-Trace", "value": "1" }));
    world.set("http_header", "downstream", json!({ "name": "Cache-Control", "value": "no-store" }));
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks_as(
        "GET / HTTP/1.1\r\nHOST:a\r\nX-trace: 7\r\nOther:  x\r\nx-trace: 8\r\n\r\n",
        "GET / HTTP/1.1\r\nHOST: a\r\nX-trace: 1\r\nOther: x\r\n\r\n",
    )
    .await;
    pair.answers_as(
        "HTTP/1.1 200 Fine\r\nx: y\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 Fine\r\nx: y\r\nContent-Length: 2\r\nCache-Control: no-store\r\n\r\nok",
    )
    .await;
    world.remove("http_header_upstream");
    world.remove("http_header_downstream");
    world.set("http_header", "upstream", json!({ "name": "host" }));
    world.set("http_header", "downstream", json!({ "name": "set-cookie" }));
    pair.asks_as("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n", "GET / HTTP/1.1\r\nB: c\r\n\r\n")
        .await;
    let cookies = "Set-Cookie: a\r\nx: y\r\nset-cookie: b\r\n";
    pair.answers_as(
        &format!("HTTP/1.1 200 OK\r\n{cookies}Content-Length: 0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nx: y\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    // What is not there cannot be taken away.
    pair.asks("GET / HTTP/1.1\r\nb:c\r\n\r\n").await;
    pair.answers(ANSWER).await;
    for toxic in ["http_header_upstream", "http_header_downstream"] {
        let effect = world.effect(toxic);
        let changed = (effect.requests_changed, effect.answers_changed, effect.links);
        assert_eq!(
            changed,
            if toxic.ends_with("upstream") { (1, 0, 1) } else { (0, 1, 1) },
            "{toxic}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_the_proxys_own_has_its_headers_too() {
    let (world, listener) = world().await;
    world.set("http_status", "downstream", json!({ "status": 503 }));
    world.set("http_header", "downstream", json!({ "name": "Retry-After", "value": "5" }));
    let mut pair = Pair::new(&world, &listener).await;
    pair.client.write_all(ASK.as_bytes()).await.unwrap();
    let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 5\r\n\r\n";
    hears(&mut pair.client, head).await;
}

#[tokio::test]
async fn another_body_takes_the_place_of_any_and_the_connection_goes_on() {
    let (world, listener) = world().await;
    world.set("http_body", "downstream", json!({ "body": "{}", "path": "/json" }));
    let mut pair = Pair::new(&world, &listener).await;
    let ask = "GET /json/a HTTP/1.1\r\nHost: a\r\n\r\n";
    let other = "HTTP/1.1 200 OK\r\nContent-Type: a\r\nContent-Length: 2\r\n";
    for fields_and_body in [
        "Content-Length: 5\r\n\r\nhello",
        "content-encoding: gzip\r\nETAG: x\r\nContent-Length: 0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTrailer: x\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n",
    ] {
        pair.asks(ask).await;
        let said = format!("HTTP/1.1 200 OK\r\nContent-Type: a\r\n{fields_and_body}");
        pair.answers_as(&said, &format!("{other}\r\n{{}}")).await;
        pair.goes_on().await;
    }
    // A body that is as long as its connection.
    pair.asks(ask).await;
    pair.server.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: a\r\n\r\nall").await.unwrap();
    drop(pair.server);
    hears(&mut pair.client, &format!("{other}Connection: close\r\n\r\n{{}}")).await;
    ends(&mut pair.client).await;
    assert_eq!(world.effect("http_body_downstream").answers_changed, 4);
}

#[tokio::test]
async fn an_answer_that_has_no_body_gets_none() {
    let (world, listener) = world().await;
    world.set("http_body", "downstream", json!({ "body": "other" }));
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    pair.answers_as(
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    )
    .await;
    for head in ["204 No Content\r\n", "304 Not Modified\r\nETag: x\r\n"] {
        pair.asks(ASK).await;
        pair.answers(&format!("HTTP/1.1 {head}\r\n")).await;
    }
    assert_eq!(world.effect("http_body_downstream").answers_changed, 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_made_whole_by_another_body() {
    let (world, listener) = world().await;
    world.set("http_body", "downstream", json!({ "body": "other" }));
    let mut pair = Pair::new(&world, &listener).await;
    pair.asks(ASK).await;
    pair.server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot all").await.unwrap();
    drop(pair.server);
    ends(&mut pair.client).await;
}

#[tokio::test]
async fn a_toxic_that_is_set_acts_on_the_next_request_of_a_living_connection() {
    let (world, listener) = world().await;
    let mut pair = Pair::new(&world, &listener).await;
    let failed = failure("500 Internal Server Error", "");
    for round in 1..=3 {
        pair.goes_on().await;
        world.set("http_status", "downstream", json!({ "status": 500 }));
        pair.client.write_all(ASK.as_bytes()).await.unwrap();
        hears(&mut pair.client, &failed).await;
        world.change("http_status_downstream", json!({ "share": 0.0 }));
        pair.goes_on().await;
        world.change("http_status_downstream", json!({ "share": 1.0 }));
        world.change_share("http_status_downstream", 0.0);
        pair.goes_on().await;
        world.change_share("http_status_downstream", 1.0);
        pair.client.write_all(ASK.as_bytes()).await.unwrap();
        hears(&mut pair.client, &failed).await;
        let effect = world.remove("http_status_downstream");
        assert_eq!((effect.requests_failed, effect.links), (2, 1), "{round}");
    }
    // What is due already is answered as the answer finds it.
    pair.asks(ASK).await;
    world.set("http_header", "downstream", json!({ "name": "a", "value": "b" }));
    pair.answers_as(ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\na: b\r\n\r\nok").await;
}

/// Asks once; whether the proxy had it fail.
async fn fails(pair: &mut Pair) -> bool {
    pair.client.write_all(ASK.as_bytes()).await.unwrap();
    let (mut answered, mut asked) = ([0], [0]);
    tokio::select! {
        failed = pair.client.read(&mut answered) => {
            assert_eq!(failed.unwrap(), 1);
            hears(&mut pair.client, &failure("500 Internal Server Error", "")[1..]).await;
            true
        }
        heard = pair.server.read(&mut asked) => {
            assert_eq!(heard.unwrap(), 1);
            hears(&mut pair.server, &ASK[1..]).await;
            pair.answers(ANSWER).await;
            false
        }
    }
}

#[tokio::test]
async fn a_share_of_the_requests_is_drawn_for_each_request() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let (world, listener) = world().await;
        world.set("http_status", "downstream", json!({ "status": 500, "share": 0.3 }));
        let mut pair = Pair::new(&world, &listener).await;
        let mut failed = Vec::new();
        for _ in 0..1_000 {
            failed.push(fails(&mut pair).await);
        }
        let count = failed.iter().filter(|failed| **failed).count() as u64;
        assert_eq!(world.effect("http_status_downstream").requests_failed, count);
        assert!((230..370).contains(&count), "{count}");
        all.push(failed);
    }
    assert_eq!(all[0], all[1], "the same seed draws the same");
}

#[tokio::test]
async fn a_share_of_the_links_is_drawn_for_each_link() {
    let (world, listener) = world().await;
    world.set_on_share(0.5, "http_status", "downstream", json!({ "status": 500 }));
    let mut taken = 0;
    for _ in 0..200 {
        let mut pair = Pair::new(&world, &listener).await;
        let first = fails(&mut pair).await;
        for _ in 0..3 {
            assert_eq!(fails(&mut pair).await, first, "all requests of a link are alike");
        }
        taken += u64::from(first);
    }
    assert!((65..135).contains(&taken), "{taken}");
    let effect = world.effect("http_status_downstream");
    assert_eq!((effect.links, effect.requests_failed), (taken, taken * 4));
}
