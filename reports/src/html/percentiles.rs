//! Latency by percentile as a drawing: the further right, the rarer.

use std::fmt::Write;

use super::tables::{numeric, table};
use crate::percentiles::{Line, percentiles};
use crate::view::View;
use crate::words::{count, escape, micros};

/// Width of the inner drawing, which is stretched to any screen.
const UNITS: f64 = 1000.0;
const HEIGHT_PX: f64 = 220.0;
const TOP_PX: f64 = 16.0;
/// What is left at the right edge for the largest samples, in decades of rarity.
const EDGE: f64 = 0.4;
/// As many lines as can be told apart; further services are in the table.
const LINES_MAX: usize = 6;
/// The class of each line: told apart without colour too.
const STYLES: [&str; LINES_MAX] = ["rank-1", "rank-2", "rank-3", "rank-4", "rank-5", "rank-6"];
/// Lines of the grid and columns of the table.
const MARKS: [(u32, &str); 7] = [
    (500_000, "50 %"),
    (900_000, "90 %"),
    (990_000, "99 %"),
    (999_000, "99.9 %"),
    (999_900, "99.99 %"),
    (999_990, "99.999 %"),
    (999_999, "99.9999 %"),
];

/// The section: all services together, and each of them.
pub(super) fn section(view: &View<'_>) -> String {
    let all = percentiles(view);
    if all.measures.is_empty() {
        return String::new();
    }
    let named = |line: &Line| Line { name: format!("{} time", line.name), ..line.clone() };
    let measures: Vec<Line> = all.measures.iter().map(named).collect();
    let mut body = figure("All services", &measures) + &data("all services", &measures);
    if all.services.len() > 1 {
        let mut slowest = all.services.clone();
        let tail = |line: &Line| line.points.last().map_or(0, |&(_, us)| us);
        slowest.sort_by_key(|line| std::cmp::Reverse(tail(line)));
        let hidden = slowest.len().saturating_sub(LINES_MAX);
        slowest.truncate(LINES_MAX);
        body += &figure("Response time of each service", &slowest);
        if hidden > 0 {
            let _ = writeln!(
                body,
                "<p class=\"soft\">{hidden} quicker services are in the table only.</p>"
            );
        }
        body += &data("each service", &all.services);
    }
    format!(
        "<section>\n<h2>Latency by percentile</h2>\n{body}<p class=\"soft\">Across: the share of \
         requests that were at least as quick; from 90 % on each line of the grid is ten times rarer \
         than the one before. Every outcome counts, in wall time: response time from the intended \
         send, service time from the real one. A line ends where its samples no longer bound the next \
         percentile (99 % needs 299, 99.9 % needs 2,995); the mark at the right edge is its largest \
         sample.</p>\n</section>\n"
    )
}

/// How rare what is slower than a percentile is, in decades from the median on.
fn rarity(ppm: u32) -> f64 {
    (500_000.0 / f64::from(1_000_000_u32.saturating_sub(ppm).max(1))).log10()
}

/// Whole decades of µs around all values, and the rarity at the right edge.
struct Frame {
    low: i32,
    high: i32,
    rarest: f64,
}

impl Frame {
    fn of(lines: &[Line]) -> Self {
        let values = || {
            let points = lines.iter().flat_map(|line| line.points.iter().map(|&(_, us)| us));
            points.chain(lines.iter().map(|line| line.max_us)).map(|us| us.max(1) as f64)
        };
        let low = values().fold(f64::INFINITY, f64::min).max(1.0).log10().floor() as i32;
        let high = values().fold(1.0, f64::max).log10().ceil() as i32;
        let last = lines.iter().filter_map(|line| line.points.last()).map(|&(ppm, _)| ppm);
        Self { low, high: high.max(low + 1), rarest: rarity(last.max().unwrap_or(0)).max(1.0) }
    }

    fn share(&self, ppm: u32) -> f64 {
        rarity(ppm) / (self.rarest + EDGE)
    }

    fn y(&self, us: u64) -> f64 {
        let decades = f64::from(self.high - self.low);
        (1.0 - ((us.max(1) as f64).log10() - f64::from(self.low)) / decades) * HEIGHT_PX
    }
}

