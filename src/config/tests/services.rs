//! Services of the provider: proven into the model, and broken in each part.

use std::collections::BTreeMap;

use sluicegate_policy::model::{BackEnd, Integration, ServiceCall, ServiceId, ServiceTarget, Subtype};
use sluicegate_policy::time::Span;

use super::*;

/// A REST API in front of services that use every key.
const REST: &str = r#"
gateway:
  api: rest
  stages: { prod: {} }
  services:
    dynamodb: { duration: 6ms, failures: 2%, response: { status: 400, body: "{}" } }
    s3:
      endpoint: "http://127.0.0.1:5000/"
      duration: 9ms
      signing_name: s3express
      credentials: { access_key_id: "${env:ID}", secret_access_key: "${env:SECRET}", session_token: "${env:TOKEN}" }
    events: { endpoint: "http://localhost:4010" }
  unconfirmed: { service_retries: 2 }
  routes:
    POST /items:
      integration:
        service: { uri: "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem", method: POST, requests: { application/json: "{}" }, responses: [{}] }
    GET /files/{key}:
      integration:
        service: { uri: "arn:aws:apigateway:us-east-1:bucket.s3:path/{key}", parameters: { path.key: method.request.path.key }, responses: [{}] }
    POST /events:
      integration:
        service:
          uri: "arn:aws:apigateway:eu-west-1:events:action/PutEvents"
          method: POST
          parameters: { header.X-Amz-Target: "'AWSEvents.PutEvents'" }
          responses: [{}]
"#;

/// An HTTP API with first-class integrations.
const HTTP: &str = r#"
gateway:
  api: http
  stages: { $default: {} }
  services: { sqs: { duration: 6ms }, states: { duration: 6ms } }
  routes:
    POST /queue: { integration: { service: { uri: SQS-SendMessage, parameters: { QueueUrl: "https://q", MessageBody: "$request.body.order" } } } }
    POST /run: { integration: { service: { uri: StepFunctions-StartExecution, parameters: { StateMachineArn: arn, Region: eu-west-1 } } } }
"#;

/// With these variables of the environment, and no files of keys.
fn with_env(text: &str, env: &[(&str, &str)]) -> Result<Plan, String> {
    let none = [("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent"), ("AWS_CONFIG_FILE", "/nonexistent"), ("AWS_PROFILE", "default")];
    // An empty one is none, as AWS's own tools have it.
    let unset = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    let pairs = none.iter().chain(&unset).chain(env);
    let variables: BTreeMap<String, String> = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load_text("p.yaml", text, &Overrides { variables, ..Overrides::default() }, &[]).map_err(|error| error.to_string())
}

const KEY: &[(&str, &str)] = &[("ID", "AKID-1"), ("SECRET", "the-secret"), ("TOKEN", "the-token")];

#[test]
fn a_service_is_modelled_real_or_both_and_is_signed_for_by_its_name() {
    let model = with_env(REST, KEY).unwrap_or_else(|error| panic!("{error}")).model;
    let [dynamodb, s3, events] = &model.services[..] else { panic!("{:?}", model.services) };
    let BackEnd::Modelled(modelled) = &dynamodb.back_end else { panic!("{dynamodb:?}") };
    assert_eq!((modelled.failures, modelled.response.status, &dynamodb.access), (0.02, 400, &None));
    assert!(matches!(&s3.back_end, BackEnd::Real(Some(claimed)) if claimed.response.status == 200));
    let access = s3.access.as_ref().unwrap();
    assert_eq!((access.endpoint.as_str(), access.signing_name.as_str()), ("http://127.0.0.1:5000", "s3express"));
    assert_eq!(
        (access.key.id.as_str(), access.key.secret.as_str(), access.key.token.as_deref()),
        ("AKID-1", "the-secret", Some("the-token"))
    );
    assert_eq!(events.back_end, BackEnd::Real(None));
    let access = events.access.as_ref().unwrap();
    assert_eq!((access.signing_name.as_str(), access.key.id.as_str()), ("events", "sluicegate-stand-in"));
    assert_eq!(model.apis[0].unconfirmed.service_retries, 2);
    let Integration::Service(put) = &model.routes[0].integration else { panic!("a service") };
    assert_eq!((put.service, put.timeout), (ServiceId(0), Span::from_secs(29)));
    let ServiceCall::Request { uri, .. } = &put.call else { panic!("{put:?}") };
    assert_eq!(uri.target, ServiceTarget::Action("PutItem".to_owned()));
}

#[test]
fn a_first_class_integration_is_its_subtype_and_its_parameters() {
    let model = plan(HTTP).unwrap_or_else(|error| panic!("{error}")).model;
    let Integration::Service(send) = &model.routes[0].integration else { panic!("a service") };
    let ServiceCall::FirstClass { subtype, parameters } = &send.call else { panic!("{send:?}") };
    assert_eq!((*subtype, parameters[1].1.as_str()), (Subtype::SendMessage, "$request.body.order"));
}

