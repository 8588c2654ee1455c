//! Sessions over real WebSocket connections, against servers that behave and servers that do not.
//!
//! `talk` builds a drive of sessions and runs it, `peer` is what it talks to.

mod deliveries;
mod endings;
mod handshakes;
mod hostile;
mod peer;
mod posted;
mod replies;
mod talk;
