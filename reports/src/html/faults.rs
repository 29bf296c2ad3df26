//! Faults as bands behind the panels of the timeline, each with a letter.

use std::fmt::Write;

use hulk_record::FaultInfo;

use super::panel::Axis;
use crate::view::View;
use crate::words::{escape, minute};

/// As many as there are letters.
const FAULTS_MAX: usize = 26;

/// The faults of the window with their letters, as they were planned.
fn known<'a>(view: &View<'a>) -> impl Iterator<Item = (char, &'a FaultInfo)> {
    ('A'..='Z').zip(view.manifest().faults.iter().take(FAULTS_MAX))
}

/// A band for each fault; neighbours have their letters on different heights.
pub(super) fn bands(view: &View<'_>, axis: &Axis, out: &mut String, (top, bottom): (f64, f64)) {
    for (letter, fault) in known(view) {
        let [x, until] = [fault.from, fault.until].map(|at| axis.percent(at.as_s()));
        let y = bottom - if u32::from(letter) % 2 == 1 { 4.0 } else { 16.0 };
        let _ = writeln!(
            out,
            "<rect class=\"fault\" x=\"{x:.2}%\" width=\"{:.2}%\" y=\"{top:.0}\" \
             height=\"{:.0}\"/>\n<text class=\"mark\" x=\"{x:.2}%\" dx=\"3\" \
             y=\"{y:.0}\">{letter}</text>",
            until - x,
            bottom - top,
        );
    }
}

/// What each letter stands for.
pub(super) fn names(view: &View<'_>) -> String {
    let items: String = known(view)
        .map(|(letter, fault)| {
            let [from, until] =
                [fault.from, fault.until].map(|at| minute(view.minute_at(at.as_s())));
            let service = fault.service.as_ref().map(|name| format!(" of {name}"));
            format!(
                "<li><b>{letter}</b> {} (minute {from} to {until}): {}{}, {}</li>\n",
                escape(&fault.name),
                escape(&fault.kind),
                escape(&service.unwrap_or_default()),
                escape(&fault.text),
            )
        })
        .collect();
    let hidden = view.manifest().faults.len().saturating_sub(FAULTS_MAX);
    match (items.is_empty(), hidden) {
        (true, _) => items,
        (_, 0) => format!("<ul class=\"moments\">\n{items}</ul>\n"),
        _ => format!("<ul class=\"moments\">\n{items}<li>and {hidden} more</li>\n</ul>\n"),
    }
}
