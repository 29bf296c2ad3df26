//! What stands behind the curves: the figures of the window that is seen, and a table for each panel.
//!
//! The script says the same of any other window, so each sentence here has its twin in
//! `templates/figures.js`.

use super::chart::Drawn;
use crate::supply::Supply;
use crate::timeline::{Bin, Times};
use crate::view::View;
use crate::words::{count, counted, escape, micros, minute, number};

/// Services named in the figures of a window.
const SHORT_MAX: usize = 3;

/// The figures of the whole run; the script replaces them by those of the window that is seen.
pub(super) fn window(view: &View<'_>, drawn: &Drawn) -> String {
    let bins = drawn.bins();
    let most = |of: fn(&Bin) -> Option<u64>| bins.iter().filter_map(of).max();
    let sum = |of: fn(&Bin) -> u64| bins.iter().map(of).sum::<u64>();
    let known = |of: Option<u64>| of.map_or_else(|| "–".to_owned(), count);
    let time = |of: fn(Times) -> u64| {
        drawn.times.map_or_else(|| "–".to_owned(), |times| micros(of(times) as f64))
    };
    let figures = [
        (
            "peak",
            "Viewers at the peak",
            format!("{} of {} wanted", known(most(|b| b.present)), known(most(|b| b.wanted))),
        ),
        (
            "requests",
            "Requests",
            format!(
                "{}, {} of them retries",
                count(sum(|bin| bin.requests)),
                count(sum(|bin| bin.retries))
            ),
        ),
        ("failures", "Failed answers", count(sum(|bin| bin.failures))),
        ("p50", "p50", time(|times| times.p50_us)),
        ("p99", "p99", time(|times| times.p99_us)),
        ("p999", "p99.9", time(|times| times.p999_us)),
        ("short", "Worst shortage of instances", shortages(view, &drawn.services)),
    ];
    let items: String = figures
        .iter()
        .map(|(key, what, of)| {
            let class = if key.starts_with('p') && *key != "peak" { "time figure" } else { "figure" };
            format!("<div class=\"{class}\"><dt class=\"what\">{what}</dt><dd class=\"value\" data-figure=\"{key}\">{}</dd></div>\n", escape(of))
        })
        .collect();
    format!(
        "<div class=\"window\">\n<h3>Figures of the whole run</h3>\n<dl class=\"figures\">\n{items}\
         </dl>\n</div>\n"
    )
}

/// "home 42 of 145 missing at minute 260.0", the worst first.
fn shortages(view: &View<'_>, services: &[Supply]) -> String {
    let mut worst: Vec<(f64, String)> = services
        .iter()
        .filter_map(|service| {
            let seen = service.steps.iter().filter(|step| service.is_seen(step));
            let steps = seen.filter(|step| step.missing() > 0.0);
            let step = steps.reduce(|a, b| if b.missing() > a.missing() { b } else { a })?;
            let told = format!(
                "{} {} of {} missing at minute {}",
                service.service,
                number(step.missing()),
                number(step.demand),
                minute(view.minute_at(step.at_s))
            );
            Some((step.missing(), told))
        })
        .collect();
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    let more = worst.len().saturating_sub(SHORT_MAX);
    let mut told: Vec<String> = worst.into_iter().take(SHORT_MAX).map(|(_, told)| told).collect();
    if services.is_empty() {
        return "not known".to_owned();
    }
    if told.is_empty() {
        return "none".to_owned();
    }
    if more > 0 {
        told.push(format!("and {}", counted(more as u64, "more service")));
    }
    told.join("; ")
}

/// A table for each panel, folded.
pub(super) fn tables(view: &View<'_>, drawn: &Drawn) -> String {
    let rows: String = drawn.bins().iter().map(|bin| row(view, bin)).collect();
    let heads = [
        "Match minute",
        "Wall seconds",
        "Viewers",
        "Wanted",
        "Requests",
        "Retries",
        "Failed",
        "p50",
        "p99",
        "p99.9",
    ];
    let title = "Viewers, requests, failed answers and response times";
    let mut out = folded("bins", title, &heads, &rows);
    for (index, service) in drawn.services.iter().enumerate() {
        let ends = service.steps.iter().skip(1).map(|step| step.at_s).chain([service.end_s]);
        let rows: String = service
            .steps
            .iter()
            .zip(ends)
            .map(|(step, end_s)| {
                let figures = match service.is_seen(step) {
                    true => [step.demand, step.supply, step.missing()].map(number),
                    false => [number(step.demand), "not seen".to_owned(), "–".to_owned()],
                };
                cells(&[times_of(view, step.at_s), times_of(view, end_s)].concat(), &figures)
            })
            .collect();
        let heads = [
            "From match minute",
            "Wall seconds",
            "To match minute",
            "Wall seconds",
            "Needed",
            "Ready",
            "Missing",
        ];
        let title = format!("Instances of {}", service.service);
        out += &folded(&index.to_string(), &title, &heads, &rows);
    }
    if drawn.left_out > 0 {
        let left_out = counted(drawn.left_out as u64, "more service");
        out += &format!("<p class=\"soft\">The figures of {left_out} are in summary.json.</p>\n");
    }
    format!("<div class=\"behind\">\n<h3>Tables behind the curves</h3>\n{out}</div>\n")
}

/// An instant as match minute and as wall seconds.
fn times_of(view: &View<'_>, at_s: f64) -> Vec<String> {
    vec![
        format!("{:.2}", view.minute_at(at_s)),
        format!("{:.1}", at_s / view.manifest().clock.speed),
    ]
}

fn row(view: &View<'_>, bin: &Bin) -> String {
    let known = |of: Option<u64>| of.map_or_else(|| "–".to_owned(), count);
    let time = |of: fn(Times) -> u64| {
        bin.times.map_or_else(|| "–".to_owned(), |times| micros(of(times) as f64))
    };
    let figures = [
        known(bin.present),
        known(bin.wanted),
        count(bin.requests),
        count(bin.retries),
        count(bin.failures),
        time(|times| times.p50_us),
        time(|times| times.p99_us),
        time(|times| times.p999_us),
    ];
    cells(&times_of(view, bin.from_s), &figures)
}

fn cells(times: &[String], figures: &[String]) -> String {
    let cells: String =
        times.iter().chain(figures).map(|cell| format!("<td>{cell}</td>")).collect();
    format!("<tr>{cells}</tr>\n")
}

fn folded(key: &str, title: &str, heads: &[&str], rows: &str) -> String {
    let title = escape(title);
    let heads: String =
        heads.iter().map(|head| format!("<th class=\"n\" scope=\"col\">{head}</th>")).collect();
    format!(
        "<details>\n<summary>{title}</summary>\n<div class=\"scroll tall\" tabindex=\"0\" \
         role=\"region\" aria-label=\"{title}\">\n<table class=\"rows\" data-rows=\"{key}\">\n\
         <caption>{title}, the whole run</caption>\n<thead><tr>{heads}</tr></thead>\n\
         <tbody class=\"figures\">\n{rows}</tbody>\n</table>\n</div>\n</details>\n"
    )
}
