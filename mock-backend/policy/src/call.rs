//! What a call is, and what the gateway says about it: the vocabulary of the seam.
//!
//! Owns the values that cross between [`crate::gateway::Gateway`] and whoever drives it (the simulator in virtual time, the
//! mock over sockets). Refuses bytes: an answer here is a status, a reason, a blame and its timing; the mock renders it.

mod connection;
mod kind;
mod reason;

pub use self::connection::{Ask, Closing, ConnectionId, FanOutId, Form};
pub use self::kind::ErrorKind;
pub use self::reason::{Blame, Denied, FunctionLimit, Reason, Scope, SignatureFault, TokenFault};
use crate::lambda::Environment;
use crate::model::{ApiId, AuthorizerId, DeploymentId, FunctionId, KeyId, RouteId, StageId, TargetId};
use crate::time::{Instant, Span};

/// Names one call, given by the driver and echoed in the [`Reply`]; unique while the call is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Names one piece of work in the real world that the gateway asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId(pub u64);

impl EffectId {
    /// The name of the answer to an invocation of this name, if it is one of an authorizer.
    pub const fn answer(self) -> AnswerId {
        AnswerId(self.0)
    }
}

/// What the gateway fixed when the head of a request arrived: from here on the request sees this snapshot and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// How many requests arrived before it: the number of its own draws.
    pub number: u64,
    /// The API whose door it came in by, which is its stage's if there is one.
    pub api: ApiId,
    /// The stage that host and path named; `None` if there is no such stage.
    pub stage: Option<StageId>,
    /// The deployment that serves it; `None` without a stage.
    pub deployment: Option<DeploymentId>,
    /// Whether the stage's canary serves it.
    pub release: Release,
}

/// Which release of a stage serves a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// The stage's own deployment and variables.
    #[default]
    Base,
    /// Its canary.
    Canary,
}

/// One request as the policy sees it: where it wants to go, and what can be told of it without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The driver's name for it.
    pub id: CallId,
    /// What [`Gateway::arrive`](crate::gateway::Gateway::arrive) said.
    pub arrival: Arrival,
    /// The route that method and path named within the deployment; `None` if there is none.
    pub route: Option<RouteId>,
    /// What it is for.
    pub purpose: Purpose,
    /// The API key that it brought.
    pub key: Credential,
    /// How long its parts are.
    pub size: Size,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// An answer.
    #[default]
    Answer,
    /// Leave to ask: `OPTIONS` with `Origin` and `Access-Control-Request-Method`.
    Preflight,
    /// A connection, which [`Gateway::knock`](crate::gateway::Gateway::knock) has named.
    Connect(ConnectionId),
    /// To be handled: a message of this connection.
    Message(ConnectionId, Form),
    /// To be told: this connection is gone.
    Disconnect(ConnectionId),
    /// Something of a connection, over `@connections`; `None` if what it is called by is no connection's name.
    Callback(Option<ConnectionId>, Ask),
}

impl Purpose {
    /// The connection that it is about.
    pub const fn connection(self) -> Option<ConnectionId> {
        match self {
            Self::Answer | Self::Preflight | Self::Callback(None, _) => None,
            Self::Connect(id) | Self::Message(id, _) | Self::Disconnect(id) | Self::Callback(Some(id), _) => Some(id),
        }
    }
}

/// The API key that a request brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// None.
    #[default]
    Absent,
    /// One that does not exist.
    Unknown,
    /// This one.
    Key(KeyId),
}

/// How long the parts of a request are, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Path and query.
    pub url: u64,
    /// The request line, with its end.
    pub line: u64,
    /// Names and values of the headers, with what separates them.
    pub headers: u64,
    /// Body.
    pub body: u64,
}

/// What only the bytes of a request can tell. The gateway asks when it gets that far, each question at most once, and within
/// [`Gateway::on_call`](crate::gateway::Gateway::on_call) or [`Gateway::resume`](crate::gateway::Gateway::resume).
pub trait Evidence {
    /// Whether it satisfies the route's validator.
    fn examine(&mut self, route: RouteId) -> Result<(), Invalid>;

