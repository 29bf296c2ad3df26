//! Writes a run's record as the run goes on.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::pin;

use chrono::Utc;
use hulk_net::Epoch;
use hulk_record::{Frame, Manifest, Offset, RecordWriter, RunEnd, RunEvent, WorkerLost};
use hulk_scenarios::Rehearsal;
use hulk_scenarios::traffic::Schedule;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::cli::RehearseArguments;
use crate::intervals::Intervals;
use crate::outcome::Failure;
use crate::progress::{Progress, Status};
use crate::run_folder::{RECORD, manifest, name_of};
use crate::target::{Aimed, Attendants, Seen};

/// What may wait to be written; the senders wait when there is more.
const QUEUE: usize = 256;

/// Writes the record: frames, what the attendants saw, what happened.
pub(crate) struct Scribe {
    folder: PathBuf,
    manifest: Manifest,
    writer: RecordWriter,
    seen: mpsc::Receiver<Seen>,
    attendants: Attendants,
    clock: JoinHandle<()>,
    moments: Moments,
    /// Viewer and send of requests that got no complete answer.
    unanswered: BTreeSet<(u32, u32)>,
    intervals: Intervals,
    progress: Progress,
    /// What has happened and was not told yet.
    happened: Vec<String>,
}

/// What a person may be told.
pub(crate) struct News {
    /// What has happened, a line each.
    pub(crate) happened: Vec<String>,
    /// Where the run stands; not at every interval.
    pub(crate) statuses: Vec<Status>,
}

impl Scribe {
    /// Begins the record of a run whose time 0 is `epoch`; a status is told each `every` intervals.
    pub(crate) async fn begin(
        arguments: &RehearseArguments,
        (rehearsal, schedule, run_id): (&Rehearsal, &Schedule, u32),
        aimed: &Aimed,
        (epoch, every): (Instant, u64),
    ) -> Result<Self, Failure> {
        let (sender, seen) = mpsc::channel(QUEUE);
        let attendants = aimed.started(epoch, rehearsal, &sender).await?;
        let started = Utc::now() + epoch.saturating_duration_since(Instant::now());
        let folder = name_of(&arguments.runs, &rehearsal.name, started);
        let manifest = Manifest {
            // As the engine writes it in `x-hulk-request`.
            run_id: Some(format!("{run_id:08x}")),
            raw: arguments.raw,
            ..manifest(rehearsal, schedule, started)
        };
        let writer = RecordWriter::create(&folder.join(RECORD), &manifest)?;
        let moments = Moments::of(&manifest);
        let clock = tokio::spawn(watch_clock(moments.times(), Epoch(epoch), sender));
        let (unanswered, progress) = (BTreeSet::new(), Progress::new(every));
        Ok(Self {
            folder,
            manifest,
            writer,
            seen,
            attendants,
            clock,
            moments,
            unanswered,
            intervals: Intervals::of(arguments.workers),
            progress,
            happened: Vec::new(),
        })
    }

    /// Writes an interval of a worker, and what was seen meanwhile.
    pub(crate) fn frame(&mut self, frame: Frame) -> Result<News, Failure> {
        while let Ok(seen) = self.seen.try_recv() {
            self.write(seen)?;
        }
        let unanswered = frame.unanswered.iter().map(|request| (request.viewer, request.send));
        self.unanswered.extend(unanswered);
        self.writer.frame(&frame)?;
        let complete = self.intervals.frame(frame);
        self.news(complete)
    }

    /// No more comes from a worker.
    pub(crate) fn ended(&mut self, worker: u32) -> Result<News, Failure> {
        let complete = self.intervals.gone(worker);
        self.news(complete)
    }

    /// The same, for it is lost.
    pub(crate) fn lost(&mut self, lost: &WorkerLost) -> Result<News, Failure> {
        let text = format!("{} is lost: {}", lost.worker, lost.reason);
        let (at, kind) = (lost.at, "worker".to_owned());
        self.event(&RunEvent { at, intended: None, kind, text })?;
        self.ended(lost.worker)
    }

