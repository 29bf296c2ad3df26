//! The commentary-aware policy by its rules, and by advice.

use proptest::prelude::*;

use super::super::Policy;
use super::super::tests::policy;
use super::*;

const LADDER: &str = "ladder = { rung_viewers = 1_000_000, buffer_viewers = 2_000_000, \
     rps_per_viewer = 0.04, rps_buffer = 0.30, rps_per_instance = 2500 }";
const CHAT: &str = ", chat = { url = \"http://127.0.0.1:1/v1/chat/completions\", model = \"m\" }";

fn rule(role: &str, more: &str) -> Policy {
    policy(&format!(
        "commentary = {{ role = \"{role}\", rungs = 9, for_s = 1_200, max_instances = 600, {LADDER}{more} }}"
    ))
}

fn message(second: f64, event: BallEvent, key_player: bool) -> Message {
    let at = MatchTime::from_s(second);
    let (id, player, text) = (1, Some("MS Dhoni".to_owned()), String::new());
    Message { id, happened: at, at, event, player, key_player, moment: None, text }
}

/// A policy that hears and looks.
struct Heard(Policy, Memory);

impl Heard {
    fn of(policy: Policy) -> Self {
        Self(policy, Memory::default())
    }

    fn hears(&mut self, second: f64, event: BallEvent, key_player: bool) -> bool {
        let rule = self.0.commentary().unwrap();
        rule.hear(&message(second, event, key_player), &mut self.1)
    }

    fn wants(&mut self, second: f64, millions: f64) -> u32 {
        let (at, viewers) = (MatchTime::from_s(second), millions * 1e6);
        let seen = Observation { at, viewers, rps: 0.0, running: 1, ready: 1 };
        self.0.desired(&seen, &mut self.1)
    }

    fn advised(
        &mut self,
        second: f64,
        advice: Result<Advice, NoAdvice>,
        desired: u32,
    ) -> Result<(), NoAdvice> {
        let rule = self.0.commentary().unwrap();
        rule.advised(MatchTime::from_s(second), advice, desired, &mut self.1)
    }
}

/// What an endpoint says.
fn says(direction: Direction, count: u32) -> Result<Advice, NoAdvice> {
    Ok(Advice { direction, count })
}

#[test]
fn golden_trace_of_the_video_when_the_star_comes_in_and_is_out() {
    let mut video = Heard::of(rule("video", ""));
    let mut trace = vec![video.wants(0.0, 16.0)];
    assert!(video.hears(5.0, BallEvent::In, true));
    trace.extend([video.wants(5.0, 16.0), video.wants(300.0, 20.0), video.wants(540.0, 25.0)]);
    assert!(video.hears(545.0, BallEvent::Wicket, true));
    trace.extend([video.wants(545.0, 25.0), video.wants(600.0, 10.0)]);
    // With the buffer 18, 27, 31, 36, 27 and 12 million viewers, at 20.8 instances a million.
    assert_eq!(trace, [375, 562, 600, 600, 562, 250], "never more than 600");
}

#[test]
fn golden_trace_of_the_home_page_which_gets_ready_and_stays_so_for_its_time() {
    let mut home = Heard::of(rule("recommendation", ""));
    assert!(home.hears(5.0, BallEvent::In, true));
    assert_eq!(home.wants(5.0, 4.0), 312);
    assert!(home.hears(545.0, BallEvent::Wicket, true));
    let trace = [546.0, 1_744.9, 1_745.0].map(|second| home.wants(second, 1.0));
    assert_eq!(trace, [250, 250, 63], "it counts for 1,200 s from the last message");
}

#[test]
fn other_players_and_other_events_change_nothing() {
    for role in ["video", "recommendation"] {
        let mut heard = Heard::of(rule(role, ""));
        for (_, event) in BallEvent::ALL {
            assert!(!heard.hears(1.0, event, false), "{role} {event:?}");
        }
        assert!(!heard.hears(1.0, BallEvent::Boundary, true));
        assert_eq!(heard.wants(1.0, 16.0), 375);
    }
}

