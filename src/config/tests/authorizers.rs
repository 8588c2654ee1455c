//! Authorizers in a profile: what they become, and what is wrong with them.

use sluicegate_policy::model::{
    AuthorizerAnswers, AuthorizerFormat, AuthorizerKind, FunctionId, IdentitySource, KeyId, LambdaAuthorizer, LookUps,
};
use sluicegate_policy::time::Span;

use super::*;
use crate::measure::assumption::{Allowed, Margin, Metric, PartAt, Ratio, Told};

const PROFILE: &str = r#"traffic: { mix: [{ request: GET /a }], arrivals: { constant: 1/s } }
run: { duration: 1s }
gateway:
  api: rest
  api_key_source: authorizer
  api_keys: { gold: { value: gold-gold-gold-gold-gold } }
  usage_plans: { plan: { stages: [prod], keys: [gold] } }
  authorizers:
    check: { lambda: { identity: [header.X-Token], validation: "t-.*", ttl: 1m, look_ups: shared, latency: 20ms, denials: 5%, failures: 1%, principal: ann, context: { tenant: blue }, api_key: gold } }
    pool: { cognito: { issuers: ["https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a"] } }
  functions: { asked: { duration: 20ms } }
  stages: { prod: }
  unconfirmed: { clock_skew: 3s }
  routes:
    GET /a: { authorizer: check, api_key: required, integration: { mock: { status: 200 } } }
    GET /b: { authorizer: pool, scopes: [read], integration: { mock: { status: 200 } } }
"#;