    /// What there is to tell of intervals that all workers have told of.
    fn news(&mut self, complete: Vec<Vec<Frame>>) -> Result<News, Failure> {
        let mut statuses = Vec::new();
        for frames in complete {
            for event in self.moments.answered(&frames) {
                self.event(&event)?;
            }
            statuses.extend(self.progress.take(&self.manifest, &frames));
        }
        Ok(News { happened: std::mem::take(&mut self.happened), statuses })
    }

    fn event(&mut self, event: &RunEvent) -> Result<(), Failure> {
        // The scaler's steps are many; the status has what came of them.
        if event.kind != "scale" {
            let RunEvent { kind, text, .. } = event;
            let at = match self.manifest.load {
                None => format!(", match minute {:.1}", self.manifest.match_minute(event.at)),
                Some(_) => String::new(),
            };
            self.happened.push(format!("{:.1} s{at}: {kind} {text}", event.at.as_s()));
        }
        Ok(self.writer.event(event)?)
    }

    /// Ends the record: heals the platform, asks for its counts and ends it.
    pub(crate) async fn finish(mut self, aimed: Aimed, end: &RunEnd) -> Result<PathBuf, Failure> {
        let mut leaving = pin!(std::mem::take(&mut self.attendants).leave());
        loop {
            tokio::select! {
                biased;
                Some(seen) = self.seen.recv() => self.write(seen)?,
                () = &mut leaving => break,
            }
        }
        self.clock.abort();
        while let Ok(seen) = self.seen.try_recv() {
            self.write(seen)?;
        }
        for event in self.moments.unanswered() {
            self.writer.event(&event)?;
        }
        match aimed.counts(&self.unanswered).await {
            Ok(Some(counts)) => self.writer.target(&counts)?,
            Ok(None) => {}
            Err(text) => self.platform(text)?,
        }
        if let Some(text) = aimed.stop().await? {
            self.platform(text)?;
        }
        self.writer.finish(end)?;
        Ok(self.folder)
    }

    fn write(&mut self, seen: Seen) -> Result<(), Failure> {
        match seen {
            Seen::Event(event) => self.event(&event)?,
            Seen::Callee(sample) => self.writer.callee(&sample)?,
            Seen::Capacity(samples) => {
                self.progress.saw(&samples);
                samples.iter().try_for_each(|sample| self.writer.capacity(sample))?;
            }
            Seen::Passed(moment, at) => {
                if let Some(event) = self.moments.passed(moment, at) {
                    self.event(&event)?;
                }
            }
        }
        Ok(())
    }

    /// Something of the platform's that is known after the end.
    fn platform(&mut self, text: String) -> Result<(), Failure> {
        let (at, kind) = (self.manifest.until, "platform".to_owned());
        Ok(self.writer.event(&RunEvent { at, intended: None, kind, text })?)
    }
}

/// Tells when the run's clock passes each of these times, which rise.
async fn watch_clock(times: Vec<Offset>, clock: Epoch, seen: mpsc::Sender<Seen>) {
    for (moment, intended) in times.into_iter().enumerate() {
        sleep_until(clock.at_us(intended.0)).await;
        let passed = Seen::Passed(moment, Offset(clock.now_us()));
        if seen.send(passed).await.is_err() {
            return;
        }
    }
}

/// The moments of a run: each is written once. Where viewers answer it, it was when the first of
/// them did; else when the clock passed it.
struct Moments(Vec<Awaited>);

struct Awaited {
    name: String,
    intended: Offset,
    has_response: bool,
    passed: Option<Offset>,
    is_written: bool,
}

impl Moments {
    fn of(manifest: &Manifest) -> Self {
        let awaited = manifest.moments.iter().map(|moment| Awaited {
            name: moment.name.clone(),
            intended: manifest.clock.wall(moment.at),
            has_response: moment.response.is_some(),
            passed: None,
            is_written: false,
        });
        Self(awaited.collect())
    }

