//! Faults of the platform: what is broken now.

use hulk_chaos::FaultKind;

use super::Platform;
use crate::spec::MID_TIER;

impl Platform {
    /// A fault begins; the same one twice is two, and each is healed by itself.
    pub(super) fn inject(&mut self, kind: &FaultKind) {
        self.faults.push(kind.clone());
        self.apply();
    }

    pub(super) fn heal(&mut self, kind: &FaultKind) {
        if let Some(place) = self.faults.iter().position(|known| known == kind) {
            self.faults.remove(place);
            self.apply();
        }
    }

    /// What all faults make together: summed anew each time, so that healing leaves no rounding.
    fn apply(&mut self) {
        let added_ms = |name: &str| -> f64 {
            let of = |kind: &FaultKind| match kind {
                FaultKind::Latency(latency) if latency.service == name => latency.add_ms,
                _ => 0.0,
            };
            self.faults.iter().map(of).sum()
        };
        let lost = |name: &str| {
            let of = |kind: &FaultKind| matches!(kind, FaultKind::EdgeLost(l) if l.edge == name);
            self.faults.iter().any(of)
        };
        for service in &mut self.services {
            service.added_ms = added_ms(&service.name);
        }
        if let Some(tier) = &mut self.mid_tier {
            tier.added_ms = added_ms(MID_TIER);
        }
        for edge in &mut self.edges {
            edge.added_ms = added_ms(&edge.name);
            let was_lost = std::mem::replace(&mut edge.lost, lost(&edge.name));
            if edge.lost && !was_lost {
                edge.era += 1;
                edge.cache.clear();
            }
        }
    }
}
