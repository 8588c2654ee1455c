//! What nobody has confirmed of the real gateway: each choice does something.

use sluicegate_policy::model::{
    ApiKind, Cors, GatewayResponse, MalformedStatus, RefusalCors, ResponseType, TooLargeContentType, Unconfirmed,
};

use crate::mock::{Answer, Mock, function, mock};

impl Mock {
    /// How the real gateway is believed to behave.
    fn believed(mut self, unconfirmed: Unconfirmed) -> Self {
        self.model.apis[0].unconfirmed = unconfirmed;
        self
    }

    /// The answer to one request.
    fn answer(self, request: &str) -> Answer {
        self.serve(async |client| client.ask(request).await).0
    }
}

#[test]
fn requests_that_are_none_have_the_statuses_of_the_rfcs_or_400() {
    for (broken, rfc, message) in [
        ("GET /x HTTP/3.0\r\nhost: h\r\n\r\n", 505, "HTTP Version Not Supported"),
        ("POST /x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\n", 501, "Not Implemented"),
        ("POST /x HTTP/1.1\r\nhost: h\r\nexpect: more\r\n\r\n", 417, "Expectation Failed"),
        ("GET /% HTTP/1.1\r\nhost: h\r\n\r\n", 400, "Bad Request"),
    ] {
        for (malformed, status, message) in
            [(MalformedStatus::Rfc, rfc, message), (MalformedStatus::BadRequest, 400, "Bad Request")]
        {
            let answer = mock(ApiKind::Rest).believed(Unconfirmed { malformed, ..Unconfirmed::default() }).answer(broken);
            assert_eq!((answer.status, answer.body), (status, format!(r#"{{"message":"{message}"}}"#)), "{broken}");
        }
    }
}

#[test]
fn too_long_a_body_is_answered_with_the_content_type_of_choice() {
    use TooLargeContentType::{Absent, AsBody, Json};
    for (kind, too_large_content_type, content_type) in [
        (ApiKind::Rest, AsBody, Some("text/plain")),
        (ApiKind::Rest, Json, Some("application/json")),
        (ApiKind::Rest, Absent, None),
        (ApiKind::Http, AsBody, Some("application/json")),
        (ApiKind::Http, Json, Some("application/json")),
        (ApiKind::Http, Absent, None),
    ] {
        let mut mock = mock(kind).fixed("POST /x", "ok");
        mock.model.apis[0].limits.payload_bytes = 3;
        let mock = mock.believed(Unconfirmed { too_large_content_type, ..Unconfirmed::default() });
        let answer = mock.answer("POST /prod/x HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nfour");
        assert_eq!((answer.status, answer.header("content-type")), (413, content_type), "{kind:?} {too_large_content_type:?}");
    }
}

#[test]
fn a_refusal_of_an_http_api_is_shared_with_other_origins_if_it_is_set_to() {
    for (refusal_cors, allowed) in [(RefusalCors::Absent, None), (RefusalCors::Shared, Some("*"))] {
        let mut mock = mock(ApiKind::Http).fixed("GET /x", "ok");
        mock.model.deployments[0].cors = Some(Cors { allow_origins: vec!["*".to_owned()], ..Cors::default() });
        let mock = mock.believed(Unconfirmed { refusal_cors, ..Unconfirmed::default() });
        let answer = mock.answer("GET /prod/no HTTP/1.1\r\nhost: h\r\norigin: https://a.example\r\n\r\n");
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (404, allowed), "{refusal_cors:?}");
    }
}

#[test]
fn a_function_that_fails_behind_a_customised_integration_failure_is_502_or_504() {
    for status in [502, 504] {
        let mut function = function();
        function.failures = 1.0;
        let mut mock = mock(ApiKind::Rest).lambda("GET /x", function);
        let kind = ResponseType::IntegrationFailure;
        let response = GatewayResponse { kind, status: None, headers: Vec::new(), templates: Vec::new() };
        mock.model.deployments[0].responses.push(response);
        let mock = mock.believed(Unconfirmed { customised_function_failure: status, ..Unconfirmed::default() });
        assert_eq!(mock.get("/prod/x").status, status);
    }
}
