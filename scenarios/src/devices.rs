//! Devices: what viewers watch on, and what follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use hulk_settings::{FreeValue, Problems, Section, Source, nearest_or_all, read};
use serde::{Deserialize, Serialize};

use crate::choice::{Choice, check_sum};
use crate::extract::HeaderName;
use crate::retry::Retry;

/// The name of the choice that is drawn.
const CHOICE: &str = "device";

/// The devices of an audience.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Devices {
    /// In the order of their names, which is the order of [`Self::choice`]'s values.
    pub list: Vec<Device>,
    /// What devices differ in, with every value that there may be: for conditions of steps.
    pub traits: BTreeMap<String, Vec<String>>,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its share of the viewers.
    pub share: f64,
    /// The headers that it sends with every request; names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The rendition is the best that needs no more kbit/s.
    pub kbps_max: f64,
    /// What its player does when a request fails.
    pub retry: Retry,
    /// Its value of each trait.
    pub traits: BTreeMap<String, String>,
}

impl Devices {
    /// Reads a file of devices.
    ///
    /// # Errors
    /// Every problem in it.
    pub fn read(source: &Arc<Source>) -> Result<Self, Problems> {
        read(source, Self::read_root)
    }

    fn read_root(root: &Section<'_>) -> Option<Self> {
        let traits = read_traits(root);
        let sections = root.named_sections("device");
        if sections.is_empty() {
            let hint = Some("add `[device.mobile]`".to_owned());
            root.problem("there is no device", hint);
            return None;
        }
        let known = traits.clone().unwrap_or_default();
        let device = |(name, section): &(String, Section<'_>)| Device::read(name, section, &known);
        let list: Vec<_> = sections.iter().map(device).collect();
        let list: Vec<Device> = list.into_iter().collect::<Option<_>>()?;
        check_sum(root, "device", list.iter().map(|device| device.share));
        Some(Self { list, traits: traits? })
    }

    /// What a viewer draws: the devices by their names, in the order of [`Self::list`].
    pub fn choice(&self) -> Choice {
        Choice {
            name: CHOICE.to_owned(),
            values: self.list.iter().map(|device| device.name.clone()).collect(),
            of: self.list.iter().map(|device| device.share).collect(),
            after_push: None,
        }
    }

    /// The traits as choices, in the order of their names: for conditions of steps. They are not
    /// drawn: [`Self::trait_of`] says what each is.
    pub fn trait_choices(&self) -> Vec<Choice> {
        let choice = |(name, values): (&String, &Vec<String>)| Choice {
            name: name.clone(),
            values: values.clone(),
            of: values.iter().map(|value| self.share_with(name, value)).collect(),
            after_push: None,
        };
        self.traits.iter().map(choice).collect()
    }

    fn share_with(&self, name: &str, value: &str) -> f64 {
        let with = |device: &&Device| device.traits.get(name).is_some_and(|given| given == value);
        self.list.iter().filter(with).map(|device| device.share).sum()
    }

    /// What the trait at `place` of [`Self::trait_choices`] is for a device.
    pub fn trait_of(&self, device: u8, place: usize) -> u8 {
        let value = || {
            let (name, known) = self.traits.iter().nth(place)?;
            let given = self.list.get(usize::from(device))?.traits.get(name)?;
            known.iter().position(|value| value == given)
        };
        value().unwrap_or_default() as u8
    }

    /// The headers of the device at `place`.
    pub fn headers(&self, place: usize) -> &[(String, String)] {
        self.list.get(place).map_or(&[], |device| &device.headers)
    }

    /// What the device at `place` shows at most, in kbit/s.
    pub fn kbps_max(&self, place: usize) -> Option<f64> {
        self.list.get(place).map(|device| device.kbps_max)
    }

    /// What the player of the device at `place` does when a request fails.
    pub fn retry(&self, place: usize) -> Option<&Retry> {
        self.list.get(place).map(|device| &device.retry)
    }
}

impl Device {
    fn read(
        name: &str,
        section: &Section<'_>,
        known: &BTreeMap<String, Vec<String>>,
    ) -> Option<Self> {
        let share = section.number("share", 0.0..=1.0);
        let headers = read_headers(section);
        let kbps_max = section.number("kbps_max", 1.0..=1e6);
        let retry = section.section("retry").and_then(|retry| Retry::read(&retry));
        let given = section.section_optional("traits").map(Section::free_texts);
        let given: BTreeMap<String, String> = given.unwrap_or_default().into_iter().collect();
        for (of, value) in &given {
            let (word, among): (_, Vec<&str>) = match known.get(of) {
                Some(values) if values.contains(value) => continue,
                Some(values) => (value, values.iter().map(String::as_str).collect()),
                None => (of, known.keys().map(String::as_str).collect()),
            };
            let message = format!("`[traits]` does not know `{word}`");
            section.problem_at("traits", message, Some(nearest_or_all(word, &among)));
        }
        for missing in known.keys().filter(|of| !given.contains_key(*of)) {
            let values = known[missing].iter().map(|value| format!("`{missing} = \"{value}\"`"));
            let hint = format!("one of {}", values.collect::<Vec<_>>().join(", "));
            section.problem(format!("`traits` must say which `{missing}` it has"), Some(hint));
        }
        Some(Self {
            name: name.to_owned(),
            share: share?,
            headers: headers?,
            kbps_max: kbps_max?,
            retry: retry?,
            traits: given,
        })
    }
}

fn read_headers(section: &Section<'_>) -> Option<Vec<(String, String)>> {
    let given = section.section_optional("headers").map(Section::free_texts).unwrap_or_default();
    let header = |(name, value): (String, String)| {
        let read = HeaderName::new(&name).and_then(|name| {
            if value.chars().any(char::is_control) {
                return Err(format!("the header `{}` has a control character", name.text()));
            }
            Ok((name.text().to_owned(), value))
        });
        let hint = "for example `headers = { user-agent = \"rehearsal\" }`";
        let noted = |reason| section.problem_at("headers", reason, Some(hint.to_owned()));
        read.map_err(noted).ok()
    };
    let headers: Vec<_> = given.into_iter().map(header).collect();
    headers.into_iter().collect()
}

fn read_traits(root: &Section<'_>) -> Option<BTreeMap<String, Vec<String>>> {
    if !root.has("traits") {
        return Some(BTreeMap::new());
    }
    let mut table = root.section("traits")?;
    let values = table.free_values();
    let one = |(name, value): (String, FreeValue<'_>)| match value {
        FreeValue::Texts(mut known) if !known.is_empty() => {
            known.sort();
            Some((name, known))
        }
        _ => {
            let hint = Some(format!("for example `{name} = [\"small\", \"large\"]`"));
            table.problem_at(&name, format!("`{name}` must be a list of its values"), hint);
            None
        }
    };
    let traits: Vec<_> = values.into_iter().map(one).collect();
    traits.into_iter().collect()
}

#[cfg(test)]
mod tests;
