//! HTTP back ends whose answers come bit by bit: what the client sees as it comes, and when they fail half-way.

use std::io::{ErrorKind as IoErrorKind, Write};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use sluicegate_policy::call::{Blame, ErrorKind};
use sluicegate_policy::model::{ApiKind, Integration, Transfer};
use sluicegate_policy::time::Span;

use crate::behind::{BackEnd, back_end, proxied, says, says_and_cuts, says_and_resets};
use crate::functions::until;
use crate::mock::{Client, Mock, Wire, judged, serve};

/// Longer than anything here takes.
const PATIENT: Span = Span::from_secs(20);

/// A REST API that streams the answers of this back end, for which it waits so long.
fn streams(back_end: &BackEnd, patience: Span) -> Mock {
    let mut mock = proxied(ApiKind::Rest, back_end, patience);
    if let Integration::Http(http) = &mut mock.model.routes[0].integration {
        http.transfer = Transfer::Stream;
    }
    mock
}

async fn asking(client: Client) -> Wire {
    let mut wire = client.connect().await;
    wire.write(b"GET /prod/x/1 HTTP/1.1\r\nhost: mock\r\n\r\n").await;
    wire
}

const CHUNKED: &str = "HTTP/1.1 201 Made\r\nX-A: b\r\nServer: own\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn the_first_part_is_there_before_the_back_end_has_made_the_second() {
    for (head, parts) in [
        (CHUNKED, ["6\r\npart1-\r\n", "5\r\npart2\r\n0\r\n\r\n"]),
        ("HTTP/1.1 201 Made\r\nX-A: b\r\nServer: own\r\nContent-Length: 11\r\n\r\n", ["part1-", "part2"]),
    ] {
        let (open, opened) = mpsc::channel::<()>();
        let opened = Mutex::new(opened);
        let back_end = back_end(move |stream: &mut TcpStream| {
            let _ = stream.write_all(format!("{head}{}", parts[0]).as_bytes());
            let _ = opened.lock().unwrap().recv();
            let _ = stream.write_all(parts[1].as_bytes());
        });
        let mock = streams(&back_end, PATIENT).logging("$context.status $context.responseLength $context.requestId");
        let folder = tempfile::tempdir().unwrap();
        let mut settings = mock.settings();
        settings.access_log = Some(folder.path().join("access.log"));
        let ((), summary) = serve(settings, async |client| {
            let mut wire = asking(client).await;
            for _ in 0..2 {
                let answer = wire.bare_answer().await.unwrap();
                assert_eq!((answer.status, answer.header("x-a")), (201, Some("b")));
                assert_eq!(answer.header("x-amzn-remapped-server"), Some("own"), "named as in an answer that comes as a whole");
                assert_eq!((answer.header("transfer-encoding"), answer.header("content-length")), (Some("chunked"), None));
                assert_eq!(wire.read_until("part1-\r\n").await, "6\r\npart1-\r\n");
                open.send(()).unwrap();
                assert_eq!(wire.read_until("0\r\n\r\n").await, "5\r\npart2\r\n0\r\n\r\n");
                // The connection serves the next request.
                wire.write(b"GET /prod/x/1 HTTP/1.1\r\nhost: mock\r\n\r\n").await;
            }
            wire.leave();
            drop(open);
        });
        let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
        assert_eq!(log.lines().filter(|line| line.starts_with("201 11 ")).count(), 2, "{log}");
        assert_eq!(summary.broken_off, 0);
    }
}

