//! Events as a function sees them: small models, one request each, whole JSON.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sluicegate_policy::model::{ApiKey, ApiKind, Domain, Endpoint, Requirement, StageId};

use super::{Occasion, PayloadFormat};
use crate::examined::tests::door::{Ask, Door, lambda, pairs};
use crate::media::BinaryMedia;
use crate::request::{Head, Request};
use crate::secured::{ClientCertificate, Secured};

const NO_FORMAT_OF_ITS_OWN: &[&str] = &[];

fn door(format: PayloadFormat, route: &str) -> Door {
    let kind = if format == PayloadFormat::Rest { ApiKind::Rest } else { ApiKind::Http };
    Door::new(kind, &[(route, lambda())])
}

fn event(door: &Door, format: PayloadFormat, method: &str, ask: Ask<'_>) -> Value {
    binary_event(door, (format, NO_FORMAT_OF_ITS_OWN), method, ask)
}

fn binary_event(door: &Door, (format, types): (PayloadFormat, &[&str]), method: &str, ask: Ask<'_>) -> Value {
    let binary = BinaryMedia::new(types.iter().copied());
    let occasion = Occasion { format, binary: &binary, authorizer: None, operation: None };
    door.look(method, ask, |examined| serde_json::from_slice(&examined.event(&occasion)).unwrap())
}

fn rest(target: &str, headers: &[(&str, &str)]) -> Value {
    let door = door(PayloadFormat::Rest, "ANY /{proxy+}");
    event(&of_any_method(door), PayloadFormat::Rest, "GET", Ask { target, headers, ..Ask::default() })
}

fn http(format: PayloadFormat, target: &str, headers: &[(&str, &str)]) -> Value {
    event(&of_any_method(door(format, "ANY /{proxy+}")), format, "GET", Ask { target, headers, ..Ask::default() })
}

/// The method `ANY` is one without a name.
pub(super) fn of_any_method(mut door: Door) -> Door {
    door.model.routes.iter_mut().for_each(|route| route.method = None);
    door
}

fn keys(of: &Value) -> Vec<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_rest_event_has_every_key_and_null_for_what_is_empty() {
    let event = rest("/prod/pets", &[]);
    let all = "resource path httpMethod headers multiValueHeaders queryStringParameters multiValueQueryStringParameters \
               pathParameters stageVariables requestContext body isBase64Encoded";
    assert_eq!(keys(&event), all.split_whitespace().collect::<Vec<_>>());
    for name in ["queryStringParameters", "multiValueQueryStringParameters", "stageVariables", "body"] {
        assert_eq!(event[name], Value::Null, "{name}");
    }
    let root =
        self::event(&door(PayloadFormat::Rest, "GET /"), PayloadFormat::Rest, "GET", Ask { target: "/prod", ..Ask::default() });
    assert_eq!((&root["pathParameters"], &root["path"]), (&Value::Null, &json!("/")));
}

#[test]
fn a_rest_request_context_says_ids_times_and_who_asks() {
    let context = &rest("/prod/pets?q=1", &[("User-Agent", "curl")])["requestContext"];
    assert_eq!(context["requestTime"], "20/Sep/2026:05:04:03 +0000");
    assert_eq!(context["requestTimeEpoch"], 1_789_880_643_250_u64);
    assert_eq!((&context["path"], &context["stage"]), (&json!("/prod/pets"), &json!("prod")));
    assert_eq!((&context["domainPrefix"], &context["apiId"]), (&json!("a1b2c3d4e5"), &json!("a1b2c3d4e5")));
    assert_eq!((&context["resourcePath"], &context["protocol"]), (&json!("/{proxy+}"), &json!("HTTP/1.1")));
    assert_eq!(context["requestId"].as_str().unwrap().len(), 36);
    assert_ne!(context["requestId"], context["extendedRequestId"]);
    let identity = &context["identity"];
    assert_eq!((&identity["sourceIp"], &identity["userAgent"]), (&json!("127.0.0.1"), &json!("curl")));
    assert_eq!(keys(identity).len(), 12);
    assert!(context.get("authorizer").is_none() && context.get("operationName").is_none());
}

