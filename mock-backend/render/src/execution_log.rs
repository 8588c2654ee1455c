//! The events of the execution log: what became of one request of a REST API, in the words of the real one.
//!
//! Owns the sequence of the events and their wording. Refuses to write to a file (the mock does), and to tell a secret: the value of
//! the request's API key is masked wherever it stands, authorisations and cookies are masked whole (`event`). Called by the mock once per answer of a stage that has such a log; HTTP
//! APIs have none.
//!
//! Sources: the events from `Starting execution` to `Method completed` are recorded (facts, section 10.4); those of usage plans
//! stand in re:Post ("How can I use Amazon API Gateway logs", "429 Too Many Requests") and `Gateway response type` in public
//! transcripts. Unconfirmed, and chosen here: what is logged at which level beyond "errors only", the words for a time-out and for an
//! unreachable end point, and that a request that names no method of the API is logged at all.

mod event;

use sluicegate_policy::call::{Credential, Invalid, Reason, Reply, Scope};
use sluicegate_policy::model::{
    ApiKind, ExecutionLog, Integration, LambdaIntegration, Model, Period, Requirement, ServiceCall, ServiceIntegration, Stage,
    StageId, Throttle, UsagePlan,
};
use sluicegate_policy::time::Span;

use self::event::{Events, Pairs, Secret, body};
use crate::answer::Answer;
use crate::examined::{Examined, Told};
use crate::keys::masked;
use crate::request::Request;
use crate::service::provider_url;
use crate::vtl::{Lookup, ParamKind, Params};

pub use self::event::EVENT_BYTES_MAX;

/// Appends the events of a request, each a line `(<request id>) <text>`; how many they are. Without a stage that has such a log
/// they are none.
pub fn write(examined: &Examined<'_>, told: &Told<'_>, out: &mut Vec<u8>) -> u64 {
    let level = |stage: &Stage| stage.execution_log;
    if examined.stage().is_none_or(|stage| level(stage) == ExecutionLog::Off) {
        return 0;
    }
    let executed = Executed {
        model: examined.model(),
        request: examined.request(),
        path: examined.addressed().path,
        parameters: &examined.parameters(),
        key: examined.credential(),
        transformed: examined.transformed(),
        reply: told.reply,
        answer: told.answer,
        context: &examined.context(told),
    };
    executed.write(out)
}

/// One request and what became of it.
struct Executed<'a> {
    /// What the gateway is.
    model: &'a Model,
    request: &'a Request,
    /// The path below the stage, as it was asked for.
    path: &'a str,
    parameters: &'a dyn Params,
    /// The API key that it brought.
    key: Credential,
    /// Its body after the request template.
    transformed: Option<&'a str>,
    reply: &'a Reply,
    answer: &'a Answer,
    context: &'a dyn Lookup,
}

impl Executed<'_> {
    fn write(&self, out: &mut Vec<u8>) -> u64 {
        let Some(id) = self.reply.arrival.stage else { return 0 };
        let level = self.model.stages[usize::from(id.0)].execution_log;
        // Too large a request leaves no event (developer guide, "Set up `CloudWatch` logging for REST APIs").
        // Of a WebSocket API's lines no example is known.
        let silent = self.model.api_of(id).kind != ApiKind::Rest || self.reply.reason == Reason::PayloadTooLarge;
        if silent || level == ExecutionLog::Off {
            return 0;
        }
        let request_id = self.context.get("requestId").unwrap_or_default();
        let mut events = Events::new(&request_id, level, out).hiding(self.secret());
        Story { executed: self, stage: id }.tell(&mut events);
        events.count()
    }

    /// What the request brought as an API key. What is none of the account's keys may be another's, if it is long enough.
    fn secret(&self) -> Option<Secret> {
        match self.key {
            Credential::Key(key) => self.model.keys.get(usize::from(key.0)).and_then(|key| Secret::of(&key.value)),
            Credential::Absent | Credential::Unknown => {
                let offered = String::from_utf8_lossy(self.request.head.header("x-api-key")?);
                Secret::of(&offered).filter(|_| offered.chars().count() >= OFFERED_CHARACTERS_MIN)
            }
        }
    }
}

