//! The evidence on one claim: bounded shares at the ends of its bands, and what they prove.
//!
//! Owns the tests of both answers, the gate, and the smallest level at which a claim is violated. Refuses sentences
//! (`because`) and input that is missing (`judge` has seen to it). Called by `judge` alone.

use crate::measure::assumption::Metric;
use crate::measure::record::{Answer, Verdict};

use super::because::seconds_more;
use super::bounds::Share;
use super::claim::{Claim, Ends, Line};
use super::judge::{
    ALPHA_MIN, Against, Context, Course, HOLDS_ALPHA, Judged, Observed, TAIL_EVENTS_MIN, VIOLATED_ALPHA, undecided,
};
use super::{interval, steady};

/// A share and the limit that it is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) share: Share,
    pub(super) limit: f64,
}

/// All that decides one claim.
pub(super) struct Evidence<'a> {
    pub(super) claim: &'a Claim<'a>,
    pub(super) sides: Ends<Side>,
    /// The share at the busiest line: most trials' worth of information, and the one whose halves are compared.
    pub(super) busiest: Share,
    /// The halves of a steady plan differ: only "too slow" and "too many" can be said of it, which need no upper bound.
    changed: bool,
}

impl<'a> Evidence<'a> {
    pub(super) fn of(claim: &'a Claim<'a>, observed: &Observed, context: &Context) -> Option<Self> {
        let side = |(line, rows): &(Line, &[(u32, u32)])| {
            let share = Share::of(&context.phase.cut(rows)?)?;
            Some(Side { share: share.with_clustering(claim.design_effect()), limit: line.limit })
        };
        let mut sides = claim.lines().zip(observed.rows).try_map(side)?;
        let busiest = sides.iter().next()?.share;
        let busiest_rows = observed.rows.iter().next()?;
        let changed = context.course == Course::Steady && steady::halves_differ(&context.phase.cut(busiest_rows)?);
        if let (true, Some(high), Some(rows)) = (changed, &mut sides.wide_high, observed.rows.wide_high) {
            // The change itself is no chance: taken as noise, it would hide a target that is dead for half of the run.
            let share = Share::between_neighbours(&context.phase.cut(rows)?)?;
            high.share = share.with_clustering(claim.design_effect());
        }
        Some(Self { claim, sides, busiest, changed })
    }

    pub(super) fn judged(&self, verdict: Verdict, observed: &Observed, context: &Context) -> Judged {
        let verdict = self.measured(verdict, observed);
        if self.changed {
            let judged = undecided(
                verdict,
                "its first half differs from its second: the run is not stationary; run longer, or leave more out as warm-up",
            );
            return Judged { against: Some(self.against()), ..judged };
        }
        let unsettled = if self.busiest.unsettled { "; the run is short against its own correlation time" } else { "" };
        let (answer, because, more_s) = if self.sides.hold(1.0) && self.upper_bounds_are_trusted() {
            (Answer::Holds, self.why_it_holds(&verdict), None)
        } else {
            let longer = self.decided_at();
            let more_s = longer.map(|longer| seconds_more(longer, context));
            (Answer::Inconclusive, format!("{}{unsettled}", self.why_not(&verdict, longer, context)), more_s)
        };
        Judged { verdict: Verdict { answer, more_s, because, ..verdict }, against: Some(self.against()) }
    }

    /// Fills in value, interval, and what they rest on.
    fn measured(&self, verdict: Verdict, observed: &Observed) -> Verdict {
        let share = self.busiest;
        let (value, interval) = match self.claim.assumption.metric {
            Metric::Ratio(_) => {
                let (sure, possible) = self.shares();
                (Some(sure.value()), Some(interval::between(&sure, &possible, HOLDS_ALPHA)))
            }
            Metric::Latency(p) | Metric::Part(_, p) => {
                let like = self.sides.most_clustered().unwrap_or(share);
                let times = observed.times.as_ref();
                // What the warm-up of this run cuts off besides the planned one stands in the histogram all the same: there are more
                // trials, which are worth no more.
                let trials = times.map_or(like.trials, |all| all.trials as f64).max(like.trials);
                let like = Share { trials, design_effect: like.design_effect * trials / like.trials, ..like };
                let of = |histogram| interval::of_quantile(histogram, &like, p, HOLDS_ALPHA);
                (
                    times.and_then(|times| interval::quantile(&times.histogram, trials, p)),
                    times.and_then(|times| of(&times.histogram)),
                )
            }
        };
        Verdict {
            observed: value,
            interval,
            requests: share.trials as u64,
            effective_requests: Some(share.effective_trials(HOLDS_ALPHA)),
            ..verdict
        }
    }

