//! Where the two shipped rehearsals turn: from the numbers of their files, by hand.
//!
//! After the star is out E viewers press Back, exponentially with τ; a share `to_home` of them asks
//! c calls of the home page one after another: R₀ = E/τ · to_home · c requests a second at first.
//! With n instances of r the queue's wait is, to first order,
//! w(t) = (τ·x·(1 − e^(−t/τ)) − t) / (1 + s) with x = R₀ ÷ (n·r), where s is by how many calls a
//! viewer waits before each further one: Σp·m(m−1)/2 ÷ c. It is longest at t = τ·ln x:
//! w = τ·(x − 1 − ln x) / (1 + s). Above the patience of home requests are turned away.

use hulk_record::MatchTime;
use hulk_reports::{ObjectiveResult, ObjectiveStatus, Verdict, VerdictKind, judge};
use hulk_scenarios::scaling::{Policy, ServiceSpec};
use hulk_scenarios::traffic::{Decay, Response};
use hulk_scenarios::{Embedded, Rehearsal, Target};

use crate::driver::run;

/// How often the wait is looked for, in match seconds.
const STEP_S: f64 = 0.1;

/// The exit, in numbers at full scale.
struct Exit {
    /// Requests of home per match second at first.
    r0: f64,
    tau_s: f64,
    /// By how many calls a viewer waits before each further one.
    smear: f64,
    patience_s: f64,
    rated: f64,
    /// Minute of the moment.
    minute: f64,
}

impl Exit {
    fn of(rehearsal: &Rehearsal) -> Self {
        let audience = &rehearsal.audience;
        let out = audience.moment("dhoni-out").expect("the moment");
        let Some(Response::Exit(exit)) = out.response else { panic!("{out:?}") };
        let peak = audience.curve.points.iter().find(|point| point.minute == out.minute);
        let Some(Decay { tau_s, floor, .. }) = peak.and_then(|point| point.decay) else {
            panic!("{peak:?}")
        };
        let leave = audience.curve.viewers_at(out.minute) - floor;
        let devices = rehearsal.script.devices.as_ref().expect("devices");
        let mut calls = 0.0;
        let mut waits = 0.0;
        for device in &devices.list {
            let m = if device.traits["home"] == "legacy" { 9.0 } else { 3.0 };
            calls += device.share * m;
            waits += device.share * m * (m - 1.0) / 2.0;
        }
        let home = home(rehearsal);
        Self {
            r0: leave / tau_s * exit.to_home * calls,
            tau_s,
            smear: waits / calls,
            patience_s: home.patience_s,
            rated: home.rated_rps,
            minute: out.minute,
        }
    }

    /// The wait after `t` s with so many instances.
    fn wait_s(&self, instances: f64, t: f64) -> f64 {
        let x = self.r0 / (instances * self.rated);
        (self.tau_s * x * (1.0 - (-t / self.tau_s).exp()) - t) / (1.0 + self.smear)
    }

    /// The instances with which nobody waits longer than the patience.
    fn instances(&self) -> f64 {
        let longest = |x: f64| self.tau_s * (x - 1.0 - x.ln()) / (1.0 + self.smear);
        let (mut low, mut high) = (1.0, 10.0);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if longest(middle) > self.patience_s { high = middle } else { low = middle }
        }
        self.r0 / low / self.rated
    }

    /// The match minute at which the first request is turned away with so many instances.
    fn onset_min(&self, instances: f64) -> f64 {
        let mut t = 0.0;
        while self.wait_s(instances, t) <= self.patience_s {
            t += STEP_S;
            assert!(t < 3.0 * self.tau_s, "the wait never gets that long");
        }
        self.minute + t / 60.0
    }
}

fn load(name: &str) -> Rehearsal {
    Rehearsal::load(name).expect("it is shipped")
}

fn home(rehearsal: &Rehearsal) -> ServiceSpec {
    let services = &rehearsal.platform().expect("embedded").platform.services;
    services.iter().find(|service| service.name == "home").expect("home").clone()
}

fn policy(rehearsal: &mut Rehearsal) -> &mut Policy {
    let Target::Embedded(embedded) = &mut rehearsal.target else { panic!("embedded") };
    let Embedded { platform, policies } = &mut **embedded;
    let place = platform.services.iter().position(|service| service.name == "home");
    &mut policies[place.expect("home")]
}

/// Instances of the ladder that serve when the star is out: the rung that the policy saw a
/// provisioning's time before.
fn ladder_at_exit(rehearsal: &mut Rehearsal, minute: f64) -> f64 {
    let delays = home(rehearsal).provisioning;
    let at = rehearsal.audience.time_of(minute).plus((-delays.total_s() * 1e6) as i64);
    // It looks at whole multiples of its period.
    let look_s = (at.as_s() / delays.evaluate_s).floor() * delays.evaluate_s;
    let audience = &rehearsal.audience;
    let viewers = f64::from(audience.wanted(MatchTime::from_s(look_s))) / audience.scale;
    let Policy::Ladder(ladder) = policy(rehearsal) else { panic!("a ladder") };
    f64::from(ladder.desired(viewers))
}

fn served(verdict: &Verdict) -> &ObjectiveResult {
    verdict.objectives.iter().find(|o| o.name == "home is served").expect("the objective")
}

