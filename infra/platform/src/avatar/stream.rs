//! A caller's stream: what was said, and what its frames carry of that.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use hulk_avatar::{Made, PIECE_BYTES};
use hulk_record::Offset;

use super::outbox::Outbox;

/// So many pieces of a caller's speech wait for their frames: 164 s.
const PIECES_MAX: usize = 4096;

/// A caller's stream.
pub(crate) struct Stream {
    pub(crate) session: String,
    pub(crate) since: Offset,
    pub(crate) outbox: Arc<Outbox>,
    /// The audio of the pieces that no frame has carried yet, by their tokens, oldest first.
    pieces: VecDeque<(u64, Bytes)>,
    next_token: u64,
    /// Whether its last frame had speech.
    speaks: bool,
    /// Whether the end of its last frame had.
    sounds: bool,
    /// Whether its caller is in the middle of a speech.
    is_spoken_to: bool,
    /// Whether its caller has just begun anew: that the avatar falls silent then is meant.
    is_cut: bool,
}

/// The sound of a frame.
#[derive(Debug, PartialEq)]
pub(crate) struct Sound {
    /// Its speech; none in silence.
    pub(crate) speech: Option<Bytes>,
    /// For how many pieces it lasts.
    pub(crate) pieces: usize,
    /// Whether speech begins or ends with it.
    pub(crate) changed: bool,
    /// The avatar fell silent in the middle of a speech, because no audio was there.
    pub(crate) ran_dry: bool,
}

impl Stream {
    pub(crate) fn new(session: &str, since: Offset, outbox: Arc<Outbox>) -> Self {
        Self {
            session: session.to_owned(),
            since,
            outbox,
            pieces: VecDeque::new(),
            next_token: 0,
            speaks: false,
            sounds: false,
            is_spoken_to: false,
            is_cut: false,
        }
    }

    /// Its caller begins to speak: what was said before is not said any more.
    pub(crate) fn begin_speech(&mut self) {
        self.pieces.clear();
        (self.is_spoken_to, self.is_cut) = (true, true);
    }

    pub(crate) fn end_speech(&mut self) {
        self.is_spoken_to = false;
    }

    /// Keeps the audio of a piece, and gives up the oldest where too many wait.
    pub(crate) fn keep(&mut self, piece: Vec<u8>) -> u64 {
        let token = self.next_token;
        self.next_token += 1;
        self.pieces.push_back((token, piece.into()));
        if self.pieces.len() > PIECES_MAX {
            self.pieces.pop_front();
        }
        token
    }

    /// What a frame sounds like, with that of the one before it which was not asked for.
    pub(crate) fn sound(&mut self, made: &Made) -> Sound {
        let tokens = made.skipped.map(|skipped| skipped.audio).into_iter().chain([made.audio]);
        let pieces: Vec<Option<Bytes>> =
            tokens.map(|token| token.and_then(|token| self.take(token))).collect();
        let mut ran_dry = false;
        for piece in &pieces {
            // In the middle of a word, and the next piece has not come yet.
            let falls_silent = self.sounds && piece.is_none();
            ran_dry |= falls_silent && self.is_spoken_to && !self.is_cut;
            self.is_cut &= piece.is_none();
            self.sounds = piece.is_some();
        }
        let speech = match pieces.as_slice() {
            [only] => only.clone(),
            all if all.iter().all(Option::is_none) => None,
            all => {
                let all = all.iter().map(|piece| piece.as_deref().unwrap_or(&[0; PIECE_BYTES]));
                Some(all.collect::<Vec<&[u8]>>().concat().into())
            }
        };
        let changed = speech.is_some() != self.speaks;
        self.speaks = speech.is_some();
        Sound { speech, pieces: pieces.len(), changed, ran_dry }
    }

    /// The audio of a piece; older ones will not be asked for any more. One that a barge-in has taken back is
    /// not there, and those that were said since stay.
    fn take(&mut self, token: u64) -> Option<Bytes> {
        while self.pieces.front().is_some_and(|(known, _)| *known < token) {
            self.pieces.pop_front();
        }
        self.pieces.pop_front_if(|(known, _)| *known == token).map(|(_, piece)| piece)
    }
}

#[cfg(test)]
mod tests {
    use hulk_avatar::{Skipped, StreamId};

    use super::*;

    fn stream() -> Stream {
        let mut stream = Stream::new("", Offset(0), Arc::new(Outbox::new(1)));
        stream.is_spoken_to = true;
        stream
    }

    fn frame(skipped: Option<Option<u64>>, audio: Option<u64>) -> Made {
        let skipped = skipped.map(|audio| Skipped { audio });
        let at = Offset(0);
        Made { stream: StreamId(0), number: 0, due: at, done: at, audio, skipped }
    }

    #[test]
    fn a_frame_of_before_a_barge_in_takes_nothing_of_what_was_said_since() {
        let mut stream = stream();
        let before = [stream.keep(vec![1]), stream.keep(vec![2])];
        stream.begin_speech();
        let since = [stream.keep(vec![3]), stream.keep(vec![4])];
        assert_eq!(before.map(|token| stream.take(token)), [None, None]);
        assert_eq!(since.map(|token| stream.take(token).unwrap()[0]), [3, 4]);
    }

    #[test]
    fn a_piece_that_no_frame_took_goes_with_the_next_and_too_many_are_not_kept() {
        let mut stream = stream();
        let tokens: Vec<u64> = (0..3).map(|piece| stream.keep(vec![piece])).collect();
        assert_eq!(stream.take(tokens[2]).unwrap()[0], 2);
        assert_eq!(stream.pieces.len(), 0);
        (0..PIECES_MAX + 10).for_each(|_| {
            stream.keep(vec![0]);
        });
        assert_eq!(stream.pieces.len(), PIECES_MAX);
    }

    #[test]
    fn a_frame_carries_the_sound_of_the_one_that_was_not_asked_for() {
        let mut stream = stream();
        let said = [1, 2, 3].map(|sample| vec![sample; PIECE_BYTES]);
        let tokens = said.clone().map(|piece| stream.keep(piece));
        let sound = stream.sound(&frame(Some(Some(tokens[0])), Some(tokens[1])));
        assert_eq!(sound.speech.unwrap(), [&said[0][..], &said[1]].concat());
        assert_eq!((sound.pieces, sound.changed, sound.ran_dry), (2, true, false));
        // The word breaks off within the frame.
        let sound = stream.sound(&frame(Some(Some(tokens[2])), None));
        assert_eq!(sound.speech.unwrap(), [&said[2][..], &[0; PIECE_BYTES]].concat());
        assert_eq!((sound.pieces, sound.changed, sound.ran_dry), (2, false, true));
        let silence = Sound { speech: None, pieces: 2, changed: true, ran_dry: false };
        assert_eq!(stream.sound(&frame(Some(None), None)), silence);
        let silence = Sound { pieces: 1, changed: false, ..silence };
        assert_eq!(stream.sound(&frame(None, None)), silence);
    }
}
