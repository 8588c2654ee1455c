//! One step of the script: who does what, and when it is intended.
//!
//! Owns the values that `load` produces and that `engine` and `sim` consume. Refuses bytes: a step names its content, the
//! [`catalog`](super::catalog) makes it.

use std::sync::Arc;

use sluicegate_policy::time::{Instant, Span};

use super::catalog::{Recorded, SeriesId, TemplateId};

/// One step of a session. An open-model request is a session of one step; a closed user is a long one.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which session, unique within the script and the same however many lanes there are.
    pub session: u32,
    /// Which step of it, from zero.
    pub seq: u32,
    /// Which attempt at it: zero for the first, then one for each retry.
    pub attempt: u8,
    /// When it is intended.
    pub due: Due,
    /// What is done.
    pub action: Action,
}

/// When a step is intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At this instant of the run, whatever else happens.
    At(Instant),
    /// This long after the session's previous step has ended (closed model).
    After(Span),
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send a request and read its answer.
    Request(Request),
}

/// One request: where it is counted, on whose behalf, and what names its content.
#[derive(Clone, Debug)]
pub struct Request {
    /// The series (usually the route) under which it is measured.
    pub series: SeriesId,
    /// Which of the synthetic identities sends it, from zero.
    pub identity: u32,
    /// Its content.
    pub what: What,
}

/// What names the content of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A template of the catalog, filled by draws from `key`.
    Described {
        /// Which template.
        template: TemplateId,
        /// From which its fields are drawn; the same key gives the same bytes.
        key: u64,
    },
    /// A request as it was recorded.
    Recorded(Arc<Recorded>),
}
