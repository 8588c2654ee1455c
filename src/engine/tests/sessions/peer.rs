//! The other side of a WebSocket connection, made with the library or by hand: one thread for each connection.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

use crate::engine::tests::server::{Server, serve};

pub(super) type Peer = WebSocket<TcpStream>;

/// Accepts every connection and does this with it, knowing its number.
pub(super) fn peers(behave: impl Fn(Peer, usize) + Send + Sync + 'static) -> Server {
    serve(move |stream, number| {
        if let Ok(peer) = accept(stream) {
            behave(peer, number);
        }
    })
}

/// Says what this makes of each text, if anything, until the other side leaves.
pub(super) fn answering(answer: impl Fn(&str) -> Vec<String> + Send + Sync + 'static) -> Server {
    peers(move |mut peer, _| {
        while let Ok(message) = peer.read() {
            if let Message::Text(text) = message
                && answer(&text).into_iter().any(|answer| peer.send(Message::text(answer)).is_err())
            {
                return;
            }
        }
    })
}

/// Says everything back.
pub(super) fn echo() -> Server {
    answering(|text| vec![text.to_owned()])
}

/// Reads the head of a request; what it says is its text.
pub(super) fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// The head that consents to the request.
pub(super) fn consent(head: &str) -> String {
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
    let accept = derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    )
}

/// Accepts every connection by hand, then does this with the bare stream.
pub(super) fn bare(behave: impl Fn(TcpStream, usize) + Send + Sync + 'static) -> Server {
    serve(move |mut stream, number| {
        let head = read_head(&mut stream);
        if head.is_empty() {
            return;
        }
        let _ = stream.write_all(consent(&head).as_bytes());
        behave(stream, number);
    })
}

/// Reads until the other side has closed.
pub(super) fn drain(mut stream: TcpStream) {
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Answers every handshake with these bytes and closes.
pub(super) fn refusing(answer: &'static str) -> Server {
    serve(move |mut stream, _| {
        read_head(&mut stream);
        let _ = stream.write_all(answer.as_bytes());
    })
}

/// A gateway whose connections are told their names when they ask, and to which posts are passed on that are answered with 200. `answer`
/// makes the status of a post of its number; without one there is no answer. It tells of each HTTP connection, and of each post.
pub(super) fn posted_to(answer: impl Fn(usize) -> Option<u16> + Send + Sync + 'static, told: Sender<Told>) -> Server {
    let open: Arc<Mutex<BTreeMap<String, TcpStream>>> = Arc::default();
    let posts = AtomicUsize::new(0);
    serve(move |mut stream, number| {
        let mut head = read_head(&mut stream);
        if head.starts_with("GET") {
            let _ = stream.write_all(consent(&head).as_bytes());
            let name = format!("c/{number}=");
            open.lock().unwrap().insert(name.clone(), stream.try_clone().unwrap());
            let mut peer = WebSocket::from_raw_socket(stream, Role::Server, None);
            while let Ok(message) = peer.read() {
                if message.is_text() {
                    let _ = peer.send(Message::text(format!(r#"{{"connectionId":"{name}"}}"#)));
                }
            }
            return;
        }
        let _ = told.send(Told::Connection);
        while let Some(path) = head.strip_prefix("POST ").and_then(|rest| rest.split_once(' ')).map(|(path, _)| path.to_owned()) {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let _ = told.send(Told::Post(path.clone()));
            let Some(status) = answer(posts.fetch_add(1, Ordering::Relaxed)) else { return drain(stream) };
            let name = path.strip_prefix("/prod/@connections/").unwrap().replace("%2F", "/").replace("%3D", "=");
            if status == 200 {
                let open = open.lock().unwrap();
                let mut other = WebSocket::from_raw_socket(open.get(&name).unwrap(), Role::Server, None);
                let _ = other.send(Message::text(String::from_utf8(body).unwrap()));
            }
            let _ = stream.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes());
            head = read_head(&mut stream);
        }
    })
}

/// What a gateway that is posted to tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// There is another HTTP connection.
    Connection,
    /// Something was posted there.
    Post(String),
}

/// Connections that pass on to all what one of them says, numbered by the server.
pub(super) fn broadcasting(push: impl Fn(u64) -> Vec<u64> + Send + Sync + 'static) -> Server {
    let all: Arc<Mutex<(u64, Vec<TcpStream>)>> = Arc::default();
    peers(move |mut peer, _| {
        all.lock().unwrap().1.push(peer.get_ref().try_clone().unwrap());
        while let Ok(message) = peer.read() {
            if !message.is_text() {
                continue;
            }
            let mut all = all.lock().unwrap();
            let number = all.0;
            all.0 += 1;
            for number in push(number) {
                let text = format!(r#"{{"type":"prices","detail":{{"n":{number}}}}}"#);
                for stream in &all.1 {
                    let mut other = WebSocket::from_raw_socket(stream, Role::Server, None);
                    let _ = other.send(Message::text(text.clone()));
                }
            }
        }
    })
}
