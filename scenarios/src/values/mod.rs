//! Computed values of a journey (`[value.NAME]`): one kind a file.
//!
//! A value is computed anew for each request that names it, from the seed, the viewer, the number
//! of the request and the wall time that the caller hands in: the same arguments give the same
//! text on every machine.

mod counter;
mod date;
mod env;
mod file;
mod fixed;
mod hmac;
mod jwt;
mod key;
mod random;
mod secret;
mod timestamp;
mod totp;
mod uuid;

pub(crate) use date::days_of;
pub use secret::Secret;

use std::fmt::{Display, Write};
use std::path::Path;

use hulk_record::{hash_of, seed_of};
use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use counter::Counter;
use env::Env;
use file::File;
use fixed::Fixed;
use hmac::Hmac;
use jwt::Jwt;
use key::Key;
use random::Random;
use timestamp::Timestamp;
use totp::Totp;
use uuid::Uuid;

/// A computed value by its kind's name in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// A UUID.
    Uuid(Uuid),
    /// The wall time.
    Timestamp(Timestamp),
    /// Counts a viewer's uses of it.
    Counter(Counter),
    /// From the environment of the command line; gone once loaded.
    Env(Env),
    /// From a file; gone once loaded.
    File(File),
    /// A signature.
    Hmac(Hmac),
    /// A signed token.
    Jwt(Jwt),
    /// A one-time password.
    Totp(Totp),
    /// A whole number.
    Random(Random),
    /// Always the same.
    Fixed(Fixed),
}

const KINDS: [&str; 10] =
    ["uuid", "timestamp", "counter", "env", "file", "hmac", "jwt", "totp", "random", "fixed"];

/// What a value is computed from.
#[derive(Debug)]
pub struct ValueContext<'a> {
    /// The rehearsal's seed.
    pub seed: u64,
    /// The value's name: two values of one kind differ.
    pub name: &'a str,
    /// The viewer.
    pub viewer: u32,
    /// Number of the viewer's request; a value that a request names twice is the same in both
    /// places.
    pub send: u64,
    /// Wall time, in ms since 1970.
    pub unix_ms: i64,
    /// The viewer's uses of this value so far; only a counter moves it.
    pub counter: &'a mut u64,
}

impl ValueContext<'_> {
    /// A hash of its own for each value and viewer, and each request where one is given.
    fn hash(&self, stream: &str, send: Option<u64>) -> u64 {
        let of_viewer = hash_of(seed_of(seed_of(self.seed, self.name), stream), self.viewer.into());
        send.map_or(of_viewer, |send| hash_of(of_viewer, send))
    }
}

impl Value {
    /// Reads a value: a table with one key, its kind.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let (kind, inner) = section.variant(&KINDS)?;
        match KINDS[kind] {
            "uuid" => Uuid::read(&inner).map(Self::Uuid),
            "timestamp" => Timestamp::read(&inner).map(Self::Timestamp),
            "counter" => Counter::read(&inner).map(Self::Counter),
            "env" => Env::read(&inner).map(Self::Env),
            "file" => File::read(&inner).map(Self::File),
            "hmac" => Hmac::read(&inner).map(Self::Hmac),
            "jwt" => Jwt::read(&inner).map(Self::Jwt),
            "totp" => Totp::read(&inner).map(Self::Totp),
            "random" => Random::read(&inner).map(Self::Random),
            _ => Fixed::read(&inner).map(Self::Fixed),
        }
    }

    /// Takes in what is outside the rehearsal: the environment and files, once, when it is loaded.
    ///
    /// # Errors
    /// What is missing.
    pub fn resolve(self, folder: &Path) -> Result<Self, String> {
        match self {
            Self::Env(env) => env.resolve().map(Self::Fixed),
            Self::File(file) => file.resolve(folder).map(Self::Fixed),
            inside => Ok(inside),
        }
    }

    /// The name of the value that holds its key, where it is not in the file itself.
    pub fn key_value(&self) -> Option<&str> {
        match self {
            Self::Hmac(hmac) => hmac.key.value(),
            Self::Jwt(jwt) => jwt.key.value(),
            Self::Totp(totp) => totp.secret.value(),
            _ => None,
        }
    }

    /// Whether what it computes is for the target alone.
    pub(crate) fn is_secret(&self) -> bool {
        match self {
            Self::Env(_) | Self::File(_) | Self::Hmac(_) => true,
            Self::Jwt(_) | Self::Totp(_) | Self::Fixed(_) => true,
            Self::Uuid(_) | Self::Timestamp(_) | Self::Counter(_) | Self::Random(_) => false,
        }
    }

    /// Its key, where that is in the file itself.
    pub(crate) fn key(&self) -> Option<&str> {
        let key = match self {
            Self::Hmac(hmac) => &hmac.key,
            Self::Jwt(jwt) => &jwt.key,
            Self::Totp(totp) => &totp.secret,
            _ => return None,
        };
        Some(key.text(None)).filter(|text| !text.is_empty())
    }

    /// The text with slots that [`Self::compute`] needs, as the file has it.
    pub fn template(&self) -> Option<&str> {
        match self {
            Self::Hmac(hmac) => Some(&hmac.text),
            Self::Jwt(jwt) => Some(&jwt.claims),
            _ => None,
        }
    }

    /// Appends the value to `out`. `text` is its template with the slots filled, empty where it has none; `key` is
    /// what [`Self::key_value`] names.
    pub fn compute(
        &self,
        ctx: &mut ValueContext<'_>,
        text: &str,
        key: Option<&str>,
        out: &mut String,
    ) {
        match self {
            Self::Uuid(uuid) => uuid.compute(ctx, out),
            Self::Timestamp(timestamp) => timestamp.compute(ctx.unix_ms, out),
            Self::Counter(counter) => counter.compute(ctx.counter, out),
            // Both are replaced when the rehearsal is loaded.
            Self::Env(_) | Self::File(_) => {}
            Self::Hmac(hmac) => out.push_str(&hmac.compute(text, key)),
            Self::Jwt(jwt) => out.push_str(&jwt.compute(text, key)),
            Self::Totp(totp) => out.push_str(&totp.compute(ctx.unix_ms, key)),
            Self::Random(random) => random.compute(ctx, out),
            Self::Fixed(fixed) => out.push_str(fixed.text.reveal()),
        }
    }
}

/// Appends a number.
fn push(number: impl Display, out: &mut String) {
    written_to_text(write!(out, "{number}"));
}

/// Writing to a text in memory cannot fail.
fn written_to_text(written: std::fmt::Result) {
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests;
