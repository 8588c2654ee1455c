//! HAR, as sentences.

use std::fs;
use std::io::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::traffic::session_trace::{Closed, Passed, Session, SessionReader, Way};

/// 2025-11-28T13:20:00Z.
const T0: f64 = 1_764_336_000.0;

fn message(way: &str, at: f64, data: &str) -> Value {
    json!({ "type": way, "time": T0 + at, "opcode": 1, "data": data })
}

fn send(at: f64, data: &str) -> Value {
    message("send", at, data)
}

fn receive(at: f64, data: &str) -> Value {
    message("receive", at, data)
}

/// The handshake of a session that begins so many milliseconds after `T0`.
fn entry(at_ms: u32, messages: &[Value]) -> Value {
    json!({
        "startedDateTime": format!("2025-11-28T14:20:{:02}.{:03}+01:00", at_ms / 1_000, at_ms % 1_000),
        "time": 12.5,
        "_resourceType": "websocket",
        "request": { "method": "GET", "url": "wss://chat.example/live?room=1#top", "headers": [{ "name": "Cookie", "value": "a=b" }] },
        "_webSocketMessages": messages,
    })
}

fn har(entries: &[Value]) -> String {
    json!({ "log": { "version": "1.2", "pages": [{}], "entries": entries, "comment": "" } }).to_string()
}

/// What becomes of a HAR, and the sessions of its trace.
fn imported(text: &[u8], reply: Option<&str>) -> Result<(ImportedSessions, Vec<Session>), ImportError> {
    let dir = tempfile::tempdir().unwrap();
    let (path, trace) = (dir.path().join("a.har"), dir.path().join("a.sessions"));
    fs::write(&path, text).unwrap();
    let reply = reply.map(|path| path.split('.').map(str::to_owned).collect());
    let imported = run(&path, &Options { reply, sort_bytes: 1 << 10, ..Options::default() }, &trace)?;
    let sessions = SessionReader::open(&trace).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(sessions.len() as u64, imported.sessions);
    Ok((imported, sessions))
}

fn sessions(entries: &[Value], reply: Option<&str>) -> Vec<Session> {
    imported(har(entries).as_bytes(), reply).unwrap_or_else(|why| panic!("{why}")).1
}

/// When replies came, in milliseconds, of each message that was said.
fn replies(messages: &[Value], reply: &str) -> Vec<Option<u64>> {
    let sessions = sessions(&[entry(0, messages)], Some(reply));
    let replied = |passed: &Passed| match &passed.what {
        Way::Said { replied, .. } => Some(replied.map(|at| (at.as_ns() + 500_000) / 1_000_000)),
        Way::Heard { .. } => None,
    };
    sessions[0].messages.iter().filter_map(replied).collect()
}

#[test]
fn sessions_are_in_order_of_their_connects_with_all_times_from_there() {
    let late = entry(1_500, &[send(2.0, "b"), receive(2.25, "four")]);
    let early = entry(500, &[receive(0.75, ""), send(0.625, "a")]);
    let read = sessions(&[late, early], None);
    let passed = |ns: u64, what| Passed { at: Span::from_ns(ns), what };
    let said = |text: &str| Way::Said { text: text.to_owned(), replied: None };
    assert_eq!((read[0].at, read[1].at), (Span::ZERO, Span::from_ms(1_000)));
    assert_eq!(read[0].messages, [passed(125_000_000, said("a")), passed(250_000_000, Way::Heard { bytes: 0 })]);
    assert_eq!(read[1].messages, [passed(500_000_000, said("b")), passed(750_000_000, Way::Heard { bytes: 4 })]);
    assert_eq!((read[0].target.as_str(), read[0].headers.len()), ("/?room=1", 0));
}

