//! A platform for tests, and what it has answered.

use std::collections::BTreeMap;

use hulk_chaos::{EdgeLost, FaultKind, Latency};
use hulk_record::MatchTime;
use hulk_scaling::{
    Bounds, CloudGroup, Event, Platform, PlatformEvent, PlatformSpec, Policy, Reply, ServiceStatus,
};
use hulk_settings::{Source, read};

/// An edge and no panic; services are added by [`service`].
pub(crate) const ONE_EDGE: &str = "[edge.north]\nbase_latency_ms = 0\ncache_entries = 64\n";

/// One feed's worth of stream at the service `a`.
pub(crate) const MEDIA: &str = "[media]\norigin = \"a\"\nsegment_s = 6\nwindow_segments = 5\n\
    playlist_ttl_s = 2\nsegment_ttl_s = 60\n[media.rendition.240p]\nkbps = 400\n";

/// A service of one instance with so many requests a second, and further keys; `/name` asks it.
pub(crate) fn service(name: &str, rps: f64, latency_ms: f64, extra: &str) -> String {
    format!(
        "[service.{name}]\nrated_rps = {rps}\npatience_s = 10\nbase_latency_ms = {latency_ms}\n\
         decision_window_s = 60\nprovisioning = {{ evaluate_s = 15, decide_s = 1, node_s = 1, \
         app_s = 1, scale_in_hold_s = 60 }}\n{extra}\n[[route]]\npath = \"/{name}\"\n\
         service = \"{name}\"\njson = {{ text = '{{}}' }}\n"
    )
}

/// Reads a platform's text.
pub(crate) fn spec(text: &str) -> PlatformSpec {
    read(&Source::new("platform.toml", text), PlatformSpec::read)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// So many instances, whatever happens.
pub(crate) fn fixed(instances: u32) -> Policy {
    Policy::CloudGroup(CloudGroup {
        rps_per_instance: 1.0,
        target_utilisation: 1.0,
        bounds: Bounds {
            min_instances: instances,
            max_instances: instances,
            initial_instances: instances,
        },
        step_instances: 1,
        cooldown_s: 0.0,
    })
}

pub(crate) fn slow(service: &str, add_ms: f64) -> FaultKind {
    FaultKind::Latency(Latency { service: service.into(), add_ms })
}

pub(crate) fn lost(edge: &str) -> FaultKind {
    FaultKind::EdgeLost(EdgeLost { edge: edge.into() })
}

pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) replies: BTreeMap<u64, Reply>,
    pub(crate) asked: BTreeMap<u64, MatchTime>,
    speed: f64,
    now: MatchTime,
}

impl World {
    /// With one instance of each service, at full scale and speed 1.
    pub(crate) fn new(text: &str) -> Self {
        Self::with(spec(text), (1.0, 1.0), &[])
    }

    /// At this speed and scale, with these numbers of instances, and one of every other service.
    pub(crate) fn with(
        spec: PlatformSpec,
        (speed, scale): (f64, f64),
        instances: &[(&str, u32)],
    ) -> Self {
        let count = |name: &str| {
            instances.iter().find(|(known, _)| *known == name).map_or(1, |(_, count)| *count)
        };
        let policies = spec.services.iter().map(|s| fixed(count(&s.name))).collect();
        Self::scaled(spec, policies, (speed, scale))
    }

    pub(crate) fn scaled(
        spec: PlatformSpec,
        policies: Vec<Policy>,
        (speed, scale): (f64, f64),
    ) -> Self {
        Self {
            platform: Platform::new(spec, policies, (speed, scale), MatchTime(0), 0.0, 1),
            replies: BTreeMap::new(),
            asked: BTreeMap::new(),
            speed,
            now: MatchTime(0),
        }
    }

    pub(crate) fn step(&mut self, at: MatchTime, event: Event<'_>) {
        self.now = at;
        let mut replies = Vec::new();
        self.platform.step(at, event, &mut replies);
        for reply in replies {
            assert!(reply.at <= at, "a reply from the future");
            let twice = self.replies.insert(reply.id, reply);
            assert_eq!(twice, None, "a request is answered once");
        }
    }

    /// Asks at a second of the match.
    pub(crate) fn ask(&mut self, second: f64, edge: usize, path: &str) -> u64 {
        let (id, at) = (self.asked.len() as u64, MatchTime::from_s(second));
        self.asked.insert(id, at);
        self.step(at, Event::Request { id, edge, path });
        id
    }

    pub(crate) fn inject(&mut self, kind: &FaultKind) {
        self.step(self.now, Event::Inject(kind));
    }

    pub(crate) fn heal(&mut self, kind: &FaultKind) {
        self.step(self.now, Event::Heal(kind));
    }

    pub(crate) fn run_to(&mut self, second: f64) {
        while let Some(wake) = self.platform.next_wake().filter(|w| *w < MatchTime::from_s(second))
        {
            self.step(wake, Event::Wake);
        }
        self.step(MatchTime::from_s(second), Event::Wake);
    }

    /// Status and total time in ms of wall time of an answer.
    pub(crate) fn answer(&self, id: u64) -> (u16, f64) {
        let reply = &self.replies[&id];
        let waited_ms = reply.at.since(self.asked[&id]) as f64 / 1e3 / self.speed;
        (reply.status, waited_ms + reply.latency_ms)
    }

    /// The same for a request that is made now and answered by `until_s`.
    pub(crate) fn asks(&mut self, second: f64, path: &str, until_s: f64) -> (u16, f64) {
        let id = self.ask(second, 0, path);
        self.run_to(until_s);
        let (status, ms) = self.answer(id);
        (status, ms.round())
    }

    pub(crate) fn status(&self, name: &str, edge: &str) -> ServiceStatus {
        let all = self.platform.status();
        let found = all.into_iter().find(|known| known.name == name && known.edge == edge);
        found.unwrap_or_else(|| panic!("no {name} {edge}"))
    }

    /// Switches as `name on` or `name off`.
    pub(crate) fn switches(&mut self) -> Vec<String> {
        let told = |event| match event {
            PlatformEvent::Switched(switch) => {
                Some(format!("{} {}", switch.name, if switch.on { "on" } else { "off" }))
            }
            PlatformEvent::Scaled(_) => None,
        };
        self.platform.take_events().into_iter().filter_map(told).collect()
    }
}
