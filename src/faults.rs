//! The faults of a run: injected, renewed and healed by the timeline's word, and written down.

use std::time::Duration;

use hulk_inject::ProxyClient;
use hulk_net::Epoch;
use hulk_platform::{AvatarControlClient, ControlClient};
use hulk_record::{Offset, RunEvent};
use hulk_scenarios::Rehearsal;
use hulk_scenarios::chaos::{
    Command, Ending, Fault, FaultKind, FaultState, GpuFault, Timeline, TimelineEvent, ToxicFault,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep_until, timeout};

use crate::target::Seen;

/// How long the healing of everything may take at the end: by then every lease has lapsed.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// Whoever injects the faults of a run.
pub(crate) struct Faults {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Faults {
    /// Begins to inject the rehearsal's faults, each at its time.
    pub(crate) fn begin(
        injectors: Injectors,
        rehearsal: &Rehearsal,
        epoch: Epoch,
        seen: mpsc::Sender<Seen>,
    ) -> Self {
        let spans = rehearsal.fault_spans();
        let driver = Driver {
            injectors,
            speed: rehearsal.clock.speed,
            timeline: Timeline::new(spans.clone()),
            faults: rehearsal.faults.iter().cloned().zip(spans).collect(),
            epoch,
            seen,
            asked: JoinSet::new(),
        };
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(driver.run(stopped)) }
    }

