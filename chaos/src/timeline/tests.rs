use proptest::prelude::*;

use super::*;

fn at(seconds: f64) -> Offset {
    Offset::from_s(seconds)
}

fn one() -> Timeline {
    Timeline::new(vec![(at(10.0), at(15.0))])
}

/// Steps through `events`, one line for each command: `second command`.
fn log(timeline: &mut Timeline, events: Vec<(f64, TimelineEvent)>) -> Vec<String> {
    let mut lines = Vec::new();
    for (second, event) in events {
        for command in timeline.step(at(second), event) {
            lines.push(match command {
                Command::Inject { .. } => format!("{second} inject"),
                Command::Renew { .. } => format!("{second} renew"),
                Command::Heal { .. } => format!("{second} heal"),
                Command::Tell { text, .. } => format!("{second} {text}"),
            });
        }
    }
    lines
}

fn failed(reason: &str) -> TimelineEvent {
    TimelineEvent::Failed { fault: 0, reason: reason.into() }
}

const TICK: TimelineEvent = TimelineEvent::Tick;
const INJECTED: TimelineEvent = TimelineEvent::Injected { fault: 0 };
const HEALED: TimelineEvent = TimelineEvent::Healed { fault: 0 };

#[test]
fn golden_a_fault_is_injected_renewed_each_second_and_healed() {
    let mut timeline = one();
    assert_eq!(timeline.next_wake(), Some(at(10.0)));
    let found = log(
        &mut timeline,
        vec![
            (9.9, TICK),
            (10.0, TICK),
            (10.1, INJECTED),
            (11.0, TICK),
            (12.0, TICK),
            (12.1, TimelineEvent::Renewed { fault: 0 }),
            (13.5, TICK),
            (14.5, TICK),
            (15.0, TICK),
            (15.1, HEALED),
            (20.0, TICK),
        ],
    );
    let wanted = ["10 inject", "11 renew", "12 renew", "13.5 renew", "14.5 renew", "15 heal"];
    assert_eq!(found, wanted);
    assert_eq!(timeline.state(0), Some(&FaultState::Over(Ending::Healed)));
    assert_eq!(timeline.next_wake(), None);
}

#[test]
fn a_failed_injection_is_tried_again_each_second_and_never_dropped() {
    let mut timeline = one();
    let mut events = vec![(10.0, TICK), (10.2, failed("no answer"))];
    events.extend([11.0, 11.2].map(|s| (s, TICK)));
    events.extend([(11.3, failed("refused")), (14.9, TICK), (15.0, TICK), (15.1, failed("gone"))]);
    events.extend([16.1, 21.0].map(|s| (s, TICK)));
    let wanted = [
        "10 inject",
        "10.2 was not injected: no answer",
        "11.2 inject",
        "11.3 was not injected: refused",
        "14.9 inject",
        // The last one was not answered: it may be there.
        "15 heal",
        "15.1 was not healed: gone",
        "16.1 heal",
        "21 nobody confirmed its healing",
    ];
    assert_eq!(log(&mut timeline, events), wanted);
    let reason = "gone".to_owned();
    assert_eq!(timeline.state(0), Some(&FaultState::Over(Ending::NeverOn { reason })));

    let mut refused = one();
    let events = vec![(10.0, TICK), (10.1, failed("no")), (15.0, TICK)];
    let last = log(&mut refused, events).pop();
    assert_eq!(last.as_deref(), Some("15 was never on: no"));
    assert_eq!(refused.last_failure(0), Some("no"));
    assert!(refused.is_over());
}

#[test]
fn a_lease_that_was_lost_is_taken_again() {
    let events = vec![(10.0, TICK), (10.1, INJECTED), (11.0, TICK), (11.1, failed("lapsed"))];
    let mut timeline = one();
    log(&mut timeline, events);
    assert_eq!(log(&mut timeline, vec![(12.1, TICK)]), ["12.1 inject"]);
    assert_eq!(log(&mut timeline, vec![(12.2, failed("no")), (15.0, TICK)])[1], "15 heal");
}

#[test]
fn an_answer_after_the_end_is_healed_again() {
    let mut timeline = one();
    let events = vec![(10.0, TICK), (15.0, TICK), (15.1, HEALED), (15.2, INJECTED), (16.0, HEALED)];
    assert_eq!(log(&mut timeline, events), ["10 inject", "15 heal", "15.2 heal"]);
    assert_eq!(timeline.state(0), Some(&FaultState::Over(Ending::Healed)));
}

#[test]
fn a_stop_heals_what_is_on_and_injects_nothing_more() {
    let windows = [(0.0, 9.0), (0.0, 9.0), (5.0, 9.0)].map(|(from, until)| (at(from), at(until)));
    let mut timeline = Timeline::new(windows.to_vec());
    timeline.step(at(0.0), TICK);
    timeline.step(at(0.1), INJECTED);
    let commands = timeline.step(at(0.2), TimelineEvent::Stop);
    assert_eq!(commands[..2], [Command::Heal { fault: 0 }, Command::Heal { fault: 1 }]);
    assert!(matches!(&commands[2..], [Command::Tell { fault: 2, text }] if text.contains("never")));
    let later = timeline.step(at(6.0), TICK);
    assert!(later.iter().all(|c| matches!(c, Command::Heal { .. } | Command::Tell { .. })));
}

