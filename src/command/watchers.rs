//! Whoever looks at a run from elsewhere while it lasts: the live page (`--ui`), and its metrics at an endpoint (`--metrics`) and at collectors.
//!
//! Owns the order: all of them are ready before the run begins, one thread beside the drive reads the run so far for all of them, and collectors
//! get a last word when the run is over. Refuses sockets (`serve`), formats (`report`), and to slow the run down. Called by `rehearsal`.

use std::env;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use super::collectors::{Collectors, Opening};
use super::failure::Failure;
use super::so_far::{Reading, Scene, Seen};
use super::terminal;
use super::ticker::Ticker;
use crate::cli::OutputFlags;
use crate::engine::Progress;
use crate::measure::record::{Doubt, RunRecord};
use crate::report::html;
use crate::report::metrics::{Moment, Part, Snapshot, exposition};
use crate::serve::{Listening, Served, Shown};

/// How often is looked whether it is time for anything.
const EVERY: Duration = Duration::from_millis(250);
/// From one state of the metrics at the endpoint to the next.
const METRICS_EVERY: Span = Span::from_ms(1_000);
/// From one push to the next.
const PUSH_EVERY: Span = Span::from_ms(5_000);
/// Prometheus's text format.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everybody who will look, ready.
pub(super) struct Watchers {
    page: Option<Listening>,
    metrics: Option<Listening>,
    collectors: Collectors,
}

/// Everybody who looks, until this is ended.
pub(super) struct Watching {
    ticker: Ticker,
    back: Receiver<Box<Watcher>>,
}

/// The thread's own.
pub(super) struct Watcher {
    reading: Reading,
    page: Option<Served>,
    metrics: Option<Served>,
    collectors: Collectors,
    progress: Arc<Progress>,
    clock: Clock,
    /// What the journal tells so far.
    so_far: Snapshot,
    next_metrics: Span,
    next_push: Span,
}

impl Watchers {
    /// All that are asked for: they listen from now on, where is told, and collectors have taken what `opening` says of the run.
    pub(super) fn open(output: &OutputFlags, opening: &Opening<'_>) -> Result<Self, Failure> {
        let flags = &output.telemetry;
        if let (Some(page), Some(metrics)) = (output.ui, flags.metrics)
            && page == metrics
            && page.port() != 0
        {
            return Err(Failure::usage(format!("--ui and --metrics both name {page}; give each a port of its own")));
        }
        let page = listening(output.ui, "--ui", output.ui_token_env.as_deref())?;
        let metrics = listening(flags.metrics, "--metrics", flags.metrics_token_env.as_deref())?;
        let collectors = Collectors::open(flags, opening)?;
        if let Some(page) = &page {
            terminal::tell(&format!("live page: {}\n", page.url("/")));
        }
        if let Some(metrics) = &metrics {
            terminal::tell(&format!("metrics: {}\n", metrics.url("/metrics")));
        }
        Ok(Self { page, metrics, collectors })
    }

    /// Begins to look at a run that is about to be driven by this clock; nobody looks if nobody was asked to.
    pub(super) fn begin(self, scene: Scene, (clock, progress): (Clock, Arc<Progress>)) -> Result<Option<Watching>, Failure> {
        let Self { page, metrics, collectors } = self;
        if page.is_none() && metrics.is_none() && collectors.is_empty() {
            return Ok(None);
        }
        let serve = |listening: Option<Listening>, shown| {
            let served = listening.map(|it| it.serve(shown)).transpose();
            served.map_err(|error| Failure::broken("serving the run so far", error))
        };
        let page = serve(page, Shown::Page(html::live(&scene.header.plan.profile)))?;
        let metrics = serve(metrics, Shown::Metrics(METRICS_TYPE))?;
        let before = Seen::before(&scene);
        let mut watcher = Box::new(Watcher {
            so_far: before.snapshot(),
            reading: Reading::of(scene),
            page,
            metrics,
            collectors,
            progress,
            clock,
            next_metrics: Span::ZERO,
            next_push: PUSH_EVERY,
        });
        watcher.show(&before);
        watcher.tell();
        let (give, back) = sync_channel(1);
        Ok(Some(Watching { ticker: Ticker::start(move |ended| watch(watcher, ended, &give)), back }))
    }
}

