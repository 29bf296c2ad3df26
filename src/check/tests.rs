use super::*;

fn asked(file: &str, disk_bytes: Option<f64>, descriptors: u64) -> (Asked, Room) {
    let room =
        Room { given: Given { descriptors, workers: 1, cores: 2 }, ports: 28_232, disk_bytes };
    let (files, runs) = (vec![file.to_owned()], "runs".into());
    let arguments = CheckArguments { files, json: false, runs, workers: 1 };
    (Asked::of(Rehearsal::load(file).unwrap(), &arguments, &room), room)
}

#[test]
fn golden_what_the_shipped_rehearsal_asks_for() {
    let (asked, room) = asked("match-day", Some(34.04e9), 20_000);
    let shown = asked.describe(Path::new("runs"), &room);
    let wanted = include_str!("match-day.txt");
    assert_eq!(shown, wanted, "\n{shown}");
}

#[test]
fn a_small_disk_few_descriptors_and_too_much_load_are_warned_of_with_a_way_out() {
    let (few, _) = asked("match-day", Some(5e6), 1024);
    let warnings = few.warnings.join("\n");
    for wanted in ["file descriptors are needed", "`ulimit -n`", "on another disk with `--runs`"] {
        assert!(warnings.contains(wanted), "{warnings}");
    }
    assert_eq!(few.warnings.len(), 2, "{warnings}");
    let (plenty, _) = asked("match-day", Some(1e12), 20_000);
    assert!(plenty.warnings.is_empty(), "{:?}", plenty.warnings);
}

#[test]
fn sizes_are_read_by_people() {
    assert_eq!([1.0, 3.4e6, 2.06e9].map(size), ["1 MB", "3 MB", "2.1 GB"]);
    assert!(free_bytes(Path::new("not/there/yet")).is_some_and(|free| free >= 0.0));
}
