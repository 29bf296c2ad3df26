//! `scorecard.txt`: the scorecard for a terminal, a mail or a diff.

use super::figures::{judged, rows};
use crate::scale_out::ScaleOut;
use crate::verdict::Verdict;
use crate::words::{clean, minute, number};

/// The scorecard as text: the figures of all services together and of each, then each scale-out that fell
/// behind with its waterfall, in match seconds since the load step. Ends in a line feed.
pub fn scorecard(verdict: &Verdict) -> String {
    let mut table = vec![vec![String::new(), "all".to_owned()]];
    table[0].extend(judged(verdict).iter().map(|(service, _)| clean(&service.service)));
    for row in rows(verdict) {
        let mut cells = vec![row.what.to_owned(), row.total];
        cells.extend(row.services);
        table.push(cells);
    }
    let mut out = format!("{}: {}\n", verdict.kind.name(), clean(&verdict.name));
    if table.len() > 1 {
        out += &format!("\n{}", aligned(&table));
    }
    for service in &verdict.scaling {
        if let Some(why) = &service.not_judged {
            out += &format!("\n{} was not judged: {}.\n", clean(&service.service), clean(why));
        }
        if let Some(told) = service.fell_behind() {
            out += &format!("\n{}\n", clean(&told));
        }
        service.scale_outs.iter().for_each(|of| out += &format!("  {}\n", waterfall(of)));
        if service.scale_outs_left_out > 0 {
            out += &format!("  and {} that missed less\n", service.scale_outs_left_out);
        }
    }
    out
}

/// A scale-out on a line.
fn waterfall(of: &ScaleOut) -> String {
    let at = |what: &str, at_s: Option<f64>| match at_s {
        Some(at_s) => format!("{what} {} s", number(at_s)),
        None => format!("{what} never"),
    };
    let stages = [
        at("wanted more", of.wanted_more_match_s),
        at("wanted enough", of.wanted_match_s),
        at("ordered", of.ordered_match_s),
        at("ready", of.ready_match_s),
        at("met again", of.met_match_s),
    ];
    format!(
        "minute {}: {} of {} instances; {}; {}, {} instance-minutes missing",
        minute(of.from_match_min),
        number(of.supply_before),
        number(of.demand_peak),
        stages.join(", "),
        of.late.name(),
        number(of.debt_instance_min()),
    )
}

/// Rows whose first column stands to the left and the others to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
