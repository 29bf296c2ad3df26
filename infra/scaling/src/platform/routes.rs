//! Routes, compiled: from a path to its service and its answer without a search.

use std::collections::HashMap;
use std::sync::Arc;

use super::event::Body;
use crate::template::{Template, query_value};
use crate::{Answer, RouteSpec, SizeBy, WhenStatic};

#[derive(Debug, Clone)]
enum Prepared {
    /// The size on the wire, at the clock's speed.
    Bytes {
        size: u32,
        by: Option<SizeBy>,
    },
    Text(Template),
}

#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) service: usize,
    pub(super) cost: f64,
    pub(super) calls: bool,
    pub(super) when_static: WhenStatic,
    prepared: Prepared,
    cookie: Option<Template>,
}

#[derive(Debug, Clone)]
pub(super) struct Routes {
    by_path: HashMap<Box<str>, usize>,
    all: Vec<Route>,
    empty: Arc<str>,
}

impl Routes {
    pub(super) fn new(
        routes: &[RouteSpec],
        place: impl Fn(&str) -> Option<usize>,
        speed: f64,
    ) -> Self {
        let (mut by_path, mut all) = (HashMap::new(), Vec::new());
        for route in routes {
            let Some(service) = place(&route.service) else { continue };
            by_path.insert(route.path.as_str().into(), all.len());
            all.push(Route {
                service,
                cost: route.cost,
                calls: route.calls,
                when_static: route.when_static,
                prepared: Prepared::new(&route.answer, speed),
                cookie: route.set_cookie.as_deref().map(template),
            });
        }
        Self { by_path, all, empty: "{}".into() }
    }

    /// The route of a path without its query: the longest that it starts with, in whole parts.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        let mut rest = path;
        loop {
            if let Some(route) = self.by_path.get(rest) {
                return Some(*route);
            }
            rest = &rest[..rest.rfind('/')?];
        }
    }

    pub(super) fn known(&self, route: usize) -> &Route {
        &self.all[route]
    }

    /// The body and the cookie for a request.
    pub(super) fn answer(&self, route: usize, id: u64, query: &str) -> (Body, Option<Arc<str>>) {
        let Route { prepared, cookie, .. } = &self.all[route];
        let body = match prepared {
            Prepared::Bytes { size, by: None } => Body::Bytes(*size),
            Prepared::Bytes { size, by: Some(by) } => {
                let value = query_value(query, &by.query);
                let known = by.sizes.iter().find(|(name, _)| name == value);
                Body::Bytes(known.map_or(*size, |(_, size)| *size))
            }
            Prepared::Text(template) => Body::Text(template.fill(id, query)),
        };
        (body, cookie.as_ref().map(|cookie| cookie.fill(id, query)))
    }

    /// An empty JSON object.
    pub(super) fn empty(&self) -> Body {
        Body::Text(Arc::clone(&self.empty))
    }
}

impl Prepared {
    fn new(answer: &Answer, speed: f64) -> Self {
        // Bodies shrink by the clock's speed, so that bits a second stay what they are.
        let shrunk = |size: u32| (f64::from(size) / speed).ceil() as u32;
        match answer {
            Answer::Bytes { size, by } => {
                let by = by.clone().map(|mut by| {
                    by.sizes.iter_mut().for_each(|(_, size)| *size = shrunk(*size));
                    by
                });
                Self::Bytes { size: shrunk(*size), by }
            }
            Answer::Json(text) => Self::Text(template(text)),
        }
    }
}

/// A checked file has no unknown slots; in a hand-made spec they stay as they are.
fn template(text: &str) -> Template {
    Template::parse(text).unwrap_or_else(|_| Template::Fixed(text.into()))
}
