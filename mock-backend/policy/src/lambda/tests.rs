//! What single invocations meet.

use super::*;
use crate::latency::Latency;
use crate::model::{Api, ApiKind, Dispatch, Response, Scaling};

const ORDERS: FunctionId = FunctionId(0);
const USERS: FunctionId = FunctionId(1);

fn function(reserved: Option<u32>) -> Function {
    Function {
        name: String::new(),
        memory_mb: 512,
        duration: Latency::constant(Span::from_ms(10)),
        cold_start: Latency::constant(Span::from_ms(100)),
        failures: 0.0,
        concurrency: reserved,
        keep_alive: Latency::constant(Span::from_secs(60)),
        scaling: Scaling::default(),
        response: Response { status: 200, body: String::new() },
        echoes: false,
        uses: None,
        code: crate::model::Code::Modelled,
    }
}

fn pools(concurrency: u32, functions: Vec<Function>) -> Pools {
    let mut model = Model { functions, ..Model::of(Api::new(ApiKind::Http, "a1b2c3"), &["prod"], Vec::new()) };
    model.account.concurrency = concurrency;
    Pools::new(&model, Seed::new(1))
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Span::from_ms(ms)
}

/// What happens to an invocation: what serves it, or what throttles it.
fn fate(pools: &mut Pools, now: Instant, function: FunctionId) -> &'static str {
    match pools.invoke(now, function) {
        Err(FunctionLimit::Concurrency) => "no room",
        Err(FunctionLimit::Reserved) => "none reserved",
        Err(FunctionLimit::Rate) => "too fast",
        Err(FunctionLimit::ReservedRate) => "too fast for its reservation",
        Err(FunctionLimit::ScaleOut) => "grows too fast",
        Ok(Invocation { environment: Environment::Provisioned, .. }) => "provisioned",
        Ok(Invocation { cold_start: None, .. }) => "warm",
        Ok(Invocation { cold_start: Some(_), .. }) => "cold",
    }
}

#[test]
fn the_first_is_cold_and_the_next_warm_and_two_at_once_are_both_cold() {
    let mut pools = pools(10, vec![function(None)]);
    assert_eq!(pools.invoke(at(0), ORDERS).map(|it| it.busy), Ok(Span::from_ms(110)));
    pools.release(at(110), ORDERS, Environment::OnDemand(0));
    assert_eq!(pools.invoke(at(110), ORDERS).map(|it| it.busy), Ok(Span::from_ms(10)));
    assert_eq!(fate(&mut pools, at(111), ORDERS), "cold");
    assert_eq!(
        pools.environments(ORDERS),
        Environments { busy: 2, busy_peak: 2, invocations: 3, cold_starts: 2, ..Environments::default() }
    );
}

#[test]
fn an_environment_is_kept_until_its_time_is_up_and_not_a_nanosecond_longer() {
    let up = at(60_000);
    for (now, expected) in [(Instant::from_ns(up.as_ns() - 1), "warm"), (up, "cold")] {
        let mut pools = pools(10, vec![function(None)]);
        pools.invoke(at(0), ORDERS).unwrap();
        pools.release(at(0), ORDERS, Environment::OnDemand(0));
        assert_eq!(fate(&mut pools, now, ORDERS), expected);
    }
}

#[test]
fn the_one_used_last_is_used_first_so_that_the_other_may_go() {
    let mut pools = pools(10, vec![function(None)]);
    for _ in 0..2 {
        pools.invoke(at(0), ORDERS).unwrap();
    }
    pools.release(at(0), ORDERS, Environment::OnDemand(0));
    pools.release(at(30_000), ORDERS, Environment::OnDemand(1));
    assert_eq!(fate(&mut pools, at(70_000), ORDERS), "warm");
    assert_eq!(fate(&mut pools, at(70_000), ORDERS), "cold");
}

