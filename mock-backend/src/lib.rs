//! The mock gateway: connections around the pure policy of `sluicegate-policy` and the pure renderer of `sluicegate-render`.
//!
//! Owns sockets, the real clock, and the bytes of answers, ids and logs. Refuses to decide: status, timing and reason come
//! from the policy, with the same code that the simulator runs. Called by the product's `mock` command (as a child process of
//! `run` and `replay`), and in-process by tests.
//!
//! Where is ...?
//! - the loop that feeds calls to the policy and releases replies when they are due: `driver`
//! - what a request goes through: `http`; what a connection goes through: `accept`, then `http1` or `http2`
//! - a connection after its WebSocket handshake: `websocket`
//! - what becomes of a request that is none: `malformed`; of a client that is slow: `patience`
//! - the bytes of an answer, its error messages and its ids: the package `sluicegate-render`
//! - the issuer of tokens that the mock plays: `issuer`
//! - the listeners of all that is not the gateway itself: `side_door`
//! - the way to HTTP back ends: `backends`; to the provider's services: `services`; to real functions: `functions`; an answer that
//!   comes bit by bit: `streamed`
//! - what is told of an answer: `observe`; what is counted: `metrics`; where it can be asked: `admin`; the independent record of
//!   arrivals: [`arrivals`]
//!
//! One thread owns the policy and all connections; no lock and no channel stands between a request and its answer. Only the
//! access log has a thread of its own, so that a slow disk makes no answer late.

#![warn(missing_docs)]

mod accept;
mod admin;
pub mod arrivals;
mod backends;
pub mod decisions;
mod descriptors;
mod driver;
mod functions;
mod http;
mod http1;
mod http2;
mod issuer;
mod jwks;
mod log_file;
mod malformed;
mod metrics;
mod observe;
mod patience;
mod probes;
mod secured;
mod server;
mod services;
mod settings;
mod side_door;
mod stamped;
mod streamed;
mod summary;
mod tasks;
mod tls;
mod waiting;
mod websocket;

pub use arrivals::{ReadArrivalsError, read_arrivals};
pub use decisions::{
    CacheQuestion, Decided, Decision, DecisionRecord, Evident, IdentityQuestion, ReadDecisionsError, Row, read_decisions,
};
pub use issuer::NoKey;
pub use patience::Patience;
pub use server::{Beginning, Server, StageUrl, runtime};
pub use settings::{Errors, MockError, Settings};
pub use summary::{Connections, LimitUse, LogSummary, Release, Summary, ToldShare, WebSockets};
pub use tls::{Certificate, TlsError, TlsSettings};
