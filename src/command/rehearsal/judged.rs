//! What of a rehearsal is judged: from when on, and each assumption.
//!
//! Refuses statistics (`verdict`). Called by `rehearsal`.

use std::collections::BTreeMap;

use sluicegate_policy::time::Span;

use super::Rehearsal;
use crate::command::drive::Driven;
use crate::command::predict::{Predicted, course};
use crate::measure::assumption::Metric;
use crate::measure::record::{Doubt, Verdict};
use crate::verdict::{Context, Course, Judged, Phase, decide, judge, warmup, withhold};

impl Rehearsal<'_> {
    /// The part that is judged as the plan has it.
    pub(super) const fn planned_phase(&self) -> Phase {
        Phase { warmup: self.plan.run.warmup, end: self.plan.run.duration }
    }

    pub(super) fn verdicts(
        &self,
        (predicted, phase): (&Predicted, Phase),
        driven: &Driven,
        assumed: Vec<Judged>,
        doubts: &[Doubt],
    ) -> Vec<Verdict> {
        let course = course(self.plan, &self.script);
        let mut assumed = assumed.into_iter();
        let known = predicted.predictions.iter().zip(&predicted.noises).zip(&predicted.powers);
        let judged = self.plan.expectations.iter().zip(known).map(|(assumption, ((prediction, noise), (power, _)))| {
            let context = Context { phase, course, planned_power: power.planned_power, noise: noise.as_ref() };
            let of_log = if let Metric::Part(..) = assumption.metric { assumed.next() } else { None };
            of_log.unwrap_or_else(|| judge(assumption, prediction.as_ref(), &driven.recorder, &context))
        });
        withhold(decide(judged.collect()), doubts)
    }

    /// What is left out of the beginning: what the plan says, or until the model has settled.
    pub(super) fn warmup(&self, predicted: Option<&Predicted>) -> Span {
        predicted.map_or(self.plan.run.warmup, |it| it.phase.warmup)
    }

    /// The part of the run that is judged: of a steady plan, from when on what was measured has settled (method 3.7b). `settling` has the mean
    /// logarithm of the response time of each second.
    pub(super) fn settled_phase(&self, predicted: &Predicted, settling: &BTreeMap<u32, f64>) -> Phase {
        let phase = predicted.phase;
        if course(self.plan, &self.script) == Course::Varying {
            return phase;
        }
        let first = phase.warmup.as_ns().div_ceil(1_000_000_000);
        let seconds = (first..first + phase.seconds() as u64).map(|second| settling.get(&(second as u32)).copied());
        match warmup::cut(&seconds.collect::<Vec<_>>()) {
            0 => phase,
            cut => Phase { warmup: Span::from_secs(first + cut as u64), ..phase },
        }
    }
}
