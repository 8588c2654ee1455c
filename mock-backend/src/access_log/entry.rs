//! What the variables of an access log hold for one answer.
//!
//! Owns the list of `$context` variables and where each value comes from. Refuses layout; that is `format`.
//!
//! Source: facts, section 10.2. Text is escaped as in a JSON string, so that a line stays a line and a quoted value stays
//! quoted whatever a client sends. The documents contradict each other on `integrationStatus` of a Lambda: here it is what the
//! Lambda service answered, and `integration.status` what the function returned.

use std::io::Write;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::fmt::strtime;
use sluicegate_policy::call::{Reason, Reply};
use sluicegate_policy::model::{ApiKind, Integration, Model};
use sluicegate_policy::time::Span;
use sluicegate_render::ids::CallIds;
use sluicegate_render::refusal::{Refusal, refusal};

/// The account that all mock gateways belong to: the placeholder of the provider's own examples, nobody's account.
const ACCOUNT_ID: &str = "123456789012";

/// What the log says of the API itself.
#[derive(Debug)]
pub(crate) struct Naming {
    api: ApiKind,
    api_id: String,
    domain: String,
    stages: Vec<String>,
    routes: Vec<RouteNames>,
}

#[derive(Debug)]
struct RouteNames {
    key: String,
    path: String,
    behind: Behind,
}

/// What is behind a route, as far as the log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behind {
    Mock,
    Function,
    Elsewhere,
}

/// One answer, as the log sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// What was decided.
    pub(crate) reply: &'a Reply,
    /// Its ids.
    pub(crate) ids: &'a CallIds,
    /// The method that routed it.
    pub(crate) method: &'a str,
    /// The path with its stage, without query.
    pub(crate) path: &'a str,
    /// The `User-Agent` header.
    pub(crate) user_agent: Option<&'a [u8]>,
    /// Whence it came.
    pub(crate) source: IpAddr,
    /// Length of the answer's body.
    pub(crate) response_bytes: usize,
    /// From its arrival until its answer.
    pub(crate) latency: Span,
    /// When it arrived, since 1970.
    pub(crate) wall: Span,
}

/// A variable of `$context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    AccountId,
    ApiId,
    DomainName,
    DomainPrefix,
    ErrorMessage,
    ErrorMessageString,
    ErrorResponseType,
    ExtendedRequestId,
    HttpMethod,
    IntegrationLatency,
    IntegrationServiceStatus,
    IntegrationStatus,
    Path,
    Protocol,
    RequestId,
    RequestTime,
    RequestTimeEpoch,
    ResourcePath,
    ResponseLatency,
    ResponseLength,
    RouteKey,
    SourceIp,
    Stage,
    Status,
    UserAgent,
    /// Known to the real gateway but never set by this one, or unknown to both: `-`.
    Unset,
}

impl Variable {
    /// The variable that is written `$context.` and this name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "accountId" => Self::AccountId,
            "apiId" => Self::ApiId,
            "domainName" => Self::DomainName,
            "domainPrefix" => Self::DomainPrefix,
            "error.message" => Self::ErrorMessage,
            "error.messageString" => Self::ErrorMessageString,
            "error.responseType" => Self::ErrorResponseType,
            "extendedRequestId" => Self::ExtendedRequestId,
            "httpMethod" => Self::HttpMethod,
            "integrationLatency" | "integration.latency" => Self::IntegrationLatency,
            "integrationStatus" | "integration.integrationStatus" => Self::IntegrationServiceStatus,
            "integration.status" => Self::IntegrationStatus,
            "path" => Self::Path,
            "protocol" => Self::Protocol,
            "requestId" => Self::RequestId,
            "requestTime" => Self::RequestTime,
            "requestTimeEpoch" => Self::RequestTimeEpoch,
            "resourcePath" => Self::ResourcePath,
            "responseLatency" => Self::ResponseLatency,
            "responseLength" => Self::ResponseLength,
            "routeKey" => Self::RouteKey,
            "identity.sourceIp" => Self::SourceIp,
            "stage" => Self::Stage,
            "status" => Self::Status,
            "identity.userAgent" => Self::UserAgent,
            _ => Self::Unset,
        }
    }
}

