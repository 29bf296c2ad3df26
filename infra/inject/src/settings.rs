//! Proxies from a TOML file.

use std::sync::Arc;

use hulk_scenarios::chaos::{Protocol, ToxicFault};
use hulk_scenarios::settings::{Section, read};
use hulk_scenarios::{Problems, Source};

use crate::desk::ToxicAsked;
use crate::spec::{ANY_PORT, ProxySpec};

/// A proxy of a file, with its toxics and how long each is lent, in ms; none is as long as any other.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The proxy.
    pub proxy: ProxySpec,
    /// Its toxics.
    pub toxics: Vec<(ToxicAsked, Option<i64>)>,
}

/// Reads the `[proxy.NAME]` of a file, in the order of their names.
///
/// # Errors
/// Every problem of the file.
pub fn settings(source: &Arc<Source>) -> Result<Vec<Settings>, Problems> {
    read(source, |root| {
        let proxies = root.named_sections("proxy");
        if proxies.is_empty() {
            let hint = "`[proxy.cdn]` with `listen` and `upstream`".to_owned();
            root.problem("the file has no proxy", Some(hint));
        }
        let read: Vec<Option<Settings>> =
            proxies.iter().map(|(name, section)| proxy(name, section)).collect();
        read.into_iter().collect()
    })
}

fn proxy(name: &str, section: &Section<'_>) -> Option<Settings> {
    let listen = section.text_optional("listen");
    let upstream = section.text("upstream");
    let enabled = section.flag_or("enabled", true);
    let words = [Protocol::Tcp, Protocol::Http, Protocol::Udp].map(|known| (known.name(), known));
    let protocol = section.word_or("protocol", &words, Protocol::Tcp);
    let toxics = section.list("toxic", toxic);
    let proxy = ProxySpec {
        name: name.to_owned(),
        listen: listen.unwrap_or_else(|| ANY_PORT.to_owned()),
        upstream: upstream?,
        protocol: protocol?,
        enabled: enabled?,
    };
    Some(Settings { proxy, toxics: toxics? })
}

fn toxic(section: &Section<'_>) -> Option<(ToxicAsked, Option<i64>)> {
    let name = section.text_optional("name");
    let ttl_s = match section.has("ttl_s") {
        true => section.number("ttl_s", 0.1..=86_400.0).map(Some),
        false => Some(None),
    };
    let fault = ToxicFault::read_on(section, String::new())?;
    let asked = ToxicAsked { name, ..ToxicAsked::from(&fault) };
    Some((asked, ttl_s?.map(|s| (s * 1e3).round() as i64)))
}

impl From<&ToxicFault> for ToxicAsked {
    fn from(fault: &ToxicFault) -> Self {
        let ramp = fault.ramp.as_ref();
        Self {
            name: None,
            kind: fault.kind.clone(),
            stream: Some(fault.stream.name().to_owned()),
            toxicity: Some(fault.toxicity),
            attributes: fault.attributes.attributes(),
            ramp: ramp.map(|(from, over_s)| (from.attributes(), (over_s * 1e3).round() as i64)),
            strict: true,
        }
    }
}
