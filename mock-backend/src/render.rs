//! Bytes from decisions: the status line, headers and body of an answer. Pure.
//!
//! Owns which headers go with which answer, and the bodies that the model gives its integrations. Refuses to decide (the policy
//! did), to read a clock, and to send. Called by `http` once per reply.
//!
//! Header names are case-insensitive; hyper writes them in lower case. No answer carries `Retry-After` (facts, section 2.1).

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use sluicegate_policy::call::Reply;
use sluicegate_policy::model::{ApiKind, Integration, MockIntegration, Model, RouteId};
use sluicegate_policy::time::Span;

use crate::refusal::{Refusal, refusal};
use crate::request_id::CallIds;

const APIGW_REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");
const EXTENDED_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-apigw-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// Makes answers for one API.
#[derive(Debug)]
pub(crate) struct Renderer {
    api: ApiKind,
    /// What the integration of each route answers, by [`RouteId`].
    answers: Vec<IntegrationAnswer>,
}

/// What an integration answers when it answers.
#[derive(Debug)]
struct IntegrationAnswer {
    body: Bytes,
    content_type: Option<HeaderValue>,
    trace: Trace,
}

/// Whether an integration's answer shows its trace id: recorded on Lambda and HTTP answers of REST APIs, not on mock ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    Shown,
    Hidden,
}

impl Renderer {
    /// A renderer of this model's answers.
    pub(crate) fn new(model: &Model) -> Self {
        let answers = model.routes.iter().map(|route| IntegrationAnswer::of(model, &route.integration)).collect();
        Self { api: model.apis[0].kind, answers }
    }

    /// The answer to a call that came at `wall` since 1970.
    pub(crate) fn render(&self, reply: &Reply, ids: &CallIds, wall: Span) -> Response<Bytes> {
        let mut response = match refusal(self.api, reply.reason, reply.status) {
            Some(refusal) => refused(&refusal),
            None => self.served(reply.route, ids, wall),
        };
        *response.status_mut() = final_status(reply.status);
        if matches!(reply.status, 204 | 304) {
            *response.body_mut() = Bytes::new();
        }
        self.identify(&mut response, ids);
        response
    }

    fn served(&self, route: Option<RouteId>, ids: &CallIds, wall: Span) -> Response<Bytes> {
        let Some(answer) = route.and_then(|route| self.answers.get(usize::from(route.0))) else {
            return Response::new(Bytes::new());
        };
        let mut response = Response::new(answer.body.clone());
        if let Some(content_type) = &answer.content_type {
            response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
        }
        if answer.trace == Trace::Shown {
            response.headers_mut().insert(TRACE_ID, value(&ids.trace(wall)));
        }
        response
    }

    pub(crate) fn identity(&self, ids: &CallIds) -> Vec<(&'static str, String)> {
        match self.api {
            ApiKind::Http => vec![("apigw-requestid", ids.extended().to_owned())],
            ApiKind::Rest => vec![("x-amzn-RequestId", ids.request().to_owned()), ("x-amz-apigw-id", ids.extended().to_owned())],
        }
    }

    fn identify(&self, response: &mut Response<Bytes>, ids: &CallIds) {
        let headers = response.headers_mut();
        match self.api {
            ApiKind::Http => {
                headers.insert(APIGW_REQUEST_ID, value(ids.extended()));
            }
            ApiKind::Rest => {
                headers.insert(REQUEST_ID, value(ids.request()));
                headers.insert(EXTENDED_REQUEST_ID, value(ids.extended()));
            }
        }
    }
}

impl IntegrationAnswer {
    fn of(model: &Model, integration: &Integration) -> Self {
        match integration {
            Integration::Mock(MockIntegration::Fixed { body, .. }) => Self::holding(body, model.apis[0].kind, Trace::Hidden),
            Integration::Lambda { function, .. } => {
                let body = model.functions.get(usize::from(function.0)).map_or("", |function| &function.response.body);
                let trace = if model.apis[0].kind == ApiKind::Rest { Trace::Shown } else { Trace::Hidden };
                Self::holding(body, model.apis[0].kind, trace)
            }
            Integration::Mock(MockIntegration::Mapped(_)) | Integration::Http(_) | Integration::Service(_) => {
                Self { body: Bytes::new(), content_type: None, trace: Trace::Hidden }
            }
        }
    }

    /// With the content type that a function gets which names none (facts, section 5.4).
    fn holding(body: &str, api: ApiKind, trace: Trace) -> Self {
        let content_type = match api {
            ApiKind::Rest => "application/json",
            ApiKind::Http => "text/plain; charset=utf-8",
        };
        let content_type = Some(HeaderValue::from_static(content_type));
        Self { body: Bytes::copy_from_slice(body.as_bytes()), content_type, trace }
    }
}

/// A status that no final answer can carry (1xx, or above 999) is the integration's mistake, as the real gateway sees it.
fn final_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).ok().filter(|status| !status.is_informational()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn refused(refusal: &Refusal) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(refusal.body.as_bytes()));
    let headers = response.headers_mut();
    if let Some(content_type) = refusal.content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(error_type) = refusal.error_type {
        headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    }
    response
}

fn value(ascii: &str) -> HeaderValue {
    HeaderValue::from_str(ascii).expect("ids are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_cannot_end_a_request_becomes_500() {
        let statuses = [99, 100, 101, 200, 204, 599, 999, 1_000].map(|status| final_status(status).as_u16());
        assert_eq!(statuses, [500, 500, 500, 200, 204, 599, 999, 500]);
    }
}
