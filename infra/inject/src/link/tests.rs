//! Links over pipes in memory, in virtual time: each is looked at when it says that something happens,
//! and at no other time.

use std::pin::pin;
use std::task::Waker;

use hulk_scenarios::chaos::{Attributes, Effect, Stream, Toxic};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

use super::*;

/// A client and a server with a link between them.
struct World {
    link: Link,
    shared: Shared,
    order: Order,
    ever: u64,
    at: Offset,
    client: DuplexStream,
    server: DuplexStream,
    /// The link's own ends of the two.
    to_client: DuplexStream,
    to_server: DuplexStream,
    ended: Option<End>,
}

/// What came to one side, and when, in µs.
type Came = Vec<(i64, Vec<u8>)>;

impl World {
    fn new(room: usize) -> Self {
        let (client, to_client) = duplex(room);
        let (server, to_server) = duplex(room);
        let shared = Shared {
            protocol: Protocol::Tcp,
            epoch: Epoch(Instant::now()),
            upstream: Arc::default(),
            downstream: Arc::default(),
        };
        let (order, at) = (Order::default(), Offset(0));
        let link = Link::new(&shared, 7, &order, at);
        Self { link, shared, order, ever: 0, at, client, server, to_client, to_server, ended: None }
    }

    /// Sets a toxic, now.
    fn set(&mut self, stream: Stream, kind: &str, attributes: Value) -> Arc<Effect> {
        let Value::Object(attributes) = attributes else { panic!("an object") };
        let attributes: Attributes = attributes;
        let name = format!("{kind}{}", self.ever);
        let toxic = Toxic::new(Some(&name), kind, Some(stream.name()), None, &attributes).unwrap();
        self.ever += 1;
        let set = Set { id: self.ever, toxic, effect: Arc::default() };
        let effect = Arc::clone(&set.effect);
        match stream {
            Stream::Upstream => self.order.upstream.push(set),
            Stream::Downstream => self.order.downstream.push(set),
        }
        self.obey();
        effect
    }

    fn obey(&mut self) {
        self.link.obey(&self.order, &self.shared, 7, self.at);
        self.look();
    }

    fn look(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        // The other side may have made room meanwhile: the pipes of memory wake nobody here.
        for _ in 0..4 {
            if self.ended.is_some() {
                return;
            }
            let (client, server) = (&mut self.to_client, &mut self.to_server);
            if let Poll::Ready(end) = self.link.poll(client, server, self.at, &mut cx) {
                self.ended = Some(end);
            }
        }
    }

