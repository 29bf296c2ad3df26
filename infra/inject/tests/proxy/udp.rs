//! Datagrams: what arrives is what was sent, but for what each toxic says that it did.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hulk_scenarios::chaos::Protocol;
use hulk_scenarios::record::hash_of;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;

use crate::world::{LONG, World, eventually};

/// So many datagrams are on their way at a time at most: no socket loses any of them.
const WINDOW: u32 = 32;
const MANY: u32 = 10_000;

/// A packet as RTP has it: a head with its number, then what nobody else would send.
fn packet(number: u32) -> Vec<u8> {
    let mut bytes = vec![0x80, 96];
    bytes.extend((number as u16).to_be_bytes());
    bytes.extend((number * 3_000).to_be_bytes());
    bytes.extend(0x4855_4c4b_u32.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    let length = 100 + hash_of(1, u64::from(number)) % 1_100;
    bytes.extend((0..length).map(|at| hash_of(u64::from(number), at) as u8));
    bytes
}

/// The number of a packet, which must be as it was sent.
fn number_of(bytes: &[u8]) -> u32 {
    let number = u32::from_be_bytes(bytes[12..16].try_into().unwrap());
    assert!(bytes == packet(number), "packet {number} was altered");
    number
}

async fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let _best_effort = set_socket_recv_buffer_size(&socket, 4 << 20);
    socket
}

async fn receive(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = vec![0; 65_536];
    let (length, from) = timeout(LONG, socket.recv_from(&mut bytes)).await.unwrap().unwrap();
    bytes.truncate(length);
    (bytes, from)
}

/// What has come to a socket: the numbers of the packets in their order, and all their bytes.
#[derive(Default)]
struct Heard {
    numbers: Mutex<Vec<u32>>,
    bytes: AtomicU64,
}

impl Heard {
    fn numbers(&self) -> Vec<u32> {
        self.numbers.lock().unwrap().clone()
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }

    fn note(&self, packet: &[u8]) {
        self.numbers.lock().unwrap().push(number_of(packet));
        self.bytes.fetch_add(packet.len() as u64, Ordering::SeqCst);
    }
}

/// A server that hears, and says everything again where it is one that does.
struct Server {
    address: SocketAddr,
    heard: Arc<Heard>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn new(echoes: bool) -> Self {
        let (socket, heard) = (socket().await, Arc::<Heard>::default());
        let (address, noted) = (socket.local_addr().unwrap(), Arc::clone(&heard));
        let task = tokio::spawn(async move {
            loop {
                let mut bytes = [0; 2_048];
                let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
                noted.note(&bytes[..length]);
                if echoes {
                    socket.send_to(&bytes[..length], from).await.unwrap();
                }
            }
        });
        Self { address, heard, task }
    }
}

/// A proxy before a server that hears.
async fn hearing() -> (Server, World) {
    let server = Server::new(false).await;
    let world = World::new(Protocol::Udp, server.address);
    (server, world)
}

/// Sends packets of those numbers so that no socket on the way is too small.
async fn send(
    world: &World,
    client: &UdpSocket,
    heard: &Heard,
    numbers: std::ops::Range<u32>,
) -> u64 {
    let mut sent = world.shown().upstream.0;
    let before = sent;
    for number in numbers {
        let packet = packet(number);
        client.send_to(&packet, world.address).await.unwrap();
        sent += packet.len() as u64;
        if number % WINDOW == 0 {
            eventually(|| world.shown().upstream.0 == sent).await;
            eventually(|| heard.bytes() == world.shown().upstream.1).await;
        }
    }
    eventually(|| world.shown().upstream.0 == sent).await;
    sent - before
}

/// What a proxy with these toxics makes of many packets: their numbers as they came to the server.
async fn through(toxics: &[(&str, Value)]) -> (Vec<u32>, World) {
    let (server, world) = hearing().await;
    for (kind, attributes) in toxics {
        world.set(kind, "upstream", attributes.clone());
    }
    let bytes = send(&world, &socket().await, &server.heard, 0..MANY).await;
    settle(&world, &server.heard).await;
    let shown = world.shown();
    assert_eq!((shown.upstream.0, shown.overflowed, shown.accepted), (bytes, 0, 1));
    (server.heard.numbers(), world)
}

