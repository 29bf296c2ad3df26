//! `scheme://host:port`.

use std::net::{IpAddr, Ipv6Addr};

/// A URL without a path, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// Whether it is `https`.
    pub(super) tls: bool,
    /// A name in lower case, or an address, in brackets where it has colons.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Base {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or(SCHEME)?;
        let tls = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ => return Err(SCHEME),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err("a name and a password do not belong into it; send them as a header");
        }
        if rest.contains(['/', '?', '#']) {
            return Err("it must be a host and a port only; paths belong to the journey's steps");
        }
        let (host, port) = match rest.rfind(':') {
            Some(at) if !rest[at..].contains(']') => (&rest[..at], Some(&rest[at + 1..])),
            _ => (rest, None),
        };
        let port = match port {
            Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or(PORT)?,
            None => standard_port(tls),
        };
        check_host(host)?;
        Ok(Self { tls, host: host.to_ascii_lowercase(), port })
    }

    /// Host and port as a `host` header has them: without the scheme's own port.
    pub(super) fn authority(&self) -> String {
        if self.port == standard_port(self.tls) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The host without brackets, as a certificate has it.
    pub(super) fn bare_host(&self) -> &str {
        let inside = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        inside.unwrap_or(&self.host)
    }
}

impl std::fmt::Display for Base {
    /// In one spelling only: two that are the same have the same text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

const SCHEME: &str = "it must start with `http://` or `https://`";
const PORT: &str = "the port must be from 1 to 65535";
const HOST: &str = "its host is neither a name nor an address";

fn standard_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

/// A host is an address, or a name as it may stand in a certificate.
fn check_host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("it names no host");
    }
    if let Some(inside) = host.strip_prefix('[') {
        let address = inside.strip_suffix(']').and_then(|text| text.parse::<Ipv6Addr>().ok());
        return address.map(drop).ok_or(HOST);
    }
    if matches!(host.parse(), Ok(IpAddr::V4(_))) {
        return Ok(());
    }
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let hyphen = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && label.chars().all(inner) && !hyphen
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    let last = name.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit());
    let valid = name.len() <= 253 && name.split('.').all(label) && !number;
    valid.then_some(()).ok_or(HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_have_one_spelling() {
        let spelled = |text: &str| Base::parse(text).map(|base| (base.to_string(), base.port));
        for (text, wanted, port) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", 8080),
            ("http://localhost/", "http://localhost", 80),
            ("HTTP://LocalHost:80", "http://localhost", 80),
            ("http://[::1]:81", "http://[::1]:81", 81),
            ("http://[::1]", "http://[::1]", 80),
            ("https://shop.test", "https://shop.test", 443),
            ("https://Shop_1.test:8443/", "https://shop_1.test:8443", 8443),
            ("https://shop.test:80", "https://shop.test:80", 80),
        ] {
            assert_eq!(spelled(text), Ok((wanted.to_owned(), port)), "{text}");
        }
        assert_eq!(Base::parse("https://[::1]").unwrap().bare_host(), "::1");
    }

    #[test]
    fn what_is_no_base_url_is_refused() {
        for wrong in [
            "ftp://localhost",
            "localhost",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://a:0",
            "http://a:65536",
            "http://a:",
            "http://u:p@a",
            "http://a b",
            "http://a..b",
            "http://-a",
            "http://127.1",
            "http://[127.0.0.1]",
            "http://[::1",
            "http://::1",
            "http://ä.test",
        ] {
            assert!(Base::parse(wrong).is_err(), "{wrong}");
        }
    }
}