impl Naming {
    /// The names of this model's API, stages and routes.
    pub(crate) fn new(model: &Model) -> Self {
        let routes = model.routes.iter().map(|route| {
            let behind = match route.integration {
                Integration::Mock(_) => Behind::Mock,
                Integration::Lambda { .. } => Behind::Function,
                Integration::Http(_) | Integration::Service(_) => Behind::Elsewhere,
            };
            RouteNames { key: route.key(), path: route.path.clone(), behind }
        });
        Self {
            api: model.apis[0].kind,
            api_id: model.apis[0].id.clone(),
            domain: format!("{}.execute-api.{}.amazonaws.com", model.apis[0].id, model.region),
            stages: model.stages.iter().map(|stage| stage.name.clone()).collect(),
            routes: routes.collect(),
        }
    }

    fn route(&self, reply: &Reply) -> Option<&RouteNames> {
        reply.route.and_then(|route| self.routes.get(usize::from(route.0)))
    }
}

impl Entry<'_> {
    /// Appends the value of `variable`, `-` if it has none.
    pub(super) fn write(&self, variable: Variable, naming: &Naming, out: &mut Vec<u8>) {
        match variable {
            Variable::RequestTimeEpoch => number(out, Some(self.wall.as_ns() / 1_000_000)),
            Variable::Status => number(out, Some(u64::from(self.reply.status))),
            Variable::ResponseLength => number(out, Some(self.response_bytes as u64)),
            Variable::ResponseLatency => number(out, Some(whole_ms(self.latency))),
            Variable::IntegrationLatency => number(out, self.reply.timing.integration.map(whole_ms)),
            Variable::IntegrationStatus => number(out, self.integration_status(naming)),
            Variable::IntegrationServiceStatus => number(out, self.service_status(naming)),
            Variable::RequestTime => text(out, Some(clf_time(self.wall).as_bytes())),
            Variable::SourceIp => text(out, Some(self.source.to_string().as_bytes())),
            Variable::UserAgent => text(out, self.user_agent),
            Variable::ErrorMessageString => {
                let quoted = self.refusal(naming).map(|refusal| refusal.message_string());
                // The variable is the quoted message; its quotes belong to the format and are not escaped.
                out.extend_from_slice(quoted.as_deref().unwrap_or("-").as_bytes());
            }
            Variable::ErrorMessage => {
                let message = self.refusal(naming).and_then(|refusal| refusal.message);
                text(out, message.as_deref().map(str::as_bytes));
            }
            Variable::AccountId
            | Variable::ApiId
            | Variable::DomainName
            | Variable::DomainPrefix
            | Variable::ErrorResponseType
            | Variable::ExtendedRequestId
            | Variable::HttpMethod
            | Variable::Path
            | Variable::Protocol
            | Variable::RequestId
            | Variable::ResourcePath
            | Variable::RouteKey
            | Variable::Stage
            | Variable::Unset => text(out, self.name(variable, naming).map(str::as_bytes)),
        }
    }

    fn name<'a>(&'a self, variable: Variable, naming: &'a Naming) -> Option<&'a str> {
        match variable {
            Variable::AccountId => Some(ACCOUNT_ID),
            Variable::ApiId | Variable::DomainPrefix => Some(&naming.api_id),
            Variable::DomainName => Some(&naming.domain),
            Variable::ErrorResponseType => {
                self.refusal(naming).and_then(|refusal| refusal.response_type).map(sluicegate_policy::model::ResponseType::as_str)
            }
            Variable::ExtendedRequestId => Some(self.ids.extended()),
            Variable::HttpMethod => Some(self.method),
            Variable::Path => Some(self.path),
            // Also for HTTP/2 clients (developer guide, "Logging variables").
            Variable::Protocol => Some("HTTP/1.1"),
            Variable::RequestId => Some(self.ids.request()),
            Variable::ResourcePath if naming.api == ApiKind::Rest => naming.route(self.reply).map(|route| route.path.as_str()),
            Variable::RouteKey if naming.api == ApiKind::Http => naming.route(self.reply).map(|route| route.key.as_str()),
            Variable::Stage => {
                self.reply.arrival.stage.and_then(|stage| naming.stages.get(usize::from(stage.0))).map(String::as_str)
            }
            _ => None,
        }
    }

    fn refusal(&self, naming: &Naming) -> Option<Refusal> {
        refusal(naming.api, self.reply.reason, self.reply.status, None)
    }

    /// What the code behind the gateway answered, if it did.
    fn integration_status(&self, naming: &Naming) -> Option<u64> {
        let served = self.reply.reason == Reason::Served;
        let behind = naming.route(self.reply).map(|route| route.behind);
        (served && behind.is_some_and(|behind| behind != Behind::Mock)).then_some(u64::from(self.reply.status))
    }

    /// What the service that runs the code answered: a function that fails was still invoked with success.
    fn service_status(&self, naming: &Naming) -> Option<u64> {
        match (self.reply.reason, naming.route(self.reply)?.behind) {
            (Reason::FunctionThrottled(_), _) => Some(429),
            (Reason::Served | Reason::FunctionFailed(_), Behind::Function) => Some(200),
            (Reason::Served, Behind::Elsewhere) => Some(u64::from(self.reply.status)),
            _ => None,
        }
    }
}

