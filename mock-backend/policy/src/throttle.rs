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
