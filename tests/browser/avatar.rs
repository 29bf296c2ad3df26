//! The measures of an avatar's stream against Chromium's own: `browser/avatar_peer.mjs` paints what comes to a
//! canvas, sends that to itself over WebRTC, and reads what the browser felt.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use hulk_record::Offset;
use hulk_scenarios::avatar::{Freezes, Rate};
use serde::Deserialize;

use crate::claims::{root, scripts};

/// What the script prints.
#[derive(Deserialize)]
struct Told {
    chromium: Chromium,
    page: Page,
}

/// Of `inbound-rtp`.
#[derive(Deserialize)]
struct Chromium {
    freezes: u32,
    freeze_s: f64,
    frames: u64,
    rates: Vec<Second>,
}

/// Frames in the second before.
#[derive(Deserialize)]
struct Second {
    at_ms: f64,
    fps: f64,
}

#[derive(Deserialize)]
struct Page {
    arrivals_ms: Vec<f64>,
}

/// The reference backend; it ends with this value.
struct Backend(Child);

impl Drop for Backend {
    fn drop(&mut self) {
        // One that has ended needs no end.
        let _gone = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn backend() -> (Backend, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hulk"))
        .args(["avatar", "avatar-72"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program can be started");
    let said = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut lines = said.lines().map(|line| line.expect("it prints text"));
    let port = lines.find_map(|line| {
        let at = line.strip_prefix("sessions: ws://127.0.0.1:")?;
        Some(at.split('/').next()?.to_owned())
    });
    (Backend(child), port.expect("it says where it is"))
}

fn told() -> Told {
    let (_backend, port) = backend();
    let out = Command::new("node")
        .arg(scripts().join("avatar_peer.mjs"))
        .arg(port)
        .output()
        .unwrap_or_else(|error| panic!("node: {error}; `tests/run` installs it"));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "the browser's script failed: {said}");
    serde_json::from_slice(&out.stdout).expect("the script prints JSON")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Six faults of the GPU are long enough for a freeze, and six are not quite.
#[test]
fn freezes_and_frames_a_second_agree_with_chromium() {
    let Told { chromium, page: Page { arrivals_ms } } = told();
    let at = |ms: &f64| Offset((ms * 1e3) as i64);
    let (mut freezes, mut quiet) = (Freezes::default(), Rate::new(25.0));
    let quiet_until_ms = arrivals_ms[0] + 4_500.0;
    arrivals_ms.iter().for_each(|ms| freezes.frame(at(ms)));
    freezes.finish(at(&arrivals_ms[arrivals_ms.len() - 1]));
    arrivals_ms.iter().filter(|ms| **ms < quiet_until_ms).for_each(|ms| quiet.frame(at(ms)));
    quiet.finish(at(&quiet_until_ms));
    let found = (freezes.count(), freezes.total_us() as f64 / 1e6);
    eprintln!("freezes: {found:?}, Chromium {} of {} s", chromium.freezes, chromium.freeze_s);
    assert!(freezes.count() >= 5, "{} freezes: the faults were not felt", freezes.count());
    assert!(freezes.count().abs_diff(chromium.freezes) <= 1);
    assert!((found.1 - chromium.freeze_s).abs() <= 0.2 * found.1);
    assert!((arrivals_ms.len() as u64).abs_diff(chromium.frames) <= 25, "{}", chromium.frames);

    // While nothing is wrong, once the browser has seen a whole second.
    let calm = |second: &&Second| (2_000.0..4_500.0).contains(&(second.at_ms - arrivals_ms[0]));
    let theirs = median(chromium.rates.iter().filter(calm).map(|second| second.fps).collect());
    let ours = quiet.fps().expect("frames came");
    eprintln!("frames a second, quiet: {ours}, Chromium {theirs}");
    assert!((ours - theirs).abs() <= 1.0, "{ours} and {theirs}");

    // And through all faults: frames of the second before, at the times at which the browser was asked.
    let of_second = |until_ms: f64| {
        let inside = |ms: &&f64| (until_ms - 1_000.0..until_ms).contains(*ms);
        arrivals_ms.iter().filter(inside).count() as f64
    };
    let last_ms = arrivals_ms[arrivals_ms.len() - 1];
    let seen = |second: &&Second| (arrivals_ms[0] + 2_000.0..last_ms).contains(&second.at_ms);
    let seconds: Vec<&Second> = chromium.rates.iter().filter(seen).collect();
    let theirs = median(seconds.iter().map(|second| second.fps).collect());
    let ours = median(seconds.iter().map(|second| of_second(second.at_ms)).collect());
    eprintln!("frames a second, through faults: {ours}, Chromium {theirs}");
    assert!((ours - theirs).abs() <= 1.0, "{ours} and {theirs}");
}
