//! The acceptance numbers of the estimators (method 4.3).
//!
//! With few repetitions and bounds to match; with `SLUICEGATE_CALIBRATION=full` (`just calibrate`) as many as the method has, 200.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::seed::{Seed, Stream};
use sluicegate_policy::time::Span;

use super::bucket::{self, Asked, Level, Limit, Second};
use super::choice::{Distribution, Heard, choose};
use super::family::{Component, Family};
use super::identified::Identifiable;
use super::likelihood::{Kind, likeliest};
use super::parts::{Moments, rank_correlation};
use super::profiled::{Number, weight};
use super::times::{Batched, Times};

fn lognormal(median_ms: u64, sigma: f64) -> Latency {
    Latency::lognormal(Span::from_ms(median_ms), sigma).expect("a distribution")
}

fn draw(latency: &Latency, stream: &mut Stream) -> f64 {
    latency.at(stream.unit()).as_ns() as f64
}

/// Warm and cold, whose labels nobody has.
fn hidden(seed: Seed, cold: &Latency, share: f64, n: usize) -> Vec<f64> {
    let (warm, mut stream) = (lognormal(50, 0.5), seed.stream());
    let one = |stream: &mut Stream| if stream.unit() < share { draw(cold, stream) } else { draw(&warm, stream) };
    (0..n).map(|_| one(&mut stream)).collect()
}

fn times(values: &[f64]) -> Times {
    let mut times = Times::default();
    times.extend(values.iter().copied());
    times
}

fn batched(values: &[f64]) -> Batched {
    Batched::new(values.chunks(values.len().div_ceil(32)).map(times).collect()).expect("batches")
}

/// Repetitions: `few`, or those of the method where they are asked for.
fn repetitions(few: u64) -> u64 {
    match std::env::var("SLUICEGATE_CALIBRATION") {
        Ok(asked) if asked == "full" => 200,
        _ => few,
    }
}

