//! The ids that an answer carries and the access log repeats.
//!
//! Owns their shapes and where they come from: a seed and the call's number, so that a run repeats them. Refuses OS
//! randomness. Called by [`Front::ids`](crate::front::Front::ids) once per request; answers and logs read the result. An id is spelled
//! when it is first read: the simulator examines requests of which nobody ever reads one.
//!
//! Shapes: a REST API has a UUID (`x-amzn-RequestId`) and an extended id (`x-amz-apigw-id`); an HTTP API has one short id for
//! both (`apigw-requestid`), 15 characters of base64 and `=` (developer guide, "Known issues" and the recorded answers). A
//! trace that the client brought with root and parent is kept whole; one with a root alone gets a parent (facts, section 10.1).

use std::cell::OnceCell;
use std::str;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_policy::call::ConnectionId;
use sluicegate_policy::model::ApiKind;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use crate::naming::ACCOUNT_ID;
use crate::request::Head;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a REST API puts in place of a request id that a client sent and that is no UUID (developer guide, "Known issues").
const REPLACED: &str = "UUID_REPLACED_INVALID_REQUEST_ID";

/// Longest trace header that is taken from a client.
const TRACE_BYTES_MAX: usize = 1_024;

/// `1-<8 hex>-<24 hex>`.
const ROOT_LENGTH: usize = 35;

/// Where ids come from.
#[derive(Clone, Copy, Debug)]
pub struct IdSource {
    seed: Seed,
}

/// The ids of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallIds {
    kind: ApiKind,
    request: OnceCell<RequestId>,
    extended: OnceCell<ShortId>,
    own: Seed,
    /// The trace header that the client brought, if it names a root.
    brought: Option<Box<str>>,
}

/// What a client brought of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Brought<'h> {
    request: Option<&'h [u8]>,
    trace: Option<&'h [u8]>,
}

/// `$context.extendedRequestId`; of an HTTP API also `$context.requestId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShortId([u8; 16]);

/// `$context.requestId` of a REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestId {
    Uuid([u8; 36]),
    ReplacedInvalid,
}

impl IdSource {
    /// Ids from this seed; the same seed gives the same ids.
    pub fn new(seed: Seed) -> Self {
        Self { seed: seed.child("request ids") }
    }

    /// What a connection is called: eight bytes of it, which the seed disguises, and three by which a name that nobody gave is known.
    pub fn connection(&self, ConnectionId(id): ConnectionId) -> String {
        let bytes = self.disguised(id);
        let mut name = STANDARD.encode(bytes);
        debug_assert!(name.len() == 16 && name.ends_with('='));
        name.shrink_to_fit();
        name
    }

    /// Which connection is called so.
    pub fn connection_named(&self, name: &str) -> Option<ConnectionId> {
        let bytes: [u8; 11] = STANDARD.decode(name).ok()?.try_into().ok()?;
        let shown = u64::from_le_bytes(bytes[..8].try_into().expect("eight of eleven bytes"));
        let id = shown ^ self.seed.child("connections").draw(0);
        (self.disguised(id) == bytes).then_some(ConnectionId(id))
    }

    fn disguised(self, id: u64) -> [u8; 11] {
        let seed = self.seed.child("connections");
        let mut bytes = [0; 11];
        bytes[..8].copy_from_slice(&(id ^ seed.draw(0)).to_le_bytes());
        bytes[8..].copy_from_slice(&seed.nth(id).draw(1).to_le_bytes()[..3]);
        bytes
    }

    /// The ids of call number `n` to an API of this kind.
    pub fn ids(&self, kind: ApiKind, n: u64, head: &Head) -> CallIds {
        let brought = Brought::by(head);
        let offered = brought.request.map(|offered| as_uuid(offered).map_or(RequestId::ReplacedInvalid, RequestId::Uuid));
        CallIds {
            kind,
            request: offered.map_or_else(OnceCell::new, OnceCell::from),
            extended: OnceCell::new(),
            own: self.seed.nth(n),
            brought: brought.trace.and_then(trace_header),
        }
    }
}

