//! Samples for tests, said in one line each: `answered(3.0, 24).status(429)`.

use sluicegate_policy::call::ErrorKind;
use sluicegate_policy::time::{Instant, Span};

use crate::traffic::SeriesId;

use super::sample::{Outcome, Sample};

/// Intended at `second`, sent at once, answered 200 after `ms` milliseconds, in series 0.
pub(crate) fn answered(second: f64, ms: f64) -> Sample {
    let intended = Instant::ZERO + Span::from_secs_f64(second);
    let done = intended + Span::from_secs_f64(ms / 1e3);
    Sample {
        intended,
        started: intended,
        sent: intended,
        first_byte: done,
        done,
        waited: Span::ZERO,
        session: 0,
        seq: 0,
        series: SeriesId(0),
        status: 200,
        outcome: Outcome::Answered,
        kind: None,
        attempt: 0,
    }
}

/// Intended at `second`, ended otherwise than by an answer.
pub(crate) fn failed(second: f64, outcome: Outcome) -> Sample {
    let sample = answered(second, 1.0);
    let sent = if outcome.was_sent() { sample.sent } else { Instant::MAX };
    Sample { sent, first_byte: Instant::MAX, status: 0, outcome, ..sample }
}

impl Sample {
    /// The same, answered with another status by the back end.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, kind: ErrorKind::of_back_end(status), ..self }
    }

    /// The same in another series.
    pub(crate) fn of_series(self, series: u16) -> Self {
        Self { series: SeriesId(series), ..self }
    }
}
