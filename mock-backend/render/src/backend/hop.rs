//! Which headers pass through the gateway, and under which names.
//!
//! Owns the tables of facts, section 1.2 (developer guide, "Known issues", 2026; answers recorded of header remapping, 11 December
//! 2024). Refuses values. Used for requests to back ends and for their answers.

use super::Parts;
use crate::answer::Answer;
use crate::mapping::JSON;
use crate::parameters::is_taken;

/// Whether parameters in front of a function or a service set what only the gateway may.
pub(crate) fn is_forbidden_to_service(parameters: &[(String, String)]) -> bool {
    parameters.iter().any(|(name, _)| name.strip_prefix("header.").is_some_and(may_not_be_mapped_to_service))
}

/// The way that headers go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hop {
    /// A REST API's `HTTP`: nothing of the client's passes by itself.
    RestMapped,
    /// A REST API's `HTTP_PROXY`.
    RestProxy,
    /// An HTTP API.
    Http,
    /// A REST API's `AWS`: as `HTTP`, and a mapping may set even less.
    Service,
}

/// Of a client's headers these do not reach the back end of a proxy either, beside those that the gateway takes for itself.
const NOT_PASSED: [&str; 3] = ["content-encoding", "host", "via"];
/// Those that an HTTP API does not pass on: one hop's own, and what it replaces by `Forwarded`.
const NOT_PASSED_BY_HTTP_API: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];
/// A mapping that sets one of these is dropped without a word. Recorded.
const DROPPED_WHEN_MAPPED: [&str; 5] = ["connection", "expect", "proxy-authenticate", "te", "via"];
/// What a mapping in front of a function or a service may not set, beside what no mapping may. Recorded (`header-remap.AWS`).
const FORBIDDEN_TO_SERVICES: [&str; 5] = ["authorization", "connection", "expect", "proxy-authenticate", "te"];
/// Headers of answers that get another name. Recorded of mapped ones and of a proxy's.
const REMAPPED: [&str; 14] = [
    "authorization",
    "connection",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "trailer",
    "upgrade",
    "user-agent",
    "www-authenticate",
];
/// Headers of a proxied back end that are dropped although they would have another name if they were mapped.
const DROPPED_FROM_PROXY: [&str; 8] =
    ["expect", "host", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "via"];
/// The gateway's own id, which a back end may have, too.
const REQUEST_ID: &str = "x-amzn-requestid";

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether setting this header by a mapping makes the gateway answer 500. Recorded.
pub(super) fn may_not_be_mapped(name: &str) -> bool {
    is_one_of(name, &["content-length", "transfer-encoding"])
}

/// The same in front of a function or a service. Recorded (`header-remap.AWS`).
pub(super) fn may_not_be_mapped_to_service(name: &str) -> bool {
    may_not_be_mapped(name) || is_one_of(name, &FORBIDDEN_TO_SERVICES)
}

/// The headers of a request to a back end; `mapped` stand in the place of what would pass.
pub(super) fn request_headers(hop: Hop, parts: &Parts<'_>, mapped: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = match hop {
        Hop::RestMapped | Hop::Service => mapped_defaults(parts),
        Hop::RestProxy => passed(parts, |name| is_taken(name) || is_one_of(name, &NOT_PASSED)),
        Hop::Http => passed(parts, |name| is_one_of(name, &NOT_PASSED_BY_HTTP_API)),
    };
    for (name, value) in mapped.into_iter().filter(|(name, _)| !is_one_of(name, &DROPPED_WHEN_MAPPED)) {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    }
    for (name, value) in &parts.own {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push(((*name).to_owned(), value.clone()));
    }
    headers
}

fn passed(parts: &Parts<'_>, is_left: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let passes = parts.headers.iter().filter(|(name, _)| !is_left(name));
    passes.map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// What a back end gets that is no proxy: recorded are these, and that a content type comes with a body alone.
fn mapped_defaults(parts: &Parts<'_>) -> Vec<(String, String)> {
    let mut headers = vec![("Accept".to_owned(), JSON.to_owned())];
    if let Some(content_type) = parts.content_type {
        headers.push(("Content-Type".to_owned(), content_type.to_owned()));
    } else if !parts.body.is_empty() {
        let given = parts.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        headers.push(("Content-Type".to_owned(), given.map_or_else(|| JSON.to_owned(), |(_, value)| value.clone())));
    }
    headers.push(("User-Agent".to_owned(), format!("AmazonAPIGateway_{}", parts.api)));
    headers
}

/// The headers of a proxied back end's answer, as the client gets them.
pub(crate) fn response_headers(hop: Hop, headers: &[(String, String)], answer: &mut Answer) {
    for (name, value) in headers {
        match hop {
            Hop::Http if is_one_of(name, &["connection", "content-length", "date", "keep-alive", "transfer-encoding"]) => {}
            Hop::Http => answer.push_made(name, value),
            Hop::RestMapped | Hop::RestProxy | Hop::Service if is_one_of(name, &DROPPED_FROM_PROXY) => {}
            Hop::RestMapped | Hop::RestProxy | Hop::Service => answer.push_made(&renamed(name), value),
        }
    }
}

/// Renames those headers of a REST API's answer that only the gateway may have.
pub(crate) fn remap(answer: &mut Answer) {
    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"));
    for (name, _) in &mut answer.headers {
        *name = renamed(name).into();
    }
}

fn renamed(name: &str) -> String {
    let is_remapped = is_one_of(name, &REMAPPED) || name.eq_ignore_ascii_case(REQUEST_ID);
    if is_remapped { format!("x-amzn-Remapped-{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_the_gateway_may_say_gets_another_name() {
        let mut answer = Answer::new(200, "");
        let headers =
            [("Date", "d"), ("Server", "s"), ("Transfer-Encoding", "chunked"), ("X-Own", "o"), ("x-amzn-RequestId", "i")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        response_headers(Hop::RestProxy, &headers, &mut answer);
        let names: Vec<&str> = answer.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["x-amzn-Remapped-Date", "x-amzn-Remapped-Server", "X-Own", "x-amzn-Remapped-x-amzn-RequestId"]);
    }

    #[test]
    fn a_mapped_header_is_renamed_even_where_a_proxys_would_be_dropped() {
        let mut answer = Answer::new(200, "");
        for name in ["Host", "Upgrade", "TE", "Via", "Content-Type"] {
            answer.push_made(name, "x");
        }
        remap(&mut answer);
        let names: Vec<&str> = answer.headers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["x-amzn-Remapped-Host", "x-amzn-Remapped-Upgrade", "TE", "Via", "Content-Type"]);
    }
}
