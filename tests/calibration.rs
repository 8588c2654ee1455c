//! How often each answer comes when the truth is known: the acceptance table of the method (3.10), with the product's own verdicts.
//!
//! Processes are played directly as events in 32 batches; those of the gateway by the policy's own bucket and pool. 1,000 runs of each row
//! (300 of the longest) with `SLUICEGATE_CALIBRATION=full`, which writes the table to the documentation; a tenth of them otherwise, with
//! tolerances that are wider by as much.

use std::fmt::Write as _;
use std::path::Path;

use crate::program::quiet;
use sluicegate::measure::assumption::{Allowed, Assumption, Margin, Metric, Prediction, Ratio};
use sluicegate::measure::record::Answer;
use sluicegate::verdict::claim::{Claim, Ends};
use sluicegate::verdict::judge::{Observed, judge_claim};
use sluicegate::verdict::{Context, Course, Phase, decide};
use sluicegate_policy::bucket::Bucket;
use sluicegate_policy::lambda::Pools;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Account, Api, ApiKind, Burst, Code, Dispatch, Function, FunctionId, Model, PerSecond, Response, Scaling, Throttle,
};
use sluicegate_policy::seed::{Seed, Stream};
use sluicegate_policy::time::{Instant, Span};

const BATCHES: usize = 32;

/// What happens in a run. Every one starts as it goes on for ever.
#[derive(Clone, Copy)]
enum Process {
    /// Lognormal latencies whose logarithm is AR(1) with this standard deviation and coefficient.
    Lognormal { sigma: f64, correlation: f64 },
    /// Sojourn times of an M/M/1 queue at this utilisation, service of mean 1.
    Queue { utilisation: f64 },
    /// Independent outcomes.
    Independent,
    /// Refusals of a token bucket (100/s with this burst) under Poisson arrivals of this rate.
    Bucket { burst: u64, per_s: f64 },
    /// The same under arrivals that alternate between 40/s for 2 s and 220/s for 1 s, both exponential.
    Bursts { burst: u64 },
    /// Cold starts of a pool under Poisson arrivals: so many a second, of .5 s, kept for 60 s.
    Pool { per_s: f64 },
}

struct Row {
    id: &'static str,
    what: &'static str,
    process: Process,
    actions: usize,
    metric: Metric,
    margin: Margin,
    /// The true quantile, or share.
    truth: f64,
    runs: usize,
    /// What the reference implementation found: violated and holds at 0, holds at .5 and 1 margins, violated at 1, 2 and 3; holds and violated at -1, violated
    /// at -2.
    reference: [f64; CELLS],
}

const CELLS: usize = 10;
const NAMES: [&str; CELLS] = [
    "violated at 0",
    "holds at 0",
    "holds at .5",
    "holds at 1",
    "violated at 1",
    "violated at 2",
    "violated at 3",
    "holds at -1",
    "violated at -1",
    "violated at -2",
];
/// How many margins the truth lies above the prediction.
const OFF: [f64; 7] = [0.0, 0.5, 1.0, 2.0, 3.0, -1.0, -2.0];

/// An action of a run: in which batch, and its latency, or whether it was an event.
type Actions = Vec<(u8, f64)>;

fn relative(relative: f64) -> Margin {
    Margin { relative, absolute: 0.0 }
}

fn absolute(absolute: f64) -> Margin {
    Margin { relative: 0.0, absolute }
}

/// Id, what it is, process, actions; metric, margin, truth; what the reference found.
type Line = (&'static str, &'static str, Process, usize, (Metric, Margin, f64), [f64; CELLS]);

fn rows() -> Vec<Row> {
    let row = |(id, what, process, actions, (metric, margin, truth), reference): Line| {
        let runs = if actions > 100_000 { 300 } else { 1_000 };
        Row { id, what, process, actions, metric, margin, truth, runs, reference }
    };
    latencies().into_iter().chain(ratios()).map(row).collect()
}

