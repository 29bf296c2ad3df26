//! What is done to requests, each judged by the toxics that are set as it comes.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use hulk_scenarios::chaos::toxics::Route;
use hulk_scenarios::chaos::{Set, Stream, ToxicKind};
use hulk_scenarios::record::{hash_of, seed_of, unit_of};
use tokio::sync::watch;

use super::head::{Head, Request};
use crate::link::Order;

/// A request that was asked, as toxics know it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The how manieth of its link it is.
    pub(super) number: u64,
    pub(super) request: Request,
}

/// An answer that the server does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) body: String,
}

/// The toxics of requests on one link.
pub(super) struct Toxics {
    orders: watch::Receiver<Arc<Order>>,
    /// The link's own.
    seed: u64,
    /// Those that have counted this link.
    counted: Mutex<Vec<u64>>,
}

impl Toxics {
    pub(super) fn new(seed: u64, orders: watch::Receiver<Arc<Order>>) -> Self {
        Self { orders, seed, counted: Mutex::default() }
    }

    /// Counts this link for each toxic that it is part of, for as long as the link lives.
    pub(super) async fn count(&self) -> Infallible {
        let mut orders = self.orders.clone();
        loop {
            self.count_once(&Arc::clone(&orders.borrow_and_update()));
            if orders.changed().await.is_err() {
                // The link sees that, too.
                std::future::pending::<()>().await;
            }
        }
    }

    fn count_once(&self, order: &Order) {
        let all = || order.upstream.iter().chain(&order.downstream);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|id| all().any(|set| set.id == *id));
        for set in all().filter(|set| is_of_requests(set) && self.acts(set)) {
            if !counted.contains(&set.id) {
                counted.push(set.id);
                set.effect.links(1);
            }
        }
    }

    /// How a request fails, if one of them has it fail: the first of them.
    pub(super) fn failure(&self, asked: &Asked) -> Option<Failure> {
        let order = self.orders.borrow();
        let mut all = order.upstream.iter().chain(&order.downstream);
        all.find_map(|set| match &set.toxic.kind {
            ToxicKind::HttpStatus(failing) if self.takes(set, &failing.route, asked) => {
                set.effect.requests_failed(1);
                let status = u16::try_from(failing.status).unwrap_or(500);
                Some(Failure { status, body: failing.body.clone().unwrap_or_default() })
            }
            _ => None,
        })
    }

    /// Changes the head of a request as those of the stream `upstream` have it.
    pub(super) fn change_request(&self, asked: &Asked, head: &mut Head) {
        self.change(&self.orders.borrow().upstream, asked, head);
    }

    /// Changes the head of an answer as those of the stream `downstream` have it.
    pub(super) fn change_answer(&self, asked: &Asked, head: &mut Head) {
        self.change(&self.orders.borrow().downstream, asked, head);
    }

    fn change(&self, sets: &[Set], asked: &Asked, head: &mut Head) {
        for set in sets {
            let ToxicKind::HttpHeader(header) = &set.toxic.kind else { continue };
            if !self.takes(set, &header.route, asked) {
                continue;
            }
            let changed = match &header.value {
                Some(value) => {
                    head.set(&header.name, value);
                    true
                }
                None => head.remove(&header.name),
            };
            match set.toxic.stream {
                Stream::Upstream => set.effect.requests_changed(u64::from(changed)),
                Stream::Downstream => set.effect.answers_changed(u64::from(changed)),
            }
        }
    }

    /// The body that an answer has in the place of its own: the last of them gives it.
    pub(super) fn other_body(&self, asked: &Asked) -> Option<String> {
        let order = self.orders.borrow();
        let mut other = None;
        for set in order.upstream.iter().chain(&order.downstream) {
            let ToxicKind::HttpBody(changing) = &set.toxic.kind else { continue };
            if self.takes(set, &changing.route, asked) {
                set.effect.answers_changed(1);
                other = Some(changing.body.clone());
            }
        }
        other
    }

    fn takes(&self, set: &Set, route: &Route, asked: &Asked) -> bool {
        let lot = unit_of(hash_of(seed_of(self.seed_of(set), "requests"), asked.number));
        self.acts(set) && route.takes(&asked.request.method, &asked.request.path, lot)
    }

    /// Whether a toxic acts on this link: drawn as for those of bytes.
    fn acts(&self, set: &Set) -> bool {
        unit_of(hash_of(self.seed_of(set), 0)) < set.toxic.toxicity
    }

    fn seed_of(&self, set: &Set) -> u64 {
        seed_of(seed_of(self.seed, set.toxic.stream.name()), &set.toxic.name)
    }
}

fn is_of_requests(set: &Set) -> bool {
    matches!(
        set.toxic.kind,
        ToxicKind::HttpStatus(_) | ToxicKind::HttpHeader(_) | ToxicKind::HttpBody(_)
    )
}
