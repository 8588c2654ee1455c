//! The mock gateway's front door: beside nginx, with ten thousand connections, and held against the latency it was told.
//!
//! Every check of the front door is on: API key, quota, throttles of key, method, stage and account, request validator, an access
//! log, and a mock integration with templates. The mock has a core of its own, the load generator the other.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sluicegate_timer::Clock;

use crate::figures::{Figure, median};
use crate::nginx;
use crate::running;

/// Length of one round of the rate.
pub(crate) const ROUND_S: u32 = 4;
/// The key that the profile knows.
const KEY: &str = "0123456789abcdefghij";
/// Connections held open at once.
const OPEN: usize = 10_000;

/// A gateway with every check on, which takes no time of its own.
const CHECKED: &str = r#"gateway:
  api: rest
  overhead: 0s
  refusal: 0s
  account: { throttle: { rate: 100000000/s, burst: 100000000 } }
  api_keys: { bench: { value: "0123456789abcdefghij" } }
  usage_plans:
    plan:
      keys: [bench]
      throttle: { rate: 100000000/s, burst: 100000000 }
      quota: { limit: 4000000000, per: month }
  stages:
    prod: { throttle: { rate: 100000000/s, burst: 100000000 }, access_log: json }
  routes:
    GET /fixed: { integration: { mock: { status: 200, body: ok } } }
    GET /checked/{id}:
      api_key: required
      parameters: [header.x-api-key, path.id]
      throttle: { rate: 100000000/s, burst: 100000000 }
      integration:
        mock:
          requests: { application/json: '{"statusCode": 200}' }
          responses: [{ status: 200, templates: { application/json: '{"id":"$input.params("id")"}' } }]
"#;

/// A gateway whose answers take 20 ms.
const TOLD: &str = "gateway:\n  api: rest\n  overhead: 20ms\n  stages: { prod: {} }\n  routes:\n    GET /: { integration: { mock: { status: 200, body: ok } } }\ntraffic:\n  mix:\n    - request: GET /\n";

/// The latency that [`TOLD`] tells, in microseconds.
const TOLD_US: f64 = 20_000.0;

/// A mock gateway in a process of its own; ends when dropped.
pub(crate) struct Mock {
    child: Child,
    /// Of its stage `prod`.
    pub(crate) url: String,
}

/// All figures of the front door, and what could not be measured.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |measured: Result<Vec<Figure>, String>| match measured {
        Ok(measured) => figures.extend(measured),
        Err(why) => problems.push(why),
    };
    add(beside_nginx(rounds));
    add(connections());
    add(above_what_it_was_told(rounds));
    add(at_five_thousand(rounds.min(3)));
    figures
}

/// Requests per second on one core, 64 connections, nginx with a fixed 200 in the same rounds.
fn beside_nginx(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let server = nginx::start("1")?;
    let log = folder.path().join("access.log");
    let mock = Mock::start(CHECKED, folder.path(), &["--access-log", &log.display().to_string()])?;
    let key = format!("x-api-key: {KEY}");
    let mut rates: [Vec<f64>; 3] = Default::default();
    for round in 1..=rounds {
        println!("front door, round {round} of {rounds}");
        rates[0].push(wrk(&format!("{}/fixed", mock.url), &key)?.0);
        rates[1].push(wrk(&format!("{}/checked/7", mock.url), &key)?.0);
        rates[2].push(wrk(&server.url(), &key)?.0);
    }
    let [fixed, checked, nginx] = rates.map(|rates| median(rates.into_iter()));
    let beside = |own| vec![("sluicegate".to_owned(), own), ("nginx".to_owned(), nginx)];
    Ok(vec![
        Figure::beside_peers("mock, fixed answer, one core: rate", "requests/s", beside(fixed)),
        Figure::beside_peers("mock, all checks, templates, access log: rate", "requests/s", beside(checked)),
    ])
}

/// Memory of the mock with ten thousand connections open, each of which has asked once.
fn connections() -> Result<Vec<Figure>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mock = Mock::start(CHECKED, folder.path(), &[])?;
    let authority = mock.authority();
    let idle = mock.resident_kb()?;
    let mut open = Vec::with_capacity(OPEN);
    for at in 0..OPEN {
        let mut stream = TcpStream::connect(&authority).map_err(|error| format!("connection {at}: {error} (ulimit -n?)"))?;
        stream
            .write_all(b"GET /prod/fixed HTTP/1.1\r\nhost: bench\r\n\r\n")
            .map_err(|error| format!("connection {at}: {error}"))?;
        let mut answer = [0_u8; 1_024];
        let read = stream.read(&mut answer).map_err(|error| format!("connection {at}: {error}"))?;
        if !answer[..read].starts_with(b"HTTP/1.1 200") {
            return Err(format!("connection {at}: {}", String::from_utf8_lossy(&answer[..read])));
        }
        open.push(stream);
    }
    let loaded = mock.resident_kb()?;
    Ok(vec![
        Figure::alone("mock, 10,000 connections open: resident memory", "MB", loaded / 1_024.0),
        Figure::alone("mock, per open connection", "KB", (loaded - idle) / OPEN as f64),
    ])
}

/// Median service time above the 20 ms that it was told, on cores that are idle between two requests: seen by a client that is awake
/// when the answer comes, and by one that has to wake first, of which the difference is the client's own.
fn above_what_it_was_told(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mock = Mock::start(TOLD, folder.path(), &[])?;
    let (mut awake, mut asleep) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        awake.push(seen_awake(&mock)? - TOLD_US);
        let (_, p50_us) = wrk_with(&format!("{}/", mock.url), "accept: */*", 8)?;
        asleep.push(p50_us - TOLD_US);
    }
    Ok(vec![
        Figure::alone("mock, told 20 ms: median above it, client awake", "us", median(awake.into_iter())),
        Figure::alone("mock, told 20 ms: median above it, client asleep (wrk, 8 connections)", "us", median(asleep.into_iter())),
    ])
}

