//! What a trial tells of itself. Nothing in here is secret: it is redacted when it is made.

use serde::Serialize;

/// A request and what came of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Exchange {
    /// Its number in the trial, from 1.
    pub number: u32,
    /// The journey.
    pub journey: String,
    /// The step.
    pub step: String,
    /// The service that it asks.
    pub service: String,
    /// Where the step stands, as `file:line`.
    pub place: String,
    /// Whether the same step has been shown before.
    pub again: bool,
    /// What would be waited for before it, in words; none where nothing is.
    pub wait: Option<String>,
    /// The method.
    pub method: &'static str,
    /// The whole URL.
    pub url: String,
    /// The headers that are sent, names in lower case.
    pub sent_headers: Vec<(String, String)>,
    /// The body that is sent.
    pub sent_body: Option<Body>,
    /// What is odd about the request.
    pub warnings: Vec<String>,
    /// The answer, if there was one.
    pub answer: Option<Answer>,
    /// What was looked for in the answer.
    pub looks: Vec<Look>,
    /// How long it took.
    pub timing: Timing,
    /// How a rehearsal counts it.
    pub outcome: &'static str,
    /// Why it is not as expected.
    pub failure: Option<Failure>,
}

/// A body, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Body {
    /// Its text; empty where it is none.
    pub text: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// What is not shown, in words.
    pub left_out: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Those of its headers that matter.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// Something that was looked for in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// Whether it was there, and as it should be.
    pub holds: bool,
    /// What was looked for and what was found.
    pub text: String,
}

/// How long an exchange took, in µs of wall time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Timing {
    /// Until there was a connection; none where there was one already.
    pub connect_us: Option<u64>,
    /// From the sending until the answer's head had come.
    pub first_byte_us: Option<u64>,
    /// All of it.
    pub total_us: u64,
}

/// Why a step failed, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Failure {
    /// What was expected and what came.
    pub why: String,
    /// What to change, the likeliest first.
    pub hints: Vec<String>,
    /// What a viewer of a rehearsal does now.
    pub then: String,
}

/// A step in the table at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Row {
    /// The journey.
    pub journey: String,
    /// The step.
    pub step: String,
    /// How often it was sent.
    pub requests: u32,
    /// How often that was not as expected.
    pub failed: u32,
    /// The statuses that came, each once, in their order.
    pub statuses: Vec<u16>,
    /// How the last one was counted.
    pub outcome: &'static str,
    /// All of them together, in µs.
    pub total_us: u64,
}

/// A step that the viewer never came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreached {
    /// The journey.
    pub journey: String,
    /// The step.
    pub step: String,
    /// Why, and by what choice it would be.
    pub why: String,
}

/// How a trial ended before its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Cut {
    /// It took as long as it may.
    Limit,
    /// Somebody stopped it.
    Interrupted,
}

/// All of it, at the end.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Ending {
    /// Each step that was sent, in the order of the first time.
    pub steps: Vec<Row>,
    /// The steps that were not.
    pub unreached: Vec<Unreached>,
    /// The number of the first exchange that was not as expected.
    pub first_failure: Option<u32>,
    /// What went wrong without a request.
    pub troubles: Vec<String>,
    /// Who or what ended it, if not itself.
    pub cut: Option<Cut>,
    /// Whether all steps did as expected.
    pub passed: bool,
}

/// Who is sent, at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Opening {
    /// The rehearsal's name.
    pub rehearsal: String,
    /// The target's.
    pub target: String,
    /// The viewer's number.
    pub viewer: u32,
    /// What the viewer drew.
    pub drawn: Vec<(String, String)>,
}
