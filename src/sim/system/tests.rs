//! Systems as a whole: nobody is lost, the same case gives the same, and how many are inside is what Little's law says.

use proptest::prelude::*;
use sluicegate_policy::model::{Burst, Discipline, Keys, Limiter, Lookup, Part, PerSecond, Scaling, Station, Throttle};

use super::*;
use crate::load::traffic::{Arrivals, Piece, Spacing};

const fn rate(tokens: u64) -> PerSecond {
    PerSecond { tokens, per: Span::from_secs(1) }
}

fn poisson(tokens: u64) -> Comings {
    let piece = Piece { from: rate(tokens), to: rate(tokens), length: Span::from_secs(1) };
    Comings::Planned(Arrivals { pieces: vec![piece], spacing: Spacing::Poisson })
}

fn exponential(ms: u64) -> Latency {
    Latency::exponential(Span::from_ms(ms)).expect("a mean above zero")
}

fn case(comings: Comings, parts: Vec<Part>) -> Case {
    Case {
        parts: parts.into_iter().map(|part| ("part".to_owned(), part)).collect(),
        comings,
        retries: None,
        requests: Some(2_000),
        until: Instant::MAX,
        skip: 100,
        warmup: Span::ZERO,
        observe: vec![Instant::from_ns(1_000_000_000)],
        above: Some(3),
        seconds: true,
        seed: Seed::new(7),
    }
}

fn station(servers: Option<u32>, room: Option<u32>, discipline: Discipline, patience: Option<Latency>) -> Part {
    Part::Station { station: Station { servers, room, discipline }, work: exponential(50), patience }
}

fn pool((limit, provisioned): (Option<u32>, u32)) -> Part {
    let provisioned = provisioned.min(limit.unwrap_or(u32::MAX));
    Part::Pool(Box::new(model::Pool {
        duration: exponential(40),
        cold_start: exponential(100),
        keep_alive: exponential(300),
        limit,
        scaling: Scaling { provisioned, ..Scaling::default() },
        billed_per: Span::from_ms(1),
    }))
}

fn any_part() -> impl Strategy<Value = Part> {
    let meter = Limiter::Meter { rate: rate(90), burst: 5, delays: true };
    let bucket =
        Limiter::Buckets(vec![Throttle { rate: rate(90), burst: Burst(5) }, Throttle { rate: rate(80), burst: Burst(9) }]);
    let lookup = |entries, shares| Part::Lookup {
        lookup: Lookup { ttl: Span::from_ms(300), refreshes: shares, entries, shares },
        keys: Keys { count: 20, skew: 1.0 },
        fetch: exponential(30),
    };
    prop_oneof![
        (prop::option::of(1_u32..9), prop::option::of(1_u32..20)).prop_map(|(servers, room)| station(
            servers,
            room,
            Discipline::FirstCome,
            None
        )),
        (1_u32..9, 1_u64..400).prop_map(|(servers, ms)| station(
            Some(servers),
            None,
            Discipline::FirstCome,
            Some(exponential(ms))
        )),
        (1_u32..9).prop_map(|servers| station(Some(servers), Some(30), Discipline::Shared, None)),
        Just(Part::Fails(0.1)),
        Just(Part::Limiter(meter)),
        Just(Part::Limiter(bucket)),
        (prop::option::of(1_u32..10), 0_u32..3).prop_map(pool),
        (prop::option::of(1_u32..10), any::<bool>()).prop_map(move |(entries, shares)| lookup(entries, shares)),
    ]
}

