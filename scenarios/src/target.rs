//! What a rehearsal is aimed at.

use hulk_consent::Scope;
use hulk_scaling::{PlatformSpec, Policy};
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

/// The embedded reference platform, with the policies that scale it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    /// Its description.
    pub platform: PlatformSpec,
    /// A policy for each of its services, in their order.
    pub policies: Vec<Policy>,
}

/// What a rehearsal is aimed at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The reference platform, started as a child process.
    Embedded(Box<Embedded>),
    /// Somebody's own service on this machine; nobody observes its capacity.
    Url {
        /// Host, as written.
        host: String,
        /// Port.
        port: u16,
    },
}

impl Target {
    /// Reads `url = { base = "http://127.0.0.1:8080" }`; whatever is outside the scope is a
    /// problem of the file, found before anything is sent.
    pub(crate) fn read_url(section: &Section<'_>) -> Option<Self> {
        let base = section.text("base")?;
        let parsed = parse_base(&base);
        let (host, port) = match parsed {
            Ok(parsed) => parsed,
            Err(reason) => {
                let hint = Some("for example `base = \"http://127.0.0.1:8080\"`".to_owned());
                section.problem_at("base", format!("`{base}` cannot be a target: {reason}"), hint);
                return None;
            }
        };
        if let Err(refusal) = Scope::default().permit_host(&host, port) {
            let hint = Some("nothing has been sent; aim it at this machine's loopback".to_owned());
            section.problem_at("base", format!("no consent: {refusal}"), hint);
            return None;
        }
        Some(Self::Url { host, port })
    }

    /// The names of the edges that viewers ask; one without a name of its own for a URL.
    pub fn edges(&self) -> Vec<String> {
        match self {
            Self::Embedded(embedded) => {
                embedded.platform.edges.iter().map(|edge| edge.name.clone()).collect()
            }
            Self::Url { .. } => vec!["target".to_owned()],
        }
    }

    /// How it is called in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded(_) => "the embedded reference platform".to_owned(),
            Self::Url { host, port } => format!("http://{host}:{port}"),
        }
    }
}

fn parse_base(base: &str) -> Result<(String, u16), &'static str> {
    let rest = base.strip_prefix("http://").ok_or("it must start with `http://`")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '@']) {
        return Err("it must be a host and a port only; paths belong to the journey's steps");
    }
    let split = match rest.rfind(':') {
        Some(at) if !rest[at..].contains(']') => (&rest[..at], Some(&rest[at + 1..])),
        _ => (rest, None),
    };
    let port = match split.1 {
        Some(text) => text.parse().map_err(|_| "the port must be from 1 to 65535")?,
        None => 80,
    };
    match (split.0, port) {
        ("", _) => Err("it names no host"),
        (_, 0) => Err("the port must be from 1 to 65535"),
        (host, port) => Ok((host.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        assert_eq!(parse_base("http://127.0.0.1:8080"), Ok(("127.0.0.1".into(), 8080)));
        assert_eq!(parse_base("http://localhost/"), Ok(("localhost".into(), 80)));
        assert_eq!(parse_base("http://[::1]:81"), Ok(("[::1]".into(), 81)));
        assert_eq!(parse_base("http://[::1]"), Ok(("[::1]".into(), 80)));
        for wrong in
            ["https://localhost", "localhost", "http://", "http://a/b", "http://a:0", "http://u@a"]
        {
            assert!(parse_base(wrong).is_err(), "{wrong}");
        }
    }
}
