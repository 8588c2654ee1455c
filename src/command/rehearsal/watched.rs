//! What whoever looks at a run while it is driven is told of it, and where it is shown.
//!
//! Refuses to show anything (`live`, `ui`, `drive`). Called by `rehearsal`.

use std::path::Path;

use super::Rehearsal;
use crate::command::drive::Show;
use crate::command::forming::Forming;
use crate::command::live;
use crate::command::predict::{Predicted, course};
use crate::command::so_far::Scene;
use crate::measure::record::RunRecord;

impl Rehearsal<'_> {
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
