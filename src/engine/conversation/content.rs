//! What a lane looks for in messages: the numbers of streams, the values that tie a reply to its question, what a connection is called, and
//! the gateway's own errors.
//!
//! Owns the paths that anything is looked for at, and the reading: one pass over the text, which keeps no more than a word of each value; only a
//! message that holds the name of its connection is read once more, for the name.
//! Refuses to know connections. A message that is not JSON, or that nothing is found in, is a message like any other.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use sluicegate_policy::call::ErrorKind;

use crate::traffic::Catalog;
use crate::traffic::conversation::{Hears, NameId, StreamId};

/// What is looked for; the same for all messages of a drive.
#[derive(Debug, Default)]
pub(super) struct Content {
    root: Node,
    /// Values that there are places for.
    places: usize,
    streams: Vec<Marks>,
    correlations: Vec<usize>,
    /// Where connections' names stand, and the ways there.
    names: Vec<(usize, Vec<String>)>,
    /// `message`, `connectionId`, `requestId` and `messageId` of the gateway's own frames.
    frame: [usize; 4],
}

/// Where a stream is seen.
#[derive(Debug)]
struct Marks {
    number: usize,
    /// Where its name stands, and the name.
    named: Option<(usize, Value)>,
}

/// A key on the way to values.
#[derive(Debug, Default)]
struct Node {
    /// The place of the value here, if one is looked for.
    place: Option<usize>,
    below: Vec<(String, Node)>,
}

/// A value, as far as two can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    /// Any other number, or a truth value: its bits.
    Other(u64),
    /// A number that is written as a text: templates can only put it there so.
    Numeral(u64),
    /// The hash of any other text.
    Text(u64),
}

/// What was found in a message.
#[derive(Debug)]
pub(super) struct Found<'c> {
    content: &'c Content,
    values: Vec<Option<Value>>,
}

impl Content {
    /// What the catalog's streams and correlations ask for.
    pub(super) fn of(catalog: &Catalog) -> Self {
        let mut content = Self::default();
        content.frame = ["message", "connectionId", "requestId", "messageId"].map(|key| content.place(&[key.to_owned()]));
        for stream in &catalog.streams {
            let number = content.place(&stream.number);
            let named = stream.named.as_ref().map(|path| (content.place(path), Value::text(&stream.name)));
            content.streams.push(Marks { number, named });
        }
        content.correlations = catalog.correlations.iter().map(|path| content.place(path)).collect();
        content.names = catalog.names.iter().map(|path| (content.place(path), path.clone())).collect();
        content
    }

    /// Reads a message.
    pub(super) fn read(&self, text: &[u8]) -> Found<'_> {
        let mut values = vec![None; self.places];
        let mut json = serde_json::Deserializer::from_slice(text);
        let whole = Seed { node: &self.root, values: &mut values }.deserialize(&mut json).and_then(|()| json.end());
        if whole.is_err() {
            values.fill(None);
        }
        Found { content: self, values }
    }

    /// The place of the value at this path.
    fn place(&mut self, path: &[String]) -> usize {
        let mut node = &mut self.root;
        for key in path {
            let at = node.below.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
                node.below.push((key.clone(), Node::default()));
                node.below.len() - 1
            });
            node = &mut node.below[at].1;
        }
        *node.place.get_or_insert_with(|| {
            self.places += 1;
            self.places - 1
        })
    }
}

