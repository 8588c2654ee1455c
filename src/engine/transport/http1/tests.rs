//! What is lean against hyper, on the same traffic: the bytes of requests, and what is made of answers, whole, cut up and mutilated.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use proptest::prelude::*;
use sluicegate_timer::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};

use super::super::resolver::Resolver;
use super::fallback::Fallback;
use super::lean::Taken;
use super::*;
use crate::engine::credentials::Bearing;
use crate::engine::settings::{Answers, RequestIds};
use crate::engine::transport::clue::Heed;
use crate::engine::transport::connect::Route;
use crate::engine::transport::request::Form;
use crate::engine::transport::stamp::{Counted, Meter};
use crate::load::Share;
use crate::load::keeping::Keeping;
use crate::traffic::catalog::Recorded;
use crate::traffic::{Catalog, SeriesId, What};
use sluicegate_policy::time::Span;

/// Who speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Lean,
    Hyper,
}

fn request(method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Request {
    let recorded =
        Recorded { method: method.to_owned(), target: target.to_owned(), headers: headers.to_vec(), body: body.to_vec() };
    Request { series: SeriesId(0), identity: 0, what: What::Recorded(Arc::new(recorded)) }
}

fn encoder() -> RefCell<Encoder> {
    let form = Form::Origin(HeaderValue::from_static("api.test:81"));
    RefCell::new(Encoder::new(Arc::new(Catalog::default()), form, "/prod".to_owned(), Bearing::Nothing))
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_io().build_local(LocalOptions::default()).unwrap().block_on(work)
}

/// Both ends of a connection.
async fn pair() -> (Stream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (client, server) = (client.unwrap(), server.unwrap().0);
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    (Stream::Plain(Counted::new(client, Rc::new(Meter::default()))), server)
}

async fn connection(by: By, stream: Stream) -> Http1 {
    let clock = Clock::starting_now();
    let route = Route {
        host: "127.0.0.1".to_owned(),
        port: 1,
        tls: None,
        timeout: Span::from_secs(1),
        heed: Heed { answers: Answers::OfAnybody, request_ids: RequestIds::Kept },
        keeping: Keeping::FOR_EVER,
        dns_refresh: Span::from_secs(1),
        resolver: Resolver::of_the_system(),
        sources: Vec::new(),
        ports: None,
    };
    let connector = Connector::new(route, clock, Rc::new(Meter::default()), Share::ALL);
    let mut http1 = Http1::new(stream, &connector, Rc::new(Scratch::new()));
    if by == By::Hyper {
        let Speaker::Lean(lean) = &mut http1.speaker else { unreachable!() };
        let taken = Taken { written: 0, ..lean.take(Vec::new()).unwrap() };
        http1.speaker = Speaker::Fallback(Box::new(Fallback::take_over(taken).await.unwrap()));
    }
    http1
}

/// What is made of an answer that comes in these pieces, after which the server closes; the request is of `method`.
fn made_of(by: By, method: &str, pieces: &[&[u8]]) -> Ending {
    made_and_named(by, method, pieces).0
}

/// The same, and what the gateway calls the request.
fn made_and_named(by: By, method: &str, pieces: &[&[u8]]) -> (Ending, Option<Box<str>>) {
    on_a_runtime(async {
        let (client, mut server) = pair().await;
        let mut http1 = connection(by, client).await;
        let serve = async {
            let mut head = [0; 1024];
            let _ = server.read(&mut head).await;
            for piece in pieces {
                let _ = server.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            let _ = server.shutdown().await;
            // What it has not read would have its system reset the connection.
            let _ = server.read(&mut head).await;
        };
        let (request, encoder) = (request(method, "/", &[], b""), encoder());
        let exchange = async {
            let ending = http1.exchange((&request, Occasion::FIRST), &encoder, false).await.unwrap();
            let id = http1.take_id();
            drop(http1);
            (ending, id)
        };
        tokio::join!(exchange, serve).0
    })
}

/// The bytes that are written for a request.
fn bytes_of(by: By, request: &Request, last: bool) -> Option<Vec<u8>> {
    on_a_runtime(async {
        let (client, mut server) = pair().await;
        let mut http1 = connection(by, client).await;
        let mut bytes = Vec::new();
        let encoder = encoder();
        let exchange = async {
            // A request is written at once or in a few rounds; its answer never comes.
            let sendable = {
                let mut exchange = std::pin::pin!(http1.exchange((request, Occasion::FIRST), &encoder, last));
                let mut polled = Poll::Pending;
                for _ in 0..50 {
                    polled = poll_fn(|cx| Poll::Ready(exchange.as_mut().poll(cx))).await;
                    if polled.is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                !matches!(polled, Poll::Ready(Err(Unsendable)))
            };
            drop(http1);
            sendable
        };
        let (sendable, _) = tokio::join!(exchange, server.read_to_end(&mut bytes));
        sendable.then_some(bytes)
    })
}

const GOOD: [&str; 12] = [
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n",
    "HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nok\r\n1\r\n.\r\n0\r\nx-sum: 1\r\n\r\n",
    "HTTP/1.1 429 Too Many Requests\r\nx-amzn-ErrorType: TooManyRequestsException\r\nx-amz-apigw-id: a\r\ncontent-length: 31\r\n\r\n{\"message\":\"Too Many Requests\"}",
    "HTTP/1.1 502 Bad Gateway\r\napigw-requestid: a\r\ncontent-length: 35\r\nconnection: close\r\n\r\n{\"message\":\"Internal Server Error\"}",
    "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\n\r\nuntil it closes",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
];

const BAD: [&str; 16] = [
    "",
    "HTTP/1.1 200",
    "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok.",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokk",
    "HTTP/1.1 200 OK\r\n name: v\r\ncontent-length: 2\r\n\r\nok",
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/1.1 999 What\r\ncontent-length: 2\r\n\r\nok",
];

#[test]
fn the_lean_path_makes_of_an_answer_what_hyper_makes_of_it() {
    for answer in GOOD.iter().chain(&BAD) {
        for method in ["GET", "POST", "HEAD"] {
            let expected = made_of(By::Hyper, method, &[answer.as_bytes()]);
            assert_eq!(made_of(By::Lean, method, &[answer.as_bytes()]), expected, "{method}: {answer}");
            let bytes: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
            assert_eq!(made_of(By::Lean, method, &bytes), expected, "{method}, byte by byte: {answer}");
        }
    }
}

#[test]
fn both_keep_what_the_gateway_calls_the_request_also_of_an_answer_that_breaks_off() {
    let whole = b"HTTP/1.1 200 OK\r\nApigw-Requestid: abc=\r\ncontent-length: 2\r\n\r\nok";
    // No length: lean hands it over in the middle.
    let until_closed = b"HTTP/1.1 200 OK\r\napigw-requestid: abc=\r\n\r\nok";
    for by in [By::Lean, By::Hyper] {
        for answer in [&whole[..], &whole[..whole.len() - 1], until_closed] {
            assert_eq!(made_and_named(by, "GET", &[answer]).1.as_deref(), Some("abc="), "{by:?}");
        }
        assert_eq!(made_and_named(by, "GET", &[b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).1, None, "{by:?}");
    }
}

#[test]
fn most_answers_never_reach_hyper_and_what_does_stays_there() {
    let speaks = |answer: &str| {
        on_a_runtime(async {
            let (client, mut server) = pair().await;
            let mut http1 = connection(By::Lean, client).await;
            let (request, encoder) = (request("GET", "/", &[], b""), encoder());
            let serve = async {
                let mut head = [0; 1024];
                for _ in 0..2 {
                    let _ = server.read(&mut head).await;
                    server.write_all(answer.as_bytes()).await.unwrap();
                }
            };
            let exchanges = async {
                for _ in 0..2 {
                    assert!(http1.is_ready().await);
                    assert_eq!(
                        http1.exchange((&request, Occasion::FIRST), &encoder, false).await.unwrap().outcome,
                        Outcome::Answered
                    );
                }
            };
            tokio::join!(exchanges, serve);
            matches!(http1.speaker, Speaker::Lean(_))
        })
    };
    assert!(GOOD[..7].iter().all(|answer| speaks(answer)));
    assert!(!speaks(GOOD[10]));
}

/// Answers that are mostly right, with a byte changed or a piece lost here and there.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let status = prop::sample::select(vec!["200", "204", "304", "404", "429", "500", "599", "100", "101", "20", "2000"]);
    let version = prop::sample::select(vec!["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "http/1.1"]);
    let header = prop::sample::select(vec![
        "content-length: 5",
        "Content-Length:5",
        "content-length: 05",
        "content-length: 5, 5",
        "content-length: ",
        "transfer-encoding: chunked",
        "transfer-encoding: chunked ",
        "transfer-encoding: identity",
        "connection: close",
        "Connection: Keep-Alive, Close",
        "x-amzn-errortype: ForbiddenException",
        "apigw-requestid: a",
        "a:",
        "a : b",
        "\u{e4}: b",
        "trailer: x",
    ]);
    let body = prop::sample::select(vec![
        "hello",
        "",
        "hell",
        "hello!",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nx: y\r\n\r\n",
        "05 ;x\r\nhello\r\n000\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\r\n0\r\n",
        "5\nhello\n0\n\n",
        "ffffffffffffffffff\r\n",
        "0\r\nx\r\n\r\n",
        "0\r\nx: \u{1}\r\n\r\n",
        "0\r\nx: y\u{1}\n",
        "0\r\nx: y\r",
    ]);
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0_u8..8);
    let end = prop::sample::select(vec!["\r\n", "\r\n", "\r\n", "\r\n", "\n"]);
    (version, status, prop::collection::vec(header, 0..4), body, end, change).prop_map(
        |(version, status, headers, body, end, (at, byte, kind))| {
            let first = format!("{version} {status} What");
            let lines = [&[first.as_str()], headers.as_slice(), &["", body]].concat();
            let mut bytes = lines.join(end).into_bytes();
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => drop(bytes.remove(at)),
                3 => bytes.insert(at, byte),
                _ => {}
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn it_also_does_so_of_mutilated_answers_in_any_pieces(
        answer in answers(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        method in prop::sample::select(vec!["GET", "POST", "HEAD"]),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(answer.len() + 1)).collect();
        cuts.extend([0, answer.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &answer[ends[0]..ends[1]]).filter(|piece| !piece.is_empty()).collect();
        let expected = made_of(By::Hyper, method, &[&answer]);
        prop_assert_eq!(made_of(By::Lean, method, &pieces), expected, "{}", answer.escape_ascii());
    }

    #[test]
    fn requests_are_written_as_hyper_writes_them(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X-OWN", "G T", ""]),
        target in "[ -~\u{e4}]{0,20}",
        headers in prop::collection::vec(("[a-zA-Z-]{1,12}", "[ -~]{0,12}"), 0..5),
        body in prop::collection::vec(any::<u8>(), 0..40),
        last in any::<bool>(),
    ) {
        let request = request(method, &target, &headers, &body);
        prop_assert_eq!(bytes_of(By::Lean, &request, last), bytes_of(By::Hyper, &request, last));
    }
}

#[test]
fn a_request_that_follows_another_leaves_nothing_of_it() {
    let encoder = encoder();
    let header = |value: &str| vec![("x-a".to_owned(), value.to_owned())];
    let all = [
        request("GET", "/a", &header("1"), b""),
        request("GET", "/a", &header("1"), b""),
        request("GET", "/b", &header("1"), b""),
        request("POST", "/b", &header("1"), b"body"),
        request("POST", "/b", &header("2"), b"body"),
        request("POST", "/b", &header("2"), b"other"),
        request("G T", "/b", &header("2"), b"other"),
        request("POST", "/b", &header("2"), b"other"),
        request("POST", "/b", &header("\n"), b"other"),
        request("POST", "/b", &header("2"), b"other"),
        request("POST", "/b", &[], b""),
    ];
    for (number, request) in all.iter().enumerate() {
        let last = number % 3 == 1;
        let written = encoder.borrow_mut().write((request, Occasion::FIRST), last).map(|written| written.bytes.to_vec()).ok();
        assert_eq!(written, bytes_of(By::Hyper, request, last));
        // Another way to ask for it comes between.
        let _ = encoder.borrow_mut().encode((&all[0], Occasion::FIRST), !last);
        let again = encoder.borrow_mut().write((request, Occasion::FIRST), last).map(|written| written.bytes.to_vec()).ok();
        assert_eq!(written, again);
    }
}
