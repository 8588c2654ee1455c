//! The bundled mock gateway as a child process of the same binary.
//!
//! Its CPU, its memory and its 20,000 descriptors are its own. It prints one ready line with the base URL of each stage,
//! serves until its standard input closes (also when this process is killed: the kernel closes the pipe), then prints one line
//! with what it saw. It lives in a process group of its own, so that Ctrl-C at the terminal reaches this process alone and the
//! mock still answers what is in flight. Refuses to read profiles: it passes on the arguments that this process was given.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Write as _};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sluicegate_mock::Summary;
use sluicegate_timer::Clock;

/// How long the child may take to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The ready line.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ready {
    /// Base URL of each stage, by its name.
    pub(super) stages: BTreeMap<String, String>,
    /// Base URL of each stage, by the id of its API and its name.
    #[serde(default)]
    pub(super) apis: BTreeMap<String, BTreeMap<String, String>>,
    /// Base URL of the admin endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) admin: Option<String>,
    /// Base URL of the issuer of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
    /// The certificate of the authority that signed the mock's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ca: Option<PathBuf>,
}

/// A running mock.
#[derive(Debug)]
pub(super) struct MockChild {
    child: Child,
    // Closing it ends the child.
    stdin: Option<ChildStdin>,
    lines: Receiver<io::Result<String>>,
    ready: Ready,
}

/// Why there is no mock.
#[derive(Debug, thiserror::Error)]
pub(super) enum MockChildError {
    /// The process could not be started.
    #[error("the mock gateway's process does not start")]
    Spawn(#[source] io::Error),
    /// It ended before it was ready; its own message stands above.
    #[error("the mock gateway ended before it was ready")]
    Ended,
    /// It said nothing for too long.
    #[error("the mock gateway said nothing for {} s", PATIENCE.as_secs())]
    Silent,
    /// It said something else.
    #[error("the mock gateway said something that is not its line: {line}")]
    Garbled {
        /// What it said.
        line: String,
        /// Why that is not it.
        #[source]
        source: serde_json::Error,
    },
}

impl MockChild {
    /// Starts `sluicegate mock ARGUMENTS` and waits for its ready line.
    pub(super) fn start(arguments: &[OsString]) -> Result<Self, MockChildError> {
        let program = std::env::current_exe().map_err(MockChildError::Spawn)?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(MockChildError::Spawn)?;
        let stdin = child.stdin.take();
        let lines = lines_of(child.stdout.take().expect("its standard output is piped"));
        let mut mock = Self { child, stdin, lines, ready: Ready::default() };
        mock.ready = mock.next_line()?;
        Ok(mock)
    }

    /// The base URL of a stage of the API with that id.
    pub(super) fn stage_url(&self, api: &str, stage: &str) -> Option<&str> {
        self.ready.apis.get(api)?.get(stage).map(String::as_str)
    }

    /// The base URL of its issuer of tokens.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.ready.issuer.as_deref()
    }

    /// Tells it that the run begins at the zero of this clock. One that is gone hears nothing, which the run itself finds out.
    pub(super) fn begin(&self, clock: Clock) {
        if let Some(mut stdin) = self.stdin.as_ref() {
            let _ = writeln!(stdin, "{}", clock.origin_ns());
        }
    }

    /// Ends it, and gives what it saw.
    pub(super) fn finish(mut self) -> Result<Summary, MockChildError> {
        drop(self.stdin.take());
        self.next_line()
    }

    fn next_line<T: for<'a> Deserialize<'a>>(&self) -> Result<T, MockChildError> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(Ok(line)) => serde_json::from_str(&line).map_err(|source| MockChildError::Garbled { line, source }),
            Ok(Err(error)) => Err(MockChildError::Spawn(error)),
            Err(RecvTimeoutError::Timeout) => Err(MockChildError::Silent),
            Err(RecvTimeoutError::Disconnected) => Err(MockChildError::Ended),
        }
    }
}

impl Drop for MockChild {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // After its last line it only has to exit; one that hangs is not left behind.
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's lines, read on a thread of their own so that waiting for one has an end. It ends with the child's output.
fn lines_of(stdout: impl io::Read + Send + 'static) -> Receiver<io::Result<String>> {
    let (sender, receiver) = sync_channel(4);
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
