//! The highest rate at which something still holds: which rate is tried next, and when the answer stands.
//!
//! Owns the order of the trials and the rule of repetition. Refuses to drive anything and to say what holds (`command` does, with
//! thresholds of `measure`); a trial that proves nothing is not told to it. Pure; called by `command` between two steps.
//!
//! An exponential search from the start, upwards or downwards by the factor two, then bisection of the gap between the highest rate
//! that held and the lowest above it that did not. A single trial leans only: as long as the gap is wide it decides where to look
//! next. Once the gap is narrow both edges are repeated: a rate is *confirmed* by its `passes`-th success and *refuted* by its second
//! failure, whichever comes first, so that no rate is tried more than `passes + 1` times. Where repetition overturns a lean, the
//! search goes on from there. Every new rate lies in a gap wider than the precision, so that their number is bounded.

use std::collections::BTreeMap;

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;

/// Failures that refute a rate: one may be noise.
const REFUTED_BY: u32 = 2;
/// In which time a rate's requests are whole.
const PER: Span = Span::from_secs(1_000);

/// A rate of a search, in requests per 1,000 s: exact, and as fine as any search needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepRate(u64);

/// Where a search may look, and when it is content.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The lowest rate that is tried.
    pub floor: StepRate,
    /// The first rate that is tried; held between the two others.
    pub start: StepRate,
    /// The highest rate that is ever tried.
    pub ceiling: StepRate,
    /// How far the lowest refuted rate may be above the answer, as a share of it; above zero.
    pub precision: f64,
    /// How often a rate must hold to be confirmed; at least once.
    pub passes: u32,
}

/// How one trial of a rate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// It held.
    Passed,
    /// It did not.
    Failed,
}

/// How often a rate was tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it held.
    pub passed: u32,
    /// How often it did not.
    pub failed: u32,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try this rate, and tell how it ended.
    Try(StepRate),
    /// Nothing: the answer stands.
    Done(Answer),
}

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The highest confirmed rate, and the refuted one above it, within the precision.
    Between(StepRate, StepRate),
    /// The ceiling itself is confirmed: the edge is beyond it.
    AtCeiling(StepRate),
    /// Even the floor is refuted.
    BelowFloor(StepRate),
}

/// A search that goes on.
#[derive(Clone, Debug)]
pub struct RateSearch {
    bounds: Bounds,
    tried: BTreeMap<StepRate, Tally>,
}

impl StepRate {
    /// The rate, rounded down to a thousandth of a request per second; at least that.
    pub fn of(rate: PerSecond) -> Self {
        let tokens = u128::from(rate.tokens) * u128::from(PER.as_ns()) / u128::from(rate.per.as_ns().max(1));
        Self(u64::try_from(tokens).unwrap_or(u64::MAX).max(1))
    }

    /// The lowest rate that is not below so many requests per second.
    pub fn at_least(per_second: f64) -> Self {
        Self(((per_second * 1e3).ceil() as u64).max(1))
    }

    /// Requests per second.
    pub fn per_second(self) -> f64 {
        self.0 as f64 / 1e3
    }

    /// The same as the script takes it.
    pub fn rate(self) -> PerSecond {
        let common = gcd(self.0, 1_000);
        PerSecond { tokens: self.0 / common, per: Span::from_secs(1_000 / common) }
    }

    /// A share of it; at least the least rate there is.
    pub const fn divided(self, by: u64) -> Self {
        if self.0 / by == 0 { Self(1) } else { Self(self.0 / by) }
    }
}

impl Tally {
    /// Where the rate belongs as far as is known; `None` if it is tried as often as not.
    const fn leans(self) -> Option<Trial> {
        if self.passed > self.failed {
            Some(Trial::Passed)
        } else if self.failed > self.passed {
            Some(Trial::Failed)
        } else {
            None
        }
    }
}

impl RateSearch {
    /// A search in which nothing was tried. A floor above the ceiling is the ceiling.
    pub fn new(bounds: Bounds) -> Self {
        let floor = bounds.floor.min(bounds.ceiling);
        let bounds = Bounds { floor, start: bounds.start.clamp(floor, bounds.ceiling), passes: bounds.passes.max(1), ..bounds };
        Self { bounds, tried: BTreeMap::new() }
    }

