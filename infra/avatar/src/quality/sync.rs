//! Sound and picture: how far apart, and whether they drift.

use hulk_record::{Offset, SyncClass};

use crate::stats::Line;

/// Up to here, in ms, nobody notices (ITU-R BT.1359): sound before the picture, and after it.
const DETECTABLE_MS: (f64, f64) = (45.0, -125.0);
/// Up to here, in ms, it is put up with.
pub(crate) const ACCEPTABLE_MS: (f64, f64) = (90.0, -185.0);

/// The class of an offset in ms, after ITU-R BT.1359; above 0 the sound comes before the picture.
pub fn sync_class(offset_ms: f64) -> SyncClass {
    let within = |(ahead, behind): (f64, f64)| (behind..=ahead).contains(&offset_ms);
    if within(DETECTABLE_MS) {
        SyncClass::Undetectable
    } else if within(ACCEPTABLE_MS) {
        SyncClass::Detectable
    } else {
        SyncClass::Unacceptable
    }
}

/// Offsets between sound and picture in time, in ms: above 0 the sound comes first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AvSync {
    offsets: Line,
}

impl AvSync {
    /// An offset was seen; one that is not finite is left out.
    pub fn sample(&mut self, at: Offset, offset_ms: f64) {
        self.offsets.add(at.as_s(), offset_ms);
    }

    /// The mean offset in ms; none without one.
    pub fn offset_ms(&self) -> Option<f64> {
        self.offsets.mean_y()
    }

    /// How the offset grows, in ms a minute, by least squares; none without two times.
    pub fn drift_ms_per_min(&self) -> Option<f64> {
        self.offsets.slope().map(|ms_per_s| ms_per_s * 60.0)
    }

    /// The class of the mean offset.
    pub fn class(&self) -> Option<SyncClass> {
        self.offset_ms().map(sync_class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_end_at_the_recommendation_s_figures() {
        for (class, offsets) in [
            (SyncClass::Undetectable, [-125.0, 0.0, 45.0]),
            (SyncClass::Detectable, [-185.0, -125.1, 90.0]),
            (SyncClass::Detectable, [-126.0, 45.1, 46.0]),
            (SyncClass::Unacceptable, [-185.1, 90.1, f64::NAN]),
        ] {
            assert_eq!(offsets.map(sync_class), [class; 3], "{offsets:?}");
        }
    }

    #[test]
    fn the_mean_and_the_drift_are_those_by_hand() {
        let mut sync = AvSync::default();
        assert_eq!((sync.offset_ms(), sync.drift_ms_per_min(), sync.class()), (None, None, None));
        sync.sample(Offset::from_s(10.0), 47.0);
        assert_eq!((sync.drift_ms_per_min(), sync.class()), (None, Some(SyncClass::Detectable)));
        // 6 ms in 60 s; the mean is (47 + 41) ÷ 2.
        sync.sample(Offset::from_s(70.0), 41.0);
        assert!((sync.offset_ms().unwrap() - 44.0).abs() < 1e-9);
        assert!((sync.drift_ms_per_min().unwrap() + 6.0).abs() < 1e-9);
        assert_eq!(sync.class(), Some(SyncClass::Undetectable));
    }
}
