//! Services of the provider from end to end: imported, served with signed requests, and decided alike by the simulator and the mock.

use std::fs;
use std::path::PathBuf;

use crate::definition::get;
use crate::origin::Origin;
use crate::parity::{Counts, both};
use crate::program::{Bench, Mock, quiet};

/// A key, in the place of whoever runs the tests.
const KEY: &str = "credentials: { access_key_id: AKID, secret_access_key: \"${file:secret.txt}\" }";

const OPENAPI: &str = r#"
openapi: 3.0.1
info: { title: Orders, version: '1' }
paths:
  /orders/{id}:
    get:
      x-amazon-apigateway-integration:
        type: aws
        httpMethod: POST
        uri: arn:aws:apigateway:eu-west-1:dynamodb:action/GetItem
        credentials: arn:aws:iam::123456789012:role/reader
        requestTemplates: { application/json: '{"TableName":"orders","Key":{"id":{"S":"$input.params(''id'')"}}}' }
        responses: { default: { statusCode: 200 } }
  /firehose:
    get:
      x-amazon-apigateway-integration: { type: aws_proxy, httpMethod: POST, uri: 'arn:aws:apigateway:us-east-1:firehose:action/PutRecord' }
  /parameter:
    get:
      x-amazon-apigateway-integration: { type: aws, httpMethod: POST, uri: 'arn:aws:apigateway:us-east-1:ssm:action/GetParameter', responses: { default: { statusCode: 200 } } }
"#;

const CLOUDFORMATION: &str = r"
Resources:
  Api: { Type: AWS::ApiGatewayV2::Api, Properties: { Name: Queue, ProtocolType: HTTP } }
  Prod: { Type: AWS::ApiGatewayV2::Stage, Properties: { ApiId: !Ref Api, StageName: prod, AutoDeploy: true } }
  Send:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationSubtype: SQS-SendMessage
      PayloadFormatVersion: '1.0'
      CredentialsArn: arn:aws:iam::123456789012:role/sender
      RequestParameters: { QueueUrl: 'https://sqs.us-east-1.amazonaws.com/1/q', MessageBody: $request.querystring.text }
  Route: { Type: AWS::ApiGatewayV2::Route, Properties: { ApiId: !Ref Api, RouteKey: GET /send, Target: !Sub 'integrations/${Send}' } }
";

const SAM: &str = r"
Transform: AWS::Serverless-2016-10-31
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      DefinitionBody:
        swagger: '2.0'
        paths:
          /files/{key}:
            get:
              x-amazon-apigateway-integration:
                type: aws
                httpMethod: GET
                uri: !Sub arn:aws:apigateway:${AWS::Region}:files.s3:path/{key}
                requestParameters: { integration.request.path.key: method.request.path.key }
                responses: { default: { statusCode: 200 } }
";

#[test]
fn a_definition_s_services_are_asked_where_the_user_says_that_they_are() {
    let bench = Bench::new();
    for (text, service, path, target, signed) in [
        (OPENAPI, "dynamodb", "/orders/7", "/?Action=GetItem", "/eu-west-1/dynamodb/aws4_request"),
        (CLOUDFORMATION, "sqs", "/send?text=hello", "/", "/us-east-1/sqs/aws4_request"),
        (SAM, "s3", "/files/a.txt", "/a.txt", "/us-east-1/s3/aws4_request"),
    ] {
        let origin = Origin::plain();
        let given = format!("{service}={}", origin.url("http", ""));
        let mock = Mock::serve_with(&bench, &bench.file("api.yaml", text), &["--stage", "prod", "--service", &given]);
        assert_eq!(get(&mock.url, path).0, "200", "{service}");
        let seen = origin.seen();
        assert_eq!((seen.len(), seen[0].target.as_str()), (1, target), "{service}");
        let authorization = seen[0].header("authorization").unwrap_or_default();
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=") && authorization.contains(signed), "{authorization}");
        mock.finish();
    }
}

#[test]
fn a_definition_s_services_are_modelled_unless_somebody_says_where_they_are() {
    let bench = Bench::new();
    let api = bench.file("api.yaml", OPENAPI);
    let done = bench.sluicegate(["import", "openapi", api.to_str().unwrap(), "-o", "out.yaml"]).expect_code(0);
    done.complains("a proxy leads to a function, and its uri names none; the route is left out")
        .complains("how ssm takes an action is not known here")
        .complains("the role for calling the back end is not modelled");
    let text = fs::read_to_string(bench.path("out.yaml")).unwrap();
    assert!(text.contains("dynamodb: { duration: { p50: 8ms, p99: 40ms } }") && !text.contains("firehose: {"), "{text}");
    let done =
        bench.sluicegate(["import", "openapi", api.to_str().unwrap(), "--service", "sns=http://127.0.0.1:1"]).expect_code(0);
    done.complains("--service sns: no route asks a service of this name");
    let mock = Mock::serve_with(&bench, &api, &["--stage", "prod"]);
    let (status, body) = get(&mock.url, "/orders/7");
    assert_eq!((status.as_str(), body.as_str()), ("200", "{}"));
    assert_eq!(get(&mock.url, "/parameter").0, "403");
}

