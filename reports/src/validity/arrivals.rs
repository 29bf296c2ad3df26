//! Did the planned audience come?

use hulk_record::{ArrivalCounts, Offset};

use super::machine::taken_by_host;
use super::share;
use crate::verdict::Check;
use crate::view::View;
use crate::words::{capital, count, counted, minute, number, number_and_limit, percent, was};

/// `intended = on_time + late + dropped + lost`, whoever counted.
pub(super) fn ledger(view: &View<'_>) -> Check {
    let all = view.arrivals();
    let accounted = all.sent() + all.dropped() + all.lost;
    let gap = all.intended.abs_diff(accounted);
    let reason = format!(
        "Of {} intended {} {} sent, dropped or lost.",
        counted(all.intended, "arrival"),
        count(accounted),
        was(accounted),
    );
    Check::at_most("ledger of arrivals", gap as f64, 0.0, "arrivals", reason)
}

/// Every arrival of the schedule must have come due with some worker.
pub(super) fn planned(view: &View<'_>) -> Check {
    const NAME: &str = "schedule";
    const UNIT: &str = "arrivals";
    if !view.is_complete() {
        let reason = "The run stopped before its schedule ended.";
        return Check::not_made(NAME, 0.0, UNIT, reason);
    }
    let (intended, planned) = (view.arrivals().intended, view.manifest().arrivals_planned);
    let reason =
        format!("{} came due of {} in the schedule.", counted(intended, "arrival"), count(planned));
    Check::at_most(NAME, intended.abs_diff(planned) as f64, 0.0, UNIT, reason)
}

/// What the generator did not send in time is not the target's fault.
pub(super) fn generator(view: &View<'_>, lost_time: bool) -> Check {
    const NAME: &str = "arrivals missed by the generator";
    let (mut all, limit) = (view.arrivals(), view.manifest().limits.generator_share_max);
    if view.callers_alone() {
        return Check::not_made(NAME, limit, "share", "No viewer was to come.");
    }
    let delivered = share(all.sent() as f64, all.intended as f64);
    let taken = taken_by_host(view);
    // What left late while the host had the machine is the host's doing.
    let excused = view.merged.frames().filter(|frame| taken(frame));
    all.late -= excused.map(|frame| frame.arrivals.late).sum::<u64>();
    let measured = share(all.by_generator() as f64, all.intended as f64);
    let reason = format!(
        "{} % of the schedule was delivered: {}.",
        percent(delivered),
        causes(view, &all, measured, limit, lost_time),
    );
    Check::at_most(NAME, measured, limit, "share", reason)
}

fn causes(
    view: &View<'_>,
    all: &ArrivalCounts,
    measured: f64,
    limit: f64,
    lost_time: bool,
) -> String {
    let late_hint = match lost_time {
        true => "the machine lost time",
        false => "give the generator more CPU",
    };
    let mut causes = [
        (all.dropped_pool, "the pool of users was too small", "never sent", "raise its size"),
        (
            all.dropped_descriptors,
            "file descriptors or local ports ran out",
            "never sent",
            "raise their limit or use more workers",
        ),
        (all.late, "the generator was slow", "sent late", late_hint),
    ];
    causes.sort_by_key(|&(missed, ..)| std::cmp::Reverse(missed));
    let told: Vec<String> = causes
        .iter()
        .filter(|&&(missed, ..)| missed > 0)
        .map(|&(missed, cause, what, hint)| {
            format!("{cause} ({} {what}; {hint})", counted(missed, "arrival"))
        })
        .collect();
    if told.is_empty() {
        return "the generator missed nothing".to_owned();
    }
    let (share, limit) = number_and_limit(measured * 100.0, limit * 100.0);
    let worst = view
        .merged
        .frames()
        .map(|frame| (frame.arrivals.by_generator(), frame.from))
        .fold((0, Offset(0)), |worst, next| if next.0 > worst.0 { next } else { worst });
    format!(
        "{}; the generator missed {} of {} arrivals ({share} %, limit {limit} %), most at match \
         minute {}",
        told.join(", "),
        count(all.by_generator()),
        count(all.intended),
        minute(view.manifest().match_minute(worst.1)),
    )
}

