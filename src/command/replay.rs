//! `sluicegate replay`: traffic that was recorded, in a log or a HAR of another program or in a trace of our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_policy::model::{ApiKind, PerSecond};
use sluicegate_policy::time::Span;
use tempfile::NamedTempFile;

use super::failure::Failure;
use super::rehearsal::{Ceiling, Prediction, Rehearsal};
use super::script::{Recording, Script};
use super::session_tape::{SessionTape, Totals};
use super::{flags, import, import_sessions, profile, terminal};
use crate::cli::Replay;
use crate::config::{self, Overrides, Plan};
use crate::import::{Options, derive, derive_sessions};
use crate::load::replay::{ReplayPace, Warp};
use crate::report;
use crate::traffic::session_trace::{SessionReader, SessionTraceError};
use crate::traffic::trace::{TraceError, TraceReader};

/// What the profile is called in messages when it was derived from the log.
const DERIVED: &str = "(derived from the log)";

const MILLISECOND: Span = Span::from_ms(1);

/// Replays the recording; the exit code.
pub(super) fn replay(asked: &Replay) -> Result<u8, Failure> {
    // Lives until the end: every lane reads it.
    let made = NamedTempFile::with_suffix(".trace").map_err(|error| Failure::broken("making a temporary file", error))?;
    let source = read(asked, made.path())?;
    if let (Kind::Sessions(_), Some(_)) = (&source.kind, asked.load.connections) {
        return Err(Failure::usage(
            "each recorded session has a connection of its own; leave -c out (--loop plays all of them again)",
        ));
    }
    let warp = warp(asked)?;
    let length = source.length(&warp)?;
    let overrides = flags::with_target(flags::of_load(&asked.load, config::Script::Recorded)?, &asked.target);
    let overrides = Overrides { duration: overrides.duration.or(Some(length)), rate: None, ..overrides };
    let drifts = flags::drifts(&asked.target.drift)?;
    let load = |drifts: &[config::Drift]| match &asked.profile {
        Some(path) => config::load(path, &overrides, drifts),
        None => config::load_text(DERIVED, &source.profile, &overrides, drifts),
    };
    let plan = load(&[]).map_err(profile::failure)?;
    load(&drifts).map_err(profile::failure)?;
    let profile_name = asked.profile.as_ref().map_or_else(|| DERIVED.to_owned(), |path| path.display().to_string());
    fits_kind(&source, &plan, &profile_name)?;
    let (script, plan) = source.script(plan, warp)?;
    Rehearsal {
        script,
        plan: &plan,
        profile_name,
        profile_text: source.profile,
        drifts,
        log: Some(asked.log.display().to_string()),
        output: &asked.output,
        baseline: asked.earlier.baseline.as_ref(),
        prediction: if asked.drive_only { Prediction::NotWanted } else { Prediction::Wanted },
        ceiling: if asked.target.calibrate { Ceiling::Wanted } else { Ceiling::WhenFast },
    }
    .perform()
}

/// A trace, and the text of a profile for it.
struct Source {
    log: PathBuf,
    trace: PathBuf,
    profile: String,
    kind: Kind,
}

/// What a trace holds.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Requests,
    Sessions(Totals),
}

/// The recording as a trace (made at `made` unless it is one already), with the profile that was given or is derived.
fn read(asked: &Replay, made: &Path) -> Result<Source, Failure> {
    let given = asked.profile.as_ref().map(|path| {
        fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{}: the profile cannot be read ({error}); check its path", path.display())))
    });
    let given = given.transpose()?;
    let log = asked.log.clone();
    let options = flags::of_log(&asked.reading, asked.load.seed.unwrap_or(1))?;
    let of_sessions = is_trace_of_sessions(&log);
    if of_sessions || is_trace(&log) {
        let no_profile = || {
            Failure::usage(format!(
                "{}: a trace holds no model; name a profile: sluicegate replay {} PROFILE (import derives one with --profile-out)",
                log.display(),
                log.display()
            ))
        };
        let profile = given.ok_or_else(no_profile)?;
        let kind = if of_sessions {
            same_reply(&log, &options)?;
            Kind::Sessions(Totals::of(&log).map_err(Failure::usage)?)
        } else {
            import::refuse_reply(&log, &options)?;
            Kind::Requests
        };
        return Ok(Source { trace: log.clone(), log, profile, kind });
    }
    if import::is_har(&log, &asked.reading) {
        let imported = import_sessions::read(&log, &options, made)?;
        if !asked.output.quiet {
            terminal::tell(&report::sessions::text(&import_sessions::summary(&imported), terminal::error_look()));
        }
        let profile = given.unwrap_or_else(|| derive_sessions(&imported, &import::name(&log)));
        let totals = Totals::of(made).map_err(|error| Failure::broken("reading what was imported", error))?;
        return Ok(Source { log, trace: made.to_owned(), profile, kind: Kind::Sessions(totals) });
    }
    import::refuse_reply(&log, &options)?;
    let imported = import::read(&log, &options, made)?;
    if !asked.output.quiet {
        terminal::tell(&report::import::text(&import::summary(&imported), terminal::error_look()));
    }
    let profile = given.unwrap_or_else(|| derive(&imported, &import::name(&log)));
    Ok(Source { log, trace: made.to_owned(), profile, kind: Kind::Requests })
}

