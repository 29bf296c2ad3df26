//! Rehearsals of the self-test's own, through the engine that every rehearsal goes through.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use hulk_engine::{Assignment, Engine};
use hulk_record::{Frame, Measure, Offset, Outcome, SHARD_SLOTS, Samples, ValidityLimits};
use hulk_scenarios::{Rehearsal, Scope};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::outcome::Failure;
use crate::rehearse::REGION;

/// From the last user's launch to the lead-in.
const SOON: Duration = Duration::from_millis(100);
/// Frames that may wait.
const FRAMES: usize = 16;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sends {
    /// The next one as soon as the answer is there: a closed loop.
    WithoutPause,
    /// One on coming, and one at each point of a grid.
    Every { period_s: f64 },
}

/// A load that is there when the window starts, and stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Load {
    pub(super) viewers: u64,
    pub(super) sends: Sends,
    /// They come within this time.
    pub(super) lead_in: Duration,
    /// Whole seconds; the last one is cut off by the end and not told of.
    pub(super) window: Duration,
}

/// What the frames of the window tell.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// Requests sent a second.
    pub(super) per_s: f64,
    /// CPU time of the process for each request in µs; none where there was none.
    pub(super) cpu_us: Option<f64>,
    /// Sent − due.
    pub(super) lag: Samples,
    /// The most viewers at an interval's end.
    pub(super) present: u64,
    pub(super) resident_kib: u64,
    /// By which a run would be judged.
    pub(super) limits: ValidityLimits,
}

impl Load {
    /// Runs it against an address; `see` is shown each frame when it comes.
    pub(super) async fn run(
        self,
        address: SocketAddr,
        open_files_max: u64,
        mut see: impl FnMut(&Frame),
    ) -> Result<Told, Failure> {
        let permit = Scope::default().permit(address).map_err(Failure::internal)?;
        let rehearsal = Arc::new(self.rehearsal(address)?);
        let (limits, until) = (rehearsal.limits.clone(), rehearsal.until());
        let assignment = Assignment {
            rehearsal,
            permits: vec![permit],
            callee: None,
            slots: 0..SHARD_SLOTS,
            worker: (0, 0),
            run_id: 0,
            region: REGION.to_owned(),
            raw: false,
        };
        let engine = Engine::prepare(assignment, open_files_max).await;
        let engine = engine.map_err(Failure::internal)?;
        let to_start = SOON + self.lead_in;
        let unix_ms_at_0 = Utc::now().timestamp_millis() + to_start.as_millis() as i64;
        let (sender, mut queue) = mpsc::channel(FRAMES);
        let run = tokio::spawn(engine.run(Instant::now() + to_start, unix_ms_at_0, sender));
        let mut frames = Vec::new();
        while let Some(frame) = queue.recv().await {
            see(&frame);
            frames.push(frame);
        }
        run.await.map_err(Failure::internal)?.map_err(Failure::internal)?;
        let whole = frames.iter().filter(|frame| frame.from >= Offset(0) && frame.to < until);
        Ok(Told::of(limits, whole))
    }

    fn rehearsal(self, address: SocketAddr) -> Result<Rehearsal, Failure> {
        let folder = Folder::new()?;
        for (name, text) in self.files(address) {
            fs::write(folder.0.join(name), text).map_err(Failure::internal)?;
        }
        let path = folder.0.join("rehearsal.toml");
        // They are our own: what is wrong with them is no mistake of usage.
        Rehearsal::load(&path.to_string_lossy()).map_err(Failure::internal)
    }

