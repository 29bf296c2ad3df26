//! The models that come with the program.

use std::sync::Arc;

use hulk_settings::Source;

macro_rules! shipped {
    ($($name:literal,)*) => {
        [$(($name, include_str!(concat!("../models/", $name, ".toml"))),)*]
    };
}

/// A new model: one file in `models/` and one line here, sorted by name.
const SHIPPED: [(&str, &str); 11] = shipped![
    "champions-trophy-2025",
    "dream11",
    "generic-final",
    "ind-vs-nz-2019",
    "ipl-2018-final",
    "ipl-2019-final",
    "login-tsunami-2017",
    "super-bowl-2015",
    "t20-ind-pak-2022",
    "wc-2023-final",
    "youtube-moon-landing",
];

/// The file of the shipped model of that name.
pub fn shipped(name: &str) -> Option<Arc<Source>> {
    let (name, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
    Some(Source::new(format!("{name}.toml (shipped)"), *text))
}

/// The names of the shipped models, sorted.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|(name, _)| *name)
}
