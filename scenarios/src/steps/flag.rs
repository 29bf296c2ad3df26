//! What a platform in need asks of its clients.

use serde::{Deserialize, Serialize};

/// The header that carries the flags, by their names, between commas.
pub(crate) const HEADER: &str = "x-panic";

/// A flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flag {
    /// Twice the time between refreshes.
    SlowRefresh,
    /// The home page is static: nothing is loaded into it.
    StaticHome,
    /// Whoever comes waits at the door for a while.
    FunnelJitter,
}

impl Flag {
    const ALL: [(&'static str, Self); 3] = [
        ("slow_refresh", Self::SlowRefresh),
        ("static_home", Self::StaticHome),
        ("funnel_jitter", Self::FunnelJitter),
    ];

    /// The flag of that name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag)
    }

    /// All names, for a hint.
    pub(crate) fn names() -> String {
        Self::ALL.map(|(name, _)| format!("`{name}`")).join(", ")
    }
}

/// A set of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(u8);

impl Flags {
    /// Those that a header's value names; what is not known is for others.
    pub(crate) fn parse(value: &str) -> Self {
        let known = value.split(',').filter_map(|name| Flag::of(name.trim()));
        Self(known.fold(0, |bits, flag| bits | 1 << flag as u8))
    }

    pub(crate) fn has(self, flag: Flag) -> bool {
        self.0 & 1 << flag as u8 != 0
    }

    pub(crate) fn any(self, of: &[Flag]) -> bool {
        of.iter().any(|flag| self.has(*flag))
    }
}