    /// When they are meant to be.
    fn times(&self) -> Vec<Offset> {
        self.0.iter().map(|moment| moment.intended).collect()
    }

    /// The clock has passed a moment.
    fn passed(&mut self, moment: usize, at: Offset) -> Option<RunEvent> {
        let moment = self.0.get_mut(moment)?;
        moment.passed = Some(at);
        if moment.has_response { None } else { moment.write(at) }
    }

    /// Moments that viewers answered for the first time in an interval, whose frames these are.
    fn answered(&mut self, frames: &[Frame]) -> Vec<RunEvent> {
        let responses = frames.iter().flat_map(|frame| &frame.responses);
        let firsts = responses.filter_map(|response| Some((&response.moment, response.first_at?)));
        let mut firsts: Vec<(&String, Offset)> = firsts.collect();
        // The first of all workers' viewers.
        firsts.sort_by_key(|(_, at)| *at);
        firsts
            .into_iter()
            .filter_map(|(name, at)| self.0.iter_mut().find(|m| m.name == *name)?.write(at))
            .collect()
    }

    /// At the end: moments that passed and that nobody answered.
    fn unanswered(&mut self) -> Vec<RunEvent> {
        self.0.iter_mut().filter_map(|moment| moment.write(moment.passed?)).collect()
    }
}

impl Awaited {
    fn write(&mut self, at: Offset) -> Option<RunEvent> {
        let (intended, text) = (Some(self.intended), self.name.clone());
        let fresh = !std::mem::replace(&mut self.is_written, true);
        fresh.then(|| RunEvent { at, intended, kind: "moment".into(), text })
    }
}

#[cfg(test)]
mod tests {
    use hulk_record::ResponseCount;

    use super::*;

    fn moments() -> Moments {
        let awaited = |name: &str, at_s: f64, has_response| Awaited {
            name: name.to_owned(),
            intended: Offset::from_s(at_s),
            has_response,
            passed: None,
            is_written: false,
        };
        Moments(vec![
            awaited("toss", 1.0, false),
            awaited("out", 2.0, true),
            awaited("six", 3.0, true),
        ])
    }

    fn frame(moment: &str, first_at: Option<Offset>) -> Frame {
        let count = ResponseCount { moment: moment.into(), first_at, ..ResponseCount::default() };
        Frame { responses: vec![count], ..Frame::default() }
    }

    fn told(events: impl IntoIterator<Item = RunEvent>) -> Vec<(String, Option<f64>, f64)> {
        events.into_iter().map(|e| (e.text, e.intended.map(Offset::as_s), e.at.as_s())).collect()
    }

    #[test]
    fn a_moment_was_when_the_first_viewer_answered_it() {
        let (mut moments, at) = (moments(), Offset::from_s);
        assert_eq!(moments.passed(1, at(2.001)), None, "somebody may answer yet");
        assert!(moments.answered(&[frame("out", None)]).is_empty());
        let workers = [frame("out", Some(at(2.7))), frame("out", Some(at(2.4)))];
        let first = moments.answered(&workers);
        assert_eq!(told(first), [("out".to_owned(), Some(2.0), 2.4)]);
        assert!(moments.answered(&[frame("out", Some(at(3.4)))]).is_empty(), "written once");
        assert!(moments.unanswered().is_empty());
    }

    #[test]
    fn a_moment_that_nobody_answers_was_when_the_clock_passed_it() {
        let (mut moments, at) = (moments(), Offset::from_s);
        let toss = moments.passed(0, at(1.002));
        assert_eq!(told(toss), [("toss".to_owned(), Some(1.0), 1.002)]);
        assert_eq!(moments.passed(2, at(3.003)), None);
        // "out" was never reached: it is not told.
        assert_eq!(told(moments.unanswered()), [("six".to_owned(), Some(3.0), 3.003)]);
        assert!(moments.unanswered().is_empty());
    }
}
