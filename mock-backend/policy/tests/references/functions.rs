//! The cases of the functions behind a gateway: how many environments there are, which of them are cold, and who is throttled.

use super::*;
use sluicegate_policy::call::FunctionLimit;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Dispatch, Function, Response, Scaling};

const F: FunctionId = FunctionId(0);

/// A gateway that takes no time, with one route to one function, which scales as the provider's do.
fn function(concurrency: u32, reserved: Option<u32>, times: [Latency; 3]) -> Gateway {
    scaled(concurrency, reserved, times, Scaling::default())
}

fn scaled(concurrency: u32, reserved: Option<u32>, times: [Latency; 3], scaling: Scaling) -> Gateway {
    let [duration, cold_start, keep_alive] = times;
    let function = Function {
        name: "f".to_owned(),
        memory_mb: 512,
        duration,
        cold_start,
        failures: 0.0,
        concurrency: reserved,
        keep_alive,
        scaling,
        response: Response { status: 200, body: String::new() },
        echoes: false,
        uses: None,
        code: sluicegate_policy::model::Code::Modelled,
    };
    gateway(account(EVER, concurrency), None, vec![function])
}

fn share(replies: &[(Reason, bool)], among: impl Fn(&(Reason, bool)) -> bool, what: impl Fn(&(Reason, bool)) -> bool) -> f64 {
    let all = replies.iter().filter(|reply| among(reply));
    all.clone().filter(|reply| what(reply)).count() as f64 / all.count() as f64
}

fn cold(replies: &[(Reason, bool)]) -> f64 {
    share(replies, |reply| reply.0 == Reason::Served, |reply| reply.1)
}

fn throttled(replies: &[(Reason, bool)]) -> f64 {
    share(replies, |_| true, |reply| matches!(reply.0, Reason::FunctionThrottled(..)))
}

fn exponential(mean: f64) -> Latency {
    Latency::exponential(Span::from_secs_f64(mean)).expect("a mean above zero")
}

fn seconds(seconds: f64) -> Latency {
    Latency::constant(Span::from_secs_f64(seconds))
}

#[test]
#[ignore = "needs ../shared"]
fn q05_a_concurrency_limit_loses_as_erlang_b_says_whatever_the_distribution() {
    for (id, duration) in [("Q05a", exponential(1.0)), ("Q05b", seconds(1.0))] {
        let mut gateway = function(100, None, [duration, seconds(0.0), seconds(1e9)]);
        case(id).expect("throttle", throttled(&run(&mut gateway, poisson(90.0), 100_000, 2_000_000)));
    }
}

#[test]
#[ignore = "needs ../shared"]
fn k01_a_function_that_takes_no_time_is_cold_if_the_gap_exceeds_its_keep_alive() {
    let mut gateway = function(1_000, None, [seconds(0.0), seconds(0.0), seconds(600.0)]);
    case("K01").expect("cold", cold(&run(&mut gateway, poisson(1.0 / 600.0), 0, 2_000_000)));
}

#[test]
#[ignore = "needs ../shared"]
fn k02_the_share_of_cold_starts_of_a_pool_used_last_first() {
    for id in ["K02a", "K02c", "K02e"] {
        let case = case(id);
        let reserved = case.0["params"]["limit"].as_u64().map(|limit| limit as u32);
        let times = [exponential(case.parameter("mean_duration")), seconds(0.0), seconds(case.parameter("keep_alive"))];
        let mut gateway = function(1_000_000, reserved, times);
        let replies = run(&mut gateway, poisson(case.parameter("lambda_")), 100_000, 2_000_000);
        case.expect("cold", cold(&replies));
        if reserved.is_some() {
            case.expect("throttle", throttled(&replies));
        }
    }
}

#[test]
#[ignore = "needs ../shared"]
fn k06_a_herd_of_cold_starts_ends_when_the_first_environment_is_free() {
    let case = case("K06");
    let mut gateway = function(1_000, None, [seconds(0.25), seconds(0.7), seconds(600.0)]);
    let mut busy = 0;
    // An arrival finds those that it needs less itself.
    let before = |id, gateway: &Gateway| busy = if id < 500 { 0 } else { busy.max(gateway.environments(F).busy + 1) };
    play(&mut gateway, constant(10), case.whole("requests"), before, |_| {});
    case.expect("cold_starts", gateway.environments(F).cold_starts as f64);
    case.expect("steady_instances_needed", f64::from(busy));
}

