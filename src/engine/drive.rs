//! One drive: the script's shares are dealt to lanes, each on its own thread, and their reports come back.
//!
//! Owns the shape of what goes in and what comes out. Refuses to decide anything about an action (`dispatch`) and to speak to
//! anybody (`transport`). Called by `command`.

use std::io;
use std::sync::Arc;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use super::abort::Abort;
use super::cores::Portion;
use super::credentials::{Signed, TokenReport};
use super::error::EngineError;
use super::lane;
use super::lanes::Around;
use super::prepare::Engine;
use super::progress::{self, Progress};
use super::stop::Stop;
use super::transport::stamp::Meter;
use crate::load::hash::ScriptHash;
use crate::load::retry::Tally;
use crate::load::shaper::Shaper;
use crate::load::{Share, Source};
use crate::measure::record::{AbortRecord, WatchRecord};
use crate::measure::tracing::Tracing;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::Catalog;

/// What is driven, and who watches. What a lane plays is a source of requests, or [`Sessions`](crate::load::sessions::Sessions).
pub struct Drive<'a, R, S: ?Sized = dyn Source> {
    /// What the script says.
    pub catalog: Arc<Catalog>,
    /// Makes the source of a share; called once on each lane's thread.
    pub source: &'a (dyn Fn(Share) -> Box<S> + Sync),
    /// Makes the recorder of a lane; called once on each lane's thread.
    pub recorder: &'a (dyn Fn() -> R + Sync),
    /// Hard ceilings, one set for all lanes.
    pub shaper: Shaper,
    /// The run's clock. An origin a few milliseconds ahead gives the lanes time to stand ready at the script's zero.
    pub clock: Clock,
    /// Length of the plan.
    pub horizon: Span,
    /// Ends the drive early.
    pub stop: Stop,
    /// When it ends itself.
    pub abort: &'a Abort,
    /// Is told when it does.
    pub on_abort: &'a (dyn Fn(&AbortRecord) + Sync),
    /// Shows where the drive stands.
    pub progress: Arc<Progress>,
    /// How requests say what they are called in distributed tracing, if they do. Of sessions their handshakes do.
    pub tracing: Option<Tracing>,
}

/// What a drive gives back.
#[derive(Debug)]
pub struct Driven<R> {
    /// The recorders, one for each lane that came to its end.
    pub recorders: Vec<R>,
    /// The lanes, in the same order.
    pub lanes: Vec<LaneReport>,
    /// Counts of all these lanes together.
    pub counts: Counts,
    /// Why the first of the other lanes broke, if any did: its part of the script is missing, and the others ended early.
    pub broken: Option<EngineError>,
    /// What became of its bearer tokens, if it has any.
    pub tokens: Option<TokenReport>,
    /// The machine under the lanes while they drove; `None` if nobody could watch it.
    pub watch: Option<WatchRecord>,
    /// Which of its abort conditions ended it, if one did.
    pub aborted: Option<AbortRecord>,
}

/// What one lane used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneReport {
    /// The core it was tied to, if it was.
    pub core: Option<u32>,
    /// Its connections.
    pub connections: u32,
    /// CPU time of its thread while the plan lasted.
    pub cpu: Span,
    /// Of that, spent waiting awake on purpose.
    pub spin: Span,
    /// How long it could have run and did not, for others had its core; `None` if this kernel does not tell.
    pub run_queue: Option<Span>,
    /// How long the plan lasted, from the script's zero to its end or to an earlier end of the run; without the grace.
    pub wall: Span,
    /// What was signed, and what of the CPU time went there.
    pub signed: Signed,
}

/// What became of the script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fingerprint of the planned steps that the lanes came to.
    pub script: ScriptHash,
    /// Actions of the script whose instant came; each is exactly one sample.
    pub intended: u64,
    /// Retries whose instant came; each is one sample more.
    pub retries: u64,
    /// What was decided about retries; `None` if nothing is tried again.
    pub retried: Option<Tally>,
    /// Actions whose first byte was written, retries included; so are the counts below.
    pub sent: u64,
    /// Of those that were sent: pings and goodbyes of sessions, which no gateway counts as calls.
    pub uncalled: u64,
    /// Posts to connections that were due; each is one sample beside its step's.
    pub posts: u64,
    /// Of those, first byte written; the first of each step is the step's, and counted as sent.
    pub posts_sent: u64,
    /// Actions that a ceiling held back for a while.
    pub shaped: u64,
    /// Never sent: the queue was full, or the policy drops what cannot start at once.
    pub dropped: u64,
    /// Never sent: older than the policy's deadline.
    pub shed: u64,
    /// Neither answered nor failed when the run ended.
    pub abandoned: u64,
    /// Never sent: what they say cannot be written as HTTP; sampled as dropped.
    pub unsendable: u64,
    /// Of the plan, at its end: how much no lane has come to, and is not counted as intended. Above zero only where the
    /// script is denser than this machine can even count.
    pub unplayed: Span,
    /// Most actions that waited at once in one lane.
    pub queue_peak: u64,
    /// Bytes written to sockets.
    pub bytes_sent: u64,
    /// Bytes read from sockets.
    pub bytes_received: u64,
    /// Connections opened.
    pub connections_opened: u64,
    /// Of those, opened in place of one that was lost or closed.
    pub reconnects: u64,
    /// Attempts to open a connection that failed.
    pub connects_failed: u64,
    /// Of those, for want of a descriptor, a local port or memory on this machine.
    pub no_sockets: u64,
}

