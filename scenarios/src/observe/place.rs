//! `url`: where a feed is asked.

use std::net::SocketAddr;

use hulk_consent::Scope;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use crate::target::Base;

/// Where a feed is asked: plain HTTP at a loopback address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPlace {
    /// Where connections go.
    pub address: SocketAddr,
    /// The path with its query; it starts with `/`.
    pub path: String,
}

impl FeedPlace {
    /// Reads `url`; a path that it does not name is `path`.
    pub(super) fn read(section: &Section<'_>, path: &str) -> Option<Self> {
        let text = section.text("url")?;
        let problem = |message: String, hint: &str| {
            section.problem_at("url", message, Some(hint.to_owned()));
        };
        let start = text.find("://").map_or(0, |at| at + 3);
        let at = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
        let (base, rest) = text.split_at(at);
        let path = match rest {
            "" | "/" => path.to_owned(),
            query if query.starts_with('?') => format!("{path}{query}"),
            own => own.to_owned(),
        };
        let base = match Base::parse(base) {
            Ok(base) if base.is_tls() => {
                let hint = "for example `kubectl proxy` gives a plain one on loopback";
                problem("a feed is asked over plain `http://`".to_owned(), hint);
                return None;
            }
            Ok(base) => base,
            Err(reason) => {
                let hint = "for example `url = \"http://127.0.0.1:9090/metrics\"`";
                problem(format!("`{text}` cannot be asked: {reason}"), hint);
                return None;
            }
        };
        if path.contains('#') || path.bytes().any(|byte| !byte.is_ascii_graphic()) {
            let hint = "write what is not plain ASCII as `%20` and so on";
            problem(format!("`{path}` is no path of a request"), hint);
            return None;
        }
        match Scope::default().permit_host(base.host(), base.port()) {
            Ok(permit) => Some(Self { address: permit.address(), path }),
            Err(refusal) => {
                let hint = "nothing has been sent; ask a feed at this machine's loopback";
                problem(format!("no consent: {refusal}"), hint);
                None
            }
        }
    }
}
