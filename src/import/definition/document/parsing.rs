//! Reading YAML and JSON into a tree with lines.
//!
//! Owns the bounds on size, depth and aliases; the short tags of templates (`!Ref x`) become their long forms (`Ref: x`) here.
//! Refuses to open any other file. Called by [`read`](super::super::read).

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MessageFormatter as _, Spanned, Tagged};

use super::{Kind, Node, Unreadable};

/// Largest document that is read: the service imports at most 6 MB (API Gateway developer guide, "Quotas", 2026).
pub const BYTES_MAX: usize = 6 << 20;

/// Values that a document may have, those behind aliases counted as often as they are used.
const NODES_MAX: usize = 400_000;

/// How deep lists and maps may lie in each other.
const DEPTH_MAX: usize = 64;

impl Node {
    /// Reads YAML or JSON.
    pub(in crate::import::definition) fn parse(text: &str) -> Result<Self, Unreadable> {
        let refuse = |what: String| Err(Unreadable { line: None, what });
        if text.len() > BYTES_MAX {
            return refuse(format!("it has {} bytes; the service imports at most {BYTES_MAX}", text.len()));
        }
        if let Some(at) = text.find('\0') {
            let line = text[..at].matches('\n').count() as u32 + 1;
            return Err(Unreadable { line: Some(line), what: "it holds a zero byte; write plain YAML or JSON".to_owned() });
        }
        // A byte order mark is no part of the document.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_depth: DEPTH_MAX, flow_nesting_limit: DEPTH_MAX, max_documents: 1, max_nodes: NODES_MAX,
                max_aliases: 10_000, max_anchors: 10_000, enforce_alias_anchor_ratio: false,
            },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000, max_replay_stack_depth: 16 },
            // As the readers of templates and definitions do it.
            duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
            leading_zero_numbers_as_strings: true,
            underscored_numbers_as_strings: true,
            strict_booleans: true,
            non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::AsString,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options::<Placed>(text, options) {
            Ok(placed) => Ok(placed.into_node(text)),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

/// What serde hands over: a value with its tag, and where `serde-saphyr` found it. The text of numbers is fetched from the
/// source afterwards, so that `2.0` stays what was written.
struct Placed {
    location: Location,
    tag: Option<String>,
    value: Value,
}

enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Placed>),
    Map(Vec<(String, Placed)>),
}

impl Placed {
    fn into_node(self, source: &str) -> Node {
        let line = u32::try_from(self.location.line()).unwrap_or(u32::MAX);
        let kind = match self.value {
            Value::Null => Kind::Null,
            Value::Bool(truth) => Kind::Bool(truth),
            Value::Number(fallback) => Kind::Number(in_source(source, self.location).unwrap_or(fallback)),
            Value::Text(text) => Kind::Text(text),
            Value::List(items) => Kind::List(items.into_iter().map(|item| item.into_node(source)).collect()),
            Value::Map(entries) => Kind::Map(entries.into_iter().map(|(key, value)| (key, value.into_node(source))).collect()),
        };
        let node = Node { line, kind };
        match self.tag {
            Some(tag) => long_form(&tag, node),
            None => node,
        }
    }
}

/// `!Ref x` is `Ref: x`, `!GetAtt a.b` is `Fn::GetAtt: [a, b]`, `!Sub x` is `Fn::Sub: x`; other tags are no functions.
fn long_form(tag: &str, node: Node) -> Node {
    let Some(name) = tag.strip_prefix('!').filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase())) else { return node };
    let line = node.line;
    let (key, value) = match (name, node.kind) {
        ("Ref" | "Condition", kind) => (name.to_owned(), kind),
        ("GetAtt", Kind::Text(text)) => {
            let (of, attribute) = text.split_once('.').unwrap_or((&text, ""));
            ("Fn::GetAtt".to_owned(), Kind::List(vec![Node::text(line, of), Node::text(line, attribute)]))
        }
        (_, kind) => (format!("Fn::{name}"), kind),
    };
    Node { line, kind: Kind::Map(vec![(key, Node { line, kind: value })]) }
}

fn in_source(source: &str, location: Location) -> Option<String> {
    let start = usize::try_from(location.span().byte_offset()?).ok()?;
    let length = usize::try_from(location.span().byte_len()?).ok()?;
    let text = source.get(start..start.checked_add(length)?)?.trim();
    text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')).then(|| text.to_owned())
}

