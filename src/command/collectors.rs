//! Collectors that the metrics of a run are pushed to: `--remote-write`, `--otlp`.
//!
//! Owns that each has taken something before the run begins, the instants of what is pushed, and the words for what was lost. Refuses formats
//! (`report::metrics`) and sockets (`serve`): whoever offers something is not kept waiting. Called by `watchers`.

use std::path::Path;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::failure::Failure;
use crate::cli::{Header, TelemetryFlags};
use crate::config::value::revealed;
use crate::engine;
use crate::measure::record::{Doubt, Weight};
use crate::report::metrics::{Body, Part, Pushed, Snapshot, otlp, remote_write};
use crate::report::quantity::counted;
use crate::serve::{Batch, Collector, Pushing, Tally};
use crate::traffic::endpoint::Endpoint;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is said of a run before it begins.
pub(super) struct Opening<'a> {
    /// What it is.
    pub(super) snapshot: Snapshot,
    /// When it began, by the wall clock.
    pub(super) began: Span,
    /// What relative paths in headers start from.
    pub(super) folder: &'a Path,
}

/// The collectors of a run.
pub(super) struct Collectors {
    all: Vec<Open>,
    times: Times,
}

/// A collector that takes what is pushed.
struct Open {
    format: Format,
    url: String,
    pushing: Pushing,
}

/// What a collector reads.
#[derive(Clone, Copy)]
enum Format {
    RemoteWrite,
    Otlp,
}

/// The wall clock, read once: instants of a run never go back.
#[derive(Clone, Copy)]
struct Times {
    began: Span,
    clock: Clock,
}

impl Times {
    fn now_ns(self) -> u64 {
        self.began.as_ns() + self.clock.now().as_ns()
    }
}

impl Format {
    const fn flag(self) -> &'static str {
        match self {
            Self::RemoteWrite => "--remote-write",
            Self::Otlp => "--otlp",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::RemoteWrite => "remote-write",
            Self::Otlp => "otlp",
        }
    }

    const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::RemoteWrite => &remote_write::HEADERS,
            Self::Otlp => &otlp::HEADERS,
        }
    }

    fn wanted(self, endpoint: &Endpoint) -> Wanted<'_> {
        let base = &endpoint.base_path;
        let path = match self {
            Self::RemoteWrite if base.is_empty() => "/".to_owned(),
            Self::RemoteWrite => base.clone(),
            Self::Otlp => below(base, otlp::PATH),
        };
        Wanted { flag: self.flag(), endpoint, path, says: self.headers(), rejected: self.rejected() }
    }

    const fn rejected(self) -> fn(&[u8]) -> u64 {
        match self {
            Self::RemoteWrite => |_| 0,
            Self::Otlp => otlp::rejected,
        }
    }

    fn batch(self, snapshot: &Snapshot, times: Times, part: Part) -> Batch {
        let Body { bytes, samples } = match self {
            Self::RemoteWrite => remote_write::write(snapshot, times.now_ns(), part),
            Self::Otlp => otlp::write(snapshot, VERSION, times.began.as_ns(), times.now_ns()),
        };
        Batch { body: Bytes::from(bytes), samples }
    }
}

