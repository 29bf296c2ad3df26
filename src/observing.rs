//! Observers at work: who is asked for capacity once a second, and what changed.

mod limits;

use std::collections::BTreeMap;
use std::time::Duration;

use hulk_platform::ControlClient;
use hulk_record::{CapacitySample, Offset, RunEvent};
use hulk_watch::{ObserveError, Observed, Observer, observe};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::target::Seen;

/// How often the capacity is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Questions to chat endpoints, by service and by what came of them.
type Advice = BTreeMap<(String, String), f64>;

/// Somebody who looks at capacity.
pub(crate) enum Eye {
    /// At that of the embedded platform.
    Platform(ControlClient),
    /// At that of a service of one's own.
    Own(Box<Observer>),
}

impl Eye {
    async fn look(&self, at: Offset) -> Result<Observed, ObserveError> {
        match self {
            Self::Platform(control) => observe(control.permit(), at).await,
            Self::Own(observer) => {
                let samples = vec![observer.look(at).await?];
                Ok(Observed { samples, ..Observed::default() })
            }
        }
    }

    /// Whose capacity it is.
    fn of(&self) -> &str {
        match self {
            Self::Platform(_) => "the platform",
            Self::Own(observer) => observer.service(),
        }
    }
}

/// What is known from the looks before.
#[derive(Default)]
struct Known {
    last: Observed,
    /// Since when nothing has been seen.
    lost: Option<Offset>,
}

impl Known {
    /// What a look brings that is new. A feed that is lost is told when it goes and when it comes
    /// back, and nothing is filled in between.
    fn take(&mut self, of: &str, at: Offset, look: Result<Observed, ObserveError>) -> Vec<Seen> {
        let observed = match look {
            Ok(observed) => observed,
            Err(_) if self.lost.is_some() => return Vec::new(),
            Err(error) => {
                self.lost = Some(at);
                let text = format!("the capacity of {of} could not be seen: {error}");
                return vec![event(at, "observer", text)];
            }
        };
        let mut news = Vec::new();
        if let Some(since) = self.lost.take() {
            let blind_s = at.since(since) as f64 / 1e6;
            let text = format!("the capacity of {of} is seen again, after {blind_s:.0} s");
            news.push(event(at, "observer", text));
        }
        news.extend(changes(&self.last.samples, &observed.samples));
        news.extend(switched(at, &self.last.switches, &observed.switches));
        news.extend(limits::news(at, &self.last, &observed));
        news.extend(unadvised(at, &self.last.advice, &observed.advice));
        self.last.clone_from(&observed);
        news.push(Seen::Capacity(observed.samples));
        news
    }
}

/// Looks once a second from the lead-in on.
pub(crate) async fn look(eye: Eye, epoch: Instant, lead_in_from: Offset, seen: mpsc::Sender<Seen>) {
    let lead_in = Duration::from_micros(lead_in_from.0.unsigned_abs());
    let begin = epoch.checked_sub(lead_in).unwrap_or(epoch);
    let mut known = Known::default();
    for number in 0.. {
        let due = begin + LOOK * number;
        sleep_until(due).await;
        let at = lead_in_from.plus(due.duration_since(begin).as_micros() as i64);
        for item in known.take(eye.of(), at, eye.look(at).await) {
            if seen.send(item).await.is_err() {
                return;
            }
        }
    }
}

fn event(at: Offset, kind: &str, text: String) -> Seen {
    Seen::Event(RunEvent { at, intended: None, kind: kind.to_owned(), text })
}

/// What changed from one look to the next, in words.
fn changes(before: &[CapacitySample], now: &[CapacitySample]) -> Vec<Seen> {
    let pairs = before.iter().zip(now).filter(|(a, b)| a.service == b.service);
    let changed = pairs.filter(|(a, b)| (a.ready, a.desired) != (b.ready, b.desired));
    changed
        .map(|(a, b)| {
            let mut text = format!("{}: {} → {} instances serve", b.service, a.ready, b.ready);
            if let (Some(before), Some(now)) = (a.desired, b.desired) {
                text += &format!(", {before} → {now} wanted");
            }
            event(b.at, "scale", text)
        })
        .collect()
}

/// Panic switches that are not what they were; before the first look all are off.
fn switched(at: Offset, before: &[(String, bool)], now: &[(String, bool)]) -> Vec<Seen> {
    let was_on = |name: &str| before.iter().any(|(known, on)| known == name && *on);
    let changed = now.iter().filter(|(name, on)| *on != was_on(name));
    changed
        .map(|(name, on)| {
            event(at, "switch", format!("{name} is {}", if *on { "on" } else { "off" }))
        })
        .collect()
}

