//! The main job, the same for `run` and `replay`: stand the target, predict, drive, judge, keep, report.
//!
//! Owns the order and what happens when a part fails: what was measured until then is kept and reported. Refuses statistics
//! (`verdict`), formats (`report`) and sockets (`engine`).

mod baseline;
mod doubts;
mod header;
mod judged;
mod kept;
mod traced;
mod watched;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_mock::{LimitUse, Summary, ToldShare};
use sluicegate_policy::time::Span;
use sluicegate_timer::clock::wall_epoch;

use self::doubts::{cut_by, lost_journal, other_script, silent_mock, troubled_mock};
pub(super) use self::header::world_seed;
use self::kept::{keep, keep_all, seconds};
use super::attribution::PREDICTED_PARTS;
use super::baseline::pending;
use super::drive::{self, Driven, Keepers, drive};
use super::exports::{Exported, Exports, Written};
use super::failure::Failure;
use super::mock_child::MockChild;
use super::predict::{Model, Predicted, layout};
use super::receiver::Compared;
use super::run_folder::{ARRIVALS, PROFILE, RunFolder};
use super::samples::{self, SampleFile};
use super::script::Script;
use super::shelf::Shelf;
use super::signals::{self, Received};
use super::target::{Standing, stand};
use super::tracing::Traces;
use super::watchers::{Watchers, Watching};
use super::{limits, machine, mock, receiver, retries, run_cost, shown, terminal, told};
use crate::cli::{Baseline, OutputFlags, OutputFormat};
use crate::config::{Drift, Plan, Target};
use crate::engine::{self, Calibration, Progress, Stop, Urgency};
use crate::measure::doubt::{self, Seen};
use crate::measure::record::{CalibrationRecord, Doubt, LoadModel, ReceiverRecord, RunRecord, Stopped};
use crate::measure::recorder::Detail;
use crate::measure::{open_estimate, summary};
use crate::report::plan::PrintedPlan;
use crate::report::{self, Conclusion, json};
use crate::sim;

/// Everything that is known before the run.
pub(super) struct Rehearsal<'a> {
    /// The proven profile.
    pub(super) plan: &'a Plan,
    /// What is played.
    pub(super) script: Script,
    /// The profile's path, or what stands for it.
    pub(super) profile_name: String,
    /// The profile's text, for the mock and for the run's folder.
    pub(super) profile_text: String,
    /// How the mock differs from it.
    pub(super) drifts: Vec<Drift>,
    /// The log that is replayed.
    pub(super) log: Option<String>,
    /// What is shown and kept.
    pub(super) output: &'a OutputFlags,
    /// The earlier run that it is held against, too.
    pub(super) baseline: Option<&'a Baseline>,
    /// Whether the model speaks too.
    pub(super) prediction: Prediction,
    /// Whether the generator's own ceiling is measured first.
    pub(super) ceiling: Ceiling,
}

/// What the mock has told of the run.
struct Told {
    receiver: ReceiverRecord,
    used: Vec<LimitUse>,
    shares: Vec<ToldShare>,
    /// What went wrong with it, in words.
    problems: Vec<String>,
}

/// How a user ends a run early.
pub(super) struct Interruption {
    stop: Stop,
    received: Received,
}

/// A run that is over.
pub(super) struct Rehearsed {
    /// All that is known of it.
    pub(super) record: RunRecord,
    /// What was driven; nothing if a signal came first.
    pub(super) driven: Option<Driven>,
    /// Where it was kept.
    pub(super) folder: PathBuf,
    /// Whether it could be.
    pub(super) kept: Result<(), Failure>,
    /// What broke on the way, if something did; the record says so too.
    pub(super) broken: Option<Failure>,
}

impl Rehearsed {
    /// Itself, or what broke.
    pub(super) fn unbroken(mut self) -> Result<Self, Failure> {
        self.broken.take().map_or(Ok(self), Err)
    }
}

/// Whether the model speaks too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prediction {
    /// The script is simulated first, and what is observed is judged by it.
    Wanted,
    /// The traffic is driven and measured, nothing more.
    NotWanted,
}