#[test]
fn a_reservation_caps_its_function_and_is_taken_from_what_the_others_share() {
    let mut pools = pools(3, vec![function(Some(2)), function(None)]);
    let fates = |pools: &mut Pools, function| [0; 3].map(|_| fate(pools, at(0), function));
    assert_eq!(fates(&mut pools, USERS), ["cold", "no room", "no room"]);
    assert_eq!(fates(&mut pools, ORDERS), ["cold", "cold", "none reserved"]);
    pools.release(at(1), USERS, Environment::OnDemand(0));
    assert_eq!(fate(&mut pools, at(1), USERS), "warm");
    let throttled =
        [ORDERS, USERS].map(|of| pools.environments(of)).map(|counts| (counts.throttled, counts.throttled_by_account));
    assert_eq!(throttled, [(1, 0), (2, 2)], "each by the limit that it met");
}

#[test]
fn the_peak_of_the_account_is_what_was_busy_at_once_not_the_sum_of_the_peaks() {
    let mut pools = pools(10, vec![function(None), function(None)]);
    for of in [ORDERS, USERS] {
        assert_eq!([0; 3].map(|_| fate(&mut pools, at(0), of)), ["cold"; 3]);
        for created in 0..3 {
            pools.release(at(0), of, Environment::OnDemand(created));
        }
    }
    assert_eq!([ORDERS, USERS].map(|of| pools.environments(of).busy_peak), [3, 3]);
    assert_eq!(pools.busy_peak(), 3);
}

#[test]
fn all_functions_together_stay_within_the_account() {
    let mut pools = pools(2, vec![function(Some(5)), function(None)]);
    assert_eq!(fate(&mut pools, at(0), USERS), "no room");
    assert_eq!([0; 3].map(|_| fate(&mut pools, at(0), ORDERS)), ["cold", "cold", "no room"]);
}

#[test]
fn the_share_of_failures_is_met() {
    let mut pools = pools(10, vec![Function { failures: 0.1, ..function(None) }]);
    let mut failed = 0;
    for n in 0..20_000 {
        let invocation = pools.invoke(at(10 * n), ORDERS).unwrap();
        failed += u32::from(invocation.ending == Ending::Failed);
        pools.release(at(10 * n), ORDERS, invocation.environment);
    }
    // Binomial(20,000, 0.1): five standard deviations are 212.
    assert!((1_788..2_212).contains(&failed), "{failed}");
}

#[test]
fn an_unknown_function_is_throttled_and_counts_nothing() {
    let mut pools = pools(1, Vec::new());
    assert_eq!(fate(&mut pools, at(0), ORDERS), "no room");
    pools.release(at(0), ORDERS, Environment::OnDemand(0));
    assert_eq!(pools.environments(ORDERS), Environments::default());
}

/// A function with these scaling settings.
fn scaled(reserved: Option<u32>, change: impl FnOnce(&mut Scaling)) -> Function {
    let mut function = function(reserved);
    change(&mut function.scaling);
    function
}

#[test]
fn environments_are_added_as_fast_as_the_bucket_says_and_warm_ones_cost_nothing_of_it() {
    let slow = |scaling: &mut Scaling| {
        scaling.scale_out = Throttle { rate: PerSecond { tokens: 1, per: Span::from_secs(1) }, burst: Burst(2) }
    };
    let mut pools = pools(10, vec![scaled(None, slow), function(None)]);
    assert_eq!([0; 3].map(|_| fate(&mut pools, at(0), ORDERS)), ["cold", "cold", "grows too fast"]);
    assert_eq!(fate(&mut pools, at(0), USERS), "cold", "each function has its own");
    pools.release(at(500), ORDERS, Environment::OnDemand(0));
    assert_eq!([0; 2].map(|_| fate(&mut pools, at(500), ORDERS)), ["warm", "grows too fast"]);
    assert_eq!([999, 1_000, 1_001].map(|now| fate(&mut pools, at(now), ORDERS)), ["grows too fast", "cold", "grows too fast"]);
    let counts = pools.environments(ORDERS);
    assert_eq!((counts.throttled, counts.throttled_by_account), (4, 0));
}

