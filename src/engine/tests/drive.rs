//! One builder for all drives of the tests, with a source of a few lines.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use crate::engine::transport::resolver::Resolver;
use crate::engine::{Abort, Drive, Driven, Engine, EngineError, Progress, Settings, Stop};
use crate::load::retry::{Policy, retrying};
use crate::load::shaper::{Ceilings, Shaper};
use crate::load::{Ended, Feedback, Share, Source};
use crate::measure::tracing::Tracing;
use crate::measure::{Outcome, Record, Sample};
use crate::traffic::catalog::{Recorded, TemplateId};
use crate::traffic::{Action, Catalog, Due, Request, SeriesId, Step, What};

impl Record for Vec<Sample> {
    fn on_sample(&mut self, sample: &Sample) {
        self.push(*sample);
    }
}

/// All that a lane told.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) samples: Vec<Sample>,
    settled: Vec<(Instant, Sample)>,
}

impl Record for Kept {
    fn on_sample(&mut self, sample: &Sample) {
        self.samples.push(*sample);
    }

    fn on_settled(&mut self, since: Instant, last: &Sample) {
        self.settled.push((since, *last));
    }
}

pub(super) fn ms(ms: u64) -> Instant {
    Instant::ZERO + Span::from_ms(ms)
}

/// A drive that has not begun.
pub(super) struct Drives {
    pub(super) settings: Settings,
    pub(super) plan: Plan,
    pub(super) body: Vec<u8>,
    pub(super) ceilings: Ceilings,
    pub(super) stop: Stop,
    pub(super) abort: Abort,
    /// What the client tries again.
    pub(super) retries: Option<Policy>,
    /// Length of the plan.
    pub(super) horizon: Span,
    /// Who knows the target's addresses.
    pub(super) resolver: Resolver,
    /// What requests are called in distributed tracing.
    pub(super) tracing: Option<Tracing>,
}

/// What the script says.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    /// One action at each of these instants.
    At(Vec<Instant>),
    /// So many users with so many steps each, without a pause.
    Users(u32, u32),
    /// As `At`, and the stop is requested so often when the plan is at its end.
    Stopped(Vec<Instant>, u32, Stop),
}

/// What a drive came to.
pub(super) struct Ran {
    pub(super) samples: Vec<Sample>,
    /// Since when each request was tried that nobody tries again, and its last attempt.
    pub(super) settled: Vec<(Instant, Sample)>,
    pub(super) driven: Driven<Kept>,
    pub(super) progress: Arc<Progress>,
}

/// A drive of one lane and one connection at that address, with short limits.
pub(super) fn against(address: SocketAddr) -> Drives {
    to(&format!("http://{address}"))
}

/// The same, by URL.
pub(super) fn to(url: &str) -> Drives {
    let settings = Settings {
        connections: 1,
        lanes: Some(1),
        grace: Span::from_secs(20),
        timeout: Span::from_secs(20),
        ..Settings::for_target(url.parse().unwrap())
    };
    let plan = Plan::At(vec![Instant::ZERO]);
    Drives {
        settings,
        plan,
        body: Vec::new(),
        ceilings: Ceilings::default(),
        stop: Stop::new(),
        abort: Abort::default(),
        retries: None,
        horizon: Span::from_ms(50),
        resolver: Resolver::of_the_system(),
        tracing: None,
    }
}

impl Drives {
    pub(super) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub(super) fn at(self, instants: impl IntoIterator<Item = Instant>) -> Self {
        Self { plan: Plan::At(instants.into_iter().collect()), ..self }
    }

    pub(super) fn times(self, n: usize) -> Self {
        self.at(vec![Instant::ZERO; n])
    }

    pub(super) fn plan(self, plan: Plan) -> Self {
        Self { plan, ..self }
    }

    pub(super) fn run(self) -> Ran {
        let ran = self.try_run(|_| {}).unwrap();
        assert!(ran.driven.broken.is_none());
        ran
    }

