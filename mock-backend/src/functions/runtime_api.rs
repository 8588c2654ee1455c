//! Lambda's Runtime API, for the one process of an environment.
//!
//! Owns the calls, their order, and the bound on an answer. Refuses to know time-outs (`sandbox` does). Each environment has a listener
//! of its own, since a runtime is told nothing but host and port.
//!
//! Source: Lambda developer guide, "Using the Lambda runtime API", 2026; facts, section 7, and what real runtimes were recorded to send.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use super::stream;
use crate::side_door::SideDoor;
use crate::streamed::Part;

/// Most bytes of an answer: 6 MB, and what the real one allows in addition.
const ANSWER_BYTES_MAX: usize = (6 << 20) + 100;
/// So much of what is too large for an answer, or is answered to nothing, is read and forgotten: a runtime reads the refusal when it has
/// written all, and takes a connection that is closed before for the end of its world.
const FORGOTTEN_BYTES_MAX: usize = 64 << 20;
/// Most bytes of a streamed answer (Lambda developer guide, "Lambda quotas", 2026).
const STREAM_BYTES_MAX: u64 = 200 << 20;
/// What a connection reads at once: so much of a streamed answer lies here while its client takes nothing.
const READ_BYTES_MAX: usize = 64 << 10;
/// How long what a process had sent is read when it has ended. Its connections end with it, unless a process that it started holds them.
const LAST_WORDS: Span = Span::from_secs(1);
/// Connections at a time; a further one waits until one of them ends. A runtime needs one, some open one for each call.
const CONNECTIONS_MAX: usize = 32;

/// An invocation for the process.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) trace: String,
    /// Where its answer goes as it comes; `None` if it is wanted as a whole.
    pub(super) inlet: Option<Inlet>,
}

/// Where a streamed answer goes.
#[derive(Clone, Debug)]
pub(super) struct Inlet {
    /// It holds one part: who sends more than is taken waits.
    pub(super) parts: mpsc::Sender<Part>,
    /// When the environment was started, if it was not ready before.
    pub(super) started: Option<Instant>,
}

/// What the process says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The function returned this.
    Response(Bytes),
    /// It has streamed its answer to the end.
    Streamed,
    /// Its answer broke off: the connection was closed within it.
    Truncated,
    /// It raised this error.
    Error(Bytes),
    /// The runtime could not start.
    InitError(Bytes),
    /// The process ended, with this status.
    Exited(String),
}

/// What passes between an environment and its process.
pub(super) struct Exchange {
    arn: String,
    timeout: Span,
    clock: Clock,
    inner: RefCell<Inner>,
    /// There is a job.
    offered: Notify,
}

#[derive(Default)]
struct Inner {
    job: Option<(Job, Span)>,
    /// The invocation that the process has, and since when.
    busy: Option<(String, Instant)>,
    /// Whether an answer to it is on its way, bit by bit.
    streaming: bool,
    answer: Option<Answer>,
    /// When the process asked for its first job.
    ready_at: Option<Instant>,
    over: Option<String>,
    /// Who waits for any of this to change.
    waiter: Option<Waker>,
}

impl Inner {
    fn changed(&mut self) {
        self.waiter.take().into_iter().for_each(Waker::wake);
    }
}

impl Exchange {
    pub(super) fn new(arn: String, timeout: Span, clock: Clock) -> Self {
        let inner = RefCell::default();
        Self { arn, timeout, clock, inner, offered: Notify::new() }
    }

    /// The process is to do this.
    pub(super) fn offer(&self, job: Job, wall_origin: Span) {
        let mut inner = self.inner.borrow_mut();
        inner.job = Some((job, wall_origin));
        inner.answer = inner.over.clone().map(Answer::Exited);
        inner.busy = None;
        inner.streaming = false;
        self.offered.notify_one();
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready_at().is_some()
    }

    pub(super) fn ready_at(&self) -> Option<Instant> {
        self.inner.borrow().ready_at
    }