impl Collectors {
    /// Those that are asked for, each of which has taken what `opening` says.
    pub(super) fn open(flags: &TelemetryFlags, opening: &Opening<'_>) -> Result<Self, Failure> {
        let times = Times { began: opening.began, clock: Clock::starting_now() };
        let asked = [
            (Format::RemoteWrite, &flags.remote_write, &flags.remote_write_headers),
            (Format::Otlp, &flags.otlp, &flags.otlp_headers),
        ];
        let mut all = Vec::new();
        for (format, url, headers) in asked {
            let Some(url) = url else { continue };
            let collector = collector(format.wanted(&url.0), headers, opening.folder)?;
            let url = url.0.to_string();
            let pushing = Pushing::begin(collector, format.batch(&opening.snapshot, times, Part::First)).map_err(|error| {
                let flag = format.flag();
                Failure::usage(format!("{flag} {url}: {error}; see that a collector takes metrics there, or leave {flag} out"))
            })?;
            all.push(Open { format, url, pushing });
        }
        Ok(Self { all, times })
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What became of what was pushed so far.
    pub(super) fn pushed(&self) -> Vec<Pushed> {
        let of = |open: &Open| {
            let tally = open.pushing.tally();
            Pushed { to: open.format.word(), samples: tally.taken, lost: tally.lost }
        };
        self.all.iter().map(of).collect()
    }

    /// Has all of them told this, soon.
    pub(super) fn offer(&self, snapshot: &Snapshot, part: Part) {
        for Open { format, pushing, .. } in &self.all {
            pushing.offer(format.batch(snapshot, self.times, part));
        }
    }

    /// Waits a little for what is not sent yet; what is lost then is a doubt for each collector.
    pub(super) fn finish(self) -> Vec<Doubt> {
        let lost = |Open { format, url, pushing }: Open| lost(&format!("{} {url}", format.flag()), &pushing.finish());
        self.all.into_iter().filter_map(lost).collect()
    }
}

/// The path below an address, unless it is there already.
pub(super) fn below(base: &str, path: &str) -> String {
    if base.ends_with(path) { base.to_owned() } else { format!("{base}{path}") }
}

/// A collector that is asked for.
pub(super) struct Wanted<'a> {
    /// By this flag; one of its name and `-header` gives headers.
    pub(super) flag: &'static str,
    /// At this address.
    pub(super) endpoint: &'a Endpoint,
    /// What is posted to.
    pub(super) path: String,
    /// What is said of each body.
    pub(super) says: &'static [(&'static str, &'static str)],
    /// How much an answer says was refused.
    pub(super) rejected: fn(&[u8]) -> u64,
}

/// The collector, with the headers that were asked for; their references are looked up from `folder` on.
pub(super) fn collector(wanted: Wanted<'_>, asked: &[Header], folder: &Path) -> Result<Collector, Failure> {
    let Wanted { flag, endpoint, path, says, rejected } = wanted;
    let mut headers = HeaderMap::new();
    for (name, value) in says {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("sluicegate/", env!("CARGO_PKG_VERSION"))));
    for Header { name, value } in asked {
        // No message repeats a value.
        let refuse = |why: String| Failure::usage(format!("{flag}-header: the value of {name}: {why}"));
        let value = revealed(value, folder).map_err(|error| refuse(error.to_string()))?;
        let mut value =
            HeaderValue::from_str(&value).map_err(|_| refuse("it holds a character that no header may".to_owned()))?;
        value.set_sensitive(true);
        let known = HeaderName::try_from(name.as_str()).map_err(|error| refuse(error.to_string()))?;
        headers.insert(known, value);
    }
    let secured = engine::secured_by_system(endpoint).map_err(|error| Failure::usage(format!("{flag} {endpoint}: {error}")))?;
    Ok(Collector {
        host: endpoint.host.clone(),
        port: endpoint.port,
        authority: endpoint.authority(),
        path,
        secured,
        headers,
        rejected,
    })
}

fn lost(to: &str, tally: &Tally) -> Option<Doubt> {
    let Tally { taken, lost, batches, batches_lost, last_failure } = tally;
    let why = last_failure.as_deref().unwrap_or("it was too slow");
    (*lost > 0).then(|| Doubt {
        weight: Weight::Note,
        kind: "metrics-lost".to_owned(),
        what: format!(
            "{to} has not got {} of {} ({batches_lost} of {batches} pushes), the last time because {why}; the run and its record are whole",
            counted(*lost, "sample"),
            taken + lost
        ),
        advice: "see that the collector is up and takes what is pushed to it for as long as a run lasts".to_owned(),
    })
}
