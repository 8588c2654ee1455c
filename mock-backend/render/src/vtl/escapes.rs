//! `$util`: the service's functions on texts.
//!
//! Owns their results. Refuses other names. Called by `methods`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::Problem;
use super::heap::Heap;
use super::json;
use super::value::Value;

/// What Java's `URLEncoder` encodes.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'*').remove(b'_');

/// Padding may be missing.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The result of `$util.name(argument)`; null of a null.
pub(super) fn call<'v>(heap: &mut Heap<'v>, name: &str, arguments: &[Value<'v>]) -> Result<Value<'v>, Problem> {
    let [argument] = arguments else { return Ok(Value::Null) };
    if argument.is_null() {
        return Ok(Value::Null);
    }
    if let ("parseJson", Value::List(_) | Value::Map(_)) = (name, argument) {
        return Ok(argument.clone());
    }
    let text = heap.shown(argument)?;
    heap.read(text.len())?;
    let made = match name {
        "escapeJavaScript" => escape_java_script(&text),
        "urlEncode" => utf8_percent_encode(&text, ENCODED).to_string().replace("%20", "+"),
        "urlDecode" => url_decode(&text)?,
        "base64Encode" => BASE64.encode(&*text),
        "base64Decode" => base64_decode(&text)?,
        "parseJson" => return json::parse_copied(&text, heap),
        _ => return Ok(Value::Null),
    };
    heap.text(made)
}

/// As Apache Commons Lang escapes for ECMAScript, with the `\'` that the service's documentation warns of, and `\/`.
fn escape_java_script(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\'' | '"' | '\\' | '/' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            ' '..='~' => escaped.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a String does not fail.
                    let _ = write!(escaped, "\\u{unit:04X}");
                }
            }
        }
    }
    escaped
}

fn url_decode(text: &str) -> Result<String, Problem> {
    let is_escape = |rest: &str| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !text.split('%').skip(1).all(is_escape) {
        return Err(Problem::Method { method: "urlDecode", what: "a % without two hexadecimal digits after it".to_owned() });
    }
    Ok(percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned())
}

fn base64_decode(text: &str) -> Result<String, Problem> {
    let bytes = BASE64.decode(text).map_err(|why| Problem::Method { method: "base64Decode", what: why.to_string() })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