#[test]
fn golden_advice_is_followed_for_its_time_and_never_below_the_ladder() {
    let mut video = Heard::of(rule("video", CHAT));
    assert!(!video.hears(5.0, BallEvent::In, true), "who asks has no rules of its own");
    assert_eq!(video.wants(5.0, 16.0), 375);
    assert_eq!(video.advised(6.0, says(Direction::Out, 100), 375), Ok(()));
    assert_eq!(video.wants(6.0, 16.0), 475);
    assert_eq!(video.advised(60.0, says(Direction::Hold, 0), 475), Ok(()));
    assert_eq!([video.wants(60.0, 16.0), video.wants(1_206.0, 16.0)], [475, 375]);
    assert_eq!(video.advised(1_300.0, says(Direction::In, 300), 375), Ok(()));
    assert_eq!([video.wants(1_300.0, 16.0), video.wants(1_301.0, 1.0)], [375, 75]);
}

#[test]
fn what_cannot_be_followed_falls_back_to_the_ladder_and_says_why() {
    let all = [
        (Err(NoAdvice::Timeout), NoAdvice::Timeout),
        (Err(NoAdvice::Refused), NoAdvice::Refused),
        (Err(NoAdvice::BadJson), NoAdvice::BadJson),
        (says(Direction::Out, 126), NoAdvice::Absurd),
        (says(Direction::Out, u32::MAX), NoAdvice::Absurd),
        (says(Direction::In, 476), NoAdvice::Absurd),
    ];
    for (advice, why) in all {
        let mut video = Heard::of(rule("video", CHAT));
        assert_eq!(video.advised(6.0, says(Direction::Out, 100), 375), Ok(()));
        assert_eq!(video.wants(6.0, 16.0), 475);
        assert_eq!(video.advised(7.0, advice, 475), Err(why));
        assert_eq!(video.wants(7.0, 16.0), 375, "{why:?}");
    }
}

#[test]
fn without_chat_the_rules_count_also_beside_what_is_laid_down_ahead() {
    let text = format!(
        "commentary = {{ role = \"video\", rungs = 9, for_s = 60, max_instances = 600, {LADDER}{CHAT} }}\n\
         ahead = [{{ at_min = 1, before_s = 0, min_instances = 1 }}]"
    );
    let mut chatty = policy(&text);
    assert!(chatty.commentary().is_some_and(|rule| rule.chat.is_some()));
    chatty.without_chat();
    let mut heard = Heard::of(chatty);
    assert!(heard.hears(5.0, BallEvent::In, true));
    assert_eq!(heard.wants(5.0, 16.0), 562);
}

proptest! {
    #[test]
    fn whatever_it_hears_it_is_between_the_ladder_and_the_most(
        video in proptest::bool::ANY,
        heard in proptest::collection::vec((0..5_usize, 0..3_u32, 0..1_000_u32, 0.0..40.0_f64), 1..60),
    ) {
        let chat = heard.iter().any(|(.., millions)| *millions > 20.0);
        let (role, more) = (if video { "video" } else { "recommendation" }, if chat { CHAT } else { "" });
        let mut policy = Heard::of(rule(role, more));
        let mut wanted = 375;
        for (look, (event, direction, count, millions)) in (0..).zip(heard) {
            let second = f64::from(look) * 50.0;
            policy.hears(second, BallEvent::ALL[event].1, true);
            let directions = [Direction::Out, Direction::In, Direction::Hold];
            if chat {
                let _why = policy.advised(second, says(directions[direction as usize], count), wanted);
            }
            wanted = policy.wants(second, millions);
            let ladder = policy.0.commentary().unwrap().ladder.desired(millions * 1e6);
            prop_assert!((ladder.min(600)..=600).contains(&wanted), "{ladder} {wanted}");
        }
    }
}
