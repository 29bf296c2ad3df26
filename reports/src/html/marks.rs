//! What is marked in all panels of the timeline: faults as bands with letters, moments as lines with
//! numbers, and where a run stopped.

use std::fmt::Write;

use super::panel::{Axis, UNITS};
use crate::view::View;
use crate::words::{escape, minute};

/// As many as there are letters.
const FAULTS_MAX: usize = 26;
const MOMENTS_MAX: usize = 40;
/// Characters of a name in the drawing; the list below it has the whole name.
const NAME_MAX: usize = 26;
const ROW_PX: f64 = 18.0;
const ROWS_MAX: usize = 6;
/// The width that names are laid out for; on a narrow screen only letters and numbers are shown.
const NOMINAL_PX: f64 = 1000.0;
const LETTER_PX: f64 = 7.2;
/// A letter or number with the space around it.
const SIGN_PX: f64 = 20.0;
const EDGE_PX: f64 = 4.0;

/// All marks of a run.
pub(super) struct Marks<'a> {
    axis: &'a Axis,
    all: Vec<Mark>,
    hidden: usize,
    stopped_s: Option<f64>,
}

/// A fault or a moment.
struct Mark {
    sign: String,
    name: String,
    /// What the list says beside the name.
    text: String,
    from_s: f64,
    /// The same as `from_s` for a moment.
    until_s: f64,
    is_fault: bool,
    row: usize,
    /// Whether there is room for its name.
    named: bool,
    /// Whether its name stands to the left of its line.
    left: bool,
}

impl<'a> Marks<'a> {
    pub(super) fn of(view: &View<'_>, axis: &'a Axis) -> Self {
        let manifest = view.manifest();
        let until_s = view.match_s(manifest.until);
        let at = |at_s: f64| minute(view.minute_at(at_s));
        let moments: Vec<(f64, &str)> = manifest
            .moments
            .iter()
            .map(|moment| (moment.at.as_s(), moment.name.as_str()))
            .filter(|(at_s, _)| (0.0..=until_s).contains(at_s))
            .collect();
        let hidden = moments.len().saturating_sub(MOMENTS_MAX)
            + manifest.faults.len().saturating_sub(FAULTS_MAX);
        let mut all: Vec<Mark> = ('A'..='Z')
            .zip(&manifest.faults)
            .map(|(letter, fault)| {
                let [from_s, until_s] = [fault.from, fault.until].map(|at| at.as_s());
                let service = fault.service.as_ref().map(|name| format!(" of {name}"));
                Mark::new(
                    letter.to_string(),
                    &fault.name,
                    format!(
                        "minute {} to {}: {}{}, {}",
                        at(from_s),
                        at(until_s),
                        fault.kind,
                        service.unwrap_or_default(),
                        fault.text
                    ),
                    (from_s, until_s, true),
                )
            })
            .collect();
        all.extend(moments.into_iter().take(MOMENTS_MAX).enumerate().map(|(n, (at_s, name))| {
            let text = format!("minute {}", at(at_s));
            Mark::new((n + 1).to_string(), name, text, (at_s, at_s, false))
        }));
        place(axis, &mut all);
        let stopped_s = (!view.is_complete()).then(|| view.match_s(view.end));
        Self { axis, all, hidden, stopped_s }
    }

    /// The bands of faults over the whole height of an inner drawing, which cuts off their upper
    /// and lower edges: bands of neighbours are one.
    pub(super) fn bands(&self, height: f64) -> String {
        let faults = self.all.iter().filter(|mark| mark.is_fault);
        let path: String = faults.map(|mark| self.band(mark, -EDGE_PX, height + EDGE_PX)).collect();
        paths("fault", &path)
    }

    fn band(&self, mark: &Mark, top: f64, bottom: f64) -> String {
        let [x, until] = [mark.from_s, mark.until_s].map(|at| self.axis.x(at));
        format!("M{x:.0} {top:.0}V{bottom:.0}H{until:.0}V{top:.0}Z")
    }

    /// The lines of moments and of the stop.
    pub(super) fn lines(&self, height: f64) -> String {
        let line = |at_s: f64| format!("M{:.0} 0V{height:.0}", self.axis.x(at_s));
        let moments = self.all.iter().filter(|mark| !mark.is_fault);
        let path: String = moments.map(|mark| line(mark.from_s)).collect();
        paths("moment", &path) + &paths("stop", &self.stopped_s.map(line).unwrap_or_default())
    }

