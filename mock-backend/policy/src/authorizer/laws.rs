//! What holds for every sequence of requests, held against the obvious authorizer.

use std::collections::BTreeSet;

use super::*;
use crate::call::CallId;
use crate::latency::Latency;
use crate::model::{Api, ApiId, ApiKind, AuthorizerFormat, IdentitySource, LambdaAuthorizer};
use proptest::prelude::*;

const ID: AuthorizerId = AuthorizerId(0);
const MOST: Span = Span::from_secs(10);

fn authorizer(ttl: u64, look_ups: LookUps, takes: u64) -> Authorizer {
    let kind = AuthorizerKind::Lambda(LambdaAuthorizer {
        function: None,
        format: AuthorizerFormat::default(),
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

/// The same as a function of the account.
fn invoked(mut authorizer: Authorizer) -> Authorizer {
    if let AuthorizerKind::Lambda(lambda) = &mut authorizer.kind {
        lambda.function = Some(FunctionId(0));
    }
    authorizer
}

fn of(authorizer: &Authorizer) -> Authorizers {
    let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["prod"], Vec::new());
    model.authorizers.push(authorizer.clone());
    Authorizers::new(&model, Seed::new(7))
}

/// When a request has its answer, whose look-up gave it, and what it said.
type Outcome = (Instant, u64, Said);

/// What the model's look-ups say, by their number.
fn drawn(authorizer: &Authorizer, number: u64) -> Said {
    let AuthorizerKind::Lambda(lambda) = &authorizer.kind else { unreachable!("a function") };
    let seed = Seed::new(7).nth(0);
    Said::Verdict(if seed.child("failures").unit(number) < authorizer.failures {
        Err(Reason::AuthorizerFailed)
    } else if seed.child("denials").unit(number) < lambda.denials {
        Err(Reason::AccessDenied(Denied::Explicit))
    } else {
        Ok(())
    })
}

/// What a real function says, and what it takes to keep it, by the number of the look-up.
fn told(number: u64) -> (Said, u64) {
    match number % 7 {
        0 => (Said::Verdict(Err(Reason::AuthorizerFailed)), 0),
        1 => (Said::Verdict(Err(Reason::Unauthorized(TokenFault::Refused))), 0),
        2 => (Said::Verdict(Err(Reason::AuthorizerMisconfigured)), 0),
        _ => (Said::Answer(AnswerId(number)), 100 + number),
    }
}

/// Every look-up with its whole story, for ever; the answer that holds is looked for among all of them.
fn obvious(authorizer: &Authorizer, requests: &[(u64, u8)], said: impl Fn(u64) -> Said) -> Vec<Outcome> {
    let AuthorizerKind::Lambda(lambda) = &authorizer.kind else { unreachable!("a function") };
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
            let is_answer = matches!(said(number), Said::Answer(_) | Said::Verdict(Ok(()) | Err(Reason::AccessDenied(_))));
            let keeps = is_answer && lambda.ttl > Span::ZERO && !held;
            look_ups.push((*identity, now, end, number, keeps.then(|| end + lambda.ttl)));
            outcomes.push((end, number, said(number)));
        }
    }
    outcomes
}

/// The real one, and what it has let go.
struct Run {
    authorizers: Authorizers,
    under_way: VecDeque<(Instant, LookUpId)>,
    outcomes: Vec<(Instant, Said)>,
    gone: BTreeSet<AnswerId>,
}

impl Run {
    /// Look-ups end before whatever else happens at that instant; of functions they say what is told, by their number. Whoever waited
    /// goes on at once.
    fn end_until(&mut self, now: Instant, invoked: bool) {
        while let Some((end, id)) = self.under_way.front().copied().filter(|(end, _)| *end <= now) {
            self.under_way.pop_front();
            if invoked {
                let (said, bytes) = told(id.0);
                assert!(self.authorizers.say(id, said, bytes));
            }
            let (said, waiting) = self.authorizers.end(end, id).expect("it was under way");
            assert!(!self.authorizers.say(id, said, 0) && !self.authorizers.is_under_way(id));
            for CallId(call) in waiting {
                self.outcomes[call as usize] = (end, said);
                self.authorizers.let_go(said);
            }
            self.take_gone();
        }
    }

