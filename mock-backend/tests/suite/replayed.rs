//! The policy alone decides again as it did under load on the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_mock::{Decided, DecisionRecord, Row, Settings, Summary, read_decisions};
use sluicegate_policy::call::{Action, Arrival, CacheUse, CallId, Denied, Invalid, Reason, Scope, TokenFault};
use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiKey, ApiKind, AuthorizerFormat, AuthorizerKind, Cache, Canary, Deployment, DeploymentId, Integration, Invalidation, KeyId,
    LookUps, MockIntegration, Model, Move, ParameterRule, Passthrough, Period, Quota, Requirement, RouteId, Schema, Source,
    StageCache, StageId, UsagePlan,
};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use tokio::task::JoinSet;

use crate::authorizers::guarded as guarded_by_python;
use crate::mock::{Client, function, lambda_authorizer, mock, serve, throttle};

/// What a client may send; one of each round has no key, one an unknown one.
const KEYS: [&str; 4] =
    ["x-api-key: the-key-of-the-first-one\r\n", "x-api-key: the-key-of-the-second\r\n", "x-api-key: none\r\n", ""];

/// A REST API in whose way everything stands that can: two keys in a plan with throttles and a quota, a throttled stage, and a
/// latency that varies.
fn guarded() -> (Model, Seed) {
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "ok").lambda("GET /y", function()).throttled(throttle(1_500, 20));
    let model = &mut mock.model;
    model.routes[0].api_key = Requirement::Required;
    model.routes[1].api_key = Requirement::Required;
    model.apis[0].overhead = Latency::constant(Span::from_us(150));
    for value in ["the-key-of-the-first-one", "the-key-of-the-second"] {
        model.keys.push(ApiKey { name: value.to_owned(), value: value.to_owned(), enabled: true });
    }
    model.plans.push(UsagePlan {
        name: "gold".to_owned(),
        stages: vec![StageId(0)],
        keys: vec![KeyId(0), KeyId(1)],
        throttle: Some(throttle(900, 12)),
        route_throttles: vec![(StageId(0), RouteId(0), throttle(300, 3))],
        quota: Some(Quota { limit: 20, period: Period::Day, offset: 0 }),
    });
    (mock.model, mock.seed)
}

/// A deployment beside the first, with routes of the same keys; the stage's canary serves it, and later the stage itself.
fn moving((mut model, seed): (Model, Seed)) -> (Model, Seed) {
    model.deployments.push(Deployment::new(sluicegate_policy::model::ApiId(0), "v2"));
    let again =
        model.routes.clone().into_iter().map(|route| sluicegate_policy::model::Route { deployment: DeploymentId(1), ..route });
    model.routes.extend(again);
    let canary = Canary { share: 0.3, deployment: DeploymentId(1), variables: Vec::new(), shares_cache: true };
    model.stages[0].canary = Some(canary);
    model.moves.push(Move { at: Span::from_ms(30), stage: StageId(0), deployment: DeploymentId(1) });
    (model, seed)
}

