//! A status as a block of lines that is drawn again and again on a terminal.

use hulk_reports::words::{clean, count, minute};

use super::line::{callers, p99, viewers};
use super::{ServiceStatus, Status};

/// What a terminal offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Whether colours are wanted.
    pub(crate) colour: bool,
}

/// Below so many columns figures stand below each other, and the table loses columns.
const WIDE: usize = 64;
/// Room for the prompt and for a line of what has just happened.
const ROWS_KEPT: usize = 2;

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Strong,
    Soft,
    Bad,
    Warn,
}

/// Text of one tone.
struct Piece(Tone, String);

/// The block's lines, none wider than the screen and no more than it holds.
pub(crate) fn block(status: &Status, screen: Screen) -> Vec<String> {
    let mut lines = vec![bar(status, screen.columns)];
    if !status.callers.as_ref().is_some_and(|callers| callers.alone) {
        lines.extend(figures(status, screen.columns));
    }
    lines.extend(calls(status));
    lines.extend(coming(status));
    let room = screen.rows.saturating_sub(ROWS_KEPT).max(lines.len());
    lines.extend(services(status, screen.columns, room - lines.len()));
    lines.iter().map(|line| draw(line, screen)).collect()
}

/// `match-day ━━━━━━━━╌╌╌╌ 61 % · match minute 257.3 · 34 s left`
fn bar(status: &Status, columns: usize) -> Vec<Piece> {
    let percent = format!(" {:.0} %", (status.done * 100.0).floor());
    let at = match status.match_min {
        Some(match_min) => format!("match minute {}", minute(match_min)),
        None => format!("{:.0} s", status.at_s.floor()),
    };
    let times = format!("{at} · {:.0} s left", status.left_s.ceil());
    let (times, name) = match columns {
        0..WIDE => (format!(" · {:.0} s left", status.left_s.ceil()), String::new()),
        _ => (format!(" · {times}"), format!("{} ", clean(&status.name))),
    };
    let taken = name.chars().count() + percent.chars().count() + times.chars().count();
    let width = columns.saturating_sub(taken).clamp(4, 30);
    let full = (status.done * width as f64).floor() as usize;
    vec![
        Piece(Tone::Strong, name),
        Piece(Tone::Strong, "━".repeat(full)),
        Piece(Tone::Soft, "╌".repeat(width - full.min(width))),
        Piece(Tone::Strong, percent),
        Piece(Tone::Plain, times),
    ]
}

fn figures(status: &Status, columns: usize) -> Vec<Vec<Piece>> {
    let errors = if status.errors_total > 0 { Tone::Bad } else { Tone::Plain };
    let share = match status.requests_total {
        0 => String::new(),
        total => format!(" ({:.2} %)", status.errors_total as f64 / total as f64 * 100.0),
    };
    let figures = [
        ("viewers", Tone::Plain, of_viewers(status)),
        ("requests", Tone::Plain, format!("{}/s", count(status.requests_per_s.round() as u64))),
        ("p99", Tone::Plain, p99(status)),
        ("errors", errors, count(status.errors_total) + &share),
    ];
    let figures = figures.map(|(what, tone, value)| {
        vec![Piece(Tone::Soft, format!("{what:<9}")), Piece(tone, value)]
    });
    match columns {
        0..WIDE => figures.into(),
        _ => {
            let [a, b, c, d] = figures;
            [(a, b), (c, d)].map(|(left, right)| beside(left, right)).into()
        }
    }
}

fn calls(status: &Status) -> Option<Vec<Piece>> {
    let of = status.callers.as_ref()?;
    let tone = if of.failed_total > 0 { Tone::Bad } else { Tone::Plain };
    Some(vec![Piece(Tone::Soft, "callers  ".into()), Piece(tone, callers(of))])
}

fn of_viewers(status: &Status) -> String {
    match status.wanted {
        Some(_) => format!("{} wanted", viewers(status)),
        None if status.at_s <= 0.0 => format!("{} (coming in)", viewers(status)),
        // At the window's very end nobody is wanted any more.
        None => viewers(status),
    }
}

