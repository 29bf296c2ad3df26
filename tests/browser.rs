//! Both reports in a real browser: what opens, what is seen, what a keyboard and a mouse can do, and
//! what a reader without eyes, script or colours still has.
//!
//! The records come from rehearsals in virtual time. `browser/report.mjs` drives the browser once
//! and says of each claim whether it holds; its pictures stay in `target/browser/`.

#[cfg(test)]
#[path = "browser/claims.rs"]
mod claims;
#[cfg(test)]
#[path = "virtual_time/driver.rs"]
mod driver;
#[cfg(test)]
#[path = "virtual_time/scribe.rs"]
mod scribe;
