//! What became of recorded sessions: counted by what they said, by route, and by what was left out.
//!
//! Owns [`ImportedSessions`], the value that a user reads and from which a profile is derived (`derive`), and the guess at where messages
//! say what they want. Refuses to print, and to read recordings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use hdrhistogram::Histogram;
use serde_json::Value;
use sluicegate_policy::time::Span;

use super::har::Left;
use crate::traffic::session_trace::{Passed, Session, Way};

/// Keys by which messages say what they want, as applications have them; the first of those that most messages have is taken.
const KEYS: [&str; 10] = ["action", "type", "event", "method", "op", "cmd", "command", "kind", "route", "topic"];

/// A WebSocket API has at most so many routes (developer guide, "Quotas for configuring and running a WebSocket API", 2026), and the guess
/// leaves room for those that it does not see.
const ROUTES_MAX: usize = 250;

/// Names of one kind that are told; more are counted.
const NAMED_MAX: usize = 8;

/// The route that takes what no other route takes.
pub(super) const DEFAULT: &str = "$default";

/// A frame that a client sends to a gateway is not longer.
const FRAME_BYTES_MAX: usize = 32 << 10;

/// What an import of sessions did.
#[derive(Clone, Debug, Default)]
pub struct ImportedSessions {
    /// The recording.
    pub source: PathBuf,
    /// Entries in it.
    pub entries: u64,
    /// Those that are sessions: as many has the trace.
    pub sessions: u64,
    /// Messages that clients said.
    pub said: u64,
    /// Those of them that have a reply.
    pub questions: u64,
    /// Messages that clients heard.
    pub heard: u64,
    /// Their length together.
    pub heard_bytes: u64,
    /// Sessions whose end is known.
    pub closed: u64,
    /// What was left out, and how often.
    pub(super) left: BTreeMap<Left, u64>,
    /// Messages that do not fit into one frame.
    pub(super) long: u64,
    /// Where message and reply have the same, if that was said.
    pub reply: Option<Vec<String>>,
    /// The first connect: nanoseconds since 1970 UTC.
    pub origin_ns: i64,
    /// From it to the last thing that is known.
    pub length: Span,
    /// The key of a message that says what it wants, if most have one.
    pub selection: Option<&'static str>,
    /// What a user should know.
    pub notes: Vec<String>,
    /// The routes that the selection finds, `$default` among them if something is for it.
    pub routes: BTreeMap<String, RouteStat>,
}

/// What was said on one route.
#[derive(Clone, Debug)]
pub struct RouteStat {
    /// Messages.
    pub said: u64,
    /// From those that have a reply to it, in nanoseconds.
    pub round_trips: Histogram<u64>,
}

/// Counts what messages have under the keys that may be the selection.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// Messages that are JSON objects.
    objects: u64,
    /// By key: messages that have a name of a route under it.
    with: [u64; KEYS.len()],
}

impl Keys {
    /// A message that was said.
    pub(super) fn on_text(&mut self, text: &str) {
        let Ok(Value::Object(message)) = serde_json::from_str(text) else { return };
        self.objects += 1;
        for (count, key) in self.with.iter_mut().zip(KEYS) {
            *count += u64::from(message.get(key).and_then(Value::as_str).is_some_and(is_route));
        }
    }

    /// The key that most of the messages that are objects have.
    pub(super) fn selection(&self, said: u64) -> Option<&'static str> {
        let most = self.with.iter().copied().max().filter(|most| *most * 2 > self.objects && said > 0)?;
        KEYS.into_iter().zip(self.with).find(|(_, count)| *count == most).map(|(key, _)| key)
    }
}

/// Whether a profile can have a route of that name: what does not is for `$default`.
fn is_route(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    name.len() <= 128 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(fits)
}

impl RouteStat {
    pub(super) fn none() -> Self {
        // As those of routes of requests.
        let mut round_trips = Histogram::new_with_bounds(1_000, 2_000, 3).expect("the bounds are legal");
        round_trips.auto(true);
        Self { said: 0, round_trips }
    }
}

impl ImportedSessions {
    /// What was left out, so often.
    pub(super) fn leave(&mut self, what: Left, count: u64) {
        // Names are the recording's, and without end in one that means harm.
        let known = self.left.len() < 1 << 10 || self.left.contains_key(&what);
        let what = match what {
            Left::Header(_) if !known => Left::Header("others".to_owned()),
            Left::Query(_) if !known => Left::Query("others".to_owned()),
            other => other,
        };
        *self.left.entry(what).or_insert(0) += count;
    }

    /// Requests of the recording, which are not imported.
    pub fn requests(&self) -> u64 {
        self.left.get(&Left::Request).copied().unwrap_or_default()
    }

