//! A lane: one thread with its own runtime, connections, queue and recorder. Nothing is shared with other lanes on the hot path.
//!
//! Owns the runtime and the conductor, which turns [`Dispatch`] whenever something is due. Refuses decisions (`dispatch`) and
//! sockets (`transport`). Called by `drive`, once on each thread.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, clock};
use tokio::task::{JoinError, JoinSet};

use super::abort::Abort;
use super::cores::Portion;
use super::credentials::Signed;
use super::dispatch::{Dispatch, Rules, Waiting};
use super::drive::{Counts, Drive, LaneReport, Played};
use super::job::{Ending, Job, Stamps};
use super::pacer::{Nudge, Pacer};
use super::prepare::{Engine, Speaks};
use super::progress::{Progress, Tally};
use super::seats::{Seats, Urgent};
use super::transport::Channel;
use super::transport::connect::Connector;
use super::transport::http1::Scratch;
use super::transport::http2::Shared;
use super::transport::request::Encoder;
use super::transport::stamp::Meter;
use super::transport::tracing::Tracer;
use super::watch::counters::run_queue_wait;
use super::worker;
use crate::load::Share;
use crate::measure::Record;

/// The conductor looks up at least so often: for a stop, and to bring the progress up to date.
pub(super) const TICK: Span = Span::from_ms(20);

/// So long after its time it still looks up, if something is due by then: one wake does for both.
const LATER: Span = Span::from_ms(10);

/// Tasks that are polled before the sockets and the timer are looked at again. tokio's 61 would let a due instant wait for as
/// many exchanges.
const EVENT_INTERVAL: u32 = 16;

/// Threads for name resolution.
const RESOLVERS_MAX: usize = 2;

/// What the tasks of a lane share, on its one thread.
pub(super) struct Lane<R> {
    pub(super) dispatch: RefCell<Dispatch<R>>,
    pub(super) encoder: RefCell<Encoder>,
    clock: Clock,
    timeout: Span,
    nudge: Nudge,
}

/// Plays a share of the script on the calling thread.
pub(super) fn play<R: Record + 'static>(
    engine: &Engine,
    drive: &Drive<'_, R>,
    portion: Portion,
    share: Share,
) -> io::Result<Played<(R, ())>> {
    on_this_thread(portion, async |meter| run(engine, drive, portion, share, meter).await)
}

/// Runs a lane on the calling thread: what it gives, what it counted, and what it used.
pub(super) fn on_this_thread<T>(
    portion: Portion,
    run: impl AsyncFnOnce(&Rc<Meter>) -> io::Result<(T, Counts, Used, Signed)>,
) -> io::Result<Played<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .event_interval(EVENT_INTERVAL)
        .max_blocking_threads(RESOLVERS_MAX)
        .build_local(tokio::runtime::LocalOptions::default())?;
    let meter = Rc::new(Meter::default());
    let ended = runtime.block_on(run(&meter));
    // A name server that is silent may hold a thread for long; nobody waits for it.
    runtime.shutdown_background();
    let (given, mut counts, used, signed) = ended?;
    counts.read(&meter);
    Ok((given, counts, used.report(portion, signed)))
}

async fn run<R: Record + 'static>(
    engine: &Engine,
    drive: &Drive<'_, R>,
    portion: Portion,
    share: Share,
    meter: &Rc<Meter>,
) -> io::Result<((R, ()), Counts, Used, Signed)> {
    let settings = &engine.settings;
    let mut pacer = Pacer::new(drive.clock, settings.pacing)?;
    let seats = engine.speaks.seats(portion.connections, settings.streams);
    let rules = Rules {
        overload: settings.overload,
        shaper: drive.shaper.clone(),
        horizon: drive.horizon,
        grace: settings.grace,
        watch: drive.abort.watch(),
    };
    let dispatch = Dispatch::new(rules, (drive.source)(share), Seats::new(seats), (drive.recorder)());
    let base_path = settings.endpoint.base_path.clone();
    let encoder = Encoder::new(Arc::clone(&drive.catalog), engine.form.clone(), base_path, engine.held.bearing());
    let encoder = encoder.traced(drive.tracing.map(Tracer::new));
    let lane = Rc::new(Lane {
        dispatch: RefCell::new(dispatch),
        encoder: RefCell::new(encoder),
        clock: drive.clock,
        timeout: settings.timeout,
        nudge: Nudge::default(),
    });
    let connector = Connector::new(engine.route.clone(), drive.clock, Rc::clone(meter), share);
    let mut workers = hire(&lane, engine.speaks, portion.connections, seats, &Rc::new(connector));
    let mut board = Board { progress: &drive.progress, abort: drive.abort, shown: Tally::default() };
    let conducted = conduct(&lane, (drive, settings.keeping.idle), &mut pacer, &mut board).await;
    if conducted.is_err() {
        workers.abort_all();
    }
    while let Some(joined) = workers.join_next().await {
        resume(joined);
    }
    let used = conducted?;
    board.show(&mut lane.dispatch.borrow_mut());
    let lane = Rc::into_inner(lane).expect("the workers, who shared it, have left");
    let signed = lane.encoder.into_inner().signed();
    let (recorder, counts) = lane.dispatch.into_inner().into_results();
    Ok(((recorder, ()), counts, used, signed))
}

