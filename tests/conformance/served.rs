//! A mock gateway that serves a document, and requests to it over a bare socket.
//!
//! Owns the process and the bytes. Refuses to judge an answer. Called by `main`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::cases::Request;

/// How long an answer may take; a case is a matter of milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running mock gateway; it ends with this value.
#[derive(Debug)]
pub(crate) struct Mock {
    child: Child,
    /// Host and port.
    authority: String,
    /// The path of its stage, without a slash at its end.
    stage: String,
}

/// An answer, as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The body's bytes.
    pub(crate) bytes: Vec<u8>,
}

/// The ready line.
#[derive(Deserialize)]
struct Ready {
    stages: BTreeMap<String, String>,
}

impl Mock {
    /// Starts it, and waits until it is ready. The document has one stage, or its first one is asked.
    pub(crate) fn serve(document: &Path) -> Result<Self, Vec<String>> {
        Self::serve_as(document, [], &[])
    }

    /// The same with further flags, and files named by environment variables.
    pub(crate) fn serve_as<'f>(
        document: &Path,
        flags: impl IntoIterator<Item = &'f str>,
        files: &[(&str, &Path)],
    ) -> Result<Self, Vec<String>> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sluicegate"))
            .arg("mock")
            .arg(document)
            .args(["--listen", "127.0.0.1:0", "--format", "json"])
            .args(flags)
            .env("NO_COLOR", "1")
            .envs(files.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| vec![format!("the mock does not start: {error}")])?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its standard output is piped");
        let read = BufReader::new(stdout).read_line(&mut line);
        let mut mock = Self { child, authority: String::new(), stage: String::new() };
        let ready = read.ok().and_then(|_| serde_json::from_str::<Ready>(&line).ok());
        let Some(url) = ready.and_then(|ready| ready.stages.into_values().next()) else { return Err(vec![mock.complaint()]) };
        let rest = url.strip_prefix("http://").unwrap_or(&url);
        let (authority, stage) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        authority.clone_into(&mut mock.authority);
        stage.trim_end_matches('/').clone_into(&mut mock.stage);
        Ok(mock)
    }

    /// What it said instead of being ready.
    fn complaint(&mut self) -> String {
        let _ = self.child.kill();
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        format!("the mock is not ready: {}", said.trim())
    }

    /// Sends a request; the answer.
    pub(crate) fn ask(&self, request: &Request) -> Result<Answer, Vec<String>> {
        self.exchange(request).map_err(|error| vec![format!("no answer: {error}")])
    }

    fn exchange(&self, request: &Request) -> std::io::Result<Answer> {
        let mut socket = TcpStream::connect(&self.authority)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(&self.bytes(request))?;
        let mut reader = BufReader::new(socket);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines.first().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok()).unwrap_or(0);
        let headers: Vec<(String, String)> = lines.iter().skip(1).filter_map(|line| header(line)).collect();
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let mut body = vec![0; length.and_then(|(_, length)| length.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body)?;
        Ok(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned(), bytes: body })
    }

    fn bytes(&self, request: &Request) -> Vec<u8> {
        let Request { method, target, headers, body } = request;
        let fields: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        // Who says that a body comes in chunks sends none of them but the last.
        let is_chunked = headers.iter().any(|(name, _)| name == "Transfer-Encoding");
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let body = if is_chunked { b"0\r\n\r\n" } else { &body[..] };
        // Who names a host himself is asked by that name.
        let is_named = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
        let host = if is_named { String::new() } else { format!("Host: {}\r\n", self.authority) };
        let (stage, fields) = (&self.stage, fields.concat());
        let head = format!("{method} {stage}{target} HTTP/1.1\r\n{host}{fields}{length}\r\n");
        [head.as_bytes(), body].concat()
    }
}

fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_document_of_our_own_is_served_and_answers() {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/specs");
    for entry in std::fs::read_dir(specs).expect("the documents are there") {
        let path = entry.expect("the folder can be read").path();
        let mock = Mock::serve(&path).unwrap_or_else(|said| panic!("{}: {}", path.display(), said.join("\n")));
        let nowhere = crate::cases::get("/nowhere");
        assert_eq!(mock.ask(&nowhere).map(|answer| answer.status), Ok(403), "{}", path.display());
    }
}

#[test]
fn a_document_that_cannot_be_served_is_told_with_its_message() {
    let said = Mock::serve(Path::new("/nowhere/at/all.yaml")).expect_err("there is no such file");
    assert!(said[0].contains("/nowhere/at/all.yaml"), "{said:?}");
}