    /// What is gone is told once, and neither kept nor waited for.
    fn take_gone(&mut self) {
        while let Some(answer) = self.authorizers.take_gone() {
            assert!(self.gone.insert(answer), "{answer:?} is told twice");
        }
        let kept: BTreeSet<AnswerId> = self.authorizers.each[0].kept.count().2.into_iter().collect();
        assert_eq!(kept, self.authorizers.held.keys().copied().collect());
        assert!(kept.is_disjoint(&self.gone));
    }
}

fn real(authorizer: &Authorizer, requests: &[(u64, u8)]) -> (Run, AuthorizerCounts) {
    let invoked = authorizer.function().is_some();
    let outcomes = vec![(Instant::ZERO, Said::Verdict(Ok(()))); requests.len()];
    let mut run = Run { authorizers: of(authorizer), under_way: VecDeque::new(), outcomes, gone: BTreeSet::new() };
    for (number, (at, identity)) in requests.iter().enumerate() {
        let now = Instant::ZERO + Span::from_ms(*at);
        run.end_until(now, invoked);
        let asking = (CallId(number as u64), &[*identity][..], Ok(()));
        match run.authorizers.ask(now, (ID, authorizer), asking, MOST) {
            Asked::Kept(said) => run.outcomes[number] = (now, said),
            Asked::Known(verdict) => run.outcomes[number] = (now, Said::Verdict(verdict)),
            Asked::Begins(id, takes) => run.under_way.push_back((now + takes, id)),
            Asked::Invokes(id, FunctionId(0)) => run.under_way.push_back((now + authorizer.latency.at(0.5), id)),
            Asked::Invokes(..) => unreachable!("there is one function"),
            Asked::Waits => {}
        }
        run.take_gone();
    }
    run.end_until(Instant::MAX, invoked);
    let desk = &run.authorizers.each[0];
    assert!(run.authorizers.under_way.is_empty() && desk.shared.is_empty(), "nothing is left behind");
    let counts = run.authorizers.counts(ID);
    (run, counts)
}

fn requests(gaps: Vec<(u64, u8)>) -> Vec<(u64, u8)> {
    let mut at = 0;
    let later = |(gap, identity)| {
        at += gap;
        (at, identity)
    };
    gaps.into_iter().map(later).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn it_answers_as_the_obvious_one_does(
        gaps in prop::collection::vec((0_u64..30, 0_u8..4), 1..60),
        ttl in prop_oneof![Just(0_u64), 1_u64..100],
        shared in any::<bool>(),
        takes in prop_oneof![Just(0_u64), 1_u64..60],
        is_real in any::<bool>(),
    ) {
        let modelled = authorizer(ttl, if shared { LookUps::Shared } else { LookUps::Each }, takes);
        let requests = requests(gaps);
        let authorizer = if is_real { invoked(modelled.clone()) } else { modelled.clone() };
        let expected = obvious(&modelled, &requests, |number| if is_real { told(number).0 } else { drawn(&modelled, number) });
        let (mut run, counts) = real(&authorizer, &requests);
        let plain: Vec<_> = expected.iter().map(|(end, _, said)| (*end, *said)).collect();
        prop_assert_eq!(&run.outcomes, &plain);
        let look_ups: BTreeSet<u64> = expected.iter().map(|outcome| outcome.1).collect();
        prop_assert_eq!(counts.look_ups, look_ups.len() as u64);
        prop_assert_eq!(counts.asked, requests.len() as u64);
        prop_assert_eq!(counts.hits + counts.shared + counts.look_ups, counts.asked);
        // At the end of all times nothing is kept, and every answer has been told as gone.
        run.authorizers.find(Instant::MAX, ID, &[0]);
        run.take_gone();
        let answers: BTreeSet<AnswerId> = expected.iter().filter_map(|outcome| outcome.2.answer()).collect();
        prop_assert_eq!(&run.gone, &answers);
        prop_assert_eq!(run.authorizers.each[0].kept.count(), (0, 0, Vec::new()));
    }
}

