//! Several APIs of one account: each proven into the one model, what they share said once, and each mistake told.

use sluicegate_policy::model::{ApiId, ApiKind, DeploymentId, Integration, LambdaIntegration, RouteId, StageId};
use sluicegate_policy::time::Span;

use super::*;

/// A REST API with a further REST API, and an HTTP API, of the same account.
const SHOP: &str = "\
gateway:
  api: rest
  account: { throttle: { rate: 50/s, burst: 5 } }
  functions: { work: { duration: 5ms } }
  api_keys: { partner: {} }
  usage_plans:
    gold: { stages: [prod, admin/prod], keys: [partner], route_throttles: { admin/prod: { GET /users: { rate: 1/s, burst: 2 } } } }
    silver: {}
  domains: { api.example.com: { base_paths: { admin: admin/prod, \"\": prod, shop: \"shop/$default\" } } }
  moves: [{ at: 1s, stage: admin/prod, deployment: v2 }]
  stages: { prod: }
  routes:
    GET /orders: { integration: { lambda: work } }
    GET /users: { integration: { mock: {} } }
traffic: { mix: [{ request: GET /orders }], arrivals: { constant: 10/s } }
run: { duration: 5s }
apis:
  admin:
    api: rest
    stages:
      dev:
      prod:
        deployment: v2
        cache: {}
        route_caches: { GET /users: { ttl: 60s } }
        route_throttles: { GET /users: { rate: 3/s, burst: 3 } }
        canary: { percent: 10%, deployment: current }
    deployments: { v2: { routes: { GET /new: { integration: { mock: {} } } } } }
    routes:
      GET /users: { integration: { lambda: work } }
      GET /rare: { integration: { mock: {} } }
  shop:
    api: http
    id: b2c3d4e5f6
    stages: { $default: }
    routes:
      GET /shelf: { integration: { mock: {} } }
";

fn shop() -> Plan {
    plan(SHOP).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn further_apis_stand_behind_the_gateway_in_one_model() {
    let model = shop().model;
    let apis: Vec<(&str, ApiKind)> = model.apis.iter().map(|api| (api.id.as_str(), api.kind)).collect();
    assert_eq!(apis, [("sluicegate", ApiKind::Rest), ("admin", ApiKind::Rest), ("b2c3d4e5f6", ApiKind::Http)]);
    let stages: Vec<(u16, &str, u16)> =
        model.stages.iter().map(|stage| (stage.api.0, stage.name.as_str(), stage.deployment.0)).collect();
    assert_eq!(stages, [(0, "prod", 0), (1, "dev", 1), (1, "prod", 2), (2, "$default", 3)]);
    let deployments: Vec<(u16, &str)> = model.deployments.iter().map(|it| (it.api.0, it.name.as_str())).collect();
    assert_eq!(deployments, [(0, "current"), (1, "current"), (1, "v2"), (2, "current")]);
    let keys = |id| model.routes_of(DeploymentId(id)).map(|(_, route)| route.key()).collect::<Vec<_>>();
    assert_eq!(keys(0), ["GET /orders", "GET /users"]);
    assert_eq!(keys(2), ["GET /users", "GET /rare", "GET /new"]);
    assert_eq!(keys(3), ["GET /shelf"]);
    let functions = |id: u16| match model.routes[usize::from(id)].integration {
        Integration::Lambda(LambdaIntegration { function, .. }) => Some(function.0),
        Integration::Mock(_) | Integration::Http(_) | Integration::Service(_) => None,
    };
    assert_eq!([functions(0), functions(2)], [Some(0), Some(0)], "functions are the account's");
}

#[test]
fn what_a_further_api_refers_to_is_its_own() {
    let model = shop().model;
    let prod = &model.stages[2];
    assert_eq!(prod.route_throttles.iter().map(|(route, _)| *route).collect::<Vec<_>>(), [RouteId(2)]);
    assert_eq!(prod.cache.as_ref().unwrap().routes[0].0, RouteId(2));
    assert_eq!(prod.canary.as_ref().unwrap().deployment, DeploymentId(1));
    assert_eq!(model.api_of_route(RouteId(2)).id, "admin");
}

#[test]
fn plans_domains_and_moves_name_stages_of_every_api() {
    let model = shop().model;
    assert_eq!(model.plans[0].stages, [StageId(0), StageId(2)]);
    let (stage, route, _) = model.plans[0].route_throttles[0];
    assert_eq!((stage, route), (StageId(2), RouteId(2)), "the route is the one of the stage's API");
    assert_eq!(model.plans[1].stages, [StageId(0), StageId(1), StageId(2)], "an HTTP API has no usage plans");
    let means = |at: usize| model.domains[0].base_paths[at].1;
    assert_eq!([means(0), means(1), means(2)], [StageId(2), StageId(0), StageId(3)]);
    let moved = model.moves[0];
    assert_eq!((moved.at, moved.stage, moved.deployment), (Span::from_secs(1), StageId(2), DeploymentId(2)));
}

#[test]
fn traffic_goes_to_the_gateway_whatever_other_apis_are_like() {
    let plan = shop();
    assert_eq!((plan.stage, plan.model.stages[0].api), (StageId(0), ApiId(0)));
    let recorded = Overrides { script: Script::Recorded, ..Overrides::default() };
    let recorded = load_text("p.yaml", SHOP, &recorded, &[]).unwrap();
    assert_eq!(recorded.catalog.series, ["GET /orders", "GET /users"]);
    let series: Vec<Option<u16>> = recorded.series_of_routes().into_iter().map(|id| id.map(|id| id.0)).collect();
    assert_eq!(series[..3], [Some(0), Some(1), None], "a route of another API with the same key is not counted");
}

#[test]
fn the_resolved_apis_are_a_profile_that_means_the_same() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let first = shop();
    let resolved = &first.resolved["profile"];
    for value in [&as_written(SHOP), resolved] {
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    let again = plan(&resolved.to_string()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&again.model, &again.resolved), (&first.model, &first.resolved));
}

#[test]
fn a_drift_reaches_a_further_api_too() {
    let drift = |text: &str| {
        let drifts = [text.parse::<Drift>().unwrap()];
        load_text("p.yaml", SHOP, &Overrides::default(), &drifts).map_err(|error| error.to_string())
    };
    let model = drift("apis.admin.stages.prod.route_throttles.\"GET /users\".burst = 9").unwrap().model;
    assert_eq!(model.stages[2].route_throttles[0].1.burst.0, 9);
    insta::assert_snapshot!(drift("apis = 1").unwrap_err(), @"--drift 'apis = 1': apis: these are all further APIs; name a key of it");
    insta::assert_snapshot!(drift("apis.amin.api = http").unwrap_err(), @r#"--drift 'apis.amin.api = http': apis: there is no "amin" here, did you mean "admin"? there is: admin, shop"#);
}

/// What stands in the profile, and what is written instead.
const BREAKS: &[(&str, &str)] = &[
    // what all APIs share
    ("    stages:\n      dev:\n", "    region: eu-west-1\n    stages:\n      dev:\n"),
    ("    stages:\n      dev:\n", "    account: { concurrency: 5 }\n    stages:\n      dev:\n"),
    ("    stages:\n      dev:\n", "    functions: { other: { duration: 5ms } }\n    stages:\n      dev:\n"),
    ("    stages:\n      dev:\n", "    api_keys: { other: {} }\n    stages:\n      dev:\n"),
    ("    stages:\n      dev:\n", "    usage_plans: { other: {} }\n    stages:\n      dev:\n"),
    ("    stages:\n      dev:\n", "    domains: { a.example.com: { base_paths: { a: dev } } }\n    stages:\n      dev:\n"),
    ("    stages:\n      dev:\n", "    moves: [{ at: 1s, stage: dev, deployment: v2 }]\n    stages:\n      dev:\n"),
    // names and ids
    ("  admin:\n", "  ad/min:\n"),
    ("id: b2c3d4e5f6", "id: admin"),
    ("id: b2c3d4e5f6", "id: sluicegate"),
    ("id: b2c3d4e5f6", "id: b2/c3"),
    ("id: b2c3d4e5f6", "idd: b2c3"),
    ("    api: http\n", ""),
    ("  shop:\n", "  shop: [x]\n  other:\n"),
    // references into further APIs, and out of them
    ("stages: [prod, admin/prod]", "stages: [prod, amin/prod]"),
    ("stages: [prod, admin/prod]", "stages: [prod, \"shop/$default\"]"),
    ("admin/prod: { GET /users:", "admin/prod: { GET /orders:"),
    ("base_paths: { admin: admin/prod,", "base_paths: { admin: admin,"),
    ("stage: admin/prod, deployment: v2", "stage: admin/prod, deployment: v3"),
    ("stage: admin/prod, deployment: v2", "stage: prod, deployment: v2"),
    ("        deployment: v2\n", "        deployment: v3\n"),
    ("route_caches: { GET /users:", "route_caches: { GET /orders:"),
    ("v2: { routes: { GET /new: { integration: { mock: {} } } } }", "v2: { routes: { GET /older: } }"),
    ("GET /users: { integration: { lambda: work } }", "GET /users: { integration: { lambda: wrk } }"),
    ("    stages: { $default: }", "    stages: {}"),
    ("    stages: { $default: }", "    stages: { $default: { cache: {} } }"),
    // traffic
    ("run: { duration: 5s }", "run: { duration: 5s, stage: dev }"),
    ("run: { duration: 5s }", "run: { duration: 5s, stage: admin/prod }"),
];

#[test]
fn apis_broken_in_any_part_say_where_and_what_would_work() {
    let message = |(from, to): &(&str, &str)| {
        assert!(SHOP.contains(from), "{from}");
        let error = plan(&SHOP.replacen(from, to, 1)).err().unwrap_or_else(|| panic!("{from} -> {to}: nothing is wrong"));
        format!("{}\n  {}", to.trim(), error.replace('\n', "\n  "))
    };
    insta::assert_snapshot!(BREAKS.iter().map(message).collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn so_many_apis_that_ids_would_not_do_are_refused() {
    let routes = (0..300).map(|n| format!("GET /{n}: {{ integration: {{ mock: {{}} }} }}")).collect::<Vec<_>>().join(", ");
    let api = |n| format!("  a{n}: {{ api: http, stages: {{ s: }}, routes: {{ {routes} }} }}\n");
    let apis: Vec<String> = (0..70).map(api).collect();
    let message = plan(&format!("{SHOP}{}", apis.concat())).unwrap_err();
    assert!(message.contains("apis.a66: these are 20108 routes of all APIs together; write at most 20000"), "{message}");
}
