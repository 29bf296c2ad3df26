//! What a run of sessions is worth: the table of its figures, each with its limit.

use hulk_record::{Interval, Samples, Session, SessionEnd};
use serde::{Deserialize, Serialize};

use crate::quality::{SessionObjectives, misses};
use crate::stats::{ratio_interval, wilson};

/// Waiting for the first frame is a stall from here on, as any other gap, in µs.
const WAIT_US: u64 = 80_000;
/// The quantile of what is judged over sessions, or over pieces of speech.
const SHARE: f64 = 0.95;
const PPM: u32 = 950_000;

/// What is asked of a whole run; what is none is shown and not judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunObjectives {
    /// What a session has to keep to.
    pub session: SessionObjectives,
    /// So many sessions at a time.
    pub concurrent_min: Option<u32>,
    /// The share of attempted sessions that meet everything.
    pub goodput_min: f64,
    /// The share of attempted session time that was served.
    pub availability_min: f64,
    /// Failed sessions, as a share of those attempted.
    pub error_rate_max: f64,
    /// What everything costs a month.
    pub monthly_cost: Option<f64>,
    /// What each session at a time may cost a month.
    pub cost_max: f64,
}

impl Default for RunObjectives {
    fn default() -> Self {
        Self {
            session: SessionObjectives::default(),
            concurrent_min: None,
            goodput_min: 0.95,
            availability_min: 0.999,
            error_rate_max: 0.01,
            monthly_cost: None,
            cost_max: 26.0,
        }
    }
}

/// A limit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

/// A figure of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its unit; a share has none and lies between 0 and 1.
    pub unit: String,
    /// Its value; none where it was not measured, infinite where the slowest never came.
    pub measured: Option<f64>,
    /// From where to where it may well lie.
    pub interval: Option<Interval>,
    /// What it is held against.
    pub limit: Option<Limit>,
}

impl Figure {
    /// Whether it keeps to its limit; none where there is none, or nothing was measured.
    pub fn holds(&self) -> Option<bool> {
        let measured = self.measured?;
        Some(match self.limit? {
            Limit::AtLeast(least) => measured >= least,
            Limit::AtMost(most) => measured <= most,
            Limit::Below(most) => measured < most,
        })
    }
}

fn figure(name: &str, unit: &str, measured: Option<f64>, limit: Option<Limit>) -> Figure {
    Figure { name: name.to_owned(), unit: unit.to_owned(), measured, interval: None, limit }
}

/// The figures of the sessions that were attempted; those that the run itself cut off are left out.
pub fn figures(sessions: &[Session], wanted: &RunObjectives) -> Vec<Figure> {
    let tried: Vec<&Session> = sessions.iter().filter(|of| of.is_attempted()).collect();
    let (all, session) = (tried.len() as u64, &wanted.session);
    let share = |count: u64| (all > 0).then(|| count as f64 / all as f64);
    let count = |is: &dyn Fn(&Session) -> bool| tried.iter().filter(|of| is(of)).count() as u64;
    let good = count(&|of| misses(of, session).is_empty());
    let failed = count(&|of| matches!(of.end, SessionEnd::Refused(_) | SessionEnd::Lost(_)));
    let peak = concurrent_peak(&tried);
    let times: Vec<(f64, f64)> = tried.iter().map(|of| served_and_wanted(of)).collect();
    let (served, attempted) = times.iter().fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    let cost = wanted.monthly_cost.filter(|_| peak > 0).map(|cost| cost / f64::from(peak));
    let least = wanted.concurrent_min.map(|least| Limit::AtLeast(f64::from(least)));
    let setup_ms = |of: &Session| of.setup_us.map(|us| us as f64 / 1e3);
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
            "setup, p95",
            "ms",
            quantile(&tried, setup_ms),
            Some(Limit::Below(session.setup_ms_max.into())),
        ),
        figure(
            "audio to frame, p95",
            "ms",
            latency_ms(&tried),
            Some(Limit::Below(session.latency_ms_max.into())),
        ),
        figure(
            "underruns a session, p95",
            "",
            quantile(&tried, underruns),
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

/// The most sessions that were open at a time.
fn concurrent_peak(sessions: &[&Session]) -> u32 {
    let mut edges = Vec::new();
    for session in sessions {
        let Some(setup_us) = session.setup_us else { continue };
        let opened = session.intended_at.0 + setup_us as i64;
        let lasted_us = session.first_frame_us.unwrap_or(0) + session.felt.watched_us;
        edges.extend([(opened, 1), (opened + lasted_us.max(1) as i64, -1)]);
    }
    // Who leaves at an instant makes room for who comes at it.
    edges.sort_unstable();
    let open = edges.iter().scan(0_i64, |open, (_, change)| {
        *open += change;
        Some(*open)
    });
    open.max().unwrap_or(0) as u32
}

/// The 95th percentile over sessions, where one without a value is worse than all others.
fn quantile(sessions: &[&Session], value: impl Fn(&Session) -> Option<f64>) -> Option<f64> {
    let mut values: Vec<f64> =
        sessions.iter().map(|of| value(of).unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * SHARE).ceil() as usize;
    values.get(place.saturating_sub(1)).copied()
}

/// The 95th percentile over all pieces of speech that came back, in ms.
fn latency_ms(sessions: &[&Session]) -> Option<f64> {
    let mut all = Samples::new();
    sessions.iter().for_each(|of| all.merge(&of.felt.latency));
    (all.count() > 0).then(|| all.quantile_at_most_max_us(PPM) as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use hulk_record::{Cause, Felt, Offset, Setup};

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
            setup: Setup::default(),
            setup_us: Some(100_000),
            first_frame_us: Some(50_000),
            turn_us: Vec::new(),
            barge_ins: 0,
            barge_in_us: Vec::new(),
            served_us: felt.served_us(),
            lag_us_max: 0,
            felt,
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
        let wanted = RunObjectives {
            concurrent_min: Some(2),
            monthly_cost: Some(50.0),
            ..RunObjectives::default()
        };
        let figures = figures(&sessions, &wanted);
        let of = |name| measured(&figures, name);
        assert_eq!(of("sessions at a time"), (2.0, Some(true)));
        assert_eq!(of("goodput"), (1.0, Some(true)));
        // 9.95 s and the first 50 ms, of 10 s.
        assert_eq!(of("availability"), (1.0, Some(true)));
        assert_eq!(of("setup, p95"), (100.0, Some(true)));
        assert_eq!(of("audio to frame, p95"), (100.0, Some(true)));
        assert_eq!(of("failed"), (0.0, Some(true)));
        assert_eq!(of("cost a session at a time"), (25.0, Some(true)));
    }

    #[test]
    fn a_refused_session_stays_in_every_denominator() {
        let mut sessions: Vec<Session> = (0..9).map(|caller| session(caller, 0.0)).collect();
        sessions.push(refused(9));
        let figures = figures(&sessions, &RunObjectives::default());
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
    fn what_the_run_cut_off_is_in_no_row() {
        let cut = Session { end: SessionEnd::Abandoned, served_us: 0, ..session(1, 0.0) };
        let figures = figures(&[session(0, 0.0), cut], &RunObjectives::default());
        assert_eq!(measured(&figures, "goodput").0, 1.0);
        assert_eq!(measured(&figures, "availability").0, 1.0);
        let none = super::figures(&[], &RunObjectives::default());
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
}
