//! What HULK is made of: manifests, licences, duplicates.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::Package;
use spdx::{Expression, ParseMode};

use crate::house;

/// Licences that an Apache-2.0 binary may contain.
const ACCEPTED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// A crate that is built in more than one version: name, versions, and why it is borne.
const DUPLICATES: &[(&str, &[&str], &str)] = &[
    ("base64", &["0.22", "0.23"], "hdrhistogram 7.6 has the older one, hyper-util the newer"),
    ("cpufeatures", &["0.2", "0.3"], "sha1 of goose's tungstenite; chacha20 of proptest (tests)"),
    ("getrandom", &["0.3", "0.4"], "follows the two versions of rand"),
    ("rand", &["0.10", "0.9"], "goose 0.19 and its tungstenite have 0.9; ours is the newer"),
    ("rand_core", &["0.10", "0.9"], "follows the two versions of rand"),
    ("syn", &["2", "3"], "some macros of kube's dependencies are not on the newer one yet"),
    (
        "toml_datetime",
        &["0.6", "1"],
        "a macro of bolero (tests) reads manifests with the older one",
    ),
    ("tower-http", &["0.6", "0.7"], "goose's reqwest has the older one, kube the newer"),
    ("unicode-width", &["0.1", "0.2"], "miette 7.6 has the older one, its text wrapping the newer"),
    ("winnow", &["0.5", "1"], "follows the two readers of TOML"),
];

#[test]
fn every_member_takes_the_lints_and_the_licence_of_the_workspace() {
    let mut offences = Vec::new();
    for member in house::members() {
        let manifest = house::folder(member).join("Cargo.toml");
        let table: toml::Table = toml::from_str(&house::read(&manifest)).expect("cargo read it");
        let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
        if lints.and_then(|inherited| inherited.as_bool()) != Some(true) {
            offences.push(format!("{}: add [lints] workspace = true", manifest.display()));
        }
        if member.license.as_deref() != Some("Apache-2.0") {
            offences.push(format!("{}: add license.workspace = true", manifest.display()));
        }
    }
    house::judge("every member inherits", &offences);
}

fn refused(package: &Package) -> Option<String> {
    let name = format!("{} {}", package.name, package.version);
    let Some(text) = package.license.as_deref() else {
        return Some(format!("{name} states no licence"));
    };
    match Expression::parse_mode(text, ParseMode::LAX) {
        Err(error) => Some(format!("{name}: {text:?} is no SPDX expression: {}", error.reason)),
        Ok(terms) if terms.evaluate(|term| ACCEPTED.contains(&term.to_string().as_str())) => None,
        Ok(_) => Some(format!("{name}: {text} is not accepted: replace the crate")),
    }
}

#[test]
fn every_dependency_has_an_accepted_licence() {
    let offences: Vec<String> = house::metadata().packages.iter().filter_map(refused).collect();
    house::judge("licences", &offences);
}

/// The part of a version that cargo holds apart: `1` of 1.2.3, `0.4` of 0.4.2.
fn line_of(version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    let zeros = parts.iter().take_while(|part| **part == "0").count();
    parts[..parts.len().min(zeros + 1)].join(".")
}

/// Versions of a crate, each with its dependants.
type Versions = BTreeMap<String, BTreeSet<String>>;

/// Every crate that is built in more than one version, tests and build scripts included.
fn duplicates(tree: &str) -> BTreeMap<String, Versions> {
    let mut crates: BTreeMap<String, Versions> = BTreeMap::new();
    let mut way: Vec<String> = Vec::new();
    for line in tree.lines() {
        // `3serde v1.0.229 (*)`: depth, name, version.
        let name_at = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
        let mut words = line[name_at..].split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        way.truncate(line[..name_at].parse().unwrap_or(0));
        let versions = crates.entry(name.to_string()).or_default();
        let users = versions.entry(line_of(version.trim_start_matches('v'))).or_default();
        users.extend(way.last().cloned());
        way.push(name.to_string());
    }
    crates.retain(|_, versions| versions.len() > 1);
    crates
}

#[test]
fn every_duplicate_crate_is_listed_with_a_reason() {
    let found = duplicates(&house::cargo_tree());
    let mut offences = Vec::new();
    for (name, versions) in &found {
        let listed = DUPLICATES.iter().find(|(listed, ..)| listed == name);
        let same = |wanted: &[&str]| versions.keys().eq(wanted);
        if !listed.is_some_and(|(_, wanted, reason)| same(wanted) && !reason.is_empty()) {
            let each = versions.iter().map(|(version, users)| {
                format!("{version} by {}", Vec::from_iter(users.iter().cloned()).join(", "))
            });
            let each = Vec::from_iter(each).join("; ");
            offences.push(format!("{name}: {each}: unite them, or list them with a reason"));
        }
    }
    for (name, ..) in DUPLICATES {
        if !found.contains_key(*name) {
            offences.push(format!("{name} is built once: take it off DUPLICATES"));
        }
    }
    house::judge("duplicates", &offences);
}

#[test]
fn a_duplicate_is_told_with_its_dependants() {
    let tree = "0hulk v0.1.0 (x)\n1a v1.2.0\n2rand v0.9.5\n1b v1.0.0\n2rand v0.10.3 (*)\n1c v1.9.9";
    let found = duplicates(tree);
    let users = |version: &str| found["rand"][version].iter().cloned().collect::<Vec<_>>();
    assert_eq!((users("0.9"), users("0.10")), (vec!["a".to_string()], vec!["b".to_string()]));
    assert_eq!(found.len(), 1, "{found:?}");
}
