//! `[target.url]`: from the file's keys to origins.

use std::path::Path;

use hulk_settings::{Section, nearest};

use super::resolve::{self, Resolve};
use super::{Base, Certificates, Http, Own, Timeouts, Way, headers};
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
    pub(super) way: Way,
    pub(super) timeouts: Timeouts,
    /// Who may have signed the server's certificate; none where nothing is encrypted.
    pub(super) signers: Option<Certificates>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) http: Http,
}

/// What `http` may be.
const HTTP: [(&str, Http); 2] = [("1.1", Http::One), ("2", Http::Two)];

/// What came of a key.
pub(super) enum Given<T> {
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
    resolve: Given<Resolve>,
    timeouts: Given<Timeouts>,
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

    /// Its value, or the usual one where it is not there; none where it has a problem.
    fn or_usual(&self) -> Option<T>
    where
        T: Clone + Default,
    {
        if self.is_absent() { Some(T::default()) } else { self.known().cloned() }
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
            base: given(section, "base", |key| base(section, &section.text(key)?)),
            resolve: given(section, "resolve", |_| resolve::read(section)),
            timeouts: given(section, "timeouts", |key| {
                Timeouts::read(&section.section_optional(key)?)
            }),
            ca: given(section, "ca", |key| {
                let read = Certificates::read(&folder.join(section.text(key)?));
                let note = |reason| section.problem_at(key, reason, Some(CA_HINT.to_owned()));
                read.map_err(note).ok()
            }),
            headers: given(section, "headers", |key| headers::read(section.section_optional(key)?)),
            http: given(section, "http", |key| section.word(key, &HTTP)),
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
        let way = resolve::way(base, resolve).and_then(|found| match found {
            Ok(way) => Some(way),
            Err(_) if told_there => None,
            Err(barred) => {
                resolve::note(section, &barred, !self.resolve.is_absent());
                None
            }
        });
        let timeouts = self.timeouts.or(&outer.timeouts).or_usual();
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
        let headers = self.headers.or(&outer.headers).or_usual();
        let http = self.http.or(&outer.http).or_usual();
        let (way, timeouts, signers) = (way?, timeouts?, signers?);
        Some(Site { base: base.clone(), way, timeouts, signers, headers: headers?, http: http? })
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
    read: impl FnOnce(&'static str) -> Option<T>,
) -> Given<T> {
    if !section.has(key) {
        return Given::Absent;
    }
    read(key).map_or(Given::Wrong, Given::Is)
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
