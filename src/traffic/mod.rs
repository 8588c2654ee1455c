//! What an action of the traffic is, free of where it came from.
//!
//! Owns [`Step`] and its parts, the [`catalog`] that turns a request into bytes, the [`trace`] file and that of [sessions](session_trace), and the sort for what does not
//! fit into memory. Refuses to decide
//! when (that is `load`), to send (`engine`), and to read outside formats (`import`).

pub mod auth;
pub mod catalog;
pub mod conversation;
pub mod endpoint;
pub mod session_trace;
pub(crate) mod sort;
pub mod step;
pub mod template;
pub mod trace;

pub use catalog::{Catalog, Outgoing, SeriesId};
pub use step::{Action, Due, Request, Step, What};
