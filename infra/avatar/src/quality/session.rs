//! What a session missed of what it has to keep to.

use hulk_record::{Session, SessionEnd, SessionObjectives};
use serde::{Deserialize, Serialize};

/// The quantile of a session's latency that is held against its objective, in parts per million.
const LATENCY_PPM: u32 = 950_000;

/// An objective that a session missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Miss {
    /// It took too long to open.
    Setup,
    /// Frames came too late, or no answer was ever heard.
    Latency,
    /// The player ran out of audio too often.
    Underruns,
    /// Too few frames came.
    Fps,
    /// Sound and picture were too far apart.
    Sync,
    /// It never opened.
    Refused,
    /// It broke off.
    Lost,
}

impl Miss {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Latency => "latency",
            Self::Underruns => "underruns",
            Self::Fps => "fps",
            Self::Sync => "sync",
            Self::Refused => "refused",
            Self::Lost => "lost",
        }
    }
}

/// The objectives that it missed; none of them makes it a good one. A refused or lost session
/// has this one miss and is never good. A completed or vanished one is held against each
/// objective, and what was not measured is missed, but for the offset of sound and picture,
/// which not every picture shows. Of an abandoned one nothing follows: see
/// [`Session::is_attempted`].
pub fn misses(session: &Session, objectives: &SessionObjectives) -> Vec<Miss> {
    match session.end {
        SessionEnd::Refused(_) => return vec![Miss::Refused],
        SessionEnd::Lost(_) => return vec![Miss::Lost],
        SessionEnd::Completed | SessionEnd::Vanished | SessionEnd::Abandoned => {}
    }
    let below = |value_us: Option<u64>, ms_max: u32| {
        value_us.is_some_and(|value_us| value_us < u64::from(ms_max) * 1_000)
    };
    let synced_ms = -objectives.av_behind_ms_max..=objectives.av_ahead_ms_max;
    let felt = &session.felt;
    let judged = [
        (Miss::Setup, below(session.setup_us, objectives.setup_ms_max)),
        (Miss::Latency, below(felt.latency_us(LATENCY_PPM), objectives.latency_ms_max)),
        (Miss::Underruns, felt.underrun_ticks < u64::from(objectives.underruns_max)),
        (Miss::Fps, felt.fps.is_some_and(|fps| fps >= objectives.fps_min)),
        (Miss::Sync, felt.av_offset_ms.is_none_or(|ms| synced_ms.contains(&ms))),
    ];
    judged.into_iter().filter(|(_, met)| !met).map(|(miss, _)| miss).collect()
}

#[cfg(test)]
mod tests {
    use hulk_record::{Cause, Felt, Offset, Samples, Setup};

    use super::*;

    fn felt() -> Felt {
        let mut latency = Samples::new();
        latency.record_n(120_000, 95);
        latency.record_n(900_000, 5);
        Felt {
            underrun_ticks: 2,
            fps: Some(24.0),
            av_offset_ms: Some(90.0),
            latency: latency.sparse(),
            ..Felt::default()
        }
    }

    fn session(end: SessionEnd, setup_us: Option<u64>, felt: Felt) -> Session {
        Session {
            caller: 7,
            intended_at: Offset::from_s(3.0),
            wanted_us: 60_000_000,
            end,
            setup: Setup { http_us: Some(12_000), ..Setup::default() },
            setup_us,
            first_frame_us: Some(80_000),
            turn_us: vec![400_000],
            barge_ins: 1,
            barge_in_us: vec![200_000],
            served_us: felt.served_us(),
            lag_us_max: 90,
            felt,
            attempt: 0,
        }
    }

    fn missed(end: SessionEnd, setup_us: Option<u64>, felt: Felt) -> Vec<Miss> {
        misses(&session(end, setup_us, felt), &SessionObjectives::default())
    }

    #[test]
    fn a_session_at_the_edge_of_every_objective_is_good() {
        for end in [SessionEnd::Completed, SessionEnd::Vanished] {
            assert!(missed(end, Some(4_999_999), felt()).is_empty());
        }
        // Whether the offset can be seen is the picture's affair.
        let blind = Felt { av_offset_ms: None, ..felt() };
        assert!(missed(SessionEnd::Completed, Some(1), blind).is_empty());
    }

    #[test]
    fn each_objective_is_missed_by_itself() {
        let mut slow = Samples::new();
        slow.record(300_000);
        for (miss, setup_us, felt) in [
            (Miss::Setup, Some(5_000_000), felt()),
            (Miss::Setup, None, felt()),
            (Miss::Latency, Some(1), Felt { latency: slow.sparse(), ..felt() }),
            (Miss::Latency, Some(1), Felt { latency: Samples::new().sparse(), ..felt() }),
            (Miss::Underruns, Some(1), Felt { underrun_ticks: 3, ..felt() }),
            (Miss::Fps, Some(1), Felt { fps: Some(23.9), ..felt() }),
            (Miss::Fps, Some(1), Felt { fps: None, ..felt() }),
            (Miss::Sync, Some(1), Felt { av_offset_ms: Some(90.1), ..felt() }),
            (Miss::Sync, Some(1), Felt { av_offset_ms: Some(-185.1), ..felt() }),
        ] {
            assert_eq!(missed(SessionEnd::Completed, setup_us, felt), [miss]);
        }
    }

    #[test]
    fn a_refused_or_lost_session_is_never_good() {
        for cause in Cause::ALL {
            let refused = missed(SessionEnd::Refused(cause), None, Felt::default());
            assert_eq!(refused, [Miss::Refused]);
            assert_eq!(missed(SessionEnd::Lost(cause), Some(1), felt()), [Miss::Lost]);
        }
        assert!(session(SessionEnd::Lost(Cause::Server), Some(1), felt()).is_attempted());
        assert!(!session(SessionEnd::Abandoned, Some(1), felt()).is_attempted());
    }

    #[test]
    fn names_are_those_in_the_record() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
        for miss in [Miss::Setup, Miss::Latency, Miss::Underruns, Miss::Fps, Miss::Sync] {
            assert_eq!(serde_json::to_value(miss).unwrap(), miss.name());
        }
        let end = serde_json::to_string(&SessionEnd::Refused(Cause::NotReady)).unwrap();
        assert_eq!(end, "{\"refused\":\"not_ready\"}");
    }

    #[test]
    fn a_session_is_read_as_it_was_written() {
        for (end, felt) in
            [(SessionEnd::Completed, felt()), (SessionEnd::Lost(Cause::Network), Felt::default())]
        {
            let session = session(end, Some(250_000), felt);
            let text = serde_json::to_string(&session).unwrap();
            assert_eq!(serde_json::from_str::<Session>(&text).unwrap(), session);
        }
    }
}
