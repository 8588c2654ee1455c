//! How often authorizers had an answer kept, over time.
//!
//! Owns the counts, slot by slot of the time in which requests were received, and their bound. Refuses to keep answers (`authorizer`
//! does) and to judge whether they were used often enough. Filled by the simulator and by the mock with each reply; a client sees none of it.
//!
//! What counts: requests to a route whose authorizer is a function, once that was asked or an answer of it was kept. Whoever showed no
//! identity did not come so far; what the gateway verifies itself it keeps no answers of.

use crate::call::{AuthorizationUse, Reply};
use crate::model::{AuthorizerId, Model};
use crate::time::{Instant, Span};

/// Counts for each authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hits {
    slot: Span,
    slots_max: usize,
    by_authorizer: Vec<Vec<Slot>>,
    uncounted: u64,
}

/// Requests of one slot of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// For which an answer was kept.
    pub hits: u32,
    /// All.
    pub asked: u32,
}

impl Hits {
    /// Nothing counted; slots are so long, above nothing, and no more than these of each authorizer are counted apart.
    pub const fn new(slot: Span, slots_max: usize) -> Self {
        Self { slot, slots_max, by_authorizer: Vec::new(), uncounted: 0 }
    }

    /// One more reply.
    pub fn on_reply(&mut self, model: &Model, reply: &Reply) {
        let is_hit = match reply.authorization {
            AuthorizationUse::None => return,
            AuthorizationUse::Hit => true,
            AuthorizationUse::LookedUp => false,
        };
        let Some((authorization, authorizer)) = reply.route.and_then(|route| model.authorization(route)) else { return };
        if authorizer.lambda().is_none() {
            return;
        }
        let at = usize::try_from(reply.timing.received.since(Instant::ZERO).as_ns() / self.slot.as_ns()).unwrap_or(usize::MAX);
        if at >= self.slots_max {
            self.uncounted += 1;
            return;
        }
        let id = usize::from(authorization.authorizer.0);
        if self.by_authorizer.len() <= id {
            self.by_authorizer.resize(id + 1, Vec::new());
        }
        let slots = &mut self.by_authorizer[id];
        if slots.len() <= at {
            slots.resize(at + 1, Slot::default());
        }
        slots[at].hits = slots[at].hits.saturating_add(u32::from(is_hit));
        slots[at].asked = slots[at].asked.saturating_add(1);
    }

    /// How long a slot is; the first one begins at zero.
    pub const fn slot(&self) -> Span {
        self.slot
    }

    /// The slots of each authorizer that was asked.
    pub fn slots(&self) -> impl Iterator<Item = (AuthorizerId, &[Slot])> {
        let all = self.by_authorizer.iter().enumerate().filter(|(_, slots)| !slots.is_empty());
        all.map(|(id, slots)| (AuthorizerId(id as u16), slots.as_slice()))
    }

    /// Requests after the last slot.
    pub const fn uncounted(&self) -> u64 {
        self.uncounted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Arrival, CacheUse, CallId, Reason, Release, Timing};
    use crate::latency::Latency;
    use crate::model::{
        Api, ApiId, ApiKind, Authorization, Authorizer, AuthorizerFormat, AuthorizerKind, DeploymentId, Iam, Integration,
        LambdaAuthorizer, LookUps, Route, RouteId,
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
        model
    }

    fn reply(route: u16, authorization: AuthorizationUse, ms: u64) -> Reply {
        Reply {
            call: CallId(0),
            at: Instant::ZERO,
            status: 200,
            reason: Reason::Served,
            arrival: Arrival { number: 0, api: ApiId(0), stage: None, deployment: None, release: Release::Base },
            route: Some(RouteId(route)),
            authorization,
            cache: CacheUse::None,
            warning: None,
            timing: Timing { received: Instant::ZERO + Span::from_ms(ms), ..Timing::default() },
        }
    }

    #[test]
    fn requests_that_came_so_far_are_counted_when_they_were_received() {
        let (model, mut hits) = (model(), Hits::new(Span::from_ms(100), 3));
        for (route, used, at) in [
            (1, AuthorizationUse::LookedUp, 0),
            (1, AuthorizationUse::Hit, 99),
            (1, AuthorizationUse::Hit, 250),
            (1, AuthorizationUse::None, 250),
            (0, AuthorizationUse::LookedUp, 250),
            (1, AuthorizationUse::Hit, 300),
        ] {
            hits.on_reply(&model, &reply(route, used, at));
        }
        let slots = [Slot { hits: 1, asked: 2 }, Slot::default(), Slot { hits: 1, asked: 1 }];
        assert_eq!(hits.slots().collect::<Vec<_>>(), [(AuthorizerId(1), &slots[..])]);
        assert_eq!(hits.uncounted(), 1);
    }
}
