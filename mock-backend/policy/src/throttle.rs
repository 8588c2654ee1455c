//! The order of the token buckets that a request passes.
//!
//! Owns which buckets there are and what a refusal consumes. Refuses to compute tokens ([`bucket`](crate::bucket) does) and to
//! say what a refused client sees ([`gateway`](crate::gateway) does). Called by the gateway once for each request that found
//! its route and, where it needs one, its usage plan.
//!
//! The documented order is: usage plan key and method, then stage method or route, then account (API Gateway developer guide,
//! "Throttle requests", 2023); that of a plan's two buckets is the method's before the key's own, by the guide's "per-client or
//! per-method limits". A request that any bucket refuses takes no token from any: the buckets before the refusing one keep
//! theirs.
//!
//! The buckets of a stage and of a plan belong to route *keys*: a stage that moves to another deployment takes them along, and
//! its canary shares them. Where several deployments set different limits for one key, the first in the stage's list holds.

use crate::bucket::Bucket;
use crate::call::Scope;
use crate::model::{Model, RouteId, Stage, StageId, Throttle};
use crate::plans::{Seat, SeatId, seats};
use crate::routing::RouteKeys;
use crate::time::Instant;

/// All the buckets of an account's APIs.
#[derive(Clone, Debug)]
pub struct Throttles {
    keys: RouteKeys,
    /// By stage, within it by the number of the route's key; `None` where neither route nor stage sets a limit.
    stages: Vec<Vec<Option<Gate>>>,
    seats: Vec<SeatBuckets>,
    account: Meter,
}

/// A bucket, and what came of asking it.
#[derive(Clone, Debug)]
struct Meter {
    bucket: Bucket,
    tokens: Tokens,
}

/// What came of asking a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Taken.
    pub taken: u64,
    /// Requests that this bucket refused.
    pub refused: u64,
}

impl Meter {
    fn new(throttle: Throttle) -> Self {
        Self { bucket: Bucket::new(throttle), tokens: Tokens::default() }
    }

    fn check(&mut self, now: Instant) -> Result<(), Instant> {
        self.bucket.check(now, 1)
    }

    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.bucket.try_take(now, 1)?;
        self.tokens.taken += 1;
        Ok(())
    }
}

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The stage.
    pub stage: StageId,
    /// The route.
    pub route: RouteId,
    /// The client's seat in a usage plan, if the route asks for one.
    pub seat: Option<SeatId>,
}

/// The bucket of one route of a stage, and under whose name it refuses.
#[derive(Clone, Debug)]
struct Gate {
    meter: Meter,
    scope: Scope,
}

/// The buckets of one key in one plan.
#[derive(Clone, Debug)]
struct SeatBuckets {
    /// By stage and number of the route's key; few.
    methods: Vec<(StageId, u32, Meter)>,
    own: Option<Meter>,
}

/// Which bucket refused, and when it would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// [`Scope::Route`] for a route's own setting, [`Scope::Stage`] for the stage's default; the others as they are called.
    pub scope: Scope,
    /// The first instant at which this bucket would accept one request.
    pub until: Instant,
}

/// The buckets on a request's way, and under whose name each refuses.
type Passed<'a> = [Option<(Scope, &'a mut Meter)>; 4];

impl Throttles {
    /// Full buckets for every stage, route key and seat of the model, and for the account.
    pub fn new(model: &Model) -> Self {
        let keys = RouteKeys::new(model);
        let gates = |stage: &Stage| (0..keys.count(stage.api)).map(|key| gate(stage, &keys, key as u32)).collect();
        Self {
            stages: model.stages.iter().map(gates).collect(),
            seats: seats(model).map(|seat| SeatBuckets::new(&seat, model, &keys)).collect(),
            account: Meter::new(model.account.throttle),
            keys,
        }
    }

