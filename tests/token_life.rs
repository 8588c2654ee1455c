//! Tokens that expire while a WebSocket connection is open: it stays open, and what counts at the next handshake is the token then.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::program::{Bench, Kept, finish, quiet};

/// An authorizer that lets in whoever shows a token that has not expired; it verifies no signature.
const AUTHORIZER: &str = r#"
import base64, http.client, json, os, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None):
    api.request(method, "/2018-06-01/runtime/invocation/" + path, body)
    answer = api.getresponse()
    return answer.headers, answer.read()
def expires(headers):
    token = {name.lower(): value for name, value in headers.items()}["authorization"]
    payload = token.removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]
while True:
    headers, event = call("GET", "next")
    event = json.loads(event)
    effect = "Allow" if time.time() < expires(event["headers"]) else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    answer = {"principalId": "somebody", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    call("POST", headers["Lambda-Runtime-Aws-Request-Id"] + "/response", json.dumps(answer))
"#;

/// Ten clients who come within half a second; the gateway closes all connections after eight.
const DOOR: &str = r"# Imitates a door that looks at tokens, and at nothing behind it.
gateway:
  api: websocket
  region: us-east-1
  stages: { prod: {} }
  account: { connects: { rate: 500/s, burst: 500 } }
  authorizers:
    tokens: { lambda: { function: door, identity: [header.Authorization], type: request } }
  functions:
    door: { command: [python3, authorizer.py], timeout: 5s, provisioned: 4, duration: 5ms }
    hub: { duration: 1ms }
  websocket: { drops: [{ at: 8s, code: 1012 }] }
  routes:
    $connect: { authorizer: tokens, integration: { lambda: hub } }
    beat: { integration: { lambda: hub }, responds: true }
traffic:
  sessions:
    - session: client
      script:
        - repeat: forever
          every: 500ms
          of:
            - ask: { action: beat }
  connections: 10
  arrivals: { constant: 20/s }
  reconnect: { first: 100ms, factor: 2, most: 500ms, jitter: 50%, attempts: 3 }
run: { duration: 10s, warmup: 0s }
target: mock
";

/// A token that expires so many seconds from now.
fn token(seconds: u64) -> String {
    let now = UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs();
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(&format!(r#"{{"exp":{}}}"#, now + seconds)), part("x"))
}

/// A token server whose tokens are good for two seconds, and for no more than three, until the test is over; its address, and how many it
/// has given.
fn token_server() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has an address").to_string();
    let given = Arc::new(AtomicU64::new(0));
    let counts = Arc::clone(&given);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut asked = vec![0; 4096];
            let _ = stream.read(&mut asked);
            counts.fetch_add(1, Ordering::Relaxed);
            let body = format!(r#"{{"access_token":"{}","expires_in":2,"token_type":"Bearer"}}"#, token(3));
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes());
        }
    });
    (address, given)
}

fn driven(bench: &Bench, profile: &str, variables: &[(&str, &str)]) -> Kept {
    bench.file("authorizer.py", AUTHORIZER);
    bench.file("door.yaml", profile);
    let arguments = ["run", "door.yaml", "--drive-only", "--output", "kept"];
    let finished = finish(bench.command(arguments).envs(variables.iter().copied()).spawn().expect("the program starts"));
    assert!(bench.path("kept").join("run.json").exists(), "{}\n{}", finished.stdout, finished.stderr);
    Kept { finished, record: bench.record("kept"), folder: bench.path("kept") }.expect_driven()
}

fn count(record: &Value, pointer: &str) -> u64 {
    record.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number at {pointer} in {record:#}"))
}

/// What happened to the connections until the gateway closed all of them, added up.
fn until_the_drop(record: &Value, what: &str) -> u64 {
    let seconds = record["connections"]["seconds"].as_array().expect("seconds");
    seconds.iter().filter(|second| count(second, "/second") < 7).map(|second| count(second, &format!("/{what}"))).sum()
}

#[test]
fn connections_outlive_their_tokens_and_who_comes_back_brings_a_fresh_one() {
    let _quiet = quiet();
    let bench = Bench::new();
    let (address, given) = token_server();
    let auth =
        format!("auth: {{ client_credentials: {{ token_url: 'http://{address}/token', client_id: desk }}, renew_before: 1s }}");
    let kept = driven(&bench, &DOOR.replace("warmup: 0s", &format!("warmup: 0s, {auth}")), &[]);
    let record = &kept.record;
    assert_eq!((until_the_drop(record, "opened"), until_the_drop(record, "closed")), (10, 0), "no token's end closes anything");
    let connections = &record["connections"];
    assert_eq!((count(connections, "/opened"), count(connections, "/open_at_end")), (20, 10), "{connections:#}");
    assert_eq!((count(connections, "/returning/returned"), count(connections, "/returning/refused")), (10, 0));
    assert!(given.load(Ordering::Relaxed) >= 4, "the first token is not that of those who came back");
    assert_eq!(count(record, "/load/credentials/expired"), 0);
    assert!(count(record, "/load/credentials/renewed") >= 3);
}

#[test]
fn connections_outlive_their_tokens_and_who_comes_back_with_an_expired_one_is_refused() {
    let _quiet = quiet();
    let bench = Bench::new();
    let fixed = DOOR
        .replace("    - session: client\n", "    - session: client\n      headers: { Authorization: 'Bearer ${env:TOKEN}' }\n");
    // It is good when the clients come, and not any more when the gateway has closed their connections.
    let token = token(7);
    let kept = driven(&bench, &fixed, &[("TOKEN", token.as_str())]);
    let record = &kept.record;
    assert_eq!((until_the_drop(record, "opened"), until_the_drop(record, "closed")), (10, 0));
    let connections = &record["connections"];
    assert_eq!((count(connections, "/opened"), count(connections, "/open_at_end")), (10, 0), "{connections:#}");
    let refused = connections["refused"].as_array().expect("some were refused");
    assert_eq!((refused.len(), &refused[0]["status"], &refused[0]["count"]), (1, &403.into(), &30.into()), "{refused:?}");
    assert_eq!(count(connections, "/returning/returned"), 0);
    assert_eq!(kept.outcomes("$connect").get(&("answered".to_owned(), 403)), Some(&30));
    let shown = format!("{} {} {}", kept.record, kept.finished.stdout, kept.finished.stderr);
    assert!(!shown.contains(&token), "no token is shown");
}
