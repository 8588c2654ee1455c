//! Outside formats become a trace or a profile: logs of web servers and gateways, in bounded memory.
//!
//! Owns the reading of what others recorded: [`run`] turns a log into a trace file and says what became of every line;
//! [`derive()`] turns what it found into a profile. One format is one file in [`format`](mod@format); [`har`] does the same
//! for sessions of WebSocket clients. Refuses to replay (that is
//! `load`) and to print. Called by `command`.

pub mod access;
mod arrival;
pub mod definition;
pub mod derive;
mod draft;
pub mod error;
pub mod fields;
pub mod format;
pub mod har;
mod lines;
pub mod options;
pub mod parsed;
mod pass;
mod request_line;
pub mod sessions;
pub mod stamp;
pub mod summary;
pub mod templating;

pub use derive::{derive, derive_sessions};
pub use error::ImportError;
pub use format::Format;
pub use options::Options;
pub use pass::{CLIENTS_MAX, run};
pub use sessions::ImportedSessions;
pub use summary::{Imported, RejectedLine, SeriesStat};
