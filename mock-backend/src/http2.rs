//! HTTP/2 connections, by hyper.
//!
//! Owns the translation of HTTP/2's requests and answers into the gateway's own, and the time-out of an idle connection. Refuses
//! the protocol itself (hyper's) and what a request means (`http`). Started by `accept`.
//!
//! HTTP/2 has no spelling of header names to keep: they are lower-case, and stay so.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, DATE, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sluicegate_render::request::Head;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::{Client, Desk, Visit};
use crate::http1::body::{Body as ReadBody, Kept};
use crate::http1::connection::Ended;
use crate::http1::head::HEAD_BYTES_MAX;
use crate::http1::pipes::Stream;
use crate::http1::write::{Outgoing, is_own, value_byte};
use crate::malformed::Malformed;
use crate::patience::{For, Over, Wait, Waits};
use crate::streamed::{Broken, Streamed};
use crate::tasks::Tasks;

/// Requests of one connection at a time.
const STREAMS_MAX: u32 = 200;

/// What is read of a connection that speaks HTTP/2, and who is at its end.
pub(crate) type Begun<S> = (S, Bytes, Rc<Desk>, Client, Wait);

/// A connection of which some bytes were read already.
struct Rewound<S> {
    read: Bytes,
    stream: S,
}

/// The client went away within its request; there is nobody to answer.
#[derive(Debug, thiserror::Error)]
#[error("the client went away within its request")]
struct ClientGone;

/// What happens on a connection; one on which nothing does is idle, whatever it has begun.
struct Activity {
    /// How long it may take.
    waits: Rc<Waits>,
    /// Requests that are being answered.
    answering: Cell<usize>,
    /// Parts of requests that came since anybody looked.
    came: Cell<usize>,
}

/// The body of an answer. hyper asks for more of it when the client has room; what breaks off resets the stream.
enum Sent {
    Whole(Full<Bytes>),
    /// While it is on its way something happens on the connection, as often as something of it goes.
    BitByBit(Streamed, Rc<Activity>),
}

/// A request while it is being answered.
struct Answering<'a>(&'a Activity);

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// It was idle for too long, and has a moment to end by itself.
    Expired,
    /// The gateway leaves, and takes no more requests.
    Leaving,
}

