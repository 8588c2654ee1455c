//! Drives the script at its target, shows how far it is, and gives back one recorder.
//!
//! Owns the run's clock, the progress line and the merging of the lanes. Refuses to judge.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use super::failure::Failure;
use super::live::{self, Moving};
use super::samples::{Recording, Rows, SampleFile};
use super::script::Script;
use super::shelf::{Shelf, Shelved};
use super::so_far::Scene;
use super::ticker::Ticker;
use super::traces::{self, Spans, TraceFile};
use super::{target, terminal};
use crate::config::Plan;
use crate::config::value::OverloadPolicy;
use crate::engine::{Abort, Counts, Drive, Engine, EngineError, LaneReport, Progress, Stop, TokenReport};
use crate::load::Share;
use crate::load::overload::Overload;
use crate::load::shaper::Shaper;
use crate::measure::record::{
    AbortRecord, ConnectionsRecord, CredentialsRecord, LaneRecord, LoadRecord, OverloadRecord, SamplesRecord, WatchRecord,
};
use crate::measure::recorder::Layout;
use crate::measure::tracing::Tracing;
use crate::measure::{Recorder, summary};
use crate::report::progress::{self, Place};
use crate::sim::Play;

/// From the clock's setting to the script's zero: time for the lanes to stand ready.
const HEAD_START: Span = Span::from_ms(50);
/// How often the progress line is renewed on a terminal, and elsewhere.
const ON_TERMINAL: Duration = Duration::from_millis(250);
const ON_STREAM: Duration = Duration::from_secs(5);

/// What a drive gave.
pub(super) struct Driven {
    /// What all lanes recorded.
    pub(super) recorder: Recorder,
    /// What became of the connections of sessions, if these were played.
    pub(super) connections: Option<Box<ConnectionsRecord>>,
    /// Their response times second by second; why these are lost, if they are.
    pub(super) shelved: io::Result<Shelved>,
    /// Why the journal of the run was not written to its end, if it was not.
    pub(super) journal: io::Result<()>,
    /// The file of samples, if one was asked for; why it is not whole, if it is not.
    pub(super) samples: Option<io::Result<SamplesRecord>>,
    /// The file of spans, if requests were traced; why it is not whole, if it is not.
    pub(super) traces: Option<io::Result<traces::Kept>>,
    /// What they counted beside that.
    pub(super) counts: Counts,
    /// The lanes.
    pub(super) lanes: Vec<LaneReport>,
    /// Why a lane broke, if one did: its part of the script is missing.
    pub(super) broken: Option<EngineError>,
    /// What became of its bearer tokens, if it has any.
    pub(super) tokens: Option<TokenReport>,
    /// The machine under the lanes while they drove, if anybody could watch it.
    pub(super) watch: Option<WatchRecord>,
    /// Which of its abort conditions ended it, if one did.
    pub(super) aborted: Option<AbortRecord>,
    /// The run's clock: zero is the script's zero.
    pub(super) clock: Clock,
    /// How much of the plan was played.
    pub(super) played: Span,
    /// What happened to actions that were due and could not start.
    pub(super) overload: Overload,
}

/// What is kept while the drive lasts.
pub(super) struct Keepers {
    /// Each second.
    pub(super) shelf: Shelf,
    /// Each attempt, if somebody asks for them.
    pub(super) samples: Option<SampleFile>,
    /// Sampled requests as spans, if requests are traced.
    pub(super) traces: Option<TraceFile>,
}

/// What is shown while the drive lasts.
#[derive(Clone, Debug)]
pub(super) enum Show {
    /// The live view, on the terminal.
    Live(Box<Scene>),
    /// Progress on standard error.
    Progress,
    /// Nothing.
    Nothing,
}

impl Show {
    /// Shows until what this gives is dropped.
    fn begin(self, moving: Moving) -> Option<Ticker> {
        match self {
            Self::Live(scene) => Some(Ticker::start(move |ended| {
                // A terminal that will not be drawn on takes lines all the same.
                if let Err(moving) = live::show(*scene, moving, ended) {
                    tick(&moving, ended);
                }
            })),
            Self::Progress => Some(Ticker::start(move |ended| tick(&moving, ended))),
            Self::Nothing => None,
        }
    }
}

