//! What an action of the traffic is, free of where it came from.
//!
//! Owns [`Step`] and its parts, the [`catalog`] that turns a request into bytes, and the [`trace`] file. Refuses to decide
//! when (that is `load`), to send (`engine`), and to read outside formats (`import`).

pub mod auth;
pub mod catalog;
pub mod endpoint;
pub mod step;
pub mod template;
pub mod trace;

pub use catalog::{Catalog, Outgoing, SeriesId};
pub use step::{Action, Due, Request, Step, What};
