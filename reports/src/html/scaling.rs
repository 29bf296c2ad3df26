//! The scorecard's table, and the waterfall of each scale-out that fell behind.

use super::tables::{numeric, table};
use crate::scale_out::ScaleOut;
use crate::scorecard::figures::{judged, rows};
use crate::verdict::Verdict;
use crate::words::{counted, escape, minute, number};

/// Scale-outs in the report, those that missed most; `summary.json` has more.
const SCALE_OUTS_MAX: usize = 10;
/// Width and height of a bar's own units.
const BAR: [f64; 2] = [120.0, 12.0];

/// A column for all services together and for each that was judged, and a line for each that was not.
pub(super) fn figures(verdict: &Verdict) -> String {
    let names = judged(verdict).into_iter().map(|(s, _)| format!("#{}", escape(&s.service)));
    let heads: Vec<String> =
        ["Figure", "#All"].map(str::to_owned).into_iter().chain(names).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows: Vec<String> = rows(verdict)
        .into_iter()
        .map(|row| {
            let cells = std::iter::once(&row.total).chain(&row.services);
            let cells: String = cells.map(|cell| numeric(cell)).collect();
            format!("<th scope=\"row\">{}</th>{cells}", row.what)
        })
        .collect();
    let mut out = if rows.is_empty() { String::new() } else { table(&heads, &rows) };
    let not_judged: String = verdict
        .scaling
        .iter()
        .filter_map(|service| service.not_judged.as_ref().map(|why| (&service.service, why)))
        .map(|(service, why)| {
            format!("<li>{} was not judged: {}.</li>\n", escape(service), escape(why))
        })
        .collect();
    if !not_judged.is_empty() {
        out += &format!("<ul class=\"soft\">\n{not_judged}</ul>\n");
    }
    out
}

/// The waterfalls, those that missed most first.
pub(super) fn scale_outs(verdict: &Verdict) -> String {
    let services = verdict.scaling.iter();
    let mut all: Vec<(&str, &ScaleOut)> = services
        .flat_map(|of| of.scale_outs.iter().map(|scale_out| (of.service.as_str(), scale_out)))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    all.sort_by(|a, b| b.1.debt_instance_min().total_cmp(&a.1.debt_instance_min()));
    let told = verdict.scaling.iter().map(|of| of.scale_outs.len() + of.scale_outs_left_out);
    let more = told.sum::<usize>().saturating_sub(SCALE_OUTS_MAX);
    all.truncate(SCALE_OUTS_MAX);
    let rows: Vec<String> = all.iter().map(|(service, of)| row(service, of)).collect();
    let heads = [
        "Fell behind",
        "What was missing",
        "#Needed",
        "#Wanted after",
        "#Ordered after",
        "#Ready after",
        "#Met after",
        "#Missing, instance-min",
    ];
    let more = match more {
        0 => String::new(),
        more => {
            format!(" {} that missed less: summary.json has them.", counted(more as u64, "more"))
        }
    };
    format!(
        "<h3>Scale-outs that fell behind</h3>\n{}<p class=\"soft\">Times are match seconds since demand \
         rose above what was ready. Wanted, ordered, ready: as many as were needed at most. The bar is what was \
         missing: {} not wanted by the policy, {} wanted and not ordered, {} ordered and not \
         serving.{more}</p>\n",
        table(&heads, &rows),
        key("not-wanted"),
        key("not-ordered"),
        key("starting"),
    )
}

fn row(service: &str, of: &ScaleOut) -> String {
    let seconds = |at_s: Option<f64>| {
        at_s.map_or_else(|| "never".to_owned(), |at_s| format!("{} s", number(at_s)))
    };
    let cells = [
        format!("{} of {}", number(of.supply_before), number(of.demand_peak)),
        seconds(of.wanted_match_s),
        seconds(of.ordered_match_s),
        seconds(of.ready_match_s),
        seconds(of.met_match_s),
        number(of.debt_instance_min()),
    ];
    let moment = of.moment.as_ref().map(|moment| format!(", after {moment}")).unwrap_or_default();
    format!(
        "<th scope=\"row\">{} at {}<small>{}{}</small></th><td>{}</td>{}",
        escape(service),
        minute(of.from_match_min),
        of.late.name(),
        escape(&moment),
        bar(of),
        cells.map(|cell| numeric(&cell)).concat()
    )
}

/// What was missing, by the stage that it had come to.
fn bar(of: &ScaleOut) -> String {
    let [width, height] = BAR;
    let all = of.debt_instance_min().max(f64::MIN_POSITIVE);
    let parts = [
        ("not-wanted", "not wanted", of.not_wanted_instance_min),
        ("not-ordered", "not ordered", of.not_ordered_instance_min),
        ("starting", "starting", of.starting_instance_min),
    ];
    let (mut from, mut drawn, mut told) = (0.0, String::new(), Vec::new());
    for (class, what, part) in parts.into_iter().filter(|(_, _, part)| *part > 0.0) {
        let wide = part / all * width;
        drawn +=
            &format!("<path class=\"{class}\" d=\"M{from:.1} 0h{wide:.1}v{height}h-{wide:.1}z\"/>");
        told.push(format!("{} % {what}", number(100.0 * part / all)));
        from += wide;
    }
    format!(
        "<svg class=\"stages\" role=\"img\" aria-label=\"{}\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">{drawn}</svg>",
        told.join(", ")
    )
}

/// A patch of a stage's colour, for the legend.
fn key(class: &str) -> String {
    format!(
        "<svg class=\"stages\" width=\"12\" height=\"12\" viewBox=\"0 0 12 12\" aria-hidden=\"true\"><path \
         class=\"{class}\" d=\"M0 0h12v12H0z\"/></svg>"
    )
}
