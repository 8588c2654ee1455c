//! The lines of the access log: one for each answered request of a stage, in the format that the stage names.
//!
//! Owns the formats ([`Format`]) and the console's own ones by their names ([`named`]). Refuses to know what a variable holds
//! (`context` does) and to write to a file (the mock does). Called by the mock once per answer; `config` proves formats with it.

mod console;
mod escape;
mod format;

pub use console::{CLF_HTTP, CLF_REST, CSV_HTTP, CSV_REST, JSON_HTTP, JSON_REST, XML_HTTP, XML_REST, named};
pub use format::{ENTRY_BYTES_MAX, FORMAT_BYTES_MAX, Format, FormatError};
