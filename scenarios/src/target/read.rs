//! `[target.url]`: from the file's keys to origins.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use hulk_consent::{Permit, Refusal, Scope};
use hulk_settings::{Section, nearest};

use super::{Base, Certificates, Http, Own, headers};
use crate::values::Secret;

/// A `[target.url]` that was read; which services there are shows when the journeys are compiled.
pub(crate) struct UrlSettings<'a> {
    whole: Site,
    services: Vec<(String, Section<'a>, Site)>,
}

/// Where a service is asked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) base: Base,
    pub(super) addresses: Vec<SocketAddr>,
    /// Who may have signed the server's certificate; none where nothing is encrypted.
    pub(super) signers: Option<Certificates>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) http: Http,
}

/// What `http` may be.
const HTTP: [(&str, Http); 2] = [("1.1", Http::One), ("2", Http::Two)];

/// An address, with a port where it is not that of the base.
type Place = (IpAddr, Option<u16>);

/// What came of a key.
enum Given<T> {
    /// It is not there.
    Absent,
    /// It is there and has a problem, which has been noted.
    Wrong,
    /// Its value.
    Is(T),
}

/// The keys of `[target.url]`, or of one of its services.
struct Keys {
    base: Given<Base>,
    resolve: Given<Vec<Place>>,
    ca: Given<Certificates>,
    headers: Given<Vec<(String, Secret)>>,
    http: Given<Http>,
}

impl<T> Given<T> {
    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// This, or where it is not there the other.
    fn or<'a>(&'a self, other: &'a Self) -> &'a Self {
        if self.is_absent() { other } else { self }
    }

    fn known(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Wrong => None,
        }
    }
}

impl<'a> UrlSettings<'a> {
    /// Reads the keys; whatever is outside the scope is a problem of the file, found before
    /// anything is looked up or sent. `ca` is looked for in `folder`.
    pub(crate) fn read(section: &Section<'a>, folder: &Path) -> Option<Self> {
        let outer = Keys::read(section, folder);
        if !section.has("base") {
            // Notes that it is missing.
            section.text("base");
        }
        let services: Vec<(String, Section<'a>, Keys)> = section
            .named_sections("service")
            .into_iter()
            .map(|(name, section)| {
                let keys = Keys::read(&section, folder);
                (name, section, keys)
            })
            .collect();
        let whole = outer.site(section, None);
        let sites: Vec<Option<Site>> =
            services.iter().map(|(_, section, keys)| keys.site(section, Some(&outer))).collect();
        let encrypted = |site: &Option<Site>| site.as_ref().is_none_or(|site| site.base.tls);
        if !encrypted(&whole) && !sites.iter().any(encrypted) {
            outer.note_useless_ca(section);
        }
        for ((_, section, keys), site) in services.iter().zip(&sites) {
            if !encrypted(site) {
                keys.note_useless_ca(section);
            }
        }
        let services = services.into_iter().zip(sites);
        let services: Option<Vec<_>> =
            services.map(|((name, section, _), site)| Some((name, section, site?))).collect();
        Some(Self { whole: whole?, services: services? })
    }

    /// The origins of the services that the steps ask, in their order.
    pub(crate) fn compile(&self, services: &[String]) -> Own {
        let asked: Vec<&str> = services.iter().map(String::as_str).collect();
        for (name, section, _) in &self.services {
            if !asked.contains(&name.as_str()) {
                let known = format!("the steps ask {}", services.join(", "));
                let hint = nearest(name, &asked).unwrap_or(known);
                section.problem(format!("no step asks a service `{name}`"), Some(hint));
            }
        }
        let mut own = Own::default();
        for service in services {
            let named = self.services.iter().find(|(name, ..)| name == service);
            own.add(named.map_or(&self.whole, |(.., site)| site));
        }
        own
    }
}

impl Keys {
    fn read(section: &Section<'_>, folder: &Path) -> Self {
        Self {
            base: given(section, "base", |text| base(section, &text)),
            resolve: match section.has("resolve") {
                true => resolve_all(section).map_or(Given::Wrong, Given::Is),
                false => Given::Absent,
            },
            ca: given(section, "ca", |text| match Certificates::read(&folder.join(text)) {
                Ok(certificates) => Some(certificates),
                Err(reason) => {
                    section.problem_at("ca", reason, Some(CA_HINT.to_owned()));
                    None
                }
            }),
            headers: match section.has("headers") {
                true => section
                    .section_optional("headers")
                    .and_then(headers::read)
                    .map_or(Given::Wrong, Given::Is),
                false => Given::Absent,
            },
            http: match section.has("http") {
                true => section.word("http", &HTTP).map_or(Given::Wrong, Given::Is),
                false => Given::Absent,
            },
        }
    }