    /// Writes the values of the route's cache-key parameters, told apart from each other, to `key` (which is empty); and says
    /// whether the client asks for an entry to be made anew.
    fn cache_key(&mut self, route: RouteId, key: &mut Vec<u8>) -> Freshness;

    /// It will be answered with what was kept as this entry. By now the driver has kept it, if it took all actions before the
    /// call, as [`Gateway::on_call`](crate::gateway::Gateway::on_call) asks.
    fn on_hit(&mut self, entry: EntryId);

    /// Writes the values of the identity sources of the route's authorizer, told apart from each other, to `key` (which is empty);
    /// and says whether they are there. Asked of routes that have an authorizer.
    fn identify(&mut self, route: RouteId, key: &mut Vec<u8>) -> Identity;

    /// What its token or signature is worth, where the gateway verifies it by itself; of a function's routes it is not asked.
    fn verify(&mut self, route: RouteId) -> Verdict;

    /// What a real function said that was asked as the route's authorizer, held against this request; asked of an answer that was kept, too,
    /// as its policy may speak of this method otherwise than of the one that it was asked for. `took` is how long the request waited
    /// for it: not at all for one that was kept.
    fn judge(&mut self, route: RouteId, answer: AnswerId, took: Span) -> Judged;

    /// What the resource policy of its API says of it. Asked where there is one.
    fn permission(&mut self, route: RouteId) -> Permission;

    /// Takes it through the route's request mapping; for a mock integration through the response mapping, too.
    fn integrate(&mut self, route: RouteId) -> Mapped;
}

/// What a request shows of who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// All that the authorizer wants to see.
    #[default]
    Present,
    /// Something of it is missing or empty.
    Absent,
    /// The token does not look as it must.
    Mismatched,
}

/// What a token, a signature or an authorizer is worth: leave, or why not.
pub type Verdict = Result<(), Reason>;

/// Names what a real function said that was asked as an authorizer; never used twice. The driver has it from the effect
/// ([`EffectId::answer`]) by the time it reports the end, and keeps it until the gateway says [`LetGo`](Action::LetGo).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnswerId(pub u64);

/// What an authorizer's answer is worth for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Leave, or why not.
    pub verdict: Verdict,
    /// The API key that it names.
    pub key: Credential,
}

/// What a resource policy says of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nothing.
    #[default]
    Silent,
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
}

/// Names an answer in the response cache; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

/// What is wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invalid {
    /// Required parameters are missing or blank.
    Parameters,
    /// The body does not satisfy its schema.
    Body,
}

/// Whether a kept answer will do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// It will.
    #[default]
    Any,
    /// `Cache-Control: max-age=0`.
    Anew,
}

/// How the mapping of a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// Well. For a mock integration this is the answer; for a modelled function the answer if it returns; for real work nothing
    /// is known yet, and this is not looked at.
    Answer(Content),
    /// There is no template for its media type.
    UnsupportedMediaType,
    /// A template failed, or chose nothing that exists.
    Misconfigured,
}

/// What an answer is, without its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// HTTP status.
    pub status: u16,
    /// Length of the body.
    pub bytes: u64,
}

/// What the gateway wants done next. Taken one at a time with `take_action` until there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer the call now.
    Reply(Reply),
    /// Begin real work; report its end with `on_effect`.
    Start(EffectId, Effect),
    /// What this call waited for is there: go on with it by [`Gateway::resume`](crate::gateway::Gateway::resume), or let go of it
    /// by [`Gateway::abandon`](crate::gateway::Gateway::abandon).
    Resume(CallId),
    /// Nobody waits for this work any longer (the integration timed out); its end may still be reported and is ignored.
    Cancel(EffectId),
    /// This entry of the response cache is gone: what was kept for it can go, too.
    Forget(EntryId),
    /// No request will be held against this answer of an authorizer any longer: what was kept of it can go.
    LetGo(AnswerId),
    /// This environment of a real function is no longer kept: what runs it can be stopped.
    Reap(FunctionId, Environment),
    /// Close this connection; for the gateway it is gone already. What was pushed to it before goes out before.
    Close(ConnectionId, Closing),
    /// Send this connection the message that is on its way to several.
    Push(FanOutId, ConnectionId),
    /// All that were to have it were pushed this message: what was kept of it can go.
    Pushed(FanOutId),
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
        /// The target of its private link, if it has one that the model describes.
        target: Option<TargetId>,
    },
    /// Invoke a real function. It goes on whoever still waits: what becomes of it is reported with
    /// [`Gateway::on_invoked`](crate::gateway::Gateway::on_invoked), and until then its environment is busy.
    Invoke {
        /// What for.
        errand: Errand,
        /// The call it is done for; of an authorizer the one that asked first, for whose sake others may wait, too.
        call: CallId,
        /// The function.
        function: FunctionId,
        /// The environment that runs it.
        environment: Environment,
    },
}

