//! Whom a lane asks for the addresses of a name.
//!
//! Owns the question, which blocks a thread of its own. Refuses to keep answers and to limit how long one may take (`connect` does
//! both).

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use crate::measure::Outcome;

type LookUp = dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync;

/// Knows addresses, or whom to ask.
#[derive(Clone)]
pub(in crate::engine) struct Resolver(Arc<LookUp>);

impl Resolver {
    /// The system's: hosts file, name servers, whatever it is set up with.
    pub(in crate::engine) fn of_the_system() -> Self {
        Self::new(|host, port| (host, port).to_socket_addrs().map(Iterator::collect))
    }

    pub(in crate::engine) fn new(look_up: impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// The addresses of a name; at least one.
    pub(super) async fn ask(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Outcome> {
        let (look_up, host) = (Arc::clone(&self.0), host.to_owned());
        match tokio::task::spawn_blocking(move || look_up(&host, port)).await {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            _ => Err(Outcome::Unresolved),
        }
    }
}
