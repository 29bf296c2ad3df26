//! The avatar backend that a rehearsal's callers call: started, watched and ended.

use std::env::current_exe;
use std::net::SocketAddr;
use std::time::Duration;

use hulk_net::Epoch;
use hulk_platform::{AvatarControlClient, AvatarPlan};
use hulk_record::{CalleeSample, Offset, RunEvent};
use hulk_scenarios::{CalledBackend, Rehearsal, Scope};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::child::Child;
use crate::outcome::Failure;
use crate::target::Seen;

/// How often it is asked for its streams.
const LOOK: Duration = Duration::from_secs(1);
/// After the end it is asked more often, until nobody is left in it, or for so long.
const LAST_LOOKS: Duration = Duration::from_millis(200);
const EMPTY_LIMIT: Duration = Duration::from_secs(11);

/// A backend that can be called.
pub(crate) struct Callee {
    address: SocketAddr,
    /// The embedded one.
    child: Option<Child<SocketAddr>>,
}

/// Somebody who watches it.
pub(crate) struct Watching {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Callee {
    /// Starts the embedded backend, or asks for consent to the file's own; none without callers.
    pub(crate) async fn at(rehearsal: &Rehearsal) -> Result<Option<Self>, Failure> {
        let Some(callers) = &rehearsal.callers else { return Ok(None) };
        let spec = match &callers.backend {
            CalledBackend::Url(address) => {
                let permit = Scope::default().permit(*address);
                let permit = permit.map_err(|refusal| Failure::Usage(refusal.to_string()))?;
                return Ok(Some(Self { address: permit.address(), child: None }));
            }
            CalledBackend::Embedded { spec, .. } => spec,
        };
        let program = current_exe().map_err(Failure::internal)?;
        let plan = AvatarPlan { backend: (**spec).clone(), seed: rehearsal.seed };
        let child: Child<SocketAddr> = Child::start(&program, &["avatar", "--embedded"], &plan)
            .await
            .map_err(|error| Failure::internal(format!("the embedded avatar backend {error}")))?;
        Ok(Some(Self { address: *child.ports(), child: Some(child) }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who breaks it, and asks it for its streams; only the embedded one is known to answer.
    pub(crate) fn control(&self) -> Result<Option<AvatarControlClient>, Failure> {
        if self.child.is_none() {
            return Ok(None);
        }
        let permit = Scope::default().permit(self.address).map_err(Failure::internal)?;
        Ok(Some(AvatarControlClient::new(permit)))
    }

    /// Begins to watch its streams.
    pub(crate) fn watched(
        &self,
        epoch: Epoch,
        seen: mpsc::Sender<Seen>,
    ) -> Result<Option<Watching>, Failure> {
        let Some(control) = self.control()? else { return Ok(None) };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(watch(control, epoch, seen, stopped));
        Ok(Some(Watching { stop, task }))
    }

    /// Ends the embedded one.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        match self.child {
            Some(child) => child.stop().await.map(drop).map_err(Failure::internal),
            None => Ok(()),
        }
    }
}

impl Watching {
    /// Watches until all callers are out of it, or for some seconds.
    pub(crate) async fn stop(mut self) {
        // One that has ended has nobody to tell any more.
        let _ended = self.stop.send(());
        if timeout(EMPTY_LIMIT + LOOK, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

async fn watch(
    control: AvatarControlClient,
    epoch: Epoch,
    seen: mpsc::Sender<Seen>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut until: Option<Instant> = None;
    let mut blind = false;
    loop {
        tokio::select! {
            _ = &mut stopped, if until.is_none() => {
                until = Some(Instant::now() + EMPTY_LIMIT);
                looks = interval(LAST_LOOKS);
            }
            _ = looks.tick() => {}
        }
        let at = Offset(epoch.now_us());
        let (item, streams) = match control.streams().await {
            Ok((streams, streams_max)) => {
                blind = false;
                (Some(Seen::Callee(CalleeSample { at, streams, streams_max })), Some(streams))
            }
            Err(_) if blind => (None, None),
            Err(error) => {
                blind = true;
                let text = format!("the avatar backend's streams could not be seen: {error}");
                let event = RunEvent { at, intended: None, kind: "observer".to_owned(), text };
                (Some(Seen::Event(event)), None)
            }
        };
        if let Some(item) = item
            && seen.send(item).await.is_err()
        {
            return;
        }
        let is_empty = streams.is_none_or(|streams| streams == 0);
        if until.is_some_and(|until| is_empty || Instant::now() >= until) {
            return;
        }
    }
}
