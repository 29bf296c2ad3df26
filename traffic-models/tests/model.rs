//! Model files: the shipped ones against the published figures, and broken ones.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use hulk_settings::Source;
use hulk_traffic_models::{Act, Delay, Grade, Model, Response, shipped, shipped_names};

/// Day, minute, millions of viewers, grade: every point of the published table.
const PUBLISHED: [(&str, f64, f64, Grade); 13] = [
    ("day-1", 0.0, 3.5, Grade::C),
    ("day-1", 30.0, 1.5, Grade::C),
    ("day-1", 40.0, 10.0, Grade::C),
    ("day-1", 238.0, 13.9, Grade::A),
    ("day-1", 250.0, 5.0, Grade::A),
    ("day-2", 0.0, 1.0, Grade::M),
    ("day-2", 15.0, 9.0, Grade::M),
    ("day-2", 25.0, 4.0, Grade::M),
    ("day-2", 60.0, 10.0, Grade::A),
    ("day-2", 250.0, 16.2, Grade::A),
    ("day-2", 251.0, 16.2, Grade::A),
    ("day-2", 260.0, 25.3, Grade::A),
    ("day-2", 275.0, 1.0, Grade::M),
];

fn semi_final() -> Model {
    Model::read(&shipped("ind-vs-nz-2019").unwrap()).unwrap()
}

fn problems_of(text: &str) -> Vec<String> {
    let problems = Model::read(&Source::new("m.toml", text)).unwrap_err();
    problems.list.iter().map(ToString::to_string).collect()
}

#[test]
fn every_shipped_model_is_valid_and_survives_serialisation() {
    assert!(shipped_names().count() > 0);
    for name in shipped_names() {
        let model = Model::read(&shipped(name).unwrap()).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(model.name, name);
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Model>(&text).unwrap(), model);
    }
    assert!(shipped("ind-vs-nz").is_none());
}

#[test]
fn preset_holds_every_published_point_with_its_grade() {
    let model = semi_final();
    for (day, minute, millions, grade) in PUBLISHED {
        let curve = &model.day(day).unwrap().curve;
        let off = (curve.viewers_at(minute) / 1e6 - millions).abs();
        // The exit comes to its floor within 0.005 % of the peak; points are exact.
        let room = if minute > 260.0 { 0.002 } else { 1e-9 };
        assert!(off <= room, "{day} {minute}: {}", curve.viewers_at(minute));
        let point = curve.points.iter().find(|point| point.minute == minute);
        let stated = point.map_or(Grade::M, |point| point.grade);
        assert_eq!(stated, grade, "{day} {minute}");
        assert_eq!(point.is_none(), minute > 260.0, "{day} {minute}");
    }
    let published = |grade: Grade| {
        model.days.iter().flat_map(|day| &day.curve.points).filter(|p| p.grade == grade).count()
    };
    assert_eq!(published(Grade::A), 6, "nothing of ours may call itself a primary source");
    assert_eq!(published(Grade::B) + published(Grade::D), 0);
    assert!(model.days.iter().all(|day| day.minutes_grade == Grade::C));
}

#[test]
fn preset_keeps_to_the_shapes_that_are_known() {
    let model = semi_final();
    let (first, second) = (&model.days[0].curve, &model.days[1].curve);
    for minute in 40..=235 {
        let viewers = first.viewers_at(f64::from(minute));
        let drinks = (101..=108).contains(&minute) || (173..=180).contains(&minute);
        let floor = if drinks { 9.2e6 } else { 10e6 };
        assert!((floor..=13e6).contains(&viewers), "minute {minute}: {viewers}");
    }
    for (before, during) in [(101.0, 102.0), (101.0, 107.0), (173.0, 174.0), (173.0, 179.0)] {
        let ratio = first.viewers_at(during) / first.viewers_at(before);
        assert!((ratio - 0.8).abs() < 1e-9, "{ratio}");
    }
    for minute in 60..=250 {
        let line = 10e6 + 6.2e6 * f64::from(minute - 60) / 190.0;
        let swing = second.viewers_at(f64::from(minute)) / line - 1.0;
        assert!(swing.abs() < 0.101, "minute {minute}: {swing}");
    }
    let growth = (second.viewers_at(260.0) - second.viewers_at(251.0)) / 9.0;
    assert!((1.0e6..=1.1e6).contains(&growth), "{growth}");
    let after_tau = second.viewers_at(261.5);
    assert!((after_tau - (1e6 + 24.3e6 * (-1.0_f64).exp())).abs() < 1.0, "{after_tau}");
    assert_eq!(second.viewers_max(0.0, 275.0), 25.3e6);
}

#[test]
fn preset_names_its_moments() {
    let model = semi_final();
    let at = |day: &str, name: &str| {
        model.day(day).and_then(|day| day.moment(name)).map(|moment| moment.minute)
    };
    for (day, name, minute) in [
        ("day-1", "toss", 0.0),
        ("day-1", "start-of-play", 30.0),
        ("day-1", "drinks-1", 102.0),
        ("day-1", "drinks-2", 174.0),
        ("day-1", "rain", 238.0),
        ("day-2", "play-resumes", 0.0),
        ("day-2", "innings-change", 15.0),
        ("day-2", "dhoni-in", 251.0),
        ("day-2", "dhoni-out", 260.0),
    ] {
        assert_eq!(at(day, name), Some(minute), "{day} {name}");
    }
    let window = hulk_traffic_models::Audience {
        from_min: 250.0,
        ..model.audience("day-2", 0.001, 1).unwrap()
    };
    let inside: Vec<(f64, &str)> =
        window.moments_inside().map(|(at, moment)| (at.as_s(), moment.name.as_str())).collect();
    assert_eq!(inside, [(60.0, "dhoni-in"), (600.0, "dhoni-out")]);
    assert!(model.audience("day-3", 1.0, 1).is_none());
}

