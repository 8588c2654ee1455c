//! A run that still goes on, as far as its journal tells: what the live view and the live page show.
//!
//! Owns reading the journal as it grows, and how often. The longer a run, the more there is to sum up: that never takes more than a twentieth of a
//! core, nor does what is made of it for others ([`Reading::shown`]). Refuses to show anything, and knows of the run what a reader of its folder
//! knows, so that nobody who drives it is asked. Called by `live` and `watchers`.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek, SeekFrom};
use std::path::PathBuf;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use super::forming::Forming;
use super::run_folder::JOURNAL;
use super::unfinished;
use crate::measure::intervals::Intervals;
use crate::measure::journal::Journal;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{Quantiles, RunRecord, Verdict};
use crate::measure::summary;

/// From one reading to the next, at least.
const EVERY: Span = Span::from_ms(1_000);
/// The time between two readings is so many times what one takes, at least.
const SHARE: u64 = 20;
/// Seconds that are "lately".
const LATELY: u32 = 5;

/// What is known of the run before it is driven.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// Its record before the first request.
    pub(super) header: RunRecord,
    /// Where its journal grows.
    pub(super) folder: PathBuf,
    /// What is claimed of it.
    pub(super) forming: Forming,
}

/// The run so far.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its record.
    pub(super) record: RunRecord,
    /// The response times of its seconds.
    pub(super) seconds: KeptSeconds,
    /// Response time of what was admitted lately and did not fail.
    pub(super) now: Option<Quantiles>,
    /// The same since the warm-up.
    pub(super) so_far: Option<Quantiles>,
    /// What would be said if it ended now.
    pub(super) verdicts: Vec<Verdict>,
}

/// The journal as far as it was read.
pub(super) struct Reading {
    scene: Scene,
    /// With the bytes that were read.
    journal: Option<(Journal, u64)>,
    begun: Span,
    next: Span,
}

impl Seen {
    /// Before anything happened.
    pub(super) fn before(scene: &Scene) -> Self {
        let seconds = KeptSeconds::of(Intervals::default());
        let verdicts = scene.forming.verdicts(&seconds, Instant::ZERO);
        Self { record: scene.header.clone(), seconds, now: None, so_far: None, verdicts }
    }
}

impl Reading {
    /// Of the run of this scene.
    pub(super) const fn of(scene: Scene) -> Self {
        Self { scene, journal: None, begun: Span::ZERO, next: Span::ZERO }
    }

    /// The run so far, if it is time to look again and the journal has more. One that cannot be read has nothing.
    pub(super) fn again(&mut self, clock: Clock) -> Option<Seen> {
        self.begun = Span::from_ns(clock.now().as_ns());
        if self.begun < self.next {
            return None;
        }
        let more = self.go_on().unwrap_or(false);
        let seen = if more { self.seen() } else { None };
        self.shown(clock);
        seen
    }

    /// What was made of the last reading took its time, too: the next one is so much later.
    pub(super) fn shown(&mut self, clock: Clock) {
        let took = Span::from_ns(clock.now().as_ns()).saturating_sub(self.begun);
        self.next = self.begun + EVERY.max(took * SHARE);
    }

    /// All that the journal of a run that is over tells; nothing if it cannot be read.
    pub(super) fn last(&mut self) -> Option<Seen> {
        // What was read before stands, whether or not there is more.
        let _ = self.go_on();
        self.seen()
    }

    fn seen(&self) -> Option<Seen> {
        let (journal, _) = self.journal.as_ref()?;
        let mut record = self.scene.header.clone();
        let seconds = unfinished::so_far(&mut record, journal.clone());
        // The last second may be half told.
        let last = record.seconds.last().map_or(0, |row| u32::try_from(row.second).unwrap_or(u32::MAX));
        let warmup = u32::try_from(record.plan.warmup_ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX);
        let verdicts = self.scene.forming.verdicts(&seconds, Instant::ZERO + Span::from_secs(u64::from(last)));
        let times = |from| summary::quantiles(&seconds.admitted(None, from));
        let (now, so_far) = (times(last.saturating_sub(LATELY)), times(warmup));
        Some(Seen { record, seconds, now, so_far, verdicts })
    }

    /// Reads on; whether there was more.
    fn go_on(&mut self) -> io::Result<bool> {
        let mut file = File::open(self.scene.folder.join(JOURNAL))?;
        if let Some((journal, at)) = &mut self.journal {
            file.seek(SeekFrom::Start(*at))?;
            let more = journal.go_on(BufReader::new(file))?;
            *at += more;
            return Ok(more > 0);
        }
        let length = file.metadata()?.len();
        let read = Journal::read(BufReader::new(file.take(length))).map_err(io::Error::other)?;
        self.journal = read.map(|journal| {
            let whole = length - journal.left_out;
            (journal, whole)
        });
        Ok(self.journal.is_some())
    }
}
