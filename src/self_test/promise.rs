//! What follows from what was measured: how many viewers may be promised. Pure.

/// What a machine and a worker on it have room for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Room {
    pub(super) cores: u64,
    /// Descriptors that a worker has left for connections.
    pub(super) descriptors: u64,
    /// Local ports towards one address and port of a target, for all workers.
    pub(super) local_ports: u64,
    /// Viewers that the memory holds, for all workers.
    pub(super) viewers_in_memory: u64,
    /// Requests a second that may be asked of a worker with a core of its own.
    pub(super) requests_per_s: f64,
}

/// What ends first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Descriptors,
    LocalPorts,
    Memory,
    RequestsPerS,
}

impl Limit {
    /// As JSON has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Descriptors => "descriptors",
            Self::LocalPorts => "local_ports",
            Self::Memory => "memory",
            Self::RequestsPerS => "requests_per_s",
        }
    }

    /// In words.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Descriptors => "descriptors",
            Self::LocalPorts => "local ports to one address",
            Self::Memory => "memory",
            Self::RequestsPerS => "requests/s",
        }
    }
}

/// How many viewers of one kind there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) viewers: u64,
    pub(super) limit: Limit,
    /// How many workers that takes.
    pub(super) workers: u64,
}

impl Room {
    /// Viewers whom one worker carries.
    pub(super) fn one_worker(&self, viewer_requests_per_s: f64) -> Promise {
        let requests = whole(self.requests_per_s / viewer_requests_per_s);
        let ends = [
            (self.descriptors, Limit::Descriptors),
            (self.local_ports, Limit::LocalPorts),
            (self.viewers_in_memory, Limit::Memory),
            (requests, Limit::RequestsPerS),
        ];
        least(ends, 1)
    }

    /// Viewers whom all workers of the machine carry: descriptors are each worker's own, so that
    /// more workers have more of them; ports, memory and cores are not.
    pub(super) fn machine(&self, viewer_requests_per_s: f64) -> Promise {
        let requests = whole(self.requests_per_s * self.cores as f64 / viewer_requests_per_s);
        let ends = [
            (self.local_ports, Limit::LocalPorts),
            (self.viewers_in_memory, Limit::Memory),
            (requests, Limit::RequestsPerS),
        ];
        let most = least(ends, 1);
        let by_descriptors = most.viewers.div_ceil(self.descriptors.max(1));
        let needed = most.viewers as f64 * viewer_requests_per_s;
        let by_requests = whole((needed / self.requests_per_s - 1e-9).ceil()).min(self.cores);
        Promise { workers: by_descriptors.max(by_requests).max(1), ..most }
    }
}

/// The first of the least.
fn least<const N: usize>(ends: [(u64, Limit); N], workers: u64) -> Promise {
    let first = ends.into_iter().min_by_key(|(viewers, _)| *viewers);
    let (viewers, limit) = first.unwrap_or((0, Limit::RequestsPerS));
    Promise { viewers, limit, workers }
}

/// Saturating; what is no number is 0.
fn whole(of: f64) -> u64 {
    of as u64
}

#[cfg(test)]
mod tests {
    use hulk_record::{hash_of, unit_of};

    use super::*;

    /// Some room or other, and what a viewer asks for: each number over its decades.
    fn drawn(case: u64) -> (Room, f64) {
        let number = |place: u64, decades: f64| {
            10_f64.powf(decades * unit_of(hash_of(hash_of(7, case), place)))
        };
        let room = Room {
            cores: number(0, 1.8) as u64,
            descriptors: number(1, 6.0) as u64,
            local_ports: number(2, 4.8) as u64,
            viewers_in_memory: number(3, 7.0) as u64,
            requests_per_s: number(4, 5.5),
        };
        (room, number(5, 4.0) / 1000.0)
    }

    /// Whether so many workers carry so many viewers.
    fn carry(room: &Room, workers: u64, viewers: u64, rate: f64) -> bool {
        let running = workers.min(room.cores) as f64;
        viewers <= workers * room.descriptors
            && viewers <= room.local_ports.min(room.viewers_in_memory)
            && viewers as f64 * rate <= running * room.requests_per_s * (1.0 + 2e-9)
    }

    #[test]
    fn what_is_promised_is_carried_and_nothing_more() {
        for (room, rate) in (0..20_000).map(drawn) {
            let (one, all) = (room.one_worker(rate), room.machine(rate));
            let told = format!("{room:?} at {rate}: {one:?} {all:?}");
            assert!(carry(&room, 1, one.viewers, rate), "{told}");
            assert!(!carry(&room, 1, one.viewers + 2, rate), "{told}");
            assert!(carry(&room, all.workers, all.viewers, rate), "{told}");
            assert!(all.viewers >= one.viewers, "{told}");
            for more in [1, 2, 1000] {
                assert!(!carry(&room, all.workers * more, all.viewers + 2, rate), "{told}");
            }
            // One worker fewer does not carry them.
            let fewer = all.workers - 1;
            assert!(fewer == 0 || !carry(&room, fewer, all.viewers, rate), "{told}");
        }
    }

    #[test]
    fn the_first_end_is_named() {
        let room = Room {
            cores: 4,
            descriptors: 20_000,
            local_ports: 28_000,
            viewers_in_memory: 1_000_000,
            requests_per_s: 10_000.0,
        };
        let told = |promise: Promise| (promise.viewers, promise.limit, promise.workers);
        assert_eq!(told(room.one_worker(0.02)), (20_000, Limit::Descriptors, 1));
        assert_eq!(told(room.machine(0.02)), (28_000, Limit::LocalPorts, 2));
        assert_eq!(told(room.one_worker(2.0)), (5_000, Limit::RequestsPerS, 1));
        assert_eq!(told(room.machine(2.0)), (20_000, Limit::RequestsPerS, 4));
        let small = Room { viewers_in_memory: 300, ..room };
        assert_eq!(told(small.machine(0.02)), (300, Limit::Memory, 1));
    }
}
