//! A toxic as it is asked for: what it does to which direction of which links.

use serde::{Deserialize, Serialize};

use crate::attributes::{AttributeError, Attributes};
use crate::toxics::{TOXIC_TYPES, ToxicKind};

/// A direction of a link.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// From the client to the server.
    Upstream,
    /// From the server to the client.
    #[default]
    Downstream,
}

impl Stream {
    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Downstream => "downstream",
        }
    }

    /// The stream of that name, in upper or lower case.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Upstream, Self::Downstream]
            .into_iter()
            .find(|stream| stream.name().eq_ignore_ascii_case(name))
    }
}

/// What a proxy carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Streams of bytes, whatever they mean.
    #[default]
    Tcp,
    /// Streams of bytes that are HTTP/1.1: requests can be told apart.
    Http,
    /// Datagrams.
    Udp,
}

impl Protocol {
    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Udp => "udp",
        }
    }

    /// The protocol of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Tcp, Self::Http, Self::Udp].into_iter().find(|known| known.name() == name)
    }
}

/// A toxic.
#[derive(Debug, Clone, PartialEq)]
pub struct Toxic {
    /// Its name, unique on its proxy.
    pub name: String,
    /// Which direction it is done to.
    pub stream: Stream,
    /// The share of the links that it is done to, from 0 to 1.
    pub toxicity: f64,
    /// What is done.
    pub kind: ToxicKind,
}

/// A toxic that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToxicError {
    /// No direction of that name.
    #[error("stream was invalid, can be either upstream or downstream")]
    Stream,
    /// No toxic of that type.
    #[error("invalid toxic type")]
    Type,
    /// Some attribute is not what it can be.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// A share of links that is none.
    #[error("toxicity is {0}: a number from 0 to 1 is expected")]
    Toxicity(String),
    /// Nothing that this proxy carries can be treated like that.
    #[error("`{kind}` needs a proxy of protocol {needs}, and this one is {protocol}")]
    Protocol {
        /// The toxic's type.
        kind: &'static str,
        /// Where it can be set.
        needs: &'static str,
        /// What the proxy carries.
        protocol: &'static str,
    },
}

impl Toxic {
    /// A toxic of the type `kind`; where no name is given, it is named after its type and stream.
    ///
    /// # Errors
    /// What is wrong first: stream, type, then attributes and toxicity.
    pub fn new(
        name: Option<&str>,
        kind: &str,
        stream: Option<&str>,
        toxicity: Option<f64>,
        attributes: &Attributes,
    ) -> Result<Self, ToxicError> {
        let (name, stream) = Self::name_of(name, kind, stream)?;
        let kind = ToxicKind::read(kind, attributes)?;
        let toxicity = share(toxicity.unwrap_or(1.0))?;
        Ok(Self { name, stream, toxicity, kind })
    }

    /// How such a toxic is called, and its stream: known before its attributes are.
    ///
    /// # Errors
    /// An unknown stream, then an unknown type.
    pub fn name_of(
        name: Option<&str>,
        kind: &str,
        stream: Option<&str>,
    ) -> Result<(String, Stream), ToxicError> {
        let stream = match stream.filter(|stream| !stream.is_empty()) {
            Some(stream) => Stream::of(stream).ok_or(ToxicError::Stream)?,
            None => Stream::default(),
        };
        if !TOXIC_TYPES.iter().any(|(known, _)| *known == kind) {
            return Err(ToxicError::Type);
        }
        let named = name.filter(|name| !name.is_empty()).map(str::to_owned);
        Ok((named.unwrap_or_else(|| format!("{kind}_{}", stream.name())), stream))
    }

    /// The same toxic with some of its attributes, or its toxicity, changed.
    ///
    /// # Errors
    /// What is wrong first.
    pub fn changed(
        &self,
        toxicity: Option<f64>,
        attributes: &Attributes,
    ) -> Result<Self, ToxicError> {
        let kind = self.kind.changed(attributes)?;
        let toxicity = toxicity.map_or(Ok(self.toxicity), share)?;
        Ok(Self { kind, toxicity, ..self.clone() })
    }

    /// Whether a proxy of that protocol can have it.
    ///
    /// # Errors
    /// When it cannot.
    pub fn fits(&self, protocol: Protocol) -> Result<(), ToxicError> {
        let needs = self.kind.protocols();
        if needs.contains(&protocol) {
            return Ok(());
        }
        let names = match needs {
            [Protocol::Http] => "http",
            [Protocol::Udp] => "udp",
            _ => "tcp or http",
        };
        let (kind, protocol) = (self.kind.name(), protocol.name());
        Err(ToxicError::Protocol { kind, needs: names, protocol })
    }
}

fn share(toxicity: f64) -> Result<f64, ToxicError> {
    if (0.0..=1.0).contains(&toxicity) {
        Ok(toxicity)
    } else {
        Err(ToxicError::Toxicity(toxicity.to_string()))
    }
}