fn problem(from: &str, to: &str) -> String {
    assert!(PROFILE.contains(from), "{from}");
    plan(&PROFILE.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn an_authorizer_is_what_the_profile_says() {
    let plan = plan(PROFILE).unwrap();
    let [check, pool] = plan.model.authorizers.as_slice() else { panic!("two authorizers") };
    let AuthorizerKind::Lambda(lambda) = &check.kind else { panic!("a function") };
    let sources = [IdentitySource::Header("X-Token".to_owned())];
    assert_eq!((lambda.function, lambda.format), (None, AuthorizerFormat::Token));
    assert_eq!((&lambda.identity[..], lambda.ttl, lambda.look_ups), (&sources[..], Span::from_secs(60), LookUps::Shared));
    assert_eq!((lambda.denials, check.failures, lambda.api_key), (0.05, 0.01, Some(KeyId(0))));
    assert_eq!(lambda.context, [("tenant".to_owned(), "blue".to_owned())]);
    assert!(matches!(&pool.kind, AuthorizerKind::Cognito(cognito) if cognito.issuers.len() == 1));
    assert_eq!(plan.model.apis[0].unconfirmed.clock_skew, Span::from_secs(3));
    let asked: Vec<_> = plan.model.routes.iter().filter_map(|route| route.authorization.as_ref()).collect();
    assert_eq!(asked.iter().map(|asked| (asked.authorizer.0, asked.scopes.len())).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
}

#[test]
fn one_broken_in_any_part_says_where_and_what_would_work() {
    for (from, to, said) in [
        ("authorizer: check", "authorizer: chek", "there is no authorizer \"chek\", did you mean \"check\"?"),
        ("authorizer: pool, ", "", "scopes are asked of a token"),
        (
            "authorizer: pool, scopes",
            "authorizer: check, scopes",
            "scopes are asked of a token, and authorizer \"check\" asks a function; remove this, or name an authorizer of kind cognito",
        ),
        (
            "pool: { cognito: { issuers: [\"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a\"] } }",
            "pool: { iam: {} }",
            "scopes are asked of a token, and authorizer \"pool\" asks for a signature; remove this",
        ),
        ("header.X-Token", "cookie.a", "\"cookie.a\" identifies nobody; write header.X"),
        ("ttl: 1m", "ttl: 2h", "longer than the gateway keeps an answer; write at most 1h"),
        ("identity: [header.X-Token]", "identity: []", "answers are kept by identity, and none is named"),
        ("identity: [header.X-Token]", "identity: [header.X-Token, querystring.t]", "only a token is validated"),
        ("identity: [header.X-Token]", "identity: [querystring.t], type: token", "a token is one header; write identity:"),
        ("identity: [header.X-Token]", "identity: [header.X-Token], type: tokn", "write token or request"),
        ("identity: [header.X-Token]", "payload_format: \"2.0\"", "a REST API has one payload format; remove this, or"),
        ("identity: [header.X-Token]", "simple_responses: true", "a REST API takes policies alone for an answer"),
        ("latency: 20ms, ", "function: ask, ", "there is no function \"ask\""),
        (
            "latency: 20ms, ",
            "latency: 20ms, function: asked, ",
            "the function takes its own time, and the way to it; remove this",
        ),
        ("look_ups: shared", "look_ups: sharde", "write each or shared"),
        ("validation: \"t-.*\"", "validation: \"t-(\"", "this is no regular expression"),
        ("api_key: gold", "api_key: silver", "there is no API key \"silver\""),
        ("latency: 20ms, ", "", "the key \"latency\" is missing"),
        ("{ cognito: {", "{ jwt: { issuer: a, audiences: [b] }, cognito: {", "an authorizer is of one kind; keep either"),
        ("pool: { cognito:", "pool: { oauth:", "there is no such key here"),
        ("issuers: [", "jwks: nowhere.json, issuers: [", "\"nowhere.json\" cannot be read"),
        ("issuers: [\"https://cognito-idp.us-east-1.amazonaws.com/us-east-1_a\"]", "issuers: []", "these are 0 user pools"),
        ("denials: 5%", "denials: 500%", "500%"),
    ] {
        let problems = problem(from, to);
        assert!(problems.contains(said), "{from} -> {to}: {problems}");
        assert!(problems.contains("p.yaml:"), "{problems}");
    }
}

/// The authorizer of a profile of this kind of API, as it says.
fn asking(api: &str, says: &str) -> Result<LambdaAuthorizer, String> {
    let profile = format!(
        "traffic: {{ mix: [{{ request: GET /a }}], arrivals: {{ constant: 1/s }} }}
run: {{ duration: 1s }}
gateway:
  api: {api}
  functions: {{ other: {{ duration: 1ms }}, asked: {{ duration: 20ms, cold_start: 300ms }} }}
  authorizers: {{ check: {{ lambda: {{ {says} }} }} }}
  stages: {{ prod: }}
  routes: {{ \"GET /a\": {{ authorizer: check, integration: {{ mock: {{ status: 200 }} }} }} }}
"
    );
    let plan = plan(&profile)?;
    let [check] = plan.model.authorizers.as_slice() else { panic!("one authorizer") };
    let AuthorizerKind::Lambda(lambda) = &check.kind else { panic!("a function") };
    Ok(lambda.clone())
}

#[test]
fn a_function_of_the_account_is_asked_in_the_format_of_its_api() {
    let (policy, simple) = (AuthorizerAnswers::Policy, AuthorizerAnswers::Simple);
    for (api, says, format) in [
        ("rest", "function: asked", AuthorizerFormat::Token),
        ("rest", "function: asked, type: request", AuthorizerFormat::Request),
        ("rest", "function: asked, identity: [header.A, querystring.b]", AuthorizerFormat::Request),
        ("rest", "function: asked, identity: [querystring.b]", AuthorizerFormat::Request),
        ("rest", "function: asked, identity: [], ttl: 0s", AuthorizerFormat::Request),
        ("http", "function: asked", AuthorizerFormat::V2(policy)),
        ("http", "function: asked, payload_format: \"1.0\"", AuthorizerFormat::V1),
        ("http", "function: asked, simple_responses: true", AuthorizerFormat::V2(simple)),
        ("http", "function: asked, simple_responses: false", AuthorizerFormat::V2(policy)),
    ] {
        let lambda = asking(api, says).unwrap();
        assert_eq!((lambda.function, lambda.format), (Some(FunctionId(1)), format), "{api} {says}");
    }
    for (says, said) in [
        ("function: asked, type: token", "an HTTP API tells a function the request; remove this"),
        ("function: asked, payload_format: \"1.0\", simple_responses: true", "format 1.0 is answered by a policy"),
    ] {
        let problems = asking("http", says).unwrap_err();
        assert!(problems.contains(said), "{problems}");
    }
}

#[test]
fn hits_are_expected_of_an_authorizer_that_keeps_answers_or_of_all() {
    let with = |expected: &str| plan(&format!("{PROFILE}expect: [{{ {expected} }}]\n"));
    let default = Allowed::Within(Margin { relative: 0.1, absolute: 0.01 });
    for (expected, of, name) in [
        ("metric: authorizer hits", None, "authorizer hits"),
        ("of: check, metric: authorizer hits", Some(PartAt(0)), "check authorizer hits"),
    ] {
        let claims = with(expected).unwrap().expectations;
        let metric = Metric::Ratio(Ratio::Told(Told::AuthorizerHits, of));
        assert_eq!((claims[0].metric, claims[0].series, claims[0].allowed), (metric, None, default));
        assert_eq!(claims[0].name, name);
    }
    for (of, said) in [
        ("pool", "authorizer \"pool\" keeps no answers, the gateway verifies each request; answers are kept of: check"),
        ("chek", "there is no authorizer \"chek\", did you mean \"check\"? answers are kept of: check; without `of` all"),
        ("GET /a", "there is no authorizer \"GET /a\"; answers are kept of: check; without `of` all count together"),
    ] {
        let problems = with(&format!("of: {of}, metric: authorizer hits")).unwrap_err();
        assert!(problems.contains(said) && problems.contains("p.yaml:"), "{problems}");
    }
    // Of a further API its name stands before.
    let admin = "apis: { admin: { api: rest, authorizers: { check: { lambda: { latency: 1ms } } }, stages: { prod: }, \
                 routes: { GET /: { authorizer: check, integration: { mock: { status: 200 } } } } } }\n";
    let further = plan(&format!("{PROFILE}{admin}expect: [{{ of: admin/check, metric: authorizer hits }}]\n")).unwrap();
    assert_eq!(further.expectations[0].metric, Metric::Ratio(Ratio::Told(Told::AuthorizerHits, Some(PartAt(2)))));
}
