//! On which links a toxic acts.

use std::collections::BTreeSet;

use hulk_chaos::{Item, Protocol, Set, Stream, Toxic};
use hulk_record::Offset;
use serde_json::json;

use crate::world::{
    START, chain, change, counts, drive, pipe, set, shown, stream, toxic, with_toxicity,
};

const LINKS: u64 = 10_000;

/// The links of a proxy's seed on which the toxic at `place` acts.
fn acts_on(toxics: &[Set], place: usize) -> BTreeSet<u64> {
    let acts = |seed: &u64| {
        let before = counts(&toxics[place]).links;
        pipe(Protocol::Tcp, *seed, toxics);
        counts(&toxics[place]).links > before
    };
    (0..LINKS).filter(acts).collect()
}

fn late(name: &str, toxicity: f64) -> Set {
    let toxic = toxic("latency", json!({ "latency": 100 }));
    set(1, Toxic { name: name.into(), toxicity, ..toxic })
}

#[test]
fn toxicity_0_never_acts_and_toxicity_1_always_does() {
    assert_eq!(acts_on(&[late("a", 0.0)], 0).len(), 0);
    assert_eq!(acts_on(&[late("a", 1.0)], 0).len() as u64, LINKS);
}

#[test]
fn a_reset_or_a_timeout_of_toxicity_0_ends_no_link() {
    for kind in ["reset_peer", "timeout", "limit_data"] {
        let none = with_toxicity(&set(1, toxic(kind, json!({}))), 0.0);
        for seed in 0..200 {
            let mut link = pipe(Protocol::Tcp, seed, std::slice::from_ref(&none));
            assert!(link.is_idle() && link.next_ending().is_none(), "{kind}");
            link.push(Offset(START), Item::Data("a".into()));
            let out = drive(&mut link, vec![change(START + 1, &[])], || 0);
            assert_eq!(out[0].1, Item::Data("a".into()), "{kind}");
            assert_eq!((out.len(), link.ended()), (1, None), "{kind}");
        }
        assert!(!counts(&none).bit() && counts(&none).links == 0);
    }
}

#[test]
fn a_share_of_the_links_is_as_large_as_the_toxicity_and_the_same_each_time() {
    for toxicity in [0.01, 0.3, 0.9] {
        let first = acts_on(&[late("a", toxicity)], 0);
        let share = first.len() as f64 / LINKS as f64;
        assert!((share - toxicity).abs() < 0.015, "{share} of {toxicity}");
        assert_eq!(acts_on(&[late("a", toxicity)], 0), first);
        let other = acts_on(&[late("b", toxicity)], 0);
        let both = first.intersection(&other).count() as f64 / LINKS as f64;
        assert!((both - toxicity * toxicity).abs() < 0.015, "each has links of its own: {both}");
    }
    let upstream = |toxicity| {
        let Set { toxic, .. } = late("a", toxicity);
        set(1, Toxic { stream: Stream::Upstream, ..toxic })
    };
    assert_ne!(acts_on(&[upstream(0.3)], 0), acts_on(&[late("a", 0.3)], 0));
}

#[test]
fn golden_the_links_of_a_toxic_are_the_same_on_every_machine() {
    let links: Vec<u64> = acts_on(&[late("a", 0.3)], 0).into_iter().take(9).collect();
    assert_eq!(links, [0, 3, 5, 6, 8, 13, 15, 21, 25]);
    let jitter = chain(&[("latency", json!({ "latency": 100, "jitter": 90 }))]);
    let chunks: Vec<(i64, usize)> = (0..4).map(|n| (START + n * 1_000_000, 5)).collect();
    let out = drive(&mut pipe(Protocol::Tcp, 3, &jitter), stream(&chunks), || 0);
    let expected = "31.619 5 bytes\n1020.042 5 bytes\n2168.812 5 bytes\n3017.331 5 bytes";
    assert_eq!(shown(&out), expected);
}

#[test]
fn more_toxicity_only_adds_links() {
    let shares = [0.0, 0.1, 0.3, 0.5, 0.99, 1.0];
    let links = shares.map(|toxicity| acts_on(&[late("a", toxicity)], 0));
    assert!(links.windows(2).all(|pair| pair[0].is_subset(&pair[1]) && pair[0] != pair[1]));
}

#[test]
fn toxics_beside_it_change_neither_the_links_of_a_toxic_nor_what_it_draws() {
    let first = late("a", 0.3);
    let beside = Set { id: 2, ..late("b", 0.6) };
    let alone = acts_on(std::slice::from_ref(&first), 0);
    assert_eq!(acts_on(&[beside.clone(), first.clone()], 1), alone);
    assert_eq!(acts_on(&[first, beside], 0), alone);
    let jitter = ("latency", json!({ "latency": 100, "jitter": 90 }));
    let chunks: Vec<(i64, usize)> = (0..500).map(|n| (START + n * 70_000, 5)).collect();
    let out = |toxics: &[Set]| drive(&mut pipe(Protocol::Tcp, 3, toxics), stream(&chunks), || 0);
    let one = chain(std::slice::from_ref(&jitter));
    let mut with = chain(&[jitter, ("slow_close", json!({ "delay": 5 }))]);
    assert_eq!(out(&with), out(&one));
    with.reverse();
    assert_eq!(out(&with), out(&one));
}

#[test]
fn a_link_is_counted_once_however_often_the_toxicity_is_changed() {
    let half = late("a", 0.5);
    let sets = [0.0, 1.0, 0.5].map(|toxicity| with_toxicity(&half, toxicity));
    for seed in 0..LINKS / 10 {
        let mut link = pipe(Protocol::Tcp, seed, &[]);
        for n in 0..30 {
            link.change(&sets[n % 3..=n % 3], Offset(START + n as i64));
        }
    }
    assert_eq!(counts(&half).links, LINKS / 10);
    assert!(!counts(&half).bit());
}
