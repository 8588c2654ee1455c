//! `report.html`, the page of a run, from its record and the interval log in its folder.
//!
//! Owns what the page says where the log cannot be read: it is made without, and says why. Refuses formats (`report::html`). Called by
//! `rehearsal` when a run is kept, and where a kept run is exported again.

use std::fs;
use std::path::Path;

use super::run_folder::INTERVALS;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::RunRecord;
use crate::report::{html, json};

/// The page of the run that is kept in `folder`.
pub(super) fn of(record: &RunRecord, folder: &Path) -> Result<String, json::WriteError> {
    let kept = kept(record, folder);
    html::report(record, kept.as_ref().map_err(String::as_str))
}

/// The response times of its seconds, or why there are none.
fn kept(record: &RunRecord, folder: &Path) -> Result<KeptSeconds, String> {
    let named = |error: &dyn std::fmt::Display| format!("{INTERVALS}: {error}");
    let names: Vec<String> = record.series.iter().map(|series| series.name.clone()).collect();
    let log = fs::read(folder.join(INTERVALS)).map_err(|error| named(&format!("cannot be read ({error})")))?;
    KeptSeconds::read(&log, &names).map_err(|error| named(&error))
}