/// Latencies are logged in whole milliseconds.
const fn whole_ms(span: Span) -> u64 {
    (span.as_ns() + 500_000) / 1_000_000
}

/// `dd/MMM/yyyy:HH:mm:ss +0000`, always UTC.
fn clf_time(wall: Span) -> String {
    let second = (wall.as_ns() / 1_000_000_000).cast_signed();
    Timestamp::from_second(second)
        .ok()
        .and_then(|time| strtime::format("%d/%b/%Y:%H:%M:%S +0000", time).ok())
        .unwrap_or_else(|| "-".to_owned())
}

fn number(out: &mut Vec<u8>, number: Option<u64>) {
    match number {
        // Writing to a Vec cannot fail.
        Some(number) => drop(write!(out, "{number}")),
        None => out.push(b'-'),
    }
}

/// Escapes as in a JSON string. Bytes that are not UTF-8 become U+FFFD.
fn text(out: &mut Vec<u8>, text: Option<&[u8]>) {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return out.push(b'-');
    };
    if text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return out.extend_from_slice(text);
    }
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        text(&mut out, Some(bytes));
        out
    }

    proptest! {
        #[test]
        fn any_bytes_stay_on_their_line_and_within_their_quotes(bytes in prop::collection::vec(any::<u8>(), 1..40)) {
            let line = [b"\"", written(&bytes).as_slice(), b"\""].concat();
            let read: String = serde_json::from_slice(&line).expect("a JSON string");
            prop_assert_eq!(read, String::from_utf8_lossy(&bytes));
            prop_assert!(!line.iter().any(u8::is_ascii_control));
        }
    }

    #[test]
    fn nothing_is_a_dash() {
        assert_eq!(written(b""), b"-");
        let mut out = Vec::new();
        number(&mut out, None);
        assert_eq!(out, b"-");
    }

    #[test]
    fn the_time_is_written_as_in_a_common_log() {
        // 2026-09-20T05:04:03.999Z.
        assert_eq!(clf_time(Span::from_ms(1_789_880_643_999)), "20/Sep/2026:05:04:03 +0000");
    }

    #[test]
    fn latencies_are_whole_milliseconds() {
        assert_eq!([0, 499, 500, 1_499, 1_500].map(|us| whole_ms(Span::from_us(us))), [0, 0, 1, 1, 2]);
    }
}
