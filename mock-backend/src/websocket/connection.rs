//! The life of a WebSocket connection, from its 101 to the news that it is gone.
//!
//! Owns the order of reading and writing, how many messages of one client are under way at once, and how a connection ends so that its
//! client can read why. Refuses to answer a message (`exchange` has it answered) and to decide on an end (the policy does; a client
//! that does not keep to the protocol ends itself). Started by `accept`, one task each.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use sluicegate_policy::call::{Closing, Form};
use sluicegate_render::websocket::disconnect_reason;
use tokio::io::ReadBuf;

use super::frames::{Came, Frames};
use super::mailbox::{Down, weight};
use super::sockets::{Knocked, Socket};
use crate::http::Desk;
use crate::http1::connection::Ended;
use crate::http1::pipes::Stream;
use crate::patience::{For, Over, Wait};
use crate::tasks::Tasks;

/// Messages of one client that may be under way at once; beyond it the client has to wait. The provider names no such bound.
const UNDER_WAY_MAX: u32 = 1_024;

/// What a client that has been told why its connection ends may still send.
const DRAIN_BYTES_MAX: usize = 4 << 20;

/// A connection that its handshake has opened.
pub(crate) struct Upgrade(Knocked);

/// A connection.
struct Connection<S> {
    stream: S,
    frames: Frames,
    socket: Rc<Socket>,
    desk: Rc<Desk>,
    tasks: Tasks,
    wait: Wait,
    phase: Phase,
    /// Bytes of the message that is being written.
    writing: u64,
    /// What the client is told of the end, once that is known.
    end: Option<End>,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Messages come and go.
    Open,
    /// Nothing can be read any longer; why it is to be closed will be in its mailbox.
    Deaf,
    /// One side has said that it closes; the other's word is waited for.
    Closing,
    /// All is said, and what still comes is thrown away, so that the client gets to read it.
    Draining(usize),
}

/// How a connection ended: what `$disconnect` is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    code: u16,
    reason: &'static str,
    by: By,
}

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Client,
    Gateway,
    /// The client, by what it sent.
    Unruly,
    /// Nobody waits for the rest: the mock leaves.
    Leaving,
}

impl Upgrade {
    /// The connection of this client is open.
    pub(crate) const fn of(knocked: Knocked) -> Self {
        Self(knocked)
    }
}

/// Serves a connection of which these bytes were read with its handshake, to its end.
pub(crate) async fn serve<S: Stream>(
    (stream, read): (S, Bytes),
    Upgrade(knocked): Upgrade,
    desk: Rc<Desk>,
    (tasks, wait): (Tasks, Wait),
) -> Ended {
    let socket = knocked.serve();
    let api = &desk.model.apis[usize::from(socket.client.api.0)];
    let frames = Frames::new(&read, api.websocket.frame_bytes, api.limits.payload_bytes);
    wait.end();
    let mut connection = Connection { stream, frames, socket, desk, tasks, wait, phase: Phase::Open, writing: 0, end: None };
    let end = poll_fn(|cx| connection.poll(cx)).await;
    connection.over(end)
}

