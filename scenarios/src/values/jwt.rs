//! `jwt`: a signed token (RFC 7519, HS256).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Key, hmac};

/// A token signed with HMAC-SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwt {
    /// The key.
    pub key: Key,
    /// What it claims: JSON with slots.
    pub claims: String,
}

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

impl Jwt {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let key = Key::read(section, "key", "key_value");
        let claims = section.text("claims")?;
        let filled = with_zeros(&claims);
        if !matches!(serde_json::from_str(&filled), Ok(serde_json::Value::Object(_))) {
            let hint = Some(r#"for example '{"sub":"${viewer}"}'"#.to_owned());
            section.problem_at("claims", "`claims` must be a JSON object", hint);
        }
        Some(Self { key: key?, claims })
    }

    pub(super) fn compute(&self, claims: &str, key: Option<&str>) -> String {
        let mut token = URL_SAFE_NO_PAD.encode(HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = hmac::sha256(self.key.text(key).as_bytes(), token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

/// The text with a zero in each slot, which does both as a number and within a text.
fn with_zeros(text: &str) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        filled.push('0');
        filled.push_str(part.split_once('}').map_or("", |(_, after)| after));
    }
    filled
}