/// Arrivals that nobody sent leave a hole in the audience. The same share is tolerated as of the
/// generator's other misses. A run that was stopped loses what was due at that moment.
pub(super) fn lost(view: &View<'_>) -> Check {
    let (all, limit) = (view.arrivals(), view.manifest().limits.generator_share_max);
    if !view.is_complete() {
        let reason = "A run that is stopped loses the arrivals of its last moment.";
        return Check::not_made("lost arrivals", limit, "share", reason);
    }
    let measured = share(all.lost as f64, all.intended as f64);
    let (share, shown) = number_and_limit(measured * 100.0, limit * 100.0);
    let reason = format!(
        "{} of {} arrivals {} lost with a worker or its lease ({share} %, limit {shown} %).",
        capital(&count(all.lost)),
        count(all.intended),
        was(all.lost),
    );
    Check::at_most("lost arrivals", measured, limit, "share", reason)
}

/// The viewers present must be the viewers wanted, from t = 0 on. Those whom the target kept out
/// (their arrival was dropped while users waited for its answers) are its failure, not the run's.
pub(super) fn presence(view: &View<'_>) -> Check {
    const NAME: &str = "presence";
    let (manifest, limit) = (view.manifest(), view.manifest().limits.presence_off_share_max);
    let mut present = view.present();
    if !view.is_complete() {
        // The viewers of a run that is stopped leave in the middle of its last interval.
        present.pop();
    }
    let wanted = &manifest.wanted[..manifest.wanted.len().min(present.len())];
    if wanted.is_empty() {
        return Check::not_made(NAME, limit, "share", "There is no interval to compare.");
    }
    let mut kept_out = vec![0_u64; wanted.len()];
    for frame in view.merged.frames() {
        let at = view.interval_at(frame.from).max(0) as usize;
        if let Some(sum) = kept_out.get_mut(at) {
            *sum += frame.arrivals.dropped_target;
        }
    }
    let mut excused = 0;
    let (mut off, mut worst) = (0_u64, (0_u64, 0_usize));
    for (at, &wanted) in wanted.iter().enumerate() {
        excused += kept_out[at];
        let (wanted, present) = (u64::from(wanted), present[at].unwrap_or(0));
        let missing = wanted.saturating_sub(present).saturating_sub(excused);
        let gap = missing.max(present.saturating_sub(wanted));
        if gap as f64 > (wanted as f64 * 0.01).max(2.0) {
            off += 1;
            worst = if gap > worst.0 { (gap, at) } else { worst };
        }
    }
    let measured = share(off as f64, wanted.len() as f64);
    let mut reason = format!(
        "The viewers present were off by more than 1 % and 2 viewers in {} of {} intervals ({} %, \
         limit {} %)",
        count(off),
        count(wanted.len() as u64),
        percent(measured),
        percent(limit),
    );
    if let (gap @ 1.., at) = worst {
        reason += &format!(
            "; worst at match minute {}: {} present, {} wanted, {} off",
            minute(view.minute_of(at as i64)),
            count(present[at].unwrap_or(0)),
            count(u64::from(wanted[at])),
            count(gap),
        );
    }
    Check::at_most(NAME, measured, limit, "share", reason + ".")
}

/// Little's law over the whole record, the lead-in included: viewers present on average (L) =
/// visits a second (λ) × their mean length (W). It holds exactly once every visit has ended.
pub(super) fn little(view: &View<'_>) -> Check {
    const NAME: &str = "Little's law";
    let limit = view.manifest().limits.little_max;
    let (mut presence_us, mut visits_us) = (0_u128, 0_u128);
    let mut last = std::collections::BTreeMap::new();
    for frame in view.merged.frames() {
        presence_us += u128::from(frame.audience.presence_us);
        visits_us += u128::from(frame.audience.visits_us);
        let key = (frame.worker, frame.incarnation);
        last.insert(key, frame.audience.present);
    }
    let open: u64 = last.values().sum();
    if open > 0 || presence_us == 0 {
        let reason = match open {
            0 => "Nobody was present.".to_owned(),
            _ => format!("{} had not ended when the record did.", counted(open, "visit")),
        };
        return Check::not_made(NAME, limit, "share", &reason);
    }
    let measured = presence_us.abs_diff(visits_us) as f64 / presence_us as f64;
    let (shown, shown_limit) = number_and_limit(measured * 100.0, limit * 100.0);
    let hours = |us: u128| number(us as f64 / 3.6e9);
    let reason = format!(
        "The viewers were present for {} viewer-hours and their visits lasted {} h in all, {shown} \
         % apart (limit {shown_limit} %).",
        hours(presence_us),
        hours(visits_us),
    );
    Check::at_most(NAME, measured, limit, "share", reason)
}