impl Found<'_> {
    /// Which of the streams that a session hears the message belongs to, and its number.
    pub(super) fn push(&self, hears: Hears) -> Option<(StreamId, u64)> {
        let heard = (0_u8..64).zip(&self.content.streams).filter(|(id, _)| hears.0 >> id & 1 == 1);
        heard.into_iter().find_map(|(id, marks)| {
            if let Some((at, name)) = marks.named
                && self.values[at] != Some(name)
            {
                return None;
            }
            match self.values[marks.number] {
                Some(Value::Number(number) | Value::Numeral(number)) => Some((StreamId(id), number)),
                Some(Value::Other(_) | Value::Text(_)) | None => None,
            }
        })
    }

    /// What stands at the path of a correlation.
    pub(super) fn correlated(&self, correlation: u8) -> Option<Value> {
        self.values[*self.content.correlations.get(usize::from(correlation))?]
    }

    /// The text that stands where the name of a connection is looked for, in the message that this was found in.
    pub(super) fn name(&self, name: NameId, message: &[u8]) -> Option<String> {
        let (at, path) = self.content.names.get(usize::from(name.0))?;
        match self.values[*at] {
            Some(Value::Text(_) | Value::Numeral(_)) => {}
            Some(Value::Number(_) | Value::Other(_)) | None => return None,
        }
        let whole: serde_json::Value = serde_json::from_slice(message).ok()?;
        let found = path.iter().try_fold(&whole, |value, key| value.get(key))?;
        found.as_str().map(str::to_owned)
    }

    /// If it is the gateway's own error frame (facts, section 5.6): the status that says the same, and its kind.
    pub(super) fn error(&self) -> Option<(u16, ErrorKind)> {
        let [message, connection, request, id] = self.content.frame.map(|at| self.values[at]);
        let (Some(Value::Text(said)), Some(Value::Text(_)), Some(Value::Text(_))) = (message, connection, request.or(id)) else {
            return None;
        };
        let known = [
            ("Forbidden", 403, ErrorKind::Forbidden),
            ("Internal server error", 500, ErrorKind::ServerError),
            ("Endpoint request timed out", 504, ErrorKind::IntegrationTimeout),
            ("Too Many Requests", 429, ErrorKind::Throttled),
            ("Bad request body", 400, ErrorKind::BadRequest),
        ];
        let found = known.into_iter().find(|(text, ..)| Value::text(text) == Value::Text(said));
        Some(found.map_or((500, ErrorKind::ServerError), |(_, status, kind)| (status, kind)))
    }
}

impl Value {
    fn text(text: &str) -> Self {
        use std::hash::BuildHasher as _;
        // Written in the one way in which a number is written: else two texts that differ would be one.
        if let Some(number) = text.parse::<u64>().ok().filter(|number| number.to_string() == text) {
            return Self::Numeral(number);
        }
        Self::Text(foldhash::quality::FixedState::default().hash_one(text))
    }
}

/// Reads a value of which only what lies on the way to a place is looked at.
struct Seed<'a> {
    node: &'a Node,
    values: &'a mut [Option<Value>],
}

