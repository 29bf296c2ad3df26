//! What the script knows: the bins and steps that the curves are drawn from, as JSON.

use serde::{Serialize, Serializer};

use super::chart::Drawn;
use crate::supply::Supply;
use crate::timeline::{Bin, Level, Times};
use crate::view::View;

#[derive(Serialize)]
struct Data<'a> {
    from_min: f64,
    /// Match seconds per wall second.
    speed: f64,
    /// Match seconds across the drawing.
    total_s: Short,
    /// p50, p99 and p99.9 of the whole run in µs.
    whole_us: Option<[u64; 3]>,
    /// Finer from one to the next.
    levels: Vec<LevelData>,
    services: Vec<ServiceData<'a>>,
}

/// A row of bins by column; times in µs.
#[derive(Serialize)]
struct LevelData {
    step_s: Short,
    /// End of the last bin, which may be shorter.
    end_s: Short,
    wanted: Vec<Option<u64>>,
    present: Vec<Option<u64>>,
    requests: Vec<u64>,
    retries: Vec<u64>,
    failures: Vec<u64>,
    p50: Vec<Option<u64>>,
    p99: Vec<Option<u64>>,
    p999: Vec<Option<u64>>,
}

#[derive(Serialize)]
struct ServiceData<'a> {
    name: &'a str,
    end_s: Short,
    at_s: Vec<Short>,
    demand: Vec<Short>,
    supply: Vec<Option<Short>>,
}

/// A number without digits that nobody sees.
struct Short(f64);

impl Serialize for Short {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = (self.0 * 1e6).round() / 1e6;
        match rounded.fract() == 0.0 && rounded.abs() < 1e15 {
            true => serializer.serialize_i64(rounded as i64),
            false => serializer.serialize_f64(rounded),
        }
    }
}

/// The data as it stands between the tags of a script element: nothing in it can end that element.
pub(super) fn json(view: &View<'_>, drawn: Option<&Drawn>) -> String {
    let Some(drawn) = drawn else { return "null".to_owned() };
    let data = Data {
        from_min: view.manifest().from_match_min,
        speed: view.manifest().clock.speed,
        total_s: Short(drawn.total_s),
        whole_us: drawn.times.map(|times| [times.p50_us, times.p99_us, times.p999_us]),
        levels: drawn.levels.iter().map(level).collect(),
        services: drawn.services.iter().map(service).collect(),
    };
    // Without data the script does nothing, and everything else is there all the same.
    let text = serde_json::to_string(&data).unwrap_or_else(|_| "null".to_owned());
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn level(level: &Level) -> LevelData {
    fn column<T>(level: &Level, of: impl FnMut(&Bin) -> T) -> Vec<T> {
        level.bins.iter().map(of).collect()
    }
    let time = |of: fn(Times) -> u64| column(level, |bin| bin.times.map(of));
    LevelData {
        step_s: Short(level.step_s),
        end_s: Short(level.bins.last().map_or(0.0, |bin| bin.to_s)),
        wanted: column(level, |bin| bin.wanted),
        present: column(level, |bin| bin.present),
        requests: column(level, |bin| bin.requests),
        retries: column(level, |bin| bin.retries),
        failures: column(level, |bin| bin.failures),
        p50: time(|times| times.p50_us),
        p99: time(|times| times.p99_us),
        p999: time(|times| times.p999_us),
    }
}

fn service(supply: &Supply) -> ServiceData<'_> {
    let steps = &supply.steps;
    ServiceData {
        name: &supply.service,
        end_s: Short(supply.end_s),
        at_s: steps.iter().map(|step| Short(step.at_s)).collect(),
        demand: steps.iter().map(|step| Short(step.demand)).collect(),
        supply: steps.iter().map(|s| supply.is_seen(s).then_some(Short(s.supply))).collect(),
    }
}
