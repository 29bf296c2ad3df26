//! The shipped models of all events: published points, grades, and what is drawn from them.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use hulk_record::MatchTime;
use hulk_traffic_models::{
    Curve, Delay, Exit, Grade, Model, Moment, Push, Response, Schedule, shipped, shipped_names,
};

/// Model, day, minute, millions of viewers, grade: every published point, and no other point may
/// call itself published. The minutes are ours.
const PUBLISHED: [(&str, &str, f64, f64, Grade); 18] = [
    ("champions-trophy-2025", "match", 470.0, 61.2, Grade::A),
    ("dream11", "evening", 60.0, 10.56, Grade::A),
    ("ipl-2018-final", "match", 230.0, 10.3, Grade::A),
    ("ipl-2019-final", "match", 230.0, 18.6, Grade::A),
    ("login-tsunami-2017", "evening", 0.0, 4.0, Grade::B),
    ("login-tsunami-2017", "evening", 30.0, 4.0, Grade::B),
    ("login-tsunami-2017", "evening", 60.0, 4.7, Grade::B),
    ("super-bowl-2015", "game", 225.0, 1.3, Grade::A),
    ("t20-ind-pak-2022", "match", 30.0, 3.6, Grade::B),
    ("t20-ind-pak-2022", "match", 120.0, 11.0, Grade::B),
    ("t20-ind-pak-2022", "match", 140.0, 4.0, Grade::B),
    ("t20-ind-pak-2022", "match", 230.0, 18.0, Grade::B),
    ("wc-2023-final", "ind-pak", 470.0, 35.0, Grade::A),
    ("wc-2023-final", "ind-nz", 470.0, 43.0, Grade::A),
    ("wc-2023-final", "semi-final", 470.0, 53.0, Grade::A),
    ("wc-2023-final", "final", 470.0, 59.0, Grade::A),
    ("youtube-moon-landing", "landing", 64.0, 8.06, Grade::A),
    // Tested point by point in tests/model.rs; its peak stands for the rest.
    ("ind-vs-nz-2019", "day-2", 260.0, 25.3, Grade::A),
];

const AFTER_A_PUSH: Delay = Delay::Lognormal { median_s: 45.0, sigma: 0.9 };

fn preset(name: &str) -> Model {
    Model::read(&shipped(name).unwrap()).unwrap()
}

fn curve_of(name: &str) -> Curve {
    preset(name).days[0].curve.clone()
}

/// Every moment of a model that viewers answer, with its response.
fn answered(model: &Model) -> impl Iterator<Item = (&Moment, Response)> {
    let moments = model.days.iter().flat_map(|day| &day.moments);
    moments.filter_map(|moment| Some((moment, moment.response?)))
}

#[test]
fn presets_for_every_event_state_the_grade_of_each_number() {
    let names: Vec<&str> = shipped_names().collect();
    assert!(names.is_sorted());
    let mut events: Vec<&str> = PUBLISHED.iter().map(|(name, ..)| *name).collect();
    // It has no published point at all.
    events.push("generic-final");
    events.sort_unstable();
    events.dedup();
    assert_eq!(names, events);
    for (name, day, minute, millions, grade) in PUBLISHED {
        let model = preset(name);
        let points = &model.day(day).unwrap().curve.points;
        let point = points.iter().find(|point| point.minute == minute).unwrap();
        assert!((point.viewers / 1e6 - millions).abs() < 1e-9, "{name} {day}: {}", point.viewers);
        assert_eq!(point.grade, grade, "{name} {day} {minute}");
        assert!(!point.source.is_empty(), "{name} {day} {minute}");
    }
    for name in names.into_iter().filter(|name| *name != "ind-vs-nz-2019") {
        let model = preset(name);
        let stated = PUBLISHED.iter().filter(|(of, ..)| *of == name).count();
        let points = model.days.iter().flat_map(|day| &day.curve.points);
        let published = points.clone().filter(|point| point.grade != Grade::M).count();
        assert_eq!(published, stated, "{name}: nothing of ours may call itself published");
        assert!(points.filter_map(|point| point.decay).all(|decay| decay.grade == Grade::M));
        assert!(model.days.iter().all(|day| day.minutes_grade == Grade::M), "{name}");
        assert_eq!(model.view_length.grade, Grade::M, "{name}");
        let text = &shipped(name).unwrap().text;
        assert!(text.contains("A primary source · B second-hand"), "{name}: no key to the grades");
    }
}

#[test]
fn every_moment_of_ours_is_marked_m_and_so_is_every_response() {
    for name in shipped_names() {
        let model = preset(name);
        for moment in model.days.iter().flat_map(|day| &day.moments) {
            let published = name == "ind-vs-nz-2019" && moment.grade == Grade::C;
            assert!(published || moment.grade == Grade::M, "{name} {}", moment.name);
            let marked = moment.response.map(|_| Grade::M);
            assert_eq!(moment.response_grade, marked, "{name} {}", moment.name);
        }
    }
}

