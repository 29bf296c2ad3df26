use std::future::Future;

use hulk_net::{Epoch, Scope};
use hulk_scenarios::chaos::{Attributes, Effect, Protocol, Set, Toxic};
use tokio::time::{Instant, timeout};

use super::*;
use crate::link::Shared;
use crate::proxy::Doors;
use crate::spec::ProxySpec;

const SILENCE: Duration = Duration::from_millis(50);

/// A proxy whose sessions end after a short silence.
fn house(upstream: SocketAddr) -> (House, Arc<Doors>) {
    let doors = Arc::<Doors>::default();
    let spec = ProxySpec {
        name: "a".to_owned(),
        listen: "127.0.0.1:0".to_owned(),
        upstream: upstream.to_string(),
        protocol: Protocol::Udp,
        enabled: true,
    };
    let shared = Shared {
        protocol: Protocol::Udp,
        epoch: Epoch(Instant::now()),
        upstream: Arc::default(),
        downstream: Arc::default(),
    };
    let scope = Scope::default();
    (House { spec, scope, seed: 1, shared, doors: Arc::clone(&doors) }, doors)
}

fn set(kind: &str, attributes: &str) -> Set {
    let attributes: Attributes = serde_json::from_str(attributes).unwrap();
    let toxic = Toxic::new(None, kind, Some("upstream"), None, &attributes).unwrap();
    Set { id: 1, toxic, effect: Arc::new(Effect::default()) }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.unwrap()
}

async fn socket() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").await.unwrap()
}

/// Waits until so many sessions are open.
async fn until_open(doors: &Doors, count: u64) {
    in_time(async {
        while doors.open.load(Ordering::Relaxed) != count {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_a_silence_and_the_next_datagram_begins_another() {
    let (client, server) = (socket().await, socket().await);
    let (house, doors) = house(server.local_addr().unwrap());
    let (_orders, heard) = watch::channel(Arc::default());
    let (address, _door, task) =
        start_with(house, "127.0.0.1:0".parse().unwrap(), heard, SILENCE).unwrap();
    for round in 1..=3 {
        for byte in 0..10 {
            client.send_to(&[byte], address).await.unwrap();
            let mut bytes = [0; 2];
            let (length, _) = in_time(server.recv_from(&mut bytes)).await.unwrap();
            assert_eq!((length, bytes[0]), (1, byte));
        }
        assert!(doors.accepted.load(Ordering::Relaxed) >= round);
        until_open(&doors, 0).await;
    }
    assert_eq!(doors.overflowed.load(Ordering::Relaxed), 0);
    task.abort();
}

#[tokio::test]
async fn a_session_does_not_end_before_what_is_on_its_way_has_arrived() {
    let (client, server) = (socket().await, socket().await);
    let (house, doors) = house(server.local_addr().unwrap());
    let upstream = vec![set("latency", r#"{"latency": 300}"#)];
    let (_orders, heard) = watch::channel(Arc::new(Order { upstream, downstream: Vec::new() }));
    let (address, _door, task) =
        start_with(house, "127.0.0.1:0".parse().unwrap(), heard, SILENCE).unwrap();
    client.send_to(b"late", address).await.unwrap();
    until_open(&doors, 1).await;
    let mut bytes = [0; 9];
    let (length, _) = in_time(server.recv_from(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..length], b"late");
    until_open(&doors, 0).await;
    task.abort();
}

#[test]
fn nothing_holds_more_than_all_sessions_together_may() {
    let (house, doors) = house("127.0.0.1:9".parse().unwrap());
    let (_orders, heard) = watch::channel(Arc::default());
    let upstream = vec![set("latency", r#"{"latency": 3600000}"#)];
    let port = Arc::new(Port {
        socket: RwLock::default(),
        house,
        orders: heard,
        held_bytes: AtomicUsize::new(HELD_BYTES_MAX - 10),
        silence: SILENCE,
    });
    let flow = Arc::<crate::link::Flow>::default();
    let mut way = way::Way::new(Arc::clone(&port), flow, 1);
    let now = hulk_scenarios::record::Offset(0);
    way.obey(&upstream, now);
    for _ in 0..3 {
        way.take(&[1; 6], now, &|_| panic!("nothing is due"));
    }
    // The second is the one too many that is still let in.
    assert_eq!(doors.overflowed.load(Ordering::Relaxed), 1);
    assert_eq!(port.held_bytes.load(Ordering::Relaxed), HELD_BYTES_MAX + 2);
    drop(way);
    assert_eq!(port.held_bytes.load(Ordering::Relaxed), HELD_BYTES_MAX - 10);
}
