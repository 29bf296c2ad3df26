//! What the run is aimed at: started, told the time, observed, counted and ended.

use std::collections::BTreeSet;
use std::env::current_exe;
use std::net::SocketAddr;
use std::time::Duration;

use hulk_inject::{ANY_PORT, ProxyClient, ProxyPlan, ProxyPorts, ProxySpec};
use hulk_net::{Epoch, Permit, Trust};
use hulk_platform::{ControlClient, Plan, Ports};
use hulk_record::{CalleeSample, CapacitySample, MatchTime, Offset, RunEvent, TargetCounts};
use hulk_scenarios::{Embedded, Own, Rehearsal, Scope, Target};
use hulk_watch::Observer;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::callee::{Callee, Watching};
use crate::child::Child;
use crate::commentary::{Publisher, Publishing};
use crate::faults::{Faults, Injectors};
use crate::observing::{Eye, look};
use crate::outcome::Failure;

/// A target that can be sent to.
pub(crate) struct Aimed {
    addresses: Vec<SocketAddr>,
    platform: Option<Child<Ports>>,
    /// The fault proxies before the target.
    proxy: Option<Child<ProxyPorts>>,
    publisher: Option<Publisher>,
    callee: Option<Callee>,
}

/// What somebody who watches the run has to say.
pub(crate) enum Seen {
    Capacity(Vec<CapacitySample>),
    Event(RunEvent),
    /// What the avatar backend said of itself.
    Callee(CalleeSample),
    /// The run's clock has passed a moment, by its place in the manifest, at this time.
    Passed(usize, Offset),
}

/// Those who watch the platform, and break it.
#[derive(Default)]
pub(crate) struct Attendants {
    observers: Vec<JoinHandle<()>>,
    faults: Option<Faults>,
    publishing: Option<Publishing>,
    callee: Option<Watching>,
}

impl Aimed {
    /// Starts the embedded platform, or asks for consent to the file's own target.
    pub(crate) async fn at(rehearsal: &Rehearsal) -> Result<Self, Failure> {
        match &rehearsal.target {
            Target::Url(own) => {
                verifiable(&rehearsal.target)?;
                let addresses = contacts(own)?;
                Ok(Self::direct(addresses, None))
            }
            Target::Embedded(embedded) => {
                let program = current_exe().map_err(Failure::internal)?;
                let plan = plan(rehearsal, embedded);
                let child: Child<Ports> =
                    Child::start(&program, &["platform", "--embedded"], &plan).await.map_err(
                        |error| Failure::internal(format!("the embedded platform {error}")),
                    )?;
                let addresses = child.ports().edges.clone();
                Ok(Self::direct(addresses, Some(child)))
            }
        }
    }

    fn direct(addresses: Vec<SocketAddr>, platform: Option<Child<Ports>>) -> Self {
        Self { addresses, platform, proxy: None, publisher: None, callee: None }
    }

    /// The same, behind the fault proxies that the file puts before it.
    pub(crate) async fn behind_proxies(
        mut self,
        rehearsal: Rehearsal,
    ) -> Result<(Self, Rehearsal), Failure> {
        if rehearsal.proxies.is_empty() {
            return Ok((self, rehearsal));
        }
        let origins = rehearsal.target.origins(&self.addresses);
        let mut places = Vec::new();
        let mut plan = ProxyPlan { seed: rehearsal.seed, proxies: Vec::new() };
        for proxied in &rehearsal.proxies {
            let place = proxied.place(&rehearsal).unwrap_or_default();
            let contact =
                origins.get(place).and_then(|origin| origin.way.contacts().first().copied());
            let Some(contact) = contact else { continue };
            places.push(place);
            plan.proxies.push(ProxySpec {
                name: proxied.name.clone(),
                listen: ANY_PORT.to_owned(),
                upstream: contact.to_string(),
                protocol: proxied.protocol,
                enabled: true,
            });
        }
        let program = current_exe().map_err(Failure::internal)?;
        let child: Child<ProxyPorts> = Child::start(&program, &["proxy", "--embedded"], &plan)
            .await
            .map_err(|error| Failure::internal(format!("the fault proxy {error}")))?;
        let proxies: Vec<(usize, SocketAddr)> =
            places.into_iter().zip(child.ports().proxies.iter().copied()).collect();
        let rehearsal = rehearsal.through(&proxies);
        match &rehearsal.target {
            Target::Url(own) => self.addresses = contacts(own)?,
            Target::Embedded(_) => {
                for (place, address) in proxies {
                    if let Some(edge) = self.addresses.get_mut(place) {
                        *edge = address;
                    }
                }
            }
        }
        self.proxy = Some(child);
        Ok((self, rehearsal))
    }

