//! What is answered: a live page and its stream of contents, or the newest metrics; and a plain no.
//!
//! Owns who may ask: whoever has the token; without one, those who name this machine (a foreign web page could reach it by its own name, pointed
//! here). Refuses everything that is no GET.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST};
use http::uri::Authority;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

/// How contents are shown.
#[derive(Clone, Debug)]
pub enum Shown {
    /// In this page, at `/`, which follows the stream of them at `/events`.
    Page(String),
    /// As they are, at `/metrics`, as text of this kind.
    Metrics(&'static str),
}

/// What stands behind the listener; it has a secret, and is not shown.
pub(super) struct Door {
    /// How contents are shown.
    pub(super) shown: Shown,
    /// What readers must have.
    pub(super) token: Option<String>,
    /// The content.
    pub(super) newest: watch::Receiver<Arc<str>>,
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

pub(super) fn answer(door: &Door, request: &Request<Incoming>) -> Answer {
    if !may_ask(door, request) {
        let why = "this needs its token (?token=..., or authorization: Bearer ...), or is asked for by another name\n";
        return said(StatusCode::FORBIDDEN, "text/plain", why);
    }
    match (&door.shown, request.method(), request.uri().path()) {
        (Shown::Page(page), &Method::GET, "/") => said(StatusCode::OK, "text/html; charset=utf-8", page),
        (Shown::Page(_), &Method::GET, "/events") => events(door),
        (Shown::Metrics(kind), &Method::GET, "/metrics") => said(StatusCode::OK, kind, &door.newest.borrow()),
        (Shown::Page(_), &Method::GET, _) => said(StatusCode::NOT_FOUND, "text/plain", "there is / and /events\n"),
        (Shown::Metrics(_), &Method::GET, _) => said(StatusCode::NOT_FOUND, "text/plain", "there is /metrics\n"),
        (Shown::Page(_) | Shown::Metrics(_), ..) => {
            said(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "a run is only looked at\n")
        }
    }
}

fn may_ask<B>(door: &Door, request: &Request<B>) -> bool {
    let Some(token) = &door.token else { return names_this_machine(request) };
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    let query = request.uri().query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("token=")).map(decoded);
    [bearer, asked].into_iter().flatten().any(|given| bool::from(given.as_bytes().ct_eq(token.as_bytes())))
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn names_this_machine<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(HOST).and_then(|value| value.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    })
}

fn said(status: StatusCode, kind: &'static str, text: &str) -> Answer {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes())).boxed();
    let answer = Response::builder().status(status).header(CONTENT_TYPE, kind).header(CACHE_CONTROL, "no-store");
    answer.header("x-content-type-options", "nosniff").body(body).expect("these headers are valid")
}

/// The contents from now on: each as JSON in one event, and a word when there will be no more.
fn events(door: &Door) -> Answer {
    let mut newest = door.newest.clone();
    // What is there already is new to this reader.
    newest.mark_changed();
    let contents = stream::unfold(Some(newest), |newest| async {
        let mut newest = newest?;
        if newest.changed().await.is_ok() {
            let content = Arc::clone(&newest.borrow_and_update());
            return Some((Ok(event("content", &content)), Some(newest)));
        }
        Some((Ok(event("over", "")), None))
    });
    let body = BodyExt::boxed(StreamBody::new(contents));
    let answer = Response::builder().header(CONTENT_TYPE, "text/event-stream").header(CACHE_CONTROL, "no-store");
    answer.body(body).expect("these headers are valid")
}

fn event(name: &str, content: &str) -> Frame<Bytes> {
    // A JSON string has no line end in it.
    let data = serde_json::Value::from(content);
    Frame::data(Bytes::from(format!("event: {name}\ndata: {data}\n\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(token: Option<&str>, uri: &str, headers: &[(&str, &str)]) -> bool {
        let (_, newest) = watch::channel(Arc::from(""));
        let door = Door { shown: Shown::Page(String::new()), token: token.map(str::to_owned), newest };
        let request = headers.iter().fold(Request::builder().uri(uri), |request, (name, value)| request.header(*name, *value));
        may_ask(&door, &request.body(()).unwrap())
    }

    #[test]
    fn without_a_token_only_those_who_name_this_machine_are_answered() {
        for host in ["localhost:1234", "127.0.0.1:80", "[::1]:9", "LOCALHOST", "127.8.9.1"] {
            assert!(asked(None, "/", &[("host", host)]), "{host}");
        }
        for host in ["example.com", "127.0.0.1.example.com:80", "10.0.0.1", ""] {
            assert!(!asked(None, "/", &[("host", host)]), "{host}");
        }
        assert!(!asked(None, "/", &[]));
    }

    #[test]
    fn a_token_is_asked_of_everybody_whatever_they_call_this_machine() {
        let token = Some("s3 cret");
        assert!(asked(token, "/?x=1&token=s3%20cret", &[("host", "example.com")]));
        assert!(asked(token, "/", &[("authorization", "Bearer s3 cret")]));
        for (uri, headers) in [
            ("/", vec![("host", "localhost")]),
            ("/?token=s3", vec![]),
            ("/?token=", vec![]),
            ("/", vec![("authorization", "s3 cret")]),
        ] {
            assert!(!asked(token, uri, &headers), "{uri} {headers:?}");
        }
    }

    #[test]
    fn an_event_is_one_line_of_json() {
        let frame = event("content", "a\n\n\"b\"").into_data().unwrap();
        assert_eq!(frame, "event: content\ndata: \"a\\n\\n\\\"b\\\"\"\n\n");
    }
}
