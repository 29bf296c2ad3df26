//! A message from the backend, whatever its form.

use std::borrow::Cow;

/// A message's parts; what it does not hold is empty or false.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Frame<'a> {
    /// The picture's bytes.
    pub(crate) video: Cow<'a, [u8]>,
    /// The sound's bytes.
    pub(crate) audio: Cow<'a, [u8]>,
    /// The avatar begins to speak.
    pub(crate) start_speech: bool,
    /// The avatar has ended its speech.
    pub(crate) end_speech: bool,
}

impl Frame<'_> {
    /// Whether it holds nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        let is_silent = self.video.is_empty() && self.audio.is_empty();
        is_silent && !self.start_speech && !self.end_speech
    }
}
