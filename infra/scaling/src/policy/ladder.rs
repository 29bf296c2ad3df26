//! The ladder: instances laid down in advance for each rung of the audience, plus a buffer.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::instances_for;
use super::memory::Memory;
use super::{Observation, Rule};

/// A ladder's rule: the audience is rounded up to the next rung, a buffer of viewers is added,
/// and their requests plus a share are divided by what an instance serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ladder {
    /// Height of a rung, in viewers.
    pub rung_viewers: f64,
    /// Viewers added on top of the rung.
    pub buffer_viewers: f64,
    /// Requests per second that a viewer makes of this service.
    pub rps_per_viewer: f64,
    /// Share of requests added on top: 0.3 is +30 %.
    pub rps_buffer: f64,
    /// Requests per second that an instance serves.
    pub rps_per_instance: f64,
}

impl Ladder {
    /// Reads the rule's numbers.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let rung_viewers = section.number("rung_viewers", 1.0..=1e9);
        let buffer_viewers = section.number("buffer_viewers", 0.0..=1e9);
        let rps_per_viewer = section.number("rps_per_viewer", 1e-9..=1e6);
        let rps_buffer = section.number("rps_buffer", 0.0..=100.0);
        let rps_per_instance = section.number("rps_per_instance", 1e-3..=1e9);
        Some(Self {
            rung_viewers: rung_viewers?,
            buffer_viewers: buffer_viewers?,
            rps_per_viewer: rps_per_viewer?,
            rps_buffer: rps_buffer?,
            rps_per_instance: rps_per_instance?,
        })
    }

    /// How many instances the rung of today's audience asks for.
    pub fn desired(&self, viewers: f64) -> u32 {
        let rungs = (viewers.max(0.0) / self.rung_viewers).ceil();
        let viewers = rungs * self.rung_viewers + self.buffer_viewers;
        let requests = viewers * self.rps_per_viewer * (1.0 + self.rps_buffer);
        instances_for(requests, self.rps_per_instance)
    }
}

impl Rule for Ladder {
    fn desired(&self, seen: &Observation, _: &mut Memory) -> u32 {
        self.desired(seen.viewers)
    }

    fn initial(&self, viewers_at_0: f64) -> u32 {
        self.desired(viewers_at_0)
    }

    fn sees_requests(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_instances_at_each_published_rung() {
        let ladder = Ladder {
            rung_viewers: 1e6,
            buffer_viewers: 2e6,
            rps_per_viewer: 0.04,
            rps_buffer: 0.3,
            rps_per_instance: 2500.0,
        };
        let at = |millions: f64| ladder.desired(millions * 1e6);
        assert_eq!([2.0, 5.0, 10.0, 15.0, 20.0, 25.0].map(at), [84, 146, 250, 354, 458, 562]);
        assert_eq!(at(16.2), at(17.0), "the audience is rounded up to its rung");
        assert_eq!(at(0.0), 42, "the buffer stands without an audience");
    }
}
