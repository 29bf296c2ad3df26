//! Texts with slots: `/v1/home/trays/${index}`.

use serde::{Deserialize, Serialize};

/// A text in pieces, ready to be filled.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Piece {
    Text(String),
    Viewer,
    Index,
    Variable(u16),
}

/// What fills the slots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots<'a> {
    pub viewer: u32,
    pub index: u32,
    pub variables: &'a [Option<Box<str>>],
}

impl Template {
    /// Parses a text; a `${name}` that is not built in becomes a variable, added to `variables`
    /// with the others.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str, variables: &mut Vec<String>) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else {
                return Err(format!("`{text}` opens `${{` and does not close it"));
            };
            if start > 0 {
                pieces.push(Piece::Text(rest[..start].to_owned()));
            }
            pieces.push(match &rest[start + 2..start + length] {
                "viewer" => Piece::Viewer,
                "index" => Piece::Index,
                "" => return Err(format!("`{text}` has a slot without a name")),
                name => Piece::Variable(variable(name, variables)),
            });
            rest = &rest[start + length + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// Fills the slots; a variable that has no value yet leaves nothing.
    pub(crate) fn render(&self, slots: &Slots<'_>, out: &mut String) {
        use std::fmt::Write;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                // Writing to a String cannot fail.
                Piece::Viewer => drop(write!(out, "{}", slots.viewer)),
                Piece::Index => drop(write!(out, "{}", slots.index)),
                Piece::Variable(index) => {
                    if let Some(Some(value)) = slots.variables.get(usize::from(*index)) {
                        out.push_str(value);
                    }
                }
            }
        }
    }

    /// The variables that it names.
    pub(crate) fn variables(&self) -> impl Iterator<Item = u16> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(index) => Some(*index),
            _ => None,
        })
    }
}

/// The place of a variable, new or known.
pub(crate) fn variable(name: &str, variables: &mut Vec<String>) -> u16 {
    let place = variables.iter().position(|known| known == name).unwrap_or_else(|| {
        variables.push(name.to_owned());
        variables.len() - 1
    });
    place as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_and_braces_alone_are_text() {
        let mut variables = Vec::new();
        let template =
            Template::parse(r#"{"v":${viewer},"t":"${token}","i":${index}}"#, &mut variables);
        let slots =
            Slots { viewer: 7, index: 3, variables: &[Some("abc".to_owned().into_boxed_str())] };
        let mut out = String::new();
        template.unwrap().render(&slots, &mut out);
        assert_eq!(out, r#"{"v":7,"t":"abc","i":3}"#);
        assert_eq!(variables, ["token"]);
    }

    #[test]
    fn an_open_slot_is_refused() {
        assert!(Template::parse("/a/${token", &mut Vec::new()).is_err());
        assert!(Template::parse("/a/${}", &mut Vec::new()).is_err());
    }
}
