//! A new version for a share of the users, and the way back.

use std::collections::BTreeMap;

use hulk_record::{Offset, seed_of};
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

/// The shares of users that one phase after the other gives to the new version, in percent.
pub const PHASES: [u32; 4] = [10, 25, 50, 100];
/// How many sessions are remembered at most; beyond it a session is led by its user again.
const SESSIONS_MAX: usize = 100_000;

const ERROR_RATE_MAX: f64 = 0.01;
/// The new version's latency may be this many times the old one's.
const LATENCY_RATIO_MAX: f64 = 1.5;
const UNDERRUNS_MAX: f64 = 10.0;

/// The bucket of a user, from 0 to 99: the first eight hex digits of the MD5 of its name, mod 100.
pub fn bucket(user: &str) -> u32 {
    let digest: [u8; 16] = Md5::digest(user.as_bytes()).into();
    let [a, b, c, d, ..] = digest;
    u32::from_be_bytes([a, b, c, d]) % 100
}

/// Which version serves a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pool {
    /// The version before.
    Old,
    /// The version that is rolled out.
    New,
}

/// What was measured of the new version, beside the old one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PoolSample {
    /// Failed sessions of the new version, as a share of all of its sessions.
    pub error_rate: f64,
    /// Latency of the new version.
    pub latency_ms: f64,
    /// Latency of the old version in the same time; none if it has no sessions.
    pub latency_old_ms: Option<f64>,
    /// Underruns a session of the new version.
    pub underruns_per_session: f64,
    /// Memory errors of the new version's GPUs.
    pub gpu_memory_errors: u64,
}

/// What leads back to the old version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// More than 1 % of the sessions failed.
    ErrorRate,
    /// Latency is more than half as much again as the old version's.
    Latency,
    /// There were more than 10 underruns a session.
    Underruns,
    /// A GPU had a memory error.
    GpuMemory,
}

/// A rollout that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollBack {
    /// When.
    pub at: Offset,
    /// Why: at least one.
    pub why: Vec<Trigger>,
}

/// A rollout. Sessions under way keep their version, whatever is decided meanwhile, until one is
/// moved back.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollout {
    /// The place of the phase in [`PHASES`].
    phase: usize,
    back: Option<RollBack>,
    /// By the hash of each session's key.
    under_way: BTreeMap<u64, Pool>,
}

impl Rollout {
    /// A rollout in its first phase.
    pub fn new() -> Self {
        Self { phase: 0, back: None, under_way: BTreeMap::new() }
    }

    /// The share of users whose new sessions go to the new version; 0 after it was taken back.
    pub fn percent(&self) -> u32 {
        let percent = PHASES.get(self.phase).copied().unwrap_or(100);
        if self.back.is_some() { 0 } else { percent }
    }

    /// Enters the next phase, if there is one and it was not taken back; the share after that.
    pub fn go_on(&mut self) -> u32 {
        if self.back.is_none() && self.phase + 1 < PHASES.len() {
            self.phase += 1;
        }
        self.percent()
    }

    /// Where a new session of a user goes.
    pub fn route(&self, user: &str) -> Pool {
        if bucket(user) < self.percent() { Pool::New } else { Pool::Old }
    }

    /// A session starts, or comes back to where it was.
    pub fn start(&mut self, session: &str, user: &str) -> Pool {
        if let Some(pool) = self.keeps(session) {
            return pool;
        }
        let pool = self.route(user);
        if self.under_way.len() < SESSIONS_MAX {
            self.under_way.insert(key_of(session), pool);
        }
        pool
    }

    /// Where a session under way is and stays.
    pub fn keeps(&self, session: &str) -> Option<Pool> {
        self.under_way.get(&key_of(session)).copied()
    }

    /// A session of the new version goes on with the old one.
    pub fn move_back(&mut self, session: &str) {
        if let Some(pool) = self.under_way.get_mut(&key_of(session)) {
            *pool = Pool::Old;
        }
    }

    /// That it was taken back, if it was.
    pub fn back(&self) -> Option<&RollBack> {
        self.back.as_ref()
    }

    /// A session is over.
    pub fn end(&mut self, session: &str) {
        self.under_way.remove(&key_of(session));
    }

    /// Takes it back if it must be; the answer comes once, and no way leads forward again.
    pub fn judge(&mut self, now: Offset, sample: &PoolSample) -> Option<RollBack> {
        if self.back.is_some() {
            return None;
        }
        let old = sample.latency_old_ms;
        let slower = old.is_some_and(|old| sample.latency_ms > old * LATENCY_RATIO_MAX);
        let triggers = [
            (sample.error_rate > ERROR_RATE_MAX, Trigger::ErrorRate),
            (slower, Trigger::Latency),
            (sample.underruns_per_session > UNDERRUNS_MAX, Trigger::Underruns),
            (sample.gpu_memory_errors > 0, Trigger::GpuMemory),
        ];
        let fired = triggers.into_iter().filter(|(fires, _)| *fires);
        let why: Vec<Trigger> = fired.map(|(_, trigger)| trigger).collect();
        if !why.is_empty() {
            self.back = Some(RollBack { at: now, why });
        }
        self.back.clone()
    }
}

impl Default for Rollout {
    fn default() -> Self {
        Self::new()
    }
}

