//! Keep-alive, HTTP/2, clients that leave, limits, and the end.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluicegate_mock::{MockError, Patience, Server, runtime};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiKind, Cache, Domain, Integration, Invalidation, Mapping, MockIntegration, PAYLOAD_BYTES_MAX, ResponseRule, StageCache,
    StageId,
};
use sluicegate_policy::time::Span;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::mock::{Client, function, mock, serve};

/// An HTTP/2 connection with prior knowledge; `tasks` drives it.
async fn http2(client: Client, tasks: &mut JoinSet<()>) -> http2::SendRequest<Empty<Bytes>> {
    let stream = TcpStream::connect(client.address).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tasks.spawn(async move { connection.await.unwrap() });
    sender
}

fn request(method: Method, client: Client, path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("http://{}{path}", client.address);
    Request::builder().method(method).uri(uri).body(Empty::new()).unwrap()
}

#[test]
fn a_connection_serves_many_requests_even_unawaited() {
    let ((), summary) = mock(ApiKind::Rest).fixed("GET /x", "ok").serve(async |client| {
        let mut wire = client.connect().await;
        for _ in 0..10 {
            assert_eq!(wire.get("/prod/x").await.body, "ok");
        }
        wire.write("GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n".repeat(10).as_bytes()).await;
        for _ in 0..10 {
            assert_eq!(wire.answer().await.unwrap().body, "ok");
        }
    });
    assert_eq!((summary.connections.accepted, summary.connections.failed, summary.arrived), (1, 0, 20));
    assert_eq!(summary.replies.get(&200), Some(&20));
}

#[test]
fn two_hundred_requests_at_once_on_one_http2_connection() {
    let mock = mock(ApiKind::Http).lambda("GET /x", function()).overhead(Span::from_ms(2));
    let ((), summary) = mock.serve(async |client| {
        let mut tasks = JoinSet::new();
        let mut sender = http2(client, &mut tasks).await;
        let answers: Vec<_> = (0..200).map(|_| sender.send_request(request(Method::GET, client, "/prod/x"))).collect();
        for answer in answers {
            let answer = answer.await.unwrap();
            assert_eq!((answer.status(), answer.headers().contains_key("apigw-requestid")), (StatusCode::OK, true));
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), r#"{"id":7}"#);
        }
    });
    assert_eq!((summary.connections.accepted, summary.replies.get(&200)), (1, Some(&200)));
}

#[test]
fn two_hundred_connections_at_once() {
    let mock = mock(ApiKind::Rest).lambda("GET /x", function()).overhead(Span::from_ms(2));
    let ((), summary) = mock.serve(async |client| {
        let mut asking = JoinSet::new();
        for _ in 0..200 {
            asking.spawn(async move { client.get("/prod/x").await.status });
        }
        assert!(asking.join_all().await.iter().all(|status| *status == 200));
    });
    assert_eq!((summary.connections.accepted, summary.release.count), (200, 200));
}

#[test]
fn a_head_request_over_http2_has_no_body_either() {
    mock(ApiKind::Http).fixed("HEAD /x", "four").serve(async |client| {
        let mut tasks = JoinSet::new();
        let mut sender = http2(client, &mut tasks).await;
        let answer = sender.send_request(request(Method::HEAD, client, "/prod/x")).await.unwrap();
        assert_eq!(answer.headers()["content-length"], "4");
        assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
    });
}

#[test]
fn http2_brings_its_authority_as_the_host_and_its_heads_as_long_as_the_policy_allows() {
    mock(ApiKind::Rest).fixed("GET /x", "ok").serve(async |client| {
        let mut tasks = JoinSet::new();
        let mut sender = http2(client, &mut tasks).await;
        let uri = "http://other1234.execute-api.us-east-1.amazonaws.com/prod/x";
        let elsewhere = Request::get(uri).header("x-long", "y".repeat(20_000)).body(Empty::new()).unwrap();
        assert_eq!(sender.send_request(elsewhere).await.unwrap().status(), StatusCode::OK);
        let long = Request::get(uri).header("x-long", "y".repeat(30_000)).body(Empty::new()).unwrap();
        assert_eq!(sender.send_request(long).await.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let raw = request(Method::GET, client, "/prod/x?a=%zz");
        assert_eq!(sender.send_request(raw).await.unwrap().status(), StatusCode::BAD_REQUEST);
        assert_eq!(sender.send_request(request(Method::GET, client, "/prod/x")).await.unwrap().status(), StatusCode::OK);
    });
}

#[test]
fn over_http2_the_authority_wins_over_a_host_beside_it() {
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "ok");
    let base_paths = vec![("v1".to_owned(), StageId(0))];
    mock.model.domains = vec![Domain { name: "api.shop.example".to_owned(), base_paths, truststore: None }];
    mock.serve(async |client| {
        let mut tasks = JoinSet::new();
        let mut sender = http2(client, &mut tasks).await;
        for (authority, host, status) in
            [("api.shop.example", "other.example", StatusCode::OK), ("other.example", "api.shop.example", StatusCode::FORBIDDEN)]
        {
            let request = Request::get(format!("http://{authority}/v1/x")).header("host", host).body(Empty::new()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), status, "{authority}");
        }
    });
}

