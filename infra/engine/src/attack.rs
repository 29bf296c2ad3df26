//! goose's part: it launches the users once, each parked in its slot until the end.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{Scenario, Transaction, TransactionFunction};
use goose::{GooseAttack, GooseError};
use tokio::sync::watch;

use crate::run::{Phase, Shared};
use crate::visit::Visit;

/// goose calls a transaction again until the user has seen the exit: meanwhile it must not spin.
const EXIT_POLL: Duration = Duration::from_millis(100);

/// goose could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AttackError {
    /// Its settings were refused.
    #[error("goose refused its settings: {0}")]
    Settings(#[from] clap::Error),
    /// It failed.
    #[error("goose failed: {0}")]
    Goose(#[from] GooseError),
}

/// Runs goose with one user a slot; returns when `phase` has become [`Phase::Over`].
pub(crate) async fn attack(
    shared: Arc<Shared>,
    phase: watch::Receiver<Phase>,
) -> Result<(), AttackError> {
    let users = shared.pool.len();
    // The plan's last segment is for ever: the kill switch ends it.
    let plan = format!("{users},0s;{users},36000s;0,0s");
    let arguments =
        ["hulk", "--test-plan", &plan, "-q", "--no-telnet", "--no-metrics", "--no-print-metrics"];
    let configuration = GooseConfiguration::try_parse_from(arguments)?;
    let address = shared.permit.address();
    let function: TransactionFunction = {
        let phase = phase.clone();
        Arc::new(move |user| {
            let (shared, phase) = (Arc::clone(&shared), phase.clone());
            let fresh = user.get_session_data::<usize>().copied();
            let slot = fresh.unwrap_or_else(|| shared.pool.join());
            user.set_session_data(slot);
            Box::pin(async move {
                in_slot(&shared, slot, phase).await;
                Ok(())
            })
        })
    };
    let scenario = Scenario::new("visits").register_transaction(Transaction::new(function));
    GooseAttack::initialize_with_config(configuration)?
        // One client for all: the engine's own connections carry the load, goose's is never used.
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?
        .register_scenario(scenario.set_host(&format!("http://{address}/")))
        .execute()
        .await?;
    Ok(())
}

/// One viewer after another in a slot, until the run is over.
async fn in_slot(shared: &Arc<Shared>, slot: usize, mut phase: watch::Receiver<Phase>) {
    loop {
        let arrival = tokio::select! {
            arrival = shared.pool.arrival(slot) => arrival,
            // An error means that nobody is left to say so: over, too.
            _ = phase.wait_for(|phase| *phase == Phase::Over) => break,
        };
        if let Some(arrival) = arrival {
            Visit::new(shared, slot, arrival).run(&mut phase).await;
            shared.pool.release(slot);
        }
    }
    tokio::time::sleep(EXIT_POLL).await;
}
