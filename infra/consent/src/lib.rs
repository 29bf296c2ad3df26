//! What may be touched: scope, budgets and permits.
//!
//! Nothing is dialled without a [`Permit`], and only a [`Scope`] gives permits. The default scope
//! is the loopback of this machine; everything else is refused before a name is looked up or a
//! packet is sent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

/// Where load and faults may go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This machine's loopback only.
    #[default]
    Loopback,
}

/// The right to connect to one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Permit {
    address: SocketAddr,
}

impl Permit {
    /// The address that may be connected to.
    pub fn address(self) -> SocketAddr {
        self.address
    }
}

/// Why something may not be touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An address outside the scope.
    #[error("{0} is not loopback: this HULK touches only 127.0.0.0/8, [::1] and `localhost`")]
    NotLoopback(IpAddr),
    /// A name that would have to be looked up.
    #[error(
        "`{0}` would have to be looked up, which already sends something: name a loopback address \
         (127.0.0.1, [::1]) or `localhost`"
    )]
    Name(String),
}

impl Scope {
    /// A permit for an address within the scope.
    ///
    /// # Errors
    /// A refusal when the address is outside it.
    pub fn permit(&self, address: SocketAddr) -> Result<Permit, Refusal> {
        match self {
            Self::Loopback if address.ip().to_canonical().is_loopback() => Ok(Permit { address }),
            Self::Loopback => Err(Refusal::NotLoopback(address.ip())),
        }
    }

    /// A permit for a host as it stands in a URL, without looking it up.
    ///
    /// # Errors
    /// A refusal when the host is outside the scope, or would have to be looked up to know.
    pub fn permit_host(&self, host: &str, port: u16) -> Result<Permit, Refusal> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        let ip = match bare.parse::<IpAddr>() {
            Ok(ip) => ip,
            Err(_) if bare.eq_ignore_ascii_case("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Err(_) => return Err(Refusal::Name(host.to_owned())),
        };
        self.permit(SocketAddr::new(ip, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_in_every_spelling_is_permitted() {
        for host in ["127.0.0.1", "127.9.8.7", "::1", "[::1]", "localhost", "LOCALHOST"] {
            assert!(Scope::Loopback.permit_host(host, 80).is_ok(), "{host}");
        }
        assert!(Scope::Loopback.permit_host("::ffff:127.0.0.1", 80).is_ok());
    }

    #[test]
    fn everything_else_is_refused_without_a_look_up() {
        for host in
            ["10.0.0.1", "0.0.0.0", "192.168.1.1", "8.8.8.8", "[fe80::1]", "::", "::ffff:8.8.8.8"]
        {
            let refusal = Scope::Loopback.permit_host(host, 80).unwrap_err();
            assert!(matches!(refusal, Refusal::NotLoopback(_)), "{host}: {refusal}");
        }
        for host in
            ["example.com", "localhost.example.com", "127.0.0.1.example.com", "", "2130706433"]
        {
            let refusal = Scope::Loopback.permit_host(host, 80).unwrap_err();
            assert!(matches!(refusal, Refusal::Name(_)), "{host}: {refusal}");
        }
    }
}
