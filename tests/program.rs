//! The program under test, run as its users run it: a process with arguments, an exit code, and what it printed and wrote.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a finished process left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
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
    _stdin: ChildStdin,
    pub(crate) url: String,
}

impl Mock {
    /// Serves `profile`; `url` is the base URL of its stage `prod`.
    pub(crate) fn serve(bench: &Bench, profile: &Path) -> Self {
        let mut command = bench.command([
            OsStr::new("mock"),
            profile.as_os_str(),
            OsStr::new("--listen"),
            OsStr::new("127.0.0.1:0"),
            OsStr::new("--format"),
            OsStr::new("json"),
            OsStr::new("--until-stdin-closes"),
        ]);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program starts");
        let stdin = child.stdin.take().expect("its standard input is piped");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its standard output is piped")).read_line(&mut line).expect("a ready line");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("no ready line: {error}: {line:?}"));
        let url = ready["stages"]["prod"].as_str().expect("the stage has a URL").to_owned();
        Self { child, _stdin: stdin, url }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
