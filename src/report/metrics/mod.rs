//! The metrics of a run that goes on: one catalogue, and each format that collectors read.
//!
//! Owns the names (`catalogue`), what of a run so far is told under them (`snapshot`), and the bytes: Prometheus's text (`exposition`) and remote
//! write (`remote_write`), and OTLP (`otlp`). Counters only grow while a run lasts, and the number of time series is bounded. Refuses clocks and
//! sockets: the instant is handed in, and `serve` sends. Called by `command`.

mod catalogue;
pub mod exposition;
pub mod otlp;
pub mod remote_write;
mod snapshot;

pub use catalogue::{CATALOGUE, Kind, Metric, RUN};
pub use snapshot::{Distribution, Family, Moment, Point, Pushed, SERIES_MAX, Snapshot, Value};

/// What is sent to a collector in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// How many samples they hold, as the format counts them.
    pub samples: u64,
}

/// Whether more will be told of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It begins: names and units are told too, where the format has a place for them.
    First,
    /// It goes on.
    Middle,
    /// It is over.
    Last,
}

#[cfg(test)]
mod tests;
