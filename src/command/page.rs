//! `report.html`, the page of a run, from its record and the interval log in its folder.
//!
//! Owns what the page says where the log cannot be read: it is made without, and says why. Refuses formats (`report::html`). Called by
//! `rehearsal` when a run is kept.

use std::path::Path;

use super::kept_run::seconds_of;
use super::run_folder::INTERVALS;
use crate::measure::record::RunRecord;
use crate::report::{html, json};

/// The page of the run that is kept in `folder`.
pub(super) fn of(record: &RunRecord, folder: &Path) -> Result<String, json::WriteError> {
    let kept = seconds_of(record, &folder.join(INTERVALS)).map_err(|failure| failure.to_string());
    html::report(record, kept.as_ref().map_err(String::as_str))
}