/// Whether the generator's own ceiling is measured before the first request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ceiling {
    /// It is, of an open plan.
    Wanted,
    /// It is if the peak of an open plan is above 3,000/s: below, every machine that runs this at all has ten times what it needs, and a
    /// third of a second before each short run would be felt.
    WhenFast,
    /// It is not.
    NotWanted,
}

/// Peak from which on [`Ceiling::WhenFast`] measures, in requests per second.
const FAST_PER_S: f64 = 3_000.0;

impl Interruption {
    /// Asks what runs to end when a signal comes, and says what a second one would do; answers are awaited for `grace` at most.
    pub(super) fn listen(output: &OutputFlags, grace: Span) -> Result<Self, Failure> {
        let stop = Stop::new();
        let (asked, quiet) = (stop.clone(), output.quiet);
        let received = signals::listen(move || {
            if !quiet && asked.urgency() == Urgency::None {
                terminal::tell(&format!("\nstopping: answers are awaited for up to {grace}; once more stops at once\n"));
            }
            asked.request();
        });
        let received = received.map_err(|error| Failure::broken("listening for signals", error))?;
        Ok(Self { stop, received })
    }

    /// Why what runs was ended, if a signal has been received.
    pub(super) fn stopped(&self) -> Option<Stopped> {
        self.received.stopped()
    }
}

