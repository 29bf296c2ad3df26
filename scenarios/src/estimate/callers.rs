//! What the callers of an avatar backend ask for.

use crate::Rehearsal;

/// A live session's memory, in bytes: nearly all of it is the histogram of its latency.
const SESSION_BYTES: f64 = 200e3;
/// Its record, in bytes.
const RECORD_BYTES: f64 = 2e3;
/// CPU time of a caller who gets 25 frames of 128 × 128 a second, in cores (docs/avatar.md).
const CORES: f64 = 0.0007;
/// Sound of 16 kHz, both ways, in bits a second.
const SOUND_BITS_PER_S: f64 = 2.0 * 16_000.0 * 16.0;

/// What callers ask for; all of them are let in.
#[derive(Debug, Clone, PartialEq)]
pub struct CallersEstimate {
    /// Calls in all.
    pub calls: u64,
    /// Most of them at a time.
    pub sessions_peak: u32,
    /// Calls that are still on when the window ends.
    pub cut_off: u64,
    /// Most bits a second; none where the size of the backend's frames is not known.
    pub bits_per_s_peak: Option<f64>,
}

impl CallersEstimate {
    /// What the rehearsal's callers ask for; none without callers.
    pub fn of(rehearsal: &Rehearsal) -> Option<Self> {
        let callers = rehearsal.callers.as_ref()?;
        let calls = rehearsal.calls(|_| true);
        let until = rehearsal.until();
        let mut edges = Vec::with_capacity(2 * calls.len());
        let mut cut_off = 0;
        for call in &calls {
            let end = call.at.plus(i64::try_from(call.plan.wanted_us()).unwrap_or(i64::MAX));
            cut_off += u64::from(end >= until);
            edges.extend([(call.at, 1), (end.min(until), -1)]);
        }
        // Who leaves at an instant makes room for who comes at it.
        edges.sort_unstable();
        let open = edges.iter().scan(0_i64, |open, (_, change)| {
            *open += change;
            Some(*open)
        });
        let sessions_peak = open.max().unwrap_or(0) as u32;
        let bits_per_s_peak = callers.backend.spec().map(|spec| {
            let pixels = f64::from(spec.frame_px) * f64::from(spec.frame_px);
            let picture = pixels * 3.0 * 8.0 * f64::from(spec.fps);
            f64::from(sessions_peak) * (picture + SOUND_BITS_PER_S)
        });
        Some(Self { calls: calls.len() as u64, sessions_peak, cut_off, bits_per_s_peak })
    }

    /// In words.
    pub fn describe(&self) -> String {
        let Self { calls, sessions_peak, bits_per_s_peak, .. } = self;
        let bits = bits_per_s_peak.map(|bits| format!(", {:.2} Gbit/s", bits / 1e9));
        format!("{calls} calls, {sessions_peak} at a time{}", bits.unwrap_or_default())
    }

    /// What a user should know before the run.
    pub fn warning(&self) -> Option<String> {
        let Self { calls, cut_off, .. } = self;
        (*cut_off > 0).then(|| {
            format!(
                "{cut_off} of {calls} calls are still on when the window ends: they are cut off and \
                 are in no figure; make the window longer, or let them come earlier"
            )
        })
    }

    pub(super) fn memory_bytes(&self) -> f64 {
        f64::from(self.sessions_peak) * SESSION_BYTES
    }

    pub(super) fn record_bytes(&self) -> f64 {
        self.calls as f64 * RECORD_BYTES
    }

    pub(super) fn cores(&self) -> f64 {
        f64::from(self.sessions_peak) * CORES
    }

    pub(super) fn descriptors(&self) -> u64 {
        u64::from(self.sessions_peak)
    }
}
