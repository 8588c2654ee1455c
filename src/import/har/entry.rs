//! The entries of a HAR, one after the other.
//!
//! Owns the walk through the document and what is kept of an entry: lists are bounded, values of another kind than expected are absent, and
//! everything else is passed over. Refuses to understand what it reads (`talk` does).

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::elided::Elided;
use crate::traffic::session_trace::LINE_BYTES_MAX;

/// Headers that are kept of an entry.
const HEADERS_MAX: usize = 256;

/// What is kept of an entry.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    #[serde(rename = "startedDateTime")]
    pub(super) started: Scalar,
    /// How long it took, in milliseconds.
    pub(super) time: Scalar,
    pageref: Scalar,
    #[serde(rename = "_resourceType")]
    pub(super) resource: Scalar,
    pub(super) request: Request,
    #[serde(rename = "_webSocketMessages")]
    pub(super) messages: Option<Messages>,
}

/// What is kept of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Request {
    pub(super) url: Scalar,
    pub(super) headers: Headers,
}

/// A message as it stands there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message {
    #[serde(rename = "type")]
    pub(super) way: Scalar,
    /// Seconds since 1970.
    pub(super) time: Scalar,
    pub(super) opcode: Scalar,
    pub(super) data: Scalar,
}

/// A text or a number; everything else is as if it were not there.
#[derive(Debug, Default)]
pub(super) enum Scalar {
    Text(String),
    Number(f64),
    #[default]
    Nothing,
}

/// Names and values.
#[derive(Debug, Default)]
pub(super) struct Headers(pub(super) Vec<(String, String)>);

/// The messages of a session.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) list: Vec<Message>,
    /// There were more than a session may have.
    pub(super) overflow: bool,
}

impl Entry {
    /// Which page it is of.
    pub(super) fn page(&self) -> Option<&str> {
        self.pageref.text()
    }
}

impl Scalar {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) const fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

/// Gives each entry of a HAR; why it ends before its end, if it does.
pub(super) fn read(input: impl Read, mut each: impl FnMut(Entry) -> std::io::Result<()>) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_reader(Elided::of(input));
    let walk = Within { key: "log", inner: Within { key: "entries", inner: Entries(&mut each) } };
    walk.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| error.to_string())
}

/// Looks for a key of an object, and passes over the others.
struct Within<T> {
    key: &'static str,
    inner: T,
}

impl<'de, T: DeserializeSeed<'de, Value = ()>> DeserializeSeed<'de> for Within<T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeSeed<'de, Value = ()>> Visitor<'de> for Within<T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the key {}", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { key, inner } = self;
        let mut inner = Some(inner);
        while let Some(found) = map.next_key::<String>()? {
            match inner.take_if(|_| found == key) {
                Some(inner) => map.next_value_seed(inner)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        inner.map_or(Ok(()), |_| Err(A::Error::custom(format!("nothing has the key {key}"))))
    }
}

/// Gives each entry of the list.
struct Entries<'e, F>(&'e mut F);

impl<'de, F: FnMut(Entry) -> std::io::Result<()>> DeserializeSeed<'de> for Entries<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Entry) -> std::io::Result<()>> Visitor<'de> for Entries<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(entry) = list.next_element()? {
            (self.0)(entry).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Nothing)
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AllHeaders)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    name: Scalar,
    value: Scalar,
}

struct AllHeaders;

impl<'de> Visitor<'de> for AllHeaders {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of headers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Headers, A::Error> {
        let mut headers = Vec::new();
        while headers.len() < HEADERS_MAX {
            let Some(header) = list.next_element::<Header>()? else { return Ok(Headers(headers)) };
            if let (Scalar::Text(name), Scalar::Text(value)) = (header.name, header.value) {
                headers.push((name, value));
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Headers(headers))
    }
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(AllMessages)
    }
}

struct AllMessages;

impl<'de> Visitor<'de> for AllMessages {
    type Value = Messages;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Messages, A::Error> {
        let (mut messages, mut bytes) = (Messages::default(), 0);
        while bytes <= LINE_BYTES_MAX {
            let Some(message) = list.next_element::<Message>()? else { return Ok(messages) };
            bytes += message.data.text().map_or(0, str::len) + size_of::<Message>();
            messages.list.push(message);
        }
        messages.overflow = list.next_element::<IgnoredAny>()?.is_some();
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(messages)
    }
}
