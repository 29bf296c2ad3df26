//! Prometheus' HTTP API: instant queries, each for one value.

use http_body_util::Full;
use hulk_net::{HttpError, Permit, answer_to};
use hulk_scenarios::{Figures, PrometheusFeed};
use hyper::{Request, StatusCode};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::ObserveError;
use crate::json::number;
use crate::own::LIMIT;

/// An answer to a query for one value is small.
const BODY_MAX: usize = 1 << 20;

/// The values of the queries, which are asked at the same time.
pub(crate) async fn figures(
    feed: &PrometheusFeed,
    permit: Permit,
) -> Result<Figures<f64>, ObserveError> {
    let mut asked = JoinSet::new();
    let places = feed.figures.try_map(|query| {
        let (place, query, api) = (asked.len(), query.clone(), feed.place.path.clone());
        asked.spawn(async move { (place, value_of(permit, &api, &query).await) });
        Ok::<usize, ObserveError>(place)
    })?;
    let mut answers: Vec<_> = asked.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    let mut values = Vec::with_capacity(answers.len());
    for (_, value) in answers {
        values.push(value?);
    }
    places.try_map(|place| {
        values.get(*place).copied().ok_or_else(|| ObserveError::missing("a query was not answered"))
    })
}

async fn value_of(permit: Permit, api: &str, query: &str) -> Result<f64, ObserveError> {
    let query_text: String = form_urlencoded::byte_serialize(query.as_bytes()).collect();
    let request = Request::builder()
        .uri(format!("{api}/api/v1/query?query={query_text}"))
        .body(Full::default())
        .map_err(HttpError::from)?;
    let answer = answer_to(permit, request, LIMIT, BODY_MAX).await?;
    read(query, answer.status(), answer.body())
}

/// The one value of an answer. A wrong query is answered with 400 and an `error` in JSON.
fn read(query: &str, status: StatusCode, body: &[u8]) -> Result<f64, ObserveError> {
    let answer: Value = serde_json::from_slice(body)?;
    if answer["status"] != "success" {
        let error = answer["error"].as_str().unwrap_or("no `error` was told");
        return Err(ObserveError::missing(format!(
            "`{query}` was answered with {status}: {error}"
        )));
    }
    let data = &answer["data"];
    let value = match data["resultType"].as_str() {
        Some("scalar") => &data["result"][1],
        Some("vector") => match data["result"].as_array().map(Vec::as_slice) {
            Some([one]) => &one["value"][1],
            Some([]) => return Err(ObserveError::missing(format!("`{query}` gives no value"))),
            _ => {
                let many = data["result"].as_array().map_or(0, Vec::len);
                let text = format!("`{query}` gives {many} values: make it one, as with `sum(…)`");
                return Err(ObserveError::missing(text));
            }
        },
        _ => &Value::Null,
    };
    number(value)
        .ok_or_else(|| ObserveError::missing(format!("`{query}` gives no number: {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &str) -> Result<f64, String> {
        let status = StatusCode::from_u16(status).unwrap();
        read("q", status, body.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_query_gives_one_value_or_says_why_not() {
        let success =
            |data: &str| told(200, &format!("{{\"status\":\"success\",\"data\":{data}}}"));
        let vector =
            |of: &str| success(&format!("{{\"resultType\":\"vector\",\"result\":[{of}]}}"));
        let one = r#"{"metric":{"job":"a"},"value":[1700000000.1,"3"]}"#;
        assert_eq!(vector(one), Ok(3.0));
        assert_eq!(success(r#"{"resultType":"scalar","result":[1.5,"4.5"]}"#), Ok(4.5));
        assert_eq!(vector(""), Err("`q` gives no value".to_owned()));
        let two = vector(&format!("{one},{one}")).unwrap_err();
        assert_eq!(two, "`q` gives 2 values: make it one, as with `sum(…)`");
        assert!(success(r#"{"resultType":"matrix","result":[]}"#).is_err());
        let wrong = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        let wrong = told(400, wrong).unwrap_err();
        assert_eq!(wrong, "`q` was answered with 400 Bad Request: parse error");
        assert!(told(502, "<html>").is_err());
    }
}
