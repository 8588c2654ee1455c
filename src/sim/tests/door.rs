//! What the door remembers of a template is what it would have found by looking at each request.

use sluicegate_policy::model::{
    ApiId, ApiKey, Cache, CacheKeys, Deployment, Invalidation, KeyId, Mapping, MockIntegration, ParameterRule, Passthrough,
    Period, Quota, Requirement, ResponseRule, Schema, Source as From, StageCache, UsagePlan, Validation,
};

use super::*;
use crate::traffic::catalog::{ApiKeys, Outgoing, Recorded};
use crate::traffic::{Action, What};

/// A REST API that asks something on every route.
fn asking() -> Model {
    let route = |method: &str, path: &str, integration| Route::new(DeploymentId(0), Some(method), path, integration);
    let rule = |source, name: &str| ParameterRule { source, name: name.into() };
    let function =
        Function { response: Response { status: 203, body: "kept".into() }, ..model(constant(40)).functions[0].clone() };
    let lambda = Integration::lambda(FunctionId(0), Span::from_secs(29));
    let mapping = Mapping {
        requests: vec![("application/json".into(), r#"{"statusCode": $input.params("code")}"#.into())],
        passthrough: Passthrough::Never,
        responses: vec![
            ResponseRule { pattern: Some("4..".into()), status: 404, ..ResponseRule::default() },
            ResponseRule { status: 200, ..ResponseRule::default() },
        ],
        ..Mapping::default()
    };
    let routes = vec![
        Route { api_key: Requirement::Required, ..route("GET", "/keyed", Integration::fixed(200, "ok")) },
        Route {
            validation: Validation {
                required: vec![rule(From::Header, "x-tenant")],
                body: Some(vec![("application/json".into(), "Order".into())]),
            },
            ..route("POST", "/orders/{id}", Integration::fixed(201, ""))
        },
        Route { cache: CacheKeys { parameters: vec![rule(From::Path, "id")] }, ..route("GET", "/cached/{id}", lambda) },
        route("GET", "/mapped", Integration::Mock(MockIntegration::Mapped(mapping))),
    ];
    let mut model = Model::of(Api::new(ApiKind::Rest, "a"), &["prod"], routes);
    let schema = r#"{"type":"object","required":["id"],"properties":{"id":{"type":"integer"}}}"#;
    let schemas = vec![Schema { name: "Order".into(), text: schema.into() }];
    model.deployments = vec![Deployment { schemas, ..Deployment::new(ApiId(0), "current") }];
    model.functions = vec![function];
    model.keys =
        ["first", "second"].map(|name| ApiKey { name: name.into(), value: format!("{name:-<20}"), enabled: true }).into();
    model.plans = vec![UsagePlan {
        name: "plan".into(),
        stages: vec![StageId(0)],
        keys: vec![KeyId(0), KeyId(1)],
        throttle: Some(Throttle { rate: per_second(20), burst: Burst(5) }),
        route_throttles: vec![],
        quota: Some(Quota { limit: 90, period: Period::Day, offset: 0 }),
    }];
    model.stages[0].cache = Some(StageCache {
        capacity_bytes: 1_000,
        default: Cache::For(Span::from_secs(2)),
        routes: vec![],
        invalidation: Invalidation::Open,
    });
    model
}

/// Requests that satisfy and that fail each of these.
fn catalog() -> Catalog {
    let one_of = |values: &[&str]| Generator::OneOf(values.iter().map(|value| ((*value).to_owned(), 1)).collect());
    let template =
        |method: &str, path: &str| TemplateParts { method: method.into(), path: path.into(), ..TemplateParts::default() };
    let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let parts = [
        template("GET", "/keyed"),
        TemplateParts { headers: header("X-Api-Key", "nobody knows this one"), ..template("GET", "/keyed") },
        TemplateParts {
            headers: header("x-tenant", "{tenant}"),
            body: Some("{body}".into()),
            fields: vec![
                ("id".into(), Generator::Range { low: 1, high: 9 }),
                ("tenant".into(), one_of(&["a", ""])),
                ("body".into(), one_of(&[r#"{"id":1}"#, r#"{"id":"1"}"#, ""])),
            ],
            ..template("POST", "/orders/{id}")
        },
        TemplateParts {
            fields: vec![("id".into(), Generator::Range { low: 1, high: 5 }), ("fresh".into(), one_of(&["max-age=0", "no"]))],
            headers: header("cache-control", "{fresh}"),
            ..template("GET", "/cached/{id}")
        },
        TemplateParts {
            query: header("code", "{code}"),
            fields: vec![("code".into(), one_of(&["200", "404", "none"]))],
            ..template("GET", "/mapped")
        },
        TemplateParts { headers: header("content-type", "text/plain"), ..template("GET", "/mapped") },
    ];
    let templates: Vec<Template> = parts.into_iter().map(|parts| Template::new(parts).unwrap()).collect();
    let series = (0..templates.len()).map(|at| at.to_string()).collect();
    let keys = ["first", "second", "third"].map(|name| format!("{name:-<20}"));
    Catalog { series, templates, headers: vec![], api_keys: ApiKeys::new(keys.into()), ..Catalog::default() }
}

/// The same requests, each written out as if it had been recorded.
struct WrittenOut {
    source: Box<dyn Source>,
    catalog: Arc<Catalog>,
}

impl Source for WrittenOut {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        let mut step = self.source.next(feedback)?;
        let Action::Request(request) = &mut step.action;
        let mut out = Outgoing::default();
        self.catalog.fill(request, &mut out);
        let Outgoing { method, target, headers, body } = out;
        request.what = What::Recorded(Arc::new(Recorded { method, target, headers, body }));
        Some(step)
    }
}

#[test]
fn what_is_remembered_of_a_template_holds_for_each_of_its_requests() {
    let catalog = Arc::new(catalog());
    let world = World { catalog: Arc::clone(&catalog), connections: 500, ..world(asking()) };
    let shares = (0..6_u16).map(|at| MixShare { template: TemplateId(at), series: SeriesId(at), weight: 1 }).collect();
    let plan = Traffic { mix: shares, identities: 7, ..traffic(0, 20, open(200, Spacing::Poisson)) };
    let run = |source| {
        let mut seen = Vec::new();
        simulate(&world, source, Seed::new(3), &mut |sample: &Sample| seen.push((sample.session, sample.status, sample.done)));
        seen
    };
    let remembered = run(script(&plan, Share::ALL));
    let each = run(Box::new(WrittenOut { source: script(&plan, Share::ALL), catalog: Arc::clone(&catalog) }));
    assert!(remembered.len() > 3_000);
    assert_eq!(remembered, each);
    for status in [200, 201, 203, 400, 403, 404, 415, 429, 500] {
        assert!(remembered.iter().any(|(_, seen, _)| *seen == status), "nothing was answered with {status}");
    }
}

#[test]
fn a_quota_ends_where_the_wall_clock_says() {
    let mut model = asking();
    model.plans[0].throttle = None;
    model.plans[0].quota = Some(Quota { limit: 10, period: Period::Day, offset: 0 });
    let day = Span::from_secs(86_400);
    let world = World { catalog: Arc::new(catalog()), wall: day.saturating_sub(Span::from_secs(5)), ..world(model) };
    let mut passed = Vec::new();
    let source = script(&traffic(0, 10, open(20, Spacing::Even)), Share::ALL);
    simulate(&world, source, Seed::new(1), &mut |sample: &Sample| {
        if sample.status == 200 {
            passed.push(sample.intended);
        }
    });
    let midnight = Instant::ZERO + Span::from_secs(5);
    let (before, after): (Vec<Instant>, Vec<Instant>) = passed.into_iter().partition(|at| *at < midnight);
    // Two keys have a quota, a third is unknown.
    assert_eq!((before.len(), after.len()), (20, 20));
}
