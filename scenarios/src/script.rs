//! Journeys made into one program: every name found, every condition compiled.

mod misfit;

pub use misfit::{Misfit, Spot};

use hulk_record::{JourneyInfo, StepInfo, StreamInfo};
use serde::{Deserialize, Serialize};

use crate::choice::{Choice, CompiledWhen, When};
use crate::devices::Devices;
use crate::feeder::Feeder;
use crate::journey::{HLS_STEPS, Journey};
use crate::retry::{Retry, SlowDown};
use crate::steps::{EveryStep, HlsStep, RequestSpec, SequenceStep, stall_min_us};
use crate::template::{Slot, Template};
use crate::values::Value;

/// What viewers do, compiled from the journeys of a rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// The journeys that it is made of, in the record's order.
    pub parts: Vec<Part>,
    /// What a visit starts with.
    pub start: Vec<Placed<SequenceStep>>,
    /// What is done again and again while watching.
    pub every: Vec<Placed<EveryStep>>,
    /// The stream.
    pub hls: Option<Placed<HlsStep>>,
    /// What a viewer does who presses Back at a moment.
    pub exit: Vec<Placed<SequenceStep>>,
    /// For how many match seconds such a viewer waits for the home page.
    pub exit_patience_s: f64,
    /// What a viewer does who answers a moment and stays.
    pub act: Vec<Placed<SequenceStep>>,
    /// What viewers draw; the first is the device, where there are devices.
    pub choices: Vec<Choice>,
    /// The devices.
    pub devices: Option<Devices>,
    /// What follows from the device: name, and the value of each device.
    pub traits: Vec<Choice>,
    /// Data from files.
    pub feeders: Vec<Feeder>,
    /// Computed values.
    pub values: Vec<(String, Value, Option<Template>)>,
    /// Names of the values that are kept from answers.
    pub variables: Vec<String>,
    /// The services that are asked.
    pub services: Vec<String>,
    /// The edges that answer, by name.
    pub edges: Vec<String>,
    /// Match seconds per wall second.
    pub speed: f64,
}

/// A journey of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its steps, in the record's order.
    pub steps: Vec<StepInfo>,
    /// Where each of them stands, as `file:line`, for those who must change it.
    pub places: Vec<String>,
    /// How long an answer may take, in ms of wall time.
    pub timeout_ms: f64,
    /// What is done about a failure.
    pub retry: Retry,
    /// How the client slows down.
    pub slow_down: Option<SlowDown>,
}

/// A step with its place in the record and what its names stand for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placed<T> {
    /// The journey's place in the record.
    pub journey: u16,
    /// The step's place in the journey.
    pub step: u16,
    /// The place of the service that it asks.
    pub service: u16,
    /// Which viewers do it.
    pub when: CompiledWhen,
    /// Where the values go that are kept from its answer.
    pub keeps: Vec<u16>,
    /// The feeders that it needs.
    pub feeders: Vec<u16>,
    /// The step.
    pub what: T,
}

/// What a script is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ingredients {
    pub(crate) journeys: Vec<Journey>,
    pub(crate) exit: Option<Journey>,
    pub(crate) exit_patience_s: f64,
    pub(crate) act: Option<Journey>,
    pub(crate) devices: Option<Devices>,
    pub(crate) edges: Vec<String>,
    pub(crate) speed: f64,
}

impl Script {
    /// Compiles journeys.
    ///
    /// # Errors
    /// Every problem; journeys are counted as they come: `journeys`, `exit`, `act`.
    pub(crate) fn compile(from: Ingredients) -> Result<Self, Vec<Misfit>> {
        let mut compiler = Compiler::new(&from);
        compiler.collect();
        let (journeys, exit, act) = (from.journeys, from.exit, from.act);
        for journey in journeys {
            let part = compiler.part(&journey);
            if journey.hls.is_some() && compiler.script.hls.is_some() {
                let name = &journey.name;
                let hint = "a viewer watches one stream: leave one of them out";
                let message = format!("`{name}` is the second journey that watches a stream");
                compiler.misfit(Spot::Whole, None, message, Some(hint.to_owned()));
            }
            for step in journey.sequence {
                let placed = compiler.sequence_step(part, step);
                compiler.script.start.push(placed);
            }
            for step in journey.every {
                let placed = compiler.every_step(part, step);
                compiler.script.every.push(placed);
            }
            if let Some(hls) = journey.hls {
                let placed = compiler.hls_step(part, hls);
                compiler.script.hls = Some(placed);
            }
        }
        for (journey, is_exit) in [(exit, true), (act, false)] {
            let Some(journey) = journey else { continue };
            let part = compiler.part(&journey);
            if !journey.every.is_empty() || journey.hls.is_some() {
                let name = &journey.name;
                let hint = "put its `every` and `hls` steps into a journey of `journeys`";
                let message = format!(
                    "`{name}` answers a moment: it may only have `after` and `give_up` steps"
                );
                compiler.misfit(Spot::Whole, None, message, Some(hint.to_owned()));
            }
            for step in journey.sequence {
                let placed = compiler.sequence_step(part, step);
                let script = &mut compiler.script;
                if is_exit { &mut script.exit } else { &mut script.act }.push(placed);
            }
        }
        compiler.finish()
    }