    pub(super) fn is_over(&self) -> bool {
        self.inner.borrow().over.is_some()
    }

    pub(super) fn was_handed_over(&self) -> bool {
        self.inner.borrow().busy.is_some()
    }

    /// Waits until the process is ready; false if it has ended before.
    pub(super) async fn ready(&self) -> bool {
        self.seen(|inner| match (&inner.ready_at, &inner.over) {
            (_, Some(_)) => Some(false),
            (Some(_), None) => Some(true),
            (None, None) => None,
        })
        .await
    }

    /// Waits until the process has its job; since when it has.
    pub(super) async fn handed_over(&self) -> Instant {
        self.seen(|inner| inner.busy.as_ref().map(|(_, at)| *at)).await
    }

    /// Waits for what the process says.
    pub(super) async fn answered(&self) -> Answer {
        self.seen(|inner| inner.answer.take()).await
    }

    /// Waits until something is to be seen. One task waits at a time, perhaps for several things.
    async fn seen<T>(&self, mut look: impl FnMut(&mut Inner) -> Option<T>) -> T {
        poll_fn(|cx| {
            let mut inner = self.inner.borrow_mut();
            if let Some(seen) = look(&mut inner) {
                return Poll::Ready(seen);
            }
            inner.waiter = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// The process has ended.
    fn exit(&self, status: &str) {
        let mut inner = self.inner.borrow_mut();
        inner.over = Some(status.to_owned());
        // What it said before it ended counts.
        inner.answer.get_or_insert_with(|| Answer::Exited(status.to_owned()));
        inner.changed();
    }

    /// The process asks what to do. It waits until there is something.
    async fn next(&self) -> Result<Job, Refused> {
        loop {
            {
                let mut inner = self.inner.borrow_mut();
                if inner.busy.is_some() {
                    return Err(Refused::State);
                }
                if inner.ready_at.is_none() {
                    inner.ready_at = Some(self.clock.now());
                    inner.changed();
                }
                if let Some((job, _)) = inner.job.as_ref() {
                    let job = job.clone();
                    inner.busy = Some((job.id.clone(), self.clock.now()));
                    inner.changed();
                    return Ok(job);
                }
            }
            self.offered.notified().await;
        }
    }

    /// The process says what came of an invocation.
    fn answer(&self, id: &str, answer: Answer) -> Result<(), Refused> {
        let mut inner = self.inner.borrow_mut();
        match &inner.busy {
            Some((busy, _)) if busy == id => {}
            // Of another one, of one that it has answered, or of one that never was.
            Some(_) | None => return Err(Refused::Id),
        }
        inner.busy = None;
        inner.streaming = false;
        inner.job = None;
        inner.answer = Some(answer);
        inner.changed();
        Ok(())
    }

    /// Nobody waits for the answer to the invocation that it has any longer.
    pub(super) fn give_up(&self) {
        let mut inner = self.inner.borrow_mut();
        inner.busy = None;
        inner.job = None;
    }

    /// The process begins to answer an invocation: where the parts go, if they are wanted as they come.
    fn begin_answer(&self, id: &str) -> Result<Option<Inlet>, Refused> {
        let mut inner = self.inner.borrow_mut();
        if inner.busy.as_ref().is_none_or(|(busy, _)| busy != id) {
            return Err(Refused::Id);
        }
        // A second answer beside the one that is on its way.
        if inner.streaming {
            return Err(Refused::State);
        }
        let inlet = inner.job.as_mut().and_then(|(job, _)| job.inlet.take());
        inner.streaming = inlet.is_some();
        Ok(inlet)
    }

    fn init_error(&self, error: Bytes) -> Result<(), Refused> {
        let mut inner = self.inner.borrow_mut();
        if inner.ready_at.is_some() {
            return Err(Refused::State);
        }
        inner.answer = Some(Answer::InitError(error));
        inner.changed();
        Ok(())
    }

    /// Until when the invocation may take, in milliseconds since 1970.
    fn deadline_ms(&self) -> u64 {
        let inner = self.inner.borrow();
        let wall_origin = inner.job.as_ref().map_or(Span::ZERO, |(_, origin)| *origin);
        let since = inner.busy.as_ref().map_or_else(|| self.clock.now(), |(_, at)| *at);
        (wall_origin + since.since(Instant::ZERO) + self.timeout).as_ns() / 1_000_000
    }
}

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Id,
    State,
    TooLarge,
    /// It broke off; there is nobody to tell.
    Truncated,
    Unknown,
}

type Said = Response<Full<Bytes>>;

/// Serves the process until it has ended, which is then told. What it had said before comes first: the end of a process is known
/// before the last bytes that it sent were read.
pub(super) async fn serve(door: SideDoor, exchange: Rc<Exchange>, ended: impl Future<Output = String>) {
    let serve = |stream| connection(stream, Rc::clone(&exchange));
    let status = door.open_to(CONNECTIONS_MAX, serve, (ended, LAST_WORDS)).await;
    exchange.exit(&status);
}

async fn connection(stream: TcpStream, exchange: Rc<Exchange>) {
    // An invocation is two small messages each way.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let exchange = Rc::clone(&exchange);
        async move { Ok::<_, Infallible>(handle(&exchange, request).await) }
    });
    // A runtime that breaks off says no more; the process's end is what counts.
    let mut builder = http1::Builder::new();
    let _ = builder.header_read_timeout(None).max_buf_size(READ_BYTES_MAX).serve_connection(TokioIo::new(stream), service).await;
}

