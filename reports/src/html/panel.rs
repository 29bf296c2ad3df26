//! The parts of the timeline: an axis of match time and panels below each other.
//!
//! Widths are in percent and heights in pixels, so the drawing fills any screen and its text keeps
//! its size: each panel's curves lie in an inner drawing 1,000 units wide that is stretched alone.

use std::fmt::Write;

use crate::words::escape;

/// Width of an inner drawing.
const UNITS: f64 = 1000.0;
const TITLE_PX: f64 = 20.0;
const GAP_PX: f64 = 14.0;

/// Match time across the drawing.
pub(super) struct Axis {
    /// The whole width in match seconds, above 0.
    pub(super) total_s: f64,
}

impl Axis {
    fn x(&self, at_s: f64) -> f64 {
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
}

/// A panel: its title, its scale and what is drawn in it.
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
        (1.0 - self.scale.share(value).clamp(0.0, 1.0)) * self.height_px
    }

    /// A line through points (match seconds, value); a missing value interrupts it.
    pub(super) fn curve(&mut self, class: &str, points: impl Iterator<Item = (f64, Option<f64>)>) {
        let mut path = String::new();
        let mut drawing = false;
        for (at_s, value) in points {
            let Some(value) = value else {
                drawing = false;
                continue;
            };
            // A lone point would leave no trace: each piece starts with a dot.
            let (command, dot) = if drawing { ('L', "") } else { ('M', "h.1") };
            let (x, y) = (self.axis.x(at_s), self.y(value));
            let _ = write!(path, "{command}{x:.1} {y:.1}{dot}");
            drawing = true;
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
                true => write!(path, "M{x:.1} {y:.1}"),
                false => write!(path, "H{x:.1}V{y:.1}"),
            };
        }
        let _ = write!(path, "H{:.1}", self.axis.x(end_s));
        self.path(class, &path);
    }

    fn path(&mut self, class: &str, path: &str) {
        if path.starts_with('M') {
            let _ = writeln!(self.inner, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    /// Filled boxes of (from match seconds, to match seconds, lower value, upper value), as one
    /// path.
    pub(super) fn boxes(&mut self, class: &str, boxes: impl Iterator<Item = (f64, f64, f64, f64)>) {
        let mut path = String::new();
        for (from_s, to_s, low, high) in boxes {
            let [x, until] = [from_s, to_s].map(|at| self.axis.x(at));
            let [bottom, top] = [low, high].map(|value| self.y(value));
            let _ = write!(path, "M{x:.1} {bottom:.1}V{top:.1}H{until:.1}V{bottom:.1}Z");
        }
        if !path.is_empty() {
            let _ = writeln!(self.inner, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    /// Draws the panel at `top_px` and gives the height that it takes with its title and gap.
    pub(super) fn draw(
        self,
        out: &mut String,
        top_px: f64,
        title: &str,
        label: impl Fn(f64) -> String,
    ) -> f64 {
        let plot = top_px + TITLE_PX;
        let _ = writeln!(
            out,
            "<text class=\"title\" x=\"0\" y=\"{:.0}\">{}</text>",
            plot - 7.0,
            escape(title)
        );
        let lines = self.scale.lines();
        for value in &lines {
            let y = plot + self.y(*value);
            let _ = writeln!(
                out,
                "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
        }
        let _ = writeln!(
            out,
            "<svg x=\"0\" y=\"{plot:.0}\" width=\"100%\" height=\"{height:.0}\" viewBox=\"0 0 \
             {UNITS:.0} {height:.0}\" preserveAspectRatio=\"none\" overflow=\"visible\">\n{}</svg>",
            self.inner,
            height = self.height_px,
        );
        for value in lines.iter().filter(|value| **value > 0.0) {
            let y = plot + self.y(*value) - 3.0;
            let _ = writeln!(
                out,
                "<text x=\"100%\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>",
                escape(&label(*value))
            );
        }
        TITLE_PX + self.height_px + GAP_PX
    }
}