impl CallIds {
    /// `$context.requestId`.
    pub fn request(&self) -> &str {
        match self.kind {
            ApiKind::Http | ApiKind::WebSocket => self.extended(),
            ApiKind::Rest => match self.request.get_or_init(|| RequestId::Uuid(uuid(self.own.draw(2), self.own.draw(3)))) {
                RequestId::Uuid(text) => ascii(text),
                RequestId::ReplacedInvalid => REPLACED,
            },
        }
    }

    /// `$context.messageId` of a message.
    pub fn message(&self) -> String {
        ascii(&ShortId::spelled(self.own.draw(15), self.own.draw(16)).0).to_owned()
    }

    /// `$context.extendedRequestId`.
    pub fn extended(&self) -> &str {
        ascii(&self.extended.get_or_init(|| ShortId::spelled(self.own.draw(0), self.own.draw(1))).0)
    }

    /// The value of `X-Amzn-Trace-Id` for a call that came at `wall` since 1970: `Root=1-<8 hex: second>-<24 hex>`, or what the
    /// client brought, with a parent. That a parent of the gateway's own goes with `Sampled=0` is unconfirmed.
    pub fn trace(&self, wall: Span) -> String {
        let Some(brought) = &self.brought else {
            let mut trace = String::with_capacity("Root=".len() + ROOT_LENGTH);
            trace.push_str("Root=");
            self.write_root(wall, &mut trace);
            return trace;
        };
        if part(brought, "Parent").is_some() {
            return String::from(&**brought);
        }
        let sampled = part(brought, "Sampled").unwrap_or("0");
        format!("Root={};Parent={:016x};Sampled={sampled}", self.trace_root(wall), self.own.draw(6))
    }

    /// `$context.xrayTraceId`: the root of the trace.
    pub fn trace_root(&self, wall: Span) -> String {
        if let Some(root) = self.brought.as_deref().and_then(|brought| part(brought, "Root")) {
            return root.to_owned();
        }
        let mut root = String::with_capacity(ROOT_LENGTH);
        self.write_root(wall, &mut root);
        root
    }

    fn write_root(&self, wall: Span, out: &mut String) {
        out.push_str("1-");
        push_hex(wall.as_ns() / 1_000_000_000, 8, out);
        out.push('-');
        push_hex(self.own.draw(4), 16, out);
        push_hex(self.own.draw(5), 8, out);
    }

    /// The host by which the content delivery network names itself in `Via`, and the id that it gives the request.
    pub(crate) fn delivery(&self) -> (String, String) {
        let host = format!("{:016x}{:016x}.cloudfront.net", self.own.draw(7), self.own.draw(8));
        let letters = (0..54_u64).map(|at| BASE64_URL[(self.own.draw(9 + at / 10) >> (6 * (at % 10)) & 63) as usize]);
        (host, letters.map(char::from).chain("==".chars()).collect())
    }
}

impl<'h> Brought<'h> {
    /// One look at each header: this is asked for every request.
    fn by(head: &'h Head) -> Self {
        let mut brought = Self::default();
        for (name, value) in head.headers() {
            match name.len() {
                16 if brought.request.is_none() && name.eq_ignore_ascii_case("x-amzn-requestid") => brought.request = Some(value),
                15 if brought.trace.is_none() && name.eq_ignore_ascii_case("x-amzn-trace-id") => brought.trace = Some(value),
                _ => {}
            }
        }
        brought
    }
}

/// A trace header that can be passed on: visible, not too long, with a root.
fn trace_header(value: &[u8]) -> Option<Box<str>> {
    let sound = value.len() <= TRACE_BYTES_MAX && value.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let text = str::from_utf8(value).ok().filter(|_| sound)?;
    part(text, "Root").is_some_and(|root| !root.is_empty()).then(|| text.into())
}

/// The value of `name` in `Root=..;Parent=..;Sampled=1`.
fn part<'t>(trace: &'t str, name: &str) -> Option<&'t str> {
    let parts = trace.split(';').filter_map(|part| part.trim().split_once('='));
    parts.into_iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
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
/// A random UUID (version 4) of this seed.
pub fn uuid_of(seed: Seed) -> String {
    String::from_utf8_lossy(&uuid(seed.draw(0), seed.draw(1))).into_owned()
}

/// The name by which the provider's services know a function.
pub fn function_arn(region: &str, name: &str) -> String {
    format!("arn:aws:lambda:{region}:{ACCOUNT_ID}:function:{name}")
}

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

