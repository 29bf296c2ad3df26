//! What is too large to be rehearsed: found before any memory is asked for.

use hulk_settings::{At, Section};
use hulk_traffic_models::{Audience, Executor, Response};

/// Viewers at a time. A machine has far fewer ports and descriptors: more is a slip of a digit.
const VIEWERS_MAX: f64 = 5e6;
/// Visits and answers to moments in all: 64 bytes each, and more while they are made.
const VISITS_MAX: f64 = 2e7;
/// The longest run, in s of wall time: a week.
const WALL_S_MAX: f64 = 604_800.0;
/// Moments of a day, spikes included.
const MOMENTS_MAX: usize = 10_000;

/// Notes a rehearsal that is too large.
pub(super) fn check_size(audience: &Audience, speed: f64, root: &Section<'_>) -> Option<()> {
    if let Some(executor) = &audience.executor {
        return check_load(executor, speed, root);
    }
    let scale = [At::Key("audience"), At::Key("scale")];
    let viewers = f64::from(audience.wanted_max()) + pushed(audience);
    let smaller = |factor: f64| Some(format!("at most `scale = {:.2e}`", audience.scale * factor));
    let mut fits = true;
    let mut too_large = |path: &[At<'_>], message: String, hint| {
        root.problem_in(path, message, hint);
        fits = false;
    };
    if viewers > VIEWERS_MAX {
        let message =
            format!("{viewers:.0} viewers at once: at most {VIEWERS_MAX} can be rehearsed");
        too_large(&scale, message, smaller(VIEWERS_MAX / viewers * 0.99));
    } else if visits(audience) > VISITS_MAX {
        let visits = visits(audience);
        let message = format!(
            "about {visits:.0} visits and answers to moments: at most {VISITS_MAX} can be rehearsed"
        );
        too_large(&scale, message, smaller(VISITS_MAX / visits * 0.9));
    }
    let wall_s = f64::from(audience.length_s()) / speed;
    if wall_s > WALL_S_MAX {
        let message = format!("the run would take {:.0} days: at most 7", wall_s / 86_400.0);
        let hint =
            Some("raise `clock.speed`, or narrow `audience.from_min` to `to_min`".to_owned());
        too_large(&[At::Key("clock"), At::Key("speed")], message, hint);
    }
    let moments = audience.moments.len();
    if moments > MOMENTS_MAX {
        let message = format!("{moments} moments: at most {MOMENTS_MAX} can be rehearsed");
        let hint = Some("lower `spikes.per_hour`, or leave moments out".to_owned());
        too_large(&[At::Key("spikes"), At::Key("per_hour")], message, hint);
    }
    fits.then_some(())
}

/// Notes an executor that is too large.
fn check_load(executor: &Executor, speed: f64, root: &Section<'_>) -> Option<()> {
    let ((users, visits), wall_s) = (executor.size(), executor.until().as_s() / speed);
    let (message, hint) = if users > VIEWERS_MAX {
        (
            format!("{users:.0} users at once: at most {VIEWERS_MAX} can be rehearsed"),
            "ask for fewer",
        )
    } else if visits > VISITS_MAX {
        let message = format!("about {visits:.0} arrivals: at most {VISITS_MAX} can be rehearsed");
        (message, "lower the rate, or make it shorter")
    } else if wall_s > WALL_S_MAX {
        let message = format!("the run would take {:.0} days: at most 7", wall_s / 86_400.0);
        (message, "make it shorter, or raise `clock.speed`")
    } else {
        return Some(());
    };
    root.problem_in(&[At::Key("load"), At::Key(executor.name())], message, Some(hint.to_owned()));
    None
}

/// Whom all pushes of the window bring.
fn pushed(audience: &Audience) -> f64 {
    let pushes = audience.moments_inside().filter_map(|(_, moment)| match &moment.response {
        Some(Response::Push(push)) => Some(f64::from(push.people(audience.scale))),
        _ => None,
    });
    pushes.sum()
}

/// About how many visits come of the audience, with the answers of those who stay.
fn visits(audience: &Audience) -> f64 {
    let wanted = f64::from(audience.wanted_max());
    // Nobody stays for less than a second.
    let stay_s = audience.view_length.mean_s().max(1.0);
    let turns = f64::from(audience.length_s()) / stay_s;
    let acts = audience.moments_inside().filter_map(|(at, moment)| match &moment.response {
        Some(Response::Act(act)) => Some(f64::from(audience.wanted(at)) * act.share),
        _ => None,
    });
    wanted * (1.0 + turns) + pushed(audience) + acts.sum::<f64>()
}