    fn send(&mut self, stream: Stream, bytes: &[u8]) {
        let side = match stream {
            Stream::Upstream => &mut self.client,
            Stream::Downstream => &mut self.server,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let mut written = pin!(side.write_all(bytes));
        assert!(written.as_mut().poll(&mut cx).is_ready(), "there is room for it");
        self.look();
    }

    /// What a stream has brought by now.
    fn receive(&mut self, stream: Stream) -> Vec<u8> {
        let side = match stream {
            Stream::Upstream => &mut self.server,
            Stream::Downstream => &mut self.client,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while let Poll::Ready(read) = pin!(side.read(&mut buffer)).poll(&mut cx) {
            match read.unwrap() {
                0 => break,
                read => all.extend_from_slice(&buffer[..read]),
            }
        }
        all
    }

    /// Goes on until `until_us`, waking only when the link asks to be woken.
    fn run(&mut self, stream: Stream, until_us: i64) -> Came {
        let mut came = Came::new();
        loop {
            self.look();
            let bytes = self.receive(stream);
            if !bytes.is_empty() {
                came.push((self.at.0, bytes));
                continue;
            }
            match self.link.next_wake().filter(|wake| wake.0 <= until_us && self.ended.is_none()) {
                Some(wake) => {
                    assert!(
                        wake > self.at,
                        "it asks to be woken at {wake:?}, and it is {:?}",
                        self.at
                    );
                    self.at = wake;
                }
                None => {
                    self.at = Offset(until_us);
                    self.look();
                    return came;
                }
            }
        }
    }
}

const BOTH: [Stream; 2] = [Stream::Upstream, Stream::Downstream];

#[test]
fn without_toxics_bytes_go_through_at_once_and_nothing_waits() {
    for stream in BOTH {
        let mut world = World::new(1 << 16);
        world.send(stream, b"hello");
        assert_eq!(world.receive(stream), b"hello");
        assert_eq!(world.link.next_wake(), None);
        assert!(world.link.up.pipe.is_none() && world.link.down.pipe.is_none());
    }
}

#[test]
fn latency_is_exact_in_both_directions_and_adds_up_in_chains() {
    for stream in BOTH {
        let mut world = World::new(1 << 16);
        world.set(stream, "latency", json!({ "latency": 100 }));
        world.set(stream, "latency", json!({ "latency": 20 }));
        world.send(stream, b"a");
        world.at = Offset(5_000);
        world.send(stream, b"b");
        let came = world.run(stream, 1_000_000);
        assert_eq!(came, [(120_000, b"a".to_vec()), (125_000, b"b".to_vec())]);
    }
}

#[test]
fn a_direction_that_is_slowed_leaves_the_other_alone() {
    let mut world = World::new(1 << 16);
    world.set(Stream::Downstream, "latency", json!({ "latency": 1000 }));
    world.send(Stream::Upstream, b"question");
    assert_eq!(world.receive(Stream::Upstream), b"question");
    world.send(Stream::Downstream, b"answer");
    assert_eq!(world.receive(Stream::Downstream), b"");
    assert_eq!(world.run(Stream::Downstream, 2_000_000), [(1_000_000, b"answer".to_vec())]);
}

#[test]
fn a_rate_holds_over_a_long_stream_and_presses_back_on_its_source() {
    for stream in BOTH {
        let mut world = World::new(1 << 20);
        // 100 bytes a ms.
        world.set(stream, "bandwidth", json!({ "rate": 100 }));
        world.send(stream, &vec![1; 400_000]);
        let held = |world: &World| {
            [&world.link.up, &world.link.down]
                .map(|half| half.pipe.as_ref().map_or(0, |pipe| pipe.held_bytes()))
        };
        let came = world.run(stream, 1_000_000);
        let by_then: usize = came.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!((99_000..=100_000).contains(&by_then), "{by_then} bytes in a second");
        assert!(held(&world).into_iter().max() <= Some(READ_BYTES + 20_000), "{:?}", held(&world));
        let came = world.run(stream, 5_000_000);
        assert_eq!(came.last().map(|(at, _)| *at), Some(4_000_000));
    }
}

#[test]
fn a_toxic_that_comes_or_goes_changes_a_link_that_lives() {
    for stream in BOTH {
        let mut world = World::new(1 << 16);
        world.send(stream, b"1");
        assert_eq!(world.receive(stream), b"1");
        world.set(stream, "latency", json!({ "latency": 500 }));
        world.send(stream, b"2");
        world.at = Offset(100_000);
        world.look();
        assert_eq!(world.receive(stream), b"");
        // It is removed: what it held goes on, before what comes later.
        world.order = Order::default();
        world.obey();
        world.send(stream, b"3");
        assert_eq!(world.receive(stream), b"23");
        assert_eq!(world.link.next_wake(), None);
    }
}

#[test]
fn a_reset_ends_both_sides_at_its_time_and_at_toxicity_0_never() {
    let mut world = World::new(1 << 16);
    let effect = world.set(Stream::Upstream, "reset_peer", json!({ "timeout": 250 }));
    world.send(Stream::Upstream, b"held");
    assert_eq!(world.run(Stream::Upstream, 249_999), []);
    assert_eq!(world.ended, None);
    world.run(Stream::Upstream, 250_000);
    assert_eq!(world.ended, Some(End::Reset));
    assert_eq!(effect.counts().connections_reset, 1);
    let mut world = World::new(1 << 16);
    world.set(Stream::Upstream, "reset_peer", json!({ "timeout": 0 }));
    world.ended = None;
    for set in &mut world.order.upstream {
        set.toxic.toxicity = 0.0;
    }
    world.link = Link::new(&world.shared, 7, &world.order, world.at);
    world.send(Stream::Upstream, b"through");
    assert_eq!(world.receive(Stream::Upstream), b"through");
    assert_eq!(world.ended, None);
}

#[test]
fn one_side_may_finish_and_still_be_answered() {
    let mut world = World::new(1 << 16);
    world.set(Stream::Upstream, "slow_close", json!({ "delay": 30 }));
    world.send(Stream::Upstream, b"the whole question");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(world.client.shutdown()).poll(&mut cx).is_ready());
    world.look();
    assert_eq!(world.receive(Stream::Upstream), b"the whole question");
    assert!(!world.link.up.finished, "its end comes later");
    world.run(Stream::Upstream, 30_000);
    assert!(world.link.up.finished && world.ended.is_none());
    world.send(Stream::Downstream, b"the answer");
    assert_eq!(world.receive(Stream::Downstream), b"the answer");
    assert!(pin!(world.server.shutdown()).poll(&mut cx).is_ready());
    world.look();
    assert_eq!(world.ended, Some(End::Finished));
}

/// Toxics that change when bytes come, and nothing else.
fn harmless() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        (0..50_i64, 0..50_i64).prop_map(|(l, j)| ("latency", json!({ "latency": l, "jitter": j }))),
        (1..5000_i64).prop_map(|rate| ("bandwidth", json!({ "rate": rate }))),
        (1..500_i64, 0..5000_i64).prop_map(|(size, delay)| {
            ("slicer", json!({ "average_size": size, "size_variation": size / 2, "delay": delay }))
        }),
        Just(("noop", json!({}))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_byte_is_lost_invented_or_reordered_whatever_is_set_and_however_small_the_rooms(
        toxics in prop::collection::vec((harmless(), any::<bool>(), 0..200_000_i64), 0..5),
        sizes in prop::collection::vec(1..3000_usize, 1..20),
        room in prop_oneof![Just(3000_usize), Just(1 << 16)],
        healed in any::<bool>(),
    ) {
        let mut world = World::new(room);
        let mut toxics = toxics;
        toxics.sort_by_key(|(_, _, at)| *at);
        let mut next = toxics.into_iter().peekable();
        let (mut sent, mut came) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for (number, size) in sizes.iter().enumerate() {
            let until = number as i64 * 10_000;
            while let Some(((kind, attributes), up, _)) = next.next_if(|(_, _, at)| *at <= until) {
                world.set(BOTH[usize::from(up)], kind, attributes);
            }
            for (place, stream) in BOTH.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..*size).map(|byte| (byte * 7 + number) as u8).collect();
                // As much as there is room for: a pipe of memory that is full is a source that waits.
                let side = if place == 0 { &mut world.client } else { &mut world.server };
                let mut cx = Context::from_waker(Waker::noop());
                let wrote = pin!(side.write(&bytes)).poll(&mut cx);
                if let Poll::Ready(Ok(wrote)) = wrote {
                    sent[place].extend_from_slice(&bytes[..wrote]);
                }
                world.look();
                for (_, bytes) in world.run(stream, until) {
                    came[place].extend(bytes);
                }
            }
        }
        if healed {
            world.order = Order::default();
            world.obey();
        }
        for _ in 0..2_000 {
            for (place, stream) in BOTH.into_iter().enumerate() {
                let until = world.at.0 + 1_000_000;
                for (_, bytes) in world.run(stream, until) {
                    came[place].extend(bytes);
                }
            }
            if came[0].len() == sent[0].len() && came[1].len() == sent[1].len() {
                break;
            }
        }
        prop_assert!(came == sent, "{} {} of {} {}", came[0].len(), came[1].len(), sent[0].len(), sent[1].len());
        prop_assert_eq!(world.ended, None);
    }
}
