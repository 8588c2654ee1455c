//! One session of a HAR: its handshake and its messages, as they can be played again.
//!
//! Owns what becomes of every message, and which one is the reply to which. Refuses to count over sessions (`har`).
//!
//! The path of a WebSocket API is that of its stage, so that the path of the recording is cut off and the query behind it kept. A session
//! that the browser saw end has a `time`; where that is shorter than its messages it is the handshake's alone, and the end is not known.

use serde_json::Value;
use sluicegate_policy::time::Span;

use super::entry::{Entry, Message};
use super::secrets;
use crate::import::request_line;
use crate::import::stamp::TimeFormat;
use crate::traffic::session_trace::{Closed, LINE_BYTES_MAX, Passed, Session, Way, to_line};

/// A message that a gateway takes (developer guide, "Quotas for configuring and running a WebSocket API", 2026).
const MESSAGE_BYTES_MAX: usize = 128 << 10;

/// Opcodes of RFC 6455, section 5.2.
const TEXT: f64 = 1.0;
const BINARY: f64 = 2.0;
const CLOSE: f64 = 8.0;

/// A session, and what of it was left out.
pub(super) struct Talk {
    /// When it connected, in nanoseconds since 1970.
    pub(super) started: i64,
    /// The session; its `at` is nothing yet.
    pub(super) session: Session,
    pub(super) left: Vec<(Left, u64)>,
}

/// What is left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::import) enum Left {
    /// An entry that is no session.
    Request,
    /// A session whose beginning is not said.
    NoTime,
    /// A session that no trace can hold.
    TooLong,
    /// A binary message that was sent.
    Binary,
    /// A message that was sent and is too large for a gateway.
    Large,
    /// A control frame, or an error.
    Control,
    /// A message without a time.
    Untimed,
    /// Not left out, but moved: a message before its connect.
    Early,
    /// A header.
    Header(String),
    /// A parameter of the query.
    Query(String),
    /// A subprotocol that is a secret.
    Protocol,
}

/// A message as it is looked at.
struct Seen {
    at: Span,
    way: Saw,
}

enum Saw {
    Said(String),
    Heard { bytes: u64, text: Option<String> },
}

/// The session of an entry; why there is none.
pub(super) fn of(entry: Entry, reply: Option<&[String]>, client: u32) -> Result<Talk, Left> {
    let url = entry.request.url.text().unwrap_or_default();
    let is_session = url.starts_with("ws:") || url.starts_with("wss:") || entry.resource.text() == Some("websocket");
    if !is_session && entry.messages.is_none() {
        return Err(Left::Request);
    }
    let started = entry.started.text().and_then(|text| TimeFormat::Auto.read(text.as_bytes()).ok()).ok_or(Left::NoTime)?.ns;
    let mut left = Vec::new();
    let query = url.split('#').next().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
    let target = ["/", &secrets::query(query, &mut left)].concat();
    // What cannot stand in a request line is encoded; what is no target at all is none.
    let target = request_line::target(target.as_bytes()).map_or_else(|_| "/".to_owned(), std::borrow::Cow::into_owned);
    let headers = secrets::headers(entry.request.headers.0, &mut left);
    let messages = entry.messages.unwrap_or_default();
    if messages.overflow {
        return Err(Left::TooLong);
    }
    let (mut seen, closed) = seen(messages.list, started, &mut left);
    // Stable: what has the same time stays in its order.
    seen.sort_by_key(|message| message.at);
    let replies = reply.map(|path| replies(&seen, path)).unwrap_or_default();
    let messages: Vec<Passed> = seen
        .into_iter()
        .enumerate()
        .map(|(n, Seen { at, way })| {
            let what = match way {
                Saw::Said(text) => Way::Said { text, replied: replies.get(n).copied().flatten() },
                Saw::Heard { bytes, .. } => Way::Heard { bytes },
            };
            Passed { at, what }
        })
        .collect();
    let last = messages.last().map_or(Span::ZERO, |message| message.at);
    let lasted = entry.time.number().filter(|ms| *ms > 0.0).map(|ms| Span::from_secs_f64(ms / 1e3));
    // Of a connection without a word the `time` may be the handshake's alone.
    let ended = closed.or_else(|| lasted.filter(|lasted| *lasted >= last && !messages.is_empty()));
    let closed = ended.map(|at| Closed { at: at.max(last), code: None });
    let session = Session { at: Span::ZERO, target, headers, client, messages, closed };
    if to_line(&session).len() > LINE_BYTES_MAX - 64 {
        return Err(Left::TooLong);
    }
    Ok(Talk { started, session, left })
}

