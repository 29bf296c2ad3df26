//! Fewer frames for each where a GPU does not keep up.

use hulk_record::Offset;

/// A frame that waits for longer is old: there are too many.
const OLD_US: i64 = 200_000;
/// Where the oldest is younger, it keeps up again.
const YOUNG_US: i64 = 80_000;
/// How long the next step is waited for, up or down.
const PATIENCE_US: i64 = 5_000_000;

/// How many streams of a GPU are at half their rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Halved {
    #[default]
    Nobody,
    /// Rounded down.
    Half,
    All,
}

/// What halves the streams of a GPU, and gives them their rate back.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Adaptive {
    halved: Halved,
    since: Offset,
    /// Since when the oldest frame has been young.
    young_since: Option<Offset>,
}

impl Adaptive {
    /// The oldest frame that waits is of this age; whether something has changed.
    pub(crate) fn look(&mut self, now: Offset, oldest_us: i64) -> bool {
        let is_young = oldest_us < YOUNG_US;
        self.young_since = is_young.then(|| self.young_since.unwrap_or(now));
        let has_passed = |since: Offset| now.since(since) >= PATIENCE_US;
        let next = match self.halved {
            Halved::Nobody if oldest_us > OLD_US => Halved::Half,
            Halved::Half if oldest_us > OLD_US && has_passed(self.since) => Halved::All,
            Halved::Half | Halved::All if self.young_since.is_some_and(has_passed) => {
                Halved::Nobody
            }
            same => same,
        };
        let changes = next != self.halved;
        if changes {
            (self.halved, self.since) = (next, now);
        }
        changes
    }

    /// How many of so many streams are at half their rate.
    pub(crate) fn count(&self, streams: usize) -> usize {
        match self.halved {
            Halved::Nobody => 0,
            Halved::Half => streams / 2,
            Halved::All => streams,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of 13 streams are halved after each of these looks: at a time in ms, an age in ms.
    fn halved(looks: &[(i64, i64)]) -> Vec<usize> {
        let mut adaptive = Adaptive::default();
        let look = |&(at_ms, age_ms): &(i64, i64)| {
            let before = adaptive.count(13);
            let changes = adaptive.look(Offset(at_ms * 1_000), age_ms * 1_000);
            assert_eq!(changes, before != adaptive.count(13));
            adaptive.count(13)
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn half_are_halved_first_and_all_after_another_5_s() {
        let looks = [(0, 200), (100, 201), (5_000, 900), (5_099, 900), (5_100, 200), (5_200, 201)];
        assert_eq!(halved(&looks), [0, 6, 6, 6, 6, 13]);
    }

    #[test]
    fn they_have_their_rate_back_once_the_oldest_was_young_for_5_s() {
        let looks = [(0, 300), (1_000, 79), (5_900, 80), (6_000, 79), (10_999, 10), (11_000, 79)];
        assert_eq!(halved(&looks), [6, 6, 6, 6, 6, 0]);
        assert_eq!(halved(&[(0, 300), (5_000, 300), (6_000, 0), (11_000, 0)]), [6, 13, 13, 0]);
    }
}
