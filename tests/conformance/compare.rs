//! A recorded answer against the one that came.
//!
//! Owns what counts as equal: JSON by its value, text by its characters, and a placeholder by what may stand for it, the same
//! one always for the same value. Refuses to excuse anything. Called by `main`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cases::{Case, Recorded, Saw};
use crate::recorded::Scenario;
use crate::served::Answer;

/// Compares; each difference as expected and got.
pub(crate) fn answer(scenario: &Scenario, case: &Case, got: &Answer) -> Result<(), Vec<String>> {
    let mut comparison = Comparison::default();
    let recorded = &scenario.recorded_answer;
    comparison.same("status", &scenario.expected_status, &Value::from(got.status));
    match case.recorded {
        Recorded::Body => comparison.body(recorded, got),
        Recorded::ContentAndSomeHeaders => {
            let content = if recorded["content"] == "" { &Value::Null } else { &recorded["content"] };
            comparison.body(content, got);
            if recorded["headers"].is_object() {
                comparison.headers(&recorded["headers"], got);
            }
        }
        Recorded::ContentAndErrorType => {
            comparison.body(&recorded["content"], got);
            comparison.header("x-amzn-ErrorType", recorded["errorType"].as_str().unwrap_or_default(), got);
        }
        Recorded::BodyAndStatus(headers) => {
            comparison.same("status_code", &recorded["status_code"], &Value::from(got.status));
            // Python writes no bytes as `b''`.
            let body = if recorded["body"] == "b''" { &Value::Null } else { &recorded["body"] };
            comparison.body(body, got);
            for (name, value) in headers {
                comparison.header(name, value, got);
            }
        }
        Recorded::Headers => comparison.headers(recorded, got),
        Recorded::ContentAndHeaders(saw) => {
            comparison.same("status_code", &recorded["status_code"], &Value::from(got.status));
            match saw {
                Saw::All => comparison.body(&recorded["content"], got),
                Saw::Some => comparison.body(&recorded["content"], &pruned(&recorded["content"], got)),
            }
            comparison.headers(&recorded["headers"], got);
        }
        Recorded::BodyHeadersAndAnswer => {
            if recorded["headers"].is_null() {
                comparison.body(&recorded["body"], got);
            } else {
                let saw = serde_json::json!({ "body": recorded["body"], "headers": recorded["headers"] });
                comparison.body(&saw, got);
            }
            comparison.headers(&recorded["response-headers"], got);
        }
        Recorded::Told => comparison.body(recorded, &pruned(recorded, got)),
        Recorded::ForEachMethod => comparison.found.push("each method has an answer of its own".to_owned()),
    }
    if comparison.found.is_empty() { Ok(()) } else { Err(comparison.found) }
}

/// Compares an event that a function told.
pub(crate) fn event(scenario: &Scenario, recorded: &Value, got: &Answer) -> Result<(), Vec<String>> {
    let mut comparison = Comparison::default();
    comparison.same("status", &scenario.expected_status, &Value::from(got.status));
    comparison.body(recorded, got);
    if comparison.found.is_empty() { Ok(()) } else { Err(comparison.found) }
}

/// Compares what a back end told of a request. Of the headers some were left out of the recording.
pub(crate) fn told(recorded: &Value, got: &Answer) -> Result<(), Vec<String>> {
    let mut comparison = Comparison::default();
    comparison.body(recorded, &pruned(recorded, got));
    if comparison.found.is_empty() { Ok(()) } else { Err(comparison.found) }
}

/// The answer without those of the told headers that were left out of the recording.
fn pruned(recorded: &Value, got: &Answer) -> Answer {
    let mut body: Value = serde_json::from_str(&got.body).unwrap_or(Value::Null);
    match (body.as_object_mut(), recorded["headers"].as_object()) {
        (Some(told), None) => drop(told.remove("headers")),
        (Some(told), Some(kept)) => {
            if let Some(headers) = told.get_mut("headers").and_then(Value::as_object_mut) {
                headers.retain(|name, _| kept.contains_key(name));
            }
        }
        (None, _) => {}
    }
    Answer { status: got.status, headers: Vec::new(), body: body.to_string(), bytes: Vec::new() }
}

#[derive(Default)]
struct Comparison {
    found: Vec<String>,
    bound: Bound,
}

impl Comparison {
    fn same<T: PartialEq + std::fmt::Display>(&mut self, what: &str, expected: &T, got: &T) {
        if expected != got {
            self.found.push(format!("{what}: expected {expected}, got {got}"));
        }
    }

    /// A recorded text is the body itself, or as JSON; nothing recorded is no body.
    fn body(&mut self, expected: &Value, got: &Answer) {
        let alike = match expected {
            Value::Null => got.body.is_empty(),
            Value::String(text) if self.bound.fits(text, &got.body) => true,
            expected => serde_json::from_str(&got.body).is_ok_and(|body| self.bound.alike(expected, &body)),
        };
        if !alike {
            self.found.push(format!("body: expected {expected}\n      got {}", got.body));
        }
    }

