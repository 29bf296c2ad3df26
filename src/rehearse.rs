//! `hulk rehearse`: one run, from its file to its verdict.

use std::path::PathBuf;

use chrono::Utc;
use hulk_engine::raise_open_files;
use hulk_fleet::{Controller, Notice, Plan, run_controller};
use hulk_record::{Record, RunEnd, SHARD_SLOTS, hash_of};
use hulk_reports::{Verdict, VerdictKind};
use hulk_scenarios::traffic::Schedule;
use hulk_scenarios::{Estimate, Rehearsal};
use tokio::sync::mpsc;

use crate::calibrate::Climb;
use crate::cli::RehearseArguments;
use crate::cores::{OneCore, given};
use crate::interrupt::interrupts;
use crate::outcome::Failure;
use crate::output::Output;
use crate::report::{last_lines, render};
use crate::run_folder::prepare;
use crate::runtime;
use crate::scribe::Scribe;
use crate::target::Aimed;
use crate::tournament::Entrants;
use crate::workers::Workers;

/// Where a worker stands that nobody placed anywhere.
pub(crate) const REGION: &str = "local";
/// Notices that may wait; the controller waits when there are more.
const QUEUE: usize = 256;

/// Runs the rehearsal, or one after another with each of the policies; the verdict's exit code.
pub(crate) fn rehearse(arguments: &RehearseArguments) -> Result<i32, Failure> {
    let rehearsal = Rehearsal::load(&arguments.file)?;
    // Every file is read before anything is sent.
    let climb = Climb::read(&rehearsal, arguments)?;
    let entrants = Entrants::read(&rehearsal, &arguments.policies, arguments.against.as_deref())?;
    prepare(&arguments.runs)?;
    let mut output = Output::take(arguments.quiet)?;
    if let Some(climb) = climb {
        return climb.play(arguments, &mut output);
    }
    if let Some(entrants) = entrants {
        return entrants.play(arguments, &mut output);
    }
    match play(arguments, &mut output, rehearsal)? {
        Ran::Recorded(judged) => Ok(judged.verdict.kind.exit_code()),
        Ran::NotStarted { signal } => Ok(128 + signal),
    }
}

/// One run, to its verdict, which is told.
pub(crate) fn play(
    arguments: &RehearseArguments,
    output: &mut Output,
    rehearsal: Rehearsal,
) -> Result<Ran<Box<Judged>>, Failure> {
    if let Some(users) = rehearsal.users_max.filter(|users| *users < arguments.workers) {
        return Err(Failure::Usage(format!(
            "`generator.users_max` is {users} and there are {} workers, of which each needs a user: \
             raise it, or use fewer workers",
            arguments.workers
        )));
    }
    let open_files_max = raise_open_files();
    let schedule = Schedule::generate(&rehearsal.audience);
    let estimate = Estimate::of(&rehearsal, &schedule);
    let what = match &rehearsal.audience.executor {
        Some(executor) => executor.describe(),
        None => format!("{} viewers at the peak", estimate.viewers_peak),
    };
    let what = match &estimate.callers {
        None => what,
        Some(callers) => format!("{what}, {} calls", callers.calls),
    };
    let by = match arguments.workers {
        1 => String::new(),
        workers => format!(", by {workers} workers"),
    };
    output.say(&format!(
        "{}: {what}, {:.0} s against {}{by}",
        rehearsal.name,
        estimate.wall_s,
        rehearsal.aims_at()
    ));
    for warning in estimate.warnings(&rehearsal, &given(arguments.workers, open_files_max)) {
        output.say(&format!("warning: {warning}"));
    }
    // Who asks for several workers asks for more than one core.
    let small = rehearsal.platform().filter(|_| arguments.workers == 1);
    let one_core = small.and(estimate.requests_per_s_peak).and_then(OneCore::enough_for);
    let ran = runtime::run(run(arguments, output, rehearsal, &schedule, one_core))?;
    let folder = match ran? {
        Ran::Recorded(folder) => folder,
        Ran::NotStarted { signal } => {
            output.say("interrupted before the start: nothing was sent");
            return Ok(Ran::NotStarted { signal });
        }
    };
    let (record, verdict) = render(&folder)?;
    output.verdict(&last_lines(&verdict, &folder));
    Ok(Ran::Recorded(Box::new(Judged { folder, record, verdict })))
}

