//! The recorded scenarios with functions behind the gateway: their events, their answers, and what templates make of errors.
//!
//! Owns the families `proxy-event`, `proxy-response`, `lambda-aws` and `lambda-proxy`, and the traces of functions: their profile, and the functions that the recorded
//! setups had, which answer the Invoke API here. Refuses to judge an answer (`compare` does). Called by `main`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::cases::{Case, Recorded, Request, Setup};
use crate::compare;
use crate::recorded::Scenario;
use crate::served::{Answer, Mock};

/// The account that every mock gateway belongs to; the recorded one was replaced by another number.
const ACCOUNT: &str = "123456789012";
const DOMAIN: &str = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com";

const PYTHON: [(&str, &str); 6] = [
    ("Host", DOMAIN),
    ("User-Agent", "python-requests/testing"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Accept", "*/*"),
    ("tEsT-HEADeR", "aValUE"),
    ("authorization", "random-value"),
];

/// What the function `given` returns next; an object with an `errorMessage` is an error.
pub(crate) type Given = Arc<Mutex<Value>>;

/// Whether a scenario is one of these.
pub(crate) fn is_one(scenario: &Scenario) -> bool {
    let is_traced = scenario.family() == "trace" && scenario.id.ends_with("AWS_PROXY");
    is_traced || ["proxy-event", "proxy-response", "lambda-aws", "lambda-proxy"].contains(&scenario.family())
}

/// Runs the scenarios of these families, one after the other; of each its differences as expected and got.
pub(crate) fn run(all: &[Scenario]) -> Vec<(&str, Result<(), Vec<String>>)> {
    let given = Given::default();
    let mock = serve(&given, profile);
    let mapped = serve(&given, mapped_profile);
    let one = |scenario: &Scenario| {
        let is_mapped = scenario.id == "lambda-proxy.requestParameters-ignored";
        let mock = if is_mapped { &mapped } else { &mock };
        mock.as_ref().map_err(Clone::clone).and_then(|mock| one(scenario, mock, &given))
    };
    all.iter().filter(|scenario| is_one(scenario)).map(|scenario| (scenario.id.as_str(), one(scenario))).collect()
}

fn one(scenario: &Scenario, mock: &Mock, given: &Given) -> Result<(), Vec<String>> {
    let (family, name) = scenario.id.split_once('.').unwrap_or((&scenario.id, ""));
    match (family, name) {
        ("proxy-event", name) => told(scenario, &scenario.recorded_answer, &mock.ask(&proxied(name)?)?),
        ("proxy-response", _) => {
            give(given, &scenario.request["function returns"]);
            answered(scenario, &mock.ask(&asked("GET", "/given"))?, Recorded::ContentAndSomeHeaders)
        }
        ("lambda-aws", _) => {
            let mut returned = scenario.recorded_answer.clone();
            if returned["requestId"].is_string() {
                returned["requestId"] = json!("01234567-89ab-4def-8123-456789abcdef");
            }
            give(given, &returned);
            answered(scenario, &mock.ask(&asked("GET", "/mapped"))?, Recorded::Body)
        }
        ("trace", name) => {
            give(given, &json!({ "statusCode": 200, "body": "{}" }));
            let root = ("X-Amzn-Trace-Id", "Root=1-66a1b2c3-0123456789abcdef01234567");
            let sent = [("Host", DOMAIN), root];
            let headers = if name.starts_with("normal") { &sent[..1] } else { &sent[..] };
            let request = Request { headers: owned(headers), ..asked("GET", "/given") };
            answered(scenario, &mock.ask(&request)?, Recorded::Headers)
        }
        (_, "GET-integration-method") => answered(scenario, &mock.ask(&asked("GET", "/by-get"))?, Recorded::Body),
        _ => {
            let mut request = asked("POST", "/foobar?testQueryString=foo&testVar=bar");
            let headers = [
                ("Host", DOMAIN),
                ("User-Agent", "test/integration"),
                ("Accept-Encoding", "gzip, deflate"),
                ("Accept", "application/json"),
                ("Content-Type", "application/json"),
                ("foobar", "mapped-value"),
                ("headerVar", "request-value"),
            ];
            request.headers = owned(&headers);
            request.body = br#"{"message": "hello world"}"#.to_vec();
            told(scenario, &scenario.recorded_answer["content"], &mock.ask(&request)?)
        }
    }
}

fn give(given: &Given, value: &Value) {
    value.clone_into(&mut given.lock().unwrap_or_else(PoisonError::into_inner));
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn asked(method: &str, target: &str) -> Request {
    Request { method: method.to_owned(), target: target.to_owned(), headers: owned(&PYTHON), body: Vec::new() }
}

/// The request of a proxied event. Its path begins with the stage, which the mock adds.
fn proxied(name: &str) -> Result<Request, Vec<String>> {
    const ENCODED: &str = "/proxy-value/api?dateTimeOffset=2023-06-12T18:05:10.123456+00:00&email=test%2Balias@gmail.com\
                           &plus=test+alias@gmail.com&url=https://www.google.com/&whitespace=foo%20bar&zhash=abort/";
    let target = match name {
        "payload-without-trailing-slash" => "/proxy-value",
        "payload-with-trailing-slash" => "/proxy-value/",
        "payload-with-double-slash" => "/proxy-value//double-slash",
        "payload-with-prepended-slash" => "//proxy-value",
        "payload-without-trailing-slash-and-query-params" => "/proxy-value?urlparam=test",
        "payload-with-trailing-slash-and-query-params" => "/proxy-value/?urlparam=test",
        "payload-with-params-encoding" => ENCODED,
        "payload-with-params-encoding-multi" => "/proxy-value?category=electronics&category=books&price=10&price=20&price=30",
        "hardcoded" => "//hardcoded",
        other => return Err(vec![format!("{other} has no case")]),
    };
    if name != "payload-with-params-encoding-multi" {
        return Ok(asked("GET", target));
    }
    let own = [("aUThorization", "Bearer token123;API key456"), ("Content-Type", "application/json;charset=utf-8")];
    let headers = [&owned(&PYTHON[..4])[..], &owned(&own)].concat();
    Ok(Request { headers, body: br#"{"message": "hello world"}"#.to_vec(), ..asked("POST", target) })
}

/// Compares an event that the function told. The recorder wrote bodies that are JSON as JSON.
fn told(scenario: &Scenario, recorded: &Value, got: &Answer) -> Result<(), Vec<String>> {
    let mut event: Value =
        serde_json::from_str(&got.body).map_err(|_| vec![format!("no event came: {} {}", got.status, got.body)])?;
    if let Some(body) = event["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok()) {
        event["body"] = body;
    }
    let mut recorded = recorded.clone();
    recorded["requestContext"]["accountId"] = json!(ACCOUNT);
    in_words(&recorded, &mut event);
    let answer = Answer { status: got.status, headers: Vec::new(), body: event.to_string(), bytes: Vec::new() };
    compare::event(scenario, &recorded, &answer)
}

/// What was replaced by a placeholder was written as a text, whatever it was.
fn in_words(recorded: &Value, got: &mut Value) {
    match (recorded, got) {
        (Value::String(text), got @ (Value::Number(_) | Value::Bool(_) | Value::Array(_))) if text.starts_with('<') => {
            *got = json!(got.to_string());
        }
        (Value::Object(recorded), Value::Object(got)) => {
            for (name, recorded) in recorded {
                if let Some(got) = got.get_mut(name) {
                    in_words(recorded, got);
                }
            }
        }
        _ => {}
    }
}

fn answered(scenario: &Scenario, got: &Answer, recorded: Recorded) -> Result<(), Vec<String>> {
    let case = Case { setup: Setup::Table, request: asked("GET", "/"), recorded };
    compare::answer(scenario, &case, got)
}

fn serve(given: &Given, profile: impl Fn(SocketAddr) -> Value) -> Result<Mock, Vec<String>> {
    let failed = |error: std::io::Error| vec![format!("the setup cannot be made: {error}")];
    let address = invoke_api(given).map_err(failed)?;
    let folder = tempfile::tempdir().map_err(failed)?;
    let file = folder.path().join("functions.yaml");
    std::fs::write(&file, profile(address).to_string()).map_err(failed)?;
    Mock::serve(&file)
}

fn profile(address: SocketAddr) -> Value {
    let function = json!({ "invoke": format!("http://{address}") });
    let rule = |pattern: &str, status: u16| json!({ "pattern": pattern, "status": status });
    let selected = [json!({ "status": 200 }), rule(".*four hundred.*", 405), rule(".+", 502), rule("200", 504)];
    let echo = json!({ "integration": { "lambda": "echo" } });
    json!({
        "gateway": {
            "api": "rest", "id": "a1b2c3d4e5", "endpoint": "edge", "stages": { "stage": {} },
            "functions": { "echo": function, "given": function },
            "routes": {
                "ANY /{proxy+}": echo, "ANY /hardcoded": echo,
                "GET /given": { "integration": { "lambda": "given" } },
                "GET /mapped": { "integration": { "lambda": { "function": "given", "responses": selected } } },
                "GET /by-get": { "integration": { "lambda": { "function": "given", "method": "GET" } } },
            },
        },
    })
}

/// The recorded setup whose mappings of parameters the gateway ignored.
fn mapped_profile(address: SocketAddr) -> Value {
    let function = json!({ "invoke": format!("http://{address}") });
    let parameters = json!({
        "header.foobar": "method.request.header.headerVar", "path.pathVar": "method.request.path.pathVariable",
        "querystring.testQs": "method.request.querystring.testQueryString",
    });
    json!({
        "gateway": {
            "api": "rest", "id": "a1b2c3d4e5", "endpoint": "edge", "stages": { "test": {} },
            "functions": { "echo": function },
            "routes": {
                "ANY /{pathVariable}": { "integration": { "lambda": { "function": "echo", "parameters": parameters } } },
            },
        },
    })
}

/// The functions; the thread ends with the process.
pub(crate) fn invoke_api(given: &Given) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (address, given) = (listener.local_addr()?, Arc::clone(given));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let given = Arc::clone(&given);
            thread::spawn(move || invoked(stream, &given));
        }
    });
    Ok(address)
}

fn invoked(stream: TcpStream, given: &Given) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut length, mut path) = (0, String::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            if path.is_empty() {
                line.split(' ').nth(1)?.clone_into(&mut path);
            }
            match line.trim_end().to_ascii_lowercase().strip_prefix("content-length: ") {
                Some(given) => length = given.parse().ok()?,
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut event = vec![0; length];
        reader.read_exact(&mut event).ok()?;
        let returned = match path.split('/').skip_while(|part| *part != "functions").nth(1) {
            Some("echo") => json!({ "statusCode": 200, "body": String::from_utf8_lossy(&event) }),
            Some("remap") => {
                let event: Value = serde_json::from_slice(&event).unwrap_or_default();
                let told = json!({ "headers": event["headers"], "body": event["body"] });
                json!({ "statusCode": 200, "body": told.to_string() })
            }
            _ => given.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        let error = if returned.get("errorMessage").is_some() { "X-Amz-Function-Error: Unhandled\r\n" } else { "" };
        let body = returned.to_string();
        let head = format!("HTTP/1.1 200 OK\r\n{error}Content-Length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all((head + &body).as_bytes()).ok()?;
    }
}
