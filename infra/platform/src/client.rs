//! The parent's side of the control port.

use std::time::Duration;

use bytes::Bytes;
use hulk_avatar::GpuFault;
use hulk_net::{HttpError, Permit, ask, post};
use hulk_scaling::chaos::{FaultKind, LEASE_MS};
use hyper::Method;
use serde::{Deserialize, Serialize};

use crate::Counts;
use crate::control::{Applied, Lend, Renew, Start};

/// How long an avatar backend may take to say what it carries.
const STATUS_LIMIT: Duration = Duration::from_millis(900);
/// An answer about a fault that takes longer is a lost one: the next renewal is due by then.
const FAULT_LIMIT: Duration = Duration::from_millis(900);
/// How long the start may take.
const START_LIMIT: Duration = Duration::from_secs(2);
/// The counts wait for the last answers, and there are many of them.
const COUNTS_LIMIT: Duration = Duration::from_secs(20);
/// A million last requests, told in JSON.
const COUNTS_BODY_MAX: usize = 256 << 20;

/// What a control port did not do.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No good answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer, or a question, that is not what it should be.
    #[error("the platform's control port and HULK do not understand each other: {0}")]
    Json(#[from] serde_json::Error),
}

/// A platform's control port.
#[derive(Debug, Clone, Copy)]
pub struct ControlClient {
    permit: Permit,
}

impl ControlClient {
    /// The control port behind a permit.
    pub fn new(permit: Permit) -> Self {
        Self { permit }
    }

    /// The permit.
    pub fn permit(&self) -> Permit {
        self.permit
    }

    /// Says when match time 0 is.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn start(&self, to_start: Duration) -> Result<(), ControlError> {
        let body = json(&Start { in_ms: to_start.as_secs_f64() * 1e3 })?;
        post(self.permit, "/start", body, START_LIMIT).await?;
        Ok(())
    }

    /// Injects a fault on a lease of [`LEASE_MS`]; if it is there already, renews it.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn inject(&self, id: u32, fault: &FaultKind) -> Result<(), ControlError> {
        inject(self.permit, id, fault).await
    }

    /// Renews a fault's lease.
    ///
    /// # Errors
    /// When there is no good answer, or the lease has lapsed.
    pub async fn renew(&self, id: u32) -> Result<(), ControlError> {
        renew(self.permit, id).await
    }

    /// Heals a fault; whether it was still there.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn heal(&self, id: u32) -> Result<bool, ControlError> {
        heal(self.permit, id).await
    }

    /// What the platform counted: waits until all that it received is answered, at most 2 s.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn counts(&self) -> Result<Counts, ControlError> {
        let text =
            hulk_net::fetch_large(self.permit, "/counts", COUNTS_LIMIT, COUNTS_BODY_MAX).await?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// What the reference avatar backend takes beside its callers.
#[derive(Debug, Clone, Copy)]
pub struct AvatarControlClient {
    permit: Permit,
}

/// The part of `/status` that is read.
#[derive(Deserialize)]
struct Status {
    capacity: Capacity,
}

#[derive(Deserialize)]
struct Capacity {
    current: u32,
    maximum: u32,
}

impl AvatarControlClient {
    /// The backend behind a permit.
    pub fn new(permit: Permit) -> Self {
        Self { permit }
    }

    /// Injects a fault on a lease of [`LEASE_MS`]; if it is there already, renews it.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn inject(&self, id: u32, fault: &GpuFault) -> Result<(), ControlError> {
        inject(self.permit, id, fault).await
    }

    /// Renews a fault's lease.
    ///
    /// # Errors
    /// When there is no good answer, or the lease has lapsed.
    pub async fn renew(&self, id: u32) -> Result<(), ControlError> {
        renew(self.permit, id).await
    }

    /// Heals a fault; whether it was still there.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn heal(&self, id: u32) -> Result<bool, ControlError> {
        heal(self.permit, id).await
    }

    /// How many streams it carries, and how many it could.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn streams(&self) -> Result<(u32, u32), ControlError> {
        let text = ask(self.permit, Method::GET, "/status", Bytes::new(), STATUS_LIMIT).await?;
        let Status { capacity: Capacity { current, maximum } } = serde_json::from_str(&text)?;
        Ok((current, maximum))
    }
}

