//! Sockets around what `report` makes: the live page of a run, its metrics at an endpoint, and the way to collectors that they are pushed to.
//!
//! Owns who may ask, and that nobody who asks slowly, or at all, and no collector is felt by the run. Refuses formats and to know what a run is: it
//! serves and sends what it is given. Called by `command`.

mod answer;
mod exchange;
mod listening;
mod pushing;

pub use answer::Shown;
pub use exchange::{Collector, PushError, Secured};
pub use listening::{Listening, ServeError, Served};
pub use pushing::{Batch, Pushing, Tally};
