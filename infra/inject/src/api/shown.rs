//! Proxies and toxics as JSON.

use hulk_scenarios::chaos::{EffectCounts, Protocol};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::desk::{ProxyShown, ToxicShown};

/// A toxic as Toxiproxy shows it.
#[derive(Serialize)]
pub(super) struct Toxic {
    attributes: Map<String, Value>,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    stream: &'static str,
    toxicity: f64,
}

impl From<&ToxicShown> for Toxic {
    fn from(shown: &ToxicShown) -> Self {
        Self {
            attributes: shown.toxic.kind.attributes(),
            name: shown.toxic.name.clone(),
            kind: shown.toxic.kind.name(),
            stream: shown.toxic.stream.name(),
            toxicity: shown.toxic.toxicity,
        }
    }
}

/// A proxy as Toxiproxy shows it.
#[derive(Serialize)]
pub(super) struct Proxy {
    name: String,
    listen: String,
    upstream: String,
    enabled: bool,
    toxics: Vec<Toxic>,
}

impl From<&ProxyShown> for Proxy {
    fn from(shown: &ProxyShown) -> Self {
        Self {
            name: shown.spec.name.clone(),
            listen: shown.spec.listen.clone(),
            upstream: shown.spec.upstream.clone(),
            enabled: shown.spec.enabled,
            toxics: shown.toxics.iter().map(Toxic::from).collect(),
        }
    }
}

/// A toxic with its lease and what it has done.
#[derive(Serialize)]
pub(super) struct OwnToxic {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    stream: &'static str,
    toxicity: f64,
    attributes: Map<String, Value>,
    /// How much longer it is lent, in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_ms: Option<i64>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<&'static str>,
    /// Whether anybody can have noticed it.
    bit: bool,
    effect: EffectCounts,
}

impl From<&ToxicShown> for OwnToxic {
    fn from(shown: &ToxicShown) -> Self {
        let Toxic { attributes, name, kind, stream, toxicity } = Toxic::from(shown);
        let (bit, effect) = (shown.effect.bit(), shown.effect.clone());
        let (ttl_ms, ended) = (shown.left_ms, shown.ended);
        Self { name, kind, stream, toxicity, attributes, ttl_ms, ended, bit, effect }
    }
}

/// Bytes, or datagrams' bytes, of one direction.
#[derive(Serialize)]
struct Flow {
    received_bytes: u64,
    sent_bytes: u64,
}

/// A proxy with its connections and its toxics, those that are gone too.
#[derive(Serialize)]
pub(super) struct OwnProxy {
    name: String,
    listen: String,
    upstream: String,
    protocol: Protocol,
    enabled: bool,
    connections_open: u64,
    connections_accepted: u64,
    connections_unreached: u64,
    datagrams_overflowed: u64,
    from_clients: Flow,
    from_server: Flow,
    toxics: Vec<OwnToxic>,
    ended: Vec<OwnToxic>,
}

impl From<&ProxyShown> for OwnProxy {
    fn from(shown: &ProxyShown) -> Self {
        let flow = |(received_bytes, sent_bytes)| Flow { received_bytes, sent_bytes };
        Self {
            name: shown.spec.name.clone(),
            listen: shown.spec.listen.clone(),
            upstream: shown.spec.upstream.clone(),
            protocol: shown.spec.protocol,
            enabled: shown.spec.enabled,
            connections_open: shown.open,
            connections_accepted: shown.accepted,
            connections_unreached: shown.unreached,
            datagrams_overflowed: shown.overflowed,
            from_clients: flow(shown.upstream),
            from_server: flow(shown.downstream),
            toxics: shown.toxics.iter().map(OwnToxic::from).collect(),
            ended: shown.ended.iter().map(OwnToxic::from).collect(),
        }
    }
}
