//! What a reader of the server-sent events gets.

use hulk_net::Epoch;
use hulk_record::MatchTime;
use tokio::io::{AsyncReadExt, duplex};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::super::Told;
use super::*;

/// A paper of so many messages, numbered 11, 12, …, and what puts them out.
fn paper(messages: u32, out: usize) -> (watch::Sender<usize>, Paper) {
    let told = (11..11 + messages).map(|id| Told {
        id,
        at: MatchTime(0),
        json: format!("{{\"n\":{id}}}"),
    });
    let (publish, published) = watch::channel(out);
    let (seen, _) = mpsc::channel(1);
    let told = Arc::new(told.collect());
    (publish, Paper { told, who: "{}".into(), published, clock: Epoch(Instant::now()), seen })
}

/// What a reader gets that starts at the `next` message, when two more come out and it is over.
async fn got(next: usize) -> String {
    let (publish, mut paper) = paper(4, 2);
    let (mut ours, mut theirs) = duplex(4096);
    let writer = tokio::spawn(async move { stream_to(&mut ours, &mut paper, next).await });
    tokio::task::yield_now().await;
    publish.send_replace(4);
    tokio::task::yield_now().await;
    drop(publish);
    let mut text = String::new();
    theirs.read_to_string(&mut text).await.unwrap();
    assert!(!writer.await.unwrap(), "it was fast enough");
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn golden_who_comes_gets_what_comes_out_and_who_comes_again_what_was_missed() {
    let two =
        "id: 13\nevent: message\ndata: {\"n\":13}\n\nid: 14\nevent: message\ndata: {\"n\":14}\n\n";
    let end = "event: end\ndata: {}\n\n";
    assert_eq!(got(2).await, format!("{two}{end}"));
    let missed = "id: 12\nevent: message\ndata: {\"n\":12}\n\n";
    assert_eq!(got(1).await, format!("{missed}{two}{end}"));
}

#[tokio::test]
async fn who_does_not_read_is_dropped() {
    let (_publish, mut paper) = paper(200, 200);
    let (mut ours, _theirs) = duplex(64);
    assert!(stream_to(&mut ours, &mut paper, 0).await);
}

#[test]
fn golden_what_may_be_asked() {
    let asked = |head: &str| Asked::parse(head);
    assert_eq!(asked("GET /match HTTP/1.1\r\n\r\n"), Ok(Asked::Match));
    assert_eq!(
        asked("GET /commentary HTTP/1.1\r\nHost: x\r\n\r\n"),
        Ok(Asked::Commentary { last: None })
    );
    let again = "GET /commentary HTTP/1.1\r\nLast-Event-ID: 12\r\n\r\n";
    assert_eq!(asked(again), Ok(Asked::Commentary { last: Some(12) }));
    let rubbish = "GET /commentary HTTP/1.1\r\nLast-Event-ID: x\r\n\r\n";
    assert_eq!(asked(rubbish), Ok(Asked::Commentary { last: None }));
    assert_eq!(asked("GET / HTTP/1.1\r\n\r\n"), Err("404 Not Found"));
    assert_eq!(asked("POST /match HTTP/1.1\r\n\r\n"), Err("405 Method Not Allowed"));
}
