//! `http_status`: requests are answered by the proxy.

use serde::Serialize;

use super::{Kind, Logic, Route, Start};
use crate::attributes::Reader;

/// Requests are answered by the proxy, and the server never sees them; the connection goes on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpStatus {
    /// The status of the answer.
    pub status: i64,
    /// Its body; empty where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Which requests.
    #[serde(flatten)]
    pub route: Route,
}

impl Kind for HttpStatus {
    fn read(reader: &Reader<'_>) -> Self {
        let status = reader.whole("status", 200..=599);
        Self { status, body: reader.text("body"), route: Route::read(reader) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        None
    }
}
