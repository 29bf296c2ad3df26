//! Only loopback is ever touched.

use std::fs;
use std::io::{Write, stderr};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use crate::bench::{Bench, HULK};
use crate::files::{aimed_at, line_of};

/// Traces what goes to the network.
const STRACE: [&str; 5] = ["strace", "-f", "-e", "trace=network", "-o"];

/// Calls of a trace that name an address of the internet, of whatever kind.
fn internet_calls(trace: &str) -> Vec<&str> {
    trace.lines().filter(|line| line.contains("AF_INET")).collect()
}

/// Whether strace is there and sees connections: it is shown one to this test itself.
fn strace_sees(bench: &Bench) -> bool {
    if Command::new("strace").arg("--version").output().is_err() {
        return false;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = format!("exec 3<>/dev/tcp/127.0.0.1/{}", listener.local_addr().unwrap().port());
    let run = bench.start(&[&STRACE[..], &["seen", "bash", "-c", &to]].concat()).end();
    let trace = fs::read_to_string(bench.path("seen")).unwrap_or_default();
    let seen = internet_calls(&trace).iter().any(|call| call.contains("connect("));
    assert!(run.code != 0 || seen, "strace ran and saw nothing: {trace}");
    run.code == 0
}

#[test]
fn consent_from_the_first_day_anything_but_loopback_exits_2_and_sends_nothing() {
    let bench = Bench::take("consent");
    let strace = strace_sees(&bench);
    if !strace {
        let line = "strace is missing or may not trace: that nothing is sent is not shown\n";
        stderr().write_all(line.as_bytes()).unwrap();
    }
    let cases = [
        ("http://10.0.0.1:8080", "10.0.0.1 is not loopback"),
        ("http://example.com", "`example.com` would have to be looked up"),
        ("http://169.254.169.254", "169.254.169.254 is not loopback"),
        ("http://[2001:db8::1]", "2001:db8::1 is not loopback"),
        // Loopback to the eye only.
        ("http://127.0.0.1.example.com", "would have to be looked up"),
    ];
    for (base, wanted) in cases {
        bench.write("away.toml", aimed_at(base));
        let text = fs::read_to_string(bench.path("away.toml")).unwrap();
        let line = line_of(&text, base);
        for command in ["rehearse", "check"] {
            let by = [&STRACE[..], &["trace"]].concat();
            let by = if strace { &by[..] } else { &[] };
            let run = bench.start(&[by, &[HULK, command, "away.toml"]].concat()).end();
            assert!(run.code == 2 && run.stdout.is_empty(), "{run:#?}");
            // The message is broken into lines.
            let told: Vec<&str> = run.stderr.split(['\n', ' ', '│']).collect();
            let told =
                told.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            let way_out = "nothing has been sent; aim it at this machine's loopback";
            for text in ["no consent:", wanted, &format!("away.toml:{line}:"), way_out] {
                assert!(told.contains(text), "`{text}` is not in {told}");
            }
            assert!(!run.has_folder(), "it was refused after the start: {run:#?}");
            if strace {
                let trace = fs::read_to_string(bench.path("trace")).unwrap();
                assert!(trace.contains("+++ exited with 2 +++"), "{trace}");
                assert_eq!(internet_calls(&trace), [""; 0]);
            }
        }
    }
}
