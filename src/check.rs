//! `hulk check`: every problem of the files, and what a run would ask for.

use std::io::{Write, stdout};

use hulk_engine::raise_open_files;
use hulk_scenarios::traffic::Schedule;
use hulk_scenarios::{Estimate, Rehearsal};

use crate::diagnostics::tell;
use crate::outcome::Failure;
use crate::target::verifiable;

/// Checks each file; the exit code is 2 when one of them has problems.
pub(crate) fn check(files: &[String]) -> Result<i32, Failure> {
    let mut code = 0;
    for file in files {
        let loaded = Rehearsal::load(file).map_err(Failure::from);
        let loaded = loaded.and_then(|rehearsal| {
            verifiable(&rehearsal.target)?;
            Ok(rehearsal)
        });
        match loaded {
            Ok(rehearsal) => {
                let schedule = Schedule::generate(&rehearsal.audience);
                let text = describe(&rehearsal, &Estimate::of(&rehearsal, &schedule));
                stdout().write_all(text.as_bytes()).map_err(Failure::internal)?;
            }
            Err(failure) => {
                code = failure.exit_code();
                tell(&failure);
            }
        }
    }
    Ok(code)
}

/// What a run would ask for, with its warnings.
fn describe(rehearsal: &Rehearsal, estimate: &Estimate) -> String {
    let mut lines = vec![
        format!("{}: a valid rehearsal, against {}", rehearsal.file, rehearsal.target.name()),
        format!(
            "  wall time      {:.0} s at {} × match speed",
            estimate.wall_s, rehearsal.clock.speed
        ),
        format!(
            "  viewers        {} at the peak, {} visits",
            estimate.viewers_peak, estimate.arrivals
        ),
        format!("  requests       {:.0}/s at the peak", estimate.requests_per_s_peak),
        format!("  media          {:.2} Gbit/s at the peak", estimate.bits_per_s_peak / 1e9),
        format!(
            "  descriptors    {} of {}{}",
            estimate.descriptors(),
            raise_open_files(),
            match estimate.connections_per_viewer {
                1 => String::new(),
                origins => format!(": {} viewers × {origins} origins", estimate.viewers_peak),
            }
        ),
    ];
    for service in &estimate.services {
        if let Some(requests) = service.requests_per_window {
            lines.push(format!(
                "  {:<14} {requests:.0} requests in a decision window, on average",
                service.name
            ));
        }
    }
    for warning in estimate.warnings(rehearsal, raise_open_files()) {
        lines.push(format!("warning: {warning}"));
    }
    lines.join("\n") + "\n"
}
