//! Faults on the platform's side: lent, renewed, and healed by themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hulk_record::Offset;
use hulk_scaling::chaos::Leases;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::door::Door;

/// How often leases are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Faults of some kind that were lent, and whether they are still on.
pub(crate) struct Faults<K> {
    leases: Leases<u32>,
    known: BTreeMap<u32, (K, bool)>,
}

impl<K> Default for Faults<K> {
    fn default() -> Self {
        Self { leases: Leases::default(), known: BTreeMap::new() }
    }
}

/// Why a fault is not lent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotLent {
    #[error("fault {0} is another one: give this one a number of its own")]
    Taken(u32),
    #[error("fault {0} is not on: its lease has lapsed, or it was never injected")]
    Lapsed(u32),
}

impl<K: Clone + PartialEq> Faults<K> {
    /// Lends a fault from `now` until then, or for longer if it is lent already; whether it is to
    /// be injected.
    pub(crate) fn lend(
        &mut self,
        id: u32,
        kind: &K,
        (now, until): (Offset, Offset),
    ) -> Result<bool, NotLent> {
        if self.known.get(&id).is_some_and(|(known, on)| *on && known != kind) {
            return Err(NotLent::Taken(id));
        }
        if self.leases.renew(&id, now, until) {
            return Ok(false);
        }
        // One that has lapsed and that nobody has taken back yet is still on.
        let fresh = self.leases.grant(id, until);
        self.known.insert(id, (kind.clone(), true));
        Ok(fresh)
    }

    /// Lends for longer what is lent.
    pub(crate) fn renew(&mut self, id: u32, now: Offset, until: Offset) -> Result<(), NotLent> {
        if self.leases.renew(&id, now, until) { Ok(()) } else { Err(NotLent::Lapsed(id)) }
    }

    /// Takes a fault back; what is to be healed.
    pub(crate) fn end(&mut self, id: u32) -> Option<K> {
        if self.leases.end(&id) { self.off(id) } else { None }
    }

    /// Takes back what was not renewed; what is to be healed.
    pub(crate) fn lapsed(&mut self, now: Offset) -> Vec<K> {
        let lapsed = self.leases.lapsed(now);
        lapsed.into_iter().filter_map(|id| self.off(id)).collect()
    }

    /// All that were ever lent: number, kind and whether it is on.
    pub(crate) fn all(&self) -> Vec<(u32, K, bool)> {
        self.known.iter().map(|(id, (kind, on))| (*id, kind.clone(), *on)).collect()
    }

    fn off(&mut self, id: u32) -> Option<K> {
        let (kind, on) = self.known.get_mut(&id)?;
        *on = false;
        Some(kind.clone())
    }
}

/// A look that comes later than this tells that the process had no CPU meanwhile.
const STALL_MIN: Duration = Duration::from_millis(250);

/// Heals what was not renewed; and notices when looks come late, for then nothing else came in
/// time either, and it was not the platform's model that made it so.
pub(crate) async fn keep_leases(door: Arc<Door>) {
    look_at_leases(|late| {
        if late >= STALL_MIN {
            door.stalled(late);
        }
        door.heal_lapsed();
    })
    .await;
}

/// Calls `look` again and again, with how late it is.
pub(crate) async fn look_at_leases(mut look: impl FnMut(Duration)) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = looks.tick().await;
    loop {
        looks.tick().await;
        let now = Instant::now();
        look(now.saturating_duration_since(last + LOOK));
        last = now;
    }
}

#[cfg(test)]
mod tests {
    use hulk_scaling::chaos::{EdgeLost, FaultKind};

    use super::*;

    fn lost(edge: &str) -> FaultKind {
        FaultKind::EdgeLost(EdgeLost { edge: edge.into() })
    }

    #[test]
    fn a_fault_is_injected_once_and_healed_once() {
        let (mut faults, at) = (Faults::default(), Offset::from_s);
        assert_eq!(faults.lend(1, &lost("north"), (at(0.0), at(3.0))), Ok(true));
        assert_eq!(faults.lend(1, &lost("north"), (at(1.0), at(4.0))), Ok(false));
        assert_eq!(faults.lend(1, &lost("south"), (at(1.0), at(4.0))), Err(NotLent::Taken(1)));
        assert_eq!(faults.lapsed(at(3.9)), []);
        assert_eq!(faults.renew(1, at(3.9), at(5.0)), Ok(()));
        assert_eq!(faults.lapsed(at(5.0)), [lost("north")]);
        assert_eq!(faults.renew(1, at(5.1), at(9.0)), Err(NotLent::Lapsed(1)));
        assert_eq!(faults.end(1), None);
        assert_eq!(faults.all(), [(1, lost("north"), false)]);
        assert_eq!(faults.lend(1, &lost("south"), (at(6.0), at(9.0))), Ok(true));
        assert_eq!(faults.end(1), Some(lost("south")));
    }

    #[test]
    fn what_lapsed_unseen_goes_on_when_it_is_lent_again() {
        let (mut faults, at) = (Faults::default(), Offset::from_s);
        assert_eq!(faults.lend(1, &lost("north"), (at(0.0), at(3.0))), Ok(true));
        // Nobody has looked: the platform still has it, once.
        assert_eq!(faults.lend(1, &lost("north"), (at(3.5), at(6.5))), Ok(false));
        assert_eq!(faults.lapsed(at(6.0)), []);
        assert_eq!(faults.end(1), Some(lost("north")));
    }
}
