//! WebSocket connections as the gateway holds them.
//!
//! Owns what follows a handshake: the frames of both directions, what waits for a client that does not read, and the end. Refuses the
//! handshake's decision, the fate of a message and when a connection is closed (the policy says all of it), and to word anything
//! (the renderer does). A connection is taken over from `http1` when its handshake was answered with 101.
//!
//! Where is ...?
//! - what makes a request a handshake, and the 101: `handshake`
//! - what waits to be written: `mailbox`; who has one: `sockets`
//! - the life of a connection: `connection`; its bytes: `frames`
//! - a message on its way through the gateway, and the news that a connection is gone: `exchange`
//!
//! Frames are read and written by `tungstenite`, whose buffers are kept small: a connection that waits holds about a kilobyte for what it may
//! read next, and nothing for what it may write.

mod connection;
mod exchange;
mod frames;
pub(crate) mod handshake;
mod mailbox;
pub(crate) mod sockets;

pub(crate) use self::connection::{Upgrade, serve};
pub(crate) use self::mailbox::{Full, Mailbox};
pub(crate) use self::sockets::{Knocked, Socket, Sockets};
