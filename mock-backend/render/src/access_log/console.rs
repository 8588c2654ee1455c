//! The formats that the console offers, word for word.
//!
//! Owns the eight texts and their names in a profile. Refuses other formats (they are written out). Called by `config`, by tests,
//! and by nobody on the way of a request.
//!
//! Source: developer guide, "Set up `CloudWatch` logging for REST APIs" (2026) and "Configure logging for HTTP APIs" (2023). The
//! guide's REST `CLF` of 2026 has no space after `]`, that of 2023 has one, as every common log has: it stands here.

use sluicegate_policy::model::ApiKind;

/// Common Log Format of an HTTP API. Its route key holds the method, so that the method stands twice.
pub const CLF_HTTP: &str = r#"$context.identity.sourceIp - - [$context.requestTime] "$context.httpMethod $context.routeKey $context.protocol" $context.status $context.responseLength $context.requestId"#;

/// Common Log Format of a REST API.
pub const CLF_REST: &str = r#"$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength $context.requestId $context.extendedRequestId"#;

/// JSON of an HTTP API.
pub const JSON_HTTP: &str = r#"{ "requestId":"$context.requestId", "ip": "$context.identity.sourceIp", "requestTime":"$context.requestTime", "httpMethod":"$context.httpMethod","routeKey":"$context.routeKey", "status":"$context.status","protocol":"$context.protocol", "responseLength":"$context.responseLength" }"#;

/// JSON of a REST API.
pub const JSON_REST: &str = r#"{ "requestId":"$context.requestId", "extendedRequestId":"$context.extendedRequestId","ip": "$context.identity.sourceIp", "caller":"$context.identity.caller", "user":"$context.identity.user", "requestTime":"$context.requestTime", "httpMethod":"$context.httpMethod", "resourcePath":"$context.resourcePath", "status":"$context.status", "protocol":"$context.protocol", "responseLength":"$context.responseLength" }"#;

/// XML of an HTTP API.
pub const XML_HTTP: &str = r#"<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <routeKey>$context.routeKey</routeKey> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#;

/// XML of a REST API.
pub const XML_REST: &str = r#"<request id="$context.requestId"> <extendedRequestId>$context.extendedRequestId</extendedRequestId> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> <user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> <httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> <status>$context.status</status> <protocol>$context.protocol</protocol> <responseLength>$context.responseLength</responseLength> </request>"#;

/// Comma-separated values of an HTTP API.
pub const CSV_HTTP: &str = "$context.identity.sourceIp,$context.requestTime,$context.httpMethod,$context.routeKey,$context.protocol,$context.status,$context.responseLength,$context.requestId";

/// Comma-separated values of a REST API.
pub const CSV_REST: &str = "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,$context.requestId,$context.extendedRequestId";

/// The console's format of this name in a profile (`clf`, `json`, `xml`, `csv`) for this kind of API.
pub fn named(name: &str, kind: ApiKind) -> Option<&'static str> {
    let (http, rest) = match name {
        "clf" => (CLF_HTTP, CLF_REST),
        "json" => (JSON_HTTP, JSON_REST),
        "xml" => (XML_HTTP, XML_REST),
        "csv" => (CSV_HTTP, CSV_REST),
        _ => return None,
    };
    Some(match kind {
        // Of a WebSocket API the fields are those of an HTTP API and some of its own; their order is unconfirmed.
        ApiKind::Http | ApiKind::WebSocket => http,
        ApiKind::Rest => rest,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::*;

    #[test]
    fn each_name_means_a_format_of_either_kind() {
        for name in ["clf", "json", "xml", "csv"] {
            for kind in [ApiKind::Http, ApiKind::Rest] {
                let text = named(name, kind).unwrap();
                assert!(Format::parse(text).is_ok(), "{name} {kind:?}");
                assert_eq!(text.contains("$context.routeKey"), kind == ApiKind::Http, "{name} {kind:?}");
            }
        }
        assert_eq!(named("yaml", ApiKind::Http), None);
    }
}
