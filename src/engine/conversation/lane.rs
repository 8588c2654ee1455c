//! A lane of sessions: one thread with its own runtime, connections and recorders.
//!
//! Owns the conductor, which turns the [`Stage`] whenever something is due, and begins a task for each connection and for posts. Refuses
//! decisions (`stage`) and sockets (`player`, `courier`). Called by `drive`, once on each thread. The pace, the ticks and the stop are those of lanes of
//! requests.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;
use tokio::task::JoinSet;

use super::audience::Audience;
use super::content::Content;
use super::courier;
use super::drive::Converse;
use super::memory::Gauge;
use super::player;
use super::published::Published;
use super::stage::{Rules, Stage};
use crate::engine::abort::Abort;
use crate::engine::cores::Portion;
use crate::engine::credentials::Signed;
use crate::engine::drive::{Counts, Played};
use crate::engine::lane::{TICK, Used, on_this_thread, resume, wake_at};
use crate::engine::pacer::{Nudge, Pacer};
use crate::engine::prepare::Engine;
use crate::engine::progress::{Progress, Tally};
use crate::engine::transport::Channel;
use crate::engine::transport::connect::Connector;
use crate::engine::transport::http1::Scratch;
use crate::engine::transport::request::Encoder;
use crate::engine::transport::stamp::Meter;
use crate::load::Share;
use crate::measure::connections::Connections;
use crate::measure::tracing::Tracing;
use crate::measure::{Outcome, Record};
use crate::traffic::{Catalog, Outgoing};

/// What the tasks of a lane share, on its one thread.
pub(super) struct Lane<R> {
    pub(super) stage: RefCell<Stage<R>>,
    pub(super) encoder: RefCell<Encoder>,
    /// What is said, one message after the other.
    pub(super) outgoing: RefCell<Outgoing>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) content: Content,
    pub(super) published: Arc<Published>,
    pub(super) connector: Rc<Connector>,
    /// To answer a post.
    pub(super) timeout: Span,
    /// HTTP connections for posts that are not in use.
    channels: RefCell<Vec<Channel>>,
    scratch: Rc<Scratch>,
    /// Messages are not larger.
    pub(super) bytes_max: usize,
    /// Makes the keys of this run others than those of the last.
    pub(super) salt: u64,
    /// How handshakes are traced.
    pub(super) tracing: Option<Tracing>,
    clock: Clock,
    nudge: Nudge,
}

/// What all lanes of a drive share.
pub(super) struct Common {
    pub(super) published: Arc<Published>,
    pub(super) audience: Arc<Audience>,
    pub(super) gauge: Gauge,
}

/// Plays a share of the script of sessions on the calling thread.
pub(super) fn play<R: Record + 'static>(
    engine: &Engine,
    drive: &Converse<'_, R>,
    (portion, share): (Portion, Share),
    common: &Common,
) -> io::Result<Played<(R, Connections)>> {
    on_this_thread(portion, async |meter| run(engine, drive, share, (common, meter)).await)
}

type Ran<R> = ((R, Connections), Counts, Used, Signed);

async fn run<R: Record + 'static>(
    engine: &Engine,
    drive: &Converse<'_, R>,
    share: Share,
    (common, meter): (&Common, &Rc<Meter>),
) -> io::Result<Ran<R>> {
    let mut pacer = Pacer::new(drive.clock, engine.settings.pacing)?;
    let lane = Rc::new(Lane::new(engine, drive, share, (common, meter)));
    let mut tasks = JoinSet::new();
    let board = Board { progress: &drive.progress, abort: drive.abort, gauge: &common.gauge, share };
    let conducted = conduct(&lane, drive, &mut pacer, (&mut tasks, board)).await;
    if conducted.is_err() {
        tasks.abort_all();
    }
    while let Some(joined) = tasks.join_next().await {
        resume(joined);
    }
    let (used, mut shown) = conducted?;
    shown.show(&mut lane.stage.borrow_mut(), drive.abort, &drive.progress);
    let lane = Rc::into_inner(lane).expect("the tasks, who shared it, have ended");
    let signed = lane.encoder.into_inner().signed();
    let (recorder, connections, counts) = lane.stage.into_inner().into_results();
    Ok(((recorder, connections), counts, used, signed))
}

