//! The report's tables.

use hulk_record::Record;

use crate::percentiles::samples_min;
use crate::summary::{StepRequests, StepSummary, untold};
use crate::verdict::{ObjectiveStatus, Verdict};
use crate::words::{count, escape, micros, number, percent};

/// Rows beyond these are in `summary.json`; a report must open on a phone.
const STEPS_MAX: usize = 150;

/// A table of rows that are ready; `heads` with a leading `#` are numbers.
pub(super) fn table(heads: &[&str], rows: &[String]) -> String {
    table_of("", heads, rows)
}

/// A table whose rows become blocks on a narrow screen.
fn cards(heads: &[&str], rows: &[String]) -> String {
    table_of(" class=\"cards\"", heads, rows)
}

fn table_of(class: &str, heads: &[&str], rows: &[String]) -> String {
    let heads: String = heads
        .iter()
        .map(|head| match head.strip_prefix('#') {
            Some(head) => format!("<th class=\"n\" scope=\"col\">{head}</th>"),
            None => format!("<th scope=\"col\">{head}</th>"),
        })
        .collect();
    let rows: String = rows.iter().map(|row| format!("<tr>{row}</tr>\n")).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\"><table{class}>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>\n"
    )
}

pub(super) fn numeric(text: &str) -> String {
    format!("<td class=\"n\">{}</td>", escape(text))
}

/// A value with its unit; shares read as percent.
fn value(of: f64, unit: &str) -> String {
    match unit {
        "share" => format!("{} %", percent(of)),
        unit => format!("{} {unit}", number(of)).trim_end().to_owned(),
    }
}

/// A limit; a long unit stands beside the measured value already.
fn limit(of: f64, unit: &str) -> String {
    if unit.len() > 5 { number(of) } else { value(of, unit) }
}

pub(super) fn objectives(verdict: &Verdict) -> String {
    let rows: Vec<String> = verdict
        .objectives
        .iter()
        .map(|result| {
            let (class, mark) = match result.status {
                ObjectiveStatus::Met => ("good", "✓"),
                ObjectiveStatus::Breached => ("bad", "✗"),
                ObjectiveStatus::Unknown => ("open", "?"),
            };
            let measured =
                result.measured.map_or_else(|| "–".to_owned(), |of| value(of, result.unit));
            let side = if result.at_least { "≥" } else { "≤" };
            format!(
                "<td class=\"status {class}\">{mark} {}</td><th class=\"wide\" scope=\"row\">{}\
                 <small>{}</small></th>{}{}",
                result.status.name(),
                escape(&result.name),
                escape(&result.reason),
                numeric(&measured),
                numeric(&format!("{side} {}", limit(result.limit, result.unit))),
            )
        })
        .collect();
    cards(&["Result", "Objective", "#Measured", "#Limit"], &rows)
}

pub(super) fn validity(verdict: &Verdict) -> String {
    let rows: Vec<String> = verdict
        .validity
        .iter()
        .map(|check| {
            let (class, mark) = match (check.holds, check.measured) {
                (true, Some(_)) => ("good", "✓ holds"),
                (true, None) => ("open", "– not measured"),
                (false, _) => ("bad", "✗ fails"),
            };
            let measured =
                check.measured.map_or_else(|| "–".to_owned(), |of| value(of, check.unit));
            format!(
                "<td class=\"status {class}\">{mark}</td><th class=\"wide\" scope=\"row\">{}<small>\
                 {}</small></th>{}{}",
                check.name,
                escape(&check.reason),
                numeric(&measured),
                numeric(&format!("≤ {}", limit(check.limit, check.unit))),
            )
        })
        .collect();
    cards(&["Result", "Condition", "#Measured", "#Limit"], &rows)
}

pub(super) fn steps(steps: &[StepSummary]) -> String {
    let rows: Vec<String> = steps
        .iter()
        .filter_map(|step| {
            let times = step.measures.get("response").or_else(|| step.measures.get("journey"));
            times.map(|times| (step, times))
        })
        .take(STEPS_MAX)
        .map(|(step, response)| {
            let of = |name: &str| step.outcomes.get(name).copied().unwrap_or(0);
            let (ok, abandoned) = (of("ok"), of("abandoned"));
            let failed = response.count - (ok + abandoned).min(response.count);
            let times = [
                (500_000, response.p50_us),
                (900_000, response.p90_us),
                (990_000, response.p99_us),
                (999_000, response.p99_9_us),
                (0, response.max_us),
            ];
            // As in the curves: a percentile that the samples do not bound says nothing.
            let times = times.map(|(ppm, us)| {
                let enough = ppm == 0 || response.count >= samples_min(ppm);
                numeric(&if enough { micros(us as f64) } else { "–".to_owned() })
            });
            format!(
                "<th scope=\"row\">{} / {}<small>{}</small></th>{}{}{}",
                escape(&step.journey),
                if step.step.is_empty() { "whole visit".to_owned() } else { escape(&step.step) },
                escape(step.service.as_deref().unwrap_or("–")),
                [ok, failed, abandoned].map(|of| numeric(&count(of))).concat(),
                retries(step.requests.as_ref()),
                times.concat(),
            )
        })
        .collect();
    let heads = [
        "Step",
        "#Ok",
        "#Failed",
        "#Given up",
        "#Retries",
        "#Amplification",
        "#p50",
        "#p90",
        "#p99",
        "#p99.9",
        "#Largest",
    ];
    let more = match steps.len().saturating_sub(STEPS_MAX) {
        0 => String::new(),
        more => format!(" {more} more steps are in summary.json."),
    };
    table(&heads, &rows)
        + &format!(
            "<p class=\"soft\">Response times count from the intended send, in wall time. Service \
             times and the generator's own lag are in summary.json. Amplification is requests, \
             retries included, for each first attempt.{more}</p>\n"
        )
}

/// Retries and amplification of a step.
fn retries(requests: Option<&StepRequests>) -> String {
    let [sent, amplified] = match requests {
        None => ["–".to_owned(), "–".to_owned()],
        Some(of) => [
            count(of.retries),
            of.amplification.map_or_else(|| "–".to_owned(), |times| format!("× {}", number(times))),
        ],
    };
    numeric(&sent) + &numeric(&amplified)
}

pub(super) fn environment(record: &Record) -> String {
    let (manifest, environment) = (&record.manifest, &record.manifest.environment);
    let workers: std::collections::BTreeSet<u32> =
        record.frames.iter().map(|frame| frame.worker).collect();
    let rows = [
        ("HULK", environment.hulk.clone()),
        ("Target", environment.target.clone()),
        ("Workers", count(workers.len() as u64)),
        ("Regions", manifest.regions.join(", ")),
        ("Processor", format!("{}, {} cores", environment.cpu, environment.cores)),
        ("Memory", format!("{} MiB", count(environment.memory_mib))),
        ("Kernel", environment.kernel.clone()),
        ("Interval", format!("{} of wall time", micros(manifest.interval_us as f64))),
    ];
    let rows = rows.into_iter().chain(single_requests(record));
    let rows: String =
        rows.map(|(what, of)| format!("<dt>{what}</dt><dd>{}</dd>\n", escape(&of))).collect();
    format!("<dl>\n{rows}</dl>\n")
}

/// Where requests are told one by one.
fn single_requests(record: &Record) -> Option<(&'static str, String)> {
    let text = match untold(record) {
        0 => "each in raw.csv".to_owned(),
        more => format!("in raw.csv, but for {} that had no room there", count(more)),
    };
    record.manifest.raw.then_some(("Single requests", text))
}
