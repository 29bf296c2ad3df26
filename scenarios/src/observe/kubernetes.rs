//! Kubernetes' own view of a deployment.

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::FeedPlace;

/// A deployment, its pods, and the autoscaler that scales it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesFeed {
    /// The API server.
    pub place: FeedPlace,
    /// Where they are.
    pub namespace: String,
    /// Each of its ready pods is an instance.
    pub deployment: String,
    /// The HorizontalPodAutoscaler that says how many are wanted; the deployment says it where
    /// there is none.
    pub hpa: Option<String>,
}

impl KubernetesFeed {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let place = FeedPlace::read(section, "/");
        let name = |key: &'static str| {
            let text = section.text(key)?;
            if !text.is_empty() && text.bytes().all(is_of_a_name) {
                return Some(text);
            }
            let hint = "names have small letters, digits, `-` and `.`".to_owned();
            section.problem_at(key, format!("`{text}` is no name of Kubernetes"), Some(hint));
            None
        };
        let namespace = match section.has("namespace") {
            true => name("namespace"),
            false => Some("default".to_owned()),
        };
        let deployment = name("deployment");
        let hpa = if section.has("hpa") { name("hpa").map(Some) } else { Some(None) };
        Some(Self { place: place?, namespace: namespace?, deployment: deployment?, hpa: hpa? })
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
}
