//! Drift: a change of the gateway's description, so that the mock differs from the model on purpose.
//!
//! Owns the text of a drift (`functions.orders.duration * 1.5`) and its effect on the resolved profile, which is proven again
//! afterwards. Refuses everything but the gateway and the further APIs of its account: traffic is shared by both worlds. Only what
//! [`vary`](super::vary) sets, for the model alone, may be anything. Called by [`load`](super::load).

mod effect;

use std::fmt;
use std::str::FromStr;

use super::problem::{Place, Spot, listed, suggestion, written};
use super::reader::Reader;
use super::tree::{Kind, Node};

/// One change: a path within the gateway (or, from `apis`, a further API), an operation, and its operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    path: Vec<String>,
    op: Op,
    operand: String,
    reach: Reach,
}

/// How far a path may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Into the gateway and the further APIs, which the mock alone sees changed.
    Gateway,
    /// To every key of the file; a path that begins with none of them leads into the gateway.
    Everything,
}

/// What is done to the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// It is replaced.
    Set,
    /// It is multiplied; a distribution in all its quantiles.
    Times,
    /// Something is added to it.
    Plus,
}

/// Why a text is not a drift.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not a drift: {why}; write a path, one of = * +, and a value, e.g. 'functions.orders.duration * 1.5' or 'routes.\"GET /health\".integration.mock.status = 500'",
    super::problem::quoted(.text)
)]
pub struct ParseDriftError {
    text: String,
    why: &'static str,
}

impl Op {
    const fn sign(self) -> char {
        match self {
            Self::Set => '=',
            Self::Times => '*',
            Self::Plus => '+',
        }
    }
}

impl FromStr for Drift {
    type Err = ParseDriftError;

    fn from_str(text: &str) -> Result<Self, ParseDriftError> {
        let refuse = |why| ParseDriftError { text: text.to_owned(), why };
        let (path, rest) = path(text).map_err(refuse)?;
        let mut signs = rest.trim_start().chars();
        let op = match signs.next() {
            Some('=') => Op::Set,
            Some('*') => Op::Times,
            Some('+') => Op::Plus,
            _ => {
                return Err(refuse("no operation follows the path (keys with dots, spaces or slashes stand in quotation marks)"));
            }
        };
        let operand = signs.as_str().trim();
        if operand.is_empty() {
            return Err(refuse("no value follows the operation"));
        }
        Ok(Self { path, op, operand: operand.to_owned(), reach: Reach::Gateway })
    }
}

/// The path that a text begins with, and what follows it.
pub(super) fn path(text: &str) -> Result<(Vec<String>, &str), &'static str> {
    let mut rest = text.trim_start();
    let mut path = Vec::new();
    loop {
        let (segment, after) = segment(rest)?;
        path.push(segment);
        rest = after;
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None => return Ok((path, rest)),
        }
    }
}

/// The first segment of a path, and what follows it.
fn segment(text: &str) -> Result<(String, &str), &'static str> {
    if let Some(inside) = text.strip_prefix('"') {
        let (mut segment, mut chars) = (String::new(), inside.chars());
        loop {
            match chars.next() {
                Some('"') => return Ok((segment, chars.as_str())),
                Some('\\') => segment.push(chars.next().ok_or("a quotation mark is not closed")?),
                Some(other) => segment.push(other),
                None => return Err("a quotation mark is not closed"),
            }
        }
    }
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '.' | '=' | '*' | '+' | '"')).unwrap_or(text.len());
    if end == 0 {
        return Err("a key is missing in its path");
    }
    Ok((text[..end].to_owned(), &text[end..]))
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.path.iter().enumerate() {
            let bare = !segment.is_empty() && segment.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
            let dot = if at == 0 { "" } else { "." };
            if bare {
                write!(f, "{dot}{segment}")?;
            } else {
                write!(f, "{dot}\"{}\"", segment.replace('\\', "\\\\").replace('"', "\\\""))?;
            }
        }
        write!(f, " {} {}", self.op.sign(), self.operand)
    }
}

impl Drift {
    /// Sets what stands at a path of the whole file, for the model alone.
    pub(super) fn setting(path: &[String], value: &str) -> Self {
        Self { path: path.to_vec(), op: Op::Set, operand: value.to_owned(), reach: Reach::Everything }
    }

