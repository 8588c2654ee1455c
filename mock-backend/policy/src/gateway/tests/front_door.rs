//! The rules of the front door, as sentences.

use super::*;
use crate::call::{AnswerId, CacheUse, EntryId, Freshness, Identity, Invalid, Judged, Mapped, Permission, Verdict, Warning};
use crate::model::{
    ApiKey, Cache, CachedStatuses, Canary, Charge, Cors, Deployment, Invalidation, KeyId, ParameterRule, Period, Quota,
    QuotaBegins, Requirement, Source, StageCache, ToldFirst, Unconfirmed, UnknownStage, UsagePlan,
};

const PROD: StageId = StageId(0);
const KEY: Credential = Credential::Key(KeyId(0));

/// What the bytes of a request say.
#[derive(Clone, Copy, Default)]
struct Says {
    invalid: Option<Invalid>,
    value: u8,
    freshness: Freshness,
    bytes: u64,
    hits: usize,
}

impl Evidence for Says {
    fn examine(&mut self, _: RouteId) -> Result<(), Invalid> {
        self.invalid.map_or(Ok(()), Err)
    }

    fn cache_key(&mut self, _: RouteId, key: &mut Vec<u8>) -> Freshness {
        key.push(self.value);
        self.freshness
    }

    fn on_hit(&mut self, _: EntryId) {
        self.hits += 1;
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

    fn integrate(&mut self, _: RouteId) -> Mapped {
        Mapped::Answer(Content { status: 200, bytes: self.bytes })
    }
}

/// What the client sees of a request, and what became of the cache. Whatever the gateway has to do is done afterwards.
fn said(gateway: &mut Gateway, now: Instant, call: Call, says: &mut Says) -> Reply {
    gateway.advance(now);
    let arrival = gateway.arrive(now, call.arrival.api, call.arrival.stage);
    said_to(gateway, now, Call { arrival, ..call }, says)
}

/// The same for a request that has arrived.
fn said_to(gateway: &mut Gateway, now: Instant, call: Call, evidence: &mut dyn Evidence) -> Reply {
    gateway.on_call(now, call, evidence);
    while let Some(due) = gateway.next_deadline() {
        gateway.advance(due);
    }
    let replies = std::iter::from_fn(|| gateway.take_action()).filter_map(|action| match action {
        Action::Reply(reply) => Some(reply),
        Action::Start(..) | Action::Resume(_) | Action::Cancel(_) | Action::Forget(_) | Action::LetGo(_) | Action::Reap(..) => {
            None
        }
        Action::Close(..) | Action::Push(..) | Action::Pushed(_) => unreachable!("no connection is asked for here"),
    });
    replies.last().expect("a call has a reply")
}

fn reason(gateway: &mut Gateway, now: Instant, call: Call) -> Reason {
    said(gateway, now, call, &mut Says::default()).reason
}

fn sized(url: u64, line: u64, headers: u64) -> Call {
    Call { size: Size { url, line, headers, body: 0 }, ..call(0) }
}

fn with_key(key: Credential) -> Call {
    Call { key, ..call(0) }
}

/// One route that needs a key, a plan for key 0 with this throttle and quota, and a key 1 in no plan.
fn with_plan(throttle: Option<Throttle>, quota: Option<Quota>) -> Build {
    gateway(ApiKind::Rest).mock().mock().set(|model| {
        model.routes[0].api_key = Requirement::Required;
        let key = |enabled| ApiKey { name: String::new(), value: String::new(), enabled };
        model.keys = vec![key(true), key(true), key(false)];
        let (stages, keys) = (vec![PROD], vec![KeyId(0), KeyId(2)]);
        model.plans = vec![UsagePlan { name: String::new(), stages, keys, throttle, route_throttles: Vec::new(), quota }];
    })
}

/// A route that is cached for ten seconds in this much room.
fn cached(capacity_bytes: u64, invalidation: Invalidation) -> Build {
    gateway(ApiKind::Rest).mock().set(|model| {
        let default = Cache::For(Span::from_secs(10));
        model.routes[0].method = Some("GET".to_owned());
        model.stages[0].cache = Some(StageCache { capacity_bytes, default, routes: Vec::new(), invalidation });
    })
}

/// A second deployment with the same routes, which answer 299.
fn with_next(build: Build) -> Build {
    build.set(|model| {
        model.deployments.push(Deployment::new(ApiId(0), "next"));
        for mut route in model.routes.clone() {
            (route.deployment, route.integration) = (DeploymentId(1), Integration::fixed(299, ""));
            model.routes.push(route);
        }
    })
}

#[test]
fn the_length_of_url_and_head_is_looked_at_before_the_stage() {
    let mut rest = gateway(ApiKind::Rest).mock().start().gateway;
    for (call, expected) in [
        (sized(10_240, 0, 20_480), Reason::Served),
        (sized(10_241, 0, 20_481), Reason::UrlTooLong),
        (sized(0, 1_000, 20_480), Reason::Served),
        (sized(0, 0, 20_481), Reason::HeadersTooLarge),
        (to(None, sized(0, 0, 20_481)), Reason::HeadersTooLarge),
    ] {
        assert_eq!(reason(&mut rest, at(0), call), expected);
    }
    let mut http = gateway(ApiKind::Http).mock().start().gateway;
    assert_eq!(reason(&mut http, at(0), sized(0, 240, 10_000)), Reason::Served);
    assert_eq!(reason(&mut http, at(0), sized(0, 241, 10_000)), Reason::HeadersTooLarge);
    assert_eq!(said(&mut http, at(0), sized(0, u64::MAX, u64::MAX), &mut Says::default()).status, 431);
    assert_eq!(said(&mut http, at(0), sized(10_241, 0, 0), &mut Says::default()).status, 414);
}

#[test]
fn a_preflight_request_is_answered_without_a_route_where_an_http_api_shares_across_origins() {
    let preflight = Call { purpose: Purpose::Preflight, route: None, ..call(0) };
    for (kind, cors, expected) in [
        (ApiKind::Http, true, (204, Reason::Preflight)),
        (ApiKind::Http, false, (404, Reason::NoRoute)),
        (ApiKind::Rest, true, (403, Reason::NoRoute)),
    ] {
        let throttle = per_second(1, 0);
        let cors = |model: &mut Model| {
            model.deployments[0].cors = cors.then(Cors::default);
            model.account.throttle = throttle;
        };
        let mut gateway = gateway(kind).mock().set(cors).start().gateway;
        let reply = said(&mut gateway, at(0), preflight, &mut Says::default());
        assert_eq!((reply.status, reply.reason), expected);
    }
}

#[test]
fn a_key_must_be_there_known_switched_on_and_in_a_plan_of_the_stage() {
    let mut gateway = with_plan(None, None).start().gateway;
    for (key, expected) in [
        (Credential::Absent, Reason::KeyRefused),
        (Credential::Unknown, Reason::KeyRefused),
        (Credential::Key(KeyId(0)), Reason::Served),
        (Credential::Key(KeyId(1)), Reason::KeyRefused),
        (Credential::Key(KeyId(2)), Reason::KeyRefused),
        (Credential::Key(KeyId(9)), Reason::KeyRefused),
    ] {
        assert_eq!(reason(&mut gateway, at(0), with_key(key)), expected, "{key:?}");
    }
    assert_eq!(said(&mut gateway, at(0), call(0), &mut Says::default()).status, 403);
    assert_eq!(reason(&mut gateway, at(0), call(1)), Reason::Served);
    assert_eq!(gateway.plan_of(PROD, KeyId(0)), Some(PlanId(0)));
    assert_eq!(gateway.plan_of(PROD, KeyId(2)), None);
}

#[test]
fn a_refused_key_takes_no_token_of_the_account() {
    let mut gateway = with_plan(None, None).set(|model| model.account.throttle = per_second(1, 1)).start().gateway;
    let reasons = [Credential::Absent, Credential::Unknown, KEY, KEY].map(|key| reason(&mut gateway, at(0), with_key(key)));
    let throttled = Reason::Throttled(Scope::Account);
    assert_eq!(reasons, [Reason::KeyRefused, Reason::KeyRefused, Reason::Served, throttled]);
}

#[test]
fn a_spent_quota_is_told_before_any_throttle_and_a_429_uses_none_of_it() {
    let quota = Some(Quota { limit: 2, period: Period::Day, offset: 0 });
    let mut gateway = with_plan(Some(per_second(1, 1)), quota).start().gateway;
    let used = |gateway: &Gateway| gateway.usage(PlanId(0), KeyId(0)).map(|usage| (usage.used, usage.remaining));
    let mut next = |now| (reason(&mut gateway, at(now), with_key(KEY)), used(&gateway));
    assert_eq!(next(0), (Reason::Served, Some((1, 1))));
    assert_eq!(next(0), (Reason::Throttled(Scope::Key), Some((1, 1))));
    assert_eq!(next(1_000), (Reason::Served, Some((2, 0))));
    assert_eq!(next(1_000), (Reason::QuotaExceeded, Some((2, 0))));
    assert_eq!(next(86_400_000), (Reason::Served, Some((1, 1))));
}

#[test]
fn a_quota_s_day_begins_at_midnight_of_the_wall() {
    let quota = Some(Quota { limit: 1, period: Period::Day, offset: 0 });
    let mut driven = with_plan(None, quota).start();
    let mut gateway = std::mem::replace(&mut driven.gateway, Gateway::new(Arc::new(gateway(ApiKind::Rest).0), Seed::new(1)))
        .at_wall(Span::from_secs(86_399));
    let reasons = [0, 999, 1_000, 1_001].map(|now| reason(&mut gateway, at(now), with_key(KEY)));
    assert_eq!(reasons, [Reason::Served, Reason::QuotaExceeded, Reason::Served, Reason::QuotaExceeded]);
}

#[test]
fn a_request_to_a_route_without_required_key_counts_for_no_plan() {
    let quota = Some(Quota { limit: 1, period: Period::Day, offset: 0 });
    let mut gateway = with_plan(Some(per_second(1, 1)), quota).start().gateway;
    for _ in 0..3 {
        assert_eq!(reason(&mut gateway, at(0), Call { key: KEY, ..call(1) }), Reason::Served);
    }
    assert_eq!(reason(&mut gateway, at(0), with_key(KEY)), Reason::Served);
}

#[test]
fn validation_comes_after_the_throttle_and_before_the_cache() {
    let check = |model: &mut Model| {
        model.routes[0].validation.required = vec![ParameterRule { source: Source::Query, name: "q".to_owned() }];
        model.stages[0].throttle = Some(per_second(1, 3));
    };
    let mut gateway = cached(100, Invalidation::Refused).set(check).start().gateway;
    let mut bad = Says { invalid: Some(Invalid::Parameters), freshness: Freshness::Anew, ..Says::default() };
    let reply = said(&mut gateway, at(0), call(0), &mut bad);
    assert_eq!((reply.status, reply.reason, reply.cache), (400, Reason::Invalid(Invalid::Parameters), CacheUse::None));
    bad.invalid = None;
    let reply = said(&mut gateway, at(0), call(0), &mut bad);
    assert_eq!((reply.status, reply.reason, reply.cache), (403, Reason::InvalidationRefused, CacheUse::None));
    assert_eq!(reason(&mut gateway, at(0), call(0)), Reason::Served);
    assert_eq!(reason(&mut gateway, at(0), call(0)), Reason::Throttled(Scope::Stage));
}

#[test]
fn an_answer_is_kept_from_its_reply_until_its_time_is_up() {
    let mut gateway = cached(100, Invalidation::Open).start().gateway;
    let mut says = Says { bytes: 7, ..Says::default() };
    let first = said(&mut gateway, at(0), call(0), &mut says);
    assert_eq!((first.at, first.cache), (at(4), CacheUse::Kept(EntryId(0))));
    let hit = said(&mut gateway, at(5_000), call(0), &mut says);
    assert_eq!((hit.at, hit.status, hit.cache), (at(5_004), 200, CacheUse::Hit(EntryId(0))));
    assert_eq!((hit.reason, hit.timing.integration, says.hits), (Reason::Served, None, 1));
    let last = Instant::from_ns(at(10_004).as_ns() - 1);
    assert_eq!(said(&mut gateway, last, call(0), &mut says).cache, CacheUse::Hit(EntryId(0)));
    gateway.advance(at(10_004));
    assert_eq!(said(&mut gateway, at(10_005), call(0), &mut says).cache, CacheUse::Kept(EntryId(1)));
}

#[test]
fn what_has_ended_is_told_to_be_forgotten() {
    let mut gateway = cached(100, Invalidation::Open).start().gateway;
    said(&mut gateway, at(0), call(0), &mut Says::default());
    gateway.advance(at(10_003));
    assert_eq!(gateway.take_action(), None);
    gateway.advance(at(10_004));
    assert_eq!(gateway.take_action(), Some(Action::Forget(EntryId(0))));
    assert_eq!((gateway.take_action(), gateway.kept_answers()), (None, 0));
}

#[test]
fn a_flush_empties_the_cache_of_its_stage() {
    let mut gateway = cached(100, Invalidation::Open).start().gateway;
    said(&mut gateway, at(0), call(0), &mut Says::default());
    gateway.flush(at(5), StageId(9));
    assert_eq!(gateway.kept_answers(), 1);
    gateway.flush(at(5), PROD);
    assert_eq!(gateway.take_action(), Some(Action::Forget(EntryId(0))));
    assert_eq!(said(&mut gateway, at(5), call(0), &mut Says::default()).cache, CacheUse::Kept(EntryId(1)));
}

#[test]
fn a_client_s_wish_for_a_new_entry_does_what_the_stage_allows() {
    let refused = (Reason::InvalidationRefused, CacheUse::None, None);
    let hit = |warning| (Reason::Served, CacheUse::Hit(EntryId(0)), warning);
    for (invalidation, expected) in [
        (Invalidation::Open, (Reason::Served, CacheUse::Kept(EntryId(1)), None)),
        (Invalidation::Refused, refused),
        (Invalidation::IgnoredWithWarning, hit(Some(Warning::InvalidationIgnored))),
        (Invalidation::Ignored, hit(None)),
    ] {
        let mut gateway = cached(100, invalidation).start().gateway;
        said(&mut gateway, at(0), call(0), &mut Says::default());
        let mut anew = Says { freshness: Freshness::Anew, ..Says::default() };
        let reply = said(&mut gateway, at(100), call(0), &mut anew);
        assert_eq!((reply.reason, reply.cache, reply.warning), expected, "{invalidation:?}");
        assert_eq!(gateway.kept_answers(), 1);
    }
}

#[test]
fn the_canary_has_its_share_of_the_requests_and_its_own_cache_unless_it_shares() {
    for (shares_cache, keeps) in [(false, 2), (true, 1)] {
        let canary = Canary { share: 0.3, deployment: DeploymentId(1), variables: Vec::new(), shares_cache };
        let build = with_next(cached(100, Invalidation::Open)).set(|model| model.stages[0].canary = Some(canary));
        let mut gateway = build.start().gateway;
        let (mut canaries, mut kept) = (0, 0);
        for _ in 0..2_000 {
            let arrival = gateway.arrive(at(0), ApiId(0), Some(PROD));
            let is_canary = arrival.release == Release::Canary;
            assert_eq!(arrival.deployment, Some(DeploymentId(u16::from(is_canary))));
            canaries += u32::from(is_canary);
            let reply = said_to(&mut gateway, at(0), Call { arrival, ..call(u16::from(is_canary)) }, &mut Says::default());
            kept += u32::from(matches!(reply.cache, CacheUse::Kept(_)));
        }
        // Binomial(2,000, 0.3): five standard deviations are 103.
        assert!((497..703).contains(&canaries), "{canaries}");
        assert_eq!((kept, gateway.kept_answers()), (keeps, keeps as usize));
    }
}

#[test]
fn a_stage_moves_at_its_instant_and_who_has_arrived_keeps_his_snapshot() {
    let late = Move { at: ms(10), stage: PROD, deployment: DeploymentId(1) };
    let mut gateway = with_next(gateway(ApiKind::Rest).mock()).set(|model| model.moves = vec![late]).start().gateway;
    let before = gateway.arrive(Instant::from_ns(at(10).as_ns() - 1), ApiId(0), Some(PROD));
    let after = gateway.arrive(at(10), ApiId(0), Some(PROD));
    assert_eq!((before.deployment, after.deployment), (Some(DeploymentId(0)), Some(DeploymentId(1))));
    let statuses = [(before, 0), (after, 1), (before, 1), (after, 0)].map(|(arrival, route)| {
        let model = Arc::clone(gateway.model());
        let reply = said_to(&mut gateway, at(20), Call { arrival, ..call(route) }, &mut Plain(&model));
        (reply.arrival == arrival, reply.status)
    });
    assert_eq!(statuses, [(true, 204), (true, 299), (true, 403), (true, 403)]);
}

#[test]
fn moves_that_wait_for_the_run_count_from_its_beginning_and_no_second_one_begins() {
    let late = Move { at: ms(10), stage: PROD, deployment: DeploymentId(1) };
    let gateway = with_next(gateway(ApiKind::Rest).mock()).set(|model| model.moves = vec![late]).start().gateway;
    let mut gateway = gateway.awaiting_begin();
    let serving = |gateway: &mut Gateway, now| {
        gateway.advance(now);
        gateway.serving(PROD)
    };
    assert_eq!(serving(&mut gateway, at(50)), Some(DeploymentId(0)), "nobody began");
    gateway.begin_run(at(50), at(60));
    assert_eq!(serving(&mut gateway, at(69)), Some(DeploymentId(0)));
    assert_eq!(serving(&mut gateway, at(70)), Some(DeploymentId(1)));
    assert_eq!(gateway.deploy(at(71), PROD, DeploymentId(0)), Ok(()));
    gateway.begin_run(at(72), at(72));
    assert_eq!(serving(&mut gateway, at(90)), Some(DeploymentId(0)), "it had begun before");
}

#[test]
fn a_stage_takes_only_deployments_of_its_own_api() {
    let mut gateway = with_next(gateway(ApiKind::Rest).mock())
        .set(|model| {
            model.apis.push(Api::new(ApiKind::Http, "other"));
            model.deployments.push(Deployment::new(ApiId(1), "foreign"));
        })
        .start()
        .gateway;
    assert_eq!(gateway.deploy(at(1), PROD, DeploymentId(1)), Ok(()));
    assert_eq!(gateway.serving(PROD), Some(DeploymentId(1)));
    for (stage, deployment) in [(0, 2), (0, 9), (9, 0)] {
        let (stage, deployment) = (StageId(stage), DeploymentId(deployment));
        assert_eq!(gateway.deploy(at(2), stage, deployment), Err(DeployError { stage, deployment }));
    }
    assert_eq!(gateway.serving(PROD), Some(DeploymentId(1)));
}

#[test]
fn a_stage_that_moves_takes_its_buckets_along() {
    let mut gateway =
        with_next(gateway(ApiKind::Rest).mock()).set(|model| model.stages[0].throttle = Some(per_second(1, 1))).start().gateway;
    assert_eq!(reason(&mut gateway, at(0), call(0)), Reason::Served);
    gateway.deploy(at(0), PROD, DeploymentId(1)).unwrap();
    assert_eq!(reason(&mut gateway, at(0), call(1)), Reason::Throttled(Scope::Stage));
}

#[test]
fn a_forged_snapshot_finds_nothing_and_panics_nowhere() {
    let mut gateway = gateway(ApiKind::Rest).mock().start().gateway;
    for (stage, deployment, expected) in
        [(Some(9), Some(0), Reason::NoStage), (Some(0), Some(9), Reason::NoStage), (Some(0), None, Reason::NoStage)]
    {
        let arrival = Arrival {
            stage: stage.map(StageId),
            deployment: deployment.map(DeploymentId),
            ..gateway.arrive(at(0), ApiId(9), None)
        };
        assert_eq!(said_to(&mut gateway, at(0), Call { arrival, ..call(0) }, &mut Says::default()).reason, expected);
    }
}

fn unconfirmed(build: Build, unconfirmed: Unconfirmed) -> Gateway {
    build.set(|model| model.apis[0].unconfirmed = unconfirmed).start().gateway
}

#[test]
fn a_request_without_a_stage_is_answered_as_by_the_api_whose_door_it_came_in_by() {
    let other = |model: &mut Model| {
        let mut api = Api { refusal: Latency::constant(ms(7)), ..Api::new(ApiKind::Rest, "other") };
        api.limits.url_bytes = 100;
        api.unconfirmed.unknown_stage = UnknownStage::NotFound;
        model.apis.push(api);
    };
    let mut gateway = gateway(ApiKind::Http).mock().set(other).start().gateway;
    let mut ask = |api, url| {
        let arrival = gateway.arrive(at(0), ApiId(api), None);
        assert_eq!(arrival.api, ApiId(api));
        let reply = said_to(&mut gateway, at(0), Call { arrival, ..sized(url, 0, 0) }, &mut Says::default());
        (reply.status, reply.reason, reply.at.since(reply.timing.received))
    };
    assert_eq!(ask(0, 101), (404, Reason::NoStage, ms(1)));
    assert_eq!(ask(1, 100), (404, Reason::NoStage, ms(7)));
    assert_eq!(ask(1, 101), (414, Reason::UrlTooLong, ms(7)));
}

#[test]
fn a_request_with_a_stage_belongs_to_its_stage_s_api_whatever_the_door() {
    let mut gateway =
        gateway(ApiKind::Http).mock().set(|model| model.apis.push(Api::new(ApiKind::Rest, "other"))).start().gateway;
    assert_eq!(gateway.arrive(at(0), ApiId(1), Some(PROD)).api, ApiId(0));
}

#[test]
fn an_api_set_so_tells_of_a_throttle_before_the_quota_and_lets_it_use_some() {
    let quota = Some(Quota { limit: 2, period: Period::Day, offset: 0 });
    let set = Unconfirmed { told_first: ToldFirst::Throttle, throttled_requests: Charge::Counted, ..Unconfirmed::default() };
    let mut gateway = unconfirmed(with_plan(Some(per_second(1, 1)), quota), set);
    let mut next = |now| (reason(&mut gateway, at(now), with_key(KEY)), gateway.usage(PlanId(0), KeyId(0)).unwrap().used);
    assert_eq!(next(0), (Reason::Served, 1));
    assert_eq!(next(0), (Reason::Throttled(Scope::Key), 2));
    assert_eq!(next(0), (Reason::Throttled(Scope::Key), 2));
    assert_eq!(next(1_000), (Reason::QuotaExceeded, 2));
    // Neither took a token.
    assert_eq!(next(86_400_000), (Reason::Served, 1));
}

#[test]
fn an_api_set_so_lets_a_refused_key_take_a_token_of_the_account() {
    let build = with_plan(None, None).set(|model| model.account.throttle = per_second(1, 2));
    let mut gateway = unconfirmed(build, Unconfirmed { refused_keys: Charge::Counted, ..Unconfirmed::default() });
    let reasons = [Credential::Absent, KEY, Credential::Unknown, KEY].map(|key| reason(&mut gateway, at(0), with_key(key)));
    assert_eq!(reasons, [Reason::KeyRefused, Reason::Served, Reason::KeyRefused, Reason::Throttled(Scope::Account)]);
}

#[test]
fn an_api_set_so_begins_a_quota_s_period_with_the_key_s_first_request() {
    let quota = Some(Quota { limit: 1, period: Period::Day, offset: 0 });
    let mut gateway =
        unconfirmed(with_plan(None, quota), Unconfirmed { quota_begins: QuotaBegins::FirstUse, ..Unconfirmed::default() })
            .at_wall(Span::from_secs(86_399));
    let reasons = [0, 1_000, 86_399_999, 86_400_000].map(|now| reason(&mut gateway, at(now), with_key(KEY)));
    assert_eq!(reasons, [Reason::Served, Reason::QuotaExceeded, Reason::QuotaExceeded, Reason::Served]);
}

#[test]
fn the_response_cache_keeps_the_statuses_that_its_api_is_set_to() {
    for (cached_statuses, kept) in [
        (CachedStatuses::Success, [true, false, false]),
        (CachedStatuses::AllButServerErrors, [true, true, false]),
        (CachedStatuses::All, [true; 3]),
    ] {
        let found = [201, 404, 503].map(|status| {
            let answers = |model: &mut Model| model.routes[0].integration = Integration::fixed(status, "");
            let set = Unconfirmed { cached_statuses, ..Unconfirmed::default() };
            let mut gateway = unconfirmed(cached(100, Invalidation::Open).set(answers), set);
            let model = Arc::clone(gateway.model());
            let arrival = gateway.arrive(at(0), ApiId(0), Some(PROD));
            let reply = said_to(&mut gateway, at(0), Call { arrival, ..call(0) }, &mut Plain(&model));
            (reply.status, reply.cache != CacheUse::Missed)
        });
        assert_eq!(found.map(|it| it.0), [201, 404, 503]);
        assert_eq!(found.map(|it| it.1), kept, "{cached_statuses:?}");
    }
}
