//! The neutral receiver, as a part sees it: a `listener`, or an `echo`, in a process of its own on the servers' core.
//!
//! Owns its start, its end and its record. Refuses to judge what arrived. Called by `pacing`, `memory`, `replay` and `websocket`.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::again;

/// The core of every server.
const CORE: &str = "1";

/// A running listener; ends when dropped.
pub(crate) struct Receiver {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    port: u16,
}

/// What it saw.
pub(crate) struct Arrivals {
    /// Connections that it accepted.
    pub(crate) connections: u64,
    /// When each request had arrived, in nanoseconds of `CLOCK_MONOTONIC`; none if it delays.
    pub(crate) at_ns: Vec<u64>,
}

impl Receiver {
    /// One that stamps, and never sleeps.
    pub(crate) fn stamping() -> Result<Self, String> {
        Self::start(&["stamp"])
    }

    /// One whose answers come so many milliseconds after their requests.
    pub(crate) fn delaying(ms: u32) -> Result<Self, String> {
        Self::start(&["delay", &ms.to_string()])
    }

    /// A WebSocket server that sends everything back; it keeps no record.
    pub(crate) fn echoing() -> Result<Self, String> {
        Self::start_as(again::ECHO, &[])
    }

    fn start(words: &[&str]) -> Result<Self, String> {
        Self::start_as(again::LISTENER, words)
    }

    fn start_as(role: &str, words: &[&str]) -> Result<Self, String> {
        let mut child = Command::new("taskset")
            .args(["-c", CORE])
            .args(again::command(role, words)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the receiver does not start: {error}"))?;
        let lines = BufReader::new(child.stdout.take().ok_or("the receiver has no output")?).lines();
        let mut receiver = Self { child, lines, port: 0 };
        receiver.port = receiver.number_of("listening")?;
        Ok(receiver)
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it; what it saw. That it had no room for some arrivals is an error.
    pub(crate) fn finish(mut self) -> Result<Arrivals, String> {
        drop(self.child.stdin.take());
        let connections = self.number_of("connections")?;
        let unstamped: u64 = self.number_of("unstamped")?;
        if unstamped > 0 {
            return Err(format!("the receiver had no room for {unstamped} arrivals"));
        }
        let mut at_ns = Vec::new();
        for line in &mut self.lines {
            let line = line.map_err(|error| format!("the receiver's record breaks off: {error}"))?;
            at_ns.push(line.parse().map_err(|error| format!("the receiver's record is not understood ({error}): {line}"))?);
        }
        Ok(Arrivals { connections, at_ns })
    }

    /// The number that the next line says.
    fn number_of<N: std::str::FromStr>(&mut self, name: &str) -> Result<N, String> {
        let line = self.lines.next().ok_or("the receiver ended too early")?;
        let line = line.map_err(|error| format!("the receiver says nothing: {error}"))?;
        let number = line.strip_prefix(name).and_then(|number| number.trim().parse().ok());
        number.ok_or_else(|| format!("the receiver says {line} in place of {name}"))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