/// What a run of a function looked like, but for its beginning.
struct Steady {
    /// Share of the invocations that were cold.
    cold: f64,
    /// Environments, busy or not, in the mean over time: what Poisson arrivals find.
    kept: f64,
    /// Busy ones.
    busy: f64,
}

/// A function with keep-alive 600 s and plenty of room under Poisson arrivals. A cold invocation takes as much longer than a warm one as
/// its mean is above that one's, not as long as another exponential time would be: no mean knows the difference.
fn steady([rate, warm, cold]: [f64; 3], dispatch: Dispatch, dropped: u64, n: u64) -> Steady {
    let scaling = Scaling { dispatch, ..Scaling::default() };
    let mut gateway = scaled(1_000_000, None, [exponential(warm), seconds(cold - warm), seconds(600.0)], scaling);
    let (mut kept, mut worked, mut start) = (0, 0.0, (0, 0, Instant::ZERO));
    let mut end = start;
    let before = |id, gateway: &Gateway| {
        let counts = gateway.environments(F);
        end = (counts.invocations, counts.cold_starts, gateway.now());
        if id < dropped {
            start = end;
        } else {
            kept += gateway.kept_environments(F);
        }
    };
    let on_reply = |reply: &Reply| {
        let took = reply.timing.integration.filter(|_| reply.call.0 >= dropped);
        worked += took.map_or(0.0, |took| took.as_ms_f64() / 1_000.0);
    };
    play(&mut gateway, poisson(rate), dropped + n, before, on_reply);
    Steady {
        cold: (end.1 - start.1) as f64 / (end.0 - start.0) as f64,
        kept: kept as f64 / n as f64,
        busy: worked / (end.2.since(start.2).as_ms_f64() / 1_000.0),
    }
}

#[test]
#[ignore = "needs ../shared"]
fn k03_the_dispatch_decides_how_many_environments_are_kept_and_how_often_one_is_cold() {
    let case = case("K03");
    let times = ["lambda_", "warm", "cold"].map(|name| case.parameter(name));
    let dispatches =
        [("newest_created", Dispatch::NewestCreated), ("mru", Dispatch::MostRecentlyUsed), ("lru", Dispatch::LeastRecentlyUsed)];
    for (name, dispatch) in dispatches {
        let found = steady(times, dispatch, 100_000, 4_000_000);
        case.expect(&format!("cold_{name}"), found.cold);
        case.expect(&format!("instances_{name}"), found.kept);
        case.expect(&format!("busy_{name}"), found.busy);
        if dispatch == Dispatch::NewestCreated {
            case.expect("simfaas_readme_cold", found.cold);
            case.expect("simfaas_readme_instances", found.kept);
        }
    }
}

#[test]
#[ignore = "needs ../shared"]
fn k04_published_measurements_of_cold_starts_are_met_as_well_as_their_own_authors_met_them() {
    let case = case("K04");
    let rows = case.0["rows"].as_array().expect("the case has rows");
    let (mut cold, mut kept) = (0.0, 0.0);
    for row in rows {
        let number = |name: &str| row[name].as_f64().expect("a row has this number");
        let times = ["lambda_", "warm_s", "cold_s"].map(number);
        let found = steady(times, Dispatch::NewestCreated, 20_000, 300_000);
        let off = |found: f64, measured: f64| (found / measured - 1.0).abs() / rows.len() as f64;
        cold += off(found.cold, number("aws_cold"));
        kept += off(found.kept, number("aws_instances"));
    }
    case.expect("mape_cold", cold);
    case.expect("mape_instances", kept);
}

