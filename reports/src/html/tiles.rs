//! The key figures of the first screen: what broke and for whom, when something did, and how large
//! and how good the run was.

use crate::callers::Cells;
use crate::timeline::Times;
use crate::verdict::{ObjectiveResult, ObjectiveStatus, Verdict, VerdictKind};
use crate::view::View;
use crate::words::{count, escape, micros, minute, number, percent, stood_for};

/// The built-in objective.
const ARRIVALS: &str = "arrivals served";

struct Tile {
    worst: bool,
    value: String,
    what: String,
}

impl Tile {
    fn new(value: String, what: impl Into<String>) -> Self {
        Self { worst: false, value, what: what.into() }
    }

    fn worst(value: String, what: impl Into<String>) -> Self {
        Self { worst: true, value, what: what.into() }
    }
}

/// The tiles as list items; `times` are those of the whole run.
pub(super) fn tiles(view: &View<'_>, verdict: &Verdict, times: Option<Times>) -> String {
    let mut tiles = broken(verdict);
    let failed = !tiles.is_empty();
    tiles.extend(measured(view, verdict, (failed, times)));
    tiles
        .iter()
        .map(|tile| {
            format!(
                "<li class=\"{}tile\"><b class=\"value\">{}</b><span>{}</span></li>\n",
                if tile.worst { "worst " } else { "" },
                escape(&tile.value),
                escape(&tile.what)
            )
        })
        .collect()
}

/// Which service, when, how many viewers and why; nothing where no objective was breached.
fn broken(verdict: &Verdict) -> Vec<Tile> {
    let failed = verdict.partial.unwrap_or(verdict.kind) == VerdictKind::Fail;
    let first = verdict.objectives.iter().find(|result| {
        result.status == ObjectiveStatus::Breached
            && verdict.reasons.contains(&result.reason)
            && verdict.reasons.iter().find(|reason| is_of_breach(verdict, reason))
                == Some(&result.reason)
    });
    let Some(first) = first.filter(|_| failed) else { return Vec::new() };
    let mut tiles = vec![when(first)];
    let of_service = verdict.scaling.iter().find(|of| of.service == first.service);
    let viewers = of_service.and_then(|of| of.viewers_not_served).or(first.viewers_not_served);
    if let Some(viewers) = viewers.filter(|viewers| *viewers > 0) {
        let stood = stood_for(viewers, verdict.scale)
            .map_or_else(String::new, |all| format!(", who stood for {all}"));
        tiles.push(Tile::worst(
            count(viewers),
            format!("viewers not served by {}{stood}", first.service),
        ));
    }
    if let Some(short) = of_service.and_then(|of| of.shortage) {
        tiles.push(Tile::worst(
            format!("{} of {}", number(short.worst_supply), number(short.worst_demand)),
            format!(
                "instances of {} ready at match minute {}",
                first.service,
                minute(short.worst_match_min)
            ),
        ));
    }
    tiles
}

fn is_of_breach(verdict: &Verdict, reason: &str) -> bool {
    let breached = |result: &&ObjectiveResult| result.status == ObjectiveStatus::Breached;
    verdict.objectives.iter().filter(breached).any(|result| result.reason == *reason)
}

fn when(first: &ObjectiveResult) -> Tile {
    let what = match first.service.as_str() {
        "" => first.name.clone(),
        service => service.to_owned(),
    };
    let at = match (first.first_match_min, &first.moment) {
        (Some(at), Some(moment)) => {
            format!("broke first, at match minute {} after {moment}", minute(at))
        }
        (Some(at), None) => format!("broke first, at match minute {}", minute(at)),
        (None, _) if first.service.is_empty() => "breached".to_owned(),
        (None, _) => format!("breached: {}", first.name),
    };
    Tile::worst(what, at)
}

/// What to quote of the callers; nothing without them.
fn of_callers(verdict: &Verdict) -> Vec<Tile> {
    let figures = || verdict.callers.iter().flat_map(|callers| &callers.figures);
    let tile = |name: &str, what: &str| {
        let figure = figures().find(|figure| figure.name == name)?;
        Some(Tile::new(Cells::of(figure).measured, what))
    };
    let tiles = [
        tile("sessions at a time", "most calls at a time"),
        tile("goodput", "of the calls were good"),
        tile("audio to frame, p95", "p95 from audio to frame, all calls"),
    ];
    tiles.into_iter().flatten().collect()
}

fn measured(
    view: &View<'_>,
    verdict: &Verdict,
    (failed, times): (bool, Option<Times>),
) -> Vec<Tile> {
    let wanted = view.manifest().wanted.iter().max();
    let wanted =
        wanted.map_or_else(String::new, |most| format!(", {} wanted", count((*most).into())));
    let present = view.present().into_iter().flatten().max().unwrap_or(0);
    let requests = &verdict.requests;
    // Those of the file: the built-in one is only told of when it is breached.
    let own = |of: &&ObjectiveResult| of.name != ARRIVALS || of.status == ObjectiveStatus::Breached;
    let objectives: Vec<_> = verdict.objectives.iter().filter(own).collect();
    let met = objectives.iter().filter(|o| o.status == ObjectiveStatus::Met).count();
    let measured: Vec<_> =
        verdict.validity.iter().filter(|c| c.measured.is_some() || !c.holds).collect();
    let held = measured.iter().filter(|check| check.holds).count();
    let unmeasured = match verdict.validity.len() - measured.len() {
        0 => String::new(),
        more => format!(", {more} not measured"),
    };
    let not_served = match requests.first {
        0 => "of no requests".to_owned(),
        first => format!(
            "of {} requests not served, {}\u{a0}%",
            count(first),
            percent(requests.not_served as f64 / first as f64)
        ),
    };
    let mut tiles = Vec::new();
    if !view.callers_alone() {
        tiles.push(Tile::new(count(present), format!("viewers at the peak{wanted}")));
        if !failed {
            let arrivals = count(verdict.arrivals.sent());
            let planned = count(verdict.arrivals_planned);
            tiles.push(Tile::new(arrivals, format!("of {planned} arrivals sent")));
        }
        tiles.extend([
            Tile::new(count(requests.not_served), not_served),
            Tile::new(
                times.map_or_else(|| "–".to_owned(), |times| micros(times.p99_us as f64)),
                "p99 of response time, all services",
            ),
        ]);
    }
    tiles.extend(of_callers(verdict));
    tiles.extend([
        Tile::new(format!("{met} of {}", objectives.len()), "objectives met"),
        Tile::new(
            format!("{held} of {}", measured.len()),
            format!("conditions of a valid run hold{unmeasured}"),
        ),
    ]);
    tiles
}
