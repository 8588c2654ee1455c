//! The order of the token buckets that a request passes.
//!
//! Owns which buckets there are and what a refusal consumes. Refuses to compute tokens ([`bucket`](crate::bucket) does) and to
//! say what a refused client sees ([`gateway`](crate::gateway) does). Called by the gateway once for each request that found
//! its route.
//!
//! The documented order is: usage plan key and method, then stage method or route, then account (API Gateway developer guide,
//! "Throttle requests", 2023). A request that any bucket refuses takes no token from any: the buckets before the refusing one
//! keep theirs.

use crate::bucket::Bucket;
use crate::call::Scope;
use crate::model::{Model, RouteId, Stage, StageId};
use crate::time::Instant;

/// All the buckets of an API and of its account.
#[derive(Clone, Debug)]
pub struct Throttles {
    /// Stage by stage, within it route by route; `None` where neither route nor stage sets a limit.
    routes: Vec<Option<Gate>>,
    routes_per_stage: usize,
    account: Bucket,
}

/// The bucket of one route of a stage, and under whose name it refuses.
#[derive(Clone, Debug)]
struct Gate {
    bucket: Bucket,
    scope: Scope,
}

/// Which bucket refused, and when it would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// [`Scope::Route`] for a route's own setting, [`Scope::Stage`] for the stage's default, [`Scope::Account`].
    pub scope: Scope,
    /// The first instant at which this bucket would accept one request.
    pub until: Instant,
}

impl Throttles {
    /// Full buckets for every stage and route of the model, and for the account.
    pub fn new(model: &Model) -> Self {
        let routes_per_stage = model.routes.len();
        let route_ids = || (0..routes_per_stage).map(|at| RouteId(at as u16));
        let routes = model.stages.iter().flat_map(|stage| route_ids().map(|route| gate(stage, route))).collect();
        Self { routes, routes_per_stage, account: Bucket::new(model.account.throttle) }
    }

    /// Takes one token from each bucket on the request's way, or none from any and names the first that refuses.
    pub fn try_admit(&mut self, now: Instant, stage: StageId, route: RouteId) -> Result<(), Refusal> {
        let at = usize::from(stage.0) * self.routes_per_stage + usize::from(route.0);
        let mut gate = self.routes.get_mut(at).and_then(Option::as_mut);
        if let Some(gate) = &mut gate {
            gate.bucket.check(now, 1).map_err(|until| Refusal { scope: gate.scope, until })?;
        }
        self.account.try_take(now, 1).map_err(|until| Refusal { scope: Scope::Account, until })?;
        if let Some(gate) = gate {
            gate.bucket.try_take(now, 1).map_err(|until| Refusal { scope: gate.scope, until })?;
        }
        Ok(())
    }
}

fn gate(stage: &Stage, route: RouteId) -> Option<Gate> {
    let own = stage.route_throttles.iter().find(|(id, _)| *id == route).map(|(_, throttle)| (*throttle, Scope::Route));
    let (throttle, scope) = own.or(stage.throttle.map(|throttle| (throttle, Scope::Stage)))?;
    Some(Gate { bucket: Bucket::new(throttle), scope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Account, Api, ApiKind, Burst, DeploymentId, Integration, PerSecond, Route, Throttle};
    use crate::time::Span;

    const ROUTE: RouteId = RouteId(0);
    const OTHER: RouteId = RouteId(1);
    const STAGE: StageId = StageId(0);

    fn per_second(tokens: u64, burst: u64) -> Throttle {
        Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(burst) }
    }

    /// Two stages with two routes; the second stage sets nothing.
    fn throttles(default: Option<Throttle>, own: Option<Throttle>, account: Throttle) -> Throttles {
        let route = |path: &str| Route::new(DeploymentId(0), None, path, Integration::fixed(200, ""));
        let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["one", "two"], vec![route("/a"), route("/b")]);
        model.account = Account { throttle: account, concurrency: 1 };
        model.stages[0].throttle = default;
        model.stages[0].route_throttles = own.map(|own| (ROUTE, own)).into_iter().collect();
        Throttles::new(&model)
    }

    fn refused(throttles: &mut Throttles, stage: StageId, route: RouteId) -> Option<Scope> {
        throttles.try_admit(Instant::ZERO, stage, route).err().map(|refusal| refusal.scope)
    }

    #[test]
    fn each_route_of_a_stage_has_a_bucket_of_its_own_with_the_default_numbers() {
        let mut throttles = throttles(Some(per_second(1, 1)), None, per_second(100, 100));
        let scopes = [ROUTE, OTHER, ROUTE, OTHER].map(|route| refused(&mut throttles, STAGE, route));
        assert_eq!(scopes, [None, None, Some(Scope::Stage), Some(Scope::Stage)]);
        assert_eq!(refused(&mut throttles, StageId(1), ROUTE), None);
    }

    #[test]
    fn the_setting_of_a_route_replaces_the_default() {
        let mut throttles = throttles(Some(per_second(1, 5)), Some(per_second(1, 1)), per_second(100, 100));
        let scopes = [ROUTE, ROUTE, OTHER, OTHER].map(|route| refused(&mut throttles, STAGE, route));
        assert_eq!(scopes, [None, Some(Scope::Route), None, None]);
    }

    #[test]
    fn the_account_is_shared_by_all_stages_and_asked_last() {
        let mut throttles = throttles(None, Some(per_second(1, 1)), per_second(1, 2));
        assert_eq!(refused(&mut throttles, STAGE, ROUTE), None);
        assert_eq!(refused(&mut throttles, StageId(1), ROUTE), None);
        assert_eq!(refused(&mut throttles, STAGE, ROUTE), Some(Scope::Route));
        assert_eq!(refused(&mut throttles, STAGE, OTHER), Some(Scope::Account));
    }

    #[test]
    fn a_refusal_says_when_its_bucket_would_accept() {
        let mut throttles = throttles(None, Some(per_second(2, 1)), per_second(1, 2));
        throttles.try_admit(Instant::ZERO, STAGE, ROUTE).unwrap();
        let refusal = throttles.try_admit(Instant::ZERO, STAGE, ROUTE).unwrap_err();
        assert_eq!(refusal, Refusal { scope: Scope::Route, until: Instant::ZERO + Span::from_ms(500) });
    }

    #[test]
    fn what_the_account_refuses_takes_no_token_from_the_route() {
        let mut throttles = throttles(None, Some(per_second(1, 2)), per_second(1, 1));
        let scopes = [(); 4].map(|()| refused(&mut throttles, STAGE, ROUTE));
        assert_eq!(scopes, [None, Some(Scope::Account), Some(Scope::Account), Some(Scope::Account)]);
        let later = Instant::ZERO + Span::from_secs(1);
        assert_eq!(throttles.try_admit(later, STAGE, ROUTE), Ok(()));
    }
}
