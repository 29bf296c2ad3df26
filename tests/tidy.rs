//! House rules that are tests: which crate may use which, what the core may not touch, how long a
//! file and a function may be, licences, duplicates, and what the project's text may say.
//!
//! Every rule collects all its offences before it fails, and each offence says the way out.

#[cfg(test)]
#[path = "tidy/crates.rs"]
mod crates;
#[cfg(test)]
#[path = "tidy/house.rs"]
mod house;
#[cfg(test)]
#[path = "tidy/source.rs"]
mod source;
#[cfg(test)]
#[path = "tidy/sources.rs"]
mod sources;
#[cfg(test)]
#[path = "tidy/supply.rs"]
mod supply;
#[cfg(test)]
#[path = "tidy/text.rs"]
mod text;