    /// The strip above the panels that names them; nothing without marks.
    pub(super) fn strip(&self) -> String {
        let rows = self.all.iter().map(|mark| mark.row + 1).max().unwrap_or(0);
        let rows = rows.max(usize::from(self.stopped_s.is_some()));
        if rows == 0 {
            return String::new();
        }
        let height = rows as f64 * ROW_PX + 4.0;
        let (mut bands, mut lines, mut names) = (String::new(), String::new(), String::new());
        for mark in &self.all {
            let top = mark.row as f64 * ROW_PX + 2.0;
            match mark.is_fault {
                true => bands += &self.band(mark, top, height + EDGE_PX),
                false => {
                    let _ = write!(lines, "M{:.0} {top:.0}V{height:.0}", self.axis.x(mark.from_s));
                }
            }
            names += &mark.label(self.axis, top + 13.0);
        }
        if let Some(at_s) = self.stopped_s {
            names += &stopped(self.axis, at_s, height - 7.0);
        }
        format!(
            "<svg class=\"strip\" role=\"img\" width=\"100%\" height=\"{height:.0}\" \
             aria-label=\"Moments and faults, which are listed below\">\n<svg class=\"inner\" \
             width=\"100%\" height=\"{height:.0}\" viewBox=\"0 0 {UNITS} {height:.0}\" \
             preserveAspectRatio=\"none\">\n{}{}</svg>\n{names}</svg>\n",
            paths("fault", &bands),
            paths("moment", &lines),
        )
    }

    /// All of them with their whole names and times.
    pub(super) fn list(&self) -> String {
        let mut items = String::new();
        for mark in &self.all {
            let _ = writeln!(
                items,
                "<li data-from=\"{}\" data-until=\"{}\"><b>{}</b> <span>{} ({})</span></li>",
                mark.from_s,
                mark.until_s,
                mark.sign,
                escape(&mark.name),
                escape(&mark.text),
            );
        }
        if self.hidden > 0 {
            let _ = writeln!(items, "<li>and {} more in summary.json</li>", self.hidden);
        }
        match items.is_empty() {
            true => items,
            false => format!("<ul class=\"marks\">\n{items}</ul>\n"),
        }
    }
}

fn paths(class: &str, path: &str) -> String {
    match path {
        "" => String::new(),
        path => format!("<path class=\"{class}\" d=\"{path}\"/>\n"),
    }
}

fn stopped(axis: &Axis, at_s: f64, y: f64) -> String {
    let x = axis.percent(at_s);
    let (anchor, dx) = if x > 50.0 { ("end", -5) } else { ("start", 5) };
    format!(
        "<text class=\"mark\" data-from=\"{at_s}\" data-until=\"{at_s}\" x=\"{x:.2}%\" \
         dx=\"{dx}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">stopped</text>\n"
    )
}

impl Mark {
    fn new(
        sign: String,
        name: &str,
        text: String,
        (from_s, until_s, is_fault): (f64, f64, bool),
    ) -> Self {
        let name = name.to_owned();
        Self { sign, name, text, from_s, until_s, is_fault, row: 0, named: true, left: false }
    }

    /// The name as far as the drawing has room for it.
    fn short(&self) -> String {
        match self.name.chars().count() > NAME_MAX {
            true => self.name.chars().take(NAME_MAX - 1).chain(['…']).collect(),
            false => self.name.clone(),
        }
    }

    /// From where to where it needs its row, in pixels.
    fn room(&self, axis: &Axis, named: bool) -> (f64, f64) {
        let x = axis.percent(self.from_s) / 100.0 * NOMINAL_PX;
        let name = if named { (self.short().chars().count() + 1) as f64 * LETTER_PX } else { 0.0 };
        let width = SIGN_PX + name;
        if self.left { (x - width, x) } else { (x, x + width) }
    }

    fn label(&self, axis: &Axis, y: f64) -> String {
        let (anchor, dx) = if self.left { ("end", -5) } else { ("start", 5) };
        let name = match self.named {
            true => format!(" <tspan class=\"name\">{}</tspan>", escape(&self.short())),
            false => String::new(),
        };
        format!(
            "<text class=\"mark\" data-from=\"{}\" data-until=\"{}\"{} x=\"{:.2}%\" dx=\"{dx}\" \
             y=\"{y:.0}\" text-anchor=\"{anchor}\">{}{name}</text>\n",
            self.from_s,
            self.until_s,
            if self.left { " data-left=\"\"" } else { "" },
            axis.percent(self.from_s),
            self.sign,
        )
    }
}

/// Gives each mark the first row with room for its name, or else for its sign alone.
fn place(axis: &Axis, all: &mut [Mark]) {
    let mut rows: Vec<Vec<(f64, f64)>> = vec![Vec::new(); ROWS_MAX];
    for mark in all {
        mark.left = mark.room(axis, true).1 > NOMINAL_PX;
        let free = |rows: &[Vec<(f64, f64)>], room: (f64, f64)| {
            let clear = |taken: &(f64, f64)| taken.1 <= room.0 || room.1 <= taken.0;
            rows.iter().position(|row| row.iter().all(clear))
        };
        let room = mark.room(axis, true);
        let found = free(&rows, room).map(|row| (row, true, room)).or_else(|| {
            let room = mark.room(axis, false);
            free(&rows, room).map(|row| (row, false, room))
        });
        // Where even that has no room the last row takes it, over another.
        let (row, named, room) = found.unwrap_or((ROWS_MAX - 1, false, room));
        (mark.row, mark.named) = (row, named);
        rows[row].push(room);
    }
}
