//! What a backend is made of, as its settings file says it.

use std::collections::BTreeSet;

use hulk_settings::{At, Section, nearest_or_all};
use serde::{Deserialize, Serialize};

use super::regions::{Region, check_regions};
use super::spec_rollout::RolloutSpec;
use super::spec_scaler::ScalerSpec;

/// The most GPUs of one backend.
pub(super) const GPUS_MAX: u64 = 1_000;

/// How a worker counts its streams before it takes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Admission {
    /// Check and take are one step: never above the limit.
    Atomic,
    /// A taken stream is counted only after a while, so a burst is admitted above the limit.
    CheckThenAct,
}

/// At which point of the handshake a worker refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalStyle {
    /// The upgrade is answered by HTTP 403.
    BeforeAccept,
    /// The socket is accepted and closed with 1011 and a reason.
    AfterAccept,
}

const ADMISSIONS: [(&str, Admission); 2] =
    [("atomic", Admission::Atomic), ("check_then_act", Admission::CheckThenAct)];
const REFUSALS: [(&str, RefusalStyle); 2] =
    [("before_accept", RefusalStyle::BeforeAccept), ("after_accept", RefusalStyle::AfterAccept)];

/// A whole backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackendSpec {
    /// How streams are counted.
    pub admission: Admission,
    /// How long a taken stream is not counted yet, where check and act are two steps.
    pub check_to_act_us: i64,
    /// How a stream is refused.
    pub refusal: RefusalStyle,
    /// How long a session is led to its GPU again, from its last use.
    pub affinity_ttl_us: i64,
    /// Frames a second of each stream.
    pub fps: u32,
    /// Width and height of a frame; its pixels are raw RGB.
    pub frame_px: u32,
    /// The most frames of one batch.
    pub batch_max: u32,
    /// After how long a frame's batch starts even if it is not full.
    pub batch_wait_us: i64,
    /// How many frames wait to be sent to one caller.
    pub send_queue_frames: u32,
    /// The GPUs, by kind and zone.
    pub gpus: Vec<GpuSpec>,
    /// Where GPUs stand.
    pub zones: Vec<ZoneSpec>,
    /// What costs money beside the GPUs.
    pub prices: Vec<PriceSpec>,
    /// What orders more GPUs.
    pub scaler: Option<ScalerSpec>,
    /// The regions that callers are led to.
    pub regions: Vec<Region>,
    /// A new version for a share of the users.
    pub rollout: Option<RolloutSpec>,
    /// Whether streams of a GPU that does not keep up have half their frames.
    pub adaptive_quality: bool,
    /// Whether a stream whose caller is gone without a word stays.
    pub leak: bool,
}

/// GPUs of one kind in one zone, each with one worker process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuSpec {
    /// What the kind is called.
    pub kind: String,
    /// In which zone they stand.
    pub zone: String,
    /// How many.
    pub count: u32,
    /// The limit of streams on each.
    pub streams_max: u32,
    /// How long a batch of one frame takes.
    pub batch_1_us: i64,
    /// How long a batch of eight frames takes.
    pub batch_8_us: i64,
    /// Memory of each.
    pub memory_mib: u32,
    /// Clock of each when nothing slows it.
    pub sm_clock_mhz: u32,
    /// Price of each, in any currency.
    pub monthly_cost: f64,
}

/// A zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ZoneSpec {
    /// Its name.
    pub name: String,
    /// How far it is from the callers, by network, one way.
    pub distance_us: i64,
}

/// A line of the price list that is no GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PriceSpec {
    /// What it is for.
    pub name: String,
    /// Its price, in the currency of the GPUs.
    pub monthly_cost: f64,
}

