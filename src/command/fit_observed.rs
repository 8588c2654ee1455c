//! Kept runs, read for a fit: the record, its interval log and its profile, from the run's folder.
//!
//! Owns which runs are refused: incomplete, invalid, closed or nameless ones, and those of another gateway than the first. Refuses to
//! estimate (`fit`). Called by `fit` and `plan_fit` beside it.

use std::fs;
use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::run_folder::{INTERVALS, PROFILE, RECORD};
use crate::fit::bucket::Second;
use crate::fit::client::{Observed, Series};
use crate::fit::gaps::Probe;
use crate::fit::times::{Batched, Times};
use crate::measure::assumption::{Event, Ratio};
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{LoadModel, RunRecord, SeriesRecord, Stopped, Weight};
use crate::report::read;
use crate::traffic::SeriesId;
use crate::verdict::Phase;
use crate::verdict::bounds::Share;

/// A run that can be fitted to.
pub(super) struct Kept {
    /// Its folder.
    pub(super) folder: PathBuf,
    /// Its record.
    pub(super) record: RunRecord,
    /// Its name.
    pub(super) id: String,
    /// The text of its profile.
    pub(super) profile: String,
    /// Its interval log.
    seconds: KeptSeconds,
}

/// Requests that are fewer than this and further apart are single probes.
const PROBES_MAX: u64 = 500;
const PROBE_GAP_S: u32 = 10;

/// The runs in these folders, all of one gateway.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<Kept>, Failure> {
    let runs = paths.iter().map(|path| one(path)).collect::<Result<Vec<_>, _>>()?;
    for (at, run) in runs.iter().enumerate() {
        if let Some(twin) = runs[..at].iter().find(|other| other.id == run.id) {
            let (one, other) = (twin.folder.display(), run.folder.display());
            return Err(Failure::usage(format!("{one} and {other} are the same run, {}; name it once", run.id)));
        }
        if let Some(what) = runs.first().and_then(|first| differs(&first.record, &run.record)) {
            let (one, other) = (runs[0].folder.display(), run.folder.display());
            return Err(Failure::usage(format!(
                "{one} and {other} are runs of different systems: they differ in {what}; fit each by itself"
            )));
        }
    }
    Ok(runs)
}

fn one(path: &Path) -> Result<Kept, Failure> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or_else(|| Path::new("")) };
    let bytes = |name: &str| {
        let file = folder.join(name);
        let what = |error| {
            format!(
                "{}: cannot be read ({error}); name the folder of a run that was kept whole: {RECORD}, {INTERVALS} and {PROFILE}",
                file.display()
            )
        };
        fs::read(&file).map_err(|error| Failure::usage(what(error)))
    };
    let named = |name: &str, what: &dyn std::fmt::Display| Failure::usage(format!("{}: {what}", folder.join(name).display()));
    let record = read::read(&bytes(RECORD)?).map_err(|error| named(RECORD, &error))?;
    if let Some(why) = unfit(&record) {
        return Err(named(RECORD, &why));
    }
    let Some(id) = record.id.clone() else {
        return Err(named(
            RECORD,
            &"this run has no id, for an earlier version kept it; a fitted profile could not name it: run it again",
        ));
    };
    let names: Vec<String> = record.series.iter().map(|series| series.name.clone()).collect();
    let seconds = KeptSeconds::read(&bytes(INTERVALS)?, &names).map_err(|error| named(INTERVALS, &error))?;
    if !seconds.tells_fates() {
        return Err(named(INTERVALS, &"an earlier version kept it, without what became of each request; run it again"));
    }
    let profile = String::from_utf8(bytes(PROFILE)?).map_err(|error| named(PROFILE, &error))?;
    Ok(Kept { folder: folder.to_owned(), record, id, profile, seconds })
}

/// Why a run cannot be fitted to, if it cannot.
fn unfit(record: &RunRecord) -> Option<String> {
    if !record.complete {
        let why = match &record.stopped {
            Some(Stopped::Interrupted(_)) => "it was interrupted",
            Some(Stopped::Failed(_)) => "it failed",
            Some(Stopped::Aborted(_)) => "a condition of its profile ended it",
            None => "it never came to its end",
        };
        return Some(format!("this run is not complete: {why}; fit a run that came to its planned end"));
    }
    if let Some(doubt) = record.doubts.iter().find(|doubt| doubt.weight == Weight::Invalid) {
        return Some(format!(
            "this run is invalid ({}: {}), and its times are the generator's; {}",
            doubt.kind, doubt.what, doubt.advice
        ));
    }
    if record.plan.model == LoadModel::Closed {
        return Some(
            "this run is closed: its users waited for answers, and what a fit needs to know of arrivals that do not wait is not in it; drive the \
             profile with `arrivals`"
                .to_owned(),
        );
    }
    None
}

