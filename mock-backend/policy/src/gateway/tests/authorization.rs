//! Who may go on, when, and what it costs.

use super::*;
use crate::authorizer::AuthorizerCounts;
use crate::call::{
    AnswerId, AuthorizationUse, Credential, Denied, EntryId, Freshness, Identity, Invalid, Judged, Mapped, Permission, Purpose,
    SignatureFault, Size, TokenFault, Verdict,
};
use crate::model::{
    Api, ApiId, ApiKey, ApiKind, Authorization, Authorizer, AuthorizerFormat, AuthorizerId, AuthorizerKind, Cognito, Iam,
    IdentitySource, Integration, KeyId, KeySource, LambdaAuthorizer, LookUps, Requirement, ResourcePolicy, Route, UsagePlan,
};

pub(super) const CHECK: AuthorizerId = AuthorizerId(0);

/// What a request shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shows {
    pub(super) who: &'static str,
    pub(super) identity: Identity,
    pub(super) verdict: Verdict,
    pub(super) permission: Permission,
    /// What a function's answer is worth for it.
    pub(super) judged: Judged,
}

pub(super) const ANN: Shows = Shows {
    who: "ann",
    identity: Identity::Present,
    verdict: Ok(()),
    permission: Permission::Allowed,
    judged: Judged { verdict: Ok(()), key: Credential::Absent },
};

impl Evidence for Shows {
    fn examine(&mut self, _: RouteId) -> Result<(), Invalid> {
        Ok(())
    }

    fn cache_key(&mut self, _: RouteId, _: &mut Vec<u8>) -> Freshness {
        Freshness::Any
    }

    fn on_hit(&mut self, _: EntryId) {}

    fn identify(&mut self, _: RouteId, key: &mut Vec<u8>) -> Identity {
        assert!(key.is_empty());
        key.extend_from_slice(self.who.as_bytes());
        self.identity
    }

    fn verify(&mut self, _: RouteId) -> Verdict {
        self.verdict
    }

    fn judge(&mut self, _: RouteId, _: AnswerId, _: Span) -> Judged {
        self.judged
    }

    fn permission(&mut self, _: RouteId) -> Permission {
        self.permission
    }

    fn integrate(&mut self, _: RouteId) -> Mapped {
        Mapped::Answer(Content { status: 200, bytes: 2 })
    }
}

pub(super) fn lambda(ttl: Span, look_ups: LookUps, denials: f64) -> AuthorizerKind {
    let (identity, context, principal) = (Vec::new(), Vec::new(), "user".to_owned());
    AuthorizerKind::Lambda(LambdaAuthorizer {
        function: None,
        format: AuthorizerFormat::default(),
        identity,
        validation: None,
        ttl,
        look_ups,
        denials,
        principal,
        context,
        api_key: None,
    })
}

pub(super) fn model(kind: ApiKind, authorizer: AuthorizerKind, latency: Span) -> Model {
    let route = Route {
        authorization: Some(Authorization { authorizer: CHECK, scopes: Vec::new() }),
        ..Route::new(DeploymentId(0), Some("GET"), "/a", Integration::fixed(200, "ok"))
    };
    let mut model = Model::of(Api::new(kind, "a1b2c3"), &["prod"], vec![route]);
    let latency = Latency::constant(latency);
    model.authorizers.push(Authorizer { name: "check".to_owned(), api: ApiId(0), kind: authorizer, latency, failures: 0.0 });
    model
}

pub(super) fn gateway(model: Model) -> Gateway {
    Gateway::new(Arc::new(model), Seed::new(1))
}

/// A request of this number arrives.
pub(super) fn asks(gateway: &mut Gateway, now: Instant, number: u64, shows: Shows) {
    asks_with(gateway, (now, number), Size::default(), shows);
}