impl BackendSpec {
    /// Reads a backend's file; every problem is noted in the section.
    pub fn read(section: &Section<'_>) -> Option<Self> {
        let admission = section.word_or("admission", &ADMISSIONS, Admission::Atomic);
        let check_to_act_ms = section.integer_or("check_to_act_ms", 0..=60_000, 50);
        let refusal = section.word_or("refusal", &REFUSALS, RefusalStyle::BeforeAccept);
        let affinity_ttl_s = section.integer_or("affinity_ttl_s", 1..=604_800, 3_600);
        let fps = section.integer_or("fps", 1..=120, 25);
        let frame_px = section.integer_or("frame_px", 16..=1_024, 128);
        let batch_max = section.integer_or("batch_max", 1..=64, 8);
        let batch_wait_ms = section.integer_or("batch_wait_ms", 0..=10_000, 30);
        let send_queue_frames = section.integer_or("send_queue_frames", 1..=1_000, 13);
        let gpus = section.list("gpu", GpuSpec::read);
        let zones = section.list("zone", ZoneSpec::read);
        let prices = section.list("price", PriceSpec::read);
        let regions = section.list("region", Region::read);
        let adaptive_quality = section.flag_or("adaptive_quality", false);
        let leak = section.flag_or("leak", false);
        // What cannot be read of these is a noted problem: nobody gets a backend without it.
        let listed = gpus.as_deref().unwrap_or_default();
        let scaler = section.section_optional("scaler");
        let scaler = scaler.and_then(|scaler| ScalerSpec::read(&scaler, listed));
        let rollout = section.section_optional("rollout");
        let rollout = rollout.and_then(|rollout| RolloutSpec::read(&rollout, listed));
        let (gpus, mut zones) = (gpus?, zones?);
        check_gpus(section, &gpus);
        check_zones(section, &gpus, &zones);
        let regions = regions?;
        check_regions(section, &regions);
        if zones.is_empty() {
            let names: BTreeSet<&String> = gpus.iter().map(|gpu| &gpu.zone).collect();
            zones = names
                .into_iter()
                .map(|name| ZoneSpec { name: name.clone(), distance_us: 0 })
                .collect();
        }
        Some(Self {
            admission: admission?,
            check_to_act_us: check_to_act_ms? as i64 * 1_000,
            refusal: refusal?,
            affinity_ttl_us: affinity_ttl_s? as i64 * 1_000_000,
            fps: fps? as u32,
            frame_px: frame_px? as u32,
            batch_max: batch_max? as u32,
            batch_wait_us: batch_wait_ms? as i64 * 1_000,
            send_queue_frames: send_queue_frames? as u32,
            gpus,
            zones,
            prices: prices?,
            scaler,
            regions,
            rollout,
            adaptive_quality: adaptive_quality?,
            leak: leak?,
        })
    }

    /// How many streams all GPUs admit together.
    pub fn streams_max(&self) -> u64 {
        self.gpus.iter().map(|gpu| u64::from(gpu.count) * u64::from(gpu.streams_max)).sum()
    }

    /// What everything costs a month.
    pub fn monthly_cost(&self) -> f64 {
        let gpus: f64 = self.gpus.iter().map(|gpu| f64::from(gpu.count) * gpu.monthly_cost).sum();
        gpus + self.prices.iter().map(|price| price.monthly_cost).sum::<f64>()
    }

    /// How far a zone is from the callers; 0 where nothing is said of it.
    pub fn distance_us(&self, zone: &str) -> i64 {
        self.zones.iter().find(|known| known.name == zone).map_or(0, |known| known.distance_us)
    }
}

impl GpuSpec {
    /// How many of these GPUs are of its kind and zone.
    pub(super) fn together(&self, gpus: &[Self]) -> u64 {
        let alike = gpus.iter().filter(|gpu| gpu.kind == self.kind && gpu.zone == self.zone);
        alike.map(|gpu| u64::from(gpu.count)).sum()
    }

    fn read(section: &Section<'_>) -> Option<Self> {
        let (kind, zone) = (section.text("kind"), section.text("zone"));
        let count = section.integer_or("count", 1..=GPUS_MAX, 1);
        let streams_max = section.integer("streams_max", 1..=1_000);
        let batch_1_us = section.number("batch_1_ms", 0.5..=10_000.0).map(us_of);
        let batch_8_us = section.number("batch_8_ms", 0.5..=10_000.0).map(us_of);
        let memory_mib = section.integer("memory_mib", 1..=1_000_000);
        let sm_clock_mhz = section.integer_or("sm_clock_mhz", 100..=10_000, 2_000);
        let monthly_cost = section.number_or("monthly_cost", 0.0..=1e6, 0.0);
        let (batch_1_us, batch_8_us) = (batch_1_us?, batch_8_us?);
        if batch_8_us < batch_1_us {
            let message = "a batch of eight is not made sooner than a batch of one".to_owned();
            let hint = format!("at least `batch_8_ms = {}`", batch_1_us as f64 / 1e3);
            section.problem_at("batch_8_ms", message, Some(hint));
        }
        Some(Self {
            kind: kind?,
            zone: zone?,
            count: count? as u32,
            streams_max: streams_max? as u32,
            batch_1_us,
            batch_8_us,
            memory_mib: memory_mib? as u32,
            sm_clock_mhz: sm_clock_mhz? as u32,
            monthly_cost: monthly_cost?,
        })
    }
}

impl ZoneSpec {
    fn read(section: &Section<'_>) -> Option<Self> {
        let name = section.text("name");
        let distance_us = section.number_or("distance_ms", 0.0..=1_000.0, 0.0).map(us_of);
        Some(Self { name: name?, distance_us: distance_us? })
    }
}

