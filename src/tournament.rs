//! `hulk rehearse --policies`: the same audience for several policies, one after another.

use std::fs;
use std::path::Path;

use chrono::Utc;
use hulk_reports::Tournament;
use hulk_scenarios::Rehearsal;

use crate::cli::RehearseArguments;
use crate::interrupt::{SIGINT, is_asked};
use crate::outcome::Failure;
use crate::output::Output;
use crate::rehearse::{Judged, play};
use crate::run_folder::name_of;

/// The runs that are to be laid side by side, each with the name of its policies.
pub(crate) struct Entrants {
    name: String,
    /// The name of the policies that the others are measured against.
    against: Option<String>,
    entries: Vec<(String, Rehearsal)>,
}

impl Entrants {
    /// The rehearsal with each of the policies; none where none are named.
    pub(crate) fn read(
        rehearsal: &Rehearsal,
        files: &[String],
        against: Option<&str>,
    ) -> Result<Option<Self>, Failure> {
        let stem_of = |file: &str| {
            Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned()
        };
        let mut entries: Vec<(String, Rehearsal)> = Vec::with_capacity(files.len());
        for file in files {
            let stem = stem_of(file);
            let taken = entries.iter().any(|(name, _)| *name == stem);
            if taken {
                return Err(Failure::Usage(format!(
                    "two of the policies are called `{stem}`: give one of the files another name"
                )));
            }
            let mut with = rehearsal.with_policies(file)?;
            with.name = format!("{}-{stem}", rehearsal.name);
            entries.push((stem, with));
        }
        let name = format!("{}-policies", rehearsal.name);
        let against = against.map(stem_of);
        if let Some(unknown) =
            against.as_ref().filter(|base| entries.iter().all(|(name, _)| name != *base))
        {
            let known: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Failure::Usage(format!(
                "`--against {unknown}`: it must be one of the policies that are rehearsed: {}",
                known.join(", ")
            )));
        }
        Ok((!entries.is_empty()).then_some(Self { name, against, entries }))
    }

    /// Plays all, and lays them side by side; the exit code of the comparison.
    pub(crate) fn play(
        self,
        arguments: &RehearseArguments,
        output: &mut Output,
    ) -> Result<i32, Failure> {
        let mut tournament = Tournament::against(self.against);
        for (policies, rehearsal) in self.entries {
            // Asked for between two runs.
            if is_asked() {
                return Ok(128 + SIGINT);
            }
            let judged = match play(arguments, output, rehearsal)?.completed() {
                Ok(judged) => judged,
                Err(code) => return Ok(code),
            };
            let Judged { folder, record, verdict } = &*judged;
            tournament.add(&policies, &folder.display().to_string(), record, verdict);
        }
        let folder = name_of(&arguments.runs, &self.name, Utc::now());
        let write = |name: &str, bytes: Vec<u8>| {
            let path = folder.join(name);
            let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, bytes));
            written.map_err(|error| Failure::Internal(format!("{}: {error}", path.display())))
        };
        write("tournament.json", tournament.json().map_err(Failure::internal)?)?;
        write("tournament.html", tournament.html())?;
        let page = folder.join("tournament.html");
        output.verdict(&format!("\n{}\ntournament: {}\n", tournament.text(), page.display()));
        Ok(tournament.kind().exit_code())
    }
}