fn figure(title: &str, lines: &[Line]) -> String {
    let frame = Frame::of(lines);
    let mut body = String::new();
    let bottom = TOP_PX + HEIGHT_PX;
    for decade in frame.low..=frame.high {
        let y =
            TOP_PX + f64::from(frame.high - decade) * HEIGHT_PX / f64::from(frame.high - frame.low);
        let _ = writeln!(
            body,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n<text \
             x=\"0\" dx=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            y + 4.0,
            micros(10_f64.powi(decade)),
        );
    }
    for (ppm, label) in MARKS.iter().filter(|(ppm, _)| rarity(*ppm) <= frame.rarest + 1e-9) {
        let x = 100.0 * frame.share(*ppm);
        let anchor = if x < 3.0 { "start" } else { "middle" };
        let _ = writeln!(
            body,
            "<line class=\"grid\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{TOP_PX:.0}\" \
             y2=\"{bottom:.0}\"/>\n<text x=\"{x:.2}%\" y=\"{:.0}\" \
             text-anchor=\"{anchor}\">{label}</text>",
            bottom + 17.0,
        );
    }
    let paths: String =
        lines.iter().zip(STYLES).map(|(of, class)| path(&frame, of, class)).collect();
    let keys: String = lines.iter().zip(STYLES).map(|(of, class)| key(of, class)).collect();
    format!(
        "<figure class=\"chart\">\n<h3>{title}</h3>\n<ul class=\"keys\">\n{keys}</ul>\n<div \
         class=\"ranks\">\n<svg class=\"axis\" role=\"img\" width=\"100%\" height=\"{:.0}\" \
         overflow=\"visible\" aria-label=\"{title} by percentile; the same figures are in the table \
         below\">\n{body}<svg x=\"0\" y=\"{TOP_PX:.0}\" width=\"100%\" height=\"{HEIGHT_PX:.0}\" \
         viewBox=\"0 0 {UNITS:.0} {HEIGHT_PX:.0}\" preserveAspectRatio=\"none\" \
         overflow=\"visible\">\n{paths}</svg>\n</svg>\n</div>\n</figure>\n",
        bottom + 24.0,
    )
}

/// The points that the samples are enough for, and the largest sample at the edge.
fn path(frame: &Frame, line: &Line, class: &str) -> String {
    let mut path = String::new();
    for &(ppm, us) in &line.points {
        let command = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{command}{:.1} {:.1}", UNITS * frame.share(ppm), frame.y(us));
    }
    let edge = format!("M{:.1} {:.1}H{UNITS:.0}", UNITS * 0.985, frame.y(line.max_us));
    let name = escape(&line.name);
    format!(
        "<path class=\"{class}\" d=\"{path}\"><title>{name}</title></path>\n<path \
         class=\"{class}\" d=\"{edge}\"><title>{name}: largest {}</title></path>\n",
        micros(line.max_us as f64),
    )
}

fn key(line: &Line, class: &str) -> String {
    format!(
        "<li class=\"keyed\"><svg class=\"key\" width=\"34\" height=\"12\"><path class=\"{class}\" \
         d=\"M0 6H34\"/></svg> {}</li>\n",
        escape(&line.name),
    )
}

/// The figures of a drawing; a dash where the samples are too few.
fn data(what: &str, lines: &[Line]) -> String {
    let widest = lines.iter().filter_map(|line| line.points.last()).map(|&(ppm, _)| ppm).max();
    let marks: Vec<(u32, &str)> =
        MARKS.into_iter().filter(|&(ppm, _)| Some(ppm) <= widest).collect();
    let rows: Vec<String> = lines
        .iter()
        .map(|line| {
            let at = |&(ppm, _): &(u32, &str)| {
                numeric(&line.at(ppm).map_or_else(|| "–".to_owned(), |us| micros(us as f64)))
            };
            format!(
                "<th scope=\"row\">{}</th>{}{}{}{}",
                escape(&line.name),
                numeric(&count(line.samples)),
                numeric(&micros(line.mean_us)),
                marks.iter().map(at).collect::<String>(),
                numeric(&micros(line.max_us as f64)),
            )
        })
        .collect();
    let columns: Vec<String> = marks.iter().map(|(_, label)| format!("#{label}")).collect();
    let heads: Vec<&str> = ["Line", "#Samples", "#Mean"]
        .into_iter()
        .chain(columns.iter().map(String::as_str))
        .chain(["#Largest"])
        .collect();
    format!(
        "<details>\n<summary>The figures of {what}</summary>\n{}</details>\n",
        table(&heads, &rows)
    )
}
