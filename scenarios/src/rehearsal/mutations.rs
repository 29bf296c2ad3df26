//! No input makes a reader panic: shipped files, damaged in every way.

use hulk_scaling::PlatformSpec;
use hulk_traffic_models::Model;
use proptest::prelude::*;

use super::*;
use crate::devices::Devices;
use crate::{Journey, shipped};

/// What a damaged file may have in the place of a value.
const VALUES: [&str; 24] = [
    "-1",
    "0",
    "nan",
    "-inf",
    "1e308",
    "1e-300",
    "99999999999999999999999",
    "\"\"",
    "\"x\"",
    "\"é\\u0000\"",
    "'${'",
    "'${viewer}${'",
    "[]",
    "[[]]",
    "[1, \"a\"]",
    "{}",
    "{ a = { b = { c = [] } } }",
    "true",
    "1979-05-27",
    "0x10",
    "'('",
    "\"..\"",
    "\"\\n\"",
    "",
];

/// One thing that is done to a file; places are taken modulo what there is.
#[derive(Debug, Clone)]
enum Damage {
    Delete(usize),
    Duplicate(usize),
    Swap(usize, usize),
    Flip(usize, u8),
    Replace(usize, usize),
    Cut(usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = || 0..100_000_usize;
    prop_oneof![
        place().prop_map(Damage::Delete),
        place().prop_map(Damage::Duplicate),
        (place(), place()).prop_map(|(a, b)| Damage::Swap(a, b)),
        (place(), 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (place(), place()).prop_map(|(at, with)| Damage::Replace(at, with)),
        place().prop_map(Damage::Cut),
    ]
}

fn damaged(text: &str, damage: &Damage) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let count = lines.len();
    match damage {
        Damage::Delete(at) => drop(lines.remove(at % count)),
        Damage::Duplicate(at) => lines.insert(at % count, lines[at % count]),
        Damage::Swap(a, b) => lines.swap(a % count, b % count),
        Damage::Flip(at, bits) => {
            let mut bytes = text.as_bytes().to_vec();
            let place = at % bytes.len().max(1);
            bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= bits);
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        Damage::Replace(at, with) => {
            let places: Vec<usize> = text.match_indices('=').map(|(at, _)| at + 1).collect();
            let Some(start) = places.get(at % places.len().max(1)).copied() else {
                return text.to_owned();
            };
            let rest = &text[start..];
            let end = rest.find([',', '}', '\n']).unwrap_or(rest.len());
            let value = VALUES[with % VALUES.len()];
            return format!("{} {value} {}", &text[..start], &rest[end..]);
        }
        Damage::Cut(at) => {
            let at = (0..=at % (text.len() + 1)).rev().find(|at| text.is_char_boundary(*at));
            return text[..at.unwrap_or_default()].to_owned();
        }
    }
    lines.join("\n")
}

/// Reads a file as what it is, and says what is wrong with it.
fn problems_of(kind: usize, source: &Arc<Source>) -> Option<Problems> {
    let folder = Path::new("nowhere");
    match kind {
        0 => Rehearsal::read(source, folder).err(),
        1 => match Journey::read(source, folder) {
            Ok(journey) => {
                let _either_will_do = Script::of(journey);
                None
            }
            Err(problems) => Some(problems),
        },
        2 => Devices::read(source).err(),
        3 => read(source, PlatformSpec::read).err(),
        _ => Model::read(source).err(),
    }
}

/// Finds a shipped file by its name.
type Find = fn(&str) -> Option<Arc<Source>>;

/// The shipped files of a kind.
fn files(kind: usize) -> Vec<Arc<Source>> {
    let (names, find): (Vec<&str>, Find) = match kind {
        0 => (crate::shipped_rehearsal_names().collect(), shipped_rehearsal),
        1 => (vec!["ads", "emoji", "login", "signup", "streaming", "tsunami"], shipped::journey),
        2 => (vec!["2019", "2025"], shipped::devices),
        3 => (vec!["streaming"], shipped::platform),
        _ => (hulk_traffic_models::shipped_names().collect(), hulk_traffic_models::shipped),
    };
    names.into_iter().filter_map(find).collect()
}

#[test]
fn the_files_themselves_are_right() {
    for (kind, count) in [(0, 2), (1, 6), (2, 2), (3, 1), (4, 5)] {
        let files = files(kind);
        assert!(files.len() >= count, "{kind}");
        files.iter().for_each(|file| assert_eq!(problems_of(kind, file), None, "{file:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_a_file_its_problems_have_a_place_in_it(
        kind in 0..5_usize,
        file in 0..100_usize,
        all in proptest::collection::vec(damage(), 1..6),
    ) {
        let files = files(kind);
        let shipped = &files[file % files.len()];
        let text = all.iter().fold(shipped.text.clone(), |text, one| damaged(&text, one));
        let source = Source::new("damaged.toml", text);
        if let Some(problems) = problems_of(kind, &source) {
            prop_assert!(!problems.list.is_empty(), "no reason is told");
            for problem in &problems.list {
                let (span, text) = (&problem.span, &problem.source.text);
                prop_assert!(text.get(span.clone()).is_some(), "{span:?} of {}", text.len());
                prop_assert!(!problem.message.is_empty() && !problem.to_string().is_empty());
            }
        }
    }
}