#[rustfmt::skip] // A table.
fn latencies() -> [Line; 4] {
    let (p99, p999) = (Metric::Latency(0.99), Metric::Latency(0.999));
    let lognormal = |correlation| Process::Lognormal { sigma: 0.5, correlation };
    let queue = Process::Queue { utilisation: 0.7 };
    // Sojourn times are exponential with rate 1 - utilisation.
    let sojourn = 100_f64.ln() / 0.3 * 100e6;
    [
        ("Q-a", "independent lognormal (.5), p99, 20,000 requests, 10 %", lognormal(0.0), 20_000, (p99, relative(0.1), 100e6),
            [0.0, 1.0, 0.873, 0.018, 0.004, 0.999, 1.0, 0.028, 0.001, 1.0]),
        ("Q-b", "AR(1) .95 lognormal (.5), p99, 60,000, 10 %", lognormal(0.95), 60_000, (p99, relative(0.1), 100e6),
            [0.0, 0.885, 0.386, 0.039, 0.002, 0.692, 1.0, 0.021, 0.006, 0.803]),
        ("Q-c", "M/M/1 at .7, sojourn p99, 60,000, 15 %", queue, 60_000, (p99, relative(0.15), sojourn),
            [0.0, 0.616, 0.291, 0.061, 0.001, 0.450, 0.992, 0.011, 0.017, 0.611]),
        ("Q-d", "independent lognormal (.5), p99.9, 20,000 (too few), 10 %", lognormal(0.0), 20_000, (p999, relative(0.1), 100e6),
            [0.0, 0.486, 0.166, 0.009, 0.005, 0.508, 0.997, 0.016, 0.002, 0.387]),
    ]
}

#[rustfmt::skip] // A table.
fn ratios() -> [Line; 6] {
    use Process::{Bucket, Bursts, Independent, Pool};
    let ratio = Metric::Ratio(Ratio::Errors);
    [
        ("R-a", "token bucket 100/s burst 10 under Poisson 95/s, .0306 ± .008, 60,000", Bucket { burst: 10, per_s: 95.0 }, 60_000,
            (ratio, absolute(0.008), 0.0306), [0.0, 0.978, 0.591, 0.031, 0.002, 0.955, 1.0, 0.023, 0.006, 0.841]),
        ("R-b", "token bucket 100/s burst 100 under bursts, .2212 ± .02, 60,000 (too few)", Bursts { burst: 100 }, 60_000,
            (ratio, absolute(0.02), 0.2212), [0.0, 0.0, 0.001, 0.001, 0.009, 0.073, 0.346, 0.0, 0.006, 0.056]),
        ("R-c", "the same, 600,000", Bursts { burst: 100 }, 600_000,
            (ratio, absolute(0.02), 0.2212), [0.0, 0.897, 0.483, 0.037, 0.003, 0.753, 0.997, 0.033, 0.013, 0.737]),
        ("R-d", "independent errors, .002 ± .001, 60,000", Independent, 60_000,
            (ratio, absolute(0.001), 0.002), [0.0, 0.996, 0.667, 0.033, 0.003, 0.997, 1.0, 0.024, 0.002, 0.923]),
        ("R-e", "cold starts of a pool, .00184 ± 35 %, 60,000", Pool { per_s: 10.0 }, 60_000,
            (ratio, absolute(0.35 * 0.00184), 0.00184), [0.0, 0.908, 0.406, 0.017, 0.002, 0.909, 1.0, 0.025, 0.002, 0.677]),
        ("R-f", "independent cache hits, .761 ± .02, 20,000", Independent, 20_000,
            (ratio, absolute(0.02), 0.761), [0.0, 1.0, 0.899, 0.031, 0.002, 0.999, 1.0, 0.022, 0.004, 1.0]),
    ]
}

/// Box and Muller's normal deviate.
fn normal(stream: &mut Stream) -> f64 {
    (-2.0 * stream.unit().ln()).sqrt() * (std::f64::consts::TAU * stream.unit()).cos()
}

