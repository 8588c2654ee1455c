//! The script of a run, wherever it comes from: described in the profile, or recorded in a trace; requests, or sessions.
//!
//! Owns making its [`Source`] as often as it is needed (each replication of the simulator, each lane of the engine, and once
//! more to hold the mock's record of arrivals against it). Refuses to play it.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_policy::routing::Router;
use sluicegate_policy::time::{Instant, Span};

use super::failure::Failure;
use super::session_tape::SessionTape;
use crate::config::Plan;
use crate::load::dialogue::{self, Dialogue};
use crate::load::replay::{self, RecordedArrival, Warp};
use crate::load::retry::retrying;
use crate::load::script::script;
use crate::load::traffic::{Pace, Traffic};
use crate::load::{Feedback, Share, Source};
use crate::measure::record::LoadModel;
use crate::sim::Play;
use crate::traffic::catalog::Recorded;
use crate::traffic::trace::{TraceError, TraceReader};
use crate::traffic::{Catalog, Due, SeriesId, Step};
use crate::verdict::Course;

/// What is played.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// Traffic that the profile describes.
    Described(Box<Traffic>),
    /// Sessions that the profile describes.
    Sessions(Box<Dialogue>),
    /// Traffic that was recorded.
    Recorded {
        /// What was recorded.
        recording: Arc<Recording>,
        /// What is done to its time.
        warp: Warp,
        /// Where the plan ends, whatever is left of the recording.
        end: Span,
    },
    /// Sessions that were recorded.
    RecordedSessions {
        /// What was recorded.
        tape: Arc<SessionTape>,
        /// What is done to its time.
        warp: Warp,
    },
}

impl Script {
    /// What a plan describes; `None` if it describes no traffic.
    pub(super) fn described(plan: &Plan) -> Option<Self> {
        let sessions = || plan.sessions.as_ref().map(|sessions| Self::Sessions(Box::new(sessions.clone())));
        plan.traffic.as_ref().map(|traffic| Self::Described(Box::new(traffic.clone()))).or_else(sessions)
    }

    /// The requests that `share` plays, from the beginning, or its sessions.
    fn play(&self, share: Share) -> Play {
        Play::Steps(match self {
            Self::Sessions(dialogue) => return Play::Sessions(dialogue::dialogue(dialogue, share)),
            Self::RecordedSessions { tape, warp } => return Play::Sessions(tape.play(warp, share)),
            Self::Described(traffic) => script(traffic, share),
            Self::Recorded { recording, warp, end } => {
                let source = replay::replay(Box::new(Reading::of(Arc::clone(recording))), warp.clone(), share);
                Box::new(Until { source, end: Instant::ZERO + *end })
            }
        })
    }

    /// The same, as the client of `plan` plays them, who may try again.
    pub(super) fn played(&self, plan: &Plan, share: Share) -> Play {
        match (self.play(share), &plan.run.retries) {
            (Play::Steps(source), Some(policy)) => {
                Play::Steps(retrying(source, policy.clone(), plan.run.seed.child("traffic"), share))
            }
            (played, _) => played,
        }
    }

    /// Whether arrivals wait for answers.
    pub(super) fn model(&self) -> LoadModel {
        match self {
            Self::Described(traffic) if matches!(traffic.pace, Pace::Closed { .. }) => LoadModel::Closed,
            Self::Sessions(dialogue) if dialogue.waits_for_replies() => LoadModel::Closed,
            // A question may hold up what its session says next, which keeps its instant, and is counted from it.
            Self::Described(_) | Self::Recorded { .. } | Self::Sessions(_) | Self::RecordedSessions { .. } => LoadModel::Open,
        }
    }

    /// Whether it is of sessions: what these do in all depends on what happens to them.
    pub(super) const fn is_of_sessions(&self) -> bool {
        match self {
            Self::Sessions(_) | Self::RecordedSessions { .. } => true,
            Self::Described(_) | Self::Recorded { .. } => false,
        }
    }

    /// How many users there are, if they wait for answers.
    pub(super) fn users(&self) -> Option<u32> {
        match self {
            Self::Described(traffic) => match traffic.pace {
                Pace::Closed { users, .. } => Some(users),
                Pace::Open(_) => None,
            },
            Self::Recorded { .. } | Self::Sessions(_) | Self::RecordedSessions { .. } => None,
        }
    }

    /// The highest rate that it intends, in requests per second, if that is known without playing it.
    pub(super) fn peak_per_s(&self) -> Option<f64> {
        let Self::Described(traffic) = self else { return None };
        match &traffic.pace {
            Pace::Closed { .. } => None,
            Pace::Open(arrivals) => {
                let peak = arrivals.peak(traffic.duration);
                Some(peak.tokens as f64 / peak.per.as_secs_f64())
            }
        }
    }

