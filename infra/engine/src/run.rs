//! A worker's run, from the assignment to the last frame.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use hulk_net::{Epoch, NotAName, TlsError};
use hulk_record::{Frame, MatchTime, Offset, RecorderPlan};
use hulk_scenarios::traffic::Schedule;
use hulk_scenarios::{Arrival, Permit, Rehearsal};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};

use crate::attack::{AttackError, DataPlane};
use crate::callers::{Callers, Calling};
use crate::driver::drive;
use crate::machine::Machine;
use crate::origin::{Destination, destinations};
use crate::pool::Pool;
use crate::recording::Recording;
use crate::timers::Timers;

/// Users beyond the most that are present by the schedule: who leaves holds the slot until the
/// cancelled request is cleaned up.
const SPARE_USERS: usize = 64;
/// After the window's end the last viewers are waited for, until for so long none has come or left: a
/// hundred thousand take seconds to close their connections.
const DRAIN: Duration = Duration::from_secs(2);

/// Whether load runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Arrivals are handed out.
    Running,
    /// Nobody renewed the lease: viewers leave, and arrivals are lost.
    Paused,
    /// No more load.
    Over,
}

impl Phase {
    /// All of them, by their numbers.
    const ALL: [Self; 3] = [Self::Running, Self::Paused, Self::Over];
}

/// Switches the load between running and paused, and ends it.
#[derive(Debug, Clone)]
pub struct Switch(Arc<Shared>);

impl Switch {
    /// From now on load runs, or does not. A load that is over stays so.
    pub fn set(&self, phase: Phase) {
        self.0.set_phase(phase);
    }
}

/// What a worker is to do.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// What is rehearsed.
    pub rehearsal: Arc<Rehearsal>,
    /// Where the load goes: the embedded platform's edges, or all contacts of the target's own
    /// origins, in their order.
    pub permits: Vec<Permit>,
    /// The avatar backend that callers call, where the rehearsal has any.
    pub callee: Option<Permit>,
    /// The slots of the shard.
    pub slots: Range<u32>,
    /// The worker's number and incarnation.
    pub worker: (u32, u64),
    /// Marks the run's requests.
    pub run_id: u32,
    /// Where the worker stands.
    pub region: String,
    /// Whether each request is told by itself.
    pub raw: bool,
}

/// A run that cannot be prepared or went wrong.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No thread for the machine's measures.
    #[error("no thread could be started: {0}")]
    Thread(#[from] std::io::Error),
    /// goose failed.
    #[error(transparent)]
    Attack(#[from] AttackError),
    /// The driver's task ended without a word.
    #[error("the driver's task failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// Not each of the target's origins may be sent to.
    #[error("the target's origins and the permits for them do not fit together")]
    Permits,
    /// A header of the target's that cannot be one; its value is not shown.
    #[error("a header of the target, or its host, cannot be sent")]
    Header,
    /// No encrypted connection can be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A name of the target's that cannot be looked up.
    #[error(transparent)]
    Name(#[from] NotAName),
    /// Not all users were there in time.
    #[error("only {joined} of {wanted} viewers' places were ready within {within:?}")]
    Launch {
        /// Launched.
        joined: usize,
        /// Wanted.
        wanted: usize,
        /// The limit.
        within: Duration,
    },
}

/// What all parts of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) rehearsal: Arc<Rehearsal>,
    /// Where requests go. At least one where there is a request.
    destinations: Vec<Destination>,
    /// So many connections a viewer keeps.
    pub(crate) connections_max: usize,
    /// Whether arrivals may be dropped, and it must be known whose fault that is.
    pub(crate) drops: bool,
    /// Whether connections are the users', and stay for the viewers who come later.
    pub(crate) connections_stay: bool,
    pub(crate) run_id: u32,
    pub(crate) pool: Pool,
    pub(crate) recording: Recording,
    pub(crate) timers: Timers,
    pub(crate) until: Offset,
    /// Whether load runs: the number of a [`Phase`].
    phase: AtomicU8,
    /// Tells those who do not wait in a slot that the phase is another one.
    changed: Notify,
    /// What the calendar says at wall time 0, for requests that carry a time stamp.
    unix_ms_at_0: AtomicI64,
    watermark: AtomicI64,
}

impl Shared {
    /// Whether load runs.
    pub(crate) fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.phase.load(Ordering::Relaxed))]
    }

    fn set_phase(&self, phase: Phase) {
        // A load that is over stays so.
        let change = |now: u8| (now != Phase::Over as u8).then_some(phase as u8);
        let _over = self.phase.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        self.changed.notify_waiters();
        self.timers.wake_all();
    }

    /// Waits for such a phase.
    async fn phase_where(&self, is: impl Fn(Phase) -> bool) {
        loop {
            let changed = self.changed.notified();
            if is(self.phase()) {
                return;
            }
            changed.await;
        }
    }

    /// When, on the wall, a match time is.
    pub(crate) fn offset(&self, at: MatchTime) -> Offset {
        self.rehearsal.clock.wall(at)
    }

    /// The instant of a wall time; before the start is known, as if it were now.
    pub(crate) fn instant(&self, at: Offset) -> Instant {
        self.timers.epoch().at_us(at.0)
    }

    /// The wall time now.
    pub(crate) fn now(&self) -> Offset {
        Offset(self.timers.epoch().now_us())
    }

    /// Wall time as ms since 1970 UTC.
    pub(crate) fn unix_ms(&self, at: Offset) -> i64 {
        self.unix_ms_at_0.load(Ordering::Relaxed) + at.0 / 1000
    }

    /// The place of the destination of a viewer at an edge who asks a service.
    pub(crate) fn place(&self, edge: usize, service: u16) -> usize {
        self.rehearsal.target.destination(edge, service) % self.destinations.len()
    }

    /// The destination at a place.
    pub(crate) fn destination(&self, place: usize) -> &Destination {
        &self.destinations[place]
    }

    /// Whether the window has ended, or all that was to be done is done before.
    fn is_over(&self) -> bool {
        let handed_out = self.watermark() >= self.until;
        self.now() >= self.until
            || (self.rehearsal.ends_early() && handed_out && self.pool.held() == 0)
    }

    /// Until when every arrival that was due has been handed out or counted.
    fn watermark(&self) -> Offset {
        Offset(self.watermark.load(Ordering::Relaxed))
    }

    /// Every arrival due until then has been handed out or counted.
    pub(crate) fn reached(&self, due: Offset) {
        self.watermark.store(due.0, Ordering::Relaxed);
    }
}

