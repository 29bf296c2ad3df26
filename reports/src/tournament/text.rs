//! A tournament for a terminal.

use super::{Entry, Tournament};
use crate::words::{clean, count, number};

pub(super) const HEAD: [&str; 7] = [
    "policies",
    "verdict",
    "cost, instance-h",
    "violation, match min",
    "capacity debt, instance-min",
    "elastic speed-up",
    "not served",
];

pub(super) fn text(tournament: &Tournament) -> String {
    let rows: Vec<[String; 7]> = tournament.entries.iter().map(cells).collect();
    let head = HEAD.map(str::to_owned);
    let mut widths = head.clone().map(|cell| cell.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 7]| -> String {
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
    text.push_str(&speed_ups(tournament));
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

/// The elastic speed-up of each run but the base, and of each of its services.
fn speed_ups(tournament: &Tournament) -> String {
    let Some(base) = &tournament.against else { return String::new() };
    let mut text =
        format!("elastic speed-up against {}; above 1 demand was followed better:\n", clean(base));
    for entry in tournament.entries.iter().filter(|entry| entry.policies != *base) {
        text.push_str(&format!("  {}: {}\n", clean(&entry.policies), clean(&of_services(entry))));
    }
    text
}

/// "all 1.27, home 1.1, playback not defined (0 here: θU, τU)".
pub(super) fn of_services(entry: &Entry) -> String {
    let services = entry.speed_up_services.iter().map(|(service, of)| (service.as_str(), of));
    let all = std::iter::once(("all", &entry.speed_up)).chain(services);
    let told = all.map(|(name, of)| match &of.not_defined {
        None => format!("{name} {}", of.words()),
        Some(why) => format!("{name} not defined ({why})"),
    });
    told.collect::<Vec<_>>().join(", ")
}

pub(super) fn cells(entry: &Entry) -> [String; 7] {
    let star = if entry.unbeaten { " *" } else { "" };
    [
        format!("{}{star}", clean(&entry.policies)),
        entry.kind.name().to_owned(),
        entry.cost_instance_h.map_or("-".to_owned(), number),
        number(entry.violation_match_min),
        number(entry.debt_instance_min),
        entry.speed_up.words(),
        count(entry.not_served),
    ]
}
