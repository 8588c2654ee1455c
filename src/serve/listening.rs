//! What of a run can be looked at while it lasts: its live page, or its metrics.
//!
//! Owns the listener, its thread and its bounds. Whoever reads slowly misses contents, never delays them: there is one content at a time, the
//! newest. Refuses other machines unless a token is set (`answer`).

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::answer::{Door, Shown, answer};

/// Connections at a time; a further one is closed at once.
const CONNECTIONS_MAX: usize = 32;
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after a connection that could not be taken the next one is tried.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);
/// How long readers have to take the last content when the run is over.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Why nobody listens.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could read along.
    #[error(
        "{address}: other machines could read along; give it an address of this machine, e.g. 127.0.0.1:0, or a token that readers must have"
    )]
    Exposed {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The operating system refuses.
    #[error("{address}: cannot listen there")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What it says.
        #[source]
        source: io::Error,
    },
}

/// A listener that answers nobody yet; it has a secret, and is not shown.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<String>,
}

/// What is served until this is dropped.
#[derive(Debug)]
pub struct Served {
    contents: Option<watch::Sender<Arc<str>>>,
    thread: Option<JoinHandle<()>>,
}

impl Listening {
    /// Listens at an address of this machine, or, for those who have the token, at any.
    pub fn bind(address: SocketAddr, token: Option<String>) -> Result<Self, ServeError> {
        if token.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(ServeError::Exposed { address });
        }
        let listen = || {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen().map_err(|source| ServeError::Listen { address, source })?;
        Ok(Self { listener, address, token })
    }

    /// Where a browser finds what is served at this path; the token is not told.
    pub fn url(&self, path: &str) -> String {
        let token = if self.token.is_some() { "?token=..." } else { "" };
        format!("http://{}{path}{token}", self.address)
    }

    /// Serves the contents that are put, and shows them so.
    pub fn serve(self, shown: Shown) -> io::Result<Served> {
        let (contents, newest) = watch::channel(Arc::from(""));
        let Self { listener, address: _, token } = self;
        let door = Arc::new(Door { shown, token, newest });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name("listening".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    open(&listener, door).await;
                }
            });
        })?;
        Ok(Served { contents: Some(contents), thread: Some(thread) })
    }
}

impl Served {
    /// The newest content, for all who look now and later.
    pub fn put(&self, content: &str) {
        if let Some(contents) = &self.contents {
            contents.send_replace(Arc::from(content));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Without a sender the streams end, and with them the listener.
        drop(self.contents.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers until there are no more contents.
async fn open(listener: &tokio::net::TcpListener, door: Arc<Door>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut over = door.newest.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Out of descriptors, say: the next attempt would fail as fast.
                    match tokio::time::timeout(ACCEPT_AGAIN, ended(&mut over)).await {
                        Ok(()) => break,
                        Err(_) => continue,
                    }
                };
                let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                let door = Arc::clone(&door);
                connections.spawn(async move {
                    let service = service_fn(|request| { let door = Arc::clone(&door); async move { Ok::<_, Infallible>(answer(&door, &request)) } });
                    let mut http = http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).keep_alive(false);
                    // A reader that is gone, or talks nonsense, is nobody's concern.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    drop(permit);
                });
            }
            Some(_) = connections.join_next() => {}
            () = ended(&mut over) => break,
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_WORDS, all).await;
}

async fn ended(newest: &mut watch::Receiver<Arc<str>>) {
    while newest.changed().await.is_ok() {}
}