#[test]
#[ignore = "needs ../shared"]
fn k05_what_provisioned_environments_cannot_take_spills_over_as_erlang_b_says() {
    let case = case("K05");
    let scaling = Scaling { provisioned: case.whole("provisioned") as u32, ..Scaling::default() };
    let times = [exponential(case.parameter("mean_duration")), seconds(0.0), seconds(600.0)];
    let mut gateway = scaled(1_000_000, None, times, scaling);
    let mut start = gateway.environments(F);
    let before = |id, gateway: &Gateway| {
        if id == 100_000 {
            start = gateway.environments(F);
        }
    };
    play(&mut gateway, poisson(case.parameter("lambda_")), 2_100_000, before, |_| {});
    let end = gateway.environments(F);
    let served = (end.provisioned - start.provisioned) as f64 / (end.invocations - start.invocations) as f64;
    case.expect("spill", 1.0 - served);
}

#[test]
#[ignore = "needs ../shared"]
fn t11_a_function_grows_by_a_thousand_environments_and_then_by_a_hundred_a_second() {
    let case = case("T11");
    let rate = PerSecond { tokens: case.whole("scale_refill_per_s"), per: Span::from_secs(1) };
    let scale_out = Throttle { rate, burst: Burst(case.whole("scale_burst")) };
    assert_eq!(Scaling::default().scale_out.burst, scale_out.burst);
    let times = [seconds(case.parameter("duration_s")), seconds(0.0), seconds(1e9)];
    let account = case.whole("account_limit") as u32;
    for scaling in [Scaling { scale_out, ..Scaling::default() }, Scaling::default()] {
        let mut gateway = scaled(account, None, times.clone(), scaling);
        let arrivals = case.whole("lambda_");
        let mut seconds = [0_u32; 30];
        let on_reply = |reply: &Reply| {
            let limit = Reason::FunctionThrottled(F, FunctionLimit::ScaleOut);
            assert!(reply.reason == Reason::Served || reply.reason == limit);
            seconds[(reply.call.0 / arrivals) as usize] += u32::from(reply.reason == limit);
        };
        play(&mut gateway, constant(arrivals), arrivals * case.whole("run_s"), |_, _| {}, on_reply);
        let counts = gateway.environments(F);
        case.expect("requests", (counts.invocations + counts.throttled) as f64);
        case.expect("throttled", counts.throttled as f64);
        case.expect("cold_starts", counts.cold_starts as f64);
        case.expect("throttled_in_first_second", f64::from(seconds[0]));
        let last = seconds.iter().rposition(|throttled| *throttled > 0).expect("some are throttled");
        case.expect("last_second_with_throttle", last as f64);
    }
}

#[test]
#[ignore = "needs ../shared"]
fn t13_the_growth_of_before_2024_is_a_setting() {
    let case = case("T13");
    let rate = PerSecond { tokens: case.whole("per_minute"), per: Span::from_secs(60) };
    let scaling = Scaling { scale_out: Throttle { rate, burst: Burst(case.whole("burst")) }, ..Scaling::default() };
    for minutes in 1..=4 {
        let each = case.whole("requests") / minutes;
        let mut gateway = scaled(10_000, None, [seconds(1.0), seconds(0.0), seconds(1e9)], scaling);
        let arrivals = (0..minutes).flat_map(|minute| (0..each).map(move |_| Instant::ZERO + Span::from_secs(60 * minute)));
        let mut throttled = vec![0_u64; minutes as usize];
        let on_reply = |reply: &Reply| throttled[(reply.call.0 / each) as usize] += u64::from(reply.reason != Reason::Served);
        play(&mut gateway, arrivals, each * minutes, |_, _| {}, on_reply);
        let metric = &case.0["metrics"][format!("throttled_{minutes}min")]["expected"];
        let expected: Vec<u64> = match metric.as_array() {
            Some(each) => each.iter().filter_map(Value::as_u64).collect(),
            None => metric.as_u64().into_iter().collect(),
        };
        assert_eq!(throttled, expected, "over {minutes} minutes");
    }
}

#[test]
#[ignore = "needs ../shared"]
fn q06_an_account_limit_loses_as_erlang_b_says() {
    let case = case("Q06");
    let times = [exponential(case.parameter("mean_service")), seconds(0.0), seconds(1e9)];
    let mut gateway = function(case.whole("limit") as u32, None, times);
    let replies = run(&mut gateway, poisson(case.parameter("lambda_")), 200_000, 1_800_000);
    // A fifth of the nominal run.
    case.expect_of_run("throttle", throttled(&replies), 0.2);
}
