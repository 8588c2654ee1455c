//! `$context`: what templates, gateway responses and logs may ask about a request and its answer.
//!
//! Owns the list of variables and where each value comes from; every value is made when it is asked for. Refuses what nothing here
//! can know (identities of other providers, private networks): such a variable is absent. What absent looks
//! like is its reader's business: empty in a template, `-` in a log.
//!
//! Source: facts, section 10.2. The documents contradict each other on `integrationStatus` of a Lambda: here it is what the Lambda
//! service answered, and `integration.status` what the function returned.
//!
//! An API key is a secret. Templates and gateway responses get `identity.apiKey` as the client sent it, since they may pass it on to
//! a back end; whoever has an answer to tell of (the logs) gets it masked but for its last six characters.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::fmt::strtime;
use sluicegate_policy::call::{AuthorizationUse, Credential, Purpose, Reason, Release, Reply};
use sluicegate_policy::model::{ApiKey, ApiKind, Requirement, Signatory};
use sluicegate_policy::time::Span;

use crate::answer::Answer;
use crate::authorizer::{self, Granted};
use crate::keys::masked;
use crate::naming::{ACCOUNT_ID, Behind, RouteNames};
use crate::refusal::{Refusal, told};
use crate::seen::Seen;
use crate::validate::Fault;
use crate::vtl::Lookup;

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What was decided.
    pub reply: &'a Reply,
    /// What was sent.
    pub answer: &'a Answer,
    /// How long its body was, also of one that came bit by bit.
    pub sent_bytes: u64,
    /// Length of the request's body, also of one that was too long to be kept.
    pub body_bytes: u64,
    /// From its arrival until its answer.
    pub latency: Span,
}

impl Told<'_> {
    /// Lengths of the request's and the answer's body, together.
    pub const fn data_processed(&self) -> u64 {
        self.body_bytes + self.sent_bytes
    }
}

/// The variables of one request.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) fault: Option<&'a Fault>,
    /// What was decided, once it was.
    pub(crate) reply: Option<&'a Reply>,
    /// What was sent, once it was.
    pub(crate) told: Option<&'a Told<'a>>,
    /// What a real function said that was asked as the authorizer.
    pub(crate) granted: Option<&'a Granted>,
}

impl Lookup for Context<'_> {
    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(name) = name.strip_prefix("error.") {
            return self.error(name);
        }
        if let Some(name) = name.strip_prefix("identity.") {
            return self.identity(name);
        }
        if let Some(name) = name.strip_prefix("authorizer.") {
            return self.authorizer(name);
        }
        self.of_api(name).or_else(|| self.of_request(name)).or_else(|| self.of_answer(name)).or_else(|| self.of_connection(name))
    }
}

