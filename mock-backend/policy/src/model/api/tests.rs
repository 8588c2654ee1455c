//! Which status answers for which reason, with customised gateway responses.

use super::*;
use crate::model::FunctionId;

const THROTTLED: Reason = Reason::FunctionThrottled(FunctionId(0));
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
    [THROTTLED, FAILED, Reason::IntegrationTimeout, Reason::NoRoute].map(|reason| deployment.status_of(kind, reason))
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
    assert_eq!(deployment.status_of(ApiKind::Rest, Reason::PayloadTooLarge), 413);
}
