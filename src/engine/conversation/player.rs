//! The task of one connection: opens it, says what it is given to say, hears what comes, and tells the stage of all of it.
//!
//! Owns the connection, and a message that has not gone out yet. Refuses decisions ([`Stage`](super::stage::Stage)) and timers: it is woken
//! by its socket, and by whoever has something for it. What opening takes is freed when the connection is open.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use sluicegate_policy::time::{Instant, Span};

use super::lane::Lane;
use super::place::{Job, KnownBy, Order};
use super::stage::End;
use crate::engine::job::{Ending, Stamps};
use crate::engine::transport::connect::Steps;
use crate::engine::transport::stamp::Stream;
use crate::engine::transport::tracing::Tracer;
use crate::engine::transport::websocket::upgrade::{self, Asked, CONSENT, Noted, key_of};
use crate::engine::transport::websocket::{Came, Gone, Socket, Wrote};
use crate::measure::connections::Phases;
use crate::measure::tracing::Occasion;
use crate::measure::{Outcome, Record};
use crate::traffic::conversation::{Act, Awaits, Call, ClosedBy, Connect, Farewell, Message};

/// Code of a close frame without a code (RFC 6455, section 7.1.5).
const EMPTY: u16 = 1005;

/// Messages that a connection says and hears before others have their turn: a server that floods holds up nobody but itself.
const STEPS_MAX: usize = 64;

/// Opens a connection and keeps it until it ends.
pub(super) async fn play<R: Record>(lane: Rc<Lane<R>>, job: Box<Job>) {
    let at = job.place;
    let Some(socket) = Box::pin(open(&lane, *job)).await else { return };
    let mut player = Player { lane, at, socket, in_hand: None, said: None };
    poll_fn(|cx| player.poll(cx)).await;
}

/// What opening a connection came to.
type Opened = Result<(Stream, Asked), Ending>;

/// Opens a connection, and tells what came of it.
async fn open<R: Record>(lane: &Rc<Lane<R>>, job: Job) -> Option<Socket> {
    let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let started = lane.now();
    lane.tell(|stage| stage.opening(&job, task.clone(), started));
    let (steps, noted) = (Steps::none(), Noted::new(lane.clock()));
    let Act::Connect(connect) = &job.act else { return None };
    let ended: Opened = {
        let mut opening = pin!(upgraded(lane, (&job, connect), &steps, &noted));
        poll_fn(|cx| {
            lane.fate(job.place)
                .map_or_else(|| opening.as_mut().poll(cx), |outcome| Poll::Ready(Err(Ending::unanswered(outcome))))
        })
        .await
    };
    let now = lane.now();
    let stamps = Stamps { started, sent: noted.sent.get(), first_byte: noted.first_byte.get() };
    match ended {
        Ok((stream, Asked { ending: Ending { outcome: Outcome::Answered, status: CONSENT, .. }, rest })) => {
            let socket = Socket::new(stream, rest, (task, lane.clock()), lane.bytes_max);
            lane.tell(|stage| stage.opened(&job, stamps, &phases(&steps, started, now), now));
            Some(socket)
        }
        Ok((_, Asked { ending, .. })) | Err(ending) => {
            lane.tell(|stage| stage.not_opened(&job, (ending, stamps), now));
            None
        }
    }
}

async fn upgraded<R: Record>(lane: &Lane<R>, (job, connect): (&Job, &Connect), steps: &Steps, noted: &Noted) -> Opened {
    let key = key_of(job.session, job.seq, lane.salt);
    let occasion = Occasion { session: job.session, seq: job.seq, attempt: 0, intended: job.intended };
    let traced = lane.tracing.map(|tracing| Tracer::new(tracing).header(occasion));
    let Ok(asking) = lane.encoder.borrow_mut().upgrade(connect, &key, traced) else {
        lane.stage.borrow_mut().counts.unsendable += 1;
        return Err(Ending::unanswered(Outcome::Dropped));
    };
    let mut stream = lane.connector.connect_noting(steps).await.map_err(Ending::unanswered)?;
    if connect.attempt > 0 {
        lane.connector.count_reopened();
    }
    let asked = upgrade::ask(&mut stream, &asking, noted, lane.connector.heed()).await;
    Ok((stream, asked))
}