    /// A single journey by itself, for one edge and at the speed of the wall.
    ///
    /// # Errors
    /// Every problem, in words.
    pub fn of(journey: Journey) -> Result<Self, Vec<Misfit>> {
        let (journeys, edges) = (vec![journey], vec!["target".to_owned()]);
        Self::compile(Ingredients { journeys, edges, speed: 1.0, ..Ingredients::default() })
    }

    /// Names for the record: the journeys with their steps.
    pub fn info(&self) -> Vec<JourneyInfo> {
        let info = |part: &Part| JourneyInfo { name: part.name.clone(), steps: part.steps.clone() };
        self.parts.iter().map(info).collect()
    }

    /// The stream, for the record; none where no journey has one.
    pub fn stream(&self) -> Option<StreamInfo> {
        let placed = self.hls.as_ref()?;
        let journey = self.parts.get(usize::from(placed.journey))?.name.clone();
        let service = placed.what.service.clone();
        Some(StreamInfo { journey, service, stall_min_us: stall_min_us(self.speed) as u64 })
    }

    /// All steps that send, with how often they are sent in a row.
    pub fn requests(&self) -> impl Iterator<Item = (&RequestSpec, u32)> {
        let all = self.start.iter().chain(&self.exit).chain(&self.act);
        let sequences = all.filter_map(|placed| placed.what.request());
        let sequences = sequences.map(|step| (&step.request, step.repeat));
        sequences.chain(self.every.iter().map(|placed| (&placed.what.request, 1)))
    }
}

struct Compiler {
    script: Script,
    sources: Vec<Journey>,
    /// Names of the computed values, by their places.
    values: Vec<String>,
    problems: Vec<Misfit>,
    /// The journey that is looked at.
    journey: Option<usize>,
}

impl Compiler {
    fn new(from: &Ingredients) -> Self {
        let handlers = from.exit.iter().chain(&from.act);
        let sources = from.journeys.iter().chain(handlers).cloned().collect();
        let script = Script {
            parts: Vec::new(),
            start: Vec::new(),
            every: Vec::new(),
            hls: None,
            exit: Vec::new(),
            exit_patience_s: from.exit_patience_s,
            act: Vec::new(),
            choices: from.devices.iter().map(Devices::choice).collect(),
            traits: from.devices.as_ref().map(Devices::trait_choices).unwrap_or_default(),
            devices: from.devices.clone(),
            feeders: Vec::new(),
            values: Vec::new(),
            variables: Vec::new(),
            services: Vec::new(),
            edges: from.edges.clone(),
            speed: from.speed,
        };
        Self { script, sources, values: Vec::new(), problems: Vec::new(), journey: None }
    }