    /// Heals whatever is injected.
    pub(crate) async fn stop(self) {
        // One that has ended has nothing left to heal.
        let _ended = self.stop.send(());
        let mut task = self.task;
        if timeout(STOP_LIMIT, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// Who can be asked to break something.
#[derive(Clone, Copy, Default)]
pub(crate) struct Injectors {
    /// The embedded platform.
    pub(crate) platform: Option<ControlClient>,
    /// The fault proxies before the target.
    pub(crate) proxy: Option<ProxyClient>,
    /// The embedded avatar backend.
    pub(crate) avatar: Option<AvatarControlClient>,
}

/// Who is asked for one fault.
enum Injector {
    Platform(ControlClient, u32, FaultKind),
    Proxy(ProxyClient, String, ToxicFault),
    Avatar(AvatarControlClient, u32, GpuFault),
    /// There is nobody.
    Nobody,
}

impl Injector {
    async fn inject(self) -> Result<(), String> {
        match self {
            Self::Platform(control, id, kind) => told(control.inject(id, &kind).await),
            Self::Proxy(proxy, name, toxic) => told(proxy.inject(&name, &toxic).await),
            Self::Avatar(avatar, id, fault) => told(avatar.inject(id, &fault).await),
            Self::Nobody => Err("nobody can inject it".to_owned()),
        }
    }

    async fn renew(self) -> Result<(), String> {
        match self {
            Self::Platform(control, id, _) => told(control.renew(id).await),
            Self::Proxy(proxy, name, toxic) => told(proxy.renew(&name, &toxic).await),
            Self::Avatar(avatar, id, _) => told(avatar.renew(id).await),
            Self::Nobody => Err("nobody can renew it".to_owned()),
        }
    }

    /// Heals; what the fault has done, where the injector tells. It may have healed by itself: what counts
    /// is that it is not there.
    async fn heal(self) -> Result<Option<String>, String> {
        match self {
            Self::Platform(control, id, _) => told(control.heal(id).await).map(|_was_there| None),
            Self::Avatar(avatar, id, _) => told(avatar.heal(id).await).map(|_was_there| None),
            Self::Proxy(proxy, name, toxic) => {
                told(proxy.heal(&name, &toxic).await).map(|effect| Some(effect.describe()))
            }
            Self::Nobody => Ok(None),
        }
    }
}

fn told<T, E: ToString>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

struct Driver {
    injectors: Injectors,
    /// Match seconds a wall second.
    speed: f64,
    timeline: Timeline,
    /// With the times from and until which each is to last.
    faults: Vec<(Fault, (Offset, Offset))>,
    epoch: Epoch,
    seen: mpsc::Sender<Seen>,
    /// What the platform was asked for and has not answered.
    asked: JoinSet<Told>,
}

impl Driver {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut running = true;
        let mut event = TimelineEvent::Tick;
        loop {
            self.take(event).await;
            if self.timeline.is_over() && self.asked.is_empty() {
                return;
            }
            let wake = self.timeline.next_wake();
            let due = self.epoch.at_us(wake.map_or(0, |at| at.0));
            event = tokio::select! {
                Some(answer) = self.asked.join_next() => {
                    let (event, done) = answer.unwrap_or((TimelineEvent::Tick, None));
                    if let Some((fault, text)) = done {
                        self.tell_of(Offset(self.epoch.now_us()), fault, &text).await;
                    }
                    event
                }
                // Whoever could say so is gone: stopped, too.
                _ = &mut stopped, if running => {
                    running = false;
                    TimelineEvent::Stop
                }
                () = sleep_until(due), if wake.is_some() => TimelineEvent::Tick,
                else => return,
            };
        }
    }

    /// Hands an event to the timeline, does what it says, and writes down what changed.
    async fn take(&mut self, event: TimelineEvent) {
        let now = Offset(self.epoch.now_us());
        let before: Vec<Option<FaultState>> = self.states();
        let commands = self.timeline.step(now, event);
        for (index, (before, after)) in before.into_iter().zip(self.states()).enumerate() {
            let Some((fault, (from, until))) = self.faults.get(index) else { continue };
            let (text, intended) = match (before, after) {
                (Some(FaultState::Asked), Some(FaultState::On)) => {
                    (format!("{}: {}", fault.name, fault.kind.describe()), *from)
                }
                (Some(FaultState::Healing), Some(FaultState::Over(Ending::Healed))) => {
                    (format!("{}: healed", fault.name), *until)
                }
                _ => continue,
            };
            self.tell(now, Some(intended), text).await;
        }
        for command in commands {
            self.perform(now, command).await;
        }
    }

    fn states(&self) -> Vec<Option<FaultState>> {
        (0..self.faults.len()).map(|fault| self.timeline.state(fault).cloned()).collect()
    }

    /// Who is asked for a fault.
    fn injector(&self, fault: usize) -> Injector {
        let Some((known, _)) = self.faults.get(fault) else { return Injector::Nobody };
        let Injectors { platform, proxy, avatar } = self.injectors;
        match (&known.kind, platform, proxy, avatar) {
            (FaultKind::Toxic(toxic), _, Some(proxy), _) => {
                // What a file gives in match seconds lasts so long on the wall.
                let ramp = toxic.ramp.clone().map(|(from, over_s)| (from, over_s / self.speed));
                Injector::Proxy(proxy, known.name.clone(), ToxicFault { ramp, ..toxic.clone() })
            }
            (FaultKind::Gpu(gpu), _, _, Some(avatar)) => {
                Injector::Avatar(avatar, fault as u32, gpu.clone())
            }
            (FaultKind::Toxic(_) | FaultKind::Gpu(_), ..) => Injector::Nobody,
            (kind, Some(control), ..) => Injector::Platform(control, fault as u32, kind.clone()),
            _ => Injector::Nobody,
        }
    }

    async fn perform(&mut self, now: Offset, command: Command) {
        match command {
            Command::Inject { fault } => {
                let injector = self.injector(fault);
                self.asked.spawn(async move {
                    let good = |()| (TimelineEvent::Injected { fault }, None);
                    answer(fault, injector.inject().await, good)
                });
            }
            Command::Renew { fault } => {
                let injector = self.injector(fault);
                self.asked.spawn(async move {
                    let good = |()| (TimelineEvent::Renewed { fault }, None);
                    answer(fault, injector.renew().await, good)
                });
            }
            Command::Heal { fault } => {
                let injector = self.injector(fault);
                self.asked.spawn(async move {
                    answer(fault, injector.heal().await, |done: Option<String>| {
                        (TimelineEvent::Healed { fault }, done.map(|text| (fault, text)))
                    })
                });
            }
            Command::Tell { fault, text } => self.tell_of(now, fault, &text).await,
        }
    }

    async fn tell_of(&self, at: Offset, fault: usize, text: &str) {
        let name = self.faults.get(fault).map_or("", |(fault, _)| fault.name.as_str());
        self.tell(at, None, format!("{name}: {text}")).await;
    }

    async fn tell(&self, at: Offset, intended: Option<Offset>, text: String) {
        let event = RunEvent { at, intended, kind: "fault".into(), text };
        // Nobody listens any more: the fault itself must be healed all the same.
        let _heard = self.seen.send(Seen::Event(event)).await;
    }
}

/// What an answer is to the timeline, and what there is to tell of it.
type Told = (TimelineEvent, Option<(usize, String)>);

fn answer<T>(fault: usize, result: Result<T, String>, good: impl FnOnce(T) -> Told) -> Told {
    match result {
        Ok(value) => good(value),
        Err(reason) => (TimelineEvent::Failed { fault, reason }, None),
    }
}

#[cfg(test)]
mod tests {
    use hulk_net::Connection;
    use hulk_platform::{Ports, serve};
    use hulk_scenarios::chaos::{EdgeLost, FaultKind, FaultTime};
    use hulk_scenarios::{Permit, Scope};
    use tokio::time::Instant;

    use super::*;
    use crate::target::plan;

    /// The match day with its first edge lost from 0.3 s on, for so long, in wall seconds.
    fn rehearsal(for_s: f64) -> Rehearsal {
        let mut rehearsal = Rehearsal::load("match-day").unwrap();
        let speed = rehearsal.clock.speed;
        let edge = rehearsal.target.edges().remove(0);
        rehearsal.faults = vec![Fault {
            name: "lost".into(),
            at: FaultTime::Minute(rehearsal.audience.from_min + 0.3 * speed / 60.0),
            for_s: for_s * speed,
            kind: FaultKind::EdgeLost(EdgeLost { edge }),
        }];
        rehearsal
    }

    fn permit(address: std::net::SocketAddr) -> Permit {
        Scope::default().permit(address).unwrap()
    }

    async fn is_lost(ports: &Ports) -> bool {
        Connection::open(permit(ports.edges[0])).await.is_err()
    }

    async fn next(seen: &mut mpsc::Receiver<Seen>) -> RunEvent {
        match timeout(Duration::from_secs(10), seen.recv()).await.unwrap() {
            Some(Seen::Event(event)) => event,
            _ => panic!("no event"),
        }
    }

    fn begin(rehearsal: &Rehearsal) -> (Faults, Ports, mpsc::Receiver<Seen>) {
        let ports = serve(plan(rehearsal, rehearsal.platform().unwrap())).unwrap();
        let control = ControlClient::new(permit(ports.control));
        let (sender, seen) = mpsc::channel(16);
        let injectors = Injectors { platform: Some(control), ..Injectors::default() };
        (Faults::begin(injectors, rehearsal, Epoch(Instant::now()), sender), ports, seen)
    }

    /// Longer than a lease: it is renewed meanwhile.
    #[tokio::test]
    async fn a_fault_is_injected_renewed_and_healed_in_its_time() {
        let rehearsal = rehearsal(4.0);
        let (faults, ports, mut seen) = begin(&rehearsal);
        assert!(!is_lost(&ports).await);
        let on = next(&mut seen).await;
        let edge = &rehearsal.target.edges()[0];
        assert_eq!(on.text, format!("lost: edge `{edge}` is lost"));
        assert_eq!((on.kind.as_str(), on.intended), ("fault", Some(Offset::from_s(0.3))));
        assert!(on.at >= Offset::from_s(0.3));
        tokio::time::sleep(Duration::from_millis(3500)).await;
        assert!(is_lost(&ports).await, "renewed, it lasts longer than its first lease");
        let healed = next(&mut seen).await;
        assert_eq!(healed.text, "lost: healed");
        assert_eq!(healed.intended, Some(Offset::from_s(4.3)));
        assert!(healed.at >= Offset::from_s(4.3));
        assert!(!is_lost(&ports).await);
        faults.stop().await;
        assert!(seen.recv().await.is_none(), "nothing went wrong");
    }

    #[tokio::test]
    async fn the_end_of_the_run_heals() {
        let (faults, ports, mut seen) = begin(&rehearsal(60.0));
        next(&mut seen).await;
        assert!(is_lost(&ports).await);
        faults.stop().await;
        assert!(!is_lost(&ports).await);
        let healed = next(&mut seen).await;
        assert_eq!(
            (healed.text.as_str(), healed.intended),
            ("lost: healed", Some(Offset::from_s(60.3)))
        );
        assert!(healed.at < Offset::from_s(60.3));
    }

    #[tokio::test]
    async fn a_fault_that_cannot_be_injected_is_told() {
        let mut rehearsal = rehearsal(0.5);
        rehearsal.faults[0].kind = FaultKind::EdgeLost(EdgeLost { edge: "nowhere".into() });
        let (faults, _ports, mut seen) = begin(&rehearsal);
        let told = next(&mut seen).await;
        let reason = "the platform has no edge `nowhere`";
        assert!(
            told.text.starts_with("lost: was not injected: ") && told.text.contains(reason),
            "{}",
            told.text
        );
        let told = next(&mut seen).await;
        assert!(told.text.starts_with("lost: was never on: "), "{}", told.text);
        faults.stop().await;
    }
}