fn any_comings() -> impl Strategy<Value = Comings> {
    prop_oneof![
        Just(poisson(100)),
        Just(Comings::Gaps(exponential(10))),
        Just(Comings::Closed { users: 20, think: exponential(100) }),
        Just(Comings::Batches(vec![(Instant::ZERO, 700), (Instant::from_ns(900_000_000), 5_000)])),
        Just(Comings::Bursts(vec![
            crate::load::system::Burst { rate: rate(0), lasts: Span::from_ms(200) },
            crate::load::system::Burst { rate: rate(300), lasts: Span::from_ms(100) },
        ])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nobody_is_lost_between_the_parts(
        comings in any_comings(),
        parts in prop::collection::vec(any_part(), 1..4),
        attempts in prop::option::of(1_u32..4),
    ) {
        let retries = attempts.map(|attempts| crate::load::system::Retries { attempts, backoff: exponential(20) });
        let most = u64::from(attempts.unwrap_or(1));
        let case = Case { retries, ..case(comings, parts) };
        let tally = play(&case, 2, &mut |_| ()).unwrap();
        prop_assert_eq!(tally.requests, 2 * 1_900);
        prop_assert!((tally.requests..=most * tally.requests).contains(&tally.attempts));
        let mut come = tally.attempts;
        for part in &tally.parts {
            prop_assert_eq!(part.asked, come);
            come -= part.refused + part.gave_up;
            prop_assert_eq!(part.passed, come);
            prop_assert!(part.waits.len() <= come && part.hits + part.shared <= part.asked);
            prop_assert!(part.cold_starts + part.provisioned <= come);
            prop_assert!(part.busy_ns <= part.inside_ns);
        }
        prop_assert_eq!(tally.response.len(), come);
        prop_assert_eq!(tally.looks[0].number, 2);
    }
}

#[test]
fn the_same_case_gives_the_same_whatever_plays_beside_it() {
    let case = case(poisson(100), vec![station(Some(6), Some(9), Discipline::FirstCome, Some(exponential(80)))]);
    let together = play(&case, 70, &mut |_| ()).unwrap();
    let mut one_by_one = Tally::new(&case);
    for at in 0..70 {
        one_by_one.merge(&System::new(&case, case.seed.child("system").nth(at)).run().unwrap());
    }
    assert_eq!(together, one_by_one);
    assert_ne!(together, play(&Case { seed: Seed::new(8), ..case }, 70, &mut |_| ()).unwrap());
}

/// Little's law: how many are there is how many come times how long they stay. It holds exactly over a time at both ends of which nobody
/// is there; the last answers are the difference here.
#[test]
fn how_many_are_there_is_what_littles_law_says() {
    let case = Case { requests: Some(200_000), ..case(poisson(100), vec![station(Some(6), None, Discipline::FirstCome, None)]) };
    let tally = play(&case, 1, &mut |_| ()).unwrap();
    let inside = tally.parts[0].inside_ns as f64 / tally.counted.as_ns() as f64;
    let come_per_ns = tally.requests as f64 / tally.counted.as_ns() as f64;
    let expected = come_per_ns * tally.response.mean();
    assert!((inside / expected - 1.0).abs() < 1e-3, "{inside}, not {expected}");
    let busy = tally.parts[0].busy_ns as f64 / tally.counted.as_ns() as f64;
    assert!((busy - 5.0).abs() < 0.1, "{busy} of 6 servers for 100/s of 50 ms each");
}

#[test]
fn a_case_that_has_a_duration_ends_there_and_counts_until_there() {
    let case = Case {
        requests: None,
        until: Instant::from_ns(20_500_000_000),
        skip: 0,
        ..case(Comings::Gaps(Latency::constant(Span::from_secs(1))), vec![station(None, None, Discipline::FirstCome, None)])
    };
    let tally = play(&case, 1, &mut |_| ()).unwrap();
    assert_eq!((tally.requests, tally.counted), (20, Span::from_ms(19_500)));
}

#[test]
fn a_system_that_only_grows_is_given_up() {
    let case = Case { requests: Some(100_000), ..case(poisson(100), vec![station(Some(1), None, Discipline::FirstCome, None)]) };
    let system = System { most: 1_000, ..System::new(&case, case.seed) };
    let Overflow { at } = system.run().expect_err("80 of 100 that come in a second stay");
    assert!((12.0..13.5).contains(&at.as_secs_f64()), "{at:?}");
}

#[test]
fn a_plan_that_ends_before_enough_have_come_is_counted_until_its_last() {
    let held = |tokens, secs| Piece { from: rate(tokens), to: rate(tokens), length: Span::from_secs(secs) };
    // The end of the plan of arrivals, without one of the case, is two years away.
    let arrivals = Arrivals { pieces: vec![held(1, 10), held(0, 1)], spacing: Spacing::Even };
    let parts = vec![station(None, None, Discipline::FirstCome, None)];
    let case = Case { skip: 0, ..case(Comings::Planned(arrivals), parts) };
    let tally = play(&case, 1, &mut |_| ()).unwrap();
    assert_eq!((tally.requests, tally.counted), (10, Span::from_secs(9)));
}
