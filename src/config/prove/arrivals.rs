//! When requests come: open arrivals as pieces of a rate over time, or a closed model's users.
//!
//! Owns the bounds of a plan's size and the scaling of `--rate`. Refuses to draw an arrival (`load` does). Called by
//! `traffic` and `overrides`.

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::time::Span;

use super::{filled, latency};
use crate::config::problem::Spot;
use crate::config::raw::traffic::{Arrivals, Closed, Ramp, RateStep, Spike};
use crate::config::reader::{At, Reader};
use crate::config::value::{Duration, Level, Shape, SpacingKind};
use crate::load::traffic::{self, Pace, Piece, Spacing};

const NONE: PerSecond = PerSecond { tokens: 0, per: Span::from_secs(1) };
/// A script of more sessions than that would repeat their 32-bit numbers.
const REQUESTS_MAX: f64 = 4e9;
const PIECES_MAX: usize = 10_000;
const USERS_MAX: u32 = 1_000_000;

/// The pace of an open arrival process over `duration`.
pub(super) fn open(arrivals: &mut At<Arrivals>, duration: Span, reader: &mut Reader) -> Option<Pace> {
    let proven = shaped(arrivals, duration, reader)?;
    let spot = &arrivals.spot;
    let total = requests(&proven.pieces, duration);
    if total < 1.0 {
        reader.report_at(spot, format!("this makes no request in {duration}; write a higher rate, or run for longer"));
        return None;
    }
    if total > REQUESTS_MAX {
        reader.report_at(spot, format!("these are {total:.0} requests in {duration}; write a plan of at most {REQUESTS_MAX:.0}"));
        return None;
    }
    Some(Pace::Open(proven))
}

/// An open arrival process, however many requests it makes; what has no length of its own is held for `duration`.
pub(super) fn shaped(arrivals: &mut At<Arrivals>, duration: Span, reader: &mut Reader) -> Option<traffic::Arrivals> {
    let spot = arrivals.spot.clone();
    let raw = &mut arrivals.value;
    let given = [raw.constant.is_some(), raw.poisson.is_some(), raw.ramp.is_some(), raw.steps.is_some(), raw.spike.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        reader.report_at(&spot, "arrivals have one shape; write exactly one of constant, poisson, ramp, steps or spike");
        return None;
    }
    let pieces = pieces(raw, duration, reader);
    let spacing = spacing(raw, &spot, reader);
    Some(traffic::Arrivals { pieces: pieces?, spacing: spacing? })
}

fn spacing(raw: &mut Arrivals, spot: &Spot, reader: &mut Reader) -> Option<Spacing> {
    let implied = match (&raw.constant, &raw.poisson) {
        (Some(_), _) => Some(Spacing::Even),
        (_, Some(_)) => Some(Spacing::Poisson),
        (None, None) => None,
    };
    match (implied, &raw.spacing) {
        (Some(spacing), None) => Some(spacing),
        (Some(_), Some(given)) => {
            reader.report_at(&given.spot, "constant is even and poisson is poisson; spacing belongs to ramp, steps and spike");
            None
        }
        (None, _) => Some(match filled(&mut raw.spacing, spot, "spacing", || SpacingKind::Poisson).value {
            SpacingKind::Poisson => Spacing::Poisson,
            SpacingKind::Even => Spacing::Even,
        }),
    }
}

fn pieces(raw: &mut Arrivals, duration: Span, reader: &mut Reader) -> Option<Vec<Piece>> {
    if let Some(rate) = raw.constant.as_ref().or(raw.poisson.as_ref()) {
        return Some(vec![held(rate.value.0, duration)]);
    }
    if let Some(ramp) = &mut raw.ramp {
        return ramp_pieces(ramp, duration, reader);
    }
    if let Some(steps) = &raw.steps {
        return step_pieces(steps, duration, reader);
    }
    raw.spike.as_ref().and_then(|spike| spike_pieces(&spike.value, duration, reader))
}

const fn held(rate: PerSecond, length: Span) -> Piece {
    Piece { from: rate, to: rate, length }
}

/// What is left of the plan; the last piece is held until its end, but must have some length of its own.
fn rest(duration: Span, used: Span) -> Span {
    duration.saturating_sub(used).max(Span::from_secs(1))
}

fn ramp_pieces(ramp: &mut At<Ramp>, duration: Span, reader: &mut Reader) -> Option<Vec<Piece>> {
    let spot = ramp.spot.clone();
    let over = filled(&mut ramp.value.over, &spot, "over", || Duration(duration)).clone();
    let over = some_time(&over, reader)?;
    let (from, to) = (ramp.value.from.value.0, ramp.value.to.value.0);
    Some(vec![Piece { from, to, length: over }, held(to, rest(duration, over))])
}

fn some_time(given: &At<Duration>, reader: &mut Reader) -> Option<Span> {
    if given.value.0 == Span::ZERO {
        reader.report_at(&given.spot, "0s is no time at all; write a duration above zero, e.g. 10s");
        return None;
    }
    Some(given.value.0)
}

