//! The instances of one service: from a wanted number to serving ones.

use std::collections::BTreeMap;

use hulk_record::{MatchTime, hash_of, seed_of};
use hulk_settings::Delay;

use crate::{Provisioning, Zones};

/// Why fewer instances were ordered than the policy wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// No zone has room.
    Capacity,
    /// The quota is used up.
    Quota,
}

impl Lack {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Quota => "quota",
        }
    }
}

/// Instances on their way: when they are there, of which order, and in which zone; how many.
type Coming = BTreeMap<(MatchTime, u64, usize), u32>;

/// The instances of one service: ready, on their way, kept warm, wanted.
///
/// Each instance draws its own delays by the order's number and its own in it. It goes where the
/// fewest of its service are, among the zones that have room.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaler {
    delays: Provisioning,
    cooldown_s: f64,
    seed: u64,
    /// Orders so far, those for the pool included.
    orders: u64,
    /// Until then nothing is changed.
    calm_until: MatchTime,
    desired: u32,
    fleet: Vec<InZone>,
    coming: Coming,
    /// What the pool has ordered.
    warming: Coming,
    /// So many are wanted and cannot be had, and why.
    lacking: Option<(u32, Lack)>,
    next_look: MatchTime,
    /// Since when fewer than all have been wanted, and the most that was wanted since.
    fewer: Option<(MatchTime, u32)>,
}

/// What a service has in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct InZone {
    ready: u32,
    pending: u32,
    warm: u32,
    warming: u32,
}

impl InZone {
    fn running(self) -> u32 {
        self.ready + self.pending
    }

    fn all(self) -> u32 {
        self.running() + self.warm + self.warming
    }
}

/// The delays of one order.
struct Draws<'a> {
    seed: u64,
    delays: &'a Provisioning,
}

impl Draws<'_> {
    fn of(&self, delay: &Delay, label: &str, instance: u32) -> f64 {
        match *delay {
            Delay::Fixed { s } => s,
            _ => delay.draw_s(hash_of(seed_of(self.seed, label), instance.into())),
        }
    }

    /// From the decision to an instance that serves; one that is warm has its node and its image.
    fn start_s(&self, instance: u32, warm: bool) -> f64 {
        let decide_s = self.of(&self.delays.decide_s, "decide", 0);
        let boot_s = if warm { 0.0 } else { self.boot_s(instance) };
        decide_s + boot_s + self.of(&self.delays.app_s, "app", instance)
    }

    fn boot_s(&self, instance: u32) -> f64 {
        self.of(&self.delays.node_s, "node", instance)
            + self.of(&self.delays.image_s, "image", instance)
    }
}

impl Scaler {
    /// `ready` instances serve and the warm pool is full, as far as quota and zones allow; the policy
    /// looks first at `first_look`. After a change nothing is changed for `cooldown_s` match seconds.
    pub fn new(
        delays: Provisioning,
        cooldown_s: f64,
        ready: u32,
        first_look: MatchTime,
        (seed, zones): (u64, &mut Zones),
    ) -> Self {
        let fleet = vec![InZone::default(); zones.count()];
        let mut scaler = Self {
            delays,
            cooldown_s,
            seed,
            orders: 0,
            calm_until: first_look,
            desired: ready,
            fleet,
            coming: Coming::new(),
            warming: Coming::new(),
            lacking: None,
            next_look: first_look,
            fewer: None,
        };
        for _ in 0..ready {
            let Ok(zone) = scaler.buy(zones, InZone::running) else { break };
            scaler.fleet[zone].ready += 1;
        }
        for _ in 0..scaler.delays.warm_pool_instances {
            let Ok(zone) = scaler.buy(zones, |fleet| fleet.warm) else { break };
            scaler.fleet[zone].warm += 1;
        }
        scaler
    }

    /// Instances that serve.
    pub fn ready(&self) -> u32 {
        self.fleet.iter().map(|zone| zone.ready).sum()
    }

