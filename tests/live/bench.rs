//! Turns, folders and runs of the program.

use std::fs::{self, File};
use std::io::{Write, stderr};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::sleep;
use std::time::Duration;

use hulk_record::Record;
use serde_json::Value;
use tokio::time::Instant;

/// The program under test.
pub(crate) const HULK: &str = env!("CARGO_BIN_EXE_hulk");
/// Marks every process of a run, also those that have lost their parent.
pub(crate) const MARK: &str = "HULK_LIVE_MARK";
/// A run that lost machine time is repeated so often.
const REPEATS_MAX: u32 = 2;
/// No run takes longer.
const RUN_LIMIT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(5);

static TURN: RwLock<()> = RwLock::new(());
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A name that nothing else on this machine has now.
fn unique(name: &str) -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("hulk-live-{name}-{}-{number}", std::process::id())
}

/// Waits until `found` finds something.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = found() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what}: not within {limit:?}");
        sleep(POLL);
    }
}

/// The turn of one test, with a folder of its own that goes with it.
pub(crate) struct Bench {
    folder: PathBuf,
    keep: bool,
    /// The machine's, whoever else tests on it.
    _machine: File,
    _turn: Turn,
}

/// Held for as long as a test lasts.
#[expect(dead_code, reason = "what is held is held")]
enum Turn {
    Alone(RwLockWriteGuard<'static, ()>),
    Beside(RwLockReadGuard<'static, ()>),
}

impl Bench {
    /// Waits for its turn.
    pub(crate) fn take(name: &str) -> Self {
        let turn = Turn::Alone(TURN.write().unwrap_or_else(PoisonError::into_inner));
        let machine = File::open(std::env::temp_dir()).unwrap();
        machine.lock().unwrap();
        Self::with(name, turn, machine)
    }

    /// The same for a test that only counts, beside others that do.
    pub(crate) fn take_beside(name: &str) -> Self {
        let turn = Turn::Beside(TURN.read().unwrap_or_else(PoisonError::into_inner));
        let machine = File::open(std::env::temp_dir()).unwrap();
        machine.lock_shared().unwrap();
        Self::with(name, turn, machine)
    }

    fn with(name: &str, turn: Turn, machine: File) -> Self {
        let folder = std::env::temp_dir().join(unique(name));
        fs::create_dir_all(&folder).unwrap();
        Self { folder, keep: false, _machine: machine, _turn: turn }
    }

    /// Gives the turn back and leaves the folder to those who come later: it goes with this
    /// process, however that ends.
    pub(crate) fn leave_folder(mut self) {
        self.keep = true;
        Command::new("sh")
            .args(["-c", "read -r _; rm -rf -- \"$1\"", "janitor"])
            .arg(&self.folder)
            // It never says anything: the pipe closes with this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(std::mem::forget)
            .unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Starts a program in the folder.
    pub(crate) fn start(&self, program: &[&str]) -> Running {
        let mark = unique("run");
        let [stdout, stderr] = ["out", "err"].map(|end| self.path(&format!("{mark}.{end}")));
        let child = Command::new(program[0])
            .args(&program[1..])
            .current_dir(&self.folder)
            .env(MARK, &mark)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap())
            // As a shell does it: a Ctrl-C goes to the group.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program[0]));
        let runs = self.path("runs");
        Running { child, mark, started: Instant::now(), stdout, stderr, runs }
    }

    /// `hulk` with these arguments, to its end.
    pub(crate) fn hulk(&self, arguments: &[&str]) -> Run {
        self.start(&[&[HULK], arguments].concat()).end()
    }

    /// Removes what the run before has left.
    pub(crate) fn forget_runs(&self) {
        let _may_be_missing = fs::remove_dir_all(self.path("runs"));
    }

    /// Starts a rehearsal; its run folder is the only one in `runs`.
    pub(crate) fn rehearsal(&self, file: &str) -> Running {
        self.rehearsal_by(&[], file)
    }

    /// The same through a program that runs programs.
    pub(crate) fn rehearsal_by(&self, by: &[&str], file: &str) -> Running {
        self.forget_runs();
        self.start(&[by, &[HULK, "rehearse", file]].concat())
    }

    /// A rehearsal to its end, again when the machine lost time.
    pub(crate) fn rehearse(&self, file: &str) -> Run {
        self.rehearse_each(file, || self.rehearsal(file).end())
    }

    /// The same with a run of one's own, from its start to its end, which is called again for each
    /// repetition.
    pub(crate) fn rehearse_each(&self, file: &str, rehearse: impl Fn() -> Run) -> Run {
        let again = || {
            self.forget_runs();
            rehearse()
        };
        for repeat in 1..=REPEATS_MAX {
            let run = again();
            if run.code != 6 || !run.lost_machine_time() {
                return run;
            }
            let line = format!("{file}: the machine lost time, repetition {repeat}\n");
            // Past the test's own capture: it is said whether the test passes or not.
            stderr().write_all(line.as_bytes()).unwrap();
        }
        again()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !self.keep {
            let _best_effort = fs::remove_dir_all(&self.folder);
        }
    }
}

/// A program that runs; it does not outlive this value.
pub(crate) struct Running {
    child: Child,
    pub(crate) mark: String,
    pub(crate) started: Instant,
    stdout: PathBuf,
    stderr: PathBuf,
    runs: PathBuf,
}

impl Running {
    pub(crate) fn id(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Waits for the folder of the run: 0.3 s later the lead-in begins.
    pub(crate) fn wait_for_folder(&mut self) {
        let record =
            || run_folder(&self.runs).filter(|run| run.join("record/events.jsonl").exists());
        wait_for("a run folder", Duration::from_secs(20), record);
    }

    /// What it has printed so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stdout).unwrap()).into_owned()
    }

    /// Waits for its end.
    pub(crate) fn end(self) -> Run {
        self.end_within(RUN_LIMIT)
    }

    /// The same of a program that makes several runs.
    pub(crate) fn end_with_runs(mut self) -> Run {
        self.runs = PathBuf::new();
        self.end()
    }

    pub(crate) fn end_within(mut self, limit: Duration) -> Run {
        let status: ExitStatus =
            wait_for("the program's end", limit, || self.child.try_wait().unwrap());
        let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        Run {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
            took: self.started.elapsed(),
            folder: run_folder(&self.runs),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn run_folder(runs: &Path) -> Option<PathBuf> {
    let mut folders = fs::read_dir(runs).ok()?;
    let folder = folders.next()?.unwrap().path();
    assert!(folders.next().is_none(), "one run makes one folder");
    Some(folder)
}

/// What came of a program.
#[derive(Debug)]
pub(crate) struct Run {
    /// As a shell has it: 128 + the signal when a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    folder: Option<PathBuf>,
}

impl Run {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_deref().unwrap_or_else(|| panic!("no run folder: {self:?}"))
    }

    pub(crate) fn has_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Whether HULK itself says so, where nobody can read what it prints also in its summary.
    fn lost_machine_time(&self) -> bool {
        let verdict = self.folder.as_ref().map(|_| self.summary().verdict().to_string());
        let said = self.stdout.clone() + &verdict.unwrap_or_default();
        said.to_lowercase().contains("the machine lost time")
    }

    pub(crate) fn record(&self) -> Record {
        Record::read(&self.folder().join("record")).unwrap()
    }

    pub(crate) fn summary(&self) -> Summary {
        let text = fs::read_to_string(self.folder().join("summary.json")).unwrap();
        Summary(serde_json::from_str(&text).unwrap())
    }

    /// The exit code, and the verdict's name at the start of the line that says it.
    #[track_caller]
    pub(crate) fn assert_ended(&self, code: i32, verdict: &str) {
        let found = self.stdout.lines().any(|line| line.starts_with(&format!("{verdict}: ")));
        assert!(self.code == code && found, "wanted {code} {verdict}: {self:#?}");
    }
}

/// `summary.json`.
pub(crate) struct Summary(pub(crate) Value);

impl Summary {
    pub(crate) fn verdict(&self) -> &Value {
        &self.0["verdict"]
    }

    /// The check of this name, which does not hold; its reason.
    #[track_caller]
    pub(crate) fn broken_check(&self, name: &str) -> String {
        let broken = self.checks(false);
        let found = broken.iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("`{name}` is not among {broken:#?}")).1.clone()
    }

    /// The check of this name, whether it holds or not.
    #[track_caller]
    pub(crate) fn check(&self, name: &str) -> &Value {
        let all = self.verdict()["validity"].as_array().unwrap();
        let found = all.iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("`{name}` is not among {all:#?}"))
    }

    /// Names and reasons of the checks that do or do not hold.
    pub(crate) fn checks(&self, holds: bool) -> Vec<(String, String)> {
        let all = self.verdict()["validity"].as_array().unwrap().iter();
        let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
        all.filter(|check| check["holds"] == holds)
            .map(|check| (text(check, "name"), text(check, "reason")))
            .collect()
    }
}
