//! The ledger of requests: what the platform itself counted beside what the record tells.

use std::collections::{BTreeMap, BTreeSet};

use hulk_record::TargetCounts;
use serde::Serialize;

use crate::view::View;

/// Both counts, over the whole record, the lead-in included.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Ledger {
    pub(crate) services: Vec<ServiceLedger>,
    /// Requests that were written and got no complete answer.
    pub(crate) unanswered: u64,
    /// Of them: those that the target never received.
    pub(crate) never_received: u64,
    /// How many more there were of which the record tells nothing else.
    pub(crate) untold: u64,
}

/// One service, all edges together.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(crate) struct ServiceLedger {
    pub(crate) service: String,
    /// Requests that the target received from outside.
    pub(crate) received: u64,
    /// The same by edge.
    pub(crate) edges: BTreeMap<String, u64>,
    /// Requests that its own services sent.
    pub(crate) internal: u64,
    /// Of those received: those that the generator did not wait for, or whose answer was cut.
    pub(crate) unanswered: u64,
    /// Complete answers by the record.
    pub(crate) answered: u64,
    pub(crate) statuses: BTreeMap<u16, StatusLedger>,
}

/// Answers of one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub(crate) struct StatusLedger {
    /// By the target.
    pub(crate) sent: u64,
    /// Of those sent: those that did not arrive complete.
    pub(crate) unanswered: u64,
    /// Complete answers by the record.
    pub(crate) answered: u64,
}

impl ServiceLedger {
    /// Requests received whose answers must have arrived.
    pub(crate) fn expected(&self) -> i128 {
        i128::from(self.received) - i128::from(self.unanswered)
    }
}

impl StatusLedger {
    /// Answers that must have arrived.
    pub(crate) fn expected(&self) -> i128 {
        i128::from(self.sent) - i128::from(self.unanswered)
    }
}

/// Both counts; none where the platform told nothing.
pub(crate) fn ledger(view: &View<'_>) -> Option<Ledger> {
    let target = view.record.target.as_ref()?;
    let mut services: BTreeMap<&str, ServiceLedger> = BTreeMap::new();
    for part in &target.services {
        let of = services.entry(&part.service).or_default();
        of.received += part.requests;
        of.internal += part.internal;
        *of.edges.entry(part.edge.clone()).or_default() += part.requests;
        for (&status, &count) in &part.answers {
            of.statuses.entry(status).or_default().sent += count;
        }
    }
    let frames = || view.merged.frames();
    let unanswered: BTreeSet<(u32, u32)> = frames()
        .flat_map(|frame| &frame.unanswered)
        .map(|request| (request.viewer, request.send))
        .collect();
    let received = last(target, &unanswered);
    for (service, status) in received.values() {
        let of = services.entry(service).or_default();
        of.unanswered += 1;
        if let Some(status) = status {
            of.statuses.entry(*status).or_default().unanswered += 1;
        }
    }
    let answers = view.merged.answers();
    for ((service, status), count) in &answers {
        let of = services.entry(service).or_default();
        of.answered += count;
        of.statuses.entry(*status).or_default().answered += count;
    }
    let named =
        |(name, of): (&str, ServiceLedger)| ServiceLedger { service: name.to_owned(), ..of };
    Some(Ledger {
        services: services.into_iter().map(named).collect(),
        unanswered: unanswered.len() as u64,
        never_received: (unanswered.len() - received.len()) as u64,
        untold: frames().map(|frame| frame.unanswered_untold).sum(),
    })
}

/// The service and status of the unanswered requests that the target received, each once. What
/// the record does not call unanswered must show as a difference, so it is left out.
fn last<'a>(
    target: &'a TargetCounts,
    unanswered: &BTreeSet<(u32, u32)>,
) -> BTreeMap<(u32, u32), (&'a str, Option<u16>)> {
    let told = target.last.iter().filter(|last| unanswered.contains(&(last.viewer, last.send)));
    told.map(|last| ((last.viewer, last.send), (last.service.as_str(), last.status))).collect()
}
