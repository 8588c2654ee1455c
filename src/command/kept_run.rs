//! A run that was kept, opened again: its record, its seconds, and what they may be asked.
//!
//! Owns finding the files, the part of the run that is judged by its own plan, and the reasons for which nothing that it holds may be judged.
//! Refuses statistics (`verdict`). Called by `compare`; `exports` asks for the seconds alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hdrhistogram::Histogram;
use serde_json::Value;
use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::run_folder::{INTERVALS, RECORD, TOLD};
use crate::measure::assumption::{Assumption, Event, Metric, PartAt, Ratio, Told};
use crate::measure::comparison::ComparedRun;
use crate::measure::edges::EdgeRows;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{Doubt, RunRecord, SecondRecord, Stopped, Weight};
use crate::measure::told_rows::{self, Named};
use crate::report::read;
use crate::traffic::SeriesId;
use crate::verdict::distance::Batches;
use crate::verdict::{Course, Phase, warmup};

/// A kept run.
pub(super) struct KeptRun {
    /// As it was named.
    pub(super) path: PathBuf,
    /// All that its record says.
    pub(super) record: RunRecord,
    /// Names of its series, in its order.
    pub(super) names: Vec<String>,
    seconds: KeptSeconds,
    told: Vec<Named>,
}

/// So many actions may be in one of the two files and not in the other, as a share.
const MISSING_MAX: f64 = 0.001;

impl KeptRun {
    /// Whether a path is that of a run, and not of a profile.
    pub(super) fn is_at(path: &Path) -> bool {
        path.is_dir() || path.file_name().is_some_and(|name| name == RECORD)
    }

