//! A rate over time, and how many events it brings until when: exact integers, so that event `i` has one instant.
//!
//! Owns the integral of a piecewise linear rate and its inverse. Refuses randomness (`arrivals` draws). Called by `arrivals`.
//!
//! All rates of a plan get one common denominator, so the number of events is a whole number of its parts. Where there is none
//! that fits 128-bit arithmetic (odd units over years), rates are rounded to the finest that does. A rate above one event per
//! nanosecond counts as one per nanosecond, a plan longer than 2^56 ns (two years) ends there.

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::{Instant, Span};

use super::traffic::Piece;

const LONGEST_NS: u64 = 1 << 56;
const FINEST: u128 = 1 << 60;

/// The integral of the rate.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    parts: Vec<Part>,
    /// As many units are one event.
    unit: i128,
    /// First nanosecond after the plan.
    end: u64,
}

/// A piece in its place.
#[derive(Clone, Copy, Debug)]
struct Part {
    start: u64,
    /// Of the whole piece, also of what the plan cuts off.
    length: u64,
    /// Units per nanosecond at its beginning and at its end.
    from: i128,
    to: i128,
    /// Integral at its beginning, in half units.
    before: i128,
}

/// A stretch of time within one piece, for sampling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    /// First nanosecond.
    pub(super) start: u64,
    /// First nanosecond after it.
    pub(super) end: u64,
    /// Events per nanosecond at its beginning.
    rate: f64,
    /// Half of the rate's change per nanosecond.
    half_slope: f64,
    /// Expected events in it.
    pub(super) events: f64,
}

impl Curve {
    pub(super) fn new(pieces: &[Piece], duration: Span) -> Self {
        let end = duration.as_ns().min(LONGEST_NS);
        let placed = placed(pieces, end);
        let unit = common_unit(&placed, end);
        let mut before = 0;
        let parts = placed.into_iter().map(|(start, piece)| {
            let (from, to) = (in_units(piece.from, unit), in_units(piece.to, unit));
            let part = Part { start, length: piece.length.as_ns(), from, to, before };
            let played = part.length.min(end - start);
            if played == part.length {
                before += (from + to) * i128::from(played);
            }
            part
        });
        Self { parts: parts.collect(), unit: unit.cast_signed(), end }
    }

    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Whether nothing comes from `t` on, as the last rate is none.
    pub(super) fn is_silent_from(&self, t: u64) -> bool {
        self.parts.last().is_some_and(|last| last.start <= t && last.from == 0 && last.to == 0)
    }

    /// How many events come before `t` (event 0 comes as soon as there is a rate).
    pub(super) fn events_before(&self, t: u64) -> u64 {
        let t = t.min(self.end);
        let Some(part) = self.parts[..self.parts.partition_point(|part| part.start <= t)].last() else {
            return 0;
        };
        let into = i128::from(t - part.start);
        let curved = (part.to - part.from) * into * into;
        let half_units = part.before + 2 * part.from * into + ceil_div(curved, i128::from(part.length));
        u64::try_from(ceil_div(half_units, 2 * self.unit)).unwrap_or(u64::MAX)
    }

    /// When event `i` comes: the last nanosecond that fewer than `i + 1` events precede. For `i < events_before(end)`.
    ///
    /// At a constant rate from the start of the plan this is `i * per / tokens`, rounded down.
    pub(super) fn instant_of(&self, i: u64) -> Instant {
        let target = 2 * self.unit * i128::from(i);
        let Some(part) = self.parts[..self.parts.partition_point(|part| part.before <= target)].last() else {
            return Instant::MAX;
        };
        let missing = target - part.before;
        if part.from == part.to {
            return Instant::from_ns(part.start + u64::try_from(missing / (2 * part.from).max(1)).unwrap_or(u64::MAX));
        }
        let slope = (part.to - part.from) as f64 / part.length as f64;
        let guess = part.start + solve(part.from as f64, slope / 2.0, missing as f64 / 2.0) as u64;
        Instant::from_ns(self.last_with_at_most(i, guess.clamp(part.start, self.end - 1)))
    }