    fn header(&mut self, name: &str, expected: &str, got: &Answer) {
        let values: Vec<&str> =
            got.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect();
        // Lengths and dates were recorded as their own names.
        let mut fits =
            |value: &str| name.eq_ignore_ascii_case(expected) || is_length(name, value) || self.bound.fits(expected, value);
        match values[..] {
            [value] if fits(value) => {}
            [] => self.found.push(format!("header {name}: expected {expected}, got none")),
            // The recorder joins several values.
            [_, _, ..] if fits(&values.join(", ")) => {}
            _ => self.found.push(format!("header {name}: expected {expected}, got {}", values.join(" and "))),
        }
    }

    /// All headers: those that were recorded, and no others.
    fn headers(&mut self, expected: &Value, got: &Answer) {
        let expected = expected.as_object().expect("a recorded header set is an object");
        for (name, value) in expected {
            self.header(name, value.as_str().unwrap_or_default(), got);
        }
        for (name, value) in &got.headers {
            if !expected.keys().any(|known| known.eq_ignore_ascii_case(name)) {
                self.found.push(format!("header {name}: expected none, got {value}"));
            }
        }
    }
}

/// What each placeholder stands for so far.
#[derive(Default)]
struct Bound(BTreeMap<String, String>);

impl Bound {
    /// Whether two values are alike; placeholders fit what they may stand for.
    fn alike(&mut self, expected: &Value, got: &Value) -> bool {
        match (expected, got) {
            (Value::String(expected), Value::String(got)) => self.fits(expected, got),
            (Value::Array(expected), Value::Array(got)) => {
                expected.len() == got.len() && expected.iter().zip(got).all(|(expected, got)| self.alike(expected, got))
            }
            (Value::Object(expected), Value::Object(got)) => {
                let fits = |(name, expected): (&String, &Value)| {
                    got.get(name)
                        .is_some_and(|got| got.as_str().is_some_and(|got| is_length(name, got)) || self.alike(expected, got))
                };
                expected.len() == got.len() && expected.iter().all(fits)
            }
            (expected, got) => expected == got,
        }
    }

    /// Whether a text is the expected one, placeholders such as `<uuid:1>` replaced.
    fn fits(&mut self, expected: &str, got: &str) -> bool {
        let Some((before, placeholder, after)) = placeholder(expected) else { return expected == got };
        let Some(value) = got.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) else { return false };
        match self.0.get(placeholder) {
            Some(known) => known == value,
            None if !may_be(placeholder, value) => false,
            // Without a number it stands for any value, each time anew.
            None if !placeholder.contains(':') => true,
            None if self.0.values().any(|taken| taken == value) => false,
            None => self.0.insert(placeholder.to_owned(), value.to_owned()).is_none(),
        }
    }
}

/// The first placeholder of a text, with what stands before and after it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let start = text.find('<')?;
    let end = start + text[start..].find('>')?;
    let name = &text[start + 1..end];
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    (!name.is_empty() && name.chars().all(is_name)).then_some((&text[..start], name, &text[end + 1..]))
}

/// Whether it is the length of a body, which was recorded of one whose placeholders had other lengths. Ours are true: the runner
/// reads as much as they say.
fn is_length(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    (name == "content-length" || name == "x-amzn-remapped-content-length") && value.parse::<u64>().is_ok()
}

/// Whether a value may stand for the placeholder.
fn may_be(placeholder: &str, value: &str) -> bool {
    let kind = placeholder.split(':').next().unwrap_or(placeholder);
    match kind {
        "uuid" => is_uuid(value),
        _ => !value.is_empty(),
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

#[test]
fn a_placeholder_stands_for_one_value_and_for_no_other_ones() {
    let recorded = serde_json::json!({ "a": "<uuid:1>", "b": "<host:1>/x", "c": "<uuid:1>" });
    let id = "01234567-89ab-cdef-0123-456789abcdef";
    let alike = |a: &str, b: &str, c: &str| Bound::default().alike(&recorded, &serde_json::json!({ "a": a, "b": b, "c": c }));
    assert!(alike(id, "h/x", id));
    assert!(!alike(id, "h/x", "11234567-89ab-cdef-0123-456789abcdef"), "the same placeholder is the same value");
    assert!(!alike("no id", "h/x", "no id"), "a uuid is one");
    assert!(!alike(id, "h/y", id), "what stands around it counts");
    assert!(!alike(id, &format!("{id}/x"), id), "another placeholder is another value");
}

#[test]
fn an_answer_that_lacks_or_adds_anything_disagrees() {
    let recorded = serde_json::json!({ "a": 1, "b": [true] });
    let alike = |got: Value| Bound::default().alike(&recorded, &got);
    assert!(alike(serde_json::json!({ "b": [true], "a": 1 })));
    for other in [
        serde_json::json!({ "a": 1 }),
        serde_json::json!({ "a": 1, "b": [true], "c": 1 }),
        serde_json::json!({ "a": "1", "b": [true] }),
    ] {
        assert!(!alike(other));
    }
}