#[test]
fn what_breaks_off_behind_its_head_breaks_the_answer_off() {
    const LONG: &str = "HTTP/1.1 201 Made\r\nContent-Length: 99\r\n\r\npart1-";
    const OPEN: &str = "HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npart1-\r\n";
    const WRONG: &str = "HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n6\r\npart1-\r\nzz\r\n";
    // Of these one stalls until the gateway waits no longer.
    for (back_end, patience) in [
        (back_end(says_and_cuts(LONG)), PATIENT),
        (back_end(says_and_resets(OPEN)), PATIENT),
        (back_end(says_and_cuts(OPEN)), PATIENT),
        (back_end(says(WRONG)), PATIENT),
        (back_end(says(OPEN)), Span::from_ms(300)),
    ] {
        let settings = streams(&back_end, patience).settings();
        let (body, summary, found) = judged(settings, async |client: Client| {
            let mut wire = asking(client).await;
            assert_eq!(wire.bare_answer().await.unwrap().status, 201);
            wire.read_to_end().await
        });
        // A reset may overtake what was sent before.
        assert!("6\r\npart1-\r\n".starts_with(&body), "{body:?}");
        assert_eq!((summary.broken_off, summary.connections.failed), (1, 0), "{body:?}");
        // It was decided on when its head was there.
        assert_eq!(found, [(201, None, Blame::Nobody)]);
    }
}

#[test]
fn what_fails_before_its_head_is_an_answer() {
    for (back_end, patience, kind) in [
        (back_end(says_and_cuts("")), PATIENT, ErrorKind::IntegrationUnreachable),
        (back_end(says_and_cuts("HTTP/1.1 200 OK\r\nContent-Le")), PATIENT, ErrorKind::IntegrationUnreachable),
        (back_end(says("")), Span::from_ms(60), ErrorKind::IntegrationTimeout),
    ] {
        let settings = streams(&back_end, patience).settings();
        let (answer, summary, found) = judged(settings, async |client: Client| client.get("/prod/x/1").await);
        assert_eq!((answer.status, summary.broken_off), (504, 0));
        assert_eq!(found, [(504, Some(kind), Blame::Integration)]);
    }
}

#[test]
fn more_than_the_payload_limit_passes_and_answers_without_a_body_have_none() {
    const BYTES: usize = (10 << 20) + (64 << 10);
    let back_end = back_end(|stream: &mut TcpStream| {
        let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n").as_bytes());
        let _ = stream.write_all(&vec![b'x'; BYTES]);
    });
    let (body, _) = streams(&back_end, PATIENT).serve(async |client| {
        let mut wire = asking(client).await;
        wire.bare_answer().await.unwrap();
        wire.read_until("\r\n0\r\n\r\n").await
    });
    let parts: usize = body.split("\r\n").filter(|part| part.starts_with('x')).map(str::len).sum();
    assert_eq!(parts, BYTES);

    let back_end = crate::behind::back_end(says("HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n"));
    streams(&back_end, PATIENT).serve(async |client| {
        let mut wire = asking(client).await;
        for _ in 0..2 {
            let answer = wire.answer().await.unwrap();
            assert_eq!((answer.status, answer.header("x-a"), answer.header("transfer-encoding")), (204, Some("b"), None));
            wire.write(b"GET /prod/x/1 HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        }
    });
}

#[test]
fn a_client_that_takes_nothing_stops_the_back_end_and_one_that_leaves_closes_its_connection() {
    let (tell, told) = mpsc::channel();
    let back_end = back_end(move |stream: &mut TcpStream| {
        stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let (part, mut sent) = (vec![b'x'; 64 << 10], 0);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        loop {
            match stream.write(&part) {
                Ok(bytes) => sent += bytes,
                Err(error) => {
                    let is_held = error.kind() == IoErrorKind::WouldBlock;
                    let _ = tell.send(is_held.then_some(sent));
                    if !is_held {
                        break;
                    }
                }
            }
        }
    });
    streams(&back_end, PATIENT).serve(async |client| {
        let mut wire = asking(client).await;
        assert_eq!(wire.bare_answer().await.unwrap().status, 200);
        let mut sent = None;
        until("a back end that cannot go on", async || {
            sent = sent.or(told.try_recv().ok().flatten());
            sent.is_some()
        })
        .await;
        // What four sockets hold, and little more.
        assert!(sent < Some(40 << 20), "{sent:?} bytes");
        wire.leave();
        until("the end of a connection", async || told.try_recv() == Ok(None)).await;
    });
}
