//! Who sits on a seat: takes a job, has its exchange, reports its end, and takes the next.
//!
//! Owns one channel. Refuses to choose: `dispatch` gives the jobs. One task for each; all of a lane's run on its thread.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::job::{Ending, Job, Stamps};
use super::lane::Lane;
use super::seats::Fate;
use super::transport::Channel;
use super::transport::request::Unsendable;
use crate::measure::{Outcome, Record};

/// Works until the run is over.
pub(super) async fn work<R: Record>(lane: Rc<Lane<R>>, seat: u32, channel: Channel) {
    let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let mut worker = Worker { lane, seat, channel };
    while let Some(job) = worker.wait(&task).await {
        let mut next = Some(job);
        while let Some(job) = next {
            next = worker.perform(&job).await;
        }
    }
}

struct Worker<R> {
    lane: Rc<Lane<R>>,
    seat: u32,
    channel: Channel,
}

impl<R: Record> Worker<R> {
    /// Waits for a job; `None` when there will be none.
    async fn wait(&mut self, task: &std::task::Waker) -> Option<Job> {
        self.lane.dispatch.borrow_mut().seats.wait(self.seat, self.channel.link(), (task, self.lane.now()));
        self.lane.look_ahead();
        poll_fn(|cx| {
            let mut dispatch = self.lane.dispatch.borrow_mut();
            if let Some(job) = dispatch.seats.take(self.seat) {
                return Poll::Ready(Some(job));
            }
            if dispatch.is_over() {
                return Poll::Ready(None);
            }
            if self.channel.poll_idle(cx).is_ready() {
                dispatch.seats.lost(self.seat);
            }
            Poll::Pending
        })
        .await
    }

    /// Has an exchange and reports its end; gives what is to be done next, without waiting.
    async fn perform(&mut self, job: &Job) -> Option<Job> {
        let Self { lane, seat, channel } = self;
        let started = lane.begin(*seat);
        channel.begin();
        let ended = {
            let mut exchange = pin!(channel.exchange(&job.request, job.occasion(), &lane.encoder));
            poll_fn(|cx| {
                let fate = lane.dispatch.borrow_mut().seats.fate(*seat);
                fate.map_or_else(|| exchange.as_mut().poll(cx).map(Ok), |fate| Poll::Ready(Err(fate)))
            })
            .await
        };
        let ending = match ended {
            Ok(Ok(ending)) => ending,
            Ok(Err(Unsendable)) => {
                lane.dispatch.borrow_mut().counts.unsendable += 1;
                Ending::unanswered(Outcome::Dropped)
            }
            Err(fate) => {
                channel.interrupt();
                Ending::unanswered(outcome_of(fate))
            }
        };
        let times = channel.times();
        let stamps = Stamps { started, sent: times.sent(), first_byte: times.first_byte() };
        lane.end(*seat, job, (ending, stamps), times.take_id())
    }
}

const fn outcome_of(fate: Fate) -> Outcome {
    match fate {
        Fate::TimedOut => Outcome::TimedOut,
        Fate::Abandoned => Outcome::Abandoned,
    }
}
