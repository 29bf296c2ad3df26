//! Are more refused than chance makes?

use hulk_record::{Cause, Session, SessionEnd};

use super::{Figure, Limit, RunTold, figure};
use crate::stats::{erlang_b, wilson};

/// Of fewer calls chance alone makes any share.
const CALLS_MIN: usize = 100;
/// A backend that was empty at first is in a steady state after so many session lengths.
const LENGTHS_MIN: f64 = 5.0;
/// Arrivals whose [`scatter`] is larger come in bursts, of which chance refuses more.
const SCATTER_MAX: f64 = 2.0;

/// Nothing where the number of streams is not known or was not the same all the time, or the calls were
/// too few or came in bursts.
pub(super) fn rows(told: &RunTold<'_>) -> Vec<Figure> {
    let has_grown = told.streams_max() != told.info.streams_max;
    if has_grown || !told.faults.is_empty() {
        return Vec::new();
    }
    // Who was let in was not blocked: without the calls that the end of the run cuts off, the
    // refused would be too large a share.
    let first = |of: &&Session| of.attempt == 0 && (of.is_attempted() || of.setup_us.is_some());
    let tried: Vec<&Session> = told.sessions.iter().filter(first).collect();
    let (Some(streams_max), [earliest, .., latest]) = (told.info.streams_max, tried.as_slice())
    else {
        return Vec::new();
    };
    let all = tried.len();
    let length_s = tried.iter().map(|of| of.wanted_us as f64 / 1e6).sum::<f64>() / all as f64;
    let over_s = latest.intended_at.since(earliest.intended_at) as f64 / 1e6;
    let is_short = over_s <= LENGTHS_MIN * length_s;
    if all < CALLS_MIN || is_short || scatter(&tried) > SCATTER_MAX {
        return Vec::new();
    }
    let offered_erl = (all - 1) as f64 / over_s * length_s;
    let by_chance = erlang_b(streams_max, offered_erl);
    let all = all as u64;
    let refused = |of: &&&Session| of.end == SessionEnd::Refused(Cause::Capacity);
    let blocked = tried.iter().filter(refused).count() as u64;
    // What so many calls may show of that share by mere chance.
    let most = wilson((by_chance * all as f64).round() as u64, all).map(|within| within.high);
    vec![
        Figure {
            interval: wilson(blocked, all),
            ..figure("blocked", "", Some(blocked as f64 / all as f64), most.map(Limit::AtMost))
        },
        figure("blocked by Erlang-B", "", Some(by_chance), None),
    ]
}

/// The squared coefficient of variation of the gaps between arrivals: 0 of even ones, about 1 of
/// random ones. Not all may be at one time.
fn scatter(calls: &[&Session]) -> f64 {
    let gaps = calls.iter().zip(calls.iter().skip(1));
    let gaps_s = gaps.map(|(one, next)| next.intended_at.since(one.intended_at) as f64 / 1e6);
    let (count, sum, squares) = gaps_s.fold((0.0, 0.0, 0.0), |(count, sum, squares), gap| {
        (count + 1.0, sum + gap, squares + gap * gap)
    });
    count * squares / (sum * sum) - 1.0
}
