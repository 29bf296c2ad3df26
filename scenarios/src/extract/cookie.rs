//! `cookie`: the value of a cookie that an answer sets, and the cookies of a viewer.

use serde::{Deserialize, Serialize};

use super::Headers;
use super::header::is_token;
use crate::values::days_of;

/// The name of a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CookieName(String);

impl CookieName {
    /// Checks a name.
    ///
    /// # Errors
    /// When no cookie can have it.
    pub fn new(text: &str) -> Result<Self, String> {
        if is_token(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("`{text}` is not the name of a cookie"))
    }

    /// The name.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value that the answer gives it; of several the last. Nothing where it is emptied.
    pub(super) fn find(&self, headers: &dyn Headers) -> Option<String> {
        let mut found = None;
        headers.each("set-cookie", &mut |line| {
            if let Some((name, value, _)) = parts(line)
                && name == self.0
            {
                found = (!value.is_empty()).then(|| value.to_owned());
            }
        });
        found
    }
}

/// Cookies that a viewer keeps at most.
const COOKIES_MAX: usize = 32;
/// Length of a cookie that is kept, in bytes, name and value together.
const COOKIE_BYTES_MAX: usize = 4096;

/// A viewer's cookies. One target, so domain and path do not matter; and a visit is shorter than
/// most ages, so a cookie goes only when an answer takes it away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CookieJar {
    /// In the order in which they first came.
    cookies: Vec<(Box<str>, Box<str>)>,
}

impl CookieJar {
    /// Keeps what an answer sets and drops what it takes away. How many cookies it could not keep,
    /// for want of room or because they are none.
    pub(crate) fn take(&mut self, headers: &dyn Headers) -> u32 {
        let mut refused = 0;
        // The server's own time, so that its dates mean what it means by them.
        let mut now_s = None;
        headers.each("set-cookie", &mut |line| {
            let now_s =
                now_s.get_or_insert_with(|| headers.get("date").and_then(unix_s).unwrap_or(0));
            if !self.take_one(line, *now_s) {
                refused += 1;
            }
        });
        refused
    }

    fn take_one(&mut self, line: &str, now_s: i64) -> bool {
        let Some((name, value, attributes)) = parts(line) else { return false };
        let known = self.cookies.iter().position(|(known, _)| **known == *name);
        if is_over(attributes, now_s) {
            if let Some(known) = known {
                self.cookies.remove(known);
            }
            return true;
        }
        if name.len() + value.len() > COOKIE_BYTES_MAX {
            return false;
        }
        match known {
            Some(known) => self.cookies[known].1 = value.into(),
            None if self.cookies.len() < COOKIES_MAX => {
                self.cookies.push((name.into(), value.into()));
            }
            None => return false,
        }
        true
    }

    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// Appends the value of the `cookie` header.
    pub(crate) fn write(&self, out: &mut String) {
        for (index, (name, value)) in self.cookies.iter().enumerate() {
            if index > 0 {
                out.push_str("; ");
            }
            out.push_str(name);
            out.push('=');
            out.push_str(value);
        }
    }
}

/// Name, value and attributes of a line; nothing where it is no cookie.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
    let (name, value) = pair.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    // It is sent back in a header of its own.
    let sound = is_token(name) && !value.chars().any(char::is_control);
    sound.then_some((name, value, attributes))
}

/// Whether the attributes say that the cookie is no more at `now_s` (since 1970); Max-Age goes
/// before Expires.
fn is_over(attributes: &str, now_s: i64) -> bool {
    let attribute = |wanted: &str| {
        let pairs = attributes.split(';').filter_map(|pair| pair.split_once('='));
        let named = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.trim()).next_back()
    };
    match attribute("max-age").and_then(|age| age.parse::<i64>().ok()) {
        Some(age) => age <= 0,
        None => attribute("expires").and_then(unix_s).is_some_and(|end_s| end_s <= now_s),
    }
}

/// Seconds since 1970 of `Wed, 21 Oct 2015 07:28:00 GMT`, also with `-` between its parts.
fn unix_s(date: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let mut parts = date.split([' ', '-', ',']).filter(|part| !part.is_empty()).skip(1);
    let day: i64 = parts.next()?.parse().ok()?;
    let month = parts.next()?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|known| month.starts_with(known))? as i64 + 1;
    let year: i64 = parts.next()?.parse().ok()?;
    let year = match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        100..10_000 => year,
        _ => return None,
    };
    let mut time = parts.next()?.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    Some(days_of(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}
