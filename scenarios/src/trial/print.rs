//! A trial as text, or as a line of JSON each: pure functions of what is shown.

use serde::Serialize;

use super::capacity::CapacityLook;
use super::shown::{Body, Cut, Ending, Exchange, Opening, Row, Timing};

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// Plain text.
    #[default]
    Plain,
    /// For a terminal.
    Colours,
}

pub(super) const RED: &str = "31";
pub(super) const GREEN: &str = "32";
const YELLOW: &str = "33";
const BOLD: &str = "1";
const DIM: &str = "2";

impl Paint {
    pub(super) fn paint(self, colour: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colours => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        }
    }
}

/// How a trial is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Printer {
    /// To a person.
    Text(Paint),
    /// To a program: a line of JSON for each part.
    Json,
}

/// A line of JSON, told apart by its only key.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line<'a> {
    Trial(&'a Opening),
    Step(&'a Exchange),
    Capacity(&'a CapacityLook),
    End(&'a Ending),
}

impl Line<'_> {
    pub(super) fn text(&self) -> String {
        // Texts and numbers always have a JSON form.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }
}

impl Printer {
    /// Who is sent where.
    pub fn opening(self, opening: &Opening) -> String {
        let Self::Text(paint) = self else { return Line::Trial(opening).text() };
        let Opening { rehearsal, target, viewer, drawn } = opening;
        let head = format!("trial of {rehearsal}: viewer {viewer} against {target}");
        let mut out = format!("{}\n", paint.paint(BOLD, &head));
        if !drawn.is_empty() {
            let drawn: Vec<String> =
                drawn.iter().map(|(name, value)| format!("{name} = {value}")).collect();
            out += &format!("drawn: {}\n", drawn.join(" · "));
        }
        out
    }

    /// A request that is about to be sent: before its answer, so that a slow one is seen.
    pub fn request(self, exchange: &Exchange) -> String {
        match self {
            Self::Text(paint) if !exchange.again => request(paint, exchange),
            _ => String::new(),
        }
    }

    /// What came of it. The repetition of a step that went well, or failed as before, is one line.
    pub fn answer(self, exchange: &Exchange) -> String {
        let Self::Text(paint) = self else { return Line::Step(exchange).text() };
        if !exchange.again {
            return answer(paint, exchange);
        }
        let Exchange { number, journey, step, method, url, .. } = exchange;
        let wait = exchange.wait.iter().map(|wait| format!(" · {wait}")).collect::<String>();
        let came = match &exchange.answer {
            Some(answer) => format!("{} in {}", answer.status, timing(&exchange.timing)),
            None => format!("no answer in {}", ms(exchange.timing.total_us)),
        };
        let line = format!("{number:>3}  {journey}/{step} again{wait}\n     {method} {url}\n");
        let mark = mark(paint, exchange.failure.is_none());
        let mut out = format!("{line}     {mark} {came}");
        if let Some(failure) = &exchange.failure {
            out += &format!(": {}; {}", paint.paint(RED, &failure.why), failure.then);
        }
        out + "\n"
    }

    /// The table, what was never reached, and one line that says it all.
    pub fn ending(self, ending: &Ending) -> String {
        let Self::Text(paint) = self else { return Line::End(ending).text() };
        let mut out = table(paint, &ending.steps);
        if !ending.unreached.is_empty() {
            out += "\nnever reached by this viewer:\n";
            let name = |journey: &str, step: &str| format!("{journey}/{step}");
            let width = ending.unreached.iter().map(|u| name(&u.journey, &u.step).chars().count());
            let width = width.max().unwrap_or(0);
            for unreached in &ending.unreached {
                let name = name(&unreached.journey, &unreached.step);
                out += &format!("  {name:<width$}  {}\n", unreached.why);
            }
        }
        for trouble in &ending.troubles {
            out += &format!("{}\n", paint.paint(RED, &format!("trouble: {trouble}")));
        }
        let requests: u32 = ending.steps.iter().map(|row| row.requests).sum();
        let failed: u32 = ending.steps.iter().map(|row| row.failed).sum();
        let last = match (ending.cut, ending.first_failure) {
            (Some(Cut::Interrupted), _) => format!("interrupted after {requests} requests"),
            (_, Some(first)) => {
                let limit = if ending.cut.is_some() { "; then the time was over" } else { "" };
                format!(
                    "{failed} of {requests} requests were not as expected; first see {first}{limit}"
                )
            }
            (Some(Cut::Limit), None) => {
                format!("the time was over after {requests} requests: see --limit-ms")
            }
            (None, None) if ending.passed => format!("all {requests} requests did as expected"),
            (None, None) => format!("{requests} requests, and what is said above"),
        };
        let colour = if ending.passed { GREEN } else { RED };
        out + "\n" + &paint.paint(colour, &last) + "\n"
    }
}

fn mark(paint: Paint, holds: bool) -> String {
    if holds { paint.paint(GREEN, "✓") } else { paint.paint(RED, "✗") }
}

fn request(paint: Paint, exchange: &Exchange) -> String {
    let Exchange { number, journey, step, service, place, .. } = exchange;
    let head = paint.paint(BOLD, &format!("{number:>3}  {journey}/{step}"));
    let mut out = format!("\n{head}  asks {service}  {}\n", paint.paint(DIM, place));
    if let Some(wait) = &exchange.wait {
        out += &format!("     {wait}\n");
    }
    out += &format!("     {} {}\n", exchange.method, exchange.url);
    out += &headers(&exchange.sent_headers, ">");
    if let Some(sent) = &exchange.sent_body {
        out += &body(sent, ">");
    }
    for warning in &exchange.warnings {
        out += &format!("     {} {warning}\n", paint.paint(YELLOW, "!"));
    }
    out
}

fn answer(paint: Paint, exchange: &Exchange) -> String {
    let mut out = String::new();
    match &exchange.answer {
        Some(answer) => {
            let colour = if exchange.failure.is_some() { RED } else { GREEN };
            let status = paint.paint(colour, &answer.status.to_string());
            out += &format!("     {status} in {}\n", timing(&exchange.timing));
            out += &headers(&answer.headers, "<");
            out += &body(&answer.body, "<");
        }
        None => out += &format!("     no answer in {}\n", ms(exchange.timing.total_us)),
    }
    for look in &exchange.looks {
        out += &format!("     {} {}\n", mark(paint, look.holds), look.text);
    }
    // Those of before have been printed with the request.
    if let Some(failure) = &exchange.failure {
        let Exchange { journey, step, place, outcome, .. } = exchange;
        let head = format!("FAILED {journey}/{step} ({outcome}): {}", failure.why);
        out += &format!("     {}\n", paint.paint(RED, &head));
        for hint in &failure.hints {
            out += &format!("       try: {hint}\n");
        }
        out += &format!("       where: {place}\n       then: {}\n", failure.then);
    }
    out
}

fn headers(list: &[(String, String)], mark: &str) -> String {
    list.iter().map(|(name, value)| format!("     {mark} {name}: {value}\n")).collect()
}

fn body(body: &Body, mark: &str) -> String {
    let mut out = String::new();
    for line in body.text.lines() {
        out += &format!("     {mark}   {line}\n");
    }
    let left_out = body.left_out.as_deref();
    match (body.text.is_empty(), body.bytes) {
        (true, 0) => format!("     {mark} no body\n"),
        (true, bytes) => {
            let why = left_out.map(|why| format!(", {why}")).unwrap_or_default();
            format!("     {mark} a body of {bytes} bytes{why}\n")
        }
        (false, _) => {
            out += &left_out.map(|why| format!("     {mark}   … {why}\n")).unwrap_or_default();
            out
        }
    }
}

fn timing(timing: &Timing) -> String {
    let mut parts = Vec::new();
    match timing.connect_us {
        Some(connect_us) => parts.push(format!("new connection {}", ms(connect_us))),
        None => parts.push("same connection".to_owned()),
    }
    parts.extend(timing.first_byte_us.map(|us| format!("first byte {}", ms(us))));
    format!("{} ({})", ms(timing.total_us), parts.join(", "))
}

fn ms(micros: u64) -> String {
    format!("{:.1} ms", micros as f64 / 1e3)
}

fn table(paint: Paint, rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let names: Vec<String> =
        rows.iter().map(|row| format!("{}/{}", row.journey, row.step)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
    let head = format!("{:<width$}  requests  status   outcome         time", "step");
    let mut out = format!("\n{}\n", paint.paint(BOLD, &head));
    for (row, name) in rows.iter().zip(names) {
        let statuses: Vec<String> = row.statuses.iter().map(u16::to_string).collect();
        let statuses = if statuses.is_empty() { "-".to_owned() } else { statuses.join(",") };
        let outcome = match (row.failed, row.outcome) {
            (0, outcome) => outcome.to_owned(),
            (failed, "ok") => format!("{failed} failed"),
            (_, outcome) => outcome.to_owned(),
        };
        let padded = format!("{outcome:<13}");
        let outcome = if row.failed == 0 { padded } else { paint.paint(RED, &padded) };
        let time = ms(row.total_us);
        out +=
            &format!("{name:<width$}  {:>8}  {statuses:<7}  {outcome} {time:>9}\n", row.requests);
    }
    out
}
