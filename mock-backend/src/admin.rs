//! The way in for whoever runs the mock: what it counted, what its stages serve, and how both are changed.
//!
//! Owns a listener of its own, on this machine alone, and its answers in JSON. Refuses other machines (no credentials are asked for),
//! names that are none of this machine's (a web page could reach it by its own name, pointed here), to say the value of an API key, and to decide: the gateway does, by the one thread that serves it. Started by `server`.

mod answer;
mod control;

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response};
use sluicegate_timer::Clock;

use crate::http::Desk;
use crate::patience::Waits;
use crate::settings::MockError;
use crate::side_door::{SideDoor, one_request};

use self::answer::Said;

/// Connections at a time; a further one waits until one of them ends.
const CONNECTIONS_MAX: usize = 32;

/// Longest body that is read.
const BODY_BYTES_MAX: usize = 16 << 10;

/// The listener, before it is served.
#[derive(Debug)]
pub(crate) struct Admin(SideDoor);

impl Admin {
    /// Listens where only this machine can reach it.
    pub(crate) fn bind(address: SocketAddr, clock: Clock) -> Result<Self, MockError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(MockError::Exposed { address });
        }
        SideDoor::bind(address, clock).map(Self).map_err(|source| MockError::Listen { address, source })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Answers until it is dropped.
    pub(crate) async fn serve(self, desk: Rc<Desk>, waits: Rc<Waits>) {
        let connection = |stream| {
            let (desk, wait) = (Rc::clone(&desk), waits.join());
            async move { one_request(stream, wait, |request| answer(Rc::clone(&desk), request)).await }
        };
        self.0.open(CONNECTIONS_MAX, connection).await;
    }
}

async fn answer(desk: Rc<Desk>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    if !is_for_here(&head) {
        return Said::error(403, "the host is none of this machine's; use localhost or 127.0.0.1").into_response();
    }
    let said = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => control::answer(&desk, &head.method, head.uri.path(), &body.to_bytes()),
        Err(_) => Said::error(413, format!("the body is longer than {BODY_BYTES_MAX} bytes, or broke off")),
    };
    said.into_response()
}

/// Whether all that the request says of its host means this machine. No browser says nothing.
fn is_for_here(head: &Parts) -> bool {
    let named = head.headers.get_all(HOST).iter().map(|host| Authority::try_from(host.as_bytes()).ok());
    let mut hosts = named.chain(head.uri.authority().map(|authority| Some(authority.clone())));
    hosts.all(|host| host.is_some_and(|host| is_loopback(host.host())))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_this_machine_lead_here() {
        let head = |host: &str| Request::get("/health").header(HOST, host).body(()).unwrap().into_parts().0;
        for host in ["localhost", "LocalHost:8080", "127.0.0.1", "127.8.9.1:1", "[::1]", "[::1]:8080"] {
            assert!(is_for_here(&head(host)), "{host}");
        }
        for host in ["rebound.example", "localhost.example:80", "10.0.0.1", "[2001:db8::1]", "", "a b"] {
            assert!(!is_for_here(&head(host)), "{host}");
        }
        let elsewhere = Request::get("http://rebound.example/health").header(HOST, "localhost").body(()).unwrap();
        assert!(!is_for_here(&elsewhere.into_parts().0));
        assert!(is_for_here(&Request::get("/health").body(()).unwrap().into_parts().0));
    }
}
