//! What is told of receivers: a few lines, or one JSON document.

use std::io::{Write, stdout};

use hulk_engine::Heard;
use hulk_record::Samples;
use serde_json::{Map, Value, json};

use super::ListenArguments;
use crate::outcome::Failure;

const FAIL: i32 = 3;
const INVALID: i32 = 6;
/// Where half of HULK's own timers are later than this it was always busy, in ms.
const LAG_MS_MAX: f64 = 10.0;
/// Quantiles of the delivery latency that are told, in ppm.
const QUANTILES: [(&str, u32); 4] =
    [("p50", 500_000), ("p90", 900_000), ("p99", 990_000), ("p99.9", 999_000)];

/// A figure with a limit.
struct Limit {
    name: &'static str,
    /// What it was; none where nothing was measured, and then the limit is not kept.
    measured: Option<f64>,
    limit: f64,
    /// Whether it may be at most the limit, or must be at least.
    at_most: bool,
}

impl Limit {
    fn holds(&self) -> bool {
        self.measured.is_some_and(|measured| match self.at_most {
            true => measured <= self.limit,
            false => measured >= self.limit,
        })
    }

    fn line(&self) -> String {
        let verdict = if self.holds() { "PASS" } else { "FAIL" };
        let measured = self.measured.map_or("not measured".to_owned(), |of| of.to_string());
        let side = if self.at_most { "most" } else { "least" };
        format!("{verdict}  {}: {measured} (at {side} {})\n", self.name, self.limit)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "measured": self.measured,
            "limit": self.limit,
            "holds": self.holds(),
        })
    }
}

/// Tells what was met; the exit code.
pub(super) fn tell(arguments: &ListenArguments, heard: &Heard) -> Result<i32, Failure> {
    let limits = limits(arguments, heard);
    let text = if arguments.json {
        let document = document(arguments, heard, &limits);
        serde_json::to_string_pretty(&document).map_err(Failure::internal)? + "\n"
    } else {
        lines(arguments, heard, &limits)
    };
    let out = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    out.map_err(Failure::internal)?;
    Ok(match (is_valid(heard), limits.iter().all(Limit::holds)) {
        (false, _) => INVALID,
        (true, false) => FAIL,
        (true, true) => 0,
    })
}

fn is_valid(heard: &Heard) -> bool {
    ms(&heard.lag, 500_000) <= LAG_MS_MAX
}

fn limits(arguments: &ListenArguments, heard: &Heard) -> Vec<Limit> {
    let connected = Limit {
        name: "receivers that were connected",
        measured: Some(f64::from(heard.connected)),
        limit: f64::from(arguments.receivers),
        at_most: false,
    };
    let p99 = arguments.p99_ms.map(|limit| Limit {
        name: "delivery latency p99, ms",
        measured: (heard.latency.count() > 0).then(|| ms(&heard.latency, 990_000)),
        limit,
        at_most: true,
    });
    let missed = arguments.missed_max.map(|limit| Limit {
        name: "messages missed",
        measured: (heard.expected > 0).then_some(missed(heard) as f64),
        limit: limit as f64,
        at_most: true,
    });
    [Some(connected), p99, missed].into_iter().flatten().collect()
}

/// All that were missed.
fn missed(heard: &Heard) -> u64 {
    heard.missed.saturating_add(heard.missed_away)
}

fn document(arguments: &ListenArguments, heard: &Heard, limits: &[Limit]) -> Value {
    let latency = &heard.latency;
    let quantile = |(name, ppm): &(&str, u32)| ((*name).to_owned(), json!(ms(latency, *ppm)));
    let mut latency_ms: Map<String, Value> = QUANTILES.iter().map(quantile).collect();
    latency_ms.insert("max".to_owned(), json!(latency.max_us() as f64 / 1e3));
    json!({
        "wanted": arguments.receivers,
        "connected": heard.connected,
        "gone": heard.gone,
        "setup_ms": { "p50": ms(&heard.setup, 500_000), "p99": ms(&heard.setup, 990_000) },
        "received": heard.received,
        "expected": heard.expected,
        "missed": missed(heard),
        "missed_away": heard.missed_away,
        "repeated": heard.repeated,
        "malformed": heard.malformed,
        "measured": latency.count(),
        "latency_ms": latency_ms,
        "ahead": heard.ahead,
        "ahead_ms_max": heard.ahead_us_max as f64 / 1e3,
        "reconnects": heard.reconnects,
        "away_ms": { "p99": ms(&heard.away, 990_000), "max": heard.away.max_us() as f64 / 1e3 },
        "storm": heard.storm.map(|storm| json!({
            "cut": storm.cut,
            "back": storm.back,
            "last_back_s": storm.last_back_us as f64 / 1e6,
        })),
        "lag_ms": { "p50": ms(&heard.lag, 500_000), "p99": ms(&heard.lag, 990_000) },
        "busy_share": heard.busy_share,
        "valid": is_valid(heard),
        "limits": limits.iter().map(Limit::json).collect::<Vec<_>>(),
        "troubles": heard.troubles,
    })
}

