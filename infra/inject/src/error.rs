//! What the API says no with: one table, each with its HTTP status.

use hulk_net::Refusal;
use hulk_scenarios::chaos::ToxicError;
use hyper::StatusCode;
use serde_json::{Value, json};

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The body is not what it should be.
    #[error("bad request body: {0}")]
    Body(String),
    /// A field without which nothing can be made.
    #[error("missing required field: {0}")]
    Missing(String),
    /// An address that nothing can listen on, or be sent to.
    #[error("{field} `{address}` is no address: {wanted} is expected")]
    Address {
        /// `listen` or `upstream`.
        field: &'static str,
        /// What was given.
        address: String,
        /// What is expected.
        wanted: &'static str,
    },
    /// A toxic that cannot be.
    #[error(transparent)]
    Toxic(#[from] ToxicError),
    /// A lease, or a ramp, that cannot be.
    #[error("{0}")]
    Wrong(String),
    /// An address outside the scope.
    #[error("{field} `{address}` may not be touched: {refusal}")]
    Refused {
        /// `listen` or `upstream`.
        field: &'static str,
        /// What was given.
        address: String,
        /// Why not.
        #[source]
        refusal: Refusal,
    },
    /// No proxy of that name.
    #[error("proxy not found")]
    NoProxy,
    /// No toxic of that name.
    #[error("toxic not found")]
    NoToxic,
    /// The lease has ended, and what was lent has healed.
    #[error("toxic not found: its lease has ended; set it again")]
    Lapsed,
    /// A proxy of that name is there.
    #[error("proxy already exists")]
    ProxyExists,
    /// A toxic of that name is there.
    #[error("toxic already exists")]
    ToxicExists,
    /// More than can be kept.
    #[error("too many {what}: at most {most}")]
    TooMany {
        /// Proxies or toxics.
        what: &'static str,
        /// How many there may be.
        most: usize,
    },
    /// The system did not let it listen.
    #[error("nobody can listen on {address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl ApiError {
    /// As JSON, for whoever asked.
    pub(crate) fn json(&self) -> Value {
        json!({ "error": self.to_string(), "status": self.status().as_u16() })
    }

    /// Its HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Body(_)
            | Self::Missing(_)
            | Self::Address { .. }
            | Self::Toxic(_)
            | Self::Wrong(_) => StatusCode::BAD_REQUEST,
            Self::Refused { .. } => StatusCode::FORBIDDEN,
            Self::NoProxy | Self::NoToxic | Self::Lapsed => StatusCode::NOT_FOUND,
            Self::ProxyExists | Self::ToxicExists | Self::TooMany { .. } => StatusCode::CONFLICT,
            Self::Listen { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
