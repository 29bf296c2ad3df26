//! What a viewer keeps: bounded, and over all visits.

use std::sync::Arc;

use hulk_record::{hash_of, seed_of, unit_of};

use crate::Script;
use crate::choice::CompiledWhen;
use crate::extract::CookieJar;
use crate::template::{Fill, Slot, Template};
use crate::values::ValueContext;

/// A viewer's memory.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    script: Arc<Script>,
    seed: u64,
    pub(crate) viewer: u32,
    /// What was drawn, by choice; traits of the device after the choices.
    drawn: Box<[u8]>,
    /// The row of each feeder; none where it ran dry.
    rows: Box<[Option<u32>]>,
    variables: Box<[Option<Box<str>>]>,
    counters: Box<[u64]>,
    pub(crate) cookies: CookieJar,
    /// Visits so far, the present one included.
    pub(crate) visit: u32,
    /// Requests so far.
    pub(crate) sends: u32,
}

/// The values that one request computes, in memory that is used again: whether each has been
/// computed, and what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Computed(Vec<(bool, String)>);

impl Computed {
    /// Nothing has been computed.
    fn begin(&mut self, values: usize) {
        self.0.resize_with(values, Default::default);
        for (is, text) in &mut self.0 {
            *is = false;
            text.clear();
        }
    }
}

/// What fills the slots of one request: each value is computed once for it.
pub(crate) struct Filler<'a> {
    memory: &'a mut Memory,
    computed: &'a mut Computed,
    index: u32,
    unix_ms: i64,
}

impl Memory {
    pub(crate) fn new(script: Arc<Script>, seed: u64, viewer: u32, after_push: bool) -> Self {
        let mut drawn: Vec<u8> =
            script.choices.iter().map(|choice| choice.draw(seed, viewer, after_push)).collect();
        if let Some(devices) = &script.devices {
            let device = drawn.first().copied().unwrap_or(0);
            drawn.extend((0..script.traits.len()).map(|place| devices.trait_of(device, place)));
        }
        let rows = script.feeders.iter().map(|feeder| feeder.row(seed, viewer));
        let rows = rows.map(|row| row.map(|row| row as u32)).collect();
        Self {
            seed,
            viewer,
            drawn: drawn.into(),
            rows,
            variables: vec![None; script.variables.len()].into(),
            counters: vec![0; script.values.len()].into(),
            cookies: CookieJar::default(),
            visit: 1,
            sends: 0,
            script,
        }
    }

    /// Whether a condition holds for this viewer.
    pub(crate) fn is(&self, when: &CompiledWhen) -> bool {
        when.holds(&self.drawn)
    }

    /// What was drawn, by choice; traits of the device after the choices.
    pub(crate) fn drawn(&self) -> &[u8] {
        &self.drawn
    }

    /// The names of a template's slots for which no answer has given a value yet.
    pub(crate) fn missing(&self, template: &Template) -> Vec<String> {
        let script = &self.script;
        let missing = template.slots().flat_map(|slot| match slot {
            Slot::Variable(place) if self.variables[usize::from(place)].is_none() => {
                vec![script.variables[usize::from(place)].clone()]
            }
            Slot::Value(place) => {
                let inner = script.values[usize::from(place)].2.as_ref();
                inner.map(|template| self.missing(template)).unwrap_or_default()
            }
            _ => Vec::new(),
        });
        missing.collect()
    }

    /// Every secret that the next request may hold, whether it does or not: computed signatures
    /// and tokens, and cells of columns that are called like a password.
    pub(crate) fn secrets(
        &self,
        index: u32,
        unix_ms: i64,
        is_secret: fn(&str) -> bool,
    ) -> Vec<String> {
        let mut copy = self.clone();
        copy.sends += 1;
        let script = Arc::clone(&self.script);
        let mut computed = Computed::default();
        let mut filler = copy.filler(&mut computed, index, unix_ms);
        let places =
            script.values.iter().enumerate().filter(|(_, (_, value, _))| value.is_secret());
        let values: Vec<String> =
            places.filter_map(|(place, _)| filler.value(place).map(str::to_owned)).collect();
        let cells = script.feeders.iter().zip(&self.rows).flat_map(|(feeder, row)| {
            let named = feeder.columns.iter().enumerate().filter(|(_, name)| is_secret(name));
            named.filter_map(|(column, _)| Some(feeder.value((*row)? as usize, column).to_owned()))
        });
        values.into_iter().chain(cells).collect()
    }

    /// The device's place, where there are devices.
    pub(crate) fn device(&self) -> Option<usize> {
        self.script.devices.as_ref().and_then(|_| self.drawn.first()).map(|d| usize::from(*d))
    }

