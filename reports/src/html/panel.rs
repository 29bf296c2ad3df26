//! The parts of the timeline: an axis of match time and panels below each other.
//!
//! Each panel is a drawing of its own, as wide as the page: widths are in percent and heights in
//! pixels, so its text keeps its size on any screen. The curves lie in an inner drawing that is
//! stretched alone; whoever looks closer only changes what part of it is seen.

use std::fmt::Write;

use super::marks::Marks;
use crate::words::{escape, number};

/// Width of an inner drawing: fine enough to look at a hundredth of it.
pub(super) const UNITS: f64 = 100_000.0;
const TITLE_PX: f64 = 22.0;
const GAP_PX: f64 = 12.0;
/// What a lone point is drawn as: without any width it would leave no trace.
const DOT: f64 = 300.0;
const TICK_PX: f64 = 6.0;

/// Match time across the drawing.
pub(super) struct Axis {
    /// The whole width in match seconds, above 0.
    pub(super) total_s: f64,
}

impl Axis {
    pub(super) fn x(&self, at_s: f64) -> f64 {
        (at_s / self.total_s).clamp(0.0, 1.0) * UNITS
    }

    pub(super) fn percent(&self, at_s: f64) -> f64 {
        self.x(at_s) / UNITS * 100.0
    }
}

/// How values become heights.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scale {
    /// From 0 to a maximum.
    Linear { max: f64 },
    /// From 10^low to 10^high.
    Log { low: i32, high: i32 },
}

impl Scale {
    /// From 0 to the first round number at or above a value.
    pub(super) fn linear(largest: f64) -> Self {
        let largest = largest.max(2.0);
        let decade = 10_f64.powf(largest.log10().floor());
        // Half of it is labelled too, and must be a whole number of viewers or instances.
        let round = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0].map(|step| step * decade);
        let fits = |max: &f64| *max >= largest && max % 2.0 == 0.0;
        Self::Linear { max: round.into_iter().find(fits).unwrap_or(largest) }
    }

    /// Whole decades around two values above 0.
    pub(super) fn log(smallest: f64, largest: f64) -> Self {
        let low = smallest.max(1.0).log10().floor() as i32;
        Self::Log { low, high: (largest.max(1.0).log10().ceil() as i32).max(low + 1) }
    }

    fn share(self, value: f64) -> f64 {
        match self {
            Self::Linear { max } => value / max,
            Self::Log { low, high } => {
                (value.max(f64::MIN_POSITIVE).log10() - f64::from(low)) / f64::from(high - low)
            }
        }
    }

    /// Values at which a line helps to read.
    fn lines(self) -> Vec<f64> {
        match self {
            Self::Linear { max } => vec![0.0, max / 2.0, max],
            Self::Log { low, high } => (low..=high).map(|power| 10_f64.powi(power)).collect(),
        }
    }

    /// As the script reads it.
    fn told(self) -> String {
        match self {
            Self::Linear { max } => format!("linear 0 {max}"),
            Self::Log { low, high } => format!("log {low} {high}"),
        }
    }
}

/// Large numbers beside a panel must be short: `15k`, `2.5M`.
pub(super) fn short(of: f64) -> String {
    match of {
        of if of >= 1e6 => format!("{}M", number(of / 1e6)),
        of if of >= 1e4 => format!("{}k", number(of / 1e3)),
        of => number(of),
    }
}

/// A panel: its scale and what is drawn in it.
pub(super) struct Panel<'a> {
    axis: &'a Axis,
    scale: Scale,
    height_px: f64,
    inner: String,
}

impl<'a> Panel<'a> {
    pub(super) fn new(axis: &'a Axis, scale: Scale, height_px: f64) -> Self {
        Self { axis, scale, height_px, inner: String::new() }
    }

    fn y(&self, value: f64) -> f64 {
        TITLE_PX + (1.0 - self.scale.share(value).clamp(0.0, 1.0)) * self.height_px
    }