    /// Every name that any journey gives, before the first is looked for.
    fn collect(&mut self) {
        let mut value_of = Vec::new();
        for (place, journey) in std::mem::take(&mut self.sources).into_iter().enumerate() {
            value_of.resize(value_of.len() + journey.values.len(), place);
            let script = &mut self.script;
            for request in journey.requests() {
                for (name, _) in &request.extract {
                    if !script.variables.contains(name) {
                        script.variables.push(name.clone());
                    }
                }
            }
            script.choices.extend(journey.choices);
            script.feeders.extend(journey.feeders);
            script.values.extend(journey.values);
        }
        let script = &self.script;
        let choices = script.choices.iter().chain(&script.traits);
        let choices = choices.map(|choice| choice.name.clone());
        let values = script.values.iter().map(|(name, ..)| name.clone());
        let feeders = script.feeders.iter().map(|feeder| feeder.name.clone());
        let mut names: Vec<String> =
            choices.chain(values).chain(feeders).chain(script.variables.iter().cloned()).collect();
        names.extend(["viewer", "index", "visit"].map(str::to_owned));
        names.sort_unstable();
        for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            let hint = "choices, values, feeders, traits and what is extracted share their names: \
                        rename one";
            let message = format!("two things are named `{}`", pair[0]);
            self.misfit(Spot::Whole, None, message, Some(hint.to_owned()));
        }
        self.check_values(&value_of);
    }

    /// Computed values, of the journeys with these places, and what they are computed from.
    fn check_values(&mut self, value_of: &[usize]) {
        let mut values = std::mem::take(&mut self.script.values);
        self.values = values.iter().map(|(name, ..)| name.clone()).collect();
        for (place, (name, value, template)) in values.iter_mut().enumerate() {
            self.journey = value_of.get(place).copied();
            let part = || Spot::Value(name.clone());
            let order = |way_out: String| {
                Some(format!("values are computed in the order of their names: {way_out}"))
            };
            if let Some(key) = value.key_value()
                && self.values.iter().position(|name| name == key).is_none_or(|key| key >= place)
            {
                let message = format!(
                    "value `{name}` takes its key from `{key}`: there must be a value of that name \
                     that comes earlier in the alphabet"
                );
                let hint = order(format!("for example `[value.a-{key}]`, and name that"));
                self.misfit(part(), Some(format!("\"{key}\"")), message, hint);
            }
            let Some(template) = template else { continue };
            let found = template.resolve(|slot| self.find(slot));
            if let Err(unknown) = found {
                self.unknown_slot(part(), &format!("value `{name}`"), &unknown);
            }
            // In the order of the names: so no value can need itself.
            if template
                .slots()
                .any(|slot| matches!(slot, Slot::Value(n) if usize::from(n) >= place))
            {
                let message =
                    format!("value `{name}` uses a value whose name comes later in the alphabet");
                let hint = order(format!("rename it, for example to `z-{name}`"));
                self.misfit(part(), None, message, hint);
            }
        }
        self.journey = None;
        self.script.values = values;
    }

    fn find(&self, name: &str) -> Option<Slot> {
        let at = |found: Option<usize>| found.map(|place| place as u16);
        let script = &self.script;
        let choices = || script.choices.iter().chain(&script.traits);
        match name {
            "viewer" => return Some(Slot::Viewer),
            "index" => return Some(Slot::Index),
            "visit" => return Some(Slot::Visit),
            _ => {}
        }
        if let Some(place) = at(choices().position(|choice| choice.name == name)) {
            return Some(Slot::Choice(place));
        }
        if let Some(place) = at(self.values.iter().position(|known| known == name)) {
            return Some(Slot::Value(place));
        }
        if let Some((feeder, column)) = name.split_once('.') {
            let feed = script.feeders.iter().position(|known| known.name == feeder)?;
            let column = script.feeders[feed].columns.iter().position(|known| known == column)?;
            return Some(Slot::Feed(feed as u16, column as u16));
        }
        at(script.variables.iter().position(|known| known == name)).map(Slot::Variable)
    }

    fn part(&mut self, journey: &Journey) -> u16 {
        self.journey = Some(self.script.parts.len());
        if self.script.parts.iter().any(|part| part.name == journey.name) {
            let message = format!("the journey `{}` is named twice", journey.name);
            let hint = "remove one, or give the other file another `name`";
            self.misfit(Spot::Whole, None, message, Some(hint.to_owned()));
        }
        let info = |request: &RequestSpec| StepInfo {
            name: request.name.clone(),
            service: request.service.clone(),
        };
        let mut steps: Vec<StepInfo> = journey.requests().map(info).collect();
        if let Some(hls) = &journey.hls {
            let stream = |name: &str| StepInfo { name: name.into(), service: hls.service.clone() };
            steps.extend(HLS_STEPS.map(stream));
        }
        self.script.parts.push(Part {
            name: journey.name.clone(),
            places: journey.places.clone(),
            steps,
            timeout_ms: journey.timeout_ms,
            retry: journey.retry.clone(),
            slow_down: journey.slow_down.clone(),
        });
        (self.script.parts.len() - 1) as u16
    }

    fn sequence_step(&mut self, part: u16, mut step: SequenceStep) -> Placed<SequenceStep> {
        let when = step.when.clone();
        let request = match &mut step.does {
            crate::steps::Does::Request(after) => Some(&mut after.request),
            crate::steps::Does::GiveUp { .. } => None,
        };
        let place = self.place(part, request, &when);
        place.of(step)
    }

    fn every_step(&mut self, part: u16, mut step: EveryStep) -> Placed<EveryStep> {
        let when = step.request.when.clone();
        let place = self.place(part, Some(&mut step.request), &when);
        place.of(step)
    }

    fn hls_step(&mut self, part: u16, mut step: HlsStep) -> Placed<HlsStep> {
        let when = step.when.clone();
        if let Err(unknown) = step.master.resolve(|name| self.find(name)) {
            // The stream's step has no name: its slot is looked for in the whole file.
            self.unknown_slot(Spot::Step("master".into()), "step `master`", &unknown);
        }
        let service = self.service(&step.service);
        let mut place = self.place(part, None, &when);
        place.service = service;
        place.step = (self.steps_of(part).len() - HLS_STEPS.len()) as u16;
        place.of(step)
    }

    fn steps_of(&self, part: u16) -> &[StepInfo] {
        self.script.parts.get(usize::from(part)).map_or(&[], |part| &part.steps)
    }

    fn service(&mut self, name: &str) -> u16 {
        let services = &mut self.script.services;
        let place = services.iter().position(|known| known == name).unwrap_or_else(|| {
            services.push(name.to_owned());
            services.len() - 1
        });
        place as u16
    }

    fn place(&mut self, part: u16, request: Option<&mut RequestSpec>, when: &When) -> Placed<()> {
        let choices: Vec<Choice> =
            self.script.choices.iter().chain(&self.script.traits).cloned().collect();
        let when = match when.compile(&choices) {
            Ok(when) => when,
            Err(problem) => {
                let name = request.as_ref().map_or("give_up", |request| request.name.as_str());
                let message = format!("step `{name}`: {problem}");
                let hint = "a condition is `when = { CHOICE = \"VALUE\" }`, of a choice, of \
                            `device` or of a trait of it"
                    .to_owned();
                let part = Spot::Step(name.to_owned());
                self.misfit(part, Some("when =".to_owned()), message, Some(hint));
                CompiledWhen::default()
            }
        };
        let mut place = Placed {
            journey: part,
            step: 0,
            service: 0,
            when,
            keeps: Vec::new(),
            feeders: Vec::new(),
            what: (),
        };
        let Some(request) = request else { return place };
        let resolved = request
            .templates_mut()
            .try_for_each(|template| template.resolve(|name| self.find(name)));
        if let Err(unknown) = resolved {
            let name = request.name.clone();
            self.unknown_slot(Spot::Step(name.clone()), &format!("step `{name}`"), &unknown);
        }
        let variables = &self.script.variables;
        let kept = |name: &String| variables.iter().position(|known| known == name);
        place.keeps = request.extract.iter().filter_map(|(n, _)| Some(kept(n)? as u16)).collect();
        place.feeders = self.feeders_of(request);
        let steps = self.steps_of(part);
        place.step = steps.iter().position(|s| s.name == request.name).unwrap_or(0) as u16;
        place.service = self.service(&request.service);
        place
    }

    /// The feeders that a request needs, those of its values included.
    fn feeders_of(&self, request: &RequestSpec) -> Vec<u16> {
        let mut open: Vec<Slot> = request.templates().flat_map(Template::slots).collect();
        let mut feeders = Vec::new();
        while let Some(slot) = open.pop() {
            match slot {
                Slot::Feed(feeder, _) if !feeders.contains(&feeder) => feeders.push(feeder),
                Slot::Value(place) => {
                    let value = self.script.values.get(usize::from(place));
                    open.extend(
                        value.and_then(|(.., t)| t.as_ref()).into_iter().flat_map(Template::slots),
                    );
                }
                _ => {}
            }
        }
        feeders
    }

    fn finish(self) -> Result<Script, Vec<Misfit>> {
        if self.problems.is_empty() { Ok(self.script) } else { Err(self.problems) }
    }
}

impl Placed<()> {
    fn of<T>(self, what: T) -> Placed<T> {
        let Self { journey, step, service, when, keeps, feeders, what: () } = self;
        Placed { journey, step, service, when, keeps, feeders, what }
    }
}
