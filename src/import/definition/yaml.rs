//! A profile as YAML text that people read: one line where it fits, blocks where it does not, comments above the sections.
//!
//! Owns the layout and the quoting. Refuses to know what a key means. Called by `profile`.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Longest value that is written in one line.
const LINE_MAX: usize = 100;

/// Longest key that stands before its colon: YAML allows 1,024 characters (YAML 1.2.2, section 8.2.2).
const KEY_MAX: usize = 900;

/// Writes the sections of a map, each map among them with a line for every key, and the comments that name them above.
pub(super) fn sections(out: &mut String, map: &Map<String, Value>, indent: usize, comments: &[(&str, &str)]) {
    for (key, value) in map {
        for (_, comment) in comments.iter().filter(|(name, _)| name == key) {
            push_line(out, indent, &format!("# {comment}"));
        }
        match value {
            Value::Object(section) if !section.is_empty() => {
                push_line(out, indent, &format!("{}:", scalar(key, Place::Block)));
                block(out, section, indent + 2);
            }
            _ => member(out, key, value, indent),
        }
    }
}

fn block(out: &mut String, map: &Map<String, Value>, indent: usize) {
    map.iter().for_each(|(key, value)| member(out, key, value, indent));
}

fn member(out: &mut String, key: &str, value: &Value, indent: usize) {
    let name = scalar(key, Place::Block);
    if name.len() > KEY_MAX {
        push_line(out, indent, &format!("? {name}"));
        out.push_str(&" ".repeat(indent));
        out.push(':');
    } else {
        out.push_str(&" ".repeat(indent));
        out.push_str(&name);
        out.push(':');
    }
    after_colon(out, value, indent);
}

/// What follows `key:`, with the end of its line.
fn after_colon(out: &mut String, value: &Value, indent: usize) {
    if let Some(line) = one_line(value) {
        out.push(' ');
        out.push_str(&line);
        out.push('\n');
        return;
    }
    match value {
        Value::Object(map) => {
            out.push('\n');
            block(out, map, indent + 2);
        }
        Value::Array(items) => {
            out.push('\n');
            for value in items {
                item(out, value, indent + 2);
            }
        }
        Value::String(text) => match literal(text, indent + 2) {
            Some(block) => out.push_str(&block),
            None => push_line(out, 1, &quoted(text)),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => push_line(out, 1, &value.to_string()),
    }
}

fn item(out: &mut String, value: &Value, indent: usize) {
    out.push_str(&" ".repeat(indent));
    out.push('-');
    match value {
        Value::Object(map) if one_line(value).is_none() => {
            let mut block = String::new();
            self::block(&mut block, map, indent + 2);
            out.push(' ');
            out.push_str(block.trim_start_matches(' '));
        }
        _ => after_colon(out, value, indent),
    }
}

fn push_line(out: &mut String, indent: usize, line: &str) {
    out.push_str(&" ".repeat(indent));
    out.push_str(line);
    out.push('\n');
}

/// Where a scalar stands: between brackets more characters mean something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Block,
    Flow,
}

/// A value in one line, if it fits into one and reads well there.
fn one_line(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.contains('\n') => None,
        Value::String(text) => Some(scalar(text, Place::Block)),
        Value::Object(_) | Value::Array(_) => {
            let mut line = String::new();
            flow(&mut line, value, 0)?;
            Some(line)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
    }
}

/// Between brackets, three deep at most; `None` as soon as it is too long.
fn flow(line: &mut String, value: &Value, depth: usize) -> Option<()> {
    match value {
        Value::Object(map) if map.is_empty() => line.push_str("{}"),
        Value::Array(items) if items.is_empty() => line.push_str("[]"),
        Value::Object(_) | Value::Array(_) if depth > 2 => return None,
        Value::Object(map) => {
            line.push_str("{ ");
            for (at, (key, value)) in map.iter().enumerate() {
                line.push_str(if at > 0 { ", " } else { "" });
                line.push_str(&scalar(key, Place::Flow));
                line.push_str(": ");
                flow(line, value, depth + 1)?;
            }
            line.push_str(" }");
        }
        Value::Array(items) => {
            line.push('[');
            for (at, value) in items.iter().enumerate() {
                line.push_str(if at > 0 { ", " } else { "" });
                flow(line, value, depth + 1)?;
            }
            line.push(']');
        }
        Value::String(text) if text.contains('\n') || text.len() > LINE_MAX => return None,
        Value::String(text) => line.push_str(&scalar(text, Place::Flow)),
        Value::Null | Value::Bool(_) | Value::Number(_) => line.push_str(&value.to_string()),
    }
    (line.len() <= LINE_MAX).then_some(())
}

