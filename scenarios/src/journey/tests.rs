use super::*;
use crate::Script;
use crate::script::Ingredients;

fn read_text(steps: &str) -> Result<Journey, Problems> {
    let head = "name = \"test\"\nretry = { backoff = { first_s = 1, max_s = 8 } }\n";
    Journey::read(&Source::new("test.toml", format!("{head}{steps}")), Path::new("."))
}

fn compiled(steps: &str) -> Result<Script, Vec<String>> {
    let journeys = vec![read_text(steps).expect("it can be read")];
    let script = Script::compile(Ingredients { journeys, ..Ingredients::default() });
    script.map_err(|misfits| misfits.into_iter().map(|misfit| misfit.message).collect())
}

const TWO: &str = r#"
[[step]]
every = { name = "heartbeat", service = "playback", post = "/h", period_s = 60 }
[[step]]
hls = { service = "edge", master = "/live/master.m3u8", kbps_max = 400 }
[[step]]
after = { name = "config", service = "home", get = "/c" }
"#;

#[test]
fn the_record_names_the_start_then_the_grids_then_the_stream() {
    let info = compiled(TWO).unwrap().info();
    let names: Vec<(&str, &str)> =
        info[0].steps.iter().map(|step| (step.name.as_str(), step.service.as_str())).collect();
    assert_eq!(
        names,
        [
            ("config", "home"),
            ("heartbeat", "playback"),
            ("master", "edge"),
            ("playlist", "edge"),
            ("segment", "edge"),
        ]
    );
}

/// The messages for a journey's steps, each with its line.
fn problems(steps: &str) -> Vec<String> {
    let problems = read_text(steps).expect_err("it has problems");
    let line = |problem: &hulk_settings::Problem| problem.source.place(problem.span.start).0;
    problems.list.iter().map(|p| format!("{}: {}", line(p), p.message)).collect()
}

#[test]
fn every_problem_of_a_journey_is_shown_at_once() {
    let shown = problems(
        r#"[[step]]
after = { name = "a", service = "home", get = "/a", repeat = 0 }
[[step]]
after = { name = "b", service = "home", get = "b" }
[[step]]
after = { name = "c", service = "home", get = "/c", post = "/c" }
[[step]]
every = { name = "d", service = "home", get = "/d/${", period_s = 0 }
"#,
    );
    for line in [4, 6, 8, 10] {
        let place = format!("{line}: ");
        assert!(shown.iter().any(|message| message.starts_with(&place)), "{line}: {shown:#?}");
    }
    assert_eq!(shown.iter().filter(|message| message.starts_with("10: ")).count(), 2, "{shown:#?}");
}

#[test]
fn names_values_and_streams_are_checked_together() {
    let hls = "[[step]]\nhls = { service = \"edge\", master = \"/m\", kbps_max = 1 }\n";
    let after = |name: &str, path: &str| {
        format!("[[step]]\nafter = {{ name = \"{name}\", service = \"home\", get = \"{path}\" }}\n")
    };
    let cases = [
        (after("a", "/a") + &after("a", "/b"), "two steps are named `a`"),
        (after("segment", "/a") + hls, "two steps are named `segment`"),
        (hls.repeat(2), "a viewer watches one stream"),
        (String::new(), "a journey needs at least one step"),
    ];
    for (steps, wanted) in cases {
        let shown = problems(&steps);
        assert!(shown.iter().any(|message| message.ends_with(wanted)), "{wanted}: {shown:#?}");
    }
}

#[test]
fn what_nothing_gives_is_named_with_its_step() {
    let step = "[[step]]\nafter = { name = \"a\", service = \"home\", get = \"/a?t=${token}\" }\n";
    assert_eq!(compiled(step), Err(vec!["step `a`: nothing gives `${token}`".to_owned()]));
    let when = "[[step]]\nafter = { name = \"a\", service = \"home\", get = \"/a\", when = { plan = \"paid\" } }\n";
    let shown = compiled(when).expect_err("nobody draws a plan");
    assert!(shown.len() == 1 && shown[0].starts_with("step `a`: "), "{shown:?}");
}