    /// Instances that the policy last wanted.
    pub fn desired(&self) -> u32 {
        self.desired
    }

    /// Instances ordered and not serving yet.
    pub fn pending(&self) -> u32 {
        self.fleet.iter().map(|zone| zone.pending).sum()
    }

    /// Instances that serve or are on their way.
    pub fn running(&self) -> u32 {
        self.fleet.iter().map(|zone| zone.running()).sum()
    }

    /// So many instances are wanted and could not be had at the last look, and why.
    pub fn lacking(&self) -> Option<(u32, Lack)> {
        self.lacking
    }

    /// When something happens next: an arrival of capacity, or a look of the policy.
    pub fn next_change(&self) -> MatchTime {
        let arrival = self.coming.first_key_value().map(|((at, ..), _)| *at);
        arrival.map_or(self.next_look, |at| self.next_look.min(at))
    }

    /// What is due at `now`: capacity that arrives. Whether it did.
    pub fn arrive(&mut self, now: MatchTime) -> bool {
        let mut arrived = false;
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((.., zone), count) = entry.remove_entry();
            self.fleet[zone].pending -= count;
            self.fleet[zone].ready += count;
            arrived = true;
        }
        arrived
    }

    /// Whether the policy is to look at `now`.
    pub fn is_due(&self, now: MatchTime) -> bool {
        self.next_look <= now
    }

    /// The policy has heard something: it looks at `now`, and not only when it is due.
    pub fn look_at(&mut self, now: MatchTime) {
        self.next_look = self.next_look.min(now);
    }

    /// The policy looked at `now` and wants so many. Returns whether the ready ones changed.
    pub fn want(&mut self, now: MatchTime, desired: u32, zones: &mut Zones) -> bool {
        self.next_look = now.plus_s(self.delays.evaluate_s);
        self.warm_up(now);
        let changed = now >= self.calm_until && self.follow(now, desired, zones);
        self.refill(now, zones);
        changed
    }

    /// Another policy decides from `now` on: what serves and what is on its way stays, and the
    /// pause and the hold of the one before end.
    pub fn take_over(&mut self, now: MatchTime, cooldown_s: f64) {
        self.cooldown_s = cooldown_s;
        self.calm_until = now;
        self.fewer = None;
    }

    /// A zone is gone, with all that stands or comes there. Whether the ready ones changed.
    pub fn lose(&mut self, zone: usize, zones: &mut Zones) -> bool {
        let Some(fleet) = self.fleet.get_mut(zone) else { return false };
        let lost = std::mem::take(fleet);
        zones.give_back(zone, lost.all());
        self.coming.retain(|(.., at), _| *at != zone);
        self.warming.retain(|(.., at), _| *at != zone);
        lost.ready > 0
    }

    fn follow(&mut self, now: MatchTime, desired: u32, zones: &mut Zones) -> bool {
        self.desired = desired;
        self.lacking = None;
        let all = self.running();
        if desired >= all {
            self.fewer = None;
            if desired > all && self.order(now, desired - all, zones) {
                self.calm_until = now.plus_s(self.cooldown_s);
            }
            return false;
        }
        let (since, most) = self.fewer.map_or((now, desired), |(s, m)| (s, m.max(desired)));
        self.fewer = Some((since, most));
        if now < since.plus_s(self.delays.scale_in_hold_s) {
            return false;
        }
        self.fewer = None;
        self.calm_until = now.plus_s(self.cooldown_s);
        self.keep(most, zones)
    }

    /// Orders what is missing, as far as it can be had. Whether that was anything.
    fn order(&mut self, now: MatchTime, missing: u32, zones: &mut Zones) -> bool {
        let most = missing.min(self.delays.order_instances_max.unwrap_or(u32::MAX));
        let number = self.orders;
        let mut ordered = 0;
        while ordered < most {
            let (zone, warm) = match self.warmest() {
                Some(zone) => (zone, true),
                None => match self.buy(zones, InZone::running) {
                    Ok(zone) => (zone, false),
                    Err(lack) => {
                        self.lacking = Some((missing - ordered, lack));
                        break;
                    }
                },
            };
            let start_s = self.draws(number).start_s(ordered, warm);
            let fleet = &mut self.fleet[zone];
            fleet.warm -= u32::from(warm);
            fleet.pending += 1;
            *self.coming.entry((now.plus_s(start_s), number, zone)).or_default() += 1;
            ordered += 1;
        }
        self.orders += u64::from(ordered > 0);
        ordered > 0
    }

    fn draws(&self, order: u64) -> Draws<'_> {
        Draws { seed: hash_of(self.seed, order), delays: &self.delays }
    }

    /// The zone with the fewest running of those that have a warm instance.
    fn warmest(&self) -> Option<usize> {
        let warm = (0..self.fleet.len()).filter(|zone| self.fleet[*zone].warm > 0);
        warm.min_by_key(|zone| self.fleet[*zone].running())
    }

    /// Takes room for one more instance, where the fewest are of those that have room.
    fn buy(&self, zones: &mut Zones, there: impl Fn(InZone) -> u32) -> Result<usize, Lack> {
        let bought: u32 = self.fleet.iter().map(|zone| zone.all()).sum();
        if self.delays.quota_instances.is_some_and(|quota| bought >= quota) {
            return Err(Lack::Quota);
        }
        let open = (0..self.fleet.len()).filter(|zone| zones.has_room(*zone));
        let zone = open.min_by_key(|zone| there(self.fleet[*zone])).ok_or(Lack::Capacity)?;
        zones.take(zone);
        Ok(zone)
    }

    /// What the pool has ordered and is there.
    fn warm_up(&mut self, now: MatchTime) {
        while let Some(entry) = self.warming.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((.., zone), count) = entry.remove_entry();
            self.fleet[zone].warming -= count;
            self.fleet[zone].warm += count;
        }
    }

    /// Orders what the pool lacks; what cannot be had is tried again at the next look.
    fn refill(&mut self, now: MatchTime, zones: &mut Zones) {
        let there: u32 = self.fleet.iter().map(|zone| zone.warm + zone.warming).sum();
        let missing = self.delays.warm_pool_instances.saturating_sub(there);
        let number = self.orders;
        for instance in 0..missing {
            let Ok(zone) = self.buy(zones, |zone| zone.warm + zone.warming) else { break };
            let at = now.plus_s(self.draws(number).boot_s(instance));
            self.fleet[zone].warming += 1;
            *self.warming.entry((at, number, zone)).or_default() += 1;
            self.orders = number + 1;
        }
    }

    /// Takes away all but so many: what is on its way first, the newest order before others and the
    /// last of it to come; then what serves, where the most do.
    fn keep(&mut self, most: u32, zones: &mut Zones) -> bool {
        let mut surplus = self.running().saturating_sub(most);
        let mut coming: Vec<_> = self.coming.keys().copied().collect();
        coming.sort_unstable_by_key(|(at, order, zone)| (*order, *at, *zone));
        while let Some(key) = coming.pop().filter(|_| surplus > 0) {
            let count = self.coming.remove(&key).unwrap_or_default();
            let cancelled = surplus.min(count);
            if count > cancelled {
                self.coming.insert(key, count - cancelled);
            }
            self.fleet[key.2].pending -= cancelled;
            zones.give_back(key.2, cancelled);
            surplus -= cancelled;
        }
        for _ in 0..surplus {
            // The last of those with the most, so that the first zones stay the fuller ones.
            let Some(zone) = (0..self.fleet.len()).max_by_key(|zone| self.fleet[*zone].ready)
            else {
                break;
            };
            self.fleet[zone].ready -= 1;
            zones.give_back(zone, 1);
        }
        surplus > 0
    }
}

#[cfg(test)]
mod tests;
