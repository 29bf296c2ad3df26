//! What holds of every policy.

use hulk_record::MatchTime;
use hulk_settings::{Source, read};
use proptest::prelude::*;

use super::*;
use crate::{Provisioning, Scaler, Zones};

/// One of each, with bounds of 4 and 60.
const ALL: [&str; 6] = [
    "cloud_group = { rps_per_instance = 100, target_utilisation = 0.6, step_instances = 20, cooldown_s = 30, min_instances = 4, max_instances = 60 }",
    "hpa = { rps_per_instance = 100, target_utilisation = 0.6, min_instances = 4, max_instances = 60 }",
    "target_tracking = { rps_per_instance = 100, target_utilisation = 0.6, min_instances = 4, max_instances = 60 }",
    "step_scaling = { rps_per_instance = 100, min_instances = 4, max_instances = 60, out = [{ utilisation = 0.6, instances = 10 }, { utilisation = 0.8, instances = 20 }], in = [{ utilisation = 0.3, instances = 5 }] }",
    "rules = { rps_per_instance = 100, min_instances = 4, max_instances = 60, out = [{ measure = \"cpu_percent\", threshold = 80, instances = 10 }], in = [{ measure = \"cpu_percent\", threshold = 30, instances = 5 }] }",
    "requests = { rated_per_min = 6000, min_instances = 4, max_instances = 60 }",
];

pub(super) fn policy(text: &str) -> Policy {
    read(&Source::new("policy.toml", format!("{text}\n")), Policy::read).expect("it is a policy")
}

/// What it wants at a first look.
pub(super) fn wanted(policy: &Policy, rps: f64, ready: u32, running: u32) -> u32 {
    let seen = Observation { at: MatchTime(0), viewers: 0.0, rps, running, ready };
    policy.desired(&seen, &mut Memory::default())
}

/// A policy at work, look after look.
pub(super) struct Trace {
    policy: Policy,
    memory: Memory,
    /// How many were wanted, look by look; those of the start first.
    wanted: Vec<u32>,
    look_s: f64,
    /// So many looks after they were wanted, instances serve.
    pub(super) start_delay_looks: usize,
}

impl Trace {
    pub(super) fn new(policy: Policy, start: u32, look_s: f64) -> Self {
        let (memory, wanted) = (Memory::default(), vec![start]);
        Self { policy, memory, wanted, look_s, start_delay_looks: 0 }
    }

    /// What it wants in so many looks at a request rate.
    pub(super) fn looks(&mut self, looks: usize, rps: f64) -> Vec<u32> {
        let from = self.wanted.len();
        for _ in 0..looks {
            let at = MatchTime::from_s((self.wanted.len() - 1) as f64 * self.look_s);
            let running = self.wanted[self.wanted.len() - 1];
            let before = self.wanted.len().saturating_sub(1 + self.start_delay_looks);
            let ready = self.wanted[before..].iter().copied().min().unwrap_or(running);
            let seen = Observation { at, viewers: 0.0, rps, running, ready };
            self.wanted.push(self.policy.desired(&seen, &mut self.memory));
        }
        self.wanted[from..].to_vec()
    }
}

proptest! {
    #[test]
    fn no_policy_leaves_its_bounds_whatever_it_sees(
        loads in proptest::collection::vec(0.0..20_000.0_f64, 1..120),
        delay_s in 0.0..300.0_f64,
    ) {
        for text in ALL {
            let policy = policy(text);
            let delays = Provisioning::fixed(15.0, [delay_s, 0.0, 0.0], 0.0);
            let mut zones = Zones::new(&[]);
            let (start, mut memory) = (policy.initial(0.0), Memory::default());
            let (cooldown_s, bought) = (policy.cooldown_s(), (1, &mut zones));
            let mut scaler = Scaler::new(delays, cooldown_s, start, MatchTime(0), bought);
            for (look, rps) in (0..).zip(&loads) {
                let at = MatchTime(look * 15_000_000);
                scaler.arrive(at);
                let (running, ready) = (scaler.running(), scaler.ready());
                let seen = Observation { at, viewers: rps * 10.0, rps: *rps, running, ready };
                let wanted = policy.desired(&seen, &mut memory);
                prop_assert!((4..=60).contains(&wanted), "{text}: {wanted}");
                scaler.want(at, wanted, &mut zones);
            }
        }
    }

    #[test]
    fn no_policy_takes_away_while_it_is_asked_for_more_than_it_has(rps in 6_000.0..1e6_f64, ready in 4..60_u32) {
        for text in ALL {
            let got = Trace::new(policy(text), ready, 15.0).looks(80, rps);
            prop_assert!(got.windows(2).all(|pair| pair[0] <= pair[1]), "{text}: {got:?}");
            prop_assert_eq!(got.last(), Some(&60), "{}: {:?}", text, got);
        }
    }
}

#[test]
fn every_name_reads_its_policy_and_no_other() {
    for (name, text) in Policy::NAMES[1..].iter().zip(ALL) {
        assert!(text.starts_with(name), "{text}");
        assert!(policy(text).sees_requests());
    }
}
