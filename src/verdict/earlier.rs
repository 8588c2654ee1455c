//! An earlier run in the place of a model: what it predicts of a later one, and how sure it is of that.
//!
//! Owns value, standard error and design effect from one run's own batches: the error is that of the run's 90 % interval (`bounds`), so that
//! correlation counts, and with it the noise of both runs (method 3.3: two errors narrower for "holds", wider for "violated"). Refuses runs
//! that cannot stand for anything: too short, too few requests in the tail, not stationary. Pure; called by `command`.

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use crate::measure::assumption::{Assumption, Event, Metric, Party, Prediction, Ratio};

use super::batches::Phase;
use super::beta::normal_deviate;
use super::bounds::Share;
use super::claim::Claim;
use super::judge::{Course, HOLDS_ALPHA, TAIL_EVENTS_MIN};
use super::power::{Outlook, PRICE_OF_ESTIMATING};
use super::{interval, steady};

/// What one run shows of the series of an assumption.
pub struct Shown<'a> {
    /// Events and trials of each second.
    pub rows: &'a dyn Fn(Event) -> Vec<(u32, u32)>,
    /// Times of what was admitted and did not fail.
    pub times: &'a Histogram<u64>,
    /// The part that is judged.
    pub phase: Phase,
    /// Whether the plan changes on its way.
    pub course: Course,
}

impl Shown<'_> {
    /// The share of an event, with its design effect; `None` without a trial.
    fn share(&self, event: Event) -> Option<Share> {
        Share::of(&self.phase.cut(&(self.rows)(event))?)
    }

    fn changed(&self, event: Event) -> bool {
        let cut = || self.phase.cut(&(self.rows)(event));
        self.course == Course::Steady && cut().is_some_and(|cut| steady::halves_differ(&cut))
    }
}

/// What the run predicts of a later one; why it cannot, if it cannot.
pub fn predict(assumption: &Assumption, shown: &Shown<'_>) -> Result<Prediction, String> {
    if let Some(too_short) = shown.phase.too_short() {
        return Err(format!("the earlier run's {too_short}"));
    }
    match assumption.metric {
        Metric::Latency(p) => of_latency(assumption, p, shown),
        Metric::Ratio(ratio) => of_ratio(assumption, ratio, shown),
        Metric::Part(..) => Err("the earlier run's seconds do not tell where the time went".to_owned()),
    }
}

/// The probability that a later run of so many requests would be found to hold if nothing has changed, as far as the earlier one can tell.
pub fn power(claim: &Claim, shown: &Shown<'_>, requests: f64) -> Option<f64> {
    let slower = |ns: f64| shown.share(slower_than(ns)).map_or(0.0, |share| share.value());
    let outlook = Outlook::of(claim, slower)?;
    Some(outlook.power(requests / claim.design_effect() / PRICE_OF_ESTIMATING).holds)
}

fn of_latency(assumption: &Assumption, p: f64, shown: &Shown<'_>) -> Result<Prediction, String> {
    let none = "no admitted action of it was measured in the earlier run";
    let trials = shown.share(Event::SlowerThan(Span::MAX)).ok_or(none)?.trials;
    let value = interval::quantile(shown.times, trials, p).ok_or("the earlier run's quantile lies among requests that failed")?;
    let (low, high) = assumption.allowed.band(assumption.metric, value);
    let at_value = shown.share(slower_than(value)).ok_or(none)?;
    if shown.changed(slower_than(value)) {
        return Err(not_stationary());
    }
    let at_ends = [low, high].into_iter().filter_map(|end| shown.share(slower_than(end)));
    let like = at_ends.fold(at_value, |most, share| if share.design_effect > most.design_effect { share } else { most });
    let like = Share { events: at_value.events, ..like };
    enough((1.0 - p) * like.effective_trials(HOLDS_ALPHA))?;
    let ends = interval::of_quantile(shown.times, &like, p, HOLDS_ALPHA)
        .ok_or("the earlier run's interval has no upper end: too many actions failed")?;
    Ok(Prediction { value, standard_error: error_of(value, ends), low, high, design_effect: like.design_effect })
}

fn of_ratio(assumption: &Assumption, ratio: Ratio, shown: &Shown<'_>) -> Result<Prediction, String> {
    let none = match ratio {
        Ratio::Told(..) => "nobody told it in the earlier run: a live gateway does not, the bundled mock does",
        Ratio::Throttled | Ratio::Errors | Ratio::ErrorsOf(_) => "no action of it was measured in the earlier run",
    };
    let sure = shown.share(Event::Ratio(ratio)).ok_or(none)?;
    let possible = match ratio {
        Ratio::ErrorsOf(party @ (Party::Gateway | Party::Integration)) => shown.share(Event::PerhapsOf(party)).unwrap_or(sure),
        _ => sure,
    };
    if shown.changed(Event::Ratio(ratio)) {
        return Err(not_stationary());
    }
    let value = sure.value();
    let (low, high) = assumption.allowed.band(assumption.metric, value);
    let gated = match (low > 0.0, high < 1.0) {
        (true, true) => value.min(1.0 - value),
        // Without an event in it the run must have been long enough to show some at the end of the band.
        (false, true) => high,
        (true, false) => 1.0 - low,
        (false, false) => 1.0,
    };
    enough(gated * sure.effective_trials(HOLDS_ALPHA))?;
    let ends = interval::between(&sure, &possible, HOLDS_ALPHA);
    let design_effect = sure.design_effect.max(possible.design_effect);
    Ok(Prediction { value, standard_error: error_of(value, ends), low, high, design_effect })
}

fn enough(tail_events: f64) -> Result<(), String> {
    if tail_events >= TAIL_EVENTS_MIN {
        return Ok(());
    }
    Err(format!(
        "the earlier run has too few requests: they are worth {tail_events:.1} independent ones in the tail, {TAIL_EVENTS_MIN:.0} are needed"
    ))
}

fn not_stationary() -> String {
    "the earlier run's first half differs from its second: it is not stationary, and no single value stands for it".to_owned()
}

/// The standard error of which the longer side of a 90 % interval is so many deviates.
fn error_of(value: f64, (low, high): (f64, f64)) -> f64 {
    (high - value).max(value - low) / normal_deviate(HOLDS_ALPHA)
}

fn slower_than(ns: f64) -> Event {
    // A float beyond the range of a span saturates.
    Event::SlowerThan(Span::from_ns(ns.round() as u64))
}

#[cfg(test)]
pub(super) mod tests;
