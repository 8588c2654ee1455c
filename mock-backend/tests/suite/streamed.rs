//! Functions whose answers come bit by bit: what the client sees as it comes, and when they fail half-way.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluicegate_policy::model::{ApiKind, Integration, Transfer};
use sluicegate_policy::time::Span;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::functions::{behind, logged, real, runs, said, until};
use crate::gate::{Gate, gated, told};
use crate::mock::{Client, Mock, Wire};

/// A REST API that streams such a function's answers, for which it waits so long.
fn streams(how: &str, gate: &Gate, patience: Span) -> Mock {
    let mut mock = behind(ApiKind::Rest, gated(how, gate, Span::from_secs(10)), patience);
    if let Integration::Lambda(lambda) = &mut mock.model.routes[0].integration {
        lambda.transfer = Transfer::Stream;
    }
    mock
}

const PATIENCE: Span = Span::from_secs(20);

async fn asking(client: Client) -> Wire {
    let mut wire = client.connect().await;
    wire.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
    wire
}

#[test]
fn the_first_part_is_there_before_the_function_has_made_the_second() {
    let gate = Gate::new();
    let mock = streams("stream-gated", &gate, PATIENCE).logging("$context.status $context.responseLength $context.requestId");
    let folder = tempfile::tempdir().unwrap();
    let mut settings = mock.settings();
    settings.access_log = Some(folder.path().join("access.log"));
    let ((), summary) = crate::mock::serve(settings, async |client| {
        let gate = gate.open();
        let mut wire = asking(client).await;
        for _ in 0..2 {
            let head = wire.bare_answer().await.unwrap();
            assert_eq!((head.status, head.header("x-a"), head.header("transfer-encoding")), (201, Some("b"), Some("chunked")));
            assert_eq!(wire.read_until("part1-\r\n").await, "6\r\npart1-\r\n");
            let (function, _) = gate.accept().await.unwrap();
            assert_eq!(client.get("/prod/x").await.status, 500, "its environment is busy until it ends");
            drop(function);
            assert_eq!(wire.read_until("0\r\n\r\n").await, "5\r\npart2\r\n0\r\n\r\n");
            // The connection serves the next request, and the environment, too.
            wire.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        }
        wire.leave();
    });
    let log = std::fs::read_to_string(folder.path().join("access.log")).unwrap();
    assert_eq!(log.lines().filter(|line| line.starts_with("201 11 ")).count(), 2, "{log}");
    assert_eq!(summary.broken_off, 0);
}

#[test]
fn http2_streams_as_well_and_an_old_client_gets_no_chunks() {
    let gate = Gate::new();
    logged(&streams("stream-gated", &gate, PATIENCE), async |client| {
        let gate = gate.open();
        let stream = TcpStream::connect(client.address).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let uri = format!("http://{}/prod/x", client.address);
        let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        let mut answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.body_mut().frame().await.unwrap().unwrap().into_data().unwrap(), "part1-");
        drop(gate.accept().await.unwrap());
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "part2");

        let mut wire = client.connect().await;
        wire.write(b"GET /prod/x HTTP/1.0\r\nhost: mock\r\n\r\n").await;
        let head = wire.bare_answer().await.unwrap();
        assert_eq!((head.header("transfer-encoding"), head.header("connection")), (None, Some("close")));
        drop(gate.accept().await.unwrap());
        assert_eq!(wire.read_to_end().await, "part1-part2");
    });
}

