//! When to inject, renew and heal: the faults of a rehearsal as a state machine.
//!
//! ```text
//!            from            Injected           until
//!  Waiting ───────▶ Asked ───────────▶ On ───────────────▶ Healing ──▶ Over
//!     ▲               │ Failed          │ Failed: the lease is lost      ▲
//!     └───────────────┴─────────────────┘     until ─────────────────────┘
//! ```

use hulk_record::Offset;

use crate::lease::{LEASE_MS, RENEW_MS};

/// After so many ms without a healing that was confirmed, the lease has ended it.
const HEAL_MS: i64 = 2 * LEASE_MS;

/// What happens to the timeline. `fault` is the place in the list that it was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimelineEvent {
    /// Time has passed.
    Tick,
    /// The injector has injected.
    Injected {
        /// Which.
        fault: usize,
    },
    /// The injector has renewed the lease.
    Renewed {
        /// Which.
        fault: usize,
    },
    /// The injector has healed, asked or by itself.
    Healed {
        /// Which.
        fault: usize,
    },
    /// The injector could not do what it was last asked for.
    Failed {
        /// Which.
        fault: usize,
        /// Why, in words.
        reason: String,
    },
    /// The run ends: everything is healed, and nothing is injected any more.
    Stop,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Inject it, on a lease of [`LEASE_MS`]; if it is there already, renew it.
    Inject {
        /// Which.
        fault: usize,
    },
    /// Renew its lease.
    Renew {
        /// Which.
        fault: usize,
    },
    /// Heal it, whether it is there or not.
    Heal {
        /// Which.
        fault: usize,
    },
    /// Write it down.
    Tell {
        /// Which.
        fault: usize,
        /// What happened, in words.
        text: String,
    },
}

/// Where a fault stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultState {
    /// Its time has not come, or it is to be tried again.
    Waiting,
    /// The injector was asked and has not answered.
    Asked,
    /// It bites.
    On,
    /// The injector was asked to heal and has not answered.
    Healing,
    /// It is past.
    Over(Ending),
}

/// How a fault ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was on, and the injector has healed it.
    Healed,
    /// Nobody confirmed its healing; its lease has ended it.
    Lapsed,
    /// It was never on: the reason in words.
    NeverOn {
        /// Why.
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    from: Offset,
    until: Offset,
    state: FaultState,
    /// When something is to be done next: try, renew, heal again.
    next: Offset,
    /// When the healing was first asked for.
    healing_since: Offset,
    was_on: bool,
    last_failure: Option<String>,
}

/// The faults of a rehearsal in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    faults: Vec<Planned>,
    stopped: bool,
}

impl Timeline {
    /// Faults that last from … until … on the wall.
    pub fn new(windows: Vec<(Offset, Offset)>) -> Self {
        let planned = |(from, until)| Planned {
            from,
            until,
            state: FaultState::Waiting,
            next: from,
            healing_since: until,
            was_on: false,
            last_failure: None,
        };
        Self { faults: windows.into_iter().map(planned).collect(), stopped: false }
    }

    /// Takes an event at `now`, which never runs backwards; what is to be done comes in the order
    /// of the faults.
    pub fn step(&mut self, now: Offset, event: TimelineEvent) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            TimelineEvent::Tick => {}
            TimelineEvent::Stop => self.stopped = true,
            TimelineEvent::Injected { fault } => {
                self.on(fault, |known| known.injected(fault, now, &mut commands));
            }
            TimelineEvent::Renewed { .. } => {}
            TimelineEvent::Healed { fault } => {
                self.on(fault, |known| known.healed(fault, now, &mut commands));
            }
            TimelineEvent::Failed { fault, reason } => {
                self.on(fault, |known| known.failed(fault, now, reason, &mut commands));
            }
        }
        for (fault, known) in self.faults.iter_mut().enumerate() {
            known.go_on(fault, now, self.stopped, &mut commands);
        }
        commands
    }

    /// When to tick next; none when every fault is over.
    pub fn next_wake(&self) -> Option<Offset> {
        self.faults.iter().filter_map(Planned::next_wake).min()
    }

    /// Where a fault stands.
    pub fn state(&self, fault: usize) -> Option<&FaultState> {
        self.faults.get(fault).map(|known| &known.state)
    }

    /// Why the injector last failed at a fault, in words.
    pub fn last_failure(&self, fault: usize) -> Option<&str> {
        self.faults.get(fault).and_then(|known| known.last_failure.as_deref())
    }

    /// Whether every fault is over.
    pub fn is_over(&self) -> bool {
        self.faults.iter().all(|known| matches!(known.state, FaultState::Over(_)))
    }

    fn on(&mut self, fault: usize, act: impl FnOnce(&mut Planned)) {
        if let Some(known) = self.faults.get_mut(fault) {
            act(known);
        }
    }
}

