//! The child's side of a rehearsal's proxy, and the parent's.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hulk_net::{HttpError, Method, Permit, Scope, ask};
use hulk_scenarios::chaos::{EffectCounts, LEASE_MS, ToxicFault};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::api::serve;
use crate::desk::{Desk, ToxicAsked};
use crate::error::ApiError;
use crate::spec::ProxySpec;

/// An answer about a toxic that takes longer is a lost one: the next renewal is due by then.
const LIMIT: Duration = Duration::from_millis(900);

/// What the child is told: which proxies there are to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyPlan {
    /// What chance is drawn from.
    pub seed: u64,
    /// The proxies.
    pub proxies: Vec<ProxySpec>,
}

/// Where the child listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyPorts {
    /// Its API.
    pub api: SocketAddr,
    /// Its proxies, in the plan's order.
    pub proxies: Vec<SocketAddr>,
}

/// A child that cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Sockets failed.
    #[error("the proxy's sockets failed: {0}")]
    Io(#[from] io::Error),
    /// A proxy that cannot be.
    #[error("proxy `{name}` cannot be: {source}")]
    Proxy {
        /// Which.
        name: String,
        /// Why not.
        #[source]
        source: ApiError,
    },
    /// An address that is none.
    #[error("a proxy listens at no address: {0}")]
    Address(#[from] std::net::AddrParseError),
}

/// Serves a plan for as long as the runtime that it is called on lives.
///
/// # Errors
/// When a proxy cannot listen.
pub async fn serve_plan(plan: ProxyPlan) -> Result<ProxyPorts, EmbeddedError> {
    let desk = Desk::new(Scope::default(), plan.seed, Duration::from_millis(LEASE_MS as u64));
    let mut proxies = Vec::new();
    for spec in plan.proxies {
        let name = spec.name.clone();
        let made = desk.create(spec).map_err(|source| EmbeddedError::Proxy { name, source })?;
        proxies.push(made.spec.listen.parse()?);
    }
    let api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let ports = ProxyPorts { api: api.local_addr()?, proxies };
    tokio::spawn(Arc::clone(&desk).keep());
    tokio::spawn(serve(api, desk));
    Ok(ports)
}

/// What the proxy did not do.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No good answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer that is not what it should be.
    #[error("the proxy and HULK do not understand each other: {0}")]
    Json(#[from] serde_json::Error),
}

/// The API of a rehearsal's proxy.
#[derive(Debug, Clone, Copy)]
pub struct ProxyClient {
    permit: Permit,
}

/// What the API says of a toxic that is gone.
#[derive(Deserialize)]
struct Gone {
    effect: EffectCounts,
}

impl ProxyClient {
    /// The API behind a permit.
    pub fn new(permit: Permit) -> Self {
        Self { permit }
    }

    /// Sets a toxic on a lease of [`LEASE_MS`]; if it is there already, renews it.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn inject(&self, name: &str, toxic: &ToxicFault) -> Result<(), ProxyError> {
        let asked = ToxicAsked::from(toxic);
        let mut body = json!({
            "type": asked.kind,
            "stream": asked.stream,
            "toxicity": asked.toxicity,
            "attributes": asked.attributes,
            "ttl_ms": LEASE_MS,
        });
        if let (Some((from, over_ms)), Value::Object(fields)) = (asked.ramp, &mut body) {
            fields.insert("ramp_from".into(), Value::Object(from));
            fields.insert("ramp_ms".into(), over_ms.into());
        }
        self.ask(Method::PUT, &path(toxic, name), &body).await?;
        Ok(())
    }

    /// Renews a toxic's lease.
    ///
    /// # Errors
    /// When there is no good answer, or the lease has lapsed.
    pub async fn renew(&self, name: &str, toxic: &ToxicFault) -> Result<(), ProxyError> {
        let path = format!("{}/lease", path(toxic, name));
        self.ask(Method::PUT, &path, &json!({ "ttl_ms": LEASE_MS })).await?;
        Ok(())
    }

    /// Removes a toxic, whether it is there or not; what it has done.
    ///
    /// # Errors
    /// When there is no good answer.
    pub async fn heal(&self, name: &str, toxic: &ToxicFault) -> Result<EffectCounts, ProxyError> {
        let path = path(toxic, name);
        let answer = match self.ask(Method::DELETE, &path, &json!({})).await {
            // It has lapsed by itself: what it did is remembered.
            Err(ProxyError::Http(HttpError::Status { status, .. })) if status.as_u16() == 404 => {
                self.ask(Method::GET, &path, &json!({})).await?
            }
            answer => answer?,
        };
        let gone: Gone = serde_json::from_str(&answer)?;
        Ok(gone.effect)
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<String, ProxyError> {
        let body = Bytes::from(serde_json::to_vec(body)?);
        Ok(ask(self.permit, method, path, body, LIMIT).await?)
    }
}

fn path(toxic: &ToxicFault, name: &str) -> String {
    format!("/v1/proxies/{}/toxics/{}", escaped(&toxic.proxy), escaped(name))
}

/// A name as a part of a path.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let part = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(part).collect()
}