#[test]
fn a_reply_has_what_its_message_has_and_comes_before_the_next_is_said() {
    let id = |n: u32| json!({ "a": { "id": n } }).to_string();
    let talk = [
        send(1.0, &id(1)),
        receive(1.1, &id(9)),
        receive(1.2, &id(1)),
        receive(1.3, &id(1)),
        send(2.0, &id(2)),
        send(3.0, &id(3)),
        receive(3.5, &id(2)),
        receive(3.6, r#"{"a":{"id":"3"}}"#),
        send(4.0, "no json"),
        receive(4.5, "no json"),
        send(5.0, r#"{"a":{"id":{}}}"#),
        receive(5.5, r#"{"a":{"id":{}}}"#),
    ];
    assert_eq!(replies(&talk, "a.id"), [Some(1_200), None, None, None, None]);
    assert_eq!(replies(&talk, "id"), [None; 5]);
}

#[test]
fn without_a_place_nothing_is_a_question() {
    let talk = [send(1.0, r#"{"id":1}"#), receive(1.1, r#"{"id":1}"#)];
    let (found, _) = imported(har(&[entry(0, &talk)]).as_bytes(), None).unwrap();
    assert_eq!((found.said, found.questions, found.heard, found.heard_bytes), (1, 0, 1, 8));
    assert!(found.notes.iter().any(|note| note.contains("--reply")), "{:?}", found.notes);
}

#[test]
fn a_session_ends_when_its_entry_does_or_its_close_frame_passed_and_else_outlasts_the_recording() {
    let with = |time: Value, messages: &[Value]| {
        let mut entry = entry(0, messages);
        entry["time"] = time;
        sessions(&[entry], None)[0].closed.map(|closed: Closed| closed.at.as_ns() / 1_000_000)
    };
    let close = json!({ "type": "receive", "time": T0 + 4.0, "opcode": 8, "data": "" });
    assert_eq!(with(json!(9_000.0), &[send(3.0, "a")]), Some(9_000));
    assert_eq!(with(json!(12.5), &[send(3.0, "a")]), None, "it is the handshake's");
    assert_eq!(with(json!(12.5), &[send(3.0, "a"), close]), Some(4_000));
    assert_eq!(with(json!(12.5), &[]), None);
    assert_eq!(with(Value::Null, &[send(3.0, "a")]), None);
    assert_eq!(with(json!("long"), &[send(3.0, "a")]), None);
}

#[test]
fn whatever_is_left_out_is_counted_under_its_name() {
    let mut binary = send(1.0, "AAEC");
    binary["opcode"] = json!(2);
    let mut ping = send(1.1, "");
    ping["opcode"] = json!(9);
    let mut untimed = send(1.2, "a");
    untimed["time"] = Value::Null;
    let mut heard = receive(1.3, "AAECAwQF");
    heard["opcode"] = json!(2);
    let error = json!({ "type": "error", "time": T0 + 1.4, "opcode": -1, "data": "net::ERR" });
    let large = send(1.5, &"x".repeat((128 << 10) + 1));
    let huge = send(1.6, &"x".repeat(3 << 20));
    let messages = [binary, ping, untimed, heard, error, large, huge, send(-5.0, "early"), send(2.0, "kept")];
    let timeless = json!({ "startedDateTime": "some day", "request": { "url": "ws://a/" }, "_webSocketMessages": [] });
    let request = json!({ "startedDateTime": "2025-11-28T13:20:00Z", "request": { "url": "https://a/" } });
    let (found, sessions) = imported(har(&[entry(0, &messages), timeless, request.clone(), request]).as_bytes(), None).unwrap();
    assert_eq!((found.entries, found.sessions, found.requests(), found.said, found.heard_bytes), (4, 1, 2, 2, 6));
    let said: Vec<_> = sessions[0].messages.iter().filter_map(talk::said).collect();
    assert_eq!(said, ["early", "kept"]);
    let left = found.left_out().join("\n");
    for told in [
        "2 requests",
        "1 sessions whose beginning is not said",
        "1 binary messages",
        "2 messages that were sent and are larger",
        "2 control frames and errors",
        "1 messages without a time",
        "1 messages before their connect",
    ] {
        assert!(left.contains(told), "{told}: {left}");
    }
    assert!(found.notes.iter().any(|note| note.contains("cookie (1)")), "{:?}", found.notes);
}

#[test]
fn no_secret_of_the_recording_is_in_its_trace() {
    let mut secret = entry(0, &[send(1.0, "hello")]);
    secret["request"]["url"] = json!("wss://chat.example/live?token=hunter2&room=1");
    secret["request"]["headers"] = json!([
        { "name": "Cookie", "value": "hunter2" },
        { "name": "Authorization", "value": "Bearer hunter2" },
        { "name": "Sec-WebSocket-Protocol", "value": "chat.v1, eyJhIjoiaHVudGVyMiJ9.e30.x" },
    ]);
    secret["response"] = json!({ "headers": [{ "name": "Set-Cookie", "value": "hunter2" }] });
    let read = sessions(&[secret], None);
    let line = String::from_utf8(to_line(&read[0])).unwrap();
    assert!(!line.contains("hunter2") && !line.contains("eyJ"), "{line}");
    assert_eq!(read[0].headers, [("sec-websocket-protocol".to_owned(), "chat.v1".to_owned())]);
    assert_eq!(read[0].target, "/?room=1");
}

#[test]
fn a_har_that_breaks_off_gives_what_is_whole_and_says_so() {
    let text = har(&[entry(0, &[send(1.0, "a")]), entry(10, &[send(1.0, "b")])]);
    let cut = text.rfind("\"b\"").unwrap();
    let (found, sessions) = imported(&text.as_bytes()[..cut], None).unwrap();
    assert_eq!(sessions.len(), 1);
    assert!(found.notes[0].contains("breaks off after entry 1"), "{:?}", found.notes);
}

#[test]
fn what_is_no_har_or_has_no_sessions_is_refused_with_what_to_do() {
    let refusal = |text: &str| imported(text.as_bytes(), None).expect_err("it has no sessions").to_string();
    for text in
        ["", "[]", "GET / HTTP/1.1", r#"{"log":[]}"#, r#"{"log":{}}"#, r#"{"logs":{"entries":[]}}"#, r#"{"log":{"entries":{}}}"#]
    {
        assert!(refusal(text).contains("is no HAR"), "{text}: {}", refusal(text));
    }
    let request = json!({ "request": { "url": "https://a/" } });
    let told = refusal(&har(&[request]));
    assert!(told.contains("none of its 1 entries") && told.contains("1 requests"), "{told}");
    assert!(refusal(&har(&[])).contains("none of its 0 entries"));
}

#[test]
fn a_har_is_known_by_its_beginning_packed_or_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let looks = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        looks_like_har(&path)
    };
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(har(&[]).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    assert!(looks(har(&[]).as_bytes()) && looks(b"\xEF\xBB\xBF {\n \"log\" :\n {") && looks(&packed));
    for other in [&b""[..], b"{", br#"{"log":"a line of docker"}"#, br#"{"time":1}"#, b"192.0.2.1 - - ["] {
        assert!(!looks(other));
    }
    assert!(!looks_like_har(dir.path()) && !looks_like_har(&dir.path().join("none")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_panics(at in any::<usize>(), with in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = har(&[entry(0, &[send(1.0, r#"{"id":1}"#), receive(1.5, r#"{"id":1}"#)]), entry(7, &[])]).into_bytes();
        let at = at % bytes.len();
        bytes[at] = with;
        let whole = if cut { &bytes[..at] } else { &bytes[..] };
        if let Ok((found, _)) = imported(whole, Some("id")) {
            prop_assert!(found.sessions <= 2);
        }
    }
}