    /// Changes the resolved profile. What is wrong with the new value, proving it again will tell.
    pub(super) fn apply(&self, profile: &mut Node, reader: &mut Reader) {
        let place = Place::Drift(self.to_string().into());
        let path = self.path_within(profile);
        let Some((last, parents)) = path.split_last().filter(|(_, parents)| !parents.is_empty() || self.reaches_all()) else {
            let top = path.first().copied().unwrap_or("gateway");
            let whole = if top == "apis" { "these are all further APIs" } else { "this is the whole gateway" };
            return reader.report_at(&Spot { place, key: top.into() }, format!("{whole}; name a key of it"));
        };
        let mut key = String::new();
        let mut node = profile;
        for segment in parents {
            // Asked first and taken then, because a borrow that is returned early cannot be used for the message.
            if node.below(segment).is_none() {
                return unknown(node, segment, &Spot { place, key: key.into() }, reader);
            }
            key = if key.is_empty() { written(segment) } else { format!("{key}.{}", written(segment)) };
            let Some(below) = node.below(segment) else { return };
            node = below;
        }
        if self.op != Op::Set && node.get(last).is_none() {
            return unknown(node, last, &Spot { place, key: key.into() }, reader);
        }
        let whole_key = if key.is_empty() { written(last) } else { format!("{key}.{}", written(last)) };
        let spot = Spot { place: place.clone(), key: whole_key.into() };
        let Some(value) = node.at_key(last, &place) else {
            reader.report_at(&Spot { place, key: key.into() }, "this is a single value, which has no keys");
            return;
        };
        if let Err(what) = self.change(value, &place) {
            reader.report_at(&spot, what);
        }
    }

    const fn reaches_all(&self) -> bool {
        matches!(self.reach, Reach::Everything)
    }

    /// The path from the file's top.
    fn path_within<'a>(&'a self, profile: &Node) -> Vec<&'a str> {
        let path = self.path.iter().map(String::as_str);
        let is_whole = match (self.reach, self.path.first().map(String::as_str)) {
            (_, Some("gateway" | "apis")) => true,
            (Reach::Everything, Some(first)) => profile.get(first).is_some() || profile.get("gateway").is_none(),
            (Reach::Gateway, _) | (_, None) => false,
        };
        if is_whole { path.collect() } else { std::iter::once("gateway").chain(path).collect() }
    }

    fn change(&self, value: &mut Node, place: &Place) -> Result<(), String> {
        match self.op {
            Op::Set => {
                let new = Node::parse(&self.operand).map_err(|error| error.what)?;
                *value = placed(new, place);
                Ok(())
            }
            Op::Times => effect::times(value, &self.operand, place),
            Op::Plus => effect::plus(value, &self.operand, place),
        }
    }
}

fn unknown(node: &Node, segment: &str, spot: &Spot, reader: &mut Reader) {
    let near = suggestion(segment, node.keys());
    let there_is = match node.kind {
        Kind::Map(_) => format!("there is: {}", listed(node.keys())),
        Kind::Null | Kind::Scalar(_) | Kind::List(_) => "what stands there has no keys".to_owned(),
    };
    reader.report_at(spot, format!("there is no {} here{near} {there_is}", super::problem::quoted(segment)));
}

/// The same tree, all of it given at `place`.
fn placed(mut node: Node, place: &Place) -> Node {
    node.place = place.clone();
    node.kind = match node.kind {
        Kind::List(items) => Kind::List(items.into_iter().map(|item| placed(item, place)).collect()),
        Kind::Map(mut entries) => {
            for entry in &mut entries {
                entry.place = place.clone();
                let value = std::mem::replace(&mut entry.value, Node { place: Place::Nowhere, kind: Kind::Null });
                entry.value = placed(value, place);
            }
            Kind::Map(entries)
        }
        other @ (Kind::Null | Kind::Scalar(_)) => other,
    };
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_drift_reads_back_as_it_was_written(
            path in proptest::collection::vec("[a-zA-Z/{} .\"\\\\=*+$]{1,8}", 1..4),
            op in prop_oneof![Just(Op::Set), Just(Op::Times), Just(Op::Plus)],
            operand in "[a-z0-9{}:.\"]{1,10}",
        ) {
            let drift = Drift { path, op, operand, reach: Reach::Gateway };
            prop_assert_eq!(drift.to_string().parse(), Ok(drift));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = text.parse::<Drift>();
        }
    }

    #[test]
    fn a_path_an_operation_and_a_value_make_a_drift() {
        for text in ["functions.orders.duration * 1.5", "routes.\"GET /health\".integration.mock.status = 500", "refusal + 20ms"]
        {
            assert_eq!(text.parse::<Drift>().unwrap().to_string(), text);
        }
        assert_eq!("a.b*2".parse::<Drift>().unwrap().to_string(), "a.b * 2");
        for text in ["", "a.b", "a.b *", "* 2", "a..b * 2", "a.\"b * 2", "routes.GET /x = 5", "a - 5"] {
            assert!(text.parse::<Drift>().is_err(), "{text}");
        }
    }
}
