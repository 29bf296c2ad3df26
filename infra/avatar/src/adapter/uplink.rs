//! How speech goes up.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::rate_hz;
use crate::wire::SpeakTemplate;

/// In which messages speech is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum UplinkForm {
    /// Binary messages of s16le.
    PcmBinary,
    /// Text messages with s16le in base64.
    JsonBase64(SpeakTemplate),
}

/// When speech is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Pacing {
    /// A chunk when it is spoken.
    Realtime,
    /// All chunks of a turn when it begins.
    Burst,
}

/// A message that says something about the speech.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Marker {
    /// A binary message of these bytes.
    Binary(String),
    /// A text message.
    Text(String),
}

/// The uplink of an adapter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Uplink {
    pub(crate) form: UplinkForm,
    /// A whole number of kHz.
    pub(crate) rate_hz: u32,
    pub(crate) chunk_ms: u32,
    pub(crate) pacing: Pacing,
    /// Before a turn's speech.
    pub(crate) start_marker: Option<Marker>,
    /// After it.
    pub(crate) end_marker: Option<Marker>,
    /// Ends what the avatar says; without it a barge-in is an end and a start.
    pub(crate) interrupt: Option<Marker>,
}

impl Uplink {
    /// Reads `[uplink]`.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let form = match section.variant(&["pcm_binary", "json_base64"]) {
            Some((0, _)) => Some(UplinkForm::PcmBinary),
            Some((_, inner)) => template(&inner).map(UplinkForm::JsonBase64),
            None => None,
        };
        let rate_hz = rate_hz(section);
        let chunk_ms = section.integer_or("chunk_ms", 10..=1_000, 40);
        let paces = [("burst", Pacing::Burst), ("realtime", Pacing::Realtime)];
        let pacing = section.word_or("pacing", &paces, Pacing::Realtime);
        let [start_marker, end_marker, interrupt] =
            ["start_marker", "end_marker", "interrupt"].map(|key| marker(section, key));
        Some(Self {
            form: form?,
            rate_hz: rate_hz?,
            chunk_ms: chunk_ms? as u32,
            pacing: pacing?,
            start_marker,
            end_marker,
            interrupt,
        })
    }
}

fn template(section: &Section<'_>) -> Option<SpeakTemplate> {
    let noted = |reason: String| {
        let hint = "for example `template = '{\"type\":\"agent.speak\",\"audio\":\"{audio}\"}'`";
        section.problem_at("template", reason, Some(hint.to_owned()));
    };
    SpeakTemplate::new(&section.text("template")?).map_err(noted).ok()
}

/// None where the key is absent, or wrong and noted.
fn marker(section: &Section<'_>, key: &'static str) -> Option<Marker> {
    let inner = section.section_optional(key)?;
    match (inner.text_optional("binary"), inner.text_optional("text")) {
        (Some(bytes), None) => Some(Marker::Binary(bytes)),
        (None, Some(text)) => Some(Marker::Text(text)),
        _ => {
            let hint = Some(format!("for example `{key} = {{ binary = \"start_of_stream\" }}`"));
            inner.problem("expected one of `binary`, `text` here", hint);
            None
        }
    }
}