    /// The last `t` that at most `i` events precede, searched outwards from a guess that is a few nanoseconds off.
    fn last_with_at_most(&self, i: u64, guess: u64) -> u64 {
        let fits = |t: u64| self.events_before(t) <= i;
        let (mut low, mut high, mut step) = (guess, guess, 1);
        while low > 0 && !fits(low) {
            high = low;
            low = low.saturating_sub(step);
            step *= 2;
        }
        step = 1;
        while high < self.end && fits(high) {
            low = high;
            high = (high + step).min(self.end);
            step *= 2;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    }

    /// The stretch of one piece from `start` on, no further than `until`; `None` from `until` on.
    pub(super) fn segment(&self, start: u64, until: u64) -> Option<Segment> {
        if start >= until {
            return None;
        }
        let part = self.parts[..self.parts.partition_point(|part| part.start <= start)].last()?;
        let end = until.min(part.start.saturating_add(part.length));
        let unit = self.unit as f64;
        let slope = (part.to - part.from) as f64 / part.length as f64 / unit;
        let rate = part.from as f64 / unit + slope * (start - part.start) as f64;
        let half_slope = slope / 2.0;
        let long = (end - start) as f64;
        Some(Segment { start, end, rate, half_slope, events: (rate + half_slope * long) * long })
    }
}

impl Segment {
    /// The nanosecond of the segment in which its expected events reach `events`.
    pub(super) fn reaches(&self, events: f64) -> u64 {
        let into = solve(self.rate, self.half_slope, events) as u64;
        (self.start + into).min(self.end - 1)
    }
}

/// The smaller root of `rate * t + half_slope * t^2 = events`, in the form that loses no digits and knows no special case.
fn solve(rate: f64, half_slope: f64, events: f64) -> f64 {
    2.0 * events / (rate + (rate * rate + 4.0 * half_slope * events).max(0.0).sqrt()).max(f64::MIN_POSITIVE)
}

/// The pieces that the plan reaches with their starts; the rate of the last is held until the plan's end.
fn placed(pieces: &[Piece], end: u64) -> Vec<(u64, Piece)> {
    let mut start = 0_u64;
    let mut placed = Vec::with_capacity(pieces.len() + 1);
    let held = pieces.last().map(|last| Piece { from: last.to, to: last.to, length: Span::from_ns(end.max(1)) });
    for piece in pieces.iter().copied().filter(|piece| piece.length > Span::ZERO).chain(held) {
        if start >= end {
            break;
        }
        placed.push((start, piece));
        start = start.saturating_add(piece.length.as_ns());
    }
    placed
}

/// The common denominator of all rates, or the finest power-of-ten part of it for which no product overflows.
fn common_unit(placed: &[(u64, Piece)], end: u64) -> u128 {
    let rates = placed.iter().flat_map(|(_, piece)| [piece.from, piece.to]);
    let common = rates.fold(1, |unit, rate| {
        let per = u128::from(rate.per.as_ns().max(1));
        let reduced = per / gcd(u128::from(rate.tokens), per);
        (unit / gcd(unit, reduced)).saturating_mul(reduced).min(FINEST)
    });
    let mut unit = common;
    while unit > 1 && !placed.iter().all(|(start, piece)| fits(piece, end - start, unit)) {
        unit = (unit / 10).max(1);
    }
    unit
}

/// Whether the integral over this piece, times its denominator, stays far below 2^127.
fn fits(piece: &Piece, played: u64, unit: u128) -> bool {
    let fastest = in_units(piece.from, unit).max(in_units(piece.to, unit));
    let played = i128::from(played.min(piece.length.as_ns()));
    let curved = if piece.from == piece.to { 1 } else { played };
    let product = fastest.checked_mul(played).and_then(|product| product.checked_mul(curved));
    product.is_some_and(|product| product < i128::MAX >> 8)
}

/// Units per nanosecond, at most one event's.
fn in_units(rate: PerSecond, unit: u128) -> i128 {
    let per = u128::from(rate.per.as_ns().max(1));
    // Below 2^64 times 2^60.
    ((u128::from(rate.tokens) * unit + per / 2) / per).min(unit).cast_signed()
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

const fn ceil_div(a: i128, b: i128) -> i128 {
    -((-a).div_euclid(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(tokens: u64, per: Span) -> PerSecond {
        PerSecond { tokens, per }
    }

    fn per_second(tokens: u64) -> PerSecond {
        rate(tokens, Span::from_secs(1))
    }

    fn flat(tokens: u64, secs: u64) -> Piece {
        Piece { from: per_second(tokens), to: per_second(tokens), length: Span::from_secs(secs) }
    }

    #[test]
    fn at_a_constant_rate_event_i_comes_at_i_per_by_tokens_rounded_down() {
        for (tokens, per) in
            [(200, Span::from_secs(1)), (333, Span::from_secs(1)), (7, Span::from_secs(60)), (1_000_000, Span::from_secs(1))]
        {
            let rate = rate(tokens, per);
            let curve = Curve::new(&[Piece { from: rate, to: rate, length: Span::from_secs(1) }], Span::from_secs(86_400));
            for i in [0, 1, 2, 3, 332, 333, 334, 9_999] {
                assert_eq!(curve.instant_of(i).as_ns(), i * per.as_ns() / tokens, "{i} at {rate:?}");
            }
            let in_all = (u128::from(86_400 * SECOND) * u128::from(tokens)).div_ceil(u128::from(per.as_ns()));
            assert_eq!(u128::from(curve.events_before(86_400 * SECOND)), in_all, "{rate:?}");
        }
    }

    #[test]
    fn a_pause_has_no_event() {
        let curve = Curve::new(&[flat(100, 10), flat(0, 10), flat(100, 10)], Span::from_secs(30));
        assert_eq!(curve.instant_of(999).as_ns(), 9_990_000_000);
        assert_eq!(curve.instant_of(1_000).as_ns(), 20 * SECOND);
        assert_eq!(curve.events_before(30 * SECOND), 2_000);
        let late = Curve::new(&[flat(0, 10), flat(100, 1)], Span::from_secs(30));
        assert_eq!(late.instant_of(0).as_ns(), 10 * SECOND);
        assert_eq!(Curve::new(&[flat(0, 1)], Span::from_secs(9)).events_before(9 * SECOND), 0);
        assert_eq!(Curve::new(&[], Span::from_secs(9)).events_before(9 * SECOND), 0);
    }

    #[test]
    fn a_ramp_brings_the_area_under_it() {
        let ramp = Piece { from: per_second(0), to: per_second(100), length: Span::from_secs(10) };
        let curve = Curve::new(&[ramp], Span::from_secs(20));
        assert_eq!(curve.events_before(10 * SECOND), 500);
        assert_eq!(curve.events_before(20 * SECOND), 1_500);
        // 5 t^2 = 125 at t = 5.
        assert_eq!(curve.instant_of(125).as_ns(), 5 * SECOND);
    }

    #[test]
    fn absurd_numbers_do_not_panic() {
        let absurd = Piece { from: rate(u64::MAX, Span::from_ns(1)), to: rate(1, Span::MAX), length: Span::MAX };
        let curve = Curve::new(&[absurd, absurd], Span::MAX);
        let events = curve.events_before(curve.end());
        curve.instant_of(events.saturating_sub(1));
    }

    fn pieces() -> impl Strategy<Value = Vec<Piece>> {
        let rate = (0_u64..5_000, prop_oneof![Just(Span::from_secs(1)), Just(Span::from_secs(60)), Just(Span::from_ms(7))])
            .prop_map(|(tokens, per)| PerSecond { tokens, per });
        let piece = (rate.clone(), rate, 1_u64..5_000, any::<bool>()).prop_map(|(from, to, ms, flat)| Piece {
            from,
            to: if flat { from } else { to },
            length: Span::from_ms(ms),
        });
        prop::collection::vec(piece, 1..5)
    }

    proptest! {
        #[test]
        fn the_instant_of_an_event_is_where_the_count_passes_it(pieces in pieces(), pick in 0.0_f64..1.0) {
            let curve = Curve::new(&pieces, Span::from_secs(12));
            let total = curve.events_before(curve.end());
            prop_assume!(total > 0);
            let i = (pick * total as f64) as u64;
            let at = curve.instant_of(i).as_ns();
            prop_assert!(at < curve.end());
            prop_assert!(curve.events_before(at) <= i);
            prop_assert!(curve.events_before(at + 1) > i);
        }

        #[test]
        fn the_expected_events_of_the_segments_add_up_to_the_count(pieces in pieces()) {
            let curve = Curve::new(&pieces, Span::from_secs(12));
            let mut sum = 0.0;
            let mut at = 0;
            while let Some(segment) = curve.segment(at, curve.end()) {
                sum += segment.events;
                at = segment.end;
            }
            prop_assert!((sum - curve.events_before(curve.end()) as f64).abs() <= 1.001, "{sum}");
        }
    }
}
