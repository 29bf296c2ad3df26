//! `[callers]`: who calls an avatar backend, when, and what is asked of their calls.
//!
//! Callers are no viewers: neither the clock's speed nor the audience's scale changes them.

mod come;
mod objectives;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hulk_avatar::{Adapter, BackendSpec, CallPlan, CallerSettings};
use hulk_consent::Scope;
use hulk_record::{CallObjectives, CallersInfo, Offset, seed_of, shard_slot};
use hulk_settings::{Problems, Section, Source, read};
use serde::{Deserialize, Serialize};

use crate::rehearsal::named::{Kind, read_key, read_name};
use crate::{Rehearsal, shipped};
pub use come::{Come, ComeTime};

/// How late the callers may be with what is due, p99, in ms: beyond it the figures are not the backend's alone.
const LAG_P99_MAX_MS: f64 = 10.0;
/// A live session takes some 200 KB.
const CALLS_MAX: u32 = 10_000;

/// The callers of a rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Callers {
    /// Whom they call.
    pub backend: CalledBackend,
    /// The adapter's name, as the file gives it.
    pub adapter_name: String,
    /// How they speak to it.
    pub adapter: Arc<Adapter>,
    /// What each of them does.
    pub settings: CallerSettings,
    /// When they come.
    pub come: Vec<Come>,
    /// What is asked of their sessions.
    pub objectives: CallObjectives,
}

/// Whom callers call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalledBackend {
    /// The reference backend, started as a child process.
    Embedded {
        /// Its name, as the file gives it.
        name: String,
        /// What it is made of.
        spec: Box<BackendSpec>,
    },
    /// Somebody's own on this machine.
    Url(SocketAddr),
}

/// A call that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCall {
    /// Whose.
    pub caller: u32,
    /// When it is to begin.
    pub at: Offset,
    /// What the caller then does.
    pub plan: CallPlan,
}

impl Callers {
    /// The table, where there is one.
    pub(crate) fn read(
        root: &Section<'_>,
        folder: &Path,
        inner: &mut Problems,
    ) -> Option<Option<Self>> {
        let Some(section) = root.section_optional("callers") else {
            // A value of another kind is a problem that has been noted.
            return (!root.has("callers")).then_some(None);
        };
        let backend = CalledBackend::read(&section, folder, inner);
        let adapter_name =
            section.text_optional("adapter").unwrap_or_else(|| "rapido_ws".to_owned());
        let adapter = read_adapter(&section, &adapter_name, folder, inner);
        let settings = CallerSettings::read(&section);
        let come = section.list("come", Come::read);
        let objectives = objectives::read(&section);
        let (backend, come) = (backend?, come?);
        let calls: u64 = come.iter().map(|come| u64::from(come.callers)).sum();
        if come.is_empty() {
            let hint = "add `[[callers.come]]` with `at_ms = 0` and `callers = 5`, for example";
            section.problem("nobody calls", Some(hint.to_owned()));
        } else if calls > u64::from(CALLS_MAX) {
            let message = format!("{calls} calls are more than {CALLS_MAX}");
            let hint = "a run keeps the record of each of them: take fewer callers".to_owned();
            section.problem_at("come", message, Some(hint));
        }
        let mut objectives = objectives?;
        if objectives.monthly_cost.is_none() {
            objectives.monthly_cost = backend.monthly_cost();
        }
        let adapter = Arc::new(adapter?);
        Some(Some(Self { backend, adapter_name, adapter, settings: settings?, come, objectives }))
    }
}

impl Callers {
    /// How often a caller calls again whose call broke off, each time after so long.
    pub fn again(&self) -> (u32, Duration) {
        let CallerSettings { calls_again, again_after_ms, .. } = self.settings;
        (calls_again, Duration::from_millis(again_after_ms.into()))
    }
}

fn read_adapter(
    section: &Section<'_>,
    name: &str,
    folder: &Path,
    inner: &mut Problems,
) -> Option<Adapter> {
    let kind =
        Kind { name: "adapter", find: &Adapter::shipped, read: &|source, _| Adapter::read(source) };
    read_name(section, &[hulk_settings::At::Key("adapter")], name, folder, inner, &kind)
}

