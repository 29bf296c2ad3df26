//! Why a step is not as expected, and what to change.

use hulk_record::Outcome;

use super::inspect::start_of;
use super::shown::{Exchange, Failure};
use super::{ATTEMPTS_MAX, Broke, Came, Trial};
use crate::checks::Check;
use crate::extract::Extract;
use crate::session::{What, request_of};
use crate::steps::{HlsRequest, RequestSpec};
use crate::{Planned, Target};

/// Received headers that are shown.
const MATTER: [&str; 13] = [
    "content-type",
    "content-length",
    "content-encoding",
    "set-cookie",
    "retry-after",
    "x-panic",
    "cache-control",
    "age",
    "x-cache",
    "location",
    "www-authenticate",
    "allow",
    "server",
];
/// So much of a body tells what is wrong.
const START_LETTERS: usize = 120;

/// Whether a received header is shown: those that matter, and those that a step looks into.
pub(super) fn matters(name: &str, spec: Option<&RequestSpec>) -> bool {
    let in_check =
        |check: &Check| matches!(check, Check::Header { name: it, .. } if it.text() == name);
    let in_extract =
        |(_, it): &(String, Extract)| matches!(it, Extract::Header(it) if it.text() == name);
    MATTER.contains(&name)
        || spec.is_some_and(|s| s.checks.iter().any(in_check) || s.extract.iter().any(in_extract))
}

impl Trial {
    /// Says why, and what to do. What the session noted is said where nothing says it better.
    pub(super) fn advice(
        &self,
        planned: &Planned,
        came: &Came,
        exchange: &Exchange,
        outcome: Outcome,
        troubles: Vec<String>,
    ) -> Failure {
        let (why, mut hints) = match came {
            Came::Failed(broke) => self.no_answer(planned, broke),
            Came::Answer(status, ..) => {
                let spec = request_of(&self.script, planned.what);
                let expected = spec.map_or(200, |spec| spec.expect_status);
                let looks = exchange.looks.iter().filter(|look| !look.holds);
                let looks: Vec<&str> = looks.map(|look| look.text.as_str()).collect();
                match (*status == expected, looks.is_empty()) {
                    (false, _) => (
                        self.wrong_status(expected, *status, exchange),
                        self.status_hints(spec, expected, exchange),
                    ),
                    (true, false) => (looks.join("; "), look_hints(exchange)),
                    (true, true) => stream_told(planned, exchange, &troubles),
                }
            }
        };
        if let Some(missing) = exchange.warnings.first() {
            hints.insert(0, missing.clone());
        }
        Failure { why, hints, then: self.then(planned, outcome) }
    }

    fn no_answer(&self, planned: &Planned, broke: &Broke) -> (String, Vec<String>) {
        let part = &self.script.parts[usize::from(planned.journey)];
        let name = &part.name;
        match broke {
            Broke::Refused(to) if matches!(self.target, Target::Url(_)) => (
                format!("nothing listens on {to}"),
                vec![format!("start your service, or change target.url.base in {}", self.file)],
            ),
            Broke::Refused(to) => {
                (format!("nothing listens on {to}"), vec!["the embedded platform is gone".into()])
            }
            Broke::NoConnection(reason) => {
                (format!("no connection: {}", self.redactor.line(reason)), Vec::new())
            }
            Broke::Broken(reason) => (
                format!("the connection broke: {}", self.redactor.line(reason)),
                vec![
                    "look into the service's own log: did it end or refuse the request? does it \
                      speak HTTP/1.1 here?"
                        .into(),
                ],
            ),
            Broke::TimedOut(head) => {
                let what = if *head { "the answer did not end" } else { "no answer" };
                let hint = format!(
                    "make it faster, or raise `timeout_ms` of the journey `{name}`; a rehearsal \
                     counts it as a time-out too"
                );
                (format!("{what} within {:.0} ms", part.timeout_ms), vec![hint])
            }
            Broke::Overlong(phase) => {
                let key = phase.key();
                let hint = format!("make it faster, or raise `{key}` in the target's `timeouts`");
                (phase.overlong().to_owned(), vec![hint])
            }
            Broke::Unwritable(reason) => (
                format!("the request cannot be written: {}", self.redactor.line(reason)),
                vec![
                    "a path may have no spaces and a header's name no odd signs; look at the \
                      values in the slots"
                        .into(),
                ],
            ),
        }
    }

    fn wrong_status(&self, expected: u16, status: u16, exchange: &Exchange) -> String {
        let body = exchange.answer.as_ref().map(|answer| answer.body.text.as_str());
        let start: Vec<&str> = body.unwrap_or_default().split_whitespace().collect();
        let start = start_of(&start.join(" "), START_LETTERS);
        match start.is_empty() {
            true => format!("expected status {expected}, got {status} with an empty body"),
            false => format!("expected status {expected}, got {status}: {start}"),
        }
    }

