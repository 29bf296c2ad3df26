//! Leases on the injector's side: what was lent, and until when.

use std::collections::BTreeMap;

use hulk_record::Offset;

/// How long a fault is lent for, in ms of wall time.
pub const LEASE_MS: i64 = 3000;

/// How often a fault is renewed, in ms of wall time.
pub const RENEW_MS: i64 = 1000;

/// What was lent, by its name. The injector heals what [`Leases::lapsed`] gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leases<K> {
    until: BTreeMap<K, Offset>,
}

impl<K> Default for Leases<K> {
    fn default() -> Self {
        Self { until: BTreeMap::new() }
    }
}

impl<K: Ord + Clone> Leases<K> {
    /// Lends `id` until then; whether it was not lent already (then it is a renewal).
    pub fn grant(&mut self, id: K, until: Offset) -> bool {
        self.until.insert(id, until).is_none()
    }

    /// Lends `id` for longer. Whether it was still lent at `now`: what has lapsed stays so.
    pub fn renew(&mut self, id: &K, now: Offset, until: Offset) -> bool {
        match self.until.get_mut(id) {
            Some(known) if now < *known => {
                *known = until.max(*known);
                true
            }
            _ => false,
        }
    }

    /// Takes `id` back before its time; whether it was lent.
    pub fn end(&mut self, id: &K) -> bool {
        self.until.remove(id).is_some()
    }

    /// Whether `id` is lent at `now`.
    pub fn holds(&self, id: &K, now: Offset) -> bool {
        self.until.get(id).is_some_and(|until| now < *until)
    }

    /// Until when `id` is lent, if it is.
    pub fn until(&self, id: &K) -> Option<Offset> {
        self.until.get(id).copied()
    }

    /// Takes back what was not renewed by `now`, in the order of the names.
    pub fn lapsed(&mut self, now: Offset) -> Vec<K> {
        let late = self.until.iter().filter(|(_, until)| **until <= now);
        let late: Vec<K> = late.map(|(id, _)| id.clone()).collect();
        self.until.retain(|_, until| now < *until);
        late
    }

    /// Takes back everything, in the order of the names.
    pub fn all(&mut self) -> Vec<K> {
        std::mem::take(&mut self.until).into_keys().collect()
    }

    /// When the next lease lapses.
    pub fn next_lapse(&self) -> Option<Offset> {
        self.until.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_renewed_lapses_and_is_not_woken() {
        let (mut leases, at) = (Leases::default(), Offset::from_s);
        assert!(leases.grant("slow", at(3.0)));
        assert!(leases.grant("lost", at(3.0)));
        assert!(!leases.grant("slow", at(3.0)), "lent already");
        assert!(leases.renew(&"slow", at(1.0), at(4.0)));
        assert_eq!(leases.next_lapse(), Some(at(3.0)));
        assert_eq!(leases.lapsed(at(2.999)), Vec::<&str>::new());
        assert_eq!(leases.lapsed(at(3.0)), ["lost"]);
        assert!(!leases.renew(&"lost", at(3.0), at(6.0)), "lapsed stays lapsed");
        assert!(!leases.renew(&"slow", at(4.0), at(7.0)), "though nobody has looked yet");
        assert!(!leases.holds(&"slow", at(4.0)));
        assert_eq!(leases.lapsed(at(9.0)), ["slow"]);
        assert_eq!(leases.next_lapse(), None);
    }

    #[test]
    fn a_lease_ends_once() {
        let mut leases = Leases::default();
        leases.grant(7, Offset::from_s(3.0));
        assert!(leases.end(&7));
        assert!(!leases.end(&7));
        leases.grant(8, Offset::from_s(3.0));
        assert_eq!(leases.all(), [8]);
        assert_eq!(leases.lapsed(Offset::from_s(9.0)), Vec::<i32>::new());
    }
}
