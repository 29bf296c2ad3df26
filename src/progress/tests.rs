use hulk_record::{AudienceSample, Clock, FaultInfo, MatchTime, MomentInfo, ServiceInfo};

use super::block::{Screen, block};
use super::line::line;
use super::*;

fn service(name: &str, needed: f64, ready: f64) -> ServiceStatus {
    ServiceStatus {
        name: name.to_owned(),
        requests_per_s: 1234.4,
        errors: if ready < needed { 7 } else { 0 },
        needed: Some(needed),
        ready: Some(ready),
        desired: Some(ready + 5.0),
    }
}

fn status() -> Status {
    Status {
        name: "match-day".into(),
        at_s: 54.0,
        left_s: 29.2,
        done: 0.665,
        match_min: Some(257.75),
        present: 1987,
        wanted: Some(2004),
        requests_per_s: 5740.2,
        p99_us: Some(67_300),
        errors: 7,
        requests_total: 300_000,
        errors_total: 30,
        services: vec![service("ads", 100.0, 150.0), service("home", 145.0, 103.0)],
        callers: None,
        faults: vec![("slow-recs".into(), 3.2)],
        next: Some(("wicket".into(), 4.0)),
    }
}

fn screen(columns: usize, rows: usize) -> Screen {
    Screen { columns, rows, colour: false }
}

#[test]
fn golden_a_block_on_a_wide_terminal() {
    let text = block(&status(), screen(100, 30)).join("\n");
    assert_eq!(
        text,
        "match-day ━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌ 66 % · match minute 257.8 · 30 s left
viewers  1,987 of 2,004 wanted    requests 5,740/s
p99      67.3 ms                  errors   30 (0.01 %)
fault    slow-recs for 4 s more
next     wicket in 4 s
service   req/s  errors  needed   ready desired
home      1,234       7     145     103     108  too few
ads       1,234       0     100     150     155"
    );
}

#[test]
fn golden_callers_have_a_line_of_their_own_and_the_whole_block_where_they_are_alone() {
    let of = CallersStatus { alone: false, open: 71, p95_us: Some(46_000), failed_total: 1 };
    let beside = Status { callers: Some(of.clone()), ..status() };
    let text = block(&beside, screen(100, 30)).join("\n");
    let wanted = "\ncallers  71 in a call, audio to frame p95 46 ms, 1 failed\nfault";
    assert!(text.contains("\np99 ") && text.contains(wanted), "{text}");
    let of = CallersStatus { alone: true, ..of };
    let alone = Status { callers: Some(of), services: Vec::new(), match_min: None, ..status() };
    assert_eq!(
        block(&alone, screen(100, 30)).join("\n"),
        "match-day ━━━━━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌╌ 66 % · 54 s · 30 s left
callers  71 in a call, audio to frame p95 46 ms, 1 failed
fault    slow-recs for 4 s more
next     wicket in 4 s"
    );
    assert_eq!(
        line(&alone),
        "54 s, 29 s left · callers 71 in a call, audio to frame p95 46 ms, 1 failed · fault \
         slow-recs"
    );
}

#[test]
fn golden_a_block_on_a_narrow_terminal() {
    let text = block(&status(), screen(40, 30)).join("\n");
    assert_eq!(
        text,
        "━━━━━━━━━━━━━━━╌╌╌╌╌╌╌╌ 66 % · 30 s left
viewers  1,987 of 2,004 wanted
requests 5,740/s
p99      67.3 ms
errors   30 (0.01 %)
fault    slow-recs for 4 s more
next     wicket in 4 s
service   req/s  errors  needed   ready
home      1,234       7     145     103
ads       1,234       0     100     150"
    );
}

#[test]
fn a_block_fits_any_terminal() {
    let mut crowded = status();
    crowded.services = (0..30).map(|n| service(&format!("service-{n}"), 1.0, 2.0)).collect();
    crowded.name = "a-very-long-name-of-a-rehearsal-that-no-terminal-has-room-for".into();
    for columns in 1..120 {
        for rows in 1..50 {
            let lines = block(&crowded, screen(columns, rows));
            assert!({ lines.iter() }.all(|line| line.chars().count() <= columns), "{lines:#?}");
            // Without the table nothing is left out: that is as small as it gets.
            let least = if columns < 64 { 7 } else { 5 };
            assert!(lines.len() <= rows.saturating_sub(2).max(least), "{rows}: {lines:#?}");
        }
    }
    let lines = block(&crowded, screen(100, 12));
    assert_eq!(lines.last().unwrap(), "and 27 more");
}

