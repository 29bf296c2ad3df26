//! `[proxy.NAME]`: a fault proxy that stands before a part of the target.

use std::net::SocketAddr;

use hulk_chaos::{Protocol, Toxic, ToxicFault};
use hulk_settings::{At, Section, nearest_or_all};
use serde::{Deserialize, Serialize};

use crate::{Http, Origin, Rehearsal, Target, Way};

/// A fault proxy that stands before a part of the target: an edge of the embedded platform, or the
/// origin of a service of one's own. It listens on a free port of the loopback, and viewers ask there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxied {
    /// Its name.
    pub name: String,
    /// The edge, or the service, that it stands before.
    pub before: String,
    /// Whether it reads what it carries.
    pub protocol: Protocol,
}

impl Proxied {
    /// Reads `[proxy]`.
    pub(crate) fn read_all(root: &Section<'_>) -> Option<Vec<Self>> {
        let read = |(name, section): (String, Section<'_>)| {
            let before = section.text("before");
            let words = [Protocol::Tcp, Protocol::Http].map(|known| (known.name(), known));
            let protocol = section.word_or("protocol", &words, Protocol::Tcp);
            Some(Self { name, before: before?, protocol: protocol? })
        };
        let all: Vec<Option<Self>> = root.named_sections("proxy").into_iter().map(read).collect();
        all.into_iter().collect()
    }

    /// Which of the target's origins it stands before, by its place.
    pub fn place(&self, rehearsal: &Rehearsal) -> Option<usize> {
        match &rehearsal.target {
            Target::Embedded(embedded) => {
                embedded.platform.edges.iter().position(|edge| edge.name == self.before)
            }
            Target::Url(_) => {
                let services = &rehearsal.script.services;
                let service = services.iter().position(|service| *service == self.before)?;
                Some(rehearsal.target.destination(0, service as u16))
            }
        }
    }

    /// Notes what does not fit to the rest of the rehearsal.
    pub(crate) fn check_all(rehearsal: &Rehearsal, root: &Section<'_>) {
        let mut taken: Vec<usize> = Vec::new();
        for proxied in &rehearsal.proxies {
            let path = [At::Key("proxy"), At::Key(&proxied.name), At::Key("before")];
            let Some(place) = proxied.place(rehearsal) else {
                let (what, known) = match &rehearsal.target {
                    Target::Embedded(embedded) => ("edge", embedded.edges()),
                    Target::Url(_) => ("service", rehearsal.script.services.clone()),
                };
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let hint = Some(nearest_or_all(&proxied.before, &known));
                root.problem_in(&path, format!("there is no {what} `{}`", proxied.before), hint);
                continue;
            };
            if taken.contains(&place) {
                let message = "another proxy stands there already".to_owned();
                let hint = "one proxy can have many toxics: remove this one".to_owned();
                root.problem_in(&path, message, Some(hint));
            }
            taken.push(place);
            if let Target::Url(own) = &rehearsal.target
                && let Some(origin) = own.origins.get(place)
                && let Some((message, hint)) = proxied.misfit(origin)
            {
                root.problem_in(&path, message.to_owned(), Some(hint.to_owned()));
            }
        }
    }

    /// Why it cannot stand before an origin of one's own.
    fn misfit(&self, origin: &Origin) -> Option<(&'static str, &'static str)> {
        if !matches!(&origin.way, Way::Addresses(all) if all.len() == 1) {
            return Some((
                "a proxy leads to one address, and this origin has another way",
                "name one address with `resolve`, or remove the proxy",
            ));
        }
        let reads = self.protocol == Protocol::Http;
        (reads && (origin.tls.is_some() || origin.http == Http::Two)).then_some((
            "a proxy of protocol `http` reads plain HTTP/1.1, and this origin speaks something else",
            "write `protocol = \"tcp\"`: toxics of bytes work with everything",
        ))
    }

    /// What is wrong with a toxic of a fault, what to do, and which key of it is meant.
    pub(crate) fn misplaced(
        rehearsal: &Rehearsal,
        fault: &ToxicFault,
    ) -> Option<(String, String, &'static str)> {
        let Some(proxied) = rehearsal.proxies.iter().find(|known| known.name == fault.proxy) else {
            let known: Vec<&str> = rehearsal.proxies.iter().map(|p| p.name.as_str()).collect();
            let hint = if known.is_empty() {
                format!("add `[proxy.{}]` with what it stands `before`", fault.proxy)
            } else {
                nearest_or_all(&fault.proxy, &known)
            };
            return Some((format!("there is no proxy `{}`", fault.proxy), hint, "proxy"));
        };
        let (stream, attributes) = (Some(fault.stream.name()), fault.attributes.attributes());
        let toxic = Toxic::new(None, &fault.kind, stream, Some(fault.toxicity), &attributes);
        let error = toxic.and_then(|toxic| toxic.fits(proxied.protocol)).err()?;
        let hint = format!("set `protocol` in `[proxy.{}]`, or take another type", fault.proxy);
        Some((error.to_string(), hint, "type"))
    }
}

impl Rehearsal {
    /// The same rehearsal aimed at proxies that stand before origins of one's own, by their places.
    #[must_use]
    pub fn through(mut self, proxies: &[(usize, SocketAddr)]) -> Self {
        if let Target::Url(own) = &mut self.target {
            for (place, address) in proxies {
                if let Some(origin) = own.origins.get_mut(*place) {
                    origin.way = Way::Addresses(vec![*address]);
                }
            }
        }
        self
    }
}
