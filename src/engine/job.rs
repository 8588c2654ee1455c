//! An action whose instant has come (or is known), and the sample that it ends as.

use std::cmp::Ordering;

use sluicegate_policy::call::ErrorKind;
use sluicegate_policy::time::{Instant, Span};

use crate::measure::tracing::Occasion;
use crate::measure::{Outcome, Sample};
use crate::traffic::{Action, Request, SeriesId, Step};

/// A step with its intended instant fixed; the instant travels with it and never moves.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) intended: Instant,
    pub(super) wait: Wait,
    pub(super) session: u32,
    pub(super) seq: u32,
    /// Zero for the first, then one for each retry.
    pub(super) attempt: u8,
    /// When the first attempt was intended.
    pub(super) since: Instant,
    pub(super) request: Request,
}

/// What an action waits by no fault of the generator: for a connection, a ceiling, or what comes before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// `Instant::MAX` until it waits.
    since: Instant,
    lasted: Span,
}

/// When the parts of an exchange happened; `Instant::MAX` for what did not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    pub(super) started: Instant,
    pub(super) sent: Instant,
    pub(super) first_byte: Instant,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    /// Zero where no head of an answer was read.
    pub(super) status: u16,
    /// Of a complete answer that is an error, what kind.
    pub(super) kind: Option<ErrorKind>,
}

/// A job whose instant is still to come, ordered by it.
#[derive(Debug)]
pub(super) struct Later(pub(super) Job);

impl Later {
    pub(super) const fn due(&self) -> Instant {
        self.0.intended
    }

    const fn order(&self) -> (Instant, u32, u32) {
        (self.0.intended, self.0.session, self.0.seq)
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Later {}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order().cmp(&other.order())
    }
}

impl Wait {
    /// It has not waited.
    pub(super) const NONE: Self = Self { since: Instant::MAX, lasted: Span::ZERO };

    /// It has to wait: from now on, if it does not already.
    pub(super) fn begin(&mut self, now: Instant) {
        self.since = self.since.min(now);
    }

    /// What has waited for so long already has to wait for something else, from then on.
    pub(super) fn again(self, since: Instant) -> Self {
        Self { since: Instant::from_ns(since.as_ns().saturating_sub(self.lasted.as_ns())), ..self }
    }

    /// Nothing keeps it any longer, or it is given up. What was given up in the instant in which it came has waited a nanosecond:
    /// only what the generator did not come to has waited for nothing.
    pub(super) fn end(&mut self, now: Instant) {
        if self.since != Instant::MAX {
            self.lasted = now.since(self.since).max(Span::from_ns(1));
        }
    }

    /// How long it has waited, once that is over.
    pub(super) const fn lasted(self) -> Span {
        self.lasted
    }
}

impl Stamps {
    pub(super) const NONE: Self = Self { started: Instant::MAX, sent: Instant::MAX, first_byte: Instant::MAX };
}

impl Ending {
    pub(super) const fn unanswered(outcome: Outcome) -> Self {
        Self { outcome, status: 0, kind: None }
    }
}

/// What stands of an action's sample before it begins.
pub(super) struct Planned {
    pub(super) intended: Instant,
    pub(super) wait: Wait,
    pub(super) session: u32,
    pub(super) seq: u32,
    pub(super) series: SeriesId,
    pub(super) attempt: u8,
}

impl Planned {
    /// How it ended, and when.
    pub(super) const fn ended(self, ending: Ending, stamps: Stamps, done: Instant) -> Sample {
        Sample {
            intended: self.intended,
            started: stamps.started,
            sent: stamps.sent,
            first_byte: stamps.first_byte,
            done,
            waited: self.wait.lasted(),
            session: self.session,
            seq: self.seq,
            series: self.series,
            status: ending.status,
            outcome: ending.outcome,
            kind: ending.kind,
            attempt: self.attempt,
        }
    }
}

impl Job {
    pub(super) fn new(step: Step, intended: Instant) -> Self {
        let Action::Request(request) = step.action;
        let Step { session, seq, attempt, .. } = step;
        Self { intended, wait: Wait::NONE, session, seq, attempt, since: intended, request }
    }

    /// What its session does next: if that is the same once more, it goes on for as long as this one already did.
    pub(super) fn followed_by(&self, step: Step, intended: Instant) -> Self {
        let since = if step.attempt > 0 { self.since } else { intended };
        Self { since, ..Self::new(step, intended) }
    }

    /// What it is told apart by, as its sample will be.
    pub(super) const fn occasion(&self) -> Occasion {
        Occasion { session: self.session, seq: self.seq, attempt: self.attempt, intended: self.intended }
    }

    pub(super) fn ended(&self, ending: Ending, stamps: Stamps, done: Instant) -> Sample {
        let Self { intended, wait, session, seq, attempt, .. } = *self;
        let planned = Planned { intended, wait, session, seq, series: self.request.series, attempt };
        planned.ended(ending, stamps, done)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::traffic::catalog::TemplateId;
    use crate::traffic::{Due, What};

    /// A job of identity 0 that says nothing in particular.
    pub(in crate::engine) fn job(intended: Instant, series: u16) -> Job {
        let what = What::Described { template: TemplateId(0), key: 0 };
        let request = Request { series: SeriesId(series), identity: 0, what };
        Job::new(Step { session: 0, seq: 0, attempt: 0, due: Due::At(intended), action: Action::Request(request) }, intended)
    }

    #[test]
    fn the_intended_instant_reaches_the_sample_unchanged() {
        let intended = Instant::from_ns(17);
        let sample = job(intended, 3).ended(Ending::unanswered(Outcome::Dropped), Stamps::NONE, Instant::from_ns(99));
        assert_eq!((sample.intended, sample.series, sample.sent), (intended, SeriesId(3), Instant::MAX));
        assert_eq!(sample.schedule_lag(), None);
    }
}
