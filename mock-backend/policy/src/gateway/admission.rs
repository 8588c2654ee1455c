//! The order of the checks that a request passes on its way in.
//!
//! Owns the order, and what of it the documentation leaves open. Refuses the rules themselves: each has a module of its own. A part
//! of the gateway, which calls it before and after it asks the authorizer: once for each request.
//!
//! The order: length of the URL, then of the head; the stage; a preflight request (an HTTP API with cross-origin sharing answers
//! it by itself, with or without an `OPTIONS` route); the route; resource policy and authorizer
//! ([`authorization`](super::authorization)); the API key; quota and throttles; length of the
//! body; validation; the response cache; the integration. It follows the developer guide ("API Gateway authorization flow", "Throttle
//! requests", "Working with routes for HTTP APIs", "CORS for HTTP APIs", 2023). Where the guide says nothing, this holds:
//! - Throttles come after the API key, which says which usage plan's they are, and so after what is refused before: a request
//!   without stage or route, and a preflight request, take no token, not even of the account.
//! - A 429 takes no token.
//! - The body's length is looked at behind the throttles: too long a body has cost a token and counts for the quota. So does
//!   whatever is refused later: by the validator, by the cache, by a mapping. Where the body is signed, its length comes before the
//!   signature ([`authorization`](super::authorization)).
//! - A request to a route that needs no key counts for no plan, even if it brings one (the guide says so).
//! - The cache is asked once the request is valid; an answer from it has passed all throttles. A route that streams has none (the
//!   guide says so).
//!
//! Settings of the API ([`Unconfirmed`](crate::model::Unconfirmed)): whether the quota or a throttle is told first, whether a throttled
//! request counts for the quota, and whether a refused key costs a token of the account.

use super::Gateway;
use crate::cache::Fill;
use crate::call::{
    Arrival, AuthorizationUse, CacheUse, Call, Content, Credential, Evidence, Freshness, Mapped, Purpose, Reason, Release, Size,
    Warning,
};
use crate::model::{
    Api, ApiKind, Charge, DeploymentId, HeadLimit, Invalidation, Limits, Requirement, RouteId, StageId, ToldFirst, Transfer,
    Validation,
};
use crate::plans::SeatId;
use crate::throttle::{Refusal, Way};
use crate::time::{Instant, Span};

/// How an admitted request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Admitted {
    /// From the response cache.
    FromCache(Content),
    /// By the gateway itself, and with success.
    AtOnce(Content),
    /// By its integration; the content, where that is known before.
    ToIntegration(RouteId, Content),
}

/// What is noted on the way, and holds whether or not the request is admitted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// When the gateway received it.
    pub(super) received: Instant,
    pub(super) authorization: AuthorizationUse,
    /// How long it waited for its authorizer.
    pub(super) authorizer: Option<Span>,
    /// The API key that a real function named which was asked as its authorizer.
    pub(super) named: Option<Credential>,
    pub(super) cache: CacheUse,
    pub(super) warning: Option<Warning>,
    pub(super) fill: Option<Fill>,
}

/// Where a request goes: known once its stage is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    stage: StageId,
    release: Release,
    deployment: DeploymentId,
}

impl Notes {
    pub(super) fn at(received: Instant) -> Self {
        Self { received, ..Self::default() }
    }
}

impl Gateway {
    /// The checks before the authorizer, in the order in which the gateway makes them: where the request goes; the reason, if the
    /// gateway answers by itself.
    pub(super) fn enter(&self, call: &Call) -> Result<(Goal, RouteId), Reason> {
        check_head(self.api_of(call.arrival).limits, call.size)?;
        let goal = self.goal(call).ok_or(Reason::NoStage)?;
        if call.purpose == Purpose::Preflight && self.answers_preflight(goal) {
            return Err(Reason::Preflight);
        }
        let route = call.route.filter(|route| self.is_in(*route, goal.deployment)).ok_or(Reason::NoRoute)?;
        Ok((goal, route))
    }

    /// The checks after the authorizer, which may be the one to name the API key; the reason, if the gateway answers by itself.
    pub(super) fn admit(
        &mut self,
        call: &Call,
        (goal, route): (Goal, RouteId),
        evidence: &mut dyn Evidence,
        notes: &mut Notes,
    ) -> Result<Admitted, Reason> {
        let limits = self.api_of(call.arrival).limits;
        let key = self.key_of(call, route, notes);
        let seat = match call.purpose {
            Purpose::Answer | Purpose::Preflight | Purpose::Connect(_) | Purpose::Callback(..) => {
                self.seat(goal.stage, route, key).inspect_err(|_| self.charge_refused_key(goal.stage))?
            }
            // A key is asked for at the handshake, and counts there.
            Purpose::Message(..) | Purpose::Disconnect(_) => None,
        };
        self.take(Way { stage: goal.stage, route, seat })?;
        if call.size.body > limits.payload_bytes {
            return Err(Reason::PayloadTooLarge);
        }
        if let Purpose::Callback(id, ask) = call.purpose {
            return self.admit_callback(call, (id, ask));
        }
        if self.model.routes[usize::from(route.0)].validation != Validation::default() {
            evidence.examine(route).map_err(Reason::Invalid)?;
        }
        if let Some(kept) = self.look_up(goal, route, evidence, notes)? {
            return Ok(Admitted::FromCache(kept));
        }
        match evidence.integrate(route) {
            Mapped::Answer(content) => Ok(Admitted::ToIntegration(route, content)),
            Mapped::UnsupportedMediaType => Err(Reason::UnsupportedMediaType),
            Mapped::Misconfigured => Err(Reason::Misconfigured),
        }
    }

