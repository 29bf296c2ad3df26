//! Both reports and the platform's page in a real browser: what opens, what is seen, what a keyboard
//! and a mouse can do, and what a reader without eyes, script or colours still has.
//!
//! The records come from rehearsals in virtual time. `browser/report.mjs` and `browser/platform.mjs`
//! each drive the browser once and say of each claim whether it holds; their pictures stay in
//! `target/browser/`. `browser/avatar_peer.mjs` has the browser judge an avatar's stream.

#[cfg(test)]
#[path = "browser/avatar.rs"]
mod avatar;
#[cfg(test)]
#[path = "browser/claims.rs"]
mod claims;
#[cfg(test)]
#[path = "virtual_time/driver.rs"]
mod driver;
#[cfg(test)]
#[path = "browser/platform.rs"]
mod platform;
#[cfg(test)]
#[path = "virtual_time/scribe.rs"]
mod scribe;
