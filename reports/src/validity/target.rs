//! Did the target receive what was sent, and did its answers arrive?

use hulk_record::RunEnd;

use crate::target::{Ledger, ledger};
use crate::verdict::Check;
use crate::view::View;
use crate::words::{count, counted, was};

const NAME: &str = "target's own count";
const UNIT: &str = "requests";
/// Differences in the sentence; the report's table has all of them.
const TOLD_MAX: usize = 3;

/// The platform counts on its own side. Its requests and its answers by status, but for those
/// whose answers the generator did not wait for, must be the record's to the last one.
pub(super) fn own_count(view: &View<'_>) -> Check {
    let not_made = |reason: &str| Check::not_made(NAME, 0.0, UNIT, reason);
    let Some(ledger) = ledger(view) else {
        return not_made("The target did not tell what it counted itself.");
    };
    if view.record.end == RunEnd::Cut {
        return not_made("The record has no end, so the counts are of different times.");
    }
    if !view.record.end.lost().is_empty() {
        return not_made(
            "A worker was lost, and nobody knows what it had sent since its last frame.",
        );
    }
    if ledger.untold > 0 {
        return not_made(&format!(
            "{} without an answer {} counted only, so the counts cannot be compared.",
            counted(ledger.untold, "request"),
            was(ledger.untold),
        ));
    }
    let differences = differences(&ledger);
    let apart: u128 = differences.iter().map(|(apart, _)| apart).sum();
    let mut told: Vec<String> =
        differences.iter().take(TOLD_MAX).map(|(_, text)| text.clone()).collect();
    if differences.len() > TOLD_MAX {
        told.push(format!("{} more counts differ", differences.len() - TOLD_MAX));
    }
    let received: u64 = ledger.services.iter().map(|service| service.received).sum();
    let mut reason = match told.is_empty() {
        true => format!(
            "The target counted {} itself, and their answers by status as the record has them",
            counted(received, "request"),
        ),
        false => format!("The target's own count differs from the record: {}", told.join("; ")),
    };
    if ledger.unanswered > 0 {
        reason += &format!(
            "; {} {} cancelled, {} of them before the target had them",
            counted(ledger.unanswered, "request"),
            was(ledger.unanswered),
            count(ledger.never_received),
        );
    }
    Check::at_most(NAME, apart as f64, 0.0, UNIT, reason + ".")
}

/// By how much each count differs, and its sentence.
fn differences(ledger: &Ledger) -> Vec<(u128, String)> {
    let mut found = Vec::new();
    let mut compare = |target: i128, ours: u64, what: String| {
        let ours = i128::from(ours);
        if target != ours {
            let text = format!("{what}: {target} by the target, {ours} by the record");
            found.push((target.abs_diff(ours), text));
        }
    };
    for of in &ledger.services {
        let service = &of.service;
        for (status, counts) in &of.statuses {
            let what = format!("answers of {service} with status {status}");
            compare(counts.expected(), counts.answered, what);
        }
        compare(of.expected(), of.answered, format!("answered requests to {service}"));
    }
    found
}
