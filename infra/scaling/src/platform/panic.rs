//! Panic switches: what is given up, in the agreed order, when too many watch.

use hulk_record::MatchTime;

use super::event::{PlatformEvent, SwitchEvent};
use crate::PanicSpec;

/// Below this part of its share a switch goes off again.
const OFF_BELOW: f64 = 0.9;

/// A panic switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicSwitch {
    /// Clients refresh more slowly.
    SlowRefresh,
    /// Recommendations are not asked for.
    NoRecommendations,
    /// Everyone gets the same home page, from the edge.
    StaticHome,
    /// Clients spread their start at random.
    FunnelJitter,
}

impl PanicSwitch {
    /// All, in the order in which they go on.
    pub const ALL: [Self; 4] =
        [Self::SlowRefresh, Self::NoRecommendations, Self::StaticHome, Self::FunnelJitter];

    /// Its name in files, reports and headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::SlowRefresh => "slow_refresh",
            Self::NoRecommendations => "no_recommendations",
            Self::StaticHome => "static_home",
            Self::FunnelJitter => "funnel_jitter",
        }
    }
}

/// The panic switches that are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PanicFlags(u8);

impl PanicFlags {
    /// Whether a switch is on.
    pub fn has(self, switch: PanicSwitch) -> bool {
        self.0 & (1 << switch as u8) != 0
    }

    /// Whether none is on.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of those that are on, in the order in which they go on.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        PanicSwitch::ALL.into_iter().filter(move |switch| self.has(*switch)).map(PanicSwitch::name)
    }

    fn set(&mut self, switch: PanicSwitch, on: bool) {
        let bit = 1 << switch as u8;
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }
}

#[derive(Debug, Clone)]
pub(super) struct Panic {
    pub(super) flags: PanicFlags,
    /// Place of the service that is not asked any more.
    pub(super) recommendation: Option<usize>,
    pub(super) cap_kbps: Option<f64>,
    /// What each switch is by hand, where it is.
    forced: [Option<bool>; 4],
    /// Viewers at full scale from which each switch is on.
    from_viewers: [f64; 4],
}

impl Panic {
    pub(super) fn new(spec: &PanicSpec, place: impl Fn(&str) -> Option<usize>) -> Self {
        Self {
            flags: PanicFlags::default(),
            recommendation: place(&spec.recommendation),
            cap_kbps: spec.bitrate_cap_kbps,
            forced: [None; 4],
            from_viewers: spec.shares().map(|share| share * spec.forecast_viewers),
        }
    }

    /// What a switch is by hand.
    pub(super) fn forced(&self, switch: PanicSwitch) -> Option<bool> {
        self.forced[switch as usize]
    }

    /// Takes a switch in hand, or leaves it to the audience; it changes with the next look.
    pub(super) fn force(&mut self, switch: PanicSwitch, on: Option<bool>) {
        self.forced[switch as usize] = on;
    }

    /// Looks at the audience, at full scale.
    pub(super) fn look(&mut self, at: MatchTime, viewers: f64, events: &mut Vec<PlatformEvent>) {
        for (switch, from) in PanicSwitch::ALL.into_iter().zip(self.from_viewers) {
            // A count divided by the scale misses a round number by rounding.
            let threshold = if self.flags.has(switch) { from * OFF_BELOW } else { from };
            let many = viewers >= threshold * (1.0 - 1e-9);
            let on = self.forced(switch).unwrap_or(many);
            if on != self.flags.has(switch) {
                self.flags.set(switch, on);
                events.push(PlatformEvent::Switched(SwitchEvent { at, name: switch.name(), on }));
            }
        }
    }
}