    /// Whether it keeps one rate.
    pub(super) fn course(&self) -> Course {
        match self {
            // Sessions come, and then go on: no second of such a run is like the others.
            Self::Recorded { .. } | Self::Sessions(_) | Self::RecordedSessions { .. } => Course::Varying,
            Self::Described(traffic) => match &traffic.pace {
                Pace::Closed { .. } => Course::Steady,
                Pace::Open(arrivals)
                    if arrivals.pieces.iter().all(|piece| piece.from == piece.to && piece.from == arrivals.pieces[0].from) =>
                {
                    Course::Steady
                }
                Pace::Open(_) => Course::Varying,
            },
        }
    }

    /// The intended instants in order; only those that need no answer. `None` of sessions, whose turns depend on what they are told.
    pub(super) fn intended(&self) -> Option<impl Iterator<Item = Instant>> {
        let mut source = match self.play(Share::ALL) {
            Play::Steps(source) => source,
            Play::Sessions(_) => return None,
        };
        Some(std::iter::from_fn(move || {
            let step = source.next(Feedback::Idle)?;
            match step.due {
                Due::At(at) => Some(at),
                Due::After(_) => None,
            }
        }))
    }
}

/// The requests that a plan describes. What searches rates or plans runs asks here, so that one place says that it does so of requests alone.
pub(super) fn requests<'a>(plan: &'a Plan, name: &dyn Display) -> Result<Option<&'a Traffic>, Failure> {
    if plan.sessions.is_some() {
        return Err(Failure::usage(format!(
            "{name}: its traffic is sessions of WebSocket clients (traffic.sessions), and this is for requests alone; `sluicegate run {name}` plays sessions"
        )));
    }
    Ok(plan.traffic.as_ref())
}

/// A trace whose entries are counted under the routes of a plan's gateway.
///
/// Owns nothing of the trace's content: each [`Source`] reads the file anew, so memory does not grow with it.
#[derive(Debug)]
pub(super) struct Recording {
    trace: PathBuf,
    /// Of the deployments that the stage serves, in the order in which they are asked.
    routers: Vec<Router>,
    /// By route of the model.
    series: Vec<Option<SeriesId>>,
    /// Where entries are counted that no route of the gateway takes.
    unrouted: SeriesId,
    entries: u64,
    unrouted_entries: u64,
}

impl Recording {
    /// Reads the trace through once, so that a broken one is known before the run.
    pub(super) fn open(trace: &Path, plan: &Plan) -> Result<Self, TraceError> {
        let unrouted = SeriesId(u16::try_from(plan.catalog.series.len()).unwrap_or(u16::MAX));
        let routers = plan.deployments().into_iter().map(|id| Router::new(&plan.model, id)).collect();
        let series = plan.series_of_routes();
        let mut recording = Self { trace: trace.to_owned(), routers, series, unrouted, entries: 0, unrouted_entries: 0 };
        for entry in TraceReader::open(trace)? {
            let series = recording.series(&entry?.recorded);
            recording.entries += 1;
            recording.unrouted_entries += u64::from(series == unrouted);
        }
        Ok(recording)
    }

    /// How many requests there are.
    pub(super) const fn entries(&self) -> u64 {
        self.entries
    }

    /// The plan's catalog, with a series for what no route takes, if there is any.
    pub(super) fn catalog(&self, planned: &Catalog) -> Catalog {
        let mut catalog = planned.clone();
        if self.unrouted_entries > 0 {
            catalog.series.push(UNROUTED.to_owned());
        }
        catalog
    }

    fn series(&self, recorded: &Recorded) -> SeriesId {
        let path = recorded.target.split('?').next().unwrap_or_default();
        let route = self.routers.iter().find_map(|router| router.in_stage(&recorded.method, path));
        route.and_then(|route| self.series[usize::from(route.0)]).unwrap_or(self.unrouted)
    }
}

/// Name of the series of requests that no route of the gateway takes.
const UNROUTED: &str = "(no route)";

/// A recording that is being read, again from the start when it is rewound.
struct Reading {
    recording: Arc<Recording>,
    reader: Result<TraceReader, TraceError>,
}

impl Reading {
    fn of(recording: Arc<Recording>) -> Self {
        let reader = TraceReader::open(&recording.trace);
        Self { recording, reader }
    }
}

impl replay::Recording for Reading {
    /// The trace was read whole before the run; if it breaks now, the recording ends there and the run is short of its script,
    /// which its doubts say.
    fn next(&mut self) -> Option<RecordedArrival> {
        let entry = self.reader.as_mut().ok()?.next()?.ok()?;
        let series = self.recording.series(&entry.recorded);
        Some(RecordedArrival { at: entry.at, series, identity: entry.identity, recorded: Arc::new(entry.recorded) })
    }

    fn rewind(&mut self) {
        self.reader = TraceReader::open(&self.recording.trace);
    }
}

/// A source that ends with the plan.
struct Until {
    source: Box<dyn Source>,
    end: Instant,
}

impl Source for Until {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        let step = self.source.next(feedback)?;
        match step.due {
            Due::At(at) if at >= self.end => None,
            Due::At(_) | Due::After(_) => Some(step),
        }
    }
}