/// The clock of a run that is to be driven now.
pub(super) fn clock() -> Clock {
    Clock::with_origin(Clock::starting_now().origin_ns() + HEAD_START.as_ns())
}

/// Drives `script` with `engine` until its end, or until `stop`, by this [`clock`]; how far it is stands in `progress`.
pub(super) fn drive(
    plan: &Plan,
    script: &Script,
    engine: &Engine,
    (layout, keepers): (&Arc<Layout>, Keepers),
    (clock, stop, show, progress): (Clock, Stop, Show, Arc<Progress>),
) -> Result<Driven, Failure> {
    let Keepers { shelf, samples, traces } = keepers;
    let tells = matches!(show, Show::Progress);
    let abort = Abort::new(plan.abort.thresholds.clone(), plan.abort.health.iter().map(target::health).collect());
    let on_abort = |abort: &AbortRecord| {
        if tells {
            let AbortRecord { condition, second, .. } = abort;
            let grace = plan.run.timeout;
            terminal::tell(&format!("\naborting in second {second}: {condition}; answers are awaited for up to {grace}\n"));
        }
    };
    let moving = Moving { progress: Arc::clone(&progress), clock, planned: plan.run.duration, stop: stop.clone() };
    let ticker = show.begin(moving);
    let recorder = || Recording::new(Recorder::new(Arc::clone(layout)).giving(shelf.away()), samples.as_ref(), traces.as_ref());
    let tracing = traces.as_ref().map(TraceFile::tracing);
    let common = Common { plan, recorder: &recorder, clock, stop, abort: &abort, on_abort: &on_abort, progress, tracing };
    let driven = match script {
        Script::Sessions(_) | Script::RecordedSessions { .. } => engine
            .converse(&common.playing(&|share| match script.played(plan, share) {
                Play::Sessions(sessions) => sessions,
                Play::Steps(_) => unreachable!("requests are driven as such"),
            }))
            .map(|conversed| (Some(Box::new(conversed.record(&plan.catalog))), conversed.driven)),
        Script::Described(_) | Script::Recorded { .. } => engine
            .drive(&common.playing(&|share| match script.played(plan, share) {
                Play::Steps(source) => source,
                Play::Sessions(_) => unreachable!("sessions are driven as such"),
            }))
            .map(|driven| (None, driven)),
    };
    drop(ticker);
    let (connections, driven) = driven.map_err(|error| Failure::broken("driving the traffic", error))?;
    let (mut recorders, rows, spans) = apart(driven.recorders);
    let samples = samples.map(|file| file.finish(rows.into_iter()));
    let traces = traces.map(|file| file.finish(spans.into_iter()));
    let (shelved, journal) = shelf.finish(recorders.iter_mut().filter_map(Recorder::take_piece));
    let recorder = recorders.into_iter().reduce(|mut all, one| {
        all.merge(one);
        all
    });
    let recorder = recorder.unwrap_or_else(|| Recorder::new(Arc::clone(layout)));
    Ok(Driven {
        recorder,
        connections,
        shelved,
        journal,
        samples,
        traces,
        counts: driven.counts,
        lanes: driven.lanes,
        broken: driven.broken,
        tokens: driven.tokens,
        watch: driven.watch,
        aborted: driven.aborted,
        clock,
        overload: plan.run.overload,
        played: clock.now().since(Instant::ZERO).min(plan.run.duration),
    })
}

/// What each lane recorded, and what it still has for the files.
fn apart(recordings: Vec<Recording>) -> (Vec<Recorder>, Vec<Rows>, Vec<Spans>) {
    let (mut recorders, mut rows, mut spans) = (Vec::with_capacity(recordings.len()), Vec::new(), Vec::new());
    for recording in recordings {
        recorders.push(recording.recorder);
        rows.extend(recording.rows);
        spans.extend(recording.spans);
    }
    (recorders, rows, spans)
}

/// What both kinds of script are driven with.
struct Common<'a> {
    plan: &'a Plan,
    recorder: &'a (dyn Fn() -> Recording + Sync),
    clock: Clock,
    stop: Stop,
    abort: &'a Abort,
    on_abort: &'a (dyn Fn(&AbortRecord) + Sync),
    progress: Arc<Progress>,
    tracing: Option<Tracing>,
}

