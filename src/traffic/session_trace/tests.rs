//! The trace of sessions, as sentences.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const HEAD: &str = r#"{"sluicegate":"sessions","version":1}"#;
const END: &str = r#"{"end":{"sessions":1,"length_ns":7}}"#;
const SESSION: &str = r#"{"at_ns":2,"target":"/","messages":[{"at_ns":5,"say":"x"}]}"#;

fn ms(ms: u64) -> Span {
    Span::from_ms(ms)
}

fn said(at: u64, text: &str, replied: Option<u64>) -> Passed {
    Passed { at: ms(at), what: Way::Said { text: text.to_owned(), replied: replied.map(ms) } }
}

fn heard(at: u64, bytes: u64) -> Passed {
    Passed { at: ms(at), what: Way::Heard { bytes } }
}

/// One with all that there is, and one that only connects.
fn two() -> Vec<Session> {
    let full = Session {
        at: ms(0),
        target: "/?room=1&x=%20".to_owned(),
        headers: vec![("sec-websocket-protocol".to_owned(), "chat.v1, chat.v2".to_owned())],
        client: 3,
        messages: vec![said(10, "{\"id\":1}\n\u{0}\u{1F600}", Some(40)), heard(40, 8), said(40, "", None)],
        closed: Some(Closed { at: ms(90), code: Some(1000) }),
    };
    vec![full, Session { at: ms(5), target: "/".to_owned(), ..Session::default() }]
}

fn write(dir: &TempDir, sessions: &[Session]) -> PathBuf {
    let path = dir.path().join("t.sessions");
    let provenance = Provenance { reply: Some(vec!["detail".into(), "id".into()]), origin_ns: -5 };
    let mut writer = SessionWriter::create(&path, &provenance).unwrap();
    for session in sessions {
        writer.write(session).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), sessions.len() as u64);
    path
}

/// What reading a text to its end comes to.
fn read(text: &[u8]) -> Result<Vec<Session>, SessionTraceError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.sessions");
    fs::write(&path, text).unwrap();
    SessionReader::open(&path).and_then(Iterator::collect)
}

fn lines(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

fn complaint(text: &[u8]) -> String {
    read(text).expect_err("it is broken").to_string()
}

#[test]
fn a_trace_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut reader = SessionReader::open(&write(&dir, &two())).unwrap();
    assert_eq!(reader.provenance(), &Provenance { reply: Some(vec!["detail".into(), "id".into()]), origin_ns: -5 });
    let all: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(all, two());
    assert_eq!(reader.length(), ms(90));
}

#[test]
fn a_trace_that_is_written_by_hand_needs_no_more_than_is_known() {
    let read = read(&lines(&[HEAD, SESSION, END])).unwrap();
    assert_eq!((read[0].at, read[0].client, read[0].closed), (Span::from_ns(2), 0, None));
}

#[test]
fn a_trace_cut_anywhere_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(&dir, &two());
    let bytes = fs::read(&path).unwrap();
    let head = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    // The last byte is a line end that nobody misses.
    for cut in head..bytes.len() - 1 {
        let error = read(&bytes[..cut]).expect_err("it is cut");
        assert!(matches!(error, SessionTraceError::Truncated { .. }), "cut at {cut}: {error}");
    }
    for cut in 0..head {
        assert!(matches!(read(&bytes[..cut]), Err(SessionTraceError::Foreign { .. })), "cut at {cut}");
    }
    assert_eq!(read(&bytes[..bytes.len() - 1]).unwrap(), two());
}

#[test]
fn a_foreign_file_another_version_and_a_missing_file_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(SessionReader::open(&dir.path().join("none")), Err(SessionTraceError::Io { what: "open", .. })));
    for foreign in ["", "GET / HTTP/1.1\r\n", "{}\n", "{\"sluicegate\":\"requests\",\"version\":1}\n", &"x".repeat(9_000)] {
        assert!(matches!(read(foreign.as_bytes()), Err(SessionTraceError::Foreign { .. })), "{foreign:.40}");
    }
    let newer = read(b"{\"sluicegate\":\"sessions\",\"version\":9,\"more\":1}\n");
    assert!(matches!(newer, Err(SessionTraceError::Version { found: 9, .. })), "{newer:?}");
}

#[test]
fn a_broken_line_is_named_by_its_number_and_by_what_is_wrong_with_it() {
    for (line, why) in [
        ("", "EOF"),
        ("[1]", "invalid"),
        (r#"{"at_ns":-1,"target":"/","messages":[]}"#, "-1"),
        (r#"{"at_ns":0,"target":"x","messages":[]}"#, "no path and query"),
        (r#"{"at_ns":0,"target":"/a b","messages":[]}"#, "no path and query"),
        (r#"{"at_ns":0,"target":"/","messages":[{"at_ns":1}]}"#, "either say or hear"),
        (r#"{"at_ns":0,"target":"/","messages":[{"at_ns":1,"say":"a","hear":1}]}"#, "either say or hear"),
        (r#"{"at_ns":0,"target":"/","messages":[{"at_ns":1,"hear":1,"reply_ns":2}]}"#, "this was heard"),
        (r#"{"at_ns":0,"target":"/","messages":[{"at_ns":2,"say":"a","reply_ns":1}]}"#, "a reply is earlier"),
        (
            r#"{"at_ns":0,"target":"/","messages":[{"at_ns":2,"say":"a"},{"at_ns":1,"say":"b"}]}"#,
            "earlier than the one before it",
        ),
        (r#"{"at_ns":0,"target":"/","messages":[{"at_ns":2,"say":"a"}],"closed":{"at_ns":1}}"#, "closes before"),
        (r#"{"at_ns":0,"target":"/","messages":[],"colour":1}"#, "colour"),
        (r#"{"at_ns":1,"target":"/","messages":[]}"#, "connects earlier"),
        (r#"{"end":{"sessions":7,"length_ns":7}}"#, "7 sessions, and 1 came before"),
    ] {
        let told = complaint(&lines(&[HEAD, SESSION, line, END]));
        assert!(told.contains("t.sessions:3: ") && told.contains(why), "{line}: {told}");
    }
    assert!(complaint(&lines(&[HEAD, SESSION, END, SESSION])).contains("more follows after the end"));
}

#[test]
fn a_line_that_is_too_long_is_refused_and_not_read_into_memory() {
    let mut text = lines(&[HEAD]);
    text.resize(text.len() + LINE_BYTES_MAX + 2, b' ');
    assert!(matches!(read(&text), Err(SessionTraceError::TooLong { line: 2, .. })));
}

#[test]
fn sessions_out_of_order_impossible_or_too_long_are_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SessionWriter::create(&dir.path().join("t"), &Provenance::default()).unwrap();
    writer.write(&two()[1]).unwrap();
    let mut long = two()[1].clone();
    long.messages = vec![said(0, &"x".repeat(LINE_BYTES_MAX), None)];
    let nowhere = Session { target: "chat".to_owned(), ..two()[1].clone() };
    for session in [&two()[0], &long, &nowhere] {
        assert!(matches!(writer.write(session), Err(SessionTraceError::Unwritable { number: 1, .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_panics(at in 0_usize..600, with in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = write(&dir, &two());
        let mut bytes = fs::read(&path).unwrap();
        let at = at % bytes.len();
        bytes[at] = with;
        let read = read(&bytes);
        prop_assert!(read.is_err() || read.is_ok_and(|sessions| sessions.len() == 2));
    }
}