/// Median service time of requests one after the other, in microseconds, to a client that never sleeps.
fn seen_awake(mock: &Mock) -> Result<f64, String> {
    const REQUESTS: usize = 150;
    let request = b"GET /prod/ HTTP/1.1\r\nhost: bench\r\n\r\n";
    let why = |error: std::io::Error| format!("a client that is awake: {error}");
    let mut stream = TcpStream::connect(mock.authority()).map_err(why)?;
    stream.set_nodelay(true).map_err(why)?;
    stream.set_nonblocking(true).map_err(why)?;
    let clock = Clock::starting_now();
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let sent = clock.now();
        stream.write_all(request).map_err(why)?;
        let mut answer = [0_u8; 1_024];
        let read = loop {
            match stream.read(&mut answer) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::hint::spin_loop(),
                read => break read.map_err(why)?,
            }
        };
        times.push(clock.now().since(sent).as_ns() as f64 / 1e3);
        if !answer[..read].starts_with(b"HTTP/1.1 200") {
            return Err(format!("a client that is awake: {}", String::from_utf8_lossy(&answer[..read])));
        }
    }
    Ok(median(times.into_iter()))
}

/// At 5,000 requests a second: how far the 99th percentile of the service time is above the 20 ms it was told.
fn at_five_thousand(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mock = Mock::start(TOLD, folder.path(), &[])?;
    let profile = folder.path().join("drive.yaml");
    let text = format!(
        "{TOLD}  arrivals: {{ constant: 5000/s }}\nrun: {{ duration: 8s, warmup: 1s, connections: 256 }}\nsafety: {{ max_rate: 6000/s }}\n"
    );
    fs::write(&profile, text).map_err(|error| format!("cannot write a profile: {error}"))?;
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let run = crate::own::driven(&profile, &mock.url, &folder.path().join(format!("run-{round}")))?;
        let of = |key: &str| run["total"]["service_time"][key].as_f64().map(|ns| ns / 1e3 - TOLD_US);
        p50.push(of("p50_ns").ok_or("the run has no service time")?);
        p99.push(of("p99_ns").ok_or("the run has no service time")?);
    }
    Ok(vec![
        Figure::alone("mock, told 20 ms, 5,000/s: p50 above it", "us", median(p50.into_iter())),
        Figure::alone("mock, told 20 ms, 5,000/s: p99 above it", "us", median(p99.into_iter())),
    ])
}

fn wrk(url: &str, header: &str) -> Result<(f64, f64), String> {
    wrk_with(url, header, 64)
}

/// Requests per second, and the median latency in microseconds.
pub(crate) fn wrk_with(url: &str, header: &str, connections: u32) -> Result<(f64, f64), String> {
    let done = Command::new("taskset")
        .args(["-c", "0", "wrk", "-t1", "--latency"])
        .args([format!("-c{connections}"), format!("-d{ROUND_S}s"), format!("-H{header}"), url.to_owned()])
        .output()
        .map_err(|error| format!("wrk or taskset does not start: {error}"))?;
    let text = String::from_utf8_lossy(&done.stdout);
    if text.contains("Non-2xx") {
        return Err(format!("{url} was not answered with 200: {text}"));
    }
    let after = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim);
    let rate = after("Requests/sec:").and_then(|rate| rate.parse().ok());
    let p50 = after("50%").and_then(microseconds);
    rate.zip(p50).ok_or_else(|| format!("wrk's output is not understood: {text}"))
}

/// `512.00us`, `20.06ms`, `1.00s`.
fn microseconds(text: &str) -> Option<f64> {
    let scales = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    scales.iter().find_map(|(unit, scale)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * scale))
}

impl Mock {
    fn start(profile: &str, folder: &Path, flags: &[&str]) -> Result<Self, String> {
        Self::start_on("1", profile, folder, flags)
    }

    /// On these cores, with what it starts.
    pub(crate) fn start_on(cores: &str, profile: &str, folder: &Path, flags: &[&str]) -> Result<Self, String> {
        let file = folder.join("gateway.yaml");
        fs::write(&file, profile).map_err(|error| format!("cannot write a profile: {error}"))?;
        let mut child = Command::new("taskset")
            .args(["-c", cores, env!("CARGO_BIN_EXE_sluicegate"), "mock"])
            .arg(&file)
            .args(["--format", "json"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("the mock does not start: {error}"))?;
        let out = child.stdout.take().ok_or("the mock has no output")?;
        let mut mock = Self { child, url: String::new() };
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).map_err(|error| format!("the mock says nothing: {error}"))?;
        let ready: serde_json::Value = serde_json::from_str(&line).map_err(|error| format!("{error}: {line}"))?;
        ready["stages"]["prod"].as_str().ok_or_else(|| format!("no stage: {line}"))?.clone_into(&mut mock.url);
        Ok(mock)
    }

    /// Host and port.
    fn authority(&self) -> String {
        self.url.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned()
    }

    /// CPU time that it has used so far, in microseconds; without that of its functions.
    pub(crate) fn cpu_us(&self) -> Result<f64, String> {
        running::cpu_us(self.child.id())
    }

    /// Its resident memory.
    pub(crate) fn resident_kb(&self) -> Result<f64, String> {
        running::resident_kb(self.child.id())
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
