//! What the platform counted, as its control port tells it.

use hulk_record::{LastRequest, TargetService};
use serde::{Deserialize, Serialize};

use crate::door::Door;

/// `GET /counts`: the platform's own count since its start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// By service and edge.
    pub services: Vec<TargetService>,
    /// The last request of each connection that has ended.
    pub last: Vec<LastRequest>,
    /// Connections that have ended of which nothing is told, for want of room.
    pub last_untold: u64,
}

/// The same, without a copy of each service's name.
#[derive(Serialize)]
struct Told<'a> {
    services: Vec<TargetService>,
    last: Vec<ToldLast<'a>>,
    last_untold: u64,
}

#[derive(Serialize)]
struct ToldLast<'a> {
    viewer: u32,
    send: u32,
    service: &'a str,
    status: Option<u16>,
}

/// The counts as JSON.
pub(crate) fn counts(door: &Door) -> Result<String, serde_json::Error> {
    door.look(|platform, last, _| {
        let services = platform.status().into_iter().map(|status| TargetService {
            service: status.name,
            edge: status.edge,
            requests: status.requests,
            internal: status.internal,
            answers: status.answers,
        });
        let told = last.ended().iter().map(|last| ToldLast {
            viewer: last.mark.viewer,
            send: last.mark.send,
            service: &last.service,
            status: last.status,
        });
        serde_json::to_string(&Told {
            services: services.collect(),
            last: told.collect(),
            last_untold: last.untold(),
        })
    })
}
