//! What a fitted profile says of itself.
//!
//! Owns that every number in it has its provenance. Refuses to compute with it. Called by `prove::plan`.

use crate::config::raw::fitted::{Fitted, FittedParameter};
use crate::config::reader::{At, Reader};
use crate::config::value::Known;

/// The ids of the runs that the profile was fitted on; `None` means that problems were reported.
pub(super) fn runs(fitted: Option<&At<Fitted>>, reader: &mut Reader) -> Option<Vec<String>> {
    let Some(fitted) = fitted else { return Some(Vec::new()) };
    let runs: Vec<String> = fitted.value.runs.value.iter().map(|run| run.value.0.clone()).collect();
    let mut fine = true;
    if runs.is_empty() {
        reader.report_at(
            &fitted.value.runs.spot,
            "a fitted profile names the runs that it was fitted on; list their ids, or leave `fitted` out",
        );
        fine = false;
    }
    for member in fitted.value.parameters.iter().flat_map(|all| &all.value.0) {
        fine &= parameter(&member.value, &runs, reader);
    }
    fine.then_some(runs)
}

fn parameter(parameter: &At<FittedParameter>, runs: &[String], reader: &mut Reader) -> bool {
    let raw = &parameter.value;
    let known = raw.identifiable.as_ref().map(|known| known.value);
    let mut wrong = Vec::new();
    if let Some(run) = raw.run.as_ref().filter(|run| !runs.contains(&run.value.0)) {
        wrong.push((&run.spot, "`fitted.runs` does not list this run; add it there"));
    }
    if let Some(interval) = raw.interval.as_ref().filter(|interval| interval.value.len() != 2) {
        wrong.push((&interval.spot, "an interval has two ends; write [low, high]"));
    }
    if let Some(value) = raw.value.as_ref().filter(|_| matches!(known, Some(Known::Set | Known::No))) {
        wrong.push((&value.spot, "what cannot be known as a point has no value; leave it out, or say identifiable: yes"));
    }
    if known == Some(Known::Yes) && raw.value.is_none() {
        wrong.push((&parameter.spot, "what can be known has a value; add `value`, or say identifiable: no"));
    }
    if known == Some(Known::Set) && raw.interval.is_none() {
        wrong.push((&parameter.spot, "what is known as a set has an interval; add `interval`"));
    }
    for (spot, what) in &wrong {
        reader.report_at(spot, *what);
    }
    wrong.is_empty()
}