/// A request of this size.
fn asks_with(gateway: &mut Gateway, (now, number): (Instant, u64), size: Size, mut shows: Shows) {
    let arrival = gateway.arrive(now, ApiId(0), Some(StageId(0)));
    let (purpose, key) = (Purpose::Answer, Credential::Absent);
    let call = Call { id: CallId(number), arrival, route: Some(RouteId(0)), purpose, key, size };
    gateway.on_call(now, call, &mut shows);
}

/// Lets everything happen until nothing is left, going on with whoever is to be resumed: the replies, in their order.
pub(super) fn replies(gateway: &mut Gateway) -> Vec<Reply> {
    let mut replies = Vec::new();
    loop {
        while let Some(action) = gateway.take_action() {
            match action {
                Action::Reply(reply) => replies.push(reply),
                Action::Resume(call) => gateway.resume(gateway.now(), call, &mut ANN.clone()),
                Action::Start(..) | Action::Cancel(_) | Action::Forget(_) | Action::LetGo(_) | Action::Reap(..) => {}
                Action::Close(..) | Action::Push(..) | Action::Pushed(_) => unreachable!("no connection is asked for here"),
            }
        }
        let Some(due) = gateway.next_deadline() else { return replies };
        gateway.advance(due);
    }
}

pub(super) fn only(gateway: &mut Gateway, shows: Shows) -> Reply {
    asks(gateway, gateway.now(), 0, shows);
    replies(gateway)[0]
}

pub(super) fn ms(ms: u64) -> Instant {
    Instant::ZERO + Span::from_ms(ms)
}

#[test]
fn a_look_up_is_waited_for_and_its_answer_kept() {
    let check = lambda(Span::from_secs(300), LookUps::Each, 0.0);
    let mut gateway = gateway(model(ApiKind::Rest, check, Span::from_ms(40)));
    asks(&mut gateway, ms(0), 0, ANN);
    assert!(gateway.is_parked(CallId(0)));
    assert_eq!(gateway.in_flight(), 1);
    let first = replies(&mut gateway)[0];
    assert_eq!((first.at, first.timing.authorizer), (ms(40), Some(Span::from_ms(40))));
    assert_eq!((first.timing.received, first.authorization), (ms(0), AuthorizationUse::LookedUp));
    asks(&mut gateway, ms(100), 1, ANN);
    let second = replies(&mut gateway)[0];
    assert_eq!((second.at, second.timing.authorizer, second.authorization), (ms(100), None, AuthorizationUse::Hit));
    asks(&mut gateway, ms(300_040), 2, ANN);
    assert_eq!(replies(&mut gateway)[0].at, ms(300_080));
    let counts = AuthorizerCounts { asked: 3, hits: 1, look_ups: 2, ..AuthorizerCounts::default() };
    assert_eq!(gateway.authorizer_counts(CHECK), counts);
}

#[test]
fn who_shares_a_look_up_is_let_go_with_it() {
    for (look_ups, ends) in [(LookUps::Shared, [40, 40, 40]), (LookUps::Each, [40, 50, 60])] {
        let mut gateway = gateway(model(ApiKind::Rest, lambda(Span::ZERO, look_ups, 0.0), Span::from_ms(40)));
        for number in 0..3 {
            asks(&mut gateway, ms(10 * number), number, ANN);
        }
        let replies: Vec<_> = replies(&mut gateway).iter().map(|reply| (reply.call.0, reply.at)).collect();
        assert_eq!(replies, [0, 1, 2].map(|at| (at, ms(ends[at as usize]))));
    }
}

#[test]
fn who_left_while_parked_is_let_go_without_a_reply_and_the_others_are_not() {
    let mut gateway = gateway(model(ApiKind::Rest, lambda(Span::ZERO, LookUps::Shared, 0.0), Span::from_ms(40)));
    asks(&mut gateway, ms(0), 0, ANN);
    asks(&mut gateway, ms(10), 1, ANN);
    gateway.abandon(ms(20), CallId(0));
    assert_eq!(gateway.in_flight(), 1);
    let replies: Vec<_> = replies(&mut gateway).iter().map(|reply| (reply.call, reply.at)).collect();
    assert_eq!(replies, [(CallId(1), ms(40))]);
}

