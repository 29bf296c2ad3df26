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
    /// A text that is not the URL of something on this machine.
    #[error(
        "`{0}` is not a URL as `http://127.0.0.1:8080/path`: plain HTTP, an address and a port"
    )]
    Url(String),
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

    /// A permit for what a URL names, and the path to ask there: `http://host:port/path`.
    ///
    /// # Errors
    /// A refusal when it is not such a URL, or its host is outside the scope.
    pub fn permit_url(&self, url: &str) -> Result<(Permit, String), Refusal> {
        let not_one = || Refusal::Url(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or_else(not_one)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority.rsplit_once(':').ok_or_else(not_one)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(not_one)?;
        let path = if path.is_empty() { "/" } else { path };
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(not_one());
        }
        Ok((self.permit_host(host, port)?, path.to_owned()))
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
    fn a_url_is_permitted_by_its_host_and_names_its_path() {
        let permit = |url: &str| {
            let (permit, path) = Scope::Loopback.permit_url(url)?;
            Ok::<_, Refusal>((permit.address().to_string(), path))
        };
        let said = |address: &str, path: &str| Ok((address.to_owned(), path.to_owned()));
        assert_eq!(permit("http://localhost:9000/a/b?c=d"), said("127.0.0.1:9000", "/a/b?c=d"));
        assert_eq!(permit("http://[::1]:80"), said("[::1]:80", "/"));
        for url in [
            "https://127.0.0.1:1/",
            "http://127.0.0.1/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:1/a b",
            "127.0.0.1:1",
        ] {
            assert_eq!(permit(url), Err(Refusal::Url(url.to_owned())), "{url}");
        }
        assert!(matches!(permit("http://10.0.0.1:80/"), Err(Refusal::NotLoopback(_))));
        assert!(matches!(permit("http://u@127.0.0.1:80/"), Err(Refusal::Name(_))));
        assert!(matches!(permit("http://api.openai.com:80/v1"), Err(Refusal::Name(_))));
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
