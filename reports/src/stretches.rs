//! The judged window in a bounded number of parts, for what is told over time.

use hulk_record::Frame;

use crate::view::View;

/// More would fill a file and tell no more.
const STRETCHES_MAX: u64 = 240;

/// What `of` makes of each stretch: its start and end in match seconds since the window's start, and
/// its frames. Stretches are whole intervals; what came after the window's end is in the last.
pub(crate) fn stretches<T>(
    view: &View<'_>,
    mut of: impl FnMut((f64, f64), &[&Frame]) -> T,
) -> Vec<T> {
    let intervals = view.intervals().max(0);
    let each = (intervals.max(1) as u64).div_ceil(STRETCHES_MAX) as i64;
    let all = (intervals as u64).div_ceil(each as u64) as i64;
    // Frames come in the order of time.
    let mut frames = view.judged().peekable();
    let stretch = |at: i64| {
        let within = |frame: &&Frame| (view.interval_at(frame.from) / each).min(all - 1) <= at;
        let mut own = Vec::new();
        while let Some(frame) = frames.next_if(within) {
            own.push(frame);
        }
        let start_s = |stretch: i64| view.match_s(view.start_of(stretch * each));
        of((start_s(at), start_s(at + 1)), &own)
    };
    (0..all).map(stretch).collect()
}