#[test]
fn every_problem_of_a_broken_model_is_reported_with_its_place() {
    let text = r#"name = "x"
about = "y"
[view_length]
lognormal = { mu = 5.97, sigma = -1 }
grade = "E"
[[days]]
name = "d"
minutes_grade = "M"
until_minute = 15
points = [
    { minute = 10, viewers = -1, grade = "M" },
    { minute = 20, viewers = 5, grade = "A" },
    { minute = 20, viewers = 5, grade = "M", decay = { tau_s = 60, floor = 6, grade = "M" } },
]
moments = [
    { name = "a", minute = 2, grade = "M" },
    { name = "a", minute = 1, grade = "M", nota = "?" },
]
"#;
    assert_eq!(
        problems_of(text),
        [
            "m.toml:4:34: `sigma` is -1: it must be from 0 to 5 \
             (the nearest that is allowed is `sigma = 0`)",
            "m.toml:5:9: `E` is not one of `A`, `B`, `C`, `D`, `M` (did you mean `A`?)",
            "m.toml:11:30: `viewers` is -1: it must be from 0 to 10000000000 \
             (the nearest that is allowed is `viewers = 0`)",
            "m.toml:12:5: a number that is not of grade M must name its source (add `source = \"…\"`)",
            "m.toml:13:16: `minute` is 20: it must be later than the point before (20) \
             (put the points in the order of their minutes)",
            "m.toml:13:76: `floor` is above the viewers that the decay starts from \
             (at most `floor = 5`, the point's `viewers`)",
            "m.toml:17:14: the name `a` is given twice \
             (each needs a name of its own, for example `a-2`)",
            "m.toml:17:28: `minute` is 1: it must not be before the moment above it (2) \
             (put the moments in the order of their minutes)",
            "m.toml:17:44: unknown key `nota` in days[0].moments[1] (did you mean `note`?)",
        ]
    );
}

#[test]
fn a_day_ends_after_its_points_and_holds_its_moments() {
    let day = |end: &str, decay: &str, moment: u32| {
        format!(
            r#"name = "x"
about = "y"
view_length = {{ lognormal = {{ mu = 6, sigma = 1 }}, grade = "M" }}
[[days]]
name = "d"
minutes_grade = "M"
{end}
points = [
    {{ minute = 0, viewers = 100, grade = "M" }},
    {{ minute = 10, viewers = 100, grade = "M"{decay} }},
    {{ minute = 11, viewers = 40, grade = "M" }},
]
moments = [{{ name = "a", minute = {moment}, grade = "M" }}]
"#
        )
    };
    assert!(Model::read(&Source::new("m.toml", day("", "", 11))).is_ok());
    assert_eq!(
        problems_of(&day("", "", 12)),
        ["m.toml:13:35: `minute` is 12: the day goes from 0 to 11 \
             (move the moment, or lengthen the day with `until_minute`)"]
    );
    assert_eq!(
        problems_of(&day("until_minute = 9", "", 0)),
        ["m.toml:7:16: `until_minute` is 9: it must not be before the last point (11) \
             (leave it out, or set `until_minute = 11`)"]
    );
    let steep = ", decay = { tau_s = 60, floor = 0, grade = \"M\" }";
    assert_eq!(
        problems_of(&day("", steep, 0)),
        [
            "m.toml:11:30: `viewers` is 40: the decay from minute 10 reaches 37 here (change `tau_s`, \
          `floor` or `viewers`, or add a point)"
        ]
    );
    let empty = "name = \"x\"\nabout = \"\"\ndays = []\n[view_length]\ngrade = \"M\"\n";
    assert_eq!(
        problems_of(empty),
        [
            "m.toml:3:8: a model has at least one day (add `[[days]]`)",
            "m.toml:4:2: `lognormal` is missing in view_length: a table is expected (add `lognormal = …`)",
        ]
    );
}

#[test]
fn a_moment_s_response_needs_a_grade_and_a_grade_needs_a_response() {
    let model = |moment: &str| {
        format!(
            r#"name = "x"
about = "y"
view_length = {{ lognormal = {{ mu = 6, sigma = 1 }}, grade = "M" }}
[[days]]
name = "d"
minutes_grade = "M"
points = [{{ minute = 0, viewers = 100, grade = "M" }}]
moments = [{{ name = "a", minute = 0, grade = "C", {moment} }}]
"#
        )
    };
    let act = "act = { share = 0.1, delay = { fixed = { s = 3 } } }";
    let text = model(&format!("{act}, response_grade = \"B\""));
    let read = Model::read(&Source::new("m.toml", text)).unwrap();
    let moment = read.days[0].moment("a").unwrap();
    let act_of_3_s = Act { share: 0.1, delay: Delay::Fixed { s: 3.0 } };
    assert_eq!(moment.response, Some(Response::Act(act_of_3_s)));
    assert_eq!((moment.grade, moment.response_grade), (Grade::C, Some(Grade::B)));
    assert_eq!(
        problems_of(&model(act)),
        [
            "m.toml:8:12: `response_grade` is missing in days[0].moments[0]: a text is expected (add \
          `response_grade = …`)"
        ]
    );
    assert_eq!(
        problems_of(&model("response_grade = \"B\"")),
        ["m.toml:8:68: `response_grade` is of a response, and there is none \
             (remove it, or add `exit`, `push` or `act`)"]
    );
    assert_eq!(
        problems_of(&model("response_grade = \"B\", push = {}, exit = {}"))[0],
        "m.toml:8:12: a moment has at most one of `exit`, `push` and `act` (keep one, and make a moment \
         of its own of each other)"
    );
}
