//! The command line around files, as a person and a shell meet it. Nothing here runs a rehearsal.

#![expect(clippy::unwrap_used, reason = "helpers of tests too may fail their test")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

const HULK: &str = env!("CARGO_BIN_EXE_hulk");
const NAMES: [&str; 3] = ["rehearsal.toml", "journey.toml", "audience.toml"];

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("hulk-cli-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn hulk(&self, arguments: &[&str]) -> Told {
        told(Command::new(HULK).args(arguments).current_dir(&self.0).output().unwrap())
    }

    /// The names of what is in it.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _best_effort = fs::remove_dir_all(&self.0);
    }
}

/// What came of a command.
#[derive(Debug)]
struct Told {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn told(output: Output) -> Told {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Told { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Told {
    #[track_caller]
    fn assert_code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    fn assert_refused(&self, wanted: &[&str]) {
        self.assert_code(2);
        for text in wanted {
            assert!(self.stderr.contains(text), "`{text}` is not in {self:#?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
    }
}

#[test]
fn init_writes_a_set_that_passes_check_at_once_and_tells_what_is_next() {
    let folder = Folder::new("init");
    let init = folder.hulk(&["init"]);
    init.assert_code(0);
    for name in NAMES {
        assert!(init.stdout.contains(&format!("{name}  (")), "{init:#?}");
    }
    for next in ["hulk check rehearsal.toml", "hulk trial rehearsal.toml", "hulk rehearse"] {
        assert!(init.stdout.contains(next), "{init:#?}");
    }
    assert_eq!(folder.names(), ["audience.toml", "journey.toml", "rehearsal.toml"]);
    let check = folder.hulk(&["check", "rehearsal.toml"]);
    check.assert_code(0);
    assert!(check.stdout.contains("against http://127.0.0.1:8080"), "{check:#?}");
    assert!(!check.stdout.contains("warning:") && check.stderr.is_empty(), "{check:#?}");
    // Into a folder that is not there, with another address.
    folder.hulk(&["init", "a/b", "--base", "http://[::1]:9000"]).assert_code(0);
    let check = folder.hulk(&["check", "a/b/rehearsal.toml"]);
    check.assert_code(0);
    assert!(check.stdout.contains("against http://[::1]:9000"), "{check:#?}");
}

#[test]
fn init_replaces_nothing_and_writes_all_or_nothing() {
    let folder = Folder::new("init-twice");
    folder.write("audience.toml", "mine");
    let refused = folder.hulk(&["init"]);
    refused.assert_refused(&["audience.toml is there already", "--force", "another folder"]);
    assert_eq!(folder.names(), ["audience.toml"]);
    folder.hulk(&["init", "--force"]).assert_code(0);
    assert_eq!(folder.names(), ["audience.toml", "journey.toml", "rehearsal.toml"]);
    assert!(fs::read_to_string(folder.path("audience.toml")).unwrap().contains("[[days]]"));
    let all = folder.hulk(&["init"]);
    all.assert_refused(&["rehearsal.toml, ./journey.toml, ./audience.toml are there already"]);
    // A link that leads nowhere is somebody's as well.
    let links = Folder::new("init-links");
    std::os::unix::fs::symlink("nowhere", links.path("journey.toml")).unwrap();
    links.hulk(&["init"]).assert_refused(&["journey.toml is there already"]);
    assert_eq!(links.names(), ["journey.toml"]);
    // What cannot be replaced stops it before anything is in its place.
    let half = Folder::new("init-half");
    half.write("audience.toml.new", "in the way");
    half.hulk(&["init"]).assert_refused(&["audience.toml.new", "nothing was written"]);
    assert_eq!(half.names(), ["audience.toml.new"]);
    half.write("file", "");
    half.hulk(&["init", "file"]).assert_refused(&["file", "name another folder"]);
}

#[test]
fn init_judges_the_address_as_check_does() {
    let folder = Folder::new("init-base");
    for (base, wanted) in [
        ("127.0.0.1:8080", "cannot be a target"),
        ("http://10.0.0.1:80", "no consent"),
        ("http://a\"b", "for example `--base http://127.0.0.1:8080`"),
    ] {
        folder.hulk(&["init", "--base", base]).assert_refused(&["--base", wanted]);
        assert!(folder.names().is_empty(), "{base}");
    }
}

#[test]
fn what_is_no_rehearsal_is_refused_in_one_line_and_a_hint() {
    let folder = Folder::new("mistakes");
    fs::create_dir(folder.path("folder")).unwrap();
    folder.write("bytes.toml", b"name = \"a\"\n\xff\n");
    folder.write("empty.toml", "");
    folder.write("journey.toml", include_str!("../scenarios/templates/journey.toml"));
    File::create(folder.path("large.toml")).unwrap().set_len(100 << 20).unwrap();
    let cases: [(&str, &[&str]); 7] = [
        ("match-dya", &["there is no such file", "did you mean `match-day`?"]),
        ("jurney.toml", &["did you mean `journey.toml`?", "`match-day`, `match-day-cloud-group`"]),
        ("folder", &["it is a folder", "`hulk init` writes some"]),
        ("bytes.toml", &["line 2 is not UTF-8", "save the file as UTF-8"]),
        ("empty.toml", &["the file is empty", "`hulk init`", "1 problem"]),
        ("large.toml", &["larger than 1 MiB"]),
        (
            "journey.toml",
            &["this looks like a journey", "name it in a rehearsal's `journeys`", "1 problem"],
        ),
    ];
    for (file, wanted) in cases {
        for command in ["check", "rehearse"] {
            let refused = folder.hulk(&[command, file]);
            refused.assert_refused(wanted);
            assert!(refused.stdout.is_empty(), "{refused:#?}");
        }
    }
    assert!(!folder.path("runs").exists());
}

/// A rehearsal with two problems, in a folder with what `init` writes.
fn wrong(name: &str) -> Folder {
    let folder = Folder::new(name);
    folder.hulk(&["init"]).assert_code(0);
    let text = fs::read_to_string(folder.path("rehearsal.toml")).unwrap();
    let text = text.replace("speed = 1 ", "sped = 1 ").replace("min = 0.99 ", "min = 99 ");
    folder.write("wrong.toml", text);
    folder
}

#[test]
fn check_sums_several_files_up() {
    let folder = wrong("several");
    let both = folder.hulk(&["check", "rehearsal.toml", "wrong.toml", "missing.toml"]);
    both.assert_code(2);
    let summary = "\nrehearsal.toml: valid\nwrong.toml: 3 problems\nmissing.toml: there is no such \
                   file\n";
    assert!(both.stdout.ends_with(summary), "{both:#?}");
    assert!(both.stderr.contains("did you mean `speed`?"), "{both:#?}");
}

#[test]
fn check_tells_a_machine_the_same_in_json() {
    let folder = wrong("json");
    let both = folder.hulk(&["check", "--json", "rehearsal.toml", "wrong.toml", "missing.toml"]);
    both.assert_code(2);
    assert!(both.stderr.is_empty(), "{both:#?}");
    let whole: Value = serde_json::from_str(&both.stdout).unwrap();
    let [good, wrong, missing] = [0, 1, 2].map(|place| &whole["files"][place]);
    assert_eq!(whole["valid"], false);
    assert_eq!((&good["valid"], &wrong["valid"]), (&Value::Bool(true), &Value::Bool(false)));
    assert_eq!(good["estimate"]["viewers_peak"], 60);
    assert_eq!(good["estimate"]["services"][0]["name"], "web");
    assert!(good["estimate"]["disk_free_bytes"].as_f64().unwrap() > 0.0);
    assert_eq!(good["warnings"], Value::Array(Vec::new()));
    let problems = wrong["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    for problem in problems {
        assert!(problem["line"].is_u64() && problem["hint"].is_string(), "{problem:#?}");
    }
    assert_eq!(missing["problems"][0]["message"], "there is no such file");
    assert_eq!(folder.hulk(&["check", "--json", "rehearsal.toml"]).code, Some(0));
}

#[test]
fn problems_are_coloured_on_a_terminal_only_and_not_where_it_is_not_wanted() {
    let folder = wrong("colour");
    let plain = folder.hulk(&["check", "wrong.toml"]);
    assert!(!plain.stderr.contains('\u{1b}'), "{plain:#?}");
    // `script` gives the command a terminal of its own.
    let on_terminal = |no_color: &str| {
        let command = format!("'{HULK}' check wrong.toml");
        let output = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .current_dir(&folder.0)
            .env("TERM", "xterm-256color")
            .env("NO_COLOR", no_color)
            .output();
        told(output.unwrap()).stdout
    };
    let (coloured, not) = (on_terminal(""), on_terminal("1"));
    assert!(coloured.contains("did you mean") && coloured.contains('\u{1b}'), "{coloured}");
    assert!(not.contains("did you mean") && !not.contains('\u{1b}'), "{not}");
}

#[test]
fn schemas_are_json_and_say_what_they_are_of() {
    let folder = Folder::new("schema");
    for kind in ["rehearsal", "journey", "devices", "platform", "model"] {
        let schema = folder.hulk(&["schema", kind]);
        schema.assert_code(0);
        let value: Value = serde_json::from_str(&schema.stdout).unwrap();
        assert_eq!(value["type"], "object", "{kind}");
    }
    folder.hulk(&["schema", "jorney"]).assert_refused(&["'journey'"]);
}

/// What bash offers for the words, the last of which is being typed.
fn bash_offers(folder: &Folder, words: &[&str]) -> Vec<String> {
    let script = folder.hulk(&["completions", "bash"]);
    folder.write("hulk.bash", &script.stdout);
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
    let commands = format!(
        "source ./hulk.bash; complete -p hulk >&2; COMP_WORDS=({}); COMP_CWORD={}; \
         _hulk hulk '{last}' '{before}' || true; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1
    );
    let output =
        Command::new("bash").args(["--norc", "-c", &commands]).current_dir(&folder.0).output();
    let offers = told(output.unwrap());
    assert!(offers.stderr.contains("-F _hulk"), "bash does not take it: {offers:#?}");
    let mut offers: Vec<String> = offers.stdout.split_whitespace().map(str::to_owned).collect();
    offers.sort_unstable();
    offers
}

#[test]
fn bash_completes_commands_options_and_names() {
    let folder = Folder::new("bash");
    let of = |words: &[&str]| bash_offers(&folder, words);
    let commands = of(&["hulk", "re"]);
    for wanted in ["rehearse", "report"] {
        assert!(commands.contains(&wanted.to_owned()), "{commands:?}");
    }
    assert!(commands.iter().all(|command| command.starts_with("re")), "{commands:?}");
    assert_eq!(of(&["hulk", "check", "--js"]), ["--json"]);
    assert_eq!(of(&["hulk", "schema", "jo"]), ["journey"]);
    let names = of(&["hulk", "rehearse", "match"]);
    assert_eq!(names, ["match-day", "match-day-cloud-group"]);
    assert!(of(&["hulk", ""]).contains(&"platform".to_owned()));
}

#[test]
fn every_shell_has_a_script() {
    let folder = Folder::new("shells");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = folder.hulk(&["completions", shell]);
        script.assert_code(0);
        assert!(script.stdout.contains("rehearse"), "{shell}: {script:#?}");
    }
    folder.hulk(&["completions", "bsh"]).assert_refused(&["'bash'"]);
}

#[test]
fn without_arguments_there_is_help_and_exit_2() {
    let folder = Folder::new("help");
    folder.hulk(&[]).assert_refused(&["Usage: hulk <COMMAND>", "rehearse", "check", "init"]);
    let version = folder.hulk(&["--version"]);
    assert_eq!(version.assert_code(0).stdout, format!("hulk {}\n", env!("CARGO_PKG_VERSION")));
    let help = folder.hulk(&["--help"]);
    help.assert_code(0);
    for wanted in ["Exit codes", "130, 143", "INCONCLUSIVE", "NO_COLOR", "Examples:"] {
        assert!(help.stdout.contains(wanted), "{wanted}: {help:#?}");
    }
    folder.hulk(&["reherse"]).assert_refused(&["'rehearse'"]);
    folder.hulk(&["rehearse", "--quite"]).assert_refused(&["'--quiet'"]);
}

#[test]
fn an_argument_that_is_no_text_is_refused_with_exit_2() {
    use std::os::unix::ffi::OsStrExt;
    let strange = std::ffi::OsStr::from_bytes(b"\xff");
    for command in [None, Some("check"), Some("proxy")] {
        let output = Command::new(HULK).args(command).arg(strange).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
        assert!(!said.is_empty() && !said.contains("panicked"), "{command:?}: {said}");
    }
}

#[test]
fn the_examples_of_help_run() {
    let folder = Folder::new("examples");
    let mut run = 0;
    for command in ["check", "init", "schema", "completions"] {
        let help = folder.hulk(&[command, "--help"]);
        for line in help.stdout.lines().filter(|line| line.starts_with("  hulk ")) {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            // Each writes where it is; the shipped rehearsals are found by name from anywhere.
            let place = Folder::new(&format!("example-{run}"));
            let output = Command::new(HULK).args(&words).current_dir(&place.0).output().unwrap();
            told(output).assert_code(0);
            run += 1;
        }
    }
    assert!(run >= 9, "only {run}");
}

#[test]
fn a_platform_is_refused_what_it_cannot_have() {
    let folder = Folder::new("platform");
    for name in NAMES {
        let text = fs::read(format!("{}/scenarios/templates/{name}", env!("CARGO_MANIFEST_DIR")));
        folder.write(name, text.unwrap());
    }
    for (arguments, code, reason) in [
        (&["--control", "0.0.0.0:9000"][..], 2, "0.0.0.0 is not loopback"),
        (&["--edge", "10.1.2.3:80"], 2, "10.1.2.3 is not loopback"),
        (&["--edge", "http"], 2, "a port is expected, or an address with its port"),
        (&["--speed", "0"], 2, "a number from 0.01 to 1000 is expected"),
        (&["--scale", "2"], 2, "a number from 0.000000001 to 1 is expected"),
        (
            &["--edge", "0", "--edge", "0", "--edge", "0"],
            2,
            "`--edge` stands 3 times, and the platform has 2 edges: north, south",
        ),
        (&["match-dya"], 2, "did you mean `match-day`?"),
        (&["rehearsal.toml"], 2, "name a rehearsal whose target is `embedded`"),
    ] {
        let told = folder.hulk(&[&["platform"], arguments].concat());
        told.assert_code(code);
        assert!(told.stderr.contains(reason), "{arguments:?}: {}", told.stderr);
        assert_eq!(told.stdout, "");
    }
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for flag in ["--edge", "--control"] {
        let told = folder.hulk(&["platform", flag, &port]);
        told.assert_code(1);
        let reason = format!("nobody can listen on 127.0.0.1:{port}: ");
        assert!(told.stderr.contains(&reason), "{}", told.stderr);
    }
}
