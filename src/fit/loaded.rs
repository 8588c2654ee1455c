//! What shows only under load: how many connections a pool has, how long each is held, how many environments a function may have.
//!
//! Owns the search (method 4.2.5): settings of a model are simulated under the very load of the runs, until what is simulated lies where it was
//! observed. First the nearest setting, by simulated moments (A. Pakes, D. Pollard, Econometrica 57, 1989), each weighed
//! by its error, by five simplexes from different starts; then all settings that cannot be told from it, by approximate Bayesian
//! computation (M. Beaumont, W. Zhang, D. Balding, Genetics 162, 2002): drawn evenly (of logarithms) from a box that is opened until it holds them.
//! Batches tell little of the errors of a level beyond the knee, where nothing settles: all weigh alike until a near setting is known; then simulated
//! repetitions of it tell their errors (as method 3.6 has it for ramps), and the search goes on with these. What is found is conditional on the model's own noise.
//! Refuses to simulate (the caller does, with the same chances for every setting) and to name a point (`identified`). Called by `command`.

use sluicegate_policy::latency::inverse_normal;
use sluicegate_policy::seed::Seed;

use super::identified::Interval;
use super::minimise::{Lowest, Until, minimise_until};

/// A number that was observed, on a scale on which its error is one of plus and minus: the logarithm of a quantile, or a share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// Its value.
    pub value: f64,
    /// Its standard error by what was observed, above zero: where the model's own repetitions tell none, it stands for them.
    pub standard_error: f64,
    /// How near a model comes to what is real at best, above zero: no error is below it.
    pub error_min: f64,
}

/// Where a parameter is looked for; both ends are above zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lowest.
    pub low: f64,
    /// Highest.
    pub high: f64,
    /// Whether it is a whole number.
    pub whole: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Searched {
    /// The nearest setting.
    pub best: Vec<f64>,
    /// All that cannot be told from what was observed; empty if not even the nearest is one of them.
    pub kept: Vec<Vec<f64>>,
    /// Settings that were simulated.
    pub simulated: usize,
}

/// Starts of a simplex, and what each may cost.
const STARTS: u64 = 5;
const EACH: Until = Until { evaluations: 80, tolerance: 1e-3 };
/// By how much more than at best a model is taken to be off, where nothing is known of its noise yet.
const ALIKE: f64 = 5.0;
/// How often the noise is looked at anew where the search has come to.
const REFINED: usize = 2;
/// Repetitions that tell a moment's noise.
const REPETITIONS: usize = 24;
/// Whole numbers that are tried on each side of the nearest, and how far one is from the next: by one, or by this share.
const WALKED_MAX: usize = 8;
const WALK: f64 = 0.1;
/// Settings that are drawn: half of them in the last box and half by moves of those that are known; and in each box that is opened before it.
const DRAWS: u64 = 500;
const DRAWS_BEFORE: u64 = 100;
/// How often the box is opened at most.
const OPENED_MAX: u64 = 5;
/// The first box reaches from the nearest setting by this factor, and each further one beyond those that were kept by as much.
const REACH: f64 = 1.25;
/// All moments together leave the true setting out in so many of a hundred runs (method 4.2.5: 99 % intervals).
const LEFT_OUT: f64 = 0.01;
/// A moment that is farther off than so many errors counts no more, or one that a setting has not at all would outweigh all others.
const FAR: f64 = 50.0;

/// Looks for the settings with which `simulate` gives what was observed; of what a setting does not give there is `None`. Its chances are those of
/// a number: the same for every setting but where its noise is looked at.
pub fn search(
    observed: &[Moment],
    bounds: &[Bounds],
    seed: Seed,
    simulate: impl FnMut(&[f64], usize) -> Vec<Option<f64>>,
) -> Searched {
    // All alike at first: what weighs more is not known before a near setting is.
    let errors = observed.iter().map(|moment| ALIKE * moment.error_min).collect();
    let mut search = Search { observed, errors, bounds, simulate, simulated: 0 };
    let starts = search.starts(seed.child("starts"));
    let mut near = search.nearest(&starts);
    for _ in 0..REFINED {
        search.errors = search.noise(&near);
        near = search.nearest(&[near]);
    }
    // From one whole number to the next the others jump: a simplex that has come to rest at one does not see that its neighbour is nearer.
    let walked = search.walked(near);
    let best = walked.iter().min_by(|a, b| a.value.total_cmp(&b.value)).map(|best| best.at.clone()).unwrap_or_default();
    search.errors = search.noise(&best);
    let like: Vec<Vec<f64>> = walked.into_iter().map(|one| one.at).filter(|at| search.is_like(at)).collect();
    let kept = if like.is_empty() { Vec::new() } else { search.alike(like, seed.child("draws")) };
    Searched { best: search.values(&best), kept, simulated: search.simulated }
}