    /// A trial at `rate` has ended.
    pub fn on_trial(&mut self, rate: StepRate, trial: Trial) {
        let tally = self.tried.entry(rate).or_default();
        match trial {
            Trial::Passed => tally.passed += 1,
            Trial::Failed => tally.failed += 1,
        }
    }

    /// What is to be done now.
    pub fn next(&self) -> Next {
        let Bounds { floor, start, ceiling, .. } = self.bounds;
        if self.tried.is_empty() {
            return Next::Try(start);
        }
        let high = self.high();
        if let Some((rate, tally)) = high
            && self.leans(tally).is_none()
        {
            return Next::Try(rate);
        }
        match (self.low_under(high.map(|(rate, _)| rate)), high) {
            (Some((low, tally)), None) if low >= ceiling => {
                if self.is_confirmed(tally) {
                    Next::Done(Answer::AtCeiling(low))
                } else {
                    Next::Try(low)
                }
            }
            (Some((low, _)), None) => Next::Try(StepRate(low.0.saturating_mul(2)).min(ceiling)),
            (None, Some((high, tally))) if high <= floor => {
                if is_refuted(tally) {
                    Next::Done(Answer::BelowFloor(high))
                } else {
                    Next::Try(high)
                }
            }
            (None, Some((high, _))) => Next::Try(high.divided(2).max(floor)),
            (Some(low), Some(high)) => self.between(low, high),
            (None, None) => Next::Try(start),
        }
    }

    /// The highest rate that is confirmed, below every rate that leans otherwise.
    pub fn confirmed(&self) -> Option<StepRate> {
        let high = self.high().map(|(rate, _)| rate);
        self.below(high).filter(|(_, tally)| self.is_confirmed(*tally)).map(|(rate, _)| rate).last()
    }

    /// The highest rate that held more often than not, below every rate that leans otherwise; it may be unconfirmed.
    pub fn promising(&self) -> Option<StepRate> {
        self.low_under(self.high().map(|(rate, _)| rate)).map(|(rate, _)| rate)
    }

    /// The lowest rate that is refuted; not one above a rate that merely leans to it.
    pub fn refuted(&self) -> Option<StepRate> {
        self.high().filter(|(_, tally)| is_refuted(*tally)).map(|(rate, _)| rate)
    }

    /// How often a rate was tried.
    pub fn tally(&self, rate: StepRate) -> Tally {
        self.tried.get(&rate).copied().unwrap_or_default()
    }

    fn between(&self, (low, of_low): (StepRate, Tally), (high, of_high): (StepRate, Tally)) -> Next {
        let gap = high.0 - low.0;
        if gap > 1 && gap as f64 > self.bounds.precision * low.0 as f64 {
            return Next::Try(StepRate(low.0 + gap / 2));
        }
        if !is_refuted(of_high) {
            return Next::Try(high);
        }
        if !self.is_confirmed(of_low) {
            return Next::Try(low);
        }
        Next::Done(Answer::Between(low, high))
    }

    /// The lowest rate that does not lean to having held: what a rate above it did is luck, or another regime.
    fn high(&self) -> Option<(StepRate, Tally)> {
        self.tried.iter().map(|(rate, tally)| (*rate, *tally)).find(|(_, tally)| self.leans(*tally) != Some(Trial::Passed))
    }

    fn low_under(&self, high: Option<StepRate>) -> Option<(StepRate, Tally)> {
        self.below(high).last()
    }

    fn below(&self, high: Option<StepRate>) -> impl Iterator<Item = (StepRate, Tally)> {
        self.tried.iter().map(|(rate, tally)| (*rate, *tally)).take_while(move |(rate, _)| high.is_none_or(|high| *rate < high))
    }

