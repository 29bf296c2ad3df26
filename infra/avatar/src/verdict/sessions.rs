//! What sessions are worth, each by itself and all together.

use std::collections::BTreeMap;

use hulk_record::{CallObjectives, Session, SessionEnd};

use super::{Figure, Limit, figure, most_at_a_time, open_span, p95_ms};
use crate::quality::misses;
use crate::stats::{ratio_interval, wilson};

/// Waiting for the first frame is a stall from here on, as any other gap, in µs.
const WAIT_US: u64 = 80_000;
/// The nearest region is nearer than this, in ms: a TCP connect is one way there and back.
const CONNECT_MS_MAX: f64 = 50.0;
/// The quantile of what is judged over sessions.
const SHARE: f64 = 0.95;

/// The figures of the sessions that were attempted; those that the run itself cut off are left out.
///
/// A caller who calls again is no other caller: what is counted are first calls, and what the later
/// ones bring is served time of the first.
pub fn figures(sessions: &[Session], wanted: &CallObjectives) -> Vec<Figure> {
    let any: Vec<&Session> = sessions.iter().filter(|of| of.is_attempted()).collect();
    let tried: Vec<&Session> = any.iter().copied().filter(|of| of.attempt == 0).collect();
    let (all, session) = (tried.len() as u64, &wanted.session);
    let share = |count: u64| (all > 0).then(|| count as f64 / all as f64);
    let count = |is: &dyn Fn(&Session) -> bool| tried.iter().filter(|of| is(of)).count() as u64;
    let good = count(&|of| misses(of, session).is_empty());
    let failed = count(&|of| matches!(of.end, SessionEnd::Refused(_) | SessionEnd::Lost(_)));
    // Where more may be refused than the percentile leaves out, only those count who were let in.
    let let_in = |of: &&&Session| !matches!(of.end, SessionEnd::Refused(_));
    let timed: Vec<&Session> = match wanted.error_rate_max > 1.0 - SHARE {
        true => tried.iter().filter(let_in).copied().collect(),
        false => tried.clone(),
    };
    let peak = most_at_a_time(any.iter().filter_map(|of| open_span(of)));
    let times = times(&any, &tried);
    let (served, attempted) = times.iter().fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    let cost = wanted.monthly_cost.filter(|_| peak > 0).map(|cost| cost / f64::from(peak));
    let least = wanted.concurrent_min.map(|least| Limit::AtLeast(f64::from(least)));
    let setup_ms = |of: &Session| of.setup_us.map(|us| us as f64 / 1e3);
    let connected = |of: &&Session| of.setup.tcp_us.is_some();
    let reached: Vec<&Session> = tried.iter().copied().filter(connected).collect();
    let connect_ms = |of: &Session| of.setup.tcp_us.map(|us| us as f64 / 1e3);
    let underruns = |of: &Session| of.first_frame_us.map(|_| of.felt.underrun_ticks as f64);
    vec![
        figure("sessions at a time", "", Some(f64::from(peak)), least),
        Figure {
            interval: wilson(good, all),
            ..figure("goodput", "", share(good), Some(Limit::AtLeast(wanted.goodput_min)))
        },
        Figure {
            interval: ratio_interval(&times),
            ..figure(
                "availability",
                "",
                (attempted > 0.0).then(|| served / attempted),
                Some(Limit::AtLeast(wanted.availability_min)),
            )
        },
        figure(
            "connect, p95",
            "ms",
            quantile(&reached, connect_ms),
            Some(Limit::Below(CONNECT_MS_MAX)),
        ),
        figure(
            "setup, p95",
            "ms",
            quantile(&timed, setup_ms),
            Some(Limit::Below(session.setup_ms_max.into())),
        ),
        figure(
            "audio to frame, p95",
            "ms",
            p95_ms(any.iter().map(|of| &of.felt.latency)),
            Some(Limit::Below(session.latency_ms_max.into())),
        ),
        figure(
            "underruns a session, p95",
            "",
            quantile(&timed, underruns),
            Some(Limit::Below(session.underruns_max.into())),
        ),
        Figure {
            interval: wilson(failed, all),
            ..figure("failed", "", share(failed), Some(Limit::AtMost(wanted.error_rate_max)))
        },
        figure("cost a session at a time", "a month", cost, Some(Limit::Below(wanted.cost_max))),
    ]
}

