//! In which envelopes the lines of an access log come.
//!
//! Owns the shapes of exports (provider's documents: `CloudWatch` Logs API `FilterLogEvents`, `GetLogEvents` and `GetQueryResults`, export tasks to S3,
//! the console's export of Logs Insights). Refuses to know the variables of a line ([`super::line`]). One document is read whole, everything else
//! line by line.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use super::super::error::ImportError;
use super::super::format::unset_as_null;
use super::super::lines::{Line, Lines};
use super::line::{Found, Unusable};
use crate::measure::csv_line;
use crate::measure::join::Logged;

/// A document longer than this is not read: `CloudWatch` answers with 1 MB at a time, and whoever strings together more has lines.
const DOCUMENT_BYTES_MAX: usize = 512 << 20;

/// What an entry comes to.
pub(super) type Entry = Result<Logged, Unusable>;

/// The entries of a file, one after the other, each with its number.
pub(super) struct Entries {
    lines: Lines,
    shape: Shape,
    number: u64,
    /// Entries of one line, or of the document, that wait for their turn.
    waiting: VecDeque<(u64, Entry)>,
}

enum Shape {
    /// One entry a line, behind a time stamp or within an event or not.
    Lines,
    /// Comma-separated values with these titles.
    Table(Vec<String>),
    /// One document, or several one after the other.
    Document,
}

impl Entries {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let mut lines = Lines::open(path)?;
        let failed = |source| ImportError::Read { what: "read", path: path.to_owned(), source };
        let shape = lines.peek(1).map_err(failed)?.first().map_or(Shape::Lines, |first| Shape::of(first));
        Ok(Self { lines, shape, number: 0, waiting: VecDeque::new() })
    }

    /// The next entry and its number: of its line, or of its event in a document.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Entry)>> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                return Ok(Some(entry));
            }
            if matches!(self.shape, Shape::Document) {
                let document = self.rest()?;
                if document.is_empty() {
                    return Ok(None);
                }
                self.take_document(&document);
                continue;
            }
            let is_first = self.number == 0;
            let Some(line) = self.lines.next(is_first)? else { return Ok(None) };
            self.number += 1;
            match line {
                Line::Whole(line) | Line::WithNul(line) if line.trim_ascii().is_empty() => {}
                Line::Whole(line) | Line::WithNul(line) => match &self.shape {
                    Shape::Table(_) if is_first => {}
                    Shape::Table(titles) => self.waiting.push_back((self.number, of_table(titles, line))),
                    Shape::Lines | Shape::Document => {
                        self.waiting.extend(of_line(line).into_iter().map(|entry| (self.number, entry)));
                    }
                },
                Line::TooLong(_) => self.waiting.push_back((self.number, Err(Unusable::TooLong))),
            }
        }
    }

    pub(super) fn broke_off(&self) -> Option<String> {
        self.lines.broke_off().map(ToString::to_string)
    }

    /// All that is left, as one text.
    fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut first = true;
        while let Some(line) = self.lines.next(first)? {
            first = false;
            let (Line::Whole(line) | Line::WithNul(line) | Line::TooLong(line)) = line;
            text.extend_from_slice(line);
            text.push(b'\n');
            if text.len() > DOCUMENT_BYTES_MAX {
                let why = "it is one document of more than 512 MB; write one event a line, e.g. with jq -c '.events[]'";
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
        Ok(text)
    }

    fn take_document(&mut self, text: &[u8]) {
        let mut entries = Vec::new();
        for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
            let Ok(value) = value else {
                // It only began like one: lines of which the first is broken.
                let lines = (1..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty());
                self.waiting.extend(lines.flat_map(|(number, line)| of_line(line).into_iter().map(move |entry| (number, entry))));
                return;
            };
            entries_of(&value, &mut entries);
        }
        self.waiting.extend((1..).zip(entries));
    }
}