    /// The API of an arrival; of one that does not exist the first.
    pub(super) fn api_of(&self, arrival: Arrival) -> &Api {
        self.model.apis.get(usize::from(arrival.api.0)).unwrap_or(&self.model.apis[0])
    }

    /// Whether a request has a stage at all: all that is asked where nothing else is.
    pub(super) fn open_stage(&self, call: &Call) -> Result<(), Reason> {
        check_head(self.api_of(call.arrival).limits, call.size)?;
        self.goal(call).map(drop).ok_or(Reason::NoStage)
    }

    fn goal(&self, call: &Call) -> Option<Goal> {
        let stage = call.arrival.stage.filter(|stage| usize::from(stage.0) < self.model.stages.len())?;
        let deployment = call.arrival.deployment.filter(|id| usize::from(id.0) < self.model.deployments.len())?;
        Some(Goal { stage, release: call.arrival.release, deployment })
    }

    fn answers_preflight(&self, goal: Goal) -> bool {
        let has_cors = self.model.deployments[usize::from(goal.deployment.0)].cors.is_some();
        has_cors && self.model.api_of(goal.stage).kind == ApiKind::Http
    }

    /// A route of another snapshot than the request's own is none.
    fn is_in(&self, route: RouteId, deployment: DeploymentId) -> bool {
        self.model.routes.get(usize::from(route.0)).is_some_and(|route| route.deployment == deployment)
    }

    /// Whose throttles and quota hold for the request, if the route asks for a key.
    fn seat(&self, stage: StageId, route: RouteId, key: Credential) -> Result<Option<SeatId>, Reason> {
        match (self.model.routes[usize::from(route.0)].api_key, key) {
            (Requirement::Optional, _) => Ok(None),
            (Requirement::Required, Credential::Key(key)) => self.plans.seat(stage, key).map(Some).ok_or(Reason::KeyRefused),
            (Requirement::Required, Credential::Absent | Credential::Unknown) => Err(Reason::KeyRefused),
        }
    }

    /// One request of the quota and one token of each bucket, or no token of any.
    fn take(&mut self, way: Way) -> Result<(), Reason> {
        let Some(seat) = way.seat else { return self.throttles.try_admit(self.now, way).map_err(throttled) };
        let unconfirmed = &self.model.api_of(way.stage).unconfirmed;
        if self.quotas.check(self.now, seat).is_err() {
            return match unconfirmed.told_first {
                ToldFirst::Quota => Err(Reason::QuotaExceeded),
                ToldFirst::Throttle => {
                    Err(self.throttles.check(self.now, way).map_or_else(throttled, |()| Reason::QuotaExceeded))
                }
            };
        }
        let taken = self.throttles.try_admit(self.now, way).map_err(throttled);
        if taken.is_ok() || unconfirmed.throttled_requests == Charge::Counted {
            self.quotas.count(seat);
        }
        taken
    }

    fn charge_refused_key(&mut self, stage: StageId) {
        match self.model.api_of(stage).unconfirmed.refused_keys {
            Charge::Free => {}
            Charge::Counted => self.throttles.charge_account(self.now),
        }
    }

    /// What the response cache has for this request; notes what it is to keep if it has nothing.
    fn look_up(
        &mut self,
        goal: Goal,
        route: RouteId,
        evidence: &mut dyn Evidence,
        notes: &mut Notes,
    ) -> Result<Option<Content>, Reason> {
        let place = match self.model.routes[usize::from(route.0)].integration.transfer() {
            Transfer::Buffered => self.caches.place(goal.stage, goal.release, route),
            Transfer::Stream => None,
        };
        let Some(place) = place else { return Ok(None) };
        let mut key = std::mem::take(&mut self.cache_key);
        key.clear();
        let asked = evidence.cache_key(route, &mut key);
        place.complete(&mut key);
        let found = self.freshness(goal.stage, asked, notes).map(|wanted| match wanted {
            Freshness::Any => self.caches.find(self.now, place, &key),
            Freshness::Anew => None,
        });
        match found {
            Ok(Some((entry, _))) => {
                notes.cache = CacheUse::Hit(entry);
                evidence.on_hit(entry);
            }
            Ok(None) => {
                notes.cache = CacheUse::Missed;
                notes.fill = Some(place.fill(&key));
            }
            Err(_) => {}
        }
        self.cache_key = key;
        found.map(|kept| kept.map(|(_, content)| content))
    }

    /// Whether a kept answer will do, by the client's wish and the stage's setting.
    fn freshness(&self, stage: StageId, asked: Freshness, notes: &mut Notes) -> Result<Freshness, Reason> {
        let cache = self.model.stages[usize::from(stage.0)].cache.as_ref();
        match (asked, cache.map(|cache| cache.invalidation).unwrap_or_default()) {
            (Freshness::Any, _) | (Freshness::Anew, Invalidation::Ignored) => Ok(Freshness::Any),
            (Freshness::Anew, Invalidation::Open) => Ok(Freshness::Anew),
            (Freshness::Anew, Invalidation::Refused) => Err(Reason::InvalidationRefused),
            (Freshness::Anew, Invalidation::IgnoredWithWarning) => {
                notes.warning = Some(Warning::InvalidationIgnored);
                Ok(Freshness::Any)
            }
        }
    }
}

fn throttled(refusal: Refusal) -> Reason {
    Reason::Throttled(refusal.scope)
}

const fn check_head(limits: Limits, size: Size) -> Result<(), Reason> {
    if size.url > limits.url_bytes {
        return Err(Reason::UrlTooLong);
    }
    let (length, most) = match limits.head {
        HeadLimit::Headers(most) => (size.headers, most),
        HeadLimit::LineAndHeaders(most) => (size.line.saturating_add(size.headers), most),
    };
    if length > most { Err(Reason::HeadersTooLarge) } else { Ok(()) }
}
