//! `--baseline`: the earlier run that a run is held against besides its model.
//!
//! Owns which run that is, that it is looked at before the first byte is sent, and that no run passes because there was no time to hold it against
//! its baseline: until that is done its record says so. Refuses statistics: it is held against it by `compare`'s own method. Called by `rehearsal`.

use std::fs;
use std::path::Path;

use super::compare::by_earlier;
use super::failure::Failure;
use super::history::{Depth, Memory, is_of, list};
use super::kept_run::{KeptRun, compared};
use super::run_folder::RECORD;
use super::same_load;
use crate::cli::Baseline as Asked;
use crate::measure::comparison::{ComparedWith, ComparisonRecord, Family, VERSION};
use crate::measure::history::RunRow;
use crate::measure::record::{Doubt, PlanRecord, RunRecord, Weight};
use crate::report::read;
use crate::verdict::Phase;

/// What may become the baseline, before the script is known.
pub(super) enum Candidates {
    /// The run that was named.
    Named(Box<KeptRun>),
    /// Runs that passed, newest first, and how many runs of the profile there are.
    Passed(Vec<RunRow>, u64),
}

/// The baseline, or why there is none.
pub(super) enum Baseline {
    /// This run.
    Run(Box<KeptRun>),
    /// None has passed yet.
    NoneYet(Doubt),
}

/// Looks for what was asked; `beside` is the folder in which the run's own folder will be. A run that was named must be there, valid, and of the
/// load that `plan` has, as far as that is known.
pub(super) fn look(asked: &Asked, plan: &PlanRecord, beside: &Path) -> Result<Candidates, Failure> {
    match asked {
        Asked::Run(path) => {
            let run = KeptRun::open(path).map_err(|failure| Failure::usage(format!("--baseline {failure}")))?;
            let unusable = run.doubts("the baseline").into_iter().next();
            match unusable.or_else(|| other_load(&run.record.plan, plan)) {
                None => Ok(Candidates::Named(Box::new(run))),
                Some(doubt) => Err(refused(&run, &doubt)),
            }
        }
        Asked::LatestPassing => {
            if !beside.is_dir() {
                return Ok(Candidates::Passed(Vec::new(), 0));
            }
            let mut runs = list(beside, Depth::Beside, Memory::Read)?.runs;
            runs.retain(|run| is_of(run, &plan.profile, plan.log.as_deref()) && is_same_kind(run, plan));
            let of_profile = runs.len() as u64;
            runs.retain(|run| run.exit_code == 0);
            runs.reverse();
            Ok(Candidates::Passed(runs, of_profile))
        }
    }
}

impl Candidates {
    /// Which of them it is, for a run of this plan, whose script is known now if it is known before the run at all.
    pub(super) fn settle(self, plan: &PlanRecord) -> Result<Baseline, Failure> {
        match self {
            Self::Named(run) => match other_load(&run.record.plan, plan) {
                None => Ok(Baseline::Run(run)),
                Some(doubt) => Err(refused(&run, &doubt)),
            },
            Self::Passed(runs, of_profile) => {
                let found = runs.iter().find_map(|run| usable(run, plan));
                Ok(found.map_or_else(
                    || Baseline::NoneYet(none_yet(runs.len() as u64, of_profile)),
                    |run| Baseline::Run(Box::new(run)),
                ))
            }
        }
    }
}

/// Holds the run that is kept in `folder` against its baseline.
pub(super) fn hold(baseline: &KeptRun, folder: &Path) -> Result<ComparisonRecord, Failure> {
    by_earlier(baseline, &KeptRun::open(folder)?, &[])
}

/// What the record says until that is done: a run that is killed before has not passed.
pub(super) fn pending(baseline: &KeptRun, record: &RunRecord, folder: &Path) -> ComparisonRecord {
    let phase: Phase = baseline.phase();
    ComparisonRecord {
        version: VERSION,
        sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
        against: ComparedWith::Run,
        model: None,
        before: Some(baseline.named(phase)),
        after: compared(record, folder),
        family: Family::Run,
        doubts: vec![Doubt {
            weight: Weight::Invalid,
            kind: "not-held".to_owned(),
            what: "the run ended before it was held against its baseline, or its files could not be read again".to_owned(),
            advice: format!("sluicegate compare {} {}", baseline.path.display(), folder.display()),
        }],
        verdicts: Vec::new(),
        distances: Vec::new(),
    }
}

/// A mock that was changed on purpose stands for nothing but runs that it was changed for likewise; and what the bundled mock was, a live
/// gateway need not be.
fn is_same_kind(run: &RunRow, plan: &PlanRecord) -> bool {
    let is_mock = |target: &str| target == "mock";
    is_mock(&run.target) == is_mock(&plan.target) && run.target != "model" && (run.drift.is_empty() || run.drift == plan.drift)
}

/// The run, if it can be judged by and had the load of this plan. Its record is looked at first: its seconds take longer to read.
fn usable(row: &RunRow, plan: &PlanRecord) -> Option<KeptRun> {
    let folder = Path::new(&row.folder);
    let record = read::read(&fs::read(folder.join(RECORD)).ok()?).ok()?;
    if other_load(&record.plan, plan).is_some() {
        return None;
    }
    KeptRun::open(folder).ok().filter(|run| run.doubts("the baseline").is_empty())
}

/// The doubt that forbids to hold a run of the second load against one of the first, if there is one.
fn other_load(before: &PlanRecord, plan: &PlanRecord) -> Option<Doubt> {
    same_load::doubts(before, plan).into_iter().find(|doubt| doubt.weight == Weight::Invalid)
}

fn refused(run: &KeptRun, doubt: &Doubt) -> Failure {
    Failure::usage(format!("--baseline {}: {}; {}", run.path.display(), doubt.what, doubt.advice))
}

fn none_yet(passed: u64, of_profile: u64) -> Doubt {
    let why = match (of_profile, passed) {
        (0, _) => "there is no run of this profile beside this one".to_owned(),
        (_, 0) => format!("of {of_profile} runs of this profile beside this one none has passed"),
        (_, _) => format!(
            "of {passed} runs of this profile beside this one that have passed none had the same load, and its seconds whole"
        ),
    };
    Doubt {
        weight: Weight::Note,
        kind: "no-baseline".to_owned(),
        what: format!("held against no earlier run: {why}"),
        advice: "if this run passes it is the baseline of the next one; keep its folder beside that".to_owned(),
    }
}

#[cfg(test)]
mod tests;
