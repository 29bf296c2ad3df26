//! The generator: its CPU, its lag and what the machine took from it.

use super::tables::{numeric, table};
use crate::generator::{GeneratorSeen, Spread, WorkerSeen, generator};
use crate::view::View;
use crate::words::{count, micros, minute, number, percent};

/// Workers beyond these are in `summary.json`.
const WORKERS_MAX: usize = 16;

/// The section; nothing where no worker told of itself.
pub(super) fn section(view: &View<'_>) -> String {
    let seen = generator(view);
    if seen.workers.is_empty() && seen.lag.is_none() {
        return String::new();
    }
    let shown: String = seen.workers.iter().take(WORKERS_MAX).map(worker).collect();
    let more = match seen.workers.len().saturating_sub(WORKERS_MAX) {
        0 => String::new(),
        more => format!("<p class=\"soft\">{more} more workers are in summary.json.</p>\n"),
    };
    format!(
        "<section>\n<h2>The generator</h2>\n{}{shown}{more}<p class=\"soft\">Each figure is of one \
         interval from the start of the match on; the mean is by time. A run whose generator was late \
         or starved is not valid, whatever the target did: the limits are above.</p>\n</section>\n",
        lag(&seen),
    )
}

fn lag(seen: &GeneratorSeen) -> String {
    let Some(lag) = &seen.lag else { return String::new() };
    let times = [lag.p50_us, lag.p90_us, lag.p99_us, lag.p99_9_us, lag.max_us];
    let row = format!(
        "<th scope=\"row\">Lag: sent − due, all workers</th>{}{}{}",
        numeric(&count(lag.count)),
        numeric(&micros(lag.mean_us)),
        times.map(|us| numeric(&micros(us as f64))).concat(),
    );
    let heads = ["Figure", "#Requests", "#Mean", "#p50", "#p90", "#p99", "#p99.9", "#Largest"];
    table(&heads, &[row])
}

fn worker(of: &WorkerSeen) -> String {
    let share = |of: f64| format!("{} %", percent(of));
    let files = match of.open_files_max {
        0 => "Open descriptors".to_owned(),
        most => format!("Open descriptors, of {}", count(most)),
    };
    let rows = [
        row(&format!("CPU, share of its {} cores", of.cores), &of.cpu_share, &share),
        row("Time stolen by the host", &of.steal_share, &share),
        row("Time in which a task waited for a CPU", &of.stall_share, &share),
        row("A bare sleeper's lateness", &of.sleeper_late_ms, &|ms| format!("{} ms", number(ms))),
        row(&files, &of.open_files, &number),
        row("Memory", &of.resident_mib, &|mib| format!("{} MiB", number(mib))),
    ];
    let name = format!("Worker {}", of.worker);
    table(&[&name, "#Least", "#Mean", "#Most", "#Most at match minute"], &rows)
}

fn row(what: &str, of: &Spread, told: &dyn Fn(f64) -> String) -> String {
    let cells = [told(of.min), told(of.mean), told(of.max), minute(of.max_match_min)];
    format!("<th scope=\"row\">{what}</th>{}", cells.map(|cell| numeric(&cell)).concat())
}