/// Questions to chat endpoints that brought nothing to follow since the look before.
fn unadvised(at: Offset, before: &Advice, now: &Advice) -> Vec<Seen> {
    let told = |((service, outcome), count): (&(String, String), &f64)| {
        let was = before.get(&(service.clone(), outcome.clone())).copied().unwrap_or(0.0);
        let why = match outcome.as_str() {
            _ if *count <= was => return None,
            "answered" => return None,
            "timeout" => "has not answered in time",
            "refused" => "cannot be reached, or refuses",
            "bad_json" => "has not answered with the JSON that it was asked for",
            _ => "names more instances than there may be, or fewer than none",
        };
        let text = format!("{service}: the chat endpoint {why}; the ladder alone counts");
        Some(event(at, "chat", text))
    };
    now.iter().filter_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_that_cannot_be_followed_is_told_each_time_and_good_advice_is_not() {
        let advice = |all: &[(&str, f64)]| -> Advice {
            all.iter()
                .map(|(outcome, n)| (("home".to_owned(), (*outcome).to_owned()), *n))
                .collect()
        };
        let told = |before: &[(&str, f64)], now: &[(&str, f64)]| -> Vec<String> {
            let texts = unadvised(Offset(1), &advice(before), &advice(now)).into_iter();
            let texts = texts.map(|seen| match seen {
                Seen::Event(event) if event.kind == "chat" => event.text,
                _ => panic!("not of the chat endpoint"),
            });
            texts.collect()
        };
        let timeout = "home: the chat endpoint has not answered in time; the ladder alone counts";
        assert_eq!(told(&[], &[("timeout", 1.0), ("answered", 3.0)]), [timeout]);
        assert!(told(&[("timeout", 1.0)], &[("timeout", 1.0), ("answered", 4.0)]).is_empty());
        assert_eq!(told(&[("timeout", 1.0)], &[("timeout", 2.0)]), [timeout]);
        let all = [("absurd", 1.0), ("bad_json", 1.0), ("refused", 1.0)];
        let all = told(&[], &all);
        assert!(all[0].contains("more instances than there may be") && all[1].contains("JSON"));
        assert!(all[2].contains("cannot be reached"), "{all:?}");
    }

    #[test]
    fn a_switch_is_told_when_it_changes() {
        let switches = |a, b| vec![("slow_refresh".to_owned(), a), ("static_home".to_owned(), b)];
        let told = |before: &[(String, bool)], now: &[(String, bool)]| -> Vec<String> {
            let texts = switched(Offset(1), before, now).into_iter().map(|seen| match seen {
                Seen::Event(event) if event.kind == "switch" => event.text,
                _ => panic!("not a switch"),
            });
            texts.collect()
        };
        assert_eq!(told(&[], &switches(false, true)), ["static_home is on"]);
        assert_eq!(
            told(&switches(true, false), &switches(false, true)),
            ["slow_refresh is off", "static_home is on"]
        );
        assert!(told(&switches(true, true), &switches(true, true)).is_empty());
    }

    #[test]
    fn a_feed_that_is_lost_is_told_once_and_when_it_is_back() {
        let seen = |ready: f64| {
            let sample =
                CapacitySample { service: "web".into(), ready, ..CapacitySample::default() };
            Ok(Observed { samples: vec![sample], ..Observed::default() })
        };
        let lost = || Err(ObserveError::Stale { age_s: 61.0, max_s: 30.0 });
        let mut known = Known::default();
        let mut told = |second: i64, look| -> Vec<String> {
            let news = known.take("web", Offset(second * 1_000_000), look).into_iter();
            news.map(|seen| match seen {
                Seen::Event(event) => format!("{}: {}", event.kind, event.text),
                Seen::Capacity(samples) => format!("{} samples", samples.len()),
                Seen::Passed(..) | Seen::Callee(_) => panic!("no observer of capacity says this"),
            })
            .collect()
        };
        assert_eq!(told(0, seen(2.0)), ["1 samples"]);
        let why = "observer: the capacity of web could not be seen: its figures are 61.0 s old (at \
                   most 30 s)";
        assert_eq!(told(1, lost()), [why]);
        assert!(told(2, lost()).is_empty());
        let back = "observer: the capacity of web is seen again, after 3 s";
        let scaled = "scale: web: 2 → 3 instances serve";
        assert_eq!(told(4, seen(3.0)), [back, scaled, "1 samples"]);
    }
}
