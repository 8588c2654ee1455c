//! What of a rehearsal is kept in its folder, and in which order.
//!
//! Owns that the record is whole whatever else finds no room. Refuses formats (`report`, `measure::interval_log`). Called by `rehearsal`.

use std::collections::BTreeMap;
use std::io;

use sluicegate_policy::time::Span;

use crate::command::drive::Driven;
use crate::command::failure::Failure;
use crate::command::page;
use crate::command::run_folder::{CONNECTIONS, FolderError, INTERVALS, JOURNAL, PAGE, RECORD, RunFolder, TOLD};
use crate::measure::interval_log::IntervalLog;
use crate::measure::record::{RunRecord, SecondRecord};
use crate::measure::told_rows::Named;
use crate::measure::{connection_rows, summary, told_rows};
use crate::report::json;

pub(super) fn keep(folder: &RunFolder, record: &RunRecord) -> Result<(), Failure> {
    let bytes = json::write(record).map_err(|error| Failure::broken("writing the record", error))?;
    folder.write(RECORD, &bytes).map_err(|error| Failure::broken("keeping the run", error))
}

/// The record first, and whether or not the interval log finds room too: it is what a report can be made of again. The journal of the run goes
/// when nothing stands in it alone.
pub(super) fn keep_all(
    folder: &mut RunFolder,
    (record, told): (&RunRecord, &[Named]),
    driven: &mut Driven,
    started: Span,
) -> Result<(), Failure> {
    let lost = |error: KeepError| Failure::broken("keeping the run: the report on standard output is all there is of it", error);
    json::write(record).map_err(KeepError::from).and_then(|bytes| Ok(folder.write(RECORD, &bytes)?)).map_err(lost)?;
    let path = folder.path().display().to_string();
    let broken = |name: &str, error: KeepError| {
        Failure::broken(format!("keeping the run: {path}/{RECORD} is whole, {path}/{name} is not; free space there"), error)
    };
    keep_intervals(folder, record, driven, started).map_err(|error| broken(INTERVALS, error))?;
    if !told.is_empty() {
        folder.write(TOLD, &told_rows::write(told)).map_err(|error| broken(TOLD, error.into()))?;
    }
    if let Some(connections) = &record.connections {
        let rows = connection_rows::write(&connections.seconds);
        folder.write(CONNECTIONS, rows.as_bytes()).map_err(|error| broken(CONNECTIONS, error.into()))?;
    }
    keep_page(folder, record).map_err(|error| broken(PAGE, error))?;
    folder.forget(JOURNAL);
    Ok(())
}

/// From what is kept, as `report` would make it again.
pub(super) fn keep_page(folder: &RunFolder, record: &RunRecord) -> Result<(), KeepError> {
    let page = page::of(record, folder.path())?;
    Ok(folder.write(PAGE, page.as_bytes())?)
}

fn keep_intervals(folder: &mut RunFolder, record: &RunRecord, driven: &mut Driven, started: Span) -> Result<(), KeepError> {
    let moment = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(started.as_ns());
    let mut log = IntervalLog::new(folder.intervals(), &record_series(record), moment)?;
    let shelved = driven.shelved.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    shelved.tell(|_, intervals| log.write(intervals))?;
    Ok(folder.finish_intervals()?)
}

/// The rows of a run, and the mean logarithm of the response time of each second; where its response times are lost, without them:
/// `keep_intervals` says why.
pub(super) fn seconds(driven: &mut Driven) -> (Vec<SecondRecord>, BTreeMap<u32, f64>) {
    let (mut times, mut settling) = (BTreeMap::new(), BTreeMap::new());
    if let Ok(shelved) = &mut driven.shelved {
        let told = shelved.tell(|second, intervals| {
            times.extend(intervals.shown(second).map(|shown| (second, shown)));
            settling.extend(intervals.mean_log(second).map(|mean| (second, mean)));
            Ok(())
        });
        if let Err(error) = told {
            driven.shelved = Err(error);
        }
    }
    (summary::seconds(&driven.recorder, |second| times.get(&second).copied()), settling)
}

fn record_series(record: &RunRecord) -> Vec<String> {
    record.series.iter().map(|series| series.name.clone()).collect()
}

/// Why a run could not be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the interval log cannot be written")]
    Intervals(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] json::WriteError),
}
