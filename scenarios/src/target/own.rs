//! Services of one's own, compiled.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::read::Site;
use super::{Certificates, Origin, TlsSettings, Way};

/// Services of one's own on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Own {
    /// Where requests go; no two are the same, and each is asked by some service.
    pub origins: Vec<Origin>,
    /// Who may have signed their certificates.
    pub trusts: Vec<Certificates>,
    /// The origin of each service, by the places of both.
    of_service: Vec<u16>,
}

impl Own {
    /// The names of the edges that viewers ask: one, without a name of its own.
    pub(crate) fn edges() -> Vec<String> {
        vec!["target".to_owned()]
    }

    /// The origin that a service is asked at, by their places.
    pub(super) fn origin_of(&self, service: u16) -> usize {
        self.of_service.get(usize::from(service)).copied().unwrap_or(0).into()
    }

    /// What a service's URLs start with.
    pub(crate) fn base_of(&self, service: u16) -> &str {
        self.origins.get(self.origin_of(service)).map_or("", |origin| &origin.base)
    }

    /// The next service is asked at this site.
    pub(super) fn add(&mut self, site: &Site) {
        let tls = site.signers.as_ref().map(|signers| TlsSettings {
            name: site.base.bare_host().to_owned(),
            trust: place_of(&mut self.trusts, signers.clone()),
        });
        let origin = Origin {
            base: site.base.to_string(),
            way: site.way.clone(),
            timeouts: site.timeouts,
            host: site.base.authority(),
            http: site.http,
            tls,
            headers: site.headers.clone(),
        };
        self.of_service.push(place_of(&mut self.origins, origin));
    }

    /// The URLs, and where they lead if it is not what they say.
    pub(super) fn name(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for Origin { base, way, host, .. } in &self.origins {
            let said = host.parse::<SocketAddr>().map(|said| Way::Addresses(vec![said]));
            let plain = said.is_ok_and(|said| *way == said);
            let name = if plain { base.clone() } else { format!("{base} {}", way.in_words()) };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" and ")
    }
}

/// The place of an item among those that are known, where it comes if it is new.
fn place_of<T: PartialEq>(known: &mut Vec<T>, item: T) -> u16 {
    let place = known.iter().position(|other| *other == item).unwrap_or_else(|| {
        known.push(item);
        known.len() - 1
    });
    place as u16
}
