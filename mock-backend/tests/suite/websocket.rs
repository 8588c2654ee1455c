//! WebSocket connections over real sockets: opened, used, pushed to, closed, and misused.

use std::pin::Pin;

use bytes::Bytes;
use serde_json::{Value, json};
use sluicegate_mock::{Server, Settings, Summary, WebSockets, runtime};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiKind, DeploymentId, FanOut, Function, FunctionId, Integration, Receivers, Response, Route, RouteId, RouteResponse,
    SlowReader,
};
use sluicegate_policy::time::Span;
use std::future::poll_fn;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::mock::{Answer, Client, Mock, Wire, function, mock, throttle};

/// A client's end of a connection.
struct Peer(WebSocketStream<TcpStream>);

impl Peer {
    async fn try_open(client: Client, path: &str) -> Result<Self, (u16, String)> {
        let stream = TcpStream::connect(client.address).await.unwrap();
        let url = format!("ws://{}{path}", client.address);
        match client_async(url, stream).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(answer)) => {
                let status = answer.status().as_u16();
                Err((status, String::from_utf8(answer.into_body().unwrap_or_default()).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn open(client: Client) -> Self {
        Self::try_open(client, "/prod").await.unwrap_or_else(|(status, body)| panic!("{status} {body}"))
    }

    async fn send(&mut self, message: Message) {
        use futures_util::SinkExt as _;
        self.0.send(message).await.unwrap();
    }

    async fn say(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    async fn next(&mut self) -> Result<Message, Error> {
        let next = poll_fn(|cx| futures_util::Stream::poll_next(Pin::new(&mut self.0), cx)).await;
        next.unwrap_or(Err(Error::ConnectionClosed))
    }

    async fn json(&mut self) -> Value {
        let message = self.next().await.unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap_or_else(|_| panic!("{message:?}"))
    }

    /// The code and words with which the other side closes; what comes before is passed over.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next().await {
                Ok(Message::Close(Some(CloseFrame { code, reason }))) => return (code.into(), reason.to_string()),
                Ok(Message::Close(None)) => return (1005, String::new()),
                Ok(_) => {}
                Err(error) => {
                    let gone = matches!(
                        error,
                        Error::ConnectionClosed | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_)
                    );
                    assert!(gone, "{error}");
                    return (1006, String::new());
                }
            }
        }
    }
}

