//! Rows about capacity as it is bought: images, pools, zones, quotas, load balancers.
//!
//! The services stand in the zones in the order of their names: first the four instances of the one
//! that is judged, then the one that nobody asks.

use super::table::{PASSES, Row, SHORT_OF_4, Service, constant, fails, fixed, jump, policy, row};

/// 7 instances for 260 a second, 8 for 287.
fn requests() -> String {
    policy("requests", "rated_per_min = 3000, buffer = 0.3, max_instances = 50")
}

pub(super) fn rows() -> Vec<Row> {
    [starts(), limits(), windows(), balancers()].concat()
}

fn bought(patience_s: f64, keys: &str) -> Service {
    Service { bought: format!(", {keys}"), ..Service::patient(patience_s) }
}

fn zones(patience_s: f64, text: &str) -> Service {
    Service { platform: text.to_owned(), ..Service::patient(patience_s) }
}

fn starts() -> Vec<Row> {
    let image = (
        "an image that is baked in, or pulled",
        "(260/200 − 1)·(E + D + I) = P = 1.9 at E + D + I = 6.33",
    );
    let pool = (
        "instances that are kept warm skip the node's 2 s",
        "(260/200 − 1)·(E + D) = P = 1.5 at E + D = 5: 3 of them make 350/s",
    );
    vec![
        row(
            image,
            (6.0, 6.33),
            PASSES,
            bought(1.9, "image_s = 0"),
            (requests(), jump(260.0, 18.0)),
        ),
        // 6 + 1.9/0.3.
        row(
            image,
            (7.0, 6.33),
            fails(12.33, SHORT_OF_4),
            bought(1.9, "image_s = 1"),
            (requests(), jump(260.0, 18.0)),
        ),
        row(
            pool,
            (4.0, 5.0),
            PASSES,
            bought(1.5, "warm_pool_instances = 3"),
            (requests(), jump(260.0, 18.0)),
        ),
        // 6 + 1.5/0.3.
        row(
            pool,
            (6.0, 5.0),
            fails(11.0, SHORT_OF_4),
            bought(1.5, "warm_pool_instances = 0"),
            (requests(), jump(260.0, 18.0)),
        ),
    ]
}

fn limits() -> Vec<Row> {
    let zone = (
        "a zone with room for one more, or for two",
        "n from 12 on: [(287 − 200)·6 + (287 − 50·n)·10]/(50·n) is above P = 3 at 22 s, but for n > 5.74",
    );
    let quota = (
        "a quota of five, or of six",
        "n from 12 on: [(287 − 200)·6 + (287 − 50·n)·10]/(50·n) is above P = 3 at 22 s, but for n > 5.74",
    );
    let load = || (requests(), jump(287.0, 22.0));
    let two = |room: u32| {
        let text =
            format!("[zone.a]\ncapacity_instances = 3\n[zone.b]\ncapacity_instances = {room}\n");
        zones(3.0, &text)
    };
    vec![
        row(zone, (6.0, 5.74), PASSES, two(4), load()),
        // 522 wait at 12 s; 750 do 228/37 s later.
        row(zone, (5.0, 5.74), fails(18.16, SHORT_OF_4), two(3), load()),
        row(quota, (6.0, 5.74), PASSES, bought(3.0, "quota_instances = 6"), load()),
        row(
            quota,
            (5.0, 5.74),
            fails(18.16, SHORT_OF_4),
            bought(3.0, "quota_instances = 5"),
            load(),
        ),
    ]
}

/// A zone that has nothing to give for so long from 6 s on; the other one is full.
fn windows() -> Vec<Row> {
    let none = (
        "a zone with nothing to give when it is needed",
        "what is ordered at the first look after it serves D later: (260/200 − 1)·t = P = 2.7 at t = 9",
    );
    let service = || zones(2.7, "[zone.a]\ncapacity_instances = 3\n[zone.b]\n");
    let load = |for_s: f64| {
        let load = jump(260.0, 20.0);
        format!(
            "{load}\n[[fault]]\nname = \"none\"\nat_min = 0.1\nfor_s = {for_s:?}\nno_capacity = {{ zone = \"b\" }}"
        )
    };
    vec![
        // Ordered at 10, serves at 14.
        row(none, (8.0, 9.0), PASSES, service(), (requests(), load(3.0))),
        // Ordered at 12; 6 + 2.7/0.3.
        row(none, (10.0, 9.0), fails(15.0, SHORT_OF_4), service(), (requests(), load(5.0))),
    ]
}

fn balancers() -> Vec<Row> {
    let peak = (
        "a load balancer's own peak",
        "three take turns, and one carries 70: λ = 210, however many instances are behind them",
    );
    let service = || {
        Service {
        more: "base_latency_ms = 5\nload_balancers = [{ peak_rps = 70 }, { peak_rps = 100 }, { peak_rps = \
               100 }]"
            .to_owned(),
        ..Service::patient(1.0)
    }
    };
    vec![
        row(peak, (200.0, 210.0), PASSES, service(), (fixed(8), constant(200.0, 16.0))),
        // It holds 70 more than it carries, and 20/3 a second are too many: the last but one goes at
        // 69/(20/3).
        row(
            peak,
            (230.0, 210.0),
            fails(10.35, "it had all the instances that its demand needed"),
            service(),
            (fixed(8), constant(230.0, 16.0)),
        ),
    ]
}
