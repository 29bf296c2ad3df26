//! What the viewers of the stream felt, as a section.

use super::tables::{numeric, table};
use crate::qoe::{Figures, Stretch, summary_of};
use crate::view::View;
use crate::words::{capital, count, escape, micros, minute, number, people, percent};

/// A whole section, also where nothing is known: then it says why.
pub(super) fn section(view: &View<'_>) -> String {
    let summary = summary_of(view);
    let body = match (&summary.figures, &summary.not_known) {
        (Some(of), _) => starts(of) + &playback(view, of) + &notes(view, of),
        (None, why) => {
            let why = why.as_deref().map(capital).unwrap_or_default();
            format!("<p class=\"soft\">{}.</p>\n", escape(&why))
        }
    };
    format!("<section>\n<h2>What viewers of the stream felt</h2>\n{body}</section>\n")
}

fn row(what: &str, values: &[String]) -> String {
    let values: String = values.iter().map(|value| numeric(value)).collect();
    format!("<th scope=\"row\">{what}</th>{values}")
}

fn or_dash<T>(of: Option<T>, text: impl Fn(T) -> String) -> String {
    of.map_or_else(|| "–".to_owned(), text)
}

fn share(of: Option<f64>) -> String {
    or_dash(of, |share| format!("{} %", percent(share)))
}

fn starts(of: &Figures) -> String {
    let played = (of.starts > 0).then(|| of.started as f64 / of.starts as f64);
    let rows = [
        row("With a first frame", &[count(of.started), share(played)]),
        row(
            "Failed: the player gave up before",
            &[count(of.failed_starts), share(of.failed_start_share)],
        ),
        row(
            "Left before the first frame",
            &[count(of.left_before_start), share(of.left_before_start_share)],
        ),
    ];
    table(&["Starts of players", "#Count", "#Share"], &rows)
}

fn playback(view: &View<'_>, of: &Figures) -> String {
    let time = |which: fn(&crate::qoe::FirstFrame) -> u64| {
        or_dash(of.first_frame.as_ref(), |times| micros(which(times) as f64))
    };
    let match_s = |seconds: f64| format!("{} match s", number(seconds));
    let one = |what: &str, value: String| row(what, &[value]);
    let stalled = people(of.viewers_stalled, view.manifest().scale);
    let rows = [
        one("Time to first frame, p50", time(|times| times.p50_us)),
        one("Time to first frame, p95", time(|times| times.p95_us)),
        one("Time to first frame, p99", time(|times| times.p99_us)),
        one("Time to first frame, largest", time(|times| times.max_us)),
        one(
            "Rebuffer ratio: stalled or without a player ÷ (that + watched)",
            share(of.stall_ratio),
        ),
        one("Stalls", count(of.stalls)),
        one("Stalls an hour watched", or_dash(of.stalls_per_hour_watched, number)),
        one("Time stalled", match_s(of.stalled_match_s)),
        one("Time watched", match_s(of.watched_match_s)),
        one("Viewers with a stall", stalled),
        one("Their share of those who watched", share(of.viewers_stalled_share)),
        one("Players that gave up", count(of.gave_up)),
        one("Time until they were started again", match_s(of.down_match_s)),
        one("Segments gone before they were loaded", count(of.segments_skipped)),
        one("Mean bitrate", or_dash(of.mean_kbps, |kbps| format!("{} kbit/s", number(kbps)))),
    ];
    table(&["Playback", "#Value"], &rows)
}

fn notes(view: &View<'_>, of: &Figures) -> String {
    let speed = view.manifest().clock.speed;
    let mut text = format!(
        "Time to first frame is wall time, from the player's start to its first segment; starts \
         that failed or were left are not in it. All else is match time. An interruption counts as \
         a stall from {} match s on; {} shorter ones lasted {} match s in all.",
        number(of.stall_min_match_s),
        count(of.short_stalls),
        number(of.short_stalled_match_s),
    );
    if speed != 1.0 {
        text += &format!(
            " At v = {} an interruption of wall time is stretched: jitter of 100 ms empties the \
             buffer by {} match s.",
            number(speed),
            number(speed / 10.0)
        );
    }
    if of.cut_before_start > 0 {
        text += &format!(
            " {} had not come to a first frame when the run ended.",
            count(of.cut_before_start)
        );
    }
    let stretches = of.over_time.iter().filter(|stretch| stretch.stalled_match_s > 0.0);
    let later = |a: &&Stretch, b: &&Stretch| a.stalled_match_s.total_cmp(&b.stalled_match_s);
    if let Some(worst) = stretches.max_by(later) {
        text += &format!(
            " Most time was lost around match minute {}: {} % of the time in the video.",
            minute(view.minute_at(worst.from_match_s)),
            percent(worst.stall_ratio.unwrap_or(0.0)),
        );
    }
    format!("<p class=\"soft\">{}</p>\n", escape(&text))
}
