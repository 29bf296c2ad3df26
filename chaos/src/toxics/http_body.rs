//! `http_body`: answers have another body.

use serde::Serialize;

use super::{Kind, Logic, Route, Start};
use crate::attributes::Reader;

/// Answers have another body; their status and headers stay, but for the body's length and encoding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpBody {
    /// The body.
    pub body: String,
    /// Which requests.
    #[serde(flatten)]
    pub route: Route,
}

impl Kind for HttpBody {
    fn read(reader: &Reader<'_>) -> Self {
        Self { body: reader.text("body").unwrap_or_default(), route: Route::read(reader) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        None
    }
}
