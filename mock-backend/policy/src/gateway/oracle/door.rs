//! The obvious front door: stories instead of levels, counts and lists.

use super::Coming;
use crate::call::{CacheUse, Content, Credential, EntryId, Freshness, Mapped, Purpose, Reason, Release, Reply, Scope, Warning};
use crate::model::{
    ApiKind, Cache, CachedStatuses, Charge, HeadLimit, Invalidation, KeyId, Model, PlanId, QuotaBegins, Requirement, RouteId,
    StageId, Throttle, ToldFirst, Validation,
};
use crate::time::{Instant, Span};

/// When a day, a week and a month end together: the laws' runs start shortly before.
pub(in super::super) const BOUNDARY: Instant = Instant::from_ns(300);

/// What the front door has seen.
#[derive(Debug, Default)]
pub(in super::super) struct Door {
    /// Which bucket, and when it gave tokens.
    buckets: Vec<(Bucket, Vec<Instant>)>,
    /// Whose request of which plan was counted when.
    pub(in super::super) counted: Vec<((PlanId, KeyId), Instant)>,
    pub(in super::super) kept: Vec<Kept>,
    entries: u64,
    used: u64,
    /// By stage: the bytes that its cache holds, and each canary's own.
    capacity: Vec<Option<u64>>,
    /// Which answers are kept.
    statuses: CachedStatuses,
}

/// Which bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bucket {
    Account,
    Stage(StageId, String),
    Key(PlanId, KeyId),
    KeyRoute(PlanId, KeyId, StageId, String),
}

/// What became of a request at the front door.
#[derive(Clone, Debug, Default)]
pub(super) struct Passed {
    pub(super) content: Content,
    pub(super) from_cache: bool,
    /// Under which key, and for how long, its answer is to be kept.
    fill: Option<(Key, Span)>,
}

/// Stage, release with a cache of its own, route key, values.
type Key = (StageId, Release, String, Vec<u8>);

/// A kept answer.
#[derive(Clone, Debug)]
pub(in super::super) struct Kept {
    key: Key,
    id: EntryId,
    content: Content,
    pub(in super::super) end: Instant,
    used: u64,
}

impl Door {
    pub(super) fn new(model: &Model) -> Self {
        let capacity = model.stages.iter().map(|stage| stage.cache.as_ref().map(|cache| cache.capacity_bytes));
        let statuses = model.apis[0].unconfirmed.cached_statuses;
        Self { capacity: capacity.collect(), statuses, ..Self::default() }
    }

    pub(super) fn pass(
        &mut self,
        model: &Model,
        now: Instant,
        (request, reply): (&Coming, &mut Reply),
        passed: &mut Passed,
    ) -> Result<(), Reason> {
        let api = &model.apis[0];
        let (most, length) = match api.limits.head {
            HeadLimit::Headers(most) => (most, request.size.headers),
            HeadLimit::LineAndHeaders(most) => (most, request.size.headers + request.size.line),
        };
        refuse_if(request.size.url > api.limits.url_bytes, Reason::UrlTooLong)?;
        refuse_if(length > most, Reason::HeadersTooLarge)?;
        let (stage, deployment) = reply.arrival.stage.zip(reply.arrival.deployment).ok_or(Reason::NoStage)?;
        let has_cors = api.kind == ApiKind::Http && model.deployments[usize::from(deployment.0)].cors.is_some();
        refuse_if(has_cors && request.purpose == Purpose::Preflight, Reason::Preflight)?;
        let id = reply.route.ok_or(Reason::NoRoute)?;
        let route = &model.routes[usize::from(id.0)];
        let seat = match (route.api_key, request.key) {
            (Requirement::Required, Credential::Key(key)) => plan(model, stage, key).map(|plan| (plan, key)),
            (Requirement::Optional | Requirement::Required, _) => None,
        };
        if route.api_key == Requirement::Required && seat.is_none() {
            let account = (Bucket::Account, model.account.throttle);
            if api.unconfirmed.refused_keys == Charge::Counted && has_token(account.1, self.given(&account.0), now) {
                self.given(&account.0).push(now);
            }
            return Err(Reason::KeyRefused);
        }
        self.take(model, now, (stage, id), seat)?;
        refuse_if(request.size.body > api.limits.payload_bytes, Reason::PayloadTooLarge)?;
        if route.validation != Validation::default() {
            request.says.examined.map_err(Reason::Invalid)?;
        }
        self.look_up(model, now, (request, reply), passed)?;
        match request.says.mapped(model, id) {
            _ if passed.from_cache => Ok(()),
            Mapped::Answer(content) => {
                passed.content = content;
                Ok(())
            }
            Mapped::UnsupportedMediaType => Err(Reason::UnsupportedMediaType),
            Mapped::Misconfigured => Err(Reason::Misconfigured),
        }
    }

