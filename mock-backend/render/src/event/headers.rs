//! The headers of a request as a function gets them.
//!
//! Owns which are dropped, which the gateway adds, and how names are spelled. Refuses to say how several values of one name are
//! shown (each format does).

use std::net::IpAddr;

use sluicegate_policy::model::Endpoint;

use super::Eventful;
use crate::parameters::is_taken;

/// What an HTTP API keeps to itself: it is said of a connection, not of a request (RFC 9110, section 7.6.1). The recorded events
/// have none of it.
const OF_A_CONNECTION: [&str; 8] =
    ["connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// What the gateway writes itself, whatever the client said of it.
const WRITTEN: [&str; 4] = ["x-amzn-trace-id", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"];

/// What every edge location says of a viewer that is no known device (recorded); a viewer's network and country are any ones.
const VIEWER: [(&str, &str); 7] = [
    ("CloudFront-Forwarded-Proto", "https"),
    ("CloudFront-Is-Desktop-Viewer", "true"),
    ("CloudFront-Is-Mobile-Viewer", "false"),
    ("CloudFront-Is-SmartTV-Viewer", "false"),
    ("CloudFront-Is-Tablet-Viewer", "false"),
    ("CloudFront-Viewer-ASN", "64496"),
    ("CloudFront-Viewer-Country", "US"),
];

/// The address of an edge location: one of those that are nobody's (RFC 5737).
const EDGE_ADDRESS: &str = "192.0.2.1";

/// What an HTTP API spells so in format 1.0, though a client of HTTP/2 sent it in lower case (an event of the real service, in
/// milliHQ/terraform-aws-next-js, pull request 31, 2021).
const CAPITALISED: [&str; 7] =
    ["Content-Length", "Host", "User-Agent", "X-Amzn-Trace-Id", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto"];

type Pairs = Vec<(String, String)>;

/// Of a REST API: names as the client spelled them.
pub(super) fn rest(of: &Eventful<'_>) -> Pairs {
    let kept = |name: &str| !is_taken(name);
    // Recorded: `authorization` and `aUThorization` come to the function with a capital, names of one's own do not.
    let spelled = |name: &str| if name.eq_ignore_ascii_case("authorization") { "Authorization" } else { name }.to_owned();
    let is_edge = of.seen.front.endpoint(of.seen.to.arrival.api) == Endpoint::Edge;
    let mut headers = passed(of, kept, spelled);
    // A signature is the gateway's own business (facts, section 1.2).
    headers.retain(|(name, value)| name != "Authorization" || !value.starts_with("AWS4-"));
    if is_edge {
        deliver(of, &mut headers);
    }
    forwarded(of, is_edge.then_some(EDGE_ADDRESS), &mut headers);
    in_order(headers)
}

/// Of an HTTP API in format 1.0: names as the client spelled them but for some, and always a length. The developer guide has them
/// all in lower case; events of the real service do not (the same, and snapshots of aws/aws-lambda-dotnet, 2025).
pub(super) fn http1(of: &Eventful<'_>) -> Pairs {
    http(of, |name| {
        let capitalised = CAPITALISED.iter().find(|spelled| spelled.eq_ignore_ascii_case(name));
        (*capitalised.unwrap_or(&name)).to_owned()
    })
}

/// Of an HTTP API in format 2.0: names in lower case, and always a length (recorded).
pub(super) fn http2(of: &Eventful<'_>) -> Pairs {
    http(of, str::to_ascii_lowercase)
}

fn http(of: &Eventful<'_>, spelled: impl Fn(&str) -> String) -> Pairs {
    let kept = |name: &str| {
        let connection = OF_A_CONNECTION.iter().any(|dropped| name.eq_ignore_ascii_case(dropped));
        !connection && !name.eq_ignore_ascii_case("content-length")
    };
    let mut headers = passed(of, kept, str::to_owned);
    headers.push(("Content-Length".to_owned(), of.seen.request.body.len().to_string()));
    forwarded(of, None, &mut headers);
    for (name, _) in &mut headers {
        *name = spelled(name);
    }
    in_order(headers)
}

fn passed(of: &Eventful<'_>, kept: impl Fn(&str) -> bool, spelled: impl Fn(&str) -> String) -> Pairs {
    let written = |name: &str| WRITTEN.iter().any(|written| name.eq_ignore_ascii_case(written));
    let passed = of.seen.request.head.headers().filter(|(name, _)| kept(name) && !written(name));
    passed.map(|(name, value)| (spelled(name), String::from_utf8_lossy(value).into_owned())).collect()
}

/// What the content delivery network of an edge endpoint adds.
fn deliver(of: &Eventful<'_>, headers: &mut Pairs) {
    let (host, id) = of.seen.ids.delivery();
    let before = of.seen.header("via").map_or_else(String::new, |via| format!("{via}, "));
    headers.retain(|(name, _)| {
        let said_here = VIEWER.iter().any(|(viewer, _)| name.eq_ignore_ascii_case(viewer));
        !said_here && !name.eq_ignore_ascii_case("via") && !name.eq_ignore_ascii_case("x-amz-cf-id")
    });
    headers.extend(VIEWER.map(|(name, value)| (name.to_owned(), value.to_owned())));
    headers.push(("Via".to_owned(), format!("{before}1.1 {host} (CloudFront)")));
    headers.push(("X-Amz-Cf-Id".to_owned(), id));
}

/// Where the request came from, after what the client said of it itself. A gateway is reached by HTTPS alone, whatever stands in
/// for it here.
fn forwarded(of: &Eventful<'_>, edge: Option<&str>, headers: &mut Pairs) {
    let source: IpAddr = of.seen.request.source.to_canonical();
    let before = of.seen.header("x-forwarded-for").map(str::to_owned);
    let hops = before.into_iter().chain([source.to_string()]).chain(edge.map(str::to_owned));
    let hops: Vec<_> = hops.filter(|hop| !hop.is_empty()).collect();
    let trace = of.seen.ids.trace(of.seen.wall);
    let written = [("X-Amzn-Trace-Id", trace), ("X-Forwarded-For", hops.join(", ")), ("X-Forwarded-Port", "443".to_owned())];
    headers.extend(written.map(|(name, value)| (name.to_owned(), value)));
    headers.push(("X-Forwarded-Proto".to_owned(), "https".to_owned()));
}

/// Alphabetical, whatever the case of a letter; several values keep their order.
fn in_order(mut headers: Pairs) -> Pairs {
    headers.sort_by_cached_key(|(name, _)| (name.to_ascii_lowercase(), name.clone()));
    headers
}
