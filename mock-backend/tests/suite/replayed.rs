//! The policy alone decides again as it did under load on the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_mock::{DecisionRecord, Settings, Summary, read_decisions};
use sluicegate_policy::call::{Action, Arrival, Reason, Reply, Scope};
use sluicegate_policy::gateway::{Gateway, Plain};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiKey, ApiKind, Canary, Deployment, DeploymentId, KeyId, Model, Move, Period, Quota, Requirement, RouteId, StageId,
    UsagePlan,
};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use tokio::task::JoinSet;

use crate::mock::{Client, function, mock, serve, throttle};

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
fn recorded(model: &Arc<Model>, seed: Seed, rounds: usize) -> (DecisionRecord, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(Arc::clone(model), seed);
    settings.decisions = Some(folder.path().join("decisions"));
    let ((), summary) = serve(settings, async |client| load(client, rounds).await);
    (read_decisions(&folder.path().join("decisions")).unwrap(), summary)
}

/// What a fresh gateway decides when it is told the same at the same instants: arrivals, and reason and status by call.
fn decided_again(model: &Arc<Model>, seed: Seed, record: &DecisionRecord) -> (Vec<Arrival>, BTreeMap<u64, (Reason, u16)>) {
    let mut gateway = Gateway::new(Arc::clone(model), seed).at_wall(record.wall);
    let rows = &record.decisions;
    // By instant, arrivals by their number and calls in their order.
    let arrivals = rows.iter().enumerate().map(|(at, row)| ((row.arrived, 0, row.call.arrival.number), at));
    let calls = rows.iter().enumerate().map(|(at, row)| ((row.called, 1, at as u64), at));
    let mut told: Vec<_> = arrivals.chain(calls).collect();
    told.sort_unstable();
    let (mut arrived, mut answers) = (vec![None; rows.len()], BTreeMap::new());
    for ((now, kind, _), at) in told {
        if kind == 0 {
            arrived[at] = Some(gateway.arrive(now, rows[at].call.arrival.api, rows[at].call.arrival.stage));
        } else {
            gateway.on_call(now, rows[at].call, &mut Plain(model));
        }
        take(&mut gateway, &mut answers);
    }
    gateway.advance(Instant::MAX);
    take(&mut gateway, &mut answers);
    (arrived.into_iter().map(Option::unwrap).collect(), answers)
}

fn take(gateway: &mut Gateway, answers: &mut BTreeMap<u64, (Reason, u16)>) {
    while let Some(action) = gateway.take_action() {
        if let Action::Reply(Reply { call, reason, status, .. }) = action {
            answers.insert(call.0, (reason, status));
        }
    }
}

fn reasons(record: &DecisionRecord) -> BTreeMap<Reason, usize> {
    let mut reasons = BTreeMap::new();
    for (reason, _) in record.decisions.iter().filter_map(|row| row.answer) {
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

#[test]
fn a_guarded_api_decides_again_as_it_did_on_the_wire() {
    let (model, seed) = guarded();
    let model = Arc::new(model);
    let (record, summary) = recorded(&model, seed, 200);
    assert_eq!((record.decisions.len(), summary.undecided), (1_600, 0));
    let reasons = reasons(&record);
    for reason in [Reason::Served, Reason::KeyRefused, Reason::QuotaExceeded, Reason::Throttled(Scope::KeyRoute)] {
        assert!(reasons.contains_key(&reason), "{reason:?} among {reasons:?}");
    }
    let (arrivals, answers) = decided_again(&model, seed, &record);
    for (row, arrival) in record.decisions.iter().zip(arrivals) {
        assert_eq!(arrival, row.call.arrival);
        assert_eq!(answers.get(&row.call.id.0).copied(), row.answer, "{row:?}");
    }
}

#[test]
fn so_does_one_whose_stage_moves_under_load() {
    let (model, seed) = moving(guarded());
    let model = Arc::new(model);
    let (record, summary) = recorded(&model, seed, 150);
    assert_eq!(summary.replies.values().sum::<u64>(), 1_200);
    let (arrivals, answers) = decided_again(&model, seed, &record);
    for (row, arrival) in record.decisions.iter().zip(arrivals) {
        assert_eq!(arrival, row.call.arrival);
        assert_eq!(answers.get(&row.call.id.0).copied(), row.answer, "{row:?}");
        // No request sees two snapshots.
        let route = &model.routes[usize::from(row.call.route.unwrap().0)];
        assert_eq!(Some(route.deployment), row.call.arrival.deployment);
    }
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
    assert_eq!((record.decisions.len(), summary.undecided), (3, 2));
}
