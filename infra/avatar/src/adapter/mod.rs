//! How a backend is spoken to: a settings file of four parts that know nothing of each other.
//!
//! - `[[admission]]`: HTTP steps before the socket, each of which may keep something of its answer,
//!   and `[socket]`, where the socket then is;
//! - `[uplink]`: how speech goes up;
//! - `[downlink]`: how pictures and sound come down;
//! - `[[classify]]`: whose fault it is when a session is refused or lost.

mod admission;
mod classify;
mod downlink;
mod template;
mod uplink;

use std::sync::Arc;

use hulk_settings::{Problems, Section, Source, read};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use admission::{AdmissionRequest, Step};
pub use classify::{Phase, Told};
pub use template::Names;

pub(crate) use downlink::{Downlink, FrameError, Heard};
pub(crate) use uplink::{Marker, Pacing, Uplink, UplinkForm};

use classify::Rule;
use hulk_record::Cause;
use template::{Escape, Template};

/// The adapters that come with HULK, by their names.
const SHIPPED: [(&str, &str); 3] = [
    ("json_base64", include_str!("../../adapters/json_base64.toml")),
    ("offer_answer", include_str!("../../adapters/offer_answer.toml")),
    ("rapido_ws", include_str!("../../adapters/rapido_ws.toml")),
];

/// A backend's protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Adapter {
    /// What `{avatar}` stands for.
    avatar: Option<String>,
    steps: Vec<Step>,
    socket: Template,
    pub(crate) uplink: Uplink,
    pub(crate) downlink: Downlink,
    /// In their order; the first that fits counts.
    rules: Vec<Rule>,
}

impl Adapter {
    /// Reads a file.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &Arc<Source>) -> Result<Self, Problems> {
        read(source, Self::build)
    }

    /// The file of a shipped adapter.
    pub fn shipped(name: &str) -> Option<Arc<Source>> {
        let (name, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
        Some(Source::new(format!("infra/avatar/adapters/{name}.toml"), *text))
    }

    /// The names of the shipped adapters.
    pub fn shipped_names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    fn build(root: &Section<'_>) -> Option<Self> {
        let mut known = vec!["caller".to_owned(), "session".to_owned()];
        if root.has("avatar") {
            known.push("avatar".to_owned());
        }
        let avatar = root.text_optional("avatar");
        let steps = Step::read_all(root, &mut known);
        let socket = root.section("socket").and_then(|inner| Template::path(&inner, &known));
        let uplink = root.section("uplink").and_then(|inner| Uplink::read(&inner));
        let downlink = root.section("downlink").and_then(|inner| Downlink::read(&inner));
        let rules = root.list("classify", Rule::read);
        Some(Self {
            avatar,
            steps: steps?,
            socket: socket?,
            uplink: uplink?,
            downlink: downlink?,
            rules: rules?,
        })
    }

    /// What the names in its templates stand for at first.
    pub fn names(&self, caller: u32, session: &str) -> Names {
        let mut names = Names::default();
        names.set("caller", caller.to_string());
        names.set("session", session.to_owned());
        if let Some(avatar) = &self.avatar {
            names.set("avatar", avatar.clone());
        }
        names
    }

    /// What is asked before the socket is opened, in its order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Takes the answer to a step, and keeps what the step extracts from it: all of it or nothing.
    /// An answer as expected may still be a refusal: where a rule with a pointer fits it, where
    /// something to extract is missing, or where nothing is to be extracted and its `/code` is a
    /// number other than 0.
    ///
    /// # Errors
    /// Whose fault it is that the step failed.
    pub fn answered(
        &self,
        step: &Step,
        status: u16,
        body: &[u8],
        names: &mut Names,
    ) -> Result<(), Cause> {
        let text = String::from_utf8_lossy(body);
        let told = Told::answer(Phase::Admission, status, &text);
        let json: Option<Value> = serde_json::from_slice(body).ok();
        let looks_inside = |rule: &&Rule| rule.has_pointer() && rule.fits(&told, json.as_ref());
        if let Some(rule) = self.rules.iter().find(looks_inside) {
            return Err(rule.cause);
        }
        let found = step.extract(status, json.as_ref()).ok_or_else(|| self.classify(&told))?;
        if found.is_empty() && classify::has_code(json.as_ref()) {
            return Err(self.classify(&told));
        }
        found.into_iter().for_each(|(name, value)| names.set(&name, value));
        Ok(())
    }

    /// Path and query of the socket.
    pub fn socket_path(&self, names: &Names) -> String {
        self.socket.fill(names, Escape::Path)
    }

    /// Whose fault it is: by the first rule that fits, or else by what is usual.
    pub fn classify(&self, told: &Told<'_>) -> Cause {
        let json: Option<Value> = serde_json::from_str(told.reason).ok();
        let rule = self.rules.iter().find(|rule| rule.fits(told, json.as_ref()));
        rule.map_or_else(|| classify::usual(told, json.as_ref()), |rule| rule.cause)
    }

    /// Frames a second that the backend is to send.
    pub fn nominal_fps(&self) -> f64 {
        self.downlink.fps
    }

    /// The longest message that the backend may send, in bytes.
    pub fn message_bytes_max(&self) -> usize {
        self.downlink.message_bytes_max
    }
}

/// A sample rate in Hz, `rate_hz`: a whole number of kHz, so that a millisecond is whole samples.
fn rate_hz(section: &Section<'_>) -> Option<u32> {
    let rate_hz = section.integer_or("rate_hz", 8_000..=48_000, 16_000)?;
    if rate_hz % 1_000 != 0 {
        let message = format!("`rate_hz` is {rate_hz}: it must be a multiple of 1000");
        section.problem_at("rate_hz", message, Some("for example `rate_hz = 16_000`".to_owned()));
    }
    Some(rate_hz as u32)
}

/// A JSON pointer, checked where it stands.
fn pointer(section: &Section<'_>, key: &str, text: String) -> String {
    if !text.starts_with('/') {
        let message = format!("the JSON pointer `{text}` must start with `/`");
        section.problem_at(key, message, Some(format!("for example `{key} = \"/{text}\"`")));
    }
    text
}

#[cfg(test)]
mod tests;
