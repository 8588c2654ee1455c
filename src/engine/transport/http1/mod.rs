//! HTTP/1.1: one exchange at a time on one connection, driven in the caller's task.
//!
//! Owns a connection that has been opened, and which of two speaks on it. Refuses to open it (`connect`), to retry and to time out
//! (`worker`).
//!
//! The [`lean`] one writes a request's bytes as they stand, reads into a buffer that all connections of a lane share, and keeps
//! nothing of an idle connection but its socket: two system calls an exchange, no allocation. It knows complete answers of known
//! length, and says so when it sees anything else: interim answers, upgrades, bodies that end with their connection, contradictory
//! or odd framing, what is no HTTP. Then hyper ([`fallback`]) takes the exchange over in the middle, with what was read of it, and
//! keeps the connection. What it makes of an answer is thereby what hyper makes of it; tests hold one against the other.

mod chunked;
mod fallback;
mod head;
mod lean;
mod tap;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use sluicegate_policy::time::Instant;

use self::fallback::Fallback;
use self::lean::{Came, Lean};
use super::connect::Connector;
use super::request::{Encoder, Unsendable};
use super::stamp::Stream;
use crate::engine::job::Ending;
use crate::measure::Outcome;
use crate::measure::tracing::Occasion;
use crate::traffic::Request;

/// Bytes that are read at a time.
const SCRATCH_BYTES: usize = 64 * 1024;

/// What all connections of a lane read into, one after the other.
pub(in crate::engine) struct Scratch(RefCell<Box<[u8]>>);

/// An open connection.
pub(super) struct Http1 {
    speaker: Speaker,
    scratch: Rc<Scratch>,
}

enum Speaker {
    Lean(Box<Lean>),
    Fallback(Box<Fallback>),
}

/// Whether a connection can carry another exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Fresh,
    Used,
    Over,
}

impl Scratch {
    pub(in crate::engine) fn new() -> Self {
        Self(RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()))
    }
}

impl Http1 {
    pub(super) fn new(stream: Stream, connector: &Connector, scratch: Rc<Scratch>) -> Self {
        let lean = Lean::new(stream, connector.clock(), connector.heed());
        Self { speaker: Speaker::Lean(Box::new(lean)), scratch }
    }

    pub(super) const fn life(&self) -> Life {
        match &self.speaker {
            Speaker::Lean(lean) => lean.life(),
            Speaker::Fallback(fallback) => fallback.life(),
        }
    }

    /// When the first byte of the exchange went out and when one came in; `Instant::MAX` where none did.
    pub(super) fn times(&self) -> (Instant, Instant) {
        match &self.speaker {
            Speaker::Lean(lean) => lean.times(),
            Speaker::Fallback(fallback) => fallback.times(),
        }
    }

    /// What the gateway calls the request of the exchange that ended, once, if ids are kept.
    pub(super) fn take_id(&mut self) -> Option<Box<str>> {
        match &mut self.speaker {
            Speaker::Lean(lean) => lean.take_id(),
            Speaker::Fallback(fallback) => fallback.take_id(),
        }
    }

    /// The next byte each way is the first of an exchange.
    pub(super) fn begin(&mut self) {
        match &mut self.speaker {
            Speaker::Lean(lean) => lean.begin(),
            Speaker::Fallback(fallback) => fallback.begin(),
        }
    }

    /// Looks after the connection while nothing is in flight; ready when it is over.
    pub(super) fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.speaker {
            Speaker::Lean(lean) => lean.poll_idle(cx, &mut self.scratch.0.borrow_mut()),
            Speaker::Fallback(fallback) => fallback.poll_idle(),
        }
    }

    /// Whether an exchange can begin now.
    pub(super) async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.poll_idle(cx).is_pending())).await && {
            match &mut self.speaker {
                Speaker::Lean(_) => true,
                Speaker::Fallback(fallback) => fallback.is_ready(),
            }
        }
    }

    /// Sends a request, the `last` one or not, and reads its answer to the end.
    pub(super) async fn exchange(
        &mut self,
        request: (&Request, Occasion),
        encoder: &RefCell<Encoder>,
        last: bool,
    ) -> Result<Ending, Unsendable> {
        let lean = match &mut self.speaker {
            Speaker::Fallback(fallback) => {
                let encoded = encoder.borrow_mut().encode(request, last)?;
                return Ok(fallback.exchange(encoded).await);
            }
            Speaker::Lean(lean) => lean,
        };
        poll_fn(|cx| Poll::Ready(encoder.borrow_mut().write(request, last).map(|written| lean.send(written, cx)))).await?;
        let came = poll_fn(|cx| lean.poll_answer(cx, &mut self.scratch.0.borrow_mut())).await;
        let begun = match came {
            Came::Ended(ending) => return Ok(ending),
            Came::Unusual(begun) => begun,
        };
        let encoded = encoder.borrow_mut().encode(request, last)?;
        let Some(taken) = lean.take(begun) else { return Ok(Ending::unanswered(Outcome::Closed)) };
        match Fallback::take_over(taken).await {
            Ok(fallback) => {
                let mut fallback = Box::new(fallback);
                let ending = fallback.exchange(encoded).await;
                self.speaker = Speaker::Fallback(fallback);
                Ok(ending)
            }
            Err(outcome) => Ok(Ending::unanswered(outcome)),
        }
    }
}
