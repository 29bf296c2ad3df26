//! Who answers at the control port: the door's figures, looked at once a second.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hulk_scaling::{Event, PanicSwitch};
use hyper::StatusCode;
use serde_json::{Map, Value};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::door::Door;
use crate::events::{Events, event, tell};
use crate::pace::Pace;
use crate::view::view;
use crate::{Alone, Ports};

/// How often the figures are looked at, and told.
const LOOK: Duration = Duration::from_secs(1);
/// How many may listen at a time.
const READERS_MAX: usize = 16;

/// The control port's side of a platform.
pub(crate) struct Desk {
    pub(crate) door: Arc<Door>,
    pub(crate) ports: Ports,
    /// None where it is part of a rehearsal, in which nobody may change anything by hand.
    pub(crate) alone: Option<Alone>,
    paces: Mutex<Vec<Pace>>,
    news: watch::Sender<Bytes>,
    places: Arc<Semaphore>,
}

impl Desk {
    pub(crate) fn new(door: Arc<Door>, ports: Ports, alone: Option<Alone>) -> Self {
        let plan = door.plan();
        let pace = |service: &hulk_scaling::ServiceSpec| {
            Pace::new(service.decision_window_s, service.rated_rps * plan.scale)
        };
        Self {
            paces: Mutex::new(plan.platform.services.iter().map(pace).collect()),
            door,
            ports,
            alone,
            news: watch::Sender::new(Bytes::new()),
            places: Arc::new(Semaphore::new(READERS_MAX)),
        }
    }

    /// Looks once a second, and tells those who listen.
    pub(crate) async fn keep_looking(self: Arc<Self>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.look();
            if self.news.receiver_count() > 0 {
                self.tell_all();
            }
        }
    }

    /// How fast each service is asked, in the order of the description's.
    pub(crate) fn paces(&self) -> MutexGuard<'_, Vec<Pace>> {
        self.paces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of events; none where too many listen. `slow` ends the reader's connection.
    pub(crate) fn listen(&self, alone: &Alone, slow: Arc<Notify>) -> Option<Events> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(tell(event(&view(self, alone)), self.news.subscribe(), slow, place))
    }

    /// Scales a service by another policy.
    pub(crate) fn follow(
        &self,
        alone: &Alone,
        service: &str,
        wanted: &Map<String, Value>,
    ) -> Result<(), String> {
        let policy = alone.choose(self.door.plan(), service, wanted)?;
        self.door.tell(Event::Follow { service, policy: &policy });
        self.tell_all();
        Ok(())
    }

    /// Turns a panic switch on or off by hand, or leaves it to the audience.
    pub(crate) fn force(&self, name: &str, on: Option<bool>) -> Result<(), (StatusCode, String)> {
        let switches = PanicSwitch::ALL;
        let Some(switch) = switches.into_iter().find(|switch| switch.name() == name) else {
            let names = switches.map(PanicSwitch::name).join(", ");
            let text = format!("there is no switch `{name}`: there are {names}");
            return Err((StatusCode::NOT_FOUND, text));
        };
        if self.door.plan().platform.panic.is_none() {
            let text = "this platform has no panic switches: its description has no `[panic]`";
            return Err((StatusCode::CONFLICT, text.to_owned()));
        }
        self.door.tell(Event::Force { switch, on });
        self.tell_all();
        Ok(())
    }

    /// Tells those who listen what has changed, without waiting for the next look.
    pub(crate) fn tell_all(&self) {
        if let Some(alone) = &self.alone {
            self.news.send_replace(event(&view(self, alone)));
        }
    }

    fn look(&self) {
        let at = self.door.now();
        let asked = self.door.look(|platform, _, _| {
            let scaled = platform.policies().map(|(name, _)| name.to_owned());
            let status = platform.status();
            let asked = |name: String| {
                status.iter().find(|known| known.name == name).map_or(0, |known| known.asked)
            };
            scaled.map(asked).collect::<Vec<u64>>()
        });
        for (pace, asked) in self.paces().iter_mut().zip(asked) {
            pace.note(at, asked);
        }
    }
}