    /// Of a ratio, what surely is its event, and what may be.
    pub(super) fn shares(&self) -> (Share, Share) {
        let share = |side: Option<Side>| side.map(|side| side.share);
        let sure = share(self.sides.narrow_low).or(share(self.sides.wide_high)).unwrap_or(self.busiest);
        let possible = share(self.sides.narrow_high).or(share(self.sides.wide_low)).unwrap_or(sure);
        (sure, possible)
    }

    /// Whether what needs an upper bound may be said: it asks for a tail that is full enough, and for a run of one piece.
    fn upper_bounds_are_trusted(&self) -> bool {
        !self.changed && self.gate_is_open(1.0)
    }

    /// Whether a run `k` times as long has the effective tail events that upper bounds need.
    pub(super) fn gate_is_open(&self, k: f64) -> bool {
        self.tail_events(k).is_none_or(|events| events >= TAIL_EVENTS_MIN)
    }

    pub(super) fn tail_events(&self, k: f64) -> Option<f64> {
        self.claim.gated_share().map(|share| share * self.busiest.scaled(k).effective_trials(HOLDS_ALPHA))
    }

    /// The smallest level at which this alone is violated, and on which side.
    fn against(&self) -> Against {
        let open = self.upper_bounds_are_trusted();
        match smallest_level(|alpha| self.sides.violated(alpha, open)) {
            Some((p_value, direction)) => Against { p_value, because: self.why_it_is_violated(direction) },
            None => Against { p_value: 1.0, because: String::new() },
        }
    }
}

/// The smallest level at which something is violated, and on which side; `None` if it is not even at [`VIOLATED_ALPHA`].
pub(super) fn smallest_level(violated: impl Fn(f64) -> Option<Direction>) -> Option<(f64, Direction)> {
    let direction = violated(VIOLATED_ALPHA)?;
    let (mut low, mut high) = (ALPHA_MIN.ln(), VIOLATED_ALPHA.ln());
    while high - low > 0.01 {
        let middle = f64::midpoint(low, high);
        match violated(middle.exp()) {
            Some(_) => high = middle,
            None => low = middle,
        }
    }
    Some((high.exp(), direction))
}

/// On which side of the band the quantity is proven to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    TooHigh,
    TooLow,
}

impl Ends<Side> {
    /// Both ends of the narrow band are proven, in a run `k` times as long that shows the same.
    pub(super) fn hold(&self, k: f64) -> bool {
        let above = |side: Side| side.share.scaled(k).lower(HOLDS_ALPHA) >= side.limit;
        let below = |side: Side| side.share.scaled(k).upper(HOLDS_ALPHA) <= side.limit;
        self.narrow_low.is_none_or(above) && self.narrow_high.is_none_or(below)
    }

    /// One side of the wide band is disproven at this level; what needs an upper bound is not sought behind a closed gate.
    pub(super) fn violated(&self, alpha: f64, gate_is_open: bool) -> Option<Direction> {
        if self.wide_high.is_some_and(|side| side.share.lower(alpha) > side.limit) {
            Some(Direction::TooHigh)
        } else if gate_is_open && self.wide_low.is_some_and(|side| side.share.upper(alpha) < side.limit) {
            Some(Direction::TooLow)
        } else {
            None
        }
    }

    pub(super) fn scaled(&self, k: f64) -> Self {
        let scaled = |side: Option<Side>| side.map(|side| Side { share: side.share.scaled(k), ..side });
        Self {
            narrow_low: scaled(self.narrow_low),
            narrow_high: scaled(self.narrow_high),
            wide_low: scaled(self.wide_low),
            wide_high: scaled(self.wide_high),
        }
    }

    fn most_clustered(&self) -> Option<Share> {
        self.iter().map(|side| side.share).max_by(|a, b| a.design_effect.total_cmp(&b.design_effect))
    }
}
