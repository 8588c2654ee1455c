//! The journal of a run: what its lanes have given away, line by line, so that a run that is killed has lost its last second and no more.
//!
//! Owns the format: lines of JSON. The first is the head (version, names of the series); each further one is a piece of a lane, written whole or
//! not at all. A piece has the times that stand in no line before (packed as in `intervals`, base64), the counts of the seconds that these are
//! of as they stand in that lane, load and attempts as they stand, the endings of each series that has changed as they stand, and the own lag
//! that was counted since the lane's line before. So lines of different lanes may stand in any order, times add up, and of what stands the
//! last line of a lane counts. Size: some 500 bytes a line, 70 more for each second and for each series of which something ended, and 3 to 4 for each
//! different response time of a second; a lane writes a line in each second in which anything ended.
//!
//! What is not a whole line ends the reading; it and what follows are counted as left out. Refuses files, and to guess what a line meant.
//! Written by `command` while the run lasts, read by it for a report of a run that did not come to its end.

mod lines;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use super::channel::growing;
use super::fate::Slot;
use super::intervals::{Intervals, bucket_ends};
use super::piece::{Endings, Standing};
use super::record::ConnectionsRecord;
use super::recorder::{Detail, Layout, Recorder};
use crate::traffic::SeriesId;

use lines::{Head, Line};

/// Version of the format.
pub const VERSION: u32 = 1;
/// A line that is longer is none: a lane keeps less than half of this.
const LINE_MAX: u64 = 256 << 20;

/// Times in packed form: second, slot and values.
pub type PackedTimes = (u32, Slot, Box<[u8]>);

/// Makes the lines.
#[derive(Debug, Default)]
pub struct JournalWriter {
    /// What of each lane was written before.
    lanes: BTreeMap<u16, Written>,
}

/// What of a lane was written before.
#[derive(Debug)]
struct Written {
    own_lag: Histogram<u64>,
    /// Actions of each series.
    counts: BTreeMap<Option<SeriesId>, u64>,
}

/// What a journal holds.
#[derive(Clone, Debug)]
pub struct Journal {
    names: Vec<String>,
    intervals: Intervals,
    own_lag: Histogram<u64>,
    lanes: BTreeMap<u16, Lane>,
    /// Pieces that were read.
    pub pieces: u64,
    /// Bytes at the end that are no whole piece.
    pub left_out: u64,
}

/// A lane as far as it is told.
#[derive(Clone, Debug)]
struct Lane {
    standing: Standing,
    seconds: BTreeMap<u32, super::counts::SecondCounts>,
    series: BTreeMap<Option<SeriesId>, Endings>,
}

/// Why bytes are no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system says so.
    #[error("cannot be read")]
    Unreadable(#[from] io::Error),
    /// Its first line is something else.
    #[error("is no journal of a run: its first line names no version and no series")]
    Foreign,
    /// Written by another version.
    #[error("format version {found}, and this sluicegate reads version {VERSION}; read it with the version that wrote it")]
    Version {
        /// Version of the file.
        found: u32,
    },
}

impl JournalWriter {
    /// The first line, for series of these names.
    pub fn head(series: &[String]) -> Vec<u8> {
        Head { journal: VERSION, series: series.to_vec() }.written()
    }

    /// The line of a piece.
    pub fn line(&mut self, standing: Standing, times: &[PackedTimes]) -> Vec<u8> {
        let before = self.lanes.remove(&standing.lane).unwrap_or_else(|| Written { own_lag: growing(), counts: BTreeMap::new() });
        let mut lag = standing.own_lag.clone();
        lag.subtract(&before.own_lag).expect("what a lane has counted only grows");
        let values = lag.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value()));
        let own_lag = Intervals::packed(values);
        let count = |endings: &Endings| endings.ended.iter().map(|(_, count)| count).sum::<u64>();
        let changed = |endings: &&Endings| before.counts.get(&endings.series) != Some(&count(endings));
        let line = Line::of(&standing, times, &own_lag, standing.series.iter().filter(changed));
        let counts = standing.series.iter().map(|endings| (endings.series, count(endings))).collect();
        self.lanes.insert(standing.lane, Written { own_lag: standing.own_lag, counts });
        line.written()
    }
}

