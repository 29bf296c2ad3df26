use super::*;

fn problems_of(text: &str) -> Vec<String> {
    let source = Source::new("a.toml", text);
    let result = read(&source, |root| {
        let speed = root.section("clock").and_then(|clock| clock.number("speed", 0.1..=1000.0));
        let seed = root.integer_or("seed", 0..=9, 1);
        Some((speed?, seed?))
    });
    result.unwrap_err().list.iter().map(ToString::to_string).collect()
}

#[test]
fn every_problem_is_reported_at_once_with_place_and_hint() {
    assert_eq!(
        problems_of("seed = 12\n[clock]\nspeet = 3\n"),
        [
            "a.toml:1:8: `seed` is 12: it must be from 0 to 9 (the nearest that is allowed is `seed = 9`)",
            "a.toml:2:2: `speed` is missing in clock: a number is expected (add `speed = …`)",
            "a.toml:3:1: unknown key `speet` in clock (did you mean `speed`?)",
        ]
    );
}

#[test]
fn broken_syntax_is_reported_with_every_error() {
    let found = problems_of("seed = \n[clock\n");
    assert!(found.len() >= 2, "{found:?}");
    assert!(found[0].starts_with("a.toml:1:"), "{found:?}");
}

#[test]
fn wrong_types_are_named_with_the_right_form() {
    let found = problems_of("seed = \"x\"\nclock = 3\n");
    assert_eq!(
        found,
        [
            "a.toml:1:8: `seed` must be a whole number, not a text (digits without quotes and \
             without a unit: `seed = 1`)",
            "a.toml:2:9: `clock` must be a table, not a whole number (write `[clock]` and its keys \
             below it, or `clock = { … }`)",
        ]
    );
    let found = problems_of("seed = -1\nclock = { speed = \"7.5\" }\n");
    assert_eq!(
        found,
        [
            "a.toml:1:8: `seed` is -1: it must be from 0 to 9 (the nearest that is allowed is \
             `seed = 0`)",
            "a.toml:2:19: `speed` must be a number, not a text (write it without quotes: `speed = \
             7.5`)",
        ]
    );
}

#[test]
fn every_problem_of_a_section_has_a_way_out() {
    let text = "text = 3\nflag = 1\nnumber = \"5 s\"\nwhole = 0.5\ntexts = \"a\"\nmixed = [1]\n\
                table = 1\ntables = 2\nnames = 3\nlist = [1]\nof = { a = 1 }\nword = \"zzz\"\n\
                free = { a = 1 }\nvalues = { a = true, b = [1] }\nnone = { zz = 1 }\n\
                two = { latency = {}, share = {} }\nhigh_ms = 9\nextra = 1\n";
    let result = read(&Source::new("a.toml", text), |root| {
        let variants = ["latency", "share"];
        root.text("text");
        root.flag_or("flag", true);
        root.number("number", 0.0..=1.0);
        root.integer("whole", 0..=1);
        root.texts("texts");
        root.texts("mixed");
        root.section("table");
        root.sections("tables");
        root.named_sections("names");
        root.sections("list");
        root.named_sections("of");
        root.word("word", &[("response", 1), ("service", 2)]);
        root.section("free").map(Section::free_texts);
        root.section("values")?.free_values();
        root.choice("none", &variants);
        root.choice("two", &variants);
        root.number("high_ms", 0.0..=1.0);
        root.text("missing");
        Some(())
    });
    let problems = result.unwrap_err().list;
    assert!(problems.len() >= 20, "{problems:#?}");
    for problem in &problems {
        assert!(problem.hint.is_some(), "no way out of {problem}");
    }
    let unit = problems.iter().find(|problem| problem.message.contains("high_ms")).unwrap();
    let hint = "the nearest that is allowed is `high_ms = 1`; it is in milliseconds of wall time";
    assert_eq!(unit.hint.as_deref(), Some(hint));
    let syntax = read(&Source::new("a.toml", "a = ="), |_| Some(())).unwrap_err();
    assert!(syntax.list.iter().all(|problem| problem.hint.is_some()), "{syntax}");
}

#[test]
fn within_a_list_the_form_of_a_table_is_one_that_toml_takes() {
    let source = Source::new("a.toml", "item = [{ x = 1, y = 2 }]");
    let result = read(&source, |root| {
        root.list("item", |item| {
            item.sections("y");
            item.section("x").map(drop)
        })
    });
    let hints: Vec<Option<String>> =
        result.unwrap_err().list.into_iter().map(|problem| problem.hint).collect();
    let wanted = ["write `x = { … }`", "write `y = [{ … }]`"].map(|hint| Some(hint.to_owned()));
    assert_eq!(hints, wanted);
}

#[test]
fn an_unknown_key_comes_with_all_that_are_known_there() {
    let result = read(&Source::new("a.toml", "zzzzzzzz = 1\nb = 1\n"), |root| {
        root.has("b");
        root.text_optional("a");
        root.integer_or("b", 0..=9, 1)
    });
    assert_eq!(result.unwrap_err().list[0].known, ["a", "b"]);
}

#[test]
fn free_values_keep_their_kind_in_the_order_of_their_names() {
    let text = "keep = { token = \"/token\", share = 0.5, on = [\"tv\", \"web\"], at = { x = 1 } }";
    let shown = read(&Source::new("a.toml", text), |root| {
        let values = root.section("keep")?.free_values();
        let shown = values.iter().map(|(name, value)| match value {
            FreeValue::Text(text) => format!("{name} text {text}"),
            FreeValue::Number(number) => format!("{name} number {number}"),
            FreeValue::Texts(texts) => format!("{name} texts {}", texts.join("+")),
            FreeValue::Section(section) => {
                format!("{name} table {}", section.integer("x", 0..=9).unwrap_or(99))
            }
        });
        Some(shown.collect::<Vec<_>>())
    });
    let wanted = ["at table 1", "on texts tv+web", "share number 0.5", "token text /token"];
    assert_eq!(shown.unwrap(), wanted);
}

#[test]
fn a_free_value_of_another_kind_and_an_unknown_key_inside_one_are_problems() {
    let text = "keep = { a = true, b = [1], c = { z = 1 } }";
    let result = read(&Source::new("a.toml", text), |root| {
        root.section("keep")?.free_values();
        Some(())
    });
    let shown: Vec<String> = result.unwrap_err().list.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "a.toml:1:14: `a` must be a text, a number, a list of texts or a table, not true or \
             false (for example `a = \"…\"`)",
            "a.toml:1:24: `b` must hold texts only (each in quotes: `b = [\"…\", \"…\"]`)",
            "a.toml:1:35: unknown key `z` in keep.c (no key is known here)",
        ]
    );
}

#[test]
fn a_list_shows_the_problems_of_all_its_tables() {
    let list = |text: &str| {
        let source = Source::new("a.toml", text);
        read(&source, |root| root.list("item", |item| item.integer("x", 0..=9)))
    };
    assert_eq!(list("item = [{ x = 1 }, { x = 2 }]"), Ok(vec![1, 2]));
    assert_eq!(list(""), Ok(vec![]));
    let problems = list("item = [{ x = 10 }, { x = 2 }, {}]").unwrap_err();
    assert_eq!(problems.list.len(), 2, "{problems}");
}
