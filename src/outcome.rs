//! How a command ends.

use hulk_record::FolderError;
use hulk_scenarios::LoadError;

/// Exit code: usage, or an invalid file.
pub(crate) const USAGE: i32 = 2;
/// Exit code: an error of HULK itself, or of the machine.
pub(crate) const INTERNAL: i32 = 1;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file that cannot be used.
    #[error("{0}")]
    Load(#[from] LoadError),
    /// Something the user asked for that is not possible.
    #[error("{0}")]
    Usage(String),
    /// The record cannot be written or read.
    #[error("{0}")]
    Folder(#[from] FolderError),
    /// Anything else.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// The exit code.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Self::Load(_) | Self::Usage(_) => USAGE,
            Self::Folder(_) | Self::Internal(_) => INTERNAL,
        }
    }

    /// An error that is HULK's or the machine's.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}