#[test]
fn colours_change_nothing_else_and_names_move_no_cursor() {
    let mut nasty = status();
    nasty.services[0].name = "a\x1b[2Jb".into();
    nasty.next = Some(("\r\n".into(), 1.0));
    let plain = block(&nasty, screen(80, 30));
    assert!(plain.iter().all(|line| !line.contains(|c: char| c.is_control())), "{plain:#?}");
    let coloured = block(&nasty, Screen { colour: true, ..screen(80, 30) });
    assert!(coloured.iter().any(|line| line.contains("\x1b[1;31m")), "{coloured:#?}");
    let uncoloured: Vec<String> = { coloured.iter() }
        .map(|line| {
            let pieces = line.split("\x1b[");
            let text = pieces.enumerate().map(|(n, piece)| match n {
                0 => piece,
                _ => piece.split_once('m').unwrap().1,
            });
            text.collect::<String>().trim_end().to_owned()
        })
        .collect();
    assert_eq!(uncoloured, plain);
}

#[test]
fn golden_lines() {
    let mut status = status();
    assert_eq!(
        line(&status),
        "54 s, 29 s left · match minute 257.8 · viewers 1,987 of 2,004 · 5,740 requests/s · \
         p99 67.3 ms · errors 7 · too few instances: home 103 of 145 · fault slow-recs"
    );
    status.services[1].ready = Some(145.0);
    assert!(line(&status).contains(" · instances: enough everywhere · "));
    status.services.iter_mut().for_each(|service| service.ready = None);
    assert!(!line(&status).contains("instances"));
    status.p99_us = None;
    assert!(line(&status).contains(" · p99 – · "));
}

fn shipped() -> Manifest {
    let rehearsal = hulk_scenarios::Rehearsal::load("match-day").unwrap();
    let schedule = hulk_scenarios::traffic::Schedule::generate(&rehearsal.audience);
    crate::run_folder::manifest(&rehearsal, &schedule, chrono::DateTime::UNIX_EPOCH)
}

fn manifest() -> Manifest {
    let info = |name: &str, at_s| MomentInfo {
        name: name.to_owned(),
        at: MatchTime::from_s(at_s),
        response: None,
    };
    Manifest {
        clock: Clock { speed: 2.0 },
        scale: 0.1,
        from_match_min: 10.0,
        lead_in_from: Offset::from_s(-2.0),
        until: Offset::from_s(8.0),
        interval_us: 1_000_000,
        wanted: vec![5, 6, 7],
        services: vec![ServiceInfo {
            name: "home".into(),
            rated_rps: Some(10.0),
            decision_window_s: 4.0,
        }],
        moments: vec![info("toss", 4.0), info("six", 12.0)],
        faults: vec![FaultInfo {
            name: "slow".into(),
            kind: "latency".into(),
            text: "slow".into(),
            from: MatchTime::from_s(2.0),
            until: MatchTime::from_s(8.0),
            service: None,
        }],
        ..shipped()
    }
}

fn frame(n: i64, first: u64) -> Frame {
    let send = hulk_record::SendCount {
        service: "home".into(),
        due_interval: n as i32,
        first,
        ..Default::default()
    };
    Frame {
        from: Offset::from_s(n as f64),
        to: Offset::from_s(n as f64 + 1.0),
        sends: vec![send],
        audience: AudienceSample { present: 4, ..Default::default() },
        ..Frame::default()
    }
}

#[test]
fn needed_instances_are_of_the_last_decision_window() {
    let (manifest, mut progress) = (manifest(), Progress::new(1));
    let needed = |progress: &mut Progress, n, first| {
        progress.take(&manifest, &[frame(n, first)]).unwrap().services[0].needed
    };
    // A window is 4 match seconds, 2 intervals; an instance serves 10/s × 0.1 × 4 s = 4 in it.
    assert_eq!(needed(&mut progress, 0, 3), None, "the first window is not over");
    assert_eq!(needed(&mut progress, 1, 5), Some(2.0));
    assert_eq!(needed(&mut progress, 2, 4), Some(3.0));
    assert_eq!(needed(&mut progress, 3, 0), Some(1.0));
    assert_eq!(needed(&mut progress, 4, 0), Some(0.0));
    assert!(progress.due.len() <= 3, "what is older than a window is forgotten");
}

#[test]
fn a_status_tells_the_clocks_the_audience_and_what_comes() {
    let (manifest, mut progress) = (manifest(), Progress::new(2));
    assert_eq!(progress.take(&manifest, &[frame(0, 0)]), None);
    let status = progress.take(&manifest, &[frame(1, 0)]).unwrap();
    assert_eq!((status.at_s, status.left_s, status.done), (2.0, 6.0, 0.4));
    assert_eq!((status.present, status.wanted), (4, Some(6)));
    let match_min = status.match_min.expect("there is a match");
    assert!((match_min - (10.0 + 4.0 / 60.0)).abs() < 1e-9);
    assert_eq!(status.faults, [("slow".to_owned(), 2.0)], "from 1 s to 4 s of the wall");
    assert_eq!(status.next, Some(("six".to_owned(), 4.0)), "the toss is now");
    assert_eq!(status.p99_us, None, "nothing was answered");
}
