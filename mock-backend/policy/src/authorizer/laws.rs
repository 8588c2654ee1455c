//! What holds for every sequence of requests, held against the obvious authorizer.

use super::*;
use crate::call::CallId;
use crate::latency::Latency;
use crate::model::{Api, ApiId, ApiKind, IdentitySource, LambdaAuthorizer};
use proptest::prelude::*;

const ID: AuthorizerId = AuthorizerId(0);
const MOST: Span = Span::from_secs(10);

fn authorizer(ttl: u64, look_ups: LookUps, takes: u64) -> Authorizer {
    let kind = AuthorizerKind::Lambda(LambdaAuthorizer {
        identity: vec![IdentitySource::Header("Authorization".to_owned())],
        validation: None,
        ttl: Span::from_ms(ttl),
        look_ups,
        denials: 0.3,
        principal: "user".to_owned(),
        context: Vec::new(),
        api_key: None,
    });
    let latency = Latency::constant(Span::from_ms(takes));
    Authorizer { name: "check".to_owned(), api: ApiId(0), kind, latency, failures: 0.2 }
}

fn of(authorizer: &Authorizer) -> Authorizers {
    let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["prod"], Vec::new());
    model.authorizers.push(authorizer.clone());
    Authorizers::new(&model, Seed::new(7))
}

/// When a request has its answer, whose look-up gave it, and what it said.
type Outcome = (Instant, u64, Verdict);

/// Every look-up with its whole story, for ever; the answer that holds is looked for among all of them.
fn obvious(authorizer: &Authorizer, requests: &[(u64, u8)]) -> Vec<Outcome> {
    let AuthorizerKind::Lambda(lambda) = &authorizer.kind else { unreachable!("a function") };
    let seed = Seed::new(7).nth(0);
    let said = |number: u64| {
        if seed.child("failures").unit(number) < authorizer.failures {
            Err(Reason::AuthorizerFailed)
        } else if seed.child("denials").unit(number) < lambda.denials {
            Err(Reason::AccessDenied(Denied::Explicit))
        } else {
            Ok(())
        }
    };
    let takes = authorizer.latency.at(0.5);
    // Identity, begin, end, number, and until when it is kept.
    let mut look_ups: Vec<(u8, Instant, Instant, u64, Option<Instant>)> = Vec::new();
    let mut outcomes = Vec::new();
    for (at, identity) in requests {
        let now = Instant::ZERO + Span::from_ms(*at);
        let own = || look_ups.iter().filter(|look_up| look_up.0 == *identity);
        let kept = own().find(|it| it.2 <= now && it.4.is_some_and(|until| until > now));
        let flying = own().find(|it| it.2 > now && lambda.look_ups == LookUps::Shared);
        if let Some(found) = kept {
            outcomes.push((now, found.3, said(found.3)));
        } else if let Some(found) = flying {
            outcomes.push((found.2, found.3, said(found.3)));
        } else {
            let (number, end) = (look_ups.len() as u64, now + takes);
            let held = own().any(|it| it.2 <= end && it.4.is_some_and(|until| until > end));
            let keeps = said(number) != Err(Reason::AuthorizerFailed) && lambda.ttl > Span::ZERO && !held;
            look_ups.push((*identity, now, end, number, keeps.then(|| end + lambda.ttl)));
            outcomes.push((end, number, said(number)));
        }
    }
    outcomes
}

