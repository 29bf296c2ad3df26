use super::*;

/// The commands that a person sees, and the program itself.
fn commands() -> Vec<clap::Command> {
    let mut program = Arguments::command();
    program.build();
    let seen = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let mut all: Vec<clap::Command> = seen.filter(|command| command.get_name() != "help").collect();
    all.push(program);
    all
}

#[test]
fn the_arguments_fit_together() {
    Arguments::command().debug_assert();
}

#[test]
fn each_command_has_a_purpose_in_one_line_and_examples_that_parse() {
    let mut parsed = 0;
    for command in commands() {
        let name = command.get_name();
        let about = command.get_about().unwrap_or_else(|| panic!("{name} has no purpose"));
        assert_eq!(about.to_string().lines().count(), 1, "{name}: {about}");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Examples:\n  hulk "), "{name} has no examples: {help}");
        for example in help.lines().filter(|line| line.starts_with("  hulk ")) {
            // What it prints may go to another program.
            let words = example.split_whitespace().take_while(|word| *word != "|");
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("{name}: `{example}`: {error}");
            }
            parsed += 1;
        }
    }
    assert!(parsed >= 15, "only {parsed} examples");
}

#[test]
fn the_kinds_of_schemas_are_those_that_there_are() {
    for (kind, _) in hulk_scenarios::SCHEMAS {
        assert!(Arguments::try_parse_from(["hulk", "schema", kind]).is_ok(), "{kind}");
    }
    assert!(Arguments::try_parse_from(["hulk", "schema", "jorney"]).is_err());
}

#[test]
fn a_wrong_word_is_told_with_the_nearest_right_one() {
    let cases = [
        (vec!["hulk", "reherse"], "'rehearse'"),
        (vec!["hulk", "chek"], "'check'"),
        (vec!["hulk", "check", "--jsn", "a"], "'--json'"),
        (vec!["hulk", "schema", "jorney"], "'journey'"),
        (vec!["hulk", "completions", "bsh"], "'bash'"),
    ];
    for (words, nearest) in cases {
        let error = Arguments::try_parse_from(&words).unwrap_err();
        assert!(error.use_stderr());
        assert!(error.to_string().contains(nearest), "{words:?}: {error}");
    }
    let none = Arguments::try_parse_from(["hulk"]).unwrap_err();
    assert!(none.use_stderr() && none.to_string().contains("Usage: hulk <COMMAND>"), "{none}");
}
