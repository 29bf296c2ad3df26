//! The report's ledgers: arrivals, requests, responses to moments, troubles and events.

use hulk_record::Record;

use super::tables::{numeric, table};
use crate::responses::{MomentSummary, moments};
use crate::summary::{EventSummary, audience};
use crate::target::{ServiceLedger, ledger};
use crate::verdict::{ServiceScaling, Verdict};
use crate::view::View;
use crate::words::{count, counted, escape, minute, number, percent, stood_for, was};

/// Rows beyond these are in `summary.json`; a report must open on a phone.
const EVENTS_MAX: usize = 80;
const MOMENTS_MAX: usize = 12;
const TROUBLES_MAX: usize = 20;
const TEXT_MAX: usize = 240;

pub(super) fn arrivals(view: &View<'_>, verdict: &Verdict) -> String {
    let all = &verdict.arrivals;
    let row = |what: &str, of: u64| {
        let share = match all.intended {
            0 => "–".to_owned(),
            intended => format!("{} %", percent(of as f64 / intended as f64)),
        };
        format!("<th scope=\"row\">{what}</th>{}{}", numeric(&count(of)), numeric(&share))
    };
    let rows = [
        row("In the schedule", verdict.arrivals_planned),
        row("Came due", all.intended),
        row("Sent on time", all.on_time),
        row("Sent late by the generator", all.late),
        row("Kept out by the target", all.dropped_target),
        row("Dropped: pool of users too small", all.dropped_pool),
        row("Dropped: out of descriptors or ports", all.dropped_descriptors),
        row("Lost with a worker or its lease", all.lost),
    ];
    table(&["Arrivals, lead-in included", "#Count", "#Share"], &rows) + &who_is_where(view)
}

/// What the presence does not say; nothing where nobody did so.
fn who_is_where(view: &View<'_>) -> String {
    let audience = audience(view);
    if audience.at_home_max + audience.gave_up_max == 0 {
        return String::new();
    }
    format!(
        "<p class=\"soft\">At most {} of the viewers present were in the app and not in the video; at \
         most {} had closed the app before their stay was over.</p>\n",
        count(audience.at_home_max),
        count(audience.gave_up_max),
    )
}

/// A section, unless there is nothing in it.
fn section(title: &str, body: &str) -> String {
    match body {
        "" => String::new(),
        body => format!("<section>\n<h2>{title}</h2>\n{body}</section>\n"),
    }
}

fn cut(text: &str) -> String {
    escape(&text.chars().take(TEXT_MAX).collect::<String>())
}

/// "3 more are in summary.json", when there are.
fn more(of: usize, shown: usize) -> String {
    match of.saturating_sub(shown) {
        0 => String::new(),
        more => format!("<p class=\"soft\">{} more are in summary.json.</p>\n", count(more as u64)),
    }
}

/// Who was not served where, and the target's own count beside the record's.
pub(super) fn requests(view: &View<'_>, verdict: &Verdict) -> String {
    let unserved: Vec<String> = verdict
        .scaling
        .iter()
        .filter(|service| service.not_served > 0)
        .map(|service| unserved(service, verdict.scale))
        .collect();
    let mut body = match unserved.is_empty() {
        true => {
            "<p class=\"soft\">Every request was served or given up by its viewer.</p>\n".to_owned()
        }
        false => table(
            &["Not served", "#Requests", "#Viewers", "#Stood for", "#First at match minute"],
            &unserved,
        ),
    };
    if let Some(ledger) = ledger(view) {
        let rows: Vec<String> = ledger.services.iter().map(counted_by_both).collect();
        let heads = [
            "The target's own count, lead-in included",
            "#Received",
            "#From its own services",
            "#Answer not awaited",
            "#Answered",
            "#By the record",
        ];
        body += &table(&heads, &rows);
        let cancelled = ledger.unanswered + ledger.untold;
        body += &format!(
            "<p class=\"soft\">{} {} cancelled, {} of them before the target had them.</p>\n",
            counted(cancelled, "request"),
            was(cancelled),
            count(ledger.never_received),
        );
    }
    section("Ledger of requests", &body)
}

fn unserved(service: &ServiceScaling, scale: f64) -> String {
    let viewers = service.viewers_not_served;
    let known = |of: Option<String>| numeric(&of.unwrap_or_else(|| "–".to_owned()));
    let moment = service.moment.as_ref().map_or_else(String::new, |name| {
        format!("<small>last moment before: {}</small>", escape(name))
    });
    format!(
        "<th scope=\"row\">{}{moment}</th>{}{}{}{}",
        escape(&service.service),
        numeric(&count(service.not_served)),
        known(viewers.map(count)),
        known(viewers.and_then(|viewers| stood_for(viewers, scale))),
        known(service.not_served_first_match_min.map(minute)),
    )
}