/// The same with the real one, whose look-ups end before whatever else happens at that instant.
fn real(authorizer: &Authorizer, requests: &[(u64, u8)]) -> (Vec<(Instant, Verdict)>, AuthorizerCounts) {
    let mut authorizers = of(authorizer);
    let mut under_way: VecDeque<(Instant, LookUpId)> = VecDeque::new();
    let mut outcomes = vec![(Instant::ZERO, Ok(())); requests.len()];
    let end_until = |authorizers: &mut Authorizers, under_way: &mut VecDeque<_>, outcomes: &mut Vec<_>, now: Instant| {
        while let Some((end, id)) = under_way.front().copied().filter(|(end, _)| *end <= now) {
            under_way.pop_front();
            let (verdict, waiting) = authorizers.end(end, id).expect("it was under way");
            for CallId(call) in waiting {
                outcomes[call as usize] = (end, verdict);
            }
        }
    };
    for (number, (at, identity)) in requests.iter().enumerate() {
        let now = Instant::ZERO + Span::from_ms(*at);
        end_until(&mut authorizers, &mut under_way, &mut outcomes, now);
        let asking = (CallId(number as u64), &[*identity][..], Ok(()));
        match authorizers.ask(now, (ID, authorizer), asking, MOST) {
            Asked::Kept(verdict) | Asked::Known(verdict) => outcomes[number] = (now, verdict),
            Asked::Begins(id, takes) => under_way.push_back((now + takes, id)),
            Asked::Waits => {}
        }
    }
    end_until(&mut authorizers, &mut under_way, &mut outcomes, Instant::MAX);
    assert!(authorizers.under_way.is_empty() && authorizers.each[0].shared.is_empty(), "nothing is left behind");
    let kept = &authorizers.each[0].kept;
    assert_eq!(kept.by_identity.len(), kept.ends.len());
    assert_eq!(kept.identity_bytes, kept.ends.iter().map(|(_, identity)| identity.len()).sum::<usize>());
    (outcomes, authorizers.counts(ID))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn it_answers_as_the_obvious_one_does(
        gaps in prop::collection::vec((0_u64..30, 0_u8..4), 1..60),
        ttl in prop_oneof![Just(0_u64), 1_u64..100],
        shared in any::<bool>(),
        takes in prop_oneof![Just(0_u64), 1_u64..60],
    ) {
        let authorizer = authorizer(ttl, if shared { LookUps::Shared } else { LookUps::Each }, takes);
        let mut at = 0;
        let requests: Vec<_> = gaps.into_iter().map(|(gap, identity)| { at += gap; (at, identity) }).collect();
        let expected = obvious(&authorizer, &requests);
        let (outcomes, counts) = real(&authorizer, &requests);
        let plain: Vec<_> = expected.iter().map(|(end, _, verdict)| (*end, *verdict)).collect();
        prop_assert_eq!(outcomes, plain);
        let look_ups: std::collections::BTreeSet<u64> = expected.iter().map(|outcome| outcome.1).collect();
        prop_assert_eq!(counts.look_ups, look_ups.len() as u64);
        prop_assert_eq!(counts.asked, requests.len() as u64);
        prop_assert_eq!(counts.hits + counts.shared + counts.look_ups, counts.asked);
    }
}

#[test]
fn a_look_up_that_takes_too_long_has_failed_when_the_time_is_over() {
    let slow = authorizer(300_000, LookUps::Each, 11_000);
    let (outcomes, _) = real(&slow, &[(0, 1), (10_000, 1)]);
    let failed = |secs| (Instant::ZERO + Span::from_secs(secs), Err(Reason::AuthorizerFailed));
    assert_eq!(outcomes, [failed(10), failed(20)]);
}

#[test]
fn beyond_the_bound_the_answer_that_ends_first_goes_and_is_counted() {
    let mut kept = Kept::default();
    let end = Instant::ZERO + Span::from_secs(300);
    for number in 0..=ANSWERS_MAX as u64 {
        let evicted = kept.keep(Instant::ZERO, end, number.to_le_bytes().as_slice().into(), Ok(()));
        assert_eq!(evicted, u64::from(number == ANSWERS_MAX as u64));
    }
    assert_eq!((kept.find(Instant::ZERO, &0_u64.to_le_bytes()), kept.ends.len()), (None, ANSWERS_MAX));
    let longest: Arc<[u8]> = vec![0; IDENTITY_BYTES_MAX].into();
    assert_eq!(kept.keep(Instant::ZERO, end, longest, Ok(())), ANSWERS_MAX as u64);
    assert_eq!(kept.ends.len(), 1);
}
