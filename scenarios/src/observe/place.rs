//! `url`: where a feed is asked.

use std::net::SocketAddr;

use hulk_consent::Scope;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

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
        match Scope::default().permit_url(&text) {
            Ok((permit, named)) => {
                let path = if named == "/" { path.to_owned() } else { named };
                Some(Self { address: permit.address(), path })
            }
            Err(refusal) => {
                let hint = "ask a feed on this machine's loopback, for example \
                            `url = \"http://127.0.0.1:9090\"`; nothing has been sent";
                section.problem_at("url", format!("no consent: {refusal}"), Some(hint.to_owned()));
                None
            }
        }
    }
}
