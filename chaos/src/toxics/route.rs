//! Which requests an HTTP toxic is done to.

use serde::Serialize;

use crate::attributes::Reader;

/// Which requests a toxic is done to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Route {
    /// What the path begins with; every path where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The method; every one where it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// The share of those requests, from 0 to 1.
    share: f64,
}

impl Route {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let path = reader.text("path");
        if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
            reader.problem("path", "must begin with `/`, for example `/api/`".into());
        }
        let method = reader.text("method");
        let share = reader.number("share", 0.0..=1.0, 1.0);
        Self { path, method, share }
    }

    /// Whether a request is one of them; `lot` is a number in [0, 1) that was drawn for it.
    pub fn takes(&self, method: &str, path: &str, lot: f64) -> bool {
        self.path.as_ref().is_none_or(|wanted| path.starts_with(wanted))
            && self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && lot < self.share
    }
}