impl Seed<'_> {
    fn keep(self, value: Value) {
        if let Some(at) = self.node.place {
            self.values[at] = Some(value);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.keep(Value::Other(value.into()));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.keep(Value::Number(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.keep(Value::Other(value.cast_unsigned()));
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.keep(Value::Other(value.to_bits()));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        if self.node.place.is_some() {
            self.keep(Value::text(value));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Self { node, values } = self;
        while let Some(at) = entries.next_key_seed(Key(node))? {
            match at {
                Way::To(at) => entries.next_value_seed(Seed { node: &node.below[at].1, values: &mut *values })?,
                Way::Past => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Reads a key: which of those that are looked for it is.
struct Key<'a>(&'a Node);

/// Where a key leads.
enum Way {
    /// To the node below of this number.
    To(usize),
    /// To nothing that is looked for.
    Past,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Way;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Way, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Way;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, value: &str) -> Result<Way, E> {
        Ok(self.0.below.iter().position(|(key, _)| key == value).map_or(Way::Past, Way::To))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::SeriesId;
    use crate::traffic::conversation::Stream;
    use proptest::prelude::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    fn content() -> Content {
        let stream = |name: &str, number: &str, named: Option<&str>| Stream {
            name: name.to_owned(),
            series: SeriesId(0),
            number: path(number),
            named: named.map(path),
        };
        Content::of(&Catalog {
            streams: vec![stream("prices", "detail.n", Some("type")), stream("all", "n", None)],
            correlations: vec![path("id"), path("a.b.c")],
            names: vec![path("connectionId"), path("of.me")],
            ..Catalog::default()
        })
    }

    #[test]
    fn a_push_is_known_by_its_number_and_its_stream_s_name() {
        let content = content();
        let push = |text: &str, hears| content.read(text.as_bytes()).push(Hears(hears)).map(|(stream, n)| (stream.0, n));
        assert_eq!(push(r#"{"type":"prices","detail":{"x":[{}],"n":7}}"#, 3), Some((0, 7)));
        assert_eq!(push(r#"{"type":"prices","detail":{"n":7}}"#, 2), None);
        assert_eq!(push(r#"{"type":"other","detail":{"n":7}}"#, 3), None);
        assert_eq!(push(r#"{"type":"other","n":8}"#, 3), Some((1, 8)));
        assert_eq!(push(r#"{"n":"8"}"#, 3), Some((1, 8)), "a template writes it as a text");
        for none in
            [r#"{"n":-1}"#, r#"{"n":"08"}"#, r#"{"n":"+8"}"#, r#"{"n":1e3}"#, r#"{"n":8"#, r#"{"n":8} x"#, "[8]", "", "\u{0}"]
        {
            assert_eq!(push(none, 3), None, "{none}");
        }
    }

    #[test]
    fn a_reply_has_what_its_question_has_however_it_is_written() {
        let content = content();
        let value = |text: &str, correlation| content.read(text.as_bytes()).correlated(correlation);
        assert_eq!(value(r#"{"id":"\u0061b"}"#, 0), value(r#" { "x": {"id": 1}, "id" : "ab" } "#, 0));
        assert_eq!(value(r#"{"a":{"b":{"c":9}}}"#, 1), Some(Value::Number(9)));
        assert_ne!(value(r#"{"id":"1"}"#, 0), value(r#"{"id":1}"#, 0));
        assert_eq!(value(r#"{"id":{"id":1}}"#, 0), None);
        assert_eq!(value(r#"{"id":1}"#, 9), None);
    }

    #[test]
    fn the_gateway_s_own_errors_have_the_status_that_says_the_same() {
        let content = content();
        let error = |message: &str, ids: &str| {
            content.read(format!(r#"{{"message": "{message}", "connectionId":"a="{ids}}}"#).as_bytes()).error()
        };
        let request = r#", "requestId":"b=""#;
        assert_eq!(error("Forbidden", request), Some((403, ErrorKind::Forbidden)));
        assert_eq!(error("Internal server error", request), Some((500, ErrorKind::ServerError)));
        assert_eq!(error("Endpoint request timed out", request), Some((504, ErrorKind::IntegrationTimeout)));
        assert_eq!(error("Too Many Requests", request), Some((429, ErrorKind::Throttled)));
        assert_eq!(error("Bad request body", r#", "messageId":"c""#), Some((400, ErrorKind::BadRequest)));
        assert_eq!(error("Something new", request), Some((500, ErrorKind::ServerError)));
        assert_eq!(error("Forbidden", ""), None);
    }

    #[test]
    fn a_name_is_a_text_at_its_place() {
        let content = content();
        let name = |text: &str, id| content.read(text.as_bytes()).name(NameId(id), text.as_bytes());
        assert_eq!(name(r#"{"x":[1],"connectionId":"L0SM9cOFvHcCIhw="}"#, 0).as_deref(), Some("L0SM9cOFvHcCIhw="));
        assert_eq!(name(r#"{"of":{"me":"12"}}"#, 1).as_deref(), Some("12"), "digits are a name, too, if they are a text");
        for none in
            [r#"{"connectionId":12}"#, r#"{"connectionId":{}}"#, r#"{"connectionId":null}"#, r#"{"of":"me"}"#, "[]", "", "{"]
        {
            assert_eq!((name(none, 0), name(none, 1)), (None, None), "{none}");
        }
        assert_eq!(name(r#"{"connectionId":"a"}"#, 9), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..60), json in r#"[{}\[\]":,a-d0-9 n]{0,40}"#) {
            let content = content();
            let _ = (content.read(&text).push(Hears(3)), content.read(json.as_bytes()).error());
        }
    }
}