/// In what two runs differ that must be one to be fitted together.
fn differs(one: &RunRecord, other: &RunRecord) -> Option<&'static str> {
    let profile = |record: &RunRecord, key: &str| record.plan.resolved["profile"][key].clone();
    let derived = |record: &RunRecord| record.plan.resolved["derived"]["stage"].clone();
    if profile(one, "gateway") != profile(other, "gateway") || profile(one, "apis") != profile(other, "apis") {
        return Some("their profile's `gateway`");
    }
    if derived(one) != derived(other) {
        return Some("the stage that was driven");
    }
    if one.plan.target != other.plan.target {
        return Some("their target");
    }
    (one.plan.drift != other.plan.drift).then_some("what `--drift` changed in the mock")
}

impl Kept {
    /// What the estimators want of it.
    pub(super) fn observed(&self) -> Observed {
        let series = self.record.series.iter().zip(0..=u16::MAX).map(|(series, id)| {
            let id = SeriesId(id);
            Series {
                name: series.name.clone(),
                times: self.times(series, id),
                refused_share: refused_share(series),
                seconds: self.throttled(id),
                probes: self.probes(id),
            }
        });
        let rate_per_s = self.record.load.as_ref().map_or(0.0, |load| load.intended_per_s);
        Observed { run: self.id.clone(), rate_per_s, series: series.collect() }
    }

    /// Response times after the warm-up, in batches; what was given up lasted for the profile's time-out.
    fn times(&self, series: &SeriesRecord, id: SeriesId) -> Option<Batched> {
        let plan = &self.record.plan;
        let phase = self.phase();
        let mut batches = vec![Times::default(); phase.batches()?];
        let first = plan.warmup_ns.div_ceil(1_000_000_000) as u32;
        for (second, values) in self.seconds.admitted_by_second(Some(id), first) {
            let batch = &mut batches[phase.batch_of(second as usize)?];
            for (ns, count) in values {
                batch.add(ns as f64, f64::from(count));
            }
        }
        let given_up: u64 = series.outcomes.iter().filter(|it| it.outcome == "timed-out").map(|it| it.count).sum();
        let timeout = plan.resolved["profile"]["run"]["timeout"].as_str().and_then(|text| text.parse::<Span>().ok());
        if let Some(timeout) = timeout.filter(|_| given_up > 0) {
            // Nobody kept in which second each was given up.
            let each = given_up as f64 / batches.len() as f64;
            for batch in &mut batches {
                batch.add_censored(timeout.as_ns() as f64, each);
            }
        }
        Batched::new(batches)
    }

    /// The same of a series by its place.
    pub(super) fn times_of(&self, id: SeriesId) -> Option<Batched> {
        self.times(self.record.series.get(usize::from(id.0))?, id)
    }

    /// A share of a series' actions after the warm-up.
    pub(super) fn share_of(&self, id: SeriesId, ratio: Ratio) -> Option<Share> {
        let phase = self.phase();
        let first = phase.warmup.as_ns().div_ceil(1_000_000_000) as u32;
        Share::of(&phase.cut(&self.seconds.rows(Some(id), Event::Ratio(ratio), first))?)
    }

    /// The part that is looked at: by its own plan.
    fn phase(&self) -> Phase {
        let plan = &self.record.plan;
        Phase { warmup: Span::from_ns(plan.warmup_ns), end: Span::from_ns(plan.duration_ns) }
    }

    /// Each second of the run, warm-up included: what was asked, and what of it was throttled.
    fn throttled(&self, id: SeriesId) -> Vec<Second> {
        let rows = self.seconds.rows(Some(id), Event::Ratio(Ratio::Throttled), 0);
        rows.into_iter().map(|(events, trials)| Second { asked: u64::from(trials), refused: u64::from(events) }).collect()
    }

    /// Single requests, each with the seconds since the one before.
    fn probes(&self, id: SeriesId) -> Vec<Probe> {
        if self.seconds.actions(Some(id), 0) > PROBES_MAX {
            return Vec::new();
        }
        let asked: Vec<(u32, u64)> = self
            .seconds
            .admitted_by_second(Some(id), 0)
            .flat_map(|(second, values)| values.into_iter().map(move |(ns, _)| (second, ns)))
            .collect();
        let pairs = asked.windows(2).filter(|pair| pair[1].0 - pair[0].0 >= PROBE_GAP_S);
        pairs.map(|pair| Probe { gap_s: f64::from(pair[1].0 - pair[0].0), took_ns: pair[1].1 as f64 }).collect()
    }
}

/// Share of the actions that were refused or failed; those that were given up count as times.
pub(super) fn refused_share(series: &SeriesRecord) -> f64 {
    let is_refused = |status: Option<u16>| status.is_some_and(|status| status == 429 || status >= 500);
    let refused = series.outcomes.iter().filter(|it| is_refused(it.status)).map(|it| it.count).sum::<u64>();
    refused as f64 / (series.count as f64).max(1.0)
}
