//! What the avatar looks like: the whole picture is bright while its mouth is open, dark while it is shut.

use bytes::Bytes;
use hulk_avatar::{FrameMessage, PIECE_BYTES};

use super::stream::Sound;

/// The picture's brightness with an open mouth, and with a shut one.
const OPEN: u8 = 200;
const SHUT: u8 = 40;

/// The pictures of a backend, painted once.
pub(crate) struct Picture {
    open: Vec<u8>,
    shut: Vec<u8>,
    /// The message of a frame in which nobody speaks and nothing changes.
    silence: Bytes,
}

impl Picture {
    /// Square pictures of raw RGB.
    pub(crate) fn new(side_px: u32) -> Self {
        let size = (side_px * side_px * 3) as usize;
        let (open, shut) = (vec![OPEN; size], vec![SHUT; size]);
        let quiet = [0; PIECE_BYTES];
        let message =
            FrameMessage { video: &shut, audio: &quiet, start_speech: false, end_speech: false };
        let silence = Bytes::from(message.encode());
        Self { open, shut, silence }
    }

    /// The message of a frame with this sound.
    pub(crate) fn message(&self, sound: &Sound) -> Bytes {
        let Sound { speech, pieces, changed, .. } = sound;
        let is_silence = speech.is_none() && *pieces == 1 && !changed;
        if is_silence {
            return self.silence.clone();
        }
        let quiet = || Bytes::from(vec![0; PIECE_BYTES * pieces]);
        let audio = speech.clone().unwrap_or_else(quiet);
        let message = FrameMessage {
            video: if speech.is_some() { &self.open } else { &self.shut },
            audio: &audio,
            start_speech: *changed && speech.is_some(),
            end_speech: *changed && speech.is_none(),
        };
        Bytes::from(message.encode())
    }
}
