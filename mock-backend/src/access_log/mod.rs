//! The access log: one line per answered request of a stage, in the format that the stage names.
//!
//! Owns the formats ([`Format`]), the values of their variables, and the bounded way to the file. Refuses to say anything that
//! the real gateway's log could not: what is unset is `-`. Called by `http` once per answer; `config` proves formats with it.

mod entry;
mod file;
mod format;

pub use format::{CLF_HTTP, CLF_REST, Format, FormatError, JSON_HTTP, JSON_REST, named};

pub(crate) use entry::{Entry, Naming};
pub(crate) use file::LogFile;
