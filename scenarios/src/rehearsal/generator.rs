//! `[generator]`: limits of the load, and where it comes from.

use std::net::{IpAddr, SocketAddr};

use hulk_consent::Scope;
use hulk_settings::{At, Section};

use crate::{Rehearsal, Target, Way};

/// What `[generator]` says.
#[derive(Debug, Default)]
pub(super) struct Generator {
    pub(super) users_max: Option<u32>,
    pub(super) local_addresses: Vec<IpAddr>,
}

impl Generator {
    /// All as it is without the table, where there is none.
    pub(super) fn read(root: &Section<'_>) -> Option<Self> {
        let Some(section) = root.section_optional("generator") else {
            // A value of another kind is a problem that has been noted.
            return (!root.has("generator")).then(Self::default);
        };
        let users_max = match section.has("users_max") {
            true => section.integer("users_max", 1..=10_000_000).map(|users| Some(users as u32)),
            false => Some(None),
        };
        let local_addresses = match section.has("local_addresses") {
            true => local_addresses(&section),
            false => Some(Vec::new()),
        };
        Some(Self { users_max: users_max?, local_addresses: local_addresses? })
    }
}

/// Addresses of this machine that are within the scope, each once.
fn local_addresses(section: &Section<'_>) -> Option<Vec<IpAddr>> {
    let texts = section.texts("local_addresses")?;
    let problem = |place: usize, message: String, hint: &str| {
        let path = [At::Key("local_addresses"), At::Item(place)];
        section.problem_in(&path, message, Some(hint.to_owned()));
    };
    let example = "for example `local_addresses = [\"127.0.0.2\", \"127.0.0.3\"]`";
    if texts.is_empty() {
        let message = "there must be an address at least";
        section.problem_at("local_addresses", message, Some(example.to_owned()));
        return None;
    }
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(texts.len());
    for (place, text) in texts.iter().enumerate() {
        let Ok(address) = text.parse::<IpAddr>() else {
            problem(place, format!("`{text}` is not an address"), example);
            continue;
        };
        if let Err(refusal) = Scope::default().permit(SocketAddr::new(address, 0)) {
            let hint = "name loopback addresses of this machine; all of 127.0.0.0/8 is there";
            problem(place, format!("no consent: {refusal}"), hint);
        } else if addresses.contains(&address) {
            let hint = "each has its ports once: leave the second out";
            problem(place, format!("`{address}` is given twice"), hint);
        } else {
            addresses.push(address);
        }
    }
    (addresses.len() == texts.len()).then_some(addresses)
}

/// Notes an address that none of the local ones can connect to.
pub(super) fn check_families(rehearsal: &Rehearsal, root: &Section<'_>) {
    let local = &rehearsal.local_addresses;
    if local.is_empty() {
        return;
    }
    let reached = match &rehearsal.target {
        // Its edges listen on 127.0.0.1.
        Target::Embedded(_) => vec![IpAddr::from([127, 0, 0, 1])],
        Target::Url(own) => { own.origins.iter() }
            .filter_map(|origin| match &origin.way {
                Way::Addresses(addresses) => Some(addresses),
                Way::Named(_) => None,
            })
            .flatten()
            .map(SocketAddr::ip)
            .collect(),
    };
    let fits = |to: &IpAddr| local.iter().any(|from| from.is_ipv4() == to.is_ipv4());
    if let Some(to) = reached.iter().find(|to| !fits(to)) {
        let (family, example) = match to {
            IpAddr::V4(_) => ("IPv4", "127.0.0.2"),
            IpAddr::V6(_) => ("IPv6", "::1"),
        };
        let message = format!("no local address can connect to {to}, which is {family}");
        let path = [At::Key("generator"), At::Key("local_addresses")];
        root.problem_in(&path, message, Some(format!("add one of its kind: `\"{example}\"`")));
    }
}
