//! Messages of a match's ball-by-ball commentary.

use serde::{Deserialize, Serialize};

use crate::MatchTime;

/// A message of the commentary feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its place in the day's feed, from 1 on.
    pub id: u32,
    /// When it happened on the field.
    pub happened: MatchTime,
    /// When the feed tells it; not before it happened.
    pub at: MatchTime,
    /// What happened.
    pub event: BallEvent,
    /// The player whom it is about; none where it is about no single one.
    pub player: Option<String>,
    /// Whether that is a key player of the match.
    pub key_player: bool,
    /// The moment that it tells of; none where it is a ball like others.
    pub moment: Option<String>,
    /// The message in words.
    pub text: String,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BallEvent {
    /// A ball with few runs or none.
    Ball,
    /// A four or a six.
    Boundary,
    /// A batter is out.
    Wicket,
    /// A batter comes in.
    In,
    /// Anything else: the toss, drinks, rain.
    Other,
}

impl BallEvent {
    /// All of them, by their names in files and in messages.
    pub const ALL: [(&str, Self); 5] = [
        ("ball", Self::Ball),
        ("boundary", Self::Boundary),
        ("wicket", Self::Wicket),
        ("in", Self::In),
        ("other", Self::Other),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, known)| *known == self).map_or("other", |(name, _)| name)
    }
}

/// The commentary of a run: who plays, and what is told when.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Feed {
    /// Those whose coming and going moves the audience.
    pub key_players: Vec<String>,
    /// The teams; none where nobody wrote them down.
    pub teams: Vec<Team>,
    /// The messages, in the order of their times.
    pub messages: Vec<Message>,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// Its playing XI.
    pub players: Vec<String>,
}
