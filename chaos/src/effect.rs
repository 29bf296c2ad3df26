//! What a toxic has done: the proof that it has bitten.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use hulk_record::Samples;
use serde::{Deserialize, Serialize};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// What a toxic has done, counted while the links live.
        #[derive(Debug, Default)]
        pub struct Effect {
            $($name: AtomicU64,)+
            /// By how much bytes and ends that went on were late, in µs; it has no memory before the first.
            delays: Mutex<Option<Box<Samples>>>,
        }

        /// What a toxic has done, in numbers.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
        pub struct EffectCounts {
            $($(#[$doc])* pub $name: u64,)+
            /// By how much bytes and ends that went on were late; none where none was.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub delay: Option<DelayShown>,
        }

        impl Effect {
            $($(#[$doc])*
            pub fn $name(&self, count: u64) {
                self.$name.fetch_add(count, Ordering::Relaxed);
            })+

            /// What it has done by now.
            pub fn counts(&self) -> EffectCounts {
                EffectCounts {
                    $($name: self.$name.load(Ordering::Relaxed),)+
                    delay: self.delay(),
                }
            }
        }

        impl EffectCounts {
            /// The counts by their names.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),+]
            }
        }
    };
}

counts! {
    /// Links that it was part of, by its toxicity.
    links,
    /// Bytes that it held back.
    bytes_delayed,
    /// Bytes that it swallowed.
    bytes_dropped,
    /// Ends of streams that it held back.
    ends_delayed,
    /// Pieces that it cut off what came.
    pieces_cut,
    /// Connections that it closed.
    connections_closed,
    /// Connections that it reset.
    connections_reset,
    /// Connections that it let nobody open.
    connections_refused,
    /// Requests that it answered with a failure of its own.
    requests_failed,
    /// Requests whose answer it changed.
    answers_changed,
    /// Requests that it changed on their way to the server.
    requests_changed,
    /// Datagrams that it lost.
    datagrams_lost,
    /// Datagrams that it sent twice.
    datagrams_duplicated,
    /// Datagrams that others have overtaken.
    datagrams_reordered,
}

/// A histogram of delays, in ms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DelayShown {
    /// How many pieces, and ends of streams, were delayed.
    pub count: u64,
    /// Their mean, in ms.
    pub mean_ms: f64,
    /// Half of them are at most this late, in ms.
    pub p50_ms: f64,
    /// 99 % of them are at most this late, in ms.
    pub p99_ms: f64,
    /// The latest, in ms.
    pub max_ms: f64,
}

impl Effect {
    /// Something goes on, later by so many µs.
    pub(crate) fn late_by(&self, by_us: i64) {
        let Ok(by_us @ 1..) = u64::try_from(by_us) else { return };
        let mut delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        delays.get_or_insert_default().record(by_us);
    }

    fn delay(&self) -> Option<DelayShown> {
        let delays = self.delays.lock().unwrap_or_else(PoisonError::into_inner);
        let ms = |us: u64| us as f64 / 1e3;
        delays.as_ref().map(|delays| DelayShown {
            count: delays.count(),
            mean_ms: delays.mean_us() / 1e3,
            p50_ms: ms(delays.quantile_at_most_max_us(500_000)),
            p99_ms: ms(delays.quantile_at_most_max_us(990_000)),
            max_ms: ms(delays.max_us()),
        })
    }
}

impl EffectCounts {
    /// Whether anybody can have noticed it.
    pub fn bit(&self) -> bool {
        let counted = |(name, count): &(&str, u64)| *name != "links" && *count > 0;
        self.delay.is_some() || self.named().iter().any(counted)
    }

    /// What it has done, in words.
    pub fn describe(&self) -> String {
        let mut done = Vec::new();
        for (name, count) in self.named() {
            if count > 0 && name != "links" {
                done.push(format!("{count} {}", name.replace('_', " ")));
            }
        }
        if let Some(delay) = &self.delay {
            done.push(format!(
                "later by {:.1} ms (p50), {:.1} ms (p99)",
                delay.p50_ms, delay.p99_ms
            ));
        }
        let links = if self.links == 1 { "1 link".into() } else { format!("{} links", self.links) };
        if done.is_empty() {
            return format!("has not bitten on {links}");
        }
        format!("has bitten on {links}: {}", done.join(", "))
    }
}