    /// A session of the trace.
    pub(super) fn count(&mut self, session: &Session) {
        self.length = self.length.max(session.at + session.length());
        self.closed += u64::from(session.closed.is_some());
        for Passed { at, what } in &session.messages {
            match what {
                Way::Heard { bytes } => {
                    self.heard += 1;
                    self.heard_bytes += bytes;
                }
                Way::Said { text, replied } => {
                    self.long += u64::from(text.len() > FRAME_BYTES_MAX);
                    let round_trip = replied.map(|replied| replied.saturating_sub(*at));
                    self.questions += u64::from(round_trip.is_some());
                    let key = self.route_of(text);
                    let is_full = self.routes.len() >= ROUTES_MAX && !self.routes.contains_key(&key);
                    let route = if is_full { DEFAULT.to_owned() } else { key };
                    let route = self.routes.entry(route).or_insert_with(RouteStat::none);
                    route.said += 1;
                    if let Some(round_trip) = round_trip {
                        // A day is longer than any connection lives.
                        let ns = round_trip.as_ns().min(86_400_000_000_000);
                        route.round_trips.record(ns).expect("the histogram grows to any value of a day");
                    }
                }
            }
        }
    }

    fn route_of(&self, text: &str) -> String {
        let chosen = self.selection.and_then(|key| {
            let message: Value = serde_json::from_str(text).ok()?;
            message.get(key)?.as_str().filter(|name| is_route(name)).map(str::to_owned)
        });
        chosen.unwrap_or_else(|| DEFAULT.to_owned())
    }

    /// Everything that was left out, in words.
    pub(super) fn left_words(&self) -> String {
        let words = self.left_out();
        if words.is_empty() { "it has no entries".to_owned() } else { words.join("; ") }
    }

    /// Everything that was left out, in words, each with its number.
    pub fn left_out(&self) -> Vec<String> {
        let plain = |(left, count): (&Left, &u64)| match left {
            Left::Header(_) | Left::Query(_) | Left::Protocol => None,
            Left::Request
            | Left::NoTime
            | Left::TooLong
            | Left::Binary
            | Left::Large
            | Left::Control
            | Left::Untimed
            | Left::Early => Some(format!("{count} {}", left.words())),
        };
        self.left.iter().filter_map(plain).collect()
    }

    /// Says what a user should know.
    pub(super) fn tell(&mut self) {
        let named = |pick: fn(&Left) -> Option<&str>| -> Vec<String> {
            self.left.iter().filter_map(|(left, count)| Some(format!("{} ({count})", pick(left)?))).collect()
        };
        let headers = named(|left| if let Left::Header(name) = left { Some(name) } else { None });
        let query = named(|left| if let Left::Query(name) = left { Some(name) } else { None });
        let protocols = self.left.get(&Left::Protocol).copied().unwrap_or_default();
        let mut notes = Vec::new();
        if !headers.is_empty() {
            notes.push(format!(
                "headers of handshakes that are not kept: {}; send what an API needs with -H, or with run.auth",
                listed(&headers)
            ));
        }
        if !query.is_empty() {
            notes.push(format!("parameters of queries that look like credentials are not kept: {}", listed(&query)));
        }
        if protocols > 0 {
            notes.push(format!("{protocols} subprotocols look like credentials and are not kept"));
        }
        if self.long > 0 {
            notes.push(format!(
                "{} messages are longer than 32 KB, which a gateway takes in no single frame: it closes the connection (1009)",
                self.long
            ));
        }
        if self.said > 0 && self.reply.is_none() {
            notes.push("every message is taken to have no reply; --reply PATH says where a message and its reply have the same, e.g. --reply id".to_owned());
        }
        self.notes.extend(notes);
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > NAMED_MAX { format!("{shown} and {} more", names.len() - NAMED_MAX) } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(texts: &[&str]) -> Option<&'static str> {
        let mut keys = Keys::default();
        for text in texts {
            keys.on_text(text);
        }
        keys.selection(texts.len() as u64)
    }

    #[test]
    fn the_selection_is_the_key_that_most_messages_have() {
        assert_eq!(selection(&[r#"{"op":"a"}"#, r#"{"op":"b"}"#, r#"{"type":"c"}"#, "hello", "[1]"]), Some("op"));
        assert_eq!(selection(&[r#"{"type":"a","action":"b"}"#]), Some("action"), "of several the first");
        assert_eq!(selection(&[r#"{"action":7}"#, r#"{"action":"$x"}"#, r#"{"action":"a b"}"#]), None);
        assert_eq!(selection(&["hello"]), None);
        assert_eq!(selection(&[r#"{"op":"a"}"#, r#"{"x":1}"#]), None, "half is not most");
        assert_eq!(selection(&[]), None);
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut imported = ImportedSessions::default();
        (0..5_000).for_each(|n| imported.leave(Left::Header(format!("x-{n}")), 1));
        assert!(imported.left.len() <= (1 << 10) + 1);
        assert_eq!(imported.left.values().sum::<u64>(), 5_000);
        imported.tell();
        assert!(imported.notes[0].len() < 400 && imported.notes[0].contains("more"), "{:?}", imported.notes);
    }
}
