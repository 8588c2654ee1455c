//! Connections that are asked for and do not open, and what is said to ask for them.

use std::sync::mpsc;

use sluicegate_policy::call::ErrorKind;
use sluicegate_policy::time::Span;
use tokio_tungstenite::tungstenite::accept;

use super::peer::{echo, read_head, refusing};
use super::talk::{CONNECT, Does, SAY, to, with};
use crate::engine::Tls;
use crate::engine::tests::server::{serve, silent, tls};
use crate::load::sessions::Happened;
use crate::measure::Outcome;

#[test]
fn a_refusal_keeps_its_status_and_its_kind() {
    for (answer, status, kind) in [
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 23\r\n\r\n{\"message\":\"Forbidden\"}", 403, Some(ErrorKind::Forbidden)),
        ("HTTP/1.1 429 Too Many\r\ncontent-length: 0\r\n\r\n", 429, Some(ErrorKind::Throttled)),
        ("HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno", 500, Some(ErrorKind::ServerError)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, None),
    ] {
        let server = refusing(answer);
        let talked = with(&server).run().expect(CONNECT, [(Outcome::Answered, 1)]);
        let sample = talked.sample(CONNECT);
        assert_eq!((sample.status, sample.kind), (status, kind));
        assert_eq!(talked.told(), [Happened::Refused { status }]);
        let refused = &talked.record.refused[0];
        assert_eq!((refused.outcome.as_str(), refused.status, refused.count), ("answered", Some(status), 1));
    }
}

#[test]
fn what_is_no_answer_has_the_name_of_what_it_is() {
    let wrong_key = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                     sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    for (answer, outcome) in [
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", Outcome::Malformed),
        (wrong_key, Outcome::Malformed),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Outcome::Malformed),
        ("HTTP/1.1 101 Swi", Outcome::Closed),
        ("HTTP/1.1 500 No\r\ncontent-length: 20\r\n\r\nno", Outcome::Truncated),
        ("", Outcome::Closed),
    ] {
        let server = refusing(answer);
        let talked = with(&server).run().expect(CONNECT, [(outcome, 1)]);
        assert_eq!(talked.told(), [Happened::Refused { status: 0 }], "{answer}");
    }
}

#[test]
fn a_handshake_that_is_never_answered_times_out() {
    let server = silent();
    let talk = with(&server).set(|talk| {
        talk.settings.timeout = Span::from_ms(30);
    });
    let talked = talk.run().expect(CONNECT, [(Outcome::TimedOut, 1)]);
    assert_eq!(talked.told(), [Happened::Refused { status: 0 }]);
}

#[test]
fn a_head_without_end_is_not_read_without_end() {
    use std::io::Write;
    let server = serve(|mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
        while stream.write_all(b"x: and again and again and again\r\n").is_ok() {}
    });
    with(&server).run().expect(CONNECT, [(Outcome::Malformed, 1)]);
}

#[test]
fn nobody_there_is_refused_and_a_session_that_comes_back_at_once_has_a_pause() {
    let address = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let talk = to(&format!("http://{address}")).set(|talk| talk.returns = 10_000);
    let talked = talk.ends_at(100).run();
    let refused = talked.outcomes(CONNECT)[&Outcome::Refused];
    assert!((2..=100).contains(&refused), "{refused} attempts in 100 ms");
}

#[test]
fn the_request_has_what_an_upgrade_needs_and_what_the_traffic_says() {
    let (heads, said) = mpsc::channel();
    let server = serve(move |mut stream, _| {
        let _ = heads.send(read_head(&mut stream));
    });
    let headers = [("Sec-WebSocket-Protocol", "v2"), ("X-Own", "1"), ("Sec-WebSocket-Extensions", "permessage-deflate")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    with(&server).set(|talk| talk.headers = headers).run();
    let head = said.recv().unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("GET /prod/ HTTP/1.1"));
    assert_eq!(lines.next(), Some(format!("host: {}", server.address).as_str()));
    for line in
        ["connection: Upgrade", "upgrade: websocket", "sec-websocket-version: 13", "sec-websocket-protocol: v2", "x-own: 1"]
    {
        assert_eq!(head.lines().filter(|it| *it == line).count(), 1, "{line} in {head}");
    }
    assert!(!head.contains("extensions"), "{head}");
}

#[test]
fn tls_is_spoken_where_the_endpoint_asks_for_it_and_its_time_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let config = std::sync::Arc::new(tls(&authority, &["http/1.1"]));
    let server = serve(move |stream, _| {
        let connection = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
        if let Ok(mut peer) = accept(rustls::StreamOwned::new(connection, stream)) {
            while let Ok(message) = peer.read() {
                if message.is_text() && peer.send(message).is_err() {
                    return;
                }
            }
        }
    });
    let talk = to(&format!("https://localhost:{}/prod", server.address.port()))
        .does([Does::AsksSame(Span::from_secs(20)), Does::AsksSame(Span::from_secs(20))])
        .set(|talk| talk.settings.tls = Tls::Authority(authority));
    let talked = talk.run().expect(SAY, [(Outcome::Answered, 2)]);
    let opening = talked.record.opening.unwrap();
    assert!(opening.tls.is_some() && opening.tcp.is_some() && opening.upgrade.is_some());
    let plain = with(&echo()).run().record.opening.unwrap();
    assert!(plain.tls.is_none() && plain.tcp.is_some());
}
