//! `totp`: a one-time password (RFC 6238, HMAC-SHA-1).

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Key, hmac};

/// A one-time password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    /// The shared secret, in base32.
    pub secret: Key,
    /// How long each password holds, in ms of wall time.
    pub period_ms: u64,
    /// Its length.
    pub digits: u32,
}

impl Totp {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let secret = Key::read(section, "secret", "secret_value");
        let period_ms = section.integer_or("period_ms", 1000..=3_600_000, 30_000);
        let digits = section.integer_or("digits", 6..=8, 6);
        if let Some(Key::Given(given)) = &secret
            && base32(given.reveal()).is_none_or(|bytes| bytes.is_empty())
        {
            let message = "the secret is not base32 (A to Z and 2 to 7)";
            let hint = Some("for example `secret = \"JBSWY3DPEHPK3PXP\"`".to_owned());
            section.problem_at("secret", message, hint);
        }
        Some(Self { secret: secret?, period_ms: period_ms?, digits: digits? as u32 })
    }

    /// The password; nothing where the key that is handed in is not base32.
    pub(super) fn compute(&self, unix_ms: i64, key: Option<&str>) -> String {
        let counter = unix_ms.div_euclid(self.period_ms as i64);
        let Some(secret) = base32(self.secret.text(key)) else { return String::new() };
        let hash = hmac::sha1(&secret, &counter.to_be_bytes());
        // The last half-byte says where the number begins.
        let at = usize::from(hash.last().copied().unwrap_or_default() & 0x0f);
        let four = hash.iter().skip(at).take(4);
        let number = four.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let number = (number & 0x7fff_ffff) % 10_u32.pow(self.digits);
        format!("{number:0width$}", width = self.digits as usize)
    }
}

/// Decodes base32 (RFC 4648); case, blanks and padding do not matter.
fn base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for letter in text.trim_end_matches('=').chars().filter(|c| !c.is_whitespace()) {
        let five = match letter.to_ascii_uppercase() {
            upper @ 'A'..='Z' => upper as u32 - 'A' as u32,
            digit @ '2'..='7' => digit as u32 - '2' as u32 + 26,
            _ => return None,
        };
        bits = bits << 5 | five;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes)
}
