//! Results that functions stream, for integrations that take them whole.
//!
//! Owns the prelude of a stream and the error in its trailers. Refuses to read from a socket (`runtime_api` does).
//!
//! Source: the bytes of `lambda_runtime` 1.5 and of `awslambdaric` 4.2; Lambda developer guide, "Using the Lambda runtime API for
//! custom runtimes", 2026. What the real service makes of a stream with a prelude that is not asked for as a stream is unconfirmed:
//! here it is the answer that it describes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::{Map, Value};

/// The content type of a stream that begins with status and headers.
pub(super) const PRELUDE: &str = "application/vnd.awslambda.http-integration-response";

/// The error that a runtime tells behind a stream; `None` if all went well.
pub(super) fn error(trailers: &HeaderMap) -> Option<Bytes> {
    let kind = trailers.get("lambda-runtime-function-error-type")?;
    let body = trailers.get("lambda-runtime-function-error-body").and_then(|body| STANDARD.decode(body.as_bytes()).ok());
    let kind = || serde_json::json!({ "errorType": String::from_utf8_lossy(kind.as_bytes()), "errorMessage": "" });
    Some(body.map_or_else(|| kind().to_string().into(), Bytes::from))
}

/// A stream with a prelude as the result that says the same: eight zeros stand between head and body. `None` if it is no such stream.
pub(super) fn whole(stream: &Bytes) -> Option<Bytes> {
    let zeros = stream.windows(8).position(|eight| eight == [0; 8])?;
    let mut head: Map<String, Value> = serde_json::from_slice(&stream[..zeros]).ok()?;
    // A REST API knows no cookies, and takes none for an unknown key.
    if head.get("cookies").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        head.remove("cookies");
    }
    let body = &stream[zeros + 8..];
    let (text, is_base64) = match str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(body), true),
    };
    head.insert("body".to_owned(), text.into());
    head.insert("isBase64Encoded".to_owned(), is_base64.into());
    Some(Value::Object(head).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_with_a_prelude_is_the_answer_that_it_describes() {
        let stream = b"{\"statusCode\":201,\"cookies\":[]}\0\0\0\0\0\0\0\0part1-part2";
        let whole = whole(&Bytes::from_static(stream)).unwrap();
        assert_eq!(whole, r#"{"statusCode":201,"body":"part1-part2","isBase64Encoded":false}"#);
        assert_eq!(super::whole(&Bytes::from_static(b"no stream")), None);
    }

    #[test]
    fn an_error_behind_a_stream_is_told_in_base64() {
        let mut trailers = HeaderMap::new();
        assert_eq!(error(&trailers), None);
        trailers.insert("lambda-runtime-function-error-type", "unhandled".parse().unwrap());
        assert_eq!(error(&trailers).unwrap(), r#"{"errorType":"unhandled","errorMessage":""}"#);
        trailers.insert("lambda-runtime-function-error-body", STANDARD.encode("{}").parse().unwrap());
        assert_eq!(error(&trailers).unwrap(), "{}");
    }
}
