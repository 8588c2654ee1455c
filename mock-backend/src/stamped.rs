//! A client's socket, which says when the kernel received what is read from it.
//!
//! Owns the way from the kernel's receive stamp to an instant of the mock's clock. Refuses to know what is read. Wrapped around each
//! connection by `accept`; asked by `http` when a request arrives.
//!
//! A mock that was idle takes tens of microseconds to wake, and one that answers others first takes as long as that takes. None of
//! it is time that a client gave the gateway: a request arrives when its last byte is received. The stamp is of the wall clock
//! (`SO_TIMESTAMPNS`, socket(7)), so its age is what is used; one that makes no sense (the clock was set) is left aside.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use sluicegate_timer::clock::wall_epoch;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// An older stamp says that the wall clock was set, or that the mock has stood still for so long that others are at fault, too.
const AGE_MAX: Span = Span::from_secs(1);

/// When what was read last was received, until it is taken. Shared by a socket and whoever reads requests from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stamp(Rc<Cell<Option<Instant>>>);

/// Room for control messages, which all sockets of a thread share.
#[derive(Clone, Debug)]
pub(crate) struct Control(Rc<RefCell<Vec<u8>>>);

/// A socket whose reads are stamped.
#[derive(Debug)]
pub(crate) struct Stamped {
    stream: TcpStream,
    clock: Clock,
    control: Control,
    stamp: Stamp,
}

impl Stamp {
    /// When the request arrived that has just been read; `now` if the kernel did not say.
    pub(crate) fn take(&self, now: Instant) -> Instant {
        self.0.take().map_or(now, |stamp| stamp.min(now))
    }
}

impl Control {
    /// Room for one thread.
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(nix::cmsg_space!(TimeSpec))))
    }
}

impl Stamped {
    /// Has the kernel stamp what it receives; a socket that does not is read without.
    pub(crate) fn new(stream: TcpStream, clock: Clock, control: Control) -> Self {
        let _ = setsockopt(&stream.as_fd(), sockopt::ReceiveTimestampns, &true);
        Self { stream, clock, control, stamp: Stamp::default() }
    }

    /// Where the stamps are left.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }

    fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut control = self.control.0.borrow_mut();
        let mut parts = [IoSliceMut::new(into)];
        let message = recvmsg::<()>(self.stream.as_raw_fd(), &mut parts, Some(&mut *control), MsgFlags::empty())?;
        let stamp = message.cmsgs().ok().into_iter().flatten().find_map(|control| match control {
            ControlMessageOwned::ScmTimestampns(at) => Some(at),
            _ => None,
        });
        let bytes = message.bytes;
        if let Some(at) = stamp.and_then(since_1970) {
            let age = wall_epoch().saturating_sub(at);
            self.stamp.0.set(Some(self.clock.now() - age).filter(|_| age <= AGE_MAX));
        }
        Ok(bytes)
    }
}

fn since_1970(at: TimeSpec) -> Option<Span> {
    let (seconds, ns) = (u64::try_from(at.tv_sec()).ok()?, u64::try_from(at.tv_nsec()).ok()?);
    Some(Span::from_secs(seconds) + Span::from_ns(ns))
}

impl AsyncRead for Stamped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            let into = buffer.initialize_unfilled();
            let (room, mut read) = (into.len(), None);
            let received = self.stream.try_io(Interest::READABLE, || {
                let bytes = self.receive(into)?;
                read = Some(bytes);
                // Less than there was room for: the socket is empty, and saying so here saves the read that would find it.
                if 0 < bytes && bytes < room { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            });
            match (read, received) {
                (Some(bytes), _) => {
                    buffer.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (None, received) => return Poll::Ready(received),
            }
        }
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A socket of ours and the one at its other end.
    async fn pair(clock: Clock) -> (Stamped, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connect = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, client) = tokio::join!(listener.accept(), connect);
        (Stamped::new(accepted.unwrap().0, clock, Control::new()), client.unwrap())
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_was_received_before_it_is_read_arrived_then() {
        let clock = Clock::starting_now();
        let (mut stamped, mut client) = pair(clock).await;
        let mut timer = sluicegate_timer::Timer::new(clock).unwrap();
        // The kernel begins to stamp a moment after the first socket of the machine has asked for it.
        for _ in 0..200 {
            let before = clock.now();
            client.write_all(b"one").await.unwrap();
            let written = clock.now();
            // Nobody reads for a while.
            timer.until(written + Span::from_ms(5)).await.unwrap();
            let mut read = [0; 8];
            assert_eq!(stamped.read(&mut read).await.unwrap(), 3);
            let arrived = stamped.stamp().take(clock.now());
            let now = clock.now();
            assert_eq!(stamped.stamp().take(now), now, "a stamp is of one request");
            assert!(before <= arrived, "{before:?} {arrived:?}");
            if arrived <= written + Span::from_ms(1) {
                return;
            }
        }
        panic!("no read was stamped");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn everything_is_read_however_it_comes_and_the_end_is_seen() {
        let (mut stamped, mut client) = pair(Clock::starting_now()).await;
        let sent: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let write = async {
            for part in sent.chunks(7_001) {
                client.write_all(part).await.unwrap();
            }
            client.shutdown().await.unwrap();
        };
        let mut read = Vec::new();
        let ((), length) = tokio::join!(write, stamped.read_to_end(&mut read));
        assert_eq!(length.unwrap(), sent.len());
        assert_eq!(read, sent);
    }
}
