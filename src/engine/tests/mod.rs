//! Drives over real sockets, against servers that behave and servers that do not.
//!
//! `drive` builds a drive and runs it, `server` is what it runs against.

mod abort;
mod broken;
mod conservation;
mod credentials;
mod drive;
mod ending;
mod http;
mod keeping;
mod names;
mod omission;
mod retries;
mod schedule;
mod server;
mod sessions;
