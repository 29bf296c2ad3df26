//! What the run is aimed at: started, told the time, observed, and ended.

use std::env::current_exe;
use std::net::SocketAddr;
use std::time::Duration;

use hulk_platform::{Child, Plan};
use hulk_record::{CapacitySample, MatchTime, Offset, RunEvent};
use hulk_scenarios::{Permit, Rehearsal, Scope, Target};
use hulk_watch::observe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::outcome::Failure;

/// How often the capacity is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A target that can be sent to.
pub(crate) struct Aimed {
    address: SocketAddr,
    platform: Option<Child>,
}

/// What an observer has to say.
pub(crate) enum Seen {
    Capacity(Vec<CapacitySample>),
    Event(RunEvent),
}

impl Aimed {
    /// Starts the embedded platform, or asks for consent to the file's own target.
    pub(crate) async fn at(rehearsal: &Rehearsal) -> Result<Self, Failure> {
        match &rehearsal.target {
            Target::Url { host, port } => {
                let permit = Scope::default()
                    .permit_host(host, *port)
                    .map_err(|refusal| Failure::Usage(refusal.to_string()))?;
                Ok(Self { address: permit.address(), platform: None })
            }
            Target::Embedded(embedded) => {
                let audience = &rehearsal.audience;
                let plan = Plan {
                    platform: embedded.platform.clone(),
                    policies: embedded.policies.clone(),
                    clock: rehearsal.clock,
                    scale: audience.scale,
                    lead_in_from: rehearsal.lead_in_from(),
                    viewers_at_0: audience.curve.viewers_at(audience.minute_at(MatchTime(0))),
                };
                let program = current_exe().map_err(Failure::internal)?;
                let child = Child::start(&program, &["platform", "--embedded"], &plan)
                    .await
                    .map_err(Failure::internal)?;
                Ok(Self { address: child.ports().edge, platform: Some(child) })
            }
        }
    }

    /// Where the load goes.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn control(&self) -> Result<Option<Permit>, Failure> {
        let Some(child) = &self.platform else { return Ok(None) };
        let control = Scope::default().permit(child.ports().control).map_err(Failure::internal)?;
        Ok(Some(control))
    }

    /// Tells the platform when the match starts, and begins to look at its capacity.
    pub(crate) async fn started(
        &self,
        epoch: Instant,
        lead_in_from: Offset,
        seen: mpsc::Sender<Seen>,
    ) -> Result<Option<JoinHandle<()>>, Failure> {
        let Some(control) = self.control()? else { return Ok(None) };
        let in_ms = epoch.saturating_duration_since(Instant::now()).as_secs_f64() * 1e3;
        let body = format!("{{\"in_ms\":{in_ms}}}");
        hulk_net::post(control, "/start", body, Duration::from_secs(2))
            .await
            .map_err(Failure::internal)?;
        Ok(Some(tokio::spawn(look(control, epoch, lead_in_from, seen))))
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

/// Looks once a second from the lead-in on; a look that saw nothing is an event.
async fn look(control: Permit, epoch: Instant, lead_in_from: Offset, seen: mpsc::Sender<Seen>) {
    let lead_in = Duration::from_micros(lead_in_from.0.unsigned_abs());
    let begin = epoch.checked_sub(lead_in).unwrap_or(epoch);
    let mut last: Vec<CapacitySample> = Vec::new();
    for number in 0.. {
        let due = begin + LOOK * number;
        sleep_until(due).await;
        let at = lead_in_from.plus(due.duration_since(begin).as_micros() as i64);
        let news = match observe(control, at).await {
            Ok(samples) => {
                let mut news = changes(&last, &samples);
                last.clone_from(&samples);
                news.push(Seen::Capacity(samples));
                news
            }
            Err(error) => {
                let text = format!("the platform's capacity could not be seen: {error}");
                vec![Seen::Event(RunEvent { at, kind: "observer".into(), text })]
            }
        };
        for item in news {
            if seen.send(item).await.is_err() {
                return;
            }
        }
    }
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
            Seen::Event(RunEvent { at: b.at, kind: "scale".into(), text })
        })
        .collect()
}
