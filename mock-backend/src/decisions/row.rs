//! A row of the record of decisions as bytes.
//!
//! Owns where each number stands. Refuses files (`decisions`). Called by `decisions` alone.
//!
//! A row of a call: arrival and call in nanoseconds since the origin, the arrival's number, the body's length (`u64` each); lengths
//! of URL, request line and headers (`u32` each); stage, deployment, route, API key, status, the reason's function or pool (`u16` each, all
//! ones for none); reason; a byte of flags (canary 1, preflight 2, key 4 if unknown, 8 if known); the API (`u16`); what the
//! evidence said: validity, freshness, mapping, and what the cache had to do with the answer (a byte each), hash (`u64`) and
//! length (`u32`) of the cache key, status (`u32`) and length (`u64`) of the mapped answer; the cache's entry (`u64`); what the
//! evidence said of who asks: identity, what the token is worth, what the resource policy says (a byte each), a byte of nothing, length
//! (`u32`) and hash (`u64`) of the identity; what an authorizer's answer is worth, whether it names a key (a byte each: 0 if it was not asked)
//! and which (`u16`). A row of a dropped entry: the second number, the entry, and 16 in the flags. A row of a
//! resumed call: the second number, the call's row in the third, what the evidence said, and 32 in the flags; of one that was left the
//! same without evidence, and 64. A row of an ended invocation: `invoked` has it, and 128 in the flags. All numbers are little-endian.

mod invoked;

use sluicegate_policy::call::{
    Arrival, CacheUse, Call, CallId, Content, Credential, Denied, EntryId, Freshness, FunctionLimit, Identity, Invalid, Judged,
    Mapped, Permission, Purpose, Reason, Release, Scope, SignatureFault, Size, TokenFault, Verdict,
};
use sluicegate_policy::model::{ApiId, CapacityId, DeploymentId, FunctionId, KeyId, RouteId, StageId};
use sluicegate_policy::time::Instant;

use super::witness::IdentityQuestion;
use super::{CacheQuestion, Decided, Decision, Evident, Row};

/// How long a row is.
pub(super) const ROW_BYTES: usize = 116;
const FLAGS_AT: usize = 57;
const ENTRY_AT: usize = 88;
const ABSENT: u16 = u16::MAX;
/// In the place of a reason: the client left before the answer.
const UNANSWERED: u8 = u8::MAX;
const CANARY: u8 = 1;
const PREFLIGHT: u8 = 2;
const KEY_UNKNOWN: u8 = 4;
const KEY_KNOWN: u8 = 8;
const DROPPED: u8 = 16;
const RESUMED: u8 = 32;
const LEFT: u8 = 64;
const INVOKED: u8 = 128;
const CALL_AT: usize = 16;
const EVIDENT_AT: usize = 60;
const IDENTITY_AT: usize = 96;
const JUDGED_AT: usize = 112;

/// A row, to be written.
pub(super) fn encoded(row: &Row) -> [u8; ROW_BYTES] {
    match row {
        Row::Called(decision) => of_call(decision),
        Row::Dropped { at, entry } => {
            let mut row = [0; ROW_BYTES];
            row[8..16].copy_from_slice(&at.as_ns().to_le_bytes());
            row[FLAGS_AT] = DROPPED;
            row[ENTRY_AT..IDENTITY_AT].copy_from_slice(&entry.0.to_le_bytes());
            row
        }
        Row::Resumed { at, call, evident } => {
            let mut row = of_parked(*at, *call, RESUMED);
            let mut said = Vec::with_capacity(ROW_BYTES - EVIDENT_AT);
            self::evident(evident, CacheUse::None, &mut said);
            row[EVIDENT_AT..].copy_from_slice(&said);
            row
        }
        Row::Left { at, call } => of_parked(*at, *call, LEFT),
        Row::Invoked { at, effect, ended } => invoked::encoded(*at, *effect, ended),
    }
}

fn of_parked(at: Instant, call: u64, flag: u8) -> [u8; ROW_BYTES] {
    let mut row = [0; ROW_BYTES];
    row[8..CALL_AT].copy_from_slice(&at.as_ns().to_le_bytes());
    row[CALL_AT..CALL_AT + 8].copy_from_slice(&call.to_le_bytes());
    row[FLAGS_AT] = flag;
    row
}