/// The lowest `digits` hexadecimal digits of a number: far cheaper than formatting, and asked for every function's answer.
fn push_hex(number: u64, digits: u32, out: &mut String) {
    out.extend((0..digits).rev().map(|digit| char::from(HEX[(number >> (4 * digit)) as usize & 15])));
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

    fn brought(headers: &[(&str, &str)]) -> Head {
        Head::new("GET", "/", headers.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    fn ids(kind: ApiKind, headers: &[(&str, &str)]) -> CallIds {
        IdSource::new(Seed::new(1)).ids(kind, 0, &brought(headers))
    }

    #[test]
    fn a_rest_api_has_a_uuid_and_an_extended_id() {
        let ids = ids(ApiKind::Rest, &[]);
        assert!(as_uuid(ids.request().as_bytes()).is_some(), "{}", ids.request());
        assert_eq!(&ids.request()[14..15], "4");
        assert!("89ab".contains(&ids.request()[19..20]));
        assert_eq!(ids.extended().len(), 16);
        assert!(ids.extended().ends_with('='));
    }

    #[test]
    fn an_http_api_has_one_id_for_both() {
        let ids = ids(ApiKind::Http, &[("x-amzn-requestid", "ignored")]);
        assert_eq!(ids.request(), ids.extended());
        assert!(ids.request().ends_with('='));
    }

    #[test]
    fn a_rest_client_may_bring_a_uuid_and_nothing_else() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(ids(ApiKind::Rest, &[("x-amzn-RequestId", uuid)]).request(), uuid);
        assert_eq!(ids(ApiKind::Rest, &[("x-amzn-requestid", "mine")]).request(), REPLACED);
    }

    #[test]
    fn ids_repeat_with_the_seed_and_not_within_a_run() {
        let (source, head) = (IdSource::new(Seed::new(1)), brought(&[]));
        let of = |n| {
            let ids = source.ids(ApiKind::Rest, n, &head);
            (ids.request().to_owned(), ids.extended().to_owned(), ids.trace(Span::ZERO))
        };
        assert_eq!(of(7), of(7));
        let distinct: BTreeSet<_> = (0..10_000).map(|n| source.ids(ApiKind::Rest, n, &head).extended().to_owned()).collect();
        assert_eq!(distinct.len(), 10_000);
    }

    #[test]
    fn a_connection_is_known_by_its_name_and_by_no_other() {
        let source = IdSource::new(Seed::new(1));
        for id in [0, 1, 7 << 32 | 5, u64::MAX].map(ConnectionId) {
            let name = source.connection(id);
            assert_eq!((name.len(), &name[15..], source.connection_named(&name)), (16, "=", Some(id)), "{name}");
            assert_eq!(IdSource::new(Seed::new(2)).connection_named(&name), None);
        }
        for name in ["", "=", "AAAAAAAAAAAAAAA=", "AAAA", "not base 64!", &"A".repeat(400)] {
            assert_eq!(source.connection_named(name), None, "{name}");
        }
    }

    #[test]
    fn a_trace_id_opens_with_the_second() {
        let trace = ids(ApiKind::Rest, &[]).trace(Span::from_secs(0x5f00_0000));
        assert!(trace.starts_with("Root=1-5f000000-"), "{trace}");
        assert_eq!(trace.len(), "Root=1-5f000000-0123456789abcdef01234567".len());
    }

    #[test]
    fn a_trace_with_a_parent_is_kept_and_one_without_gets_one() {
        let whole = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let of = |trace| ids(ApiKind::Rest, &[("X-Amzn-Trace-Id", trace)]).trace(Span::ZERO);
        assert_eq!(of(whole), whole);
        let small = of("Root=1-5759e988-bd862e3fe1be46a994272793");
        assert!(small.starts_with("Root=1-5759e988-bd862e3fe1be46a994272793;Parent="), "{small}");
        assert!(of("Parent=1").starts_with("Root=1-00000000-"));
    }

    #[test]
    fn a_brought_trace_that_no_header_can_hold_is_replaced() {
        let odd = brought(&[("X-Amzn-Trace-Id", "Root=1\u{7f};Parent=2")]);
        assert!(IdSource::new(Seed::new(1)).ids(ApiKind::Rest, 0, &odd).trace(Span::ZERO).starts_with("Root=1-00000000-"));
    }
}
