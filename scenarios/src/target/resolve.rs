//! `resolve`: from the file's key to the way of connections.

use std::net::{IpAddr, SocketAddr};

use hulk_consent::{Permit, Refusal, Scope};
use hulk_settings::Section;

use super::read::Given;
use super::{Base, LookUp, Way};

/// The port of a name server that names none.
const DNS_PORT: u16 = 53;

/// What stands for the system's own look-up.
#[derive(Debug)]
pub(super) enum Resolve {
    /// These addresses, each with a port where it is not that of the base.
    Places(Vec<(IpAddr, Option<u16>)>),
    /// A look-up at a name server.
    Server(SocketAddr),
}

/// Why there is no way to a host.
pub(super) enum Barred {
    Refused(Refusal),
    /// What should be looked up is an address.
    NoName(String),
}

/// One place, a list of them, or `{ dns = "…" }`.
pub(super) fn read(section: &Section<'_>) -> Option<Resolve> {
    if section.has_table("resolve") {
        let inner = section.section_optional("resolve")?;
        let text = inner.text("dns")?;
        let Some((ip, port)) = place(&text) else {
            let message = format!("`{text}` is neither an address nor an address and a port");
            let hint = "for example `dns = \"127.0.0.1:5353\"`";
            inner.problem_at("dns", message, Some(hint.to_owned()));
            return None;
        };
        return Some(Resolve::Server(SocketAddr::new(ip, port.unwrap_or(DNS_PORT))));
    }
    let texts = section.text_or_texts("resolve")?;
    if texts.is_empty() {
        let hint = "for example `resolve = [\"127.0.0.1\", \"127.0.0.2\"]`";
        section.problem_at("resolve", "there must be an address at least", Some(hint.to_owned()));
        return None;
    }
    let read = |text: &String| {
        let found = place(text);
        if found.is_none() {
            let message = format!("`{text}` is neither an address nor an address and a port");
            let hint = "for example `resolve = \"127.0.0.1\"` or `resolve = \"127.0.0.1:8443\"`";
            section.problem_at("resolve", message, Some(hint.to_owned()));
        }
        found
    };
    let places: Vec<_> = texts.iter().map(read).collect();
    Some(Resolve::Places(places.into_iter().collect::<Option<_>>()?))
}

/// An address, or an address and a port.
fn place(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = text.parse::<SocketAddr>().ok().filter(|address| address.port() > 0);
    with_port
        .map(|address| (address.ip(), Some(address.port())))
        .or_else(|| Some((bare.parse().ok()?, None)))
}

/// How connections find their address, or why they may not; none where a key has a problem.
pub(super) fn way(base: &Base, resolve: &Given<Resolve>) -> Option<Result<Way, Barred>> {
    let scope = Scope::default();
    let permits: Result<Vec<Permit>, Refusal> = match resolve {
        Given::Wrong => return None,
        Given::Is(Resolve::Server(server)) => return Some(named(base, *server, &scope)),
        Given::Is(Resolve::Places(places)) => places
            .iter()
            .map(|(ip, port)| scope.permit(SocketAddr::new(*ip, port.unwrap_or(base.port))))
            .collect(),
        Given::Absent => scope.permit_host(&base.host, base.port).map(|permit| vec![permit]),
    };
    let addresses = |permits: Vec<Permit>| permits.into_iter().map(Permit::address).collect();
    Some(permits.map(addresses).map(Way::Addresses).map_err(Barred::Refused))
}

fn named(base: &Base, server: SocketAddr, scope: &Scope) -> Result<Way, Barred> {
    let name = base.bare_host();
    if name.parse::<IpAddr>().is_ok() {
        return Err(Barred::NoName(name.to_owned()));
    }
    let server = scope.permit(server).map_err(Barred::Refused)?.address();
    Ok(Way::Named(LookUp { server, name: name.to_owned(), port: base.port }))
}

/// Notes why there is no way, at the key that says where to.
pub(super) fn note(section: &Section<'_>, barred: &Barred, by_resolve: bool) {
    let key = if by_resolve { "resolve" } else { "base" };
    let (message, hint) = match barred {
        Barred::Refused(refusal) => {
            let mut hint = "nothing has been sent; aim it at this machine's loopback".to_owned();
            if matches!(refusal, Refusal::Name(_)) {
                hint += ", for example with `resolve = \"127.0.0.1\"`";
            }
            (format!("no consent: {refusal}"), hint)
        }
        Barred::NoName(address) => (
            format!("`{address}` is an address already: there is nothing to look up"),
            "write a name into `base`, or leave `resolve` out".to_owned(),
        ),
    };
    section.problem_at(key, message, Some(hint));
}
