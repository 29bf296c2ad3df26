//! A pipe in virtual time: what goes in when, and what comes out when.

use std::sync::Arc;

use bytes::Bytes;
use hulk_chaos::{Attributes, Effect, EffectCounts, Item, Pipe, Protocol, Set, Toxic};
use hulk_record::{Offset, hash_of};
use serde_json::Value;

/// Half a second, so that no time is by chance the zero of something.
pub(crate) const START: i64 = 500_000;
pub(crate) const MS: i64 = 1_000;
pub(crate) const S: i64 = 1_000_000;

/// What is done to a pipe.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Push(Item),
    Change(Vec<Set>),
}

pub(crate) type Steps = Vec<(i64, Step)>;
/// What came out, and when, in µs.
pub(crate) type Out = Vec<(i64, Item)>;

pub(crate) fn attributes(of: Value) -> Attributes {
    match of {
        Value::Object(attributes) => attributes,
        other => panic!("{other} is no object"),
    }
}

/// A toxic on all links, of the default stream.
pub(crate) fn toxic(kind: &str, of: Value) -> Toxic {
    Toxic::new(None, kind, None, None, &attributes(of)).unwrap()
}

pub(crate) fn set(id: u64, toxic: Toxic) -> Set {
    Set { id, toxic, effect: Arc::new(Effect::default()) }
}

/// Toxics in a row, each with a name of its own.
pub(crate) fn chain(of: &[(&str, Value)]) -> Vec<Set> {
    let named = of.iter().zip(0..).map(|((kind, of), id)| {
        let name = format!("toxic-{id}");
        set(id, Toxic { name, ..toxic(kind, of.clone()) })
    });
    named.collect()
}

/// The same toxic with other attributes.
pub(crate) fn updated(set: &Set, of: Value) -> Set {
    let toxic = set.toxic.changed(None, &attributes(of)).unwrap();
    Set { toxic, ..set.clone() }
}

/// The same toxic on another share of the links.
pub(crate) fn with_toxicity(set: &Set, toxicity: f64) -> Set {
    let toxic = set.toxic.changed(Some(toxicity), &Attributes::new()).unwrap();
    Set { toxic, ..set.clone() }
}

pub(crate) fn counts(set: &Set) -> EffectCounts {
    set.effect.counts()
}

/// Counts without the delays, of which only the given ones are not 0.
pub(crate) fn only(of: &[(&str, u64)]) -> Vec<(&'static str, u64)> {
    let mut counts = EffectCounts::default().named();
    for (name, count) in of {
        counts.iter_mut().find(|(known, _)| known == name).unwrap().1 = *count;
    }
    counts
}

/// The bytes of a stream, each of which says its place.
pub(crate) fn bytes(from: usize, len: usize) -> Bytes {
    (from..from + len).map(|place| (place % 251) as u8).collect()
}

/// Chunks of one stream, by when they come and how long they are.
pub(crate) fn stream(chunks: &[(i64, usize)]) -> Steps {
    let mut from = 0;
    let mut steps = Vec::new();
    for (at, len) in chunks {
        steps.push((*at, Step::Push(Item::Data(bytes(from, *len)))));
        from += len;
    }
    steps
}

pub(crate) fn finish(at: i64) -> (i64, Step) {
    (at, Step::Push(Item::Finish))
}

pub(crate) fn change(at: i64, toxics: &[Set]) -> (i64, Step) {
    (at, Step::Change(toxics.to_vec()))
}

/// Steps in the order of their times.
pub(crate) fn ordered(parts: impl IntoIterator<Item = Steps>) -> Steps {
    let mut steps: Steps = parts.into_iter().flatten().collect();
    steps.sort_by_key(|(at, _)| *at);
    steps
}

pub(crate) fn pipe(protocol: Protocol, seed: u64, toxics: &[Set]) -> Pipe {
    Pipe::new(protocol, seed, toxics, Offset(START))
}

/// A pipe of a stream that is always woken in time.
pub(crate) fn run(toxics: &[Set], steps: Steps) -> Out {
    drive(&mut pipe(Protocol::Tcp, 7, toxics), steps, || 0)
}

/// The same, of datagrams.
pub(crate) fn run_udp(toxics: &[Set], steps: Steps) -> Out {
    drive(&mut pipe(Protocol::Udp, 7, toxics), steps, || 0)
}

/// Up to `most_us` late, anew each time.
pub(crate) fn lateness(seed: u64, most_us: u64) -> impl FnMut() -> i64 {
    let mut drawn = 0;
    move || {
        drawn += 1;
        (hash_of(seed, drawn) % (most_us + 1)) as i64
    }
}

/// Takes the steps at their times, looks at the pipe so late after each of its wakes, and ends with it.
pub(crate) fn drive(pipe: &mut Pipe, steps: Steps, mut late: impl FnMut() -> i64) -> Out {
    let mut out = Vec::new();
    let mut steps = steps.into_iter().peekable();
    let mut now = i64::MIN;
    drain(pipe, START, &mut out);
    for _ in 0..10_000_000 {
        if matches!(out.last(), Some((_, Item::Close | Item::Reset))) {
            return out;
        }
        let wake = pipe.next_wake().map(|at| now.max(at.0 + late()));
        match steps.next_if(|(at, _)| wake.is_none_or(|wake| *at < wake)) {
            Some((at, step)) => {
                now = now.max(at);
                match step {
                    Step::Push(item) => pipe.push(Offset(now), item),
                    Step::Change(toxics) => pipe.change(&toxics, Offset(now)),
                }
            }
            None => {
                let Some(wake) = wake else { return out };
                now = wake;
                pipe.advance(Offset(now));
                assert!(pipe.next_wake().is_none_or(|at| at.0 > now), "it wakes at {now} again");
            }
        }
        drain(pipe, now, &mut out);
    }
    panic!("it wakes again and again");
}

fn drain(pipe: &mut Pipe, now: i64, out: &mut Out) {
    while let Some(item) = pipe.pop() {
        let end = matches!(item, Item::Close | Item::Reset);
        out.push((now, item));
        if end {
            return;
        }
    }
}

/// When what came out, in µs, with the length of the data.
pub(crate) fn times(out: &Out) -> Vec<(i64, usize)> {
    data(out).map(|(at, bytes)| (at, bytes.len())).collect()
}

pub(crate) fn data(out: &Out) -> impl Iterator<Item = (i64, &Bytes)> {
    out.iter().filter_map(|(at, item)| match item {
        Item::Data(bytes) => Some((*at, bytes)),
        Item::Finish | Item::Close | Item::Reset => None,
    })
}

/// All bytes that came out, in their order.
pub(crate) fn joined(out: &Out) -> Vec<u8> {
    data(out).flat_map(|(_, bytes)| bytes.to_vec()).collect()
}

/// A line for each item that came out: ms, what, and how much.
pub(crate) fn shown(out: &Out) -> String {
    let line = |(at, item): &(i64, Item)| {
        let what = match item {
            Item::Data(bytes) => format!("{} bytes", bytes.len()),
            other => format!("{other:?}").to_lowercase(),
        };
        format!("{:.3} {what}", (at - START) as f64 / 1e3)
    };
    out.iter().map(line).collect::<Vec<_>>().join("\n")
}