#[test]
fn an_idle_http2_connection_is_closed_after_its_time() {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").settings();
    settings.patience = Patience { idle: Span::from_ms(24), ..Patience::default() };
    let ((), summary) = serve(settings, async |client| {
        let stream = TcpStream::connect(client.address).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        assert_eq!(sender.send_request(request(Method::GET, client, "/prod/x")).await.unwrap().status(), StatusCode::OK);
        // Ends without an error: the gateway says goodbye.
        assert!(tasks.join_next().await.unwrap().unwrap().is_ok());
    });
    assert_eq!((summary.connections.expired, summary.connections.failed), (1, 0));
}

#[test]
fn a_request_that_never_ends_does_not_keep_an_http2_connection() {
    let mut settings = mock(ApiKind::Rest).fixed("POST /x", "ok").settings();
    settings.patience = Patience { idle: Span::from_ms(24), slow: Span::from_ms(24), linger: Span::from_ms(16) };
    let ((), summary) = serve(settings, async |client| {
        let stream = TcpStream::connect(client.address).await.unwrap();
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let uri = format!("http://{}/prod/x", client.address);
        let endless = Request::post(uri).body(Endless).unwrap();
        assert!(sender.send_request(endless).await.is_err());
        tasks.join_next().await.unwrap().unwrap().ok();
    });
    assert_eq!((summary.arrived, summary.abandoned, summary.connections.expired), (1, 1, 1));
}