/// Waits until everything that is to arrive has arrived.
async fn settle(world: &World, heard: &Heard) {
    let mut last = (u64::MAX, u64::MAX);
    loop {
        let now = (world.shown().upstream.1, heard.bytes());
        if now == last && now.0 == now.1 {
            return;
        }
        last = now;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn is_in_order(numbers: &[u32]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

#[tokio::test]
async fn without_toxics_every_datagram_arrives_in_its_order() {
    let (numbers, _world) = through(&[]).await;
    assert_eq!(numbers, (0..MANY).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_tenth_is_lost_and_nothing_else_changes() {
    let (numbers, world) = through(&[("loss", json!({ "share": 0.1 }))]).await;
    let effect = world.effect("loss_upstream");
    assert_eq!(numbers.len() as u64 + effect.datagrams_lost, u64::from(MANY));
    // Five standard deviations around the mean.
    assert!((850..1_150).contains(&effect.datagrams_lost), "{}", effect.datagrams_lost);
    assert!(is_in_order(&numbers));
    assert_eq!(effect.links, 1);
}

#[tokio::test]
async fn what_is_lost_in_bursts_is_lost_in_a_row() {
    let (numbers, world) = through(&[("loss", json!({ "share": 0.1, "burst": 8.0 }))]).await;
    let lost = world.effect("loss_upstream").datagrams_lost;
    assert_eq!(numbers.len() as u64 + lost, u64::from(MANY));
    assert!(is_in_order(&numbers));
    let gaps = numbers.windows(2).filter(|pair| pair[1] - pair[0] > 1).count() as u64;
    let mean = lost as f64 / gaps as f64;
    assert!((5.0..12.0).contains(&mean), "{lost} lost in {gaps} rows");
}

#[tokio::test]
async fn a_datagram_that_comes_twice_comes_twice_in_a_row() {
    let (numbers, world) = through(&[("duplicate", json!({ "share": 0.2 }))]).await;
    let twice = world.effect("duplicate_upstream").datagrams_duplicated;
    assert_eq!(numbers.len() as u64, u64::from(MANY) + twice);
    let in_a_row = numbers.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    assert_eq!(in_a_row, twice);
    let mut once = numbers;
    once.dedup();
    assert_eq!(once, (0..MANY).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_what_is_reordered_nothing_is_lost_and_those_overtaken_are_counted() {
    let (numbers, world) = through(&[("reorder", json!({ "share": 0.05, "delay": 5 }))]).await;
    let mut last = None;
    let late = numbers.iter().filter(|number| {
        let is_late = last.is_some_and(|last| last > **number);
        last = last.max(Some(**number));
        is_late
    });
    let late = late.count() as u64;
    assert!(late > 0);
    assert_eq!(world.effect("reorder_upstream").datagrams_reordered, late);
    let mut all = numbers;
    all.sort_unstable();
    assert_eq!(all, (0..MANY).collect::<Vec<_>>());
}

#[tokio::test]
async fn latency_with_jitter_keeps_the_order() {
    let (numbers, world) = through(&[("latency", json!({ "latency": 20, "jitter": 20 }))]).await;
    assert_eq!(numbers, (0..MANY).collect::<Vec<_>>());
    let effect = world.effect("latency_upstream");
    assert_eq!(effect.delay.unwrap().count, u64::from(MANY));
    assert_eq!(effect.bytes_delayed, world.shown().upstream.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn toxics_one_behind_the_other_keep_their_books_together() {
    let (numbers, world) = through(&[
        ("loss", json!({ "share": 0.3 })),
        ("duplicate", json!({ "share": 0.3 })),
        ("latency", json!({ "latency": 3, "jitter": 2 })),
        ("reorder", json!({ "share": 0.1, "delay": 4 })),
    ])
    .await;
    let lost = world.effect("loss_upstream").datagrams_lost;
    let twice = world.effect("duplicate_upstream").datagrams_duplicated;
    assert_eq!(numbers.len() as u64, u64::from(MANY) - lost + twice);
    let mut times = BTreeMap::new();
    for number in numbers {
        *times.entry(number).or_insert(0) += 1;
    }
    assert_eq!(times.len() as u64, u64::from(MANY) - lost);
    assert_eq!(times.values().filter(|times| **times == 2).count() as u64, twice);
    assert!(times.values().all(|times| *times <= 2));
}

#[tokio::test]
async fn the_same_seed_loses_the_same_datagrams() {
    let toxics = [("loss", json!({ "share": 0.1 })), ("duplicate", json!({ "share": 0.1 }))];
    let (first, _world) = through(&toxics).await;
    let (second, _world) = through(&toxics).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_change_acts_on_the_next_datagram_of_a_living_session() {
    let (server, world) = hearing().await;
    let (client, heard) = (socket().await, &server.heard);
    send(&world, &client, heard, 0..10).await;
    world.set("loss", "upstream", json!({ "share": 1.0 }));
    send(&world, &client, heard, 10..20).await;
    world.change("loss_upstream", json!({ "share": 0.0 }));
    send(&world, &client, heard, 20..30).await;
    world.change_share("loss_upstream", 0.0);
    world.change("loss_upstream", json!({ "share": 1.0 }));
    send(&world, &client, heard, 30..40).await;
    world.change_share("loss_upstream", 1.0);
    send(&world, &client, heard, 40..50).await;
    assert_eq!(world.remove("loss_upstream").datagrams_lost, 20);
    send(&world, &client, heard, 50..60).await;
    settle(&world, heard).await;
    assert_eq!(heard.numbers(), (0..10).chain(20..40).chain(50..60).collect::<Vec<_>>());
    assert_eq!(world.shown().accepted, 1);
}

#[tokio::test]
async fn what_a_toxic_held_leaves_in_its_order_when_it_is_removed() {
    let (server, world) = hearing().await;
    let (client, heard) = (socket().await, &server.heard);
    world.set("latency", "upstream", json!({ "latency": 3_600_000 }));
    // Fewer than would have to wait for their turn.
    send(&world, &client, heard, 1..30).await;
    assert_eq!((heard.numbers(), world.shown().upstream.1), (Vec::new(), 0));
    world.remove("latency_upstream");
    settle(&world, heard).await;
    assert_eq!(heard.numbers(), (1..30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_get_what_is_their_own() {
    let server = Server::new(true).await;
    let world = World::new(Protocol::Udp, server.address);
    world.set("latency", "downstream", json!({ "latency": 2, "jitter": 2 }));
    let clients = [socket().await, socket().await];
    for number in 0..500 {
        let own = [number, number + 1_000_000];
        for (client, number) in clients.iter().zip(own) {
            client.send_to(&packet(number), world.address).await.unwrap();
        }
        for (client, number) in clients.iter().zip(own) {
            let (bytes, from) = receive(client).await;
            assert_eq!((number_of(&bytes), from), (number, world.address));
        }
    }
    assert_eq!((world.shown().open, world.shown().accepted), (2, 2));
    assert_eq!(world.effect("latency_downstream").links, 2);
    assert_eq!(world.shown().upstream, world.shown().downstream);
}

#[tokio::test]
async fn the_shortest_and_the_longest_datagram_stay_one() {
    let server = socket().await;
    let world = World::new(Protocol::Udp, server.local_addr().unwrap());
    let client = socket().await;
    for toxic in [None, Some("latency")] {
        if let Some(kind) = toxic {
            world.set(kind, "upstream", json!({ "latency": 2 }));
            world.set(kind, "downstream", json!({ "latency": 2 }));
        }
        for length in [0, 1, 1_472, 9_000, 65_507] {
            let bytes: Vec<u8> = (0..length).map(|at| hash_of(9, at) as u8).collect();
            client.send_to(&bytes, world.address).await.unwrap();
            let (came, from) = receive(&server).await;
            assert!(came == bytes, "{length} bytes there");
            server.send_to(&bytes, from).await.unwrap();
            let (back, _) = receive(&client).await;
            assert!(back == bytes, "{length} bytes back");
        }
    }
    assert_eq!((world.shown().overflowed, world.shown().accepted), (0, 1));
}

#[tokio::test]
async fn a_session_outlives_a_server_that_is_not_there() {
    let gone = socket().await;
    let address = gone.local_addr().unwrap();
    let world = World::new(Protocol::Udp, address);
    let client = socket().await;
    drop(gone);
    for number in 0..20 {
        client.send_to(&packet(number), world.address).await.unwrap();
        yield_now().await;
    }
    let refused: u64 = (0..20).map(|number| packet(number).len() as u64).sum();
    eventually(|| world.shown().upstream.1 == refused).await;
    let server = UdpSocket::bind(address).await.unwrap();
    for number in 20..40 {
        client.send_to(&packet(number), world.address).await.unwrap();
        let (bytes, from) = receive(&server).await;
        assert_eq!(number_of(&bytes), number);
        server.send_to(&bytes, from).await.unwrap();
        assert_eq!(number_of(&receive(&client).await.0), number);
    }
    assert_eq!((world.shown().accepted, world.shown().open, world.shown().unreached), (1, 1, 0));
}

#[tokio::test]
async fn a_full_pipe_loses_what_comes_and_counts_it() {
    let server = socket().await;
    let world = World::new(Protocol::Udp, server.local_addr().unwrap());
    let client = socket().await;
    world.set("latency", "upstream", json!({ "latency": 3_600_000 }));
    let (length, sent) = (60_000_u64, 120_u64);
    for count in 1..=sent {
        client.send_to(&vec![1; length as usize], world.address).await.unwrap();
        eventually(|| world.shown().upstream.0 == count * length).await;
    }
    // 4 MiB are held.
    assert_eq!(world.shown().overflowed, sent - (4_u64 << 20).div_ceil(length));
    assert_eq!(world.shown().upstream.1, 0);
}

#[tokio::test]
async fn no_more_sessions_than_there_may_be() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let server = socket().await;
    let world = World::new(Protocol::Udp, server.local_addr().unwrap());
    let first = socket().await;
    first.send_to(b"one", world.address).await.unwrap();
    for count in 2..=4_096 {
        let client = std::net::UdpSocket::bind((own_address(count), 0)).unwrap();
        client.send_to(b"one", world.address).unwrap();
        if count % 64 == 0 {
            eventually(|| world.shown().accepted == count).await;
        }
    }
    assert_eq!((world.shown().open, world.shown().overflowed), (4_096, 0));
    let late = socket().await;
    late.send_to(b"late", world.address).await.unwrap();
    eventually(|| world.shown().overflowed == 1).await;
    // Those that are there go on.
    first.send_to(b"two", world.address).await.unwrap();
    eventually(|| world.shown().upstream.1 == 4_097 * 3).await;
    assert_eq!((world.shown().accepted, world.shown().unreached), (4_096, 0));
}

/// An address of the loopback, another one for each client.
fn own_address(count: u64) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::new(127, 1, (count >> 8) as u8, count as u8)
}

#[tokio::test]
async fn a_proxy_that_is_down_closes_its_port_at_once_and_has_it_again_at_once() {
    let server = Server::new(true).await;
    let world = World::new(Protocol::Udp, server.address);
    let client = socket().await;
    for round in 1..=20 {
        client.send_to(&packet(round), world.address).await.unwrap();
        assert_eq!(number_of(&receive(&client).await.0), round);
        world.enable(false);
        drop(std::net::UdpSocket::bind(world.address).unwrap());
        world.enable(true);
    }
    assert_eq!((world.shown().accepted, world.shown().overflowed), (20, 0));
}

#[tokio::test]
async fn nothing_is_left_running_when_the_proxy_ends() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let server = socket().await;
    let world = World::new(Protocol::Udp, server.local_addr().unwrap());
    let client = socket().await;
    world.set("latency", "upstream", json!({ "latency": 3_600_000 }));
    client.send_to(&packet(1), world.address).await.unwrap();
    eventually(|| world.shown().open == 1).await;
    assert!(alive() > before);
    world.end();
    eventually(|| alive() == before).await;
    // The port is free again.
    UdpSocket::bind(world.address).await.unwrap();
}