    fn proxy_client(&self) -> Result<Option<ProxyClient>, Failure> {
        let Some(child) = &self.proxy else { return Ok(None) };
        let api = Scope::default().permit(child.ports().api).map_err(Failure::internal)?;
        Ok(Some(ProxyClient::new(api)))
    }

    /// The same, with somebody who publishes the commentary where the file asks for it.
    pub(crate) async fn published(self, rehearsal: &Rehearsal) -> Result<Self, Failure> {
        Ok(Self { publisher: Publisher::open(rehearsal).await?, ..self })
    }

    /// The same, with the avatar backend that the file's callers call.
    pub(crate) async fn with_callee(self, rehearsal: &Rehearsal) -> Result<Self, Failure> {
        Ok(Self { callee: Callee::at(rehearsal).await?, ..self })
    }

    /// Where the callers call.
    pub(crate) fn callee(&self) -> Option<SocketAddr> {
        self.callee.as_ref().map(Callee::address)
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

    /// Begins to publish the commentary and to look at the capacity. Tells the embedded platform when
    /// the match starts, and begins to break it as planned.
    pub(crate) async fn started(
        &self,
        epoch: Instant,
        rehearsal: &Rehearsal,
        seen: &mpsc::Sender<Seen>,
    ) -> Result<Attendants, Failure> {
        let callee = match &self.callee {
            Some(callee) => callee.watched(Epoch(epoch), seen.clone())?,
            None => None,
        };
        let publishing =
            self.publisher.as_ref().map(|known| known.begin(Epoch(epoch), seen.clone()));
        let watch = |eye| tokio::spawn(look(eye, epoch, rehearsal.lead_in_from(), seen.clone()));
        let platform = self.control()?;
        let observers = if let Some(control) = platform {
            let to_start = epoch.saturating_duration_since(Instant::now());
            control.start(to_start).await.map_err(Failure::internal)?;
            vec![watch(Eye::Platform(control))]
        } else {
            let own = rehearsal.watched.iter();
            let own = own.map(|watched| Observer::new(watched.clone(), &Scope::default()));
            let own = own.collect::<Result<Vec<_>, _>>().map_err(Failure::internal)?;
            own.into_iter().map(|observer| watch(Eye::Own(Box::new(observer)))).collect()
        };
        let avatar = match &self.callee {
            Some(callee) => callee.control()?,
            None => None,
        };
        let injectors = Injectors { platform, proxy: self.proxy_client()?, avatar };
        let faults = (!rehearsal.faults.is_empty())
            .then(|| Faults::begin(injectors, rehearsal, Epoch(epoch), seen.clone()));
        Ok(Attendants { observers, faults, publishing, callee })
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
        if let Some(callee) = self.callee {
            callee.stop().await?;
        }
        if let Some(proxy) = self.proxy {
            proxy.stop().await.map_err(Failure::internal)?;
        }
        let Some(mut child) = self.platform else { return Ok(None) };
        if let Some(status) = child.ended() {
            return Ok(Some(format!("the embedded platform ended by itself: {status}")));
        }
        child.stop().await.map_err(Failure::internal)?;
        Ok(None)
    }
}

/// Whom a target of one's own names, in the order of its origins; all of them may be connected to.
fn contacts(own: &Own) -> Result<Vec<SocketAddr>, Failure> {
    let contacts = own.origins.iter().flat_map(|origin| origin.way.contacts());
    let permits = contacts.map(|address| Scope::default().permit(address));
    let permits: Result<Vec<_>, _> = permits.collect();
    let permits = permits.map_err(|refusal| Failure::Usage(refusal.to_string()))?;
    Ok(permits.into_iter().map(Permit::address).collect())
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
        commentary: rehearsal.feed(),
        seed: rehearsal.seed,
    }
}

impl Attendants {
    /// Heals what is broken, and looks no more.
    pub(crate) async fn leave(self) {
        if let Some(faults) = self.faults {
            faults.stop().await;
        }
        if let Some(publishing) = self.publishing {
            publishing.stop().await;
        }
        if let Some(callee) = self.callee {
            callee.stop().await;
        }
        self.observers.iter().for_each(JoinHandle::abort);
    }
}
