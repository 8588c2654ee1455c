//! The laws that hold for every model and every sequence of requests, and the comparison with the oracle.

mod some;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use self::some::{some_model, some_requests, wall};
use super::oracle::{self, Coming, Says};
use super::*;
use crate::call::{
    AnswerId, CacheUse, Effect, EntryId, Freshness, Identity, Invalid, Judged, Mapped, Permission, Reply, Verdict,
};
use crate::model::{RouteId, Unconfirmed};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// What a request's bytes say; and that none of it is asked twice, or of a route that is not its own.
struct Asked<'a> {
    model: &'a Model,
    says: &'a Says,
    route: Option<RouteId>,
    /// What the driver has kept so far; `None` if it looks only now and then.
    kept: Option<&'a BTreeSet<EntryId>>,
    questions: Vec<&'static str>,
}

impl Asked<'_> {
    fn question(&mut self, what: &'static str, route: RouteId) {
        assert!(!self.questions.contains(&what), "{what} is asked twice");
        assert_eq!(self.route, Some(route));
        self.questions.push(what);
    }
}

impl Evidence for Asked<'_> {
    fn examine(&mut self, route: RouteId) -> Result<(), Invalid> {
        self.question("examine", route);
        self.says.examined
    }

    fn cache_key(&mut self, route: RouteId, key: &mut Vec<u8>) -> Freshness {
        self.question("cache_key", route);
        assert!(key.is_empty());
        key.extend_from_slice(&self.says.values);
        self.says.freshness
    }

    fn on_hit(&mut self, entry: EntryId) {
        assert!(self.kept.is_none_or(|kept| kept.contains(&entry)), "{entry:?} is not kept");
        assert!(!self.questions.contains(&"integrate"));
    }

    fn identify(&mut self, _: RouteId, _: &mut Vec<u8>) -> Identity {
        Identity::Present
    }

    fn verify(&mut self, _: RouteId) -> Verdict {
        Ok(())
    }

    fn judge(&mut self, _: RouteId, _: AnswerId, _: Span) -> Judged {
        unreachable!("no function is asked for real")
    }

    fn permission(&mut self, _: RouteId) -> Permission {
        Permission::Allowed
    }

    fn integrate(&mut self, route: RouteId) -> Mapped {
        self.question("integrate", route);
        self.says.mapped(self.model, route)
    }
}

/// The whole of the request that arrived so.
fn whole(model: &Model, request: &Coming, arrival: Arrival) -> Call {
    let route = oracle::route_in(model, arrival, request.route);
    let id = CallId(arrival.number);
    Call { id, arrival, route, purpose: request.purpose, key: request.key, size: request.size }
}

/// A driver that does all at its instant, and checks on the way what always holds.
struct Driver<'a> {
    model: &'a Model,
    requests: &'a [Coming],
    gateway: Gateway,
    reading: BTreeMap<(Instant, u64), Arrival>,
    working: BTreeMap<(Instant, usize), (EffectId, Outcome)>,
    started: BTreeMap<EffectId, u64>,
    kept: BTreeSet<EntryId>,
    gone: BTreeSet<EntryId>,
    replies: Vec<Reply>,
}

impl<'a> Driver<'a> {
    fn new(model: &'a Model, seed: Seed, requests: &'a [Coming]) -> Self {
        let gateway = Gateway::new(Arc::new(model.clone()), seed).at_wall(wall());
        let (reading, working, started) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (kept, gone, replies) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        Self { model, requests, gateway, reading, working, started, kept, gone, replies }
    }

    /// Until nothing is left to happen.
    fn drive(&mut self) {
        let mut heads: VecDeque<&Coming> = self.requests.iter().collect();
        loop {
            let head = heads.front().map(|request| request.at);
            let next_whole = self.reading.keys().next().map(|key| key.0);
            let answer = self.working.keys().next().map(|key| key.0);
            let next = [self.gateway.next_deadline(), head, next_whole, answer];
            let Some(now) = next.into_iter().flatten().min() else { break };
            self.gateway.advance(now);
            self.take_actions(now);
            assert!(self.gateway.next_deadline().is_none_or(|due| due > now), "a deadline in the past");
            if head == Some(now) {
                let request = heads.pop_front().unwrap();
                let arrival = self.gateway.arrive(now, ApiId(0), request.stage);
                self.reading.insert((now + request.reading, arrival.number), arrival);
            } else if next_whole == Some(now) {
                let arrival = self.reading.pop_first().unwrap().1;
                self.call(now, arrival);
            } else if answer == Some(now) {
                let (id, what) = self.working.pop_first().unwrap().1;
                self.gateway.on_effect(now, id, what);
            }
            self.take_actions(now);
        }
        assert_eq!(self.gateway.in_flight(), 0);
    }