async fn handle(exchange: &Exchange, request: Request<Incoming>) -> Said {
    let path = request.uri().path().strip_prefix("/2018-06-01/runtime/").unwrap_or("").to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let result = match (request.method(), parts.as_slice()) {
        (&Method::GET, ["invocation", "next"]) => return exchange.next().await.map_or_else(refused, |job| handed(exchange, job)),
        (&Method::POST, ["invocation", id, "response"]) => match exchange.begin_answer(id) {
            Ok(None) => match body(request).await {
                Ok(Sent { bytes, failed: false }) => exchange.answer(id, Answer::Response(bytes)),
                Ok(Sent { bytes, failed: true }) => exchange.answer(id, Answer::Error(bytes)),
                Err(refused) => not_read(exchange, id, refused),
            },
            Ok(Some(inlet)) => streamed(exchange, id, &inlet, request.into_body()).await,
            Err(refused) => {
                forget(&mut request.into_body()).await;
                Err(refused)
            }
        },
        (&Method::POST, ["invocation", id, "error"]) => match body(request).await {
            Ok(Sent { bytes, .. }) => exchange.answer(id, Answer::Error(bytes)),
            Err(refused) => not_read(exchange, id, refused),
        },
        (&Method::POST, ["init", "error"]) => match body(request).await {
            Ok(Sent { bytes, .. }) => exchange.init_error(bytes),
            Err(refused) => Err(refused),
        },
        _ => Err(Refused::Unknown),
    };
    result.map_or_else(refused, |()| accepted())
}

/// The answer is refused or did not come whole, and the invocation has failed for it.
fn not_read(exchange: &Exchange, id: &str, refused: Refused) -> Result<(), Refused> {
    exchange.answer(id, if refused == Refused::Truncated { Answer::Truncated } else { too_large(ANSWER_BYTES_MAX as u64) })?;
    Err(refused)
}

fn too_large(bytes_max: u64) -> Answer {
    let what = format!("Response payload size exceeded maximum allowed payload size ({bytes_max} bytes).");
    let error = serde_json::json!({ "errorType": "Function.ResponseSizeTooLarge", "errorMessage": what });
    Answer::Error(error.to_string().into())
}