/// An API whose decisions depend on the bytes of a request: `/v` is validated, `/c` is kept for 3 ms by what `q` says, and `/t` is
/// answered by templates.
fn examining() -> (Model, Seed) {
    let mut mock = mock(ApiKind::Rest).fixed("POST /v", "valid").lambda("GET /c", function()).templated(
        "POST /t",
        r#"{"statusCode": $input.path('$.wanted')}"#,
        "$input.body",
    );
    let model = &mut mock.model;
    let parameter = |source, name: &str| ParameterRule { source, name: name.to_owned() };
    model.apis[0].overhead = Latency::constant(Span::from_us(150));
    model.deployments[0].schemas.push(Schema { name: "Order".to_owned(), text: r#"{"required": ["id"]}"#.to_owned() });
    model.routes[0].validation.required = vec![parameter(Source::Header, "X-Tenant")];
    model.routes[0].validation.body = Some(vec![("application/json".to_owned(), "Order".to_owned())]);
    model.routes[1].cache.parameters = vec![parameter(Source::Query, "q")];
    if let Integration::Mock(MockIntegration::Mapped(mapping)) = &mut model.routes[2].integration {
        mapping.passthrough = Passthrough::Never;
        let missing =
            sluicegate_policy::model::ResponseRule { pattern: Some("4..".to_owned()), status: 404, ..Default::default() };
        mapping.responses.insert(0, missing);
    }
    let routes = vec![(RouteId(1), Cache::For(Span::from_ms(3)))];
    let invalidation = Invalidation::Open;
    model.stages[0].cache = Some(StageCache { capacity_bytes: 1 << 20, default: Cache::Off, routes, invalidation });
    (mock.model, mock.seed)
}

/// Requests that end in every way in which their bytes can decide.
const EXAMINED: [&str; 11] = [
    "GET /prod/c?q=1 HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /prod/c?q=2 HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /prod/c?q=1 HTTP/1.1\r\nHost: h\r\nCache-Control: max-age=0\r\n\r\n",
    "GET /prod/c HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /prod/v HTTP/1.1\r\nHost: h\r\nX-Tenant: a\r\nContent-Length: 9\r\n\r\n{\"id\": 1}",
    "POST /prod/v HTTP/1.1\r\nHost: h\r\nX-Tenant: a\r\nContent-Length: 2\r\n\r\n{}",
    "POST /prod/v HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{\"id\": 1}",
    "POST /prod/t HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n{\"wanted\": 200}",
    "POST /prod/t HTTP/1.1\r\nHost: h\r\nContent-Length: 15\r\n\r\n{\"wanted\": 404}",
    "POST /prod/t HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "POST /prod/t HTTP/1.1\r\nHost: h\r\nContent-Type: text/csv\r\nContent-Length: 2\r\n\r\n{}",
];

/// Eight connections at once, each with its own mix of these requests; every fifth time a client asks and leaves.
async fn examined(client: Client, rounds: usize) {
    let mut clients = JoinSet::new();
    for lane in 0..8_usize {
        clients.spawn(async move {
            let mut wire = client.connect().await;
            for round in 0..rounds {
                if (round + lane) % 5 == 0 {
                    let mut leaving = client.connect().await;
                    leaving.write(EXAMINED[(round / 5 + lane) % 2].as_bytes()).await;
                    leaving.leave();
                }
                wire.write(EXAMINED[(round * 7 + lane * 3) % EXAMINED.len()].as_bytes()).await;
                wire.answer().await.unwrap();
            }
        });
    }
    clients.join_all().await;
}

/// Eight connections at once, each with its own mix of routes and keys.
async fn load(client: Client, rounds: usize) {
    let mut clients = JoinSet::new();
    for lane in 0..8_usize {
        clients.spawn(async move {
            let mut wire = client.connect().await;
            for round in 0..rounds {
                let path = if (round + lane) % 3 == 0 { "/prod/y" } else { "/prod/x" };
                let key = KEYS[(round * 7 + lane) % 11 % KEYS.len()];
                wire.write(format!("GET {path} HTTP/1.1\r\nHost: h\r\n{key}\r\n").as_bytes()).await;
                wire.answer().await.unwrap();
            }
        });
    }
    clients.join_all().await;
}

/// The record of what a gateway of this model decided under that load.
fn recorded(model: &Arc<Model>, seed: Seed, load: impl AsyncFnOnce(Client)) -> (DecisionRecord, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(Arc::clone(model), seed);
    settings.decisions = Some(folder.path().join("decisions"));
    settings.function_log = Some("/dev/null".into());
    let ((), summary) = serve(settings, load);
    (read_decisions(&folder.path().join("decisions")).unwrap(), summary)
}

/// What a fresh gateway decides when it is told the same at the same instants: arrivals and decisions by the number of the row.
fn decided_again(model: &Arc<Model>, seed: Seed, record: &DecisionRecord) -> BTreeMap<usize, (Arrival, Decided)> {
    let mut gateway = Gateway::new(Arc::clone(model), seed).at_wall(record.wall);
    // By instant, arrivals by their number and what else was told in its order.
    let mut told = Vec::new();
    for (at, row) in record.rows.iter().enumerate() {
        match row {
            Row::Called(row) => told.extend([(row.arrived, 0, row.call.arrival.number, at), (row.called, 1, at as u64, at)]),
            Row::Resumed { at: instant, .. }
            | Row::Left { at: instant, .. }
            | Row::Invoked { at: instant, .. }
            | Row::Dropped { at: instant, .. } => {
                told.push((*instant, 1, at as u64, at));
            }
        }
    }
    told.sort_unstable();
    let (mut arrived, mut answers, mut numbered) = (BTreeMap::new(), BTreeMap::new(), 0);
    for (now, kind, _, at) in told {
        match (kind, record.rows[at]) {
            (0, Row::Called(row)) => {
                // Whoever arrived and left before he was heard took a number, and nothing else.
                for _ in numbered..row.call.arrival.number {
                    gateway.arrive(now, row.call.arrival.api, None);
                }
                numbered = row.call.arrival.number + 1;
                arrived.insert(at, gateway.arrive(now, row.call.arrival.api, row.call.arrival.stage));
            }
            (_, Row::Called(mut row)) => gateway.on_call(now, row.call, &mut row.evident),
            (_, Row::Resumed { call, mut evident, .. }) => gateway.resume(now, CallId(call), &mut evident),
            (_, Row::Left { call, .. }) => gateway.abandon(now, CallId(call)),
            (_, Row::Invoked { effect, ended, .. }) => gateway.on_invoked(now, effect, ended),
            (_, Row::Dropped { entry, .. }) => gateway.drop_entry(now, entry),
        }
        take(&mut gateway, &mut answers);
    }
    gateway.advance(Instant::MAX);
    take(&mut gateway, &mut answers);
    // Who left while he waited for an authorizer has no answer.
    arrived.into_iter().filter_map(|(at, arrival)| Some((at, (arrival, *answers.get(&at)?)))).collect()
}

fn take(gateway: &mut Gateway, answers: &mut BTreeMap<usize, Decided>) {
    while let Some(action) = gateway.take_action() {
        if let Action::Reply(reply) = action {
            answers.insert(usize::try_from(reply.call.0).unwrap(), (&reply).into());
        }
    }
}

/// Every arrival and every answer is the same again.
fn replays(model: &Arc<Model>, seed: Seed, record: &DecisionRecord) {
    let again = decided_again(model, seed, record);
    for row in record.decisions() {
        let found = again.get(&usize::try_from(row.call.id.0).unwrap());
        let Some((arrival, decided)) = found.copied() else {
            assert_eq!(row.answer, None, "{row:?}");
            continue;
        };
        assert_eq!(arrival, row.call.arrival);
        if let Some(answer) = row.answer {
            assert_eq!(decided, answer, "{row:?}");
        }
    }
}

fn reasons(record: &DecisionRecord) -> BTreeMap<Reason, usize> {
    let mut reasons = BTreeMap::new();
    for answer in record.decisions().filter_map(|row| row.answer) {
        *reasons.entry(answer.reason).or_default() += 1;
    }
    reasons
}

#[test]
fn a_guarded_api_decides_again_as_it_did_on_the_wire() {
    let (model, seed) = guarded();
    let model = Arc::new(model);
    let (record, summary) = recorded(&model, seed, async |client| load(client, 200).await);
    assert_eq!((record.decisions().count(), summary.undecided), (1_600, 0));
    let reasons = reasons(&record);
    for reason in [Reason::Served, Reason::KeyRefused, Reason::QuotaExceeded, Reason::Throttled(Scope::KeyRoute)] {
        assert!(reasons.contains_key(&reason), "{reason:?} among {reasons:?}");
    }
    replays(&model, seed, &record);
}

#[test]
fn so_does_one_whose_stage_moves_under_load() {
    let (model, seed) = moving(guarded());
    let model = Arc::new(model);
    let (record, summary) = recorded(&model, seed, async |client| load(client, 150).await);
    assert_eq!(summary.replies.values().sum::<u64>(), 1_200);
    replays(&model, seed, &record);
    for row in record.decisions() {
        // No request sees two snapshots.
        let route = &model.routes[usize::from(row.call.route.unwrap().0)];
        assert_eq!(Some(route.deployment), row.call.arrival.deployment);
    }
}

#[test]
fn so_does_one_that_validates_caches_and_maps_and_whose_clients_leave() {
    let (model, seed) = examining();
    let model = Arc::new(model);
    let (record, summary) = recorded(&model, seed, async |client| examined(client, 110).await);
    assert_eq!(summary.undecided, 0);
    let reasons = reasons(&record);
    let (parameters, body) = (Reason::Invalid(Invalid::Parameters), Reason::Invalid(Invalid::Body));
    for reason in [Reason::Served, parameters, body, Reason::UnsupportedMediaType, Reason::Misconfigured] {
        assert!(reasons.contains_key(&reason), "{reason:?} among {reasons:?}");
    }
    let used = |is: fn(&CacheUse) -> bool| record.decisions().filter_map(|row| row.answer).any(|answer| is(&answer.cache));
    assert!(used(|cache| matches!(cache, CacheUse::Hit(_))) && used(|cache| matches!(cache, CacheUse::Kept(_))));
    let left = record.decisions().filter(|row| row.answer.is_none()).count();
    let dropped = record.rows.iter().filter(|row| matches!(row, Row::Dropped { .. })).count();
    assert!(dropped > 0, "{left} clients left");
    replays(&model, seed, &record);
}

/// Eight connections at once, whose identities come and go; every seventh time a client asks and leaves.
async fn identified(client: Client, rounds: usize) {
    let mut clients = JoinSet::new();
    for lane in 0..8_usize {
        clients.spawn(async move {
            let mut wire = client.connect().await;
            for round in 0..rounds {
                let token = match (round * 5 + lane * 3) % 11 {
                    0 => String::new(),
                    who => format!("Authorization: token-{who}\r\n"),
                };
                let request = format!("GET /prod/y HTTP/1.1\r\nHost: h\r\n{token}\r\n");
                if (round + lane) % 7 == 0 {
                    let mut leaving = client.connect().await;
                    leaving
                        .write(format!("GET /prod/y HTTP/1.1\r\nHost: h\r\nAuthorization: gone-{round}\r\n\r\n").as_bytes())
                        .await;
                    leaving.leave();
                }
                wire.write(request.as_bytes()).await;
                wire.answer().await.unwrap();
            }
        });
    }
    clients.join_all().await;
}

#[test]
fn so_does_one_whose_authorizer_is_waited_for_whose_answers_are_kept_and_whose_clients_leave() {
    for look_ups in [LookUps::Each, LookUps::Shared] {
        let mut mock = mock(ApiKind::Rest).lambda("GET /y", function()).authorized(lambda_authorizer(Span::from_ms(2)));
        if let AuthorizerKind::Lambda(lambda) = &mut mock.model.authorizers[0].kind {
            (lambda.ttl, lambda.look_ups, lambda.denials) = (Span::from_ms(5), look_ups, 0.2);
        }
        mock.model.authorizers[0].failures = 0.1;
        let (model, seed) = (Arc::new(mock.model), mock.seed);
        let (record, summary) = recorded(&model, seed, async |client| identified(client, 60).await);
        assert_eq!(summary.undecided, 0);
        let reasons = reasons(&record);
        let (denied, missing) = (Reason::AccessDenied(Denied::Explicit), Reason::Unauthorized(TokenFault::Missing));
        for reason in [Reason::Served, denied, missing, Reason::AuthorizerFailed] {
            assert!(reasons.contains_key(&reason), "{reason:?} among {reasons:?}");
        }
        let resumed = record.rows.iter().filter(|row| matches!(row, Row::Resumed { .. })).count();
        let left = record.rows.iter().filter(|row| matches!(row, Row::Left { .. })).count();
        assert!(resumed > 0 && left > 0, "{resumed} resumed, {left} left");
        replays(&model, seed, &record);
    }
}

/// Real functions: one is asked, and one answers. Some of those who ask leave before it has answered, and some answers come too late.
#[test]
fn so_does_one_whose_authorizer_and_integration_are_real() {
    for look_ups in [LookUps::Each, LookUps::Shared] {
        let mut mock = guarded_by_python(ApiKind::Rest, AuthorizerFormat::Token);
        if let AuthorizerKind::Lambda(lambda) = &mut mock.model.authorizers[0].kind {
            (lambda.ttl, lambda.look_ups) = (Span::from_ms(40), look_ups);
        }
        mock.model.functions[1].concurrency = Some(4);
        let (model, seed) = (Arc::new(mock.model), mock.seed);
        let (record, summary) = recorded(&model, seed, async |client| asked_for_real(client, 25).await);
        assert_eq!(summary.undecided, 0);
        let reasons = reasons(&record);
        let (denied, refused) = (Reason::AccessDenied(Denied::Implicit), Reason::Unauthorized(TokenFault::Refused));
        for reason in [Reason::Served, denied, refused, Reason::AuthorizerMisconfigured] {
            assert!(reasons.contains_key(&reason), "{reason:?} among {reasons:?}");
        }
        let invoked = record.rows.iter().filter(|row| matches!(row, Row::Invoked { .. })).count();
        assert!(invoked > 20, "{invoked}");
        replays(&model, seed, &record);
    }
}

async fn asked_for_real(client: Client, rounds: usize) {
    const TOKENS: [&str; 6] = ["one", "all:x", "silent", "raise:Unauthorized", "nobody", "one"];
    let mut clients = JoinSet::new();
    for lane in 0..4_usize {
        clients.spawn(async move {
            let mut wire = client.connect().await;
            for round in 0..rounds {
                // Some are asked for anew however fast the machine is: nobody has shown them before.
                let token = match (round + lane) % 4 {
                    1 => format!("all:{lane}-{round}"),
                    _ => TOKENS[(round * 5 + lane * 3) % TOKENS.len()].to_owned(),
                };
                let path = if (round + lane) % 4 == 0 { "echo" } else { "x" };
                if (round + lane) % 9 == 0 {
                    let mut leaving = client.connect().await;
                    let gone = format!("GET /prod/x HTTP/1.1\r\nHost: h\r\nAuthorization: all:gone-{lane}-{round}\r\n\r\n");
                    leaving.write(gone.as_bytes()).await;
                    leaving.leave();
                }
                wire.write(format!("GET /prod/{path} HTTP/1.1\r\nHost: h\r\nAuthorization: {token}\r\n\r\n").as_bytes()).await;
                wire.answer().await.unwrap();
            }
        });
    }
    clients.join_all().await;
}

#[test]
fn what_a_client_wrote_is_not_in_the_record() {
    let (model, seed) = examining();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions");
    let mut settings = Settings::new(Arc::new(model), seed);
    settings.decisions = Some(path.clone());
    serve(settings, async |client| client.get("/prod/c?q=a-secret-value").await);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| b"a-secret-value".windows(8).any(|part| part == window)));
}

#[test]
fn a_record_has_a_bound() {
    let (model, seed) = guarded();
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(Arc::new(model), seed);
    settings.decisions = Some(folder.path().join("decisions"));
    settings.decisions_max = 3;
    let ((), summary) = serve(settings, async |client| {
        for _ in 0..5 {
            client.get("/prod/x").await;
        }
    });
    let record = read_decisions(&folder.path().join("decisions")).unwrap();
    assert_eq!((record.rows.len(), summary.undecided), (3, 2));
}