impl Searched {
    /// Where the kept settings have a parameter; an end without bound if they reach that of its box.
    pub fn interval(&self, at: usize, bounds: &[Bounds]) -> Option<Interval> {
        let values = self.kept.iter().map(|kept| kept[at]);
        let low = values.clone().reduce(f64::min)?;
        let high = values.reduce(f64::max)?;
        let Bounds { low: lowest, high: highest, .. } = bounds[at];
        Some(Interval {
            low: if low <= lowest * 1.02 { 0.0 } else { low },
            high: if high >= highest / 1.02 { f64::INFINITY } else { high },
        })
    }
}

/// Settings are logarithms here.
struct Search<'a, F> {
    observed: &'a [Moment],
    errors: Vec<f64>,
    bounds: &'a [Bounds],
    simulate: F,
    simulated: usize,
}

impl<F: FnMut(&[f64], usize) -> Vec<Option<f64>>> Search<'_, F> {
    fn values(&self, at: &[f64]) -> Vec<f64> {
        let value = |(at, bounds): (&f64, &Bounds)| {
            let value = at.exp().clamp(bounds.low, bounds.high);
            if bounds.whole { value.round() } else { value }
        };
        at.iter().zip(self.bounds).map(value).collect()
    }

    /// How far each moment is off, in errors of the difference of the two worlds.
    fn apart(&mut self, at: &[f64]) -> Vec<f64> {
        let simulated = self.simulated(at, 0);
        let apart = |((observed, error), simulated): ((&Moment, &f64), &Option<f64>)| {
            let off = simulated.map_or(FAR, |value| (value - observed.value).abs() / (error * 2_f64.sqrt()));
            if off.is_nan() { FAR } else { off.min(FAR) }
        };
        self.observed.iter().zip(&self.errors).zip(&simulated).map(apart).collect()
    }

    fn simulated(&mut self, at: &[f64], chances: usize) -> Vec<Option<f64>> {
        self.simulated += 1;
        let values = self.values(at);
        (self.simulate)(&values, chances)
    }

    /// How repetitions of a setting differ in each moment; where they do not tell, the error by what was observed stands.
    fn noise(&mut self, at: &[f64]) -> Vec<f64> {
        let runs: Vec<_> = (0..REPETITIONS).map(|chances| self.simulated(at, chances)).collect();
        let of = |(at, observed): (usize, &Moment)| {
            let values: Option<Vec<f64>> = runs.iter().map(|run| run[at]).collect();
            let error = values.map_or(observed.standard_error, |values| deviation(&values));
            error.max(observed.error_min)
        };
        self.observed.iter().enumerate().map(of).collect()
    }

    fn is_like(&mut self, at: &[f64]) -> bool {
        let limit = inverse_normal(1.0 - LEFT_OUT / 2.0 / self.observed.len().max(1) as f64);
        self.apart(at).iter().all(|off| *off <= limit)
    }

    fn ranges(&self) -> Vec<(f64, f64)> {
        self.bounds.iter().map(|bounds| (bounds.low.ln(), bounds.high.ln())).collect()
    }

    /// The middle of the bounds, and others.
    fn starts(&self, seed: Seed) -> Vec<Vec<f64>> {
        let ranges = self.ranges();
        let middle = ranges.iter().map(|(low, high)| f64::midpoint(*low, *high)).collect();
        std::iter::once(middle).chain((1..STARTS).map(|start| draw(&ranges, seed.nth(start)))).collect()
    }

    /// The nearest setting that a simplex finds from one of these.
    fn nearest(&mut self, starts: &[Vec<f64>]) -> Vec<f64> {
        let step: Vec<f64> = self.ranges().iter().map(|(low, high)| 0.2 * (high - low)).collect();
        let found: Vec<Lowest> = starts.iter().map(|from| minimise_until(EACH, from, &step, |at| self.distance(at))).collect();
        found.into_iter().min_by(|a, b| a.value.total_cmp(&b.value)).map(|best| best.at).unwrap_or_default()
    }

    /// Sum of squares of what the moments are off; settings outside of the bounds are infinitely far.
    fn distance(&mut self, at: &[f64]) -> f64 {
        let outside = at.iter().zip(self.ranges()).any(|(at, (low, high))| !(low..=high).contains(at));
        if outside { f64::INFINITY } else { self.apart(at).iter().map(|off| off * off).sum() }
    }

    /// This setting, and the nearest ones with each other whole number in turn, up and down, until they are no longer like what was observed.
    fn walked(&mut self, from: Vec<f64>) -> Vec<Lowest> {
        let first = Lowest { value: self.distance(&from), at: from };
        let mut walked = vec![first.clone()];
        for whole in (0..self.bounds.len()).filter(|at| self.bounds[*at].whole) {
            for up in [true, false] {
                let mut here = first.clone();
                for step in 1..=WALKED_MAX {
                    let Some(next) = self.neighbour(&here.at, whole, up) else { break };
                    let is_like = self.is_like(&next.at);
                    here = next;
                    walked.push(here.clone());
                    if !is_like && step > 1 {
                        break;
                    }
                }
            }
        }
        walked
    }

    /// The nearest setting with the next whole number; the others start where they are. `None` at the bounds.
    fn neighbour(&mut self, from: &[f64], whole: usize, up: bool) -> Option<Lowest> {
        let value = self.values(from)[whole];
        let far = (value * WALK).round().max(1.0);
        let next = if up { value + far } else { value - far };
        let Bounds { low, high, .. } = self.bounds[whole];
        if !(low..=high).contains(&next) {
            return None;
        }
        let others: Vec<usize> = (0..from.len()).filter(|at| *at != whole).collect();
        let mut at = from.to_vec();
        at[whole] = next.ln();
        let start: Vec<f64> = others.iter().map(|other| at[*other]).collect();
        let mut whole_of = |free: &[f64]| {
            for (other, value) in others.iter().zip(free) {
                at[*other] = *value;
            }
            at.clone()
        };
        let found = minimise_until(EACH, &start, &vec![0.3; start.len()], |free| self.distance(&whole_of(free)));
        Some(Lowest { at: whole_of(&found.at), value: found.value })
    }

    /// All settings like what was observed, drawn from a box around those that are known, which grows until it holds them.
    fn alike(&mut self, mut kept: Vec<Vec<f64>>, seed: Seed) -> Vec<Vec<f64>> {
        let mut open = self.around(&kept);
        for round in 0..=OPENED_MAX {
            kept.extend(self.draws(&open, DRAWS_BEFORE, seed.nth(round)));
            let wider = self.around(&kept);
            let grown = wider.iter().zip(&open).any(|(wider, open)| wider.1 - wider.0 > 1.05 * (open.1 - open.0));
            open = wider;
            if !grown {
                break;
            }
        }
        kept.extend(self.draws(&open, DRAWS / 2, seed.child("last")));
        for n in 0..DRAWS / 2 {
            let at = moved(&kept, &self.ranges(), seed.child("moved").nth(n));
            if self.is_like(&at) {
                kept.push(at);
            }
        }
        kept.iter().map(|at| self.values(at)).collect()
    }

    fn draws(&mut self, ranges: &[(f64, f64)], count: u64, seed: Seed) -> Vec<Vec<f64>> {
        let drawn = (0..count).map(|n| draw(ranges, seed.nth(n)));
        drawn.filter(|at| self.is_like(at)).collect()
    }

    /// A box around settings, within the bounds.
    fn around(&self, kept: &[Vec<f64>]) -> Vec<(f64, f64)> {
        let of = |(at, bounds): (usize, &Bounds)| {
            let values = kept.iter().map(|setting| setting[at]);
            let low = values.clone().fold(f64::INFINITY, f64::min) - REACH.ln();
            let high = values.fold(f64::NEG_INFINITY, f64::max) + REACH.ln();
            (low.max(bounds.low.ln()), high.min(bounds.high.ln()))
        };
        self.bounds.iter().enumerate().map(of).collect()
    }
}

