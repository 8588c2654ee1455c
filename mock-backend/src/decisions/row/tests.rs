//! Every row survives the file, and no bytes are a panic.

use super::*;
use proptest::prelude::*;
use sluicegate_policy::call::{EffectId, Fate, FunctionResult, Invoked};
use sluicegate_policy::time::Span;

fn ids() -> impl Strategy<Value = Option<u16>> {
    proptest::option::of(0..ABSENT)
}

fn calls() -> impl Strategy<Value = Call> {
    let size = (any::<u64>(), any::<u32>(), any::<u32>(), any::<u32>());
    let key =
        prop_oneof![Just(Credential::Absent), Just(Credential::Unknown), (0..ABSENT).prop_map(|id| Credential::Key(KeyId(id)))];
    (any::<(u64, u16)>(), ids(), ids(), ids(), key, size, any::<bool>(), any::<bool>()).prop_map(
        |((number, api), stage, deployment, route, key, (body, url, line, headers), canary, preflight)| Call {
            id: CallId(0),
            arrival: Arrival {
                number,
                api: ApiId(api),
                stage: stage.map(StageId),
                deployment: deployment.map(DeploymentId),
                release: if canary { Release::Canary } else { Release::Base },
            },
            route: route.map(RouteId),
            purpose: if preflight { Purpose::Preflight } else { Purpose::Answer },
            key,
            size: Size { url: url.into(), line: line.into(), headers: headers.into(), body },
        },
    )
}

#[test]
fn every_reason_survives_the_file() {
    for code in 0..=56 {
        let reason = reason_of(code, 7).unwrap();
        assert_eq!(code_of(reason).0, code);
    }
    assert_eq!(reason_of(57, 7), None);
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Ok(())),
        Just(Err(Reason::Unauthorized(TokenFault::Refused))),
        Just(Err(Reason::AccessDenied(Denied::Implicit))),
    ]
}

fn ends() -> impl Strategy<Value = Invoked> {
    let results = prop_oneof![
        any::<(u16, u64)>().prop_map(|(status, bytes)| FunctionResult::Answered(Content { status, bytes })),
        any::<u64>().prop_map(|bytes| FunctionResult::Authorized { bytes }),
        Just(FunctionResult::Unauthorized),
        Just(FunctionResult::Failed),
        Just(FunctionResult::Malformed),
        Just(FunctionResult::Misconfigured),
        Just(FunctionResult::Throttled),
    ];
    let fates = prop_oneof![Just(Fate::Kept), Just(Fate::Lost)];
    (results, fates, any::<Option<u64>>()).prop_map(|(result, fate, cold_start)| Invoked {
        result,
        fate,
        cold_start: cold_start.map(Span::from_ns),
    })
}

fn evidents() -> impl Strategy<Value = Evident> {
    let examined = proptest::option::of(prop_oneof![Just(Ok(())), Just(Err(Invalid::Parameters)), Just(Err(Invalid::Body)),]);
    let cached = proptest::option::of(any::<(u64, u32, bool)>().prop_map(|(key_hash, key_bytes, anew)| {
        let freshness = if anew { Freshness::Anew } else { Freshness::Any };
        CacheQuestion { key_hash, key_bytes, freshness }
    }));
    let mapped = proptest::option::of(prop_oneof![
        any::<(u16, u64)>().prop_map(|(status, bytes)| Mapped::Answer(Content { status, bytes })),
        Just(Mapped::UnsupportedMediaType),
        Just(Mapped::Misconfigured),
    ]);
    let identities = prop_oneof![Just(Identity::Present), Just(Identity::Absent), Just(Identity::Mismatched)];
    let identified =
        proptest::option::of((any::<(u64, u32)>(), identities).prop_map(|((key_hash, key_bytes), identity)| IdentityQuestion {
            key_hash,
            key_bytes,
            identity,
        }));
    let verified = proptest::option::of(prop_oneof![
        Just(Ok(())),
        Just(Err(Reason::Unauthorized(TokenFault::Audience))),
        Just(Err(Reason::SignatureRefused(SignatureFault::Stale))),
    ]);
    let permissions = prop_oneof![Just(Permission::Silent), Just(Permission::Allowed), Just(Permission::Denied)];
    let judged =
        proptest::option::of((verdicts(), any::<Option<u16>>()).prop_map(|(verdict, key)| Judged {
            verdict,
            key: key.map_or(Credential::Unknown, |key| Credential::Key(KeyId(key))),
        }));
    (identified, verified, judged, proptest::option::of(permissions), examined, cached, mapped).prop_map(
        |(identified, verified, judged, permitted, examined, cached, mapped)| Evident {
            identified,
            verified,
            judged,
            permitted,
            examined,
            cached,
            mapped,
        },
    )
}

fn uses() -> impl Strategy<Value = CacheUse> {
    prop_oneof![
        Just(CacheUse::None),
        Just(CacheUse::Missed),
        any::<u64>().prop_map(|id| CacheUse::Hit(EntryId(id))),
        any::<u64>().prop_map(|id| CacheUse::Kept(EntryId(id))),
    ]
}

proptest! {
    #[test]
    fn a_row_survives_the_file(
        call in calls(),
        times in any::<(u64, u64)>(),
        (code, status, left) in (0_u8..53, 100_u16..600, any::<bool>()),
        evident in evidents(),
        cache in uses(),
        ended in ends(),
    ) {
        let answer = if left { None } else { reason_of(code, 3).map(|reason| Decided { reason, status, cache }) };
        let (arrived, called) = (Instant::from_ns(times.0), Instant::from_ns(times.1));
        let row = Row::Called(Decision { arrived, called, call, evident, answer });
        prop_assert_eq!(decoded(0, &encoded(&row)), Some(row));
        for row in [Row::Resumed { at: called, call: times.0, evident }, Row::Left { at: called, call: times.0 }] {
            prop_assert_eq!(decoded(0, &encoded(&row)), Some(row));
        }
        let row = Row::Invoked { at: called, effect: EffectId(times.0), ended };
        prop_assert_eq!(decoded(0, &encoded(&row)), Some(row));
        let row = Row::Dropped { at: called, entry: EntryId(times.0) };
        prop_assert_eq!(decoded(0, &encoded(&row)), Some(row));
    }

    #[test]
    fn no_row_is_a_panic(bytes: [[u8; 29]; 4]) {
        let mut row = [0; ROW_BYTES];
        row.copy_from_slice(bytes.as_flattened());
        let _ = decoded(0, &row);
    }
}