impl Engine {
    /// Plays the script against the target; blocks until the last answer, the end of the grace, or a stop.
    ///
    /// A lane that breaks ends the run early and stands in [`Driven::broken`]; it is an error only if no lane is left.
    pub fn drive<R: Record + Send + 'static>(&self, drive: &Drive<'_, R>) -> Result<Driven<R>, EngineError> {
        let (driven, _) = self.drive_lanes(drive, |portion, share| lane::play(self, drive, portion, share))?;
        Ok(driven)
    }

    /// Plays with `play` on each lane; what the lanes gave beside their recorders comes in the same order.
    pub(super) fn drive_lanes<R: Send, S: ?Sized, T: Send>(
        &self,
        drive: &Drive<'_, R, S>,
        play: impl Fn(Portion, Share) -> io::Result<Played<(R, T)>> + Sync,
    ) -> Result<(Driven<R>, Vec<T>), EngineError> {
        let Drive { clock, horizon, stop, abort, on_abort, .. } = drive;
        let around = Around { clock: *clock, horizon: *horizon, stop, abort, on_abort: *on_abort };
        let ran = self
            .in_lanes(&around, |portion, share, lane| play(portion, share).map_err(|source| EngineError::Start { lane, source }));
        let (driven, beside) = Driven::of(ran.lanes)?;
        let (aborted, unwatched) = match ran.aborted {
            Ok(aborted) => (aborted, None),
            Err(error) => (None, Some(error)),
        };
        let broken = driven.broken.or(unwatched);
        Ok((Driven { tokens: ran.tokens, watch: ran.watch, aborted, broken, ..driven }, beside))
    }
}

impl<R> Driven<R> {
    fn of<T>(results: Vec<Result<Played<(R, T)>, EngineError>>) -> Result<(Self, Vec<T>), EngineError> {
        let mut others = Vec::new();
        let mut driven = Self {
            recorders: Vec::new(),
            lanes: Vec::new(),
            counts: Counts::default(),
            broken: None,
            tokens: None,
            watch: None,
            aborted: None,
        };
        for result in results {
            match result {
                Ok(((recorder, other), counts, report)) => {
                    driven.recorders.push(recorder);
                    others.push(other);
                    driven.counts.add(&counts);
                    driven.lanes.push(report);
                }
                Err(error) => {
                    driven.broken.get_or_insert(error);
                }
            }
        }
        match driven.broken {
            Some(error) if driven.recorders.is_empty() => Err(error),
            _ => Ok((driven, others)),
        }
    }
}

/// What a lane gives back: something of its own, and what all lanes have.
pub(super) type Played<T> = (T, Counts, LaneReport);

impl Counts {
    /// Takes over what was counted at the sockets.
    pub(super) fn read(&mut self, meter: &Meter) {
        self.bytes_sent = meter.bytes_sent.get();
        self.bytes_received = meter.bytes_received.get();
        self.connections_opened = meter.opened.get();
        self.reconnects = meter.reopened.get();
        self.connects_failed = meter.failed.get();
        self.no_sockets = meter.no_sockets.get();
    }

    /// Counts a sample.
    pub(super) fn count(&mut self, sample: &Sample) {
        self.sent += u64::from(sample.sent != Instant::MAX);
        self.count_unsent(sample);
    }

    /// Counts a post, which is no action of the script.
    pub(super) fn count_post(&mut self, sample: &Sample) {
        self.posts_sent += u64::from(sample.sent != Instant::MAX);
        self.count_unsent(sample);
    }

    fn count_unsent(&mut self, sample: &Sample) {
        match sample.outcome {
            Outcome::Dropped => self.dropped += 1,
            Outcome::Shed => self.shed += 1,
            Outcome::Abandoned => self.abandoned += 1,
            Outcome::Answered
            | Outcome::TimedOut
            | Outcome::Unresolved
            | Outcome::Refused
            | Outcome::Unreachable
            | Outcome::TlsFailed
            | Outcome::NoSockets
            | Outcome::Reset
            | Outcome::Closed
            | Outcome::Truncated
            | Outcome::Malformed
            | Outcome::Lost => {}
        }
    }

    /// Adds those of another lane.
    pub(super) fn add(&mut self, other: &Self) {
        self.script.merge(other.script);
        self.intended += other.intended;
        self.retries += other.retries;
        self.retried = [self.retried, other.retried].into_iter().flatten().reduce(Tally::and);
        self.sent += other.sent;
        self.posts += other.posts;
        self.posts_sent += other.posts_sent;
        self.uncalled += other.uncalled;
        self.shaped += other.shaped;
        self.dropped += other.dropped;
        self.shed += other.shed;
        self.abandoned += other.abandoned;
        self.unsendable += other.unsendable;
        self.unplayed = self.unplayed.max(other.unplayed);
        self.queue_peak = self.queue_peak.max(other.queue_peak);
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.connections_opened += other.connections_opened;
        self.reconnects += other.reconnects;
        self.connects_failed += other.connects_failed;
        self.no_sockets += other.no_sockets;
    }
}

impl progress::Tally {
    pub(super) fn count(&mut self, sample: &Sample) {
        self.sent += u64::from(sample.sent != Instant::MAX);
        match sample.outcome {
            Outcome::Answered => self.answered += 1,
            _ => self.failed += 1,
        }
        self.lag = self.lag.max(sample.schedule_lag().unwrap_or(Span::ZERO));
    }
}
