//! Audio and video as base64 within JSON texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::frame::Frame;

/// Where the audio stands in a template.
const SLOT: &str = "{audio}";

/// The text of a message with speech, with a slot for the audio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpeakTemplate {
    before: String,
    after: String,
}

impl SpeakTemplate {
    /// Checks a template: `{"type":"agent.speak","audio":"{audio}"}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let parts = text.split_once(SLOT).filter(|(_, after)| !after.contains(SLOT));
        let Some((before, after)) = parts else {
            return Err(format!("`template` must hold `{SLOT}` once"));
        };
        let template = Self { before: before.to_owned(), after: after.to_owned() };
        match serde_json::from_str::<Value>(&template.message(b"audio")) {
            Ok(_) => Ok(template),
            Err(_) => Err("`template` is not JSON once the audio is in it".to_owned()),
        }
    }

    /// The message that carries this audio.
    pub(crate) fn message(&self, audio: &[u8]) -> String {
        let length = self.before.len() + audio.len().div_ceil(3) * 4 + self.after.len();
        let mut message = String::with_capacity(length);
        message.push_str(&self.before);
        STANDARD.encode_string(audio, &mut message);
        message.push_str(&self.after);
        message
    }
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NotAFrame {
    /// It is no JSON.
    #[error("the message is not JSON")]
    NotJson,
    /// Audio or video that is no text in base64.
    #[error("`{0}` is not a text in base64")]
    NotBase64(String),
    /// A mark that is neither true nor false.
    #[error("`{0}` is neither true nor false")]
    NotAFlag(String),
}

/// Which values of a message are the parts of a frame: JSON pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pointers {
    /// The picture, a text in base64.
    pub(crate) video: Option<String>,
    /// The sound, a text in base64.
    pub(crate) audio: Option<String>,
    /// Whether speech begins.
    pub(crate) start_speech: Option<String>,
    /// Whether speech ends.
    pub(crate) end_speech: Option<String>,
}

impl Pointers {
    /// Reads a message; what is absent or null is not there.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn frame(&self, message: &[u8]) -> Result<Frame<'static>, NotAFrame> {
        let root: Value = serde_json::from_slice(message).map_err(|_| NotAFrame::NotJson)?;
        Ok(Frame {
            video: bytes(&root, self.video.as_deref())?.into(),
            audio: bytes(&root, self.audio.as_deref())?.into(),
            start_speech: flag(&root, self.start_speech.as_deref())?,
            end_speech: flag(&root, self.end_speech.as_deref())?,
        })
    }
}

fn bytes(root: &Value, pointer: Option<&str>) -> Result<Vec<u8>, NotAFrame> {
    let Some(pointer) = pointer else { return Ok(Vec::new()) };
    let wrong = || NotAFrame::NotBase64(pointer.to_owned());
    match root.pointer(pointer) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => STANDARD.decode(text).map_err(|_| wrong()),
        Some(_) => Err(wrong()),
    }
}

fn flag(root: &Value, pointer: Option<&str>) -> Result<bool, NotAFrame> {
    let Some(pointer) = pointer else { return Ok(false) };
    match root.pointer(pointer) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(NotAFrame::NotAFlag(pointer.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pointers() -> Pointers {
        let at = |text: &str| Some(text.to_owned());
        Pointers {
            video: at("/video"),
            audio: at("/out/audio"),
            start_speech: at("/start"),
            end_speech: at("/end"),
        }
    }

    #[test]
    fn a_template_takes_the_audio_in_its_slot() {
        let template = SpeakTemplate::new(r#"{"type":"agent.speak","audio":"{audio}"}"#).unwrap();
        // The six bits of "hi" and their padding: aGk=.
        assert_eq!(template.message(b"hi"), r#"{"type":"agent.speak","audio":"aGk="}"#);
    }

    #[test]
    fn a_template_without_its_slot_or_that_is_no_json_is_refused() {
        for (text, wrong) in [
            ("{}", "`template` must hold `{audio}` once"),
            (r#"["{audio}","{audio}"]"#, "`template` must hold `{audio}` once"),
            (r#"{"audio":{audio}}"#, "`template` is not JSON once the audio is in it"),
        ] {
            assert_eq!(SpeakTemplate::new(text), Err(wrong.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_frame_is_read_by_its_pointers() {
        let message = br#"{"video":"AQID","out":{"audio":"BAU="},"start":true,"more":1}"#;
        let frame = pointers().frame(message).unwrap();
        assert_eq!((&frame.video[..], &frame.audio[..]), (&[1, 2, 3][..], &[4, 5][..]));
        assert!(frame.start_speech && !frame.end_speech);
        let other = pointers().frame(br#"{"type":"pong","video":null}"#).unwrap();
        assert!(other.is_empty());
    }

    #[test]
    fn what_is_no_frame_is_named() {
        for (message, wrong) in [
            ("{", "the message is not JSON"),
            (r#"{"video":"?"}"#, "`/video` is not a text in base64"),
            (r#"{"out":{"audio":[1]}}"#, "`/out/audio` is not a text in base64"),
            (r#"{"end":"yes"}"#, "`/end` is neither true nor false"),
        ] {
            let found = pointers().frame(message.as_bytes()).unwrap_err();
            assert_eq!(found.to_string(), wrong);
        }
    }

    proptest! {
        #[test]
        fn what_one_says_the_other_hears(audio in prop::collection::vec(any::<u8>(), 0..200)) {
            let template = SpeakTemplate::new(r#"{"out":{"audio":"{audio}"}}"#).unwrap();
            let frame = pointers().frame(template.message(&audio).as_bytes()).unwrap();
            prop_assert_eq!(&frame.audio[..], &audio[..]);
        }

        #[test]
        fn rubbish_is_read_or_refused(message in prop::collection::vec(any::<u8>(), 0..100)) {
            let _read_or_refused = pointers().frame(&message);
        }
    }
}
