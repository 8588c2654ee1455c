//! A connection without anything around it.
//!
//! Owns the socket, and of an exchange no more than where it stands. Refuses to understand what is unusual ([`Came::Unusual`]).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use sluicegate_policy::time::Instant;
use sluicegate_timer::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Life;
use super::chunked::{Chunked, Next};
use super::head::{self, Framing, Head, Read};
use crate::engine::job::Ending;
use crate::engine::transport::clue::{Clue, Heed};
use crate::engine::transport::failure::{self, Reached};
use crate::engine::transport::request::Written;
use crate::engine::transport::stamp::Stream;
use crate::measure::Outcome;

/// A connection in lean hands.
pub(super) struct Lean {
    /// `None` once it was given away.
    stream: Option<Stream>,
    clock: Clock,
    heed: Heed,
    life: Life,
    sent: Instant,
    first_byte: Instant,
    /// Bytes of the request that were written.
    written: usize,
    /// What the socket has not taken yet; nearly always nothing.
    unsent: Vec<u8>,
    /// TLS holds bytes of it back.
    unflushed: bool,
    /// The peer takes no more. What it has said before is still to be read.
    deaf: bool,
    /// The request's answer has no body, whatever it says.
    bodiless: bool,
    /// A head that has come in part.
    begun: Vec<u8>,
    answer: Answer,
}

/// An answer as far as it has come.
struct Answer {
    /// Zero until its head was complete.
    status: u16,
    last: bool,
    clue: Option<Clue>,
    /// What the gateway calls the request, if somebody wants to know and nobody took it yet.
    id: Option<Box<str>>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Length(u64),
    Chunked(Chunked),
}

/// What has come of an exchange.
#[derive(Debug)]
pub(super) enum Came {
    Ended(Ending),
    /// An answer that begins so, which somebody else has to read.
    Unusual(Vec<u8>),
}

/// A connection in the middle of an exchange, for whoever takes it over.
pub(super) struct Taken {
    pub(super) stream: Stream,
    pub(super) clock: Clock,
    pub(super) heed: Heed,
    pub(super) sent: Instant,
    pub(super) first_byte: Instant,
    /// So many bytes of the request were written.
    pub(super) written: usize,
    /// What was read of the answer.
    pub(super) begun: Vec<u8>,
}

impl Answer {
    const NONE: Self = Self { status: 0, last: false, clue: None, id: None, body: Body::Length(0) };
}

impl Lean {
    pub(super) const fn new(stream: Stream, clock: Clock, heed: Heed) -> Self {
        Self {
            stream: Some(stream),
            clock,
            heed,
            life: Life::Fresh,
            sent: Instant::MAX,
            first_byte: Instant::MAX,
            written: 0,
            unsent: Vec::new(),
            unflushed: false,
            deaf: false,
            bodiless: false,
            begun: Vec::new(),
            answer: Answer::NONE,
        }
    }

    pub(super) const fn life(&self) -> Life {
        self.life
    }

    pub(super) const fn times(&self) -> (Instant, Instant) {
        (self.sent, self.first_byte)
    }

    /// What the gateway calls the request of this exchange, once.
    pub(super) const fn take_id(&mut self) -> Option<Box<str>> {
        self.answer.id.take()
    }

    pub(super) const fn begin(&mut self) {
        self.sent = Instant::MAX;
        self.first_byte = Instant::MAX;
    }

    /// Ready when the connection is over: closed, broken, or spoken on by a peer that was not asked.
    pub(super) fn poll_idle(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<()> {
        if self.life != Life::Over {
            let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
            let _ = ready!(Pin::new(stream).poll_read(cx, &mut ReadBuf::new(scratch)));
            self.life = Life::Over;
        }
        Poll::Ready(())
    }

    /// Begins an exchange: writes what the socket takes. What goes wrong is found when the answer is read.
    pub(super) fn send(&mut self, request: Written<'_>, cx: &mut Context<'_>) {
        self.begin();
        self.life = Life::Used;
        self.answer = Answer::NONE;
        self.bodiless = request.bodiless;
        self.written = 0;
        self.unsent = Vec::new();
        self.begun = Vec::new();
        self.deaf = false;
        let wrote = self.write(request.bytes, cx);
        if wrote < request.bytes.len() {
            self.unsent.extend_from_slice(&request.bytes[wrote..]);
        }
    }

    /// Reads the answer, and writes what is left of the request.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<Came> {
        if (self.unflushed || !self.unsent.is_empty()) && !self.deaf {
            let mut unsent = std::mem::take(&mut self.unsent);
            let wrote = self.write(&unsent, cx);
            if wrote < unsent.len() {
                unsent.drain(..wrote);
                self.unsent = unsent;
            }
        }
        loop {
            let mut read = ReadBuf::new(scratch);
            let Some(stream) = &mut self.stream else { return Poll::Ready(self.fail(Outcome::Closed)) };
            let result = ready!(Pin::new(stream).poll_read(cx, &mut read));
            let bytes = read.filled();
            match result {
                Ok(()) if !bytes.is_empty() => {
                    if self.first_byte == Instant::MAX {
                        self.first_byte = self.clock.now();
                    }
                    if let Some(came) = self.on_bytes(bytes) {
                        return Poll::Ready(came);
                    }
                }
                // The system tells of a reset once: perhaps it has told whoever wrote.
                Ok(()) if self.deaf => return Poll::Ready(self.fail(Outcome::Reset)),
                Ok(()) => return Poll::Ready(self.fail(failure::of_end(self.reached()))),
                Err(error) => return Poll::Ready(self.fail(failure::of_io(&error, self.reached()))),
            }
        }
    }

