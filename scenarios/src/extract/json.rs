//! `json`: a value of a JSON body.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AnswerView;

/// A JSON pointer (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer(String);

impl Pointer {
    /// Checks a pointer.
    ///
    /// # Errors
    /// When it does not begin with `/`.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("the JSON pointer `{text}` must start with `/`"))
    }

    /// As the file has it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What it points at.
    pub fn at<'a>(&self, answer: &'a AnswerView<'_>) -> Option<&'a Value> {
        answer.json()?.pointer(&self.0)
    }

    /// What it points at, where that is a text, a number or a truth value.
    pub(super) fn find(&self, answer: &AnswerView<'_>) -> Option<String> {
        match self.at(answer)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}