/// What a real function is invoked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// To answer the call.
    Integration,
    /// To say whether the call, and whoever asks with the same identity, may go on.
    Authorizer(AuthorizerId),
}

/// How the invocation of a real function ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invoked {
    /// What it came to.
    pub result: FunctionResult,
    /// What became of its environment.
    pub fate: Fate,
    /// How long its environment took to start, if it had to.
    pub cold_start: Option<Span>,
}

/// What the invocation of a real function came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionResult {
    /// An answer, as the client will get it.
    Answered(Content),
    /// The answer of an authorizer, whose name follows from the effect's; so many bytes are needed to keep it.
    Authorized {
        /// What it takes to keep it.
        bytes: u64,
    },
    /// An authorizer raised `Unauthorized` (REST).
    Unauthorized,
    /// An error of the function.
    Failed,
    /// An answer that a proxy integration does not understand.
    Malformed,
    /// An answer that the gateway cannot make anything of: not decodable, no integration response fits, or no answer of an authorizer.
    Misconfigured,
    /// Whoever runs it refused to, because of its own limit.
    Throttled,
}

/// What became of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is there for the next invocation.
    Kept,
    /// It is gone: it crashed, or was stopped because its function took too long.
    Lost,
}

/// How real work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The integration answered with this status.
    Answered {
        /// The answer as the client will get it, after the response mapping.
        content: Content,
    },
    /// The integration could not be reached, or broke off before answering.
    Unreachable,
    /// It answered, and no integration response fits, or its mapping failed.
    Misconfigured,
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
    /// The snapshot that served it.
    pub arrival: Arrival,
    /// The route, if there was one.
    pub route: Option<RouteId>,
    /// What it was for.
    pub purpose: Purpose,
    /// What is posted to others from now on, as its message.
    pub fan_out: Option<FanOutId>,
    /// What its authorizer had to do with it.
    pub authorization: AuthorizationUse,
    /// What the response cache had to do with it.
    pub cache: CacheUse,
    /// What the client is warned of.
    pub warning: Option<Warning>,
    /// Where the time went.
    pub timing: Timing,
}

/// What an authorizer had to do with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthorizationUse {
    /// Nothing: the route has none, or the request did not come so far.
    #[default]
    None,
    /// It was not asked, because a kept answer held.
    Hit,
    /// It was asked.
    LookedUp,
}

/// What the response cache had to do with an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// Nothing: there is none for this route.
    #[default]
    None,
    /// It came from there.
    Hit(EntryId),
    /// It was not there, and is not kept either (a failure, too large, or not to be kept).
    Missed,
    /// It was not there, and is kept from now on as this entry.
    Kept(EntryId),
}

/// What an answer warns the client of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Warning {
    /// It asked for a cache entry to be made anew, may not, and was answered as if it had not asked
    /// ([`Invalidation::IgnoredWithWarning`](crate::model::Invalidation::IgnoredWithWarning)).
    InvalidationIgnored,
}

impl Reply {
    /// What kind of error it is, if it is one.
    pub const fn kind(&self) -> Option<ErrorKind> {
        self.reason.kind(self.status)
    }

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
    /// From asking the authorizer until its answer; `None` if no look-up was waited for.
    pub authorizer: Option<Span>,
    /// How long the function's environment took to start; `None` if it was warm or there was none.
    pub cold_start: Option<Span>,
}