/// The 0.99 or 0.999 quantile of the normal distribution.
fn deviate(p: f64) -> f64 {
    sluicegate::verdict::beta::normal_deviate(1.0 - p)
}

impl Process {
    fn play(self, actions: usize, truth: f64, metric: Metric, seed: Seed) -> Actions {
        let mut stream = seed.stream();
        let batch = |at: usize| (at * BATCHES / actions) as u8;
        match self {
            Self::Lognormal { sigma, correlation } => {
                let Metric::Latency(p) = metric else { unreachable!("latencies have quantiles") };
                let median = truth / (sigma * deviate(p)).exp();
                let fresh = (1.0 - correlation * correlation).sqrt();
                let mut level = normal(&mut stream);
                let mut next = || {
                    level = correlation * level + fresh * normal(&mut stream);
                    median * (sigma * level).exp()
                };
                (0..actions).map(|at| (batch(at), next())).collect()
            }
            Self::Queue { utilisation } => {
                let mut wait = if stream.unit() < utilisation { stream.exponential() / (1.0 - utilisation) } else { 0.0 };
                let mut next = || {
                    let sojourn = wait + stream.exponential();
                    wait = (sojourn - stream.exponential() / utilisation).max(0.0);
                    sojourn * 100e6
                };
                (0..actions).map(|at| (batch(at), next())).collect()
            }
            Self::Independent => (0..actions).map(|at| (batch(at), f64::from(u8::from(stream.unit() < truth)))).collect(),
            Self::Bucket { .. } | Self::Bursts { .. } | Self::Pool { .. } => self.over_time(actions, seed),
        }
    }

    /// Processes of the gateway's parts, cut into batches of equal time after a beginning that lets them forget how they started.
    fn over_time(self, actions: usize, seed: Seed) -> Actions {
        let (per_s, settled) = match self {
            Self::Bucket { per_s, .. } => (per_s, 20.0),
            Self::Bursts { .. } => (100.0, 60.0),
            Self::Pool { per_s } => (per_s, 300.0),
            Self::Lognormal { .. } | Self::Queue { .. } | Self::Independent => unreachable!("they have no clock"),
        };
        let length = actions as f64 / per_s;
        let mut stream = seed.child("arrivals").stream();
        let mut arrivals = Arrivals { process: self, at: 0.0, fast: false, until: 0.0 };
        let mut part = Part::of(self, seed);
        let mut all = Vec::with_capacity(actions + actions / 8);
        loop {
            let at = arrivals.next(&mut stream);
            if at >= settled + length {
                return all;
            }
            let is_event = part.asked(Instant::ZERO + Span::from_ns((at * 1e9) as u64));
            if at >= settled {
                all.push((((at - settled) / length * BATCHES as f64) as u8, f64::from(u8::from(is_event))));
            }
        }
    }
}

/// When the next one comes.
struct Arrivals {
    process: Process,
    at: f64,
    fast: bool,
    /// Until when it is fast, or slow.
    until: f64,
}

impl Arrivals {
    fn next(&mut self, stream: &mut Stream) -> f64 {
        match self.process {
            Process::Bursts { .. } => loop {
                let rate = if self.fast { 220.0 } else { 40.0 };
                let next = self.at + stream.exponential() / rate;
                if next < self.until {
                    self.at = next;
                    return next;
                }
                // Exponential gaps have no memory: the next one begins with the next state.
                self.at = self.until;
                self.fast = !self.fast;
                self.until += stream.exponential() * if self.fast { 1.0 } else { 2.0 };
            },
            Process::Bucket { per_s, .. } | Process::Pool { per_s } => {
                self.at += stream.exponential() / per_s;
                self.at
            }
            Process::Lognormal { .. } | Process::Queue { .. } | Process::Independent => unreachable!("they have no clock"),
        }
    }
}

