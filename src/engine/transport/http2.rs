//! HTTP/2: many exchanges at a time on one connection, which a task of its own drives.
//!
//! Owns the connection that several workers of a lane share, and opens it once for all who wait. Refuses to retry and to time
//! out (`worker`). An exchange that is dropped resets its stream and leaves the connection alone.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use sluicegate_policy::time::Instant;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::connect::Connector;
use super::failure::{self, Reached};
use super::request::Encoded;
use super::stamp::{Stamped, Watch};
use crate::engine::job::Ending;
use crate::measure::Outcome;

/// A connection that is opened when somebody needs it.
pub(in crate::engine) struct Shared {
    connector: Rc<Connector>,
    open: RefCell<Option<Open>>,
    /// Held by whoever opens the connection; the others wait for the result.
    opening: Mutex<()>,
    /// Counts attempts, so that those who waited know whether one ended meanwhile, and how.
    attempts: Cell<u64>,
    failed: Cell<Option<Outcome>>,
    opened_before: Cell<bool>,
}

#[derive(Clone)]
pub(super) struct Open {
    sender: SendRequest<Full<Bytes>>,
    watch: Rc<Watch>,
    tasks: Tasks,
}

/// The stamps of an exchange: HEADERS queued, and the head of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) sent: Cell2,
}

/// Runs the tasks that hyper needs for a connection, and ends them with it.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<JoinSet<()>>>);
