//! Requests that are none, clients that are slow, and bytes as they were spelled.

use proptest::prelude::*;
use sluicegate_mock::{Patience, Settings};
use sluicegate_policy::model::ApiKind;
use sluicegate_policy::time::Span;

use crate::mock::{Client, Wire, mock, serve};

/// A gateway that waits for nobody longer than this.
fn impatient(span: Span) -> Settings {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").fixed("POST /x", "ok").settings();
    settings.patience = Patience { idle: span, slow: span, linger: span };
    settings
}

async fn sent(client: Client, bytes: &[u8]) -> Wire {
    let mut wire = client.connect().await;
    wire.write(bytes).await;
    wire
}

#[test]
fn a_broken_request_is_answered_as_the_api_would_and_ends_the_connection() {
    for (kind, ids) in [(ApiKind::Rest, ["x-amzn-requestid", "x-amz-apigw-id"]), (ApiKind::Http, ["apigw-requestid"; 2])] {
        let ((), summary) = mock(kind).fixed("GET /x", "ok").serve(async |client| {
            for (request, status) in [
                ("GET /prod/x HTTP/1.1\r\nHost: h\r\nno header\r\n\r\n", 400),
                ("GET /prod/x HTTP/1.1\r\n\r\n", 400),
                ("GET /prod/x HTTP/9.9\r\n", 505),
                ("GET /prod/x HTTP/1.1\nHost: h\n\n", 400),
                ("GET /prod/%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400),
                ("POST /prod/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
                ("POST /prod/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nnope\r\n", 400),
                ("POST /prod/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
                ("POST /prod/x HTTP/1.1\r\nHost: h\r\nExpect: more\r\n\r\n", 417),
            ] {
                let mut wire = sent(client, request.as_bytes()).await;
                let answer = wire.answer().await.unwrap();
                assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{request:?}");
                assert!(ids.iter().all(|id| answer.header(id).is_some()), "{request:?}");
                assert!(answer.body.starts_with(r#"{"message":""#), "{request:?}");
                assert_eq!(answer.header("x-amzn-errortype").is_some(), kind == ApiKind::Rest);
                assert!(wire.is_closed().await, "{request:?}");
            }
        });
        assert_eq!((summary.arrived, summary.malformed, summary.abandoned), (9, 9, 0));
    }
}

#[test]
fn raw_characters_in_a_query_are_refused_by_a_rest_api_alone() {
    for (kind, status) in [(ApiKind::Rest, 400), (ApiKind::Http, 200)] {
        let request = "GET /prod/x?a=|{}&b;c HTTP/1.1\r\nHost: h\r\n\r\n";
        let (answer, _) = mock(kind).fixed("GET /x", "ok").serve(async |client| client.ask(request).await);
        assert_eq!(answer.status, status);
    }
}

#[test]
fn a_head_beyond_all_limits_is_answered_and_not_read_to_its_end() {
    mock(ApiKind::Rest).fixed("GET /x", "ok").serve(async |client| {
        let mut wire = client.connect().await;
        wire.write(b"GET /prod/x HTTP/1.1\r\nHost: h\r\n").await;
        for _ in 0..2_000 {
            wire.write(format!("X: {}\r\n", "y".repeat(60)).as_bytes()).await;
        }
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (431, r#"{"message":"Request Header Fields Too Large"}"#));
    });
}

#[test]
fn limits_below_that_are_the_policys() {
    mock(ApiKind::Rest).fixed("GET /x", "ok").serve(async |client| {
        let long = format!("GET /prod/x?{} HTTP/1.1\r\nHost: h\r\n\r\n", "q".repeat(20_000));
        let mut wire = sent(client, long.as_bytes()).await;
        assert_eq!(wire.answer().await.unwrap().status, 414);
        let many = format!("GET /prod/x HTTP/1.1\r\nHost: h\r\n{}\r\n", "X-A: 1234567890\r\n".repeat(2_000));
        wire.write(many.as_bytes()).await;
        assert_eq!(wire.answer().await.unwrap().status, 431);
        assert_eq!(wire.get("/prod/x").await.body, "ok");
    });
}

#[test]
fn an_answer_is_spelled_as_the_real_gateway_spells_it() {
    mock(ApiKind::Rest).fixed("GET /x", "ok").serve(async |client| {
        let mut wire = sent(client, b"GET /prod/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        let text = wire.read_to_end().await;
        let names: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split_once(": ").map(|(name, _)| name)).collect();
        assert_eq!(names, ["Date", "Content-Type", "Content-Length", "Connection", "x-amzn-RequestId", "x-amz-apigw-id"]);
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nok"), "{text}");
    });
}

#[test]
fn a_client_that_sends_no_more_is_answered_what_it_asked() {
    let mock = mock(ApiKind::Rest).fixed("GET /x", "ok").overhead(Span::from_ms(2));
    let ((), summary) = mock.serve(async |client| {
        let mut wire = sent(client, &b"GET /prod/x HTTP/1.1\r\nHost: h\r\n\r\n".repeat(3)).await;
        wire.half_close().await;
        for _ in 0..3 {
            assert_eq!(wire.answer().await.unwrap().body, "ok");
        }
        assert!(wire.is_closed().await);
    });
    assert_eq!((summary.connections.failed, summary.abandoned), (0, 0));
}

#[test]
fn a_request_may_come_byte_by_byte() {
    mock(ApiKind::Http).fixed("POST /x", "ok").serve(async |client| {
        let mut wire = client.connect().await;
        for byte in b"\r\nPOST /prod/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: 1\r\n\r\n" {
            wire.write(&[*byte]).await;
        }
        assert_eq!(wire.answer().await.unwrap().body, "ok");
        assert_eq!(wire.get("/prod/y").await.status, 404);
    });
}

#[test]
fn a_client_that_waits_for_leave_gets_it() {
    mock(ApiKind::Rest).fixed("POST /x", "ok").serve(async |client| {
        let request = b"POST /prod/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
        let mut wire = sent(client, request).await;
        assert_eq!(wire.bare_answer().await.unwrap().status, 100);
        wire.write(b"body").await;
        assert_eq!(wire.answer().await.unwrap().body, "ok");
    });
}

#[test]
fn an_old_client_is_answered_and_let_go_unless_it_stays() {
    mock(ApiKind::Rest).fixed("GET /x", "ok").serve(async |client| {
        let mut wire = sent(client, b"GET /prod/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!(wire.answer().await.unwrap().header("connection"), Some("keep-alive"));
        wire.write(b"GET /prod/x HTTP/1.0\r\n\r\n").await;
        assert_eq!(wire.answer().await.unwrap().header("connection"), Some("close"));
        assert!(wire.is_closed().await);
    });
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let ((), summary) = serve(impatient(Span::from_ms(24)), async |client| {
        let mut silent = client.connect().await;
        let mut wire = client.connect().await;
        assert_eq!(wire.get("/prod/x").await.body, "ok");
        assert!(wire.is_closed().await);
        assert!(silent.is_closed().await);
    });
    assert_eq!((summary.connections.expired, summary.connections.failed, summary.arrived), (2, 0, 1));
}

#[test]
fn a_slow_client_is_told_that_it_was_too_slow() {
    let ((), summary) = serve(impatient(Span::from_ms(24)), async |client| {
        for begun in ["GET /prod/x HTTP/1.1\r\nHos", "POST /prod/x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf"] {
            let mut wire = sent(client, begun.as_bytes()).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (408, r#"{"message":"Request Timeout"}"#));
            assert!(wire.is_closed().await);
        }
    });
    assert_eq!((summary.malformed, summary.abandoned), (2, 0));
}

#[test]
fn who_takes_no_answer_or_stops_after_a_byte_is_slow_and_not_idle() {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", &"x".repeat(9 << 20)).settings();
    settings.patience = Patience { slow: Span::from_ms(24), ..Patience::default() };
    settings.connections_max = 1;
    serve(settings, async |client| {
        for begun in ["P", "GET /prod/x HTTP/1.1\r\nHost: h\r\n\r\n"] {
            let _wire = sent(client, begun.as_bytes()).await;
            while client.connect().await.try_get("/ping").await.is_none() {}
        }
    });
}

#[test]
fn who_takes_no_answers_is_cut_off() {
    let mut mock = mock(ApiKind::Rest);
    // Far more than the kernel holds for a connection.
    mock = mock.fixed("GET /x", &"x".repeat(9 << 20));
    let mut settings = mock.settings();
    settings.patience = Patience { slow: Span::from_ms(24), ..Patience::default() };
    settings.connections_max = 1;
    let (read, summary) = serve(settings, async |client| {
        let mut wire = sent(client, &b"GET /prod/x HTTP/1.1\r\nHost: h\r\n\r\n".repeat(4)).await;
        // There is room for another one once it has been let go.
        while client.connect().await.try_get("/ping").await.is_none() {}
        wire.read_to_end().await.len()
    });
    assert!(read < 36 << 20, "{read}");
    assert_eq!(summary.connections.failed, 1);
}

#[test]
fn there_is_room_for_so_many_bodies_and_no_more() {
    let mut settings = mock(ApiKind::Rest).fixed("POST /x", "ok").settings();
    settings.bodies_bytes_max = 1_000;
    let ((), summary) = serve(settings, async |client| {
        let begun = |length| format!("POST /prod/x HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{}", "x".repeat(800));
        let mut first = sent(client, begun(801).as_bytes()).await;
        // Answered by the same thread, so that what was sent before has been read.
        client.get("/ping").await;
        let mut second = sent(client, begun(900).as_bytes()).await;
        assert_eq!(second.answer().await.unwrap().status, 503);
        first.write(b"y").await;
        assert_eq!(first.answer().await.unwrap().body, "ok");
        let mut third = sent(client, begun(800).as_bytes()).await;
        assert_eq!(third.answer().await.unwrap().body, "ok");
    });
    assert_eq!((summary.crowded, summary.malformed), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is sent, in whatever pieces: the connection ends, what comes back is HTTP, and others are served.
    #[test]
    fn no_bytes_break_the_gateway(pieces in proptest::collection::vec(piece(), 0..12)) {
        let ((), summary) = serve(impatient(Span::from_ms(40)), async |client| {
            let mut wire = client.connect().await;
            for piece in &pieces {
                // The gateway may have had enough.
                wire.try_write(piece).await;
            }
            wire.try_half_close().await;
            let text = wire.read_to_end().await;
            assert!(text.is_empty() || text.starts_with("HTTP/1.1 "), "{text}");
            assert_eq!(client.get("/prod/x").await.body, "ok");
        });
        assert_eq!(summary.arrived, summary.abandoned + summary.replies.values().sum::<u64>());
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"GET /prod/x HTTP/1.1\r\n".to_vec()),
        Just(b"POST /prod/x HTTP/1.1\r\n".to_vec()),
        Just(b"Host: h\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Expect: 100-continue\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r\n\r\n".to_vec()),
        Just(b"5\r\nhello\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"PRI * HTTP/2.0\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..24),
    ]
}
