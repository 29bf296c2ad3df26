//! What the project's text may say, and whether docs/coverage.md tells the truth.

use std::collections::HashSet;
use std::path::Path;

use crate::{house, source};

/// Absolute paths of a workplace. In two halves, so that this file does not hold them itself.
const PLACES: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];
/// Hosts of package registries: a mirror serves as well.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
];

/// Whether `place` begins a path in `line`: `/v1` or `{host}` before it makes it part of a longer
/// one.
fn begins_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.}".contains(c))
    })
}

#[test]
fn project_text_names_no_workplace_and_no_registry() {
    let mut offences = Vec::new();
    // A lock file has the registry's name as cargo writes it.
    for file in house::files().iter().filter(|file| !file.ends_with("Cargo.lock")) {
        for (index, line) in house::read(file).lines().enumerate() {
            let at = format!("{}:{}", file.display(), index + 1);
            for place in PLACES.iter().filter(|place| begins_path(line, place)) {
                offences.push(format!("{at}: {place}… is a path of one machine: make it relative"));
            }
            for host in HOSTS.iter().filter(|host| line.contains(*host)) {
                offences.push(format!("{at}: {host}: name the package, not its registry"));
            }
        }
    }
    house::judge("project text", &offences);
}

#[derive(Default)]
struct Coverage {
    /// Line and text of each code span under a heading that says "test".
    tests: Vec<(usize, String)>,
    /// Line and text of each cell under a heading that says "command", and of each code block.
    commands: Vec<(usize, String)>,
}

/// The texts between single backticks.
fn code_spans(cell: &str) -> Vec<String> {
    let spans = cell.split('`').skip(1).step_by(2);
    spans.map(|span| span.trim().to_string()).collect()
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split('|').map(str::trim).collect()
}

/// Reads the tables (columns by their headings) and the code blocks of a page.
fn coverage(text: &str) -> Coverage {
    let mut coverage = Coverage::default();
    let mut heading: Vec<String> = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim_start().starts_with("```") {
            match block.take() {
                Some(done) => coverage.commands.push(done),
                None => block = Some((number, String::new())),
            }
        } else if let Some((_, commands)) = &mut block {
            commands.push_str(line.trim());
        } else if !line.trim_start().starts_with('|') {
            heading.clear();
        } else if heading.is_empty() {
            heading = cells(line).iter().map(|cell| cell.to_lowercase()).collect();
        } else if !line.chars().all(|c| "|-: ".contains(c)) {
            for (cell, heading) in cells(line).iter().zip(&heading) {
                if heading.contains("test") {
                    coverage.tests.extend(code_spans(cell).into_iter().map(|s| (number, s)));
                } else if heading.contains("command") {
                    coverage.commands.push((number, code_spans(cell).concat()));
                }
            }
        }
    }
    coverage
}

/// A test is `name`, `module::name`, or the path of a script.
#[test]
fn docs_coverage_names_only_tests_that_exist_and_no_empty_command() {
    let page = Path::new("docs/coverage.md");
    if !house::root().join(page).is_file() {
        return;
    }
    let coverage = coverage(&house::read(page));
    let sources = source::all();
    let functions: HashSet<String> =
        sources.iter().flat_map(source::Source::functions).map(|function| function.name).collect();
    let mut offences = Vec::new();
    if coverage.tests.is_empty() {
        offences.push("docs/coverage.md: no table has a column of tests".to_string());
    }
    for (line, test) in &coverage.tests {
        let name = test.rsplit("::").next().unwrap_or_default();
        if !functions.contains(name) && !house::files().iter().any(|file| file == Path::new(test)) {
            offences.push(format!("docs/coverage.md:{line}: no test is called `{test}`"));
        }
    }
    for (line, command) in &coverage.commands {
        if command.is_empty() {
            offences.push(format!("docs/coverage.md:{line}: an empty command"));
        }
    }
    house::judge("docs/coverage.md", &offences);
}

#[test]
fn a_page_of_coverage_is_read_by_its_headings() {
    let page = "| Claim | Test | Command |\n|---|---|---|\n| a | `x::y`, `tests/run` | `z` |\n\n\
                ```sh\n\n```\n";
    let coverage = coverage(page);
    let tests: Vec<&str> = coverage.tests.iter().map(|(_, test)| test.as_str()).collect();
    assert_eq!(tests, ["x::y", "tests/run"]);
    assert_eq!(coverage.commands, [(3, "z".to_string()), (5, String::new())]);
}