/// A task that panics has found a defect, and its lane ends by it.
pub(super) fn resume(joined: Result<(), JoinError>) {
    if let Err(error) = joined
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

fn hire<R: Record + 'static>(
    lane: &Rc<Lane<R>>,
    speaks: Speaks,
    connections: u32,
    seats: u32,
    connector: &Rc<Connector>,
) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    let shared: Vec<Rc<Shared>> = match speaks {
        Speaks::Http1 => Vec::new(),
        Speaks::Http2 => (0..connections).map(|_| Rc::new(Shared::new(Rc::clone(connector)))).collect(),
    };
    let scratch = Rc::new(Scratch::new());
    for seat in 0..seats {
        let connector = Rc::clone(connector);
        let channel = match speaks {
            Speaks::Http1 => Channel::http1(connector, Rc::clone(&scratch)),
            Speaks::Http2 => Channel::http2(connector, Rc::clone(&shared[(seat % connections) as usize])),
        };
        workers.spawn_local(worker::work(Rc::clone(lane), seat, channel));
    }
    workers
}

/// Turns the dispatch whenever something is due, until the run is over; gives what the lane used while the plan lasted.
/// Connections that are idle for `idle` are closed.
async fn conduct<R: Record>(
    lane: &Lane<R>,
    (drive, idle): (&Drive<'_, R>, Span),
    pacer: &mut Pacer,
    board: &mut Board<'_>,
) -> io::Result<Used> {
    while lane.dispatch.borrow().seats.busy() > 0 {
        tokio::task::yield_now().await;
    }
    // The clock reads zero until its origin has come.
    pacer.until(Instant::from_ns(1), Waiting::ForTimeout, &lane.nudge).await?;
    let (mut show, zero) = (Instant::ZERO, Used::so_far(drive.clock, pacer));
    let mut used = None;
    loop {
        let now = drive.clock.now();
        if used.is_none() && now >= Instant::ZERO + drive.horizon {
            used = Some(Used::so_far(drive.clock, pacer).since(zero));
        }
        let (due, waiting) = {
            let mut dispatch = lane.dispatch.borrow_mut();
            dispatch.turn(now, drive.stop.urgency());
            if dispatch.is_over() {
                return Ok(used.unwrap_or_else(|| Used::so_far(drive.clock, pacer).since(zero)));
            }
            if now >= show {
                board.show(&mut dispatch);
                dispatch.on_time(now);
                dispatch.seats.wake_idle(idle, now);
                show = now + TICK;
            }
            dispatch.next_turn()
        };
        pacer.until(wake_at(due, show), waiting, &lane.nudge).await?;
    }
}

/// When the conductor wakes that has something to do at `due`, and is to look up at `show`. For both it wakes precisely: the script's next
/// instant may follow at once.
pub(super) fn wake_at(due: Instant, show: Instant) -> Instant {
    if due < show + LATER { due } else { show }
}

/// What a lane's thread has used. It is judged while the plan lasts: the wait for the last answers would dilute it.
#[derive(Clone, Copy)]
pub(super) struct Used {
    cpu: Span,
    spin: Span,
    /// Waiting for a core that others had.
    run_queue: Option<Span>,
    wall: Span,
}

impl Used {
    pub(super) fn so_far(clock: Clock, pacer: &Pacer) -> Self {
        let wall = clock.now().since(Instant::ZERO);
        Self { cpu: clock::thread_cpu(), spin: pacer.spent(), run_queue: run_queue_wait(), wall }
    }

    /// What the lane of this portion reports.
    pub(super) const fn report(self, portion: Portion, signed: Signed) -> LaneReport {
        let Self { cpu, spin, run_queue, wall } = self;
        LaneReport { core: portion.core, connections: portion.connections, cpu, spin, run_queue, wall, signed }
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            spin: self.spin.saturating_sub(before.spin),
            run_queue: self.run_queue.zip(before.run_queue).map(|(now, before)| now.saturating_sub(before)),
            wall: self.wall.saturating_sub(before.wall),
        }
    }
}

/// What of a lane's numbers stands in the progress already.
struct Board<'a> {
    progress: &'a Progress,
    abort: &'a Abort,
    shown: Tally,
}

impl Board<'_> {
    fn show<R: Record>(&mut self, dispatch: &mut Dispatch<R>) {
        let now = dispatch.show();
        dispatch.watch.show(self.abort);
        self.progress.add(self.shown, now);
        self.shown = now;
    }
}

impl<R: Record> Lane<R> {
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// An exchange begins now.
    pub(super) fn begin(&self, seat: u32) -> Instant {
        let now = self.clock.now();
        let deadline = now + self.timeout;
        if self.dispatch.borrow_mut().seats.begin(seat, deadline) == Urgent::Yes {
            self.nudge.due(deadline);
        }
        now
    }

    /// An exchange has ended, of a request that the gateway calls `id`; gives what its worker does next.
    pub(super) fn end(&self, seat: u32, job: &Job, (ending, stamps): (Ending, Stamps), id: Option<Box<str>>) -> Option<Job> {
        let sample = job.ended(ending, stamps, self.clock.now());
        let mut dispatch = self.dispatch.borrow_mut();
        dispatch.seats.end(seat);
        if let Some(id) = id {
            dispatch.name(id);
        }
        let next = dispatch.on_ended(job, &sample);
        self.nudge.due(dispatch.next_turn().0);
        next
    }

    /// Tells the conductor what is due next, or that nothing ever will be.
    pub(super) fn look_ahead(&self) {
        let dispatch = self.dispatch.borrow();
        self.nudge.due(if dispatch.is_idle() { Instant::ZERO } else { dispatch.next_turn().0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wake_does_for_what_is_due_and_for_looking_up() {
        let show = Instant::ZERO + TICK;
        let soon = show + Span::from_ms(9);
        assert_eq!([soon, show, Instant::ZERO].map(|due| wake_at(due, show)), [soon, show, Instant::ZERO]);
        assert_eq!([show + LATER, Instant::MAX].map(|due| wake_at(due, show)), [show; 2], "nobody waits long for a stop");
    }
}