impl Context<'_> {
    fn of_api(&self, name: &str) -> Option<Cow<'_, str>> {
        let api = self.seen.api();
        let stage = || self.seen.stage();
        match name {
            "accountId" => Some(ACCOUNT_ID.into()),
            "apiId" => Some(api.id.as_str().into()),
            "endpointType" => Some(api.endpoint.as_str().into()),
            "domainName" => Some(self.domain().unwrap_or(&api.domain).into()),
            "domainPrefix" => self.domain().unwrap_or(&api.domain).split('.').next().map(Cow::Borrowed),
            "customDomain.basePathMatched" => self.base_path().map(Cow::Borrowed),
            "stage" => Some(stage()?.name.as_str().into()),
            "deploymentId" => Some(self.seen.deployment()?.name.as_str().into()),
            // Known only where there is a canary (developer guide, "Variables for data models").
            "isCanaryRequest" if stage()?.canary.is_none() => None,
            "isCanaryRequest" => Some(if self.seen.to.arrival.release == Release::Canary { "true" } else { "false" }.into()),
            "resourcePath" if api.kind == ApiKind::Rest => Some(self.seen.route()?.path.as_str().into()),
            "resourceId" if api.kind == ApiKind::Rest => Some(self.route_names()?.resource_id.as_str().into()),
            "routeKey" if api.kind == ApiKind::WebSocket => Some(self.route_key().into()),
            "routeKey" if api.kind == ApiKind::Http => Some(self.route_names()?.key.as_str().into()),
            _ => None,
        }
    }

    fn of_request(&self, name: &str) -> Option<Cow<'_, str>> {
        let Seen { ids, wall, request, .. } = self.seen;
        match name {
            "requestId" => Some(ids.request().into()),
            "extendedRequestId" => Some(ids.extended().into()),
            "requestTime" => clf_time(wall).map(Cow::Owned),
            "requestTimeEpoch" => Some((wall.as_ns() / 1_000_000).to_string().into()),
            "httpMethod" => Some(self.seen.method().into()),
            "path" => Some(request.head.path().into()),
            // Also for HTTP/2 clients (developer guide, "Logging variables").
            "protocol" => Some("HTTP/1.1".into()),
            // Documented for REST APIs alone (developer guide, "Security policies for REST APIs", 2025).
            "tlsVersion" if self.seen.api().kind == ApiKind::Rest => Some(request.secured.as_ref()?.version.into()),
            "cipherSuite" if self.seen.api().kind == ApiKind::Rest => Some(request.secured.as_ref()?.cipher_suite.into()),
            "xrayTraceId" if self.seen.api().kind == ApiKind::Rest => Some(ids.trace_root(wall).into()),
            _ => None,
        }
    }

    /// Of a WebSocket API.
    fn of_connection(&self, name: &str) -> Option<Cow<'_, str>> {
        let linked = self.seen.to.link?;
        let (event, is_message) = match linked.purpose {
            Purpose::Connect(_) => ("CONNECT", false),
            Purpose::Message(..) => ("MESSAGE", true),
            Purpose::Disconnect(_) => ("DISCONNECT", false),
            Purpose::Answer | Purpose::Preflight | Purpose::Callback(..) => return None,
        };
        match name {
            "connectionId" => Some(Cow::Borrowed(&*linked.link?.id)),
            "eventType" => Some(event.into()),
            "messageDirection" => Some("IN".into()),
            "connectedAt" => Some((linked.link?.connected.as_ns() / 1_000_000).to_string().into()),
            // Distinct from the request's id, and as long.
            "messageId" if is_message => Some(self.seen.ids.message().into()),
            "disconnectStatusCode" => linked.ended.map(|(code, _)| code.to_string().into()),
            "disconnectReason" => linked.ended.map(|(_, reason)| reason.into()),
            _ => None,
        }
    }

    /// What a message was selected for; without a route of its own, nothing is known of it.
    fn route_key(&self) -> &str {
        self.route_names().map_or("", |names| &names.key)
    }

    fn of_answer(&self, name: &str) -> Option<Cow<'_, str>> {
        let number = |number: u64| Some(Cow::Owned(number.to_string()));
        let sent = || self.told.map(|told| told.sent_bytes);
        match name {
            "status" => number(u64::from(self.reply?.status)),
            "responseLength" => number(sent()?),
            "dataProcessed" if self.seen.api().kind == ApiKind::Http => number(self.told?.data_processed()),
            "responseLatency" => number(whole_ms(self.told?.latency)),
            "integrationLatency" | "integration.latency" => number(whole_ms(self.reply?.timing.integration?)),
            "integrationStatus" | "integration.integrationStatus" => number(self.service_status()?),
            "integration.status" => number(self.integration_status()?),
            _ => None,
        }
    }

    fn error(&self, name: &str) -> Option<Cow<'_, str>> {
        let refusal = self.refusal()?;
        match name {
            "message" => refusal.message,
            "messageString" => Some(refusal.message_string().into()),
            "responseType" => Some(refusal.response_type?.as_str().into()),
            "validationErrorString" => Some(self.fault?.detail.as_deref()?.into()),
            _ => None,
        }
    }

    /// What an authorizer said, unless it refused, and how long it took.
    fn authorizer(&self, name: &str) -> Option<Cow<'_, str>> {
        let reason = self.reply.map(|reply| reply.reason);
        match name {
            "latency" | "integrationLatency" => Some(whole_ms(self.reply?.timing.authorizer?).to_string().into()),
            "status" => Some(authorizer_status(self.reply?)?.to_string().into()),
            "error" => match reason? {
                Reason::AuthorizerFailed | Reason::AuthorizerMisconfigured => self.refusal()?.message,
                _ => None,
            },
            _ => match reason {
                Some(Reason::Unauthorized(_) | Reason::AuthorizerFailed | Reason::AuthorizerMisconfigured) => None,
                _ => authorizer::variable(self.seen, self.granted, name).map(Cow::Owned),
            },
        }
    }

    fn identity(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(name) = name.strip_prefix("clientCert.") {
            return self.seen.request.secured.as_ref()?.client.as_ref()?.get(name).map(Cow::Borrowed);
        }
        match name {
            "sourceIp" => Some(self.seen.request.source.to_canonical().to_string().into()),
            "userAgent" => Some(String::from_utf8_lossy(self.seen.request.head.header("user-agent")?)),
            "accessKey" => Some(self.signer()?.id.as_str().into()),
            "accountId" => Some(self.signer()?.principal.account.as_str().into()),
            "caller" | "user" => Some(self.signer()?.principal.id.as_str().into()),
            "userArn" => Some(self.signer()?.principal.arn.as_str().into()),
            "apiKeyId" => Some(self.key()?.name.as_str().into()),
            "apiKey" if self.told.is_some() => Some(masked(&self.key()?.value).into()),
            "apiKey" => Some(self.key()?.value.as_str().into()),
            _ => None,
        }
    }

    /// The API key, where the method requires one (developer guide, "Variables for data models").
    fn key(&self) -> Option<&ApiKey> {
        if self.seen.route()?.api_key != Requirement::Required {
            return None;
        }
        match self.seen.credential(self.granted) {
            Credential::Key(id) => self.seen.front.model().keys.get(usize::from(id.0)),
            Credential::Absent | Credential::Unknown => None,
        }
    }

    /// Whose signature let the request through; of one that was refused before anybody looked at the signature, nobody's.
    fn signer(&self) -> Option<&Signatory> {
        let is_verified = |reply: &Reply| {
            reply.authorization != AuthorizationUse::None
                && !matches!(reply.reason, Reason::SignatureRefused(_) | Reason::AuthorizerFailed)
        };
        self.reply.is_none_or(is_verified).then(|| authorizer::signature::named(self.seen)).flatten()
    }

    /// The custom domain that the request names.
    fn domain(&self) -> Option<&str> {
        self.seen.domain().map(|domain| domain.name.as_str())
    }

    /// The base path of that domain; one that is empty has no name.
    fn base_path(&self) -> Option<&str> {
        let domain = self.seen.domain()?;
        let stage = self.seen.to.arrival.stage?;
        let below = self.seen.request.head.path().strip_suffix(self.seen.to.path)?.trim_matches('/');
        let found = domain.base_paths.iter().find(|(base, of)| *of == stage && base == below);
        found.map(|(base, _)| base.as_str()).filter(|base| !base.is_empty())
    }

    fn route_names(&self) -> Option<&RouteNames> {
        self.seen.front.naming().route(self.seen.to.route?)
    }

    fn refusal(&self) -> Option<Refusal> {
        let reply = self.reply?;
        told(self.seen, reply, self.fault)
    }

    /// What the code behind the gateway answered, if it did.
    fn integration_status(&self) -> Option<u64> {
        let reply = self.reply.filter(|reply| reply.reason == Reason::Served && reply.timing.integration.is_some())?;
        (self.route_names()?.behind != Behind::Mock).then_some(u64::from(reply.status))
    }

    /// What the service that runs the code answered: a function that fails was still invoked with success.
    fn service_status(&self) -> Option<u64> {
        let reply = self.reply?;
        let reached = reply.timing.integration.is_some();
        match (reply.reason, self.route_names()?.behind) {
            (Reason::FunctionThrottled(..), _) => Some(429),
            (
                Reason::Served | Reason::FunctionFailed(_) | Reason::FunctionMalformed(_) | Reason::CapacityExhausted(_),
                Behind::Function,
            ) if reached => Some(200),
            (Reason::Served, Behind::Elsewhere) if reached => Some(u64::from(reply.status)),
            _ => None,
        }
    }
}

