//! The threads of a drive: its lanes, and beside them those that watch over the machine, the abort conditions and the tokens.
//!
//! Owns their beginning and end: a lane that fails or panics ends the others. Refuses to know what a lane plays: requests (`drive`) or sessions
//! (`conversation`).

use std::thread::{Builder, Scope, ScopedJoinHandle};

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use tokio::sync::oneshot;

use super::abort::{Abort, Watched};
use super::cores::{self, Portion};
use super::credentials::{Held, TokenReport};
use super::error::EngineError;
use super::prepare::Engine;
use super::stop::Stop;
use super::watch;
use crate::load::Share;
use crate::measure::record::{AbortRecord, WatchRecord};

/// What goes on around the lanes.
pub(super) struct Around<'a> {
    pub(super) clock: Clock,
    pub(super) horizon: Span,
    pub(super) stop: &'a Stop,
    pub(super) abort: &'a Abort,
    pub(super) on_abort: &'a (dyn Fn(&AbortRecord) + Sync),
}

/// What became of the lanes and of what went on around them.
pub(super) struct Ran<T> {
    pub(super) lanes: Vec<Result<T, EngineError>>,
    pub(super) tokens: Option<TokenReport>,
    pub(super) watch: Option<WatchRecord>,
    pub(super) aborted: Result<Option<AbortRecord>, EngineError>,
}

impl Engine {
    /// Runs `play` on a thread for each lane; blocks until all of them have ended.
    pub(super) fn in_lanes<T: Send>(
        &self,
        around: &Around<'_>,
        play: impl Fn(Portion, Share, usize) -> Result<T, EngineError> + Sync,
    ) -> Ran<T> {
        let (lanes, aborted, watch) = std::thread::scope(|scope| {
            let play = &play;
            let start = |lane: usize| {
                Builder::new()
                    .name(format!("lane-{lane}"))
                    .spawn_scoped(scope, move || {
                        let _panicking = EndsOthers(around.stop);
                        self.on_its_core(lane)
                            .and_then(|(portion, share)| play(portion, share, lane))
                            .inspect_err(|_| give_up(around.stop))
                    })
                    .map_err(|source| EngineError::Start { lane, source })
            };
            let threads: Vec<_> = (0..self.portions.len()).map(start).collect();
            let keeping = self.keep_tokens(scope);
            let watching = self.watch_over(around, scope);
            let (unwatched, over) = oneshot::channel();
            let end = Instant::ZERO + around.horizon;
            let clock = around.clock;
            // Where no thread can be started, the machine's lateness is not known, and the record says nothing of it.
            let machine = Builder::new().name("watch".to_owned());
            let machine = machine.spawn_scoped(scope, move || watch::watch(clock, end, over));
            if threads.iter().any(Result::is_err) {
                give_up(around.stop);
            }
            let join = |(lane, thread): (usize, Result<ScopedJoinHandle<'_, _>, EngineError>)| {
                thread?.join().unwrap_or(Err(EngineError::Broken { lane }))
            };
            let lanes = threads.into_iter().enumerate().map(join).collect::<Vec<_>>();
            drop((keeping, unwatched));
            let watch = machine.ok().and_then(|thread| thread.join().ok());
            (lanes, watching.map_or(Ok(None), Watching::end), watch)
        });
        let tokens = match &self.held {
            Held::Tokens(keeper) => Some(keeper.report()),
            Held::Nothing | Held::Key(_) => None,
        };
        Ran { lanes, tokens, watch, aborted }
    }

    /// What a lane gets; its thread is on its core from here on.
    fn on_its_core(&self, lane: usize) -> Result<(Portion, Share), EngineError> {
        let portion = self.portions[lane];
        if let Some(core) = portion.core {
            cores::pin(core).map_err(|source| EngineError::Pin { lane, core, source })?;
        }
        Ok((portion, Share { index: lane as u16, of: self.portions.len() as u16 }))
    }

    /// Holds the abort conditions against each second beside the lanes, if there are any.
    fn watch_over<'s>(&'s self, around: &'s Around<'_>, scope: &'s Scope<'s, '_>) -> Option<Watching<'s>> {
        if around.abort.is_empty() {
            return None;
        }
        let (watching, over) = oneshot::channel();
        let watched = Watched { clock: around.clock, end: Instant::ZERO + around.horizon, stop: around.stop.clone() };
        let thread = Builder::new().name("abort".to_owned()).spawn_scoped(scope, move || {
            let met = around.abort.keep(self, &watched, over);
            match &met {
                Ok(Some(aborted)) => {
                    around.stop.request();
                    (around.on_abort)(aborted);
                }
                Ok(None) => {}
                // Nobody would stop it any more.
                Err(_) => give_up(around.stop),
            }
            met
        });
        if thread.is_err() {
            give_up(around.stop);
        }
        Some(Watching { over: watching, thread: thread.map_err(|source| EngineError::Abort { source }) })
    }

    /// Renews bearer tokens beside the lanes, until what it gives is dropped.
    fn keep_tokens<'s>(&'s self, scope: &'s Scope<'s, '_>) -> Option<oneshot::Sender<()>> {
        let Held::Tokens(keeper) = &self.held else { return None };
        let (keeping, over) = oneshot::channel();
        // Where no thread can be started, the report tells of tokens that expired.
        let started = Builder::new().name("tokens".to_owned()).spawn_scoped(scope, move || keeper.keep(over));
        started.is_ok().then_some(keeping)
    }
}

/// The thread that watches over the abort conditions.
struct Watching<'s> {
    over: oneshot::Sender<()>,
    thread: Result<ScopedJoinHandle<'s, Result<Option<AbortRecord>, EngineError>>, EngineError>,
}

impl Watching<'_> {
    /// Ends it; which condition was met.
    fn end(self) -> Result<Option<AbortRecord>, EngineError> {
        drop(self.over);
        let broken = |_| Err(EngineError::Abort { source: std::io::ErrorKind::Other.into() });
        self.thread?.join().unwrap_or_else(broken)
    }
}

/// A lane that panics ends the others, as one that fails does.
struct EndsOthers<'a>(&'a Stop);

impl Drop for EndsOthers<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            give_up(self.0);
        }
    }
}

/// A part of the script would be missing: the other lanes end at once.
fn give_up(stop: &Stop) {
    stop.request();
    stop.request();
}
