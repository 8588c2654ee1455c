//! What only the gateway can tell: shares of the requests that no client sees, over time.
//!
//! Owns which of them there are, the counts, slot by slot of the time in which requests were received, and their bound. Refuses to decide
//! (`authorizer`, `lambda` and `cache` do) and to judge. Filled by the simulator and by the mock with each reply.
//!
//! What counts: of an authorizer that is a function, requests that asked it or for which an answer of it was kept (whoever showed no identity
//! did not come so far; what the gateway verifies itself it keeps no answers of); of a function, requests that invoked it as their
//! integration, of which those were cold that waited for an environment to start; of a stage's cache, requests that looked there.

use crate::call::{AuthorizationUse, CacheUse, Reply};
use crate::model::{AuthorizerId, FunctionId, Integration, Model, StageId};
use crate::time::{Instant, Span};

/// A share that only the gateway can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Requests for which an answer of this authorizer was kept, among those that asked it.
    AuthorizerHits(AuthorizerId),
    /// Invocations of this function that started an environment, among all of them.
    ColdStarts(FunctionId),
    /// Requests that this stage's cache answered, among those that looked there.
    CacheHits(StageId),
}

/// Counts for each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    slot: Span,
    slots_max: usize,
    authorizers: Vec<Vec<Slot>>,
    functions: Vec<Vec<Slot>>,
    stages: Vec<Vec<Slot>>,
    uncounted: u64,
}

/// Requests of one slot of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Of which it is true.
    pub events: u32,
    /// All.
    pub trials: u32,
}

impl What {
    /// What the share is called.
    pub const fn metric(self) -> &'static str {
        match self {
            Self::AuthorizerHits(_) => "authorizer hits",
            Self::ColdStarts(_) => "cold starts",
            Self::CacheHits(_) => "cache hits",
        }
    }

    /// What it is the share of: an authorizer, a function, a stage.
    ///
    /// Panics if the model has no such part.
    pub fn name(self, model: &Model) -> String {
        match self {
            Self::AuthorizerHits(id) => model.authorizer_name(id),
            Self::ColdStarts(id) => model.functions[usize::from(id.0)].name.clone(),
            Self::CacheHits(id) => model.stage_name(id),
        }
    }
}

impl Told {
    /// Nothing counted; slots are so long, above nothing, and no more than these of each share are counted apart.
    pub const fn new(slot: Span, slots_max: usize) -> Self {
        Self { slot, slots_max, authorizers: Vec::new(), functions: Vec::new(), stages: Vec::new(), uncounted: 0 }
    }

    /// One more reply.
    pub fn on_reply(&mut self, model: &Model, reply: &Reply) {
        let asked = match reply.authorization {
            AuthorizationUse::None => None,
            AuthorizationUse::Hit => Some(true),
            AuthorizationUse::LookedUp => Some(false),
        };
        if let (Some(is_hit), Some(route)) = (asked, reply.route)
            && let Some((authorization, authorizer)) = model.authorization(route)
            && authorizer.lambda().is_some()
        {
            self.count(What::AuthorizerHits(authorization.authorizer), is_hit, reply.timing.received);
        }
        let looked = match reply.cache {
            CacheUse::None => None,
            CacheUse::Hit(_) => Some(true),
            CacheUse::Missed | CacheUse::Kept(_) => Some(false),
        };
        if let (Some(is_hit), Some(stage)) = (looked, reply.arrival.stage) {
            self.count(What::CacheHits(stage), is_hit, reply.timing.received);
        }
        if let (Some(_), Some(route)) = (reply.timing.integration, reply.route)
            && let Integration::Lambda(lambda) = &model.routes[usize::from(route.0)].integration
        {
            self.count(What::ColdStarts(lambda.function), reply.timing.cold_start.is_some(), reply.timing.received);
        }
    }

    fn count(&mut self, what: What, is_event: bool, received: Instant) {
        let at = usize::try_from(received.since(Instant::ZERO).as_ns() / self.slot.as_ns()).unwrap_or(usize::MAX);
        if at >= self.slots_max {
            self.uncounted += 1;
            return;
        }
        let (all, id) = match what {
            What::AuthorizerHits(AuthorizerId(id)) => (&mut self.authorizers, id),
            What::ColdStarts(FunctionId(id)) => (&mut self.functions, id),
            What::CacheHits(StageId(id)) => (&mut self.stages, id),
        };
        let id = usize::from(id);
        if all.len() <= id {
            all.resize(id + 1, Vec::new());
        }
        let slots = &mut all[id];
        if slots.len() <= at {
            slots.resize(at + 1, Slot::default());
        }
        slots[at].events = slots[at].events.saturating_add(u32::from(is_event));
        slots[at].trials = slots[at].trials.saturating_add(1);
    }

    /// How long a slot is; the first one begins at zero.
    pub const fn slot(&self) -> Span {
        self.slot
    }

