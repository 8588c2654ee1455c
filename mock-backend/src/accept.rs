//! Connections: accepted, bounded, served, and let go in good order.
//!
//! Owns the accept loop and the life of a connection. Refuses to know what a request says (that is `http`). Started by
//! `server`. HTTP/1.1 with keep-alive and HTTP/2 with prior knowledge are told apart by their first bytes.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use rustix::io::Errno;
use sluicegate_policy::time::Span;
use sluicegate_timer::Timer;
use tokio::net::{TcpListener, TcpStream};

use crate::http::Desk;
use crate::summary::Connections;
use crate::tasks::Tasks;

/// Pause after the process ran out of descriptors or memory: long enough for others to end, too short to be missed.
const PAUSE: Span = Span::from_ms(20);

/// The door of a server.
pub(crate) struct Door {
    desk: Rc<Desk>,
    tasks: Tasks,
    connections_max: usize,
    open: Cell<usize>,
    count: Cell<Connections>,
}

/// A connection while it is open.
struct Open(Rc<Door>);

impl Door {
    /// A door that lets in `connections_max` at a time.
    pub(crate) fn new(desk: Rc<Desk>, tasks: Tasks, connections_max: usize) -> Self {
        Self { desk, tasks, connections_max, open: Cell::new(0), count: Cell::new(Connections::default()) }
    }

    /// Connections so far.
    pub(crate) fn count(&self) -> Connections {
        self.count.get()
    }

    /// Accepts until it is dropped; an error that could repeat at once is waited out by `timer`.
    pub(crate) async fn accept(self: Rc<Self>, listener: TcpListener, mut timer: Timer) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(stream, peer.ip()),
                Err(error) => {
                    self.tell(|count| count.accept_errors += 1);
                    if is_exhaustion(&error) {
                        self.tell(|count| count.exhausted += 1);
                    }
                    // A timer that fails has no descriptor to wait on: the listener will say the same again.
                    let _ = timer.until(timer.clock().now() + PAUSE).await;
                }
            }
        }
    }

    fn admit(self: &Rc<Self>, stream: TcpStream, peer: IpAddr) {
        if self.open.get() >= self.connections_max {
            return self.tell(|count| count.refused += 1);
        }
        self.tell(|count| count.accepted += 1);
        self.open.set(self.open.get() + 1);
        // Without it a small answer may wait for the acknowledgement of the one before. A socket that is gone will say so itself.
        let _ = stream.set_nodelay(true);
        let open = Open(Rc::clone(self));
        self.tasks.spawn(async move { open.serve(stream, peer).await });
    }

    fn tell(&self, what: impl FnOnce(&mut Connections)) {
        let mut count = self.count.get();
        what(&mut count);
        self.count.set(count);
    }
}

impl Open {
    async fn serve(&self, stream: TcpStream, peer: IpAddr) {
        let door = &self.0;
        let service = service_fn(|request| Rc::clone(&door.desk).answer(peer, request));
        let builder = auto::Builder::new(door.tasks.clone());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut asked = pin!(door.tasks.asked_to_leave());
        let mut heard = false;
        let ended = poll_fn(|cx| {
            if !heard && asked.as_mut().poll(cx).is_ready() {
                heard = true;
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        });
        if ended.await.is_err() {
            door.tell(|count| count.failed += 1);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

fn is_exhaustion(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn want_of_descriptors_is_told_from_a_client_that_left() {
        assert!(is_exhaustion(&Errno::MFILE.into()) && is_exhaustion(&Errno::NOBUFS.into()));
        assert!(!is_exhaustion(&Errno::CONNABORTED.into()));
    }
}
