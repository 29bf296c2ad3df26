//! What a viewer draws, and which steps it never comes to.

use hulk_settings::nearest;

use super::{Cut, Trial};
use crate::choice::{Choice, CompiledWhen};
use crate::steps::Does;
use crate::{Placed, Script, SequenceStep, Session};

use super::shown::Unreached;

/// Gives choices their values: nobody draws anything else.
pub(super) fn force(script: &mut Script, forced: &[(String, String)]) -> Result<(), Vec<String>> {
    let mut wrong = Vec::new();
    for (name, value) in forced {
        let place = script.choices.iter().position(|choice| choice.name == *name);
        let Some(place) = place else {
            wrong.push(no_choice(script, name, value));
            continue;
        };
        let choice = &mut script.choices[place];
        let values: Vec<&str> = choice.values.iter().map(String::as_str).collect();
        let Some(chosen) = values.iter().position(|known| known == value) else {
            let hint = nearest(value, &values).unwrap_or_else(|| list(&values));
            wrong.push(format!("--set {name}={value}: `{name}` has no value `{value}`; {hint}"));
            continue;
        };
        choice.of = (0..choice.values.len()).map(|n| f64::from(u8::from(n == chosen))).collect();
        choice.after_push = None;
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn no_choice(script: &Script, name: &str, value: &str) -> String {
    if script.traits.iter().any(|known| known.name == *name) {
        let devices = script.devices.iter().flat_map(|devices| &devices.list);
        let with = devices.filter(|device| device.traits.get(name).is_some_and(|it| it == value));
        let tries: Vec<String> =
            with.map(|device| format!("--set device={}", device.name)).collect();
        let hint = match tries.is_empty() {
            true => format!("no device has `{value}`"),
            false => format!("try {}", tries.join(" or ")),
        };
        return format!("--set {name}={value}: `{name}` follows from the device; {hint}");
    }
    let names: Vec<&str> = script.choices.iter().map(|choice| choice.name.as_str()).collect();
    let hint = nearest(name, &names).unwrap_or_else(|| list(&names));
    format!("--set {name}={value}: there is no choice `{name}`; {hint}")
}

fn list(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "the journeys have none".to_owned(),
        false => format!("there are {}", names.join(", ")),
    }
}

/// What a viewer drew, by name.
pub(super) fn drawn(script: &Script, session: &Session) -> Vec<(String, String)> {
    let all = script.choices.iter().chain(&script.traits).zip(session.drawn());
    all.map(|(choice, drawn)| {
        (choice.name.clone(), choice.value(*drawn).unwrap_or_default().to_owned())
    })
    .collect()
}

/// That a value is not there, and who would give it.
pub(super) fn giver_told(script: &Script, name: &str) -> String {
    let gives = |placed: &Placed<SequenceStep>| {
        let request = &placed.what.request()?.request;
        let gives = request.extract.iter().any(|(known, _)| known == name);
        gives.then(|| {
            format!("`{}/{}`", script.parts[usize::from(placed.journey)].name, request.name)
        })
    };
    let sequences = script.start.iter().chain(&script.act).chain(&script.exit);
    let every = script.every.iter().filter_map(|placed| {
        let request = &placed.what.request;
        let gives = request.extract.iter().any(|(known, _)| known == name);
        gives.then(|| {
            format!("`{}/{}`", script.parts[usize::from(placed.journey)].name, request.name)
        })
    });
    let givers: Vec<String> = sequences.filter_map(gives).chain(every).collect();
    format!("`${{{name}}}` is empty: {} did not give it to this viewer", givers.join(" or "))
}

/// A step that sends: its journey and its place in it, who does it with which feeders, and what it
/// is where it is one of a sequence.
type Reachable<'a> = (u16, u16, &'a CompiledWhen, &'a [u16], Option<&'a SequenceStep>);

impl Trial {
    /// Why the viewer left before watching, where no request failed.
    pub(super) fn given_up(&self) -> String {
        if let Some(last) = self.ending.steps.last().filter(|row| row.outcome != "ok") {
            return format!("the viewer gave up after `{}/{}` failed", last.journey, last.step);
        }
        if let Some((_, name)) = self.give_up_step() {
            return format!("the viewer closes the app at `{name}`");
        }
        match self.ending.troubles.last() {
            Some(trouble) => format!("the viewer could not go on: {trouble}"),
            None => "the viewer left before".to_owned(),
        }
    }

    /// The step at which this viewer closes the app.
    fn give_up_step(&self) -> Option<(&Placed<SequenceStep>, &str)> {
        self.script.start.iter().find_map(|placed| match &placed.what.does {
            Does::GiveUp { name } if placed.when.holds(self.session.drawn()) => {
                Some((placed, name.as_str()))
            }
            _ => None,
        })
    }