fn step_pieces(steps: &At<Vec<At<RateStep>>>, duration: Span, reader: &mut Reader) -> Option<Vec<Piece>> {
    let count = steps.value.len();
    if count == 0 || count > PIECES_MAX {
        let what = format!("these are {count} steps; write 1 to {PIECES_MAX}, e.g. \"- {{ rate: 50/s, for: 10s }}\"");
        reader.report_at(&steps.spot, what);
        return None;
    }
    let mut used = Span::ZERO;
    let pieces: Vec<Option<Piece>> = steps
        .value
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let length = match &step.value.r#for {
                Some(length) => some_time(length, reader),
                None if at + 1 == count => Some(rest(duration, used)),
                None => {
                    reader.report_at(&step.spot, "only the last step may go on for ever; say for how long, e.g. for: 10s");
                    None
                }
            }?;
            used += length;
            Some(held(step.value.rate.value.0, length))
        })
        .collect();
    pieces.into_iter().collect()
}

fn spike_pieces(spike: &Spike, duration: Span, reader: &mut Reader) -> Option<Vec<Piece>> {
    let length = some_time(&spike.r#for, reader)?;
    let at = spike.at.value.0;
    let (base, peak) = (spike.base.value.0, spike.peak.value.0);
    let before = (at > Span::ZERO).then(|| held(base, at));
    Some(before.into_iter().chain([held(peak, length), held(base, rest(duration, at + length))]).collect())
}

/// Requests that the plan intends (for a Poisson process: on average).
pub(super) fn requests(pieces: &[Piece], duration: Span) -> f64 {
    let mut left = duration.as_secs_f64();
    let mut total = 0.0;
    for (at, piece) in pieces.iter().enumerate() {
        let length = piece.length.as_secs_f64();
        let (from, to) = (piece.from.as_f64(), piece.to.as_f64());
        let played = length.min(left);
        let reached = from + (to - from) * if length > 0.0 { played / length } else { 1.0 };
        total += f64::midpoint(from, reached) * played;
        left -= played;
        if at + 1 == pieces.len() {
            total += to * left;
        }
    }
    total
}

/// The pace of a closed model.
pub(super) fn closed(closed: &mut At<Closed>, reader: &mut Reader) -> Option<Pace> {
    let spot = closed.spot.clone();
    let raw = &mut closed.value;
    let users = raw.users.value.0;
    if !(1..=USERS_MAX).contains(&users) {
        reader.report_at(&raw.users.spot, format!("{users} is not a number of users; write 1 to {USERS_MAX}"));
    }
    let think = latency(filled(&mut raw.think, &spot, "think", || Shape::constant(Span::ZERO)), reader);
    let ramp_up = filled(&mut raw.ramp_up, &spot, "ramp_up", || Duration(Span::ZERO)).value.0;
    let think = think?;
    (1..=USERS_MAX).contains(&users).then_some(Pace::Closed { users, think, ramp_up })
}

/// Scales every rate of the arrivals so that their highest is `to`. Where nothing is to scale (all rates are zero), nothing is done.
pub(in crate::config) fn rescale(arrivals: &mut Arrivals, to: PerSecond, spot: &Spot) {
    let mut levels: Vec<&mut PerSecond> = Vec::new();
    let mut spots: Vec<&mut Spot> = Vec::new();
    for rate in arrivals.constant.iter_mut().chain(&mut arrivals.poisson) {
        levels.push(&mut rate.value.0);
        spots.push(&mut rate.spot);
    }
    if let Some(ramp) = &mut arrivals.ramp {
        for level in [&mut ramp.value.from, &mut ramp.value.to] {
            levels.push(&mut level.value.0);
            spots.push(&mut level.spot);
        }
    }
    for step in arrivals.steps.iter_mut().flat_map(|steps| &mut steps.value) {
        levels.push(&mut step.value.rate.value.0);
        spots.push(&mut step.value.rate.spot);
    }
    if let Some(spike) = &mut arrivals.spike {
        let At { value: Level(level), spot } = &mut spike.value.base;
        levels.push(level);
        spots.push(spot);
        levels.push(&mut spike.value.peak.value.0);
        spots.push(&mut spike.value.peak.spot);
    }
    let highest = levels.iter().fold(NONE, |a, b| if (**b).as_f64() > a.as_f64() { **b } else { a });
    if highest.tokens == 0 {
        return;
    }
    for level in levels {
        *level = crate::config::value::Rate::rescaled(*level, to, highest);
    }
    for place in spots {
        place.place = spot.place.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rate(tokens: u64) -> PerSecond {
        PerSecond { tokens, per: Span::from_secs(1) }
    }

    #[test]
    fn requests_are_the_area_under_the_rate() {
        let ramp = [Piece { from: rate(0), to: rate(100), length: Span::from_secs(10) }, held(rate(100), Span::from_secs(1))];
        assert!((requests(&ramp, Span::from_secs(10)) - 500.0).abs() < 1e-6);
        assert!((requests(&ramp, Span::from_secs(5)) - 125.0).abs() < 1e-6);
        assert!((requests(&ramp, Span::from_secs(20)) - 1_500.0).abs() < 1e-6);
    }
}
