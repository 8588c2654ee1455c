//! Who may come from where, and whose signature is taken, over real sockets: what each kind of API says, and what is handed on.

use std::net::IpAddr;

use serde_json::json;
use sluicegate_mock::Settings;
use sluicegate_policy::model::{
    ApiKind, Authorizer, AuthorizerKind, Cognito, Endpoint, Iam, IdentitySource, Principal, ResourcePolicy, Signatory,
};
use sluicegate_policy::time::Span;
use sluicegate_render::authorizer::document::{Whose, policy};
use sluicegate_signature::{Credentials, Scope, Signer, Unsigned};
use sluicegate_timer::clock::wall_epoch;

use crate::mock::{Answer, Client, Mock, lambda_authorizer, mock, serve};

const ID: &str = "AKIDEXAMPLEEXAMPLE00";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn key(change: impl FnOnce(&mut Signatory)) -> Signatory {
    let principal = Principal {
        arn: "arn:aws:iam::123456789012:user/ann".to_owned(),
        id: "AIDAANN".to_owned(),
        account: "123456789012".to_owned(),
    };
    let (id, secret) = (ID.to_owned(), SECRET.to_owned());
    let mut key = Signatory { id, secret, session_token: None, expires: None, principal, policy: None };
    change(&mut key);
    key
}

fn signed(kind: ApiKind, key: Signatory) -> Mock {
    let kind_of = AuthorizerKind::Iam(Iam { keys: vec![key] });
    mock(kind).fixed("ANY /x", "ok").authorized(Authorizer { kind: kind_of, ..lambda_authorizer(Span::ZERO) })
}

fn now() -> u64 {
    wall_epoch().as_ns() / 1_000_000_000
}