impl Rehearsal<'_> {
    /// Runs it; the exit code.
    pub(super) fn perform(&self) -> Result<u8, Failure> {
        if self.output.print_plan {
            return self.print_plan();
        }
        let exports = Exports::open(&self.output.exports.export, &self.plan.catalog.series, self.output.output.as_deref())?;
        let done = self.rehearse(&Interruption::listen(self.output, self.plan.run.timeout)?)?;
        let written = exports.write(&Exported::kept(&done.record, &done.folder));
        let done = done.unbroken()?;
        // What could not be written has another exit code than the conclusion's.
        let whole = done.kept.is_ok() && written == Written::Whole;
        self.show(&done.record, whole.then_some(&*done.folder))?;
        done.kept?;
        Ok(written.exit_code(Conclusion::of(&done.record)))
    }

    /// Runs it without a word on standard output. What was measured before a part failed is kept.
    pub(super) fn rehearse(&self, interruption: &Interruption) -> Result<Rehearsed, Failure> {
        if !self.drifts.is_empty() && matches!(self.plan.target, Target::Live(_)) {
            return Err(Failure::usage("--drift changes the bundled mock, but the target is a live one; leave one of them out"));
        }
        self.prove_log()?;
        // Nothing is simulated for a run that is only to be driven, unless a bound must be held.
        let is_costed = self.prediction == Prediction::Wanted || self.plan.safety.max_cost.is_some();
        let cost = if is_costed { run_cost::before(self.plan, &self.script)? } else { None };
        if let Some(cost) = &cost {
            self.tell(&format!("{}\n", report::cost::of_run(cost)));
        }
        let traces = Traces::prove(&self.output.tracing, self.plan, self.profile_folder())?;
        let started = wall_epoch();
        let candidates = self.candidates(started)?;
        let watchers = self.watchers(started)?;
        let mut folder = self.open_folder(started)?;
        let standing = match stand(self.plan, &self.profile_name, folder.path(), &self.drifts, self.traced()) {
            Ok(standing) => standing,
            Err(failure) => {
                folder.discard();
                return Err(failure);
            }
        };
        let predicted = (self.prediction == Prediction::Wanted).then(|| self.predict(started, &standing, &interruption.stop));
        if let Some(rows) = predicted.as_ref().and_then(|it| it.parts.as_ref()).filter(|_| self.keeps_samples()) {
            let rows = rows.rows.write(&self.plan.catalog.series);
            folder.write(PREDICTED_PARTS, &rows).map_err(|error| Failure::broken("keeping the run", error))?;
        }
        let mut record = self.header(started, predicted.as_ref(), &standing.network);
        record.machine.calibration = self.calibrate(standing.engine.lanes());
        record.cost = cost;
        self.doubt_ceiling(&mut record);
        let baseline = match self.settle(candidates, &mut record) {
            Ok(baseline) => baseline,
            Err(failure) => {
                folder.discard();
                return Err(failure);
            }
        };
        record.stopped = interruption.stopped();
        keep(&folder, &record)?;
        let driven = if record.stopped.is_none() {
            let around = (folder.path(), interruption, traces.as_ref());
            self.drive_and_judge(&mut record, (standing, watchers), around, predicted.as_ref())
        } else {
            // Interrupted before a request was sent: the header is all there is.
            drop(standing);
            Ok(None)
        };
        folder.forget(ARRIVALS);
        if let Err(failure) = &driven {
            record.stopped = Some(Stopped::Failed(failure.to_string()));
            keep(&folder, &record)?;
        }
        let (mut driven, broken) = driven.map_or_else(|failure| (None, Some(failure)), |driven| (driven, None));
        let kept = driven.as_mut().map_or(Ok(()), |driven| {
            let told = told::kept(&driven.recorder, &self.plan.model);
            record.baseline =
                baseline.as_deref().filter(|_| record.complete).map(|it| Box::new(pending(it, &record, folder.path())));
            keep_all(&mut folder, (&record, &told), driven, started)
        });
        let kept = kept.and_then(|()| Self::hold(&mut record, baseline.as_deref(), &folder));
        Ok(Rehearsed { record, driven, folder: folder.path().to_owned(), kept, broken })
    }

    /// Sends the traffic, and completes the record with all that it shows.
    fn drive_and_judge(
        &self,
        record: &mut RunRecord,
        (standing, watchers): (Standing, Watchers),
        (folder, interruption, traces): (&Path, &Interruption, Option<&Traces>),
        predicted: Option<&Predicted>,
    ) -> Result<Option<Driven>, Failure> {
        let edges = predicted.map(|it| it.edges.clone()).unwrap_or_default();
        let layout = layout(self.plan, self.warmup(predicted), edges, Detail::Seconds);
        let scene = self.scene(record, folder, predicted);
        let shelf =
            Shelf::begin(folder, &self.plan.catalog.series).map_err(|error| Failure::broken("starting a thread", error))?;
        let samples = self.keeps_samples().then(|| SampleFile::begin(folder, self.plan.catalog.series.clone())).transpose();
        let samples = samples.map_err(|error| Failure::broken("opening the file of samples", error))?;
        let clock = drive::clock();
        let told = traces.map(|traces| self.begin_traces(traces, record, (folder, clock), &standing)).transpose()?;
        if let Some(mock) = &standing.mock {
            mock.begin(clock);
        }
        let progress = Arc::new(Progress::default());
        let watching = watchers.begin(scene.clone(), (clock, Arc::clone(&progress)))?;
        let how = (clock, interruption.stop.clone(), self.shows(scene), progress);
        let keepers = Keepers { shelf, samples, traces: told };
        let mut driven = drive(self.plan, &self.script, &standing.engine, (&layout, keepers), how)?;
        let watcher = watching.and_then(Watching::end);
        let broken = driven.broken.as_ref().map(|error| Stopped::Failed(error.to_string()));
        // Whatever came first is why it ended: a signal ends the watch over the conditions.
        let aborted = driven.aborted.take().map(Stopped::Aborted);
        record.stopped = broken.or(aborted).or(interruption.stopped());
        let arrivals = folder.join(ARRIVALS);
        let seen = standing.mock.map(|mock| self.receiver(mock, &arrivals, &driven, record.stopped.as_ref()));
        self.complete((record, folder), &mut driven, seen, predicted);
        let missed = watcher.map(|watcher| watcher.finish(record));
        record.doubts.extend(missed.into_iter().flatten());
        self.finish_traces(record, (&driven, folder), traces, &interruption.stop);
        Ok(Some(driven))
    }

    fn open_folder(&self, started: Span) -> Result<RunFolder, Failure> {
        let name = self.log.as_deref().unwrap_or(&self.profile_name);
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
        let folder = RunFolder::create(self.output.output.as_deref(), &format!("{}-{stem}", machine::stamp(started)))
            .map_err(Failure::usage)?;
        folder.write(PROFILE, self.profile_text.as_bytes()).map_err(Failure::usage)?;
        Ok(folder)
    }

    fn predict(&self, started: Span, standing: &Standing, stop: &Stop) -> Predicted {
        self.tell("simulating the run before it is driven\n");
        let predicted = Model::of(self.plan, &self.script, standing.network.network)
            .starting(started)
            .with_streams(standing.streams)
            .until(stop.clone())
            .looking_at_parts(self.keeps_samples())
            .predict();
        if !predicted.powers.is_empty() {
            let powers: Vec<_> = predicted.powers.iter().map(|(power, _)| power.clone()).collect();
            self.tell(&report::plan::beforehand(&powers, terminal::error_look()));
        }
        for note in predicted.notes() {
            self.tell(&format!("note: {note}\n"));
        }
        predicted
    }

    /// What the generator can do here, if that is worth knowing. Where it cannot be measured the run goes on without.
    fn calibrate(&self, lanes: usize) -> Option<CalibrationRecord> {
        let peak_per_s = self.script.peak_per_s();
        let wanted = match self.ceiling {
            Ceiling::Wanted => self.script.model() == LoadModel::Open,
            Ceiling::WhenFast => peak_per_s.is_some_and(|peak| peak > FAST_PER_S),
            Ceiling::NotWanted => false,
        };
        if !wanted {
            return None;
        }
        match engine::calibrate() {
            Ok(Calibration { lane_per_s, wake_late, took, .. }) if lane_per_s > 0.0 => Some(CalibrationRecord {
                lane_per_s,
                lanes: u32::try_from(lanes).unwrap_or(u32::MAX),
                ceiling_per_s: lane_per_s * lanes as f64,
                peak_per_s,
                wake_late,
                took_ns: took.as_ns(),
            }),
            Ok(_) => {
                self.tell("note: this machine's ceiling could not be measured: no request was answered on the loopback\n");
                None
            }
            Err(error) => {
                self.tell(&format!("note: this machine's ceiling could not be measured: {error}\n"));
                None
            }
        }
    }

    /// Says before the run that it may be too much for the generator, and refuses nothing.
    fn doubt_ceiling(&self, record: &mut RunRecord) {
        if let Some(doubt) = record.machine.calibration.as_ref().and_then(doubt::near_ceiling) {
            self.tell(&format!("note: {}; {}\n", doubt.what, doubt.advice));
            record.doubts.push(doubt);
        }
    }

    /// Shows what would be run and what it could decide; the way to the target is not probed, for nothing is sent.
    fn print_plan(&self) -> Result<u8, Failure> {
        let predicted = Model::of(self.plan, &self.script, sim::Network::default()).predict();
        let cost = run_cost::before(self.plan, &self.script)?.map(|cost| report::cost::of_run(&cost));
        let plan = PrintedPlan {
            resolved: self.plan.resolved.clone(),
            notes: predicted.notes().into_iter().chain(cost).collect(),
            assumptions: predicted.powers.iter().map(|(power, _)| power.clone()).collect(),
        };
        shown::printed_plan(&plan, self.output.format)
    }

    /// Ends the mock, and holds what it saw against the script.
    fn receiver(&self, mock: MockChild, arrivals: &Path, driven: &Driven, stopped: Option<&Stopped>) -> Result<Told, Doubt> {
        let is_script = stopped.is_none() && driven.counts.retries == 0;
        let how = if is_script { Compared::WithScript } else { Compared::CountedOnly };
        let summary: Summary = mock.finish().map_err(|error| silent_mock(&error))?;
        let receiver = receiver::compare(&summary, arrivals, (&self.script, how), driven.clock);
        let problems = mock::problems(&summary).collect();
        let Summary { used, told: shares, .. } = summary;
        receiver.map(|receiver| Told { receiver, used, shares, problems }).map_err(|error| silent_mock(&error))
    }

    /// Everything that the run has shown.
    fn complete(
        &self,
        (record, folder): (&mut RunRecord, &Path),
        driven: &mut Driven,
        seen: Option<Result<Told, Doubt>>,
        predicted: Option<&Predicted>,
    ) {
        let load = driven.load();
        record.load = Some(load.clone());
        record.total = Some(summary::total(&driven.recorder));
        record.series = summary::series(&driven.recorder);
        record.connections = driven.connections.take();
        let (seconds, settling) = seconds(driven);
        record.seconds = seconds;
        let warmup = self.warmup(predicted);
        let counted = driven.played.saturating_sub(warmup);
        record.open_estimate = self.script.users().and_then(|users| open_estimate::of(&driven.recorder, users, counted));
        let retried = retries::observed(&driven.recorder, driven.counts.retried);
        record.retries = retries::both(predicted.and_then(|it| it.retries.clone()), retried);
        let (receiver, said) = match seen {
            None => (None, Vec::new()),
            Some(Ok(Told { receiver, used, shares, problems })) => {
                record.limits = limits::with_observed(std::mem::take(&mut record.limits), &used);
                let told = told::observed(&shares, driven.clock);
                told::tell(&mut driven.recorder, &self.plan.model, &told);
                let known = std::mem::take(&mut record.told);
                record.told = told::with_observed(known, &told, warmup);
                (Some(receiver), problems.iter().map(|problem| troubled_mock(problem)).collect())
            }
            Some(Err(doubt)) => (None, vec![doubt]),
        };
        record.receiver = receiver;
        let smallest_margin = predicted.and_then(Predicted::smallest_margin);
        let seen = Seen {
            smallest_margin,
            lag_limit: self.plan.run.lag_limit,
            receiver: record.receiver.clone(),
            unplayed: driven.counts.unplayed,
            uncalled: driven.counts.uncalled,
            // A run that was ended early did not come to the rest of its script.
            planned: predicted.and_then(|it| it.planned).filter(|_| record.stopped.is_none()),
            ..Seen::of(&driven.recorder, load, record.plan.model)
        };
        record.doubts.extend(doubt::doubts(&seen));
        record.doubts.extend(said);
        record.doubts.extend(driven.journal.as_ref().err().map(lost_journal));
        match driven.samples.take() {
            None => {}
            Some(Ok(samples)) => {
                record.doubts.extend(samples::doubt(&samples));
                record.parts.get_or_insert_default().samples = Some(samples);
            }
            Some(Err(error)) => record.doubts.push(samples::lost(&error)),
        }
        record.complete = record.stopped.is_none();
        if record.complete || predicted.is_none() {
            record.plan.script_hash = driven.counts.script.to_string();
        }
        if record.complete {
            record.doubts.extend(predicted.and_then(|it| other_script(it.script, driven.counts.script)));
            let phase = predicted.map_or(self.planned_phase(), |it| self.settled_phase(it, &settling));
            let assumed = self.attribute(record, driven, folder, phase);
            if let Some(predicted) = predicted {
                record.doubts.extend(cut_by(predicted.phase, phase));
                record.verdicts = self.verdicts((predicted, phase), driven, assumed, &record.doubts);
            }
        }
    }

    fn show(&self, record: &RunRecord, kept_in: Option<&Path>) -> Result<(), Failure> {
        match self.output.format {
            OutputFormat::Text => {
                let path = kept_in.map(|path| path.display().to_string());
                terminal::print(report::text::report(record, terminal::look(), path.as_deref()))
            }
            OutputFormat::Json => {
                terminal::print(json::write(record).map_err(|error| Failure::broken("writing the record", error))?)
            }
        }
    }

    fn tell(&self, text: &str) {
        if !self.output.quiet {
            terminal::tell(text);
        }
    }
}
