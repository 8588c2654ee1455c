//! The signatures of requests to services, held against those that botocore makes of the same requests.

use super::*;

/// What botocore makes of these requests.
pub(super) fn verified(requests: &[String]) -> Vec<String> {
    let mut python = Command::new("python3");
    let mut process = python.arg(script("verify.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect(NEEDS);
    process.stdin.take().unwrap().write_all(serde_json::to_string(requests).unwrap().as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{NEEDS}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_request_of_a_rest_api_has_the_signature_that_botocore_makes_of_it() {
    let peer = back_end(says(OK));
    let endpoint = format!("http://{}", peer.address);
    let asks =
        |uri, method, template, parameters| Asks { uri, method, template, parameters, responses: vec![rule(None, 200, "")] };
    let put = asks(
        "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
        "POST",
        r#"{"Item":{"id":{"S":"$input.params('id')"}}}"#,
        &[
            ("header.X-Amz-Meta-Note", "'two  spaces, and a comma'"),
            ("querystring.z", "'a b&c/\u{e9}'"),
            ("querystring.A", "'1'"),
        ],
    );
    let file = asks("arn:aws:apigateway:eu-west-1:files.s3:path/{key}", "GET", "", &[("path.key", "method.request.path.id")]);
    let rest = mock(ApiKind::Rest)
        .service(real("dynamodb", &endpoint))
        .service(real("s3", &endpoint))
        .asking("POST /items/{id}", put, PATIENT)
        .asking("GET /files/{id}", file, PATIENT);
    rest.serve(async |client: Client| {
        assert_eq!(client.ask(&post("/prod/items/7", "{}")).await.status, 200);
        assert_eq!(client.get("/prod/files/a%20b%2Fc+d").await.status, 200);
    });
    let asked: Vec<String> = peer.asked.try_iter().collect();
    assert_eq!(verified(&asked), ["same"; 2], "{asked:#?}");
    let [put, file] = &asked[..] else { panic!("{asked:?}") };
    assert!(put.starts_with("POST /?Action=PutItem&"), "{put}");
    for header in [
        "X-Amz-Target: DynamoDB_20120810.PutItem",
        "Content-Type: application/x-amz-json-1.0",
        "User-Agent: AmazonAPIGateway_a1b2c3d4e5",
        "X-Amz-Source-Arn: arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/prod/POST/items/{id}",
        &format!("Host: {}", peer.address),
    ] {
        assert!(put.contains(&format!("{header}\r\n")), "{header}: {put}");
    }
    assert!(file.contains("Host: files.s3.eu-west-1.amazonaws.com\r\n") && file.contains("/eu-west-1/s3/aws4_request"), "{file}");
}

#[test]
fn so_has_each_request_of_a_first_class_integration() {
    let peer = back_end(says(OK));
    let mut http = mock(ApiKind::Http);
    for service in ["sqs", "appconfig", "states"] {
        http = http.service(real(service, &format!("http://{}", peer.address)));
    }
    let http = http
        .first_class(
            "POST /send",
            Subtype::SendMessage,
            &[("QueueUrl", "q"), ("MessageBody", "$request.body"), ("Region", "eu-north-1")],
        )
        .first_class(
            "GET /settings",
            Subtype::GetConfiguration,
            &[("Application", "a b"), ("Environment", "prod"), ("Configuration", "c/d"), ("ClientId", "$context.requestId")],
        )
        .first_class("POST /run", Subtype::StartSyncExecution, &[("StateMachineArn", "arn:x"), ("Input", "$request.body")]);
    http.serve(async |client: Client| {
        assert_eq!(client.ask(&post("/prod/send", "\u{e9} & more")).await.status, 200);
        assert_eq!(client.get("/prod/settings").await.status, 200);
        assert_eq!(client.ask(&post("/prod/run", r#"{"a":1}"#)).await.status, 200);
    });
    let asked: Vec<String> = peer.asked.try_iter().collect();
    assert_eq!(verified(&asked), ["same"; 3], "{asked:#?}");
    let [send, settings, run] = &asked[..] else { panic!("{asked:?}") };
    assert!(
        send.contains("/eu-north-1/sqs/aws4_request") && send.contains("&QueueUrl=q&MessageBody=%C3%A9%20%26%20more"),
        "{send}"
    );
    let path = "GET /applications/a%20b/environments/prod/configurations/c%2Fd?client_id=";
    assert!(settings.starts_with(path), "{settings}");
    assert!(run.contains("X-Amz-Target: AWSStepFunctions.StartSyncExecution\r\n"), "{run}");
    let body: Value = serde_json::from_str(run.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body, json!({ "stateMachineArn": "arn:x", "input": r#"{"a":1}"# }));
}

#[test]
fn a_mapping_may_not_set_what_only_the_gateway_says_to_a_service() {
    let peer = back_end(says(OK));
    let uri = "arn:aws:apigateway:us-east-1:sqs:path/1/q";
    for name in ["authorization", "Connection", "te", "content-length", "Transfer-Encoding"] {
        let parameter = format!("header.{name}");
        let asks =
            Asks { uri, method: "POST", template: "", parameters: &[(&parameter, "'x'")], responses: vec![rule(None, 200, "")] };
        let rest = mock(ApiKind::Rest).service(real("sqs", &format!("http://{}", peer.address))).asking("GET /x", asks, PATIENT);
        let answer = rest.get("/prod/x");
        assert_eq!((answer.status, answer.body.as_str()), (500, r#"{"message": "Internal server error"}"#), "{name}");
    }
    assert!(peer.asked.try_recv().is_err());
}