#[test]
fn ten_invocations_a_second_go_with_each_environment_of_account_and_reservation() {
    let mut pools = pools(2, vec![function(Some(1)), function(None)]);
    let mut fates = |now: Instant, function, n: usize| -> Vec<&'static str> {
        let one = |_| {
            let invoked = pools.invoke(now, function);
            if let Ok(invocation) = invoked {
                pools.release(now, function, invocation.environment);
            }
            invoked.map_or_else(|limit| if limit == FunctionLimit::Rate { "account" } else { "reservation" }, |_| "served")
        };
        (0..n).map(one).collect()
    };
    assert_eq!(fates(at(0), ORDERS, 11), [vec!["served"; 10], vec!["reservation"]].concat());
    assert_eq!(fates(at(0), USERS, 11), [vec!["served"; 10], vec!["account"]].concat());
    // The account's bucket has a new token after 50 ms, the reservation's after 100 ms.
    assert_eq!(fates(at(50), ORDERS, 1), ["reservation"]);
    assert_eq!(fates(at(100), ORDERS, 2), ["served", "reservation"]);
    assert_eq!(fates(at(100), USERS, 2), ["served", "account"]);
}

#[test]
fn provisioned_environments_serve_first_and_the_rest_spills_over() {
    let mut pools = pools(10, vec![scaled(None, |scaling| scaling.provisioned = 2)]);
    assert_eq!([0; 3].map(|_| fate(&mut pools, at(0), ORDERS)), ["provisioned", "provisioned", "cold"]);
    pools.release(at(1), ORDERS, Environment::OnDemand(0));
    assert_eq!(fate(&mut pools, at(1), ORDERS), "warm");
    pools.release(at(2), ORDERS, Environment::Provisioned);
    pools.release(at(2), ORDERS, Environment::OnDemand(0));
    assert_eq!(pools.kept(at(2), ORDERS), 3);
    // They outlive every keep-alive.
    let hours = at(36_000_000);
    assert_eq!(fate(&mut pools, hours, ORDERS), "provisioned");
    assert_eq!(pools.kept(hours, ORDERS), 2);
}

#[test]
fn what_is_provisioned_counts_against_the_account_while_idle_and_within_the_reservation() {
    let provisioned = |reserved| scaled(reserved, |scaling| scaling.provisioned = 2);
    let mut shared = pools(3, vec![provisioned(None), function(None)]);
    assert_eq!([0; 2].map(|_| fate(&mut shared, at(0), USERS)), ["cold", "no room"]);
    assert_eq!([0; 3].map(|_| fate(&mut shared, at(0), ORDERS)), ["provisioned", "provisioned", "no room"]);
    let mut reserved = pools(9, vec![provisioned(Some(3))]);
    let fates = [0; 4].map(|_| fate(&mut reserved, at(0), ORDERS));
    assert_eq!(fates, ["provisioned", "provisioned", "cold", "none reserved"]);
}

#[test]
fn what_is_faster_than_ten_a_second_for_each_provisioned_environment_spills_over() {
    let mut pools = pools(10, vec![scaled(None, |scaling| scaling.provisioned = 1)]);
    for n in 0..11 {
        let invocation = pools.invoke(at(0), ORDERS).unwrap();
        assert_eq!(invocation.environment == Environment::Provisioned, n < 10, "{n}");
        pools.release(at(0), ORDERS, invocation.environment);
    }
    assert_eq!(fate(&mut pools, at(100), ORDERS), "provisioned");
}

#[test]
fn the_dispatch_says_which_idle_environment_is_next() {
    let next = |dispatch| {
        let mut pools = pools(10, vec![scaled(None, |scaling| scaling.dispatch = dispatch)]);
        for _ in 0..3 {
            pools.invoke(at(0), ORDERS).unwrap();
        }
        for (n, created) in [1, 2, 0].into_iter().enumerate() {
            pools.release(at(n as u64), ORDERS, Environment::OnDemand(created));
        }
        [0; 3].map(|_| match pools.invoke(at(10), ORDERS).unwrap().environment {
            Environment::OnDemand(created) => created,
            Environment::Provisioned => panic!("none is provisioned"),
        })
    };
    assert_eq!(next(Dispatch::MostRecentlyUsed), [0, 2, 1]);
    assert_eq!(next(Dispatch::LeastRecentlyUsed), [1, 2, 0]);
    assert_eq!(next(Dispatch::NewestCreated), [2, 1, 0]);
    let mut random = next(Dispatch::Random);
    random.sort_unstable();
    assert_eq!(random, [0, 1, 2]);
}
