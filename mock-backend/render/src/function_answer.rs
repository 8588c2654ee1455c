//! What a function's result becomes: an answer, or a fault for the policy to judge.
//!
//! Owns the table of what each payload format makes of a result. Refuses to invoke, and to choose a refusal's status and body (the
//! policy and [`refusal`](crate::refusal) do). Called once a real function has returned.
//!
//! Source: facts, section 5.4 (developer guide, "Handle Lambda errors" and "Create Lambda proxy integrations for HTTP APIs", 2026;
//! answers recorded of the real service).

mod headers;
mod structured;

use serde_json::Value;

use crate::answer::Answer;
use crate::event::PayloadFormat;
use crate::mapping::JSON;
use crate::media::BinaryMedia;

/// How a function came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned<'r> {
    /// With this result.
    Value(&'r [u8]),
    /// It streams, and this is the head of it: what stands before the eight zero bytes (REST APIs).
    Head(&'r [u8]),
    /// It raised, exited or ran into its own time limit; this describes the error (`errorMessage`, `errorType`).
    Error(&'r [u8]),
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FunctionFault {
    /// The function failed: 502 of a REST API, 500 of an HTTP API.
    #[error("the function failed")]
    Failed,
    /// Its result is no answer: 502 of a REST API, 500 of an HTTP API.
    #[error("the function's result is no answer: {0}")]
    Malformed(Malformed),
    /// Its body is said to be base64 and is not: 500. A REST API takes that for a configuration error, as every conversion that fails
    /// (developer guide, "Content type conversions in API Gateway", 2023). What an HTTP API answers is UNCONFIRMED: here it is a result
    /// that is no answer.
    #[error("the body of the function's answer is not base64")]
    Undecodable,
}

/// What is wrong with a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON.
    #[error("it is not JSON")]
    NotJson,
    /// It is no object, or has no `statusCode` where one is needed.
    #[error("it is no object with a statusCode")]
    Shape,
    /// It has a key that a REST API does not know.
    #[error("it has an unknown key")]
    UnknownKey,
    /// `statusCode` is no status.
    #[error("its statusCode is not a status")]
    Status,
    /// `headers` is not an object of plain values.
    #[error("its headers are not an object of plain values")]
    Headers,
    /// `multiValueHeaders` is not an object of lists of plain values.
    #[error("its multiValueHeaders are not an object of lists")]
    MultiValueHeaders,
    /// `cookies` is not a list of texts.
    #[error("its cookies are not a list of texts")]
    Cookies,
    /// `body` is neither text nor null, or `isBase64Encoded` neither true nor false.
    #[error("its body is not text")]
    Body,
}

impl From<Malformed> for FunctionFault {
    fn from(why: Malformed) -> Self {
        Self::Malformed(why)
    }
}

/// The answer that a function's result is, in `format`, for a client with this `Accept`. `binary` concerns REST APIs alone.
pub fn proxied(
    format: PayloadFormat,
    returned: Returned<'_>,
    accept: Option<&str>,
    binary: &BinaryMedia,
) -> Result<Answer, FunctionFault> {
    let bytes = match returned {
        Returned::Value(bytes) => bytes,
        Returned::Head(head) => {
            return match serde_json::from_slice(head) {
                Ok(Value::Object(given)) => structured::head(&given),
                Ok(_) => Err(Malformed::Shape.into()),
                Err(_) => Err(Malformed::NotJson.into()),
            };
        }
        Returned::Error(_) => return Err(FunctionFault::Failed),
    };
    let value = serde_json::from_slice(bytes);
    match (format, value) {
        (PayloadFormat::Rest | PayloadFormat::WebSocket, Ok(Value::Object(given))) => {
            structured::rest(&given, binary.accepts(accept))
        }
        (PayloadFormat::Http1, Ok(Value::Object(given))) if given.contains_key("statusCode") => structured::http1(&given),
        (PayloadFormat::Http2, Ok(Value::Object(given))) if given.contains_key("statusCode") => structured::http2(&given),
        (PayloadFormat::Http2, Ok(Value::String(body))) => Ok(inferred(body.into_bytes())),
        (PayloadFormat::Http2, Ok(_) | Err(_)) => Ok(inferred(bytes.to_vec())),
        (PayloadFormat::Rest | PayloadFormat::WebSocket | PayloadFormat::Http1, Ok(_)) => Err(Malformed::Shape.into()),
        (PayloadFormat::Rest | PayloadFormat::WebSocket | PayloadFormat::Http1, Err(_)) => Err(Malformed::NotJson.into()),
    }
}

/// Format 2.0 takes a result without a status for the body, as it is, whether or not it is JSON; of a text that is JSON it takes
/// what is between the quotes. Source: tests of aws/aws-lambda-dotnet's Lambda test tool against the live service, 2024. That
/// nothing at all is an empty body is what that tool makes of it.
fn inferred(body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(200, body);
    answer.push("Content-Type", JSON);
    answer
}

/// What a function says that failed: the text that integration responses are chosen by. A function that did not fail says
/// nothing, which no pattern fits that asks for a character (recorded).
pub(crate) fn error_message(returned: Returned<'_>) -> String {
    let Returned::Error(bytes) = returned else { return String::new() };
    match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(error)) => error.get("errorMessage").and_then(Value::as_str).unwrap_or("").to_owned(),
        Ok(_) | Err(_) => String::new(),
    }
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
