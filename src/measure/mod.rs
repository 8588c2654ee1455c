//! What was measured, from either world: samples, their recorder, the record of a run, and the reasons to doubt it.
//!
//! Owns numbers and their meaning. Refuses clocks, sockets, and formatting for people (`report`). Called by `engine` and
//! `sim` with samples, by `verdict` for counts and by `report` for everything.

mod unbounded;

pub mod abort;
pub mod assumption;
pub mod attempts;
pub mod channel;
pub mod checklist;
pub mod comparison;
pub mod connection_rows;
pub mod connections;
pub mod cost;
pub mod counts;
pub mod csv_line;
pub mod designs;
pub mod doubt;
pub mod edges;
pub mod estimate;
pub mod fate;
pub mod history;
pub mod interval_log;
pub mod intervals;
pub mod join;
pub mod journal;
pub mod kept;
pub mod open_estimate;
pub mod part_rows;
pub mod parts;
pub mod piece;
pub mod record;
pub mod recorder;
pub mod rows;
pub mod run_id;
pub mod sample;
pub mod search;
pub mod shown;
pub mod summary;
pub mod system;
pub mod threshold;
pub mod told_rows;
pub mod tracing;

#[cfg(test)]
pub(crate) mod scripted;

use sluicegate_policy::time::Instant;

use crate::traffic::conversation::Stream;

pub use recorder::{Layout, Recorder};
pub use sample::{Outcome, Sample};

/// Takes samples, one after the other: the seam between the two worlds and whoever counts.
pub trait Record {
    /// One action has ended.
    fn on_sample(&mut self, sample: &Sample);

    /// Where the time of an answered action went, whose sample is told as well. Told by worlds that know.
    fn on_parts(&mut self, sample: &Sample, parts: &parts::Parts) {
        let _ = (sample, parts);
    }

    /// What the gateway calls the action whose sample is told next. Told only where ids are kept, of answers that have one.
    fn on_request_id(&mut self, _: Box<str>) {}

    /// Nobody tries again what was first intended at `since`: `last` was its last attempt, which was told already. Told of every action
    /// whose client may try again, and of no other.
    fn on_settled(&mut self, since: Instant, last: &Sample) {
        let _ = (since, last);
    }

    /// How connections that are kept open stand, whose streams these are. Told before [`Record::on_time`] by a world that lasts and has such.
    fn on_connections(&mut self, now: Instant, connections: &connections::Connections, streams: &[Stream]) {
        let _ = (now, connections, streams);
    }

    /// The run has come to this instant. Told some fifty times a second by a world that lasts, whether or not anything ended.
    fn on_time(&mut self, now: Instant) {
        let _ = now;
    }
}

/// Whoever wants the samples and nothing else.
impl<F: FnMut(&Sample)> Record for F {
    fn on_sample(&mut self, sample: &Sample) {
        self(sample);
    }
}