    fn call(&mut self, now: Instant, arrival: Arrival) {
        let request = &self.requests[arrival.number as usize];
        let call = whole(self.model, request, arrival);
        let kept = Some(&self.kept);
        let mut asked = Asked { model: self.model, says: &request.says, route: call.route, kept, questions: Vec::new() };
        self.gateway.on_call(now, call, &mut asked);
    }

    fn take_actions(&mut self, now: Instant) {
        while let Some(action) = self.gateway.take_action() {
            match action {
                Action::Reply(reply) => self.on_reply(now, reply),
                Action::Start(id, Effect::Integrate { call, .. }) => {
                    let request = &self.requests[call.0 as usize];
                    let order = self.started.len();
                    assert!(self.started.insert(id, call.0).is_none(), "the name of other work is used again");
                    self.working.insert((now + request.takes, order), (id, oracle::outcome(request)));
                }
                Action::Resume(_) => unreachable!("no law here has an authorizer"),
                Action::Start(_, Effect::Invoke { .. }) | Action::LetGo(_) | Action::Reap(..) => {
                    panic!("no function here is real")
                }
                Action::Close(..) | Action::Push(..) | Action::Pushed(_) => unreachable!("no law here has a connection"),
                Action::Cancel(id) => assert!(self.started.contains_key(&id), "cancelled what did not run"),
                Action::Forget(entry) => {
                    assert!(self.kept.remove(&entry), "{entry:?} was not kept");
                    assert!(self.gone.insert(entry));
                }
            }
        }
        assert_eq!(self.gateway.kept_answers(), self.kept.len(), "the driver holds what the cache does");
    }

    fn on_reply(&mut self, now: Instant, reply: Reply) {
        assert!(reply.at == now && self.replies.last().is_none_or(|last| last.at <= now), "out of order");
        let deployment = reply.route.map(|route| self.model.routes[usize::from(route.0)].deployment);
        assert!(deployment.is_none() || deployment == reply.arrival.deployment, "two snapshots in one reply");
        if let CacheUse::Kept(entry) = reply.cache {
            assert!(!self.gone.contains(&entry) && self.kept.insert(entry), "the name of another entry is used again");
        }
        self.replies.push(reply);
    }
}

fn by_call(mut replies: Vec<Reply>) -> Vec<Reply> {
    replies.sort_by_key(|reply| reply.call);
    replies
}

