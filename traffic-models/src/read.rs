//! Model files.

use std::sync::Arc;

use hulk_settings::{Problems, Section, Source, nearest_or_all, read};

use crate::responses::PEOPLE_MAX;
use crate::{
    Ball, Commentary, Curve, Day, Decay, Grade, Model, Moment, Point, Response, ViewLength,
};

/// Minutes of a day, with room for matches that run past midnight.
const MINUTE_MAX: f64 = 10_000.0;
/// A decay and the point after it may differ by this share.
const JOINT: f64 = 0.01;

impl Model {
    /// Reads a model file.
    ///
    /// # Errors
    /// Every problem of the file, each with its place.
    pub fn read(source: &Arc<Source>) -> Result<Self, Problems> {
        read(source, |root| {
            let name = root.text("name");
            let about = root.text("about");
            let view_length = root.section("view_length").and_then(|section| view_length(&section));
            let commentary = match root.section_optional("commentary") {
                Some(section) => Commentary::read(&section),
                None => Some(Commentary::default()),
            };
            let days = days(root, commentary.as_ref());
            Some(Self {
                name: name?,
                about: about?,
                view_length: view_length?,
                commentary: commentary?,
                days: days?,
            })
        })
    }
}

fn grade(section: &Section<'_>, key: &'static str) -> Option<Grade> {
    section.word(key, &Grade::ALL)
}

fn view_length(section: &Section<'_>) -> Option<ViewLength> {
    let grade = grade(section, "grade");
    let numbers = section.section("lognormal").and_then(|lognormal| {
        let mu = lognormal.number("mu", 0.0..=12.0);
        let sigma = lognormal.number("sigma", 0.0..=5.0);
        Some((mu?, sigma?))
    });
    let (mu, sigma) = numbers?;
    Some(ViewLength { mu, sigma, grade: grade? })
}

fn days(root: &Section<'_>, commentary: Option<&Commentary>) -> Option<Vec<Day>> {
    let sections = root.sections("days");
    if sections.is_empty() {
        root.problem_at("days", "a model has at least one day", Some("add `[[days]]`".into()));
        return None;
    }
    let read: Vec<Option<Day>> = sections.iter().map(|section| day(section, commentary)).collect();
    let names = read.iter().map(|day| day.as_ref().map(|day| day.name.as_str()));
    unique(&sections, names);
    read.into_iter().collect()
}

fn day(section: &Section<'_>, commentary: Option<&Commentary>) -> Option<Day> {
    let name = section.text("name");
    let minutes_grade = grade(section, "minutes_grade");
    let curve = curve(section);
    let moments = moments(section, curve.as_ref(), commentary);
    Some(Day { name: name?, minutes_grade: minutes_grade?, curve: curve?, moments: moments? })
}

fn curve(day: &Section<'_>) -> Option<Curve> {
    let points = points(day);
    let has_until = day.has("until_minute");
    let until = day.number_or("until_minute", 0.0..=MINUTE_MAX, 0.0);
    let (points, until) = (points?, until?);
    let last = points.last()?;
    let until_min = if has_until { until } else { last.minute };
    if until_min < last.minute {
        let message = format!(
            "`until_minute` is {until_min}: it must not be before the last point ({})",
            last.minute
        );
        let hint = Some(format!("leave it out, or set `until_minute = {}`", last.minute));
        day.problem_at("until_minute", message, hint);
    } else if last.decay.is_some() && until_min == last.minute {
        let hint = Some("add `until_minute = …`".into());
        day.problem_at("until_minute", "a decay from the last point needs an end after it", hint);
    }
    Some(Curve { points, until_min })
}

fn points(day: &Section<'_>) -> Option<Vec<Point>> {
    let sections = day.sections("points");
    if sections.is_empty() {
        day.problem_at("points", "a day has at least one point", Some("add `points = […]`".into()));
        return None;
    }
    let read: Vec<Option<Point>> = sections.iter().map(point).collect();
    for (section, pair) in sections.iter().skip(1).zip(read.windows(2)) {
        let [Some(from), Some(to)] = pair else { continue };
        if to.minute <= from.minute {
            let message = format!(
                "`minute` is {}: it must be later than the point before ({})",
                to.minute, from.minute
            );
            let hint = Some("put the points in the order of their minutes".to_owned());
            section.problem_at("minute", message, hint);
        } else if from.decay.is_some() {
            joint(section, from, to);
        }
    }
    read.into_iter().collect()
}

/// A decay must end where the next point is.
fn joint(section: &Section<'_>, from: &Point, to: &Point) {
    let reached = Curve { points: vec![from.clone()], until_min: to.minute }.viewers_at(to.minute);
    if (reached - to.viewers).abs() > JOINT * reached.max(to.viewers) {
        let message = format!(
            "`viewers` is {}: the decay from minute {} reaches {reached:.0} here",
            to.viewers, from.minute
        );
        let hint = Some("change `tau_s`, `floor` or `viewers`, or add a point".into());
        section.problem_at("viewers", message, hint);
    }
}

