//! What is not a rehearsal is refused, with its place and the way out.

use std::fs;

use crate::bench::{Bench, Run};
use crate::files::{line_of, replaced, short};

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
    let unknown = replaced(&short(1.0, 5_000), "to_min =", "to_minn =");
    bench.write("unknown.toml", &unknown);
    let unknown_at = format!("unknown.toml:{}:1", line_of(&unknown, "to_minn"));
    let two = replaced(&short(1.0, 5_000), "speed = 7.5", "speed = \"fast\"");
    let two = replaced(&two, "\"ind-vs-nz-2019\"", "\"ind-vs-nz-2018\"");
    bench.write("two.toml", &two);
    let two_at = ["fast", "2018"].map(|wrong| format!("two.toml:{}:", line_of(&two, wrong)));
    let shipped = "shipped rehearsals, by their names: `avatar-72`, `avatar-admission-burst`";
    let cases: [(&str, &[&str]); 7] = [
        ("text.toml", &["not TOML", "text.toml:2:", "1 problem"]),
        ("empty.toml", &["the file is empty", "empty.toml:1:1", "help: `hulk init` writes"]),
        ("bytes.toml", &["bytes.toml: line 1 is not UTF-8", "help: save the file as UTF-8"]),
        ("folder.toml", &["folder.toml: it is a folder", "help: it has no `.toml` file"]),
        ("missing.toml", &["missing.toml: there is no such file", shipped]),
        ("unknown.toml", &["unknown key `to_minn`", &unknown_at, "help: did you mean `to_min`?"]),
        // Every problem at once.
        ("two.toml", &[&two_at[0], &two_at[1], "shipped are ", "ind-vs-nz-2019"]),
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
