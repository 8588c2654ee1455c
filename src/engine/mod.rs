//! Real time: plays the script against a live target over sockets, and samples what it sees.
//!
//! Owns lanes (a thread each), pacing, connections, time-outs and stops. Refuses to make the script (`load`), to count
//! (`measure`), and to import `sim` or `config`. Called by `command`: [`Engine::prepare`], perhaps [`Engine::probe`] and
//! [`calibrate`], then [`Engine::drive`].
//!
//! Within: `drive` starts lanes, and a `watch` over the machine and an `abort` watch beside them; a `lane`'s conductor sleeps with the `pacer` and turns its `dispatch`, which decides everything
//! and knows no socket; `worker`s sit on `seats` and speak through `transport`.

mod abort;
mod calibrate;
mod conversation;
mod cores;
mod credentials;
mod dispatch;
mod drive;
mod error;
mod inquiry;
mod job;
mod lane;
mod lanes;
mod limits;
mod pacer;
mod prepare;
mod probe;
mod progress;
mod responder;
mod seats;
mod settings;
mod stop;
#[cfg(test)]
mod tests;
mod transport;
mod watch;
mod worker;
mod writer;

pub use abort::{Abort, Health};
pub use calibrate::{Calibration, calibrate};
pub use conversation::{Converse, Conversed, POSTS_PER_LANE};
pub use credentials::{Signed, TokenReport};
pub use drive::{Counts, Drive, Driven, LaneReport};
pub use error::EngineError;
pub use inquiry::{Agreed, Inquiry, Told, agreed, inquire};
pub use prepare::{Engine, Speaks, secured_by_system};
pub use probe::Probe;
pub use progress::{Progress, Reading};
pub use settings::{Answers, Identity, Pacing, Pin, Protocol, RequestIds, Settings, Tls};
pub use stop::{Stop, Urgency};
pub use writer::Writer;
