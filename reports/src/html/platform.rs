//! The target's own view beside HULK's.

use super::tables::{numeric, table};
use crate::platform::{PlatformSeen, ServiceSeen, platform};
use crate::verdict::Verdict;
use crate::view::View;
use crate::words::{count, escape, minute, number, percent};

/// Switches beyond these are in `summary.json`.
const LISTED_MAX: usize = 20;

/// The section.
pub(super) fn section(view: &View<'_>, verdict: &Verdict) -> String {
    let seen = platform(view);
    let body = match seen.services.is_empty() {
        true => nobody(view).to_owned(),
        false => observed(view, verdict, &seen),
    };
    format!("<section>\n<h2>What the platform says of itself</h2>\n{body}</section>\n")
}

fn nobody(view: &View<'_>) -> &'static str {
    match view.manifest().observed {
        true => {
            "<p>Somebody was to look at the platform's own figures, and saw nothing of it from the \
             start of the match on: the events say why.</p>\n"
        }
        false => {
            "<p>Nobody looked at the target's own figures in this run. What is said of it here was \
             seen from outside: its answers, their times and their failures. How many instances it \
             had, and whether it scaled, is not known.</p>\n"
        }
    }
}

fn observed(view: &View<'_>, verdict: &Verdict, seen: &PlatformSeen) -> String {
    let rows: Vec<String> = seen.services.iter().map(|service| row(service, verdict)).collect();
    let heads = [
        "Service",
        "#Ready",
        "#Wanted, at most",
        "#Starting, at most",
        "#Needed by HULK, at most",
        "#Requests, its own count",
        "#By the record",
        "#Turned away, its own count",
        "#By the record",
        "#Longest predicted wait",
        "#Changes",
    ];
    let mut body = table(&heads, &rows);
    let mut notes = Vec::new();
    if let Some(stalled_ms) = seen.stalled_ms {
        let run_ms = view.end.0.max(1) as f64 / 1e3;
        notes.push(format!(
            "The embedded platform had no CPU when it needed it for {} ms, {} % of the run.",
            number(stalled_ms),
            percent(stalled_ms / run_ms),
        ));
    }
    if !seen.feeds.is_empty() {
        notes.push("Nothing was filled in where a feed was lost.".to_owned());
    }
    notes.extend(listed(&seen.feeds, "losses and returns of feeds"));
    notes.extend(listed(&seen.switches, "switches"));
    if !notes.is_empty() {
        let items: String =
            notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
        body += &format!("<ul class=\"notes\">\n{items}</ul>\n");
    }
    body + "<p class=\"soft\">From the first to the last look of the match. The platform counts a \
            request when it comes, those of its own services among them, and HULK when it is due; the \
            exact ledger of both is below. Predicted waits are in match time. Changes are looks at \
            which the instances that serve or are wanted were not what they had been.</p>\n"
}

/// The first of what happened; the rest is counted.
fn listed<'a>(all: &'a [(f64, String)], what: &'a str) -> impl Iterator<Item = String> + 'a {
    let more = all.len().saturating_sub(LISTED_MAX);
    let rest = (more > 0).then(|| format!("{more} more {what} are in summary.json."));
    let first = all.iter().take(LISTED_MAX);
    first.map(|(at, text)| format!("Minute {}: {text}.", minute(*at))).chain(rest)
}

/// Stands where nobody told.
fn not_told() -> String {
    "–".to_owned()
}

fn told(value: Option<f64>) -> String {
    value.map_or_else(not_told, number)
}

fn row(of: &ServiceSeen, verdict: &Verdict) -> String {
    let scaling = verdict.scaling.iter().find(|scaling| scaling.service == of.service);
    let needed = scaling.filter(|s| s.not_judged.is_none()).map(|s| number(s.demand_peak));
    let ready = match of.ready_min == of.ready_max {
        true => number(of.ready_max),
        false => format!("{} to {}", number(of.ready_min), number(of.ready_max)),
    };
    let cells = [
        ready,
        told(of.desired_max),
        told(of.pending_max),
        needed.unwrap_or_else(not_told),
        told(of.requests),
        count(of.requests_of_record),
        told(of.rejected),
        count(of.rejected_of_record),
        of.wait_match_s_max.map_or_else(not_told, |wait_s| format!("{} s", number(wait_s))),
        count(of.scale_events),
    ];
    format!("<th scope=\"row\">{}</th>{}", escape(&of.service), cells.map(|c| numeric(&c)).concat())
}