/// A profile of an API of this kind, with a key beside it.
fn profile(bench: &Bench, text: &str) -> PathBuf {
    bench.file("secret.txt", "not-to-be-shown");
    bench.file("p.yaml", text)
}

#[test]
fn modelled_services_answer_and_fail_alike_here_and_there() {
    let _quiet = quiet();
    let rest = "\
traffic:
  mix:
    - request: GET /found/{id}
      with: { id: 1..9 }
    - request: GET /refused
    - request: GET /slow
    - request: GET /frail
      weight: 7
  arrivals: { constant: 400/s }
run: { duration: 2s, warmup: 0s, connections: 128 }
gateway:
  services:
    dynamodb: { duration: 3ms, response: { body: '{\"Item\":{\"id\":7}}' } }
    kinesis: { duration: 3ms, response: { status: 400, body: '{\"__type\":\"ResourceNotFoundException\"}' } }
    states: { duration: 300ms }
    sqs: { duration: 2ms, failures: 20% }
  routes:
    GET /found/{id}:
      integration:
        service:
          uri: \"arn:aws:apigateway:us-east-1:dynamodb:action/GetItem\"
          method: POST
          requests: { application/json: '{\"id\":\"$input.params(''id'')\"}' }
          responses: [{ templates: { application/json: \"$input.json('$.Item.id')\" } }]
    GET /refused:
      integration:
        service:
          uri: \"arn:aws:apigateway:us-east-1:kinesis:action/PutRecord\"
          method: POST
          responses: [{ status: 200 }, { pattern: '4..', status: 409 }]
    GET /slow:
      timeout: 100ms
      integration: { service: { uri: \"arn:aws:apigateway:us-east-1:states:action/StartExecution\", method: POST, responses: [{}] } }
    GET /frail:
      integration: { service: { uri: \"arn:aws:apigateway:us-east-1:sqs:path/1/q\", method: POST, responses: [{}] } }
";
    let bench = Bench::new();
    let played =
        both(&bench, &format!("{rest}  api: rest\n  stages:\n    prod: {{ throttle: {{ rate: 5000/s, burst: 2500 }} }}\n"));
    played.equal("GET /found/{id}", &[200]);
    played.equal("GET /refused", &[409]);
    played.equal("GET /slow", &[504]);
    let (simulated, driven) = played.of("GET /frail");
    let share = |of: &Counts| *of.get(&("answered".to_owned(), 504)).unwrap_or(&0) as f64 / of.values().sum::<u64>() as f64;
    assert!((share(&simulated) - 0.2).abs() < 0.06 && (share(&driven) - 0.2).abs() < 0.06, "{simulated:?} {driven:?}");
}

#[test]
fn a_real_service_is_asked_by_the_mock_and_predicted_by_what_is_claimed_of_it() {
    let _quiet = quiet();
    let bench = Bench::new();
    let origin = Origin::plain();
    let text = |claims: &str| {
        format!(
            "traffic: {{ mix: [request: GET /x], arrivals: {{ constant: 50/s }} }}\n\
             run: {{ duration: 1s, warmup: 0s }}\n\
             expect: [{{ metric: errors, within: 5 points }}]\n\
             gateway:\n  api: http\n  stages: {{ prod: {{}} }}\n  \
             services: {{ sqs: {{ endpoint: \"{}\", {claims}{KEY} }} }}\n  \
             routes: {{ GET /x: {{ integration: {{ service: {{ uri: SQS-PurgeQueue, parameters: {{ QueueUrl: q }} }} }} }} }}\n",
            origin.url("http", "")
        )
    };
    profile(&bench, &text("duration: 1ms, "));
    let plan = bench.sluicegate(["run", "p.yaml", "--print-plan"]).expect_code(0);
    assert!(!plan.stdout.contains("no prediction") && !plan.stdout.contains("not-to-be-shown"), "{}", plan.stdout);
    let kept = bench.kept(["run", "p.yaml"]).expect_driven();
    assert_eq!(kept.outcomes("GET /x").keys().map(|(_, status)| *status).collect::<Vec<_>>(), [200]);
    assert!(!kept.record.to_string().contains("not-to-be-shown"));
    let seen = origin.seen();
    assert_eq!(seen.len(), 50);
    assert!(seen.iter().all(|asked| asked.header("authorization").is_some_and(|it| it.contains("Credential=AKID/"))));
    profile(&bench, &text(""));
    let plan = bench.sluicegate(["run", "p.yaml", "--print-plan"]).expect_code(0);
    assert!(plan.stdout.contains("no prediction"), "{}", plan.stdout);
}
