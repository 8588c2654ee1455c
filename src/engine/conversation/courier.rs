//! The task that makes posts: has one exchange after the other over an HTTP/1.1 connection, as long as there is one to be had.
//!
//! Owns the exchange, its time-out, and the connections that are open and not in use: as many as had posts under way at a time, and no
//! more than the pool has places. Refuses decisions ([`Stage`](super::stage::Stage)). An answer is what it is: 410 (gone) and 429 (throttled)
//! are counted, and not tried again. Started by the conductor.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::lane::Lane;
use super::posting::Errand;
use crate::engine::job::{Ending, Stamps};
use crate::engine::transport::Channel;
use crate::engine::transport::request::Unsendable;
use crate::measure::tracing::Occasion;
use crate::measure::{Outcome, Record};

/// Makes a post, and those that come after it.
pub(super) async fn work<R: Record>(lane: Rc<Lane<R>>, errand: Errand) {
    let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let number = lane.stage.borrow_mut().hire(task);
    let mut channel = lane.channel();
    let mut next = Some(errand);
    while let Some(errand) = next {
        next = perform(&lane, &mut channel, errand).await;
    }
    lane.stage.borrow_mut().dismiss(number);
    lane.keep(channel);
}

/// Makes a post and tells how it ended; gives the next one.
async fn perform<R: Record>(lane: &Lane<R>, channel: &mut Channel, errand: Errand) -> Option<Errand> {
    let (started, request) = (lane.now(), errand.request());
    channel.begin();
    let ended = {
        // The posts of a step are one occasion: none of them is traced.
        let occasion = Occasion { session: errand.session, seq: errand.seq, attempt: 0, intended: errand.intended };
        let exchange = channel.exchange(&request, occasion, &lane.encoder);
        let mut exchange = pin!(tokio::time::timeout(Duration::from_nanos(lane.timeout.as_ns()), exchange));
        poll_fn(|cx| {
            let over = lane.stage.borrow().is_over();
            if over { Poll::Ready(None) } else { exchange.as_mut().poll(cx).map(Some) }
        })
        .await
    };
    let ending = match ended {
        Some(Ok(Ok(ending))) => ending,
        Some(Ok(Err(Unsendable))) => {
            lane.stage.borrow_mut().counts.unsendable += 1;
            Ending::unanswered(Outcome::Dropped)
        }
        Some(Err(_)) => interrupted(channel, Outcome::TimedOut),
        None => interrupted(channel, Outcome::Abandoned),
    };
    let times = channel.times();
    let stamps = Stamps { started, sent: times.sent(), first_byte: times.first_byte() };
    let mut next = None;
    lane.tell(|stage| next = stage.posted(&errand, (ending, stamps), lane.now()));
    next
}

fn interrupted(channel: &mut Channel, outcome: Outcome) -> Ending {
    channel.interrupt();
    Ending::unanswered(outcome)
}
