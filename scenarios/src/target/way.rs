//! How connections to an origin find their address.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// How connections to an origin find their address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Viewers take turns with these. At least one.
    Addresses(Vec<SocketAddr>),
    /// Viewers take turns with those that a name server gives.
    Named(LookUp),
}

/// A name that is looked up while the run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUp {
    /// The name server.
    pub server: SocketAddr,
    /// The name.
    pub name: String,
    /// The port that goes with each of its addresses.
    pub port: u16,
}

impl Way {
    /// Whom the file itself names: all that is known before anything is sent.
    pub fn contacts(&self) -> Vec<SocketAddr> {
        match self {
            Self::Addresses(addresses) => addresses.clone(),
            Self::Named(look_up) => vec![look_up.server],
        }
    }

    /// In words, after the URL.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Addresses(addresses) => {
                let at: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
                format!("at {}", at.join(", "))
            }
            Self::Named(look_up) => format!("looked up at {}", look_up.server),
        }
    }
}