/// Two figures in one line, the second at a fixed column.
fn beside(mut left: Vec<Piece>, right: Vec<Piece>) -> Vec<Piece> {
    const SECOND: usize = 34;
    let taken: usize = left.iter().map(|Piece(_, text)| text.chars().count()).sum();
    left.push(Piece(Tone::Plain, " ".repeat(SECOND.saturating_sub(taken).max(1))));
    left.extend(right);
    left
}

/// What is broken now, and what comes next.
fn coming(status: &Status) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = status
        .faults
        .iter()
        .map(|(name, left_s)| {
            vec![
                Piece(Tone::Soft, "fault    ".into()),
                Piece(Tone::Warn, format!("{} for {:.0} s more", clean(name), left_s.ceil())),
            ]
        })
        .collect();
    lines.extend(status.next.iter().map(|(name, in_s)| {
        vec![
            Piece(Tone::Soft, "next     ".into()),
            Piece(Tone::Plain, format!("{} in {:.0} s", clean(name), in_s.ceil())),
        ]
    }));
    lines
}

/// A row for each service, those with too few instances first; as many as there is room for.
fn services(status: &Status, columns: usize, room: usize) -> Vec<Vec<Piece>> {
    if room < 2 || status.services.is_empty() {
        return Vec::new();
    }
    let observed = status.services.iter().any(|service| service.ready.is_some());
    let longest = status.services.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
    let name_width = longest.clamp(7, 18);
    let mut order: Vec<&ServiceStatus> = status.services.iter().collect();
    order.sort_by_key(|service| (!service.is_short(), service.errors == 0));
    let mut lines = vec![vec![Piece(Tone::Soft, heads(name_width, columns, observed))]];
    let all_fit = order.len() < room;
    let shown = if all_fit { order.len() } else { room.saturating_sub(2) };
    lines.extend(order.iter().take(shown).map(|s| row(s, name_width, columns, observed)));
    if !all_fit {
        let more = format!("and {} more", order.len() - shown);
        lines.push(vec![Piece(Tone::Soft, more)]);
    }
    lines
}

fn heads(name_width: usize, columns: usize, observed: bool) -> String {
    let mut text = format!("{:<name_width$}{:>8}{:>8}", "service", "req/s", "errors");
    if observed {
        text += &format!("{:>8}{:>8}", "needed", "ready");
        if columns >= WIDE {
            text += &format!("{:>8}", "desired");
        }
    }
    text
}

fn row(service: &ServiceStatus, name_width: usize, columns: usize, observed: bool) -> Vec<Piece> {
    let name: String = clean(&service.name).chars().take(name_width).collect();
    let known = |of: Option<f64>| of.map_or_else(|| "–".to_owned(), |of| format!("{of:.0}"));
    let errors = if service.errors > 0 { Tone::Bad } else { Tone::Plain };
    let tone = if service.is_short() { Tone::Bad } else { Tone::Plain };
    let mut pieces = vec![
        Piece(Tone::Plain, format!("{name:<name_width$}")),
        Piece(Tone::Plain, format!("{:>8}", count(service.requests_per_s.round() as u64))),
        Piece(errors, format!("{:>8}", count(service.errors))),
    ];
    if observed {
        pieces
            .push(Piece(tone, format!("{:>8}{:>8}", known(service.needed), known(service.ready))));
        if columns >= WIDE {
            pieces.push(Piece(Tone::Plain, format!("{:>8}", known(service.desired))));
        }
        if service.is_short() {
            // Not by colour alone.
            pieces.push(Piece(tone, "  too few".into()));
        }
    }
    pieces
}

/// The pieces as one line, cut at the screen's width.
fn draw(pieces: &[Piece], screen: Screen) -> String {
    let mut line = String::new();
    let mut left = screen.columns;
    for Piece(tone, text) in pieces {
        let text: String = text.chars().take(left).collect();
        left -= text.chars().count();
        let code = match tone {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Soft => "2",
            Tone::Bad => "1;31",
            Tone::Warn => "33",
        };
        match (screen.colour && !code.is_empty() && !text.is_empty(), text) {
            (true, text) => line += &format!("\x1b[{code}m{text}\x1b[0m"),
            (false, text) => line += &text,
        }
    }
    line.trim_end().to_owned()
}
