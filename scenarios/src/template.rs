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
    /// Not known yet what it stands for.
    Name(String),
    Slot(Slot),
}

/// What a slot stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Slot {
    /// The viewer's number.
    Viewer,
    /// A step's repetitions so far.
    Index,
    /// How often this viewer has come, from 1.
    Visit,
    /// A value that an answer gave.
    Variable(u16),
    /// What the viewer drew.
    Choice(u16),
    /// A computed value.
    Value(u16),
    /// A column of a feeder's row.
    Feed(u16, u16),
}

/// Fills slots.
pub(crate) trait Fill {
    /// Writes what a slot stands for; nothing where it has no value yet.
    fn fill(&mut self, slot: Slot, out: &mut String);
}

impl Template {
    /// Parses a text; what its slots stand for is found by [`Self::resolve`].
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else {
                return Err(format!("`{text}` opens `${{` and does not close it"));
            };
            if start > 0 {
                pieces.push(Piece::Text(rest[..start].to_owned()));
            }
            match &rest[start + 2..start + length] {
                "" => return Err(format!("`{text}` has a slot without a name")),
                name => pieces.push(Piece::Name(name.to_owned())),
            }
            rest = &rest[start + length + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// Gives each name its slot.
    ///
    /// # Errors
    /// The first name that `find` does not know.
    pub(crate) fn resolve(&mut self, find: impl Fn(&str) -> Option<Slot>) -> Result<(), String> {
        for piece in &mut self.pieces {
            if let Piece::Name(name) = piece {
                *piece = Piece::Slot(find(name).ok_or_else(|| name.clone())?);
            }
        }
        Ok(())
    }

    /// Fills the slots.
    pub(crate) fn render(&self, fill: &mut impl Fill, out: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Slot(slot) => fill.fill(*slot, out),
                Piece::Name(_) => {}
            }
        }
    }

    /// The text before the first slot.
    pub(crate) fn start(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    /// What its slots stand for.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Slot(slot) => Some(*slot),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Letters;

    impl Fill for Letters {
        fn fill(&mut self, slot: Slot, out: &mut String) {
            out.push_str(match slot {
                Slot::Viewer => "7",
                Slot::Index => "3",
                Slot::Variable(0) => "abc",
                _ => "",
            });
        }
    }

    #[test]
    fn slots_are_filled_and_braces_alone_are_text() {
        let mut template =
            Template::parse(r#"{"v":${viewer},"t":"${token}","i":${index}}"#).unwrap();
        let find = |name: &str| match name {
            "viewer" => Some(Slot::Viewer),
            "index" => Some(Slot::Index),
            "token" => Some(Slot::Variable(0)),
            _ => None,
        };
        template.resolve(find).unwrap();
        let mut out = String::new();
        template.render(&mut Letters, &mut out);
        assert_eq!(out, r#"{"v":7,"t":"abc","i":3}"#);
        assert_eq!(Template::parse("/${nobody}").unwrap().resolve(find), Err("nobody".to_owned()));
    }

    #[test]
    fn an_open_slot_is_refused() {
        assert!(Template::parse("/a/${token").is_err());
        assert!(Template::parse("/a/${}").is_err());
    }
}
