//! The earlier run that a rehearsal is held against, where one was asked for.
//!
//! Owns when it is looked for, and when the comparison goes into the record. Refuses to choose and to compare (`baseline`). Called by `rehearsal`.

use sluicegate_policy::time::Span;

use super::Rehearsal;
use super::kept::{keep, keep_page};
use crate::command::baseline::{self, Baseline, Candidates};
use crate::command::failure::Failure;
use crate::command::kept_run::KeptRun;
use crate::command::run_folder::{RunFolder, beside_folder};
use crate::measure::record::RunRecord;

impl Rehearsal<'_> {
    /// What may be the baseline; before anything is simulated or started, so that a wrong one costs no time.
    pub(super) fn candidates(&self, started: Span) -> Result<Option<Candidates>, Failure> {
        let beside = beside_folder(self.output.output.as_deref());
        self.baseline.map(|asked| baseline::look(asked, &self.plan_record(started, None), &beside)).transpose()
    }

    /// The baseline, now that the script is known; that there is none yet is told, and stands in the record.
    pub(super) fn settle(&self, candidates: Option<Candidates>, record: &mut RunRecord) -> Result<Option<Box<KeptRun>>, Failure> {
        match candidates.map(|candidates| candidates.settle(&record.plan)).transpose()? {
            None => Ok(None),
            Some(Baseline::Run(run)) => {
                self.tell(&format!("baseline: {} ({})\n", run.path.display(), run.record.plan.started_at));
                Ok(Some(run))
            }
            Some(Baseline::NoneYet(doubt)) => {
                self.tell(&format!("note: {}; {}\n", doubt.what, doubt.advice));
                record.doubts.push(doubt);
                Ok(None)
            }
        }
    }

    /// Holds a run that came to its end and was kept against its baseline, and keeps what that says.
    pub(super) fn hold(record: &mut RunRecord, baseline: Option<&KeptRun>, folder: &RunFolder) -> Result<(), Failure> {
        let Some(baseline) = baseline.filter(|_| record.complete) else { return Ok(()) };
        record.baseline = Some(Box::new(baseline::hold(baseline, folder.path())?));
        keep(folder, record)?;
        keep_page(folder, record).map_err(|error| Failure::broken("keeping the run", error))
    }
}