    /// What is left of a key's quota at `now`: used, remaining.
    pub(in super::super) fn usage(&self, model: &Model, now: Instant, (plan, key): (PlanId, KeyId)) -> Option<(u64, u64)> {
        let quota = model.plans[usize::from(plan.0)].quota?;
        // A period of first use is never over in a law: the shortest is a day.
        let by_calendar = model.apis[0].unconfirmed.quota_begins == QuotaBegins::UtcMidnight;
        let present = |at: Instant| !by_calendar || (at < BOUNDARY) == (now < BOUNDARY);
        let used = self.counted.iter().filter(|(seat, at)| *seat == (plan, key) && present(*at)).count() as u64;
        let offset = if now < BOUNDARY || !by_calendar { quota.offset } else { 0 };
        Some((used, quota.limit.saturating_sub(offset + used)))
    }

    fn take(
        &mut self,
        model: &Model,
        now: Instant,
        (id, route): (StageId, RouteId),
        seat: Option<(PlanId, KeyId)>,
    ) -> Result<(), Reason> {
        let told = &model.apis[0].unconfirmed;
        let spent = seat.and_then(|seat| self.usage(model, now, seat)).is_some_and(|(_, remaining)| remaining == 0);
        refuse_if(spent && told.told_first == ToldFirst::Quota, Reason::QuotaExceeded)?;
        let stage = &model.stages[usize::from(id.0)];
        let key = |route: RouteId| model.routes[usize::from(route.0)].key();
        let mut way: Vec<(Bucket, Throttle, Scope)> = Vec::new();
        if let Some((plan_id, holder)) = seat {
            let plan = &model.plans[usize::from(plan_id.0)];
            let method = plan.route_throttles.iter().find(|it| it.0 == id && key(it.1) == key(route));
            way.extend(method.map(|it| (Bucket::KeyRoute(plan_id, holder, id, key(route)), it.2, Scope::KeyRoute)));
            way.extend(plan.throttle.map(|it| (Bucket::Key(plan_id, holder), it, Scope::Key)));
        }
        let own = stage.route_throttles.iter().find(|it| key(it.0) == key(route)).map(|it| (it.1, Scope::Route));
        let gate = own.or(stage.throttle.map(|it| (it, Scope::Stage)));
        way.extend(gate.map(|(throttle, scope)| (Bucket::Stage(id, key(route)), throttle, scope)));
        way.push((Bucket::Account, model.account.throttle, Scope::Account));
        if let Some((.., scope)) = way.iter().find(|(bucket, throttle, _)| !has_token(*throttle, self.given(bucket), now)) {
            let counts = told.throttled_requests == Charge::Counted && !spent;
            self.counted.extend(seat.filter(|_| counts).map(|seat| (seat, now)));
            return Err(Reason::Throttled(*scope));
        }
        refuse_if(spent, Reason::QuotaExceeded)?;
        for (bucket, ..) in &way {
            self.given(bucket).push(now);
        }
        self.counted.extend(seat.map(|seat| (seat, now)));
        Ok(())
    }

