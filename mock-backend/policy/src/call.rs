//! What a call is, and what the gateway says about it: the vocabulary of the seam.
//!
//! Owns the values that cross between [`crate::gateway::Gateway`] and whoever drives it (the simulator in virtual time, the
//! mock over sockets). Refuses bytes: an answer here is a status, a reason, a blame and its timing; the mock renders it.

use crate::model::{FunctionId, RouteId, StageId};
use crate::time::{Instant, Span};

/// Names one call, given by the driver and echoed in the [`Reply`]; unique while the call is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Names one piece of work in the real world that the gateway asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId(pub u64);

/// One request as the policy sees it: where it wants to go, not what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The driver's name for it.
    pub id: CallId,
    /// The stage that the path named; `None` if there is no such stage.
    pub stage: Option<StageId>,
    /// The route that method and path named within the API; `None` if there is none.
    pub route: Option<RouteId>,
    /// Length of the body in bytes, for the payload limit.
    pub body_bytes: u64,
}

/// What the gateway wants done next. Taken one at a time with `take_action` until there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer the call now.
    Reply(Reply),
    /// Begin real work; report its end with `on_effect`.
    Start(EffectId, Effect),
    /// Nobody waits for this work any longer (the integration timed out); its end may still be reported and is ignored.
    Cancel(EffectId),
}

/// Real work that only a driver can do. In the simulator the same part needs a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Perform the integration of this call's route outside the policy.
    Integrate {
        /// The call it is done for.
        call: CallId,
        /// The route whose integration it is.
        route: RouteId,
    },
}

/// How real work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The integration answered with this status.
    Answered {
        /// HTTP status of the integration's own answer.
        status: u16,
    },
    /// The integration could not be reached, or broke off before answering.
    Unreachable,
}

/// The answer to a call: decided, not yet rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The call it answers.
    pub call: CallId,
    /// When the answer is due; at or before the `now` of the call that released it.
    pub at: Instant,
    /// HTTP status.
    pub status: u16,
    /// Why this answer.
    pub reason: Reason,
    /// The stage, if there was one.
    pub stage: Option<StageId>,
    /// The route, if there was one.
    pub route: Option<RouteId>,
    /// Where the time went.
    pub timing: Timing,
}

impl Reply {
    /// Whose fault it is, if it is a fault.
    pub fn blame(&self) -> Blame {
        self.reason.blame(self.status)
    }
}

/// Where the time of an answered call went. Absent is `None`, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// When the gateway received the call.
    pub received: Instant,
    /// From handing over to the integration until its answer; `None` for mock integrations and the gateway's own answers,
    /// as `$context.integrationLatency` has it.
    pub integration: Option<Span>,
    /// How long the function's environment took to start; `None` if it was warm or there was none.
    pub cold_start: Option<Span>,
}

/// Why an answer is what it is. A new reason must visit every place that speaks of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The integration answered.
    Served,
    /// The path names no stage.
    NoStage,
    /// Method and path name no route.
    NoRoute,
    /// A token bucket was empty.
    Throttled(Scope),
    /// The body is above the payload limit.
    PayloadTooLarge,
    /// No environment of the function was free and none could be added.
    FunctionThrottled(FunctionId),
    /// The function raised an error.
    FunctionFailed(FunctionId),
    /// The integration did not answer within its time-out.
    IntegrationTimeout,
    /// The integration could not be reached.
    IntegrationUnreachable,
}

/// Which throttle refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The bucket of one route (or method) of a stage.
    Route,
    /// The default bucket of a stage.
    Stage,
    /// The bucket of the account in its region.
    Account,
}

/// Whose fault an answer (or the lack of one) is, so that an error budget can be kept for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Blame {
    /// Nobody's: it went well.
    #[default]
    Nobody,
    /// The caller's: 4xx.
    Client,
    /// The gateway's own.
    Gateway,
    /// What is behind the gateway.
    Integration,
    /// The way to the gateway.
    Network,
    /// The load generator itself.
    Generator,
}

impl Reason {
    /// Whose fault an answer with this reason and status is.
    pub fn blame(self, status: u16) -> Blame {
        match self {
            Self::Served if status < 400 => Blame::Nobody,
            Self::Served if status < 500 => Blame::Client,
            Self::NoStage | Self::NoRoute | Self::Throttled(_) | Self::PayloadTooLarge => Blame::Client,
            Self::Served
            | Self::FunctionThrottled(_)
            | Self::FunctionFailed(_)
            | Self::IntegrationTimeout
            | Self::IntegrationUnreachable => Blame::Integration,
        }
    }
}

impl Blame {
    /// Every blame, in the order in which reports show them.
    pub const ALL: [Self; 6] = [Self::Nobody, Self::Client, Self::Gateway, Self::Integration, Self::Network, Self::Generator];

    /// The word for it in reports and files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Integration => "integration",
            Self::Network => "network",
            Self::Generator => "generator",
        }
    }
}
