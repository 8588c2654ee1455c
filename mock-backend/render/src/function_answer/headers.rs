//! The headers of a function's answer on their way to the client.
//!
//! Owns how values are written, how several of one name are merged, and which names are renamed or dropped. Refuses to know which
//! key they stood in, but for how it is read.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::Value;

use super::Malformed;
use crate::answer::Answer;

/// What a REST API shows under another name (facts, section 1.2: developer guide, "Known issues", 2026, and recorded answers). The
/// gateway writes a `Date` of its own.
const REMAPPED: [&str; 8] =
    ["authorization", "connection", "content-md5", "date", "max-forwards", "server", "user-agent", "www-authenticate"];
/// What a REST API drops (same sources). The length is written anew.
const DROPPED: [&str; 9] =
    ["content-length", "expect", "host", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "via"];
/// What an HTTP API writes itself or keeps for its connection (RFC 9110, section 7.6.1). No list of it is documented.
const OF_A_CONNECTION: [&str; 9] =
    ["connection", "content-length", "date", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// Under which name a header goes to the client; `None` if it does not.
pub(super) type Renaming = fn(&str) -> Option<Cow<'_, str>>;

/// As a REST API does it.
pub(super) fn rest_name(name: &str) -> Option<Cow<'_, str>> {
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    if DROPPED.iter().any(is) {
        return None;
    }
    if REMAPPED.iter().any(is) {
        return Some(format!("x-amzn-Remapped-{name}").into());
    }
    // Recorded in lower case, whatever the back end's spelling.
    if is(&"x-amzn-requestid") { Some("x-amzn-remapped-x-amzn-requestid".into()) } else { Some(name.into()) }
}

/// As an HTTP API does it.
pub(super) fn http_name(name: &str) -> Option<Cow<'_, str>> {
    let dropped = OF_A_CONNECTION.iter().any(|known| name.eq_ignore_ascii_case(known));
    (!dropped).then_some(name.into())
}

/// Headers by name, each with all of its values.
pub(super) struct Headers {
    renaming: Renaming,
    fields: Vec<(String, String)>,
}

impl Headers {
    pub(super) const fn new(renaming: Renaming) -> Self {
        Self { renaming, fields: Vec::new() }
    }

    /// `multiValueHeaders`: lists of plain values.
    pub(super) fn add_lists(&mut self, given: Option<&Value>) -> Result<(), Malformed> {
        let lists = match given {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Object(lists)) => lists,
            Some(_) => return Err(Malformed::MultiValueHeaders),
        };
        for (name, values) in lists {
            for value in values.as_array().ok_or(Malformed::MultiValueHeaders)? {
                self.merge(name, plain(value).ok_or(Malformed::MultiValueHeaders)?);
            }
        }
        Ok(())
    }

    /// `headers`: plain values.
    pub(super) fn add_single(&mut self, given: Option<&Value>) -> Result<(), Malformed> {
        let singles = match given {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Object(singles)) => singles,
            Some(_) => return Err(Malformed::Headers),
        };
        for (name, value) in singles {
            self.merge(name, plain(value).ok_or(Malformed::Headers)?);
        }
        Ok(())
    }

    /// A value goes behind the others of its name, spelled as they are.
    fn merge(&mut self, name: &str, value: String) {
        match self.fields.iter().rposition(|(given, _)| given.eq_ignore_ascii_case(name)) {
            Some(last) => {
                let spelled = self.fields[last].0.clone();
                self.fields.insert(last + 1, (spelled, value));
            }
            None => self.fields.push((name.to_owned(), value)),
        }
    }

    /// `cookies`: texts.
    pub(super) fn add_cookies(&mut self, given: Option<&Value>) -> Result<(), Malformed> {
        let cookies = match given {
            None | Some(Value::Null) => return Ok(()),
            Some(given) => given.as_array().ok_or(Malformed::Cookies)?,
        };
        for cookie in cookies {
            self.fields.push(("Set-Cookie".to_owned(), cookie.as_str().ok_or(Malformed::Cookies)?.to_owned()));
        }
        Ok(())
    }

    /// The answer with these headers; `content_type` is the one of an answer that names none.
    pub(super) fn answer(self, status: u16, content_type: &'static str, body: Bytes) -> Answer {
        let mut answer = Answer::new(status, body);
        if !self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            answer.push("Content-Type", content_type);
        }
        for (name, value) in &self.fields {
            if let Some(name) = (self.renaming)(name) {
                answer.push_made(&name, value);
            }
        }
        answer
    }
}

/// A value as a header shows it: `true` and `1` as they are written (recorded of truth values). That null is empty is unconfirmed.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}
