//! Opening connections: name, TCP, TLS.
//!
//! Owns the resolver of a lane, which asks for the name again when connections are opened again, and takes its addresses in turn.
//! Refuses to speak HTTP and to decide when to connect. Every failure is an [`Outcome`].

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use super::failure;
use super::stamp::{Counted, Meter, Stream};
use crate::engine::settings::Answers;
use crate::measure::Outcome;

/// A name's addresses are asked for again after this, when a connection is opened.
const FRESH: Span = Span::from_secs(1);

/// Where connections go.
#[derive(Clone)]
pub(in crate::engine) struct Route {
    pub(in crate::engine) host: String,
    pub(in crate::engine) port: u16,
    pub(in crate::engine) tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    pub(in crate::engine) timeout: Span,
    pub(in crate::engine) answers: Answers,
}

/// Opens the connections of one lane.
pub(in crate::engine) struct Connector {
    route: Route,
    clock: Clock,
    meter: Rc<Meter>,
    /// Waiters queue, so that many connections opened at a time ask for the name once.
    resolved: Mutex<Resolved>,
}

struct Resolved {
    addresses: Vec<SocketAddr>,
    at: Instant,
    turn: usize,
}

impl Connector {
    /// A connector that starts with the `turn`-th address.
    pub(in crate::engine) fn new(route: Route, clock: Clock, meter: Rc<Meter>, turn: usize) -> Self {
        let resolved = Mutex::new(Resolved { addresses: Vec::new(), at: Instant::ZERO, turn });
        Self { route, clock, meter, resolved }
    }

    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Who answers.
    pub(super) const fn answers(&self) -> Answers {
        self.route.answers
    }

    /// Opens a connection within the connect time-out, and counts the attempt.
    pub(in crate::engine) async fn connect(&self) -> Result<Stream, Outcome> {
        let limit = Duration::from_nanos(self.route.timeout.as_ns());
        let result = tokio::time::timeout(limit, self.open()).await.unwrap_or(Err(Outcome::Unreachable));
        match &result {
            Ok(_) => add_one(&self.meter.opened),
            Err(outcome) => {
                add_one(&self.meter.failed);
                if *outcome == Outcome::NoSockets {
                    add_one(&self.meter.no_sockets);
                }
            }
        }
        result
    }

    /// Asks for the name's addresses, so that the next connection need not.
    pub(in crate::engine) async fn look_up(&self) -> Result<(), Outcome> {
        self.addresses().await.map(drop)
    }

    /// TLS over an open connection, where the route asks for it.
    pub(in crate::engine) async fn secure(&self, stream: TcpStream) -> Result<Stream, Outcome> {
        let stream = Counted::new(stream, Rc::clone(&self.meter));
        let Some((config, name)) = &self.route.tls else { return Ok(Stream::Plain(stream)) };
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream);
        Ok(Stream::Tls(Box::new(handshake.await.map_err(|_| Outcome::TlsFailed)?)))
    }

    /// A connection took the place of one that was there before.
    pub(super) fn count_reopened(&self) {
        add_one(&self.meter.reopened);
    }

    async fn open(&self) -> Result<Stream, Outcome> {
        let stream = self.dial().await?;
        self.secure(stream).await
    }

    /// The first address that answers, beginning with the one whose turn it is.
    pub(in crate::engine) async fn dial(&self) -> Result<TcpStream, Outcome> {
        let (addresses, turn) = self.addresses().await?;
        let mut worst = Outcome::Unresolved;
        for n in 0..addresses.len() {
            match TcpStream::connect(addresses[(turn + n) % addresses.len()]).await {
                Ok(stream) => {
                    // A small request must not wait for the acknowledgement of the one before; where it cannot be set, it is slow.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Err(error) => worst = failure::of_connect(&error),
            }
        }
        Err(worst)
    }

    async fn addresses(&self) -> Result<(Vec<SocketAddr>, usize), Outcome> {
        let mut resolved = self.resolved.lock().await;
        let now = self.clock.now();
        if resolved.addresses.is_empty() || now.since(resolved.at) >= FRESH {
            resolved.addresses = self.resolve().await?;
            resolved.at = now;
        }
        resolved.turn = resolved.turn.wrapping_add(1);
        Ok((resolved.addresses.clone(), resolved.turn))
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, Outcome> {
        let Route { host, port, .. } = &self.route;
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, *port)]);
        }
        let found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(|_| Outcome::Unresolved)?;
        let addresses: Vec<SocketAddr> = found.collect();
        if addresses.is_empty() { Err(Outcome::Unresolved) } else { Ok(addresses) }
    }
}

fn add_one(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}
