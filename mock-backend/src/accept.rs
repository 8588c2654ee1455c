//! Connections: accepted, bounded, told apart, and counted as they end.
//!
//! Owns the accept loops and which protocol a connection gets: TLS if the server has a certificate, HTTP/2 if the handshake or
//! the first bytes say so, else HTTP/1. Refuses to know what a request says (that is `http`). Started by `server`.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use rustix::io::Errno;
use sluicegate_policy::model::ApiId;
use sluicegate_policy::time::Span;
use sluicegate_timer::Timer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use crate::http::{Client, Desk};
use crate::http1::connection::{Connection, Ended, Served, Spoken};
use crate::http1::pipes::{Shared, Stream};
use crate::http2;
use crate::patience::{For, Over, Wait, Waits};
use crate::secured::secured;
use crate::stamped::{Control, Stamped};
use crate::summary::Connections;
use crate::tasks::Tasks;
use crate::tls::{Tls, Trusting};
use crate::websocket;

/// Pause after the process ran out of descriptors or memory: long enough for others to end, too short to be missed.
const PAUSE: Span = Span::from_ms(20);

/// The door of a server.
pub(crate) struct Door {
    desk: Rc<Desk>,
    tasks: Tasks,
    waits: Rc<Waits>,
    shared: Shared,
    control: Control,
    tls: Option<Tls>,
    connections_max: usize,
    open: Cell<usize>,
    count: Cell<Connections>,
}

/// A connection while it is open.
struct Open(Rc<Door>);

impl Door {
    /// A door that lets in `connections_max` at a time.
    pub(crate) fn new(desk: Rc<Desk>, waits: Rc<Waits>, tls: Option<Tls>, connections_max: usize) -> Self {
        Self {
            desk,
            tasks: Tasks::default(),
            waits,
            shared: Shared::new(),
            control: Control::new(),
            tls,
            connections_max,
            open: Cell::new(0),
            count: Cell::new(Connections::default()),
        }
    }

    /// Connections so far.
    pub(crate) fn count(&self) -> Connections {
        self.count.get()
    }

    /// The tasks of all connections.
    pub(crate) const fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Accepts for the API until it is dropped; an error that could repeat at once is waited out by `timer`.
    pub(crate) async fn accept(self: Rc<Self>, api: ApiId, listener: TcpListener, mut timer: Timer) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.admit(api, stream, peer.ip()),
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

    fn admit(self: &Rc<Self>, api: ApiId, stream: TcpStream, source: IpAddr) {
        if self.open.get() >= self.connections_max {
            return self.tell(|count| count.refused += 1);
        }
        self.tell(|count| count.accepted += 1);
        self.open.set(self.open.get() + 1);
        // Without it a small answer may wait for the acknowledgement of the one before. A socket that is gone will say so itself.
        let _ = stream.set_nodelay(true);
        let stream = Stamped::new(stream, self.desk.clock, self.control.clone());
        let client = Client { api, source, secured: None, trusting: None, stamp: stream.stamp() };
        let open = Open(Rc::clone(self));
        self.tasks.spawn(async move { open.serve(stream, client).await });
    }

    fn tell(&self, what: impl FnOnce(&mut Connections)) {
        let mut count = self.count.get();
        what(&mut count);
        self.count.set(count);
    }
}

impl Open {
    async fn serve(self, stream: Stamped, client: Client) {
        let wait = self.0.waits.join();
        match &self.0.tls {
            None => {
                let served = self.plain(stream, client, wait).await;
                self.go_on(served);
            }
            // Boxed, so that connections without TLS do not hold the room for it.
            Some(tls) => {
                let served = Box::pin(self.secure(tls, stream, client, wait)).await;
                self.go_on(served);
            }
        }
    }

    /// A connection that has become a WebSocket's goes on in a task of its own, which does not hold the room for HTTP.
    fn go_on<S: Stream + 'static>(self, served: Served<S>) {
        match served {
            Served::Ended(ended) => self.count(ended),
            Served::Upgraded(upgraded) => {
                let (stream, read, upgrade, wait) = *upgraded;
                let (desk, tasks) = (Rc::clone(&self.0.desk), self.0.tasks.clone());
                self.0.tasks.clone().spawn(async move {
                    let ended = websocket::serve((stream, read), upgrade, desk, (tasks, wait)).await;
                    self.count(ended);
                });
            }
        }
    }

    fn count(&self, ended: Ended) {
        match ended {
            Ended::Well => {}
            Ended::Expired => self.0.tell(|count| count.expired += 1),
            Ended::Failed => self.0.tell(|count| count.failed += 1),
        }
    }

    async fn plain(&self, stream: Stamped, client: Client, wait: Wait) -> Served<Stamped> {
        let mut connection = self.connection(stream, client, wait);
        match connection.spoken().await {
            Ok(Spoken::Http1) => connection.serve().await,
            Ok(Spoken::Http2) => Served::Ended(Box::pin(http2::serve(connection.into_parts(), self.0.tasks.clone())).await),
            Err(ended) => Served::Ended(ended),
        }
    }

    async fn secure(&self, tls: &Tls, stream: Stamped, client: Client, wait: Wait) -> Served<TlsStream<Stamped>> {
        wait.begin(For::Slow);
        let (stream, trusting) = match handshake(tls, stream, &wait).await {
            Ok(stream) => stream,
            Err(ended) => return Served::Ended(ended),
        };
        let connection = stream.get_ref().1;
        let speaks_http2 = connection.alpn_protocol() == Some(b"h2");
        let client = Client { secured: Some(Arc::new(secured(connection))), trusting, ..client };
        let connection = self.connection(stream, client, wait);
        if speaks_http2 {
            return Served::Ended(http2::serve(connection.into_parts(), self.0.tasks.clone()).await);
        }
        connection.serve().await
    }

    fn connection<S: Stream>(&self, stream: S, client: Client, wait: Wait) -> Connection<S> {
        Connection::new(stream, self.0.shared.clone(), Rc::clone(&self.0.desk), client, wait)
    }
}

/// A TLS connection, if the client manages one in time.
async fn handshake(tls: &Tls, stream: Stamped, wait: &Wait) -> Result<(TlsStream<Stamped>, Option<Trusting>), Ended> {
    let mut accepting = pin!(tls.accept(stream));
    poll_fn(|cx| {
        if let Poll::Ready(accepted) = accepting.as_mut().poll(cx) {
            return Poll::Ready(accepted.map_err(|_| Ended::Failed));
        }
        wait.poll_over(cx).map(|over| {
            Err(match over {
                Over::Expired => Ended::Expired,
                Over::Leaving => Ended::Well,
            })
        })
    })
    .await
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
