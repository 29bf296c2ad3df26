//! `report.html`: one file that answers, on its first screen, whether it held, and when not, what
//! broke, when, for how many and why.

mod chart;
mod elasticity;
mod faults;
mod files;
mod generator;
mod journeys;
mod ledgers;
mod panel;
mod percentiles;
mod platform;
mod qoe;
mod tables;
mod windows;

use hulk_record::Record;

use crate::sentence::{headline, told_in_headline};
use crate::timeline::bins;
use crate::verdict::{ObjectiveStatus, Verdict, VerdictKind};
use crate::view::View;
use crate::words::{count, escape, micros, minute, number, percent, utc};

const TEMPLATE: &str = include_str!("../templates/report.html");
const STYLE: &str = include_str!("../templates/report.css");

/// The report as one self-contained HTML file, in UTF-8: no script, no network. Every text that
/// comes from a user is escaped. Times are in match minutes, latencies in wall time.
pub fn html(record: &Record, verdict: &Verdict) -> Vec<u8> {
    let view = View::of(record);
    let bins = bins(&view);
    let class = match verdict.partial.unwrap_or(verdict.kind) {
        VerdictKind::Pass => "pass",
        VerdictKind::Fail => "fail",
        _ => "open",
    };
    let title = escape(&format!("{}: {}", verdict.kind.name(), verdict.name));
    let parts = [
        ("title", title),
        ("style", STYLE.to_owned()),
        ("class", class.to_owned()),
        ("kind", verdict.kind.name().to_owned()),
        ("headline", escape(&headline(verdict))),
        ("reasons", reasons(verdict)),
        ("meta", escape(&meta(record))),
        ("tiles", tiles(&view, verdict)),
        ("notes", list(" class=\"notes\"", verdict.notes.iter())),
        ("timeline", chart::timeline(&view, verdict, &bins)),
        ("windows", windows::section(&view)),
        ("caution", caution(verdict)),
        ("objectives", tables::objectives(verdict)),
        ("validity", tables::validity(verdict)),
        ("generator", generator::section(&view)),
        ("elasticity", elasticity::sentences(verdict)),
        ("scaling", tables::scaling(verdict)),
        ("platform", platform::section(&view, verdict)),
        ("percentiles", percentiles::section(&view)),
        ("journeys", journeys::section(&view)),
        ("ledger", ledgers::arrivals(&view, verdict)),
        ("requests", ledgers::requests(&view, verdict)),
        ("qoe", qoe::section(&view)),
        ("responses", ledgers::responses(&view)),
        ("steps", tables::steps(&crate::summary::steps(&view))),
        ("troubles", ledgers::troubles(&view)),
        ("events", ledgers::events(record)),
        ("environment", tables::environment(record)),
        ("files", files::section()),
    ];
    fill(TEMPLATE, &parts).into_bytes()
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
    format!(
        "{} · {} against {} · {} · match minute {} to {} · clock speed v = {} · scale k = {} · seed {}",
        manifest.name,
        manifest.file,
        manifest.environment.target,
        utc(manifest.started_unix_s),
        minute(manifest.from_match_min),
        minute(manifest.match_minute(manifest.until)),
        number(manifest.clock.speed),
        number(manifest.scale),
        manifest.seed,
    )
}

fn tiles(view: &View<'_>, verdict: &Verdict) -> String {
    let wanted = view.manifest().wanted.iter().max().map_or(0, |&viewers| u64::from(viewers));
    let present = view.present().into_iter().flatten().max().unwrap_or(0);
    let arrivals = &verdict.arrivals;
    let requests = &verdict.requests;
    let response = view.samples(|_| true, |key| key.measure == hulk_record::Measure::Response);
    let p99 = response.quantile_us(990_000).min(response.max_us()) as f64;
    let met = verdict.objectives.iter().filter(|o| o.status == ObjectiveStatus::Met).count();
    let held = verdict.validity.iter().filter(|check| check.holds).count();
    let not_served = match requests.first {
        0 => "of no requests".to_owned(),
        first => format!(
            "of {} requests not served, {} %",
            count(first),
            percent(requests.not_served as f64 / first as f64)
        ),
    };
    let tiles = [
        (count(present), format!("viewers at the peak, {} wanted", count(wanted))),
        (count(arrivals.sent()), format!("of {} arrivals sent", count(verdict.arrivals_planned))),
        (count(requests.not_served), not_served),
        (
            if response.count() == 0 { "–".to_owned() } else { micros(p99) },
            "p99 of response time, all services".to_owned(),
        ),
        (format!("{met} of {}", verdict.objectives.len()), "objectives met".to_owned()),
        (
            format!("{held} of {}", verdict.validity.len()),
            "conditions of a valid run hold".to_owned(),
        ),
    ];
    tiles
        .iter()
        .map(|(value, what)| format!("<li><b>{value}</b><span>{what}</span></li>\n"))
        .collect()
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
