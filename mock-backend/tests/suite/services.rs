//! Services of the provider behind the door: moto as `DynamoDB` and others, broken ones, and modelled ones. Needs python3 with
//! `moto[server]` (and the botocore that it brings).

mod signed; // each request as botocore would sign it

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    AccessKey, ApiKind, BackEnd, Integration, Mapping, ModelledBackEnd, ResponseRule, Service, ServiceAccess, ServiceCall,
    ServiceId, ServiceIntegration, Subtype,
};
use sluicegate_policy::time::Span;

use self::signed::verified;
use crate::behind::{OK, back_end, says, says_and_cuts};
use crate::mock::{Answer, Client, Mock, mock, serve};

const PATIENT: Span = Span::from_secs(20);
const SHORT: Span = Span::from_ms(60);
const NEEDS: &str = "this test needs python3 with moto (python3 -m pip install 'moto[server]')";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services").join(name)
}

/// A moto server; it ends with its standard input, which this process holds.
struct Moto {
    process: Child,
    endpoint: String,
    queue: String,
    machine: String,
}

impl Moto {
    fn start() -> Self {
        let mut python = Command::new("python3");
        let mut process = python.arg(script("moto_peer.py")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect(NEEDS);
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).expect(NEEDS);
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        Self { endpoint: text("endpoint"), queue: text("queue"), machine: text("machine"), process }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn real(name: &str, endpoint: &str) -> Service {
    let key = AccessKey {
        id: "AKIDEXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        token: Some("the-token".to_owned()),
    };
    let access = ServiceAccess { endpoint: endpoint.to_owned(), signing_name: name.to_owned(), key };
    Service { name: name.to_owned(), back_end: BackEnd::Real(None), access: Some(access) }
}

fn modelled(name: &str, takes: Span, failures: f64) -> Service {
    let modelled = ModelledBackEnd { failures, ..ModelledBackEnd::new(Latency::constant(takes)) };
    Service { name: name.to_owned(), back_end: BackEnd::Modelled(modelled), access: None }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An integration response for statuses of this pattern, with a template.
fn rule(pattern: Option<&str>, status: u16, template: &str) -> ResponseRule {
    let templates = if template.is_empty() { Vec::new() } else { pairs(&[("application/json", template)]) };
    ResponseRule { pattern: pattern.map(str::to_owned), status, templates, ..ResponseRule::default() }
}

/// What a REST API asks of a service.
struct Asks<'a> {
    uri: &'a str,
    method: &'a str,
    template: &'a str,
    parameters: &'a [(&'a str, &'a str)],
    responses: Vec<ResponseRule>,
}

impl Mock {
    fn service(mut self, service: Service) -> Self {
        self.model.services.push(service);
        self
    }

    fn asking(self, key: &str, asks: Asks<'_>, timeout: Span) -> Self {
        let Asks { uri, method, template, parameters, responses } = asks;
        let requests = if template.is_empty() { Vec::new() } else { pairs(&[("application/json", template)]) };
        let mapping = Box::new(Mapping { requests, parameters: pairs(parameters), responses, ..Mapping::default() });
        let call = ServiceCall::Request { uri: uri.parse().unwrap(), method: Some(method.to_owned()), mapping };
        let service = self.id_of(uri.split(':').nth(4).unwrap().rsplit('.').next().unwrap());
        self.route(key, Integration::Service(ServiceIntegration { service, call, timeout }))
    }

    fn first_class(self, key: &str, subtype: Subtype, parameters: &[(&str, &str)]) -> Self {
        let call = ServiceCall::FirstClass { subtype, parameters: pairs(parameters) };
        let service = self.id_of(subtype.service());
        self.route(key, Integration::Service(ServiceIntegration { service, call, timeout: PATIENT }))
    }

    fn id_of(&self, service: &str) -> ServiceId {
        let at = self.model.services.iter().position(|known| known.name == service).unwrap();
        ServiceId(u16::try_from(at).unwrap())
    }
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: m\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn said(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

/// A REST API straight to a table.
fn orders(endpoint: &str) -> Mock {
    let put = r#"{"TableName":"orders","Item":{"customer":{"S":"$input.params('customer')"},"id":{"S":"$input.path('$.id')"},"total":{"N":"$input.path('$.total')"}},"ConditionExpression":"attribute_not_exists(id)"}"#;
    let get = r#"{"TableName":"orders","Key":{"customer":{"S":"$input.params('customer')"},"id":{"S":"$input.params('id')"}}}"#;
    let query = r#"{"TableName":"orders","KeyConditionExpression":"customer = :c","ExpressionAttributeValues":{":c":{"S":"$input.params('customer')"}}}"#;
    let found = r#"#if($input.path('$.Item') == "")#set($context.responseOverride.status = 404){"message":"no such order"}#else{"id":"$input.path('$.Item.id.S')","total":$input.path('$.Item.total.N')}#end"#;
    let all = r##"[#foreach($item in $input.path('$.Items'))"$item.id.S"#if($foreach.hasNext),#end#end]"##;
    let refused = r#"#if($input.path('$.__type').contains("ConditionalCheckFailed"))#set($context.responseOverride.status = 409){"message":"it is there already"}#else{"message":"$input.path('$.message')"}#end"#;
    let asks = |uri, template, ok: (u16, &str)| Asks {
        uri,
        method: "POST",
        template,
        parameters: &[],
        responses: vec![rule(None, ok.0, ok.1), rule(Some("4\\d{2}"), 400, refused)],
    };
    mock(ApiKind::Rest)
        .service(real("dynamodb", endpoint))
        .asking(
            "POST /orders/{customer}",
            asks("arn:aws:apigateway:us-east-1:dynamodb:action/PutItem", put, (201, "{}")),
            PATIENT,
        )
        .asking(
            "GET /orders/{customer}/{id}",
            asks("arn:aws:apigateway:us-east-1:dynamodb:action/GetItem", get, (200, found)),
            PATIENT,
        )
        .asking("GET /orders/{customer}", asks("arn:aws:apigateway:us-east-1:dynamodb:action/Query", query, (200, all)), PATIENT)
}

#[test]
fn a_rest_api_straight_to_dynamodb_puts_gets_queries_and_maps_a_failed_condition() {
    let moto = Moto::start();
    orders(&moto.endpoint).serve(async |client: Client| {
        for id in ["a1", "a2"] {
            let put = client.ask(&post("/prod/orders/ann", &format!(r#"{{"id":"{id}","total":12}}"#))).await;
            assert_eq!((put.status, put.body.as_str()), (201, "{}"), "{put:?}");
        }
        let again = client.ask(&post("/prod/orders/ann", r#"{"id":"a1","total":13}"#)).await;
        assert_eq!((again.status, again.body.as_str()), (409, r#"{"message":"it is there already"}"#));
        let bad = client.ask(&post("/prod/orders/ann", r#"{"id":"a3","total":"no number"}"#)).await;
        assert_eq!(bad.status, 400, "{bad:?}");
        let got = client.get("/prod/orders/ann/a1").await;
        assert_eq!((got.status, said(&got)), (200, json!({ "id": "a1", "total": 12 })));
        let none = client.get("/prod/orders/ann/a9").await;
        assert_eq!((none.status, none.body.as_str()), (404, r#"{"message":"no such order"}"#));
        let all = client.get("/prod/orders/ann").await;
        assert_eq!((all.status, said(&all)), (200, json!(["a1", "a2"])));
        assert_eq!(said(&client.get("/prod/orders/bob").await), json!([]));
    });
}

#[test]
fn sqs_is_asked_by_path_by_action_and_by_first_class_integrations() {
    let moto = Moto::start();
    let path = moto.queue.splitn(4, '/').nth(3).unwrap();
    let by_path = format!("arn:aws:apigateway:us-east-1:sqs:path/{path}");
    let form = [("header.Content-Type", "'application/x-www-form-urlencoded'")];
    let query =
        [("querystring.QueueUrl", "stageVariables.queue"), ("querystring.MessageBody", "method.request.querystring.text")];
    let asks =
        |uri, template, parameters| Asks { uri, method: "POST", template, parameters, responses: vec![rule(None, 202, "")] };
    let mut rest = mock(ApiKind::Rest)
        .service(real("sqs", &moto.endpoint))
        .asking("POST /path", asks(&by_path, "Action=SendMessage&MessageBody=$util.urlEncode($input.body)", &form), PATIENT)
        .asking("POST /action", asks("arn:aws:apigateway:us-east-1:sqs:action/SendMessage", "", &query), PATIENT);
    rest.model.stages[0].variables = pairs(&[("queue", &moto.queue)]);
    rest.serve(async |client: Client| {
        let sent = client.ask(&post("/prod/path", r#"{"by":"path & more"}"#)).await;
        assert_eq!(sent.status, 202, "{sent:?}");
        assert!(sent.body.contains("<SendMessageResponse") && sent.body.contains("<MessageId>"), "{sent:?}");
        let sent = client.ask(&post("/prod/action?text=by%20action", "")).await;
        assert!(sent.status == 202 && sent.body.contains("<MessageId>"), "{sent:?}");
    });
    let queue = moto.queue.as_str();
    let attributes = r#"{"kind":{"DataType":"String","StringValue":"test"}}"#;
    let http = mock(ApiKind::Http)
        .service(real("sqs", &moto.endpoint))
        .first_class(
            "POST /send",
            Subtype::SendMessage,
            &[("QueueUrl", queue), ("MessageBody", "$request.body.order"), ("MessageAttributes", attributes)],
        )
        .first_class(
            "GET /receive",
            Subtype::ReceiveMessage,
            &[("QueueUrl", queue), ("MaxNumberOfMessages", "10"), ("MessageAttributeNames", r#"["All"]"#)],
        )
        .first_class("POST /delete", Subtype::DeleteMessage, &[("QueueUrl", queue), ("ReceiptHandle", "$request.body.handle")])
        .first_class("POST /purge", Subtype::PurgeQueue, &[("QueueUrl", queue)]);
    http.serve(async |client: Client| {
        let sent = client.ask(&post("/prod/send", r#"{"order":{"id":7}}"#)).await;
        assert!(sent.status == 200 && sent.body.contains("<MessageId>"), "{sent:?}");
        let got = client.get("/prod/receive").await;
        assert_eq!(got.status, 200);
        for body in ["path &amp; more", "by action", "id"] {
            assert!(got.body.contains(body), "{body}: {got:?}");
        }
        assert!(got.body.contains("kind") && got.body.matches("<Message>").count() == 3, "{got:?}");
        let handle = got.body.split("<ReceiptHandle>").nth(1).unwrap().split('<').next().unwrap();
        let deleted = client.ask(&post("/prod/delete", &json!({ "handle": handle }).to_string())).await;
        assert!(deleted.status == 200 && deleted.body.contains("DeleteMessageResponse"), "{deleted:?}");
        assert_eq!(client.ask(&post("/prod/purge", "")).await.status, 200);
        assert!(!client.get("/prod/receive").await.body.contains("<Message>"));
    });
}

#[test]
fn other_first_class_integrations_say_what_their_services_understand() {
    let moto = Moto::start();
    let mut http = mock(ApiKind::Http);
    for service in ["events", "kinesis", "states"] {
        http = http.service(real(service, &moto.endpoint));
    }
    let http = http
        .first_class(
            "POST /event",
            Subtype::PutEvents,
            &[("Source", "shop"), ("DetailType", "order"), ("Detail", "$request.body"), ("Time", "2026-01-01T00:00:00Z")],
        )
        .first_class(
            "POST /record",
            Subtype::PutRecord,
            &[("StreamName", "clicks"), ("PartitionKey", "$request.body.key"), ("Data", "$request.body.data")],
        )
        .first_class("POST /run", Subtype::StartExecution, &[("StateMachineArn", &moto.machine), ("Input", "$request.body")])
        .first_class("POST /stop", Subtype::StopExecution, &[("ExecutionArn", "$request.body.arn"), ("Cause", "enough")]);
    http.serve(async |client: Client| {
        let put = client.ask(&post("/prod/event", r#"{"id":7}"#)).await;
        assert_eq!((put.status, &said(&put)["FailedEntryCount"]), (200, &json!(0)), "{put:?}");
        assert!(put.body.contains("EventId"), "{put:?}");
        let put = client.ask(&post("/prod/record", r#"{"key":"k","data":"aGVsbG8="}"#)).await;
        assert!(put.status == 200 && put.body.contains("SequenceNumber"), "{put:?}");
        let run = client.ask(&post("/prod/run", r#"{"id":7}"#)).await;
        assert_eq!(run.status, 200, "{run:?}");
        let arn = said(&run)["executionArn"].as_str().unwrap().to_owned();
        let stopped = client.ask(&post("/prod/stop", &json!({ "arn": arn }).to_string())).await;
        assert!(stopped.status == 200 && stopped.body.contains("stopDate"), "{stopped:?}");
    });
}

#[test]
fn a_bucket_is_asked_by_the_name_in_its_host() {
    let moto = Moto::start();
    let uri = "arn:aws:apigateway:us-east-1:files.s3:path/{key}";
    let parameters = [("path.key", "method.request.path.key")];
    let asks = |method| Asks {
        uri,
        method,
        template: "",
        parameters: &parameters,
        responses: vec![rule(None, 200, ""), rule(Some("404"), 404, "")],
    };
    let rest = mock(ApiKind::Rest).service(real("s3", &moto.endpoint)).asking("PUT /files/{key}", asks("PUT"), PATIENT).asking(
        "GET /files/{key}",
        asks("GET"),
        PATIENT,
    );
    rest.serve(async |client: Client| {
        let put = client
            .ask("PUT /prod/files/a.txt HTTP/1.1\r\nHost: m\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
            .await;
        assert_eq!(put.status, 200, "{put:?}");
        let got = client.get("/prod/files/a.txt").await;
        assert_eq!((got.status, got.body.as_str()), (200, "hello"), "{got:?}");
        assert_eq!(client.get("/prod/files/b.txt").await.status, 404);
    });
}

/// A route to `DynamoDB` at this endpoint, of either kind of API by what that has for it.
fn straight(kind: ApiKind, endpoint: &str, timeout: Span) -> Mock {
    let uri = "arn:aws:apigateway:us-east-1:sqs:path/1/q";
    let asks = Asks { uri, method: "POST", template: "", parameters: &[], responses: vec![rule(None, 200, "")] };
    let mut built = mock(kind).service(real("sqs", endpoint));
    built = match kind {
        ApiKind::Rest | ApiKind::WebSocket => built.asking("GET /x", asks, timeout),
        ApiKind::Http => built.first_class("GET /x", Subtype::PurgeQueue, &[("QueueUrl", "q")]),
    };
    if let Integration::Service(service) = &mut built.model.routes[0].integration {
        service.timeout = timeout;
    }
    built
}

const NETWORK: (u16, &str) = (504, r#"{"message": "Network error communicating with endpoint"}"#);
const TIMED_OUT: (u16, &str) = (504, r#"{"message": "Endpoint request timed out"}"#);
const UNAVAILABLE: (u16, &str) = (503, r#"{"message":"Service Unavailable"}"#);

#[test]
fn a_service_that_breaks_off_or_lies_about_its_length_is_a_network_error_of_the_integration() {
    for said in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour",
        "HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "no HTTP at all\r\n\r\n",
    ] {
        for (kind, expected) in [(ApiKind::Rest, NETWORK), (ApiKind::Http, UNAVAILABLE)] {
            let peer = back_end(says_and_cuts(said));
            let answer = straight(kind, &format!("http://{}", peer.address), PATIENT).get("/prod/x");
            assert_eq!((answer.status, answer.body.as_str()), expected, "{said}");
        }
    }
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = straight(ApiKind::Rest, &format!("http://{gone}"), PATIENT).get("/prod/x");
    assert_eq!((answer.status, answer.body.as_str()), NETWORK);
}

#[test]
fn a_service_that_stalls_or_never_answers_is_not_waited_for() {
    for said in ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour"] {
        for (kind, expected) in [(ApiKind::Rest, TIMED_OUT), (ApiKind::Http, UNAVAILABLE)] {
            let peer = back_end(says(said));
            let answer = straight(kind, &format!("http://{}", peer.address), SHORT).get("/prod/x");
            assert_eq!((answer.status, answer.body.as_str()), expected, "{said}");
        }
    }
}

#[test]
fn a_service_is_asked_again_as_often_as_is_set_and_only_before_it_answers() {
    for (said, retries, asked) in [
        ("", 0, 1),
        ("", 2, 3),
        // It had begun to answer: what it did is done.
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour", 2, 1),
    ] {
        let peer = back_end(says_and_cuts(said));
        let mut mock = straight(ApiKind::Rest, &format!("http://{}", peer.address), PATIENT);
        mock.model.apis[0].unconfirmed.service_retries = retries;
        let mut settings = mock.settings();
        settings.admin = Some("127.0.0.1:0".parse().unwrap());
        let (metrics, _) = serve(settings, async |client: Client| {
            assert_eq!(client.get("/prod/x").await.status, 504);
            client.admin("GET /metrics", "").await.body
        });
        assert_eq!(peer.asked.try_iter().count(), asked, "{said}");
        for line in [
            "sluicegate_service_requests_total{service=\"sqs\"} 1".to_owned(),
            format!("sluicegate_service_retries_total{{service=\"sqs\"}} {}", asked - 1),
        ] {
            assert!(metrics.lines().any(|told| told == line), "{line}: {metrics}");
        }
    }
}

#[test]
fn a_second_signature_is_as_good_as_the_first() {
    let peer = back_end(says_and_cuts(""));
    let mut mock = straight(ApiKind::Http, &format!("http://{}", peer.address), PATIENT);
    mock.model.apis[0].unconfirmed.service_retries = 1;
    assert_eq!(mock.get("/prod/x").status, 503);
    let asked: Vec<String> = peer.asked.try_iter().collect();
    assert_eq!(verified(&asked), ["same"; 2], "{asked:#?}");
}

#[test]
fn a_service_on_another_machine_is_asked_only_if_somebody_allowed_it() {
    let (answer, summary) =
        straight(ApiKind::Rest, "http://192.0.2.1", PATIENT).serve(async |client| client.get("/prod/x").await);
    assert_eq!(answer.status, 504);
    assert!(summary.problems[0].contains("1 calls to the back end 192.0.2.1 were not made"), "{:?}", summary.problems);
}

#[test]
fn a_modelled_service_answers_by_itself_through_the_integration_responses() {
    let uri = "arn:aws:apigateway:us-east-1:dynamodb:action/GetItem";
    let responses = vec![rule(None, 200, r#"{"found":$input.json('$.Item')}"#), rule(Some("400"), 404, "")];
    let asks = |template| Asks { uri, method: "POST", template, parameters: &[], responses: responses.clone() };
    let built = |status, body: &str, template| {
        let mut service = modelled("dynamodb", Span::from_us(200), 0.0);
        if let BackEnd::Modelled(modelled) = &mut service.back_end {
            modelled.response = sluicegate_policy::model::Response { status, body: body.to_owned() };
        }
        mock(ApiKind::Rest).service(service).asking("GET /x", asks(template), PATIENT)
    };
    let answer = built(200, r#"{"Item":{"id":7}}"#, "{}").get("/prod/x");
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"found":{"id":7}}"#), "{answer:?}");
    assert_eq!(built(400, "{}", "{}").get("/prod/x").status, 404);
    // What would break with a real one breaks here, too.
    assert_eq!(built(200, "{}", "$util.parseJson('{')").get("/prod/x").status, 500);
    let http = mock(ApiKind::Http).service(modelled("sqs", Span::from_us(200), 0.0)).first_class(
        "GET /x",
        Subtype::PurgeQueue,
        &[("QueueUrl", "q")],
    );
    let answer = http.get("/prod/x");
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    let failing = mock(ApiKind::Http).service(modelled("sqs", Span::from_us(200), 1.0)).first_class(
        "GET /x",
        Subtype::PurgeQueue,
        &[("QueueUrl", "q")],
    );
    let answer = failing.get("/prod/x");
    assert_eq!((answer.status, answer.body.as_str()), UNAVAILABLE);
}