fn unreadable(error: &serde_saphyr::Error) -> Unreadable {
    let line = error.location().map(|location| u32::try_from(location.line()).unwrap_or(u32::MAX));
    let cause = match error.without_snippet() {
        serde_saphyr::Error::AliasError { error, .. } => error,
        error => error,
    };
    // The low-level text, because the rendered one repeats the place; the input's characters in it are escaped here.
    let text = serde_saphyr::DefaultMessageFormatter.format_message(cause).replace(char::is_control, " ");
    let says = |words: &str| text.contains(words);
    let what = if says("budget") || says("nesting") || says("recursion limit") || says("replay") {
        format!("it is more than is read, {NODES_MAX} values in at most {DEPTH_MAX} levels ({}); make it smaller", text.trim())
    } else if says("recursive references") {
        "an alias stands inside what it refers to; write out what it stands for".to_owned()
    } else {
        format!("it is neither YAML nor JSON: {}", text.trim())
    };
    Unreadable { line, what }
}

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tagged<Value>>::deserialize(deserializer)?;
        let Tagged(value, tag) = spanned.value;
        let location = match value {
            Value::Number(_) => spanned.defined,
            // Where a reader looks: at the alias, not at what it stands for.
            Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) | Value::Map(_) => spanned.referenced,
        };
        Ok(Self { location, tag, value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Number(number.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            map.push((key, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_tags_are_their_long_forms() {
        let text = "a: !Ref X\nb: !GetAtt F.Arn\nc: !Sub '${X}-y'\nd: !If [C, !Ref X, 5]\ne: !GetAtt [F, Arn]\nf: !Join\n  - ','\n  - [1, 2]\ng: !Equals [!Ref X, 'true']\nh: !Condition C";
        assert_eq!(
            Node::parse(text).unwrap().json(),
            serde_json::json!({
                "a": { "Ref": "X" },
                "b": { "Fn::GetAtt": ["F", "Arn"] },
                "c": { "Fn::Sub": "${X}-y" },
                "d": { "Fn::If": ["C", { "Ref": "X" }, 5] },
                "e": { "Fn::GetAtt": ["F", "Arn"] },
                "f": { "Fn::Join": [",", [1, 2]] },
                "g": { "Fn::Equals": [{ "Ref": "X" }, "true"] },
                "h": { "Condition": "C" },
            })
        );
    }

    #[test]
    fn json_is_read_with_its_escapes_and_tabs_and_lines() {
        let node = Node::parse("{\n\t\"a\\/b\": \"\\ud83d\\ude00\\u00e9\",\n\t\"c\":[1,2.50,true,null],\"d\":{}\n}").unwrap();
        assert_eq!(node.json(), serde_json::json!({ "a/b": "\u{1f600}\u{e9}", "c": [1, 2.50, true, null], "d": {} }));
        assert_eq!(node.get("c").unwrap().line, 3);
    }

    #[test]
    fn numbers_keep_their_spelling_and_keys_are_texts() {
        let node = Node::parse("swagger: 2.0\nid: 012345678901\n200: ok\non: yes\nx: &a 2.50\ny: *a").unwrap();
        assert_eq!(node.word("swagger").as_deref(), Some("2.0"));
        assert_eq!(node.word("id").as_deref(), Some("012345678901"));
        assert_eq!(node.word("200").as_deref(), Some("ok"));
        assert_eq!(node.word("on").as_deref(), Some("yes"));
        assert_eq!(node.word("y").as_deref(), Some("2.50"));
    }

    #[test]
    fn what_is_no_document_is_refused_with_its_line() {
        for (text, line) in
            [("a: [1, 2", 1), ("a: 1\nb: *nobody", 2), ("--- a\n--- b", 2), ("{\"a\": 1,\n \"b\" 2}", 2), ("a: 1\n\0", 2)]
        {
            let refused = Node::parse(text).unwrap_err();
            assert_eq!(refused.line, Some(line), "{text}: {}", refused.what);
        }
    }

    #[test]
    fn bombs_are_refused_before_they_go_off() {
        let level = |n: u32| {
            let inner = vec![format!("*a{}", n - 1); 10].join(", ");
            format!("a{n}: &a{n} [{inner}]\n")
        };
        let aliases = format!("a0: &a0 [x, x, x]\n{}", (1..12).map(level).collect::<String>());
        for bomb in [aliases, "[".repeat(100_000), "- ".repeat(100_000), "{\"a\":".repeat(5_000), "a".repeat(BYTES_MAX + 1)] {
            assert!(Node::parse(&bomb).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}|[!&*a:{}\\[\\]\"' \n-]{0,40}") {
            let _ = Node::parse(&text);
        }
    }
}
