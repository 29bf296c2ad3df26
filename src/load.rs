//! The engine, as the load of a fleet's worker.

use std::sync::Arc;

use chrono::Utc;
use hulk_engine::{Assignment, Engine, Phase};
use hulk_fleet::{Load, LoadOrder, LoadReport, Plan};
use hulk_scenarios::Scope;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The engine of a worker.
pub(crate) struct EngineLoad {
    /// The worker's number and incarnation.
    pub(crate) worker: (u32, u64),
    /// How many files this process may open.
    pub(crate) open_files_max: u64,
}

/// Frames that may wait for the worker's shell; the recorder waits when there are more.
const FRAMES: usize = 16;

impl Load for EngineLoad {
    async fn follow(
        self,
        mut orders: mpsc::Receiver<LoadOrder>,
        reports: mpsc::Sender<LoadReport>,
    ) {
        let ended = match self.run(&mut orders, &reports).await {
            Ok(frames) => LoadReport::Ended(frames),
            Err(reason) => LoadReport::Failed(reason),
        };
        // A worker that is gone has no use for it.
        let _heard = reports.send(ended).await;
    }
}

impl EngineLoad {
    async fn run(
        &self,
        orders: &mut mpsc::Receiver<LoadOrder>,
        reports: &mpsc::Sender<LoadReport>,
    ) -> Result<u64, String> {
        let mut prepared = None;
        while let Some(order) = orders.recv().await {
            match (order, prepared.take()) {
                (LoadOrder::Prepare(plan), _) => {
                    let engine = self.prepare(*plan).await?;
                    let ready = LoadReport::Ready(engine.users() as u64);
                    prepared = Some(engine);
                    reports.send(ready).await.map_err(|error| error.to_string())?;
                }
                (LoadOrder::Start(epoch), Some(engine)) => {
                    return start(engine, epoch, orders, reports).await;
                }
                (LoadOrder::Start(_), None) => return Err("started before it was prepared".into()),
                (LoadOrder::Stop, _) => return Ok(0),
                (LoadOrder::Pause | LoadOrder::Resume, engine) => prepared = engine,
            }
        }
        Ok(0)
    }

    async fn prepare(&self, plan: Plan) -> Result<Engine, String> {
        let permits = plan.targets.iter().map(|target| Scope::default().permit(*target));
        let permits = permits.collect::<Result<_, _>>().map_err(|refusal| refusal.to_string())?;
        let callee = plan.callee.map(|callee| Scope::default().permit(callee)).transpose();
        let callee = callee.map_err(|refusal| refusal.to_string())?;
        let assignment = Assignment {
            rehearsal: Arc::new(plan.rehearsal),
            permits,
            callee,
            slots: plan.slots_from..plan.slots_to,
            worker: self.worker,
            run_id: plan.run_id,
            region: plan.region,
            raw: plan.raw,
        };
        Engine::prepare(assignment, self.open_files_max).await.map_err(|error| error.to_string())
    }
}

async fn start(
    engine: Engine,
    epoch: Instant,
    orders: &mut mpsc::Receiver<LoadOrder>,
    reports: &mpsc::Sender<LoadReport>,
) -> Result<u64, String> {
    let switch = engine.switch();
    let (frames, mut queue) = mpsc::channel(FRAMES);
    let to_start_ms = epoch.saturating_duration_since(Instant::now()).as_millis() as i64;
    let unix_ms_at_0 = Utc::now().timestamp_millis() + to_start_ms;
    let mut run = tokio::spawn(engine.run(epoch, unix_ms_at_0, frames));
    loop {
        tokio::select! {
            frame = queue.recv() => match frame {
                Some(frame) => {
                    let report = LoadReport::Frame(Box::new(frame));
                    reports.send(report).await.map_err(|error| error.to_string())?;
                }
                // The run has sent its last frame.
                None => {
                    let result = (&mut run).await.map_err(|error| error.to_string())?;
                    return result.map_err(|error| error.to_string());
                }
            },
            order = orders.recv() => match order {
                Some(LoadOrder::Pause) => switch.set(Phase::Paused),
                Some(LoadOrder::Resume) => switch.set(Phase::Running),
                Some(LoadOrder::Stop) | None => switch.set(Phase::Over),
                Some(LoadOrder::Prepare(_) | LoadOrder::Start(_)) => {}
            },
        }
    }
}
