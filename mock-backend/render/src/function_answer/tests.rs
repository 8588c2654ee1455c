//! Each row of the table of results, in each of the formats.

use std::borrow::Cow;

use proptest::prelude::*;
use sluicegate_policy::call::{Content, Mapped};
use sluicegate_policy::model::{ApiKind, FunctionId, Integration, LambdaIntegration, Mapping, Payload, Protocol, Transfer};
use sluicegate_policy::time::Span;

use super::{FunctionFault, Malformed, Returned, proxied};
use crate::answer::{Answer, is_token};
use crate::event::PayloadFormat::{self, Http1, Http2, Rest};
use crate::examined::tests::door::{Ask, Door, json, lambda, names, pairs, rule, text};
use crate::media::BinaryMedia;

const FORMATS: [PayloadFormat; 3] = [Rest, Http1, Http2];

fn result(format: PayloadFormat, result: &str) -> Result<Answer, FunctionFault> {
    proxied(format, Returned::Value(result.as_bytes()), None, &BinaryMedia::default())
}

/// Status, content type and body, or the fault.
fn said(format: PayloadFormat, text: &str) -> Result<(u16, String, String), FunctionFault> {
    result(format, text).map(|answer| {
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        (answer.status, answer.header("content-type").unwrap_or("").to_owned(), body)
    })
}

fn malformed<T>(why: Malformed) -> Result<T, FunctionFault> {
    Err(FunctionFault::Malformed(why))
}

