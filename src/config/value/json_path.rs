//! A place in a JSON text: `id`, `detail.id`; and how a reply is known: by what stands there, or by its order.
//!
//! Owns their text forms (`FromStr`, `Display`). Refuses to look into a text (`prove::sessions` does). Read by the types in `raw`.

use std::fmt;
use std::str::FromStr;

use super::{Unreadable, text_scalar};

/// Keys from the outermost on; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct JsonPath(pub(in crate::config) Vec<String>);

/// How the reply to a message is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) enum ReplyBy {
    /// It is the next that is no push of a stream.
    Order,
    /// It has the same there as the message.
    Same(JsonPath),
}

text_scalar!(JsonPath, "a place in a JSON text", "write keys with dots between them, e.g. id or detail.id");
text_scalar!(
    ReplyBy,
    "how a reply is known",
    "write order, or the place of what message and reply have in common, e.g. id or detail.id"
);

/// Deeper texts are nobody's messages.
const KEYS_MAX: usize = 16;

impl FromStr for JsonPath {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let keys: Vec<String> = text.trim().split('.').map(str::to_owned).collect();
        let is_key = |key: &String| !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || c.is_control());
        let fine = keys.len() <= KEYS_MAX && keys.iter().all(is_key);
        if fine { Ok(Self(keys)) } else { Err(Unreadable::new::<Self>(text)) }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.join("."))
    }
}

impl FromStr for ReplyBy {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        if text.trim() == "order" {
            return Ok(Self::Order);
        }
        text.parse().map(Self::Same).map_err(|_| Unreadable::new::<Self>(text))
    }
}

impl fmt::Display for ReplyBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order => f.pad("order"),
            Self::Same(path) => path.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        for text in ["id", "detail.id", "a-b.$c.0"] {
            assert_eq!(text.parse::<JsonPath>().map(|path| path.to_string()).as_deref(), Ok(text));
            assert_eq!(text.parse::<ReplyBy>().map(|reply| reply.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("order".parse(), Ok(ReplyBy::Order));
        for text in ["", ".", "a.", ".a", "a..b", "a b", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q"] {
            assert!(text.parse::<JsonPath>().is_err() && text.parse::<ReplyBy>().is_err(), "{text}");
        }
    }
}
