//! Several APIs of one account in a profile: the mock serves all of them, and what the account shares is shared.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::Value;

use crate::program::{Bench, finish, quiet};

/// An account that lets three requests through and, for a day, no more.
const ACCOUNT: &str = r"# Imitates nothing: its account has a bucket of three tokens.
gateway:
  api: http
  id: orders
  account: { throttle: { rate: 1/d, burst: 3 } }
  functions: { work: { duration: 1ms, cold_start: 0s } }
  stages: { prod: }
  routes: { GET /orders: { integration: { lambda: work } } }
apis:
  admin:
    api: rest
    stages: { prod: , dev: }
    routes: { GET /users: { integration: { lambda: work } } }
traffic: { mix: [ { request: GET /orders } ], arrivals: { constant: 20/s } }
run: { duration: 500ms, warmup: 0s }
";

/// The status of a GET.
fn status(url: &str, path: &str) -> String {
    let (host, stage) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an http URL with a path");
    let mut socket = TcpStream::connect(host).expect("the mock listens");
    write!(socket, "GET /{stage}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("the mock reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("the mock answers with text");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn the_mock_serves_every_api_and_one_uses_up_what_the_other_would_have_had() {
    let bench = Bench::new();
    bench.file("account.yaml", ACCOUNT);
    let arguments = ["mock", "account.yaml", "--listen", "127.0.0.1:0", "--format", "json", "--until-stdin-closes"];
    let mut child = bench.command(arguments).stdin(Stdio::piped()).spawn().expect("the program starts");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("its standard output is piped");
    BufReader::new(stdout).read_line(&mut line).expect("a ready line");
    let ready: Value = serde_json::from_str(&line).expect("the ready line is JSON");
    let names: Vec<&String> = ready["stages"].as_object().expect("stages by name").keys().collect();
    assert_eq!(names, ["admin/dev", "admin/prod", "orders/prod"]);
    let url = |api: &str, stage: &str| ready["apis"][api][stage].as_str().expect("the stage has a URL").to_owned();
    assert_eq!(ready["stages"]["admin/dev"], *url("admin", "dev"));
    let orders = url("orders", "prod");
    assert_eq!([(); 2].map(|()| status(&orders, "/orders")), ["200", "200"]);
    assert_eq!(status(&url("admin", "prod"), "/users"), "200");
    for (url, path) in [(url("admin", "prod"), "/users"), (url("admin", "dev"), "/users"), (orders, "/orders")] {
        assert_eq!(status(&url, path), "429", "{url}{path}");
    }
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn a_run_drives_the_gateway_s_own_api() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("account.yaml", ACCOUNT);
    let kept = bench.kept(["run", "account.yaml", "--drive-only"]).expect_driven();
    let outcomes = kept.outcomes("GET /orders");
    let count = |status| outcomes.get(&("answered".to_owned(), status)).copied();
    assert_eq!((count(200), count(429)), (Some(3), Some(7)), "{outcomes:?}");
}
