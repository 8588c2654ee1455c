//! What is said over a WebSocket connection, and of one.
//!
//! Owns the route that a message selects, the words of the gateway's own frames, the answer to a handshake and the answers of
//! `@connections`. Refuses frames and masks (the mock's connections) and events for functions (`event`). Called by the mock.
//!
//! Sources: developer guide, "WebSocket selection expressions in API Gateway" and "Use @connections commands in your backend service",
//! 2023; the frames as they were seen by third parties (facts, section 5.6).

use serde_json::{Map, Value, json};
use sluicegate_policy::call::{Purpose, Reason};
use sluicegate_policy::time::Span;

use crate::answer::Answer;

/// A connection, as whoever is asked on its behalf is told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// `$context.connectionId`.
    pub id: Box<str>,
    /// When it was opened, since 1970; during the handshake, when the client asked for it.
    pub connected: Span,
    /// What the authorizer of `$connect` said, as events show it; `None` without one.
    pub authorizer: Option<Box<Map<String, Value>>>,
}

/// What a call has to do with a connection.
#[derive(Clone, Copy, Debug)]
pub struct Linked<'a> {
    /// The connection; of a callback nobody tells.
    pub link: Option<&'a Link>,
    /// What the call is for.
    pub purpose: Purpose,
    /// With which code and words the connection ended, of the news that it did.
    pub ended: Option<(u16, &'a str)>,
}

/// What a message selects: the value at this place of it, if the message is JSON; a text as it is, what is no text as JSON has it. What is not
/// there is an empty text.
pub fn selected(message: &[u8], path: &[String]) -> Option<String> {
    let message: Value = serde_json::from_slice(message).ok()?;
    let found = path.iter().try_fold(&message, |value, key| value.get(key));
    Some(match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => value.to_string(),
    })
}

/// The words of `disconnectReason` for a client's code, as events were seen to have them (facts, section 5.5).
pub const fn disconnect_reason(code: u16) -> &'static str {
    match code {
        1000 => "Connection Closed Normally",
        1001 => "Going away",
        1005 => "Client-side close frame status not set",
        _ => "",
    }
}

/// What the gateway tells the client of a message that came to nothing, with the ids of connection and request; the connection stays open,
/// unless the reason is one for which it is closed.
pub fn error_frame(reason: Reason, connection: &str, request: &str) -> String {
    let message = match reason {
        Reason::NoStage | Reason::NoRoute | Reason::Gone => "Forbidden",
        Reason::IntegrationTimeout => "Endpoint request timed out",
        Reason::Throttled(_) => "Too Many Requests",
        Reason::Invalid(_) => {
            return format!(r#"{{"message": "Bad request body", "connectionId":"{connection}", "messageId":"{request}"}}"#);
        }
        Reason::Served
        | Reason::Preflight
        | Reason::Unauthorized(_)
        | Reason::InsufficientScope
        | Reason::SignatureRefused(_)
        | Reason::AccessDenied(_)
        | Reason::PolicyDenied(_)
        | Reason::AuthorizerFailed
        | Reason::AuthorizerMisconfigured
        | Reason::UrlTooLong
        | Reason::HeadersTooLarge
        | Reason::PayloadTooLarge
        | Reason::KeyRefused
        | Reason::QuotaExceeded
        | Reason::InvalidationRefused
        | Reason::UnsupportedMediaType
        | Reason::Misconfigured
        | Reason::FunctionThrottled(..)
        | Reason::FunctionFailed(_)
        | Reason::FunctionMalformed(_)
        | Reason::CapacityExhausted(_)
        | Reason::IntegrationUnreachable
        | Reason::Binary
        | Reason::Unread => "Internal server error",
    };
    format!(r#"{{"message": "{message}", "connectionId":"{connection}", "requestId":"{request}"}}"#)
}

/// What `GET @connections/{id}` says of a connection.
pub fn told_of(connected: &str, active: &str, source: &str, user_agent: Option<&str>) -> Answer {
    let identity = json!({ "sourceIp": source, "userAgent": user_agent });
    let body = json!({ "connectedAt": connected, "identity": identity, "lastActiveAt": active }).to_string();
    let mut answer = Answer::new(200, body);
    answer.push("Content-Type", "application/json");
    answer
}

/// The name of an error of `@connections` and what it says; `None` of one that every REST API words alike. Source: service model
/// `apigatewaymanagementapi` (2018-11-29). That one that is gone is told without a message is what clients print of it.
pub(crate) const fn of_callback(reason: Reason) -> Option<(&'static str, &'static str)> {
    match reason {
        Reason::Gone => Some(("GoneException", r#"{"message":null}"#)),
        Reason::PayloadTooLarge => Some(("PayloadTooLargeException", r#"{"message":"Message payload is too large"}"#)),
        Reason::Throttled(_) | Reason::Unread => Some(("LimitExceededException", r#"{"message":"Too Many Requests"}"#)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(message: &str, path: &[&str]) -> Option<String> {
        let path: Vec<_> = path.iter().map(|key| (*key).to_owned()).collect();
        selected(message.as_bytes(), &path)
    }

    #[test]
    fn a_message_selects_what_it_has_at_the_place() {
        assert_eq!(select(r#"{"action":"send","x":1}"#, &["action"]).as_deref(), Some("send"));
        assert_eq!(select(r#"{"detail":{"kind":"a b"}}"#, &["detail", "kind"]).as_deref(), Some("a b"));
        assert_eq!(select(r#"{"action":7}"#, &["action"]).as_deref(), Some("7"));
    }

    #[test]
    fn what_is_not_there_is_an_empty_text_and_what_is_no_json_is_nothing() {
        for message in [r#"{"other":"send"}"#, "[]", "7", r#"{"action":null}"#] {
            assert_eq!(select(message, &["action"]).as_deref(), Some(""), "{message}");
        }
        for message in ["", "send", "{", "\u{0}"] {
            assert_eq!(select(message, &["action"]), None, "{message}");
        }
    }

    #[test]
    fn frames_of_the_gateway_have_the_keys_that_were_seen() {
        for reason in [Reason::NoRoute, Reason::Misconfigured, Reason::IntegrationTimeout] {
            let frame: Value = serde_json::from_str(&error_frame(reason, "abc=", "def=")).unwrap();
            assert_eq!((&frame["connectionId"], &frame["requestId"]), (&json!("abc="), &json!("def=")), "{reason:?}");
        }
        assert_eq!(error_frame(Reason::NoRoute, "a", "b"), r#"{"message": "Forbidden", "connectionId":"a", "requestId":"b"}"#);
    }
}
