//! Did the toxics bite?

use crate::verdict::Check;
use crate::view::View;
use crate::words::counted;

/// A toxic that was to be set and has bitten on nothing: what was not broken was not rehearsed. None where
/// the rehearsal has no toxics: other faults are looked for in the measurements.
pub(super) fn bitten(view: &View<'_>) -> Option<Check> {
    let clock = view.manifest().clock;
    let toxics = view.manifest().faults.iter().filter(|fault| fault.kind == "toxic");
    let due: Vec<&str> = toxics
        .filter(|fault| clock.wall(fault.from) < view.end)
        .map(|fault| fault.name.as_str())
        .collect();
    if due.is_empty() {
        return None;
    }
    let idle: Vec<String> = due.iter().filter_map(|name| why_not(view, name)).collect();
    let reason = match idle.first() {
        None => format!("{} did.", counted(due.len() as u64, "toxic")),
        Some(first) => format!("{first}."),
    };
    Some(Check::at_most("toxics that did not bite", idle.len() as f64, 0.0, "toxics", reason))
}

/// Why a toxic has not bitten, where that is so: its last word in the record.
fn why_not(view: &View<'_>, name: &str) -> Option<String> {
    let start = format!("{name}: ");
    let told = view.record.events.iter().filter(|event| event.kind == "fault");
    let last = told.filter_map(|event| event.text.strip_prefix(&start)).rfind(|text| {
        ["has bitten", "has not bitten", "was never on"].iter().any(|t| text.starts_with(t))
    });
    match last {
        Some(text) if text.starts_with("has bitten") => None,
        Some(text) => Some(format!("{name} {text}")),
        None => Some(format!("nobody told whether {name} has bitten")),
    }
}
