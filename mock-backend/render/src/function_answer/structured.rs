//! A result with the keys of an answer: `statusCode`, `headers`, `multiValueHeaders`, `cookies`, `body`, `isBase64Encoded`.
//!
//! Owns how each key is read. Refuses to choose what a result without them means. Called by [`proxied`](super::proxied).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use super::headers::{Headers, http_name, rest_name};
use super::{FunctionFault, Malformed};
use crate::answer::Answer;
use crate::mapping::JSON;

type Given = Map<String, Value>;

/// Any other key makes a result of a REST API malformed (recorded).
const REST_KEYS: [&str; 5] = ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"];

/// The content type of an HTTP API's answer that names none. Of format 2.0 it was seen; of 1.0 the provider's own Lambda test tool
/// has it (aws/aws-lambda-dotnet, 2024).
const TEXT: &str = "text/plain; charset=utf-8";

/// Of a REST API. A result without a status is 200 (recorded of one that has headers alone). A body in base64 is decoded only for
/// a client that accepts bytes. A single value comes after those of a list, spelled as they are (recorded).
pub(super) fn rest(given: &Given, accepts_bytes: bool) -> Result<Answer, FunctionFault> {
    if given.keys().any(|key| !REST_KEYS.contains(&key.as_str())) {
        return Err(Malformed::UnknownKey.into());
    }
    let status = status(given)?.unwrap_or(200);
    let mut headers = Headers::new(rest_name);
    headers.add_lists(given.get("multiValueHeaders"))?;
    headers.add_single(given.get("headers"))?;
    let body = body(given, if accepts_bytes { Base64::Decoded } else { Base64::Kept })?;
    Ok(headers.answer(status, JSON, body))
}

/// The head of what a REST API streams: its own keys, and `cookies` (developer guide, "Set up a Lambda proxy integration with payload
/// response streaming", 2026). The body comes behind it as it is. What the gateway does with other keys is unconfirmed: here they
/// mean nothing, as runtimes pass on what they are given.
pub(super) fn head(given: &Given) -> Result<Answer, FunctionFault> {
    let status = status(given)?.unwrap_or(200);
    let mut headers = Headers::new(rest_name);
    headers.add_lists(given.get("multiValueHeaders"))?;
    headers.add_single(given.get("headers"))?;
    headers.add_cookies(given.get("cookies"))?;
    Ok(headers.answer(status, JSON, Bytes::new()))
}

/// Of an HTTP API in format 1.0. A single value comes before those of a list (snapshots of aws/aws-lambda-dotnet, 2025).
pub(super) fn http1(given: &Given) -> Result<Answer, FunctionFault> {
    let status = status(given)?.ok_or(Malformed::Status)?;
    let mut headers = Headers::new(http_name);
    headers.add_single(given.get("headers"))?;
    headers.add_lists(given.get("multiValueHeaders"))?;
    Ok(headers.answer(status, TEXT, body(given, Base64::Decoded)?))
}

/// Of an HTTP API in format 2.0, which knows no `multiValueHeaders` and sets each cookie with a header of its own.
pub(super) fn http2(given: &Given) -> Result<Answer, FunctionFault> {
    let status = status(given)?.ok_or(Malformed::Status)?;
    let mut headers = Headers::new(http_name);
    headers.add_single(given.get("headers"))?;
    headers.add_cookies(given.get("cookies"))?;
    Ok(headers.answer(status, TEXT, body(given, Base64::Decoded)?))
}

/// A whole number, or a text that is one. None of an answer that can be sent has fewer or more than three digits.
fn status(given: &Given) -> Result<Option<u16>, Malformed> {
    let number = match given.get("statusCode") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
    };
    match number {
        Some(status @ 100..=999) => Ok(Some(status as u16)),
        Some(_) | None => Err(Malformed::Status),
    }
}

/// What becomes of a body that is said to be base64.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base64 {
    Decoded,
    Kept,
}

/// Text, or nothing. That a number or a truth value is taken for its text, as in a header, is unconfirmed.
fn body(given: &Given, base64: Base64) -> Result<Bytes, FunctionFault> {
    let text = match given.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(plain @ (Value::Number(_) | Value::Bool(_))) => plain.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => return Err(Malformed::Body.into()),
    };
    if is_base64(given)? && base64 == Base64::Decoded {
        return STANDARD.decode(&text).map(Bytes::from).map_err(|_| FunctionFault::Undecodable);
    }
    Ok(text.into())
}

fn is_base64(given: &Given) -> Result<bool, Malformed> {
    match given.get("isBase64Encoded") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(is)) => Ok(*is),
        Some(Value::String(text)) => text.parse().map_err(|_| Malformed::Body),
        Some(Value::Number(_) | Value::Array(_) | Value::Object(_)) => Err(Malformed::Body),
    }
}
