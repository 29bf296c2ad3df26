//! The API of our own, below `/v1`: leases, ramps, protocols and what each toxic has done.

use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use super::asked::Asked;
use super::shown::{OwnProxy, OwnToxic};
use super::{Said, not_found, wrong_method};
use crate::desk::Desk;
use crate::error::ApiError;

/// How long something may be lent, in ms: at most a day.
const TTL_MS: std::ops::RangeInclusive<i64> = 100..=86_400_000;
const PROXY_FIELDS: &[&str] = &["name", "listen", "upstream", "protocol", "enabled"];
const TOXIC_FIELDS: &[&str] =
    &["type", "stream", "toxicity", "attributes", "ttl_ms", "ramp_from", "ramp_ms"];

pub(super) fn respond(desk: &Desk, method: &Method, path: &[&str], body: &[u8]) -> Said {
    let known: &[Method] = match path {
        ["proxies"] => &[Method::GET, Method::POST],
        ["proxies", _] => &[Method::GET, Method::DELETE],
        ["proxies", _, "toxics", _] => &[Method::GET, Method::PUT, Method::DELETE],
        ["proxies", _, "toxics", _, "lease"] => &[Method::PUT],
        ["reset"] => &[Method::POST],
        _ => return not_found(),
    };
    if !known.contains(method) {
        return wrong_method();
    }
    act(desk, method, path, body).unwrap_or_else(|error| said(error.status(), &error.json()))
}

fn act(desk: &Desk, method: &Method, path: &[&str], body: &[u8]) -> Result<Said, ApiError> {
    let ok = StatusCode::OK;
    Ok(match path {
        ["proxies"] if *method == Method::GET => {
            let proxies: Vec<OwnProxy> = desk.proxies().iter().map(OwnProxy::from).collect();
            said(ok, &json!({ "proxies": proxies }))
        }
        ["proxies"] => {
            let asked = Asked::read(body)?;
            asked.only(PROXY_FIELDS)?;
            said(StatusCode::CREATED, &OwnProxy::from(&desk.create(asked.proxy(None)?)?))
        }
        ["proxies", name] if *method == Method::GET => {
            said(ok, &OwnProxy::from(&desk.proxy(name)?))
        }
        ["proxies", name] => {
            let proxy = desk.proxy(name)?;
            desk.delete(name)?;
            said(ok, &OwnProxy::from(&proxy))
        }
        ["proxies", proxy, "toxics", toxic] if *method == Method::PUT => {
            said(ok, &put(desk, proxy, toxic, body)?)
        }
        ["proxies", proxy, "toxics", toxic] if *method == Method::GET => {
            let shown = desk.proxy(proxy)?;
            let all = shown.toxics.iter().chain(shown.ended.iter().rev());
            let found = all.into_iter().find(|known| known.toxic.name == *toxic);
            said(ok, &OwnToxic::from(found.ok_or(ApiError::NoToxic)?))
        }
        ["proxies", proxy, "toxics", toxic] => {
            said(ok, &OwnToxic::from(&desk.remove_toxic(proxy, toxic)?))
        }
        ["proxies", proxy, "toxics", toxic, _lease] => {
            let asked = Asked::read(body)?;
            asked.only(&["ttl_ms"])?;
            said(ok, &OwnToxic::from(&desk.renew_toxic(proxy, toxic, ttl_ms(&asked)?)?))
        }
        _ => {
            desk.reset()?;
            said(ok, &json!({}))
        }
    })
}

/// Sets a toxic, or changes and renews it where it is there already.
fn put(desk: &Desk, proxy: &str, name: &str, body: &[u8]) -> Result<OwnToxic, ApiError> {
    let asked = Asked::read(body)?;
    asked.only(TOXIC_FIELDS)?;
    let lease_ms = Some(ttl_ms(&asked)?);
    let mut toxic = asked.toxic()?;
    toxic.strict = true;
    toxic.name = Some(name.to_owned());
    let (from, over_ms) = (asked.attributes("ramp_from")?, asked.whole("ramp_ms")?);
    toxic.ramp = match over_ms {
        None if from.is_empty() => None,
        Some(over_ms) if (1..=86_400_000).contains(&over_ms) => Some((from, over_ms)),
        _ => {
            let wanted = "`ramp_ms` is missing or wrong: a whole number from 1 to 86400000";
            return Err(ApiError::Wrong(wanted.to_owned()));
        }
    };
    Ok(OwnToxic::from(&desk.put_toxic(proxy, &toxic, lease_ms)?))
}

fn ttl_ms(asked: &Asked) -> Result<i64, ApiError> {
    let (low, high) = (TTL_MS.start(), TTL_MS.end());
    let wanted =
        || ApiError::Wrong(format!("`ttl_ms` must be a whole number from {low} to {high}"));
    asked.whole("ttl_ms")?.filter(|ttl_ms| TTL_MS.contains(ttl_ms)).ok_or_else(wanted)
}

fn said(status: StatusCode, value: &impl Serialize) -> Said {
    let Said(status, kind, text) = Said::json(status, value);
    Said(status, kind, text + "\n")
}