#[test]
fn a_rest_path_keeps_its_slashes_but_for_leading_ones_and_is_not_decoded() {
    let paths = |target| {
        let event = rest(target, &[]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        [text(&event["path"]), text(&event["requestContext"]["path"]), text(&event["pathParameters"]["proxy"])]
    };
    assert_eq!(paths("/prod/a/"), ["/a/", "/prod/a/", "a"]);
    assert_eq!(paths("/prod/a//b"), ["/a//b", "/prod/a//b", "a//b"]);
    assert_eq!(paths("/prod//a"), ["/a", "/prod//a", "a"]);
    assert_eq!(paths("/prod/a%20b"), ["/a%20b", "/prod/a%20b", "a%20b"]);
}

#[test]
fn of_several_values_a_rest_event_has_the_last_and_apart_all() {
    let event = rest("/prod/pets?q=1&q=%32&r", &[("X-A", "1"), ("X-A", "2"), ("x-B", "3")]);
    assert_eq!(event["queryStringParameters"], json!({"q": "2", "r": ""}));
    assert_eq!(event["multiValueQueryStringParameters"], json!({"q": ["1", "2"], "r": [""]}));
    assert_eq!((&event["headers"]["X-A"], &event["multiValueHeaders"]["X-A"]), (&json!("2"), &json!(["1", "2"])));
    assert_eq!(event["multiValueHeaders"]["x-B"], json!(["3"]));
}

#[test]
fn a_rest_function_does_not_see_the_headers_of_the_hop() {
    let sent = [("connection", "close"), ("Content-Length", "0"), ("TE", "x"), ("X-Mine", "1"), ("authorization", "me")];
    let event = rest("/prod/pets", &sent);
    let names = keys(&event["headers"]);
    assert_eq!(names, ["Authorization", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Mine"]);
}

#[test]
fn a_rest_function_does_not_see_a_signature() {
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260920/us-east-1/execute-api/aws4_request";
    assert_eq!(rest("/prod/pets", &[("Authorization", signed)])["headers"].get("Authorization"), None);
}

#[test]
fn on_a_custom_domain_a_rest_path_has_the_base_path_and_format_2_the_stage() {
    let base_paths = vec![("v1".to_owned(), StageId(0))];
    let domain = Domain { name: "api.shop.example".to_owned(), base_paths, truststore: None };
    let of = |format| {
        let mut door = of_any_method(door(format, "ANY /{proxy+}"));
        door.model.domains = vec![domain.clone()];
        let ask = Ask { target: "/v1/pets/7", headers: &[("Host", "api.shop.example")], ..Ask::default() };
        event(&door, format, "GET", ask)
    };
    let rest = of(PayloadFormat::Rest);
    assert_eq!((&rest["path"], &rest["requestContext"]["domainPrefix"]), (&json!("/v1/pets/7"), &json!("api")));
    let http = of(PayloadFormat::Http2);
    assert_eq!((&http["rawPath"], &http["requestContext"]["http"]["path"]), (&json!("/prod/pets/7"), &json!("/v1/pets/7")));
}

#[test]
fn the_default_stage_is_not_in_the_path() {
    for (format, path) in [(PayloadFormat::Http1, "path"), (PayloadFormat::Http2, "rawPath")] {
        let mut door = of_any_method(door(format, "ANY /{proxy+}"));
        "$default".clone_into(&mut door.model.stages[0].name);
        let event = event(&door, format, "GET", Ask { target: "/pets/", ..Ask::default() });
        assert_eq!((&event[path], &event["requestContext"]["stage"]), (&json!("/pets/"), &json!("$default")));
    }
}

#[test]
fn the_gateway_says_where_a_request_came_from() {
    let whole = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let sent = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "http"), ("X-Amzn-Trace-Id", whole)];
    for (event, lower) in [(rest("/prod/pets", &sent), false), (http(PayloadFormat::Http2, "/prod/pets", &sent), true)] {
        let header = |name: &str| event["headers"][if lower { name.to_ascii_lowercase() } else { name.to_owned() }].clone();
        assert_eq!(header("X-Forwarded-For"), "10.0.0.1, 127.0.0.1");
        assert_eq!((header("X-Forwarded-Proto"), header("X-Forwarded-Port")), (json!("https"), json!("443")));
        assert_eq!(header("X-Amzn-Trace-Id"), whole);
    }
}

#[test]
fn an_edge_endpoint_adds_its_delivery_network() {
    let mut door = of_any_method(door(PayloadFormat::Rest, "ANY /{proxy+}"));
    door.model.apis[0].endpoint = Endpoint::Edge;
    let ask = Ask { target: "/prod/pets", headers: &[("Via", "proxy")], ..Ask::default() };
    let headers = &event(&door, PayloadFormat::Rest, "GET", ask)["headers"];
    assert_eq!(headers["CloudFront-Forwarded-Proto"], "https");
    assert!(headers["Via"].as_str().unwrap().starts_with("proxy, 1.1 "), "{headers}");
    assert_eq!(headers["X-Forwarded-For"], "127.0.0.1, 192.0.2.1");
}

#[test]
fn a_rest_body_is_base64_if_its_type_is_binary() {
    let door = of_any_method(door(PayloadFormat::Rest, "ANY /{proxy+}"));
    let ask = Ask { target: "/prod/pets", headers: &[("Content-Type", "image/png")], body: "png", ..Ask::default() };
    let of = |types| {
        let event = binary_event(&door, (PayloadFormat::Rest, types), "POST", ask);
        (event["body"].clone(), event["isBase64Encoded"].clone())
    };
    assert_eq!(of(&[]), (json!("png"), json!(false)));
    assert_eq!(of(&["image/png"]), (json!("cG5n"), json!(true)));
    assert_eq!(of(&["*/*"]), (json!("cG5n"), json!(true)));
}

#[test]
fn a_rest_identity_has_the_key_that_a_method_requires_and_a_clients_certificate() {
    let mut door = of_any_method(door(PayloadFormat::Rest, "ANY /{proxy+}"));
    door.model.routes[0].api_key = Requirement::Required;
    door.model.keys.push(ApiKey { name: "shop".to_owned(), value: "s3cret".to_owned(), enabled: true });
    let certificate = ClientCertificate {
        pem: "PEM".to_owned(),
        subject: "CN=client".to_owned(),
        issuer: "CN=ca".to_owned(),
        serial: "a1".to_owned(),
        not_before: "May 28 12:30:02 2019 GMT".to_owned(),
        not_after: "Aug  5 09:36:04 2021 GMT".to_owned(),
    };
    let secured = Secured { version: "TLSv1.3", cipher_suite: "x", client: Some(certificate) };
    let head = Head::new("GET", "/prod/pets", [("x-api-key", b"s3cret".as_slice())]);
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let request = Request { head, body: bytes::Bytes::new(), source, secured: Some(Arc::new(secured)) };
    let binary = BinaryMedia::default();
    let authorizer = Map::from_iter([("principalId".to_owned(), json!("me"))]);
    let of = |format| Occasion { format, binary: &binary, authorizer: Some(&authorizer), operation: Some("GetPets") };
    let event = door.look_at(&request, |examined| examined.event(&of(PayloadFormat::Rest)));
    let context = &serde_json::from_slice::<Value>(&event).unwrap()["requestContext"];
    assert_eq!(context["identity"]["apiKey"], "s3cret");
    assert_eq!(context["identity"]["apiKeyId"], "shop");
    assert_eq!(context["identity"]["clientCert"]["validity"]["notAfter"], "Aug  5 09:36:04 2021 GMT");
    assert_eq!((&context["authorizer"]["principalId"], &context["operationName"]), (&json!("me"), &json!("GetPets")));
    let event = door.look_at(&request, |examined| examined.event(&of(PayloadFormat::Http2)));
    let context = &serde_json::from_slice::<Value>(&event).unwrap()["requestContext"];
    assert_eq!(context["authentication"]["clientCert"]["subjectDN"], "CN=client");
    assert_eq!(context["authorizer"], json!({"principalId": "me"}));
}

#[test]
fn format_1_has_a_version_one_id_the_stage_in_its_path_and_the_routes_key() {
    let event = http(PayloadFormat::Http1, "/prod/pets/a%20b?q=1&q=2", &[("Cookie", "a=1")]);
    assert_eq!((&event["version"], &event["path"]), (&json!("1.0"), &json!("/prod/pets/a%20b")));
    assert_eq!((&event["queryStringParameters"]["q"], &event["stageVariables"]), (&json!("2"), &Value::Null));
    assert_eq!(event["pathParameters"], json!({"proxy": "pets/a b"}));
    let context = &event["requestContext"];
    assert_eq!((&context["path"], context.get("authorizer")), (&json!("/prod/pets/a b"), None));
    assert_eq!((&context["resourceId"], &context["requestId"]), (&json!("ANY /{proxy+}"), &context["extendedRequestId"]));
    assert_eq!(context["identity"]["userAgent"], "");
}

#[test]
fn format_1_spells_names_as_the_client_did_but_for_some() {
    let event = http(PayloadFormat::Http1, "/prod/pets", &[("accept", "*/*"), ("user-agent", "curl"), ("X-mine", "1")]);
    let names = "accept Content-Length User-Agent X-Amzn-Trace-Id X-Forwarded-For X-Forwarded-Port X-Forwarded-Proto X-mine";
    assert_eq!(keys(&event["headers"]), names.split(' ').collect::<Vec<_>>());
}

#[test]
fn format_2_leaves_out_what_is_empty() {
    let event = http(PayloadFormat::Http2, "/prod/pets", &[]);
    assert_eq!(
        keys(&event),
        ["version", "routeKey", "rawPath", "rawQueryString", "headers", "pathParameters", "requestContext", "isBase64Encoded"]
    );
    assert_eq!((&event["rawQueryString"], &event["routeKey"]), (&json!(""), &json!("ANY /{proxy+}")));
    let context = &event["requestContext"];
    let all = "accountId apiId domainName domainPrefix http requestId routeKey stage time timeEpoch";
    assert_eq!(keys(context), all.split_whitespace().collect::<Vec<_>>());
    assert_eq!(context["time"], "20/Sep/2026:05:04:03 +0000");
    assert_eq!(keys(&context["http"]), ["method", "path", "protocol", "sourceIp", "userAgent"]);
    assert_eq!(context["http"]["userAgent"], "");
}

#[test]
fn format_2_joins_several_values_and_takes_cookies_out_of_the_headers() {
    let sent = [("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1; b=2"), ("cookie", "c=3"), ("Connection", "close")];
    let mut door = of_any_method(door(PayloadFormat::Http2, "ANY /{proxy+}"));
    door.model.stages[0].variables = pairs(&[("table", "pets")]);
    let ask = Ask { target: "/prod/pets?q=1&q=%32", headers: &sent, ..Ask::default() };
    let event = event(&door, PayloadFormat::Http2, "GET", ask);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!((&event["headers"]["x-a"], event["headers"].get("cookie")), (&json!("1,2"), None));
    assert_eq!((&event["queryStringParameters"]["q"], &event["rawQueryString"]), (&json!("1,2"), &json!("q=1&q=%32")));
    assert_eq!(event["stageVariables"], json!({"table": "pets"}));
    assert_eq!(event["headers"].get("connection"), None);
}

#[test]
fn an_http_apis_path_is_decoded_and_ends_at_a_question_mark_in_it() {
    let event = http(PayloadFormat::Http2, "/prod/a%2Fb%3Fc?q=1", &[]);
    assert_eq!((&event["rawPath"], &event["requestContext"]["http"]["path"]), (&json!("/prod/a/b"), &json!("/prod/a/b")));
}

#[test]
fn an_http_apis_body_is_base64_unless_its_type_is_text() {
    let door = of_any_method(door(PayloadFormat::Http2, "ANY /{proxy+}"));
    let of = |media: &str| {
        let headers = [("content-type", media)];
        let ask = Ask { target: "/prod/pets", headers: &headers, body: "a=1", ..Ask::default() };
        let event = event(&door, PayloadFormat::Http2, "POST", ask);
        (event["body"].clone(), event["isBase64Encoded"].clone(), event["headers"]["content-length"].clone())
    };
    assert_eq!(of("text/plain"), (json!("a=1"), json!(false), json!("3")));
    assert_eq!(of("application/x-www-form-urlencoded"), (json!("YT0x"), json!(true), json!("3")));
}

proptest! {
    #[test]
    fn any_request_gives_an_event_that_is_an_object(
        target in "/prod(/[a-z%{}?&;=+\\\\\"\u{0}\u{e9}-]{0,6}){0,5}",
        names in prop::collection::vec("[a-zA-Z-]{1,12}|cookie|x-forwarded-for|content-type|host", 0..6),
        value in prop::collection::vec(any::<u8>(), 0..20),
        body in prop::collection::vec(any::<u8>(), 0..40),
        at in 0..3_usize,
    ) {
        let format = [PayloadFormat::Rest, PayloadFormat::Http1, PayloadFormat::Http2][at];
        let head = Head::new("GET", &target, names.iter().map(|name| (name.as_str(), value.as_slice())));
        let request = Request { head, body: body.into(), source: IpAddr::V4(Ipv4Addr::LOCALHOST), secured: None };
        let binary = BinaryMedia::new(["image/*"]);
        let occasion = Occasion { format, binary: &binary, authorizer: None, operation: None };
        let event = of_any_method(door(format, "ANY /{proxy+}")).look_at(&request, |examined| examined.event(&occasion));
        prop_assert!(serde_json::from_slice::<Value>(&event).unwrap().is_object());
    }
}
