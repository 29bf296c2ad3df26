//! What a rehearsal is aimed at.

mod base;
mod certificates;
mod headers;
mod own;
mod read;
mod resolve;
mod timeouts;
mod way;

use std::net::SocketAddr;

use hulk_scaling::{PlatformSpec, Policy};
use serde::{Deserialize, Serialize};

pub(crate) use base::Base;
pub use certificates::Certificates;
pub use own::Own;
pub(crate) use read::UrlSettings;
pub use timeouts::{Phase, Timeouts};
pub use way::{LookUp, Way};

use crate::values::Secret;

/// The embedded reference platform, with the policies that scale it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    /// Its description.
    pub platform: PlatformSpec,
    /// A policy for each of its services, in their order.
    pub policies: Vec<Policy>,
}

impl Embedded {
    /// The names of its edges.
    pub(crate) fn edges(&self) -> Vec<String> {
        self.platform.edges.iter().map(|edge| edge.name.clone()).collect()
    }
}

/// What a rehearsal is aimed at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The reference platform, started as a child process.
    Embedded(Box<Embedded>),
    /// Somebody's own services on this machine; nobody observes their capacity.
    Url(Own),
}

/// A place that requests go to, with what is the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `scheme://host`, and the port where it is not the scheme's own.
    pub base: String,
    /// Where connections go.
    pub way: Way,
    /// How long each phase of a request may last.
    pub timeouts: Timeouts,
    /// The `host` header.
    pub host: String,
    /// What is spoken there.
    pub http: Http,
    /// How the connection is encrypted; none for plain HTTP.
    pub tls: Option<TlsSettings>,
    /// Headers of each request, names in lower case. A request's own header of that name goes
    /// before.
    pub headers: Vec<(String, Secret)>,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Http {
    /// HTTP/1.1.
    #[default]
    One,
    /// HTTP/2: by agreement where the connection is encrypted, by prior knowledge where it is not.
    Two,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSettings {
    /// The name or address that the server's certificate must be for.
    pub name: String,
    /// Who may have signed it, by the place in [`Target::trusts`].
    pub trust: u16,
}

impl Origin {
    /// An edge of the embedded platform: plain HTTP at an address.
    fn plain(address: SocketAddr) -> Self {
        let host = address.to_string();
        let (base, way) = (format!("http://{host}"), Way::Addresses(vec![address]));
        let (timeouts, http, headers) = (Timeouts::default(), Http::One, Vec::new());
        Self { base, way, timeouts, host, http, tls: None, headers }
    }
}

impl Target {
    /// The names of the edges that viewers ask; one without a name of its own for a URL.
    pub fn edges(&self) -> Vec<String> {
        match self {
            Self::Embedded(embedded) => embedded.edges(),
            Self::Url(_) => Own::edges(),
        }
    }

    /// Where requests go: the file's own origins, or the embedded platform's edges, which have
    /// their addresses from its start on.
    pub fn origins(&self, edges: &[SocketAddr]) -> Vec<Origin> {
        match self {
            Self::Embedded(_) => edges.iter().copied().map(Origin::plain).collect(),
            Self::Url(own) => own.origins.clone(),
        }
    }

    /// Which of the origins a request goes to: a viewer of the embedded platform asks an edge for
    /// everything, a service of one's own has its origin. Both are given by their places.
    pub fn destination(&self, edge: usize, service: u16) -> usize {
        match self {
            Self::Embedded(_) => edge,
            Self::Url(own) => own.origin_of(service),
        }
    }

    /// How many connections a viewer keeps: one to each origin of one's own, and one in all to the
    /// embedded platform, whose viewers go from one edge to the next.
    pub fn connections_per_viewer(&self) -> u32 {
        match self {
            Self::Embedded(_) => 1,
            Self::Url(own) => own.origins.len() as u32,
        }
    }

    /// The sets of those who may have signed a server's certificate.
    pub fn trusts(&self) -> &[Certificates] {
        match self {
            Self::Embedded(_) => &[],
            Self::Url(own) => &own.trusts,
        }
    }

    /// How it is called in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded(_) => "the embedded reference platform".to_owned(),
            Self::Url(own) => own.name(),
        }
    }
}

#[cfg(test)]
mod tests;