/// Passes an answer on as it comes. Whoever wanted it may be gone: the function is not stopped for that (Lambda developer guide,
/// "Response streaming for Lambda functions", 2026), and the rest of it goes nowhere.
async fn streamed(exchange: &Exchange, id: &str, inlet: &Inlet, mut body: Incoming) -> Result<(), Refused> {
    let cold_start = inlet.started.zip(exchange.ready_at()).map(|(started, ready)| ready.since(started));
    let (mut answer, mut sent) = (Answer::Streamed, 0);
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            answer = Answer::Truncated;
            break;
        };
        match frame.into_data() {
            Ok(bytes) => {
                sent += bytes.len() as u64;
                if sent > STREAM_BYTES_MAX {
                    answer = too_large(STREAM_BYTES_MAX);
                    break;
                }
                let _ = inlet.parts.send(Part { bytes, cold_start }).await;
            }
            Err(frame) => {
                if let Some(error) = frame.trailers_ref().and_then(stream::error) {
                    answer = Answer::Error(error);
                }
            }
        }
    }
    exchange.answer(id, answer)
}

/// What a runtime sent, and whether its trailers say that the function failed while it was streaming.
struct Sent {
    bytes: Bytes,
    failed: bool,
}

async fn body(request: Request<Incoming>) -> Result<Sent, Refused> {
    let has_prelude = request.headers().get(CONTENT_TYPE).is_some_and(|media| media.as_bytes() == stream::PRELUDE.as_bytes());
    let mut body = request.into_body();
    let collected = match Limited::new(&mut body, ANSWER_BYTES_MAX).collect().await {
        Ok(collected) => collected,
        Err(error) if error.is::<LengthLimitError>() => {
            forget(&mut body).await;
            return Err(Refused::TooLarge);
        }
        Err(_) => return Err(Refused::Truncated),
    };
    if let Some(error) = collected.trailers().and_then(stream::error) {
        return Ok(Sent { bytes: error, failed: true });
    }
    let bytes = collected.to_bytes();
    let whole = if has_prelude { stream::whole(&bytes) } else { None };
    Ok(Sent { bytes: whole.unwrap_or(bytes), failed: false })
}

/// Reads on, up to a bound, and keeps nothing.
async fn forget(body: &mut Incoming) {
    let mut left = FORGOTTEN_BYTES_MAX;
    while left > 0
        && let Some(Ok(frame)) = body.frame().await
    {
        left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
    }
}

fn handed(exchange: &Exchange, job: Job) -> Said {
    let response = Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", job.id)
        .header("Lambda-Runtime-Deadline-Ms", exchange.deadline_ms())
        .header("Lambda-Runtime-Invoked-Function-Arn", &exchange.arn)
        .header("Lambda-Runtime-Trace-Id", job.trace);
    // A name that no header can have is of no use to the function.
    response.body(Full::new(job.event)).unwrap_or_else(|_| refused(Refused::Unknown))
}

fn accepted() -> Said {
    said(StatusCode::ACCEPTED, r#"{"status":"OK"}"#.into())
}

fn refused(why: Refused) -> Said {
    let error = |kind: &str, message: &str| serde_json::json!({ "errorType": kind, "errorMessage": message }).to_string();
    match why {
        Refused::Id => said(StatusCode::BAD_REQUEST, error("InvalidRequestID", "Invalid request ID")),
        Refused::State => said(StatusCode::FORBIDDEN, error("InvalidStateTransition", "Invalid state transition")),
        Refused::TooLarge => {
            let what = format!("Exceeded maximum allowed payload size ({ANSWER_BYTES_MAX} bytes).");
            said(StatusCode::PAYLOAD_TOO_LARGE, error("RequestEntityTooLarge", &what))
        }
        Refused::Truncated => said(StatusCode::BAD_REQUEST, error("InvalidRequest", "the body broke off")),
        Refused::Unknown => said(StatusCode::NOT_FOUND, error("NotFound", "there is no such call")),
    }
}

fn said(status: StatusCode, body: String) -> Said {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}
