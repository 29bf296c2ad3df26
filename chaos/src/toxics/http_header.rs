//! `http_header`: answers have a header more, or less.

use serde::Serialize;

use super::{Kind, Logic, Route, Start};
use crate::attributes::Reader;

/// Answers have a header more, or less; of the stream `upstream`, requests have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpHeader {
    /// The header's name.
    pub name: String,
    /// What it says in the place of what it said; where it is absent, the header is taken away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Which requests.
    #[serde(flatten)]
    pub route: Route,
}

impl Kind for HttpHeader {
    fn read(reader: &Reader<'_>) -> Self {
        let name = reader.text("name").unwrap_or_default();
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            reader.problem("name", format!("is `{name}`: the name of a header is expected"));
        }
        // What frames the messages is the proxy's own affair.
        let framing = ["content-length", "transfer-encoding", "connection"];
        if framing.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            reader
                .problem("name", format!("is `{name}`, by which a message is told from the next"));
        }
        let value = reader.text("value");
        let visible = |byte: u8| byte == b'\t' || (b' '..127).contains(&byte);
        if value.as_ref().is_some_and(|value| !value.bytes().all(visible)) {
            reader.problem("value", "must be of visible ASCII letters and spaces".into());
        }
        Self { name, value, route: Route::read(reader) }
    }

    fn logic(&self, _start: Start) -> Option<Box<dyn Logic>> {
        None
    }
}
