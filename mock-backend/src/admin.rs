//! The way in for whoever runs the mock: what it counted, what its stages serve, and how both are changed.
//!
//! Owns a listener of its own, on this machine alone, and its answers in JSON. Refuses other machines (no credentials are asked for),
//! to say the value of an API key, and to decide: the gateway does, by the one thread that serves it. Started by `server`.

mod answer;
mod control;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sluicegate_policy::time::Span;
use sluicegate_timer::{Clock, Timer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http::Desk;
use crate::server::{self, MockError};

use self::answer::Said;

/// Connections at a time; a further one waits until one of them ends.
const CONNECTIONS_MAX: usize = 32;

/// Longest body that is read.
const BODY_BYTES_MAX: usize = 16 << 10;

/// Pause after an error of the listener, so that one that repeats does not take the thread.
const PAUSE: Span = Span::from_ms(20);

/// The listener, before it is served.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    pause: Timer,
}

impl Admin {
    /// Listens where only this machine can reach it.
    pub(crate) fn bind(address: SocketAddr, clock: Clock) -> Result<Self, MockError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(MockError::Exposed { address });
        }
        let at = |source| MockError::Listen { address, source };
        let listener = server::listen(address).map_err(at)?;
        Ok(Self { address: listener.local_addr().map_err(at)?, listener, pause: Timer::new(clock)? })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self, desk: Rc<Desk>) {
        let Self { listener, mut pause, .. } = self;
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= CONNECTIONS_MAX {
                connections.join_next().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => {
                    while connections.try_join_next().is_some() {}
                    connections.spawn_local(connection(Rc::clone(&desk), stream));
                }
                // A timer that fails has no descriptor to wait on: the listener will say the same again.
                Err(_) => drop(pause.until(pause.clock().now() + PAUSE).await),
            }
        }
    }
}

/// One connection, one request: nothing is left open when the mock ends.
async fn connection(desk: Rc<Desk>, stream: TcpStream) {
    let service = service_fn(|request| answer(Rc::clone(&desk), request));
    // Whoever asks sees a broken connection himself.
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(desk: Rc<Desk>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let said = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => control::answer(&desk, &head.method, head.uri.path(), &body.to_bytes()),
        Err(_) => Said::error(413, format!("the body is longer than {BODY_BYTES_MAX} bytes, or broke off")),
    };
    Ok(said.into_response())
}
