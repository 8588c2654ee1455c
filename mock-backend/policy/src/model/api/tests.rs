//! Which status answers for which reason, with customised gateway responses.

use super::*;
use crate::call::FunctionLimit;
use crate::model::{FunctionId, UnknownStage};

const THROTTLED: Reason = Reason::FunctionThrottled(FunctionId(0), FunctionLimit::Concurrency);
const FAILED: Reason = Reason::FunctionFailed(FunctionId(0));

/// The statuses of a throttled function, a failed one, one that times out, and a request without a route.
fn statuses(kind: ApiKind, responses: &[(ResponseType, Option<u16>)]) -> [u16; 4] {
    let customised = responses.iter().map(|(kind, status)| GatewayResponse {
        kind: *kind,
        status: *status,
        headers: Vec::new(),
        templates: Vec::new(),
    });
    let deployment = Deployment { responses: customised.collect(), ..Deployment::new(ApiId(0), "current") };
    let api = Api::new(kind, "a1b2c3");
    [THROTTLED, FAILED, Reason::IntegrationTimeout, Reason::NoRoute].map(|reason| deployment.status_of(&api, reason))
}

#[test]
fn a_customised_integration_failure_without_a_status_answers_504_for_a_throttled_function() {
    use ResponseType::{Default5xx, IntegrationFailure};
    assert_eq!(statuses(ApiKind::Rest, &[]), [500, 502, 504, 403]);
    assert_eq!(statuses(ApiKind::Rest, &[(IntegrationFailure, None)]), [504, 502, 504, 403]);
    assert_eq!(statuses(ApiKind::Rest, &[(IntegrationFailure, Some(418))]), [418, 418, 504, 403]);
    assert_eq!(statuses(ApiKind::Rest, &[(Default5xx, None)]), [500, 502, 504, 403]);
    assert_eq!(statuses(ApiKind::Rest, &[(IntegrationFailure, None), (Default5xx, Some(599))]), [504, 502, 599, 403]);
}

#[test]
fn so_does_it_for_one_that_fails_if_the_api_is_set_to() {
    let unconfirmed = Unconfirmed { customised_function_failure: 504, ..Unconfirmed::default() };
    let api = Api { unconfirmed, ..Api::new(ApiKind::Rest, "a1b2c3") };
    let kind = ResponseType::IntegrationFailure;
    let response = |status| GatewayResponse { kind, status, headers: Vec::new(), templates: Vec::new() };
    let status = |responses| Deployment { responses, ..Deployment::new(ApiId(0), "current") }.status_of(&api, FAILED);
    assert_eq!([status(vec![response(None)]), status(vec![response(Some(418))]), status(Vec::new())], [504, 418, 502]);
}

#[test]
fn a_type_of_its_own_goes_before_the_default_of_its_class() {
    use ResponseType::{Default4xx, MissingAuthenticationToken};
    assert_eq!(statuses(ApiKind::Rest, &[(Default4xx, Some(499))])[3], 499);
    assert_eq!(statuses(ApiKind::Rest, &[(Default4xx, Some(499)), (MissingAuthenticationToken, Some(404))])[3], 404);
    assert_eq!(statuses(ApiKind::Http, &[(Default4xx, Some(499))])[3], 404);
}

#[test]
fn too_large_a_payload_is_413_whatever_is_customised() {
    let custom = |kind| GatewayResponse { kind, status: Some(400), headers: Vec::new(), templates: Vec::new() };
    let responses = vec![custom(ResponseType::RequestTooLarge), custom(ResponseType::Default4xx)];
    let deployment = Deployment { responses, ..Deployment::new(ApiId(0), "current") };
    assert_eq!(deployment.status_of(&Api::new(ApiKind::Rest, "a1b2c3"), Reason::PayloadTooLarge), 413);
}

#[test]
fn a_status_that_nobody_has_confirmed_is_what_the_api_is_set_to() {
    let reasons =
        [Reason::NoStage, Reason::PayloadTooLarge, Reason::HeadersTooLarge, Reason::UrlTooLong, Reason::Preflight, THROTTLED];
    let statuses = |kind, unconfirmed: Unconfirmed| {
        let api = Api { unconfirmed, ..Api::new(kind, "a1b2c3") };
        reasons.map(|reason| api.status_of(reason))
    };
    assert_eq!(statuses(ApiKind::Rest, Unconfirmed::default()), [403, 413, 431, 414, 204, 500]);
    assert_eq!(statuses(ApiKind::Http, Unconfirmed::default()), [404, 413, 431, 414, 204, 503]);
    let other = Unconfirmed {
        unknown_stage: UnknownStage::NotFound,
        payload_too_large: 400,
        headers_too_large: 494,
        url_too_long: 431,
        preflight: 200,
        throttled_function: 500,
        ..Unconfirmed::default()
    };
    assert_eq!(statuses(ApiKind::Rest, other.clone()), [404, 413, 494, 431, 200, 500]);
    assert_eq!(statuses(ApiKind::Http, other), [404, 400, 494, 431, 200, 500]);
}
