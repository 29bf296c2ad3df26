//! `hmac`: a signature of a text (RFC 2104).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::Mac;
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::Key;

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-1, for interfaces that still ask for it.
    Sha1,
}

/// How bytes become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Base64, padded.
    Base64,
    /// The alphabet for URLs, without padding.
    Base64Url,
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hmac {
    /// The hash function.
    pub algorithm: Algorithm,
    /// The key.
    pub key: Key,
    /// What is signed: a text with slots.
    pub text: String,
    /// How the signature is written.
    pub encoding: Encoding,
}

impl Hmac {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let algorithms = [("sha256", Algorithm::Sha256), ("sha1", Algorithm::Sha1)];
        let algorithm = section.word("algorithm", &algorithms);
        let key = Key::read(section, "key", "key_value");
        let text = section.text("text");
        let encodings = [
            ("hex", Encoding::Hex),
            ("base64", Encoding::Base64),
            ("base64url", Encoding::Base64Url),
        ];
        let encoding = section.word("encoding", &encodings);
        Some(Self { algorithm: algorithm?, key: key?, text: text?, encoding: encoding? })
    }

    pub(super) fn compute(&self, text: &str, key: Option<&str>) -> String {
        let (key, text) = (self.key.text(key).as_bytes(), text.as_bytes());
        match self.algorithm {
            Algorithm::Sha256 => self.encoding.write(&sha256(key, text)),
            Algorithm::Sha1 => self.encoding.write(&sha1(key, text)),
        }
    }
}

impl Encoding {
    fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Hex => {
                bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
            }
            Self::Base64 => STANDARD.encode(bytes),
            Self::Base64Url => URL_SAFE_NO_PAD.encode(bytes),
        }
    }
}

/// HMAC-SHA-256.
pub(super) fn sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    sign::<hmac::Hmac<sha2::Sha256>>(key, text)
}

/// HMAC-SHA-1.
pub(super) fn sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    sign::<hmac::Hmac<sha1::Sha1>>(key, text)
}

fn sign<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length will do: no error can come of it.
    match <M as Mac>::new_from_slice(key) {
        Ok(mac) => mac.chain_update(text).finalize().into_bytes().to_vec(),
        Err(_) => Vec::new(),
    }
}