impl PriceSpec {
    fn read(section: &Section<'_>) -> Option<Self> {
        let name = section.text("name");
        let monthly_cost = section.number("monthly_cost", 0.0..=1e6);
        Some(Self { name: name?, monthly_cost: monthly_cost? })
    }
}

fn us_of(ms: f64) -> i64 {
    (ms * 1e3).round() as i64
}

fn check_gpus(section: &Section<'_>, gpus: &[GpuSpec]) {
    let count: u64 = gpus.iter().map(|gpu| u64::from(gpu.count)).sum();
    if count == 0 {
        let hint = "add `[[gpu]]` with `kind`, `zone` and its limits".to_owned();
        section.problem("a backend has at least one GPU", Some(hint));
    } else if count > GPUS_MAX {
        let message = format!("there are {count} GPUs: at most {GPUS_MAX} are simulated");
        section.problem_at("gpu", message, Some("lower `count`".to_owned()));
    }
}

/// Where zones are listed, each has its own name and every GPU stands in one of them.
fn check_zones(section: &Section<'_>, gpus: &[GpuSpec], zones: &[ZoneSpec]) {
    let mut names: Vec<&str> = Vec::with_capacity(zones.len());
    for (index, zone) in zones.iter().enumerate() {
        if names.contains(&zone.name.as_str()) {
            let path = [At::Key("zone"), At::Item(index), At::Key("name")];
            let message = format!("there are two zones `{}`", zone.name);
            section.problem_in(&path, message, Some("each has its own name".to_owned()));
        }
        names.push(&zone.name);
    }
    for (index, gpu) in gpus.iter().enumerate() {
        if !names.is_empty() && !names.contains(&gpu.zone.as_str()) {
            let path = [At::Key("gpu"), At::Item(index), At::Key("zone")];
            let hint = nearest_or_all(&gpu.zone, &names);
            section.problem_in(&path, format!("there is no zone `{}`", gpu.zone), Some(hint));
        }
    }
}

