//! One request, from its head to its answer.
//!
//! Owns the order of things: note the arrival, read the body as far as the limit needs, ask the gateway, render, log. Refuses
//! to decide, and to keep a body: bytes are counted and dropped. Called by the connections of `accept`.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use sluicegate_policy::model::{Model, PAYLOAD_BYTES_MAX};
use sluicegate_policy::time::{Instant, Span};
use sluicegate_render::answer::Answer;
use sluicegate_render::examined::{Addressed, Told};
use sluicegate_render::front::Front;
use sluicegate_render::request::{self, Head};
use sluicegate_timer::Clock;

use crate::arrivals::Arrivals;
use crate::driver::Driver;
use crate::observe::{Observed, Observer};

/// How far a body is read: a client that sends somewhat too much gets to read its 413 before the connection closes.
const BODY_BYTES_READ_MAX: u64 = 2 * PAYLOAD_BYTES_MAX;

/// What all requests of a server share.
pub(crate) struct Desk {
    pub(crate) model: Arc<Model>,
    pub(crate) driver: Rc<Driver>,
    pub(crate) front: Front,
    pub(crate) clock: Clock,
    /// The wall clock when the monotonic one read zero.
    pub(crate) wall_origin: Span,
    pub(crate) arrivals: RefCell<Arrivals>,
    pub(crate) observer: RefCell<Observer>,
    pub(crate) tally: Tally,
}

/// What is counted as it happens.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) replies: RefCell<BTreeMap<u16, u64>>,
    pub(crate) health_checks: Cell<u64>,
    pub(crate) abandoned: Cell<u64>,
}

/// The client went away within its request; there is nobody to answer.
#[derive(Debug, thiserror::Error)]
#[error("the client went away within its request")]
pub(crate) struct ClientGone;

/// Counts a request as abandoned unless it was answered.
struct Unanswered<'a>(&'a Tally);

impl Desk {
    /// Answers one request of the client at `source`.
    pub(crate) async fn answer(
        self: Rc<Self>,
        source: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, ClientGone> {
        let arrived = self.clock.now();
        let number = self.on_arrival(arrived);
        let unanswered = Unanswered(&self.tally);
        let (parts, body) = request.into_parts();
        let answer = if matches!(parts.uri.path(), "/ping" | "/sping") {
            self.tally.health_checks.set(self.tally.health_checks.get() + 1);
            Answer::health()
        } else {
            let head = head(&parts);
            let to = self.driver.arrive(arrived, &self.front, &head);
            // Without a body the head is all there is, and the gateway's instant is the recorded one.
            let (now, body_bytes) = if body.is_end_stream() {
                (arrived, 0)
            } else {
                let bytes = body_bytes(&parts.headers, body).await?;
                (self.clock.now(), bytes)
            };
            let request = request::Request { head: head.clone(), body: Bytes::new(), source };
            self.serve((number, now), &request, to, body_bytes).await
        };
        unanswered.answered(answer.status);
        Ok(response(answer))
    }

    async fn serve(&self, (number, now): (u64, Instant), request: &request::Request, to: Addressed<'_>, body: u64) -> Answer {
        let ids = self.front.ids(number, to.api, &request.head);
        let wall = self.wall_origin + now.since(Instant::ZERO);
        let mut examined = self.front.examine(request, to, &ids, wall);
        let released = self.driver.on_call(now, &mut examined, body).await;
        let answer = examined.answer(&released.reply);
        let told = Told { reply: &released.reply, answer: &answer, latency: released.at.since(released.reply.timing.received) };
        self.observer.borrow_mut().on_answer(&Observed { examined: &examined, told: &told, body_bytes: body });
        answer
    }

    fn on_arrival(&self, arrived: Instant) -> u64 {
        let mut arrivals = self.arrivals.borrow_mut();
        arrivals.on_arrival(self.clock.origin_ns().saturating_add(arrived.as_ns()));
        arrivals.arrived()
    }
}

impl Unanswered<'_> {
    fn answered(self, status: u16) {
        *self.0.replies.borrow_mut().entry(status).or_default() += 1;
        std::mem::forget(self);
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.abandoned.set(self.0.abandoned.get() + 1);
    }
}

/// The length of a body, read no further than the answer needs.
async fn body_bytes(headers: &HeaderMap, mut body: Incoming) -> Result<u64, ClientGone> {
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // One that waits for leave to send, or would send far too much, is answered before it has sent.
    let unwelcome = if headers.contains_key(EXPECT) { PAYLOAD_BYTES_MAX } else { BODY_BYTES_READ_MAX };
    if let Some(said) = said.filter(|said| *said > unwelcome) {
        return Ok(said);
    }
    let mut bytes = 0_u64;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ClientGone)?;
        bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if bytes > BODY_BYTES_READ_MAX {
            break;
        }
    }
    Ok(bytes)
}

fn head(parts: &Parts) -> Head {
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    Head::new(parts.method.as_str(), target, headers)
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