/// A worker's load, ready to start: its users are launched and parked.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    arrivals: Vec<Arrival>,
    callers: Option<Callers>,
    data: DataPlane,
    machine: Machine,
}

impl Engine {
    /// Generates the schedule, keeps the shard's part of it, and launches the users.
    ///
    /// # Errors
    /// When goose cannot be started.
    pub async fn prepare(assignment: Assignment, open_files_max: u64) -> Result<Self, EngineError> {
        let Assignment { rehearsal, permits, callee, slots, worker, run_id, region, raw } =
            assignment;
        let shard = Schedule::generate(&rehearsal.audience).shard(|slot| slots.contains(&slot));
        let arrivals = rehearsal.arrivals(&shard);
        let callers = callee.zip(rehearsal.callers.as_ref()).map(|(permit, callers)| Callers {
            permit,
            adapter: Arc::clone(&callers.adapter),
            calls: rehearsal.calls(|slot| slots.contains(&slot)),
            again: callers.again(),
            run_id,
        });
        let needed = rehearsal.users_peak(&shard) as usize + SPARE_USERS;
        let users = rehearsal.users_max.map_or(needed, |users| users as usize);
        let plan = RecorderPlan {
            journeys: rehearsal.script.info(),
            moments: rehearsal.moments(),
            region,
            interval_us: rehearsal.interval_us(),
            raw,
        };
        let shared = Arc::new(Shared {
            pool: Pool::new(users),
            recording: Recording::new(plan, rehearsal.lead_in_from(), worker),
            until: rehearsal.until(),
            destinations: destinations(&rehearsal.target, &rehearsal.local_addresses, &permits)?,
            connections_max: rehearsal.target.connections_per_viewer() as usize,
            drops: !rehearsal.is_closed_loop(),
            connections_stay: rehearsal.is_open(),
            // One more: the driver's own.
            timers: Timers::new(users + 1)?,
            phase: AtomicU8::new(Phase::Running as u8),
            changed: Notify::new(),
            run_id,
            unix_ms_at_0: AtomicI64::new(0),
            watermark: AtomicI64::new(i64::MIN),
            rehearsal,
        });
        let machine = Machine::new(open_files_max)?;
        let data = DataPlane::start(Arc::clone(&shared))?;
        let mut engine = Self { shared, arrivals, callers, data, machine };
        engine.launched(users).await?;
        Ok(engine)
    }

