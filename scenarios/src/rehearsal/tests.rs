use super::*;

use crate::{Estimate, Given, shipped_rehearsal_names};

/// The shipped text with parts of it replaced.
fn changed(replacements: &[(&str, &str)]) -> Arc<Source> {
    let mut text = shipped_rehearsal("match-day").expect("it is shipped").text.clone();
    for (from, to) in replacements {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Source::new("test.toml", text)
}

fn problems(source: &Arc<Source>) -> Problems {
    Rehearsal::read(source, Path::new("nowhere")).expect_err("it has problems")
}

/// Each of `wanted` (the line that holds a text, and a part of the message) must be shown, and
/// nothing else.
fn shows(source: &Arc<Source>, wanted: &[(&str, &str)]) {
    let shown = problems(source);
    for (place, message) in wanted {
        let line = source.text.lines().position(|line| line.contains(place)).expect("a place") + 1;
        let here = format!("test.toml:{line}:");
        let found = shown.list.iter().map(ToString::to_string);
        let mut found = found.filter(|p| p.starts_with(&here) && p.contains(message));
        assert!(found.next().is_some(), "{here} {message}\nin\n{shown}");
    }
    assert_eq!(shown.list.len(), wanted.len(), "{shown}");
}

/// Aimed at a target of one's own, without policies.
fn url(base: &str, more: &[(&str, &str)]) -> Arc<Source> {
    let text = &changed(more).text;
    let lines =
        text.lines().filter(|line| !line.starts_with("[policy.") && !line.starts_with("ladder"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let target = format!("url = {{ base = \"{base}\" }}");
    Source::new("test.toml", text.replace("embedded = { platform = \"streaming\" }", &target))
}

const DEBT: &str = "capacity_debt = { max_instance_min = 1 }";

#[test]
fn every_problem_of_a_wrong_file_is_shown_at_once_with_its_place() {
    let source = changed(&[
        ("speed = 7.5", "speed = 0"),
        ("day = \"day-2\"", "day = \"day-3\""),
        ("lead_in_ms = 5_000", "lead_in_s = 5"),
        ("\"streaming\", \"ads\"", "\"streeming\", \"ads\""),
        ("[policy.playback]", "[policy.play]"),
        ("rps_per_viewer = 0.02", "rps_per_viewer = \"0.02\""),
        ("served_share = { min = 0.999 }", "served_share = { min = 99.9 }"),
        ("quantile = 0.99,", "quantile = 99,"),
    ]);
    let shown = problems(&source).to_string();
    let wanted = [
        ("speed = 0", "`speed` is 0"),
        ("day = \"day-3\"", "has no day `day-3`"),
        ("lead_in_s = 5", "lead_in_s"),
        ("\"streeming\", \"ads\"", "there is no shipped journey `streeming`"),
        ("[policy.play]", "there is no service `play` to scale"),
        ("rps_per_viewer = \"0.02\"", "must be a number"),
        ("min = 99.9", "min"),
        ("quantile = 99,", "quantile"),
    ];
    for (place, message) in wanted {
        let line = source.text.lines().position(|line| line.contains(place)).expect("a place") + 1;
        let here = format!("test.toml:{line}:");
        let found = shown.lines().any(|p| p.starts_with(&here) && p.contains(message));
        assert!(found, "{here} {message}\nin\n{shown}");
    }
    assert!(shown.contains("service `playback` has no policy"), "{shown}");
    assert!(shown.contains("it has `day-1`, `day-2`"), "the hint names what there is: {shown}");
}

#[test]
fn names_that_are_not_known_are_refused_with_those_that_are() {
    shows(
        &changed(&[("platform = \"streaming\"", "platform = \"streeming\"")]),
        &[("streeming", "there is no shipped platform `streeming` (did you mean `streaming`?")],
    );
    shows(
        &changed(&[("model = \"ind-vs-nz-2019\"", "model = \"1983\"")]),
        &[("1983", "there is no shipped model `1983` (shipped are `champions-trophy-2025`")],
    );
    shows(
        &changed(&[("model = \"ind-vs-nz-2019\"", "model = \"mine.toml\"")]),
        &[("mine.toml", "nowhere/mine.toml: ")],
    );
    shows(
        &changed(&[("service = \"edge\"", "service = \"egde\"")]),
        &[("\"egde\"", "`video arrives in time` is about `egde`, which no step asks")],
    );
    shows(
        &changed(&[("to_min = 261.4", "to_min = 300")]),
        &[("to_min = 300", "is not inside the day, which goes from 0 to 275")],
    );
}

#[test]
fn what_viewers_feel_of_a_stream_can_be_wanted() {
    let stalls = changed(&[(DEBT, "stall_ratio = { max = 1.5 }")]);
    assert!(problems(&stalls).to_string().contains("`max`"), "{}", problems(&stalls));
    let of_home = changed(&[(DEBT, "startup = { quantile = 0.95, max_ms = 2_000 }")]);
    let shown = problems(&of_home).to_string();
    assert!(shown.contains("is about a stream"), "{shown}");
    assert!(shown.contains("the stream comes from `edge`"), "{shown}");
}

#[test]
fn a_file_that_is_not_there_is_no_rehearsal() {
    let error = Rehearsal::load("no-such-rehearsal").expect_err("it is neither file nor shipped");
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
}

#[test]
fn a_target_outside_loopback_is_refused_for_want_of_consent() {
    for base in ["http://10.0.0.1", "http://example.com:80", "http://0.0.0.0:1", "http://[::]:1"] {
        shows(&url(base, &[(DEBT, "served_share = { min = 0.5 }")]), &[(base, "no consent: ")]);
    }
}

#[test]
fn a_target_of_one_s_own_takes_no_policies_and_no_judgement_of_scaling_at_another_speed() {
    let base = "http://127.0.0.1:8080";
    let shown = problems(&url(base, &[])).to_string();
    assert!(shown.contains("its scaling cannot be judged"), "{shown}");
    let rehearsal =
        Rehearsal::read(&url(base, &[("speed = 7.5", "speed = 1")]), Path::new("nowhere")).unwrap();
    assert_eq!(rehearsal.target.name(), base);
    let origins = rehearsal.target.origins(&[]);
    let [origin] = &origins[..] else { panic!("one origin: {origins:?}") };
    assert_eq!((&*origin.base, &*origin.host), (base, "127.0.0.1:8080"));
    assert!(origin.tls.is_none() && origin.headers.is_empty(), "{origin:?}");
    assert_eq!(rehearsal.platform(), None);
    let target = "url = { base = \"http://127.0.0.1:8080\" }";
    let shown = problems(&changed(&[("embedded = { platform = \"streaming\" }", target)]));
    assert!(shown.to_string().contains("only the embedded platform takes policies"), "{shown}");
}

#[test]
fn shipped_rehearsals_are_valid_and_warn_of_nothing() {
    let given = Given { descriptors: 20_000, workers: 1, cores: 2 };
    let names: Vec<&str> = shipped_rehearsal_names().collect();
    let all = ["avatar-72", "avatar-admission-burst", "match-day", "match-day-cloud-group"];
    assert_eq!(names, all);
    for name in names {
        for spelling in [name.to_owned(), format!("scenarios/{name}.toml")] {
            let rehearsal = Rehearsal::load(&spelling).unwrap();
            let schedule = Schedule::generate(&rehearsal.audience);
            let warnings = Estimate::of(&rehearsal, &schedule).warnings(&rehearsal, &given);
            assert!(warnings.is_empty(), "{name}: {warnings:?}");
        }
    }
}

#[test]
fn a_rehearsal_survives_the_wire() {
    let own = url("http://127.0.0.1:8080", &[("speed = 7.5", "speed = 1")]);
    for source in [changed(&[]), own] {
        let sent = Rehearsal::read(&source, Path::new("nowhere")).unwrap();
        let bytes = hulk_record::encode(&sent).unwrap();
        assert_eq!(hulk_record::decode::<Rehearsal>(&bytes).unwrap(), sent);
        assert!(hulk_record::decode::<Rehearsal>(&bytes[..bytes.len() - 1]).is_err());
    }
}

#[test]
fn who_is_already_watching_comes_spread_over_the_lead_in_and_the_others_when_they_come() {
    let rehearsal = Rehearsal::load("match-day").unwrap();
    let schedule = Schedule::generate(&rehearsal.audience);
    let mut came = Vec::new();
    let arrivals = rehearsal.arrivals(&schedule);
    assert!(arrivals.is_sorted_by_key(|arrival| arrival.arrive));
    for visit in &schedule.visits {
        let arrival = arrivals.iter().find(|arrival| arrival.viewer == visit.viewer).unwrap();
        assert_eq!((arrival.viewer, arrival.leave), (visit.viewer, visit.leave));
        match visit.already_watching {
            true => came.push(rehearsal.clock.wall(arrival.arrive)),
            false => assert_eq!(arrival.arrive, visit.arrive),
        }
    }
    came.sort_unstable();
    assert!(came[0] >= rehearsal.lead_in_from(), "{:?}", came[0]);
    // The last tenth stays quiet; each fifth of the rest has its share.
    for fifth in 0..5_i64 {
        let [from, to] = [fifth, fifth + 1].map(|n| Offset(-5_000_000 + n * 900_000));
        let share = came.iter().filter(|at| (from..to).contains(at)).count() * 5;
        assert!(share.abs_diff(came.len()) * 4 < came.len(), "{fifth}: {share} of {}", came.len());
    }
    assert!(came[came.len() - 1] < Offset(-499_000), "{:?}", came[came.len() - 1]);
}

/// The shipped text with more at its end, and an answer to acts.
fn with(more: &str) -> Arc<Source> {
    let on = "exit = { journey = \"tsunami\", patience_s = 60 }";
    let text = &changed(&[(on, &format!("{on}\nact = {{ journey = \"emoji\" }}"))]).text;
    Source::new("test.toml", format!("{text}\n{more}"))
}

#[test]
fn moments_and_spikes_of_a_rehearsal_join_those_of_the_model() {
    let source = with(
        r#"
[[moment]]
name = "dhoni-in"
push = { reach = 50_000_000, convert = 0.02, delay = { lognormal = { median_s = 45, sigma = 0.9 } } }
[[moment]]
name = "six"
at_min = 255
act = { share = 0.1, delay = { uniform = { from_s = 0, to_s = 10 } } }
[spikes]
per_hour = 30
share = 0.01
delay = { exponential = { mean_s = 20 } }
"#,
    );
    let rehearsal = Rehearsal::read(&source, Path::new("nowhere")).unwrap();
    let again = Rehearsal::read(&source, Path::new("nowhere")).unwrap();
    assert_eq!(rehearsal, again, "the same seed, the same spikes");
    let moments = rehearsal.moments();
    assert!(rehearsal.audience.moments.is_sorted_by(|a, b| a.minute <= b.minute), "{moments:?}");
    assert!(moments.contains(&"six".to_owned()) && moments.contains(&"spike-1".to_owned()));
    let schedule = Schedule::generate(&rehearsal.audience);
    let place = |name: &str| moments.iter().position(|known| known == name).map(|n| n as u16);
    let pushed = schedule.visits.iter().filter(|visit| visit.push == place("dhoni-in"));
    assert_eq!(pushed.count(), 80, "50M · 2 % · 8e-5");
    let arrivals = rehearsal.arrivals(&schedule);
    let acts = arrivals.iter().flat_map(|arrival| &arrival.acts);
    assert!(acts.filter(|(_, moment)| Some(*moment) == place("six")).count() > 100);
    assert!(schedule.visits.iter().any(|visit| visit.push == place("spike-1")));
}

#[test]
fn a_moment_or_a_fault_that_fits_nothing_is_refused() {
    let act = "act = { share = 0.1, delay = { fixed = { s = 1 } } }";
    let latency = "for_s = 10\nlatency = { service = \"content\", add_ms = 100 }";
    let cases = [
        (format!("[[moment]]\nname = \"tea\"\n{act}"), "the day has no moment `tea`"),
        (
            format!("[[moment]]\nname = \"dhoni-in\"\nat_min = 255\n{act}"),
            "has a moment of that name",
        ),
        ("[[moment]]\nname = \"dhoni-in\"".to_owned(), "a moment needs something that happens"),
        (format!("[[fault]]\nname = \"f\"\nmoment = \"tea\"\n{latency}"), "no moment `tea`"),
        (format!("[[fault]]\nname = \"f\"\nat_min = 10\n{latency}"), "is not inside the window"),
        (
            "[[fault]]\nname = \"f\"\nat_min = 255\nfor_s = 1\nedge_lost = { edge = \"west\" }"
                .to_owned(),
            "no edge `west`",
        ),
    ];
    for (more, wanted) in cases {
        let shown = problems(&with(&more)).to_string();
        assert!(shown.contains(wanted), "{wanted}\nin\n{shown}");
    }
    // An answer for which `[on]` has no journey.
    let text = format!("{}\n[[moment]]\nname = \"dhoni-in\"\n{act}", changed(&[]).text);
    let shown = problems(&Source::new("test.toml", text)).to_string();
    assert!(shown.contains("no journey answers this `act`"), "{shown}");
}

#[test]
fn a_step_that_asks_another_service_than_the_platform_answers_by_is_refused() {
    let platform = crate::shipped::platform("streaming").expect("it is shipped");
    let folder = std::env::temp_dir().join(format!("hulk-routes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let moved = platform.text.replace(
        "path = \"/v1/watch\"\nservice = \"playback\"",
        "path = \"/v1/watch\"\nservice = \"ads\"",
    );
    let gone = moved.replace("path = \"/v1/licence\"", "path = \"/v2/licence\"");
    std::fs::write(folder.join("mine.toml"), gone).unwrap();
    let source = changed(&[("platform = \"streaming\"", "platform = \"mine.toml\"")]);
    let shown = Rehearsal::read(&source, &folder).expect_err("two steps lead astray").to_string();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(shown.contains("step `watch-page` asks `playback` for `/v1/watch`"), "{shown}");
    assert!(shown.contains("step `licence` asks for `/v1/licence`, for which"), "{shown}");
}

#[test]
fn a_mass_action_may_be_as_late_as_its_users_and_its_width_allow() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/executors"));
    let text = std::fs::read_to_string(folder.join("mass-action.toml")).expect("an example");
    let lag_ms = |users: u32, within_s: f64| {
        let given = "users = 1_000, at_s = 5, within_s = 1 ";
        assert!(text.contains(given), "{text}");
        let wanted = format!("users = {users}, at_s = 5, within_s = {within_s} ");
        let source = Source::new("test.toml", text.replace(given, &wanted));
        let read = Rehearsal::read(&source, folder).expect("it is right");
        read.limits.lag_p99_max_ms
    };
    // The usual limit; 0.01 ms for each of 10,000; a twentieth of 2 s, and of 60 s.
    assert_eq!(lag_ms(100, 0.0), 10.0);
    assert_eq!(lag_ms(10_000, 0.0), 100.0);
    assert_eq!(lag_ms(1_000, 2.0), 100.0);
    assert_eq!(lag_ms(10_000, 60.0), 3000.0);
}
