//! The tools under measurement: how each is called for the same load.
//!
//! Owns their command lines. Refuses to read what they say (`answers`). Called by the parts that compare them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::again;
use crate::answers::{self, Reading};
use crate::own;
use crate::process::{self, URL, words};

/// Length of one round in seconds.
pub(crate) const ROUND_S: u64 = 4;
/// Connections of the closed model.
pub(crate) const CONNECTIONS: u32 = 64;
/// Connections of HTTP/2.
pub(crate) const SHARED: u32 = 8;
/// Exchanges at a time on each of them: sluicegate's own number, which has no flag.
pub(crate) const STREAMS: u32 = 32;

/// What is spoken, all closed models on one core.
#[derive(Clone, Copy)]
pub(crate) enum Speech {
    /// HTTP/1.1 in the clear, [`CONNECTIONS`].
    Http1,
    /// HTTP/2 in the clear by prior knowledge, [`SHARED`] connections with [`STREAMS`] each.
    Http2,
    /// HTTP/1.1 over TLS with a certificate that nobody knows, [`CONNECTIONS`].
    Tls,
}

/// A load generator.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
    reading: Reading,
    /// A folder that it makes, and that may not be there before.
    makes: Option<PathBuf>,
}

/// What one round gave.
pub(crate) struct Measured {
    requests: f64,
    cpu_s: f64,
}

impl Measured {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests / ROUND_S as f64
    }

    /// Microseconds of CPU time for each request, of the whole process.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / self.requests
    }
}

impl Tool {
    fn new(name: &'static str, command: Vec<String>, reading: Reading) -> Self {
        Self { name, command, reading, makes: None }
    }

    /// One round against `url`.
    pub(crate) fn measure(&self, url: &str) -> Result<Measured, String> {
        self.make_room();
        let ended = process::timed(&self.command, url).map_err(|why| self.says(&why))?;
        let requests = self.read(&ended.output)?;
        Ok(Measured { requests, cpu_s: ended.cpu_s })
    }

    /// One round against `url`: the peak of its resident memory in MB.
    pub(crate) fn memory_mb(&self, url: &str) -> Result<f64, String> {
        self.make_room();
        let (output, peak_mb) = process::watched(&self.command, url).map_err(|why| self.says(&why))?;
        self.read(&output).map(|_| peak_mb)
    }

    fn read(&self, output: &str) -> Result<f64, String> {
        (self.reading)(output).map_err(|why| format!("{}: {why}: {}", self.name, process::head(output)))
    }

    fn says(&self, why: &str) -> String {
        format!("{}: {why}", self.name)
    }

    /// Every round writes a run of its own, into the same place.
    fn make_room(&self) {
        if let Some(folder) = &self.makes {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The tools that are installed; the others are named. What they need is written into `folder`.
pub(crate) fn present(speech: Speech, folder: &Path) -> Result<Vec<Tool>, String> {
    let candidates = match speech {
        Speech::Http1 => {
            vec![own(speech, folder)?, floor()?, wrk(), oha(speech), h2load(speech), hey(), k6(folder)?]
        }
        Speech::Http2 => vec![own(speech, folder)?, h2load(speech), oha(speech)],
        Speech::Tls => vec![own(speech, folder)?, wrk(), oha(speech), h2load(speech)],
    };
    Ok(candidates.into_iter().filter(is_present).collect())
}

fn is_present(tool: &Tool) -> bool {
    let installed = process::is_installed(&tool.command[0]);
    if !installed {
        println!("{}: not installed, skipped", tool.name);
    }
    installed
}

fn own(speech: Speech, folder: &Path) -> Result<Tool, String> {
    let (name, users, connections, flags): (_, _, _, &[&str]) = match speech {
        Speech::Http1 => ("closed", CONNECTIONS, CONNECTIONS, &[]),
        Speech::Http2 => ("closed-http2", SHARED * STREAMS, SHARED, &["--http", "2"]),
        Speech::Tls => ("closed-tls", CONNECTIONS, CONNECTIONS, &["--insecure"]),
    };
    let profile = own::profile(folder, name, &own::closed(users, connections, ROUND_S))?;
    let makes = folder.join(name);
    let command = own::run(&profile, &makes, flags);
    Ok(Tool { makes: Some(makes), ..Tool::new("sluicegate", command, answers::sluicegate) })
}

fn floor() -> Result<Tool, String> {
    let command = again::command(again::FLOOR, &[&ROUND_S.to_string(), &CONNECTIONS.to_string(), URL])?;
    Ok(Tool::new("floor", command, answers::plain))
}

fn wrk() -> Tool {
    let (connections, duration) = (format!("-c{CONNECTIONS}"), format!("-d{ROUND_S}s"));
    Tool::new("wrk", words(["wrk", "-t1", &connections, &duration, URL]), answers::wrk)
}

fn oha(speech: Speech) -> Tool {
    let (connections, streams) = (CONNECTIONS.to_string(), STREAMS.to_string());
    let (shared, duration) = (SHARED.to_string(), format!("{ROUND_S}s"));
    let mut command = words(["oha", "-z", &duration, "--no-tui", "--output-format", "json"]);
    command.extend(match speech {
        Speech::Http1 => words(["-c", &connections, URL]),
        Speech::Http2 => words(["-c", &shared, "-p", &streams, "--http2", URL]),
        Speech::Tls => words(["-c", &connections, "--insecure", URL]),
    });
    Tool::new("oha", command, answers::oha)
}

fn h2load(speech: Speech) -> Tool {
    let duration = ROUND_S.to_string();
    let mut command = words(["h2load", "-t1", "-D", &duration]);
    command.extend(match speech {
        Speech::Http1 | Speech::Tls => words(["--h1", "-c", &CONNECTIONS.to_string(), URL]),
        Speech::Http2 => words(["-c", &SHARED.to_string(), "-m", &STREAMS.to_string(), URL]),
    });
    Tool::new("h2load", command, answers::h2load)
}

fn hey() -> Tool {
    let (connections, duration) = (CONNECTIONS.to_string(), format!("{ROUND_S}s"));
    Tool::new("hey", words(["hey", "-z", &duration, "-c", &connections, "-cpus", "1", URL]), answers::hey)
}

fn k6(folder: &Path) -> Result<Tool, String> {
    let options = format!("scenarios: {{ closed: {{ executor: 'constant-vus', vus: {CONNECTIONS}, duration: '{ROUND_S}s' }} }}");
    Ok(Tool::new("k6", k6_command(folder, "k6-closed.js", &options)?, answers::k6))
}

/// A command of k6 with these options: it reports to nobody, listens nowhere, and prints its summary as JSON.
pub(crate) fn k6_command(folder: &Path, name: &str, options: &str) -> Result<Vec<String>, String> {
    let script = format!(
        "import http from 'k6/http';\n\
         export const options = {{ discardResponseBodies: true, {options} }};\n\
         export default function () {{ http.get(__ENV.URL); }}\n\
         export function handleSummary(data) {{ return {{ stdout: JSON.stringify(data) }}; }}\n"
    );
    let path = folder.join(name);
    fs::write(&path, script).map_err(|error| format!("cannot write k6's script: {error}"))?;
    let (url, path) = (format!("URL={URL}/"), path.display().to_string());
    Ok(words(["k6", "run", "--quiet", "--no-usage-report", "--address", "", "-e", &url, &path]))
}