fn key_of(session: &str) -> u64 {
    seed_of(0, session)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WELL: PoolSample = PoolSample {
        error_rate: 0.01,
        latency_ms: 300.0,
        latency_old_ms: Some(200.0),
        underruns_per_session: 10.0,
        gpu_memory_errors: 0,
    };

    #[test]
    fn buckets_are_those_of_md5() {
        // md5("alice") starts with 6384e2b2 = 1,669,653,170; md5("") with d41d8cd9 =
        // 3,558,706,393; md5("user-3") lies in bucket 6.
        let users = ["alice", "bob", "user-1", "user-2", "user-42", "", "user-3"];
        assert_eq!(users.map(bucket), [70, 20, 19, 12, 87, 93, 6]);
    }

    #[test]
    fn each_phase_takes_more_users_and_the_last_all() {
        let users = ["user-3", "user-1", "user-60", "alice"]; // buckets 6, 19, 33, 70
        let mut rollout = Rollout::new();
        let mut seen = Vec::new();
        for _ in 0..4 {
            let new = users.iter().filter(|user| rollout.route(user) == Pool::New).count();
            seen.push((rollout.percent(), new));
            rollout.go_on();
        }
        assert_eq!(seen, [(10, 1), (25, 2), (50, 3), (100, 4)]);
        assert_eq!(rollout.go_on(), 100);
    }

    #[test]
    fn each_trigger_fires_above_its_bound_only() {
        let why = |sample: PoolSample| {
            let back = Rollout::new().judge(Offset(5), &sample);
            back.map(|back| (back.at, back.why))
        };
        assert_eq!(why(WELL), None);
        let fired = |trigger| Some((Offset(5), vec![trigger]));
        assert_eq!(why(PoolSample { error_rate: 0.011, ..WELL }), fired(Trigger::ErrorRate));
        assert_eq!(why(PoolSample { latency_ms: 300.1, ..WELL }), fired(Trigger::Latency));
        let underruns = PoolSample { underruns_per_session: 10.1, ..WELL };
        assert_eq!(why(underruns), fired(Trigger::Underruns));
        assert_eq!(why(PoolSample { gpu_memory_errors: 1, ..WELL }), fired(Trigger::GpuMemory));
        assert_eq!(why(PoolSample { latency_ms: 9e9, latency_old_ms: None, ..WELL }), None);
        let two = PoolSample { error_rate: 1.0, gpu_memory_errors: 9, ..WELL };
        let both = vec![Trigger::ErrorRate, Trigger::GpuMemory];
        assert_eq!(why(two), Some((Offset(5), both)));
    }

    #[test]
    fn after_the_way_back_only_sessions_under_way_are_new() {
        let mut rollout = Rollout::new();
        assert_eq!(rollout.start("s1", "user-3"), Pool::New);
        assert_eq!(rollout.start("s2", "alice"), Pool::Old);
        assert_eq!(rollout.go_on(), 25);
        let bad = PoolSample { gpu_memory_errors: 1, ..WELL };
        assert!(rollout.judge(Offset(1), &bad).is_some());
        assert_eq!(rollout.judge(Offset(2), &bad), None, "it is told once");
        assert_eq!((rollout.go_on(), rollout.route("user-3")), (0, Pool::Old));
        assert_eq!(rollout.judge(Offset(3), &WELL), None);
        assert_eq!(rollout.percent(), 0, "what is well again does not lead forward");
        assert_eq!(rollout.keeps("s1"), Some(Pool::New));
        assert_eq!(rollout.start("s1", "user-3"), Pool::New, "it comes back to where it was");
        rollout.move_back("s1");
        rollout.move_back("s3");
        let kept = ["s1", "s2", "s3"].map(|session| rollout.keeps(session));
        assert_eq!(kept, [Some(Pool::Old), Some(Pool::Old), None]);
        rollout.end("s1");
        assert_eq!(rollout.keeps("s1"), None);
        assert_eq!(rollout.start("s1", "user-3"), Pool::Old);
        assert_eq!(rollout.keeps("s2"), Some(Pool::Old));
    }

    #[test]
    fn sessions_keep_their_version_when_a_phase_comes() {
        let mut rollout = Rollout::new();
        assert_eq!(rollout.start("s", "user-1"), Pool::Old);
        assert_eq!((rollout.go_on(), rollout.route("user-1")), (25, Pool::New));
        assert_eq!(rollout.start("s", "user-1"), Pool::Old);
    }

    #[test]
    fn no_number_of_sessions_grows_without_bound() {
        let mut rollout = Rollout::new();
        for n in 0..=SESSIONS_MAX {
            rollout.start(&format!("s{n}"), "alice");
        }
        assert_eq!(rollout.under_way.len(), SESSIONS_MAX);
    }

    proptest! {
        #[test]
        fn who_has_the_new_version_keeps_it_in_every_later_phase(user in ".{0,20}") {
            let mut rollout = Rollout::new();
            let mut before = Pool::Old;
            for _ in PHASES {
                let pool = rollout.route(&user);
                prop_assert!(before == Pool::Old || pool == Pool::New);
                before = pool;
                rollout.go_on();
            }
            prop_assert_eq!(before, Pool::New);
        }
    }
}
