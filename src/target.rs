//! What the run is aimed at: started, told the time, observed, counted and ended.

use std::collections::BTreeSet;
use std::env::current_exe;
use std::net::SocketAddr;
use std::time::Duration;

use hulk_net::{Epoch, Permit, Trust};
use hulk_platform::{Child, ControlClient, Plan};
use hulk_record::{CapacitySample, MatchTime, Offset, RunEvent, TargetCounts};
use hulk_scenarios::{Embedded, Rehearsal, Scope, Target};
use hulk_watch::{Observed, observe};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::faults::Faults;
use crate::outcome::Failure;

mod limits;

/// How often the capacity is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A target that can be sent to.
pub(crate) struct Aimed {
    addresses: Vec<SocketAddr>,
    platform: Option<Child>,
}

/// What somebody who watches the run has to say.
pub(crate) enum Seen {
    Capacity(Vec<CapacitySample>),
    Event(RunEvent),
    /// The run's clock has passed a moment, by its place in the manifest, at this time.
    Passed(usize, Offset),
}

/// Those who watch the platform, and break it.
#[derive(Default)]
pub(crate) struct Attendants {
    observer: Option<JoinHandle<()>>,
    faults: Option<Faults>,
}

impl Aimed {
    /// Starts the embedded platform, or asks for consent to the file's own target.
    pub(crate) async fn at(rehearsal: &Rehearsal) -> Result<Self, Failure> {
        match &rehearsal.target {
            Target::Url(own) => {
                verifiable(&rehearsal.target)?;
                let contacts = own.origins.iter().flat_map(|origin| origin.way.contacts());
                let permits = contacts.map(|address| Scope::default().permit(address));
                let permits: Result<Vec<_>, _> = permits.collect();
                let permits = permits.map_err(|refusal| Failure::Usage(refusal.to_string()))?;
                let addresses = permits.into_iter().map(Permit::address).collect();
                Ok(Self { addresses, platform: None })
            }
            Target::Embedded(embedded) => {
                let program = current_exe().map_err(Failure::internal)?;
                let child =
                    Child::start(&program, &["platform", "--embedded"], &plan(rehearsal, embedded))
                        .await
                        .map_err(Failure::internal)?;
                Ok(Self { addresses: child.ports().edges.clone(), platform: Some(child) })
            }
        }
    }

    /// Where the load goes, in the order of the target's origins.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// Lets the match begin now, with nobody who looks and nothing that breaks.
    pub(crate) async fn begin(&self) -> Result<(), Failure> {
        let Some(control) = self.control()? else { return Ok(()) };
        control.start(Duration::ZERO).await.map_err(Failure::internal)
    }

    fn control(&self) -> Result<Option<ControlClient>, Failure> {
        let Some(child) = &self.platform else { return Ok(None) };
        let control = Scope::default().permit(child.ports().control).map_err(Failure::internal)?;
        Ok(Some(ControlClient::new(control)))
    }

    /// Tells the platform when the match starts, and begins to look at its capacity and to break
    /// it as planned.
    pub(crate) async fn started(
        &self,
        epoch: Instant,
        rehearsal: &Rehearsal,
        seen: &mpsc::Sender<Seen>,
    ) -> Result<Attendants, Failure> {
        let Some(control) = self.control()? else { return Ok(Attendants::default()) };
        let to_start = epoch.saturating_duration_since(Instant::now());
        control.start(to_start).await.map_err(Failure::internal)?;
        let look = look(control, epoch, rehearsal.lead_in_from(), seen.clone());
        let faults = Faults::begin(control, rehearsal, Epoch(epoch), seen.clone());
        Ok(Attendants { observer: Some(tokio::spawn(look)), faults: Some(faults) })
    }

    /// What the platform counted, with the last requests of `unanswered` (viewer and send) alone;
    /// none where the target is not the embedded platform. In words, why it is not known.
    pub(crate) async fn counts(
        &self,
        unanswered: &BTreeSet<(u32, u32)>,
    ) -> Result<Option<TargetCounts>, String> {
        let Some(control) = self.control().map_err(|failure| failure.to_string())? else {
            return Ok(None);
        };
        let counts = control.counts().await;
        let counts = counts.map_err(|error| format!("the platform's counts are lost: {error}"))?;
        if counts.last_untold > 0 {
            // Without all of them the two ledgers cannot be laid side by side.
            let untold = counts.last_untold;
            return Err(format!(
                "the platform's counts are incomplete: it had no room for {untold} last requests"
            ));
        }
        let mut last = counts.last;
        last.retain(|last| unanswered.contains(&(last.viewer, last.send)));
        Ok(Some(TargetCounts { services: counts.services, last }))
    }

    /// Ends the platform; what it did if it ended by itself before.
    pub(crate) async fn stop(self) -> Result<Option<String>, Failure> {
        let Some(mut child) = self.platform else { return Ok(None) };
        if let Some(status) = child.ended() {
            return Ok(Some(format!("the embedded platform ended by itself: {status}")));
        }
        child.stop().await.map_err(Failure::internal)?;
        Ok(None)
    }
}

/// Whether certificates can be verified with what the file names; only who verifies can tell.
pub(crate) fn verifiable(target: &Target) -> Result<(), Failure> {
    for certificates in target.trusts() {
        Trust::new(certificates.der()).map_err(|error| Failure::Usage(error.to_string()))?;
    }
    Ok(())
}

/// What the embedded platform is to be.
pub(crate) fn plan(rehearsal: &Rehearsal, embedded: &Embedded) -> Plan {
    let audience = &rehearsal.audience;
    Plan {
        platform: embedded.platform.clone(),
        policies: embedded.policies.clone(),
        clock: rehearsal.clock,
        scale: audience.scale,
        lead_in_from: rehearsal.lead_in_from(),
        viewers_at_0: audience.curve.viewers_at(audience.minute_at(MatchTime(0))),
        seed: rehearsal.seed,
    }
}

impl Attendants {
    /// Heals what is broken, and looks no more.
    pub(crate) async fn leave(self) {
        if let Some(faults) = self.faults {
            faults.stop().await;
        }
        if let Some(observer) = self.observer {
            observer.abort();
        }
    }
}

/// Looks once a second from the lead-in on; a look that saw nothing is an event.
async fn look(
    control: ControlClient,
    epoch: Instant,
    lead_in_from: Offset,
    seen: mpsc::Sender<Seen>,
) {
    let lead_in = Duration::from_micros(lead_in_from.0.unsigned_abs());
    let begin = epoch.checked_sub(lead_in).unwrap_or(epoch);
    let mut last = Observed::default();
    for number in 0.. {
        let due = begin + LOOK * number;
        sleep_until(due).await;
        let at = lead_in_from.plus(due.duration_since(begin).as_micros() as i64);
        let news = match observe(control.permit(), at).await {
            Ok(observed) => {
                let mut news = changes(&last.samples, &observed.samples);
                news.extend(switched(at, &last.switches, &observed.switches));
                news.extend(limits::news(at, &last, &observed));
                last.clone_from(&observed);
                news.push(Seen::Capacity(observed.samples));
                news
            }
            Err(error) => {
                let text = format!("the platform's capacity could not be seen: {error}");
                vec![event(at, "observer", text)]
            }
        };
        for item in news {
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
            let text = format!(
                "{}: {} → {} instances serve, {} → {} wanted",
                b.service, a.ready, b.ready, a.desired, b.desired
            );
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
