use super::*;
use hulk_settings::{Problems, Source, read};

const TOKEN: &str = "[[choice]]\nname = \"token\"\nof = { valid = 0.88, refresh = 0.10, otp = 0.02 }\n\
                     after_push = { valid = 0.70, refresh = 0.20, otp = 0.10 }\n";

fn read_text(text: &str) -> Result<Vec<Choice>, Problems> {
    read(&Source::new("test.toml", text), |root| root.list("choice", Choice::read))
}

fn choice(name: &str, values: &[&str]) -> Choice {
    let shares = vec![1.0 / values.len() as f64; values.len()];
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Choice { name: name.to_owned(), values, of: shares, after_push: None }
}

fn when(text: &str) -> When {
    let source = Source::new("test.toml", format!("when = {{ {text} }}"));
    read(&source, |root| When::read_optional(root, "when")).expect("valid conditions")
}

/// Shares of the values among 100,000 viewers.
fn drawn(choice: &Choice, after_push: bool) -> Vec<f64> {
    let mut counts = vec![0; choice.values.len()];
    (0..100_000).for_each(|viewer| counts[usize::from(choice.draw(7, viewer, after_push))] += 1);
    counts.iter().map(|count| f64::from(*count) / 1e5).collect()
}

#[test]
fn shares_are_drawn_as_they_are_written() {
    let token = read_text(TOKEN).unwrap().remove(0);
    assert_eq!(token.values, ["otp", "refresh", "valid"]);
    // Five standard deviations of 0.88 are 0.005.
    for (after_push, wanted) in [(false, [0.02, 0.10, 0.88]), (true, [0.10, 0.20, 0.70])] {
        let shares = drawn(&token, after_push);
        let near = shares.iter().zip(wanted).all(|(share, wanted)| (share - wanted).abs() < 0.005);
        assert!(near, "{shares:?} {wanted:?}");
    }
}

#[test]
fn a_draw_follows_seed_viewer_and_name_alone() {
    let (a, b) = (choice("a", &["x", "y"]), choice("b", &["x", "y"]));
    let draws =
        |choice: &Choice, seed| (0..64).map(|v| choice.draw(seed, v, true)).collect::<Vec<_>>();
    assert_eq!(draws(&a, 1), draws(&a, 1));
    assert_ne!(draws(&a, 1), draws(&a, 2));
    assert_ne!(draws(&a, 1), draws(&b, 1));
}

#[test]
fn a_value_without_share_is_never_drawn() {
    let shares = vec![0.0, 0.999_999_5, 0.0];
    let choice = Choice { of: shares, ..choice("a", &["x", "y", "z"]) };
    assert!((0..1000).all(|viewer| choice.draw(1, viewer, false) == 1));
    let none_left = Choice { of: vec![1e-300, 0.0], ..choice };
    assert_eq!(none_left.draw(1, 1, false), 0);
    assert_eq!((none_left.value(2), none_left.value(3)), (Some("z"), None));
}

#[test]
fn golden_conditions_hold_for_those_who_drew_the_values() {
    let choices = [choice("token", &["otp", "valid"]), choice("device", &["mobile", "tv", "web"])];
    let holds = |text: &str, drawn: [u8; 2]| {
        when(text).compile(&choices).expect("known names").holds(&drawn)
    };
    assert!(holds("", [1, 2]));
    assert!(holds("token = \"otp\"", [0, 2]) && !holds("token = \"otp\"", [1, 2]));
    let both = "token = \"otp\", device = [\"tv\", \"web\"]";
    let shown = [[0, 0], [0, 1], [0, 2], [1, 1]].map(|drawn| holds(both, drawn));
    assert_eq!(shown, [false, true, true, false]);
    let compiled = when("token = \"otp\"").compile(&choices).unwrap();
    assert!(!compiled.holds(&[]) && !compiled.holds(&[200]), "nothing known was drawn");
}

#[test]
fn unknown_names_are_told_with_the_nearest() {
    let choices = [choice("token", &["otp", "valid"]), choice("device", &["mobile", "tv", "web"])];
    let told = |text: &str| when(text).compile(&choices).unwrap_err();
    assert_eq!(told("tokn = \"otp\""), "there is no choice `tokn` (did you mean `token`?)");
    assert_eq!(
        told("country = \"in\""),
        "there is no choice `country` (there are `device`, `token`)"
    );
    assert_eq!(
        told("device = [\"tv\", \"wb\"], token = \"valit\""),
        "`device` has no value `wb` (did you mean `web`?); `token` has no value `valit` (did you \
         mean `valid`?)"
    );
    let none = when("a = \"b\"").compile(&[]).unwrap_err();
    assert_eq!(none, "there is no choice `a` (there is none)");
}

#[test]
fn every_problem_of_a_choice_is_shown_at_once() {
    let cases = [
        ("of = { a = 0.5, b = 0.4 }", "the shares of `of` sum to 0.9: it must be 1"),
        ("of = { a = 1 }\nafter_push = { b = 1 }", "`after_push` must have the same names as `of`"),
        ("of = {}", "`of` must have from 1 to 64 values"),
        ("of = { a = 2, b = -1 }", "`a` must be a share from 0 to 1"),
        ("of = { a = \"1\" }", "`a` must be a share from 0 to 1"),
    ];
    for (text, wanted) in cases {
        let problems = read_text(&format!("[[choice]]\nname = \"x\"\n{text}\n")).unwrap_err();
        assert_eq!(problems.list[0].message, wanted, "{problems}");
    }
    let two = "[[choice]]\nname = \"x\"\nof = {}\n[[choice]]\nname = \"y\"\nof = { a = 0.1 }\n";
    assert_eq!(read_text(two).unwrap_err().list.len(), 2);
}

#[test]
fn a_condition_is_a_value_or_a_list_of_them() {
    let wrong = |text: &str| {
        let source = Source::new("test.toml", format!("when = {{ {text} }}"));
        read(&source, |root| When::read_optional(root, "when")).unwrap_err().list.len()
    };
    assert_eq!(wrong("a = 3, b = [], c = { d = \"e\" }"), 4);
    let conditions = when("b = [\"x\", \"y\"], a = \"z\"").conditions;
    let owned =
        |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    assert_eq!(conditions, [("a".into(), owned(&["z"])), ("b".into(), owned(&["x", "y"]))]);
}
