//! Toxiproxy's API, as its clients expect it.

use std::collections::BTreeMap;

use hyper::{Method, StatusCode};
use serde_json::json;

use super::asked::{Asked, read_proxies};
use super::shown::{Proxy, Toxic};
use super::{Said, TEXT, not_found, wrong_method};
use crate::desk::Desk;
use crate::error::ApiError;
use crate::spec::ProxySpec;

const JSON_OF_VERSION: &str = "application/json;charset=utf-8";
/// The version of Toxiproxy whose API this is: clients judge by it what they may ask.
const VERSION: &str = "2.12.0";

/// The methods that change something; both do the same.
fn changes(method: &Method) -> bool {
    *method == Method::POST || *method == Method::PATCH
}

pub(super) fn respond(desk: &Desk, method: &Method, path: &[&str], body: &[u8]) -> Said {
    let known: &[Method] = match path {
        ["version" | "metrics"] => &[Method::GET],
        ["proxies"] => &[Method::GET, Method::POST],
        ["populate" | "reset"] => &[Method::POST],
        ["proxies", _] => &[Method::GET, Method::POST, Method::PATCH, Method::DELETE],
        ["proxies", _, "toxics"] => &[Method::GET, Method::POST],
        ["proxies", _, "toxics", _] => &[Method::GET, Method::POST, Method::PATCH, Method::DELETE],
        _ => return not_found(),
    };
    if !known.contains(method) {
        return wrong_method();
    }
    let done = match path {
        ["version"] => {
            let text = format!("{{\"version\": \"{VERSION}\"}}\n");
            return Said(StatusCode::OK, JSON_OF_VERSION, text);
        }
        ["populate"] => return populate(desk, body),
        ["reset"] => desk.reset().map(|()| nothing()),
        ["proxies"] if *method == Method::GET => Ok(all(desk)),
        ["proxies"] => create(desk, body),
        ["proxies", name] => one(desk, method, name, body),
        ["proxies", name, "toxics"] if *method == Method::GET => desk.proxy(name).map(|proxy| {
            let toxics: Vec<Toxic> = proxy.toxics.iter().map(Toxic::from).collect();
            Said::json(StatusCode::OK, &toxics)
        }),
        ["proxies", name, "toxics"] => desk
            .proxy(name)
            .and_then(|_| Asked::read(body)?.toxic())
            .and_then(|asked| desk.add_toxic(name, &asked, None))
            .map(|toxic| Said::json(StatusCode::OK, &Toxic::from(&toxic))),
        ["proxies", name, "toxics", toxic] => one_toxic(desk, method, name, toxic, body),
        _ => return not_found(),
    };
    done.unwrap_or_else(|error| failed(&error))
}

fn all(desk: &Desk) -> Said {
    let proxies = desk.proxies();
    let all: BTreeMap<&str, Proxy> =
        proxies.iter().map(|proxy| (proxy.spec.name.as_str(), Proxy::from(proxy))).collect();
    Said::json(StatusCode::OK, &all)
}

fn create(desk: &Desk, body: &[u8]) -> Result<Said, ApiError> {
    let spec = Asked::read(body)?.proxy(None)?;
    Ok(Said::json(StatusCode::CREATED, &Proxy::from(&desk.create(spec)?)))
}

fn populate(desk: &Desk, body: &[u8]) -> Said {
    let specs = match read_proxies(body) {
        Ok(specs) => specs,
        Err(error) => return failed(&error),
    };
    let (made, error) = desk.populate(specs);
    let proxies: Vec<Proxy> = made.iter().map(Proxy::from).collect();
    // An empty list is none, as in the language that this API comes from.
    let proxies = if proxies.is_empty() { None } else { Some(proxies) };
    match error {
        None => Said::json(StatusCode::CREATED, &json!({ "proxies": proxies })),
        Some(error) => {
            let mut body = error.json();
            body["proxies"] = json!(proxies);
            Said::json(error.status(), &body)
        }
    }
}

fn one(desk: &Desk, method: &Method, name: &str, body: &[u8]) -> Result<Said, ApiError> {
    if *method == Method::DELETE {
        return desk.delete(name).map(|()| nothing());
    }
    let mut proxy = desk.proxy(name)?;
    if changes(method) {
        let asked = Asked::read(body)?;
        let listen = asked.text("listen")?.filter(|listen| !listen.is_empty());
        let upstream = asked.text("upstream")?.filter(|upstream| !upstream.is_empty());
        let enabled = asked.flag("enabled")?;
        proxy = desk.update(name, |spec: &mut ProxySpec| {
            spec.listen = listen.unwrap_or_else(|| std::mem::take(&mut spec.listen));
            spec.upstream = upstream.unwrap_or_else(|| std::mem::take(&mut spec.upstream));
            spec.enabled = enabled.unwrap_or(spec.enabled);
        })?;
    }
    Ok(Said::json(StatusCode::OK, &Proxy::from(&proxy)))
}

fn one_toxic(
    desk: &Desk,
    method: &Method,
    proxy: &str,
    name: &str,
    body: &[u8],
) -> Result<Said, ApiError> {
    if *method == Method::DELETE {
        return desk.remove_toxic(proxy, name).map(|_| nothing());
    }
    let shown = desk.proxy(proxy)?;
    let known = shown.toxics.into_iter().find(|known| known.toxic.name == name);
    let mut toxic = known.ok_or(ApiError::NoToxic)?;
    if changes(method) {
        let asked = Asked::read(body)?;
        let (toxicity, attributes) = (asked.number("toxicity")?, asked.attributes("attributes")?);
        toxic = desk.update_toxic(proxy, name, toxicity, &attributes, None)?;
    }
    Ok(Said::json(StatusCode::OK, &Toxic::from(&toxic)))
}

fn nothing() -> Said {
    Said(StatusCode::NO_CONTENT, "", String::new())
}

fn failed(error: &ApiError) -> Said {
    Said(error.status(), TEXT, format!("{}\n", error.json()))
}
