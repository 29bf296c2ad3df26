//! `hulk rehearse --calibrate`: rising stairs of load, to find what one instance serves.

use std::fs;

use hulk_reports::{VerdictKind, calibrate};
use hulk_scenarios::{Rehearsal, Staircase};

use crate::cli::RehearseArguments;
use crate::outcome::Failure;
use crate::output::Output;
use crate::rehearse::{Judged, play};

/// How many stairs there are.
const STAIRS: u32 = 10;

/// The first and the last stair, in arrivals a match second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rates {
    from_per_s: f64,
    to_per_s: f64,
}

/// Reads `FROM..TO`.
pub(crate) fn rates(text: &str) -> Result<Rates, String> {
    let number =
        |text: &str| text.trim().parse::<f64>().ok().filter(|of| (1e-3..=1e6).contains(of));
    let both = text.split_once("..").and_then(|(from, to)| Some((number(from)?, number(to)?)));
    match both {
        Some((from_per_s, to_per_s)) if from_per_s < to_per_s => Ok(Rates { from_per_s, to_per_s }),
        _ => Err("two rising numbers of arrivals a second, such as 20..200".to_owned()),
    }
}

/// The rehearsal on its staircase, where one is asked for.
pub(crate) struct Climb {
    rehearsal: Rehearsal,
    staircase: Staircase,
}

impl Climb {
    /// Where `--calibrate` is given: the staircase of the rehearsal.
    pub(crate) fn read(
        rehearsal: &Rehearsal,
        arguments: &RehearseArguments,
    ) -> Result<Option<Self>, Failure> {
        let Some(Rates { from_per_s, to_per_s }) = arguments.calibrate else { return Ok(None) };
        let staircase = Staircase {
            from_per_s,
            to_per_s,
            stairs: STAIRS,
            stair_s: arguments.stair_s,
            instances: arguments.instances,
        };
        let rehearsal = rehearsal.on_staircase(&staircase).map_err(Failure::Usage)?;
        Ok(Some(Self { rehearsal, staircase }))
    }

    /// Plays it, and tells what was found; 0, or 6 where the run says nothing.
    pub(crate) fn play(
        self,
        arguments: &RehearseArguments,
        output: &mut Output,
    ) -> Result<i32, Failure> {
        let judged = match play(arguments, output, self.rehearsal)?.completed() {
            Ok(judged) => judged,
            Err(code) => return Ok(code),
        };
        let Judged { folder, record, verdict } = &*judged;
        let stairs: Vec<(f64, f64)> =
            self.staircase.stairs().iter().map(|stair| (stair.from_s, stair.to_s)).collect();
        let found = calibrate(record, verdict, &stairs, self.staircase.instances);
        let path = folder.join("calibration.json");
        let json = found.json().map_err(Failure::internal)?;
        fs::write(&path, json)
            .map_err(|error| Failure::Internal(format!("{}: {error}", path.display())))?;
        output.verdict(&format!("\n{}calibration: {}\n", found.text(), path.display()));
        Ok(if verdict.kind == VerdictKind::Invalid { verdict.kind.exit_code() } else { 0 })
    }
}
