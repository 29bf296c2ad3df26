//! A tournament as a page: the table, and cost against violation.

use super::text::{HEAD, cells, of_services};
use super::{Entry, Tournament};
use crate::html::{STYLE, class};
use crate::verdict::VerdictKind;
use crate::words::{escape, number};

/// Size of the plot, and the room around it, in CSS pixels.
const SIZE: [f64; 2] = [720.0, 320.0];
const LEFT: f64 = 64.0;
const TOP: f64 = 20.0;
const BELOW: f64 = 56.0;
const RIGHT: f64 = 40.0;
/// Lines of the grid an axis.
const TICKS: u32 = 4;

pub(super) fn page(tournament: &Tournament) -> String {
    let kind = tournament.kind();
    let title = escape(&format!("Policies of {}", tournament.file));
    let held = tournament.entries.iter().filter(|entry| entry.kind == VerdictKind::Pass).count();
    let headline = format!("{held} of {} held", tournament.entries.len());
    let differences: String = tournament
        .differences
        .iter()
        .map(|found| format!("<li>not the same load: {}</li>", escape(&found.words())))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}{OWN}</style></head>\n\
         <body><header class=\"{}\"><p class=\"badge\">{}</p><h1>{title}: {headline}</h1><ul>{differences}</ul>\
         <p class=\"meta\">seed {}; the same audience for all</p></header>\n<main><h2>Cost against \
         violation</h2>\n{}\n<h2>Each by itself</h2>\n{}\n{}</main></body></html>\n",
        class(kind),
        kind.name(),
        tournament.seed,
        plot(&tournament.entries),
        table(&tournament.entries),
        speed_ups(tournament),
    )
}

const OWN: &str = "
.plot { width: 100%; height: auto; }
.plot text { fill: var(--text); font-size: 13px; }
.plot .soft { fill: var(--soft); }
.plot .grid { stroke: var(--line); }
.plot circle { fill: var(--panel); stroke: var(--tone); stroke-width: 3; }
.plot .unbeaten { fill: var(--tone); }
";

fn table(entries: &[Entry]) -> String {
    let head: String = HEAD.iter().map(|cell| format!("<th scope=\"col\">{cell}</th>")).collect();
    let row = |entry: &Entry| {
        let [name, rest @ ..] = cells(entry);
        let rest: String =
            rest.iter().map(|cell| format!("<td class=\"n\">{}</td>", escape(cell))).collect();
        let report = escape(&format!("../{}/report.html", last_of(&entry.folder)));
        format!(
            "<tr><th scope=\"row\"><a href=\"{report}\">{}</a><small>{}</small></th>{rest}</tr>\n",
            escape(&name),
            escape(&entry.headline)
        )
    };
    let rows: String = entries.iter().map(row).collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n\
         <p class=\"soft\">* no other was both cheaper and broke its promises for less time. Cost is the \
         instances that served, over match time at full scale; violation is the match time of all intervals \
         in which the promise of some objective was broken.</p>"
    )
}

/// How much better each followed its demand than the base.
fn speed_ups(tournament: &Tournament) -> String {
    let Some(base) = &tournament.against else { return String::new() };
    let row = |entry: &Entry| {
        format!("<li><b>{}</b>: {}</li>\n", escape(&entry.policies), escape(&of_services(entry)))
    };
    let others = tournament.entries.iter().filter(|entry| entry.policies != *base);
    let rows: String = others.map(row).collect();
    format!(
        "<h2>Elastic speed-up against {}</h2>\n<ul>\n{rows}</ul>\n<p class=\"soft\">The fourth root of θU · θO · τU · \
         τO of the base ÷ the same of the run: above 1 it followed its demand better. It is not defined where one of \
         them is 0.</p>\n",
        escape(base)
    )
}

/// The name of the run's folder: the page's own folder stands beside it.
fn last_of(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

/// The first number at or above a value of which a quarter is easily read; 1 for an axis of nothing but 0.
fn end_of_axis(largest: f64) -> f64 {
    if largest <= 0.0 {
        return 1.0;
    }
    let decade = 10_f64.powf(largest.log10().floor());
    let round = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0].map(|step| step * decade);
    round.into_iter().find(|end| *end >= largest).unwrap_or(largest)
}

fn plot(entries: &[Entry]) -> String {
    let known: Vec<(&Entry, f64)> =
        entries.iter().filter_map(|entry| Some((entry, entry.cost_instance_h?))).collect();
    if known.is_empty() {
        return "<p>No run tells what capacity it had.</p>".to_owned();
    }
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    // Both begin at 0.
    let x_max = end_of_axis(most(&mut known.iter().map(|(_, cost)| *cost)));
    let y_max = end_of_axis(most(&mut known.iter().map(|(entry, _)| entry.violation_match_min)));
    let [width, height] = SIZE;
    let x = |cost: f64| LEFT + cost / x_max * width;
    let y = |minutes: f64| TOP + (1.0 - minutes / y_max) * height;
    let mut drawn = String::new();
    for tick in 0..=TICKS {
        let share = f64::from(tick) / f64::from(TICKS);
        let (at_x, at_y) = (x(x_max * share), y(y_max * share));
        let (below, right) = (TOP + height, LEFT + width);
        drawn += &format!(
            "<path class=\"grid\" d=\"M{LEFT} {at_y:.1}H{right}M{at_x:.1} {TOP}V{below}\"/>\
             <text class=\"soft\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text class=\"soft\" x=\"{at_x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            LEFT - 8.0,
            at_y + 4.0,
            number(y_max * share),
            below + 18.0,
            number(x_max * share),
        );
    }
    for (entry, cost) in known {
        let class = class(entry.kind);
        let (at_x, at_y) = (x(cost), y(entry.violation_match_min));
        let unbeaten = if entry.unbeaten { " unbeaten" } else { "" };
        // A name that would leave the plot stands to the left of its point.
        let (anchor, dx) = if at_x > LEFT + width / 2.0 { ("end", -11.0) } else { ("start", 11.0) };
        drawn += &format!(
            "<g class=\"{class}\"><circle class=\"point{unbeaten}\" cx=\"{at_x:.1}\" cy=\"{at_y:.1}\" r=\"6\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{} ({})</text></g>",
            at_x + dx,
            at_y - 8.0,
            escape(&entry.policies),
            entry.kind.name(),
        );
    }
    format!(
        "<figure><svg class=\"plot\" role=\"img\" aria-label=\"cost against violation, a point for each run\" \
         viewBox=\"0 0 {} {}\">{drawn}<text class=\"soft\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">cost, \
         instance-hours</text></svg><figcaption>Upwards: match minutes in which a promise was broken. Down and to the \
         left is better; a filled point is beaten by none.</figcaption></figure>",
        LEFT + width + RIGHT,
        TOP + height + BELOW,
        LEFT + width / 2.0,
        TOP + height + 42.0,
    )
}
