//! `sluicegate replay`: traffic that was recorded, in a log of another program or in a trace of our own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;
use tempfile::NamedTempFile;

use super::failure::Failure;
use super::rehearsal::{Ceiling, Prediction, Rehearsal};
use super::script::{Recording, Script};
use super::{flags, import, profile, terminal};
use crate::cli::Replay;
use crate::config::{self, Overrides, Plan};
use crate::import::derive;
use crate::load::replay::{ReplayPace, Warp};
use crate::report;
use crate::traffic::trace::{TraceError, TraceReader};

/// What the profile is called in messages when it was derived from the log.
const DERIVED: &str = "(derived from the log)";

const MILLISECOND: Span = Span::from_ms(1);

/// Replays the log; the exit code.
pub(super) fn replay(asked: &Replay) -> Result<u8, Failure> {
    // Lives until the end: every lane reads it.
    let made = NamedTempFile::with_suffix(".trace").map_err(|error| Failure::broken("making a temporary file", error))?;
    let source = read(asked, made.path())?;
    let warp = warp(asked)?;
    let length = length(&source.trace, &warp)?;
    let overrides = flags::with_target(flags::of_load(&asked.load, config::Script::Recorded)?, &asked.target);
    let overrides = Overrides { duration: overrides.duration.or(Some(length)), rate: None, ..overrides };
    let drifts = flags::drifts(&asked.target.drift)?;
    let load = |drifts: &[config::Drift]| match &asked.profile {
        Some(path) => config::load(path, &overrides, drifts),
        None => config::load_text(DERIVED, &source.profile, &overrides, drifts),
    };
    let plan = load(&[]).map_err(profile::failure)?;
    load(&drifts).map_err(profile::failure)?;
    let recording = Recording::open(&source.trace, &plan).map_err(Failure::usage)?;
    within_ceiling(&plan, recording.entries() * u64::from(warp.repeat))?;
    let plan = Plan { catalog: Arc::new(recording.catalog(&plan.catalog)), ..plan };
    Rehearsal {
        script: Script::Recorded { recording: Arc::new(recording), warp, end: plan.run.duration },
        plan: &plan,
        profile_name: asked.profile.as_ref().map_or_else(|| DERIVED.to_owned(), |path| path.display().to_string()),
        profile_text: source.profile,
        drifts,
        log: Some(asked.log.display().to_string()),
        output: &asked.output,
        prediction: if asked.drive_only { Prediction::NotWanted } else { Prediction::Wanted },
        ceiling: if asked.target.calibrate { Ceiling::Wanted } else { Ceiling::WhenFast },
    }
    .perform()
}

/// A trace, and the text of a profile for it.
struct Source {
    trace: PathBuf,
    profile: String,
}

/// The log as a trace (made at `made` unless it is one already), with the profile that was given or is derived.
fn read(asked: &Replay, made: &Path) -> Result<Source, Failure> {
    let given = asked.profile.as_ref().map(|path| {
        fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("{}: the profile cannot be read ({error}); check its path", path.display())))
    });
    let given = given.transpose()?;
    if is_trace(&asked.log) {
        let no_profile = || {
            Failure::usage(format!(
                "{}: a trace holds no model; name a profile: sluicegate replay {} PROFILE (import derives one with --profile-out)",
                asked.log.display(),
                asked.log.display()
            ))
        };
        return Ok(Source { trace: asked.log.clone(), profile: given.ok_or_else(no_profile)? });
    }
    let options = flags::of_log(&asked.reading, asked.load.seed.unwrap_or(1))?;
    let imported = import::read(&asked.log, &options, made)?;
    if !asked.output.quiet {
        terminal::tell(&report::import::text(&import::summary(&imported), terminal::error_look()));
    }
    Ok(Source { trace: made.to_owned(), profile: given.unwrap_or_else(|| derive(&imported, &import::name(&asked.log))) })
}

fn is_trace(path: &Path) -> bool {
    !matches!(TraceReader::open(path), Err(TraceError::Foreign { .. } | TraceError::Io { .. }))
}

fn warp(asked: &Replay) -> Result<Warp, Failure> {
    let pace = asked.load.rate.as_ref().map(flags::rate).transpose()?.map_or(ReplayPace::AsRecorded, ReplayPace::Rate);
    Ok(Warp { speed: asked.speed.map_or(1.0, |speed| speed.0), repeat: asked.times, slice: None, pace })
}

/// How long the whole replay takes: to just after the last arrival, in whole milliseconds, as a person would have planned it.
fn length(trace: &Path, warp: &Warp) -> Result<Span, Failure> {
    let reader = TraceReader::open(trace).map_err(Failure::usage)?;
    let entries = reader.entries().max(1);
    let seconds = match warp.pace {
        ReplayPace::Rate(rate) => entries as f64 * f64::from(warp.repeat) * rate.per.as_secs_f64() / rate.tokens as f64,
        ReplayPace::AsRecorded => {
            let lap = reader.length().as_secs_f64() / warp.speed;
            let gap = lap / (entries - 1).max(1) as f64;
            lap * f64::from(warp.repeat) + gap * f64::from(warp.repeat - 1)
        }
    };
    let until = Span::from_secs_f64(seconds) + Span::from_ms(1);
    Ok(Span::from_ms(until.as_ns().div_ceil(MILLISECOND.as_ns())))
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