/// A text in one line: bare where nobody can take it for anything else, else in quotation marks.
fn scalar(text: &str, place: Place) -> String {
    if is_bare(text, place) { text.to_owned() } else { quoted(text) }
}

fn is_bare(text: &str, place: Place) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '$' | '_' | '.'));
    let inside =
        |c: char| c.is_ascii_alphanumeric() || " /._-+:$~=;@()^*".contains(c) || (place == Place::Block && "{},".contains(c));
    let word = text.to_ascii_lowercase();
    let means_something = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&word.as_str());
    let is_number = text.replace('_', "").parse::<f64>().is_ok()
        || word.starts_with("0x")
        || word.starts_with("0o")
        || word.starts_with(".inf")
        || word.starts_with(".nan");
    first
        && !means_something
        && !is_number
        && text.chars().all(inside)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !(place == Place::Flow && text.contains(':'))
}

/// In quotation marks: single ones for a text with double ones in it, else double ones with JSON's escapes, which YAML shares, and
/// YAML's own for what it does not print.
fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) && text.chars().all(is_printable) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            _ if is_printable(c) => quoted.push(c),
            // Writing to a String cannot fail.
            _ if u32::from(c) <= 0xffff => _ = write!(quoted, "\\u{:04x}", u32::from(c)),
            _ => _ = write!(quoted, "\\U{:08x}", u32::from(c)),
        }
    }
    quoted.push('"');
    quoted
}

/// What YAML prints as it is (YAML 1.2.2, section 5.1), less what some take for the end of a line.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A text of several lines as a block, if it comes back from there as it was.
fn literal(text: &str, indent: usize) -> Option<String> {
    let (body, header) = match text.strip_suffix('\n') {
        Some(body) if !body.ends_with('\n') => (body, " |\n"),
        Some(_) => return None,
        None => (text, " |-\n"),
    };
    let sound = |c: char| c == '\n' || c == '\t' || is_printable(c);
    let first = body.lines().next()?;
    // A first line that begins with a space, or is empty, would decide the indentation.
    if first.trim().is_empty() || first.starts_with([' ', '\t']) || !body.chars().all(sound) {
        return None;
    }
    let mut block = header.to_owned();
    for line in body.split('\n') {
        if line.is_empty() {
            block.push('\n');
        } else {
            push_line(&mut block, indent, line);
        }
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::definition::document::Node;
    use proptest::prelude::*;
    use serde_json::json;

    fn written(value: &Value) -> String {
        let mut out = String::new();
        sections(&mut out, value.as_object().unwrap(), 0, &[("routes", "What answers.")]);
        out
    }

    #[test]
    fn short_things_stand_in_one_line_and_templates_in_blocks() {
        let value = json!({
            "stages": { "prod": {} },
            "routes": {
                "GET /orders/{id}": { "integration": { "lambda": "orders" } },
                "POST /x": { "integration": { "mock": {
                    "requests": { "application/json": "{\"statusCode\": 200}" },
                    "responses": [{ "status": 200, "templates": { "application/json": "{\n  \"a\": 1\n}\n" } }],
                } } },
            },
        });
        insta::assert_snapshot!(written(&value), @r##"
        stages:
          prod: {}
        # What answers.
        routes:
          GET /orders/{id}: { integration: { lambda: orders } }
          POST /x:
            integration:
              mock:
                requests: { application/json: '{"statusCode": 200}' }
                responses:
                  - status: 200
                    templates:
                      application/json: |
                        {
                          "a": 1
                        }
        "##);
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "\\PC{0,12}",
            "[ a-z:#{}\\[\\],\n\t'\"|>&*!%@-]{0,20}",
            any::<String>(),
            Just("true".to_owned()),
            Just("1.0".to_owned())
        ];
        let leaf = prop_oneof![
            text.clone().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null)
        ];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((text.clone(), inner), 0..5).prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in values()) {
            let whole = json!({ "it": value });
            let text = written(&whole);
            if !text.contains('\0') {
                let read = Node::parse(&text).unwrap_or_else(|why| panic!("{why:?}\n{text}"));
                prop_assert_eq!(read.json(), whole, "{}", text);
            }
        }
    }
}