fn counted_by_both(of: &ServiceLedger) -> String {
    let statuses: Vec<String> = of
        .statuses
        .iter()
        .map(|(status, counts)| {
            let ours = match counts.expected() == i128::from(counts.answered) {
                true => String::new(),
                false => format!(" (record {})", count(counts.answered)),
            };
            format!("{status}: {}{ours}", number(counts.expected() as f64))
        })
        .collect();
    let edges: Vec<String> = of
        .edges
        .iter()
        .filter(|(edge, _)| !edge.is_empty())
        .map(|(edge, requests)| format!("{edge}: {}", count(*requests)))
        .collect();
    let small = [statuses, edges]
        .iter()
        .filter(|parts| !parts.is_empty())
        .map(|parts| format!("<small>{}</small>", escape(&parts.join(", "))))
        .collect::<String>();
    let numbers = [of.received, of.internal, of.unanswered].map(|of| numeric(&count(of))).concat();
    format!(
        "<th scope=\"row\">{}{small}</th>{numbers}{}{}",
        escape(&of.service),
        numeric(&number(of.expected() as f64)),
        numeric(&count(of.answered)),
    )
}

/// What the viewers did, a column for each moment.
pub(super) fn responses(view: &View<'_>) -> String {
    let all = moments(view);
    if all.is_empty() {
        return String::new();
    }
    let shown = &all[..all.len().min(MOMENTS_MAX)];
    let names: Vec<String> =
        shown.iter().map(|moment| format!("#{}", escape(&moment.counts.moment))).collect();
    let heads: Vec<&str> =
        std::iter::once("Viewers who").chain(names.iter().map(String::as_str)).collect();
    let body = table(&heads, &response_rows(shown)) + &more(all.len(), MOMENTS_MAX);
    section("Ledger of responses to moments", &body)
}

/// A dash begins a part of the row above without one.
fn response_rows(shown: &[MomentSummary]) -> Vec<String> {
    let row = |what: &str, of: &dyn Fn(&MomentSummary) -> String| {
        let cells: String = shown.iter().map(|moment| numeric(&of(moment))).collect();
        format!("<th scope=\"row\">{what}</th>{cells}")
    };
    let at = |of: Option<f64>| of.map_or_else(|| "–".to_owned(), minute);
    vec![
        row("Response", &|m| m.response.clone().unwrap_or_else(|| "–".to_owned())),
        row("At match minute", &|m| at(m.intended_match_min)),
        row("First response at", &|m| at(m.first_match_min)),
        row("Did what the journey has for it", &|m| count(m.counts.acted)),
        row("Came by push", &|m| count(m.counts.came)),
        row("Pressed Back", &|m| count(m.counts.woken)),
        row("– left at once", &|m| count(m.counts.left_at_once)),
        row("– left while home was loading", &|m| count(m.counts.abandoned)),
        row("– still loading it at the end", &|m| number(m.still_loading as f64)),
        row("– loaded home", &|m| count(m.counts.loaded)),
        row("Of them all: gone for good", &|m| count(m.counts.left)),
        row("– back in the video", &|m| count(m.counts.returned)),
        row("– neither at the end", &|m| number(m.still_there as f64)),
    ]
}

/// What went wrong in the journeys themselves.
pub(super) fn troubles(view: &View<'_>) -> String {
    let all = view.merged.troubles();
    if all.is_empty() {
        return String::new();
    }
    let row = |trouble: &hulk_record::TroubleCount| {
        format!(
            "<th scope=\"row\">{} / {}</th><td class=\"wide\">{}</td>{}",
            escape(&trouble.journey),
            escape(&trouble.step),
            cut(&trouble.what),
            numeric(&count(trouble.count)),
        )
    };
    let rows: Vec<String> = all.iter().take(TROUBLES_MAX).map(row).collect();
    let body = table(&["Step", "What", "#Times"], &rows) + &more(all.len(), TROUBLES_MAX);
    section("Troubles of the journeys", &body)
}

/// Moments and faults are told before anything else when there is not room for all.
pub(super) fn events(record: &Record) -> String {
    let all = crate::summary::events(record);
    if all.is_empty() {
        return String::new();
    }
    let planned = |event: &EventSummary| ["moment", "fault"].contains(&event.kind.as_str());
    let mut shown: Vec<usize> = (0..all.len()).collect();
    shown.sort_by_key(|&at| !planned(&all[at]));
    shown.truncate(EVENTS_MAX);
    shown.sort_unstable();
    let rows: Vec<String> = shown.into_iter().map(|at| event(&all[at])).collect();
    let heads = ["#Match minute", "#Intended", "#Late", "Kind", "What"];
    section("Events", &(table(&heads, &rows) + &more(all.len(), EVENTS_MAX)))
}

fn event(event: &EventSummary) -> String {
    let known = |of: Option<String>| numeric(&of.unwrap_or_else(|| "–".to_owned()));
    // An event a few ms late would read as on time.
    let exact = |minute: f64| format!("{minute:.3}");
    format!(
        "{}{}{}<td>{}</td><td class=\"wide\">{}</td>",
        numeric(&exact(event.match_min)),
        known(event.intended_match_min.map(exact)),
        known(event.late_ms.map(|late_ms| format!("{} ms", number(late_ms)))),
        escape(&event.kind),
        cut(&event.text),
    )
}
