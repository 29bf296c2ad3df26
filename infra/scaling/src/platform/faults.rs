//! Faults of the platform: what is broken now.

use hulk_chaos::FaultKind;
use hulk_record::MatchTime;

use super::Platform;
use crate::spec::MID_TIER;

impl Platform {
    /// A fault begins; the same one twice is two, and each is healed by itself.
    pub(super) fn inject(&mut self, now: MatchTime, kind: &FaultKind) {
        self.faults.push(kind.clone());
        self.apply(now);
    }

    pub(super) fn heal(&mut self, now: MatchTime, kind: &FaultKind) {
        if let Some(place) = self.faults.iter().position(|known| known == kind) {
            self.faults.remove(place);
            self.apply(now);
        }
    }

    /// What all faults make together: summed anew each time, so that healing leaves no rounding.
    fn apply(&mut self, now: MatchTime) {
        self.apply_to_zones(now);
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

    /// Zones that are lost, or have nothing to give.
    fn apply_to_zones(&mut self, now: MatchTime) {
        for zone in 0..self.zones.count() {
            let is_at = |name: &str| self.zones.place(name) == Some(zone);
            let lost =
                self.faults.iter().any(|f| matches!(f, FaultKind::ZoneLost(l) if is_at(&l.zone)));
            let full =
                self.faults.iter().any(|f| matches!(f, FaultKind::NoCapacity(n) if is_at(&n.zone)));
            self.zones.close(zone, lost || full);
            if lost {
                for service in &mut self.services {
                    service.lose(now, zone, &mut self.zones, &mut self.events);
                }
            }
        }
    }
}