    /// Opens the run in a folder, or the one whose record this is.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = if path.is_dir() { path.join(RECORD) } else { path.to_owned() };
        let named = |file: &Path, error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", file.display()));
        let advice = |error: &std::io::Error| format!("cannot be read ({error}); name the folder of a run, or its {RECORD}");
        let bytes = fs::read(&file).map_err(|error| named(&file, &advice(&error)))?;
        let record = read::read(&bytes).map_err(|error| named(&file, &error))?;
        if !record.complete && record.stopped.is_none() && record.load.is_none() {
            let why = "the run did not come to its end: it is still going on, or was killed, so that there is nothing to compare; \
                       what there is of it is shown by `sluicegate report`";
            return Err(named(path, &why));
        }
        let seconds = seconds_of(&record, &file.with_file_name(INTERVALS))?;
        let names = names_of(&record);
        let file = file.with_file_name(TOLD);
        let told = match fs::read(&file) {
            Ok(bytes) => told_rows::read(&bytes).map_err(|error| named(&file, &error))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(named(&file, &format!("cannot be read ({error})"))),
        };
        Ok(Self { path: path.to_owned(), record, names, seconds, told })
    }

    /// The part that is judged: by its own plan, and from when on its response times have settled (method 3.7b).
    pub(super) fn phase(&self) -> Phase {
        self.phase_from(Span::ZERO)
    }

    /// The same, where so much of the beginning is left out at least.
    pub(super) fn phase_from(&self, warmup: Span) -> Phase {
        let plan = &self.record.plan;
        let phase = Phase { warmup: Span::from_ns(plan.warmup_ns).max(warmup), end: Span::from_ns(plan.duration_ns) };
        if self.course() == Course::Varying {
            return phase;
        }
        let first = first_second(phase);
        let seconds = (0..phase.seconds() as u32).map(|second| self.seconds.mean_log(first.saturating_add(second)));
        match warmup::cut(&seconds.collect::<Vec<_>>()) {
            0 => phase,
            cut => Phase { warmup: Span::from_secs(u64::from(first) + cut as u64), ..phase },
        }
    }

    /// Whether its plan changed on its way.
    pub(super) fn course(&self) -> Course {
        let profile = |pointer: &str| self.record.plan.resolved.pointer(pointer);
        let moves = profile("/profile/gateway/moves").and_then(Value::as_array).is_some_and(|moves| !moves.is_empty());
        let keeps_one_rate = profile("/profile/traffic/closed").is_some()
            || profile("/profile/traffic/arrivals/constant").is_some()
            || profile("/profile/traffic/arrivals/poisson").is_some();
        if keeps_one_rate && !moves && self.record.plan.log.is_none() { Course::Steady } else { Course::Varying }
    }

    /// The series of that name.
    pub(super) fn series(&self, name: &str) -> Option<SeriesId> {
        self.names.iter().position(|known| known == name).and_then(|at| u16::try_from(at).ok()).map(SeriesId)
    }

    /// Events and trials of each second of a phase, of this series and this part of the gateway, or of all.
    pub(super) fn rows(&self, (series, part): (Option<SeriesId>, Option<&str>), event: Event, phase: Phase) -> Vec<(u32, u32)> {
        let first = first_second(phase);
        let Event::Ratio(Ratio::Told(told, _)) = event else { return self.seconds.rows(series, event, first) };
        let metric = Ratio::Told(told, None).as_str();
        let mut all = EdgeRows::default();
        for (.., rows) in self.told.iter().filter(|(of, name, _)| of == metric && part.is_none_or(|part| part == name)) {
            let of_phase = (0..).zip(rows).map(|(second, row): (u32, _)| if second < first { (0, 0) } else { *row });
            all.add(of_phase);
        }
        all.rows().to_vec()
    }

    /// The part of the gateway that a claim is about which names one of this run's by its place; `None` if it is about all.
    pub(super) fn part(&self, claim: &Assumption) -> Option<&str> {
        let Metric::Ratio(Ratio::Told(told, Some(PartAt(at)))) = claim.metric else { return None };
        let metric = Ratio::Told(told, None).as_str();
        let mut parts = self.record.told.iter().filter(|told| told.metric == metric);
        parts.nth(usize::from(at)).map(|told| told.name.as_str())
    }

    /// It was told how often, and not when: an earlier version kept no more.
    pub(super) fn tells_totals_alone(&self, told: Told) -> bool {
        let metric = Ratio::Told(told, None).as_str();
        let observed = self.record.told.iter().any(|one| one.metric == metric && one.observed.is_some_and(|it| it.trials > 0));
        observed && !self.told.iter().any(|(of, ..)| of == metric)
    }

    /// Times of what was admitted in a phase and did not fail.
    pub(super) fn times(&self, series: Option<SeriesId>, phase: Phase) -> Histogram<u64> {
        self.seconds.admitted(series, first_second(phase))
    }

    /// The same by batch, for a distance.
    pub(super) fn batches(&self, series: Option<SeriesId>, phase: Phase) -> Batches {
        batches(&self.seconds, series, phase)
    }

    /// The claims of its profile, as its record has them.
    pub(super) fn claims(&self) -> Option<&Value> {
        let list = self.record.plan.resolved.pointer("/profile/expect")?;
        list.as_array().is_some_and(|list| !list.is_empty()).then_some(list)
    }

    /// The parts of the gateway that were told of: metric and name.
    pub(super) fn told(&self) -> Vec<(String, String)> {
        self.record.told.iter().map(|told| (told.metric.clone(), told.name.clone())).collect()
    }

    /// The run as a comparison names it.
    pub(super) fn named(&self, phase: Phase) -> ComparedRun {
        let (seconds, actions) = (phase.seconds() as u64, self.seconds.actions(None, first_second(phase)));
        ComparedRun { seconds, actions, ..compared(&self.record, &self.path) }
    }

    /// Why nothing that it holds may be judged, if that is so; the comparison calls the run `which`.
    pub(super) fn doubts(&self, which: &str) -> Vec<Doubt> {
        let doubt = |kind: &str, what: String, advice: &str| Doubt {
            weight: Weight::Invalid,
            kind: kind.to_owned(),
            what: format!("{which} {what}"),
            advice: advice.to_owned(),
        };
        let mut doubts = Vec::new();
        let again = "compare a run that came to its planned end";
        match &self.record.stopped {
            Some(Stopped::Interrupted(signal)) => {
                doubts.push(doubt("incomplete", format!("was interrupted by signal {signal}"), again));
            }
            Some(Stopped::Failed(why)) => doubts.push(doubt("incomplete", format!("failed: {why}"), again)),
            Some(Stopped::Aborted(abort)) => {
                let what = format!("was ended in second {} by its condition {}", abort.second, abort.condition);
                doubts.push(doubt("incomplete", what, again));
            }
            None if !self.record.complete => {
                doubts.push(doubt(
                    "incomplete",
                    "did not come to its end: it is still going on, or was killed".to_owned(),
                    again,
                ));
            }
            None => {}
        }
        for invalid in self.record.doubts.iter().filter(|doubt| doubt.weight == Weight::Invalid) {
            doubts.push(doubt("invalid-run", format!("is invalid ({}): {}", invalid.kind, invalid.what), &invalid.advice));
        }
        if !self.seconds.tells_fates() && !self.all_went_well() {
            let what = "was kept by an earlier version, which did not keep what became of its requests in each second, and some were \
                        throttled, were refused or failed";
            doubts.push(doubt("no-outcomes", what.to_owned(), "drive it again with this version"));
        }
        doubts.extend(missing(&self.record, &self.seconds).map(|(logged, recorded)| {
            let what = format!("has {recorded} actions by its {RECORD} and {logged} by its {INTERVALS}");
            doubt("seconds-missing", what, "see that both files are of one run, and that neither was cut off when it was copied")
        }));
        doubts
    }

    /// Every request was answered below 400: then a log of answers alone tells everything.
    fn all_went_well(&self) -> bool {
        let counts = |outcome: &crate::measure::record::OutcomeRecord| outcome.status.is_some_and(|status| status < 400);
        self.record.total.as_ref().is_some_and(|total| total.outcomes.iter().all(counts))
    }
}