    /// Takes one token from each bucket on the request's way, or none from any and names the first that refuses.
    pub fn try_admit(&mut self, now: Instant, way: Way) -> Result<(), Refusal> {
        let mut passed = self.passed(way);
        for (scope, meter) in passed.iter_mut().flatten() {
            if let Err(until) = meter.check(now) {
                meter.tokens.refused += 1;
                return Err(Refusal { scope: *scope, until });
            }
        }
        for (scope, meter) in passed.iter_mut().flatten() {
            meter.take(now).map_err(|until| Refusal { scope: *scope, until })?;
        }
        Ok(())
    }

    /// As [`Self::try_admit`], but takes nothing.
    pub fn check(&mut self, now: Instant, way: Way) -> Result<(), Refusal> {
        check(now, &mut self.passed(way))
    }

    /// Takes one token of the account, if it has one.
    pub fn charge_account(&mut self, now: Instant) {
        // An empty bucket has nothing to take.
        let _ = self.account.take(now);
    }

    /// Takes one token of the account, or says that it has none: of what the account's bucket alone is asked.
    pub fn try_account(&mut self, now: Instant) -> bool {
        let taken = self.account.take(now).is_ok();
        self.account.tokens.refused += u64::from(!taken);
        taken
    }

    /// What came of asking the account's bucket.
    pub const fn account_tokens(&self) -> Tokens {
        self.account.tokens
    }

    /// What came of asking the buckets of a stage's routes, with the route key of each.
    pub fn stage_tokens(&self, stage: StageId) -> impl Iterator<Item = (u32, Tokens)> {
        let gates = self.stages.get(usize::from(stage.0)).into_iter().flatten();
        gates.enumerate().filter_map(|(key, gate)| Some((key as u32, gate.as_ref()?.meter.tokens)))
    }

    /// The route key of a route, as [`Self::stage_tokens`] has it.
    pub fn route_key(&self, route: RouteId) -> Option<u32> {
        self.keys.of(route)
    }

    /// The buckets on a request's way, in their order.
    fn passed(&mut self, way: Way) -> Passed<'_> {
        let key = self.keys.of(way.route).unwrap_or(u32::MAX);
        let gate = self.stages.get_mut(usize::from(way.stage.0)).and_then(|gates| gates.get_mut(key as usize)?.as_mut());
        let (method, own) = match way.seat.and_then(|seat| self.seats.get_mut(seat.0 as usize)) {
            Some(SeatBuckets { methods, own }) => (method(methods, way.stage, key), own.as_mut()),
            None => (None, None),
        };
        [
            method.map(|bucket| (Scope::KeyRoute, bucket)),
            own.map(|bucket| (Scope::Key, bucket)),
            gate.map(|gate| (gate.scope, &mut gate.meter)),
            Some((Scope::Account, &mut self.account)),
        ]
    }
}

#[cfg(test)]
impl Throttles {
    /// Whether at `now` every bucket holds what the same one of `other` holds.
    pub(crate) fn holds_as_much_as(&self, other: &Self, now: Instant) -> bool {
        self.levels(now) == other.levels(now)
    }

    /// All buckets as they are at `now`.
    fn levels(&self, now: Instant) -> Vec<Bucket> {
        let seats = self
            .seats
            .iter()
            .flat_map(|seat| seat.methods.iter().map(|method| &method.2).chain(&seat.own))
            .map(|meter| &meter.bucket);
        let gates = self.stages.iter().flatten().flatten().map(|gate| &gate.meter.bucket);
        let mut buckets: Vec<Bucket> = seats.chain(gates).chain([&self.account.bucket]).cloned().collect();
        for bucket in &mut buckets {
            // Nothing is taken; the level is brought up to now.
            bucket.check(now, 0).expect("nothing is always there");
        }
        buckets
    }
}

fn check(now: Instant, passed: &mut Passed<'_>) -> Result<(), Refusal> {
    for (scope, meter) in passed.iter_mut().flatten() {
        meter.check(now).map_err(|until| Refusal { scope: *scope, until })?;
    }
    Ok(())
}

impl SeatBuckets {
    fn new(seat: &Seat<'_>, model: &Model, keys: &RouteKeys) -> Self {
        let method = |(stage, route, throttle): &(StageId, RouteId, Throttle)| {
            let api = model.stages.get(usize::from(stage.0))?.api;
            Some((*stage, keys.within(api, *route)?, Meter::new(*throttle)))
        };
        Self { methods: seat.plan.route_throttles.iter().filter_map(method).collect(), own: seat.plan.throttle.map(Meter::new) }
    }
}

