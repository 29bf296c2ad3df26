//! Rows of the truth table that a commit draws.

use super::table::{Row, Service, stages};

/// Three rows by the digits of a hash, each 3 to 10 % from its edge.
pub(crate) fn drawn(hash: &str) -> Vec<Row> {
    let digits: Vec<u32> = hash.chars().filter_map(|digit| digit.to_digit(16)).collect();
    assert!(digits.len() >= 21, "{hash} is too short");
    digits.chunks(7).take(3).map(draw).collect()
}

fn draw(digits: &[u32]) -> Row {
    let [which, instances, patience, evaluate, delay, margin, side] = digits else {
        panic!("seven digits are a row")
    };
    let capacity = 50.0 * f64::from(instances % 4 + 3);
    let patience_s = 1.0 + f64::from(*patience) / 10.0;
    // The load rises just after a look, at 6 s.
    let evaluate_s = f64::from(evaluate % 3 + 1);
    let delay_s = 2.0 + f64::from(delay % 4);
    let over_s = evaluate_s + delay_s;
    let percent = 3.0 + f64::from(*margin) * 7.0 / 15.0;
    let passes = side % 2 == 0;
    let edge = capacity * (1.0 + patience_s / over_s);
    let factor = if passes { 1.0 - percent / 100.0 } else { 1.0 + percent / 100.0 };
    let load = (edge * factor * 10.0).round() / 10.0;
    // Each of them orders enough at its first look: at full, an HPA twice as many, rules as many again.
    let (min, many) = (instances % 4 + 3, instances % 4 + 10);
    let (name, keys) = match which % 3 {
        0 => ("requests", "rated_per_min = 3000, buffer = 0.3".to_owned()),
        1 => ("hpa", "rps_per_instance = 50, target_utilisation = 0.3".to_owned()),
        _ => {
            let rules = format!(
                "rps_per_instance = 50, cooldown_s = 60, out = [{{ measure = \"cpu_percent\", threshold = 95, \
                 instances = {many} }}], in = [{{ measure = \"cpu_percent\", threshold = 1, instances = 1 }}]"
            );
            ("rules", rules)
        }
    };
    let fails_at_s = 6.0 + patience_s / (load / capacity - 1.0);
    Row {
        name: format!("drawn: {name} of {min}"),
        formula: format!(
            "(λ/{capacity} − 1)·{over_s} = P = {patience_s} at λ = {edge:.1}; λ is {load}"
        ),
        value: load,
        edge,
        passes,
        fails_at_s,
        reason: "it had only ",
        service: Service { evaluate_s, delay_s, ..Service::patient(patience_s) },
        policy: format!("{name} = {{ min_instances = {min}, max_instances = 90, {keys} }}"),
        load: stages(capacity / 4.0, &[(6.0, capacity / 4.0), (6.0 + over_s + 4.0, load)]),
    }
}
