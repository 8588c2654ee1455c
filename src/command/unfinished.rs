//! A run that did not come to its end, as far as its journal tells of it: killed, or still going on.
//!
//! Owns which keys of the record the journal fills, and the words for what is missing. Refuses verdicts, and to change a record that its run has
//! completed itself: an interrupted run has counted more than its journal. Called by `report`
//! and by the live view.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::Path;

use sluicegate_policy::time::Span;

use super::failure::Failure;
use super::run_folder::JOURNAL;
use crate::measure::doubt::{self, Seen};
use crate::measure::journal::Journal;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{Doubt, LoadRecord, RunRecord, SeriesRecord, Weight};
use crate::measure::{Recorder, summary};

/// Adds to the record of a run that nobody completed what stands in the journal in its folder, if there is one; gives what it tells of each second.
pub(super) fn add_journal(record: &mut RunRecord, folder: &Path) -> Result<Option<KeptSeconds>, Failure> {
    if record.complete || record.load.is_some() {
        return Ok(None);
    }
    let path = folder.join(JOURNAL);
    let named = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(&format!("cannot be read ({error})"))),
    };
    let Some(journal) = Journal::read(BufReader::new(file)).map_err(|error| named(&error))? else { return Ok(None) };
    if journal.pieces == 0 {
        return Ok(None);
    }
    let left_out = journal.left_out;
    let seconds = so_far(record, journal);
    record.doubts.push(from_journal(left_out));
    Ok(Some(seconds))
}

/// Adds to the header of a run what a journal tells so far; gives what it tells of each second.
pub(super) fn so_far(record: &mut RunRecord, journal: Journal) -> KeptSeconds {
    record.connections = journal.connections().map(Box::new);
    let plan = &record.plan;
    let mut recorder = journal.into_recorder(Span::from_ns(plan.warmup_ns), Span::from_ns(plan.duration_ns));
    fill(record, &recorder);
    KeptSeconds::of(recorder.take_intervals())
}

fn fill(record: &mut RunRecord, recorder: &Recorder) {
    record.seconds = summary::seconds(recorder, |second| recorder.intervals().shown(second));
    let load = load(recorder, record.seconds.len());
    record.total = Some(known(summary::total(recorder)));
    record.series = summary::series(recorder).into_iter().map(known).collect();
    // How late it may be is a matter of margins, where the profile does not say it: without verdicts there are none, and the lag is shown.
    let lag_limit = Some(said_lag_limit(record).unwrap_or(Span::MAX));
    let seen = Seen { lag_limit, ..Seen::of(recorder, load.clone(), record.plan.model) };
    record.doubts.extend(doubt::doubts(&seen));
    record.load = Some(load);
}

/// The profile's own word for how late the generator may be.
fn said_lag_limit(record: &RunRecord) -> Option<Span> {
    record.plan.resolved.pointer("/profile/run/lag_limit")?.as_str()?.parse().ok()
}

/// Rates are over the time that the run has lasted, not over its plan.
fn load(recorder: &Recorder, seconds: usize) -> LoadRecord {
    let load = summary::load(recorder);
    let seconds = (seconds as f64).max(1.0);
    LoadRecord { intended_per_s: load.intended as f64 / seconds, achieved_per_s: load.sent as f64 / seconds, ..load }
}

/// The waits are in no journal: that there are none is not the same as that nothing waited.
fn known(series: SeriesRecord) -> SeriesRecord {
    SeriesRecord { waited: None, ..series }
}

fn from_journal(left_out: u64) -> Doubt {
    let cut = match left_out {
        0 => String::new(),
        bytes => format!(" (its last line was cut off when it was written: {bytes} bytes are left out)"),
    };
    Doubt {
        weight: Weight::Note,
        kind: "from-journal".to_owned(),
        what: format!(
            "the numbers below are made from {JOURNAL}, into which the run wrote what each second brought{cut}: what came after is lost, \
             and service times, times to the first byte, waits and what the engine counted (shaped, connections opened, bytes) are not in it, nor times and seconds of connections that sessions keep open"
        ),
        advice: "let the run come to its end, or end it with Ctrl-C, after which everything is there".to_owned(),
    }
}
