//! Whose fault it is that a session was refused or lost.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::admission::text_of;
use super::pointer;
use hulk_record::Cause;

/// Words that tell that a backend is full, in a reason that says it in prose.
const FULL: [&str; 3] = ["capacity", "full", "maximum"];

/// How far a session had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// A step of the admission.
    Admission,
    /// The socket's connect, TLS and upgrade.
    Upgrade,
    /// The socket was open.
    Open,
}

/// What the backend told when a session ended against the caller's will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<'a> {
    /// When.
    pub phase: Phase,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The WebSocket's close code; 1005 where the close had none.
    pub close_code: Option<u16>,
    /// The answer's body, or the reason of the close.
    pub reason: &'a str,
}

impl<'a> Told<'a> {
    /// An HTTP answer.
    pub fn answer(phase: Phase, status: u16, body: &'a str) -> Self {
        Self { phase, status: Some(status), close_code: None, reason: body }
    }

    /// A close frame of an open socket.
    pub fn closed(code: u16, reason: &'a str) -> Self {
        Self { phase: Phase::Open, status: None, close_code: Some(code), reason }
    }

    /// Nothing: nobody was there, or the connection broke.
    pub fn nothing(phase: Phase) -> Self {
        Self { phase, status: None, close_code: None, reason: "" }
    }
}

/// A value of a JSON body, and what it is or is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ValueAt {
    path: String,
    is: Option<String>,
    not: Option<String>,
}

impl ValueAt {
    fn fits(&self, json: Option<&Value>) -> bool {
        let Some(value) = json.and_then(|json| json.pointer(&self.path)) else { return false };
        let text = text_of(value).unwrap_or_else(|| value.to_string());
        self.is.as_ref().is_none_or(|is| *is == text)
            && self.not.as_ref().is_none_or(|not| *not != text)
    }
}

/// A rule: it fits what meets every condition that it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rule {
    phase: Option<Phase>,
    status: Option<u16>,
    close_code: Option<u16>,
    pointer: Option<ValueAt>,
    /// In lower case.
    reason_contains: Option<String>,
    pub(super) cause: Cause,
}

impl Rule {
    /// Reads one of `[[classify]]`.
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let phases = [
            ("admission", Some(Phase::Admission)),
            ("open", Some(Phase::Open)),
            ("upgrade", Some(Phase::Upgrade)),
        ];
        let phase = section.word_or("phase", &phases, None);
        let whole = |key: &'static str, low: u64, high: u64| {
            let number = section.has(key).then(|| section.integer(key, low..=high));
            number.flatten().map(|number| number as u16)
        };
        let (status, close_code) = (whole("status", 100, 599), whole("close_code", 1_000, 4_999));
        if status.is_some() && close_code.is_some() {
            let hint = Some("write two rules".to_owned());
            section.problem_at("close_code", "`status` and `close_code` never come together", hint);
        }
        let value_at = section.section_optional("pointer").and_then(|inner| {
            let (path, is) = (inner.text("path"), inner.text_optional("is"));
            let not = inner.text_optional("not");
            Some(ValueAt { path: pointer(&inner, "path", path?), is, not })
        });
        let reason = section.text_optional("reason_contains");
        let cause = section.word("cause", &Cause::ALL.map(|cause| (cause.name(), cause)));
        Some(Self {
            phase: phase?,
            status,
            close_code,
            pointer: value_at,
            reason_contains: reason.map(|reason| reason.to_lowercase()),
            cause: cause?,
        })
    }

    /// Whether it looks into an answer's body.
    pub(super) fn has_pointer(&self) -> bool {
        self.pointer.is_some()
    }

    /// Whether it fits; `json` is what was told, where that is JSON.
    pub(super) fn fits(&self, told: &Told<'_>, json: Option<&Value>) -> bool {
        let contains = |wanted: &String| told.reason.to_lowercase().contains(wanted);
        self.phase.is_none_or(|phase| phase == told.phase)
            && self.status.is_none_or(|status| told.status == Some(status))
            && self.close_code.is_none_or(|code| told.close_code == Some(code))
            && self.pointer.as_ref().is_none_or(|value| value.fits(json))
            && self.reason_contains.as_ref().is_none_or(contains)
    }
}

/// Whose fault it usually is, where no rule says otherwise.
///
/// | what was told | cause |
/// |---|---|
/// | 2xx whose `/code` is not 0 | capacity |
/// | 401; 403 before the upgrade | auth |
/// | 403 at the upgrade; 429; 503 | capacity |
/// | 404, 409 | not_ready: the model is not loaded, or is being loaded |
/// | other 4xx | client |
/// | anything else that was answered, and 5xx | server |
/// | close 1013, or a reason that tells of capacity | capacity |
/// | close 1008 | auth |
/// | close 1003, 1007, 1009 | client: what it sent was not taken |
/// | close 1006, 1015, or nothing at all | network |
/// | any other close | server |
pub(super) fn usual(told: &Told<'_>, json: Option<&Value>) -> Cause {
    match (told.status, told.close_code) {
        (Some(status), _) => by_status(told.phase, status, json),
        (None, Some(code)) => by_close_code(code, told.reason),
        (None, None) => Cause::Network,
    }
}

fn by_status(phase: Phase, status: u16, json: Option<&Value>) -> Cause {
    match status {
        200..=299 if has_code(json) => Cause::Capacity,
        403 if phase == Phase::Upgrade => Cause::Capacity,
        401 | 403 => Cause::Auth,
        404 | 409 => Cause::NotReady,
        429 | 503 => Cause::Capacity,
        400..=499 => Cause::Client,
        _ => Cause::Server,
    }
}

fn by_close_code(code: u16, reason: &str) -> Cause {
    match code {
        1006 | 1015 => Cause::Network,
        1013 => Cause::Capacity,
        _ if tells_capacity(reason) => Cause::Capacity,
        1008 => Cause::Auth,
        1003 | 1007 | 1009 => Cause::Client,
        _ => Cause::Server,
    }
}

/// Whether a body has a `/code` that is a number other than 0.
pub(super) fn has_code(json: Option<&Value>) -> bool {
    let code = json.and_then(|json| json.pointer("/code")).and_then(Value::as_f64);
    code.is_some_and(|code| code != 0.0)
}

/// By whole words: a server that goes down gracefully is not full.
fn tells_capacity(reason: &str) -> bool {
    let mut words = reason.split(|c: char| !c.is_alphanumeric());
    words.any(|word| FULL.iter().any(|full| word.eq_ignore_ascii_case(full)))
}
