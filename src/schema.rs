//! `hulk schema`: the JSON Schema of a kind of settings file.

use std::io::{Write, stdout};

use crate::cli::SchemaArguments;
use crate::outcome::Failure;

/// Prints it.
pub(crate) fn schema(arguments: &SchemaArguments) -> Result<i32, Failure> {
    let kind = &arguments.kind;
    let text = hulk_scenarios::schema(kind)
        .ok_or_else(|| Failure::internal(format!("there is no schema of `{kind}`")))?;
    stdout().write_all(text.as_bytes()).map_err(Failure::internal)?;
    Ok(0)
}
