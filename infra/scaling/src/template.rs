//! Texts with slots that are filled for each request.

use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Request,
    Query(String),
}

/// A text with slots: `${request}` and `${query.name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Template {
    /// Without slots: the same for everyone.
    Fixed(Arc<str>),
    Parts(Box<[Part]>),
}

impl Template {
    /// Reads a text; the slot that is not known, where there is one.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let (name, end) = after.split_once('}').ok_or_else(|| format!("${{{after}"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(match name.strip_prefix("query.") {
                Some(key) if !key.is_empty() => Part::Query(key.to_owned()),
                None if name == "request" => Part::Request,
                _ => return Err(format!("${{{name}}}")),
            });
            rest = end;
        }
        if parts.is_empty() {
            return Ok(Self::Fixed(text.into()));
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self::Parts(parts.into()))
    }

    /// The text for a request.
    pub(crate) fn fill(&self, request: u64, query: &str) -> Arc<str> {
        let parts = match self {
            Self::Fixed(text) => return Arc::clone(text),
            Self::Parts(parts) => parts,
        };
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Request => out.push_str(&request.to_string()),
                // What would need quoting is left out: the text stays what it is.
                Part::Query(key) => out.extend(
                    query_value(query, key)
                        .chars()
                        .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)),
                ),
            }
        }
        out.into()
    }
}

/// The value of a query's parameter, as it stands there; empty when there is none.
pub(crate) fn query_value<'a>(query: &'a str, key: &str) -> &'a str {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_and_what_would_need_quoting_is_left_out() {
        let template = Template::parse(r#"{"t":"t${request}","c":"${query.viewer}"}"#).unwrap();
        assert_eq!(&*template.fill(7, "a=1&viewer=4%\"2-x"), r#"{"t":"t7","c":"42-x"}"#);
        assert_eq!(&*template.fill(7, ""), r#"{"t":"t7","c":""}"#);
        assert_eq!(Template::parse("${request"), Err("${request".into()));
        assert_eq!(Template::parse("a ${query.} b"), Err("${query.}".into()));
        assert_eq!(Template::parse("a ${viewer} b"), Err("${viewer}".into()));
    }
}
