//! What whoever looks at a run while it is driven is told of it, and where it is shown.
//!
//! Refuses to show anything (`live`, `watchers`, `drive`). Called by `rehearsal`.

use std::path::Path;

use sluicegate_policy::time::Span;

use super::Rehearsal;
use crate::command::collectors::Opening;
use crate::command::drive::Show;
use crate::command::failure::Failure;
use crate::command::forming::Forming;
use crate::command::live;
use crate::command::predict::{Predicted, course};
use crate::command::so_far::Scene;
use crate::command::watchers::Watchers;
use crate::measure::record::RunRecord;
use crate::report::metrics::Snapshot;

impl Rehearsal<'_> {
    /// Everybody who looks at a run that is to begin now from elsewhere, ready before anything of it is kept.
    pub(super) fn watchers(&self, started: Span) -> Result<Watchers, Failure> {
        let version = env!("CARGO_PKG_VERSION");
        let snapshot = Snapshot::opening(&self.id(started), &self.profile_name, version, self.script.model());
        Watchers::open(self.output, &Opening { snapshot, began: started, folder: self.profile_folder() })
    }

    /// What relative paths start from.
    pub(super) fn profile_folder(&self) -> &Path {
        Path::new(&self.profile_name).parent().unwrap_or_else(|| Path::new(""))
    }

    /// What is known of the run by whoever looks at it while it is driven.
    pub(super) fn scene(&self, record: &RunRecord, folder: &Path, predicted: Option<&Predicted>) -> Scene {
        let forming = |predicted| Forming::of(&self.plan.expectations, predicted, course(self.plan, &self.script));
        Scene { header: record.clone(), folder: folder.to_owned(), forming: predicted.map(forming).unwrap_or_default() }
    }

    pub(super) fn shows(&self, scene: Scene) -> Show {
        match () {
            () if self.output.quiet => Show::Nothing,
            () if self.output.plain || !live::is_possible() => Show::Progress,
            () => Show::Live(Box::new(scene)),
        }
    }
}
