//! How pictures and sound come down.

use std::collections::BTreeSet;

use hulk_settings::Section;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{pointer, rate_hz};
use crate::wire::{FieldMap, Malformed, NotAFrame, Pointers, samples};

/// The highest number that a protobuf field can have.
const FIELD_MAX: u64 = (1 << 29) - 1;
const SIDE_MAX: u64 = 4_096;
const MESSAGE_BYTES: u64 = 4 << 20;
const MESSAGE_BYTES_MAX: u64 = 64 << 20;
/// Red above this is an open mouth: the reference backend paints 200 and 40.
const OPEN_ABOVE: u8 = 128;

/// What messages are made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DownlinkForm {
    /// Binary messages with these fields.
    Protobuf(FieldMap),
    /// JSON texts with these values.
    Json(Pointers),
}

/// The downlink of an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Downlink {
    pub(crate) form: DownlinkForm,
    /// Of raw RGB; 0 where pictures are encoded, or of any size.
    width: usize,
    height: usize,
    /// A whole number of kHz.
    pub(crate) rate_hz: u32,
    pub(crate) fps: f64,
    pub(crate) message_bytes_max: usize,
}

/// What a message of the backend brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Whether it is a frame: with a picture, or with sound where no pictures are sent.
    pub(crate) is_frame: bool,
    /// Whether the avatar's mouth is open in its picture, where that can be seen.
    pub(crate) mouth_open: Option<bool>,
    pub(crate) samples: Vec<i16>,
    pub(crate) start_speech: bool,
    pub(crate) end_speech: bool,
}

/// What is wrong with a message of the backend.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FrameError {
    /// More than is allowed.
    #[error("a message has {bytes} bytes: at most {max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that is allowed.
        max: usize,
    },
    /// It is no protobuf, or another message.
    #[error(transparent)]
    Protobuf(#[from] Malformed),
    /// It is no JSON, or another text.
    #[error(transparent)]
    Json(#[from] NotAFrame),
    /// A picture of another size.
    #[error("a picture has {bytes} bytes: {expected} were expected")]
    Size {
        /// Its length.
        bytes: usize,
        /// Three bytes a pixel.
        expected: usize,
    },
    /// Half a sample.
    #[error("the audio has an odd number of bytes: 2 a sample were expected")]
    HalfASample,
}

impl Downlink {
    /// Reads `[downlink]`.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let form = match section.variant(&["protobuf", "json"]) {
            Some((0, inner)) => Some(DownlinkForm::Protobuf(field_map(&inner))),
            Some((_, inner)) => Some(DownlinkForm::Json(pointers(&inner))),
            None => None,
        };
        let width = section.integer_or("width", 0..=SIDE_MAX, 0);
        let height = section.integer_or("height", 0..=SIDE_MAX, 0);
        let rate_hz = rate_hz(section);
        let fps = section.number_or("fps", 1.0..=120.0, 25.0);
        let bytes_max =
            section.integer_or("message_bytes_max", 1_024..=MESSAGE_BYTES_MAX, MESSAGE_BYTES);
        let (width, height, bytes_max) = (width?, height?, bytes_max?);
        if (width == 0) != (height == 0) {
            let message = "`width` and `height` belong together: one of them is 0 or missing";
            let hint = Some("both for raw RGB, none for anything else".to_owned());
            section.problem_at("width", message, hint);
        }
        let picture_bytes = width * height * 3;
        if picture_bytes > bytes_max {
            let message = format!("a picture has {picture_bytes} bytes: it would never come");
            let hint = Some(format!("at least `message_bytes_max = {picture_bytes}`, and more"));
            section.problem_at("message_bytes_max", message, hint);
        }
        Some(Self {
            form: form?,
            width: width as usize,
            height: height as usize,
            rate_hz: rate_hz?,
            fps: fps?,
            message_bytes_max: bytes_max as usize,
        })
    }

    /// Whether text messages are read.
    pub(crate) fn reads_texts(&self) -> bool {
        matches!(self.form, DownlinkForm::Json(_))
    }

    /// What a message brings; none where it has nothing of a frame.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn heard(&self, message: &[u8]) -> Result<Option<Heard>, FrameError> {
        let (bytes, max) = (message.len(), self.message_bytes_max);
        if bytes > max {
            return Err(FrameError::TooLong { bytes, max });
        }
        let (frame, has_pictures) = match &self.form {
            DownlinkForm::Protobuf(map) => (map.frame(message)?, map.video.is_some()),
            DownlinkForm::Json(pointers) => (pointers.frame(message)?, pointers.video.is_some()),
        };
        if frame.is_empty() {
            return Ok(None);
        }
        let carrier = if has_pictures { &frame.video } else { &frame.audio };
        Ok(Some(Heard {
            is_frame: !carrier.is_empty(),
            mouth_open: self.mouth_open(&frame.video)?,
            samples: samples(&frame.audio).ok_or(FrameError::HalfASample)?,
            start_speech: frame.start_speech,
            end_speech: frame.end_speech,
        }))
    }

    /// By the red of the picture's middle.
    fn mouth_open(&self, picture: &[u8]) -> Result<Option<bool>, FrameError> {
        if self.width == 0 || picture.is_empty() {
            return Ok(None);
        }
        let (bytes, expected) = (picture.len(), self.width * self.height * 3);
        if bytes != expected {
            return Err(FrameError::Size { bytes, expected });
        }
        let middle = (self.height / 2 * self.width + self.width / 2) * 3;
        Ok(picture.get(middle).map(|red| *red > OPEN_ABOVE))
    }
}

fn field_map(section: &Section<'_>) -> FieldMap {
    let number = |key: &'static str| {
        let number = section.has(key).then(|| section.integer(key, 1..=FIELD_MAX));
        number.flatten().map(|number| number as u32)
    };
    let map = FieldMap {
        video: number("video"),
        audio: number("audio"),
        start_speech: number("start_speech"),
        end_speech: number("end_speech"),
    };
    let mut seen = BTreeSet::new();
    for twice in map.numbers().filter(|number| !seen.insert(*number)) {
        let hint = Some("each part has a field of its own".to_owned());
        section.problem(format!("field {twice} is mapped twice"), hint);
    }
    needs_a_part(section);
    map
}

fn pointers(section: &Section<'_>) -> Pointers {
    let at = |key: &'static str| {
        let text = section.text_optional(key);
        text.map(|text| pointer(section, key, text))
    };
    let pointers = Pointers {
        video: at("video"),
        audio: at("audio"),
        start_speech: at("start_speech"),
        end_speech: at("end_speech"),
    };
    needs_a_part(section);
    pointers
}

fn needs_a_part(section: &Section<'_>) {
    if !section.has("video") && !section.has("audio") {
        let hint = Some("say where pictures or sound are".to_owned());
        section.problem("at least one of `audio`, `video` is expected here", hint);
    }
}