    fn status_hints(
        &self,
        spec: Option<&RequestSpec>,
        expected: u16,
        exchange: &Exchange,
    ) -> Vec<String> {
        let Some(answer) = &exchange.answer else { return Vec::new() };
        let received = |name: &str| {
            answer.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let sent = |name: &str| exchange.sent_headers.iter().any(|(known, _)| known == name);
        let status = answer.status;
        let mut hints = Vec::new();
        match status {
            200..=299 => hints.push(format!("if that is right: `expect_status = {status}`")),
            300..=399 => {
                let to = received("location").unwrap_or("nowhere");
                hints.push(format!(
                    "it leads to {to}, and a rehearsal follows no redirect: ask there, or \
                     `expect_status = {status}`"
                ));
            }
            401 | 403 => {
                let with = ["authorization", "cookie"].into_iter().filter(|name| sent(name));
                let with: Vec<&str> = with.collect();
                hints.push(match with.is_empty() {
                    true => {
                        "neither `authorization` nor `cookie` was sent: does a step before log \
                             in, and do `headers` name what it kept?"
                            .into()
                    }
                    false => format!("{} was sent: is it still valid?", with.join(" and ")),
                });
            }
            404 | 410 => {
                hints.push(format!("is the path right? {} {}", exchange.method, exchange.url))
            }
            405 => hints.push(match received("allow") {
                Some(allowed) => format!("{} is not allowed here; {allowed} is", exchange.method),
                None => format!("{} is not allowed here", exchange.method),
            }),
            429 | 503 => hints.push("the target turns the viewer away (`rejected`)".into()),
            500..=599 => hints.push("look into the service's own log".into()),
            _ => hints.push("look at the request above".into()),
        }
        if exchange.sent_body.is_some()
            && !sent("content-type")
            && matches!(status, 400 | 415 | 422)
        {
            let hint = "the body was sent without a content-type: `headers = { content-type = \
                        \"application/json\" }`";
            hints.insert(0, hint.into());
        }
        if spec.is_some() && expected != 200 && status == 200 {
            hints.push(format!("the step says `expect_status = {expected}`"));
        }
        hints
    }

    /// What a viewer does after a failure; what becomes of the trial.
    fn then(&self, planned: &Planned, outcome: Outcome) -> String {
        if outcome == Outcome::Ok {
            return String::new();
        }
        let again = match planned.what {
            What::Every(_) => return "it is not repeated: the grid goes on".to_owned(),
            What::Hls(_) => self.session.next_of(crate::session::Focus::Stream),
            What::Act(_) => self.session.next_of(crate::session::Focus::Act),
            What::Start(_) | What::Exit(_) => self.session.next_of(crate::session::Focus::Sequence),
        };
        let times = self.failed.map_or(0, |(_, times)| times);
        match again {
            Some(next) if next.retry && next.what == planned.what && times < ATTEMPTS_MAX => {
                "the viewer tries again".to_owned()
            }
            Some(next) if next.retry && next.what == planned.what => {
                format!("the viewer would go on trying; a trial ends this after {times} times")
            }
            _ => match planned.what {
                What::Hls(_) => "the player goes on without it".to_owned(),
                What::Act(_) => "the viewer goes on watching".to_owned(),
                _ => "the viewer gives up".to_owned(),
            },
        }
    }
}

fn look_hints(exchange: &Exchange) -> Vec<String> {
    let part = match exchange
        .looks
        .iter()
        .any(|look| !look.holds && look.text.contains("found nothing"))
    {
        true => "extract",
        false => "check",
    };
    vec![format!("change `{part}` of the step, or what the service answers")]
}

/// Why the answer to a player is no good.
fn stream_told(
    planned: &Planned,
    exchange: &Exchange,
    troubles: &[String],
) -> (String, Vec<String>) {
    let needs = match planned.what {
        What::Hls(HlsRequest::Master) => {
            "a master playlist: `#EXTM3U`, and `#EXT-X-STREAM-INF` with BANDWIDTH and a path"
        }
        What::Hls(HlsRequest::Playlist) => {
            "a media playlist: `#EXTM3U` and `#EXT-X-TARGETDURATION` above 0"
        }
        _ => return (troubles.join("; "), Vec::new()),
    };
    let body = exchange.answer.as_ref().map_or("", |answer| answer.body.text.as_str());
    let start: Vec<&str> = body.split_whitespace().collect();
    let start = start_of(&start.join(" "), START_LETTERS);
    (format!("expected {needs}; it starts `{start}`"), Vec::new())
}
