//! `file`: the content of a file.

use std::io::Read;
use std::path::Path;

use hulk_settings::Section;
use serde::{Deserialize, Serialize};

use super::{Fixed, Secret};

/// A key or a token: what is larger is a mistake.
const BYTES_MAX: u64 = 64 * 1024;

/// A file's content, without the line end at its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path, from the folder of the rehearsal.
    pub path: String,
}

impl File {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        section.text("path").map(|path| Self { path })
    }

    pub(super) fn resolve(&self, folder: &Path) -> Result<Fixed, String> {
        let path = folder.join(&self.path);
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(format!("{}: larger than {BYTES_MAX} bytes", path.display()));
        }
        let text =
            String::from_utf8(bytes).map_err(|_| format!("{}: not UTF-8", path.display()))?;
        Ok(Fixed { text: Secret::new(text.trim_end_matches(['\r', '\n'])) })
    }
}