fn phases(steps: &Steps, started: Instant, opened: Instant) -> Phases {
    let (dialled, secured) = (steps.dialled(), steps.secured());
    let tls = (secured != Instant::MAX).then(|| secured.since(dialled));
    let ready = dialled + tls.unwrap_or(Span::ZERO);
    Phases { tcp: dialled.since(started), tls, upgrade: opened.since(ready) }
}

struct Player<R> {
    lane: Rc<Lane<R>>,
    at: u32,
    socket: Socket,
    /// What the socket has not taken yet.
    in_hand: Option<Box<InHand>>,
    /// The code of the goodbye that was said.
    said: Option<u16>,
}

/// A message, or a ping, on its way out.
struct InHand {
    job: Box<Job>,
    by: KnownBy,
    bytes: usize,
    started: Instant,
}

/// What one step came to.
enum Step {
    /// There may be more to do.
    Again,
    /// There is nothing to do until the task is woken.
    Wait,
    Over(End),
}

impl<R: Record> Player<R> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.lane.stage.borrow_mut().at_work(Some(self.at));
        let polled = self.work(cx);
        self.lane.stage.borrow_mut().at_work(None);
        polled
    }

    fn work(&mut self, cx: &Context<'_>) -> Poll<()> {
        for _ in 0..STEPS_MAX {
            match self.step() {
                Step::Again => {}
                Step::Wait => return Poll::Pending,
                Step::Over(end) => {
                    self.over(end);
                    return Poll::Ready(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn step(&mut self) -> Step {
        if let Some(end) = self.ordered() {
            return Step::Over(end);
        }
        if let Some(in_hand) = self.in_hand.take() {
            let wrote = self.socket.go_on();
            if let Some(end) = self.settle(in_hand, wrote) {
                return Step::Over(end);
            }
        }
        if self.in_hand.is_none() && self.said.is_none() {
            let given = self.lane.stage.borrow_mut().take(self.at);
            if let Some(job) = given {
                return self.perform(job).map_or(Step::Again, Step::Over);
            }
        }
        match self.socket.poll() {
            Poll::Ready(came) => self.hear(came).map_or(Step::Again, Step::Over),
            Poll::Pending => Step::Wait,
        }
    }

    /// What it is told beside its turns.
    fn ordered(&mut self) -> Option<End> {
        let (order, over) = {
            let stage = self.lane.stage.borrow();
            (stage.order(self.at), stage.is_over())
        };
        let by_us = |outcome| End { by: ClosedBy::Client, code: self.said, outcome };
        match order {
            _ if over => Some(by_us(Outcome::Abandoned)),
            Order::GiveUp => Some(by_us(Outcome::TimedOut)),
            Order::Leave(code) if self.said.is_none() => {
                self.said = Some(code);
                match self.socket.close(Some(code)) {
                    Wrote::Gone(gone) => Some(self.end_of(gone)),
                    Wrote::All | Wrote::Part | Wrote::Never => None,
                }
            }
            Order::Leave(_) | Order::Nothing => None,
        }
    }

    /// Does what it was given to do.
    fn perform(&mut self, job: Box<Job>) -> Option<End> {
        let started = self.lane.now();
        match &job.act {
            Act::Message(message) => {
                if message.awaits != Awaits::Nothing && !self.lane.stage.borrow_mut().may_ask(self.at) {
                    self.lane.tell(|stage| stage.crowded(&job, started));
                    return None;
                }
                let (wrote, by, bytes) = self.say(message, &job);
                self.settle(Box::new(InHand { job, by, bytes, started }), wrote)
            }
            Act::Ping { .. } => {
                if !self.lane.stage.borrow_mut().may_ask(self.at) {
                    self.lane.tell(|stage| stage.crowded(&job, started));
                    return None;
                }
                let wrote = self.socket.ping(&job.seq.to_be_bytes());
                let by = KnownBy::Pong(job.seq);
                self.settle(Box::new(InHand { job, by, bytes: 0, started }), wrote)
            }
            Act::Close(farewell) => self.say_goodbye(&job, *farewell, started),
            // A connection is opened by a task of its own, and posts go over others.
            Act::Connect(_) | Act::Post(_) => None,
        }
    }

    fn say(&mut self, message: &Message, job: &Job) -> (Wrote, KnownBy, usize) {
        let lane = &self.lane;
        let mut outgoing = lane.outgoing.borrow_mut();
        let number = message.publishes.map_or(0, |stream| lane.published.publish(stream, job.intended));
        lane.catalog.message(message, Call { session: job.session, seq: job.seq }, number, &mut outgoing);
        let text = &outgoing.body;
        let by = match message.awaits {
            Awaits::Nothing | Awaits::Next { .. } => KnownBy::Order,
            Awaits::Same { correlation, .. } => KnownBy::Value(correlation, lane.content.read(text).correlated(correlation)),
        };
        (self.socket.say(text), by, text.len())
    }

    /// What became of a message: it is written, waits for the socket, or never goes out.
    fn settle(&mut self, in_hand: Box<InHand>, wrote: Wrote) -> Option<End> {
        match wrote {
            Wrote::All => {
                let now = self.lane.now();
                let stamps = self.stamps(in_hand.started);
                self.lane.tell(|stage| stage.written(&in_hand.job, in_hand.by, stamps, (now, in_hand.bytes)));
                None
            }
            Wrote::Part => {
                self.in_hand = Some(in_hand);
                None
            }
            Wrote::Never => {
                let now = self.lane.now();
                self.lane.tell(|stage| stage.unsendable(&in_hand.job, now));
                None
            }
            Wrote::Gone(gone) => {
                self.in_hand = Some(in_hand);
                Some(self.end_of(gone))
            }
        }
    }

    fn say_goodbye(&mut self, job: &Job, farewell: Farewell, started: Instant) -> Option<End> {
        let (said, wrote) = match farewell {
            Farewell::Code(code) => (Some(code), self.socket.close(Some(code))),
            Farewell::Empty => (Some(EMPTY), self.socket.close(None)),
            Farewell::Silent => (None, Wrote::All),
            Farewell::Reset => {
                self.socket.reset();
                (None, Wrote::All)
            }
        };
        self.said = said;
        let sent = if said.is_some() { self.socket.sent() } else { self.lane.now() };
        self.lane.tell(|stage| stage.said_goodbye(job, Stamps { started, sent, first_byte: Instant::MAX }));
        match wrote {
            Wrote::Gone(gone) => Some(self.end_of(gone)),
            Wrote::All | Wrote::Part | Wrote::Never if said.is_none() => {
                Some(End { by: ClosedBy::Client, code: None, outcome: Outcome::Closed })
            }
            Wrote::All | Wrote::Part | Wrote::Never => None,
        }
    }

    fn hear(&mut self, came: Came) -> Option<End> {
        match came {
            Came::Message(bytes) => {
                let found = self.lane.content.read(&bytes);
                let wanted = self.lane.stage.borrow().wants_name(self.at);
                let name = wanted.and_then(|name| found.name(name, &bytes));
                let now = self.lane.now();
                self.lane.tell(|stage| {
                    if let Some(name) = name {
                        stage.on_name(self.at, &name);
                    }
                    stage.on_message(self.at, &found, (now, bytes.len()));
                });
                None
            }
            Came::Pong(what) => {
                let now = self.lane.now();
                self.lane.tell(|stage| stage.on_pong(self.at, &what, now));
                None
            }
            Came::Ping => None,
            Came::Close(code) => Some(match self.said {
                Some(said) => End { by: ClosedBy::Client, code: Some(said), outcome: Outcome::Closed },
                None => End { by: ClosedBy::Server, code: Some(code), outcome: Outcome::Closed },
            }),
            Came::Gone(gone) => {
                self.socket.protest(gone);
                Some(self.end_of(gone))
            }
        }
    }

    fn end_of(&self, gone: Gone) -> End {
        let outcome = gone.outcome();
        match (self.said, gone) {
            (Some(said), _) => End { by: ClosedBy::Client, code: Some(said), outcome },
            (None, Gone::Closed | Gone::Reset) => End { by: ClosedBy::Network, code: None, outcome },
            (None, Gone::Nonsense) => End { by: ClosedBy::ClientProtest, code: Some(1002), outcome },
            (None, Gone::TooMuch) => End { by: ClosedBy::ClientProtest, code: Some(1009), outcome },
        }
    }

    fn over(&mut self, end: End) {
        let now = self.lane.now();
        let in_hand = self.in_hand.take();
        let stamps = in_hand.as_ref().map(|in_hand| self.stamps(in_hand.started));
        let in_hand = in_hand.as_ref().map(|in_hand| &*in_hand.job).zip(stamps);
        self.lane.tell(|stage| stage.gone(self.at, end, in_hand, now));
    }

    fn stamps(&self, started: Instant) -> Stamps {
        Stamps { started, sent: self.socket.sent(), first_byte: Instant::MAX }
    }
}
