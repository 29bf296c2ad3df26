//! What is shown of a request and of its answer. Secrets are learnt here, before anything is.

use std::collections::BTreeSet;
use std::sync::Arc;

use hulk_record::MatchTime;

use super::inspect::{Inspected, looks};
use super::redact::Redactor;
use super::shown::{Answer, Body, Exchange};
use super::{ACT_S, Trial, advice, reach};
use crate::extract::AnswerView;
use crate::session::{What, request_of};
use crate::steps::HlsRequest;
use crate::{Planned, Rendered};

/// Of a longer body only the start is looked at for showing.
const BODY_SHOWN_FROM_MAX: usize = 256 * 1024;

impl Trial {
    /// Headers and body of a request, as they are shown.
    pub(super) fn sent(&mut self, out: &Rendered) -> (Vec<(String, String)>, Option<Body>) {
        self.redactor.learn_pairs(&out.path);
        self.redactor.learn_pairs(&out.body);
        let id = ("x-hulk-request".to_owned(), self.request_id());
        let headers = out.headers.iter();
        let headers =
            headers.map(|(name, value)| (name.clone(), self.redactor.header(name, value)));
        let headers = [id].into_iter().chain(headers).collect();
        let body = (!out.body.is_empty()).then(|| self.body(out.body.as_bytes(), None));
        (headers, body)
    }

    /// From when on a viewer waits for a request: a moment comes when it comes.
    pub(super) fn before(&self, planned: &Planned) -> MatchTime {
        match planned.what {
            What::Act(_) => self.now.max(MatchTime::from_s(ACT_S)),
            _ => self.now,
        }
    }

    /// What a viewer would wait for before a request, in words.
    pub(super) fn wait(&self, planned: &Planned) -> Option<String> {
        let wait_s = planned.due.since(self.before(planned)) as f64 / 1e6;
        if wait_s <= 0.05 {
            return None;
        }
        let what = match planned.what {
            _ if planned.retry => "waits",
            What::Every(_) => "next point of the grid in",
            What::Hls(_) => "the player waits",
            What::Start(_) | What::Exit(_) | What::Act(_) => "think",
        };
        let skipped = if self.options.think { "" } else { " (skipped)" };
        Some(format!("{what} {wait_s:.1} s{skipped}"))
    }

    /// Values that the request needs and nothing has given.
    pub(super) fn missing(&self, planned: &Planned) -> Vec<String> {
        let Some(spec) = request_of(&self.script, planned.what) else { return Vec::new() };
        let names: BTreeSet<String> =
            spec.templates().flat_map(|template| self.session.missing(template)).collect();
        names.into_iter().map(|name| reach::giver_told(&self.script, &name)).collect()
    }

    /// Fills in what is shown of an answer. What it gives is a secret from here on.
    pub(super) fn show(
        &mut self,
        planned: &Planned,
        (status, headers, body, bytes): (u16, &Vec<(String, String)>, &[u8], u64),
        exchange: &mut Exchange,
    ) {
        let script = Arc::clone(&self.script);
        let spec = request_of(&script, planned.what);
        let answer = AnswerView::new(status, headers, body);
        for (_, extract) in spec.iter().flat_map(|spec| &spec.extract) {
            extract.find(&answer).iter().for_each(|value| self.redactor.hide(value));
        }
        // All of them first: what one header says may be a secret of another.
        let seen = |redactor: &mut Redactor| -> Vec<(String, String)> {
            let shown = headers.iter().filter(|(name, _)| advice::matters(name, spec));
            shown.map(|(name, value)| (name.clone(), redactor.header(name, value))).collect()
        };
        headers.iter().for_each(|(name, value)| drop(self.redactor.header(name, value)));
        if let Some(json) = answer.json() {
            self.redactor.learn(json);
        }
        let media = matches!(planned.what, What::Hls(HlsRequest::Segment));
        let shown =
            if media { Body { bytes, ..Body::default() } } else { self.body(body, Some(bytes)) };
        exchange.answer = Some(Answer { status, headers: seen(&mut self.redactor), body: shown });
        let expected = spec.is_some_and(|spec| spec.expect_status == status);
        if let Some(spec) = spec.filter(|_| expected) {
            let inspected = Inspected { answer, headers, redactor: &self.redactor };
            exchange.looks = looks(spec, &inspected);
        }
    }

    /// A body as it is shown: JSON in lines, text as it is, anything else by its length.
    pub(super) fn body(&mut self, body: &[u8], bytes: Option<u64>) -> Body {
        let bytes = bytes.unwrap_or(body.len() as u64);
        let json = (body.len() <= BODY_SHOWN_FROM_MAX)
            .then(|| serde_json::from_slice::<serde_json::Value>(body).ok())
            .flatten();
        let text = match json {
            Some(json) => {
                self.redactor.learn(&json);
                let pretty = serde_json::to_string_pretty(&self.redactor.json(&json));
                self.redactor.mask(&pretty.unwrap_or_default())
            }
            None => {
                let start = &body[..body.len().min(BODY_SHOWN_FROM_MAX)];
                let text = String::from_utf8_lossy(start);
                let odd = text.chars().filter(|c| *c == '\u{fffd}' || *c == '\0').count();
                if odd * 20 > text.chars().count() {
                    let left_out = Some("not text".to_owned());
                    return Body { text: String::new(), bytes, left_out };
                }
                self.redactor.text(&text)
            }
        };
        let mut end = self.options.body_bytes.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let left = bytes.max(text.len() as u64) - end as u64;
        let left_out = (end < text.len()).then(|| format!("about {left} bytes more"));
        Body { text: text[..end].trim_end().to_owned(), bytes, left_out }
    }
}