#[cfg(test)]
impl BackendSpec {
    /// One GPU of given batch times and limit, all else as in a file that says nothing of it.
    pub(crate) fn one_gpu(batch_1_ms: i64, batch_8_ms: i64, streams_max: u32) -> Self {
        let gpu = GpuSpec {
            kind: "RTX 4090".to_owned(),
            zone: "a".to_owned(),
            count: 1,
            streams_max,
            batch_1_us: batch_1_ms * 1_000,
            batch_8_us: batch_8_ms * 1_000,
            memory_mib: 24_000,
            sm_clock_mhz: 2_000,
            monthly_cost: 300.0,
        };
        Self {
            admission: Admission::Atomic,
            check_to_act_us: 50_000,
            refusal: RefusalStyle::BeforeAccept,
            affinity_ttl_us: 3_600_000_000,
            fps: 25,
            frame_px: 128,
            batch_max: 8,
            batch_wait_us: 30_000,
            send_queue_frames: 13,
            gpus: vec![gpu],
            zones: vec![ZoneSpec { name: "a".to_owned(), distance_us: 0 }],
            prices: Vec::new(),
            scaler: None,
            regions: Vec::new(),
            rollout: None,
            adaptive_quality: false,
            leak: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use hulk_settings::{Problems, Source, read};

    use super::*;

    const WHOLE: &str = r#"
admission = "check_then_act"
check_to_act_ms = 40
refusal = "after_accept"
affinity_ttl_s = 600
fps = 20
frame_px = 64
batch_max = 4
batch_wait_ms = 10
send_queue_frames = 5
adaptive_quality = true
leak = true
[[gpu]]
kind = "RTX 4090"
zone = "us-east"
count = 2
streams_max = 12
batch_1_ms = 8
batch_8_ms = 25.5
memory_mib = 24_000
sm_clock_mhz = 2_520
monthly_cost = 300.0
[[gpu]]
kind = "T4"
zone = "us-west"
streams_max = 5
batch_1_ms = 16
batch_8_ms = 62
memory_mib = 16_000
[[zone]]
name = "us-east"
distance_ms = 5
[[zone]]
name = "us-west"
distance_ms = 32.5
[[price]]
name = "redis"
monthly_cost = 150
"#;

    fn parse(text: &str) -> Result<BackendSpec, Problems> {
        read(&Source::new("b.toml", text), BackendSpec::read)
    }

    #[test]
    fn golden_a_whole_file() {
        let gpu = GpuSpec {
            kind: "RTX 4090".to_owned(),
            zone: "us-east".to_owned(),
            count: 2,
            streams_max: 12,
            batch_1_us: 8_000,
            batch_8_us: 25_500,
            memory_mib: 24_000,
            sm_clock_mhz: 2_520,
            monthly_cost: 300.0,
        };
        let t4 = GpuSpec {
            kind: "T4".to_owned(),
            zone: "us-west".to_owned(),
            count: 1,
            streams_max: 5,
            batch_1_us: 16_000,
            batch_8_us: 62_000,
            memory_mib: 16_000,
            sm_clock_mhz: 2_000,
            monthly_cost: 0.0,
        };
        let zone = |name: &str, distance_us| ZoneSpec { name: name.to_owned(), distance_us };
        let spec = BackendSpec {
            admission: Admission::CheckThenAct,
            check_to_act_us: 40_000,
            refusal: RefusalStyle::AfterAccept,
            affinity_ttl_us: 600_000_000,
            fps: 20,
            frame_px: 64,
            batch_max: 4,
            batch_wait_us: 10_000,
            send_queue_frames: 5,
            gpus: vec![gpu, t4],
            zones: vec![zone("us-east", 5_000), zone("us-west", 32_500)],
            prices: vec![PriceSpec { name: "redis".to_owned(), monthly_cost: 150.0 }],
            adaptive_quality: true,
            leak: true,
            ..BackendSpec::one_gpu(8, 25, 12)
        };
        assert_eq!(parse(WHOLE).unwrap(), spec);
        // 2 · 12 + 5; 2 · 300 + 0 + 150.
        assert_eq!((spec.streams_max(), spec.monthly_cost()), (29, 750.0));
        assert_eq!([spec.distance_us("us-west"), spec.distance_us("mars")], [32_500, 0]);
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let text = "[[gpu]]\nkind = \"RTX 4090\"\nzone = \"a\"\nstreams_max = 12\nbatch_1_ms = 8\n\
                    batch_8_ms = 25\nmemory_mib = 24_000\nmonthly_cost = 300\n";
        assert_eq!(parse(text).unwrap(), BackendSpec::one_gpu(8, 25, 12));
    }

    #[test]
    fn every_problem_is_shown_at_once() {
        let text = WHOLE
            .replace("\"check_then_act\"", "\"check_then_acts\"")
            .replace("fps = 20", "fps = 0")
            .replace("zone = \"us-west\"", "zone = \"us-vest\"")
            .replace("batch_8_ms = 62", "batch_8_ms = 6")
            .replace("name = \"us-west\"", "name = \"us-east\"");
        let problems = parse(&text).unwrap_err();
        let shown: Vec<(&str, Option<&str>)> =
            problems.list.iter().map(|p| (p.message.as_str(), p.hint.as_deref())).collect();
        assert_eq!(
            shown,
            [
                (
                    "`check_then_acts` is not one of `atomic`, `check_then_act`",
                    Some("did you mean `check_then_act`?")
                ),
                (
                    "`fps` is 0: it must be from 1 to 120",
                    Some("the nearest that is allowed is `fps = 1`")
                ),
                ("there is no zone `us-vest`", Some("did you mean `us-east`?")),
                (
                    "a batch of eight is not made sooner than a batch of one",
                    Some("at least `batch_8_ms = 16`")
                ),
                ("there are two zones `us-east`", Some("each has its own name")),
            ]
        );
    }

    #[test]
    fn a_backend_without_gpus_or_with_too_many_is_refused() {
        let none = parse("fps = 25").unwrap_err();
        assert_eq!(none.list[0].message, "a backend has at least one GPU");
        let many = parse(&WHOLE.replace("count = 2", "count = 1_000")).unwrap_err();
        assert_eq!(many.list[0].message, "there are 1001 GPUs: at most 1000 are simulated");
    }

    #[test]
    fn a_price_list_that_leaves_gpus_out_makes_a_stream_look_cheap() {
        // 4 · 425 + 150 = 1,850; ÷ 72 streams = 25.69, but ÷ the 48 that it pays for = 38.54.
        let mut spec = BackendSpec::one_gpu(8, 25, 12);
        spec.prices = vec![PriceSpec { name: "redis".to_owned(), monthly_cost: 150.0 }];
        let priced = GpuSpec { count: 4, monthly_cost: 425.0, ..spec.gpus[0].clone() };
        let left_out = GpuSpec { count: 2, monthly_cost: 0.0, ..spec.gpus[0].clone() };
        spec.gpus = vec![priced.clone(), left_out];
        let cost = spec.monthly_cost() / spec.streams_max() as f64;
        spec.gpus = vec![priced];
        let honest = spec.monthly_cost() / spec.streams_max() as f64;
        assert!((cost - 25.69).abs() < 0.005 && (honest - 38.54).abs() < 0.005, "{cost} {honest}");
    }
}