/// Whose seats there are.
fn seats(model: &Model) -> Vec<(PlanId, KeyId)> {
    crate::plans::seats(model).map(|seat| seat.holder).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn it_decides_as_the_obvious_gateway_does(model in some_model(), requests in some_requests(), seed in any::<u64>()) {
        let mut driver = Driver::new(&model, Seed::new(seed), &requests);
        driver.drive();
        let (expected, door) = oracle::replies(&model, Seed::new(seed), &requests);
        let replies = by_call(std::mem::take(&mut driver.replies));
        prop_assert_eq!(&replies, &by_call(expected));
        prop_assert_eq!(replies.len(), requests.len(), "every request gets exactly one reply");
        for (n, (reply, request)) in replies.iter().zip(&requests).enumerate() {
            prop_assert_eq!(reply.call, CallId(n as u64));
            prop_assert!(reply.at >= reply.timing.received && reply.timing.received == request.at + request.reading);
        }
        let now = driver.gateway.now;
        for (plan, key) in seats(&model) {
            let usage = driver.gateway.usage(plan, key).map(|usage| (usage.used, usage.remaining));
            prop_assert_eq!(usage, door.usage(&model, now, (plan, key)));
        }
        prop_assert_eq!(driver.gateway.kept_answers(), door.kept.iter().filter(|kept| kept.end > now).count());
    }

    #[test]
    fn a_driver_that_looks_only_now_and_then_gets_the_same_replies(
        model in some_model(), requests in some_requests(), gap in 1_u64..200,
    ) {
        // Without external work, which would begin when the driver looks.
        let model = Model { routes: some::without_external(&model), ..model };
        let requests: Vec<Coming> = requests.into_iter().map(|it| Coming { reading: Span::ZERO, ..it }).collect();
        let mut gateway = Gateway::new(Arc::new(model.clone()), Seed::new(3)).at_wall(wall());
        for request in &requests {
            let call = whole(&model, request, gateway.arrive(request.at, ApiId(0), request.stage));
            let mut asked = Asked { model: &model, says: &request.says, route: call.route, kept: None, questions: Vec::new() };
            gateway.on_call(request.at, call, &mut asked);
        }
        let mut now = Instant::ZERO;
        while let Some(due) = gateway.next_deadline() {
            now = now.max(due) + Span::from_ns(gap);
            gateway.advance(now);
        }
        let actions: Vec<Action> = std::iter::from_fn(|| gateway.take_action()).collect();
        let replies: Vec<Reply> =
            actions.into_iter().filter_map(|action| if let Action::Reply(reply) = action { Some(reply) } else { None }).collect();
        prop_assert!(replies.is_sorted_by_key(|reply| reply.at));
        prop_assert_eq!(by_call(replies), by_call(oracle::replies(&model, Seed::new(3), &requests).0));
    }

    #[test]
    fn what_is_refused_before_the_throttles_or_by_them_uses_no_quota(
        model in some_model(), requests in some_requests(), seed in any::<u64>(),
    ) {
        // Unless an API is set to charge for it.
        let mut model = model;
        model.apis[0].unconfirmed = Unconfirmed::default();
        let mut gateway = Gateway::new(Arc::new(model.clone()), Seed::new(seed)).at_wall(wall());
        let all_used = |gateway: &Gateway| -> u64 {
            seats(&model).into_iter().filter_map(|(plan, key)| gateway.usage(plan, key)).map(|usage| usage.used).sum()
        };
        for request in &requests {
            let call = whole(&model, request, gateway.arrive(request.at, ApiId(0), request.stage));
            let (before, levels) = (all_used(&gateway), gateway.throttles.clone());
            let mut asked = Asked { model: &model, says: &request.says, route: call.route, kept: None, questions: Vec::new() };
            let mut notes = Notes::default();
            let reason = gateway.decide_on(&call, &mut asked, &mut notes).err();
            if matches!(
                reason,
                Some(
                    Reason::UrlTooLong | Reason::HeadersTooLarge | Reason::NoStage | Reason::Preflight | Reason::NoRoute
                        | Reason::KeyRefused | Reason::QuotaExceeded | Reason::Throttled(_)
                )
            ) {
                prop_assert_eq!(all_used(&gateway), before);
                prop_assert!(gateway.throttles.holds_as_much_as(&levels, request.at));
            } else {
                prop_assert!(!gateway.throttles.holds_as_much_as(&levels, request.at));
                prop_assert!(all_used(&gateway) <= before + 1);
            }
        }
    }
}

/// What the laws would be worth little without.
#[test]
fn the_laws_meet_every_kind_of_answer() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..800 {
        let model = some_model().new_tree(&mut runner).unwrap().current();
        let requests = some_requests().new_tree(&mut runner).unwrap().current();
        let mut driver = Driver::new(&model, Seed::new(seed), &requests);
        driver.drive();
        for reply in &driver.replies {
            let word = |text: String| text.split(['(', ' ']).next().unwrap().to_owned();
            let scope = if let Reason::Throttled(scope) = reply.reason { format!("{scope:?}") } else { String::new() };
            let limit =
                if let Reason::FunctionThrottled(_, limit) = reply.reason { format!("limit {limit:?}") } else { String::new() };
            let cache = format!("cache {}", word(format!("{:?}", reply.cache)));
            let release = format!("{:?}", reply.arrival.release);
            let warning = format!("warning {}", reply.warning.is_some());
            seen.extend([word(format!("{:?}", reply.reason)), scope, limit, cache, release, warning]);
        }
        seen.extend(driver.gone.first().map(|_| "gone".to_owned()));
    }
    let all = "Account Base Canary FunctionFailed FunctionThrottled HeadersTooLarge IntegrationTimeout IntegrationUnreachable Invalid \
               InvalidationRefused Key KeyRefused KeyRoute Misconfigured NoRoute NoStage PayloadTooLarge Preflight QuotaExceeded Route \
               Served Stage Throttled UnsupportedMediaType UrlTooLong gone";
    let cases = ["cache Hit", "cache Kept", "cache Missed", "cache None", "warning false", "warning true"];
    let limits = ["limit Concurrency", "limit Rate", "limit Reserved", "limit ReservedRate", "limit ScaleOut"];
    let missing: Vec<&str> = all.split_whitespace().chain(cases).chain(limits).filter(|word| !seen.contains(*word)).collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}
