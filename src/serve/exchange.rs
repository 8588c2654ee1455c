//! One request to a collector, and its answer.
//!
//! Owns the connection, which is the request's own, how long all of it may take, and what may help if it is tried again. Refuses a queue (`pushing`),
//! and to show what a header holds. An answer's body is read as far as it is short.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use sluicegate_policy::time::Span;
use sluicegate_timer::{Clock, Timer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a collector may take to be reached and to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// Before a body that was not taken is tried again; twice as long before the time after that.
const PAUSE: Span = Span::from_ms(200);
/// What it says is not longer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// How whoever answers over TLS is known.
pub type Secured = (Arc<rustls::ClientConfig>, ServerName<'static>);

/// Who takes what is pushed; its headers may hold secrets, and are not shown.
#[derive(Clone)]
pub struct Collector {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The value of the `Host` header.
    pub authority: String,
    /// What is posted to.
    pub path: String,
    /// Nothing over plain HTTP.
    pub secured: Option<Secured>,
    /// Headers of each request.
    pub headers: HeaderMap,
    /// How much an answer says was refused though the request was taken.
    pub rejected: fn(&[u8]) -> u64,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Collector({}{})", self.authority, self.path)
    }
}

/// Why a collector has not taken what was pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No connection.
    #[error("it cannot be reached ({0})")]
    Unreachable(io::Error),
    /// It takes too long.
    #[error("it did not answer within {} s", PATIENCE.as_secs())]
    Silent,
    /// It does not speak HTTP, or closed the connection.
    #[error("it broke the exchange off ({0})")]
    Broken(hyper::Error),
    /// It says no.
    #[error("it answered {status}")]
    Refused {
        /// With this.
        status: StatusCode,
        /// When it wants to be asked again.
        after: Option<Duration>,
    },
    /// The thread that sends could not be started.
    #[error("this machine has no thread for it ({0})")]
    NoThread(io::Error),
}

impl PushError {
    /// Whether the same request may be taken later (remote write 1.0 and OTLP/HTTP agree on it).
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Silent | Self::Broken(_) => true,
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::NoThread(_) => false,
        }
    }
}

impl Collector {
    /// Where it takes what is pushed.
    pub fn url(&self) -> String {
        let scheme = if self.secured.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    /// Sends a body up to so often, as long as that may help; how much of it was refused. Blocks; not to be called from within an async runtime.
    pub fn take(&self, body: &[u8], tries: u32) -> Result<u64, PushError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PushError::NoThread)?;
        let taken = runtime.block_on(self.tried(&Bytes::copy_from_slice(body), tries));
        // A name that is still looked up is not waited for.
        runtime.shutdown_background();
        taken.map(|answer| (self.rejected)(&answer))
    }

    async fn tried(&self, body: &Bytes, tries: u32) -> Result<Bytes, PushError> {
        let (clock, mut pause) = (Clock::starting_now(), PAUSE);
        for _ in 1..tries {
            match self.send(body.clone()).await {
                Err(error) if error.is_passing() => {}
                decided => return decided,
            }
            if let Ok(mut timer) = Timer::new(clock) {
                let _ = timer.until(clock.now() + pause).await;
            }
            pause = pause * 2;
        }
        self.send(body.clone()).await
    }

    /// Sends a body; what the answer holds, if that was yes.
    pub(super) async fn send(&self, body: Bytes) -> Result<Bytes, PushError> {
        let sent = tokio::time::timeout(PATIENCE, self.sent(body)).await;
        sent.unwrap_or(Err(PushError::Silent))
    }

    async fn sent(&self, body: Bytes) -> Result<Bytes, PushError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(PushError::Unreachable)?;
        match &self.secured {
            None => self.exchange(TokioIo::new(stream), body).await,
            Some((config, name)) => {
                let connected = TlsConnector::from(Arc::clone(config)).connect(name.clone(), stream).await;
                self.exchange(TokioIo::new(connected.map_err(PushError::Unreachable)?), body).await
            }
        }
    }

    async fn exchange(&self, stream: impl Read + Write + Unpin, body: Bytes) -> Result<Bytes, PushError> {
        let (mut sender, connection) = http1::handshake(stream).await.map_err(PushError::Broken)?;
        let exchange = async {
            let answer = sender.send_request(self.request(body)).await.map_err(PushError::Broken)?;
            read(answer).await
        };
        let mut connection = std::pin::pin!(connection);
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            answered = &mut exchange => answered,
            // One that is over has given all of its answer away, or an error.
            _ = &mut connection => exchange.await,
        }
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::post(self.path.as_str())
            .header(HOST, self.authority.as_str())
            .header(CONTENT_LENGTH, body.len())
            .body(Full::new(body))
            .expect("the path and the authority are those of a URL");
        request.headers_mut().extend(self.headers.clone());
        request
    }
}

async fn read(answer: Response<Incoming>) -> Result<Bytes, PushError> {
    let status = answer.status();
    if !status.is_success() {
        let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        return Err(PushError::Refused { status, after: after.map(Duration::from_secs) });
    }
    // It has been taken, whatever becomes of the rest.
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
    Ok(body.map(http_body_util::Collected::to_bytes).unwrap_or_default())
}