    /// As [`Tally::leans`], but what is settled stays so.
    fn leans(&self, tally: Tally) -> Option<Trial> {
        if is_refuted(tally) {
            Some(Trial::Failed)
        } else if self.is_confirmed(tally) {
            Some(Trial::Passed)
        } else {
            tally.leans()
        }
    }

    const fn is_confirmed(&self, tally: Tally) -> bool {
        tally.passed >= self.bounds.passes && !is_refuted(tally)
    }
}

const fn is_refuted(tally: Tally) -> bool {
    tally.failed >= REFUTED_BY
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::seed::Seed;

    fn bounds(floor: u64, start: u64, ceiling: u64, precision: f64) -> Bounds {
        Bounds { floor: StepRate(floor), start: StepRate(start), ceiling: StepRate(ceiling), precision, passes: 3 }
    }

    /// Searches to the end, asking `holds` at each step; the answer and the rates tried, in order.
    fn search(bounds: Bounds, mut holds: impl FnMut(u64) -> bool) -> (Answer, Vec<u64>) {
        let mut search = RateSearch::new(bounds);
        let mut tried = Vec::new();
        loop {
            match search.next() {
                Next::Try(rate) => {
                    tried.push(rate.0);
                    assert!(tried.len() < 10_000, "it does not end: {tried:?}");
                    search.on_trial(rate, if holds(rate.0) { Trial::Passed } else { Trial::Failed });
                }
                Next::Done(answer) => return (answer, tried),
            }
        }
    }

    #[test]
    fn it_doubles_then_bisects_then_repeats_both_edges() {
        let (answer, tried) = search(bounds(1, 100, 10_000, 0.1), |rate| rate < 630);
        assert_eq!(tried, [100, 200, 400, 800, 600, 700, 650, 650, 600, 600]);
        assert_eq!(answer, Answer::Between(StepRate(600), StepRate(650)));
    }

    #[test]
    fn a_ceiling_that_holds_is_confirmed_and_never_exceeded() {
        let (answer, tried) = search(bounds(1, 100, 300, 0.1), |_| true);
        assert_eq!((answer, tried), (Answer::AtCeiling(StepRate(300)), vec![100, 200, 300, 300, 300]));
    }

    #[test]
    fn a_floor_that_does_not_hold_is_refuted_by_two_failures() {
        let (answer, tried) = search(bounds(40, 100, 300, 0.1), |_| false);
        assert_eq!((answer, tried), (Answer::BelowFloor(StepRate(40)), vec![100, 50, 40, 40]));
    }

    #[test]
    fn one_failure_is_overturned_by_repetition() {
        let mut unlucky = Some(400);
        let (answer, tried) =
            search(
                bounds(1, 100, 10_000, 0.1),
                |rate| if unlucky.take_if(|at| *at == rate).is_some() { false } else { rate < 630 },
            );
        assert_eq!(answer, Answer::Between(StepRate(600), StepRate(650)), "{tried:?}");
    }

    #[test]
    fn a_lucky_pass_does_not_stand() {
        let mut lucky = Some(650);
        let (answer, tried) = search(bounds(1, 100, 10_000, 0.1), |rate| lucky.take_if(|at| *at == rate).is_some() || rate < 630);
        let Answer::Between(low, high) = answer else { panic!("{answer:?} {tried:?}") };
        assert!(low.0 < 630 && (630..=700).contains(&high.0), "{answer:?} {tried:?}");
    }

    #[test]
    fn what_was_found_until_then_can_be_told_at_any_time() {
        let mut search = RateSearch::new(bounds(1, 100, 10_000, 0.1));
        assert_eq!((search.confirmed(), search.promising()), (None, None));
        search.on_trial(StepRate(100), Trial::Passed);
        assert_eq!((search.confirmed(), search.promising()), (None, Some(StepRate(100))));
        search.on_trial(StepRate(100), Trial::Passed);
        search.on_trial(StepRate(100), Trial::Passed);
        search.on_trial(StepRate(200), Trial::Failed);
        search.on_trial(StepRate(300), Trial::Passed);
        assert_eq!((search.confirmed(), search.promising()), (Some(StepRate(100)), Some(StepRate(100))));
    }

    #[test]
    fn rates_are_what_the_script_takes() {
        let per = |tokens, seconds| PerSecond { tokens, per: Span::from_secs(seconds) };
        assert_eq!(StepRate::of(per(12_000, 60)), StepRate(200_000));
        assert_eq!(StepRate(200_000).rate(), per(200, 1));
        assert_eq!(StepRate(37_500).rate(), per(75, 2));
        assert_eq!(StepRate::of(PerSecond { tokens: 1, per: Span::from_secs(86_400) }), StepRate(1));
        assert_eq!(StepRate::at_least(0.0101), StepRate(11));
        assert_eq!(StepRate(3).divided(4), StepRate(1));
    }

    proptest! {
        /// Of a monotone function the edge is found within the precision, whatever the start; nothing above the ceiling or below
        /// the floor is tried, and the steps are as few as two logarithms.
        #[test]
        fn the_edge_of_a_monotone_function_is_found(
            edge in 1_u64..5_000_000, floor in 1_u64..1_000_000, start in 1_u64..2_000_000, ceiling in 1_u64..4_000_000,
            precision in 0.005..0.5_f64,
        ) {
            let (answer, tried) = search(bounds(floor, start, ceiling, precision), |rate| rate <= edge);
            let floor = floor.min(ceiling);
            prop_assert!(tried.iter().all(|rate| (floor..=ceiling).contains(rate)), "{:?}", tried);
            prop_assert!(tried.len() <= 24 + 24 + 5, "{} steps", tried.len());
            match answer {
                Answer::Between(low, high) => {
                    prop_assert!(low.0 <= edge && edge < high.0);
                    prop_assert!(high.0 - low.0 <= 1 || (high.0 - low.0) as f64 <= precision * low.0 as f64);
                }
                Answer::AtCeiling(rate) => prop_assert!(rate.0 == ceiling && ceiling <= edge),
                Answer::BelowFloor(rate) => prop_assert!(rate.0 == floor && edge < floor),
            }
        }

        /// Whatever the trials say, it ends, no rate is tried more often than its rule says, and the answer is as confirmed as promised.
        #[test]
        fn it_ends_whatever_it_is_told(seed in any::<u64>(), passes in 1_u32..6, precision in 0.01..0.5_f64) {
            let mut draws = Seed::new(seed).stream();
            let mut search = RateSearch::new(Bounds { passes, ..bounds(10, 200, 100_000, precision) });
            let mut steps = 0;
            let answer = loop {
                match search.next() {
                    Next::Try(rate) => search.on_trial(rate, if draws.unit() < 0.5 { Trial::Passed } else { Trial::Failed }),
                    Next::Done(answer) => break answer,
                }
                steps += 1;
                prop_assert!(steps < 20_000);
            };
            prop_assert!(search.tried.values().all(|tally| tally.passed + tally.failed <= passes + 1));
            match answer {
                Answer::Between(low, high) => {
                    prop_assert!(search.tally(low).passed >= passes && search.tally(low).failed < 2);
                    prop_assert!(search.tally(high).failed >= 2 && low < high);
                    prop_assert_eq!(search.confirmed(), Some(low));
                }
                Answer::AtCeiling(rate) => prop_assert!(search.tally(rate).passed >= passes),
                Answer::BelowFloor(rate) => prop_assert!(search.tally(rate).failed >= 2),
            }
        }
    }

    #[test]
    fn noise_is_survived_by_repetition() {
        let (edge, precision) = (40_000, 0.05);
        let mut draws = Seed::new(7).stream();
        // One trial in twenty lies.
        let off = (0..2_000).filter(|_| {
            let (answer, _) = search(bounds(100, 1_000, 1_000_000, precision), |rate| (rate <= edge) != (draws.unit() < 0.05));
            let Answer::Between(low, _) = answer else { return true };
            (low.0 as f64 / edge as f64 - 1.0).abs() > 2.0 * precision
        });
        let off = off.count();
        assert!(off <= 100, "{off} of 2,000 are more than twice the precision off");
    }
}