fn told(status: u16, content_type: &str, body: &str) -> (u16, String, String) {
    (status, content_type.to_owned(), body.to_owned())
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

#[test]
fn a_whole_answer_is_used_by_every_format() {
    let given = r#"{"statusCode": 201, "headers": {"content-type": "text/html", "X-A": "b"}, "body": "made"}"#;
    for format in FORMATS {
        let answer = result(format, given).unwrap();
        assert_eq!((answer.status, text(&answer)), (201, "made"));
        assert_eq!(names(&answer), ["content-type", "X-A"]);
    }
}

#[test]
fn a_status_is_a_whole_number_or_a_text_that_is_one() {
    for format in FORMATS {
        assert_eq!(said(format, r#"{"statusCode": "204"}"#).map(|(status, ..)| status), Ok(204));
        for status in [r#""test""#, "200.5", "true", "[200]", "99", "1000", "-200", r#""""#] {
            assert_eq!(said(format, &format!(r#"{{"statusCode": {status}}}"#)), malformed(Malformed::Status), "{status}");
        }
    }
}

#[test]
fn an_answer_that_names_no_content_type_gets_that_of_its_format() {
    let given = r#"{"statusCode": 200, "body": "b"}"#;
    assert_eq!(
        FORMATS.map(|format| said(format, given)),
        [Ok(told(200, JSON, "b")), Ok(told(200, TEXT, "b")), Ok(told(200, TEXT, "b"))]
    );
}

#[test]
fn known_keys_without_a_status_are_an_answer_of_a_rest_api_alone() {
    let given = r#"{"headers": {"a": "b"}}"#;
    assert_eq!(said(Rest, given), Ok(told(200, JSON, "")));
    assert_eq!(said(Rest, "{}"), Ok(told(200, JSON, "")));
    assert_eq!(said(Http1, given), malformed(Malformed::Shape));
    assert_eq!(said(Http2, given), Ok(told(200, JSON, given)));
}

#[test]
fn json_without_a_status_is_the_body_in_format_2_alone() {
    let given = r#"{ "pets": [1, 2.50] }"#;
    assert_eq!(said(Rest, given), malformed(Malformed::UnknownKey));
    assert_eq!(said(Http1, given), malformed(Malformed::Shape));
    assert_eq!(said(Http2, given), Ok(told(200, JSON, given)));
    assert_eq!(said(Http2, "[1,2]"), Ok(told(200, JSON, "[1,2]")));
}

#[test]
fn a_text_is_the_body_in_format_2_alone() {
    let given = r#""just a \"string\"""#;
    assert_eq!(said(Rest, given), malformed(Malformed::Shape));
    assert_eq!(said(Http1, given), malformed(Malformed::Shape));
    assert_eq!(said(Http2, given), Ok(told(200, JSON, r#"just a "string""#)));
}

#[test]
fn null_and_nothing_are_a_body_in_format_2_and_no_answer_elsewhere() {
    for (given, why) in [("null", Malformed::Shape), ("", Malformed::NotJson)] {
        assert_eq!(said(Rest, given), malformed(why));
        assert_eq!(said(Http1, given), malformed(why));
        assert_eq!(said(Http2, given), Ok(told(200, JSON, given)));
    }
}

#[test]
fn what_is_no_json_is_the_body_in_format_2_alone() {
    for given in ["Hello, World!", r#"{"name": "John", "age":"#] {
        assert_eq!(said(Rest, given), malformed(Malformed::NotJson));
        assert_eq!(said(Http1, given), malformed(Malformed::NotJson));
        assert_eq!(said(Http2, given), Ok(told(200, JSON, given)));
    }
}

#[test]
fn an_unknown_key_spoils_the_answer_of_a_rest_api_alone() {
    let given = r#"{"statusCode": 200, "wrongValue": "value"}"#;
    assert_eq!(said(Rest, given), malformed(Malformed::UnknownKey));
    assert_eq!(said(Http1, given), Ok(told(200, TEXT, "")));
    assert_eq!(said(Http2, given), Ok(told(200, TEXT, "")));
}

#[test]
fn plain_values_of_headers_are_written_out_and_others_are_malformed() {
    for format in FORMATS {
        let answer = result(format, r#"{"statusCode": 200, "headers": {"a": true, "b": 1.5, "c": "x"}}"#).unwrap();
        assert_eq!(["a", "b", "c"].map(|name| answer.header(name)), [Some("true"), Some("1.5"), Some("x")]);
        assert_eq!(said(format, r#"{"statusCode": 200, "headers": null}"#).map(|(status, ..)| status), Ok(200));
        for headers in [r#"{"a": []}"#, r#"{"a": {}}"#, "[]", r#""a""#] {
            let given = format!(r#"{{"statusCode": 200, "headers": {headers}}}"#);
            assert_eq!(said(format, &given), malformed(Malformed::Headers), "{headers}");
        }
    }
}

#[test]
fn a_single_value_comes_after_those_of_a_list_in_a_rest_api_and_before_them_in_format_1() {
    let given = r#"{"statusCode": 200, "headers": {"x-multi": "three", "y": "z"}, "multiValueHeaders": {"X-Multi": ["one", 2]}}"#;
    let fields = |format| {
        let answer = result(format, given).unwrap();
        answer.headers[1..].iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>()
    };
    assert_eq!(fields(Rest), ["X-Multi: one", "X-Multi: 2", "X-Multi: three", "y: z"]);
    assert_eq!(fields(Http1), ["x-multi: three", "x-multi: one", "x-multi: 2", "y: z"]);
    assert_eq!(fields(Http2), ["x-multi: three", "y: z"]);
}

#[test]
fn multi_value_headers_that_are_no_lists_are_malformed_where_they_are_known() {
    for headers in [r#"{"a": "b"}"#, r#"{"a": [[]]}"#, "[]"] {
        let given = format!(r#"{{"statusCode": 200, "multiValueHeaders": {headers}}}"#);
        assert_eq!(said(Rest, &given), malformed(Malformed::MultiValueHeaders));
        assert_eq!(said(Http1, &given), malformed(Malformed::MultiValueHeaders));
        assert_eq!(said(Http2, &given), Ok(told(200, TEXT, "")));
    }
}

#[test]
fn each_cookie_of_format_2_is_set_by_a_header_of_its_own() {
    let answer = result(Http2, r#"{"statusCode": 200, "cookies": ["a=1", "b=2; Secure"]}"#).unwrap();
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "Set-Cookie").map(|(_, value)| &**value).collect();
    assert_eq!(cookies, ["a=1", "b=2; Secure"]);
    assert_eq!(said(Http2, r#"{"statusCode": 200, "cookies": "a=1"}"#), malformed(Malformed::Cookies));
    assert_eq!(said(Rest, r#"{"statusCode": 200, "cookies": ["a=1"]}"#), malformed(Malformed::UnknownKey));
}

#[test]
fn a_body_is_text_or_nothing() {
    for format in FORMATS {
        assert_eq!(said(format, r#"{"statusCode": 200, "body": null}"#).map(|(.., body)| body), Ok(String::new()));
        assert_eq!(said(format, r#"{"statusCode": 200, "body": {"a": 1}}"#), malformed(Malformed::Body));
        assert_eq!(said(format, r#"{"statusCode": 200, "isBase64Encoded": 1}"#), malformed(Malformed::Body));
    }
}

#[test]
fn a_rest_api_decodes_base64_for_a_client_that_accepts_bytes_and_an_http_api_always() {
    let decoded = |format, accept, types: &[&str], body: &str| {
        let given = format!(r#"{{"statusCode": 200, "body": "{body}", "isBase64Encoded": true}}"#);
        let binary = BinaryMedia::new(types.iter().copied());
        let answer = proxied(format, Returned::Value(given.as_bytes()), accept, &binary);
        answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned())
    };
    let png = Some("image/png, */*");
    assert_eq!(decoded(Rest, png, &["image/png"], "cG5n"), Ok("png".to_owned()));
    assert_eq!(decoded(Rest, None, &["*/*"], "cG5n"), Ok("png".to_owned()));
    assert_eq!(decoded(Rest, Some("*/*, image/png"), &["image/png"], "cG5n"), Ok("cG5n".to_owned()));
    assert_eq!(decoded(Rest, png, &[], "not base64"), Ok("not base64".to_owned()));
    assert_eq!(decoded(Rest, png, &["image/png"], "not base64"), Err(FunctionFault::Undecodable));
    for format in [Http1, Http2] {
        assert_eq!(decoded(format, None, &[], "cG5n"), Ok("png".to_owned()));
        assert_eq!(decoded(format, None, &[], "not base64"), Err(FunctionFault::Undecodable));
    }
}

#[test]
fn a_rest_api_renames_some_headers_of_an_answer_and_drops_others() {
    let given = r#"{"statusCode": 200, "headers": {"content-type": "a/b", "authorization": "1", "Date": "2", "Server": "3",
        "User-Agent": "4", "WWW-Authenticate": "5", "Connection": "6", "Content-MD5": "7", "Max-Forwards": "8", "Host": "9",
        "Content-Length": "10", "Transfer-Encoding": "11", "Via": "12", "TE": "13", "Accept": "14", "x-amzn-RequestId": "15"}}"#;
    let answer = result(Rest, given).unwrap();
    let remapped =
        ["authorization", "Date", "Server", "User-Agent", "WWW-Authenticate", "Connection", "Content-MD5", "Max-Forwards"]
            .map(|name| format!("x-amzn-Remapped-{name}"));
    let mut expected = vec!["content-type"];
    expected.extend(remapped.iter().map(String::as_str));
    expected.extend(["Accept", "x-amzn-remapped-x-amzn-requestid"]);
    assert_eq!(names(&answer), expected);
}

#[test]
fn an_http_api_keeps_the_headers_of_its_connection() {
    let given = r#"{"statusCode": 200, "headers": {"Content-Length": "9", "connection": "close", "WWW-Authenticate": "Basic"}}"#;
    assert_eq!(names(&result(Http2, given).unwrap()), ["Content-Type", "WWW-Authenticate"]);
}

#[test]
fn a_function_that_fails_has_no_answer_whatever_it_says() {
    for format in FORMATS {
        let returned = Returned::Error(br#"{"statusCode": 200}"#);
        assert_eq!(proxied(format, returned, None, &BinaryMedia::default()), Err(FunctionFault::Failed));
    }
}

#[test]
fn a_proxied_answer_is_kept_for_the_client() {
    let door = Door::get(ApiKind::Rest, lambda());
    let returned = Returned::Value(br#"{"statusCode": 204, "body": "four"}"#);
    let content =
        door.look("GET", Ask::default(), |examined| examined.function_answered(Rest, returned, &BinaryMedia::default()));
    assert_eq!(content, Ok(Content { status: 204, bytes: 4 }));
}

#[test]
fn a_client_gets_what_the_function_returned_with_the_gateways_ids_and_trace() {
    let door = Door::get(ApiKind::Rest, lambda());
    let returned = Returned::Value(br#"{"headers": {"X-A": "b"}, "body": "real"}"#);
    let answer = door.look("GET", Ask::default(), |examined| {
        examined.function_answered(Rest, returned, &BinaryMedia::default()).unwrap();
        door.tell(examined, Ask::default(), |answer, _| answer.clone())
    });
    assert_eq!(text(&answer), "real");
    assert_eq!(names(&answer), ["Content-Type", "X-A", "x-amzn-RequestId", "x-amz-apigw-id", "X-Amzn-Trace-Id"]);
}

#[test]
fn an_http_api_maps_the_parameters_of_what_a_function_returned() {
    let mut door = Door::get(ApiKind::Http, lambda());
    door.model.routes[0].response_mapping = vec![(418, pairs(&[("append:header.x-pet", "$response.body.pet")]))];
    let returned = Returned::Value(br#"{"statusCode": 418, "body": "{\"pet\": 7}"}"#);
    let answer = door.look("GET", Ask::default(), |examined| {
        examined.function_answered(Http2, returned, &BinaryMedia::default()).unwrap();
        door.tell(examined, Ask::default(), |answer, _| answer.clone())
    });
    assert_eq!(answer.header("x-pet"), Some("7"));
}

/// A function behind an integration that is not a proxy, with these integration responses.
pub(super) fn mapped_door(responses: &[(Option<&str>, u16)]) -> Door {
    let responses = responses.iter().map(|(pattern, status)| rule(*pattern, *status, &[], None)).collect();
    let mapping = Mapping { requests: json("{}"), responses, ..Mapping::default() };
    Door::get(ApiKind::Rest, service(mapping))
}

fn service(mapping: Mapping) -> Integration {
    let (method, timeout) = (Some("POST".to_owned()), Span::from_secs(29));
    let (function, transfer) = (FunctionId(0), Transfer::Buffered);
    Integration::Lambda(LambdaIntegration {
        function,
        payload: Payload::V2,
        protocol: Protocol::Mapped(mapping),
        method,
        transfer,
        timeout,
    })
}

#[test]
fn an_errors_message_chooses_the_integration_response() {
    let door = mapped_door(&[(None, 200), (Some("Not found.*"), 404), (Some(".+"), 502)]);
    let status = |returned| door.look("GET", Ask::default(), |examined| examined.function_mapped(returned));
    let of = |mapped: Mapped| match mapped {
        Mapped::Answer(content) => content.status,
        Mapped::UnsupportedMediaType | Mapped::Misconfigured => 0,
    };
    assert_eq!(of(status(Returned::Value(br#"{"errorMessage": "Not found"}"#))), 200);
    assert_eq!(of(status(Returned::Error(br#"{"errorMessage": "Not found: 7"}"#))), 404);
    assert_eq!(of(status(Returned::Error(br#"{"errorMessage": "else"}"#))), 502);
    assert_eq!(of(status(Returned::Error(b"no JSON"))), 200);
    let strict = mapped_door(&[(Some("x"), 400)]);
    let unmatched = strict.look("GET", Ask::default(), |examined| examined.function_mapped(Returned::Value(b"{}")));
    assert_eq!(unmatched, Mapped::Misconfigured);
    let proxy = Door::get(ApiKind::Rest, lambda());
    let unmapped = proxy.look("GET", Ask::default(), |examined| examined.function_mapped(Returned::Value(b"{}")));
    assert_eq!(unmapped, Mapped::Misconfigured);
}

#[test]
fn a_response_template_reads_what_the_function_returned() {
    let responses = vec![rule(None, 200, &[("X-Id", "integration.response.body.id")], Some("<$input.path('$.id')>"))];
    let door = Door::get(ApiKind::Rest, service(Mapping { responses, ..Mapping::default() }));
    let mapped = door.look("GET", Ask::default(), |examined| examined.function_mapped(Returned::Value(br#"{"id": 17}"#)));
    assert_eq!(mapped, Mapped::Answer(Content { status: 200, bytes: 4 }));
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..60), at in 0..3_usize) {
        let _ = proxied(FORMATS[at], Returned::Value(&bytes), Some("image/png"), &BinaryMedia::new(["*/*"]));
        let door = mapped_door(&[(None, 200), (Some("a.*"), 400)]);
        door.look("GET", Ask::default(), |examined| {
            let _ = examined.function_mapped(Returned::Error(&bytes));
        });
    }

    #[test]
    fn any_value_of_any_key_is_an_answer_that_can_be_sent_or_a_fault(
        parts in prop::collection::btree_map(
            "statusCode|headers|multiValueHeaders|cookies|body|isBase64Encoded|other",
            "-?[0-9]{1,5}|\"[ -!#-\\[\\]-~]{0,9}\"|true|null|\\[(\"a\"|1)?\\]|\\{\"[a-zA-Z :-]{0,9}\":(\"v\"|\\[\"v\",2\\]|null)\\}",
            0..6,
        ),
        at in 0..3_usize,
    ) {
        let parts: Vec<_> = parts.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let given = format!("{{{}}}", parts.join(","));
        if let Ok(answer) = proxied(FORMATS[at], Returned::Value(given.as_bytes()), None, &BinaryMedia::new(["*/*"])) {
            prop_assert!((100..1_000).contains(&answer.status));
            let is_sound = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| is_token(name) && !value.contains(char::is_control);
            prop_assert!(answer.headers.iter().all(is_sound));
        }
    }
}