impl CalledBackend {
    fn read(section: &Section<'_>, folder: &Path, inner: &mut Problems) -> Option<Self> {
        match (section.has("embedded"), section.has("url")) {
            (true, false) => {
                let kind = Kind {
                    name: "avatar backend",
                    find: &shipped::avatar,
                    read: &|source: &Arc<Source>, _: &Path| read(source, BackendSpec::read),
                };
                let spec = read_key(section, "embedded", folder, inner, &kind)?;
                Some(Self::Embedded { name: section.text("embedded")?, spec: Box::new(spec) })
            }
            (false, true) => url(section).map(Self::Url),
            (both, _) => {
                let message = match both {
                    true => "callers call one backend: `embedded` or `url`",
                    false => "whom do they call?",
                };
                let hint = "`embedded = \"avatar-72\"`, or `url = \"ws://127.0.0.1:8000\"`";
                section.problem(message, Some(hint.to_owned()));
                None
            }
        }
    }

    /// How it is called in reports.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded { name, .. } => name.clone(),
            Self::Url(address) => format!("ws://{address}"),
        }
    }

    /// What it costs a month, where its file says so.
    fn monthly_cost(&self) -> Option<f64> {
        self.spec().map(BackendSpec::monthly_cost).filter(|cost| *cost > 0.0)
    }

    /// The embedded backend's description.
    pub fn spec(&self) -> Option<&BackendSpec> {
        match self {
            Self::Embedded { spec, .. } => Some(spec),
            Self::Url(_) => None,
        }
    }
}

fn url(section: &Section<'_>) -> Option<SocketAddr> {
    let text = section.text("url")?;
    let hint = || Some("for example `url = \"ws://127.0.0.1:8000\"`".to_owned());
    let Some(rest) = text.strip_prefix("ws://") else {
        let message = format!("`{text}` is not a URL of a WebSocket without encryption");
        section.problem_at("url", message, hint());
        return None;
    };
    match Scope::default().permit_url(&format!("http://{}", rest.trim_end_matches('/'))) {
        Ok((permit, path)) if path == "/" => Some(permit.address()),
        Ok(_) => {
            let message = "the adapter has the path: only an address and a port are expected";
            section.problem_at("url", message, hint());
            None
        }
        Err(refusal) => {
            section.problem_at("url", format!("no consent: {refusal}"), hint());
            None
        }
    }
}

impl Rehearsal {
    /// The calls of the shard's callers, in the order of time.
    pub fn calls(&self, mine: impl Fn(u32) -> bool) -> Vec<PlannedCall> {
        let Some(callers) = &self.callers else { return Vec::new() };
        let seed = seed_of(self.seed, "callers");
        let mut calls = Vec::new();
        let mut first = 0;
        for come in &callers.come {
            let from = come.from(self);
            for n in 0..come.callers {
                let caller = first + n;
                if mine(shard_slot(u64::from(caller))) {
                    let plan = CallPlan::draw(&callers.settings, seed, caller);
                    calls.push(PlannedCall { caller, at: come.at(from, n, (seed, caller)), plan });
                }
            }
            first += come.callers;
        }
        calls.sort_by_key(|call| (call.at, call.caller));
        calls
    }

    /// What is told of the callers at the start of a run.
    pub fn callers_info(&self) -> Option<CallersInfo> {
        let callers = self.callers.as_ref()?;
        let spec = callers.backend.spec();
        Some(CallersInfo {
            backend: callers.backend.name(),
            adapter: callers.adapter_name.clone(),
            planned: self.calls(|_| true).iter().map(|call| call.at).collect(),
            streams_max: spec.and_then(|spec| u32::try_from(spec.streams_max()).ok()),
            objectives: callers.objectives.clone(),
            lag_p99_max_ms: LAG_P99_MAX_MS,
        })
    }

    /// What it is aimed at, in words.
    pub fn aims_at(&self) -> String {
        let target = self.target.name();
        let Some(callers) = &self.callers else { return target };
        let backend = match &callers.backend {
            CalledBackend::Embedded { name, .. } => format!("the embedded avatar backend {name}"),
            CalledBackend::Url(_) => format!("the avatar backend {}", callers.backend.name()),
        };
        if target.is_empty() { backend } else { format!("{target} and {backend}") }
    }
}

/// Notes callers who come outside the window, or at a moment that there is not.
pub(crate) fn check_callers(rehearsal: &Rehearsal, root: &Section<'_>) {
    let Some(callers) = &rehearsal.callers else { return };
    for (place, come) in callers.come.iter().enumerate() {
        come.check(place, rehearsal, root);
    }
}

#[cfg(test)]
mod tests;
