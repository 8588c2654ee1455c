//! What people and machines read of a run: text, `run.json`, its schema, progress and errors. Bytes out of values.
//!
//! Owns every format. Refuses clocks, sockets, files, the profile's types and any decision about a run: it shows what the
//! record says. Called by `command`, which writes the bytes; nobody else formats anything.

mod advice;
mod conclusion;
mod estimates;
mod explain;
mod heat;
mod look;
mod page;

pub mod checklist;
pub mod comparison;
pub mod cost;
pub mod designs;
pub mod export;
pub mod fit;
pub mod history;
pub mod html;
pub mod import;
pub mod json;
pub mod live;
pub mod metrics;
pub mod plan;
pub mod problem;
pub mod progress;
pub mod quantity;
pub mod read;
pub mod search;
pub mod sessions;
pub mod spans;
pub mod sweep;
pub mod system;
pub mod text;

pub use comparison::Comparison;
pub use conclusion::Conclusion;
pub use look::{Look, Marks, Paint, WIDTH_MAX, WIDTH_MIN};

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod sample;