/// A shorter value can be nobody's key (developer guide, "API keys": 20 to 128 characters); a client that offers a single letter
/// must not make its log unreadable.
const OFFERED_CHARACTERS_MIN: usize = 12;

/// The events of one request, one after the other.
struct Story<'a> {
    executed: &'a Executed<'a>,
    stage: StageId,
}

impl Story<'_> {
    fn tell(&self, events: &mut Events<'_>) {
        events.info(|| format!("Extended Request Id: {}", self.context("extendedRequestId")));
        if self.usage_plan(events) {
            self.method_request(events);
            self.integration(events);
        }
        self.failure(events);
        self.method_response(events);
    }

    fn context(&self, name: &str) -> String {
        self.executed.context.get(name).unwrap_or_default().into_owned()
    }

    /// `a1b2c3d4e5/prod`.
    fn api_stage(&self) -> String {
        let stage = &self.executed.model.stages[usize::from(self.stage.0)];
        format!("{}/{}", self.executed.model.api_of(self.stage).id, stage.name)
    }

    fn key(&self) -> String {
        let value = self.executed.request.head.header("x-api-key").unwrap_or_default();
        masked(&String::from_utf8_lossy(value))
    }

    /// `GET /pets/{id}`: method and resource.
    fn method(&self) -> String {
        format!("{} {}", self.context("httpMethod"), self.context("resourcePath"))
    }

    /// Whether the request got beyond its usage plan.
    fn usage_plan(&self, events: &mut Events<'_>) -> bool {
        let reason = self.executed.reply.reason;
        let Some(route) = self.executed.reply.route.map(|route| &self.executed.model.routes[usize::from(route.0)]) else {
            return false;
        };
        events.info(|| {
            let (id, key, api_stage) = (self.context("requestId"), self.key(), self.api_stage());
            format!("Verifying Usage Plan for request: {id}. API Key: {key} API Stage: {api_stage}")
        });
        let refused = match reason {
            Reason::KeyRefused => Some(self.key_refused()),
            Reason::Throttled(scope @ (Scope::Key | Scope::KeyRoute)) => Some(self.key_throttled(scope)),
            Reason::QuotaExceeded => Some(self.quota_exhausted()),
            _ => None,
        };
        if let Some(text) = refused {
            events.error(&text);
            return false;
        }
        if route.api_key == Requirement::Optional {
            events.info(|| {
                let method = self.method();
                format!(
                    "API Key authorized because method '{method}' does not require API Key. Request will not contribute to throttle or quota limits"
                )
            });
        }
        events.info(|| {
            let (key, api_stage) = (self.key(), self.api_stage());
            format!("Usage Plan check succeeded for API Key {key} and API Stage {api_stage}")
        });
        !matches!(reason, Reason::Throttled(_))
    }

    fn key_refused(&self) -> String {
        let (key, method, api_stage) = (self.key(), self.method(), self.api_stage());
        format!(
            "API Key {key} not authorized because method '{method}' requires API Key and API Key is not associated with a Usage Plan for API Stage {api_stage}: No Usage Plan found for key and API Stage"
        )
    }

    /// The usage plan that the request's key has on this stage.
    fn plan(&self) -> Option<&UsagePlan> {
        let Credential::Key(key) = self.executed.key else { return None };
        self.executed.model.plans.iter().find(|plan| plan.keys.contains(&key) && plan.stages.contains(&self.stage))
    }

    fn key_throttled(&self, scope: Scope) -> String {
        let plan = self.plan();
        let of_route = |plan: &UsagePlan| {
            let of = plan
                .route_throttles
                .iter()
                .find(|(stage, route, _)| *stage == self.stage && Some(*route) == self.executed.reply.route);
            of.map(|(.., throttle)| *throttle)
        };
        let throttle = plan.and_then(|plan| if scope == Scope::KeyRoute { of_route(plan) } else { plan.throttle });
        format!(
            "API Key {} exceeded throttle limit for API Stage {}: Key throttle limit exceeded for Usage Plan ID {}, RestApi {}, Stage {}, Resource {}, HttpMethod {}. {}",
            self.key(),
            self.api_stage(),
            plan.map_or("", |plan| &plan.name),
            self.executed.model.api_of(self.stage).id,
            self.context("stage"),
            self.executed.context.get("resourceId").map_or_else(|| self.context("resourcePath"), std::borrow::Cow::into_owned),
            self.context("httpMethod"),
            throttle.map(limit).unwrap_or_default(),
        )
    }

    fn quota_exhausted(&self) -> String {
        let plan = self.plan();
        let quota = plan.and_then(|plan| plan.quota).map(|quota| {
            let period = match quota.period {
                Period::Day => "DAY",
                Period::Week => "WEEK",
                Period::Month => "MONTH",
            };
            format!("Limit: {} Period: {period}", quota.limit)
        });
        format!(
            "API Key {} exceeded quota limit for API Stage {}: Key quota exhausted for Usage Plan ID {}. {}",
            self.key(),
            self.api_stage(),
            plan.map_or("", |plan| &plan.name),
            quota.unwrap_or_default(),
        )
    }

    fn method_request(&self, events: &mut Events<'_>) {
        let (request, parameters) = (self.executed.request, self.executed.parameters);
        events.info(|| format!("Starting execution for request: {}", self.context("requestId")));
        events.info(|| format!("HTTP Method: {}, Resource Path: {}", self.context("httpMethod"), self.path()));
        let of = |kind| Pairs(parameters.all(kind));
        events.data(|| format!("Method request path: {}", of(ParamKind::Path)));
        events.data(|| format!("Method request query string: {}", of(ParamKind::Query)));
        events.data(|| format!("Method request headers: {}", of(ParamKind::Header)));
        events.data(|| format!("Method request body before transformations: {}", body(&request.body)));
    }

    /// The path below the stage, as it was asked for.
    fn path(&self) -> &str {
        match self.executed.path {
            "" => "/",
            below => below,
        }
    }

    /// What is behind the gateway, if the request got there.
    fn integration(&self, events: &mut Events<'_>) {
        let reply = self.executed.reply;
        let Some(took) = reply.timing.integration else { return };
        if let Some(behind) = self.behind() {
            let sent = self.executed.transformed.map_or(&*self.executed.request.body, str::as_bytes);
            events.data(|| format!("Endpoint request URI: {}", self.endpoint(behind)));
            events.data(|| format!("Endpoint request body after transformations: {}", body(sent)));
            events.info(|| format!("Sending request to {}", self.endpoint(behind)));
        }
        let status = match reply.reason {
            Reason::Served => Some(reply.status),
            // The service that runs a function was asked with success (facts, section 7).
            Reason::FunctionFailed(_) | Reason::FunctionMalformed(_) | Reason::CapacityExhausted(_) => Some(200),
            Reason::FunctionThrottled(..) => Some(429),
            _ => None,
        };
        if let Some(status) = status {
            let took = whole_ms(took);
            events.info(|| format!("Received response. Status: {status}, Integration latency: {took} ms"));
        }
    }

    /// The integration, if it is elsewhere.
    fn behind(&self) -> Option<&Integration> {
        let route = self.executed.reply.route?;
        let integration = &self.executed.model.routes[usize::from(route.0)].integration;
        Some(integration).filter(|integration| !matches!(integration, Integration::Mock(_)))
    }

    fn endpoint(&self, behind: &Integration) -> String {
        let model = self.executed.model;
        match behind {
            Integration::Mock(_) => String::new(),
            Integration::Lambda(LambdaIntegration { function, .. }) => {
                let name = model.functions.get(usize::from(function.0)).map_or("", |function| &function.name);
                let (region, account) = (&model.region, self.context("accountId"));
                let arn = format!("arn:aws:lambda:{region}:{account}:function:{name}");
                format!("https://lambda.{region}.amazonaws.com/2015-03-31/functions/{arn}/invocations")
            }
            Integration::Http(http) => http.url.clone(),
            Integration::Service(ServiceIntegration { call: ServiceCall::Request { uri, .. }, .. }) => provider_url(uri),
            Integration::Service(ServiceIntegration { call: ServiceCall::FirstClass { subtype, .. }, .. }) => {
                subtype.as_str().to_owned()
            }
        }
    }

    /// Why the gateway answers by itself.
    fn failure(&self, events: &mut Events<'_>) {
        let reply = self.executed.reply;
        if let Some(text) = self.cause() {
            events.error(&text);
        }
        if let Some(response) = reply.reason.response_type() {
            events.error(&format!("Gateway response type: {response} with status code: {}", reply.status));
        }
    }

    fn cause(&self) -> Option<String> {
        let message = || self.context("error.message");
        match self.executed.reply.reason {
            Reason::Misconfigured => {
                let detail = self.context("integration.error");
                Some(format!(
                    "Execution failed due to configuration error: {}",
                    if detail.is_empty() { message() } else { detail }
                ))
            }
            Reason::Invalid(Invalid::Parameters) => Some(message()),
            Reason::Invalid(Invalid::Body) => {
                let media = self.executed.request.head.header("content-type").map(String::from_utf8_lossy).unwrap_or_default();
                let media = media
                    .split(';')
                    .next()
                    .map(str::trim)
                    .filter(|media| !media.is_empty())
                    .unwrap_or("application/json")
                    .to_owned();
                let detail = self.context("error.validationErrorString");
                Some(format!("Request body does not match model schema for content type {media}: {detail}"))
            }
            Reason::FunctionFailed(_) | Reason::CapacityExhausted(_) => {
                Some("Lambda execution failed with status 200 due to customer function error".to_owned())
            }
            // The line that the provider tells its users to look for (re:Post, "Troubleshoot HTTP 502 errors from API Gateway REST APIs
            // with Lambda proxy integration").
            Reason::FunctionMalformed(_) => {
                Some("Execution failed due to configuration error: Malformed Lambda proxy response".to_owned())
            }
            Reason::FunctionThrottled(..) => Some("Lambda invocation failed with status: 429".to_owned()),
            Reason::IntegrationTimeout => Some("Execution failed due to a timeout error".to_owned()),
            Reason::IntegrationUnreachable => {
                Some("Execution failed due to a network error communicating with endpoint".to_owned())
            }
            Reason::Served
            | Reason::Preflight
            | Reason::NoStage
            | Reason::NoRoute
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
            | Reason::Throttled(_)
            | Reason::InvalidationRefused
            | Reason::UnsupportedMediaType
            | Reason::Gone
            | Reason::Binary
            | Reason::Unread => None,
        }
    }

    fn method_response(&self, events: &mut Events<'_>) {
        let (answer, status) = (self.executed.answer, self.executed.reply.status);
        let own = |name: &str| ["x-amzn-requestid", "x-amz-apigw-id"].iter().any(|id| name.eq_ignore_ascii_case(id));
        let headers = || {
            let theirs = answer.headers.iter().filter(|(name, _)| !own(name));
            Pairs(theirs.map(|(name, value)| (name.to_string(), value.to_string())).collect())
        };
        if self.executed.reply.reason == Reason::Served {
            events.data(|| format!("Method response body after transformations: {}", body(&answer.body)));
            events.data(|| format!("Method response headers: {}", headers()));
            events.info(|| "Successfully completed execution".to_owned());
            events.info(|| format!("Method completed with status: {status}"));
        } else {
            events.data(|| format!("Gateway response body: {}", body(&answer.body)));
            events.data(|| format!("Gateway response headers: {}", headers()));
            events.error(&format!("Method completed with status: {status}"));
        }
    }
}

/// `Limit: 5.00 Burst: 10`.
fn limit(throttle: Throttle) -> String {
    let rate = throttle.rate.tokens as f64 / throttle.rate.per.as_secs_f64();
    format!("Limit: {rate:.2} Burst: {}", throttle.burst.0)
}

const fn whole_ms(span: Span) -> u64 {
    (span.as_ns() + 500_000) / 1_000_000
}

#[cfg(test)]
mod tests;
