//! The program under test, run as its users run it: a process with arguments, an exit code, and what it printed and wrote.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use tempfile::TempDir;

/// A profile of a service that answers at once, with the rest of its traffic and what follows.
pub(crate) fn at_once(rest: &str) -> String {
    "# Imitates a service that answers at once.
gateway:
  api: http
  region: us-east-1
  stages: { prod: {} }
  routes: { GET /a: { integration: { mock: { status: 200 } } } }
traffic:
  mix: [{ request: GET /a }]
"
    .to_owned()
        + rest
}

/// What a finished process left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A finished run with the folder that it kept.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) finished: Finished,
    pub(crate) folder: PathBuf,
    /// Its `run.json`.
    pub(crate) record: Value,
}

/// How long what calls itself invalid is repeated before the machine is given up: other work of a shared machine comes and goes by the minute.
const PATIENCE: Span = Span::from_secs(120);

/// Tries, again while the machine was too busy for it, which the program says by itself; what the last attempt gave.
pub(crate) fn while_invalid<T>(mut attempt: impl FnMut() -> T, invalid: impl Fn(&T) -> bool) -> T {
    let clock = Clock::starting_now();
    loop {
        let found = attempt();
        if !invalid(&found) || clock.now() > Instant::ZERO + PATIENCE {
            return found;
        }
    }
}

/// The machine to itself among the tests that measure time or make load, until it is dropped.
#[derive(Debug)]
pub(crate) struct Quiet {
    _lock: File,
}

/// Waits for the machine. A file's lock, so that it holds for tests in one process and in many.
pub(crate) fn quiet() -> Quiet {
    let lock = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("quiet.lock")).expect("the target folder is writable");
    lock.lock().expect("a file can be locked");
    Quiet { _lock: lock }
}