impl<S: Stream> Connection<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.socket.mailbox.register(cx);
        loop {
            let written = self.poll_write(cx);
            if let Poll::Ready(Err(_)) = written {
                return Poll::Ready(self.known_end());
            }
            match self.poll_read(cx) {
                Poll::Ready(Some(end)) => return Poll::Ready(end),
                Poll::Ready(None) => {}
                Poll::Pending => break,
            }
        }
        self.poll_over(cx)
    }

    /// Writes what waits for the client; pending if not all of it could be written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Came>> {
        loop {
            let flushed = self.frames.poll_flush(&mut self.stream, cx);
            if flushed.is_pending() && self.socket.mailbox.is_closed() && self.phase == Phase::Open {
                // A client that does not read does not read that it is closed, either.
                self.phase = Phase::Closing;
                self.wait.begin(For::Linger);
            }
            ready!(flushed)?;
            self.socket.mailbox.written(std::mem::take(&mut self.writing));
            match self.socket.mailbox.take() {
                None => return Poll::Ready(Ok(())),
                Some(Down::Message(message)) => {
                    self.writing = weight(&message);
                    self.frames.write(&mut self.stream, cx, &message)?;
                }
                Some(Down::Close(why)) => self.begin_close(cx, why)?,
            }
        }
    }

    fn begin_close(&mut self, cx: &mut Context<'_>, why: Closing) -> Result<(), Came> {
        let code = why.code().unwrap_or(1006);
        self.end.get_or_insert(End { code, reason: why.reason(), by: By::Gateway });
        if why.code().is_none() {
            return Err(Came::Gone);
        }
        self.say_close(cx, (code, why.reason()))
    }

    /// Says that this side closes, and waits no longer than it must for the other.
    fn say_close(&mut self, cx: &mut Context<'_>, said: (u16, &'static str)) -> Result<(), Came> {
        self.frames.close(&mut self.stream, cx, said)?;
        self.wait.begin(For::Linger);
        self.phase = if self.phase == Phase::Deaf { Phase::Draining(0) } else { Phase::Closing };
        Ok(())
    }

    /// Reads once; what has ended the connection, if something has.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        match self.phase {
            Phase::Open if self.socket.under_way.get() >= UNDER_WAY_MAX => Poll::Pending,
            Phase::Open | Phase::Closing => {
                let came = ready!(self.frames.poll_read(&mut self.stream, cx));
                Poll::Ready(self.on_came(cx, came))
            }
            Phase::Deaf => Poll::Pending,
            Phase::Draining(read) => {
                let mut scratch = [0; 4_096];
                let mut buffer = ReadBuf::new(&mut scratch);
                let drained = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
                let read = read + buffer.filled().len();
                let is_over = drained.is_err() || buffer.filled().is_empty() || read > DRAIN_BYTES_MAX;
                self.phase = Phase::Draining(read);
                Poll::Ready(is_over.then(|| self.known_end()))
            }
        }
    }

    fn on_came(&mut self, cx: &mut Context<'_>, came: Came) -> Option<End> {
        match came {
            // Whoever is to be closed is not listened to.
            Came::Text(_) | Came::Binary | Came::Oversized if self.phase == Phase::Closing => {}
            Came::Text(text) => self.hand_in(text, Form::Text),
            Came::Binary => self.hand_in(Bytes::new(), Form::Binary),
            Came::Oversized => {
                self.phase = Phase::Deaf;
                self.hand_in(Bytes::new(), Form::Oversized);
            }
            Came::Ping => self.desk.driver.on_ping(self.socket.id),
            Came::Nothing => {}
            Came::Close(code) => {
                self.end.get_or_insert(End { code, reason: disconnect_reason(code), by: By::Client });
                self.wait.begin(For::Linger);
                self.phase = Phase::Closing;
            }
            Came::Unruly(code) => {
                self.desk.driver.count_frames(|counts| counts.unruly += 1);
                self.end.get_or_insert(End { code, reason: "", by: By::Unruly });
                self.phase = Phase::Deaf;
                if self.say_close(cx, (code, "")).is_err() {
                    return Some(self.known_end());
                }
            }
            Came::Closed | Came::Gone => return Some(self.known_end()),
        }
        None
    }

    /// A message is on its way; beside others of the same client, as each is invoked by itself.
    fn hand_in(&self, body: Bytes, form: Form) {
        let arrived = self.socket.client.stamp.take(self.desk.clock.now());
        self.socket.under_way.set(self.socket.under_way.get() + 1);
        self.tasks.spawn(Rc::clone(&self.desk).message(Rc::clone(&self.socket), body, form, arrived));
    }

    /// Ready when the other side's last word has been waited for long enough. When the mock leaves, it says so first.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        match ready!(self.wait.poll_over(cx)) {
            Over::Leaving if self.phase == Phase::Open => {
                self.end.get_or_insert(End { code: 1001, reason: "Going away", by: By::Leaving });
                if self.say_close(cx, (1001, "Going away")).is_err() {
                    return Poll::Ready(self.known_end());
                }
                let _ = self.frames.poll_flush(&mut self.stream, cx);
                // Its end is waited for as long as the time of those allows that leave.
                self.wait.poll_expired(cx).map(|()| self.known_end())
            }
            Over::Leaving => self.wait.poll_expired(cx).map(|()| self.known_end()),
            Over::Expired => Poll::Ready(self.known_end()),
        }
    }

    /// What is known of the end; of one that nobody announced, that it came without a word.
    fn known_end(&self) -> End {
        self.end.unwrap_or(End { code: 1006, reason: "", by: By::Client })
    }

    fn over(self, end: End) -> Ended {
        let Self { socket, desk, tasks, .. } = self;
        desk.driver.leave(socket.id);
        if end.by != By::Leaving {
            tasks.spawn(desk.disconnected(socket, (end.code, end.reason)));
        }
        match end {
            End { by: By::Unruly, .. } | End { code: 1006, by: By::Client, .. } => Ended::Failed,
            End { by: By::Client | By::Gateway | By::Leaving, .. } => Ended::Well,
        }
    }
}
