//! JSON Schemas (draft 2020-12) of the five kinds of settings files, for editors.

/// Each kind of file, with its schema.
pub const SCHEMAS: [(&str, &str); 5] = [
    ("rehearsal", include_str!("../schema/rehearsal.json")),
    ("journey", include_str!("../schema/journey.json")),
    ("devices", include_str!("../schema/devices.json")),
    ("platform", include_str!("../schema/platform.json")),
    ("model", include_str!("../schema/model.json")),
];

/// The schema of a kind of file.
pub fn schema(kind: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(known, _)| *known == kind).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests;