impl Journal {
    /// Reads one, as far as it is whole; `None` if not even its head is.
    pub fn read(mut from: impl BufRead) -> Result<Option<Self>, JournalError> {
        let mut line = Vec::new();
        next_line(&mut from, &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(None);
        }
        let head = Head::read(&line).ok_or(JournalError::Foreign)?;
        if head.journal != VERSION {
            return Err(JournalError::Version { found: head.journal });
        }
        let mut journal = Self {
            names: head.series,
            intervals: Intervals::default(),
            own_lag: growing(),
            lanes: BTreeMap::new(),
            pieces: 0,
            left_out: 0,
        };
        let (_, half) = journal.take(&mut from)?;
        journal.left_out = half + io::copy(&mut from, &mut io::sink())?;
        Ok(Some(journal))
    }

    /// Adds the whole pieces that follow those that were read; how many bytes these are. One that is still being written is left, to be read
    /// from its beginning the next time.
    pub fn go_on(&mut self, mut from: impl BufRead) -> io::Result<u64> {
        self.take(&mut from).map(|(taken, _)| taken)
    }

    /// Adds pieces as long as they are whole: bytes of these, and of the line that was none.
    fn take(&mut self, from: &mut impl BufRead) -> io::Result<(u64, u64)> {
        let (mut line, mut taken) = (Vec::new(), 0);
        loop {
            next_line(from, &mut line)?;
            let whole = line.last() == Some(&b'\n');
            let Some(piece) = Line::read(&line).filter(|_| whole) else { return Ok((taken, line.len() as u64)) };
            taken += line.len() as u64;
            self.add(piece);
        }
    }

    fn add(&mut self, piece: lines::Read) {
        self.pieces += 1;
        for (second, slot, packed) in &piece.times {
            self.intervals.add_packed(*second, *slot, packed);
        }
        for (ns, count) in piece.own_lag {
            // The lower end, as most lags of this bucket's first are none at all.
            self.own_lag
                .record_n(bucket_ends(ns).0, u64::from(count))
                .expect("a bucket's value fits into a histogram that grows");
        }
        let standing = piece.standing;
        let lane = self.lanes.entry(standing.lane).or_insert_with(|| Lane {
            standing: standing.clone(),
            seconds: BTreeMap::new(),
            series: BTreeMap::new(),
        });
        lane.seconds.extend(standing.seconds.iter().copied());
        lane.series.extend(standing.series.iter().map(|endings| (endings.series, endings.clone())));
        lane.standing = standing;
    }

    /// What became of connections that are kept open, as far as the last piece of each lane tells: counts, without times and seconds. `None` if
    /// there were none.
    pub fn connections(&self) -> Option<ConnectionsRecord> {
        let told = self.lanes.values().filter_map(|lane| lane.standing.connections.as_deref());
        told.cloned().reduce(|mut all, lane| {
            all.add(&lane);
            all
        })
    }

    /// What the lanes had recorded when each gave its last piece; of a run with such a warm-up and length. Without what no piece tells: service
    /// times, first bytes, waits, and the schedule lag of a series.
    pub fn into_recorder(self, warmup: Span, duration: Span) -> Recorder {
        let layout = Layout { series: self.names, warmup, duration, edges: Vec::new(), detail: Detail::Seconds };
        let lanes = self.lanes.into_values().map(|lane| Standing {
            seconds: lane.seconds.into_iter().collect(),
            series: lane.series.into_values().collect(),
            ..lane.standing
        });
        Recorder::restored(layout, self.intervals, &self.own_lag, lanes)
    }
}

/// The next line with its end, or what there is of it.
fn next_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<()> {
    line.clear();
    from.take(LINE_MAX).read_until(b'\n', line).map(drop)
}