    /// Every step that was never sent, and why.
    pub(super) fn unreached(&self, cut: Option<Cut>) -> Vec<Unreached> {
        let script = &self.script;
        let mut all: Vec<Reachable<'_>> = Vec::new();
        for placed in script.start.iter().chain(&script.exit).chain(&script.act) {
            if placed.what.request().is_some() {
                let Placed { journey, step, when, feeders, what, .. } = placed;
                all.push((*journey, *step, when, feeders, Some(what)));
            }
        }
        for Placed { journey, step, when, feeders, .. } in &script.every {
            all.push((*journey, *step, when, feeders, None));
        }
        if let Some(Placed { journey, step, when, feeders, .. }) = &script.hls {
            (0..3).for_each(|more| all.push((*journey, step + more, when, feeders, None)));
        }
        all.retain(|(journey, step, ..)| !self.reached.contains(&(*journey, *step)));
        all.sort_by_key(|(journey, step, ..)| (*journey, *step));
        let told = all.into_iter().map(|(journey, step, when, feeders, what)| {
            let part = &script.parts[usize::from(journey)];
            let name = part.steps[usize::from(step)].name.clone();
            let why = self.why_not(when, feeders, what, cut);
            Unreached { journey: part.name.clone(), step: name, why }
        });
        told.collect()
    }

    fn why_not(
        &self,
        when: &CompiledWhen,
        feeders: &[u16],
        step: Option<&SequenceStep>,
        cut: Option<Cut>,
    ) -> String {
        if let Some(why) = self.by_choice(when) {
            return why;
        }
        if let Some(feeder) = self.session.dry(feeders) {
            return format!("feeder `{feeder}` has no row for viewer {}", self.opening.viewer);
        }
        if step.is_some_and(|step| self.session.is_asked_for(&step.unless)) {
            return "the target asks to leave it out (x-panic)".to_owned();
        }
        let why = match (cut, &self.stopped) {
            (Some(Cut::Limit), _) => "the time was over: see --limit-ms".to_owned(),
            (Some(Cut::Interrupted), _) => "interrupted".to_owned(),
            (None, Some(stopped)) => stopped.clone(),
            (None, None) => match self.ending.steps.iter().rfind(|row| row.outcome != "ok") {
                Some(row) => format!("`{}/{}` failed before", row.journey, row.step),
                None => "nothing led there".to_owned(),
            },
        };
        match self.without_give_up(when).filter(|_| cut.is_none()) {
            Some(hint) => format!("{why}; try --set {hint}"),
            None => why,
        }
    }

    /// What keeps a viewer with these choices from a step, and which would not.
    fn by_choice(&self, when: &CompiledWhen) -> Option<String> {
        let drawn = self.session.drawn();
        let script = &self.script;
        let choices: Vec<&Choice> = script.choices.iter().chain(&script.traits).collect();
        let fails = |(choice, values): &(usize, Vec<u8>)| !values.contains(&drawn[*choice]);
        let failing: Vec<(usize, Vec<u8>)> = when.conditions().filter(fails).collect();
        if failing.is_empty() {
            return None;
        }
        let (mut wanted, mut tries) = (Vec::new(), Vec::new());
        for (place, values) in &failing {
            let choice = choices[*place];
            let named: Vec<String> =
                values.iter().filter_map(|v| Some(format!("\"{}\"", choice.value(*v)?))).collect();
            wanted.push(format!("{} = {}", choice.name, named.join(" or ")));
            if *place < script.choices.len() {
                let usual = values.iter().find(|v| choice.of[usize::from(**v)] > 0.0);
                let value = usual.or(values.first()).and_then(|v| choice.value(*v));
                tries.extend(value.map(|value| format!("--set {}={value}", choice.name)));
            }
        }
        if failing.iter().any(|(place, _)| *place >= script.choices.len()) {
            tries.extend(self.device_for(when).map(|device| format!("--set device={device}")));
        }
        tries.dedup();
        let wanted = wanted.join(" and ");
        Some(match tries.is_empty() {
            true => format!("only when {wanted}; no device has it"),
            false => format!("only when {wanted}; try {}", tries.join(" ")),
        })
    }

    /// A device whose traits will do.
    fn device_for(&self, when: &CompiledWhen) -> Option<&str> {
        let devices = self.script.devices.as_ref()?;
        let first = self.script.choices.len();
        let fits = |place: &usize| {
            when.conditions().filter(|(choice, _)| *choice >= first).all(|(choice, values)| {
                values.contains(&devices.trait_of(*place as u8, choice - first))
            })
        };
        let found = (0..devices.list.len()).find(fits)?;
        Some(&devices.list[found].name)
    }

    /// A choice with which a viewer who closes the app would come to a step.
    fn without_give_up(&self, when: &CompiledWhen) -> Option<String> {
        let (give_up, name) = self.give_up_step()?;
        let closes = format!("the viewer closes the app at `{name}`");
        if self.stopped.as_ref() != Some(&closes) {
            return None;
        }
        give_up.when.conditions().find_map(|(place, values)| {
            let choice = self.script.choices.get(place)?;
            let others = (0..choice.values.len() as u8).filter(|value| !values.contains(value));
            let mut fitting = others.filter(|value| {
                let mut drawn = self.session.drawn().to_vec();
                drawn[place] = *value;
                when.holds(&drawn)
            });
            let value = choice.value(fitting.next()?)?;
            Some(format!("{}={value}", choice.name))
        })
    }
}
