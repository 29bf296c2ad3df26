//! A platform that stands alone: whose it is, and the policies that may be chosen for it.

use hulk_scaling::Policy;
use hulk_settings::{Source, read};
use serde_json::{Map, Value};

use crate::Plan;

/// What a platform's page shows and offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Alone {
    /// The rehearsal that it was made for.
    pub name: String,
    /// Whose policies may be chosen: for each service one, in the order of the description's.
    pub choices: Vec<(String, Vec<Policy>)>,
}

impl Alone {
    /// Whose a service's policy is; none where it is nobody's.
    pub(crate) fn whose(&self, service: usize, policy: &Policy) -> Option<&str> {
        let known = self.choices.iter().find(|(_, all)| all.get(service) == Some(policy));
        known.map(|(name, _)| name.as_str())
    }

    /// The policy that somebody asks for: `{"like": "match-day"}`, or a policy in the form that it
    /// has in a file.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn choose(
        &self,
        plan: &Plan,
        service: &str,
        wanted: &Map<String, Value>,
    ) -> Result<Policy, String> {
        let all = &plan.platform.services;
        let place = all.iter().position(|known| known.name == service).ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|known| known.name.as_str()).collect();
            format!("there is no service `{service}`: the platform has {}", names.join(", "))
        })?;
        let Some(like) = wanted.get("like") else { return of_file(wanted) };
        let chosen = self.choices.iter().find(|(name, _)| like.as_str() == Some(name));
        let chosen = chosen.filter(|_| wanted.len() == 1).and_then(|(_, all)| all.get(place));
        chosen.cloned().ok_or_else(|| {
            let names: Vec<&str> = self.choices.iter().map(|(name, _)| name.as_str()).collect();
            format!("`like` stands alone and is one of {}", names.join(", "))
        })
    }
}

/// A policy in the form of a file, read as one is.
fn of_file(wanted: &Map<String, Value>) -> Result<Policy, String> {
    let mut text = String::new();
    for (key, value) in wanted {
        text += &format!("{} = {}\n", quoted(key), toml(value)?);
    }
    let policy = read(&Source::new("policy", text), Policy::read).map_err(|problems| {
        let told = |message: String, hint: Option<String>| match hint {
            Some(hint) => format!("{message} ({hint})"),
            None => message,
        };
        let told = problems.list.into_iter().map(|problem| told(problem.message, problem.hint));
        told.collect::<Vec<_>>().join("; ")
    })?;
    match policy {
        Policy::Scheduled(_) => Err("`ahead` is for files: a platform alone has no day on which \
                                     something is known to come"
            .to_owned()),
        policy => Ok(policy),
    }
}

/// A value of JSON as one of TOML.
fn toml(value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Err("null is no value of a policy: leave the key out".to_owned()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::String(text) => Ok(quoted(text)),
        Value::Array(items) => {
            let items = items.iter().map(toml).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("[{}]", items.join(", ")))
        }
        Value::Object(table) => {
            let pair =
                |(key, value): (&String, &Value)| Ok(format!("{} = {}", quoted(key), toml(value)?));
            let pairs = table.iter().map(pair).collect::<Result<Vec<_>, String>>()?;
            Ok(format!("{{{}}}", pairs.join(", ")))
        }
    }
}

/// A text in quotes: what JSON escapes TOML does too, but for one character.
fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
