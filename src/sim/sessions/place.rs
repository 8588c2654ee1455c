//! One session's client: its connection, what it waits for, and what it does next.
//!
//! Owns the shapes. Refuses to change them ([`sessions`](super) does).

use sluicegate_policy::call::ConnectionId;
use sluicegate_policy::time::Instant;

use super::posting::Posting;
use crate::measure::Sample;
use crate::traffic::SeriesId;
use crate::traffic::conversation::{Hears, Turn};

/// Where a session is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) session: u32,
    /// Which of the connections at this place it is: what belongs to another one is void.
    pub(super) life: u32,
    pub(super) state: State,
    /// Where its connects are counted.
    pub(super) series: SeriesId,
    pub(super) hears: Hears,
    /// Whether its messages say what its connection is called.
    pub(super) is_named: bool,
    /// Whether one has.
    pub(super) is_known: bool,
    /// Its step that posts.
    pub(super) posting: Option<Box<Posting>>,
    /// The gateway's name of its connection.
    pub(super) connection: Option<ConnectionId>,
    pub(super) opened: Instant,
    /// When its last connection ended.
    pub(super) lost: Option<Instant>,
    pub(super) ahead: Option<Ahead>,
    pub(super) questions: Vec<Question>,
    pub(super) goodbye: Option<Sample>,
}

/// How far its connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    #[default]
    Away,
    /// Its handshake is under way.
    Opening,
    Open,
    /// Its client has said goodbye.
    Closing,
}

/// What it does next, and when.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    pub(super) turn: Turn,
    pub(super) due: Instant,
}

/// Something that it waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) sample: Sample,
    /// Whether it is the handshake.
    pub(super) opens: bool,
    /// Whether its session goes on when it is answered.
    pub(super) tells: bool,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            session: u32::MAX,
            life: 0,
            state: State::Away,
            series: SeriesId(0),
            hears: Hears::default(),
            is_named: false,
            is_known: false,
            posting: None,
            connection: None,
            opened: Instant::ZERO,
            lost: None,
            ahead: None,
            questions: Vec::new(),
            goodbye: None,
        }
    }
}
