//! A rollout of a new version: how far it is, and on to its next phase.

use hulk_avatar::RolloutStatus;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rest::{Said, TEXT, error, json_said, read};
use super::stage::Stage;

/// `POST /rollout`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoOn {
    go_on: bool,
}

pub(crate) async fn answer(stage: &Stage, method: &Method, body: Incoming) -> Result<Said, Said> {
    let goes_on = match *method {
        Method::GET => false,
        Method::POST => read::<GoOn>(body, "{\"go_on\": true}").await?.go_on,
        _ => {
            let text = "known here: GET /rollout, POST /rollout\n".to_owned();
            return Err((StatusCode::METHOD_NOT_ALLOWED, TEXT, text));
        }
    };
    let status = stage.rollout(goes_on);
    let status = status.ok_or_else(|| error(StatusCode::NOT_FOUND, "nothing is rolled out"))?;
    Ok(json_said(told(&status)))
}

fn told(status: &RolloutStatus) -> Value {
    let back = match &status.back {
        Some(back) => {
            json!({ "at_s": back.at.as_s(), "why": back.why, "moved_sessions": status.moved })
        }
        None => Value::Null,
    };
    json!({
        "percent": status.percent,
        "sessions": { "old": status.old_streams, "new": status.new_streams },
        "rolled_back": back,
    })
}