/// A plan's bucket for one method of a stage; of several the first.
fn method(methods: &mut [(StageId, u32, Meter)], stage: StageId, key: u32) -> Option<&mut Meter> {
    methods.iter_mut().find(|method| (method.0, method.1) == (stage, key)).map(|method| &mut method.2)
}

fn gate(stage: &Stage, keys: &RouteKeys, key: u32) -> Option<Gate> {
    let own = keys.setting(&stage.route_throttles, stage.api, key).map(|throttle| (throttle, Scope::Route));
    let (throttle, scope) = own.or(stage.throttle.map(|throttle| (throttle, Scope::Stage)))?;
    Some(Gate { meter: Meter::new(throttle), scope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Account, Api, ApiId, ApiKey, ApiKind, Burst, Deployment, DeploymentId, Integration, KeyId, PerSecond, Route, UsagePlan,
    };
    use crate::time::Span;

    const ROUTE: RouteId = RouteId(0);
    const OTHER: RouteId = RouteId(1);
    const STAGE: StageId = StageId(0);

    fn per_second(tokens: u64, burst: u64) -> Throttle {
        Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(burst) }
    }

    /// Two stages with two routes; the second stage sets nothing.
    fn model(default: Option<Throttle>, own: Option<Throttle>, account: Throttle) -> Model {
        let route = |path: &str| Route::new(DeploymentId(0), None, path, Integration::fixed(200, ""));
        let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["one", "two"], vec![route("/a"), route("/b")]);
        model.account = Account { throttle: account, concurrency: 1, ..model.account };
        model.stages[0].throttle = default;
        model.stages[0].route_throttles = own.map(|own| (ROUTE, own)).into_iter().collect();
        model
    }

    fn throttles(default: Option<Throttle>, own: Option<Throttle>, account: Throttle) -> Throttles {
        Throttles::new(&model(default, own, account))
    }

    const fn way(stage: StageId, route: RouteId) -> Way {
        Way { stage, route, seat: None }
    }

    fn refused(throttles: &mut Throttles, stage: StageId, route: RouteId) -> Option<Scope> {
        throttles.try_admit(Instant::ZERO, way(stage, route)).err().map(|refusal| refusal.scope)
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
        throttles.try_admit(Instant::ZERO, way(STAGE, ROUTE)).unwrap();
        let refusal = throttles.try_admit(Instant::ZERO, way(STAGE, ROUTE)).unwrap_err();
        assert_eq!(refusal, Refusal { scope: Scope::Route, until: Instant::ZERO + Span::from_ms(500) });
    }

    #[test]
    fn what_the_account_refuses_takes_no_token_from_the_route() {
        let mut throttles = throttles(None, Some(per_second(1, 2)), per_second(1, 1));
        let scopes = [(); 4].map(|()| refused(&mut throttles, STAGE, ROUTE));
        assert_eq!(scopes, [None, Some(Scope::Account), Some(Scope::Account), Some(Scope::Account)]);
        let later = Instant::ZERO + Span::from_secs(1);
        assert_eq!(throttles.try_admit(later, way(STAGE, ROUTE)), Ok(()));
    }

    /// A plan of both stages with two keys.
    fn plan(throttle: Option<Throttle>, route_throttles: Vec<(StageId, RouteId, Throttle)>) -> UsagePlan {
        let (stages, keys) = (vec![STAGE, StageId(1)], vec![KeyId(0), KeyId(1)]);
        UsagePlan { name: String::new(), stages, keys, throttle, route_throttles, quota: None }
    }

    fn with_plan(mut model: Model, plan: UsagePlan) -> Throttles {
        let key = || ApiKey { name: String::new(), value: String::new(), enabled: true };
        (model.plans, model.keys) = (vec![plan], vec![key(), key()]);
        Throttles::new(&model)
    }

    /// Who refuses the n-th of these requests, each by stage, route and seat.
    fn scopes(throttles: &mut Throttles, ways: &[(u16, RouteId, u32)]) -> Vec<Option<Scope>> {
        let one = |(stage, route, seat): &(u16, RouteId, u32)| {
            let way = Way { stage: StageId(*stage), route: *route, seat: Some(SeatId(*seat)) };
            throttles.try_admit(Instant::ZERO, way).err().map(|refusal| refusal.scope)
        };
        ways.iter().map(one).collect()
    }

    #[test]
    fn a_plan_s_throttle_holds_for_each_key_over_all_stages_and_routes() {
        let mut throttles = with_plan(model(None, None, per_second(100, 100)), plan(Some(per_second(1, 2)), Vec::new()));
        let found = scopes(&mut throttles, &[(0, ROUTE, 0), (1, OTHER, 0), (0, OTHER, 0), (1, ROUTE, 1)]);
        assert_eq!(found, [None, None, Some(Scope::Key), None]);
    }

    #[test]
    fn a_plan_s_throttle_of_a_method_holds_beside_that_of_the_key_and_for_its_stage_alone() {
        let plan = plan(Some(per_second(1, 3)), vec![(STAGE, ROUTE, per_second(1, 1))]);
        let mut throttles = with_plan(model(None, None, per_second(100, 100)), plan);
        let found =
            scopes(&mut throttles, &[(0, ROUTE, 0), (0, ROUTE, 0), (1, ROUTE, 0), (0, OTHER, 0), (0, ROUTE, 0), (0, OTHER, 0)]);
        assert_eq!(found, [None, Some(Scope::KeyRoute), None, None, Some(Scope::KeyRoute), Some(Scope::Key)]);
    }

    #[test]
    fn what_a_later_bucket_refuses_takes_no_token_from_the_plan_s() {
        let plan = plan(Some(per_second(1, 2)), vec![(STAGE, ROUTE, per_second(1, 2))]);
        let mut throttles = with_plan(model(None, Some(per_second(1, 1)), per_second(1, 2)), plan);
        let found = scopes(&mut throttles, &[(0, ROUTE, 0), (0, ROUTE, 0), (0, ROUTE, 0), (0, OTHER, 0), (0, OTHER, 1)]);
        assert_eq!(found, [None, Some(Scope::Route), Some(Scope::Route), None, Some(Scope::Account)]);
    }

    #[test]
    fn a_route_of_another_deployment_with_the_same_key_shares_the_bucket_and_the_setting() {
        let mut model = model(Some(per_second(1, 9)), Some(per_second(1, 2)), per_second(100, 100));
        model.deployments.push(Deployment::new(ApiId(0), "next"));
        model.routes.push(Route { deployment: DeploymentId(1), ..model.routes[0].clone() });
        let mut throttles = Throttles::new(&model);
        let found = [ROUTE, RouteId(2), RouteId(2), ROUTE].map(|route| refused(&mut throttles, STAGE, route));
        assert_eq!(found, [None, None, Some(Scope::Route), Some(Scope::Route)]);
    }

    #[test]
    fn the_account_is_shared_by_all_apis_which_else_share_nothing() {
        let mut model = model(Some(per_second(1, 1)), None, per_second(1, 2));
        model.apis.push(Api::new(ApiKind::Http, "d4e5f6"));
        model.deployments.push(Deployment::new(ApiId(1), "current"));
        let mut stage = Stage::new(ApiId(1), "one", DeploymentId(1));
        stage.throttle = Some(per_second(1, 1));
        model.stages.push(stage);
        model.routes.push(Route { deployment: DeploymentId(1), ..model.routes[0].clone() });
        let mut throttles = Throttles::new(&model);
        let other = (StageId(2), RouteId(2));
        let ways = [(STAGE, ROUTE), other, (STAGE, OTHER), other, (STAGE, ROUTE)];
        let found = ways.map(|(stage, route)| refused(&mut throttles, stage, route));
        assert_eq!(found, [None, None, Some(Scope::Account), Some(Scope::Stage), Some(Scope::Stage)]);
    }
}