/// The text of what was said.
pub(super) fn said(passed: &Passed) -> Option<&str> {
    match &passed.what {
        Way::Said { text, .. } => Some(text),
        Way::Heard { .. } => None,
    }
}

/// What can be played again or counted, and when a close frame passed.
fn seen(list: Vec<Message>, started: i64, left: &mut Vec<(Left, u64)>) -> (Vec<Seen>, Option<Span>) {
    let (mut seen, mut closed) = (Vec::new(), None);
    let mut leave = |why: Left| match left.iter_mut().find(|(known, _)| *known == why) {
        Some((_, count)) => *count += 1,
        None => left.push((why, 1)),
    };
    for Message { way, time, opcode, data } in list {
        let Some(at) = time.number().and_then(|seconds| since(started, seconds)) else {
            leave(Left::Untimed);
            continue;
        };
        if at.1 {
            leave(Left::Early);
        }
        let at = at.0;
        let data = if let super::entry::Scalar::Text(text) = data { text } else { String::new() };
        let opcode = opcode.number().unwrap_or(TEXT);
        let is_text = opcode == TEXT;
        let way = match way.text() {
            _ if opcode == CLOSE => {
                closed = Some(closed.unwrap_or(at));
                continue;
            }
            Some("send") if opcode == BINARY => Err(Left::Binary),
            Some("send") if is_text && data.len() > MESSAGE_BYTES_MAX => Err(Left::Large),
            Some("send") if is_text => Ok(Saw::Said(data)),
            // Base64: four characters are three bytes.
            Some("receive") if opcode == BINARY => Ok(Saw::Heard { bytes: (data.len() / 4 * 3) as u64, text: None }),
            Some("receive") if is_text => Ok(Saw::Heard { bytes: data.len() as u64, text: Some(data) }),
            _ => Err(Left::Control),
        };
        match way {
            Ok(way) => seen.push(Seen { at, way }),
            Err(why) => leave(why),
        }
    }
    (seen, closed)
}

/// How long after the connect it was, and whether it was before; `None` of what is no time.
fn since(started: i64, seconds: f64) -> Option<(Span, bool)> {
    let whole = seconds.floor();
    if !seconds.is_finite() || !(0.0..9e9).contains(&whole) {
        return None;
    }
    // A number of so many seconds is known to a quarter of a microsecond.
    let ns = (whole as i64).checked_mul(1_000_000_000)?.checked_add(((seconds - whole) * 1e6).round() as i64 * 1_000)?;
    Some(if ns < started { (Span::ZERO, true) } else { (Span::from_ns(ns.abs_diff(started)), false) })
}

/// Of each message that was said: when its reply came, if that was before the next one was said.
fn replies(seen: &[Seen], path: &[String]) -> Vec<Option<Span>> {
    let reply_to = |(n, message): (usize, &Seen)| {
        let Saw::Said(text) = &message.way else { return None };
        let asked = at_path(text, path)?;
        let until_next = seen[n + 1..].iter().map_while(|next| match &next.way {
            Saw::Said(_) => None,
            Saw::Heard { text, .. } => Some((next.at, text)),
        });
        until_next
            .into_iter()
            .find(|(_, text)| text.as_deref().and_then(|text| at_path(text, path)).as_ref() == Some(&asked))
            .map(|(at, _)| at)
    };
    seen.iter().enumerate().map(reply_to).collect()
}

/// The text or number at the end of these keys.
fn at_path(text: &str, path: &[String]) -> Option<Value> {
    let whole: Value = serde_json::from_str(text).ok()?;
    let found = path.iter().try_fold(&whole, |value, key| value.as_object()?.get(key))?;
    matches!(found, Value::String(_) | Value::Number(_)).then(|| found.clone())
}