/// What the log of a run tells of its seconds.
pub(super) fn seconds_of(record: &RunRecord, log: &Path) -> Result<KeptSeconds, Failure> {
    let named = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", log.display()));
    let advice = |error: &std::io::Error| {
        format!("cannot be read ({error}); what happened in each second of a run stands there: keep it beside the {RECORD}")
    };
    let bytes = fs::read(log).map_err(|error| named(&advice(&error)))?;
    KeptSeconds::read(&bytes, &names_of(record)).map_err(|error| named(&error))
}

/// A run that is kept at `path` as a comparison names it, before anything of it is counted.
pub(super) fn compared(record: &RunRecord, path: &Path) -> ComparedRun {
    let plan = &record.plan;
    ComparedRun {
        path: path.display().to_string(),
        profile: plan.profile.clone(),
        target: plan.target.clone(),
        started_at: plan.started_at.clone(),
        script_hash: plan.script_hash.clone(),
        drift: plan.drift.clone(),
        model: plan.model,
        intended_per_s: record.load.as_ref().map(|load| load.intended_per_s),
        seconds: 0,
        actions: 0,
        admitted: Vec::new(),
    }
}

/// Names of the series of a run, in its order.
pub(super) fn names_of(record: &RunRecord) -> Vec<String> {
    record.series.iter().map(|series| series.name.clone()).collect()
}

/// Actions by the log and by the record, if these are not the same.
pub(super) fn missing(record: &RunRecord, seconds: &KeptSeconds) -> Option<(u64, u64)> {
    let logged = seconds.actions(None, 0);
    let tells = seconds.tells_fates();
    let of = |it: &SecondRecord| if tells { it.intended.saturating_add(it.retries) } else { it.answered };
    // The numbers may come from a file: no sum is too high.
    let recorded = record.seconds.iter().map(of).fold(0, u64::saturating_add);
    let apart = logged.abs_diff(recorded) as f64;
    (apart > MISSING_MAX * recorded.max(1) as f64).then_some((logged, recorded))
}

/// The admitted times of a series by batch.
pub(super) fn batches(seconds: &KeptSeconds, series: Option<SeriesId>, phase: Phase) -> Batches {
    let Some(count) = phase.batches() else { return Batches::new() };
    let mut batches = vec![BTreeMap::new(); count];
    for (second, values) in seconds.admitted_by_second(series, first_second(phase)) {
        let Some(at) = phase.batch_of(second as usize) else { continue };
        for (ns, count) in values {
            *batches[at].entry(ns).or_default() += u64::from(count);
        }
    }
    batches
}

/// First second of a phase; one in which the warm-up ends is left out.
fn first_second(phase: Phase) -> u32 {
    u32::try_from(phase.warmup.as_ns().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}
