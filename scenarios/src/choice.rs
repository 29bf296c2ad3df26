//! What a viewer is: drawn once, by hash, from shares; and conditions on it.

use hulk_record::{hash_of, seed_of, unit_of};
use hulk_settings::{FreeValue, Section, nearest_or_all};
use serde::{Deserialize, Serialize};

/// Bits of a condition.
const VALUES_MAX: usize = 64;

/// A choice: its values, and the share of viewers who draw each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its name.
    pub name: String,
    /// The values, in the order of their names.
    pub values: Vec<String>,
    /// The share of each value.
    pub of: Vec<f64>,
    /// The shares among those who come because of a push notification, where they differ.
    pub after_push: Option<Vec<f64>>,
}

impl Choice {
    /// Reads a choice.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let name = section.text("name");
        let of = read_shares(section, "of");
        let after_push = if section.has("after_push") {
            read_shares(section, "after_push").map(Some)
        } else {
            Some(None)
        };
        let ((values, of), after_push) = (of?, after_push?);
        if after_push.as_ref().is_some_and(|(names, _)| *names != values) {
            let message = "`after_push` must have the same names as `of`";
            let names: Vec<String> = values.iter().map(|name| format!("`{name}`")).collect();
            let hint = Some(format!("give a share to each of {}", names.join(", ")));
            section.problem_at("after_push", message, hint);
        }
        let after_push = after_push.map(|(_, shares)| shares);
        Some(Self { name: name?, values, of, after_push })
    }

    /// The value that a viewer draws, by its place; the same on every machine.
    pub fn draw(&self, seed: u64, viewer: u32, after_push: bool) -> u8 {
        let pushed = self.after_push.as_ref().filter(|_| after_push);
        let shares = pushed.unwrap_or(&self.of);
        let seed = seed_of(seed_of(seed, "choice"), &self.name);
        let unit = unit_of(hash_of(seed, viewer.into()));
        let mut below = 0.0;
        let drawn = shares.iter().position(|share| {
            below += share;
            unit < below
        });
        // Sums of shares may end a hair below 1: the last value that anyone draws.
        let last = || shares.iter().rposition(|share| *share > 0.0);
        drawn.or_else(last).unwrap_or_default() as u8
    }

    /// The name of what was drawn.
    pub fn value(&self, drawn: u8) -> Option<&str> {
        self.values.get(usize::from(drawn)).map(String::as_str)
    }
}

/// Names and shares, in the order of the names.
fn read_shares(section: &Section<'_>, key: &'static str) -> Option<(Vec<String>, Vec<f64>)> {
    let mut table = section.section(key)?;
    let values = table.free_values();
    if values.is_empty() || values.len() > VALUES_MAX {
        let message = format!("`{key}` must have from 1 to {VALUES_MAX} values");
        let hint = Some(format!("for example `{key} = {{ yes = 0.3, no = 0.7 }}`"));
        section.problem_at(key, message, hint);
        return None;
    }
    let share = |(name, value): (String, FreeValue<'_>)| match value {
        FreeValue::Number(share) if (0.0..=1.0).contains(&share) => Some((name, share)),
        _ => {
            let hint = Some(format!("for example `{name} = 0.25` for a quarter"));
            table.problem_at(&name, format!("`{name}` must be a share from 0 to 1"), hint);
            None
        }
    };
    let shares: Vec<_> = values.into_iter().map(share).collect();
    let shares: Vec<(String, f64)> = shares.into_iter().collect::<Option<_>>()?;
    check_sum(section, key, shares.iter().map(|(_, share)| *share));
    Some(shares.into_iter().unzip())
}

/// Notes shares that are not the whole.
pub(crate) fn check_sum(section: &Section<'_>, key: &str, shares: impl Iterator<Item = f64>) {
    let sum: f64 = shares.sum();
    if (sum - 1.0).abs() > 1e-6 {
        let message = format!("the shares of `{key}` sum to {sum}: it must be 1");
        let off = ((sum - 1.0).abs() * 1e9).round() / 1e9;
        let way = if sum > 1.0 { "take away" } else { "add" };
        section.problem_at(key, message, Some(format!("{way} {off} in all")));
    }
}

/// Conditions of a step: each must hold, and none holds for everyone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct When {
    /// A choice or trait, and the values of which one must be drawn; in the order of the names.
    pub conditions: Vec<(String, Vec<String>)>,
}

impl When {
    /// Reads a table of conditions, which holds for everyone where the key is absent.
    pub fn read_optional(section: &Section<'_>, key: &'static str) -> Option<Self> {
        if section.has(key) { Self::read(section.section(key)?) } else { Some(Self::default()) }
    }

    /// Reads a table of conditions: a name, and a value or a list of values.
    pub fn read(mut section: Section<'_>) -> Option<Self> {
        let values = section.free_values();
        let condition = |(name, value): (String, FreeValue<'_>)| match value {
            FreeValue::Text(value) => Some((name, vec![value])),
            FreeValue::Texts(values) if !values.is_empty() => Some((name, values)),
            _ => {
                let message = format!("`{name}` must be a value or a list of values");
                let hint =
                    Some(format!("for example `{name} = \"…\"` or `{name} = [\"…\", \"…\"]`"));
                section.problem_at(&name, message, hint);
                None
            }
        };
        let conditions: Vec<_> = values.into_iter().map(condition).collect();
        let conditions = conditions.into_iter().collect::<Option<_>>()?;
        Some(Self { conditions })
    }

    /// Turns names into places.
    ///
    /// # Errors
    /// All names and values that no choice has, with the nearest that there is.
    pub fn compile(&self, choices: &[Choice]) -> Result<CompiledWhen, String> {
        let mut masks = Vec::with_capacity(self.conditions.len());
        let mut wrong = Vec::new();
        for (name, wanted) in &self.conditions {
            let Some(place) = choices.iter().position(|choice| choice.name == *name) else {
                let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
                wrong.push(told(format!("there is no choice `{name}`"), name, &names));
                continue;
            };
            let values: Vec<&str> = choices[place].values.iter().map(String::as_str).collect();
            let mut mask = 0;
            for value in wanted {
                match values.iter().take(VALUES_MAX).position(|known| known == value) {
                    Some(bit) => mask |= 1 << bit,
                    None => {
                        wrong.push(told(
                            format!("`{name}` has no value `{value}`"),
                            value,
                            &values,
                        ));
                    }
                }
            }
            masks.push((place as u16, mask));
        }
        if wrong.is_empty() { Ok(CompiledWhen { masks }) } else { Err(wrong.join("; ")) }
    }
}

/// A message with the nearest name, or else with all names.
fn told(message: String, given: &str, known: &[&str]) -> String {
    format!("{message} ({})", nearest_or_all(given, known))
}

/// Conditions as bits: for the place of a choice, the places of its values that will do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CompiledWhen {
    masks: Vec<(u16, u64)>,
}

impl CompiledWhen {
    /// Each condition: the place of a choice, and the places of the values that will do.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (usize, Vec<u8>)> {
        self.masks.iter().map(|(choice, mask)| {
            let values = (0..VALUES_MAX as u8).filter(|value| mask >> value & 1 == 1).collect();
            (usize::from(*choice), values)
        })
    }

    /// Whether they hold for a viewer who drew these values, in the order of the choices.
    pub fn holds(&self, drawn: &[u8]) -> bool {
        self.masks.iter().all(|(choice, mask)| {
            let value = drawn.get(usize::from(*choice));
            value.is_some_and(|value| mask.checked_shr((*value).into()).unwrap_or(0) & 1 == 1)
        })
    }
}

#[cfg(test)]
mod tests;
