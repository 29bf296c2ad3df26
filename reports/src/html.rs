//! `report.html`: one file that answers, on its first screen, whether it held, and when not, what
//! broke, when, for how many and why.

mod behind;
mod callers;
mod chart;
mod commentary;
mod data;
mod elasticity;
mod files;
mod generator;
mod journeys;
mod ledgers;
mod marks;
mod panel;
mod percentiles;
mod plain;
mod platform;
mod qoe;
mod scaling;
mod tables;
mod tiles;
mod windows;

pub use plain::html_static;

use hulk_record::{Measure, Record, SeriesKey};

use crate::sentence::{headline, told_in_headline};
use crate::timeline::Times;
use crate::verdict::{Verdict, VerdictKind};
use crate::view::View;
use crate::words::{escape, minute, number, utc};

const TEMPLATE: &str = include_str!("../templates/report.html");
pub(crate) const STYLE: &str = include_str!("../templates/report.css");
/// The script adds zoom, a cursor and buttons to what is there without it.
const SCRIPT: &str =
    concat!(include_str!("../templates/figures.js"), include_str!("../templates/timeline.js"));

/// The style's name for a verdict.
pub(crate) fn class(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Pass => "pass",
        VerdictKind::Fail => "fail",
        _ => "open",
    }
}

/// The report as one self-contained HTML file, in UTF-8: no network, and nothing is missing where
/// no script runs. Every text that comes from a user is escaped. Times are in match minutes,
/// latencies in wall time.
pub fn html(record: &Record, verdict: &Verdict) -> Vec<u8> {
    let view = View::of(record);
    let response = |key: &SeriesKey| key.measure == Measure::Response;
    let times = Times::of(&view.samples(|_| true, response));
    let drawn = chart::Drawn::of(&view, verdict, times);
    let class = class(verdict.partial.unwrap_or(verdict.kind));
    let title = escape(&format!("{}: {}", verdict.kind.name(), verdict.name));
    // Where callers were alone, there is nothing to say of viewers and of what they ask.
    let of_viewers = |part: String| if view.callers_alone() { String::new() } else { part };
    let scaling = [elasticity::sentences(verdict), "\n".to_owned(), scaling::figures(verdict)];
    let scaling = scaling.concat() + &scaling::scale_outs(verdict);
    let parts = [
        ("title", title),
        ("style", STYLE.to_owned()),
        ("class", class.to_owned()),
        ("kind", verdict.kind.name().to_owned()),
        ("headline", escape(&headline(verdict))),
        ("reasons", reasons(verdict)),
        ("meta", escape(&meta(record))),
        ("tiles", tiles::tiles(&view, verdict, times)),
        ("notes", list(" class=\"notes\"", verdict.notes.iter())),
        ("timeline", chart::timeline(&view, drawn.as_ref())),
        ("windows", windows::section(&view)),
        ("caution", caution(verdict)),
        ("objectives", tables::objectives(verdict)),
        ("validity", tables::validity(verdict)),
        ("generator", generator::section(&view)),
        ("callers", callers::section(&view, verdict)),
        ("scaling", of_viewers(section("Scaling", &scaling))),
        ("platform", of_viewers(platform::section(&view, verdict))),
        ("percentiles", percentiles::section(&view)),
        ("journeys", journeys::section(&view)),
        ("ledger", of_viewers(section("Ledger of arrivals", &ledgers::arrivals(&view, verdict)))),
        ("requests", of_viewers(ledgers::requests(&view, verdict))),
        ("qoe", of_viewers(qoe::section(&view))),
        ("responses", ledgers::responses(&view)),
        ("commentary", commentary::section(record)),
        ("steps", of_viewers(section("Steps", &tables::steps(&crate::summary::steps(&view))))),
        ("troubles", ledgers::troubles(&view)),
        ("events", ledgers::events(record)),
        ("environment", tables::environment(record)),
        ("files", files::section()),
        ("data", data::json(&view, drawn.as_ref())),
        ("script", SCRIPT.to_owned()),
    ];
    fill(TEMPLATE, &parts).into_bytes()
}

fn section(title: &str, body: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{body}</section>")
}

/// Puts each part in its `{{place}}`, in one pass: what looks like a place inside a part stays.
fn fill(template: &str, parts: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(64 << 10);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        filled.push_str(before);
        if let Some((_, part)) = parts.iter().find(|(place, _)| *place == name) {
            filled.push_str(part);
        }
        rest = after;
    }
    filled + rest
}

/// The reasons that the headline has no room for.
fn reasons(verdict: &Verdict) -> String {
    list("", verdict.reasons.iter().skip(told_in_headline(verdict)))
}

/// What an invalid run measured is shown, and must not be taken for a result.
fn caution(verdict: &Verdict) -> String {
    match verdict.partial.unwrap_or(verdict.kind) {
        VerdictKind::Invalid => {
            "<p class=\"soft\">The run is not valid, so these say nothing of the target.</p>\n"
                .to_owned()
        }
        _ => String::new(),
    }
}

fn list<'a>(class: &str, sentences: impl Iterator<Item = &'a String>) -> String {
    let items: String = sentences.map(|text| format!("<li>{}</li>\n", escape(text))).collect();
    if items.is_empty() { items } else { format!("<ul{class}>\n{items}</ul>\n") }
}

fn meta(record: &Record) -> String {
    let manifest = &record.manifest;
    let what = match &manifest.load {
        Some(load) => load.in_words(),
        None => format!(
            "match minute {} to {}",
            minute(manifest.from_match_min),
            minute(manifest.match_minute(manifest.until))
        ),
    };
    format!(
        "{} · {} against {} · {} · {what} · clock speed v = {} · scale k = {} · seed {}",
        manifest.name,
        manifest.file,
        manifest.environment.target,
        utc(manifest.started_unix_s),
        number(manifest.clock.speed),
        number(manifest.scale),
        manifest.seed,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_not_a_template() {
        let parts = [("a", "{{b}}".to_owned()), ("b", "never".to_owned())];
        assert_eq!(fill("<{{a}}|{{missing}}>", &parts), "<{{b}}|>");
    }
}