    /// The slots of each share that had a trial.
    pub fn slots(&self) -> impl Iterator<Item = (What, &[Slot])> {
        fn each(all: &[Vec<Slot>], what: fn(u16) -> What) -> impl Iterator<Item = (What, &[Slot])> {
            let told = all.iter().enumerate().filter(|(_, slots)| !slots.is_empty());
            told.map(move |(id, slots)| (what(id as u16), slots.as_slice()))
        }
        let authorizers = each(&self.authorizers, |id| What::AuthorizerHits(AuthorizerId(id)));
        let functions = each(&self.functions, |id| What::ColdStarts(FunctionId(id)));
        let stages = each(&self.stages, |id| What::CacheHits(StageId(id)));
        authorizers.chain(functions).chain(stages)
    }

    /// Trials after the last slot.
    pub const fn uncounted(&self) -> u64 {
        self.uncounted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Arrival, CallId, EntryId, Purpose, Reason, Release, Timing};
    use crate::latency::Latency;
    use crate::model::{
        Api, ApiId, ApiKind, Authorization, Authorizer, AuthorizerFormat, AuthorizerKind, DeploymentId, Iam, LambdaAuthorizer,
        LookUps, Route, RouteId,
    };

    fn model() -> Model {
        let function = AuthorizerKind::Lambda(LambdaAuthorizer {
            function: None,
            format: AuthorizerFormat::default(),
            identity: Vec::new(),
            validation: None,
            ttl: Span::ZERO,
            look_ups: LookUps::Each,
            denials: 0.0,
            principal: String::new(),
            context: Vec::new(),
            api_key: None,
        });
        let route = |at: u16| Route {
            authorization: Some(Authorization { authorizer: AuthorizerId(at), scopes: Vec::new() }),
            ..Route::new(DeploymentId(0), None, format!("/{at}"), Integration::fixed(200, ""))
        };
        let mut model = Model::of(Api::new(ApiKind::Rest, "a"), &["prod"], vec![route(0), route(1)]);
        for kind in [AuthorizerKind::Iam(Iam::default()), function] {
            let (name, latency) = (String::new(), Latency::constant(Span::ZERO));
            model.authorizers.push(Authorizer { name, api: ApiId(0), kind, latency, failures: 0.0 });
        }
        let lambda = Integration::lambda(FunctionId(4), Span::from_secs(29));
        model.routes.push(Route::new(DeploymentId(0), None, "/f".to_owned(), lambda));
        model
    }

    fn reply(route: u16, ms: u64) -> Reply {
        Reply {
            call: CallId(0),
            at: Instant::ZERO,
            status: 200,
            reason: Reason::Served,
            arrival: Arrival { number: 0, api: ApiId(0), stage: Some(StageId(0)), deployment: None, release: Release::Base },
            route: Some(RouteId(route)),
            purpose: Purpose::Answer,
            fan_out: None,
            authorization: AuthorizationUse::None,
            cache: CacheUse::None,
            warning: None,
            timing: Timing { received: Instant::ZERO + Span::from_ms(ms), ..Timing::default() },
        }
    }

    fn told(replies: &[Reply]) -> Vec<(What, Vec<(u32, u32)>)> {
        let (model, mut told) = (model(), Told::new(Span::from_ms(100), 3));
        for reply in replies {
            told.on_reply(&model, reply);
        }
        let slots = |slots: &[Slot]| slots.iter().map(|slot| (slot.events, slot.trials)).collect();
        told.slots().map(|(what, all)| (what, slots(all))).collect()
    }

    #[test]
    fn requests_that_came_so_far_are_counted_when_they_were_received() {
        let replies = [
            (1, AuthorizationUse::LookedUp, 0),
            (1, AuthorizationUse::Hit, 99),
            (1, AuthorizationUse::Hit, 250),
            (1, AuthorizationUse::None, 250),
            (0, AuthorizationUse::LookedUp, 250),
            (1, AuthorizationUse::Hit, 300),
        ]
        .map(|(route, authorization, ms)| Reply { authorization, ..reply(route, ms) });
        assert_eq!(told(&replies), [(What::AuthorizerHits(AuthorizerId(1)), vec![(1, 2), (0, 0), (1, 1)])]);
        let mut all = Told::new(Span::from_ms(100), 3);
        for reply in &replies {
            all.on_reply(&model(), reply);
        }
        assert_eq!(all.uncounted(), 1);
    }

    #[test]
    fn an_invocation_is_cold_if_it_waited_for_an_environment() {
        let invoked = |cold_start, ms| {
            let reply = reply(2, ms);
            Reply { timing: Timing { integration: Some(Span::from_ms(5)), cold_start, ..reply.timing }, ..reply }
        };
        let replies = [invoked(Some(Span::from_ms(3)), 0), invoked(None, 50), reply(2, 60), invoked(None, 120)];
        assert_eq!(told(&replies), [(What::ColdStarts(FunctionId(4)), vec![(1, 2), (0, 1)])]);
    }

    #[test]
    fn whoever_looked_into_the_cache_is_a_trial_of_its_stage() {
        let looked = |cache, ms| Reply { cache, ..reply(0, ms) };
        let replies = [looked(CacheUse::Kept(EntryId(0)), 0), looked(CacheUse::Hit(EntryId(0)), 1), looked(CacheUse::Missed, 2)];
        assert_eq!(told(&replies), [(What::CacheHits(StageId(0)), vec![(1, 3)])]);
    }
}