/// A folder to work in, with a profile in it.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Writes a file into the folder; its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the temporary folder is writable");
        path
    }

    /// A path within the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The record of the run in the subfolder `name`.
    pub(crate) fn record(&self, name: &str) -> Value {
        let path = self.path(name).join("run.json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).expect("run.json is JSON")
    }

    /// Runs the program with these arguments and a run folder, which must be named neither in them nor before.
    pub(crate) fn kept<I>(&self, arguments: I) -> Kept
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let runs = fs::read_dir(self.folder.path()).map_or(0, Iterator::count);
        let name = format!("run-{runs}");
        let mut all: Vec<OsString> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        all.extend(["--output".into(), OsString::from(&name)]);
        let finished = self.sluicegate(all);
        let folder = self.path(&name);
        assert!(folder.join("run.json").exists(), "no run was kept\nstdout:\n{}\nstderr:\n{}", finished.stdout, finished.stderr);
        Kept { finished, record: self.record(&name), folder }
    }

    /// As [`Self::kept`], again while the run calls itself invalid: then the machine was too busy, the run has proved nothing,
    /// and says so. A run that does not doubt itself is taken as it is, whatever its verdicts.
    pub(crate) fn kept_valid<I>(&self, arguments: I) -> Kept
    where
        I: IntoIterator + Clone,
        I::Item: AsRef<OsStr>,
    {
        self.kept_valid_each(arguments, || {})
    }

    /// The same, with something to be done before each run.
    pub(crate) fn kept_valid_each<I>(&self, arguments: I, mut before: impl FnMut()) -> Kept
    where
        I: IntoIterator + Clone,
        I::Item: AsRef<OsStr>,
    {
        let attempt = move || {
            before();
            let kept = self.kept(arguments.clone());
            assert!(!kept.is_invalid() || kept.finished.code == Some(4), "an invalid run says so: {}", kept.finished.stdout);
            kept
        };
        while_invalid(attempt, Kept::is_invalid)
    }

    /// Runs the program to its end, in this folder.
    pub(crate) fn sluicegate<I>(&self, arguments: I) -> Finished
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        finish(self.command(arguments).spawn().expect("the program starts"))
    }

    /// The program with its arguments, not yet started.
    pub(crate) fn command<I>(&self, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sluicegate"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Waits for a process and takes what it printed.
pub(crate) fn finish(child: Child) -> Finished {
    let output = child.wait_with_output().expect("the program's output is readable");
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Kept {
    /// Fails with all that was printed unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        Self { finished: self.finished.expect_code(code), ..self }
    }

    /// Fails unless the traffic was driven to its end: for tests of what was sent, to which it is the same whether a busy machine
    /// made the run late (exit code 4).
    #[track_caller]
    pub(crate) fn expect_driven(self) -> Self {
        let ended = matches!(self.finished.code, Some(0 | 4)) && self.record["complete"] == true;
        assert!(ended, "stdout:\n{}\nstderr:\n{}", self.finished.stdout, self.finished.stderr);
        self
    }

    fn is_invalid(&self) -> bool {
        self.record["doubts"].as_array().is_some_and(|doubts| doubts.iter().any(|doubt| doubt["weight"] == "invalid"))
    }

    /// How many actions of a series ended so: by `outcome` and status (0 where there was no answer).
    pub(crate) fn outcomes(&self, series: &str) -> BTreeMap<(String, u64), u64> {
        outcomes(&self.record, "series", series)
    }

    /// What became of the assumption of that name.
    #[track_caller]
    pub(crate) fn verdict(&self, assumption: &str) -> &Value {
        let all = self.record["verdicts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = all.iter().find(|verdict| verdict["assumption"] == assumption);
        found.unwrap_or_else(|| panic!("no verdict on `{assumption}`: {all:#?}"))
    }
}

/// How the actions of a series of a record ended, in its list `list`.
pub(crate) fn outcomes(record: &Value, list: &str, series: &str) -> BTreeMap<(String, u64), u64> {
    let all = record[list].as_array().expect("the record lists its series");
    let found = all.iter().find(|it| it["name"] == series).unwrap_or_else(|| panic!("no series `{series}`: {all:#?}"));
    let mut counts = BTreeMap::new();
    for outcome in found["outcomes"].as_array().expect("a series lists its outcomes") {
        let name = outcome["outcome"].as_str().expect("an outcome has a name").to_owned();
        let count = outcome["count"].as_u64().expect("an outcome has a count");
        *counts.entry((name, outcome["status"].as_u64().unwrap_or(0))).or_default() += count;
    }
    counts
}

/// Text without its line breaks and runs of blanks: what a report says, however it is wrapped.
pub(crate) fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Finished {
    /// Fails with all that was printed unless the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless standard error holds `text`.
    #[track_caller]
    pub(crate) fn complains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in standard error:\n{}", self.stderr);
        self
    }
}

/// A mock gateway in a process of its own, until it is dropped.
pub(crate) struct Mock {
    child: Child,
    // Closing it ends the mock.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// Its ready line.
    pub(crate) ready: Value,
    pub(crate) url: String,
}

impl Mock {
    /// Serves `profile`; `url` is the base URL of its stage `prod`.
    pub(crate) fn serve(bench: &Bench, profile: &Path) -> Self {
        Self::serve_on(bench, profile, "127.0.0.1:0")
    }

    /// The same on the address `listen`.
    pub(crate) fn serve_on(bench: &Bench, profile: &Path, listen: &str) -> Self {
        Self::serve_with(bench, profile, &["--listen", listen])
    }

    /// The same with more arguments.
    pub(crate) fn serve_with(bench: &Bench, profile: &Path, more: &[&str]) -> Self {
        let fixed = [OsStr::new("mock"), profile.as_os_str(), OsStr::new("--format"), OsStr::new("json")];
        let until = [OsStr::new("--until-stdin-closes")];
        let mut command = bench.command(fixed.into_iter().chain(until).chain(more.iter().map(OsStr::new)));
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
        let stdin = child.stdin.take().expect("its standard input is piped");
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("its standard output is piped"));
        stdout.read_line(&mut line).expect("a ready line");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("no ready line: {error}: {line:?}"));
        let url = ready["stages"]["prod"].as_str().expect("the stage has a URL").to_owned();
        Self { child, stdin: Some(stdin), stdout, ready, url }
    }

    /// The same under another name: its base URL begins with https.
    pub(crate) fn serve_tls(bench: &Bench, profile: &Path, more: &[&str]) -> Self {
        let mock = Self::serve_with(bench, profile, more);
        assert!(mock.url.starts_with("https://"), "{}", mock.url);
        mock
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it; what it says of itself. It must not have panicked.
    pub(crate) fn finish(mut self) -> Value {
        drop(self.stdin.take());
        let (mut line, mut complaints) = (String::new(), String::new());
        self.stdout.read_line(&mut line).expect("the mock's account is readable");
        let mut stderr = self.child.stderr.take().expect("its standard error is piped");
        stderr.read_to_string(&mut complaints).expect("its standard error is text");
        assert!(!complaints.contains("panicked"), "{complaints}");
        let summary = serde_json::from_str(&line).unwrap_or_else(|error| panic!("no account: {error}: {line:?}\n{complaints}"));
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0), "{complaints}");
        summary
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