/// A part of the gateway that says yes or no.
enum Part {
    Bucket(Bucket),
    Pool(Box<Pools>, std::collections::BinaryHeap<std::cmp::Reverse<(Instant, sluicegate_policy::lambda::Environment)>>),
}

impl Part {
    fn of(process: Process, seed: Seed) -> Self {
        match process {
            Process::Bucket { burst, .. } | Process::Bursts { burst } => {
                let rate = PerSecond { tokens: 100, per: Span::from_secs(1) };
                Self::Bucket(Bucket::new(Throttle { rate, burst: Burst(burst) }))
            }
            Process::Pool { .. } => {
                Self::Pool(Box::new(Pools::new(&pool(), seed.child("pool"))), std::collections::BinaryHeap::new())
            }
            Process::Lognormal { .. } | Process::Queue { .. } | Process::Independent => unreachable!("they are no parts"),
        }
    }

    /// Whether it refuses, or starts an environment.
    fn asked(&mut self, now: Instant) -> bool {
        match self {
            Self::Bucket(bucket) => bucket.try_take(now, 1).is_err(),
            Self::Pool(pools, busy) => {
                while let Some(std::cmp::Reverse((until, environment))) = busy.peek().copied().filter(|it| it.0.0 <= now) {
                    busy.pop();
                    pools.release(until, FunctionId(0), environment);
                }
                let invoked = pools.invoke(now, FunctionId(0)).expect("there is no limit");
                busy.push(std::cmp::Reverse((now + invoked.busy, invoked.environment)));
                invoked.cold_start.is_some()
            }
        }
    }
}

/// A function without limits whose environments are kept for a minute; the one that was used last is used next.
fn pool() -> Model {
    let function = Function {
        name: String::new(),
        memory_mb: 0,
        duration: Latency::exponential(Span::from_ms(500)).expect("a mean above zero"),
        cold_start: Latency::constant(Span::ZERO),
        failures: 0.0,
        concurrency: None,
        keep_alive: Latency::constant(Span::from_secs(60)),
        scaling: Scaling { dispatch: Dispatch::MostRecentlyUsed, ..Scaling::default() },
        response: Response { status: 200, body: String::new() },
        uses: None,
        echoes: false,
        code: Code::Modelled,
    };
    let account = Account { concurrency: u32::MAX, invocations_per_environment: u32::MAX, ..Account::default_in("") };
    Model { account, functions: vec![function], ..Model::of(Api::new(ApiKind::Http, ""), &[], Vec::new()) }
}

impl Row {
    /// The truth stays and the prediction is off, so that the truth lies so many margins above it.
    fn off_by(&self, margins: f64) -> f64 {
        ((self.truth - margins * self.margin.absolute) / (1.0 + margins * self.margin.relative)).max(0.0)
    }