/// PASS, or FAIL for home alone, with its onset within a match minute of the arithmetic.
fn ends(rehearsal: &Rehearsal, kind: VerdictKind, onset_min: Option<f64>) {
    let verdict = judge(&run(rehearsal).record);
    let served = served(&verdict);
    println!("{:?} {:?}: {:?}", verdict.kind, served.first_match_min, verdict.reasons);
    assert_eq!(verdict.kind, kind, "{:?}", verdict.reasons);
    assert!(verdict.validity.iter().all(|check| check.holds));
    let Some(onset_min) = onset_min else { return };
    let first = served.first_match_min.expect("a breach has a first minute");
    assert!((first - onset_min).abs() <= 1.0, "{first} and by arithmetic {onset_min}");
    assert_eq!(served.moment.as_deref(), Some("dhoni-out"));
    assert!(served.viewers_not_served.is_some_and(|viewers| viewers > 10), "{}", served.reason);
    for objective in &verdict.objectives {
        let breached = objective.status == ObjectiveStatus::Breached;
        assert_eq!(breached, objective.name == "home is served", "{}", objective.reason);
    }
}

#[test]
fn two_shipped_rehearsals_share_everything_but_their_policies() {
    let (pass, mut fail) = (load("match-day"), load("match-day-cloud-group"));
    fail.name.clone_from(&pass.name);
    fail.file.clone_from(&pass.file);
    assert_ne!(pass.target, fail.target);
    let policies = pass.platform().expect("embedded").policies.clone();
    let Target::Embedded(embedded) = &mut fail.target else { panic!("embedded") };
    embedded.policies = policies;
    assert_eq!(pass, fail);
}

#[test]
fn two_shipped_rehearsals_end_as_their_arithmetic_says() {
    let mut pass = load("match-day");
    let exit = Exit::of(&pass);
    // 24.3M leave with τ = 90 s; seven of ten load 0.93 · 3 + 0.07 · 9 = 3.42 calls each.
    assert!((exit.r0 - 646_380.0).abs() < 1.0, "{}", exit.r0);
    assert!((exit.smear - 5.31 / 3.42).abs() < 1e-9, "{}", exit.smear);
    let needed = exit.instances();
    assert!((needed - 188.0).abs() < 1.0, "{needed}");
    assert_eq!(ladder_at_exit(&mut pass, exit.minute), 250.0, "a third more than is needed");
    ends(&pass, VerdictKind::Pass, None);
    // The group has what the rise made it have: 60 % busy, so 105 at 63 instances of demand, and
    // no more than 120 with all that chance adds.
    let fail = load("match-day-cloud-group");
    ends(&fail, VerdictKind::Fail, Some(exit.onset_min(110.0)));
}

#[test]
fn the_ladder_turns_within_10_percent_of_its_computed_threshold() {
    let mut rehearsal = load("match-day");
    let exit = Exit::of(&rehearsal);
    let instances = ladder_at_exit(&mut rehearsal, exit.minute);
    let Policy::Ladder(ladder) = policy(&mut rehearsal) else { panic!("a ladder") };
    let threshold = ladder.rps_per_viewer * exit.instances() / instances;
    println!("threshold: {threshold} requests/s a viewer");
    assert!((threshold - 0.01506).abs() < 0.0002, "{threshold}");
    for (factor, kind) in [(1.1, VerdictKind::Pass), (0.9, VerdictKind::Fail)] {
        let mut moved = rehearsal.clone();
        let Policy::Ladder(ladder) = policy(&mut moved) else { panic!("a ladder") };
        ladder.rps_per_viewer = threshold * factor;
        let onset = (factor < 1.0).then(|| exit.onset_min(exit.instances() * factor));
        ends(&moved, kind, onset);
    }
}

#[test]
fn the_cloud_group_turns_within_10_percent_of_its_computed_threshold() {
    let rehearsal = load("match-day-cloud-group");
    let exit = Exit::of(&rehearsal);
    for (factor, kind) in [(1.1, VerdictKind::Pass), (0.9, VerdictKind::Fail)] {
        let mut moved = rehearsal.clone();
        let Policy::CloudGroup(group) = policy(&mut moved) else { panic!("a group") };
        let floor = (exit.instances() * factor).round() as u32;
        (group.bounds.min_instances, group.bounds.initial_instances) = (floor, floor);
        let onset = (factor < 1.0).then(|| exit.onset_min(f64::from(floor)));
        ends(&moved, kind, onset);
    }
}

/// While the static page is up the wave does not reach home: it stays up until fewer than 0.9 of
/// the forecast watch, when what is left of the wave is less than the group serves.
#[test]
fn a_static_home_page_that_is_up_in_time_saves_the_cloud_group() {
    let mut rehearsal = load("match-day-cloud-group");
    let Target::Embedded(embedded) = &mut rehearsal.target else { panic!("embedded") };
    let panic = embedded.platform.panic.as_mut().expect("the platform has panic switches");
    panic.forecast_viewers = 11e6;
    let run = run(&rehearsal);
    let verdict = judge(&run.record);
    println!("{:?}", verdict.reasons);
    assert_eq!(verdict.kind, VerdictKind::Pass, "{:?}", verdict.reasons);
    assert!(run.record.target.is_some(), "and both sides count the same");
}
