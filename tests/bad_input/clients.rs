//! Clients that send what is no request, too much, too slowly, or only half of it: each has the documented answer, the mock goes on,
//! and its account counts them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;

use crate::program::{Bench, Mock};

/// A REST API that answers by itself.
const FRONT: &str = "\
gateway:
  api: rest
  stages: { prod: {} }
  routes:
    GET /x: { integration: { mock: { status: 200, body: ok } } }
    POST /x: { integration: { mock: { status: 200, body: ok } } }
";

fn front(bench: &Bench) -> PathBuf {
    bench.file("front.yaml", FRONT)
}

/// A connection to a mock.
pub(super) fn connect(mock: &Mock) -> TcpStream {
    let address = mock.url.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("an http URL");
    TcpStream::connect(address).expect("the mock listens")
}

/// All that comes back until the connection is closed, of an answer that may begin before everything is sent.
pub(super) fn sent(mock: &Mock, request: &[u8]) -> String {
    let mut socket = connect(mock);
    // The gateway may have had enough before it has read everything.
    let _ = socket.write_all(request);
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of the first answer.
pub(super) fn status(answer: &str) -> &str {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

/// Fails unless the mock still answers.
#[track_caller]
pub(super) fn lives(mock: &Mock) {
    let answer = sent(mock, b"GET /prod/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok"), "{answer}");
}

#[test]
fn what_is_no_request_is_answered_and_counted_and_the_mock_goes_on() {
    let bench = Bench::new();
    let mock = Mock::serve(&bench, &front(&bench));
    let requests: [(&[u8], &str); 9] = [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400"),
        (b"GET\r\n\r\n", "400"),
        (b"GET /prod/x HTTP/1.1\r\nHost: h\r\n: nameless\r\n\r\n", "400"),
        (b"GET /prod/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"),
        (b"GET /prod/%g1 HTTP/1.1\r\nHost: h\r\n\r\n", "400"),
        (b"GET /prod/x HTTP/7.3\r\nHost: h\r\n\r\n", "505"),
        (b"POST /prod/x HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", "400"),
        (b"POST /prod/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "400"),
        (b"POST /prod/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: br\r\n\r\n", "501"),
    ];
    for (request, expected) in requests {
        let answer = sent(&mock, request);
        let shown = String::from_utf8_lossy(request).into_owned();
        assert_eq!(status(&answer), expected, "{shown:?}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n") && answer.ends_with("\"}"), "{shown:?}: {answer}");
        lives(&mock);
    }
    let account = mock.finish();
    assert_eq!((&account["malformed"], &account["replies"]["200"]), (&9.into(), &9.into()), "{account}");
    assert_eq!(account["problems"].as_array().map(Vec::len), Some(0), "{account}");
}

#[test]
fn a_url_a_head_and_a_body_that_are_too_large_are_refused_as_the_provider_documents_it() {
    let bench = Bench::new();
    let mock = Mock::serve(&bench, &front(&bench));
    let url = format!("GET /prod/x?{} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "q".repeat(20_000));
    let head = format!("GET /prod/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{}\r\n", "X-A: 1234567890\r\n".repeat(2_000));
    let endless = format!("GET /prod/x HTTP/1.1\r\nHost: h\r\nX: {}", "y".repeat(1 << 20));
    // The head promises more than the 10 MB that are taken (developer guide, "Quotas", 2026).
    let body = format!("POST /prod/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", 11 << 20);
    let whole = [body.as_bytes(), &vec![b'x'; 11 << 20]].concat();
    for (request, expected) in [(url.as_bytes(), "414"), (head.as_bytes(), "431"), (endless.as_bytes(), "431"), (&whole, "413")] {
        assert_eq!(status(&sent(&mock, request)), expected, "{:?}", String::from_utf8_lossy(&request[..40]));
        lives(&mock);
    }
    assert_eq!(mock.finish()["replies"]["200"], 4);
}

#[test]
fn a_slow_client_is_told_so_and_keeps_nobody_from_being_served() {
    let bench = Bench::new();
    let mock = Mock::serve_with(&bench, &front(&bench), &["--head-timeout", "100ms"]);
    let begun = ["GET /prod/x HTTP/1.1\r\nHo", "POST /prod/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"];
    let mut slow: Vec<TcpStream> = begun.iter().map(|_| connect(&mock)).collect();
    for (socket, begun) in slow.iter_mut().zip(begun) {
        socket.write_all(begun.as_bytes()).expect("the mock reads");
    }
    lives(&mock);
    for socket in &mut slow {
        let mut answer = String::new();
        socket.read_to_string(&mut answer).expect("an answer and its end");
        assert_eq!(status(&answer), "408", "{answer}");
    }
    lives(&mock);
    let account = mock.finish();
    assert_eq!((&account["malformed"], &account["replies"]["408"]), (&2.into(), &2.into()), "{account}");
}

#[test]
fn a_client_that_sends_no_more_is_answered_what_it_asked_and_one_that_is_gone_is_counted() {
    let bench = Bench::new();
    let mock = Mock::serve(&bench, &front(&bench));
    // `sent` closes its side at once: whole requests are answered, half of one is not.
    let answers = sent(&mock, &b"GET /prod/x HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3));
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    assert_eq!(sent(&mock, b""), "");
    let half = sent(&mock, b"POST /prod/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
    assert!(half.is_empty() || status(&half) == "400", "{half}");
    drop(connect(&mock));
    lives(&mock);
    let account = mock.finish();
    assert_eq!((&account["replies"]["200"], &account["connections"]["refused"]), (&4.into(), &0.into()), "{account}");
    let ended: u64 =
        account["replies"].as_object().expect("answers by status").values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(account["arrived"].as_u64(), account["abandoned"].as_u64().map(|gone| gone + ended), "{account}");
}

#[test]
fn a_mock_writes_its_authority_into_a_fresh_place_or_where_it_is_told_and_over_nothing() {
    let bench = Bench::new();
    let profile = front(&bench);
    let before = std::fs::read_dir(bench.path("")).expect("a folder").count();
    let mock = Mock::serve_tls(&bench, &profile, &["--tls"]);
    let authority = PathBuf::from(mock.ready["ca"].as_str().expect("the ready line says where the authority is"));
    let text = std::fs::read_to_string(&authority).expect("it is there");
    assert!(authority.is_absolute() && text.starts_with("-----BEGIN CERTIFICATE-----"), "{text}");
    assert_eq!(std::fs::read_dir(bench.path("")).expect("a folder").count(), before, "nothing was written where it was started");
    mock.finish();
    assert!(!authority.exists(), "it goes with the mock");
    for _ in 0..2 {
        let mock = Mock::serve_tls(&bench, &profile, &["--tls", "--ca-out", "ca.pem"]);
        assert_eq!(mock.ready["ca"], "ca.pem");
        mock.finish();
    }
    let mine = "not a certificate, and dear to me\n";
    bench.file("mine.pem", mine);
    let message = ["mine.pem holds something other than the authority of a mock gateway", "name another place, or remove it"];
    bench.line("mock front.yaml --tls --ca-out mine.pem").refuses(2, &message);
    assert_eq!(std::fs::read_to_string(bench.path("mine.pem")).expect("it is kept"), mine);
}