/// That what was recorded is what the driven API takes.
fn fits_kind(source: &Source, plan: &Plan, profile: &str) -> Result<(), Failure> {
    let log = source.log.display();
    match (source.kind, plan.model.api_of(plan.stage).kind) {
        (Kind::Requests, ApiKind::WebSocket) => Err(Failure::usage(format!(
            "{log} holds requests, and the API that {profile} drives is a WebSocket API, which takes sessions; replay a HAR of its clients, or name a profile of an HTTP or REST API"
        ))),
        (Kind::Sessions(_), ApiKind::Http | ApiKind::Rest) => Err(Failure::usage(format!(
            "{log} holds sessions of WebSocket clients, and the API that {profile} drives takes requests; name a profile whose driven stage is one of a WebSocket API (api: websocket), or none to have one derived"
        ))),
        (Kind::Requests, ApiKind::Http | ApiKind::Rest) | (Kind::Sessions(_), ApiKind::WebSocket) => Ok(()),
    }
}

/// In a trace of sessions it is written what replies to what: another place cannot be looked at any more.
fn same_reply(trace: &Path, options: &Options) -> Result<(), Failure> {
    let Some(asked) = &options.reply else { return Ok(()) };
    let reader = SessionReader::open(trace).map_err(Failure::usage)?;
    let known = reader.provenance().reply.as_ref();
    if known == Some(asked) {
        return Ok(());
    }
    let known = known.map_or_else(|| "no --reply".to_owned(), |path| format!("--reply {}", path.join(".")));
    let asked = asked.join(".");
    Err(Failure::usage(format!(
        "{}: it was imported with {known}, and what was heard is not in it; import its HAR again with --reply {asked}, or leave --reply out",
        trace.display()
    )))
}

impl Source {
    /// How long the whole replay takes: to just after the last arrival or what a session last did, in whole milliseconds, as a person would
    /// have planned it.
    fn length(&self, warp: &Warp) -> Result<Span, Failure> {
        let seconds = match &self.kind {
            Kind::Requests => replayed_s(&self.trace, warp)?,
            Kind::Sessions(totals) => totals.replayed_s(warp),
        };
        let until = Span::from_secs_f64(seconds) + Span::from_ms(1);
        Ok(Span::from_ms(until.as_ns().div_ceil(MILLISECOND.as_ns())))
    }

    /// What is played, and the plan that plays it.
    fn script(&self, plan: Plan, warp: Warp) -> Result<(Script, Plan), Failure> {
        match self.kind {
            Kind::Requests => {
                let recording = Recording::open(&self.trace, &plan).map_err(Failure::usage)?;
                within_ceiling(&plan, recording.entries() * u64::from(warp.repeat))?;
                let plan = Plan { catalog: Arc::new(recording.catalog(&plan.catalog)), ..plan };
                Ok((Script::Recorded { recording: Arc::new(recording), warp, end: plan.run.duration }, plan))
            }
            Kind::Sessions(totals) => {
                if plan.run.retries.is_some() {
                    return Err(Failure::usage(
                        "run.retries are of requests, and these are sessions, which end where their connection does; remove retries from the profile",
                    ));
                }
                within_ceiling(&plan, totals.turns * u64::from(warp.repeat))?;
                let tape = SessionTape::open(&self.trace, totals, &plan).map_err(Failure::usage)?;
                let run = config::Run { connections: totals.connections(&warp), ..plan.run };
                let plan = Plan { catalog: Arc::new(tape.catalog()), run, ..plan };
                Ok((Script::RecordedSessions { tape: Arc::new(tape), warp }, plan))
            }
        }
    }
}

fn is_trace_of_sessions(path: &Path) -> bool {
    // A pipe gives its bytes once: it is left to whoever reads a log.
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    is_file && !matches!(SessionReader::open(path), Err(SessionTraceError::Foreign { .. } | SessionTraceError::Io { .. }))
}

fn is_trace(path: &Path) -> bool {
    !matches!(TraceReader::open(path), Err(TraceError::Foreign { .. } | TraceError::Io { .. }))
}

fn warp(asked: &Replay) -> Result<Warp, Failure> {
    let pace = asked.load.rate.as_ref().map(flags::rate).transpose()?.map_or(ReplayPace::AsRecorded, ReplayPace::Rate);
    Ok(Warp { speed: asked.speed.map_or(1.0, |speed| speed.0), repeat: asked.times, slice: None, pace })
}

/// Seconds to the last arrival.
fn replayed_s(trace: &Path, warp: &Warp) -> Result<f64, Failure> {
    let reader = TraceReader::open(trace).map_err(Failure::usage)?;
    let entries = reader.entries().max(1);
    Ok(match warp.pace {
        ReplayPace::Rate(rate) => entries as f64 * f64::from(warp.repeat) * rate.per.as_secs_f64() / rate.tokens as f64,
        ReplayPace::AsRecorded => {
            let lap = reader.length().as_secs_f64() / warp.speed;
            let gap = lap / (entries - 1).max(1) as f64;
            lap * f64::from(warp.repeat) + gap * f64::from(warp.repeat - 1)
        }
    })
}

/// A replay that is faster on the whole than the profile's safety allows is refused before anything is sent.
fn within_ceiling(plan: &Plan, entries: u64) -> Result<(), Failure> {
    let per_s = entries as f64 / plan.run.duration.as_secs_f64();
    let allowed = |rate: PerSecond| rate.tokens as f64 / rate.per.as_secs_f64();
    match plan.safety.max_rate.map(allowed) {
        Some(allowed) if per_s > allowed => Err(Failure::Refused(
            format!("the replay means {per_s:.1}/s, and the profile's safety.max_rate is {allowed:.1}/s; lower --speed or --rate, or raise the limit").into(),
        )),
        Some(_) | None => Ok(()),
    }
}
