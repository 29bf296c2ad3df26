//! The models that come with the program.

use std::sync::Arc;

use hulk_settings::Source;

/// A new model: one file in `models/` and one line here.
const SHIPPED: [(&str, &str); 1] =
    [("ind-vs-nz-2019", include_str!("../models/ind-vs-nz-2019.toml"))];

/// The file of the shipped model of that name.
pub fn shipped(name: &str) -> Option<Arc<Source>> {
    let (name, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    Some(Source::new(format!("{name}.toml (shipped)"), *text))
}

/// The names of the shipped models, sorted.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}