    /// Runs it; `on_lane` is called on each lane's thread.
    pub(super) fn try_run(self, on_lane: impl Fn(Share) + Sync) -> Result<Ran, EngineError> {
        let mut engine = Engine::prepare(self.settings).unwrap();
        engine.route.resolver = self.resolver;
        let progress = Arc::new(Progress::default());
        let recorded = Recorded { method: "POST".into(), target: "/".into(), headers: vec![], body: self.body };
        let what = What::Recorded(Arc::new(recorded));
        let (plan, retries) = (self.plan, self.retries);
        let source = |share: Share| -> Box<dyn Source> {
            on_lane(share);
            let script = Box::new(Script::new(&plan, share, what.clone()));
            match &retries {
                Some(policy) => retrying(script, policy.clone(), Seed::new(1), share),
                None => script,
            }
        };
        let drive = Drive {
            catalog: Arc::new(Catalog::default()),
            source: &source,
            recorder: &Kept::default,
            shaper: Shaper::new(&self.ceilings),
            clock: Clock::starting_now(),
            horizon: self.horizon,
            stop: self.stop,
            abort: &self.abort,
            on_abort: &|_| {},
            progress: Arc::clone(&progress),
            tracing: self.tracing,
        };
        let driven = engine.drive(&drive)?;
        let samples = driven.recorders.iter().flat_map(|kept| &kept.samples).copied().collect();
        let settled = driven.recorders.iter().flat_map(|kept| &kept.settled).copied().collect();
        let ran = Ran { samples, settled, driven, progress };
        ran.conserves();
        Ok(ran)
    }
}

impl Ran {
    /// How many samples ended in which way.
    pub(super) fn outcomes(&self) -> BTreeMap<Outcome, usize> {
        let mut outcomes = BTreeMap::new();
        for sample in &self.samples {
            *outcomes.entry(sample.outcome).or_insert(0) += 1;
        }
        outcomes
    }

    pub(super) fn expect<const N: usize>(self, outcomes: [(Outcome, usize); N]) -> Self {
        assert_eq!(self.outcomes(), BTreeMap::from(outcomes));
        self
    }

    /// Every intended action is exactly one sample, and every sample's instants are in order.
    fn conserves(&self) {
        let counts = &self.driven.counts;
        let all = counts.intended + counts.retries;
        assert_eq!(all, self.samples.len() as u64, "every intended action is one sample, and so is every retry");
        let mut steps: Vec<_> = self.samples.iter().map(|sample| (sample.session, sample.seq, sample.attempt)).collect();
        steps.sort_unstable();
        steps.dedup();
        assert_eq!(steps.len(), self.samples.len(), "no step is sampled twice");
        let sent = self.samples.iter().filter(|sample| sample.sent != Instant::MAX).count() as u64;
        assert_eq!(counts.sent, sent);
        let reading = self.progress.read();
        assert_eq!((reading.intended, reading.pending, reading.sent), (all, 0, sent));
        for sample in &self.samples {
            let stamps = [sample.intended, sample.started, sample.sent, sample.first_byte, sample.done];
            let happened: Vec<_> = stamps.into_iter().filter(|at| *at != Instant::MAX).collect();
            assert!(happened.is_sorted(), "{sample:?}");
            let answered = sample.outcome == Outcome::Answered;
            assert!(!answered || happened.len() == 5 && sample.status != 0, "{sample:?}");
        }
    }
}

/// The whole of a plan.
pub(super) fn script(plan: &Plan) -> Box<dyn Source> {
    Box::new(Script::new(plan, Share::ALL, What::Described { template: TemplateId(0), key: 0 }))
}

/// The source behind a [`Plan`].
struct Script {
    steps: std::vec::IntoIter<(u32, Instant)>,
    steps_each: u32,
    what: What,
    stop: Option<(u32, Stop)>,
}

impl Script {
    fn new(plan: &Plan, share: Share, what: What) -> Self {
        let (instants, steps_each, stop) = match plan {
            Plan::At(instants) => (instants.clone(), 1, None),
            Plan::Users(users, steps) => (vec![Instant::ZERO; *users as usize], *steps, None),
            Plan::Stopped(instants, times, stop) => (instants.clone(), 1, Some((*times, stop.clone()))),
        };
        let steps: Vec<_> = (0..).zip(instants).filter(|(session, _)| share.plays(*session)).collect();
        Self { steps: steps.into_iter(), steps_each, what, stop }
    }

    fn step(&self, session: u32, seq: u32, due: Due) -> Step {
        let request = Request { series: SeriesId(0), identity: 0, what: self.what.clone() };
        Step { session, seq, attempt: 0, due, action: Action::Request(request) }
    }
}

impl Source for Script {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        match feedback {
            Feedback::Idle => {
                let step = self.steps.next().map(|(session, at)| self.step(session, 0, Due::At(at)));
                if step.is_none()
                    && let Some((times, stop)) = &self.stop
                {
                    (0..*times).for_each(|_| stop.request());
                }
                step
            }
            Feedback::Ended(Ended { session, seq, .. }) if seq + 1 < self.steps_each => {
                Some(self.step(session, seq + 1, Due::After(Span::ZERO)))
            }
            Feedback::Ended(_) => None,
        }
    }
}
