//! Before, during and after each fault and moment.

use super::tables::{numeric, table};
use crate::bite::sentence;
use crate::view::View;
use crate::windows::{Figures, Kind, Span, Window, spans};
use crate::words::{count, escape, micros, minute, number, percent};

/// Spans beyond these are in `summary.json`; a report must open on a phone.
const SPANS_MAX: usize = 24;

const RULES: &str = "<p class=\"soft\">Windows are whole intervals of the record. A fault is \
<i>during</i> from its real start to its real end, and the windows beside it are as long, at least \
three intervals and cut to what the run has. A moment is <i>during</i> for the longest decision \
window of the services, or until 95 % of those who answered it had begun, if that is longer. \
Requests count where they were due, times and failures where the answer came. Worse is: a time at \
least a fifth and 5 ms longer; failures up by 0.1 percentage points and 5 answers; more requests \
not served or more instances missing. One run cannot tell a cause: what else lies in the windows is \
named.</p>\n";

/// The section; nothing where the run had neither fault nor moment.
pub(super) fn section(view: &View<'_>) -> String {
    let all = spans(view);
    if all.is_empty() {
        return String::new();
    }
    let shown: String = all.iter().take(SPANS_MAX).map(block).collect();
    let more = match all.len().saturating_sub(SPANS_MAX) {
        0 => String::new(),
        more => format!("<p class=\"soft\">{more} more are in summary.json.</p>\n"),
    };
    format!("<section>\n<h2>Before, during and after</h2>\n{shown}{more}{RULES}</section>\n")
}

fn block(span: &Span) -> String {
    let kind = match span.kind {
        Kind::Fault => "Fault",
        Kind::Moment => "Moment",
    };
    let text = match (span.kind, span.text.as_str()) {
        (_, "") => String::new(),
        (Kind::Fault, text) => format!(" ({})", escape(text)),
        (Kind::Moment, response) => format!(" (viewers answer it: {})", escape(response)),
    };
    let also = match span.also.is_empty() {
        true => String::new(),
        false => {
            format!(
                "<p class=\"soft\">Also in these windows: {}.</p>\n",
                escape(&span.also.join(", "))
            )
        }
    };
    format!(
        "<details{}>\n<summary>{kind} <b>{}</b>{text}: {}</summary>\n{}{also}</details>\n",
        if span.kind == Kind::Fault { " open" } else { "" },
        escape(&span.name),
        escape(&sentence(span)),
        rows(span),
    )
}

fn rows(span: &Span) -> String {
    let windows = [&span.before, &span.during, &span.after].map(Option::as_ref);
    let row = |what: &str, of: &dyn Fn(&Window) -> String| {
        let cells = windows.map(|window| numeric(&window.map_or_else(dash, of)));
        format!("<th scope=\"row\">{what}</th>{}", cells.concat())
    };
    let known = |of: Option<u64>| of.map_or_else(dash, |us| micros(us as f64));
    let mut rows = vec![
        row("Match minutes", &|w| {
            format!("{} to {}", minute(w.from_match_min), minute(w.until_match_min))
        }),
        row("Length in wall time", &|w| format!("{} s", number(w.wall_s))),
        row("Viewers present, on average", &|w| w.viewers_mean.map_or_else(dash, number)),
        row("Requests a second", &|w| number(w.all.requests_per_s)),
        row("p50 of response time", &|w| known(w.all.p50_us)),
        row("p90 of response time", &|w| known(w.all.p90_us)),
        row("p99 of response time", &|w| known(w.all.p99_us)),
        row("Failures", &|w| failures(&w.all)),
        row("Requests not served", &|w| count(w.all.not_served)),
        row("Instances missing, at most", &|w| w.all.missing_max.map_or_else(dash, number)),
    ];
    let names = windows.into_iter().flatten().flat_map(|window| window.services.keys());
    let names: std::collections::BTreeSet<&String> = names.collect();
    for name in names {
        let own = |w: &Window| w.services.get(name).cloned().unwrap_or_default();
        let escaped = escape(name);
        rows.push(row(&format!("{escaped}: requests a second"), &|w| {
            number(own(w).requests_per_s)
        }));
        rows.push(row(&format!("{escaped}: p50 / p90 / p99"), &|w| {
            let own = own(w);
            [own.p50_us, own.p90_us, own.p99_us].map(known).join(" / ")
        }));
        rows.push(row(&format!("{escaped}: failures, not served"), &|w| {
            format!("{}, {}", failures(&own(w)), count(own(w).not_served))
        }));
        if windows.into_iter().flatten().any(|window| own(window).demand.is_some()) {
            rows.push(row(
                &format!("{escaped}: instances ready of needed, at worst"),
                &|w| match (own(w).supply, own(w).demand) {
                    (Some(supply), Some(demand)) => {
                        format!("{} of {}", number(supply), number(demand))
                    }
                    _ => dash(),
                },
            ));
        }
    }
    table(&["Figure", "#Before", "#During", "#After"], &rows)
}

fn failures(of: &Figures) -> String {
    of.failure_share.map_or_else(dash, |share| format!("{} %", percent(share)))
}

fn dash() -> String {
    "–".to_owned()
}