/// Turns the stage whenever something is due, until the run is over; gives what the lane used while the plan lasted.
async fn conduct<R: Record + 'static>(
    lane: &Rc<Lane<R>>,
    drive: &Converse<'_, R>,
    pacer: &mut Pacer,
    (tasks, board): (&mut JoinSet<()>, Board<'_>),
) -> io::Result<(Used, Shown)> {
    // The clock reads zero until its origin has come.
    pacer.until(Instant::from_ns(1), crate::engine::dispatch::Waiting::ForTimeout, &lane.nudge).await?;
    let (mut show, zero) = (Instant::ZERO, Used::so_far(drive.clock, pacer));
    let (mut used, mut shown) = (None, Shown::default());
    loop {
        let now = drive.clock.now();
        if used.is_none() && now >= Instant::ZERO + drive.horizon {
            used = Some(Used::so_far(drive.clock, pacer).since(zero));
        }
        let (due, waiting) = {
            let mut stage = lane.stage.borrow_mut();
            stage.turn(now, drive.stop.urgency());
            for job in stage.take_openings() {
                tasks.spawn_local(player::play(Rc::clone(lane), Box::new(job)));
            }
            for errand in stage.take_errands() {
                tasks.spawn_local(courier::work(Rc::clone(lane), errand));
            }
            if stage.is_over() {
                return Ok((used.unwrap_or_else(|| Used::so_far(drive.clock, pacer).since(zero)), shown));
            }
            if now >= show {
                shown.show(&mut stage, board.abort, board.progress);
                shown.weigh(&stage, &board);
                stage.on_time(now);
                show = now + TICK;
            }
            stage.next_turn()
        };
        while let Some(joined) = tasks.try_join_next() {
            resume(joined);
        }
        pacer.until(wake_at(due, show), waiting, &lane.nudge).await?;
    }
}

/// Where a lane shows how far it is.
struct Board<'a> {
    progress: &'a Progress,
    abort: &'a Abort,
    gauge: &'a Gauge,
    share: Share,
}

/// What of a lane's numbers is shown already.
#[derive(Default)]
struct Shown {
    tally: Tally,
    open: u64,
}

impl Shown {
    fn show<R: Record>(&mut self, stage: &mut Stage<R>, abort: &Abort, progress: &Progress) {
        let now = stage.show();
        stage.watch.show(abort);
        progress.add(self.tally, now);
        self.tally = now;
    }

    fn weigh<R: Record>(&mut self, stage: &Stage<R>, board: &Board<'_>) {
        let open = stage.open();
        board.gauge.add(self.open, open);
        self.open = open;
        if board.share.index == 0 {
            board.gauge.weigh();
        }
    }
}

impl<R: Record> Lane<R> {
    fn new(engine: &Engine, drive: &Converse<'_, R>, share: Share, (common, meter): (&Common, &Rc<Meter>)) -> Self {
        let settings = &engine.settings;
        let rules = Rules {
            overload: settings.overload,
            shaper: drive.shaper.clone(),
            horizon: drive.horizon,
            grace: settings.grace,
            timeout: settings.timeout,
            watch: drive.abort.watch(),
            catalog: Arc::clone(&drive.catalog),
            published: Arc::clone(&common.published),
            audience: Arc::clone(&common.audience),
            posts: settings.posts,
        };
        let base_path = settings.endpoint.base_path.clone();
        let encoder = Encoder::new(Arc::clone(&drive.catalog), engine.form.clone(), base_path, engine.held.bearing());
        Self {
            stage: RefCell::new(Stage::new(rules, (drive.source)(share), (drive.recorder)())),
            encoder: RefCell::new(encoder),
            outgoing: RefCell::new(Outgoing::default()),
            catalog: Arc::clone(&drive.catalog),
            content: Content::of(&drive.catalog),
            published: Arc::clone(&common.published),
            connector: Rc::new(Connector::new(engine.route.clone(), drive.clock, Rc::clone(meter), share)),
            timeout: settings.timeout,
            channels: RefCell::default(),
            scratch: Rc::new(Scratch::new()),
            bytes_max: settings.message_bytes_max,
            salt: drive.clock.origin_ns(),
            tracing: drive.tracing,
            clock: drive.clock,
            nudge: Nudge::default(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// An HTTP connection for posts, which may still have to be opened.
    pub(super) fn channel(&self) -> Channel {
        let idle = self.channels.borrow_mut().pop();
        idle.unwrap_or_else(|| Channel::http1(Rc::clone(&self.connector), Rc::clone(&self.scratch)))
    }

    /// It is not in use any more.
    pub(super) fn keep(&self, channel: Channel) {
        self.channels.borrow_mut().push(channel);
    }

    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    /// Tells the stage of something, and the conductor what is due next.
    pub(super) fn tell(&self, what: impl FnOnce(&mut Stage<R>)) {
        let mut stage = self.stage.borrow_mut();
        what(&mut stage);
        self.nudge.due(stage.next_turn().0);
    }

    /// How an opening ends before its time, if it does.
    pub(super) fn fate(&self, at: u32) -> Option<Outcome> {
        use super::place::Order;
        let stage = self.stage.borrow();
        match stage.order(at) {
            _ if stage.is_over() => Some(Outcome::Abandoned),
            Order::GiveUp => Some(Outcome::TimedOut),
            Order::Nothing | Order::Leave(_) => None,
        }
    }
}
