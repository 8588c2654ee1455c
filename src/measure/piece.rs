//! What a lane gives away while a run lasts: the times that it has recorded since it last gave some, and how its counts stand.
//!
//! Owns the shape of a piece and the way out of a lane, which is bounded and never waited for: a lane whose piece finds no room keeps its
//! times and gives them with the next. Counts are told as they stand, so that a piece that was not taken is no gap. Refuses formats
//! (`journal`) and files. Made by the recorder, taken by `command`.

use std::sync::mpsc::{SyncSender, TrySendError};

use hdrhistogram::Histogram;

use super::attempts::Tries;
use super::channel::Ending;
use super::counts::{Load, SecondCounts};
use super::intervals::Intervals;
use super::record::ConnectionsRecord;
use super::recorder::Uncounted;
use crate::traffic::SeriesId;

/// What a lane has measured since its last piece.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Times that stand in no piece before.
    pub intervals: Intervals,
    /// The rest, as it stands.
    pub standing: Standing,
}

/// The counts of a lane as they stand at one instant.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which lane.
    pub lane: u16,
    /// Counts of every second that the piece has times of, and of no other: the rest has not changed.
    pub seconds: Vec<(u32, SecondCounts)>,
    /// What became of the script's actions.
    pub load: Load,
    /// First attempts.
    pub first: Tries,
    /// Retries.
    pub again: Tries,
    /// What there was no room for.
    pub uncounted: Uncounted,
    /// How late the lane turned to its actions by its own fault, after the warm-up.
    pub own_lag: Histogram<u64>,
    /// How actions ended after the warm-up, by series.
    pub series: Vec<Endings>,
    /// What became of connections that are kept open, if the lane has such: the counts alone.
    pub connections: Option<Box<ConnectionsRecord>>,
}

/// How the actions of a series ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endings {
    /// Which series; `None` stands for all that have no room of their own.
    pub series: Option<SeriesId>,
    /// Values above the range of the histograms.
    pub saturated: u64,
    /// How many ended in which way.
    pub ended: Vec<(Ending, u64)>,
}

/// Where a lane gives its pieces; `None` on the way says that no more will come.
#[derive(Clone, Debug)]
pub struct Away {
    lane: u16,
    to: SyncSender<Option<Piece>>,
}

/// Why a piece was not taken; it comes back.
#[derive(Debug)]
pub enum NotTaken {
    /// Whoever takes them is behind.
    Behind(Piece),
    /// Nobody takes any more.
    Gone(Piece),
}

impl Away {
    /// The way of the lane of this number.
    pub const fn new(lane: u16, to: SyncSender<Option<Piece>>) -> Self {
        Self { lane, to }
    }

    /// The lane's number among those that give their pieces to the same place.
    pub const fn lane(&self) -> u16 {
        self.lane
    }

    /// Gives a piece without waiting.
    pub fn give(&self, piece: Piece) -> Result<(), Box<NotTaken>> {
        let back = |piece: Option<Piece>| piece.expect("a piece was given");
        self.to.try_send(Some(piece)).map_err(|error| {
            Box::new(match error {
                TrySendError::Full(piece) => NotTaken::Behind(back(piece)),
                TrySendError::Disconnected(piece) => NotTaken::Gone(back(piece)),
            })
        })
    }
}