#[test]
fn the_key_of_the_environment_signs_unless_the_profile_has_another() {
    let env = [KEY, &[("AWS_ACCESS_KEY_ID", "AKID-2"), ("AWS_SECRET_ACCESS_KEY", "other")]].concat();
    let model = with_env(REST, &env).unwrap().model;
    let ids: Vec<&str> = model.services.iter().filter_map(|it| it.access.as_ref()).map(|it| it.key.id.as_str()).collect();
    assert_eq!(ids, ["AKID-1", "AKID-2"]);
    let half = [KEY, &[("AWS_ACCESS_KEY_ID", "AKID-2")]].concat();
    assert!(with_env(REST, &half).unwrap_err().contains("AWS_SECRET_ACCESS_KEY is not set"));
    let elsewhere = REST.replace("http://localhost:4010", "https://events.us-east-1.amazonaws.com");
    assert!(with_env(&elsewhere, KEY).unwrap_err().contains("no AWS access key"));
}

#[test]
fn no_output_shows_the_secret_of_a_service() {
    let plan = with_env(REST, KEY).unwrap();
    let shown = format!("{plan:?} {} {:?}", plan.resolved, plan.model);
    assert!(!shown.contains("the-secret") && !shown.contains("the-token"), "{shown}");
}

#[test]
fn a_resolved_service_is_a_profile_that_means_the_same() {
    for text in [REST, HTTP] {
        let first = with_env(text, KEY).unwrap();
        let again = with_env(&first.resolved["profile"].to_string(), KEY).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&again.resolved, &again.model), (&first.resolved, &first.model));
    }
}

/// Of which profile, what is written in place of what, and what the message says.
const BREAKS: &[(&str, &str, &str, &str)] = &[
    (REST, "duration: 6ms, failures: 2%, response: { status: 400, body: \"{}\" }", "", "write duration, endpoint, or both"),
    (REST, "{ duration: 6ms, failures: 2%,", "{ duration: 6ms, signing_name: x,", "nothing is signed for a modelled service"),
    (REST, "    dynamodb: {", "    DynamoDB: {", "is not the name of a service"),
    (REST, "    dynamodb: {", "    dynamo: {", "there is no service \"dynamodb\", did you mean \"dynamo\"?"),
    (REST, "duration: 9ms", "failures: 1%", "the model says nothing of it"),
    (REST, "duration: 9ms", "response: { status: 200 }", "what is real answers by itself"),
    (REST, "http://127.0.0.1:5000/", "127.0.0.1:5000", "is not the base URL of a service"),
    (REST, "http://127.0.0.1:5000/", "http://me@127.0.0.1:5000/", "is not the base URL of a service"),
    (REST, "http://127.0.0.1:5000/", "http://127.0.0.1:5000/?a=b", "is not the base URL of a service"),
    (REST, "signing_name: s3express", "signing_name: \"a b\"", "is not a name that signatures are for"),
    (REST, "\"${env:SECRET}\"", "plain", "a secret does not stand in a profile"),
    (REST, "access_key_id: \"${env:ID}\", ", "", "the access key has one source"),
    (REST, "service_retries: 2", "service_retries: 4", "write 0 to 3"),
    (REST, ":dynamodb:action/PutItem", ":dynamodb:do/PutItem", "neither action/ nor path/"),
    (REST, ":dynamodb:action/PutItem", ":ssm:action/GetParameter", "how ssm takes an action is not known here"),
    (
        REST,
        "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
        "SQS-SendMessage",
        "only an HTTP API has first-class integrations",
    ),
    (REST, "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem", "", "it does not begin with arn:aws:apigateway:"),
    (
        REST,
        "header.X-Amz-Target: \"'AWSEvents.PutEvents'\"",
        "header.X: \"'a'\"",
        "does not add the X-Amz-Target that events wants",
    ),
    (REST, "action/PutItem\", method: POST", "action/PutItem\", proxy: true", "to functions alone"),
    (HTTP, "uri: SQS-SendMessage", "uri: SQS-SendMesage", "did you mean \"SQS-SendMessage\"?"),
    (HTTP, "uri: SQS-SendMessage", "uri: \"arn:aws:apigateway:us-east-1:sqs:path/1/q\"", "an HTTP API has no integration"),
    (HTTP, "QueueUrl: \"https://q\", ", "", "SQS-SendMessage needs QueueUrl"),
    (HTTP, "Region: eu-west-1", "Region: Ireland", "is not a region"),
    (HTTP, "Region: eu-west-1", "Inputs: a", "has no parameter \"Inputs\", did you mean \"Input\"?"),
    (HTTP, "uri: SQS-SendMessage", "method: POST, uri: SQS-SendMessage", "has no method of its own"),
    (HTTP, "POST /queue: {", "POST /queue: { map_request: { remove:header.x: \"\" },", "has parameters of its own"),
    (HTTP, "uri: SQS-SendMessage", "proxy: false, uri: SQS-SendMessage", "an HTTP API has no integrations that are not proxies"),
];

#[test]
fn a_broken_service_says_where_and_what_would_work() {
    for (text, from, to, said) in BREAKS {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, *text, "{from}");
        let message = with_env(&changed, KEY).expect_err(to);
        assert!(message.contains(said) && message.contains("p.yaml:"), "{to}: {message}");
    }
}
