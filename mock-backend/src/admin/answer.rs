//! What is said to whoever asks.
//!
//! Owns status, media type and the shape of errors. Refuses to know what is asked.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::metrics;

/// An answer, before it is bytes.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// It went well.
    Json(Value),
    /// The metrics.
    Metrics(String),
    /// It did not; with the status, and what to do about it.
    Error {
        /// Status.
        status: u16,
        /// What and what next.
        message: String,
        /// The methods that would do, for a 405.
        allow: Option<&'static str>,
    },
}

impl Said {
    /// An error.
    pub(super) fn error(status: u16, message: impl Into<String>) -> Self {
        Self::Error { status, message: message.into(), allow: None }
    }

    /// Another method would do.
    pub(super) fn not_so(allow: &'static str) -> Self {
        Self::Error { status: 405, message: format!("this method is not for this path; use {allow}"), allow: Some(allow) }
    }

    /// As bytes.
    pub(super) fn into_response(self) -> Response<Full<Bytes>> {
        let (status, media_type, allow, body) = match self {
            Self::Json(value) => (200, "application/json", None, format!("{value}\n")),
            Self::Metrics(text) => (200, metrics::CONTENT_TYPE, None, text),
            Self::Error { status, message, allow } => {
                (status, "application/json", allow, format!("{}\n", json!({ "error": message })))
            }
        };
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Some(allow) = allow {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
