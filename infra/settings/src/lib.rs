//! Settings files: TOML read with spans, every problem reported at once.
//!
//! A reader asks a [`Section`] for its keys, one after another, and gets `Option`s; whatever is
//! missing, of the wrong type, out of range or unknown is noted with its place, and reading goes
//! on. Only at the end does [`read`] say whether there is a value or a list of [`Problems`].
//! So a reader **asks for every key first and combines afterwards**: a key that nobody asked for
//! when the section is dropped is an unknown key.

mod delay;
mod place;
mod problem;
mod section;
mod value;

pub use delay::{Delay, normal_quantile};
pub use place::At;
pub use problem::{Problem, Problems, Source};
pub use section::{FreeValue, Section, keys_of, read};
pub use value::{nearest, nearest_or_all};
