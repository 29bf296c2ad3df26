//! What the avatar looks like: the whole picture is bright while its mouth is open, dark while it is shut.

use bytes::Bytes;
use hulk_avatar::{FrameMessage, PIECE_BYTES};

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

    /// The message of a frame: with speech, or without; `changed` where it was otherwise before.
    pub(crate) fn message(&self, speech: Option<&[u8]>, changed: bool) -> Bytes {
        let quiet = [0; PIECE_BYTES];
        match speech {
            None if !changed => self.silence.clone(),
            _ => {
                let video = if speech.is_some() { &self.open } else { &self.shut };
                let message = FrameMessage {
                    video,
                    audio: speech.unwrap_or(&quiet),
                    start_speech: changed && speech.is_some(),
                    end_speech: changed && speech.is_none(),
                };
                Bytes::from(message.encode())
            }
        }
    }
}
