//! What is not a rehearsal is refused, with its place and the way out.

use std::fs;

use crate::bench::{Bench, Run};
use crate::files::{replaced, short};

/// Refused with everything that a person needs, and nothing that only a programmer reads.
#[track_caller]
fn assert_refused(run: &Run, wanted: &[&str]) {
    let Run { code, stdout, stderr, .. } = run;
    assert!(*code == 2 && stdout.is_empty() && !run.has_folder(), "{run:#?}");
    for text in wanted {
        assert!(stderr.contains(text), "`{text}` is not in {run:#?}");
    }
    for text in ["panicked", "RUST_BACKTRACE", "Error {", "called `"] {
        assert!(!stderr.contains(text), "`{text}` is in {run:#?}");
    }
}

#[test]
fn rubbish_is_refused_with_exit_2() {
    let bench = Bench::take("rubbish");
    fs::create_dir(bench.path("folder.toml")).unwrap();
    bench.write("text.toml", "name = \"a\"\nthis is no TOML\n");
    bench.write("empty.toml", "");
    bench.write("bytes.toml", [0xff, 0xfe, 0x00]);
    bench.write("unknown.toml", replaced(&short(1.0, 5_000), "to_min =", "to_minn ="));
    let wrong = replaced(&short(1.0, 5_000), "speed = 7.5", "speed = \"fast\"");
    bench.write("two.toml", replaced(&wrong, "\"ind-vs-nz-2019\"", "\"ind-vs-nz-2018\""));
    let shipped = "help: name a file, or a shipped rehearsal: match-day";
    let cases: [(&str, &[&str]); 7] = [
        ("text.toml", &["not TOML", "text.toml:2:", "1 problem"]),
        ("empty.toml", &["`clock` is missing", "empty.toml:1:1", "help: add `clock"]),
        ("bytes.toml", &["bytes.toml: stream did not contain valid UTF-8", shipped]),
        ("folder.toml", &["folder.toml: Is a directory", shipped]),
        ("missing.toml", &["missing.toml: No such file", shipped]),
        (
            "unknown.toml",
            &["unknown key `to_minn`", "unknown.toml:17:1", "help: did you mean `to_min`?"],
        ),
        // Every problem at once.
        ("two.toml", &["two.toml:11:", "two.toml:14:", "help: shipped are ind-vs-nz-2019"]),
    ];
    for (file, wanted) in cases {
        for command in ["check", "rehearse"] {
            assert_refused(&bench.hulk(&[command, file]), wanted);
        }
    }
    // The good one beside a bad one is checked, and the bad one still tells.
    bench.write("good.toml", short(1.0, 5_000));
    let both = bench.hulk(&["check", "good.toml", "unknown.toml"]);
    assert!(both.code == 2 && both.stdout.contains("good.toml: a valid rehearsal"), "{both:#?}");
    let usage = "For more information, try '--help'";
    assert_refused(&bench.hulk(&["reherse"]), &["reherse", "rehearse", usage]);
    assert_refused(&bench.hulk(&["rehearse", "--fast"]), &["--fast", usage]);
    assert_refused(&bench.hulk(&["check"]), &["<FILES>", usage]);
    assert_refused(&bench.hulk(&["report", "nowhere"]), &["nowhere"]);
}