async fn inject<K: Clone + Serialize>(
    permit: Permit,
    id: u32,
    fault: &K,
) -> Result<(), ControlError> {
    let body = json(&Lend { id, fault: fault.clone(), lease_ms: LEASE_MS as u64 })?;
    post(permit, "/faults", body, FAULT_LIMIT).await?;
    Ok(())
}

async fn renew(permit: Permit, id: u32) -> Result<(), ControlError> {
    let body = json(&Renew { lease_ms: LEASE_MS as u64 })?;
    ask(permit, Method::PUT, &fault_path(id), body, FAULT_LIMIT).await?;
    Ok(())
}

async fn heal(permit: Permit, id: u32) -> Result<bool, ControlError> {
    let path = fault_path(id);
    let answer = ask(permit, Method::DELETE, &path, Bytes::new(), FAULT_LIMIT).await?;
    let Applied { applied } = serde_json::from_str(&answer)?;
    Ok(applied)
}

fn fault_path(id: u32) -> String {
    format!("/faults/{id}")
}

fn json(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    Ok(serde_json::to_vec(value)?.into())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use hulk_avatar::BackendSpec;
    use hulk_net::{Scope, fetch};
    use hulk_settings::{Source, read};

    use super::*;
    use crate::{AvatarPlan, serve_avatar};

    /// A backend with a GPU of 12 streams and one of 5.
    fn avatar() -> AvatarControlClient {
        let gpu = |streams_max: u32| {
            format!(
                "[[gpu]]\nkind = \"4090\"\nzone = \"a\"\nstreams_max = {streams_max}\n\
                 batch_1_ms = 8\nbatch_8_ms = 25\nmemory_mib = 24_000\n"
            )
        };
        let source = Source::new("b.toml", [gpu(12), gpu(5)].concat());
        let backend = read(&source, BackendSpec::read).unwrap();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = serve_avatar(AvatarPlan { backend, seed: 1 }, anywhere).unwrap();
        AvatarControlClient::new(Scope::default().permit(address).unwrap())
    }

    /// The status of a refusal, and why.
    fn refusal(result: Result<(), ControlError>) -> (u16, String) {
        match result {
            Err(ControlError::Http(HttpError::Status { status, body, .. })) => {
                (status.as_u16(), body.trim().to_owned())
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_gpu_fault_is_injected_renewed_and_healed_once() {
        let avatar = avatar();
        let is_on = async |on: u8| {
            let metrics = fetch(avatar.permit, "/metrics", STATUS_LIMIT).await.unwrap();
            let line = format!("hulk_avatar_fault{{id=\"1\",kind=\"out_of_memory\"}} {on}");
            metrics.lines().any(|known| known == line)
        };
        let fault = GpuFault::OutOfMemory { gpu: 0 };
        avatar.inject(1, &fault).await.unwrap();
        assert!(is_on(1).await);
        avatar.renew(1).await.unwrap();
        avatar.inject(1, &fault).await.unwrap();
        assert!(avatar.heal(1).await.unwrap());
        assert!(is_on(0).await);
        assert!(!avatar.heal(1).await.unwrap(), "it is there no more");
        let late = "fault 1 is not on: its lease has lapsed, or it was never injected";
        assert_eq!(refusal(avatar.renew(1).await), (409, late.to_owned()));
        let nowhere = refusal(avatar.inject(2, &GpuFault::OutOfMemory { gpu: 2 }).await);
        let reason = "there is no gpu 2: they are numbered from 0, and there are 2";
        assert_eq!(nowhere, (400, reason.to_owned()));
    }

    #[tokio::test]
    async fn a_gpu_off_the_bus_could_carry_nothing_until_it_is_healed() {
        let avatar = avatar();
        assert_eq!(avatar.streams().await.unwrap(), (0, 17));
        avatar.inject(1, &GpuFault::OffTheBus { gpu: 0 }).await.unwrap();
        assert_eq!(avatar.streams().await.unwrap(), (0, 5));
        assert!(avatar.heal(1).await.unwrap());
        assert_eq!(avatar.streams().await.unwrap(), (0, 17));
    }
}
