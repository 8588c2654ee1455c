//! A run simulated anew with one part of its model replaced by what was measured of it.
//!
//! Owns where a part stands in the model, and what becomes of it: drawn from what was measured, each time by itself. So the simulation tells what a
//! slower part does to pools, limits and connections, too. Refuses to compare (`verdict::attribution`), and runs whose script is not kept. Called by
//! `attribution`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use hdrhistogram::Histogram;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Integration, Model as Gateway};
use sluicegate_policy::time::Span;

use super::again::Again;
use super::run_folder::PROFILE;
use crate::config::Plan;
use crate::measure::part_rows::PartRow;
use crate::measure::parts::Part;
use crate::measure::record::{PlanRecord, RunRecord};
use crate::measure::{Recorder, channel};
use crate::traffic::SeriesId;

/// A kept run as it can be simulated again.
pub(super) struct Resimulation {
    again: Again,
    warmup: Span,
}

impl Resimulation {
    /// From the run's folder; `None` where its script or its profile is not there, or not complete by itself (a replayed log, an environment
    /// variable that is no longer set).
    pub(super) fn of(folder: &Path, record: &RunRecord) -> Option<Self> {
        let PlanRecord { log: None, profile, warmup_ns, .. } = &record.plan else { return None };
        let text = fs::read_to_string(folder.join(PROFILE)).ok()?;
        let home = Path::new(profile).parent().unwrap_or_else(|| Path::new(""));
        let again = Again::of(record, (profile, &text), home).ok()?;
        Some(Self { again, warmup: Span::from_ns(*warmup_ns) })
    }

    /// One simulated run with this part of every series as it was measured; `None` if the model has no place for it, or nothing was measured.
    pub(super) fn with(&self, part: Part, measured: &Recorder) -> Option<Vec<PartRow>> {
        let own = &self.again.plan;
        let mut network = self.again.network;
        let mut model = own.model.as_ref().clone();
        match part {
            Part::Network => network.round_trip = median(measured)?,
            Part::Gateway => {
                let api = usize::from(own.model.stages[usize::from(own.stage.0)].api.0);
                model.apis[api].overhead = drawn(&times(measured, part, None)?)?;
            }
            Part::Authorizer | Part::Integration => {
                for (place, times) in self.by_place(part, measured)? {
                    place.replace(&mut model, drawn(&times)?);
                }
            }
        }
        let plan = Plan { model: Arc::new(model), ..own.clone() };
        Some(self.again.model(&plan, network).part_rows(self.warmup).rows().to_vec())
    }

    /// What was measured of the functions and authorizers behind the series, each with the times of all of its series.
    fn by_place(&self, part: Part, measured: &Recorder) -> Option<BTreeMap<At, Histogram<u64>>> {
        let model = &self.again.plan.model;
        let mut places: BTreeMap<At, Histogram<u64>> = BTreeMap::new();
        for (route, series) in (0..).zip(self.again.plan.series_of_routes()) {
            let Some(times) = series.and_then(|series| times(measured, part, Some(series))) else { continue };
            let at = At::of(part, model, route)?;
            places.entry(at).or_insert_with(channel::growing).add(&times).ok()?;
        }
        (!places.is_empty()).then_some(places)
    }
}

/// Where a time stands in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum At {
    /// How long a function takes, in whose environments others may wait.
    Function(usize),
    /// How long an authorizer takes that has no function of its own.
    Authorizer(usize),
}

impl At {
    fn of(part: Part, model: &Gateway, route: usize) -> Option<Self> {
        let route = model.routes.get(route)?;
        match (part, &route.integration) {
            (Part::Authorizer, _) => {
                let at = usize::from(route.authorization.as_ref()?.authorizer.0);
                let function = model.authorizers.get(at)?.function();
                Some(function.map_or(Self::Authorizer(at), |function| Self::Function(usize::from(function.0))))
            }
            (Part::Integration, Integration::Lambda(lambda)) => Some(Self::Function(usize::from(lambda.function.0))),
            _ => None,
        }
    }

    /// A function's measured time has its cold starts, and its waits for a pool, in it.
    fn replace(self, model: &mut Gateway, times: Latency) {
        match self {
            Self::Function(at) => {
                let function = &mut model.functions[at];
                (function.duration, function.cold_start, function.uses) = (times, Latency::constant(Span::ZERO), None);
            }
            Self::Authorizer(at) => model.authorizers[at].latency = times,
        }
    }
}

/// What was measured of a part, of one series or of all.
fn times(measured: &Recorder, part: Part, series: Option<SeriesId>) -> Option<Histogram<u64>> {
    let channel = measured.channel(series)?;
    let times = channel.parts()?.of(part);
    (!times.is_empty()).then(|| times.clone())
}

fn median(measured: &Recorder) -> Option<Span> {
    times(measured, Part::Network, None).map(|times| Span::from_ns(times.value_at_quantile(0.5)))
}

/// The distribution of these times, bin by bin: a log's whole milliseconds are not spread over what lies between them.
fn drawn(times: &Histogram<u64>) -> Option<Latency> {
    let mut bins: Vec<(Span, u64)> = Vec::new();
    for bin in times.iter_recorded() {
        let (low, high) = (times.lowest_equivalent(bin.value_iterated_to()), times.highest_equivalent(bin.value_iterated_to()));
        let below = Span::from_ns(low.saturating_sub(1));
        if bins.last().map_or(Span::ZERO, |(to, _)| *to) < below {
            bins.push((below, 0));
        }
        bins.push((Span::from_ns(high), bin.count_since_last_iteration()));
    }
    Latency::empirical(&bins).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_drawn_as_they_were_measured() {
        let mut times = channel::growing();
        for (ms, count) in [(24, 30), (25, 60), (400, 10)] {
            times.record_n(ms * 1_000_000, count).expect("it is in range");
        }
        let drawn = drawn(&times).expect("there are some");
        for (u, ms) in [(0.01, 24.0), (0.29, 24.0), (0.31, 25.0), (0.89, 25.0), (0.91, 400.0), (0.99, 400.0)] {
            assert!((drawn.at(u).as_ms_f64() / ms - 1.0).abs() < 0.002, "{u}: {}", drawn.at(u));
        }
        assert!(self::drawn(&channel::growing()).is_none());
    }
}
