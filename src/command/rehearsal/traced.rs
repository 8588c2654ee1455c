//! What a rehearsal keeps of single requests, where somebody asks: their samples, the access log that they are joined with, and their spans.
//!
//! Owns what is asked for and what the record tells of it. Refuses to join (`attribution`). Where nothing is asked for nothing of it is done.

use std::path::Path;

use sluicegate_timer::Clock;
use sluicegate_timer::clock::wall_epoch;

use super::Rehearsal;
use crate::command::attribution::{self, Sampled, Shown};
use crate::command::drive::Driven;
use crate::command::failure::Failure;
use crate::command::predict::{Predicted, course};
use crate::command::resimulated::Resimulation;
use crate::command::target::{Standing, Traced};
use crate::command::traces::{self, TRACES, TraceFile};
use crate::command::tracing::Traces;
use crate::config::Target;
use crate::engine::{RequestIds, Stop, Urgency};
use crate::measure::record::{PartsRecord, RunRecord};
use crate::report::{self, quantity};
use crate::verdict::{Course, Judged, Phase};

impl Rehearsal<'_> {
    /// What of single requests is kept.
    pub(super) fn traced(&self) -> Traced<'_> {
        let request_ids = if self.keeps_samples() { RequestIds::Kept } else { RequestIds::Ignored };
        Traced { request_ids, access_log: self.output.access_log.as_deref() }
    }

    pub(super) fn keeps_samples(&self) -> bool {
        self.output.samples || self.output.access_log.is_some() || self.output.exports.need_samples()
    }

    /// The mock adds to its log; a log that is there already would be of another run, with ids that may be the same.
    pub(super) fn prove_log(&self) -> Result<(), Failure> {
        let Some(file) = &self.output.access_log else { return Ok(()) };
        match (&self.plan.target, std::fs::metadata(file)) {
            (Target::Mock(_), Ok(there)) if there.len() > 0 => Err(Failure::usage(format!(
                "{}: the mock writes its access log to this file, and something is in it already; name another file, or remove it",
                file.display()
            ))),
            (Target::Mock(_) | Target::Live(_), _) => Ok(()),
        }
    }

    /// What is known of parts before the first request; `None` if nobody asks for them.
    pub(super) fn parts(&self, predicted: Option<&Predicted>) -> Option<PartsRecord> {
        let predicted = predicted.and_then(|it| it.parts.as_ref());
        (self.keeps_samples() || predicted.is_some()).then(|| PartsRecord {
            series: self.plan.catalog.series.clone(),
            varies: course(self.plan, &self.script) == Course::Varying,
            expected: predicted.map(|it| it.expected.clone()).unwrap_or_default(),
            ..PartsRecord::default()
        })
    }

    /// Joins the access log, if there is one: the assumptions about parts as it judges them, and its doubts in the record.
    pub(super) fn attribute(&self, record: &mut RunRecord, driven: &Driven, folder: &Path, phase: Phase) -> Vec<Judged> {
        let again = self.output.access_log.as_ref().and_then(|_| Resimulation::of(folder, record));
        let Some(parts) = &mut record.parts else { return Vec::new() };
        parts.warmup_ns = phase.warmup.as_ns();
        parts.zero_epoch_ms = Some(wall_epoch().as_ns().saturating_sub(driven.clock.now().as_ns()) / 1_000_000);
        let Some(log) = &self.output.access_log else { return Vec::new() };
        if parts.samples.is_none() {
            return Vec::new();
        }
        match (Sampled { folder, parts: &*parts, phase }).hold_against(log, again.as_ref()) {
            Ok(Shown { join, assumed, attributed }) => {
                record.doubts.extend(attribution::doubts(&join));
                (parts.log, parts.attributed) = (Some(join), attributed);
                assumed
            }
            Err(error) => {
                record.doubts.push(attribution::unjoined(&report::problem::chain(&error), folder));
                Vec::new()
            }
        }
    }

    /// Begins the file of spans of the run with this record.
    pub(super) fn begin_traces(
        &self,
        traces: &Traces,
        record: &RunRecord,
        (folder, clock): (&Path, Clock),
        standing: &Standing,
    ) -> Result<TraceFile, Failure> {
        let target = standing.engine.target();
        let run = record.id.as_deref().unwrap_or_default();
        let common = traces.common(self.plan, (run, &self.profile_name), clock, (target.host.clone(), target.port));
        TraceFile::begin(folder, common, self.script.is_of_sessions())
            .map_err(|error| Failure::broken("opening the file of traces", error))
    }

    /// Sends the spans where they are wanted, now that nothing is measured any more. Whatever comes of it is no result of the run.
    pub(super) fn finish_traces(
        &self,
        record: &mut RunRecord,
        (driven, folder): (&Driven, &Path),
        traces: Option<&Traces>,
        stop: &Stop,
    ) {
        let Some(kept) = &driven.traces else { return };
        record.doubts.extend(traces::missing(kept));
        let (Ok(kept), Some(collector)) = (kept, traces.and_then(|traces| traces.collector.as_ref())) else { return };
        let sent = traces::send(folder, collector, || stop.urgency() == Urgency::AtOnce);
        if let Some(doubt) = traces::unsent(&sent, kept.spans, collector) {
            record.doubts.push(doubt);
        } else {
            let spans = quantity::counted(kept.spans, "span");
            self.tell(&format!("{spans} sent to {}; they are in {TRACES} of the run's folder, too\n", collector.url()));
        }
    }
}