/// A kept setting, moved by the difference of two others and a little: of settings that lie along a narrow ridge a box finds few, and these moves
/// follow it (C. ter Braak, "A Markov chain Monte Carlo version of the genetic algorithm Differential Evolution", Statistics and Computing 16, 2006).
fn moved(kept: &[Vec<f64>], ranges: &[(f64, f64)], seed: Seed) -> Vec<f64> {
    const FARTHER: f64 = 1.2;
    const A_LITTLE: f64 = 0.1;
    let [from, one, other] = ["from", "one", "other"].map(|name| {
        let at = (seed.child(name).unit(0) * kept.len() as f64) as usize;
        &kept[at.min(kept.len() - 1)]
    });
    let moved = |(at, (low, high)): (usize, &(f64, f64))| {
        let by = FARTHER * (one[at] - other[at]) + A_LITTLE * (seed.child("little").unit(at as u64) - 0.5);
        (from[at] + by).clamp(*low, *high)
    };
    ranges.iter().enumerate().map(moved).collect()
}

fn deviation(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

fn draw(ranges: &[(f64, f64)], seed: Seed) -> Vec<f64> {
    (0..).zip(ranges).map(|(at, (low, high))| low + (high - low) * seed.unit(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean response time of M/M/c (Erlang's formula C), in units of the mean work; `None` beyond what the servers can do.
    fn response(servers: f64, work: f64, rate: f64) -> Option<f64> {
        let load = rate * work;
        if load >= servers {
            return None;
        }
        let blocked = (1..=servers as u32).fold(1.0, |b, n| load * b / (f64::from(n) + load * b));
        let waits = blocked / (1.0 - load / servers * (1.0 - blocked));
        Some(work + waits * work / (servers - load))
    }

    const BOUNDS: [Bounds; 2] = [Bounds { low: 2.0, high: 40.0, whole: true }, Bounds { low: 0.01, high: 0.4, whole: false }];

    /// Ten servers of 70 ms, looked at with errors of two percent.
    fn searched(rates: &[f64]) -> Searched {
        // Each repetition is off by up to four percent, as are those that were observed.
        let noise = |chances: usize, n: u64| 0.07 * (Seed::new(7).nth(chances as u64).unit(n) - 0.5);
        let simulate = |at: &[f64], chances: usize| {
            let of = |(n, rate): (u64, &f64)| response(at[0], at[1], *rate).map(|time| time.ln() + noise(chances, n));
            (0..).zip(rates).map(of).collect::<Vec<_>>()
        };
        // What batches say of the errors is ten times too much.
        let moment = |value| Moment { value, standard_error: 0.2, error_min: 0.001 };
        let observed: Vec<Moment> = simulate(&[10.0, 0.07], 99).into_iter().flatten().map(moment).collect();
        search(&observed, &BOUNDS, Seed::new(1), simulate)
    }

    #[test]
    fn levels_up_to_the_knee_tell_servers_and_work_apart() {
        let found = searched(&[20.0, 90.0, 125.0, 136.0]);
        let (servers, work) = (found.interval(0, &BOUNDS).unwrap(), found.interval(1, &BOUNDS).unwrap());
        assert!((9.0..=10.0).contains(&servers.low) && (10.0..=11.0).contains(&servers.high), "{servers:?} of {found:?}");
        assert!((0.063..=0.07).contains(&work.low) && (0.07..=0.08).contains(&work.high), "{work:?}");
        assert!(found.kept.contains(&found.best) && found.simulated < 1_800, "{}", found.simulated);
    }

    #[test]
    fn one_calm_level_tells_the_work_and_leaves_the_servers_open() {
        let found = searched(&[20.0]);
        let (servers, work) = (found.interval(0, &BOUNDS).unwrap(), found.interval(1, &BOUNDS).unwrap());
        assert!(servers.low < 6.0 && servers.high.is_infinite(), "{servers:?}");
        // Few servers with less work take as long as many: 2 of 50 ms as 40 of 70.
        assert!((0.045..0.07).contains(&work.low) && (0.07..0.08).contains(&work.high), "{work:?}");
    }

    #[test]
    fn what_no_setting_gives_is_not_explained() {
        let observed = [0.5, 2.0].map(|value| Moment { value, standard_error: 0.01, error_min: 0.01 });
        let found = search(&observed, &BOUNDS, Seed::new(1), |at, _| vec![Some(at[1]), Some(at[1])]);
        assert_eq!(found.kept, Vec::<Vec<f64>>::new());
        assert_eq!(found.interval(0, &BOUNDS), None);
        let nothing = search(&observed, &BOUNDS, Seed::new(1), |_, _| vec![None, None]);
        assert_eq!(nothing.kept, Vec::<Vec<f64>>::new());
    }
}