#[test]
fn who_shows_nothing_is_refused_and_nobody_is_asked() {
    for (identity, fault) in [(Identity::Absent, TokenFault::Missing), (Identity::Mismatched, TokenFault::Mismatched)] {
        let mut gateway = gateway(model(ApiKind::Rest, lambda(Span::ZERO, LookUps::Each, 0.0), Span::from_ms(40)));
        let reply = only(&mut gateway, Shows { identity, ..ANN });
        assert_eq!((reply.reason, reply.status, reply.at), (Reason::Unauthorized(fault), 401, ms(0)));
        assert_eq!(gateway.authorizer_counts(CHECK), AuthorizerCounts::default());
    }
    let mut unsigned = gateway(model(ApiKind::Http, AuthorizerKind::Iam(Iam::default()), Span::ZERO));
    let reply = only(&mut unsigned, Shows { identity: Identity::Absent, ..ANN });
    assert_eq!((reply.reason, reply.status), (Reason::SignatureRefused(SignatureFault::Missing), 403));
}

#[test]
fn a_denial_is_the_clients_and_a_failure_is_not() {
    let mut denying = gateway(model(ApiKind::Http, lambda(Span::ZERO, LookUps::Each, 1.0), Span::from_ms(1)));
    let denied = only(&mut denying, ANN);
    assert_eq!((denied.reason, denied.status), (Reason::AccessDenied(Denied::Explicit), 403));
    assert_eq!(denied.blame(), crate::call::Blame::Client);
    let mut failing = model(ApiKind::Http, lambda(Span::ZERO, LookUps::Each, 0.0), Span::from_ms(1));
    failing.authorizers[0].failures = 1.0;
    let failed = only(&mut gateway(failing), ANN);
    assert_eq!((failed.reason, failed.status), (Reason::AuthorizerFailed, 500));
    assert_eq!(failed.blame(), crate::call::Blame::Gateway);
}

#[test]
fn what_the_gateway_verifies_itself_it_verifies_each_time() {
    let mut gateway = gateway(model(ApiKind::Http, AuthorizerKind::Iam(Iam::default()), Span::ZERO));
    let wrong = Reason::SignatureRefused(SignatureFault::Mismatched);
    assert_eq!(only(&mut gateway, ANN).reason, Reason::Served);
    assert_eq!(only(&mut gateway, Shows { verdict: Err(wrong), ..ANN }).reason, wrong);
    assert_eq!(only(&mut gateway, ANN).reason, Reason::Served);
}

#[test]
fn of_a_signed_body_the_length_comes_before_the_signature() {
    let mut limited = model(ApiKind::Rest, AuthorizerKind::Iam(Iam::default()), Span::ZERO);
    limited.apis[0].limits.payload_bytes = 10;
    let mut answer = |authorizer: AuthorizerKind, bytes, shows: Shows| {
        limited.authorizers[0].kind = authorizer;
        let mut gateway = gateway(limited.clone());
        asks_with(&mut gateway, (ms(0), 0), Size { body: bytes, ..Size::default() }, shows);
        (replies(&mut gateway)[0].reason, gateway.authorizer_counts(CHECK).asked)
    };
    let wrong = Reason::SignatureRefused(SignatureFault::Mismatched);
    let forged = Shows { verdict: Err(wrong), ..ANN };
    let signed = || AuthorizerKind::Iam(Iam::default());
    assert_eq!(answer(signed(), 10, forged), (wrong, 1));
    assert_eq!(answer(signed(), 11, forged), (Reason::PayloadTooLarge, 0));
    assert_eq!(answer(signed(), 11, ANN), (Reason::PayloadTooLarge, 0));
    // Who signs nothing reads that, and a token that does not cover the body is looked at first.
    let missing = Reason::SignatureRefused(SignatureFault::Missing);
    assert_eq!(answer(signed(), 11, Shows { identity: Identity::Absent, ..ANN }), (missing, 0));
    let expired = Reason::Unauthorized(TokenFault::Expired);
    let identity = IdentitySource::Header("Authorization".to_owned());
    let pool = AuthorizerKind::Cognito(Cognito { issuers: Vec::new(), identity, validation: None, keys: None });
    assert_eq!(answer(pool, 11, Shows { verdict: Err(expired), ..ANN }), (expired, 1));
}

