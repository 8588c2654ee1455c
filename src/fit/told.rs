//! What a run's client side tells, on runs that are made up: the truth is known, and so is what must not be named.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::seed::{Seed, Stream};
use sluicegate_policy::time::Span;

use super::bucket::Second;
use super::client::{Behind, Fit, Known, Observed, Route, Series, fit};
use super::gaps::Probe;
use super::identified::Identifiable;
use super::parameter::Parameter;
use super::parts::Moments;
use super::times::{Batched, Times};

fn lognormal(median_us: u64, sigma: f64) -> Latency {
    Latency::lognormal(Span::from_us(median_us), sigma).expect("a distribution")
}

fn draw(latency: &Latency, stream: &mut Stream) -> f64 {
    latency.at(stream.unit()).as_ns() as f64
}

fn series(name: &str, n: usize, mut one: impl FnMut() -> f64) -> Series {
    let mut batches = vec![Times::default(); 32];
    for batch in &mut batches {
        batch.extend((0..n / 32).map(|_| one()));
    }
    Series { name: name.to_owned(), times: Batched::new(batches), refused_share: 0.0, seconds: Vec::new(), probes: Vec::new() }
}

fn run(name: &str, rate_per_s: f64, series: Vec<Series>) -> Observed {
    Observed { run: name.to_owned(), rate_per_s, series }
}

fn route(series: &str, behind: Behind) -> Route {
    let throttle = ["gateway", "stages", "prod", "throttle"].map(str::to_owned).to_vec();
    Route { series: series.to_owned(), behind, asks: false, throttle }
}

fn known() -> Known {
    Known {
        pooled: Vec::new(),
        routes: vec![route("GET /orders", Behind::Function("orders".to_owned())), route("GET /health", Behind::Gateway)],
        overhead: Moments::documented(4e6, 1e12),
        round_trip: 1e6,
        functions: vec!["orders".to_owned()],
    }
}

/// A function of 40 ms behind an overhead of 5 ms and a way of 1 ms; with a share of cold starts of 400 ms.
fn orders(seed: u64, cold_share: f64) -> Series {
    let (function, overhead, cold) = (lognormal(40_000, 0.3), lognormal(5_000, 0.3), lognormal(400_000, 0.2));
    let mut stream = Seed::new(seed).stream();
    series("GET /orders", 9_600, || {
        let more = if stream.unit() < cold_share { draw(&cold, &mut stream) } else { 0.0 };
        1e6 + draw(&overhead, &mut stream) + draw(&function, &mut stream) + more
    })
}

fn health(seed: u64) -> Series {
    let (overhead, mut stream) = (lognormal(5_000, 0.3), Seed::new(seed).stream());
    series("GET /health", 3_200, || 1e6 + draw(&overhead, &mut stream))
}

fn told<'a>(fit: &'a Fit, path: &str) -> &'a Parameter {
    fit.parameters.iter().find(|one| one.path == path).unwrap_or_else(|| panic!("no {path}: {:#?}", fit.parameters))
}

fn ms(parameter: &Parameter) -> f64 {
    let text = parameter.value.as_ref().unwrap_or_else(|| panic!("no point: {parameter:?}"));
    text.parse::<Span>().expect("a duration").as_ms_f64()
}

fn setting<'a>(fit: &'a Fit, keys: &str) -> Option<&'a str> {
    fit.settings.iter().find(|one| one.keys.join(".") == keys).map(|one| one.yaml.as_str())
}

