//! The ids that an answer carries and the access log repeats.
//!
//! Owns their shapes and where they come from: a seed and the call's number, so that a run repeats them. Refuses OS
//! randomness. Called by `http` once per request; `render` and the access log read the result.
//!
//! Shapes: a REST API has a UUID (`x-amzn-RequestId`) and an extended id (`x-amz-apigw-id`); an HTTP API has one short id for
//! both (`apigw-requestid`), 15 characters of base64 and `=` (developer guide, "Known issues" and the recorded answers).

use std::str;

use sluicegate_policy::model::ApiKind;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a REST API puts in place of a request id that a client sent and that is no UUID (developer guide, "Known issues").
const REPLACED: &str = "UUID_REPLACED_INVALID_REQUEST_ID";

/// Where ids come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdSource {
    seed: Seed,
    api: ApiKind,
}

/// The ids of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallIds {
    request: RequestId,
    extended: ShortId,
    trace: [u64; 2],
}

/// `$context.extendedRequestId`; of an HTTP API also `$context.requestId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShortId([u8; 16]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestId {
    Uuid([u8; 36]),
    Short(ShortId),
    ReplacedInvalid,
}

impl IdSource {
    /// Ids for an API of this kind; the same seed gives the same ids.
    pub(crate) fn new(seed: Seed, api: ApiKind) -> Self {
        Self { seed: seed.child("request ids"), api }
    }

    /// The ids of call number `n`; `offered` is the request id that the client sent, if any (REST only).
    pub(crate) fn ids(&self, n: u64, offered: Option<&[u8]>) -> CallIds {
        let own = self.seed.nth(n);
        let extended = ShortId::spelled(own.draw(0), own.draw(1));
        let request = match (self.api, offered) {
            (ApiKind::Http, _) => RequestId::Short(extended),
            (ApiKind::Rest, None) => RequestId::Uuid(uuid(own.draw(2), own.draw(3))),
            (ApiKind::Rest, Some(offered)) => as_uuid(offered).map_or(RequestId::ReplacedInvalid, RequestId::Uuid),
        };
        CallIds { request, extended, trace: [own.draw(4), own.draw(5)] }
    }
}

impl CallIds {
    /// `$context.requestId`.
    pub(crate) fn request(&self) -> &str {
        match &self.request {
            RequestId::Uuid(text) => ascii(text),
            RequestId::Short(short) => ascii(&short.0),
            RequestId::ReplacedInvalid => REPLACED,
        }
    }

    /// `$context.extendedRequestId`.
    pub(crate) fn extended(&self) -> &str {
        ascii(&self.extended.0)
    }

    /// The value of `X-Amzn-Trace-Id` for a call that came at `wall` since 1970: `Root=1-<8 hex: second>-<24 hex>`.
    pub(crate) fn trace(&self, wall: Span) -> String {
        let second = (wall.as_ns() / 1_000_000_000) as u32;
        format!("Root=1-{second:08x}-{:016x}{:08x}", self.trace[0], self.trace[1] as u32)
    }
}

impl ShortId {
    /// 15 characters of 6 bits each: ten from `a`, five from `b`.
    fn spelled(a: u64, b: u64) -> Self {
        let mut text = [b'='; 16];
        let letters = (0..10).map(|at| a >> (6 * at)).chain((0..5).map(|at| b >> (6 * at)));
        for (place, bits) in text.iter_mut().zip(letters) {
            *place = BASE64[(bits & 63) as usize];
        }
        Self(text)
    }
}

/// A version 4 UUID (RFC 9562, section 5.4) from 128 bits.
fn uuid(high: u64, low: u64) -> [u8; 36] {
    let high = (high & !0xF000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    let bits = (u128::from(high) << 64) | u128::from(low);
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|at| !matches!(at, 8 | 13 | 18 | 23));
    for (nibble, place) in places.enumerate() {
        text[place] = HEX[((bits >> (124 - 4 * nibble)) & 15) as usize];
    }
    text
}

/// `offered` if it is spelled like a UUID.
fn as_uuid(offered: &[u8]) -> Option<[u8; 36]> {
    let text: [u8; 36] = offered.try_into().ok()?;
    let fits = text.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    fits.then_some(text)
}

fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("ids are made of ASCII only")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn source(api: ApiKind) -> IdSource {
        IdSource::new(Seed::new(1), api)
    }

    #[test]
    fn a_rest_api_has_a_uuid_and_an_extended_id() {
        let ids = source(ApiKind::Rest).ids(0, None);
        assert!(as_uuid(ids.request().as_bytes()).is_some(), "{}", ids.request());
        assert_eq!(&ids.request()[14..15], "4");
        assert!("89ab".contains(&ids.request()[19..20]));
        assert_eq!(ids.extended().len(), 16);
        assert!(ids.extended().ends_with('='));
    }

    #[test]
    fn an_http_api_has_one_id_for_both() {
        let ids = source(ApiKind::Http).ids(0, Some(b"ignored"));
        assert_eq!(ids.request(), ids.extended());
        assert!(ids.request().ends_with('='));
    }

    #[test]
    fn a_rest_client_may_bring_a_uuid_and_nothing_else() {
        let brought = b"01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(source(ApiKind::Rest).ids(0, Some(brought)).request().as_bytes(), brought);
        assert_eq!(source(ApiKind::Rest).ids(0, Some(b"mine")).request(), REPLACED);
    }

    #[test]
    fn ids_repeat_with_the_seed_and_not_within_a_run() {
        let source = source(ApiKind::Rest);
        assert_eq!(source.ids(7, None), source.ids(7, None));
        let distinct: BTreeSet<_> = (0..10_000).map(|n| source.ids(n, None).extended().to_owned()).collect();
        assert_eq!(distinct.len(), 10_000);
    }

    #[test]
    fn a_trace_id_opens_with_the_second() {
        let trace = source(ApiKind::Rest).ids(0, None).trace(Span::from_secs(0x5f00_0000));
        assert!(trace.starts_with("Root=1-5f000000-"), "{trace}");
        assert_eq!(trace.len(), "Root=1-5f000000-0123456789abcdef01234567".len());
    }
}