fn later(now: Offset, ms: i64) -> Offset {
    now.plus(ms * 1000)
}

fn tell(fault: usize, text: String) -> Command {
    Command::Tell { fault, text }
}

impl Planned {
    fn injected(&mut self, fault: usize, now: Offset, commands: &mut Vec<Command>) {
        self.was_on = true;
        match self.state {
            // The renewal is due a second after the injection was asked for.
            FaultState::Asked => self.state = FaultState::On,
            FaultState::On => {}
            // It came to be after its end, or after one that was given up: it must go.
            FaultState::Waiting | FaultState::Healing | FaultState::Over(_) => {
                self.heal(fault, now, commands);
            }
        }
    }

    fn healed(&mut self, fault: usize, now: Offset, commands: &mut Vec<Command>) {
        match self.state {
            FaultState::Healing => self.end(),
            FaultState::Asked | FaultState::On => {
                commands.push(tell(fault, "was healed before its end".to_owned()));
                self.try_again(now);
            }
            FaultState::Waiting | FaultState::Over(_) => {}
        }
    }

    fn failed(&mut self, fault: usize, now: Offset, reason: String, commands: &mut Vec<Command>) {
        let what = match self.state {
            FaultState::Asked => "was not injected",
            FaultState::On => "was not renewed",
            FaultState::Healing => "was not healed",
            FaultState::Waiting | FaultState::Over(_) => "failed late",
        };
        commands.push(tell(fault, format!("{what}: {reason}")));
        self.last_failure = Some(reason);
        match self.state {
            FaultState::Asked | FaultState::On => self.try_again(now),
            FaultState::Healing => self.next = later(now, RENEW_MS),
            FaultState::Waiting | FaultState::Over(_) => {}
        }
    }

    /// What is due by `now`.
    fn go_on(&mut self, fault: usize, now: Offset, stopped: bool, commands: &mut Vec<Command>) {
        let ended = stopped || now >= self.until;
        match self.state {
            FaultState::Waiting if ended => {
                if self.was_on {
                    // Its lease was lost and it may still be there.
                    self.heal(fault, now, commands);
                    return;
                }
                self.end();
                if let FaultState::Over(Ending::NeverOn { reason }) = &self.state {
                    commands.push(tell(fault, format!("was never on: {reason}")));
                }
            }
            FaultState::Waiting if now >= self.next => {
                self.state = FaultState::Asked;
                self.next = later(now, RENEW_MS);
                commands.push(Command::Inject { fault });
            }
            FaultState::Asked | FaultState::On if ended => self.heal(fault, now, commands),
            FaultState::On if now >= self.next => {
                self.next = later(now, RENEW_MS);
                commands.push(Command::Renew { fault });
            }
            FaultState::Healing if now >= later(self.healing_since, HEAL_MS) => {
                let ending = if self.was_on { Ending::Lapsed } else { self.never_on() };
                commands.push(tell(fault, "nobody confirmed its healing".to_owned()));
                self.state = FaultState::Over(ending);
            }
            FaultState::Healing if now >= self.next => {
                self.next = later(now, RENEW_MS);
                commands.push(Command::Heal { fault });
            }
            _ => {}
        }
    }

    fn next_wake(&self) -> Option<Offset> {
        match self.state {
            FaultState::Over(_) => None,
            FaultState::Asked => Some(self.until),
            FaultState::Waiting | FaultState::On => Some(self.next.min(self.until)),
            FaultState::Healing => Some(self.next.min(later(self.healing_since, HEAL_MS))),
        }
    }

    fn heal(&mut self, fault: usize, now: Offset, commands: &mut Vec<Command>) {
        self.state = FaultState::Healing;
        self.healing_since = now;
        self.next = later(now, RENEW_MS);
        commands.push(Command::Heal { fault });
    }

    fn try_again(&mut self, now: Offset) {
        self.state = FaultState::Waiting;
        self.next = later(now, RENEW_MS).max(self.from);
    }

    fn end(&mut self) {
        let ending = if self.was_on { Ending::Healed } else { self.never_on() };
        self.state = FaultState::Over(ending);
    }

    fn never_on(&self) -> Ending {
        let unknown = || "its time passed, or the run ended, before it was injected".to_owned();
        Ending::NeverOn { reason: self.last_failure.clone().unwrap_or_else(unknown) }
    }
}

#[cfg(test)]
mod tests;