    /// The shares of the nine answers in so many runs, on as many threads as there are cores.
    fn answers(&self, runs: usize, batches: Batches) -> [f64; CELLS] {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(runs);
        let some = |first: usize| {
            let mut counts = [0_usize; CELLS];
            for run in (first..runs).step_by(threads) {
                let seed = Seed::new(2026).child(self.id).nth(run as u64);
                let mut actions = self.process.play(self.actions, self.truth, self.metric, seed);
                if batches == Batches::Interleaved {
                    actions.iter_mut().enumerate().for_each(|(at, action)| action.0 = (at % BATCHES) as u8);
                }
                let answers = OFF.map(|margins| self.answer(&actions, self.off_by(margins)));
                let [at_0, at_half, at_1, at_2, at_3, below_1, below_2] = answers;
                let (holds, violated) = (Answer::Holds, Answer::Violated);
                let met = [
                    at_0 == violated,
                    at_0 == holds,
                    at_half == holds,
                    at_1 == holds,
                    at_1 == violated,
                    at_2 == violated,
                    at_3 == violated,
                    below_1 == holds,
                    below_1 == violated,
                    below_2 == violated,
                ];
                counts.iter_mut().zip(met).for_each(|(count, met)| *count += usize::from(met));
            }
            counts
        };
        let counts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || some(first))).collect();
            let all = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            all.fold([0; CELLS], |sum, counts| std::array::from_fn(|at| sum[at] + counts[at]))
        });
        counts.map(|count| count as f64 / runs as f64)
    }

    fn answer(&self, actions: &Actions, predicted: f64) -> Answer {
        let assumption =
            Assumption { series: None, metric: self.metric, allowed: Allowed::Within(self.margin), name: self.id.to_owned() };
        let (low, high) = assumption.allowed.band(self.metric, predicted);
        let prediction = Prediction { value: predicted, standard_error: 0.0, low, high, design_effect: 1.0 };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let counts = |end: Option<f64>| {
            let limit = end?;
            let limit = if matches!(self.metric, Metric::Latency(_)) { limit } else { 0.5 };
            let mut rows = vec![(0, 0); BATCHES];
            for (batch, value) in actions {
                let row: &mut (u32, u32) = &mut rows[usize::from(*batch)];
                row.0 += u32::from(*value > limit);
                row.1 += 1;
            }
            Some(rows)
        };
        // Without an error of the model the bands for "holds" and for "violated" are one.
        let (low, high) = (counts(claim.narrow.low), counts(claim.narrow.high));
        let rows = Ends {
            narrow_low: low.as_deref(),
            narrow_high: high.as_deref(),
            wide_low: low.as_deref(),
            wide_high: high.as_deref(),
        };
        let phase = Phase { warmup: Span::ZERO, end: Span::from_secs(BATCHES as u64) };
        let context = Context { phase, course: Course::Steady, planned_power: None, noise: None };
        decide(vec![judge_claim(&claim, &Observed { rows, times: None }, &context)])[0].answer
    }
}

/// How a run's actions are dealt to its batches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batches {
    /// By time, as the method says.
    ByTime,
    /// In turn, so that no batch knows how its neighbours in time depend on each other: correlation is ignored.
    Interleaved,
}

fn is_full() -> bool {
    std::env::var("SLUICEGATE_CALIBRATION").is_ok_and(|which| which == "full")
}

/// Three standard errors of the difference of two shares, one of `runs` and one of the reference's; or what the method allows.
fn tolerance(reference: f64, row: &Row, runs: usize) -> f64 {
    let allowed = if row.runs < 1_000 { 0.12 } else { 0.07 };
    let p = reference.clamp(0.02, 0.98);
    let few = 3.0 * (p * (1.0 - p) * (1.0 / runs as f64 + 1.0 / row.runs as f64)).sqrt() + 0.02;
    if runs == row.runs { allowed } else { few.max(allowed) }
}

#[test]
fn the_acceptance_table_of_the_method_is_met() {
    let _quiet = quiet();
    let mut table = String::from("| row | process | runs | ");
    let _ = writeln!(table, "{} |\n|---|---|---|{}", NAMES.join(" | "), "---|".repeat(CELLS));
    let (mut wrong, mut within) = (Vec::new(), 0);
    let rows = rows();
    for row in &rows {
        let runs = if is_full() { row.runs } else { row.runs / 10 };
        let shares = row.answers(runs, Batches::ByTime);
        let _ = write!(table, "| {} | {} | {runs} |", row.id, row.what);
        for ((share, reference), name) in shares.into_iter().zip(row.reference).zip(NAMES) {
            let _ = write!(table, " {share:.3} ({reference:.3}) |");
            if (share - reference).abs() <= tolerance(reference, row, runs) {
                within += 1;
            } else {
                wrong.push(format!("{} {name}: {share} for {reference}", row.id));
            }
        }
        table.push('\n');
        let slack = if is_full() { 0.0 } else { 3.0 * (0.07 * 0.93 / runs as f64).sqrt() };
        // Nothing that is true is found violated. The one exception is a row that is too short against its own bursts: of 20,000 runs of it
        // 10 were, once; of 1,000 that is none (as the reference found), one or two.
        let allowed = if row.id == "R-b" && is_full() { 0.002 } else { 0.0 };
        if shares[0] > allowed {
            wrong.push(format!("{}: {} are violated although they are true", row.id, shares[0]));
        }
        if shares[3] > 0.07 + slack || shares[4] > 0.025 + slack {
            wrong.push(format!("{}: at the margin {} hold and {} are violated", row.id, shares[3], shares[4]));
        }
    }
    let all = rows.len() * CELLS;
    let summary = format!("{within} of {all} shares within tolerance.");
    #[allow(clippy::print_stdout, reason = "the table is what is asked for")]
    {
        println!("{table}\n{summary}");
    }
    assert!(wrong.is_empty(), "{}\n{table}", wrong.join("\n"));
    if is_full() {
        write_down(&table, &summary);
    }
}

