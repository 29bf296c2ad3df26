//! Bodies of requests, read as leniently as Toxiproxy reads them: names of fields in any case, unknown
//! fields ignored, `null` as good as absent.

use hulk_scenarios::chaos::{Attributes, Protocol};
use serde_json::{Map, Value};

use crate::desk::ToxicAsked;
use crate::error::ApiError;
use crate::spec::{ANY_PORT, ProxySpec};

/// A JSON object that somebody sent.
pub(super) struct Asked(Map<String, Value>);

impl Asked {
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        match json(body)? {
            Value::Object(fields) => Ok(Self(fields)),
            other => Err(ApiError::Body(format!("an object is expected, not {}", kind(&other)))),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        // The last of several counts.
        let mut own = self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        own.next_back().map(|(_, value)| value).filter(|value| !value.is_null())
    }

    fn field<'a, T>(
        &'a self,
        name: &str,
        wanted: &str,
        of: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || ApiError::Body(format!("`{name}` must be {wanted}, not {}", kind(value)));
        of(value).map(Some).ok_or_else(wrong)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.field(name, "a text", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        self.field(name, "true or false", Value::as_bool)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, ApiError> {
        self.field(name, "a number", Value::as_f64)
    }

    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.field(name, "a whole number", Value::as_i64)
    }

    pub(super) fn attributes(&self, name: &str) -> Result<Attributes, ApiError> {
        let given = self.field(name, "an object", |value| value.as_object().cloned())?;
        Ok(given.unwrap_or_default())
    }

    /// Refuses what is none of `names`.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        let known = |key: &&String| !names.iter().any(|name| name.eq_ignore_ascii_case(key));
        match self.0.keys().find(known) {
            Some(strange) => {
                let names = names.join(", ");
                Err(ApiError::Body(format!("unknown field `{strange}`: known are {names}")))
            }
            None => Ok(()),
        }
    }

    /// A proxy; `place` tells which of several is wrong.
    pub(super) fn proxy(&self, place: Option<usize>) -> Result<ProxySpec, ApiError> {
        let at = place.map_or_else(String::new, |place| format!(" at proxy {}", place + 1));
        let missing = |name: &str| ApiError::Missing(format!("{name}{at}"));
        let name = self.text("name")?.filter(|name| !name.is_empty());
        let upstream = self.text("upstream")?.filter(|upstream| !upstream.is_empty());
        let protocol = match self.text("protocol")? {
            None => Protocol::default(),
            Some(text) => Protocol::of(&text).ok_or_else(|| {
                ApiError::Body(format!(
                    "protocol `{text}` is unknown: tcp, http or udp is expected"
                ))
            })?,
        };
        let listen = self.text("listen")?.filter(|listen| !listen.is_empty());
        Ok(ProxySpec {
            name: name.ok_or_else(|| missing("name"))?,
            listen: listen.unwrap_or_else(|| ANY_PORT.to_owned()),
            upstream: upstream.ok_or_else(|| missing("upstream"))?,
            protocol,
            enabled: self.flag("enabled")?.unwrap_or(true),
        })
    }

    /// A toxic.
    pub(super) fn toxic(&self) -> Result<ToxicAsked, ApiError> {
        Ok(ToxicAsked {
            name: self.text("name")?,
            kind: self.text("type")?.unwrap_or_default(),
            stream: self.text("stream")?,
            toxicity: self.number("toxicity")?,
            attributes: self.attributes("attributes")?,
            ramp: None,
            strict: false,
        })
    }
}

/// The proxies of a list, as `populate` and a file of proxies have them.
///
/// # Errors
/// When it is no such list.
pub fn read_proxies(body: &[u8]) -> Result<Vec<ProxySpec>, ApiError> {
    let Value::Array(items) = json(body)? else {
        return Err(ApiError::Body("a list of proxies is expected".to_owned()));
    };
    let read = |(place, item): (usize, Value)| match item {
        Value::Object(fields) => Asked(fields).proxy(Some(place)),
        other => Err(ApiError::Body(format!("an object is expected, not {}", kind(&other)))),
    };
    items.into_iter().enumerate().map(read).collect()
}

fn json(body: &[u8]) -> Result<Value, ApiError> {
    // What stands behind the first value is ignored, as a decoder of a stream does.
    let mut values = serde_json::Deserializer::from_slice(body).into_iter();
    match values.next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(ApiError::Body(error.to_string())),
        None => Err(ApiError::Body("EOF".to_owned())),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