impl Watching {
    /// Nobody looks any more; collectors are left, for a last word.
    pub(super) fn end(self) -> Option<Box<Watcher>> {
        drop(self.ticker);
        self.back.try_recv().ok()
    }
}

fn watch(mut watcher: Box<Watcher>, ended: &Receiver<()>, give: &SyncSender<Box<Watcher>>) {
    while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        watcher.look();
    }
    // Those who look hear that it is over.
    (watcher.page, watcher.metrics) = (None, None);
    // Where nobody takes it back there is no last word.
    let _ = give.send(watcher);
}

impl Watcher {
    fn look(&mut self) {
        if let Some(seen) = self.reading.again(self.clock) {
            self.so_far = seen.snapshot();
            self.show(&seen);
            self.reading.shown(self.clock);
        }
        self.tell();
    }

    /// Where nothing can be shown nothing is: the run goes on.
    fn show(&self, seen: &Seen) {
        let Some(page) = &self.page else { return };
        let record = RunRecord { verdicts: seen.verdicts.clone(), ..seen.record.clone() };
        if let Ok(content) = html::content(&record, Ok(&seen.seconds)) {
            page.put(&content);
        }
    }

    /// Tells the metrics where it is time to.
    fn tell(&mut self) {
        let elapsed = self.elapsed();
        let pushes = !self.collectors.is_empty() && elapsed >= self.next_push;
        let renews = self.metrics.is_some() && elapsed >= self.next_metrics;
        if !pushes && !renews {
            return;
        }
        let snapshot = self.at(&self.so_far);
        if let Some(metrics) = self.metrics.as_ref().filter(|_| renews) {
            metrics.put(&exposition::write(&snapshot));
            self.next_metrics = elapsed + METRICS_EVERY;
        }
        if pushes {
            self.collectors.offer(&snapshot, Part::Middle);
            self.next_push = elapsed + PUSH_EVERY;
        }
    }

    fn elapsed(&self) -> Span {
        Span::from_ns(self.clock.now().as_ns())
    }

    fn at(&self, snapshot: &Snapshot) -> Snapshot {
        let read = self.progress.look();
        let moment = Moment {
            elapsed_s: self.elapsed().as_secs_f64(),
            intended: read.intended,
            sent: read.sent,
            answered: read.answered,
            failed: read.failed,
            pushed: &self.collectors.pushed(),
        };
        snapshot.at(&moment)
    }

    /// The last word to all collectors, of a run that came to this; what they have missed is a doubt each.
    pub(super) fn finish(mut self, record: &RunRecord) -> Vec<Doubt> {
        if self.collectors.is_empty() {
            return Vec::new();
        }
        let seen = self.reading.last();
        let so_far = seen.map_or_else(|| self.so_far.clone(), |seen| seen.snapshot());
        let last = self.at(&so_far.over(record));
        self.collectors.offer(&last, Part::Last);
        self.collectors.finish()
    }
}

impl Seen {
    fn snapshot(&self) -> Snapshot {
        Snapshot::so_far(&self.record, &self.seconds, &self.verdicts)
    }
}

fn listening(address: Option<SocketAddr>, flag: &str, token_env: Option<&str>) -> Result<Option<Listening>, Failure> {
    let Some(address) = address else { return Ok(None) };
    let token = token_env.map(|name| token(flag, name)).transpose()?;
    let listening = Listening::bind(address, token).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(" ({cause})")).unwrap_or_default();
        Failure::usage(format!("{flag} {error}{cause}"))
    });
    listening.map(Some)
}

fn token(flag: &str, name: &str) -> Result<String, Failure> {
    match env::var(name) {
        Ok(token) if !token.is_empty() => Ok(token),
        _ => Err(Failure::usage(format!(
            "{flag}-token-env {name}: there is no such environment variable, or nothing in it; set it to the token that readers must have"
        ))),
    }
}
