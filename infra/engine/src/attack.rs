//! goose's part: it launches the users once, and each keeps its slots until the end.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{Scenario, Transaction, TransactionFunction};
use goose::{GooseAttack, GooseError};
use rustix::process::setpriority_process;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::connections::Connections;
use crate::run::Shared;
use crate::visit::Visit;
use crate::waiting::Waiting;

/// goose calls a transaction again until the user has seen the exit: meanwhile it must not spin.
const EXIT_POLL: Duration = Duration::from_millis(100);
/// So many viewers at a time has a user of goose's. One that has a single viewer takes 7.8 KB, which is
/// more than all that the viewer needs.
const SLOTS_A_USER: usize = 16;

/// goose could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// Its settings were refused.
    #[error("goose refused its settings: {0}")]
    Settings(#[from] clap::Error),
    /// It failed.
    #[error("goose failed: {0}")]
    Goose(#[from] GooseError),
    /// Its thread ended without a word.
    #[error("the data plane's thread failed")]
    Gone,
}

/// How far the thread that starts the data plane steps back behind it. It is for good: each run has a
/// thread of its own.
const NICENESS: i32 = 10;

/// The data plane: goose and its users on a thread of their own, where nothing else runs.
#[derive(Debug)]
pub(crate) struct DataPlane {
    handle: Handle,
    ended: oneshot::Receiver<Result<(), AttackError>>,
}

impl DataPlane {
    /// Starts the thread, on which goose launches its users at once.
    pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (sender, ended) = oneshot::channel();
        thread::Builder::new().name("data-plane".into()).spawn(move || {
            let result = runtime.block_on(attack(shared));
            // Nobody listens when the run was given up.
            let _heard = sender.send(result);
        })?;
        // Where both share a core, a send goes before a frame that is merged: otherwise it waits for
        // up to a time slice of some ms. Where this may not be, it may not.
        let _best_effort = setpriority_process(None, NICENESS);
        Ok(Self { handle, ended })
    }

    /// Runs something beside the users.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(task)
    }

    /// How goose ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<Result<(), AttackError>> {
        match self.ended.try_recv() {
            Ok(result) => Some(result),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(AttackError::Gone)),
        }
    }

    /// Waits for goose's end.
    pub(crate) async fn join(self) -> Result<(), AttackError> {
        self.ended.await.unwrap_or(Err(AttackError::Gone))
    }
}

/// Runs goose with its users, each with its slots; returns when the run is over and goose has been told.
async fn attack(shared: Arc<Shared>) -> Result<(), AttackError> {
    let users = shared.pool.len().div_ceil(SLOTS_A_USER);
    // The plan's last segment is for ever: the kill switch ends it.
    let plan = format!("{users},0s;{users},36000s;0,0s");
    let arguments =
        ["hulk", "--test-plan", &plan, "-q", "--no-telnet", "--no-metrics", "--no-print-metrics"];
    let configuration = GooseConfiguration::try_parse_from(arguments)?;
    let function: TransactionFunction = Arc::new(move |_user| {
        let shared = Arc::clone(&shared);
        Box::pin(async move {
            // None when it is called again.
            let slots = shared.pool.join(SLOTS_A_USER);
            let slots: JoinSet<()> = slots.map(|slot| in_slot(Arc::clone(&shared), slot)).collect();
            slots.join_all().await;
            tokio::time::sleep(EXIT_POLL).await;
            Ok(())
        })
    });
    let scenario = Scenario::new("visits").register_transaction(Transaction::new(function));
    GooseAttack::initialize_with_config(configuration)?
        // One client for all: the engine's own connections carry the load, goose's is never used.
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?
        // It wants a host, and never asks it.
        .register_scenario(scenario.set_host("http://127.0.0.1/"))
        .execute()
        .await?;
    Ok(())
}

/// One viewer after another in a slot, until the run is over.
async fn in_slot(shared: Arc<Shared>, slot: usize) {
    let waiting = Waiting::new(&shared, slot);
    let mut connections = Connections::default();
    while let Some(arrival) = waiting.parked(|| shared.pool.take(slot)).await {
        Visit::new(&shared, slot, &arrival, &mut connections).run().await;
        if !shared.connections_stay {
            connections.close_all();
        }
        shared.pool.release(slot);
    }
}