#[test]
fn what_slept_through_its_time_says_so() {
    let mut timeline = one();
    let found = log(&mut timeline, vec![(99.0, TICK)]);
    assert_eq!(
        found,
        ["99 was never on: its time passed, or the run ended, before it was injected"]
    );
}

/// An injector that answers late, wrongly or never, in any order.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Does,
    Fails,
    Keeps,
    Stop,
}

fn answers() -> impl Strategy<Value = Vec<(u16, Answer)>> {
    let answer = prop_oneof![
        6 => Just(Answer::Does),
        3 => Just(Answer::Fails),
        2 => Just(Answer::Keeps),
        1 => Just(Answer::Stop),
    ];
    proptest::collection::vec((1..1500_u16, answer), 0..60)
}

fn windows() -> impl Strategy<Value = Vec<(u16, u16)>> {
    proptest::collection::vec((0..12_000_u16, 1..9000_u16), 1..4)
}

/// A timeline, its commands that nobody has answered, and what holds of all it ever said.
struct Trial {
    windows: Vec<(Offset, Offset)>,
    timeline: Timeline,
    pending: Vec<Command>,
    stopped: bool,
    /// For each fault: whether it may be there, as far as anybody can know.
    there: Vec<bool>,
}

impl Trial {
    fn new(windows: Vec<(u16, u16)>) -> Self {
        let ms = |ms: u16| i64::from(ms) * 1000;
        let windows: Vec<(Offset, Offset)> = windows
            .into_iter()
            .map(|(from, length)| (Offset(ms(from)), Offset(ms(from) + ms(length))))
            .collect();
        let there = vec![false; windows.len()];
        let timeline = Timeline::new(windows.clone());
        Self { windows, timeline, pending: Vec::new(), stopped: false, there }
    }

    fn step(&mut self, now: Offset, event: TimelineEvent) {
        if let TimelineEvent::Injected { fault } = event {
            self.there[fault] = true;
        }
        self.stopped |= event == TimelineEvent::Stop;
        for command in self.timeline.step(now, event) {
            match command {
                Command::Inject { fault } | Command::Renew { fault } => {
                    assert!(now < self.windows[fault].1, "after its end");
                    assert!(now >= self.windows[fault].0, "before its time");
                    assert!(!self.stopped, "after the stop");
                }
                Command::Heal { fault } => self.there[fault] = false,
                Command::Tell { .. } => continue,
            }
            self.pending.push(command);
        }
    }

    /// The injector takes up some command that is open, not always the oldest.
    fn answer(&mut self, now: Offset, which: usize, answer: Answer) {
        if let Answer::Stop = answer {
            self.step(now, TimelineEvent::Stop);
            return;
        }
        if self.pending.is_empty() || matches!(answer, Answer::Keeps) {
            self.step(now, TICK);
            return;
        }
        let command = self.pending.remove(which % self.pending.len());
        let event = match (answer, command) {
            (Answer::Does, Command::Inject { fault }) => TimelineEvent::Injected { fault },
            (Answer::Does, Command::Renew { fault }) => TimelineEvent::Renewed { fault },
            (Answer::Does, Command::Heal { fault }) => TimelineEvent::Healed { fault },
            (_, Command::Inject { fault } | Command::Renew { fault } | Command::Heal { fault }) => {
                TimelineEvent::Failed { fault, reason: "no".into() }
            }
            (_, Command::Tell { .. }) => TICK,
        };
        self.step(now, event);
    }
}

proptest! {
    #[test]
    fn every_injected_fault_is_healed_for_all_orders_of_events(
        windows in windows(),
        answers in answers(),
    ) {
        let mut trial = Trial::new(windows);
        let mut now = Offset(0);
        for (index, (ms, answer)) in answers.into_iter().enumerate() {
            now = later(now, ms.into());
            trial.answer(now, index * 7, answer);
        }
        // Time goes on and the injector says nothing more.
        let mut wakes = 0;
        while let Some(wake) = trial.timeline.next_wake() {
            now = now.max(wake);
            trial.step(now, TICK);
            wakes += 1;
            prop_assert!(wakes < 1000, "it never ends");
        }
        prop_assert!(trial.timeline.is_over());
        prop_assert!(trial.there.iter().all(|there| !there), "{:?}", trial.there);
        // Answers that come ever so late bring nothing back.
        for fault in 0..trial.there.len() {
            trial.step(now, TimelineEvent::Injected { fault });
            prop_assert!(!trial.there[fault]);
        }
    }
}