fn of_call(row: &Decision) -> [u8; ROW_BYTES] {
    let Call { arrival, route, purpose, key, size, id: _ } = row.call;
    let (reason, function) = row.answer.map_or((UNANSWERED, ABSENT), |answer| code_of(answer.reason));
    let (key_flag, key) = match key {
        Credential::Absent => (0, ABSENT),
        Credential::Unknown => (KEY_UNKNOWN, ABSENT),
        Credential::Key(KeyId(key)) => (KEY_KNOWN, key),
    };
    let canary = if arrival.release == Release::Canary { CANARY } else { 0 };
    let preflight = if purpose == Purpose::Preflight { PREFLIGHT } else { 0 };
    let mut out = Vec::with_capacity(ROW_BYTES);
    for number in [row.arrived.as_ns(), row.called.as_ns(), arrival.number, size.body] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for length in [size.url, size.line, size.headers] {
        out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
    let stage = arrival.stage.map_or(ABSENT, |id| id.0);
    let deployment = arrival.deployment.map_or(ABSENT, |id| id.0);
    let status = row.answer.map_or(0, |answer| answer.status);
    for id in [stage, deployment, route.map_or(ABSENT, |id| id.0), key, status, function] {
        out.extend_from_slice(&id.to_le_bytes());
    }
    out.extend_from_slice(&[reason, canary | preflight | key_flag]);
    out.extend_from_slice(&arrival.api.0.to_le_bytes());
    evident(&row.evident, row.answer.map(|answer| answer.cache).unwrap_or_default(), &mut out);
    let mut row = [0; ROW_BYTES];
    row[..out.len()].copy_from_slice(&out);
    row
}

/// The last 56 bytes.
fn evident(evident: &Evident, cache: CacheUse, out: &mut Vec<u8>) {
    let examined = match evident.examined {
        None => 0,
        Some(Ok(())) => 1,
        Some(Err(Invalid::Parameters)) => 2,
        Some(Err(Invalid::Body)) => 3,
    };
    let asked = match evident.cached.map(|cached| cached.freshness) {
        None => 0,
        Some(Freshness::Any) => 1,
        Some(Freshness::Anew) => 2,
    };
    let (mapped, content) = match evident.mapped {
        None => (0, Content::default()),
        Some(Mapped::Answer(content)) => (1, content),
        Some(Mapped::UnsupportedMediaType) => (2, Content::default()),
        Some(Mapped::Misconfigured) => (3, Content::default()),
    };
    let (used, entry) = match cache {
        CacheUse::None => (0, 0),
        CacheUse::Missed => (1, 0),
        CacheUse::Hit(EntryId(entry)) => (2, entry),
        CacheUse::Kept(EntryId(entry)) => (3, entry),
    };
    let (key_hash, key_bytes) = evident.cached.map_or((0, 0), |cached| (cached.key_hash, cached.key_bytes));
    out.extend_from_slice(&[examined, asked, mapped, used]);
    out.extend_from_slice(&key_hash.to_le_bytes());
    out.extend_from_slice(&key_bytes.to_le_bytes());
    out.extend_from_slice(&u32::from(content.status).to_le_bytes());
    out.extend_from_slice(&content.bytes.to_le_bytes());
    out.extend_from_slice(&entry.to_le_bytes());
    who_asks(evident, out);
}

/// The last 20 bytes.
fn who_asks(evident: &Evident, out: &mut Vec<u8>) {
    let identity = match evident.identified.map(|question| question.identity) {
        None => 0,
        Some(Identity::Present) => 1,
        Some(Identity::Absent) => 2,
        Some(Identity::Mismatched) => 3,
    };
    let permitted = match evident.permitted {
        None => 0,
        Some(Permission::Silent) => 1,
        Some(Permission::Allowed) => 2,
        Some(Permission::Denied) => 3,
    };
    let (key_hash, key_bytes) = evident.identified.map_or((0, 0), |question| (question.key_hash, question.key_bytes));
    out.extend_from_slice(&[identity, of_verdict(evident.verified), permitted, 0]);
    out.extend_from_slice(&key_bytes.to_le_bytes());
    out.extend_from_slice(&key_hash.to_le_bytes());
    let (named, key) = match evident.judged.map(|judged| judged.key) {
        None => (0, ABSENT),
        Some(Credential::Absent) => (1, ABSENT),
        Some(Credential::Unknown) => (2, ABSENT),
        Some(Credential::Key(KeyId(key))) => (3, key),
    };
    out.extend_from_slice(&[of_verdict(evident.judged.map(|judged| judged.verdict)), named]);
    out.extend_from_slice(&key.to_le_bytes());
}

fn of_verdict(verdict: Option<Verdict>) -> u8 {
    match verdict {
        None => 0,
        Some(Ok(())) => 1,
        Some(Err(reason)) => code_of(reason).0.saturating_add(VERDICT),
    }
}

/// A byte that stands for nothing.
struct Unknown;

fn verdict_of(code: u8) -> Result<Option<Verdict>, Unknown> {
    Ok(match code {
        0 => None,
        1 => Some(Ok(())),
        code => Some(Err(reason_of(code - VERDICT, ABSENT).ok_or(Unknown)?)),
    })
}

/// What an authorizer's answer is worth.
fn judged(row: &[u8; ROW_BYTES]) -> Result<Option<Judged>, Unknown> {
    let Some(verdict) = verdict_of(row[JUDGED_AT])? else { return Ok(None) };
    let key = match row[JUDGED_AT + 1] {
        1 => Credential::Absent,
        2 => Credential::Unknown,
        3 => Credential::Key(KeyId(u16::from_le_bytes([row[JUDGED_AT + 2], row[JUDGED_AT + 3]]))),
        _ => return Err(Unknown),
    };
    Ok(Some(Judged { verdict, key }))
}

/// In front of the reasons for which a token is worth nothing.
const VERDICT: u8 = 2;

fn who_asked(row: &[u8; ROW_BYTES]) -> Option<(Option<IdentityQuestion>, Option<Verdict>, Option<Permission>)> {
    let identity = match row[IDENTITY_AT] {
        0 => None,
        1 => Some(Identity::Present),
        2 => Some(Identity::Absent),
        3 => Some(Identity::Mismatched),
        _ => return None,
    };
    let verified = verdict_of(row[IDENTITY_AT + 1]).ok()?;
    let permitted = match row[IDENTITY_AT + 2] {
        0 => None,
        1 => Some(Permission::Silent),
        2 => Some(Permission::Allowed),
        3 => Some(Permission::Denied),
        _ => return None,
    };
    let key_bytes = row[IDENTITY_AT + 4..].first_chunk().copied().map(u32::from_le_bytes)?;
    let key_hash = u64_at(row, IDENTITY_AT + 8)?;
    Some((identity.map(|identity| IdentityQuestion { key_hash, key_bytes, identity }), verified, permitted))
}

fn evident_of(row: &[u8; ROW_BYTES]) -> Option<(Evident, CacheUse)> {
    let examined = match row[60] {
        0 => None,
        1 => Some(Ok(())),
        2 => Some(Err(Invalid::Parameters)),
        3 => Some(Err(Invalid::Body)),
        _ => return None,
    };
    let freshness = match row[61] {
        0 => None,
        1 => Some(Freshness::Any),
        2 => Some(Freshness::Anew),
        _ => return None,
    };
    let (key_hash, key_bytes) = (u64_at(row, 64)?, row[72..].first_chunk().copied().map(u32::from_le_bytes)?);
    let status = row[76..].first_chunk().copied().map(u16::from_le_bytes)?;
    let mapped = match row[62] {
        0 => None,
        1 => Some(Mapped::Answer(Content { status, bytes: u64_at(row, 80)? })),
        2 => Some(Mapped::UnsupportedMediaType),
        3 => Some(Mapped::Misconfigured),
        _ => return None,
    };
    let entry = EntryId(u64_at(row, ENTRY_AT)?);
    let cache = match row[63] {
        0 => CacheUse::None,
        1 => CacheUse::Missed,
        2 => CacheUse::Hit(entry),
        3 => CacheUse::Kept(entry),
        _ => return None,
    };
    let cached = freshness.map(|freshness| CacheQuestion { key_hash, key_bytes, freshness });
    let (identified, verified, permitted) = who_asked(row)?;
    let judged = judged(row).ok()?;
    Some((Evident { identified, verified, judged, permitted, examined, cached, mapped }, cache))
}

/// The row with this number; `None` if these bytes are none.
pub(super) fn decoded(id: u64, row: &[u8; ROW_BYTES]) -> Option<Row> {
    if row[FLAGS_AT] & DROPPED != 0 {
        return Some(Row::Dropped { at: Instant::from_ns(u64_at(row, 8)?), entry: EntryId(u64_at(row, ENTRY_AT)?) });
    }
    let flags = row[FLAGS_AT];
    if flags & INVOKED != 0 {
        return invoked::decoded(row);
    }
    if flags & (RESUMED | LEFT) != 0 {
        let (at, call) = (Instant::from_ns(u64_at(row, 8)?), u64_at(row, CALL_AT)?);
        let resumed = flags & RESUMED != 0;
        return if resumed { Some(Row::Resumed { at, call, evident: evident_of(row)?.0 }) } else { Some(Row::Left { at, call }) };
    }
    let u64_at = |at: usize| u64_at(row, at);
    let u32_at = |at: usize| row[at..].first_chunk().copied().map(u32::from_le_bytes).map(u64::from);
    let u16_at = |at: usize| row[at..].first_chunk().copied().map(u16::from_le_bytes);
    let id_at = |at: usize| u16_at(at).map(|id| Some(id).filter(|id| *id != ABSENT));
    let (reason, flags) = (row[56], row[FLAGS_AT]);
    let (evident, cache) = evident_of(row)?;
    let answer = match reason {
        UNANSWERED => None,
        reason => Some(Decided { reason: reason_of(reason, u16_at(54)?)?, status: u16_at(52)?, cache }),
    };
    let key = match (flags & KEY_UNKNOWN, flags & KEY_KNOWN) {
        (0, 0) => Credential::Absent,
        (0, _) => Credential::Key(KeyId(u16_at(50)?)),
        _ => Credential::Unknown,
    };
    let call = Call {
        id: CallId(id),
        arrival: Arrival {
            number: u64_at(16)?,
            api: ApiId(u16_at(58)?),
            stage: id_at(44)?.map(StageId),
            deployment: id_at(46)?.map(DeploymentId),
            release: if flags & CANARY == 0 { Release::Base } else { Release::Canary },
        },
        route: id_at(48)?.map(RouteId),
        purpose: if flags & PREFLIGHT == 0 { Purpose::Answer } else { Purpose::Preflight },
        key,
        size: Size { body: u64_at(24)?, url: u32_at(32)?, line: u32_at(36)?, headers: u32_at(40)? },
    };
    let (arrived, called) = (Instant::from_ns(u64_at(0)?), Instant::from_ns(u64_at(8)?));
    Some(Row::Called(Decision { arrived, called, call, evident, answer }))
}

/// The number that stands there.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

/// What a reason is in the file, and its function if it has one. A new reason gets a new number: the old ones keep theirs.
const fn code_of(reason: Reason) -> (u8, u16) {
    let code = match reason {
        Reason::Served => 0,
        Reason::Preflight => 1,
        Reason::NoStage => 2,
        Reason::NoRoute => 3,
        Reason::UrlTooLong => 4,
        Reason::HeadersTooLarge => 5,
        Reason::PayloadTooLarge => 6,
        Reason::KeyRefused => 7,
        Reason::QuotaExceeded => 8,
        Reason::Throttled(Scope::KeyRoute) => 9,
        Reason::Throttled(Scope::Key) => 10,
        Reason::Throttled(Scope::Route) => 11,
        Reason::Throttled(Scope::Stage) => 12,
        Reason::Throttled(Scope::Account) => 13,
        Reason::Invalid(Invalid::Parameters) => 14,
        Reason::Invalid(Invalid::Body) => 15,
        Reason::InvalidationRefused => 16,
        Reason::UnsupportedMediaType => 17,
        Reason::Misconfigured => 18,
        Reason::Throttled(Scope::Connects) => 53,
        Reason::Gone => 54,
        Reason::Binary => 55,
        Reason::Unread => 56,
        Reason::IntegrationTimeout => 19,
        Reason::IntegrationUnreachable => 20,
        Reason::Unauthorized(TokenFault::Refused) => 52,
        Reason::Unauthorized(fault) => 28 + fault as u8,
        Reason::InsufficientScope => 38,
        Reason::SignatureRefused(fault) => 39 + fault as u8,
        Reason::AccessDenied(Denied::Explicit) => 45,
        Reason::AccessDenied(Denied::Implicit) => 46,
        Reason::PolicyDenied(Denied::Explicit) => 47,
        Reason::PolicyDenied(Denied::Implicit) => 48,
        Reason::AuthorizerFailed => 49,
        Reason::AuthorizerMisconfigured => 50,
        Reason::FunctionThrottled(FunctionId(function), FunctionLimit::Concurrency) => return (21, function),
        Reason::FunctionFailed(FunctionId(function)) => return (22, function),
        Reason::FunctionMalformed(FunctionId(function)) => return (51, function),
        Reason::FunctionThrottled(FunctionId(function), FunctionLimit::Reserved) => return (23, function),
        Reason::FunctionThrottled(FunctionId(function), FunctionLimit::Rate) => return (24, function),
        Reason::FunctionThrottled(FunctionId(function), FunctionLimit::ReservedRate) => return (25, function),
        Reason::FunctionThrottled(FunctionId(function), FunctionLimit::ScaleOut) => return (26, function),
        Reason::CapacityExhausted(CapacityId(capacity)) => return (27, capacity),
    };
    (code, ABSENT)
}

fn reason_of(code: u8, function: u16) -> Option<Reason> {
    let function = FunctionId(function);
    Some(match code {
        0 => Reason::Served,
        1 => Reason::Preflight,
        2 => Reason::NoStage,
        3 => Reason::NoRoute,
        4 => Reason::UrlTooLong,
        5 => Reason::HeadersTooLarge,
        6 => Reason::PayloadTooLarge,
        7 => Reason::KeyRefused,
        8 => Reason::QuotaExceeded,
        9 => Reason::Throttled(Scope::KeyRoute),
        10 => Reason::Throttled(Scope::Key),
        11 => Reason::Throttled(Scope::Route),
        12 => Reason::Throttled(Scope::Stage),
        13 => Reason::Throttled(Scope::Account),
        14 => Reason::Invalid(Invalid::Parameters),
        15 => Reason::Invalid(Invalid::Body),
        16 => Reason::InvalidationRefused,
        17 => Reason::UnsupportedMediaType,
        18 => Reason::Misconfigured,
        19 => Reason::IntegrationTimeout,
        20 => Reason::IntegrationUnreachable,
        21 => Reason::FunctionThrottled(function, FunctionLimit::Concurrency),
        22 => Reason::FunctionFailed(function),
        23 => Reason::FunctionThrottled(function, FunctionLimit::Reserved),
        24 => Reason::FunctionThrottled(function, FunctionLimit::Rate),
        25 => Reason::FunctionThrottled(function, FunctionLimit::ReservedRate),
        26 => Reason::FunctionThrottled(function, FunctionLimit::ScaleOut),
        27 => Reason::CapacityExhausted(CapacityId(function.0)),
        28..=37 | 52 => Reason::Unauthorized(token_fault(code)?),
        38 => Reason::InsufficientScope,
        39 => Reason::SignatureRefused(SignatureFault::Missing),
        40 => Reason::SignatureRefused(SignatureFault::Incomplete),
        41 => Reason::SignatureRefused(SignatureFault::Unknown),
        42 => Reason::SignatureRefused(SignatureFault::Mismatched),
        43 => Reason::SignatureRefused(SignatureFault::Expired),
        44 => Reason::SignatureRefused(SignatureFault::Stale),
        45 => Reason::AccessDenied(Denied::Explicit),
        46 => Reason::AccessDenied(Denied::Implicit),
        47 => Reason::PolicyDenied(Denied::Explicit),
        48 => Reason::PolicyDenied(Denied::Implicit),
        49 => Reason::AuthorizerFailed,
        50 => Reason::AuthorizerMisconfigured,
        51 => Reason::FunctionMalformed(function),
        53 => Reason::Throttled(Scope::Connects),
        54 => Reason::Gone,
        55 => Reason::Binary,
        56 => Reason::Unread,
        _ => return None,
    })
}

fn token_fault(code: u8) -> Option<TokenFault> {
    Some(match code {
        28 => TokenFault::Missing,
        29 => TokenFault::Mismatched,
        30 => TokenFault::Malformed,
        31 => TokenFault::Algorithm,
        32 => TokenFault::Key,
        33 => TokenFault::Signature,
        34 => TokenFault::Issuer,
        35 => TokenFault::Audience,
        36 => TokenFault::Expired,
        37 => TokenFault::Early,
        52 => TokenFault::Refused,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
