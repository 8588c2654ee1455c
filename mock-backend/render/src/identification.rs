//! By which headers an answer tells where it came from: ids, trace, error name, and the content delivery network's.
//!
//! Owns their names and spelling. Refuses their values ([`ids`](crate::ids)). Called for every answer.
//!
//! Names are case-insensitive and in lower case over HTTP/2; spelled here as the real gateway writes them over HTTP/1.1:
//! `x-amzn-RequestId`, `x-amzn-ErrorType`, `x-amz-apigw-id`, `X-Amzn-Trace-Id` (REST), `Apigw-Requestid` (HTTP), and those of
//! the delivery network, `X-Cache`, `Via`, `X-Amz-Cf-Pop`, `X-Amz-Cf-Id` (facts, sections 2.1, 3.2 and 10.1; recorded of an edge
//! endpoint). No answer carries `Retry-After` (facts, section 2.1).

use sluicegate_policy::model::{ApiKind, Endpoint};

use crate::answer::Answer;
use crate::ids::CallIds;

/// The error name.
pub(crate) const ERROR_TYPE: &str = "x-amzn-ErrorType";
/// The trace.
pub(crate) const TRACE_ID: &str = "X-Amzn-Trace-Id";

const APIGW_REQUEST_ID: &str = "Apigw-Requestid";
const EXTENDED_REQUEST_ID: &str = "x-amz-apigw-id";
const REQUEST_ID: &str = "x-amzn-RequestId";
/// The place of the delivery network that answers: any one will do.
const POP: &str = "IAD55-P1";

/// The request's ids; the error name stands between them, as the real gateway writes it.
pub(crate) fn identify(kind: ApiKind, ids: &CallIds, error_type: Option<&'static str>, answer: &mut Answer) {
    match kind {
        ApiKind::Http => answer.push(APIGW_REQUEST_ID, ids.extended().to_owned()),
        ApiKind::Rest | ApiKind::WebSocket => {
            answer.push(REQUEST_ID, ids.request().to_owned());
            if let Some(error_type) = error_type {
                answer.push(ERROR_TYPE, error_type);
            }
            answer.push(EXTENDED_REQUEST_ID, ids.extended().to_owned());
        }
    }
}

/// What the content delivery network of an edge endpoint adds.
pub(crate) fn deliver(endpoint: Endpoint, ids: &CallIds, answer: &mut Answer) {
    if endpoint != Endpoint::Edge {
        return;
    }
    let (host, id) = ids.delivery();
    answer.push("X-Cache", if answer.status < 400 { "Miss from cloudfront" } else { "Error from cloudfront" });
    answer.push("Via", format!("1.1 {host} (CloudFront)"));
    answer.push("X-Amz-Cf-Pop", POP);
    answer.push("X-Amz-Cf-Id", id);
}