impl Shape {
    fn of(first: &[u8]) -> Self {
        if let Some(titles) = std::str::from_utf8(first).ok().and_then(titles) {
            return Self::Table(titles);
        }
        let begins = first.trim_ascii_start().first();
        let is_open = matches!(begins, Some(b'{' | b'[')) && object_in(first).is_none();
        if is_open { Self::Document } else { Self::Lines }
    }
}

/// The titles of a table: what Logs Insights exports has the message, or the variables themselves.
fn titles(line: &str) -> Option<Vec<String>> {
    let titles: Vec<String> = csv_line::split(line.trim())?.into_iter().map(|title| title.trim().to_owned()).collect();
    let is_title = |title: &String| {
        let plain = title.trim_start_matches("$context.").replace(['_', '.'], "").to_ascii_lowercase();
        plain == "@message" || plain == "requestid" || plain == "extendedrequestid"
    };
    titles.iter().any(is_title).then_some(titles)
}

fn of_table(titles: &[String], line: &[u8]) -> Entry {
    let line = std::str::from_utf8(line).map_err(|_| Unusable::Shape)?;
    let values = csv_line::split(line).ok_or(Unusable::Shape)?;
    let mut found = Found::default();
    for (title, value) in titles.iter().zip(&values) {
        if title == "@message" {
            let object = object_in(value.as_bytes()).ok_or(Unusable::Shape)?;
            found.put_object(&object);
        } else {
            found.put(title, value);
        }
    }
    found.finish()
}

/// The entries of a line: one, or those of an envelope that stands in one line.
fn of_line(line: &[u8]) -> Vec<Entry> {
    let Some(object) = object_in(line) else { return vec![Err(Unusable::Shape)] };
    let mut entries = Vec::new();
    entries_of(&Value::Object(object), &mut entries);
    entries
}

/// The entries of a document, or of a part of it.
fn entries_of(value: &Value, entries: &mut Vec<Entry>) {
    match value {
        Value::Array(list) if list.iter().any(|item| item.get("field").is_some()) => entries.push(of_result(list)),
        Value::Array(list) => list.iter().for_each(|item| entries_of(item, entries)),
        Value::Object(object) => {
            let list = ["events", "logEvents", "results"].into_iter().find_map(|name| object.get(name)?.as_array());
            match (list, object.get("message").or(object.get("@message"))) {
                (Some(list), _) => list.iter().for_each(|item| entries_of(item, entries)),
                (None, Some(Value::String(message))) => entries.push(of_message(message)),
                (None, Some(Value::Object(message))) => entries.push(of_object(message)),
                (None, _) => entries.push(of_object(object)),
            }
        }
        Value::String(message) => entries.push(of_message(message)),
        Value::Null | Value::Bool(_) | Value::Number(_) => entries.push(Err(Unusable::Shape)),
    }
}

/// A result of Logs Insights: `[{"field": "@message", "value": "..."}, ...]`.
fn of_result(list: &[Value]) -> Entry {
    let mut found = Found::default();
    for item in list {
        let text = |key: &str| item.get(key).and_then(Value::as_str);
        let (Some(field), Some(value)) = (text("field"), text("value")) else { continue };
        match field {
            "@message" => found.put_object(&object_in(value.as_bytes()).ok_or(Unusable::Shape)?),
            field => found.put(field, value),
        }
    }
    found.finish()
}

fn of_message(message: &str) -> Entry {
    object_in(message.as_bytes()).map_or(Err(Unusable::Shape), |object| of_object(&object))
}

fn of_object(object: &Map<String, Value>) -> Entry {
    let mut found = Found::default();
    found.put_object(object);
    found.finish()
}

/// The one JSON object of a line, whatever stands before it; `-` without quotes is nothing.
fn object_in(line: &[u8]) -> Option<Map<String, Value>> {
    let text = line[memchr::memchr(b'{', line)?..].trim_ascii_end();
    serde_json::from_slice(text).or_else(|_| serde_json::from_slice(&unset_as_null(text))).ok()
}
