//! A request, from what is due to its text.

use std::sync::Arc;

use super::memory::Computed;
use super::{Planned, Session, What, request_of};
use crate::steps::Method;

/// Where a request is written to: kept by the shell and used again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Path and query.
    pub path: String,
    /// The body; empty for none.
    pub body: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    computed: Computed,
}

impl Session {
    /// Writes what is due: path, body and headers.
    pub fn render(&mut self, planned: &Planned, unix_ms: i64, out: &mut Rendered) -> Method {
        out.path.clear();
        out.body.clear();
        self.memory.sends += 1;
        let mut headers = 0;
        let script = Arc::clone(&self.script);
        let device = script.devices.as_ref().zip(self.memory.device());
        for (name, value) in device.iter().flat_map(|(devices, place)| devices.headers(*place)) {
            header(out, &mut headers, name).push_str(value);
        }
        if !self.memory.cookies.is_empty() {
            self.memory.cookies.write(header(out, &mut headers, "cookie"));
        }
        let method = if let Some(request) = request_of(&script, planned.what) {
            let index = self.repetition(planned);
            let mut computed = std::mem::take(&mut out.computed);
            let mut fill = self.memory.filler(&mut computed, index, unix_ms);
            request.path.render(&mut fill, &mut out.path);
            request.body.render(&mut fill, &mut out.body);
            let mut odd = false;
            for (name, text) in &request.headers {
                let value = header(out, &mut headers, name);
                text.render(&mut fill, value);
                odd |= value.contains(char::is_control);
                value.retain(|letter| !letter.is_control());
            }
            out.computed = computed;
            if odd {
                self.trouble(planned, "a header would hold a control character".to_owned());
            }
            request.method
        } else {
            if let (What::Hls(request), Some(watch)) = (planned.what, &self.watch) {
                out.path.push_str(watch.hls_path(request));
            }
            Method::Get
        };
        out.headers.truncate(headers);
        method
    }

    /// The next request is the last one once more.
    pub(crate) fn take_back_send(&mut self) {
        self.memory.sends = self.memory.sends.saturating_sub(1);
    }
}

/// The next header's text, empty, to be written.
fn header<'a>(out: &'a mut Rendered, used: &mut usize, name: &str) -> &'a mut String {
    if *used == out.headers.len() {
        out.headers.push(Default::default());
    }
    let (known, value) = &mut out.headers[*used];
    known.clear();
    known.push_str(name);
    value.clear();
    *used += 1;
    value
}
