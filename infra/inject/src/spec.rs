//! A proxy as it is asked for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hulk_net::{Permit, Scope};
use hulk_scenarios::chaos::Protocol;
use serde::{Deserialize, Serialize};

use crate::error::ApiError;

/// A proxy as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxySpec {
    /// Its name.
    pub name: String,
    /// Where it listens: an address of the loopback and a port; port 0 is any that is free.
    pub listen: String,
    /// Where it leads to.
    pub upstream: String,
    /// What it carries.
    pub protocol: Protocol,
    /// Whether it listens.
    pub enabled: bool,
}

/// Where a proxy that names no port of its own listens: any port that is free.
pub const ANY_PORT: &str = "127.0.0.1:0";

impl ProxySpec {
    /// Where it listens. Without a host it is the loopback of IPv4, never every address of the machine.
    pub(crate) fn listen_address(&self, scope: &Scope) -> Result<SocketAddr, ApiError> {
        address_of("listen", &self.listen, scope).map(Permit::address)
    }

    /// Where it leads to, judged each time that it is asked.
    pub(crate) fn upstream_permit(&self, scope: &Scope) -> Result<Permit, ApiError> {
        address_of("upstream", &self.upstream, scope)
    }

    /// Whether it would be the same proxy.
    pub(crate) fn is_like(&self, other: &Self, scope: &Scope) -> bool {
        let same = |a: Result<SocketAddr, ApiError>, b: Result<SocketAddr, ApiError>| match (a, b) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        };
        let to = |spec: &Self| spec.upstream_permit(scope).map(Permit::address);
        self.protocol == other.protocol
            && same(self.listen_address(scope), other.listen_address(scope))
            && same(to(self), to(other))
    }
}

fn address_of(field: &'static str, text: &str, scope: &Scope) -> Result<Permit, ApiError> {
    let wanted = "a host and a port, as in `127.0.0.1:8080`,";
    let not_one = || ApiError::Address { field, address: text.to_owned(), wanted };
    let (host, port) = text.rsplit_once(':').ok_or_else(not_one)?;
    let port: u16 = port.parse().map_err(|_| not_one())?;
    let permit = if host.is_empty() && field == "listen" {
        scope.permit(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    } else {
        scope.permit_host(host, port)
    };
    permit.map_err(|refusal| ApiError::Refused { field, address: text.to_owned(), refusal })
}
