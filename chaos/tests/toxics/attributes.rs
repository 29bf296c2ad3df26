//! What attributes may be, and what is said of those that may not.

use hulk_chaos::{Attributes, Protocol, Stream, TOXIC_TYPES, Toxic, ToxicError, ToxicKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::attributes;

fn read(kind: &str, of: Value) -> Result<ToxicKind, ToxicError> {
    ToxicKind::read(kind, &attributes(of))
}

/// What is wrong first, as a client of the API sees it.
fn problem(kind: &str, of: Value) -> String {
    read(kind, of).unwrap_err().to_string()
}

fn problems(kind: &str, of: Value) -> Vec<String> {
    let (kind, problems) = ToxicKind::read_strictly(kind, &attributes(of)).unwrap_err();
    let kind = kind.into_iter().map(|error| error.to_string());
    kind.chain(problems.iter().map(ToString::to_string)).collect()
}

#[test]
fn every_whole_number_says_what_it_is_and_what_it_may_be() {
    for (kind, name, most, others) in [
        ("latency", "latency", 86_400_000_i64, json!({})),
        ("latency", "jitter", 86_400_000, json!({})),
        ("bandwidth", "rate", 1_000_000_000, json!({})),
        ("bandwidth", "packet_bytes", 65_535, json!({})),
        ("slow_close", "delay", 86_400_000, json!({})),
        ("timeout", "timeout", 86_400_000, json!({})),
        ("reset_peer", "timeout", 86_400_000, json!({})),
        ("slicer", "delay", 60_000_000, json!({ "average_size": 5 })),
        ("slicer", "size_variation", 1 << 30, json!({ "average_size": 5 })),
        ("limit_data", "bytes", i64::MAX, json!({})),
        ("connection_limit", "connections", 1_000_000, json!({})),
    ] {
        let beyond = most as f64 * 2.0;
        let texts = ["-1", "0.5", "1e300", "\"5\"", "true", "[5]", "{}", "18446744073709551616"];
        for text in texts.into_iter().map(str::to_owned).chain([format!("{beyond:?}")]) {
            let value: Value = serde_json::from_str(&text).unwrap();
            let mut of = others.clone();
            of[name] = value.clone();
            let expected = format!(
                "attribute `{name}` is {value}: a whole number from 0 to {most} is expected"
            );
            assert_eq!(problem(kind, of), expected);
        }
    }
}

#[test]
fn numbers_that_must_be_there_are_missed() {
    for (kind, name, range, others) in [
        ("slicer", "average_size", "1 to 1073741824", json!({})),
        ("slow_start", "round_trip", "1 to 60000", json!({ "initial_bytes": 1, "rate": 1 })),
        ("slow_start", "initial_bytes", "1 to 1073741824", json!({ "round_trip": 1, "rate": 1 })),
        ("slow_start", "rate", "1 to 1000000000", json!({ "round_trip": 1, "initial_bytes": 1 })),
        ("reorder", "delay", "1 to 86400000", json!({ "share": 0.5 })),
        ("http_status", "status", "200 to 599", json!({})),
    ] {
        let expected = format!("a whole number from {range} is expected");
        let missing = problem(kind, others.clone());
        assert_eq!(missing, format!("attribute `{name}` is missing: {expected}"));
        let mut zero = others;
        zero[name] = json!(0);
        assert_eq!(problem(kind, zero), format!("attribute `{name}` is 0: {expected}"));
    }
}

#[test]
fn shares_and_shapes_say_what_they_may_be() {
    for (kind, of, name, wanted) in [
        ("loss", json!({ "share": -0.1 }), "share", "0 to 1"),
        ("loss", json!({ "share": 1.01 }), "share", "0 to 1"),
        ("loss", json!({ "share": "all" }), "share", "0 to 1"),
        ("loss", json!({ "share": 1e300 }), "share", "0 to 1"),
        ("loss", json!({ "burst": -1 }), "burst", "0 to 10000"),
        ("duplicate", json!({ "share": 2 }), "share", "0 to 1"),
        ("reorder", json!({ "share": 2, "delay": 1 }), "share", "0 to 1"),
        ("latency", json!({ "shape": 0 }), "shape", "0.1 to 100"),
        ("http_body", json!({ "share": 7 }), "share", "0 to 1"),
    ] {
        let value = of[name].clone();
        let expected = format!("attribute `{name}` is {value}: a number from {wanted} is expected");
        assert_eq!(problem(kind, of), expected);
    }
}

#[test]
fn attributes_that_do_not_go_together_are_named() {
    for (kind, of, expected) in [
        (
            "slicer",
            json!({ "average_size": 5, "size_variation": 5 }),
            "attribute `size_variation` is 5: it must be below `average_size`",
        ),
        (
            "bandwidth",
            json!({ "packet_bytes": 100 }),
            "attribute `packet_bytes` is 100: from 101 to 65535, or 0",
        ),
        (
            "latency",
            json!({ "distribution": "pareto" }),
            "attribute `shape` is missing: a pareto distribution needs it, for example 3",
        ),
        (
            "latency",
            json!({ "distribution": "histogram" }),
            "attribute `histogram` is missing: the text of an .hlog file, or one histogram of it, is \
             expected",
        ),
        (
            "latency",
            json!({ "distribution": "gauss" }),
            "attribute `distribution` is `gauss`: one of uniform, normal, pareto, histogram is expected",
        ),
        (
            "latency",
            json!({ "distribution": 3 }),
            "attribute `distribution` is 3: a text is expected",
        ),
        ("http_header", json!({}), "attribute `name` is ``: the name of a header is expected"),
        (
            "http_header",
            json!({ "name": "a b" }),
            "attribute `name` is `a b`: the name of a header is expected",
        ),
        (
            "http_header",
            json!({ "name": "Content-Length" }),
            "attribute `name` is `Content-Length`, by which a message is told from the next",
        ),
        (
            "http_header",
            json!({ "name": "a", "value": "b\r\nc: d" }),
            "attribute `value` must be of visible ASCII letters and spaces",
        ),
        ("http_body", json!({ "body": 5 }), "attribute `body` is 5: a text is expected"),
        (
            "http_status",
            json!({ "status": 503, "path": "api" }),
            "attribute `path` must begin with `/`, for example `/api/`",
        ),
    ] {
        assert_eq!(problem(kind, of), expected);
    }
}

#[test]
fn a_long_value_is_cut_in_its_message() {
    let text = "x".repeat(1_000);
    let found = problem("latency", json!({ "latency": text }));
    assert!(found.len() < 150 && found.contains("xxx…: a whole number"), "{found}");
}

#[test]
fn null_is_as_good_as_absent_and_absent_numbers_are_0() {
    let zero = json!({ "latency": 0, "jitter": 0 });
    for of in [json!({}), json!({ "latency": null }), zero.clone()] {
        assert_eq!(Value::from(read("latency", of).unwrap().attributes()), zero);
    }
    assert_eq!(read("loss", json!({ "share": null })), read("loss", json!({ "share": 0 })));
    let route = read("http_body", json!({ "body": null, "share": null, "path": null })).unwrap();
    assert_eq!(route, read("http_body", json!({})).unwrap());
}

#[test]
fn names_are_the_same_in_upper_and_lower_case_and_whole_numbers_may_have_a_point() {
    let plain = read("latency", json!({ "latency": 1_000, "jitter": 5 })).unwrap();
    for text in [
        r#"{ "LATENCY": 1000, "Jitter": 5 }"#,
        r#"{ "latency": 1000.0, "jitter": 5.0 }"#,
        r#"{ "latency": 1e3, "jitter": 50e-1, "strange": "ignored" }"#,
    ] {
        assert_eq!(read("latency", serde_json::from_str(text).unwrap()).unwrap(), plain, "{text}");
    }
    let least = read("limit_data", json!({ "bytes": -0.0 })).unwrap();
    assert_eq!(Value::from(least.attributes()), json!({ "bytes": 0 }));
}

#[test]
fn a_strict_reader_lists_all_that_is_wrong_and_each_attribute_once() {
    let found = problems(
        "latency",
        json!({ "latency": -1, "jitter": "5", "distribution": "pareto", "shape": 1_000,
                "histogram": 5, "rate": 3, "Delay": 4 }),
    );
    let known = "latency, jitter, distribution, shape, histogram";
    let expected = [
        "attribute `latency` is -1: a whole number from 0 to 86400000 is expected".to_owned(),
        "attribute `jitter` is \"5\": a whole number from 0 to 86400000 is expected".into(),
        "attribute `shape` is 1000: a number from 0.1 to 100 is expected".into(),
        "attribute `histogram` is 5: a text is expected".into(),
        format!("attribute `Delay` is not one of a toxic `latency`: {known}"),
        format!("attribute `rate` is not one of a toxic `latency`: {known}"),
    ];
    assert_eq!(found, expected);
    let none = "attribute `a` is not one of a toxic `noop`: it has none";
    assert_eq!(problems("noop", json!({ "a": 1 })), [none]);
    assert_eq!(problems("latecy", json!({ "latency": -1 })), ["invalid toxic type"]);
    assert_eq!(problems("http_header", json!({ "name": 5 })).len(), 1);
    let fine = attributes(json!({ "Latency": 5, "jitter": null }));
    assert!(ToxicKind::read_strictly("latency", &fine).is_ok());
}

#[test]
fn changed_attributes_go_in_among_the_others() {
    let toxic = read("latency", json!({ "latency": 100, "jitter": 10 })).unwrap();
    let changed =
        |of: Value| toxic.changed(&attributes(of)).map(|kind| Value::from(kind.attributes()));
    let expected = json!({ "latency": 100, "jitter": 20 });
    assert_eq!(changed(json!({ "jitter": 20 })).unwrap(), expected);
    assert_eq!(changed(json!({ "JITTER": 20, "latency": null })).unwrap(), expected);
    assert_eq!(changed(json!({})).unwrap(), json!({ "latency": 100, "jitter": 10 }));
    assert!(changed(json!({ "jitter": -20 })).is_err());
    let slicer = read("slicer", json!({ "average_size": 10, "size_variation": 9 })).unwrap();
    assert!(
        slicer.changed(&attributes(json!({ "average_size": 9 }))).is_err(),
        "judged as a whole"
    );
    let pareto = json!({ "latency": 1, "distribution": "pareto", "shape": 2.5 });
    let back =
        read("latency", pareto).unwrap().changed(&attributes(json!({ "distribution": "uniform" })));
    let expected = json!({ "latency": 1, "jitter": 0, "shape": 2.5 });
    assert_eq!(Value::from(back.unwrap().attributes()), expected);
}

#[test]
fn golden_attributes_echo_what_toxiproxy_has_with_zeros_and_of_ours_what_is_set() {
    for (kind, of, expected) in [
        ("latency", json!({}), json!({ "latency": 0, "jitter": 0 })),
        ("bandwidth", json!({}), json!({ "rate": 0 })),
        (
            "bandwidth",
            json!({ "packet_bytes": 1_500 }),
            json!({ "rate": 0, "packet_bytes": 1_500 }),
        ),
        ("slow_close", json!({}), json!({ "delay": 0 })),
        ("timeout", json!({}), json!({ "timeout": 0 })),
        ("reset_peer", json!({}), json!({ "timeout": 0 })),
        (
            "slicer",
            json!({ "average_size": 1 }),
            json!({ "average_size": 1, "size_variation": 0, "delay": 0 }),
        ),
        ("limit_data", json!({}), json!({ "bytes": 0 })),
        ("noop", json!({}), json!({})),
        ("http_status", json!({ "status": 503 }), json!({ "status": 503, "share": 1.0 })),
        ("http_header", json!({ "name": "a" }), json!({ "name": "a", "share": 1.0 })),
        ("http_body", json!({ "path": "/a" }), json!({ "body": "", "path": "/a", "share": 1.0 })),
    ] {
        assert_eq!(Value::from(read(kind, of).unwrap().attributes()), expected, "{kind}");
    }
}

#[test]
fn a_toxic_is_named_after_its_type_and_stream_and_judged_in_toxiproxy_s_order() {
    let new = |name, kind, stream, toxicity, of: Value| {
        Toxic::new(name, kind, stream, toxicity, &attributes(of))
    };
    let plain = new(None, "latency", None, None, json!({})).unwrap();
    assert_eq!((plain.name.as_str(), plain.stream), ("latency_downstream", Stream::Downstream));
    assert_eq!(plain.toxicity, 1.0);
    let named = new(Some("slow"), "latency", Some("UPSTREAM"), Some(0.5), json!({})).unwrap();
    assert_eq!((named.name.as_str(), named.stream), ("slow", Stream::Upstream));
    let empty = new(Some(""), "noop", Some(""), None, json!({})).unwrap();
    assert_eq!(empty.name, "noop_downstream");
    let bad = json!({ "latency": -1 });
    for (stream, kind, toxicity, message) in [
        (Some("x"), "y", Some(2.0), "stream was invalid, can be either upstream or downstream"),
        (None, "y", Some(2.0), "invalid toxic type"),
        (None, "Latency", None, "invalid toxic type"),
        (
            None,
            "latency",
            Some(2.0),
            "attribute `latency` is -1: a whole number from 0 to 86400000 is expected",
        ),
        (None, "noop", Some(1.5), "toxicity is 1.5: a number from 0 to 1 is expected"),
        (None, "noop", Some(-0.1), "toxicity is -0.1: a number from 0 to 1 is expected"),
        (None, "noop", Some(f64::NAN), "toxicity is NaN: a number from 0 to 1 is expected"),
    ] {
        let error = new(None, kind, stream, toxicity, bad.clone()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert!(plain.changed(Some(1.1), &Attributes::new()).is_err());
}

/// Whether a proxy of that protocol can have a toxic of that type.
fn fits(kind: &str, protocol: Protocol) -> Result<(), ToxicError> {
    let least = json!({ "average_size": 1, "round_trip": 1, "initial_bytes": 1, "rate": 1,
                        "delay": 1, "status": 500, "name": "a" });
    Toxic::new(None, kind, None, None, &attributes(least)).unwrap().fits(protocol)
}

#[test]
fn a_toxic_fits_only_what_it_can_be_done_to() {
    for (kind, _) in TOXIC_TYPES {
        let everywhere = ["latency", "bandwidth", "noop"].contains(kind);
        let datagrams = ["loss", "duplicate", "reorder"].contains(kind);
        let http = kind.starts_with("http_");
        assert_eq!(fits(kind, Protocol::Udp).is_ok(), everywhere || datagrams, "{kind}");
        assert_eq!(fits(kind, Protocol::Http).is_ok(), !datagrams, "{kind}");
        assert_eq!(fits(kind, Protocol::Tcp).is_ok(), !datagrams && !http, "{kind}");
    }
    let message = |kind, protocol| fits(kind, protocol).unwrap_err().to_string();
    assert_eq!(
        message("loss", Protocol::Tcp),
        "`loss` needs a proxy of protocol udp, and this one is tcp"
    );
    assert_eq!(
        message("slicer", Protocol::Udp),
        "`slicer` needs a proxy of protocol tcp or http, and this one is udp"
    );
    assert_eq!(
        message("http_body", Protocol::Tcp),
        "`http_body` needs a proxy of protocol http, and this one is tcp"
    );
}

#[test]
fn the_readme_has_a_row_for_every_type_with_all_its_attributes_and_where_it_can_be_set() {
    let readme = include_str!("../../README.md");
    for (kind, _) in TOXIC_TYPES {
        let begin = format!("| `{kind}` |");
        let row = readme.lines().rfind(|line| line.starts_with(&begin)).unwrap();
        let strange = attributes(json!({ "strange": 1 }));
        let (_, problems) = ToxicKind::read_strictly(kind, &strange).unwrap_err();
        let (_, known) = problems.last().unwrap().problem.split_once(": ").unwrap();
        for name in known.split(", ").filter(|name| *name != "it has none") {
            assert!(row.contains(&format!("`{name}`")), "{kind}: {name}");
        }
        let carried = row.trim_end_matches(" |").rsplit_once("| ").unwrap().1;
        for protocol in [Protocol::Tcp, Protocol::Http, Protocol::Udp] {
            let said = carried == "all" || carried.split(", ").any(|name| name == protocol.name());
            assert_eq!(said, fits(kind, protocol).is_ok(), "{kind} {}", protocol.name());
        }
    }
}

/// Attributes of all types at once: each takes its own, right or not.
fn anything() -> impl Strategy<Value = Attributes> {
    let names = [
        "latency",
        "jitter",
        "distribution",
        "shape",
        "histogram",
        "rate",
        "packet_bytes",
        "delay",
        "timeout",
        "average_size",
        "size_variation",
        "bytes",
        "round_trip",
        "initial_bytes",
        "connections",
        "status",
        "body",
        "name",
        "value",
        "path",
        "method",
        "share",
        "burst",
    ];
    let value = prop_oneof![
        4 => (0..2_000_i64).prop_map(Value::from),
        2 => (0.0..1.0_f64).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => "[a-z/]{0,8}".prop_map(Value::from),
        1 => prop_oneof!["uniform", "normal", "pareto"].prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
    ];
    let one = (proptest::sample::select(names.to_vec()).prop_map(str::to_owned), value);
    proptest::collection::vec(one, 0..12).prop_map(|all| all.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_read_is_read_again_from_its_own_attributes(of in anything()) {
        for (kind, _) in TOXIC_TYPES {
            let Ok(read) = ToxicKind::read(kind, &of) else { continue };
            let echoed = read.attributes();
            prop_assert_eq!(&ToxicKind::read_strictly(kind, &echoed).unwrap(), &read);
            prop_assert_eq!(read.name(), *kind);
            prop_assert_eq!(&read.changed(&Attributes::new()).unwrap(), &read);
            prop_assert_eq!(&read.changed(&echoed).unwrap(), &read);
        }
    }

    #[test]
    fn a_lenient_and_a_strict_reader_agree_on_what_is_wrong_first(of in anything()) {
        for (kind, _) in TOXIC_TYPES {
            let lenient = ToxicKind::read(kind, &of);
            match ToxicKind::read_strictly(kind, &of) {
                Ok(strict) => prop_assert_eq!(lenient.unwrap(), strict),
                Err((_, problems)) => match lenient {
                    Ok(_) => prop_assert!(problems.iter().all(|p| p.problem.contains("is not one of"))),
                    Err(first) => prop_assert_eq!(first.to_string(), problems[0].to_string()),
                }
            }
        }
    }
}
