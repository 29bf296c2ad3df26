//! Who listens to the events, and who is not waited for.

use std::net::{Ipv4Addr, SocketAddr};

use hulk_record::{Clock, Feed, Offset};
use hulk_scaling::{PlatformSpec, Policy};
use hulk_settings::{Source, read};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use super::*;
use crate::events::PATIENCE;
use crate::{Plan, Ports};

const PLATFORM: &str = r#"
edge.north = { base_latency_ms = 0, cache_entries = 1 }
[media]
origin = "home"
segment_s = 6
window_segments = 5
playlist_ttl_s = 60
segment_ttl_s = 600
rendition = { 240p = { kbps = 8 } }
[service]
home = { rated_rps = 1, patience_s = 10, base_latency_ms = 0, decision_window_s = 60, provisioning = { evaluate_s = 60, decide_s = 0, node_s = 0, app_s = 0, scale_in_hold_s = 0 } }
"#;
const POLICY: &str = "requests = { rated_per_min = 60, min_instances = 1, max_instances = 9 }";

fn desk() -> Arc<Desk> {
    let platform = read(&Source::new("platform", PLATFORM), PlatformSpec::read).unwrap();
    let policies = vec![read(&Source::new("policy", POLICY), Policy::read).unwrap()];
    let plan = Plan {
        platform,
        policies: policies.clone(),
        clock: Clock { speed: 1.0 },
        scale: 1.0,
        lead_in_from: Offset(0),
        viewers_at_0: 0.0,
        commentary: Feed::default(),
        seed: 1,
    };
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let ports = Ports { edges: vec![nowhere], control: nowhere };
    let alone = Alone { name: "test".into(), choices: vec![("test".into(), policies)] };
    Arc::new(Desk::new(Arc::new(Door::new(plan)), ports, Some(alone)))
}

/// A reader's end of a connection with hardly any room in it, once the answer has begun.
async fn listens(desk: &Arc<Desk>) -> DuplexStream {
    let (mut reader, server) = duplex(256);
    tokio::spawn(serve(server, Arc::clone(desk)));
    reader.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut begin = [0; 15];
    reader.read_exact(&mut begin).await.unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200 OK");
    reader
}

async fn is_refused(desk: &Arc<Desk>) -> bool {
    let (mut reader, server) = duplex(1024);
    tokio::spawn(serve(server, Arc::clone(desk)));
    reader.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut begin = [0; 12];
    reader.read_exact(&mut begin).await.unwrap();
    begin.ends_with(b"503")
}

#[tokio::test]
async fn who_does_not_read_the_events_is_not_waited_for() {
    let desk = desk();
    let (mut stuck, mut quick) = (listens(&desk).await, listens(&desk).await);
    let reads = tokio::spawn(async move {
        let (mut all, mut some) = (0, [0; 4096]);
        while let Ok(count @ 1..) = quick.read(&mut some).await {
            all += count;
        }
        all
    });
    // More than the buffers hold.
    for _ in 0..500 {
        desk.tell_all();
        sleep(Duration::from_millis(1)).await;
    }
    sleep(PATIENCE + Duration::from_millis(500)).await;
    let mut rest = Vec::new();
    let ended = timeout(Duration::from_secs(5), stuck.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "its connection has ended");
    assert!(rest.len() < 2 * BUFFER_MAX, "{} bytes were kept for it", rest.len());
    assert!(!reads.is_finished(), "who reads goes on");
    reads.abort();
}

#[tokio::test]
async fn only_so_many_listen_and_who_leaves_makes_room() {
    let desk = desk();
    let mut readers = Vec::new();
    for _ in 0..16 {
        readers.push(listens(&desk).await);
    }
    assert!(is_refused(&desk).await);
    readers.pop();
    // Who has gone is noticed with the next piece of news.
    for _ in 0..200 {
        desk.tell_all();
        sleep(Duration::from_millis(10)).await;
        if !is_refused(&desk).await {
            return;
        }
    }
    panic!("there is no room again");
}
