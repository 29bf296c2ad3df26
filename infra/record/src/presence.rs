//! Who is present.

use crate::{AudienceSample, Offset};

/// Counts the viewers present, and how long they stayed.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    present: u64,
    at_home: u64,
    gave_up: u64,
    at: Offset,
    sample: AudienceSample,
}

impl Presence {
    /// Nobody is present at `at`.
    pub fn new(at: Offset) -> Self {
        Self { at, ..Self::default() }
    }

    /// A viewer came.
    pub fn came(&mut self, at: Offset) {
        self.advance(at);
        self.present += 1;
    }

    /// A viewer who came at `since` left.
    pub fn left(&mut self, since: Offset, at: Offset) {
        self.advance(at);
        self.present = self.present.saturating_sub(1);
        self.sample.visits_ended += 1;
        self.sample.visits_us += at.since(since).max(0) as u64;
    }

    /// Viewers present.
    pub fn present(&self) -> u64 {
        self.present
    }

    /// Viewers who are in the app and not in the video: so many more, or fewer.
    pub fn at_home(&mut self, by: i64) {
        self.at_home = self.at_home.saturating_add_signed(by);
    }

    /// Viewers present who closed the app before their stay was over: so many more, or fewer
    /// (when their stay would have been over).
    pub fn gave_up(&mut self, by: i64) {
        self.gave_up = self.gave_up.saturating_add_signed(by);
    }

    /// The sample of the interval that ends at `at`; the next one begins.
    pub fn drain(&mut self, at: Offset) -> AudienceSample {
        self.advance(at);
        let sample = AudienceSample {
            present: self.present,
            at_home: self.at_home,
            gave_up: self.gave_up,
            ..self.sample
        };
        self.sample = AudienceSample::default();
        sample
    }

    fn advance(&mut self, at: Offset) {
        let elapsed = at.since(self.at).max(0) as u64;
        self.sample.presence_us += self.present * elapsed;
        self.at = self.at.max(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_integrated_between_events() {
        let mut presence = Presence::new(Offset(0));
        presence.came(Offset(100));
        presence.came(Offset(300));
        presence.left(Offset(100), Offset(600));
        presence.at_home(2);
        presence.at_home(-1);
        presence.gave_up(1);
        let sample = presence.drain(Offset(1000));
        assert_eq!((sample.at_home, sample.gave_up), (1, 1));
        assert_eq!(sample.present, 1);
        assert_eq!(sample.presence_us, 200 + 2 * 300 + 400);
        assert_eq!((sample.visits_ended, sample.visits_us), (1, 500));
        presence.gave_up(-1);
        let next = presence.drain(Offset(1500));
        assert_eq!((next.presence_us, next.at_home, next.gave_up), (500, 1, 0));
    }
}
