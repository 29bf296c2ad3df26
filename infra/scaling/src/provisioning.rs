//! How capacity comes and goes: the delays, and what may be bought.

use hulk_settings::{Delay, Section};
use serde::{Deserialize, Serialize};

/// The longest delay that a number may name, in match seconds.
const S_MAX: f64 = 36_000.0;
const INSTANCES_MAX: u64 = 1_000_000;

/// How long capacity takes to arrive and to go, in match seconds, and how much of it there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provisioning {
    /// How often the policy looks.
    pub evaluate_s: f64,
    /// From what the policy sees to the order; drawn once an order.
    pub decide_s: Delay,
    /// From the order to a running node; drawn for each instance, as are the next two.
    pub node_s: Delay,
    /// From a running node to an image that is there: 0 where it is baked in.
    pub image_s: Delay,
    /// From there to an application that serves.
    pub app_s: Delay,
    /// How long fewer instances must have been wanted before some are taken away.
    pub scale_in_hold_s: f64,
    /// So many instances are kept booted, with their image, beside those that serve.
    pub warm_pool_instances: u32,
    /// The quota: so many instances may be bought, all in all.
    pub quota_instances: Option<u32>,
    /// So many instances may be ordered at a time.
    pub order_instances_max: Option<u32>,
}

impl Provisioning {
    /// The same delays for all: of decision, node and application. No pool and no limits.
    pub fn fixed(
        evaluate_s: f64,
        [decide_s, node_s, app_s]: [f64; 3],
        scale_in_hold_s: f64,
    ) -> Self {
        Self {
            evaluate_s,
            decide_s: Delay::Fixed { s: decide_s },
            node_s: Delay::Fixed { s: node_s },
            image_s: Delay::Fixed { s: 0.0 },
            app_s: Delay::Fixed { s: app_s },
            scale_in_hold_s,
            warm_pool_instances: 0,
            quota_instances: None,
            order_instances_max: None,
        }
    }

    /// Reads the delays and the limits.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let evaluate_s = section.number("evaluate_s", 0.1..=3600.0);
        let decide_s = Delay::read_at(section, "decide_s", S_MAX);
        let node_s = Delay::read_at(section, "node_s", S_MAX);
        let image_s = match section.has("image_s") {
            true => Delay::read_at(section, "image_s", S_MAX),
            false => Some(Delay::Fixed { s: 0.0 }),
        };
        let app_s = Delay::read_at(section, "app_s", S_MAX);
        let scale_in_hold_s = section.number("scale_in_hold_s", 0.0..=S_MAX);
        let warm = section.integer_or("warm_pool_instances", 0..=INSTANCES_MAX, 0);
        let limit = |key| match section.has(key) {
            true => section.integer(key, 1..=INSTANCES_MAX).map(|most| Some(most as u32)),
            false => Some(None),
        };
        let quota = limit("quota_instances");
        let order = limit("order_instances_max");
        Some(Self {
            evaluate_s: evaluate_s?,
            decide_s: decide_s?,
            node_s: node_s?,
            image_s: image_s?,
            app_s: app_s?,
            scale_in_hold_s: scale_in_hold_s?,
            warm_pool_instances: warm? as u32,
            quota_instances: quota?,
            order_instances_max: order?,
        })
    }

    /// From what the policy sees to capacity that serves, in match seconds: the mean, without a
    /// warm pool.
    pub fn total_s(&self) -> f64 {
        [&self.decide_s, &self.node_s, &self.image_s, &self.app_s].map(Delay::mean_s).iter().sum()
    }
}