    /// What these keys and, where one is absent, those of `outer` make together; none where one
    /// of them has a problem, which is noted here.
    fn site(&self, section: &Section<'_>, outer: Option<&Self>) -> Option<Site> {
        let outer = outer.unwrap_or(self);
        let base = self.base.or(&outer.base).known()?;
        // Where a base stands, `resolve` belongs to it: another base is at another place.
        let taken_over = self.base.is_absent();
        let resolve = if taken_over { self.resolve.or(&outer.resolve) } else { &self.resolve };
        let told_there = taken_over && self.resolve.is_absent();
        let addresses = addresses(base, resolve).and_then(|permitted| match permitted {
            Ok(addresses) => Some(addresses),
            Err(_) if told_there => None,
            Err(refusal) => {
                note_refusal(section, &refusal, !self.resolve.is_absent());
                None
            }
        });
        let signers = match self.ca.or(&outer.ca) {
            Given::Absent if base.tls => {
                if !taken_over {
                    let hint = Some(format!("add `ca = \"ca.pem\"`: {CA_HINT}"));
                    section.problem_at("base", "`https` needs to know who signs: `ca`", hint);
                }
                None
            }
            Given::Wrong => None,
            Given::Absent => Some(None),
            Given::Is(certificates) => Some(Some(certificates.clone()).filter(|_| base.tls)),
        };
        let headers = match self.headers.or(&outer.headers) {
            Given::Absent => Some(Vec::new()),
            Given::Wrong => None,
            Given::Is(headers) => Some(headers.clone()),
        };
        let http = match self.http.or(&outer.http) {
            Given::Absent => Http::default(),
            Given::Wrong => return None,
            Given::Is(http) => *http,
        };
        let (addresses, signers, headers) = (addresses?, signers?, headers?);
        Some(Site { base: base.clone(), addresses, signers, headers, http })
    }

    fn note_useless_ca(&self, section: &Section<'_>) {
        if !self.ca.is_absent() {
            let hint = Some("leave it out, or begin `base` with `https://`".to_owned());
            section.problem_at("ca", "nothing is encrypted here, so `ca` proves nothing", hint);
        }
    }
}

const CA_HINT: &str = "it has the certificate of whoever signed the server's; on Debian \
                       `/etc/ssl/certs/ca-certificates.crt` has the public ones";

fn given<T>(
    section: &Section<'_>,
    key: &'static str,
    read: impl FnOnce(String) -> Option<T>,
) -> Given<T> {
    if !section.has(key) {
        return Given::Absent;
    }
    section.text(key).and_then(read).map_or(Given::Wrong, Given::Is)
}

fn base(section: &Section<'_>, text: &str) -> Option<Base> {
    let reason = match Base::parse(text) {
        Ok(base) => return Some(base),
        Err(reason) => reason,
    };
    // What stands before an `@` may be a password.
    let shown = if text.contains('@') { "this" } else { &format!("`{text}`") };
    let hint = Some("for example `base = \"http://127.0.0.1:8080\"`".to_owned());
    section.problem_at("base", format!("{shown} cannot be a target: {reason}"), hint);
    None
}

/// One place, or a list of them.
fn resolve_all(section: &Section<'_>) -> Option<Vec<Place>> {
    let texts = section.text_or_texts("resolve")?;
    if texts.is_empty() {
        let hint = "for example `resolve = [\"127.0.0.1\", \"127.0.0.2\"]`";
        section.problem_at("resolve", "there must be an address at least", Some(hint.to_owned()));
        return None;
    }
    let places: Vec<_> = texts.iter().map(|text| resolve(section, text)).collect();
    places.into_iter().collect()
}

/// An address, or an address and a port.
fn resolve(section: &Section<'_>, text: &str) -> Option<Place> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = text.parse::<SocketAddr>().ok().filter(|address| address.port() > 0);
    let found = with_port
        .map(|address| (address.ip(), Some(address.port())))
        .or_else(|| Some((bare.parse().ok()?, None)));
    if found.is_none() {
        let message = format!("`{text}` is neither an address nor an address and a port");
        let hint = "for example `resolve = \"127.0.0.1\"` or `resolve = \"127.0.0.1:8443\"`";
        section.problem_at("resolve", message, Some(hint.to_owned()));
    }
    found
}

/// Where connections go, or why they may not; none where a key has a problem.
fn addresses(base: &Base, resolve: &Given<Vec<Place>>) -> Option<Result<Vec<SocketAddr>, Refusal>> {
    let scope = Scope::default();
    let permits = match resolve {
        Given::Wrong => return None,
        Given::Is(places) => places
            .iter()
            .map(|(ip, port)| scope.permit(SocketAddr::new(*ip, port.unwrap_or(base.port))))
            .collect(),
        Given::Absent => scope.permit_host(&base.host, base.port).map(|permit| vec![permit]),
    };
    let addresses = |permits: Vec<Permit>| permits.into_iter().map(Permit::address).collect();
    Some(permits.map(addresses))
}

fn note_refusal(section: &Section<'_>, refusal: &Refusal, by_resolve: bool) {
    let key = if by_resolve { "resolve" } else { "base" };
    let mut hint = "nothing has been sent; aim it at this machine's loopback".to_owned();
    if matches!(refusal, Refusal::Name(_)) {
        hint += ", for example with `resolve = \"127.0.0.1\"`";
    }
    section.problem_at(key, format!("no consent: {refusal}"), Some(hint));
}
