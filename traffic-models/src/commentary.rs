//! The commentary: a message for each ball, and one for each moment of the day.

use hulk_record::{BallEvent, MatchTime, Message, Team, hash_of, seed_of, unit_of};
use hulk_settings::{Section, nearest_or_all};
use serde::{Deserialize, Serialize};

use crate::{Audience, Grade, Moment, Response};

/// The shortest time from a ball's message to the next one's, in match seconds.
const GAP_MIN_S: f64 = 40.0;
/// The longest.
const GAP_MAX_S: f64 = 60.0;
/// Balls in an over.
const OVER: u32 = 6;
/// A ball is one of these: up to which share of all, what, and its words.
const BALLS: [(f64, BallEvent, &str); 5] = [
    (0.45, BallEvent::Ball, "no run"),
    (0.80, BallEvent::Ball, "1 run"),
    (0.88, BallEvent::Ball, "2 runs"),
    (0.97, BallEvent::Boundary, "four"),
    (1.00, BallEvent::Boundary, "six"),
];

/// Who plays, for those who follow the commentary.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Commentary {
    /// Those whose coming and going moves the audience.
    pub key_players: Vec<String>,
    /// The teams; none where nobody wrote them down.
    pub teams: Vec<Team>,
}

/// What the commentary says of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ball {
    /// What happens.
    pub event: BallEvent,
    /// To whom.
    pub player: Option<String>,
}

impl Commentary {
    /// Reads `[commentary]`. The grades are for people who read the file: they must be there.
    pub(crate) fn read(section: &Section<'_>) -> Option<Self> {
        let grade = section.word("grade", &Grade::ALL);
        let source = section.text_optional("source").unwrap_or_default();
        let key_players = section.texts("key_players");
        let key_grade = section.word("key_players_grade", &Grade::ALL);
        let teams = section.list("team", |team| {
            let (name, players) = (team.text("name"), team.texts("players"));
            Some(Team { name: name?, players: players? })
        });
        if source.is_empty() && grade.is_some_and(|grade| grade != Grade::M) {
            let hint = Some("add `source = \"…\"`".to_owned());
            section.problem("teams that are not of grade M must name their source", hint);
        }
        grade.and(key_grade)?;
        let read = Self { key_players: key_players?, teams: teams? };
        let players = read.players();
        for unknown in read.key_players.iter().filter(|key| !players.contains(&key.as_str())) {
            let hint = Some(nearest_or_all(unknown, &players));
            section.problem_at("key_players", format!("no team has `{unknown}`"), hint);
        }
        Some(read)
    }

    /// Who plays, of all teams.
    pub(crate) fn players(&self) -> Vec<&str> {
        let players = self.teams.iter().flat_map(|team| &team.players);
        players.map(String::as_str).collect()
    }
}

impl Ball {
    /// Reads a moment's `ball`.
    pub(crate) fn read(section: &Section<'_>) -> Option<Self> {
        let event = section.word("event", &BallEvent::ALL);
        let player = section.text_optional("player");
        Some(Self { event: event?, player })
    }

    fn in_words(&self, moment: &str) -> String {
        match (self.event, &self.player) {
            (BallEvent::Wicket, Some(player)) => format!("wicket: {player} is out"),
            (BallEvent::In, Some(player)) => format!("{player} comes in to bat"),
            (_, Some(player)) => format!("{}: {player}", moment.replace('-', " ")),
            (_, None) => moment.replace('-', " "),
        }
    }
}

impl Audience {
    /// The messages whose time is in the window, in the order of their times: one for each ball,
    /// 40 to 60 match seconds after the ball before, and one for each moment but those that only
    /// bring people. Each comes `delay_s` match seconds after what it tells of.
    ///
    /// The balls are drawn for the whole day: a narrower window has the same messages.
    pub fn commentary(&self, delay_s: f64) -> Vec<Message> {
        let mut feed = self.balls();
        let pushed = |moment: &&Moment| matches!(moment.response, Some(Response::Push(_)));
        feed.extend(self.moments.iter().filter(|moment| !pushed(moment)).map(|m| self.told(m)));
        feed.sort_by_key(|message| message.happened);
        for (id, message) in (1..).zip(&mut feed) {
            message.id = id;
            message.at = message.happened.plus_s(delay_s);
        }
        feed.retain(|message| (MatchTime(0)..self.until()).contains(&message.at));
        feed
    }

    fn balls(&self) -> Vec<Message> {
        let seed = seed_of(self.seed, "traffic/commentary");
        let draw = |stream: &str, ball: u32| unit_of(hash_of(seed_of(seed, stream), ball.into()));
        let (mut feed, mut second) = (Vec::new(), self.curve.from_min() * 60.0);
        for ball in 0.. {
            second += GAP_MIN_S + (GAP_MAX_S - GAP_MIN_S) * draw("gap", ball);
            if second >= self.curve.until_min * 60.0 {
                break;
            }
            let share = draw("ball", ball);
            let what = BALLS.iter().find(|(up_to, ..)| share < *up_to).unwrap_or(&BALLS[0]);
            feed.push(Message {
                id: 0,
                happened: self.time_of(second / 60.0),
                at: MatchTime(0),
                event: what.1,
                player: None,
                key_player: false,
                moment: None,
                text: format!("{}.{} {}", ball / OVER, ball % OVER + 1, what.2),
            });
        }
        feed
    }

    fn told(&self, moment: &Moment) -> Message {
        let plain = Ball { event: BallEvent::Other, player: None };
        let ball = moment.ball.as_ref().unwrap_or(&plain);
        let is_key = |player: &String| self.commentary.key_players.contains(player);
        Message {
            id: 0,
            happened: self.time_of(moment.minute),
            at: MatchTime(0),
            event: ball.event,
            player: ball.player.clone(),
            key_player: ball.player.as_ref().is_some_and(is_key),
            moment: Some(moment.name.clone()),
            text: ball.in_words(&moment.name),
        }
    }
}