#[test]
fn a_head_request_gets_the_head_alone() {
    let gate = Gate::new();
    let mut mock = streams("stream-well", &gate, PATIENCE);
    mock.model.routes[0].method = None;
    logged(&mock, async |client| {
        let mut wire = client.connect().await;
        wire.write(b"HEAD /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        let head = wire.bare_answer().await.unwrap();
        assert_eq!((head.status, head.header("content-length"), head.header("transfer-encoding")), (201, None, None));
        until("a free environment", async || client.get("/prod/x").await.status == 201).await;
    });
}

#[test]
fn what_fails_behind_its_head_breaks_the_answer_off() {
    for (how, report) in [
        ("stream-error", ""),
        ("stream-exit", "Status: error\tError Type: Runtime."),
        ("stream-closed", "Status: error\tError Type: Runtime.TruncatedResponse"),
        ("stream-silent", "Status: timeout"),
    ] {
        let gate = Gate::new();
        let mut mock = streams(how, &gate, PATIENCE);
        if how == "stream-silent" {
            mock.model.functions[0] = gated(how, &gate, Span::from_ms(300));
        }
        let (rest, summary, log) = logged(&mock, async |client| {
            let mut wire = asking(client).await;
            assert_eq!(wire.bare_answer().await.unwrap().status, 201, "{how}");
            wire.read_to_end().await
        });
        assert!(rest.starts_with("6\r\npart1-\r\n") && !rest.ends_with("0\r\n\r\n"), "{how}: {rest:?}");
        assert_eq!((summary.broken_off, summary.connections.failed), (1, 0), "{how}");
        assert!(log.lines().any(|line| line.contains("REPORT") && line.contains(report)), "{how}: {log}");
    }
}

#[test]
fn over_http2_a_broken_answer_resets_its_stream_and_no_other() {
    let gate = Gate::new();
    logged(&streams("stream-error", &gate, PATIENCE).fixed("GET /y", "fine"), async |client| {
        let stream = TcpStream::connect(client.address).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let request = |path| Request::get(format!("http://{}{path}", client.address)).body(Empty::<Bytes>::new()).unwrap();
        let broken = sender.send_request(request("/prod/x")).await.unwrap();
        assert_eq!(broken.status(), 201);
        assert!(broken.into_body().collect().await.is_err());
        assert_eq!(sender.send_request(request("/prod/y")).await.unwrap().status(), 200);
    });
}

#[test]
fn what_fails_before_its_head_is_an_answer() {
    for how in ["error", "exit", "init-error", "garbage", "stream-headless", "well"] {
        let (answer, summary, _) = logged(&streams(how, &Gate::new(), PATIENCE), async |client| client.get("/prod/x").await);
        // One that answers as if nobody streamed has no head.
        assert_eq!((answer.status, summary.broken_off), (502, 0), "{how}");
    }
}

#[test]
fn the_gateway_s_time_out_ends_an_answer_and_not_the_function() {
    let gate = Gate::new();
    logged(&streams("stream-gated", &gate, Span::from_ms(700)), async |client| {
        let gate = gate.open();
        let mut wire = asking(client).await;
        let (function, _) = gate.accept().await.unwrap();
        let rest = wire.read_to_end().await;
        assert!(rest.ends_with("6\r\npart1-\r\n"), "{rest:?}");
        drop(function);
        // It is not stopped, and its environment serves the next one.
        let mut next = asking(client).await;
        while next.bare_answer().await.unwrap().status != 201 {
            next = asking(client).await;
        }
        drop(gate.accept().await.unwrap());
        next.read_until("0\r\n\r\n").await;
    });
}

#[test]
fn a_client_that_takes_nothing_stops_the_function_and_one_that_leaves_lets_it_go_on() {
    let gate = Gate::new();
    let ((), _, log) = logged(&streams("stream-stalled", &gate, PATIENCE), async |client| {
        let gate = gate.open();
        let mut wire = asking(client).await;
        assert_eq!(wire.bare_answer().await.unwrap().status, 201);
        let (mut function, _) = gate.accept().await.unwrap();
        // What both sockets hold, and little more: it would have sent 2,048 parts of 64 KB.
        let sent: u32 = told(&mut function).await.parse().unwrap();
        assert!(sent < 400, "{sent} parts of 64 KB were taken");
        wire.leave();
        function.shutdown().await.unwrap();
    });
    assert!(log.contains("REPORT"), "{log}");
}

#[test]
fn a_second_answer_beside_a_stream_is_refused() {
    let gate = Gate::new();
    logged(&streams("stream-twice", &gate, PATIENCE), async |client| {
        let gate = gate.open();
        let mut wire = asking(client).await;
        assert_eq!(wire.bare_answer().await.unwrap().status, 201);
        // Only now is it sure which of its two connections came first.
        drop(gate.accept().await.unwrap());
        let body = wire.read_until("0\r\n\r\n").await;
        // However the chunks fell.
        let told: String = body.split("\r\n").skip(1).step_by(2).collect();
        assert_eq!(told, "part1-part2", "{body:?}");
    });
}

#[test]
fn an_api_that_does_not_stream_answers_whole() {
    for kind in [ApiKind::Rest, ApiKind::Http] {
        let mock = behind(kind, real("stream-well", Span::from_secs(10)), PATIENCE);
        let (answer, _, _) = logged(&mock, async |client| client.get("/prod/x").await);
        assert_eq!((answer.status, answer.body.as_str()), (201, "part1-part2"), "{kind:?}");
    }
}

#[test]
fn a_stream_leaves_no_process_behind_when_the_mock_ends_within_it() {
    let gate = Gate::new();
    let mut mock = streams("stream-gated", &gate, PATIENCE);
    let mut other = real("well", Span::from_secs(10));
    other.name = "other".to_owned();
    mock = mock.lambda("GET /pid", other);
    if let Integration::Lambda(lambda) = &mut mock.model.routes[1].integration {
        lambda.timeout = PATIENCE;
    }
    let (pid, _, _) = logged(&mock, async |client| {
        let gate = gate.open();
        let mut wire = asking(client).await;
        wire.read_until("part1-").await;
        let _function = gate.accept().await.unwrap();
        said(&client.get("/prod/pid").await)["pid"].clone()
    });
    assert!(!runs(&pid));
}