/// Served and wanted time of a session, in s.
fn served_and_wanted(session: &Session) -> (f64, f64) {
    let waited_us = session.first_frame_us.map_or(0, |us| us.min(WAIT_US));
    let served_us = (session.served_us + waited_us).min(session.wanted_us);
    (served_us as f64 / 1e6, session.wanted_us as f64 / 1e6)
}

/// Served and wanted time of each first call, in s, with what its caller was served in later ones.
fn times(any: &[&Session], first: &[&Session]) -> Vec<(f64, f64)> {
    let mut later_s: BTreeMap<u32, f64> = BTreeMap::new();
    for again in any.iter().filter(|of| of.attempt > 0) {
        *later_s.entry(again.caller).or_default() += served_and_wanted(again).0;
    }
    let with_later = |of: &&Session| {
        let (served_s, wanted_s) = served_and_wanted(of);
        let later_s = later_s.get(&of.caller).copied().unwrap_or(0.0);
        ((served_s + later_s).min(wanted_s), wanted_s)
    };
    first.iter().map(with_later).collect()
}

/// The 95th percentile over sessions, where one without a value is worse than all others.
fn quantile(sessions: &[&Session], value: impl Fn(&Session) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> =
        sessions.iter().map(|of| value(of).unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * SHARE).ceil() as usize;
    values.get(place.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use hulk_record::{Cause, Felt, Offset, Samples, Setup};

    use super::*;

    /// A session of 10 s that opened after 100 ms.
    fn session(caller: u32, at_s: f64) -> Session {
        let mut latency = Samples::new();
        latency.record_n(100_000, 100);
        let felt = Felt {
            fps: Some(25.0),
            watched_us: 9_950_000,
            latency: latency.sparse(),
            ..Felt::default()
        };
        Session {
            caller,
            intended_at: Offset::from_s(at_s),
            wanted_us: 10_000_000,
            end: SessionEnd::Completed,
            setup: Setup { tcp_us: Some(12_000), ..Setup::default() },
            setup_us: Some(100_000),
            first_frame_us: Some(50_000),
            turn_us: Vec::new(),
            barge_ins: 0,
            barge_in_us: Vec::new(),
            served_us: felt.served_us(),
            lag_us_max: 0,
            felt,
            attempt: 0,
        }
    }

    fn refused(caller: u32) -> Session {
        Session {
            end: SessionEnd::Refused(Cause::Capacity),
            setup_us: None,
            first_frame_us: None,
            served_us: 0,
            felt: Felt::default(),
            ..session(caller, 0.0)
        }
    }

    fn measured(figures: &[Figure], name: &str) -> (f64, Option<bool>) {
        let figure = figures.iter().find(|figure| figure.name == name).unwrap();
        (figure.measured.unwrap(), figure.holds())
    }

    #[test]
    fn sessions_that_meet_everything_pass_every_row() {
        // 0 to 10 s, 5 to 15 s, 10.05 to 20.05 s: never more than two at a time.
        let sessions = [session(0, 0.0), session(1, 5.0), session(2, 10.05)];
        let wanted = CallObjectives {
            concurrent_min: Some(2),
            monthly_cost: Some(50.0),
            ..CallObjectives::default()
        };
        let figures = figures(&sessions, &wanted);
        let of = |name| measured(&figures, name);
        assert_eq!(of("sessions at a time"), (2.0, Some(true)));
        assert_eq!(of("goodput"), (1.0, Some(true)));
        // 9.95 s and the first 50 ms, of 10 s.
        assert_eq!(of("availability"), (1.0, Some(true)));
        assert_eq!(of("connect, p95"), (12.0, Some(true)));
        assert_eq!(of("setup, p95"), (100.0, Some(true)));
        assert_eq!(of("audio to frame, p95"), (100.0, Some(true)));
        assert_eq!(of("failed"), (0.0, Some(true)));
        assert_eq!(of("cost a session at a time"), (25.0, Some(true)));
    }

    #[test]
    fn a_refused_session_stays_in_every_denominator() {
        let mut sessions: Vec<Session> = (0..9).map(|caller| session(caller, 0.0)).collect();
        sessions.push(refused(9));
        let figures = figures(&sessions, &CallObjectives::default());
        let of = |name| measured(&figures, name);
        assert_eq!(of("goodput"), (0.9, Some(false)));
        assert_eq!(of("availability"), (0.9, Some(false)));
        assert_eq!(of("failed"), (0.1, Some(false)));
        // Of ten the 95th percentile is the tenth, which never opened.
        assert_eq!(of("setup, p95"), (f64::INFINITY, Some(false)));
        assert_eq!(of("underruns a session, p95"), (f64::INFINITY, Some(false)));
        assert_eq!(of("sessions at a time"), (9.0, None));
        let interval = figures.iter().find(|of| of.name == "goodput").unwrap().interval.unwrap();
        assert!((0.59..0.61).contains(&interval.low) && interval.high < 0.99, "{interval:?}");
    }

    #[test]
    fn where_most_may_be_refused_a_percentile_is_that_of_those_who_were_let_in() {
        let sessions = [session(0, 0.0), refused(1), refused(2), refused(3)];
        let wanted = CallObjectives { error_rate_max: 0.75, ..CallObjectives::default() };
        let figures = figures(&sessions, &wanted);
        let of = |name| measured(&figures, name);
        assert_eq!(of("setup, p95"), (100.0, Some(true)));
        assert_eq!(of("underruns a session, p95"), (0.0, Some(true)));
        assert_eq!(of("failed"), (0.75, Some(true)));
    }

    #[test]
    fn what_the_run_cut_off_is_in_no_row() {
        let cut = Session { end: SessionEnd::Abandoned, served_us: 0, ..session(1, 0.0) };
        let figures = figures(&[session(0, 0.0), cut], &CallObjectives::default());
        assert_eq!(measured(&figures, "goodput").0, 1.0);
        assert_eq!(measured(&figures, "availability").0, 1.0);
        let none = super::figures(&[], &CallObjectives::default());
        assert!(none.iter().skip(1).all(|figure| figure.holds().is_none()), "{none:?}");
    }

    #[test]
    fn waiting_long_for_the_first_frame_is_not_being_served() {
        let mut late = session(0, 0.0);
        late.first_frame_us = Some(1_080_000);
        late.felt.watched_us = 8_920_000;
        late.served_us = late.felt.served_us();
        // 8.92 s and the first 80 ms, of 10 s.
        assert_eq!(served_and_wanted(&late), (9.0, 10.0));
    }

    #[test]
    fn who_calls_again_is_no_other_caller_and_is_served_the_longer() {
        let mut broken = session(0, 0.0);
        broken.end = SessionEnd::Lost(Cause::Server);
        broken.served_us = 3_950_000;
        let mut again = Session { attempt: 1, wanted_us: 5_000_000, ..session(0, 5.0) };
        again.served_us = 4_950_000;
        let vain = Session { attempt: 1, ..refused(0) };
        let figures = figures(&[broken, vain, again, session(1, 0.0)], &CallObjectives::default());
        let of = |name| measured(&figures, name).0;
        assert_eq!((of("goodput"), of("failed")), (0.5, 0.5));
        // 3.95 + 0.05 and 4.95 + 0.05 s of the one's 10 s, and all of the other's.
        assert_eq!(of("availability"), 0.95);
    }
}
