//! The generator: its CPU, its lag and what the machine took from it.

use super::chart::ticks;
use super::marks::Marks;
use super::panel::{Axis, Panel, Scale};
use super::tables::{numeric, table};
use crate::generator::{GeneratorSeen, Lag, Spread, Stretch, WorkerSeen, generator};
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
        "<section>\n<h2>The generator</h2>\n{}{}{shown}{more}<p class=\"soft\">Each figure is of one \
         interval from the start of the match on; the mean is by time. The memory of its own (PSS) is \
         read every ten seconds at most, and what the kernel holds for sockets is the whole machine's. A run whose generator was late \
         or starved is not valid, whatever the target did: the limits are above.</p>\n</section>\n",
        lag(&seen),
        over_time(view, &seen.over_time),
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

const KEYS: &str = r#"<ul class="keys">
<li class="keyed"><svg class="key" width="34" height="12"><path class="rank-6" d="M0 6H34"/></svg> largest</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="p999" d="M0 6H34"/></svg> p99.9</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="p99" d="M0 6H34"/></svg> p99</li>
<li class="keyed"><svg class="key" width="34" height="12"><path class="p50" d="M1 6H34"/></svg> p50</li>
</ul>
"#;

/// The lag over the run as a drawing, and the table behind it.
fn over_time(view: &View<'_>, stretches: &[Stretch]) -> String {
    let lags = || stretches.iter().filter_map(|stretch| stretch.lag);
    let total_s = view.match_s(view.manifest().until);
    let Some(worst) = lags().map(|lag| lag.p99_us).max().filter(|_| total_s > 0.0) else {
        return String::new();
    };
    let axis = Axis { total_s };
    let low = lags().map(|lag| lag.p50_us).min().unwrap_or(1);
    let high = lags().map(|lag| lag.max_us).max().unwrap_or(1);
    let mut panel = Panel::new(&axis, Scale::log(low as f64, high as f64), 110.0);
    let mut curve = |class: &str, of: fn(Lag) -> u64| {
        let middle = |stretch: &Stretch| (stretch.from_match_s + stretch.to_match_s) / 2.0;
        let points = stretches.iter();
        panel.curve(class, points.map(|at| (middle(at), at.lag.map(|lag| of(lag) as f64))));
    };
    curve("rank-6", |lag| lag.max_us);
    curve("p999", |lag| lag.p99_9_us);
    curve("p99", |lag| lag.p99_us);
    curve("p50", |lag| lag.p50_us);
    let marks = Marks::of(view, &axis);
    let told = format!("p99 at most {}", micros(worst as f64));
    format!(
        "<figure class=\"chart\">\n{KEYS}<div class=\"ranks\">\n{}{}</div>\n</figure>\n{}",
        panel.draw(&marks, "Lag of all workers: sent − due", &told, micros),
        ticks(view, &axis),
        behind(view, stretches),
    )
}

fn behind(view: &View<'_>, stretches: &[Stretch]) -> String {
    const TITLE: &str = "Lag, CPU and waiting of all workers over time";
    const HEADS: [&str; 9] = [
        "Match minute",
        "Requests",
        "p50",
        "p99",
        "p99.9",
        "Largest",
        "CPU",
        "Ready without a CPU",
        "Stolen",
    ];
    let heads: String =
        HEADS.iter().map(|head| format!("<th class=\"n\" scope=\"col\">{head}</th>")).collect();
    let unknown = || "–".to_owned();
    let row = |of: &Stretch| {
        let time = |us: fn(Lag) -> u64| of.lag.map_or_else(unknown, |lag| micros(us(lag) as f64));
        let share = |of: Option<f64>| of.map_or_else(unknown, |of| format!("{} %", percent(of)));
        let cells = [
            format!("{:.2}", view.minute_at(of.from_match_s)),
            count(of.lag.map_or(0, |lag| lag.count)),
            time(|lag| lag.p50_us),
            time(|lag| lag.p99_us),
            time(|lag| lag.p99_9_us),
            time(|lag| lag.max_us),
            share(of.cpu_share),
            share(of.run_delay_share),
            share(of.steal_share),
        ];
        format!("<tr>{}</tr>\n", cells.map(|cell| format!("<td>{cell}</td>")).concat())
    };
    let rows: String = stretches.iter().map(row).collect();
    format!(
        "<details>\n<summary>{TITLE}</summary>\n<div class=\"scroll tall\" tabindex=\"0\" \
         role=\"region\" aria-label=\"{TITLE}\">\n<table class=\"rows\">\n<thead><tr>{heads}</tr>\
         </thead>\n<tbody class=\"figures\">\n{rows}</tbody>\n</table>\n</div>\n</details>\n"
    )
}

fn worker(of: &WorkerSeen) -> String {
    let share = |of: f64| format!("{} %", percent(of));
    let files = match of.open_files_max {
        0 => "Open descriptors".to_owned(),
        most => format!("Open descriptors, of {}", count(most)),
    };
    let mib = |mib: f64| format!("{} MiB", number(mib));
    let always = [
        row(&format!("CPU, share of its {} cores", of.cores), &of.cpu_share, &share),
        row("Time stolen by the host", &of.steal_share, &share),
        row("Time in which a task waited for a CPU", &of.stall_share, &share),
        row("A bare sleeper's lateness", &of.sleeper_late_ms, &|ms| format!("{} ms", number(ms))),
        row(&files, &of.open_files, &number),
        row("Memory", &of.resident_mib, &mib),
    ];
    let told = |what: &str, of: &Option<Spread>, told: &dyn Fn(f64) -> String| {
        of.as_ref().map(|of| row(what, of, told))
    };
    let where_told = [
        told("Its threads ready but without a CPU, in all", &of.run_delay_share, &share),
        told("Memory of its own (PSS)", &of.pss_mib, &mib),
        told("Of its memory: behind no file", &of.anonymous_mib, &mib),
        told("Kernel memory of TCP sockets, whole machine", &of.machine_sockets_mib, &mib),
    ];
    let rows: Vec<String> = always.into_iter().chain(where_told.into_iter().flatten()).collect();
    let name = format!("Worker {}", of.worker);
    table(&[&name, "#Least", "#Mean", "#Most", "#Most at match minute"], &rows)
}

fn row(what: &str, of: &Spread, told: &dyn Fn(f64) -> String) -> String {
    let cells = [told(of.min), told(of.mean), told(of.max), minute(of.max_match_min)];
    format!("<th scope=\"row\">{what}</th>{}", cells.map(|cell| numeric(&cell)).concat())
}
