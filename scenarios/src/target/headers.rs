//! Headers that each request to an origin carries.

use hulk_settings::{FreeValue, Section};

use crate::values::Secret;

/// HULK writes them itself, or they would change how a request is read.
const OURS: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Names that HULK keeps for itself begin so.
const PREFIX: &str = "x-hulk-";

/// Reads `{ name = "value", other = { env = "VARIABLE" } }`; names in lower case. A value is never
/// part of a message.
pub(super) fn read(mut section: Section<'_>) -> Option<Vec<(String, Secret)>> {
    let given = section.free_values();
    let mut headers: Vec<(String, Secret)> = Vec::with_capacity(given.len());
    let mut complete = true;
    for (key, value) in given {
        let name = key.to_ascii_lowercase();
        let fit = match refused(&name) {
            None if headers.iter().any(|(known, _)| *known == name) => {
                Some(("it is there twice", "names differ in more than upper and lower case"))
            }
            refused => refused,
        };
        if let Some((reason, hint)) = fit {
            let message = format!("header `{key}` may not be set: {reason}");
            section.problem_at(&key, message, Some(hint.to_owned()));
            complete = false;
        }
        match value_of(&section, &key, value) {
            Some(value) => headers.push((name, value)),
            None => complete = false,
        }
    }
    headers.sort_by(|a, b| a.0.cmp(&b.0));
    complete.then_some(headers)
}

/// Why a header of this name, in lower case, may not be set, and what to do.
fn refused(name: &str) -> Option<(&'static str, &'static str)> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(letter) {
        return Some(("its name is not valid", "letters, digits and `-`, for example `x-tenant`"));
    }
    if name == "cookie" {
        let reason = "each viewer keeps the cookies that the answers set";
        return Some((reason, "let an answer set it with `set-cookie`"));
    }
    let ours = OURS.contains(&name) || name.starts_with(PREFIX);
    ours.then_some(("HULK writes it itself", "leave it out"))
}

fn value_of(section: &Section<'_>, key: &str, value: FreeValue<'_>) -> Option<Secret> {
    let hint = Some(format!("`{key} = \"…\"`, or `{key} = {{ env = \"…\" }}`"));
    let (text, from) = match value {
        FreeValue::Text(text) => (Secret::new(text), String::new()),
        FreeValue::Section(inner) => {
            let variable = inner.text("env")?;
            match Secret::from_environment(&variable) {
                Ok(text) => (text, format!(", from `{variable}`,")),
                Err(reason) => {
                    let hint = Some(format!("for example `{variable}=… hulk rehearse FILE`"));
                    section.problem_at(key, format!("header `{key}`: {reason}"), hint);
                    return None;
                }
            }
        }
        FreeValue::Number(_) | FreeValue::Texts(_) => {
            section.problem_at(key, format!("header `{key}` must be a text"), hint);
            return None;
        }
    };
    let letter = |byte: u8| byte == b'\t' || (0x20..0x7f).contains(&byte);
    if text.reveal().bytes().all(letter) {
        return Some(text);
    }
    let message = format!(
        "the value of header `{key}`{from} cannot be sent: it may only hold visible ASCII letters \
         and spaces"
    );
    section.problem_at(key, message, Some("is there a line end in it?".to_owned()));
    None
}