#[test]
fn a_look_up_that_takes_too_long_has_failed_when_the_time_is_over() {
    let slow = authorizer(300_000, LookUps::Each, 11_000);
    let (run, _) = real(&slow, &[(0, 1), (10_000, 1)]);
    let failed = |secs| (Instant::ZERO + Span::from_secs(secs), Said::Verdict(Err(Reason::AuthorizerFailed)));
    assert_eq!(run.outcomes, [failed(10), failed(20)]);
}

#[test]
fn whoever_still_waits_needs_what_was_said_though_it_is_not_kept() {
    let check = invoked(authorizer(0, LookUps::Shared, 5));
    let mut authorizers = of(&check);
    let mut asked = |call| authorizers.ask(Instant::ZERO, (ID, &check), (CallId(call), b"ann", Ok(())), MOST);
    let Asked::Invokes(id, _) = asked(0) else { panic!("it is asked") };
    assert_eq!(asked(1), Asked::Waits);
    assert_eq!(authorizers.first(id), Some((CallId(0), ID)));
    let said = Said::Answer(AnswerId(9));
    authorizers.say(id, said, 50);
    assert_eq!(authorizers.end(Instant::ZERO, id), Some((said, vec![CallId(0), CallId(1)])));
    authorizers.let_go(said);
    assert_eq!(authorizers.take_gone(), None, "one request has not been held against it yet");
    authorizers.let_go(said);
    assert_eq!((authorizers.take_gone(), authorizers.take_gone()), (Some(AnswerId(9)), None));
}

#[test]
fn beyond_either_bound_the_answer_that_ends_first_goes_and_is_counted() {
    let yes = (Said::Verdict(Ok(())), 0);
    let mut kept = Kept::default();
    let end = Instant::ZERO + Span::from_secs(300);
    for number in 0..=ANSWERS_MAX as u64 {
        let evicted = kept.keep(Instant::ZERO, end, number.to_le_bytes().as_slice().into(), yes);
        assert_eq!(evicted, Some(u64::from(number == ANSWERS_MAX as u64)));
    }
    assert_eq!((kept.find(Instant::ZERO, &0_u64.to_le_bytes()), kept.count().0), (None, ANSWERS_MAX));
    let longest: Arc<[u8]> = vec![0; KEPT_BYTES_MAX].into();
    assert_eq!(kept.keep(Instant::ZERO, end, longest, yes), Some(ANSWERS_MAX as u64));
    assert_eq!((kept.count().0, kept.take_dropped()), (1, None));
}

#[test]
fn large_answers_make_room_for_each_other_and_one_too_large_is_not_kept() {
    let mut kept = Kept::default();
    let end = Instant::ZERO + Span::from_secs(300);
    let mut keep = |number: u64, bytes| {
        let what = (Said::Answer(AnswerId(number)), bytes);
        kept.keep(Instant::ZERO, end, number.to_le_bytes().as_slice().into(), what)
    };
    let third = KEPT_BYTES_MAX as u64 / 3;
    assert_eq!([0, 1, 2, 3].map(|number| keep(number, third)), [Some(0), Some(0), Some(1), Some(1)]);
    assert_eq!([keep(4, KEPT_BYTES_MAX as u64), keep(5, u64::MAX)], [None, None]);
    assert_eq!(
        [kept.take_dropped(), kept.take_dropped(), kept.take_dropped()].map(|it| it.map(|it| it.0)),
        [Some(1), Some(0), None]
    );
    assert_eq!(kept.count().2, [AnswerId(2), AnswerId(3)]);
}