/// A body of which nothing ever comes.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[test]
fn whatever_is_kept_is_there_for_the_next_one() {
    let responses = vec![ResponseRule {
        status: 200,
        templates: vec![("application/json".to_owned(), "$context.requestId".to_owned())],
        ..ResponseRule::default()
    }];
    let requests = vec![("application/json".to_owned(), r#"{"statusCode": 200}"#.to_owned())];
    let mapping = Mapping { requests, responses, ..Mapping::default() };
    let mut mock = mock(ApiKind::Rest).fixed("GET /x", "").overhead(Span::from_us(300));
    mock.model.routes[0].integration = Integration::Mock(MockIntegration::Mapped(mapping));
    // Kept so briefly that it is made anew again and again.
    let default = Cache::For(Span::from_ms(1));
    let (capacity_bytes, routes, invalidation) = (1 << 20, Vec::new(), Invalidation::Open);
    mock.model.stages[0].cache = Some(StageCache { capacity_bytes, default, routes, invalidation });
    let (bodies, _) = mock.serve(async |client| {
        let mut asking = JoinSet::new();
        for _ in 0..16 {
            asking.spawn(async move {
                let mut wire = client.connect().await;
                let mut bodies = Vec::new();
                for _ in 0..50 {
                    bodies.push(wire.get("/prod/x").await.body);
                }
                bodies
            });
        }
        asking.join_all().await.concat()
    });
    let distinct: BTreeSet<_> = bodies.iter().collect();
    assert!(bodies.iter().all(|body| body.len() == 36), "{distinct:?}");
    assert!((2..bodies.len()).contains(&distinct.len()), "{}", distinct.len());
}

#[test]
fn no_answer_comes_before_its_time() {
    let overhead = Span::from_ms(3);
    let mut mock = mock(ApiKind::Http).fixed("GET /x", "ok").overhead(overhead);
    mock.model.apis[0].refusal = Latency::constant(overhead);
    let settings = mock.settings();
    let clock = settings.clock;
    serve(settings, async |client| {
        for path in ["/prod/x", "/prod/unknown"].repeat(5) {
            let sent = clock.now();
            client.get(path).await;
            assert!(clock.now().since(sent) >= overhead, "{path}");
        }
    });
}

#[test]
fn an_earlier_deadline_overtakes_a_later_one() {
    let mut mock = mock(ApiKind::Http).lambda("GET /slow", function()).fixed("GET /fast", "ok");
    mock.model.functions[0].duration = Latency::constant(Span::from_ms(15));
    mock.serve(async |client| {
        let (mut slow, mut fast) = (client.connect().await, client.connect().await);
        slow.write(b"GET /prod/slow HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        tokio::select! {
            biased;
            _ = slow.answer() => panic!("the slow answer came first"),
            answer = fast.get("/prod/fast") => assert_eq!(answer.body, "ok"),
        }
        assert_eq!(slow.answer().await.unwrap().status, 200);
    });
}

#[test]
fn half_a_head_disturbs_nobody() {
    let ((), summary) = mock(ApiKind::Rest).fixed("GET /x", "ok").serve(async |client| {
        let mut wire = client.connect().await;
        wire.write(b"GET /prod/x HTTP/1.1\r\nhos").await;
        drop(wire);
        assert_eq!(client.get("/prod/x").await.body, "ok");
    });
    assert_eq!((summary.arrived, summary.connections.accepted), (1, 2));
    assert_eq!(summary.abandoned, 0);
}

#[test]
fn what_is_not_http_is_answered_closed_and_counted() {
    let ((), summary) = mock(ApiKind::Rest).serve(async |client| {
        let mut wire = client.connect().await;
        wire.write(b"\x16\x03\x01 this is no request\r\n\r\n").await;
        assert_eq!(wire.answer().await.unwrap().status, 400);
        assert!(wire.is_closed().await);
    });
    assert_eq!((summary.arrived, summary.malformed, summary.connections.failed), (1, 1, 1));
}

#[test]
fn a_client_that_leaves_within_its_call_leaves_nothing_behind() {
    let mock = mock(ApiKind::Rest).lambda("GET /x", function()).overhead(Span::from_ms(2));
    let ((), summary) = mock.serve(async |client| {
        for _ in 0..20 {
            let mut wire = client.connect().await;
            wire.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
            drop(wire);
        }
        let mut half_body = client.connect().await;
        half_body.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\ncontent-length: 10\r\n\r\nhalf").await;
        drop(half_body);
        assert_eq!(client.get("/prod/x").await.status, 200);
    });
    assert_eq!(summary.arrived, summary.abandoned + summary.replies.values().sum::<u64>());
    assert_eq!(summary.connections.cut, 0);
}

#[test]
fn a_body_up_to_the_limit_passes_and_one_above_is_refused() {
    let limit = usize::try_from(PAYLOAD_BYTES_MAX).unwrap();
    let rest = mock(ApiKind::Rest).fixed("POST /x", "ok");
    let ((), summary) = rest.serve(async |client| {
        for (length, status, body) in [(limit, 200, "ok"), (limit + 1, 413, "HTTP content length exceeded 10485760 bytes.")] {
            let mut wire = client.connect().await;
            wire.write(format!("POST /prod/x HTTP/1.1\r\nhost: mock\r\ncontent-length: {length}\r\n\r\n").as_bytes()).await;
            wire.write(&vec![b'x'; length]).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (status, body));
        }
    });
    assert_eq!(summary.abandoned, 0);
}

#[test]
fn a_body_of_unknown_length_is_counted_as_it_comes() {
    mock(ApiKind::Http).fixed("POST /x", "ok").serve(async |client| {
        let mut wire = client.connect().await;
        wire.write(b"POST /prod/x HTTP/1.1\r\nhost: mock\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let mut chunk = format!("{:x}\r\n", 1 << 20).into_bytes();
        chunk.resize(chunk.len() + (1 << 20), b'x');
        chunk.extend_from_slice(b"\r\n");
        for _ in 0..11 {
            wire.write(&chunk).await;
        }
        wire.write(b"0\r\n\r\n").await;
        let answer = wire.answer().await.unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (413, r#"{"message":"Request Entity Too Large"}"#));
    });
}

#[test]
fn a_client_that_asks_leave_to_send_too_much_is_refused_before_it_sends() {
    let request = "POST /prod/x HTTP/1.1\r\nhost: mock\r\nexpect: 100-continue\r\ncontent-length: 20000000\r\n\r\n";
    let (answer, _) = mock(ApiKind::Rest).fixed("POST /x", "ok").serve(async |client| client.ask(request).await);
    assert_eq!(answer.status, 413);
}

#[test]
fn a_connection_too_many_is_closed_and_counted() {
    let mut settings = mock(ApiKind::Rest).fixed("GET /x", "ok").settings();
    settings.connections_max = 1;
    let ((), summary) = serve(settings, async |client| {
        let mut first = client.connect().await;
        assert_eq!(first.get("/prod/x").await.body, "ok");
        assert!(client.connect().await.is_closed().await);
        assert_eq!(first.get("/prod/x").await.body, "ok");
    });
    assert_eq!((summary.connections.accepted, summary.connections.refused), (1, 1));
}

#[test]
fn calls_in_flight_are_answered_after_the_stop() {
    let mock = mock(ApiKind::Rest).lambda("GET /x", function()).overhead(Span::from_ms(10));
    let ((idle, busy), summary) = mock.serve(async |client| {
        let (mut idle, mut busy) = (client.connect().await, client.connect().await);
        busy.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        // Sent later and answered at once by the same thread: the request above has been read.
        idle.get("/prod/unknown").await;
        (idle, busy)
    });
    assert_eq!(summary.connections.cut, 0);
    assert_eq!(summary.replies.get(&200), Some(&1));
    assert!(busy.rest().starts_with("HTTP/1.1 200 "));
    assert_eq!(idle.rest(), "");
}

#[test]
fn what_outlasts_the_grace_is_cut() {
    let mut mock = mock(ApiKind::Rest).lambda("GET /x", function()).fixed("GET /y", "ok");
    mock.model.apis[0].overhead = Latency::constant(Span::from_secs(3_600));
    mock.model.apis[0].refusal = Latency::constant(Span::ZERO);
    let mut settings = mock.settings();
    settings.grace = Span::from_ms(1);
    let (_busy, summary) = serve(settings, async |client| {
        let mut busy = client.connect().await;
        busy.write(b"GET /prod/x HTTP/1.1\r\nhost: mock\r\n\r\n").await;
        client.get("/prod/unknown").await;
        busy
    });
    assert_eq!((summary.connections.cut, summary.abandoned), (1, 1));
}

#[test]
fn what_cannot_be_opened_is_said_before_the_first_request() {
    runtime().unwrap().block_on(async {
        let taken = Server::bind(mock(ApiKind::Rest).settings()).await.unwrap();
        let mut settings = mock(ApiKind::Rest).settings();
        settings.listen = taken.address();
        assert!(matches!(Server::bind(settings).await.err(), Some(MockError::Listen { .. })));

        let mut settings = mock(ApiKind::Rest).settings();
        settings.arrivals = Some("/nonexistent/arrivals".into());
        let error = Server::bind(settings).await.err().unwrap();
        assert!(error.to_string().contains("/nonexistent/arrivals"), "{error}");

        let mut settings = mock(ApiKind::Rest).logging("$context.requestId").settings();
        settings.access_log = Some("/nonexistent/log".into());
        assert!(matches!(Server::bind(settings).await.err(), Some(MockError::Open { .. })));

        let settings = mock(ApiKind::Rest).logging("$context.status").settings();
        let error = Server::bind(settings).await.err().unwrap();
        assert!(error.to_string().starts_with("stage prod: the format has neither"), "{error}");
    });
}

#[test]
fn each_stage_has_its_url() {
    let mut mock = mock(ApiKind::Http);
    let mut default = mock.model.stages[0].clone();
    default.name = "$default".to_owned();
    mock.model.stages.push(default);
    runtime().unwrap().block_on(async {
        let server = Server::bind(mock.settings()).await.unwrap();
        let address = server.address();
        let stages = server.stage_urls();
        let urls: Vec<_> = stages.iter().map(|stage| (&*stage.api, &*stage.stage, &*stage.url)).collect();
        let (prod, default) = (format!("http://{address}/prod"), format!("http://{address}"));
        assert_eq!(urls, [("a1b2c3d4e5", "prod", &*prod), ("a1b2c3d4e5", "$default", &*default)]);
    });
}

#[test]
fn a_stage_of_a_websocket_api_is_told_as_clients_of_such_an_api_write_it() {
    let mock = mock(ApiKind::WebSocket);
    runtime().unwrap().block_on(async {
        let server = Server::bind(mock.settings()).await.unwrap();
        let url = format!("ws://{}/prod", server.address());
        assert_eq!(server.stage_urls().iter().map(|stage| &*stage.url).collect::<Vec<_>>(), [&*url]);
    });
}