#[test]
fn semi_final_s_viewers_send_something_at_wickets_and_press_back_at_the_exit() {
    let model = preset("ind-vs-nz-2019");
    let mut wickets = 0;
    for (moment, response) in answered(&model) {
        match response {
            Response::Act(act) => {
                assert!(moment.name.starts_with("wicket-"), "{}", moment.name);
                assert_eq!((act.share, act.delay.quantile_s(1.0)), (0.1, 10.0));
                wickets += 1;
            }
            Response::Exit(exit) => {
                assert_eq!(moment.name, "dhoni-out");
                let return_delay = Delay::Lognormal { median_s: 60.0, sigma: 0.6 };
                let ours = Exit { within_s: 720.0, to_home: 0.7, returns: 0.05, return_delay };
                assert_eq!(exit, ours);
            }
            Response::Push(_) => panic!("{}", moment.name),
        }
    }
    assert_eq!((wickets, answered(&model).count()), (11, 12));
}

#[test]
fn largest_number_of_each_preset_is_the_published_peak() {
    for name in shipped_names().filter(|name| *name != "generic-final") {
        for day in preset(name).days.iter().filter(|day| day.name != "day-1") {
            let viewers = day.curve.viewers_max(0.0, day.curve.until_min) / 1e6;
            let is = |peak: &&(&str, &str, f64, f64, Grade)| (peak.0, peak.1) == (name, &day.name);
            let peaks = PUBLISHED.iter().filter(is).map(|peak| peak.3);
            let peak = peaks.fold(0.0, f64::max);
            assert!((viewers - peak).abs() < 1e-9, "{name} {}: {viewers}", day.name);
        }
    }
}

#[test]
fn super_bowl_has_the_published_mean_of_800_000() {
    let curve = curve_of("super-bowl-2015");
    let areas = curve.points.windows(2).map(|pair| {
        (pair[1].minute - pair[0].minute) * f64::midpoint(pair[0].viewers, pair[1].viewers)
    });
    let mean = areas.sum::<f64>() / curve.until_min;
    assert!((mean / 0.8e6 - 1.0).abs() < 1e-9, "{mean}");
    assert_eq!(curve.until_min, curve.points.last().unwrap().minute);
}

#[test]
fn generic_final_has_the_assumed_shape() {
    let curve = curve_of("generic-final");
    let at = |minute: f64| curve.viewers_at(minute) / 1e6;
    // A logistic ramp between minutes 14 and 26: its steepness takes it from 5 to 95 %.
    let logistic = |minute: f64| 1.0 / (1.0 + (-(19.0_f64.ln() / 6.0) * (minute - 20.0)).exp());
    for minute in 14..=26 {
        let minute = f64::from(minute);
        let share = (logistic(minute) - 0.05) / 0.9;
        assert!((at(minute) - (0.5 + 9.5 * share)).abs() < 0.006, "{minute}: {}", at(minute));
    }
    assert_eq!((at(66.0) / at(65.0), at(80.0) / at(65.0)), (0.75, 0.75));
    assert_eq!(at(81.0), at(65.0));
    assert_eq!(at(160.0) / at(65.0), 1.15);
    let gone = (at(163.0) - 0.5) / (at(160.0) - 0.5);
    assert!((gone * std::f64::consts::E - 1.0).abs() < 1e-9, "a third is left after 3 min: {gone}");
}

#[test]
fn dream11_spikes_in_the_hour_before_the_start() {
    let model = preset("dream11");
    let (curve, start) = (&model.days[0].curve, model.days[0].moment("start").unwrap().minute);
    assert_eq!(start, 60.0);
    assert_eq!(curve.viewers_max(0.0, 90.0), curve.viewers_at(start));
    assert!(curve.viewers_at(start) / curve.viewers_at(start - 60.0) > 8.0);
    let steepest = curve
        .points
        .windows(2)
        .map(|pair| (pair[1].viewers - pair[0].viewers) / (pair[1].minute - pair[0].minute));
    assert!(steepest.take(4).is_sorted_by(|one, next| one < next), "it grows ever faster");
}

/// From the visits that are made, not from the formula.
#[test]
fn login_tsunami_peaks_at_12_and_a_half_times_the_arrivals_of_its_base() {
    let model = preset("login-tsunami-2017");
    let mut audience = model.audience("evening", 0.02, 17).unwrap();
    (audience.from_min, audience.to_min) = (0.0, 20.0);
    let Some((moment, Response::Push(push))) = answered(&model).next() else { panic!("no push") };
    assert_eq!(push, Push { reach: 143.1e6, convert: 0.02, delay: AFTER_A_PUSH });
    let at = audience.time_of(moment.minute);
    let schedule = Schedule::generate(&audience);
    let starts = |from: MatchTime, to_s: i64| {
        let within = from..from.plus(to_s * 1_000_000);
        let new = |visit: &&hulk_traffic_models::Visit| {
            within.contains(&visit.arrive) && !visit.already_watching
        };
        schedule.visits.iter().filter(new).count() as f64 / to_s as f64
    };
    let base = starts(at.plus(-300_000_000), 300);
    // 4.0M over a mean view of 1,088.4 s.
    assert!((base / (0.02 * 3_675.0) - 1.0).abs() < 0.03, "{base}");
    let peak = (0..120).map(|second| starts(at.plus(second * 1_000_000), 4)).fold(0.0, f64::max);
    assert!((peak / base / 12.5 - 1.0).abs() < 0.04, "{peak} {base}: {}", peak / base);
    // Within seconds of the push: the lognormal is densest at 20 s.
    assert!(starts(at.plus(18_000_000), 4) > 0.97 * peak);
    // More than were seen, fewer than were planned for.
    let most = f64::from(schedule.peak_present()) / 0.02 / 1e6;
    assert!((4.7..7.0).contains(&most), "{most}");
}
