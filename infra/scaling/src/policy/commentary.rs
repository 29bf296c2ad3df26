//! The commentary-aware policy: a ladder, and what is laid down ahead of what the match lets expect.
//!
//! It hears each message of the commentary at the message's time, and looks at once at what
//! concerns it. By its own rules:
//!
//! | message | `video` | `recommendation` |
//! |---|---|---|
//! | a key player comes in | out: the rungs are laid down | out: the rungs are laid down |
//! | a key player is out | in: what was laid down may go | out: the rungs are laid down anew |
//! | anything else | hold | hold |
//!
//! The second role is that of services to which viewers come when they leave the video: their
//! instances take minutes to start and the crowd comes within seconds, so they get ready while
//! the key player is in. Or a chat endpoint is asked; whoever calls the policy hands it the answer.

use hulk_record::{BallEvent, MatchTime, Message};
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::bounds::step;
use super::memory::AheadOf;
use super::{Ladder, Memory, Observation, Rule};

/// The rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commentary {
    /// What the service is to the viewers.
    pub role: Role,
    /// What is never gone below, but for `max_instances`.
    pub ladder: Ladder,
    /// So many rungs are laid down ahead.
    pub rungs: u32,
    /// For so many match seconds, unless a message says otherwise.
    pub for_s: f64,
    /// Never more instances.
    pub max_instances: u32,
    /// Who is asked what a message means, instead of the rules.
    pub chat: Option<Chat>,
}

/// What a service is to the viewers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// They use it while they watch.
    Video,
    /// They come to it when they leave the video.
    Recommendation,
}

impl Role {
    /// All, by their names in files.
    pub const ALL: [(&str, Self); 2] =
        [("video", Self::Video), ("recommendation", Self::Recommendation)];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }
}

/// A chat endpoint that speaks the OpenAI wire format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// `http://127.0.0.1:8080/v1/chat/completions`; loopback only.
    pub url: String,
    /// The model's name.
    pub model: String,
    /// How long an answer may take, in ms of wall time.
    pub timeout_ms: u64,
    /// The environment variable that holds the key; none where no key is sent.
    pub api_key_env: Option<String>,
}

/// What a chat endpoint advises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// Where to.
    pub direction: Direction,
    /// By how many instances; nothing for `hold`.
    pub count: u32,
}

/// Where to scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More instances.
    Out,
    /// Fewer.
    In,
    /// As they are.
    Hold,
}

/// Why there is no advice that could be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAdvice {
    /// No answer in time.
    Timeout,
    /// No connection, or a status that says no.
    Refused,
    /// An answer that is not the JSON that was asked for.
    BadJson,
    /// More instances than there may be, or fewer than none.
    Absurd,
}

impl NoAdvice {
    /// Its name in metrics and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::BadJson => "bad_json",
            Self::Absurd => "absurd",
        }
    }
}

impl Commentary {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let role = section.word("role", &Role::ALL);
        let ladder = section.section("ladder").and_then(|inner| Ladder::read(&inner));
        let rungs = section.integer("rungs", 1..=1_000);
        let for_s = section.number("for_s", 1.0..=86_400.0);
        let max_instances = step(section, "max_instances");
        let chat = match section.section_optional("chat") {
            Some(inner) => Chat::read(&inner).map(Some),
            None => Some(None),
        };
        Some(Self {
            role: role?,
            ladder: ladder?,
            rungs: rungs? as u32,
            for_s: for_s?,
            max_instances: max_instances?,
            chat: chat?,
        })
    }

    /// Hears a message, at its time; whether it is to look at once.
    pub fn hear(&self, message: &Message, memory: &mut Memory) -> bool {
        if self.chat.is_some() || !message.key_player {
            return false;
        }
        memory.ahead = match (message.event, self.role) {
            (BallEvent::In, _) | (BallEvent::Wicket, Role::Recommendation) => {
                Some((AheadOf::Rungs, message.at.plus_s(self.for_s)))
            }
            (BallEvent::Wicket, Role::Video) => None,
            _ => return false,
        };
        true
    }

    /// Takes an answer of the chat endpoint, where `desired` instances are wanted now. Without one
    /// that can be followed, the ladder alone counts.
    ///
    /// # Errors
    /// Why the advice is not followed.
    pub fn advised(
        &self,
        now: MatchTime,
        advice: Result<Advice, NoAdvice>,
        desired: u32,
        memory: &mut Memory,
    ) -> Result<(), NoAdvice> {
        let wanted = advice.and_then(|Advice { direction, count }| match direction {
            Direction::Hold => Ok(None),
            Direction::Out => {
                let more = desired.checked_add(count).filter(|all| *all <= self.max_instances);
                more.map(Some).ok_or(NoAdvice::Absurd)
            }
            Direction::In => desired.checked_sub(count).map(Some).ok_or(NoAdvice::Absurd),
        });
        match wanted {
            Ok(Some(instances)) => {
                let until = now.plus_s(self.for_s);
                memory.ahead = Some((AheadOf::Instances(instances), until));
            }
            Ok(None) => {}
            Err(_) => memory.ahead = None,
        }
        wanted.map(|_| ())
    }
}

impl Rule for Commentary {
    fn desired(&self, seen: &Observation, memory: &mut Memory) -> u32 {
        let ahead = memory.ahead.filter(|(_, until)| seen.at < *until).map(|(what, _)| what);
        let wanted = match ahead {
            Some(AheadOf::Rungs) => {
                let ahead = f64::from(self.rungs) * self.ladder.rung_viewers;
                self.ladder.desired(seen.viewers + ahead)
            }
            Some(AheadOf::Instances(instances)) => instances,
            None => 0,
        };
        wanted.max(self.ladder.desired(seen.viewers)).min(self.max_instances)
    }

    fn initial(&self, viewers_at_0: f64) -> u32 {
        self.ladder.desired(viewers_at_0).min(self.max_instances)
    }

    fn sees_requests(&self) -> bool {
        false
    }
}

impl Chat {
    fn read(section: &Section<'_>) -> Option<Self> {
        let url = section.text("url");
        let model = section.text("model");
        let timeout_ms = section.integer_or("timeout_ms", 1..=60_000, 2_000);
        let has_key = section.has("api_key_env");
        let api_key_env = if has_key { section.text("api_key_env") } else { None };
        Some(Self { url: url?, model: model?, timeout_ms: timeout_ms?, api_key_env })
    }
}

#[cfg(test)]
mod tests;