/// A request that is signed by this key in this second.
fn request((method, path, body): (&str, &str, &str), (id, secret, token): (&str, &str, Option<&str>), second: u64) -> String {
    let credentials = Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: secret.to_owned(),
        session_token: token.map(str::to_owned),
    };
    let scope = Scope { region: "us-east-1".to_owned(), service: "execute-api".to_owned() };
    let mut signer = Signer::new(credentials, scope);
    let (path_alone, query) = path.split_once('?').unwrap_or((path, ""));
    let unsigned = Unsigned { method, path: path_alone, query, headers: &[("host", "mock")], body: body.as_bytes() };
    let signed = signer.sign(&unsigned, second);
    let token = signed.token.map(|token| format!("x-amz-security-token: {token}\r\n")).unwrap_or_default();
    let (date, authorization) = (signed.date, signed.authorization);
    format!(
        "{method} {path} HTTP/1.1\r\nhost: mock\r\nx-amz-date: {date}\r\n{token}authorization: {authorization}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const GET: (&str, &str, &str) = ("GET", "/prod/x?b=2&a=1", "");

/// Status, name of the error, and message.
fn told(answer: &Answer) -> (u16, String, String) {
    let said: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let message = said["message"].as_str().or(said["Message"].as_str()).unwrap_or(&answer.body).to_owned();
    (answer.status, answer.header("x-amzn-errortype").unwrap_or_default().to_owned(), message)
}

#[test]
fn a_signature_of_a_known_key_is_taken_and_tells_whose_it_is() {
    for kind in [ApiKind::Http, ApiKind::Rest] {
        let format = "$context.requestId $context.identity.accessKey $context.identity.accountId $context.identity.caller \
                      $context.identity.user $context.identity.userArn";
        let folder = tempfile::tempdir().unwrap();
        let mut settings = signed(kind, key(|_| {})).logging(format).settings();
        settings.access_log = Some(folder.path().join("access.log"));
        let (answers, _) = serve(settings, async |client| {
            let put = ("PUT", "/prod/x", "{\"n\":1}");
            let mut answers = Vec::new();
            for what in [GET, put] {
                answers.push(client.ask(&request(what, (ID, SECRET, None), now())).await.status);
            }
            let tampered = request(put, (ID, SECRET, None), now()).replace("{\"n\":1}", "{\"n\":2}");
            answers.push(client.ask(&tampered).await.status);
            answers
        });
        assert_eq!(answers, [200, 200, 403], "{kind:?}");
        let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        let ann = format!(" {ID} 123456789012 AIDAANN AIDAANN arn:aws:iam::123456789012:user/ann");
        assert!(lines[0].ends_with(&ann) && lines[1].ends_with(&ann), "{log}");
        assert!(lines[2].ends_with(" - - - - -"), "nobody is told of whose signature is wrong: {log}");
        assert!(!log.contains(SECRET));
    }
}

#[test]
fn what_is_wrong_with_a_signature_is_told_in_the_gateways_words() {
    let stale = key(|key| (key.session_token, key.expires) = (Some("token".to_owned()), Some(Span::from_secs(1))));
    let (own, now) = ((ID, SECRET, None), now());
    let good = request(GET, own, now);
    let mismatch = "The request signature we calculated does not match the signature you provided.";
    let incomplete = "IncompleteSignatureException";
    let invalid = "InvalidSignatureException";
    let unknown = ("UnrecognizedClientException", "The security token included in the request is invalid.");
    let cases = [
        (
            "GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n".to_owned(),
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (request(GET, (ID, "another", None), now), invalid, mismatch),
        (good.replace("b=2", "b=3"), invalid, mismatch),
        (good.replace("host: mock", "host: bank"), invalid, mismatch),
        (good.replace("SignedHeaders=host;", "SignedHeaders="), invalid, "'Host' or ':authority' must be a 'SignedHeader'"),
        (good.replace("us-east-1", "eu-west-1"), invalid, "Credential should be scoped to a valid region, not 'eu-west-1'. "),
        (good.replace("execute-api", "s3"), invalid, "Credential should be scoped to correct service: 'execute-api'. "),
        (request(GET, own, now - 400), invalid, "Signature expired: "),
        (request(GET, own, now + 400), invalid, "Signature not yet current: "),
        (request(GET, ("AKIDANOTHERKEY000000", SECRET, None), now), unknown.0, unknown.1),
        (request(GET, (ID, SECRET, Some("a-token-of-nobody")), now), unknown.0, unknown.1),
        (good.replace("Signature=", "Sig="), incomplete, "Authorization header requires 'Signature' parameter. "),
        (
            good.replace("AWS4-HMAC-SHA256 Credential=", "Bearer s3cret-token "),
            incomplete,
            "Invalid key=value pair (missing equal-sign)",
        ),
    ];
    let (answers, _) = signed(ApiKind::Rest, key(|_| {})).serve(async |client| {
        let mut answers = Vec::new();
        for (request, ..) in &cases {
            answers.push(client.ask(request).await);
        }
        answers
    });
    for ((request, error, words), answer) in cases.iter().zip(&answers) {
        let (status, named, message) = told(answer);
        assert_eq!((status, &*named), (403, *error), "{request}{}", answer.body);
        assert!(message.starts_with(words), "{request}{message}");
        assert!(!answer.body.contains("s3cret-token") && !answer.body.contains(SECRET), "{}", answer.body);
    }
    assert!(answers[2].body.contains("a=1&b=3"), "the canonical form is shown: {}", answers[2].body);
    // An HTTP API says nothing but Forbidden.
    let (answers, _) =
        signed(ApiKind::Http, key(|_| {})).serve(async |client| [client.ask(&cases[0].0).await, client.ask(&cases[2].0).await]);
    for answer in &answers {
        assert_eq!((answer.status, &*answer.body), (403, r#"{"message":"Forbidden"}"#));
    }
    let answer =
        signed(ApiKind::Rest, stale).serve(async |client| client.ask(&request(GET, (ID, SECRET, Some("token")), now)).await).0;
    let expired = "The security token included in the request is expired".to_owned();
    assert_eq!(told(&answer), (403, "ExpiredTokenException".to_owned(), expired));
}

#[test]
fn a_signed_body_over_the_limit_is_too_large_and_says_nothing_of_its_signature() {
    let large = ("POST", "/prod/x", "0123456789a");
    let own = (ID, SECRET, None);
    let rest = (413, "RequestTooLargeException", "HTTP content length exceeded 10 bytes.");
    for (kind, said) in [(ApiKind::Rest, rest), (ApiKind::Http, (413, "", "Request Entity Too Large"))] {
        let folder = tempfile::tempdir().unwrap();
        let mut mock = signed(kind, key(|_| {})).logging("$context.requestId $context.status $context.identity.userArn");
        mock.model.apis[0].limits.payload_bytes = 10;
        let mut settings = mock.settings();
        settings.access_log = Some(folder.path().join("access.log"));
        let requests = [
            request(large, own, now()),
            // Nobody looks at whose or which signature it is.
            request(large, (ID, "another", None), now()),
            request(large, ("AKIDANOTHERKEY000000", SECRET, None), now()),
            request(large, own, now())
                .replace("content-length: 11", "transfer-encoding: chunked")
                .replace(large.2, "b\r\n0123456789a\r\n0\r\n\r\n"),
        ];
        let ((answers, within, unsigned), _) = serve(settings, async |client| {
            let mut answers = Vec::new();
            for request in &requests {
                answers.push(client.ask(request).await);
            }
            let within = client.ask(&request(("POST", "/prod/x", "0123456789"), own, now())).await;
            let unsigned = "POST /prod/x HTTP/1.1\r\nhost: mock\r\ncontent-length: 11\r\n\r\n0123456789a";
            (answers, within, client.ask(unsigned).await)
        });
        for answer in &answers {
            let (status, named, message) = told(answer);
            assert_eq!((status, &*named, &*message), said, "{kind:?} {}", answer.body);
        }
        assert_eq!((within.status, unsigned.status), (200, 403), "{kind:?}");
        let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        let lines: Vec<&str> = log.lines().filter_map(|line| line.split_once(' ')).map(|(_, rest)| rest).collect();
        let ann = "200 arn:aws:iam::123456789012:user/ann";
        assert_eq!(lines, ["413 -", "413 -", "413 -", "413 -", ann, "403 -"], "{kind:?}");
    }
}

fn of_document(document: &serde_json::Value, whose: Whose) -> ResourcePolicy {
    policy(document, whose).unwrap()
}

fn statement(effect: &str, principal: Option<&str>, resource: &str, condition: Option<serde_json::Value>) -> serde_json::Value {
    let mut statement = json!({ "Effect": effect, "Action": "execute-api:Invoke", "Resource": resource });
    if let Some(principal) = principal {
        statement["Principal"] = if principal == "*" { "*".into() } else { json!({ "AWS": principal }) };
    }
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}

fn api_policy(statements: &[serde_json::Value]) -> ResourcePolicy {
    of_document(&json!({ "Statement": statements }), Whose::Api)
}

#[test]
fn an_identity_invokes_what_its_policy_or_the_apis_allows() {
    let reader = |effect: &str| {
        of_document(&json!({ "Statement": [statement(effect, None, "execute-api:/prod/GET/*", None)] }), Whose::Identity)
    };
    let other = |key: &mut Signatory| {
        key.principal.account = "210987654321".to_owned();
        key.principal.arn = "arn:aws:iam::210987654321:user/bob".to_owned();
    };
    let answer = |key: Signatory, api: Option<ResourcePolicy>, method: &str| {
        let mut mock = signed(ApiKind::Rest, key);
        mock.model.apis[0].resource_policy = api;
        let (answer, _) =
            mock.serve(async |client| client.ask(&request((method, "/prod/x", ""), (ID, SECRET, None), now())).await);
        told(&answer)
    };
    let reading = || key(|key| key.policy = Some(reader("Allow")));
    assert_eq!(answer(reading(), None, "GET").0, 200);
    let arn = |method| format!("arn:aws:execute-api:us-east-1:********9012:a1b2c3d4e5/prod/{method}/x");
    let ann = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: execute-api:Invoke on resource";
    let silent = format!("{ann}: {} because no identity-based policy allows the execute-api:Invoke action", arn("PUT"));
    assert_eq!(answer(reading(), None, "PUT"), (403, "AccessDeniedException".to_owned(), silent));
    let denying = key(|key| key.policy = Some(reader("Deny")));
    let denied = format!("{ann}: {} with an explicit deny in an identity-based policy", arn("GET"));
    assert_eq!(answer(denying, None, "GET"), (403, "AccessDeniedException".to_owned(), denied));
    // Of one account it is enough that the API's policy allows; of another both must.
    let open = || Some(api_policy(&[statement("Allow", Some("*"), "*", None)]));
    assert_eq!(answer(reading(), open(), "PUT").0, 200);
    assert_eq!(answer(key(other), None, "GET").0, 403);
    assert_eq!(answer(key(other), open(), "GET").0, 200);
    let to_bob = || Some(api_policy(&[statement("Allow", Some("210987654321"), "*", None)]));
    assert_eq!(answer(key(other), to_bob(), "GET").0, 200);
    let without_ann =
        vec![statement("Allow", Some("*"), "*", None), statement("Deny", Some("arn:aws:iam::123456789012:user/ann"), "*", None)];
    let explicit = format!("{ann}: {} with an explicit deny", arn("GET"));
    assert_eq!(answer(key(|_| {}), Some(api_policy(&without_ann)), "GET"), (403, "AccessDeniedException".to_owned(), explicit));
}

async fn from(client: Client, source: &str, request: &str) -> Answer {
    let mut wire = client.connect_from(source.parse::<IpAddr>().unwrap()).await;
    wire.write(request.as_bytes()).await;
    wire.answer().await.expect("an answer")
}

fn only_from(network: &str, condition: &str) -> ResourcePolicy {
    api_policy(&[
        statement("Allow", Some("*"), "execute-api:/*", None),
        statement("Deny", Some("*"), "execute-api:/*", Some(json!({ "NotIpAddress": { condition: [network] } }))),
    ])
}

fn with_policy(mock: Mock, policy: ResourcePolicy) -> Settings {
    let mut mock = mock;
    mock.model.apis[0].resource_policy = Some(policy);
    mock.settings()
}

const PLAIN: &str = "GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n";

#[test]
fn an_address_is_that_of_the_connection_whatever_a_header_says() {
    let settings = with_policy(mock(ApiKind::Rest).fixed("GET /x", "ok"), only_from("127.0.0.2/32", "aws:SourceIp"));
    let (answers, _) = serve(settings, async |client| {
        let forged = "GET /prod/x HTTP/1.1\r\nhost: mock\r\nx-forwarded-for: 127.0.0.2\r\n\r\n";
        [from(client, "127.0.0.2", PLAIN).await, from(client, "127.0.0.3", PLAIN).await, from(client, "127.0.0.3", forged).await]
    });
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 403, 403]);
    let arn = "arn:aws:execute-api:us-east-1:********9012:a1b2c3d4e5/prod/GET/x";
    let said =
        format!("User: anonymous is not authorized to perform: execute-api:Invoke on resource: {arn} with an explicit deny");
    assert_eq!(told(&answers[1]), (403, "AccessDeniedException".to_owned(), said));
    assert!(answers[1].body.starts_with("{\"Message\":"), "{}", answers[1].body);
}

#[test]
fn a_private_api_has_addresses_of_its_network_alone() {
    let of = |endpoint, condition: &str| {
        let mut mock = mock(ApiKind::Rest).fixed("GET /x", "ok");
        mock.model.apis[0].endpoint = endpoint;
        let inside = json!({ "IpAddress": { condition: "127.0.0.0/8" } });
        let policy = api_policy(&[statement("Allow", Some("*"), "*", Some(inside))]);
        serve(with_policy(mock, policy), async |client| client.ask(PLAIN).await.status).0
    };
    assert_eq!((of(Endpoint::Private, "aws:VpcSourceIp"), of(Endpoint::Private, "aws:SourceIp")), (200, 403));
    assert_eq!((of(Endpoint::Regional, "aws:VpcSourceIp"), of(Endpoint::Regional, "aws:SourceIp")), (403, 200));
}

#[test]
fn beside_each_authorizer_a_policy_means_what_the_guides_tables_say() {
    let elsewhere = || api_policy(&[statement("Allow", Some("*"), "execute-api:/prod/GET/y", None)]);
    let with_token = "GET /prod/x HTTP/1.1\r\nhost: mock\r\nauthorization: t\r\n\r\n";
    let answer = |authorizer: Authorizer, policy, request: &str| {
        let mock = mock(ApiKind::Rest).fixed("GET /x", "ok").authorized(authorizer);
        told(&serve(with_policy(mock, policy), async |client| client.ask(request).await).0)
    };
    let pool = || {
        let identity = IdentitySource::Header("Authorization".to_owned());
        let cognito = Cognito { issuers: vec!["https://pool".to_owned()], identity, validation: None, keys: None };
        Authorizer { kind: AuthorizerKind::Cognito(cognito), ..lambda_authorizer(Span::ZERO) }
    };
    // A function's yes is enough beside a policy that says nothing, and not beside one that denies.
    assert_eq!(answer(lambda_authorizer(Span::from_ms(1)), elsewhere(), with_token).0, 200);
    assert_eq!(answer(lambda_authorizer(Span::from_ms(1)), only_from("10.0.0.0/8", "aws:SourceIp"), with_token).0, 403);
    // Who shows no good token reads that first; without any authorizer the policy must allow.
    let unauthorized = (401, "UnauthorizedException".to_owned(), "Unauthorized".to_owned());
    assert_eq!(answer(pool(), elsewhere(), with_token), unauthorized);
    let open =
        serve(with_policy(mock(ApiKind::Rest).fixed("GET /x", "ok"), elsewhere()), async |client| client.ask(PLAIN).await).0;
    let said = "User: anonymous is not authorized to perform: execute-api:Invoke on resource: \
                arn:aws:execute-api:us-east-1:********9012:a1b2c3d4e5/prod/GET/x";
    assert_eq!(told(&open), (403, "AccessDeniedException".to_owned(), said.to_owned()));
}