/// A run that was judged.
pub(crate) struct Judged {
    pub(crate) folder: PathBuf,
    pub(crate) record: Record,
    pub(crate) verdict: Verdict,
}

/// What came of a run.
pub(crate) enum Ran<T> {
    /// It was recorded.
    Recorded(T),
    /// It was interrupted before its start.
    NotStarted {
        /// The signal's number.
        signal: i32,
    },
}

impl Ran<Box<Judged>> {
    /// The run, where it came to its end; else the exit code.
    pub(crate) fn completed(self) -> Result<Box<Judged>, i32> {
        match self {
            Self::NotStarted { signal } => Err(128 + signal),
            Self::Recorded(judged) => match judged.verdict.kind {
                interrupted @ VerdictKind::Interrupted { .. } => Err(interrupted.exit_code()),
                _ => Ok(judged),
            },
        }
    }
}

/// The run itself.
async fn run(
    arguments: &RehearseArguments,
    output: &mut Output,
    rehearsal: Rehearsal,
    schedule: &Schedule,
    one_core: Option<OneCore>,
) -> Result<Ran<PathBuf>, Failure> {
    let interrupts = interrupts()?;
    // What is started from here on inherits it: the platform, and the engine's data plane.
    let mut one_core = one_core;
    let (aimed, rehearsal) = Aimed::at(&rehearsal).await?.behind_proxies(rehearsal).await?;
    let aimed = aimed.published(&rehearsal).await?.with_callee(&rehearsal).await?;
    let plan = plan(arguments, &rehearsal, &aimed);
    let run_id = plan.run_id;
    let (links, mut workers) = Workers::start(arguments.workers)?;
    let (notices, mut queue) = mpsc::channel(QUEUE);
    let controller = Controller::new(plan, arguments.workers);
    let controller = tokio::spawn(run_controller(controller, links, interrupts, notices));
    let mut scribe = None;
    let mut end = RunEnd::Cut;
    loop {
        let notice = tokio::select! {
            notice = queue.recv() => notice,
            line = workers.said() => {
                output.complain(&line);
                continue;
            }
        };
        let Some(notice) = notice else { break };
        let news = match (notice, &mut scribe) {
            (Notice::Started(epoch), _) => {
                drop(one_core.take());
                let of = (&rehearsal, schedule, run_id);
                let told = (epoch, output.every());
                scribe = Some(Scribe::begin(arguments, of, &aimed, told).await?);
                continue;
            }
            (Notice::Finished(how), _) => {
                end = how;
                continue;
            }
            (Notice::Frame(frame), Some(scribe)) => scribe.frame(*frame)?,
            (Notice::Ended(end), Some(scribe)) => scribe.ended(end.worker)?,
            (Notice::Lost(lost), Some(scribe)) => scribe.lost(&lost)?,
            (Notice::Frame(_) | Notice::Ended(_) | Notice::Lost(_), None) => continue,
        };
        news.happened.iter().for_each(|text| output.say(text));
        news.statuses.iter().for_each(|status| output.status(status));
    }
    let ran = controller.await.map_err(Failure::internal)?;
    if let Err(error) = ran {
        // Why a worker failed it has said itself, maybe later than it closed its socket.
        workers.give_up().await.iter().for_each(|line| output.complain(line));
        return Err(Failure::internal(error));
    }
    let Some(scribe) = scribe else {
        workers.give_up().await;
        aimed.stop().await?;
        return match end {
            RunEnd::Interrupted { signal, .. } => Ok(Ran::NotStarted { signal }),
            _ => Err(Failure::internal("the run ended before it started")),
        };
    };
    let folder = scribe.finish(aimed, &end).await?;
    workers.end().await?.iter().for_each(|line| output.complain(line));
    Ok(Ran::Recorded(folder))
}

/// What is to be done, by all workers together.
fn plan(arguments: &RehearseArguments, rehearsal: &Rehearsal, aimed: &Aimed) -> Plan {
    Plan {
        targets: aimed.addresses(),
        callee: aimed.callee(),
        slots_from: 0,
        slots_to: SHARD_SLOTS,
        run_id: hash_of(rehearsal.seed, Utc::now().timestamp_micros() as u64) as u32,
        region: REGION.to_owned(),
        raw: arguments.raw,
        rehearsal: rehearsal.clone(),
    }
}
