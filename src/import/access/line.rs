//! The variables of one line of an access log.
//!
//! Owns the names under which they are found: as API Gateway calls them, however a format spells them (`integrationLatency`,
//! `integration.latency`, `integration_latency`). Refuses envelopes ([`super::shape`]).

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::measure::join::Logged;

/// Deeper objects than this are not looked into.
const DEPTH_MAX: usize = 8;
/// A latency above this is none, in milliseconds: a day.
const LATENCY_MAX_MS: u64 = 86_400_000;

/// Why a line cannot be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unusable {
    /// Not JSON, or not of the table's shape.
    Shape,
    /// No id.
    NoId,
    /// No latency at all.
    NoLatency,
    /// Something that must be a whole number is none.
    Number(Variable),
    /// A line longer than any may be.
    TooLong,
}

/// What is read of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Variable {
    RequestId,
    ExtendedRequestId,
    Epoch,
    Status,
    ResponseLatency,
    IntegrationLatency,
    AuthorizerLatency,
    IntegrationStatus,
}

impl Variable {
    /// By its name without dots, lines and capitals.
    ///
    /// `$context.integrationStatus` is not among them: the documents contradict each other on what it is for functions.
    fn named(name: &str) -> Option<Self> {
        let plain: String = name.strip_prefix("$context.").unwrap_or(name).chars().filter(char::is_ascii_alphanumeric).collect();
        Some(match plain.to_ascii_lowercase().as_str() {
            "requestid" => Self::RequestId,
            "extendedrequestid" => Self::ExtendedRequestId,
            "requesttimeepoch" => Self::Epoch,
            "status" => Self::Status,
            "responselatency" => Self::ResponseLatency,
            "integrationlatency" => Self::IntegrationLatency,
            "authorizerlatency" | "authorizerintegrationlatency" => Self::AuthorizerLatency,
            _ if name.ends_with("integration.status") || name == "functionResponseStatus" => Self::IntegrationStatus,
            _ => return None,
        })
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::RequestId => "requestId",
            Self::ExtendedRequestId => "extendedRequestId",
            Self::Epoch => "requestTimeEpoch",
            Self::Status => "status",
            Self::ResponseLatency => "responseLatency",
            Self::IntegrationLatency => "integrationLatency",
            Self::AuthorizerLatency => "authorizer.latency",
            Self::IntegrationStatus => "integration.status",
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape => f.write_str("it is no JSON object, and none in an envelope that is known"),
            Self::NoId => f.write_str("it has no requestId; add \"requestId\":\"$context.requestId\" to the stage's log format"),
            Self::NoLatency => f.write_str(
                "it has no latency; add \"responseLatency\":\"$context.responseLatency\", \
                 \"integrationLatency\":\"$context.integrationLatency\" and \"authorizerLatency\":\"$context.authorizer.latency\" to the \
                 stage's log format",
            ),
            Self::Number(variable) => write!(f, "its {} is no whole number", variable.as_str()),
            Self::TooLong => f.write_str("it is longer than any line of such a log may be"),
        }
    }
}

/// What is found while a line is walked through.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    logged: Logged,
    extended: Option<String>,
    wrong: Option<Variable>,
}

impl Found {
    /// A value under a name, which may mean nothing here.
    pub(super) fn put(&mut self, name: &str, text: &str) {
        let Some(variable) = Variable::named(name) else { return };
        let text = text.trim();
        // An unset variable (facts of the provider: `-`).
        if text.is_empty() || text == "-" {
            return;
        }
        let number = || text.parse::<u64>().ok();
        let latency = || number().filter(|ms| *ms <= LATENCY_MAX_MS);
        let status = || number().and_then(|n| u16::try_from(n).ok());
        let Logged { id, epoch_ms, status: answered, response_ms, integration_ms, authorizer_ms, integration_status } =
            &mut self.logged;
        let read = match variable {
            Variable::RequestId => {
                text.clone_into(id);
                true
            }
            Variable::ExtendedRequestId => {
                self.extended = Some(text.to_owned());
                true
            }
            Variable::Epoch => keep(epoch_ms, number()),
            Variable::Status => keep(answered, status()),
            Variable::ResponseLatency => keep(response_ms, latency()),
            Variable::IntegrationLatency => keep(integration_ms, latency()),
            Variable::AuthorizerLatency => keep(authorizer_ms, latency()),
            Variable::IntegrationStatus => keep(integration_status, status()),
        };
        if !read {
            self.wrong.get_or_insert(variable);
        }
    }

    /// The members of an object, those of objects within by dotted names.
    pub(super) fn put_object(&mut self, object: &serde_json::Map<String, Value>) {
        self.put_below("", object, 0);
    }

    fn put_below(&mut self, prefix: &str, object: &serde_json::Map<String, Value>, depth: usize) {
        for (key, value) in object {
            let name = if prefix.is_empty() { Cow::Borrowed(key) } else { Cow::Owned(format!("{prefix}.{key}")) };
            match value {
                Value::String(text) => self.put(&name, text),
                Value::Number(number) => self.put(&name, &number.to_string()),
                Value::Object(inner) if depth < DEPTH_MAX => self.put_below(&name, inner, depth + 1),
                Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Null => {}
            }
        }
    }

    /// The line, if it can be joined.
    pub(super) fn finish(mut self) -> Result<Logged, Unusable> {
        if let Some(variable) = self.wrong {
            return Err(Unusable::Number(variable));
        }
        if self.logged.id.is_empty() {
            self.logged.id = self.extended.ok_or(Unusable::NoId)?;
        }
        let Logged { response_ms, integration_ms, authorizer_ms, .. } = &self.logged;
        if response_ms.or(*integration_ms).or(*authorizer_ms).is_none() {
            return Err(Unusable::NoLatency);
        }
        Ok(self.logged)
    }
}

/// The first of several variables that mean the same wins; false if it cannot be read.
fn keep<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let read = value.is_some();
    if place.is_none() {
        *place = value;
    }
    read
}