#[test]
fn with_a_route_that_answers_by_itself_the_function_is_a_point() {
    let found = fit(&[run("r-1", 20.0, vec![orders(1, 0.0), health(2)])], &known());
    let mean = told(&found, "functions.orders.duration.mean");
    assert!((ms(mean) / 41.84 - 1.0).abs() < 0.02, "{mean:?}");
    assert_eq!(mean.run.as_deref(), Some("r-1"));
    let deviation = told(&found, "functions.orders.duration.deviation");
    assert!((ms(deviation) / 12.84 - 1.0).abs() < 0.06, "{deviation:?}");
    assert!((ms(told(&found, "overhead.mean")) / 5.23 - 1.0).abs() < 0.03);
    let shape = told(&found, "functions.orders.duration");
    assert_eq!((shape.identifiable, &shape.value, &shape.interval), (Some(Identifiable::No), &None, &None));
    let stand_in = setting(&found, "gateway.functions.orders.duration").expect("it changes");
    let median = stand_in.trim_start_matches("{ lognormal: { median: ").split(',').next().expect("a median");
    let median = median.parse::<Span>().expect("a duration").as_ms_f64();
    assert!((median / 40.0 - 1.0).abs() < 0.03, "{stand_in}");
    assert!(setting(&found, "gateway.functions.orders.cold_start").is_none(), "there were none");
}

#[test]
fn without_one_only_the_sum_is_known_and_the_function_is_a_set() {
    let found = fit(&[run("r-1", 20.0, vec![orders(1, 0.0)])], &known());
    let mean = told(&found, "functions.orders.duration.mean");
    assert_eq!((mean.identifiable, &mean.value), (Some(Identifiable::Set), &None));
    let (low, high) = mean.interval.as_ref().expect("an interval");
    let high = high.parse::<Span>().expect("a duration").as_ms_f64();
    // All of the total but the way there may be the function's.
    assert!(low == "0s" && (high / 47.1 - 1.0).abs() < 0.02, "{mean:?}");
    assert_eq!(told(&found, "routes.\"GET /orders\".total.p50").identifiable, Some(Identifiable::Yes));
    assert!(!found.parameters.iter().any(|one| one.path.starts_with("overhead")));
}

#[test]
fn cold_starts_are_named_where_their_mode_lies_apart_and_leave_the_duration_alone() {
    let found = fit(&[run("r-1", 20.0, vec![orders(3, 0.02), health(4)])], &known());
    assert!((ms(told(&found, "functions.orders.duration.mean")) / 41.84 - 1.0).abs() < 0.03, "{found:#?}");
    assert!((ms(told(&found, "functions.orders.cold_start.mean")) / 408.1 - 1.0).abs() < 0.06);
    let share = told(&found, "functions.orders.cold_start.share").value.as_ref().expect("a point");
    let share: f64 = share.trim_end_matches('%').parse().expect("a number");
    assert!((share - 2.0).abs() < 0.5, "{share}");
    assert!(setting(&found, "gateway.functions.orders.cold_start").is_some());
}

#[test]
fn a_run_that_is_refused_tells_no_calm_times_and_the_calmest_run_is_taken() {
    let mut refused = orders(5, 0.0);
    refused.refused_share = 0.3;
    let only = fit(&[run("r-1", 20.0, vec![refused.clone()])], &known());
    assert!(told(&only, "routes.\"GET /orders\".total").note.as_ref().is_some_and(|note| note.contains("30%")), "{only:#?}");
    let runs =
        [run("busy", 90.0, vec![orders(6, 0.0)]), run("calm", 20.0, vec![orders(7, 0.0)]), run("refused", 1.0, vec![refused])];
    let found = fit(&runs, &known());
    assert_eq!(told(&found, "functions.orders.duration.mean").run.as_deref(), Some("calm"));
}