    fn look_up(
        &mut self,
        model: &Model,
        now: Instant,
        (request, reply): (&Coming, &mut Reply),
        passed: &mut Passed,
    ) -> Result<(), Reason> {
        let (Some(id), Some(route)) = (reply.arrival.stage, reply.route) else { return Ok(()) };
        let (stage, route) = (&model.stages[usize::from(id.0)], &model.routes[usize::from(route.0)]);
        let Some(cache) = &stage.cache else { return Ok(()) };
        let same = |id: RouteId| model.routes[usize::from(id.0)].key() == route.key();
        let own = cache.routes.iter().find(|(id, _)| same(*id)).map(|it| it.1);
        let default = if route.method.as_deref() == Some("GET") { cache.default } else { Cache::Off };
        let Cache::For(ttl) = own.unwrap_or(default) else { return Ok(()) };
        if ttl == Span::ZERO {
            return Ok(());
        }
        let anew = request.says.freshness == Freshness::Anew;
        refuse_if(anew && cache.invalidation == Invalidation::Refused, Reason::InvalidationRefused)?;
        if anew && cache.invalidation == Invalidation::IgnoredWithWarning {
            reply.warning = Some(Warning::InvalidationIgnored);
        }
        let shares = stage.canary.as_ref().is_none_or(|canary| canary.shares_cache);
        let release = if shares { Release::Base } else { reply.arrival.release };
        let key = (id, release, route.key(), request.says.values.clone());
        self.kept.retain(|it| it.end > now);
        self.used += 1;
        let wanted = !(anew && cache.invalidation == Invalidation::Open);
        if let Some(kept) = self.kept.iter_mut().find(|it| it.key == key && wanted) {
            kept.used = self.used;
            (passed.from_cache, passed.content) = (true, kept.content);
            reply.cache = CacheUse::Hit(kept.id);
        } else {
            passed.fill = Some((key, ttl));
            reply.cache = CacheUse::Missed;
        }
        Ok(())
    }

    /// Keeps the answer that is given now, if it is one to keep.
    pub(super) fn keep(&mut self, now: Instant, reply: &mut Reply, passed: &Passed) {
        let (Some((key, ttl)), content) = (&passed.fill, passed.content) else { return };
        let capacity = self.capacity[usize::from(key.0.0)].unwrap();
        let is_kept = match self.statuses {
            CachedStatuses::Success => content.status / 100 == 2,
            CachedStatuses::AllButServerErrors => content.status / 100 != 5,
            CachedStatuses::All => true,
        };
        if !is_kept || content.bytes > capacity.min(1_048_576) {
            return;
        }
        self.used += 1;
        let id = EntryId(self.entries);
        self.entries += 1;
        self.kept.retain(|it| it.end > now && it.key != *key);
        let mine = |it: &Kept| (it.key.0, it.key.1) == (key.0, key.1);
        while self.kept.iter().filter(|it| mine(it)).map(|it| it.content.bytes).sum::<u64>() + content.bytes > capacity {
            let stalest = self.kept.iter().filter(|it| mine(it)).map(|it| it.used).min().unwrap();
            self.kept.retain(|it| !(mine(it) && it.used == stalest));
        }
        self.kept.push(Kept { key: key.clone(), id, content, end: now + *ttl, used: self.used });
        reply.cache = CacheUse::Kept(id);
    }

    fn given(&mut self, bucket: &Bucket) -> &mut Vec<Instant> {
        let at = self.buckets.iter().position(|it| it.0 == *bucket).unwrap_or_else(|| {
            self.buckets.push((bucket.clone(), Vec::new()));
            self.buckets.len() - 1
        });
        &mut self.buckets[at].1
    }
}

fn refuse_if(is_so: bool, reason: Reason) -> Result<(), Reason> {
    if is_so { Err(reason) } else { Ok(()) }
}

/// The first plan that has the key and opens the stage.
fn plan(model: &Model, stage: StageId, key: KeyId) -> Option<PlanId> {
    let enabled = model.keys.get(usize::from(key.0))?.enabled;
    let opens = |plan: &crate::model::UsagePlan| enabled && plan.keys.contains(&key) && plan.stages.contains(&stage);
    model.plans.iter().position(opens).map(|at| PlanId(at as u16))
}

/// Whether a bucket that gave one token at each of these instants has one more: in parts of a token, from the beginning.
pub(super) fn has_token(throttle: Throttle, given: &[Instant], now: Instant) -> bool {
    let token = u128::from(throttle.rate.per.as_ns());
    let full = u128::from(throttle.burst.0) * token;
    let (mut level, mut last) = (full, Instant::ZERO);
    let mut refill = |level: u128, at: Instant| {
        let brought = u128::from(at.since(last).as_ns()) * u128::from(throttle.rate.tokens);
        last = at;
        (level + brought).min(full)
    };
    for at in given {
        level = refill(level, *at) - token;
    }
    refill(level, now) >= token
}
