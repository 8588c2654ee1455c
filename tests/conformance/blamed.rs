//! Whose fault each recorded error of the real gateway is, as far as its answer tells.
//!
//! Owns the table of what can be justified. Refuses to class (`sluicegate::measure::shown` does).

use serde_json::Value;
use sluicegate::measure::shown::{Ids, Shown, kind_of};
use sluicegate_policy::call::ErrorKind;

use crate::recorded::{self, Scenario};

/// The name of the error where it was recorded or, of an answer whose headers were not, where the facts have it (sections 3.1 and 5.4); none
/// where the integration itself answered. Then what can be said of it.
const CLASSES: [(&str, Option<&str>, ErrorKind); 26] = [
    ("route.unknown-path", Some("MissingAuthenticationTokenException"), ErrorKind::NoRouteOrUnsigned),
    ("route.wrong-method", Some("MissingAuthenticationTokenException"), ErrorKind::NoRouteOrUnsigned),
    ("validator.missing-all", Some("BadRequestException"), ErrorKind::BadRequest),
    ("validator.missing-header", Some("BadRequestException"), ErrorKind::BadRequest),
    ("validator.missing-query", Some("BadRequestException"), ErrorKind::BadRequest),
    ("validator.bad-body", Some("BadRequestException"), ErrorKind::BadRequest),
    ("validator.ref.failed-validation", Some("BadRequestException"), ErrorKind::BadRequest),
    ("mock.responseOverride.with-template", None, ErrorKind::OtherClient),
    ("mock.responseOverride.no-template", None, ErrorKind::OtherClient),
    ("proxy-response.invoke-api-wrong-format", Some(INTERNAL), ErrorKind::FunctionErrorOrMalformed),
    ("proxy-response.invoke-api-multi-headers-invalid", Some(INTERNAL), ErrorKind::FunctionErrorOrMalformed),
    ("proxy-response.invoke-api-invalid-status-code", Some(INTERNAL), ErrorKind::FunctionErrorOrMalformed),
    ("proxy-response.invoke-api-just-string", Some(INTERNAL), ErrorKind::FunctionErrorOrMalformed),
    // A pattern made these of what the function raised: the integration's own answer.
    ("lambda-aws.selection.400", None, ErrorKind::MethodNotAllowed),
    ("lambda-aws.selection.500", None, ErrorKind::BackEndError),
    // A configuration that cannot work, and the answer of a function that may not be invoked: one as the other.
    ("lambda-proxy.GET-integration-method", Some(INTERNAL), ErrorKind::ServerError),
    ("http.status.HTTP_PROXY.non-matching-response", None, ErrorKind::BadRequest),
    ("header-remap.HTTP.content-length", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.HTTP.transfer-encoding", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.HTTP_PROXY.content-length", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.HTTP_PROXY.transfer-encoding", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.AWS_PROXY.content-length", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.AWS_PROXY.transfer-encoding", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.AWS_PROXY.authorization", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.AWS_PROXY.connection", Some(INTERNAL), ErrorKind::ServerError),
    ("header-remap.AWS_PROXY.expect", Some(INTERNAL), ErrorKind::ServerError),
];

/// The same answer as the others of its family.
const ALIKE: [&str; 2] = ["header-remap.AWS_PROXY.proxy-authenticate", "header-remap.AWS_PROXY.te"];

const INTERNAL: &str = "InternalServerErrorException";

#[test]
#[ignore = "needs ../shared"]
fn every_recorded_error_is_classed_as_far_as_its_answer_tells() {
    let scenarios = recorded::scenarios().expect("../shared/conformance is there");
    let errors = scenarios.iter().filter_map(|scenario| Some((scenario, scenario.expected_status.as_u64()?)));
    let mut classed = 0;
    for (scenario, status) in errors.filter(|(_, status)| *status >= 400) {
        let row = CLASSES.iter().find(|(id, ..)| *id == scenario.id);
        let alike = ALIKE.contains(&scenario.id.as_str()).then_some((Some(INTERNAL), ErrorKind::ServerError));
        let (named, expected) =
            row.map(|(_, named, kind)| (*named, *kind)).or(alike).unwrap_or_else(|| panic!("{}: no class", scenario.id));
        let recorded = recorded_name(scenario);
        assert!(recorded.is_none() || recorded == named, "{}: {recorded:?} was recorded", scenario.id);
        let body = body(scenario).to_string();
        let shown = Shown { error_type: named, ids: Ids::Rest, body: body.as_bytes() };
        let kind = u16::try_from(status).ok().and_then(|status| kind_of(status, &shown));
        assert_eq!(kind, Some(expected), "{}", scenario.id);
        classed += 1;
    }
    assert_eq!(classed, CLASSES.len() + ALIKE.len());
}

fn recorded_name(scenario: &Scenario) -> Option<&str> {
    let answer = &scenario.recorded_answer;
    answer["response-headers"]["x-amzn-ErrorType"].as_str().or(if scenario.family() == "route" {
        answer["errorType"].as_str()
    } else {
        None
    })
}

/// What the client read; in some recordings it stands below a key.
fn body(scenario: &Scenario) -> &Value {
    let answer = &scenario.recorded_answer;
    ["content", "body"].into_iter().find_map(|key| answer.get(key)).unwrap_or(answer)
}