    /// How many viewers it can hold at a time.
    pub fn users(&self) -> usize {
        self.shared.pool.len()
    }

    /// Switches the load between running and paused, and ends it.
    pub fn switch(&self) -> Switch {
        Switch(Arc::clone(&self.shared))
    }

    /// Runs the schedule with wall time 0 at `epoch`, which the calendar calls `unix_ms_at_0` (ms
    /// since 1970 UTC); a frame goes to `frames` each interval. Returns how many there were.
    ///
    /// # Errors
    /// When goose failed.
    pub async fn run(
        mut self,
        epoch: Instant,
        unix_ms_at_0: i64,
        frames: mpsc::Sender<Frame>,
    ) -> Result<u64, EngineError> {
        self.shared.timers.start(Epoch(epoch));
        self.shared.unix_ms_at_0.store(unix_ms_at_0, Ordering::Relaxed);
        let arrivals = std::mem::take(&mut self.arrivals);
        let shared = Arc::clone(&self.shared);
        let timers = self.data.spawn(async move { shared.timers.run().await });
        let driver = self.data.spawn(drive(Arc::clone(&self.shared), arrivals));
        let calling = match self.callers.take() {
            Some(callers) => Some(self.data.spawn(callers.call(Epoch(epoch))).await?),
            None => None,
        };
        if let Some(calling) = &calling {
            let (shared, callee) = (Arc::clone(&self.shared), calling.callee());
            // Without a lease nobody calls, and who was cut off does not call again.
            self.data.spawn(async move {
                shared.phase_where(|phase| phase != Phase::Running).await;
                callee.hang_up();
            });
        }
        self.record(&frames, calling).await;
        self.shared.set_phase(Phase::Over);
        driver.await?;
        // It only ends by itself when the kernel's timer fails.
        if timers.is_finished() {
            timers.await??;
        } else {
            timers.abort();
        }
        goose::trigger_killswitch("the rehearsal is over");
        self.data.join().await?;
        Ok(self.shared.recording.frames())
    }

    /// Waits for all users: the start must not find them still launching.
    async fn launched(&mut self, wanted: usize) -> Result<(), EngineError> {
        const WITHIN: Duration = Duration::from_secs(30);
        let deadline = Instant::now() + WITHIN;
        while self.shared.pool.joined() < wanted {
            let ended = self.data.ended();
            let over = ended.is_some();
            ended.unwrap_or(Ok(()))?;
            if over || Instant::now() > deadline {
                let joined = self.shared.pool.joined();
                return Err(EngineError::Launch { joined, wanted, within: WITHIN });
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Sends a frame at the end of each interval, the last one when all viewers have left and all calls
    /// have ended.
    async fn record(&mut self, frames: &mpsc::Sender<Frame>, mut calling: Option<Calling>) {
        let shared = Arc::clone(&self.shared);
        let interval = shared.rehearsal.interval_us() as i64;
        let mut from = shared.rehearsal.lead_in_from();
        loop {
            let next = Offset((from.0.div_euclid(interval) + 1) * interval);
            let over = tokio::select! {
                () = sleep_until(shared.instant(next)) => shared.is_over(),
                () = shared.phase_where(|phase| phase == Phase::Over) => true,
            };
            if over {
                self.drain().await;
                if let Some(calling) = &mut calling {
                    calling.end().await;
                }
            }
            let to = if over { shared.now().max(from) } else { next };
            let mut frame =
                shared.recording.drain((from, to), shared.watermark(), self.machine.sample());
            if let Some(calling) = &calling {
                calling.fill(&mut frame);
            }
            // Nobody listens any more: the run is being given up, and the phase says so.
            let _heard = frames.send(frame).await;
            if over {
                return;
            }
            from = to;
        }
    }

    /// Gives the last arrivals time to be handed out, and the last viewers time to leave.
    async fn drain(&self) {
        let shared = &self.shared;
        let progress = || match shared.phase() {
            // Nothing more is handed out.
            Phase::Over => (shared.until, shared.pool.held()),
            _ => (shared.watermark().min(shared.until), shared.pool.held()),
        };
        let (mut before, mut since) = (progress(), Instant::now());
        while before != (shared.until, 0) && since.elapsed() < DRAIN {
            sleep(Duration::from_millis(2)).await;
            let now = progress();
            if now != before {
                (before, since) = (now, Instant::now());
            }
        }
    }
}