/// Of so many intervals of 95 % not too few hold the truth: three standard errors fewer are chance.
fn assert_covered(name: &str, covered: u64, of: u64) {
    let n = of as f64;
    let least = 0.95f64.mul_add(n, -3.0 * (0.95 * 0.05 * n).sqrt()).floor();
    assert!(covered as f64 >= least, "{name}: {covered} of {of} intervals of 95 % hold the truth");
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// The bias is below half a standard deviation of one run, beside what so few runs blur; their spread is as expected within 30 %,
/// beside what so few runs blur (relative standard error of a deviation: 1 / sqrt(2 n)).
fn assert_near(name: &str, found: &[f64], expected: f64, deviation: f64) {
    let n = found.len() as f64;
    let (mean, spread) = mean_and_deviation(found);
    assert!((mean - expected).abs() < deviation * (0.5 + 2.0 / n.sqrt()), "{name}: mean {mean}, not {expected}");
    let blur = 2.5 / (2.0 * n).sqrt();
    assert!((spread / deviation - 1.0).abs() < 0.3 + blur, "{name}: deviation {spread}, not {deviation}");
}

#[test]
fn f1_modes_that_lie_apart_are_found_without_labels() {
    let runs = repetitions(24);
    let mut found: [Vec<f64>; 5] = Default::default();
    for run in 0..runs {
        let values = hidden(Seed::new(1).nth(run), &lognormal(800, 0.3), 0.012, 20_000);
        let Some(Family::Mixture(parts)) = likeliest(Kind::MixtureOfTwo, &times(&values)) else { panic!("no mixture") };
        let [warm, cold] = parts.as_slice() else { panic!("two parts") };
        let all = [cold.weight, warm.of.median() / 1e6, warm.of.sigma, cold.of.median() / 1e6, cold.of.sigma];
        found.iter_mut().zip(all).for_each(|(list, x)| list.push(x));
    }
    let expected = [(0.012, 0.00074), (50.0, 0.19), (0.5, 0.0023), (800.0, 17.0), (0.3, 0.015)];
    for (name, (list, (value, deviation))) in
        ["share", "warm median", "warm sigma", "cold median", "cold sigma"].iter().zip(found.iter().zip(expected))
    {
        assert_near(name, list, value, deviation);
    }
}

fn weight_of_the_slow(parts: &[Component], values: &Times) -> Number {
    weight(parts, 1, values, 1.0)
}

#[test]
fn f1_the_share_of_a_mode_that_lies_apart_is_a_point_whose_interval_holds_it() {
    let runs = repetitions(12);
    let mut covered = 0;
    for run in 0..runs {
        let values = times(&hidden(Seed::new(2).nth(run), &lognormal(800, 0.3), 0.012, 20_000));
        let Some(Family::Mixture(parts)) = likeliest(Kind::MixtureOfTwo, &values) else { panic!("no mixture") };
        let share = weight_of_the_slow(&parts, &values);
        assert_eq!(share.identifiable, Identifiable::Yes, "{share:?}");
        covered += u64::from(share.interval.low <= 0.012 && 0.012 <= share.interval.high);
    }
    assert_covered("share", covered, runs);
}

#[test]
fn f1b_the_share_of_a_mode_within_the_other_cannot_be_known() {
    let mut shares = Vec::new();
    for run in 0..repetitions(8) {
        let values = times(&hidden(Seed::new(3).nth(run), &lognormal(110, 0.3), 0.012, 20_000));
        // Where not even two components are carried, nothing is named at all.
        let Some(Family::Mixture(parts)) = likeliest(Kind::MixtureOfTwo, &values) else { continue };
        let share = weight_of_the_slow(&parts, &values);
        assert_eq!(share.identifiable, Identifiable::No, "{share:?}");
        shares.push(share.value);
    }
    let (least, most) = shares.iter().fold((1.0_f64, 0.0_f64), |(least, most), share| (least.min(*share), most.max(*share)));
    assert!(most > 2.0 * least, "the estimates lie far apart: {shares:?}");
}

#[test]
fn f2_what_was_given_up_counts_and_dropping_it_is_wrong_by_a_fifth() {
    let (mut medians, mut sigmas) = (Vec::new(), Vec::new());
    for run in 0..repetitions(40) {
        let (latency, mut stream) = (lognormal(50, 0.6), Seed::new(4).nth(run).stream());
        let values: Vec<f64> = (0..5_000).map(|_| draw(&latency, &mut stream)).collect();
        let mut censored = Times::default();
        censored.extend(values.iter().copied().filter(|ns| *ns < 80e6));
        let dropped = censored.clone();
        censored.add_censored(80e6, 5_000.0 - censored.seen());
        let share = 1.0 - censored.seen() / censored.count();
        assert!((share - 0.217).abs() < 0.025, "{share}");
        let Some(Family::Lognormal(found)) = likeliest(Kind::Lognormal, &censored) else { panic!("no lognormal") };
        medians.push(found.median() / 1e6);
        sigmas.push(found.sigma);
        let Some(Family::Lognormal(wrong)) = likeliest(Kind::Lognormal, &dropped) else { panic!("no lognormal") };
        assert!((wrong.median() / 1e6 - 39.9).abs() < 1.5 && (wrong.sigma - 0.451).abs() < 0.02, "{wrong:?}");
    }
    assert_near("median", &medians, 50.0, 0.44);
    assert_near("sigma", &sigmas, 0.6, 0.0064);
}

/// What a bucket of 100/s and 50 lets through of three times as much, for 20 s, with 3 ms of jitter.
fn step(seed: Seed) -> Vec<Asked> {
    let mut stream = seed.stream();
    let phase = stream.unit();
    let mut arrivals: Vec<f64> = (0..6_000).map(|n| (f64::from(n) + phase) / 300.0 + 0.003 * stream.unit()).collect();
    arrivals.sort_by(f64::total_cmp);
    let (mut tokens, mut before) = (50.0_f64, arrivals[0]);
    let mut ask = |at: f64| {
        tokens = (tokens + (at - before) * 100.0).min(50.0);
        before = at;
        let admitted = tokens >= 1.0;
        tokens -= f64::from(u8::from(admitted));
        Asked { at_s: at, admitted }
    };
    arrivals.into_iter().map(&mut ask).collect()
}

#[test]
fn f3_a_step_of_overload_shows_rate_and_burst_of_a_bucket() {
    let (mut rates, mut bursts, mut covered) = (Vec::new(), Vec::new(), [0, 0]);
    let runs = repetitions(60);
    for run in 0..runs {
        let found = bucket::from_requests(&step(Seed::new(5).nth(run))).expect("an overload");
        rates.push(found.rate_per_s);
        bursts.push(found.burst);
        covered[0] += u64::from(found.rate_interval.low <= 100.0 && 100.0 <= found.rate_interval.high);
        covered[1] += u64::from(found.burst_interval.low <= 50.0 && 50.0 <= found.burst_interval.high);
    }
    // From one refusal to another each is known to a request: sharper than the method's deviations of .018 and .25, with its bias at most. Its
    // burst is 49.34, and the half of a token that it says to add.
    for (name, found, expected, deviation) in [("rate", &rates, 100.003, 0.018), ("burst", &bursts, 49.84, 0.25)] {
        let (mean, spread) = mean_and_deviation(found);
        assert!((mean - expected).abs() < deviation / 2.0 && spread < deviation, "{name}: {mean} +- {spread}");
    }
    for (name, covered) in ["rate", "burst"].into_iter().zip(covered) {
        assert_covered(name, covered, runs);
    }
}

#[test]
fn f3_seconds_show_it_too_and_neither_a_trickle_nor_a_short_step_does() {
    for run in 0..repetitions(20) {
        let mut seconds = vec![Second::default(); 20];
        for asked in step(Seed::new(6).nth(run)) {
            let Some(second) = seconds.get_mut(asked.at_s as usize) else { continue };
            second.asked += 1;
            second.refused += u64::from(!asked.admitted);
        }
        let found = bucket::from_seconds(&seconds).expect("an overload");
        assert!((found.rate_per_s - 100.0).abs() < 0.3 && (found.burst - 50.0).abs() < 2.0, "{found:?}");
        assert!(found.rate_interval.low <= 100.0 && found.rate_interval.high >= 100.0, "{found:?}");
        assert!(found.burst_interval.low <= 50.4 && found.burst_interval.high >= 49.6, "{found:?}");
        assert_eq!(bucket::from_seconds(&seconds[..6]), None, "too short");
    }
    let trickle = [Second { asked: 101, refused: 1 }; 30];
    assert_eq!(bucket::from_seconds(&trickle), None, "the bucket is not always empty");
    assert_eq!(bucket::from_seconds(&[]), None);
}

#[test]
fn a_rate_admits_as_many_of_longer_requests_and_a_number_at_once_fewer() {
    let level = |admitted_per_s, duration| Level { admitted_per_s, duration };
    assert_eq!(bucket::limit(level(100.0, 1.0), level(99.0, 4.0)), Some(Limit::Rate));
    assert_eq!(bucket::limit(level(25.5, 4.0), level(100.0, 1.0)), Some(Limit::Concurrency));
    assert_eq!(bucket::limit(level(100.0, 1.0), level(100.0, 1.2)), None, "the durations are too close");
    assert_eq!(bucket::limit(level(100.0, 1.0), level(50.0, 4.0)), None, "it is neither");
}

#[test]
fn f5_means_may_be_subtracted_without_a_join_and_quantiles_may_not() {
    let (backend, around) = (lognormal(50, 0.6), lognormal(8, 0.7));
    let mut stream = Seed::new(7).stream();
    let rows: Vec<(f64, f64)> = (0..60_000).map(|_| (draw(&backend, &mut stream), draw(&around, &mut stream))).collect();
    let total: Vec<f64> = rows.iter().map(|(a, b)| a + b).collect();
    // Another part of the run: unjoined data are not of the same requests.
    let other: Vec<f64> = (0..60_000).map(|_| draw(&around, &mut stream)).collect();
    let joined: Vec<f64> = rows.iter().map(|(a, _)| *a).collect();
    let p99 = |values: &[f64]| times(values).quantile(0.99).expect("seen") / 1e6;
    assert!((p99(&joined) / 201.9 - 1.0).abs() < 0.03, "joined: {}", p99(&joined));
    assert!(p99(&total) - p99(&other) < 0.93 * 201.9, "quantiles subtracted are wrong: {}", p99(&total) - p99(&other));
    let of = |values: &[f64]| Moments::of(&batched(values)).expect("moments");
    let left = of(&total).less(of(&other));
    assert!((left.mean / 59.86e6 - 1.0).abs() < 0.01, "{left:?}");
    assert!(left.mean_interval().low <= 59.86e6 && left.mean_interval().high >= 59.86e6, "{left:?}");
    let deviation = left.deviation_interval();
    let truth = 59.86e6 * 0.36_f64.exp_m1().sqrt();
    assert!(deviation.low <= truth && truth <= deviation.high, "{deviation:?} for {truth}");
    assert!(rank_correlation(&rows).expect("pairs").abs() < 0.02);
    let tied: Vec<(f64, f64)> = rows.iter().map(|(a, b)| (a + b, *b)).collect();
    assert!(rank_correlation(&tied).expect("pairs") > 0.1, "a part of a sum goes with the sum");
}

fn chosen(draw_one: impl Fn(&mut Stream) -> f64, seed: u64) -> super::choice::Chosen {
    let mut stream = Seed::new(seed).stream();
    let values: Vec<f64> = (0..16_000).map(|_| draw_one(&mut stream)).collect();
    choose(&batched(&values)).expect("enough")
}

#[test]
fn the_family_that_made_the_times_is_chosen_and_confirmed() {
    let (one, gamma) = (lognormal(50, 0.5), Latency::gamma(Span::from_ms(40), 4.0).expect("a distribution"));
    let cold = lognormal(800, 0.3);
    let name = |found: &super::choice::Chosen| match &found.distribution {
        Distribution::Family(family) => family.name(),
        Distribution::Table(..) => "table".to_owned(),
    };
    let single = chosen(|stream| draw(&one, stream), 8);
    assert_eq!((name(&single).as_str(), single.answers), ("lognormal", [Heard::Holds; 4]));
    assert_eq!(name(&chosen(|stream| draw(&gamma, stream), 9)), "gamma");
    assert_eq!(name(&chosen(|stream| 20e6 + draw(&one, stream), 10)), "shifted lognormal");
    assert_eq!(name(&chosen(|stream| 30e6 * stream.exponential().powf(0.5), 11)), "Weibull");
    let mixed = chosen(|stream| if stream.unit() < 0.05 { draw(&cold, stream) } else { draw(&one, stream) }, 12);
    assert_eq!(name(&mixed), "mixture of 2 lognormals");
}

#[test]
fn where_no_family_holds_a_table_is_kept_and_never_beyond_what_was_seen() {
    // Five crowded stretches with nothing between them, as no family here has them.
    let found = chosen(
        |stream| match stream.unit() {
            u if u < 0.6 => 1e6 * (10.0 + 5.0 * u * u * u),
            u if u < 0.72 => 1e6 * (20.0 + 8.0 * u),
            u if u < 0.86 => 1e6 * (40.0 + 9.0 * u * u),
            u if u < 0.98 => 1e6 * (120.0 + 40.0 * u),
            u => 1e6 * (400.0 + 50_000.0 * (u - 0.98)),
        },
        13,
    );
    let Distribution::Table(points, tail) = &found.distribution else { panic!("{found:?}") };
    assert!((195..=221).contains(&points.len()) && points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{points:?}");
    // The last stretch is even from 400 to 1,400 ms, which is a tail of shape -1.
    assert!(tail.is_some_and(|tail| (tail.shape + 1.0).abs() < 0.15), "{tail:?}");
    let p999 = found.distribution.quantile(0.999).expect("it was seen");
    assert!((p999 / 1_350e6 - 1.0).abs() < 0.02, "{p999}");
    let last = points.last().expect("points").0;
    assert!(last <= 1.0 - 10.0 / found.effective() + 1e-12 && last > 0.99, "{last}");
    assert_eq!(found.distribution.quantile(0.999_99), None, "nobody has seen it");
    assert!(found.method().contains("every family is refuted"), "{}", found.method());
}

#[test]
fn too_few_times_are_not_fitted() {
    let values: Vec<f64> = (0..90).map(|n| 1e6 * f64::from(n + 1)).collect();
    assert!(choose(&batched(&values)).is_none());
}