impl<'a> Common<'a> {
    fn playing<S: ?Sized>(self, source: &'a (dyn Fn(Share) -> Box<S> + Sync)) -> Drive<'a, Recording, S> {
        let Self { plan, recorder, clock, stop, abort, on_abort, progress, tracing } = self;
        let (catalog, shaper) = (Arc::clone(&plan.catalog), Shaper::new(&plan.safety.ceilings));
        Drive { catalog, source, recorder, shaper, clock, horizon: plan.run.duration, stop, abort, on_abort, progress, tracing }
    }
}

impl Driven {
    /// What the generator did, from its recorder and from its sockets.
    pub(super) fn load(&self) -> LoadRecord {
        let load = self.turns(summary::load(&self.recorder));
        let seconds = self.played.as_secs_f64().max(1e-9);
        LoadRecord {
            // Of a run that ended early, over the time that it lasted.
            intended_per_s: load.intended as f64 / seconds,
            achieved_per_s: load.sent as f64 / seconds,
            watch: self.watch.clone(),
            overload: Some(self.overload()),
            shaped: self.counts.shaped,
            bytes_sent: self.counts.bytes_sent,
            bytes_received: self.counts.bytes_received,
            connections_opened: self.counts.connections_opened,
            reconnects: self.counts.reconnects,
            credentials: self.credentials(),
            lanes: self.lanes.iter().map(lane).collect(),
            ..load
        }
    }

    /// The same without what others have sent: of sessions the recorder counts deliveries and posts, too, which are no turns of the script.
    fn turns(&self, load: LoadRecord) -> LoadRecord {
        if self.connections.is_none() {
            return load;
        }
        let Counts { intended, sent, posts_sent, .. } = self.counts;
        LoadRecord { intended, sent, posts_sent, ..load }
    }

    fn overload(&self) -> OverloadRecord {
        let wait = self.recorder.channel(None).and_then(|all| summary::quantiles(all.waits()));
        OverloadRecord { policy: OverloadPolicy(self.overload).to_string(), wait, queue_peak: self.counts.queue_peak }
    }

    fn credentials(&self) -> Option<CredentialsRecord> {
        let signed = self.lanes.iter().map(|lane| lane.signed.requests).sum();
        let tokens = self.tokens.clone().unwrap_or_default();
        (self.tokens.is_some() || signed > 0).then(|| CredentialsRecord {
            tokens: u64::from(tokens.tokens),
            obtained_ns: tokens.took.as_ns(),
            renewed: tokens.renewed,
            failed: tokens.failed,
            last_failure: tokens.last_failure,
            expired: tokens.expired,
            signed,
        })
    }
}

fn lane(lane: &LaneReport) -> LaneRecord {
    LaneRecord {
        core: lane.core,
        cpu_ns: lane.cpu.as_ns(),
        spin_ns: lane.spin.as_ns(),
        run_queue_ns: lane.run_queue.map(Span::as_ns),
        signing_ns: lane.signed.took.as_ns(),
        wall_ns: lane.wall.as_ns(),
    }
}

/// Renews the progress line.
fn tick(moving: &Moving, ended: &Receiver<()>) {
    let place = terminal::progress_place();
    let every = if place == Place::Stream { ON_STREAM } else { ON_TERMINAL };
    let mut before = (Span::ZERO, 0);
    while ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        let elapsed = Span::from_ns(moving.clock.now().as_ns());
        let seen = moving.progress.read();
        let seconds = elapsed.saturating_sub(before.0).as_secs_f64().max(1e-3);
        let per_s = (seen.sent - before.1) as f64 / seconds;
        before = (elapsed, seen.sent);
        let shown = progress::Progress {
            elapsed,
            planned: moving.planned,
            intended: seen.intended,
            sent: seen.sent,
            answered: seen.answered,
            failed: seen.failed,
            lag: Some(seen.lag),
            per_s,
        };
        terminal::tell(&progress::line(&shown, place));
    }
    terminal::tell(progress::end(place));
}
