//! Faults of the GPUs: lent, renewed and taken back over HTTP, and healed by themselves.

use std::sync::Arc;
use std::time::Duration;

use hulk_avatar::GpuFault;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};

use super::rest::{JSON, Said, TEXT, read};
use super::stage::{Stage, Unlent};
use crate::control::{Applied, Lend, Renew, lease};
use crate::faults::{NotLent, look_at_leases};

/// Heals what was not renewed.
pub(crate) async fn keep_leases(stage: Arc<Stage>) {
    look_at_leases(|_late: Duration| stage.heal_lapsed()).await;
}

pub(crate) async fn answer(
    stage: &Stage,
    method: &Method,
    path: &str,
    body: Incoming,
) -> Result<Said, Said> {
    let said = |status, text: String| (status, TEXT, text + "\n");
    let conflict = |error: NotLent| said(StatusCode::CONFLICT, error.to_string());
    let number = path.strip_prefix("/faults/").map(str::parse::<u32>);
    let applied = match (method, number) {
        (&Method::POST, None) => {
            let expected =
                "{\"id\": 1, \"fault\": {\"off_the_bus\": {\"gpu\": 0}}, \"lease_ms\": 3000}";
            let lend: Lend<GpuFault> = read(body, expected).await?;
            let lent = stage.lend(lend.id, &lend.fault, lease(lend.lease_ms)?);
            lent.map_err(|error| match error {
                Unlent::Lease(error) => conflict(error),
                Unlent::Fault(error) => said(StatusCode::BAD_REQUEST, error.to_string()),
            })?;
            true
        }
        (&Method::PUT, Some(Ok(id))) => {
            let renew: Renew = read(body, "{\"lease_ms\": 3000}").await?;
            stage.renew(id, lease(renew.lease_ms)?).map_err(conflict)?;
            true
        }
        (&Method::DELETE, Some(Ok(id))) => stage.heal(id),
        (_, Some(Err(_))) => {
            let text = "a fault's number is expected after /faults/".to_owned();
            return Err(said(StatusCode::BAD_REQUEST, text));
        }
        _ => {
            let text = "known here: POST /faults, PUT /faults/{id}, DELETE /faults/{id}".to_owned();
            return Err(said(StatusCode::METHOD_NOT_ALLOWED, text));
        }
    };
    let body = serde_json::to_string(&Applied { applied });
    body.map(|body| (StatusCode::OK, JSON, body))
        .map_err(|error| said(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}