    /// Gives the connection away in the middle of an exchange.
    pub(super) fn take(&mut self, begun: Vec<u8>) -> Option<Taken> {
        self.life = Life::Over;
        let Self { clock, heed, sent, first_byte, written, .. } = *self;
        Some(Taken { stream: self.stream.take()?, clock, heed, sent, first_byte, written, begun })
    }

    /// How much of it the socket took.
    fn write(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> usize {
        let Some(stream) = &mut self.stream else { return 0 };
        let mut stream = Pin::new(stream);
        let mut wrote = 0;
        while wrote < bytes.len() {
            match stream.as_mut().poll_write(cx, &bytes[wrote..]) {
                Poll::Ready(Ok(count)) if count > 0 => {
                    wrote += count;
                    if self.sent == Instant::MAX {
                        self.sent = self.clock.now();
                    }
                }
                Poll::Ready(_) => {
                    self.deaf = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        self.written += wrote;
        self.unflushed = wrote == bytes.len() && stream.poll_flush(cx).is_pending();
        wrote
    }

    const fn reached(&self) -> Reached {
        if self.answer.status == 0 { Reached::Nothing } else { Reached::Head }
    }

    fn fail(&mut self, outcome: Outcome) -> Came {
        self.life = Life::Over;
        Came::Ended(Ending { outcome, status: self.answer.status, kind: None })
    }

    /// What these bytes complete, if anything.
    fn on_bytes(&mut self, bytes: &[u8]) -> Option<Came> {
        if self.answer.status != 0 {
            return self.on_body(bytes);
        }
        if self.begun.is_empty() {
            return match head::read(bytes, self.bodiless, self.heed) {
                Read::Head(head) => self.on_head(head, bytes),
                Read::Partial => {
                    self.begun.extend_from_slice(bytes);
                    None
                }
                Read::Unusual => Some(Came::Unusual(bytes.to_vec())),
            };
        }
        self.begun.extend_from_slice(bytes);
        // Most connections never keep anything, so the room is not kept either.
        let begun = std::mem::take(&mut self.begun);
        match head::read(&begun, self.bodiless, self.heed) {
            Read::Head(head) => self.on_head(head, &begun),
            Read::Partial => {
                self.begun = begun;
                None
            }
            Read::Unusual => Some(Came::Unusual(begun)),
        }
    }

    fn on_head(&mut self, head: Head, bytes: &[u8]) -> Option<Came> {
        let Head { status, length, framing, last, clue, id } = head;
        let body = match framing {
            Framing::Length(length) => Body::Length(length),
            Framing::Chunked => Body::Chunked(Chunked::new()),
        };
        self.answer = Answer { status, last, clue, id, body };
        self.on_body(&bytes[length..])
    }

    fn on_body(&mut self, bytes: &[u8]) -> Option<Came> {
        let Answer { clue, body, .. } = &mut self.answer;
        let end = match body {
            Body::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                if let Some(clue) = clue {
                    clue.read(&bytes[..here]);
                }
                *left -= here as u64;
                if *left > 0 {
                    return None;
                }
                here
            }
            Body::Chunked(chunked) => {
                let mut at = 0;
                loop {
                    match chunked.next(bytes, at) {
                        Next::Part(part) => {
                            at = part.end;
                            if let Some(clue) = clue {
                                clue.read(&bytes[part]);
                            }
                        }
                        Next::End(end) => break end,
                        Next::More => return None,
                        Next::Malformed => return Some(self.fail(Outcome::Malformed)),
                    }
                }
            }
        };
        // What the peer says unasked, or before it has heard all, makes the next answer doubtful.
        if self.answer.last || end < bytes.len() || !self.unsent.is_empty() {
            self.life = Life::Over;
        }
        let Answer { status, clue, .. } = &self.answer;
        let kind = clue.as_ref().and_then(|clue| clue.kind(*status));
        Some(Came::Ended(Ending { outcome: Outcome::Answered, status: *status, kind }))
    }
}