/// A gateway whose route `echo` says what it was told, and whose `$default` answers `default`.
fn chat() -> Mock {
    let mut chat = mock(ApiKind::WebSocket);
    for key in ["echo", "$default"] {
        let mut function = function();
        function.response = Response { status: 200, body: format!(r#"{{"of":"{key}"}}"#) };
        chat.model.functions.push(function);
        let id = FunctionId(u16::try_from(chat.model.functions.len() - 1).unwrap());
        let mut route = Route::new(DeploymentId(0), None, key, Integration::lambda(id, Span::from_secs(20)));
        route.response = RouteResponse::Present;
        chat.model.routes.push(route);
    }
    for method in ["GET", "POST", "DELETE"] {
        let integration = Integration::fixed(200, "");
        chat.model.routes.push(Route::new(DeploymentId(0), Some(method), "/@connections/{connectionId}", integration));
    }
    chat.model.account.connects = throttle(1_000_000, 1_000_000);
    chat
}

fn change(mut mock: Mock, change: impl FnOnce(&mut Mock)) -> Mock {
    change(&mut mock);
    mock
}

/// With a `$connect` route to a function that answers with this status.
fn connecting(status: u16, change: impl FnOnce(&mut Function)) -> Mock {
    let mut chat = chat();
    let mut function = function();
    function.response = Response { status, body: "said".to_owned() };
    change(&mut function);
    chat.model.functions.push(function);
    let id = FunctionId(u16::try_from(chat.model.functions.len() - 1).unwrap());
    chat.model.routes.push(Route::new(DeploymentId(0), None, "$connect", Integration::lambda(id, Span::from_ms(200))));
    chat
}

fn websockets(summary: &Summary) -> &WebSockets {
    summary.websocket.as_ref().expect("the API is one")
}

/// What a connection is called: the gateway's own frames say it.
async fn name_of(peer: &mut Peer) -> String {
    peer.say("no json and no route").await;
    peer.json().await["connectionId"].as_str().unwrap().replace('=', "%3D")
}

/// A request with these headers and this body.
async fn ask(wire: &mut Wire, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    wire.write(format!("{method} {path} HTTP/1.1\r\nhost: mock\r\n{headers}content-length: {length}\r\n\r\n{body}").as_bytes())
        .await;
    wire.answer().await.expect("an answer")
}

/// Without a route for everything.
fn without_default(mock: Mock) -> Mock {
    change(mock, |mock| mock.model.routes.retain(|route| route.path != "$default"))
}

#[test]
fn a_message_goes_to_the_route_that_it_selects_and_its_answer_comes_back() {
    let ((), summary) = chat().serve(async |client| {
        let mut peer = Peer::open(client).await;
        for (message, of) in [(r#"{"action":"echo"}"#, "echo"), (r#"{"action":"other"}"#, "$default"), ("no json", "$default")] {
            peer.say(message).await;
            assert_eq!(peer.json().await, json!({ "of": of }), "{message}");
        }
    });
    let counts = websockets(&summary);
    assert_eq!((counts.opened, counts.messages_in, counts.messages_out), (1, 3, 3));
    assert_eq!(summary.replies.get(&101), Some(&1));
}

#[test]
fn a_modelled_function_of_whose_response_nothing_is_said_answers_with_the_message() {
    let echo = change(chat(), |chat| chat.model.functions.iter_mut().for_each(|function| function.echoes = true));
    let ((), _) = echo.serve(async |client| {
        let mut peer = Peer::open(client).await;
        for said in [r#"{"action":"echo","id":7}"#, r#"{"action":"none","id":"8"}"#] {
            peer.say(said).await;
            assert_eq!(peer.json().await, serde_json::from_str::<Value>(said).unwrap());
        }
    });
}

#[test]
fn a_message_for_no_route_is_answered_by_the_gateway_and_the_connection_stays() {
    without_default(chat()).serve(async |client| {
        let mut peer = Peer::open(client).await;
        peer.say(r#"{"action":"nobody"}"#).await;
        let frame = peer.json().await;
        assert_eq!(frame["message"], "Forbidden");
        assert_eq!((frame["connectionId"].as_str().unwrap().len(), frame["requestId"].as_str().unwrap().len()), (16, 16));
        peer.say(r#"{"action":"echo"}"#).await;
        assert_eq!(peer.json().await["of"], "echo");
    });
}

#[test]
fn the_handshake_waits_for_its_integration_and_mirrors_its_status() {
    for (status, expected) in [(200, None), (401, Some(401)), (403, Some(403)), (400, Some(400)), (500, Some(500))] {
        connecting(status, |_| ()).serve(async |client| {
            let refused = Peer::try_open(client, "/prod").await.err().map(|(status, _)| status);
            assert_eq!(refused, expected, "{status}");
        });
    }
    let ((), summary) = connecting(200, |function| function.failures = 1.0).serve(async |client| {
        assert_eq!(Peer::try_open(client, "/prod").await.err().map(|(status, _)| status), Some(502));
    });
    assert_eq!(websockets(&summary).opened, 0);
    connecting(200, |function| function.duration = Latency::constant(Span::from_secs(10))).serve(async |client| {
        assert_eq!(Peer::try_open(client, "/prod").await.err().map(|(status, _)| status), Some(504));
    });
}

#[test]
fn a_connection_without_messages_is_closed_as_going_away() {
    let quick = change(chat(), |mock| mock.model.apis[0].websocket.idle = Span::from_ms(50));
    let ((), summary) = quick.serve(async |client| {
        assert_eq!(Peer::open(client).await.closed().await, (1001, "Going away".to_owned()));
    });
    assert_eq!(websockets(&summary).closed.get("idle"), Some(&1));
}

#[test]
fn a_connection_ends_with_its_life_though_it_is_used() {
    let short = change(chat(), |mock| mock.model.apis[0].websocket.life = Span::from_ms(100));
    let ((), summary) = short.serve(async |client| {
        let mut peer = Peer::open(client).await;
        loop {
            peer.say(r#"{"action":"echo"}"#).await;
            match peer.next().await {
                Ok(Message::Text(_)) => {}
                Ok(Message::Close(Some(frame))) => break assert_eq!(u16::from(frame.code), 1001),
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(websockets(&summary).closed.get("life"), Some(&1));
}

#[test]
fn bytes_and_what_is_too_long_close_the_connection_with_their_codes() {
    let ((), summary) = chat().serve(async |client| {
        let mut bytes = Peer::open(client).await;
        bytes.send(Message::binary(vec![1, 2, 3])).await;
        assert_eq!(bytes.closed().await.0, 1003);
        // A frame of more than 32 KB.
        let mut frame = Peer::open(client).await;
        frame.say(&"x".repeat((32 << 10) + 1)).await;
        assert_eq!(frame.closed().await.0, 1009);
        // A message of more than 128 KB in frames that are short enough.
        let mut message = Peer::open(client).await;
        let part = Bytes::from(vec![b'x'; 30 << 10]);
        for n in 0..5 {
            let code = if n == 0 { Data::Text } else { Data::Continue };
            message.send(Message::Frame(Frame::message(part.clone(), OpCode::Data(code), n == 4))).await;
        }
        assert_eq!(message.closed().await.0, 1009);
        // One of 128 KB is taken.
        let mut fits = Peer::open(client).await;
        for n in 0..4 {
            let code = if n == 0 { Data::Text } else { Data::Continue };
            let part = Bytes::from(vec![b'x'; 32 << 10]);
            fits.send(Message::Frame(Frame::message(part, OpCode::Data(code), n == 3))).await;
        }
        assert_eq!(fits.json().await["of"], "$default");
    });
    let closed = &websockets(&summary).closed;
    assert_eq!((closed.get("binary"), closed.get("too-large")), (Some(&1), Some(&2)));
}

#[test]
fn a_client_that_sends_more_than_the_throttle_lets_pass_is_closed() {
    let throttled = change(chat(), |mock| mock.model.stages[0].route_throttles.push((RouteId(0), throttle(1, 2))));
    let ((), summary) = throttled.serve(async |client| {
        let mut peer = Peer::open(client).await;
        for _ in 0..3 {
            peer.say(r#"{"action":"echo"}"#).await;
        }
        assert_eq!(peer.closed().await.0, 1008);
    });
    assert_eq!(websockets(&summary).closed.get("throttled"), Some(&1));
}

#[test]
fn more_new_connections_than_the_account_may_have_are_refused_at_the_handshake() {
    let few = change(chat(), |mock| mock.model.account.connects = throttle(1, 2));
    few.serve(async |client| {
        let _open = (Peer::open(client).await, Peer::open(client).await);
        let (status, body) = Peer::try_open(client, "/prod").await.err().unwrap();
        assert_eq!((status, body.contains("Too Many Requests")), (429, true), "{body}");
    });
}

#[test]
fn connections_are_posted_to_told_of_and_closed_by_their_names() {
    let ((), summary) = without_default(chat()).serve(async |client| {
        let mut peer = Peer::open(client).await;
        let name = name_of(&mut peer).await;
        let path = format!("/prod/@connections/{name}");
        let mut wire = client.connect().await;
        let posted = ask(&mut wire, "POST", &path, "", "hello").await;
        assert_eq!((posted.status, posted.body.as_str()), (200, ""));
        assert_eq!(peer.next().await.unwrap().to_text().unwrap(), "hello");
        let told: Value = serde_json::from_str(&wire.get(&path).await.body).unwrap();
        assert!(told["connectedAt"].as_str().unwrap() <= told["lastActiveAt"].as_str().unwrap(), "{told}");
        assert_eq!(told["identity"]["sourceIp"], "127.0.0.1");
        // Longer than a frame may be, it comes as one message in several.
        let long = "y".repeat(100_000);
        assert_eq!(ask(&mut wire, "POST", &path, "", &long).await.status, 200);
        assert_eq!(peer.next().await.unwrap().to_text().unwrap(), long);
        assert_eq!(ask(&mut wire, "DELETE", &path, "", "").await.status, 204);
        assert_eq!(peer.closed().await, (1000, "Connection Closed Normally".to_owned()));
        for (method, body) in [("POST", "x"), ("GET", ""), ("DELETE", "")] {
            let gone = ask(&mut wire, method, &path, "", body).await;
            assert_eq!((gone.status, gone.header("x-amzn-errortype")), (410, Some("GoneException")), "{method}");
        }
        assert_eq!(ask(&mut wire, "POST", "/prod/@connections/nobody", "", "x").await.status, 410);
    });
    assert_eq!(websockets(&summary).closed.get("deleted"), Some(&1));
}

#[test]
fn too_long_a_post_is_refused_and_the_connection_stays() {
    without_default(chat()).serve(async |client| {
        let mut peer = Peer::open(client).await;
        let path = format!("/prod/@connections/{}", name_of(&mut peer).await);
        let refused = ask(&mut client.connect().await, "POST", &path, "", &"z".repeat((128 << 10) + 1)).await;
        assert_eq!((refused.status, refused.header("x-amzn-errortype")), (413, Some("PayloadTooLargeException")));
        peer.say(r#"{"action":"echo"}"#).await;
        assert_eq!(peer.json().await["of"], "echo");
    });
}

#[test]
fn a_modelled_function_posts_a_message_to_all_others() {
    let fan_out = FanOut { to: Receivers::Others, at_once: 10, each: Latency::constant(Span::from_us(100)) };
    let broadcast = change(chat(), |mock| mock.model.routes[0].fan_out = Some(fan_out));
    let ((), summary) = broadcast.serve(async |client| {
        let mut peers = Vec::new();
        for _ in 0..30 {
            peers.push(Peer::open(client).await);
        }
        let message = r#"{"action":"echo","n":1}"#;
        peers[0].say(message).await;
        assert_eq!(peers[0].json().await["of"], "echo");
        for peer in &mut peers[1..] {
            assert_eq!(peer.next().await.unwrap().to_text().unwrap(), message);
        }
    });
    assert_eq!((websockets(&summary).pushed, websockets(&summary).opened), (29, 30));
}

#[test]
fn whoever_posts_to_a_client_that_does_not_read_is_refused_and_memory_stays_bounded() {
    for (slow_reader, closes) in [(SlowReader::Kept, false), (SlowReader::Closed, true)] {
        let slow = change(without_default(chat()), |mock| {
            mock.model.apis[0].websocket.unread_bytes = 200_000;
            mock.model.apis[0].websocket.slow_reader = slow_reader;
        });
        let ((), summary) = slow.serve(async |client| {
            let mut peer = Peer::open(client).await;
            let path = format!("/prod/@connections/{}", name_of(&mut peer).await);
            let mut wire = client.connect().await;
            let body = "w".repeat(100_000);
            let mut statuses = Vec::new();
            // What the kernel holds for the client comes before what the mock holds: some megabytes, at most.
            while statuses.last() != Some(&429) {
                statuses.push(ask(&mut wire, "POST", &path, "", &body).await.status);
                assert!(statuses.len() < 1_000);
            }
            assert_eq!(ask(&mut wire, "POST", &path, "", "x").await.status, if closes { 410 } else { 429 });
        });
        assert_eq!(websockets(&summary).closed.contains_key("unread"), closes, "{slow_reader:?}");
    }
}

#[test]
fn a_client_that_leaves_is_gone_whether_or_not_it_says_so() {
    let ((), summary) = chat().serve(async |client| {
        let mut polite = Peer::open(client).await;
        polite.send(Message::Close(Some(CloseFrame { code: 1000.into(), reason: "bye".into() }))).await;
        assert_eq!(polite.closed().await.0, 1000);
        drop(Peer::open(client).await);
        // Whoever opens another one then finds both gone, sooner or later.
        let mut other = Peer::open(client).await;
        other.say(r#"{"action":"echo"}"#).await;
        other.json().await;
    });
    let counts = websockets(&summary);
    assert_eq!((counts.opened, counts.left + counts.open), (3, 3));
}

#[test]
fn what_is_no_frame_or_none_that_may_come_ends_the_connection_under_its_own_name() {
    let bad: [(&str, &[u8], u16); 4] = [
        ("unmasked", &[0x81, 0x02, b'h', b'i'], 1002),
        ("reserved bits", &[0xF1, 0x80, 0, 0, 0, 0], 1002),
        ("a continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("no text", &[0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
    ];
    let ((), summary) = chat().serve(async |client| {
        for (what, bytes, code) in bad {
            let mut peer = Peer::open(client).await;
            peer.0.get_mut().write_all(bytes).await.unwrap();
            assert_eq!(peer.closed().await.0, code, "{what}");
        }
    });
    assert_eq!(websockets(&summary).unruly, 4);
}

#[test]
fn a_handshake_that_is_none_is_refused_and_so_is_a_plain_request() {
    chat().serve(async |client| {
        let mut wire = client.connect().await;
        assert_eq!(wire.get("/prod").await.status, 403, "no upgrade is asked for");
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";
        assert_eq!(ask(&mut wire, "GET", "/prod", upgrade, "").await.status, 400, "there is no key");
        assert_eq!(Peer::try_open(client, "/other").await.err().map(|(status, _)| status), Some(403), "there is no such stage");
    });
}

#[test]
fn a_subprotocol_is_the_integrations_to_choose() {
    // A fixed mock says nothing of it, and so the client hears of none.
    chat().serve(async |client| {
        let mut stream = TcpStream::connect(client.address).await.unwrap();
        let asked = "GET /prod HTTP/1.1\r\nhost: mock\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: chat\r\n\r\n";
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut bytes = vec![0; 4_096];
        let length = stream.read(&mut bytes).await.unwrap();
        let head = String::from_utf8_lossy(&bytes[..length]).to_lowercase();
        assert!(head.starts_with("http/1.1 101 ") && head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        assert!(!head.contains("sec-websocket-protocol") && head.contains("connection: upgrade"), "{head}");
    });
}

#[test]
fn a_real_function_gets_the_events_of_its_routes_over_the_runtime_api() {
    let mut chat = mock(ApiKind::WebSocket);
    chat.model.functions.push(crate::functions::real("echo", Span::from_secs(10)));
    for key in ["$connect", "$default"] {
        let mut route = Route::new(DeploymentId(0), None, key, Integration::lambda(FunctionId(0), Span::from_secs(20)));
        route.response = RouteResponse::Present;
        chat.model.routes.push(route);
    }
    chat.serve(async |client| {
        let mut peer = Peer::try_open(client, "/prod?room=7").await.unwrap_or_else(|refused| panic!("{refused:?}"));
        peer.say("hello").await;
        let event = peer.json().await["event"].take();
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("hello"), &json!(false)));
        assert!(event.get("headers").is_none() && event.get("queryStringParameters").is_none(), "{event}");
        let context = &event["requestContext"];
        assert_eq!((&context["eventType"], &context["routeKey"]), (&json!("MESSAGE"), &json!("$default")));
        assert_eq!((&context["stage"], &context["messageDirection"]), (&json!("prod"), &json!("IN")));
        assert_eq!((&context["requestId"], &context["apiId"]), (&context["extendedRequestId"], &json!("a1b2c3d4e5")));
        assert!(context["connectedAt"].as_u64().unwrap() <= context["requestTimeEpoch"].as_u64().unwrap(), "{context}");
        assert_ne!(context["messageId"], context["requestId"]);
    });
}

#[test]
fn when_the_mock_leaves_it_says_so() {
    let stopped = runtime().unwrap().block_on(async {
        let server = Server::bind(Settings::new(Arc::new(chat().model), sluicegate_policy::seed::Seed::new(1))).await.unwrap();
        let client = Client { address: server.address(), admin: None };
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let said = async {
            let mut peer = Peer::open(client).await;
            stop.send(()).unwrap();
            peer.closed().await
        };
        let run = server.run(async { drop(stopped.await) });
        tokio::join!(run, said)
    });
    assert_eq!(stopped.1, (1001, "Going away".to_owned()));
    assert_eq!(websockets(&stopped.0).open, 1);
}