fn write_down(table: &str, summary: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verdict/calibration.md");
    let text = format!(
        "How often each answer comes when the truth is known.\n\n\
         Each row is a process whose quantile or share is known; the prediction is right (0), or the truth lies so many margins above it \
         (below it: -1, -2). A share of the runs is found to hold, or to be violated; the rest is inconclusive. In brackets: what an independent \
         implementation of the same method found in as many runs, which ours must meet within .07 (.12 for R-c). At one margin a claim \
         is as wrong as it may be: it should hold in at most 7 % and be violated in at most 2.5 % of the runs; what is true should \
         never be violated. R-b, whose runs are too short against their own bursts, is the exception: in 20,000 runs of it apart 10 were, \
         which is .05 %. Written by `just calibrate`.\n\n\
         {table}\n{summary}\n"
    );
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[test]
fn without_regard_to_correlation_a_quarter_of_all_runs_is_judged_wrongly_at_the_margin() {
    let _quiet = quiet();
    // Method 3.10: 32 % false "holds" and 24 % false "violated" in Q-b, 41 % and 31 % in Q-c.
    let rows = rows();
    for (id, holds, violated) in [("Q-b", 0.32, 0.24), ("Q-c", 0.41, 0.31)] {
        let row = rows.iter().find(|row| row.id == id).expect("a row of the table");
        let shares = row.answers(100, Batches::Interleaved);
        let near = |share: f64, reference: f64| (share - reference).abs() < 0.17;
        assert!(near(shares[3], holds) && near(shares[4], violated), "{id}: {shares:?}");
    }
}

#[test]
fn predicted_zero_holds_by_the_rule_of_three() {
    let _quiet = quiet();
    // Method 3.10, last line: 5,000 requests, margin .001, and the truth moves.
    let runs = if is_full() { 1_000 } else { 200 };
    let of = |truth: f64| {
        let row = Row {
            id: "zero",
            what: "",
            process: Process::Independent,
            actions: 5_000,
            metric: Metric::Ratio(Ratio::Errors),
            margin: absolute(0.001),
            truth,
            runs,
            reference: [0.0; CELLS],
        };
        let answers: Vec<Answer> = (0..runs)
            .map(|run| {
                let seed = Seed::new(2026).child("zero").nth(run as u64);
                row.answer(&row.process.play(row.actions, truth, row.metric, seed), 0.0)
            })
            .collect();
        [Answer::Holds, Answer::Violated].map(|answer| answers.iter().filter(|it| **it == answer).count() as f64 / runs as f64)
    };
    let near =
        |share: f64, reference: f64| (share - reference).abs() <= 0.02 + 3.0 * (0.25 * reference.min(0.2) / runs as f64).sqrt();
    let [none, one, two, four] = [0.0, 0.001, 0.002, 0.004].map(of);
    assert!(none[0] >= 1.0 && none[1] <= 0.0, "{none:?}");
    assert!(near(one[0], 0.038) && near(one[1], 0.002), "{one:?}");
    assert!((two[1] - 0.185).abs() < 0.09 && (four[1] - 0.903).abs() < 0.07, "{two:?} {four:?}");
}
