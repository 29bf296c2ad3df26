//! What the Rust files may hold.

use std::path::PathBuf;

use crate::crates::CORE;
use crate::house;
use crate::source::{self, find};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Above the line, time and randomness come in as arguments and nothing is sent.
const NOT_IN_CORE: &[&[&str]] = &[
    &["TcpStream"],
    &["TcpListener"],
    &["UdpSocket"],
    &["UnixStream"],
    &["UnixListener"],
    &["UnixDatagram"],
    &["SystemTime", "::", "now"],
    &["Instant", "::", "now"],
];

/// Ways to open a connection: they belong to infra/net. Methods that connect a socket which is
/// already there are seen by clippy only.
const DIALS: &[&[&str]] = &[
    &["TcpStream", "::", "connect"],
    &["TcpStream", "::", "connect_timeout"],
    &["UnixStream", "::", "connect"],
    &["rustix", "::", "net", "::", "connect"],
    &["HttpConnector"],
];

/// What clippy.toml must ban: clippy sees the method behind a renamed import, this test does not.
const CLIPPY_BANS: &[&str] = &[
    "std::net::TcpStream::connect",
    "std::net::TcpStream::connect_timeout",
    "std::net::UdpSocket::connect",
    "tokio::net::TcpStream::connect",
    "tokio::net::TcpSocket::connect",
    "tokio::net::UdpSocket::connect",
    "tokio::net::UnixStream::connect",
    "std::time::SystemTime::now",
    "std::time::Instant::now",
];

#[test]
fn no_rust_file_is_longer_than_500_lines() {
    let long = source::all().into_iter().filter(|source| source.lines > FILE_LINES_MAX);
    let offences: Vec<String> =
        long.map(|source| format!("{}: {} lines", source.path.display(), source.lines)).collect();
    house::judge("files of at most 500 lines: split by noun", &offences);
}

#[test]
fn no_function_is_longer_than_70_lines() {
    let mut offences = Vec::new();
    for source in source::all() {
        for function in source.functions() {
            if function.length > FUNCTION_LINES_MAX {
                let at = source.at(function.line);
                offences.push(format!("{at}: fn {}: {} lines", function.name, function.length));
            }
        }
    }
    house::judge("functions of at most 70 lines, signature to closing brace", &offences);
}

#[test]
fn no_attribute_allows_a_lint() {
    let mut offences = Vec::new();
    for source in source::all() {
        for line in source.allows() {
            offences.push(format!("{}: use #[expect(…, reason = \"…\")]", source.at(line)));
        }
    }
    house::judge("#[allow] never fails when it is no longer needed", &offences);
}

/// Every hit of one of `patterns` in shipped code below one of `folders` (or outside them).
fn hits(patterns: &[&[&str]], folders: &[PathBuf], below: bool, hint: &str) -> Vec<String> {
    let mut offences = Vec::new();
    for source in source::shipped() {
        if folders.iter().any(|folder| source.path.starts_with(folder)) != below {
            continue;
        }
        let tokens = source.shipped_tokens();
        for pattern in patterns {
            for line in find(&tokens, pattern) {
                offences.push(format!("{}: {}: {hint}", source.at(line), pattern.join(" ")));
            }
        }
    }
    offences
}

/// Folders of the members named `names` that are there.
fn folders(names: &[&str]) -> Vec<PathBuf> {
    let named = house::members().into_iter().filter(|member| names.contains(&member.name.as_str()));
    named.map(house::folder).collect()
}

/// Calls that note a problem of a settings file; the last argument is the hint.
const NOTES: &[&str] = &["problem", "problem_at", "problem_in", "misfit", "whole"];

#[test]
fn no_problem_is_noted_without_a_hint() {
    let mut offences = Vec::new();
    let mut seen = 0;
    for source in source::shipped() {
        for (line, last) in source.calls(NOTES) {
            seen += 1;
            if last == "None" {
                offences.push(format!("{}: say what to do about it", source.at(line)));
            }
        }
    }
    assert!(seen > 60, "only {seen} calls were seen");
    house::judge("every problem of a file comes with a way out", &offences);
}

#[test]
fn crates_above_the_line_name_no_socket_and_no_clock() {
    let hint = "take it as an argument, or move the code below the line";
    let offences = hits(NOT_IN_CORE, &folders(CORE), true, hint);
    house::judge("above the line no socket and no clock", &offences);
}

#[test]
fn only_infra_net_dials() {
    let hint = "go through hulk_net, which asks for a permit";
    let offences = hits(DIALS, &folders(&["hulk-net"]), false, hint);
    house::judge("only infra/net dials", &offences);
}

#[test]
fn only_infra_engine_names_goose() {
    let patterns: &[&[&str]] = &[&["goose", "::"], &["use", "goose"]];
    let offences = hits(patterns, &folders(&["hulk-engine"]), false, "go through hulk_engine");
    house::judge("goose only in infra/engine", &offences);
}

#[test]
fn at_most_one_file_of_infra_fleet_names_async_nats() {
    let pattern: &[&[&str]] = &[&["async_nats"]];
    let fleet = folders(&["hulk-fleet"]);
    let mut offences = hits(pattern, &fleet, false, "go through the bus of hulk_fleet");
    let names = |source: &source::Source| !find(&source.shipped_tokens(), pattern[0]).is_empty();
    let users: Vec<String> = source::shipped()
        .into_iter()
        .filter(|source| fleet.iter().any(|folder| source.path.starts_with(folder)))
        .filter(names)
        .map(|source| source.path.display().to_string())
        .collect();
    if users.len() > 1 {
        offences.push(format!("more than one file: {}", users.join(", ")));
    }
    house::judge("async-nats in one file of infra/fleet", &offences);
}

#[test]
fn clippy_still_bans_dialling_and_clocks() {
    let text = house::read("clippy.toml".as_ref());
    let settings: toml::Table = toml::from_str(&text).expect("clippy.toml is TOML");
    let empty = Vec::new();
    let bans = settings.get("disallowed-methods").and_then(|v| v.as_array()).unwrap_or(&empty);
    let mut offences = Vec::new();
    for wanted in CLIPPY_BANS {
        let ban = bans.iter().find(|ban| ban.get("path").and_then(|p| p.as_str()) == Some(wanted));
        let reason = ban.and_then(|ban| ban.get("reason")).and_then(|reason| reason.as_str());
        if reason.is_none_or(str::is_empty) {
            offences.push(format!("{wanted} is not banned with a reason"));
        }
    }
    house::judge("disallowed-methods of clippy.toml", &offences);
}
