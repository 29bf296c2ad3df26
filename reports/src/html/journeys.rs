//! Each journey: how its visits began, and what came of its requests.

use hulk_record::Outcome;

use super::tables::{numeric, table};
use crate::summary::{StepSummary, steps};
use crate::view::View;
use crate::words::{count, escape, micros, percent};

/// The section; nothing where the record knows no journey.
pub(super) fn section(view: &View<'_>) -> String {
    let journeys = &view.manifest().journeys;
    if journeys.is_empty() {
        return String::new();
    }
    let steps = steps(view);
    let rows: Vec<String> = journeys.iter().map(|journey| row(&journey.name, &steps)).collect();
    let heads = [
        "Journey",
        "#Starts",
        "#Came through",
        "#Failed",
        "#Given up",
        "#p50",
        "#p90",
        "#p99",
        "#Largest",
        "#Requests",
        "#Not served",
    ];
    format!(
        "<section>\n<h2>Journeys</h2>\n{}<p class=\"soft\">A start is a visit from its arrival to the \
         last step before watching; it is counted where it ended, well or not, and its time is wall \
         time. Given up are viewers who left before. A journey whose steps never end a start has none. \
         Requests are first attempts due; what became of each step is in the next table.</p>\n\
         </section>\n",
        table(&heads, &rows)
    )
}

fn row(journey: &str, steps: &[StepSummary]) -> String {
    let of_journey = || steps.iter().filter(move |step| step.journey == journey);
    let whole = of_journey().find(|step| step.step.is_empty());
    let of = |outcome: Outcome| {
        whole.and_then(|step| step.outcomes.get(outcome.name())).copied().unwrap_or(0)
    };
    let starts: u64 = whole.map_or(0, |step| step.outcomes.values().sum());
    let (well, given_up) = (of(Outcome::Ok), of(Outcome::Abandoned));
    let share = |part: u64| match starts {
        0 => "–".to_owned(),
        all => format!("{} %", percent(part as f64 / all as f64)),
    };
    let failed = starts.saturating_sub(well).saturating_sub(given_up);
    let times = whole.and_then(|step| step.measures.get("journey"));
    let time = |us: Option<u64>| us.map_or_else(|| "–".to_owned(), |us| micros(us as f64));
    let times = [
        times.map(|t| t.p50_us),
        times.map(|t| t.p90_us),
        times.map(|t| t.p99_us),
        times.map(|t| t.max_us),
    ];
    let requests = || of_journey().filter_map(|step| step.requests.as_ref());
    let known = requests().next().is_some();
    let sum = |of: u64| if known { count(of) } else { "–".to_owned() };
    format!(
        "<th scope=\"row\">{}</th>{}{}{}{}",
        escape(journey),
        numeric(&count(starts)),
        [well, failed, given_up].map(|part| numeric(&share(part))).concat(),
        times.map(|us| numeric(&time(us))).concat(),
        [sum(requests().map(|r| r.first).sum()), sum(requests().map(|r| r.not_served).sum())]
            .map(|text| numeric(&text))
            .concat(),
    )
}