fn lines(arguments: &ListenArguments, heard: &Heard, limits: &[Limit]) -> String {
    let wanted = arguments.receivers;
    let mut text = format!(
        "{} of {wanted} receivers connected, {} gone at the end; setup p50 {:.1} ms, p99 {:.1} \
         ms\n",
        heard.connected,
        heard.gone,
        ms(&heard.setup, 500_000),
        ms(&heard.setup, 990_000),
    );
    for (trouble, count) in &heard.troubles {
        text += &format!("  {count} x {trouble}\n");
    }
    let (received, expected, missed) = (heard.received, heard.expected, missed(heard));
    let (repeated, malformed, away) = (heard.repeated, heard.malformed, heard.missed_away);
    text += &format!(
        "received {received} messages: {repeated} repeated, {malformed} malformed\nof {expected} \
         numbered messages that were due {missed} were missed, {away} of them while away\n"
    );
    text += "delivery latency:";
    for (name, ppm) in QUANTILES {
        text += &format!(" {name} {:.1} ms,", ms(&heard.latency, ppm));
    }
    text += &format!(" max {:.1} ms\n", heard.latency.max_us() as f64 / 1e3);
    if heard.ahead > 0 {
        let most = heard.ahead_us_max as f64 / 1e3;
        let ahead = heard.ahead;
        text += &format!(
            "{ahead} messages came before their stamp, by up to {most:.1} ms, and are not in it: \
             the clocks do not agree\n"
        );
    }
    text += &format!(
        "reconnects: {}; away p99 {:.1} ms, max {:.1} ms\n",
        heard.reconnects,
        ms(&heard.away, 990_000),
        heard.away.max_us() as f64 / 1e3,
    );
    if let Some(storm) = heard.storm {
        let (cut, back, s) = (storm.cut, storm.back, storm.last_back_us as f64 / 1e6);
        text += &match back == cut {
            true => format!("storm: {cut} cut off, all of them back after {s:.2} s\n"),
            false => format!("storm: {cut} cut off, {back} of them back by the end\n"),
        };
    }
    text += &format!(
        "HULK's own lag: p50 {:.1} ms, p99 {:.1} ms; busy {:.0} % of a core",
        ms(&heard.lag, 500_000),
        ms(&heard.lag, 990_000),
        heard.busy_share * 100.0,
    );
    text += match is_valid(heard) {
        true => "\n",
        false => ": INVALID, the figures are not the feed's alone\n",
    };
    text + &limits.iter().map(Limit::line).collect::<String>()
}

/// A quantile in ms, 0 without samples.
fn ms(samples: &Samples, ppm: u32) -> f64 {
    samples.quantile_at_most_max_us(ppm) as f64 / 1e3
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use hulk_engine::Stormed;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: ListenArguments,
    }

    fn arguments(line: &str) -> ListenArguments {
        let words = ["listen", "ws://127.0.0.1:1/a"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().arguments
    }

    /// Two receivers who met these latencies in µs.
    fn heard(latencies_us: &[u64]) -> Heard {
        let mut heard = Heard { connected: 2, expected: 10, ..Heard::default() };
        latencies_us.iter().for_each(|us| heard.latency.record(*us));
        heard
    }

    fn verdicts(line: &str, heard: &Heard) -> Vec<(&'static str, bool)> {
        let limits = limits(&arguments(line), heard);
        limits.iter().map(|limit| (limit.name, limit.holds())).collect()
    }

    #[test]
    fn each_limit_is_judged_and_what_was_not_measured_keeps_none() {
        let all = "--receivers 2 --p99-ms 5 --missed-max 3";
        let (connected, p99, missed) =
            ("receivers that were connected", "delivery latency p99, ms", "messages missed");
        let good = Heard { missed: 1, missed_away: 2, ..heard(&[5_000, 1_000]) };
        assert_eq!(verdicts(all, &good), [(connected, true), (p99, true), (missed, true)]);
        let bad = Heard { missed: 2, missed_away: 2, connected: 1, ..heard(&[5_001]) };
        assert_eq!(verdicts(all, &bad), [(connected, false), (p99, false), (missed, false)]);
        let nothing = Heard { expected: 0, ..heard(&[]) };
        assert_eq!(verdicts(all, &nothing), [(connected, true), (p99, false), (missed, false)]);
        assert_eq!(verdicts("--receivers 2", &nothing), [(connected, true)]);
    }

    #[test]
    fn a_run_is_invalid_where_half_of_the_timers_were_late() {
        let mut heard = heard(&[1_000]);
        [1_000, 1_000, 90_000].iter().for_each(|us| heard.lag.record(*us));
        assert!(is_valid(&heard), "a broadcast keeps HULK busy for a while");
        heard.lag.record_n(90_000, 2);
        assert!(!is_valid(&heard));
    }

    #[test]
    fn golden_what_a_person_is_told() {
        let mut heard = Heard {
            received: 9,
            missed: 1,
            missed_away: 1,
            malformed: 1,
            ahead: 2,
            ahead_us_max: 1_500,
            reconnects: 1,
            busy_share: 0.25,
            storm: Some(Stormed { at_us: 0, cut: 1, back: 1, last_back_us: 250_000 }),
            troubles: vec![("cut off".to_owned(), 3)],
            ..heard(&[1_000])
        };
        heard.away.record(200);
        heard.setup.record(400);
        let arguments = arguments("--receivers 2 --missed-max 1");
        let told = lines(&arguments, &heard, &limits(&arguments, &heard));
        let wanted = "\
2 of 2 receivers connected, 0 gone at the end; setup p50 0.4 ms, p99 0.4 ms
  3 x cut off
received 9 messages: 0 repeated, 1 malformed
of 10 numbered messages that were due 2 were missed, 1 of them while away
delivery latency: p50 1.0 ms, p90 1.0 ms, p99 1.0 ms, p99.9 1.0 ms, max 1.0 ms
2 messages came before their stamp, by up to 1.5 ms, and are not in it: the clocks do not agree
reconnects: 1; away p99 0.2 ms, max 0.2 ms
storm: 1 cut off, all of them back after 0.25 s
HULK's own lag: p50 0.0 ms, p99 0.0 ms; busy 25 % of a core
PASS  receivers that were connected: 2 (at least 2)
FAIL  messages missed: 2 (at most 1)
";
        assert_eq!(told, wanted);
    }
}