/// The status of an authorizer that was asked, or whose answer was kept.
fn authorizer_status(reply: &Reply) -> Option<u16> {
    match (reply.reason, reply.authorization) {
        (Reason::Unauthorized(_) | Reason::AccessDenied(_) | Reason::AuthorizerFailed, _) => Some(reply.status),
        (_, AuthorizationUse::None) => None,
        (_, AuthorizationUse::Hit | AuthorizationUse::LookedUp) => Some(200),
    }
}

/// Latencies are logged in whole milliseconds.
const fn whole_ms(span: Span) -> u64 {
    (span.as_ns() + 500_000) / 1_000_000
}

/// `dd/MMM/yyyy:HH:mm:ss +0000`, always UTC.
fn clf_time(wall: Span) -> Option<String> {
    let time = Timestamp::from_second((wall.as_ns() / 1_000_000_000).cast_signed()).ok()?;
    strtime::format("%d/%b/%Y:%H:%M:%S +0000", time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_written_as_in_a_common_log() {
        // 2026-09-20T05:04:03.999Z.
        assert_eq!(clf_time(Span::from_ms(1_789_880_643_999)).as_deref(), Some("20/Sep/2026:05:04:03 +0000"));
        assert!(clf_time(Span::from_ns(u64::MAX)).is_some());
    }

    #[test]
    fn latencies_are_whole_milliseconds() {
        assert_eq!([0, 499, 500, 1_499, 1_500].map(|us| whole_ms(Span::from_us(us))), [0, 0, 1, 1, 2]);
    }
}