/// Serves the connection until its end.
pub(crate) async fn serve<S: Stream + 'static>(begun: Begun<S>, tasks: Tasks) -> Ended {
    let (stream, read, desk, client, wait) = begun;
    let activity = Rc::new(Activity { waits: Rc::clone(wait.waits()), answering: Cell::new(0), came: Cell::new(0) });
    let requests = Rc::clone(&activity);
    let service = service_fn(move |request| answer(Rc::clone(&desk), client.clone(), Rc::clone(&requests), request));
    let mut builder = Builder::new(tasks);
    builder.max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEAD_BYTES_MAX as u32);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Rewound { read, stream }), service));
    let mut stage = Stage::Open;
    wait.begin(For::Idle);
    poll_fn(|cx| {
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(ended.map_or(Ended::Failed, |()| stage.ended()));
        }
        while let Poll::Ready(over) = stage.poll_over(&activity, &wait, cx) {
            match (stage, over) {
                (Stage::Expired, _) => return Poll::Ready(Ended::Expired),
                (_, Over::Leaving) => stage = Stage::Leaving,
                (_, Over::Expired) => {
                    stage = Stage::Expired;
                    wait.begin(For::Linger);
                }
            }
            connection.as_mut().graceful_shutdown();
            // Whatever the shutdown has to do is done in the next turn.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

async fn answer(
    desk: Rc<Desk>,
    client: Client,
    activity: Rc<Activity>,
    request: Request<Incoming>,
) -> Result<Response<Sent>, ClientGone> {
    let (parts, incoming) = request.into_parts();
    let visit = desk.on_head(&client, head(&parts));
    let body = body(&visit, incoming, &activity).await?;
    let _answering = Answering::begin(&activity);
    let outgoing = match body {
        Ok(body) => visit.answer(body).await,
        Err(malformed) => visit.refuse(malformed),
    };
    Ok(response(outgoing, &desk.date(), Rc::clone(&activity)))
}

/// The head as HTTP/1 would have it: the authority is the host, whatever a `Host` says beside it (RFC 9113, section 8.3.1).
fn head(parts: &Parts) -> Head {
    let uri = &parts.uri;
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    let host = uri.authority().map(|authority| ("host", authority.as_str().as_bytes()));
    let others = parts.headers.iter().filter(|(name, _)| host.is_none() || *name != HOST);
    let headers = others.map(|(name, value)| (name.as_str(), value.as_bytes()));
    Head::new(parts.method.as_str(), target, host.into_iter().chain(headers))
}

/// The body, as far as the answer needs it.
async fn body(visit: &Visit, mut incoming: Incoming, activity: &Activity) -> Result<Result<ReadBody, Malformed>, ClientGone> {
    let bytes_max = visit.body_bytes_max();
    if let Some(length) = incoming.size_hint().exact().filter(|length| *length == 0 || *length > bytes_max) {
        return Ok(Ok(ReadBody::unread(length)));
    }
    let (mut kept, whole) = (Kept::up_to(bytes_max), activity.waits.whole());
    while let Some(frame) = incoming.frame().await {
        activity.came.set(activity.came.get() + 1);
        // Trailers are left out.
        if let Ok(data) = frame.map_err(|_| ClientGone)?.into_data() {
            kept.push(BytesMut::from(data));
        }
        if kept.overflowed() {
            break;
        }
        if whole.is_over(kept.length()) {
            return Ok(Err(Malformed::Late));
        }
        if let Err(malformed) = visit.hold(kept.held()) {
            return Ok(Err(malformed));
        }
    }
    Ok(Ok(kept.into_body()))
}

fn response(outgoing: Outgoing, date: &[u8], activity: Rc<Activity>) -> Response<Sent> {
    let Outgoing { answer, length, rest, .. } = outgoing;
    let mut response = Response::new(match rest {
        None => Sent::Whole(Full::new(answer.body)),
        Some(rest) => Sent::BitByBit(rest, activity),
    });
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.extend(HeaderValue::from_bytes(date).map(|date| (DATE, date)));
    headers.extend(length.map(|length| (CONTENT_LENGTH, HeaderValue::from(length))));
    for (name, value) in answer.headers.iter().filter(|(name, _)| !is_own(name)) {
        let value: Vec<u8> = value.bytes().map(value_byte).collect();
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value)) {
            headers.append(name, value);
        }
    }
    response
}

impl Stage {
    /// Ready when its time is over, or when there is something new to act on.
    fn poll_over(self, activity: &Activity, wait: &Wait, cx: &Context<'_>) -> Poll<Over> {
        match self {
            Self::Open => {
                let came = activity.came.take() > 0;
                // It is idle from the last moment at which it was not.
                if came || activity.answering.get() > 0 {
                    wait.begin(For::Idle);
                }
                wait.poll_over(cx)
            }
            Self::Expired => wait.poll_expired(cx).map(|()| Over::Expired),
            // Cut by whoever leaves, when the grace is over.
            Self::Leaving => Poll::Pending,
        }
    }

    const fn ended(self) -> Ended {
        match self {
            Self::Open | Self::Leaving => Ended::Well,
            Self::Expired => Ended::Expired,
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::BitByBit(rest, activity) => rest.poll_part(cx).map(|part| {
                activity.came.set(activity.came.get() + 1);
                part.map(|part| part.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::BitByBit(..) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::BitByBit(..) => SizeHint::default(),
        }
    }
}

impl<'a> Answering<'a> {
    fn begin(activity: &'a Activity) -> Self {
        activity.answering.set(activity.answering.get() + 1);
        // Its head came, if nothing else did.
        activity.came.set(activity.came.get() + 1);
        Self(activity)
    }
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.0.answering.set(self.0.answering.get() - 1);
    }
}

impl<S: Stream> AsyncRead for Rewound<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let here = self.read.len().min(buffer.remaining());
        buffer.put_slice(&self.read[..here]);
        self.read.advance(here);
        Poll::Ready(Ok(()))
    }
}

impl<S: Stream> AsyncWrite for Rewound<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