#[test]
fn a_resource_policy_denies_before_the_authorizer_and_is_taken_together_with_it_afterwards() {
    let answer = |authorizer: Option<AuthorizerKind>, shows: Shows, latency| {
        let kind = authorizer.clone().unwrap_or(AuthorizerKind::Iam(Iam::default()));
        let mut model = model(ApiKind::Rest, kind, latency);
        model.apis[0].resource_policy = Some(ResourcePolicy::default());
        if authorizer.is_none() {
            model.routes[0].authorization = None;
        }
        let mut gateway = gateway(model);
        let reason = only(&mut gateway, shows).reason;
        (reason, gateway.authorizer_counts(CHECK).asked)
    };
    let pool = || {
        let identity = IdentitySource::Header("Authorization".to_owned());
        Some(AuthorizerKind::Cognito(Cognito { issuers: Vec::new(), identity, validation: None, keys: None }))
    };
    let (explicit, implicit) = (Reason::PolicyDenied(Denied::Explicit), Reason::PolicyDenied(Denied::Implicit));
    let with = |permission| Shows { permission, ..ANN };
    let wrong = Reason::Unauthorized(TokenFault::Signature);
    for latency in [Span::ZERO, Span::from_ms(5)] {
        let check = || Some(lambda(Span::ZERO, LookUps::Each, 0.0));
        assert_eq!(answer(check(), with(Permission::Denied), latency), (explicit, 0));
        assert_eq!(answer(check(), with(Permission::Silent), latency), (Reason::Served, 1));
        let signed = || Some(AuthorizerKind::Iam(Iam::default()));
        assert_eq!(answer(signed(), with(Permission::Silent), latency), (Reason::Served, 1));
        assert_eq!(answer(pool(), with(Permission::Silent), latency), (implicit, 1));
        assert_eq!(answer(pool(), with(Permission::Allowed), latency), (Reason::Served, 1));
        // Who shows no good token reads that, whatever the policy would have said.
        assert_eq!(answer(pool(), Shows { verdict: Err(wrong), ..with(Permission::Silent) }, latency), (wrong, 1));
    }
    assert_eq!(answer(None, with(Permission::Silent), Span::ZERO), (implicit, 0));
    assert_eq!(answer(None, with(Permission::Allowed), Span::ZERO), (Reason::Served, 0));
}

#[test]
fn the_authorizer_names_the_key_where_the_api_looks_for_it_there() {
    let mut model = model(ApiKind::Rest, lambda(Span::ZERO, LookUps::Each, 0.0), Span::from_ms(5));
    model.routes[0].api_key = Requirement::Required;
    model.apis[0].key_source = KeySource::Authorizer;
    model.keys.push(ApiKey { name: "gold".to_owned(), value: "a-secret-of-some-length".to_owned(), enabled: true });
    let (stages, keys) = (vec![StageId(0)], vec![KeyId(0)]);
    let (name, route_throttles) = ("plan".to_owned(), Vec::new());
    model.plans.push(UsagePlan { name, stages, keys, throttle: None, route_throttles, quota: None });
    assert_eq!(only(&mut gateway(model.clone()), ANN).reason, Reason::KeyRefused);
    if let AuthorizerKind::Lambda(lambda) = &mut model.authorizers[0].kind {
        lambda.api_key = Some(KeyId(0));
    }
    assert_eq!(only(&mut gateway(model), ANN).reason, Reason::Served);
}