fn point(section: &Section<'_>) -> Option<Point> {
    let minute = section.number("minute", 0.0..=MINUTE_MAX);
    let viewers = section.number("viewers", 0.0..=PEOPLE_MAX);
    let grade = grade(section, "grade");
    let source = section.text_optional("source").unwrap_or_default();
    let has_decay = section.has("decay");
    let decay = section.section_optional("decay").and_then(|inner| decay(&inner, viewers));
    if source.is_empty() && grade.is_some_and(|grade| grade != Grade::M) {
        let message = "a number that is not of grade M must name its source";
        section.problem(message, Some("add `source = \"…\"`".into()));
    }
    if has_decay && decay.is_none() {
        return None;
    }
    Some(Point { minute: minute?, viewers: viewers?, grade: grade?, source, decay })
}

fn decay(section: &Section<'_>, from: Option<f64>) -> Option<Decay> {
    let tau_s = section.number("tau_s", 0.1..=86_400.0);
    let floor = section.number("floor", 0.0..=PEOPLE_MAX);
    let grade = grade(section, "grade");
    let (tau_s, floor) = (tau_s?, floor?);
    if from.is_some_and(|from| floor > from) {
        let hint = from.map(|from| format!("at most `floor = {from}`, the point's `viewers`"));
        let message = "`floor` is above the viewers that the decay starts from";
        section.problem_at("floor", message, hint);
    }
    Some(Decay { tau_s, floor, grade: grade? })
}

fn moments(
    day: &Section<'_>,
    curve: Option<&Curve>,
    commentary: Option<&Commentary>,
) -> Option<Vec<Moment>> {
    let sections = day.sections("moments");
    let read: Vec<Option<Moment>> =
        sections.iter().map(|section| moment(section, commentary)).collect();
    let mut earlier = 0.0;
    for (section, moment) in sections.iter().zip(&read) {
        let Some(Moment { minute, .. }) = moment else { continue };
        if *minute < earlier {
            let message = format!(
                "`minute` is {minute}: it must not be before the moment above it ({earlier})"
            );
            let hint = Some("put the moments in the order of their minutes".to_owned());
            section.problem_at("minute", message, hint);
        }
        earlier = *minute;
        let day = curve.map_or(0.0..=MINUTE_MAX, |curve| curve.from_min()..=curve.until_min);
        if !day.contains(minute) {
            let (from, until) = (day.start(), day.end());
            let message = format!("`minute` is {minute}: the day goes from {from} to {until}");
            let hint = Some("move the moment, or lengthen the day with `until_minute`".to_owned());
            section.problem_at("minute", message, hint);
        }
    }
    let names = read.iter().map(|moment| moment.as_ref().map(|moment| moment.name.as_str()));
    unique(&sections, names);
    read.into_iter().collect()
}

fn moment(section: &Section<'_>, commentary: Option<&Commentary>) -> Option<Moment> {
    let name = section.text("name");
    let minute = section.number("minute", 0.0..=MINUTE_MAX);
    let grade = grade(section, "grade");
    let note = section.text_optional("note").unwrap_or_default();
    let response = Response::read_optional(section);
    let response_grade = response_grade(section, response.as_ref());
    let ball = match section.section_optional("ball") {
        Some(section) => ball(&section, commentary).map(Some),
        None => Some(None),
    };
    Some(Moment {
        name: name?,
        minute: minute?,
        grade: grade?,
        note,
        response: response?,
        response_grade: response_grade?,
        ball: ball?,
    })
}

/// What the commentary says of a moment; whom it names must play.
fn ball(section: &Section<'_>, commentary: Option<&Commentary>) -> Option<Ball> {
    let ball = Ball::read(section)?;
    // Teams that cannot be read have been noted.
    if let (Some(player), Some(commentary)) = (&ball.player, commentary)
        && !commentary.players().contains(&player.as_str())
    {
        let hint = match commentary.players() {
            none if none.is_empty() => "add `[commentary]` with its teams".to_owned(),
            players => nearest_or_all(player, &players),
        };
        section.problem_at("player", format!("no team has `{player}`"), Some(hint));
    }
    Some(ball)
}

/// A response's numbers have a grade too; a moment without a response has no use for one.
fn response_grade(
    section: &Section<'_>,
    response: Option<&Option<Response>>,
) -> Option<Option<Grade>> {
    let given = section.has("response_grade");
    if response == Some(&None) {
        if given {
            let message = "`response_grade` is of a response, and there is none";
            let hint = Some("remove it, or add `exit`, `push` or `act`".to_owned());
            section.problem_at("response_grade", message, hint);
        }
        return Some(None);
    }
    grade(section, "response_grade").map(Some)
}

/// Notes every name that was there before.
fn unique<'n>(sections: &[Section<'_>], names: impl Iterator<Item = Option<&'n str>>) {
    let mut seen = Vec::with_capacity(sections.len());
    for (section, name) in sections.iter().zip(names) {
        let Some(name) = name else { continue };
        if seen.contains(&name) {
            let hint = Some(format!("each needs a name of its own, for example `{name}-2`"));
            section.problem_at("name", format!("the name `{name}` is given twice"), hint);
        }
        seen.push(name);
    }
}
