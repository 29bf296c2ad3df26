//! Users who ask for a page again and again with goose's own client, which all of them share:
//! `peer-goose URL USERS SECONDS` prints what came of it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::prelude::*;
use tokio::time::Instant;

static STARTED: OnceLock<Instant> = OnceLock::new();
static LAST_US: AtomicU64 = AtomicU64::new(0);
static ANSWERED: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

async fn page(user: &mut GooseUser) -> TransactionResult {
    let started = STARTED.get_or_init(Instant::now);
    let whole = match user.get("").await?.response {
        Ok(answer) => answer.status().is_success() && answer.bytes().await.is_ok(),
        Err(_) => false,
    };
    let count = if whole { &ANSWERED } else { &FAILED };
    count.fetch_add(1, Ordering::Relaxed);
    let at = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    LAST_US.fetch_max(at, Ordering::Relaxed);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, users, seconds] = &arguments[..] else { return Err("URL USERS SECONDS".into()) };
    let plan = format!("{users},0s;{users},{seconds}s;0,0s");
    let options = ["peer-goose", "--host", url, "--test-plan", &plan, "-q", "--no-telnet"];
    let options = options.into_iter().chain(["--no-metrics", "--no-print-metrics"]);
    GooseAttack::initialize_with_config(GooseConfiguration::try_parse_from(options)?)?
        .set_client_builder_without_cookies(GooseClientBuilder::new().without_cookies())?
        .register_scenario(scenario!("pages").register_transaction(transaction!(page)))
        .execute()
        .await?;
    println!(
        "{{\"answered\":{},\"failed\":{},\"seconds\":{}}}",
        ANSWERED.load(Ordering::Relaxed),
        FAILED.load(Ordering::Relaxed),
        LAST_US.load(Ordering::Relaxed) as f64 / 1e6
    );
    Ok(())
}
