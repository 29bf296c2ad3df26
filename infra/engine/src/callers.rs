//! The callers of a worker: each call at its time, beside the viewers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hulk_net::Epoch;
use hulk_record::{
    CallersSample, Cause, Frame, Offset, SESSIONS_MAX, Session, SessionEnd, TroubleCount,
};
use hulk_scenarios::avatar::{Adapter, CallPlan};
use hulk_scenarios::{Permit, PlannedCall};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::call::{Called, Callee};
use crate::lock::lock;

/// Cut off at the end, a call has no more to wait for.
const END_LIMIT: Duration = Duration::from_secs(2);
/// So many different reasons why sessions failed are told of an interval, and the others counted together.
const TROUBLES_MAX: usize = 100;

/// Calls that were prepared.
#[derive(Debug)]
pub(crate) struct Callers {
    pub(crate) permit: Permit,
    pub(crate) adapter: Arc<Adapter>,
    pub(crate) calls: Vec<PlannedCall>,
    /// How often a caller calls again whose call broke off, each time after so long.
    pub(crate) again: (u32, Duration),
    /// Sessions are named after it.
    pub(crate) run_id: u32,
}

/// Calls that are made.
#[derive(Debug)]
pub(crate) struct Calling {
    callee: Arc<Callee>,
    ended: Arc<Mutex<Ended>>,
    calls: JoinHandle<()>,
}

/// Sessions that have ended since the last frame.
#[derive(Debug, Default)]
struct Ended {
    sessions: Vec<Session>,
    untold: u64,
    troubles: Vec<TroubleCount>,
}

impl Callers {
    /// Makes them, each at its time, on this runtime.
    pub(crate) async fn call(self, epoch: Epoch) -> Calling {
        let callee = Arc::new(Callee::new(self.permit, self.adapter, epoch));
        let ended = Arc::new(Mutex::new(Ended::default()));
        let mut calls = JoinSet::new();
        for PlannedCall { caller, at, plan } in self.calls {
            let caller = Caller {
                callee: Arc::clone(&callee),
                ended: Arc::clone(&ended),
                number: caller,
                session: format!("{:08x}-{caller}", self.run_id),
                again: self.again,
                epoch,
            };
            calls.spawn(caller.call(at, plan));
        }
        let calls = tokio::spawn(async move { while calls.join_next().await.is_some() {} });
        Calling { callee, ended, calls }
    }
}

/// Who makes a call, and calls again where it breaks off.
struct Caller {
    callee: Arc<Callee>,
    ended: Arc<Mutex<Ended>>,
    number: u32,
    session: String,
    again: (u32, Duration),
    epoch: Epoch,
}

impl Caller {
    async fn call(self, at: Offset, plan: CallPlan) {
        let (again_max, after) = self.again;
        let mut next = Some((at, plan));
        for attempt in 0..=again_max {
            let Some((at, plan)) = next.take() else { return };
            let mut called = self.callee.call(self.number, &self.session, at, plan.clone()).await;
            called.session.attempt = attempt;
            let now = Offset(self.epoch.now_us());
            next = rest(&called.session, plan, now)
                .map(|rest| (now.plus(after.as_micros() as i64), rest));
            lock(&self.ended).take(called);
        }
    }
}

/// What is left to say for a caller whose call broke off, or who does not get through again. Who was
/// refused at first is gone, and so is who came to the end, or did it wrong.
fn rest(session: &Session, plan: CallPlan, now: Offset) -> Option<CallPlan> {
    match session.end {
        SessionEnd::Lost(Cause::Client | Cause::Auth) => None,
        SessionEnd::Lost(_) => {
            let opened = session.intended_at.plus(session.setup_us? as i64);
            plan.after(u64::try_from(now.since(opened)).unwrap_or(0))
        }
        SessionEnd::Refused(Cause::Client | Cause::Auth) => None,
        SessionEnd::Refused(_) => (session.attempt > 0).then_some(plan),
        SessionEnd::Completed | SessionEnd::Vanished | SessionEnd::Abandoned => None,
    }
}

impl Calling {
    pub(crate) fn callee(&self) -> Arc<Callee> {
        Arc::clone(&self.callee)
    }

    /// Cuts off whatever is left.
    pub(crate) async fn end(&mut self) {
        self.callee.hang_up();
        // A call that does not end is told of by the record: it is planned, and missing.
        let _in_time = timeout(END_LIMIT, &mut self.calls).await;
    }

    /// Writes what happened since the last time into a frame.
    pub(crate) fn fill(&self, frame: &mut Frame) {
        let tally = self.callee.take_tally();
        frame.callers = CallersSample {
            open: tally.open,
            frames: tally.frames,
            latency: tally.latency.sparse(),
            lag: tally.lags.sparse(),
        };
        let ended = std::mem::take(&mut *lock(&self.ended));
        frame.sessions = ended.sessions;
        frame.sessions_untold = ended.untold;
        frame.troubles.extend(ended.troubles);
    }
}

impl Ended {
    fn take(&mut self, Called { session, trouble }: Called) {
        if let Some(trouble) = trouble {
            self.trouble(trouble);
        }
        if self.sessions.len() < SESSIONS_MAX {
            self.sessions.push(session);
        } else {
            self.untold += 1;
        }
    }

    fn trouble(&mut self, what: String) {
        let known = self.troubles.iter().position(|known| known.what == what);
        let what = if self.troubles.len() < TROUBLES_MAX { what } else { "others".to_owned() };
        let place = known.or_else(|| self.troubles.iter().position(|known| known.what == what));
        match place.and_then(|place| self.troubles.get_mut(place)) {
            Some(known) => known.count += 1,
            None => self.troubles.push(TroubleCount {
                journey: "callers".to_owned(),
                step: "session".to_owned(),
                what,
                count: 1,
            }),
        }
    }
}