    /// The edge that the viewer's choice names, or any.
    pub(crate) fn home_edge(&self) -> usize {
        let edges = &self.script.edges;
        let choice = self.script.choices.iter().position(|choice| choice.name == "edge");
        let named = choice.and_then(|place| {
            let value = self.script.choices[place].value(*self.drawn.get(place)?)?;
            edges.iter().position(|edge| edge == value)
        });
        let any = hash_of(seed_of(self.seed, "edge"), self.viewer.into()) as usize;
        named.unwrap_or(any % edges.len().max(1))
    }

    /// The first feeder of these that has nothing for this viewer.
    pub(crate) fn dry(&self, feeders: &[u16]) -> Option<&str> {
        let dry = feeders.iter().map(|place| usize::from(*place)).find(|p| self.rows[*p].is_none());
        dry.map(|place| self.script.feeders[place].name.as_str())
    }

    pub(crate) fn keep(&mut self, variable: u16, value: String) {
        if let Some(slot) = self.variables.get_mut(usize::from(variable)) {
            *slot = Some(value.into_boxed_str());
        }
    }

    /// A draw of this viewer's own, different for each label and number.
    pub(crate) fn draw(&self, label: &str, number: u64) -> u64 {
        hash_of(hash_of(seed_of(self.seed, label), self.viewer.into()), number)
    }

    /// The same as a number in [0, 1).
    pub(crate) fn draw_unit(&self, label: &str, number: u64) -> f64 {
        unit_of(self.draw(label, number))
    }

    /// Fills the slots of one request.
    pub(crate) fn filler<'a>(
        &'a mut self,
        computed: &'a mut Computed,
        index: u32,
        unix_ms: i64,
    ) -> Filler<'a> {
        computed.begin(self.script.values.len());
        Filler { memory: self, computed, index, unix_ms }
    }
}

impl Filler<'_> {
    fn value(&mut self, place: usize) -> Option<&str> {
        if !self.computed.0.get(place)?.0 {
            let script = Arc::clone(&self.memory.script);
            let (name, value, template) = script.values.get(place)?;
            let mut text = String::new();
            template.as_ref().inspect(|template| template.render(self, &mut text));
            let key = value.key_value().and_then(|name| {
                let key = script.values.iter().position(|(known, ..)| known == name)?;
                self.value(key).map(str::to_owned)
            });
            let memory = &mut *self.memory;
            let mut context = ValueContext {
                name,
                seed: memory.seed,
                viewer: memory.viewer,
                send: memory.sends.into(),
                unix_ms: self.unix_ms,
                counter: &mut memory.counters[place],
            };
            let (_, mut out) = std::mem::take(&mut self.computed.0[place]);
            value.compute(&mut context, &text, key.as_deref(), &mut out);
            self.computed.0[place] = (true, out);
        }
        self.computed.0.get(place).map(|(_, text)| text.as_str())
    }
}

impl Fill for Filler<'_> {
    fn fill(&mut self, slot: Slot, out: &mut String) {
        use std::fmt::Write;
        // Writing to a String cannot fail.
        match slot {
            Slot::Viewer => drop(write!(out, "{}", self.memory.viewer)),
            Slot::Index => drop(write!(out, "{}", self.index)),
            Slot::Visit => drop(write!(out, "{}", self.memory.visit)),
            Slot::Variable(place) => {
                if let Some(Some(value)) = self.memory.variables.get(usize::from(place)) {
                    out.push_str(value);
                }
            }
            Slot::Choice(place) => {
                let script = &self.memory.script;
                let choice = script.choices.iter().chain(&script.traits).nth(place.into());
                let drawn = self.memory.drawn.get(usize::from(place)).copied();
                out.push_str(choice.zip(drawn).and_then(|(c, d)| c.value(d)).unwrap_or_default());
            }
            Slot::Value(place) => {
                out.push_str(self.value(usize::from(place)).unwrap_or_default());
            }
            Slot::Feed(feeder, column) => {
                let row = self.memory.rows.get(usize::from(feeder)).copied().flatten();
                let feeder = self.memory.script.feeders.get(usize::from(feeder));
                if let Some((feeder, row)) = feeder.zip(row) {
                    out.push_str(feeder.value(row as usize, column.into()));
                }
            }
        }
    }
}

/// Renders a text that needs no request: the path of a stream.
pub(crate) fn render(memory: &mut Memory, template: &Template, unix_ms: i64) -> String {
    let mut text = String::new();
    template.render(&mut memory.filler(&mut Computed::default(), 0, unix_ms), &mut text);
    text
}