    fn files(self, address: SocketAddr) -> Vec<(&'static str, String)> {
        let Self { viewers, lead_in, window, .. } = self;
        let (window_s, lead_in_ms) = (window.as_secs(), lead_in.as_millis());
        let request = "service = \"responder\", get = \"/\"";
        let mut files = Vec::new();
        let (step, people) = match self.sends {
            Sends::WithoutPause => (
                format!("[[step]]\nafter = {{ name = \"ask\", {request}, repeat = 1000 }}\n"),
                format!(
                    "[load]\nconstant_users = {{ users = {viewers}, duration_s = {window_s} }}\n"
                ),
            ),
            Sends::Every { period_s } => {
                files.push(("audience.toml", audience(viewers)));
                let to_min = window.as_secs_f64() / 60.0;
                (
                    format!(
                        "[[step]]\nafter = {{ name = \"come\", {request}, on_resume = true }}\n\
                         [[step]]\nevery = {{ name = \"ask\", {request}, period_s = {period_s:.3} }}\n"
                    ),
                    format!(
                        "[clock]\nspeed = 1\n[audience]\nmodel = \"audience.toml\"\nday = \"day\"\n\
                         from_min = 0\nto_min = {to_min}\nscale = 1\n"
                    ),
                )
            }
        };
        let journey = format!(
            "name = \"self-test\"\ntimeout_ms = 10_000\n[retry]\nbackoff = {{ first_s = 1, max_s = 8 \
             }}\n{step}"
        );
        let rehearsal = format!(
            "name = \"self-test\"\njourneys = [\"journey.toml\"]\n{people}lead_in_ms = {lead_in_ms}\n\
             [target]\nurl = {{ base = \"http://{address}\" }}\n"
        );
        files.extend([("journey.toml", journey), ("rehearsal.toml", rehearsal)]);
        files
    }
}

/// So many viewers, of whom nobody leaves before the end.
fn audience(viewers: u64) -> String {
    format!(
        "name = \"self-test\"\nabout = \"the same all day\"\n[view_length]\nlognormal = {{ mu = 12.0, \
         sigma = 0.0 }}\ngrade = \"M\"\n[[days]]\nname = \"day\"\nminutes_grade = \"M\"\npoints = [{{ \
         minute = 0, viewers = {viewers}, grade = \"M\" }}, {{ minute = 2, viewers = {viewers}, grade = \
         \"M\" }}]\n"
    )
}

impl Told {
    fn of<'a>(limits: ValidityLimits, frames: impl Iterator<Item = &'a Frame>) -> Self {
        let mut told = Self {
            answered: 0,
            failed: 0,
            per_s: 0.0,
            cpu_us: None,
            lag: Samples::new(),
            present: 0,
            resident_kib: 0,
            limits,
        };
        let (mut cpu_us, mut wall_us) = (0, 0);
        for frame in frames {
            cpu_us += frame.machine.cpu_us;
            wall_us += frame.to.since(frame.from);
            told.present = told.present.max(frame.audience.present);
            told.resident_kib = told.resident_kib.max(frame.machine.resident_kib);
            for (key, samples) in &frame.series {
                let count: u64 = samples.counts.iter().map(|&(_, count)| count).sum();
                match (key.measure, key.outcome) {
                    (Measure::Service, Outcome::Ok) => told.answered += count,
                    (Measure::Service, _) => told.failed += count,
                    (Measure::Lag, _) => told.lag.merge(samples),
                    _ => {}
                }
            }
        }
        let requests = (told.answered + told.failed) as f64;
        told.per_s = requests / (wall_us.max(1) as f64 / 1e6);
        told.cpu_us = (requests > 0.0).then(|| cpu_us as f64 / requests);
        told
    }
}

/// A folder for the files that a rehearsal is loaded from; it goes with this value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("hulk-self-test-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(Failure::internal)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_loads_are_rehearsals() {
        for sends in [Sends::WithoutPause, Sends::Every { period_s: 2.5 }] {
            let (lead_in, window) = (Duration::from_millis(700), Duration::from_secs(2));
            let load = Load { viewers: 900, sends, lead_in, window };
            let rehearsal = load.rehearsal(([127, 0, 0, 1], 8080).into()).unwrap();
            assert_eq!(rehearsal.lead_in_from(), Offset(-700_000));
            assert_eq!(rehearsal.until(), Offset(2_000_000));
            let schedule = hulk_scenarios::traffic::Schedule::generate(&rehearsal.audience);
            assert_eq!(schedule.visits.len(), 900, "{sends:?}: who comes, stays");
        }
    }
}