    /// A line through points (match seconds, value); a missing value interrupts it.
    pub(super) fn curve(&mut self, class: &str, points: impl Iterator<Item = (f64, Option<f64>)>) {
        let points: Vec<(f64, Option<f64>)> = points.collect();
        let mut path = String::new();
        for piece in points.split(|(_, value)| value.is_none()) {
            for (index, &(at_s, value)) in piece.iter().enumerate() {
                let (x, y) = (self.axis.x(at_s), self.y(value.unwrap_or(0.0)));
                let command = if index == 0 { 'M' } else { 'L' };
                let _ = write!(path, "{command}{x:.0} {y:.1}");
                if piece.len() == 1 {
                    let _ = write!(path, "h{DOT}");
                }
            }
        }
        self.path(class, &path);
    }

    /// A step function of (match seconds, value) until `end_s`.
    pub(super) fn steps(
        &mut self,
        class: &str,
        steps: impl Iterator<Item = (f64, f64)>,
        end_s: f64,
    ) {
        let mut path = String::new();
        for (at_s, value) in steps {
            let (x, y) = (self.axis.x(at_s), self.y(value));
            let _ = match path.is_empty() {
                true => write!(path, "M{x:.0} {y:.1}"),
                false => write!(path, "H{x:.0}V{y:.1}"),
            };
        }
        let _ = write!(path, "H{:.0}", self.axis.x(end_s));
        self.path(class, &path);
    }

    /// Short lines at instants: above the panel's floor, or below it.
    pub(super) fn ticks(&mut self, class: &str, at_s: impl Iterator<Item = f64>, up: bool) {
        let floor = TITLE_PX + self.height_px;
        let to = if up { -TICK_PX } else { TICK_PX };
        let path: String =
            at_s.map(|at_s| format!("M{:.0} {floor:.0}v{to:.0}", self.axis.x(at_s))).collect();
        self.path(class, &path);
    }

    /// Filled boxes of (from match seconds, to match seconds, lower value, upper value), as one
    /// path.
    pub(super) fn boxes(&mut self, class: &str, boxes: impl Iterator<Item = (f64, f64, f64, f64)>) {
        let mut path = String::new();
        for (from_s, to_s, low, high) in boxes {
            let [x, until] = [from_s, to_s].map(|at| self.axis.x(at));
            let [bottom, top] = [low, high].map(|value| self.y(value));
            let _ = write!(path, "M{x:.0} {bottom:.1}V{top:.1}H{until:.0}V{bottom:.1}Z");
        }
        self.path(class, &path);
    }

    fn path(&mut self, class: &str, path: &str) {
        if path.starts_with('M') {
            let _ = writeln!(self.inner, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    /// The whole panel; `told` is what the drawing shows, for those who cannot see it.
    pub(super) fn draw(
        self,
        marks: &Marks<'_>,
        title: &str,
        told: &str,
        label: impl Fn(f64) -> String,
    ) -> String {
        let height = TITLE_PX + self.height_px + GAP_PX;
        let lines = self.scale.lines();
        let grid: String =
            lines.iter().map(|value| format!("M0 {:.1}H{UNITS}", self.y(*value))).collect();
        let mut labels = String::new();
        for value in lines {
            let _ = writeln!(
                labels,
                "<text x=\"0\" dx=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                self.y(value) + 4.0,
                escape(&label(value))
            );
        }
        format!(
            "<svg class=\"panel\" role=\"img\" width=\"100%\" height=\"{height:.0}\" \
             overflow=\"visible\" aria-label=\"{title}: {told}\">\n\
             <svg class=\"inner\" width=\"100%\" height=\"{height:.0}\" \
             viewBox=\"0 0 {UNITS} {height:.0}\" preserveAspectRatio=\"none\" \
             data-plot=\"{TITLE_PX} {} {}\">\n{}<path class=\"grid\" d=\"{grid}\"/>\n{}{}</svg>\n\
             {labels}<text class=\"title\" x=\"0\" y=\"15\">{title}</text>\n</svg>\n",
            self.height_px,
            self.scale.told(),
            marks.bands(height),
            self.inner,
            marks.lines(height),
            title = escape(title),
            told = escape(told),
        )
    }
}
