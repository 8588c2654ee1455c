//! Mock integrations with templates that compute, as they were recorded of the real service.

use sluicegate_policy::model::{ApiKind, Integration, Mapping, MockIntegration};

use super::door::{Ask, Door, json, mapped, pairs, rule, text};

fn mock(request: &str, response: Option<&str>) -> Door {
    Door::get(ApiKind::Rest, mapped(request, &[rule(None, 200, &[], response)]))
}

const OVERRIDING: &str = r#"#set($context.responseOverride.status = 444)
#set($context.responseOverride.header.foo = "bar")
#set($context.responseOverride.custom = "is also passed around")
{"statusCode": 200}"#;

#[test]
fn a_response_template_reads_the_parameters_of_the_request() {
    let template = r#"{"echo": "$input.params('id')", "response": "mocked", "q": "$input.params().querystring.q"}"#;
    let answer =
        mock(r#"{"statusCode": 200}"#, Some(template)).answer("GET", Ask { target: "/prod/pets/foobar?q=x", ..Ask::default() });
    assert_eq!(text(&answer), r#"{"echo": "foobar", "response": "mocked", "q": "x"}"#);
}

#[test]
fn an_override_in_the_request_template_holds_for_the_answer() {
    let template = r#"{"statusOverride": "$context.responseOverride.status", "fooHeader": "$context.responseOverride.header.foo",
"custom": "$context.responseOverride.custom"}"#;
    let answer = mock(OVERRIDING, Some(template)).answer("GET", Ask::default());
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let expected = serde_json::json!({ "statusOverride": "444", "fooHeader": "bar", "custom": "is also passed around" });
    assert_eq!((answer.status, body, answer.header("foo")), (444, expected, Some("bar")));
}

#[test]
fn without_a_response_template_the_override_holds_as_well() {
    let answer = mock(OVERRIDING, None).answer("GET", Ask::default());
    assert_eq!((answer.status, text(&answer), answer.header("foo")), (444, "", Some("bar")));
}

#[test]
fn only_a_whole_number_from_100_to_599_overrides_the_status() {
    for (value, status) in [("99", 200), ("600", 200), ("\"404\"", 200), ("404", 404), ("599", 599), ("100", 500)] {
        let request = format!("#set($context.responseOverride.status = {value}){{statusCode: 200}}");
        assert_eq!(mock(&request, None).answer("GET", Ask::default()).status, status, "{value}");
    }
}

#[test]
fn maps_below_context_are_assigned_in_three_ways() {
    let request = r#"#set($paramName = "foo")
#set($context.requestOverride.querystring[$paramName] = "bar")
#set($void = $context.requestOverride.querystring.put("putfoo", "putBar"))
#set($context["requestOverride"].querystring["nestedfoo"] = "nestedFoo")
{"statusCode": 200}"#;
    let response = r#"#set($value = $context.requestOverride.querystring["foo"])
#set($value2 = $context.requestOverride.querystring["putfoo"])
#set($value3 = $context.requestOverride.querystring["nestedfoo"])
{"value": "$value", "value2": "$value2", "value3": "$value3"}"#;
    let answer = mock(request, Some(response)).answer("GET", Ask::default());
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body, serde_json::json!({ "value": "bar", "value2": "putBar", "value3": "nestedFoo" }));
}

#[test]
fn a_request_template_computes_the_status_from_the_body() {
    let request = "{\"statusCode\": $input.path('$.wanted')}";
    let responses = [rule(Some("4.."), 404, &[], Some("none")), rule(None, 200, &[], Some("some"))];
    let door = Door::new(ApiKind::Rest, &[("POST /pets", mapped(request, &responses))]);
    let of = |body| door.answer("POST", Ask { target: "/prod/pets", body, ..Ask::default() }).status;
    assert_eq!([r#"{"wanted": 404}"#, r#"{"wanted": 200}"#, r#"{"wanted": "x"}"#].map(of), [404, 200, 500]);
}

#[test]
fn a_template_knows_context_and_stage_variables() {
    let template = "$context.stage $context.httpMethod $context.resourcePath $context.identity.sourceIp $stageVariables.a \
                    $context.isCanaryRequest";
    let mut door = mock("{statusCode: 200}", Some(template));
    door.model.stages[0].variables = pairs(&[("a", "1")]);
    let answer = door.answer("GET", Ask::default());
    assert_eq!(text(&answer).trim_end(), "prod GET /pets/{id} 127.0.0.1 1");
}

#[test]
fn a_template_that_loops_is_stopped_and_the_answer_is_a_misconfiguration() {
    let request = "#set($x = \"xxxxxxxxxx\")#foreach($i in [1..1000])#set($x = \"$x$x\")#end{statusCode: 200}";
    let answer = mock(request, None).answer("GET", Ask::default());
    assert_eq!(answer.status, 500);
}

#[test]
fn headers_from_the_body_of_an_answer_and_of_a_request_are_json_paths() {
    let mapping = Mapping {
        parameters: pairs(&[("integration.request.header.X", "method.request.body.a.b")]),
        requests: json("{statusCode: 200}"),
        responses: vec![rule(
            None,
            200,
            &[("X-None", "integration.response.body.a"), ("X-All", "integration.response.body")],
            None,
        )],
        ..Mapping::default()
    };
    let door = Door::get(ApiKind::Rest, Integration::Mock(MockIntegration::Mapped(mapping)));
    let answer = door.answer("GET", Ask::default());
    assert_eq!((answer.status, answer.header("x-none")), (200, None));
}

#[test]
fn a_template_that_is_none_is_told_with_route_part_and_place() {
    let door = mock("{statusCode: 200}", Some("line one\n#if($x)"));
    let built = crate::front::Front::new(std::sync::Arc::new(door.model), sluicegate_policy::seed::Seed::new(1));
    let error = built.map(drop).unwrap_err().to_string();
    assert!(error.starts_with("GET /pets/{id}: default integration response, template application/json: line "), "{error}");
}
