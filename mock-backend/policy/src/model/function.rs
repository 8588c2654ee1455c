//! A function behind the gateway.
//!
//! Owns its shape, and the provider's defaults of how it scales. Refuses its behaviour ([`lambda`](crate::lambda)).

use std::fmt;
use std::path::PathBuf;

use super::{Burst, CapacityId, PerSecond, Throttle};
use crate::latency::Latency;
use crate::time::Span;

/// A function behind the gateway: a pool of environments, each with one request at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name in the profile.
    pub name: String,
    /// Memory in megabytes (for cost and for cold-start defaults).
    pub memory_mb: u32,
    /// How long a warm invocation takes.
    pub duration: Latency,
    /// What a cold invocation takes in addition, before the first.
    pub cold_start: Latency,
    /// Share of invocations that fail, 0 to 1.
    pub failures: f64,
    /// Reserved concurrency: cap of this function's environments; `None` leaves the account's.
    pub concurrency: Option<u32>,
    /// How long an idle environment is kept; drawn anew each time one becomes idle.
    pub keep_alive: Latency,
    /// How its environments come about and which of them serves.
    pub scaling: Scaling,
    /// What it answers, if it is modelled.
    pub response: Response,
    /// Whether it answers a message over WebSocket with that message, if it is modelled: nothing is said of its response.
    pub echoes: bool,
    /// The pool from which each invocation takes a connection, if it is modelled: it has it for the pool's service time, and does the
    /// rest of its work afterwards.
    pub uses: Option<CapacityId>,
    /// What runs when it is invoked.
    pub code: Code,
}

/// What runs when a function is invoked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Code {
    /// Nothing: it takes its modelled time, and answers its response.
    #[default]
    Modelled,
    /// Something real, which the driver reaches ([`Effect::Invoke`](crate::call::Effect::Invoke)).
    Real(Real),
}

/// A real function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Real {
    /// How it is reached.
    pub runs: Runs,
    /// Whether the times and failures of the model are meant for it.
    pub timed: Timed,
}

/// How a real function is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// As a process for each environment, which speaks the Runtime API.
    Process(Process),
    /// Elsewhere, by the Invoke API below this URL.
    Remote(String),
}

/// The process of an environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Process {
    /// Program and arguments; not empty.
    pub command: Vec<String>,
    /// Variables that it gets besides the runtime's own; their values are secrets.
    pub environment: Vec<(String, String)>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Name of the handler (`_HANDLER`).
    pub handler: String,
    /// How long one invocation may take.
    pub timeout: Span,
}

/// Whether the model has the times of a real function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timed {
    /// It has: `duration`, `cold_start` and `failures` are claims about it.
    Modelled,
    /// It has not, and predicts nothing.
    Unknown,
}

impl Code {
    /// Whether the policy itself knows how an invocation goes.
    pub const fn is_modelled(&self) -> bool {
        matches!(self, Self::Modelled)
    }
}

/// The values of variables are secrets.
impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Process")
            .field("command", &self.command)
            .field("environment", &names)
            .field("directory", &self.directory)
            .field("handler", &self.handler)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// How a function's environments come about, and which of them serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// How fast environments may be added: a bucket with a token for each that starts cold.
    pub scale_out: Throttle,
    /// Provisioned concurrency: environments that are always there, and asked first.
    pub provisioned: u32,
    /// Which idle environment is asked next.
    pub dispatch: Dispatch,
}

/// Which of a function's idle environments serves next. The provider publishes no rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// The one that was used last, so that those that are not needed may go.
    #[default]
    MostRecentlyUsed,
    /// The one that started last; what `SimFaaS` found to fit measurements of 2020 (Mahmoudi, Khazaei, "Performance Modeling of
    /// Serverless Computing Platforms", IEEE TCC 2020).
    NewestCreated,
    /// The one that has been idle for longest, so that all are kept warm.
    LeastRecentlyUsed,
    /// Any, with equal chances.
    Random,
}

impl Default for Scaling {
    /// The provider's: 1,000 environments every 10 seconds for each function, refilled continuously; what is unused does not
    /// accumulate (Lambda developer guide, "Lambda function scaling", 2026). None is provisioned.
    fn default() -> Self {
        let rate = PerSecond { tokens: 1_000, per: Span::from_secs(10) };
        let scale_out = Throttle { rate, burst: Burst(1_000) };
        Self { scale_out, provisioned: 0, dispatch: Dispatch::default() }
    }
}

/// What a modelled function answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}