#[test]
fn a_step_of_overload_and_idle_gaps_tell_the_limits() {
    // 100/s and 50: full at first, 300/s from then on.
    let seconds = (0..20).map(|second| Second { asked: 300, refused: if second == 0 { 150 } else { 200 } }).collect();
    let probes =
        [60.0, 99.0, 163.0, 268.0, 442.0, 728.0].map(|gap_s| Probe { gap_s, took_ns: if gap_s > 300.0 { 450e6 } else { 45e6 } });
    let step = Series { refused_share: 0.6, seconds, ..orders(8, 0.0) };
    let gaps = Series { times: None, probes: probes.to_vec(), ..orders(9, 0.0) };
    let found = fit(&[run("step", 300.0, vec![step]), run("gaps", 0.01, vec![gaps])], &known());
    assert_eq!(told(&found, "stages.prod.throttle.rate").value.as_deref(), Some("100/s"));
    assert_eq!(setting(&found, "gateway.stages.prod.throttle.rate"), Some("100/s"));
    let burst: f64 = told(&found, "stages.prod.throttle.burst").value.as_ref().expect("a point").parse().expect("a number");
    assert!((burst - 50.5).abs() < 0.6, "{burst}");
    let kept = told(&found, "functions.orders.keep_alive");
    assert_eq!(
        (kept.run.as_deref(), kept.interval.as_ref().map(|(low, high)| (low.as_str(), high.as_str()))),
        (Some("gaps"), Some(("268s", "442s")))
    );
    assert!(setting(&found, "gateway.functions.orders.keep_alive").is_some());
}

#[test]
fn two_steps_with_shorter_and_longer_requests_tell_a_rate_from_a_number_at_once() {
    // Requests of 20 and of 80 ms; full at first, and so many a second from then on.
    let step = |name: &str, ms: f64, admitted: u64| {
        let second = |second| Second { asked: 800, refused: 800 - admitted - if second == 0 { 20 } else { 0 } };
        let (times, mut stream) = (lognormal(1_000, 0.1), Seed::new(3).stream());
        let seen = series("GET /orders", 3_200, || ms * draw(&times, &mut stream));
        run(name, 800.0, vec![Series { refused_share: 0.6, seconds: (0..20).map(second).collect(), ..seen }])
    };
    let at_once = fit(&[step("short", 20.0, 400), step("long", 80.0, 100)], &known());
    let concurrency = told(&at_once, "functions.orders.concurrency");
    let value: f64 = concurrency.value.as_ref().expect("a point").parse().expect("a number");
    assert!((value - 8.04).abs() < 0.1, "{concurrency:?}");
    assert_eq!(concurrency.run.as_deref(), Some("short, long"));
    assert_eq!(setting(&at_once, "gateway.functions.orders.concurrency"), Some("8"));
    assert!(at_once.parameters.iter().all(|one| !one.path.contains("throttle")), "no rate limits it");
    let rate = fit(&[step("short", 20.0, 100), step("long", 80.0, 100)], &known());
    let limit = told(&rate, "stages.prod.throttle.rate");
    assert_eq!(limit.value.as_deref(), Some("100/s"));
    assert!(limit.note.as_ref().is_some_and(|note| note.contains("it is a rate")), "{limit:?}");
    let unknown = fit(&[step("short", 20.0, 100)], &known());
    let note = told(&unknown, "stages.prod.throttle.rate").note.clone().unwrap_or_default();
    assert!(note.contains("nor, from one step, a rate from a number at once"), "{note}");
}

#[test]
fn a_set_is_never_a_point_in_the_profile_but_both_of_its_ends() {
    let probes = [(60.0, 45e6), (120.0, 450e6), (400.0, 45e6), (600.0, 460e6)].map(|(gap_s, took_ns)| Probe { gap_s, took_ns });
    let gaps = Series { times: None, probes: probes.to_vec(), ..orders(9, 0.0) };
    let found = fit(&[run("gaps", 0.01, vec![gaps])], &known());
    let kept = told(&found, "functions.orders.keep_alive");
    assert_eq!((kept.identifiable, &kept.value), (Some(Identifiable::Set), &None));
    assert!(setting(&found, "gateway.functions.orders.keep_alive").is_none());
    let ends = [&found.low, &found.high].map(|end| end.iter().map(|one| one.yaml.as_str()).collect::<Vec<_>>());
    assert_eq!(ends, [["2m"], ["400s"]]);
}
