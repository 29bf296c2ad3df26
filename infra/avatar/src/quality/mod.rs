//! What one caller felt of one session: small machines that are fed with times, and the record
//! that their figures make.

mod freezes;
mod gaps;
mod jitter;
mod playout;
mod rate;
mod session;
mod slope;
mod stalls;
mod sync;

use hulk_record::{Felt, Offset, Samples};

pub use freezes::Freezes;
pub use jitter::Jitter;
pub use playout::{Playout, PlayoutRule};
pub use rate::Rate;
pub use session::{Miss, misses};
pub use slope::Trend;
pub use stalls::Stalls;
pub use sync::{AvSync, sync_class};

/// All measures of one session that is under way. Times come in order; memory is constant, some
/// 190 kB, nearly all of it the histogram of latency.
#[derive(Debug, Clone)]
pub struct Quality {
    rate: Rate,
    freezes: Freezes,
    stalls: Stalls,
    jitter: Jitter,
    playout: Playout,
    sync: AvSync,
    latency: Samples,
    backlog: Trend,
}

impl Quality {
    /// Nothing came yet, of a stream of so many frames a second.
    pub fn new(nominal_fps: f64, rule: PlayoutRule) -> Self {
        Self {
            rate: Rate::new(nominal_fps),
            freezes: Freezes::default(),
            stalls: Stalls::default(),
            jitter: Jitter::new(nominal_fps),
            playout: Playout::new(rule),
            sync: AvSync::default(),
            latency: Samples::new(),
            backlog: Trend::default(),
        }
    }

    /// A frame came, with so much audio; 0 if it had none.
    pub fn frame(&mut self, at: Offset, audio_us: u64) {
        self.rate.frame(at);
        self.freezes.frame(at);
        self.stalls.frame(at);
        self.jitter.frame(at);
        self.playout.audio(at, audio_us);
    }

    /// A chunk's answer came so long after the chunk's intended time.
    pub fn latency(&mut self, at: Offset, us: u64) {
        self.latency.record(us);
        self.backlog.sample(at, us as f64 / 1e3);
    }

    /// Sound and picture were seen so far apart; above 0 the sound came first.
    pub fn av(&mut self, at: Offset, offset_ms: f64) {
        self.sync.sample(at, offset_ms);
    }

    /// The session ends: gaps that are open close, and nothing is due from now on.
    pub fn end(&mut self, at: Offset) {
        self.rate.finish(at);
        self.freezes.finish(at);
        self.stalls.finish(at);
        self.playout.end(at);
    }

    /// The figures so far.
    pub fn felt(&self) -> Felt {
        Felt {
            frames: self.rate.count(),
            watched_us: self.stalls.watched_us(),
            stalled_us: self.stalls.stalled_us(),
            stall_ratio: self.stalls.ratio(),
            fps: self.rate.fps(),
            fps_min_second: self.rate.fps_min_second(),
            drops: self.rate.drops(),
            gap_variance_ms2: self.rate.gap_variance_ms2(),
            freezes: self.freezes.count(),
            freeze_us: self.freezes.total_us(),
            pauses: self.freezes.pauses(),
            underrun_ticks: self.playout.underrun_ticks(),
            underrun_events: self.playout.underrun_events(),
            underrun_us: self.playout.underrun_us(),
            low_water_events: self.playout.low_water_events(),
            audio_dropped_us: self.playout.dropped_us(),
            av_offset_ms: self.sync.offset_ms(),
            av_drift_ms_per_min: self.sync.drift_ms_per_min(),
            av_class: self.sync.class(),
            jitter_us: self.jitter.jitter_us(),
            latency: self.latency.sparse(),
            backlog_slope: self.backlog.slope(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hulk_record::SyncClass;

    use super::*;

    /// A session of 25 fps whose frames, each with 40 ms of audio, come from 0 to 10 s, but for
    /// those from 4 s on, before `back_s`.
    fn felt(back_s: f64) -> Felt {
        let mut quality = Quality::new(25.0, PlayoutRule::default());
        for n in 0..250_i64 {
            let at = Offset(n * 40_000);
            if at < Offset::from_s(4.0) || at >= Offset::from_s(back_s) {
                quality.frame(at, 40_000);
                quality.latency(at, 100_000 + n.unsigned_abs() * 1_000);
            }
        }
        quality.av(Offset::from_s(5.0), -20.0);
        quality.end(Offset::from_s(10.0));
        quality.felt()
    }

    #[test]
    fn a_steady_session_is_felt_to_be_steady() {
        let felt = felt(4.0);
        assert_eq!((felt.frames, felt.fps, felt.fps_min_second), (250, Some(25.0), Some(25)));
        assert_eq!((felt.drops, felt.freezes, felt.stall_ratio), (0, 0, Some(0.0)));
        assert_eq!((felt.underrun_ticks, felt.jitter_us), (0, 0.0));
        assert_eq!((felt.watched_us, felt.served_us()), (10_000_000, 10_000_000));
        assert_eq!((felt.av_offset_ms, felt.av_drift_ms_per_min), (Some(-20.0), None));
        assert_eq!(felt.av_class, Some(SyncClass::Undetectable));
        // 1 ms more every 40 ms.
        let slope = felt.backlog_slope.unwrap();
        assert!((slope.ms_per_s - 25.0).abs() < 1e-9 && slope.is_growing(24.0), "{slope:?}");
        assert_eq!(felt.latency.min_us, 100_000);
    }

    #[test]
    fn a_hole_shows_in_every_measure_that_it_is_in() {
        // The frames from 4 s to 4.96 s are missing, 25 of them: a gap of 1.04 s.
        let felt = felt(5.0);
        assert_eq!((felt.frames, felt.drops, felt.fps_min_second), (225, 25, Some(0)));
        assert_eq!((felt.freezes, felt.freeze_us, felt.pauses), (1, 1_040_000, 0));
        assert_eq!((felt.stalled_us, felt.served_us()), (960_000, 9_040_000));
        // The 160 ms after 3.96 s are played by 4.12 s; silent are 4.16 to 5.00 s, 22 ticks.
        assert_eq!((felt.underrun_ticks, felt.underrun_events), (22, 1));
        assert_eq!((felt.underrun_us, felt.low_water_events), (880_000, 1));
        assert!(felt.jitter_us > 0.0);
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        let felt = Felt::default();
        assert_eq!((felt.frames, felt.fps, felt.stall_ratio), (0, None, None));
        assert_eq!((felt.av_offset_ms, felt.av_class, felt.backlog_slope), (None, None, None));
        assert_eq!((felt.latency.counts.len(), felt.served_us()), (0, 0));
    }
}
