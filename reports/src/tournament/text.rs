//! A tournament for a terminal.

use super::{Entry, Tournament};
use crate::words::{clean, count, number};

pub(super) const HEAD: [&str; 6] = [
    "policies",
    "verdict",
    "cost, instance-h",
    "violation, match min",
    "capacity debt, instance-min",
    "not served",
];

pub(super) fn text(tournament: &Tournament) -> String {
    let rows: Vec<[String; 6]> = tournament.entries.iter().map(cells).collect();
    let head = HEAD.map(str::to_owned);
    let mut widths = head.clone().map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 6]| -> String {
        let cells = row.iter().zip(widths).enumerate().map(|(place, (cell, width))| match place {
            // Words to the left, numbers to the right.
            0 | 1 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(&head);
    rows.iter().for_each(|row| text.push_str(&line(row)));
    text.push_str("\n* no other was both cheaper and broke its promises for less time\n");
    for difference in &tournament.differences {
        text.push_str(&format!("not the same load: {}\n", clean(&difference.words())));
    }
    for entry in &tournament.entries {
        text.push_str(&format!(
            "{}: {} ({})\n",
            clean(&entry.policies),
            clean(&entry.headline),
            clean(&entry.folder)
        ));
    }
    text
}

pub(super) fn cells(entry: &Entry) -> [String; 6] {
    let star = if entry.unbeaten { " *" } else { "" };
    [
        format!("{}{star}", clean(&entry.policies)),
        entry.kind.name().to_owned(),
        entry.cost_instance_h.map_or("-".to_owned(), number),
        number(entry.violation_match_min),
        number(entry.debt_instance_min),
        count(entry.not_served),
    ]
}
