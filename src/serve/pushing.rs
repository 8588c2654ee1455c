//! What is pushed to one collector while a run lasts: a queue, and a thread that empties it.
//!
//! Owns the bound of the queue, when a collector is asked again, and the count of what it never got: whoever offers is never kept waiting, and of a
//! collector that is down the oldest batches are given up, for counters tell later what they told before. Refuses formats, and to know what a batch
//! holds.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use super::exchange::{Collector, PushError};

/// Batches that wait; at one in five seconds a collector may be down for more than a minute before one is lost.
const WAITING_MAX: usize = 16;
/// How long a collector that did not take a batch is left alone, at first and at most.
const REST_FIRST: Duration = Duration::from_secs(1);
const REST_MAX: Duration = Duration::from_secs(30);
/// How long the last batches may take when nothing more comes; a collector that does not take one then is asked once more.
const LAST: Duration = Duration::from_secs(6);

/// What is pushed in one request.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its body.
    pub body: Bytes,
    /// How many samples it holds.
    pub samples: u64,
}

/// What became of what was offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Samples that the collector has taken.
    pub taken: u64,
    /// Samples that it will not get.
    pub lost: u64,
    /// Batches that were offered, the first included.
    pub batches: u64,
    /// Of those, the ones that it will not get.
    pub batches_lost: u64,
    /// The last failure, in words.
    pub last_failure: Option<String>,
}

/// A collector that takes what is offered, until this is finished.
#[derive(Debug)]
pub struct Pushing {
    queue: Arc<Queue>,
    end: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    /// The one that is being sent: whoever stops waiting for the answer has lost it.
    under_way: Option<Batch>,
    tally: Tally,
}

impl Pushing {
    /// Begins with a collector that takes this batch; one that does not is refused, with its reason. Blocks until it has answered.
    pub fn begin(collector: Collector, first: Batch) -> Result<Self, PushError> {
        let queue = Arc::new(Queue::default());
        let (end, ended) = watch::channel(());
        let (tell, told) = sync_channel(1);
        let theirs = Arc::clone(&queue);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PushError::NoThread)?;
        let thread = thread::Builder::new().name("pushing".to_owned()).spawn(move || {
            runtime.block_on(push(&collector, &theirs, (first, tell), ended));
            // A name that is still looked up is not waited for.
            runtime.shutdown_background();
        });
        let thread = thread.map_err(PushError::NoThread)?;
        match told.recv() {
            Ok(Ok(())) => Ok(Self { queue, end: Some(end), thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(PushError::NoThread(io::Error::other("it ended before it began"))),
        }
    }

    /// One more batch; where there is no room the oldest goes.
    pub fn offer(&self, batch: Batch) {
        let mut waiting = self.queue.lock();
        waiting.tally.batches += 1;
        waiting.batches.push_back(batch);
        waiting.bound();
        drop(waiting);
        self.queue.more.notify_one();
    }

    /// What became of what was offered so far.
    pub fn tally(&self) -> Tally {
        self.queue.lock().tally.clone()
    }

    /// No more comes: what waits is sent, if that can be done soon; what became of all.
    pub fn finish(mut self) -> Tally {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let mut waiting = self.queue.lock();
        if let Some(unanswered) = waiting.under_way.take() {
            waiting.batches.push_front(unanswered);
        }
        while waiting.lose_oldest() {}
        waiting.tally.clone()
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Whatever panicked has left a queue.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch; `None` if there is none, and will be none.
    async fn next(&self, ended: &mut watch::Receiver<()>) -> Option<Batch> {
        loop {
            let over = ended.has_changed().is_err();
            if let Some(batch) = self.lock().begin_next() {
                return Some(batch);
            }
            if over {
                return None;
            }
            tokio::select! {
                () = self.more.notified() => {}
                _ = ended.changed() => {}
            }
        }
    }

    fn on_taken(&self, batch: &Batch, rejected: u64) {
        let mut waiting = self.lock();
        waiting.under_way = None;
        let tally = &mut waiting.tally;
        let rejected = rejected.min(batch.samples);
        tally.taken += batch.samples - rejected;
        tally.lost += rejected;
        if rejected > 0 {
            tally.last_failure = Some(format!("it took a batch without {rejected} of its samples"));
        }
    }

    /// Puts a batch back that may be taken later.
    fn on_put_off(&self, batch: Batch, error: &PushError) {
        let mut waiting = self.lock();
        waiting.under_way = None;
        waiting.tally.last_failure = Some(error.to_string());
        waiting.batches.push_front(batch);
        waiting.bound();
    }

    fn on_refused(&self, batch: Batch, error: &PushError) {
        let mut waiting = self.lock();
        waiting.under_way = None;
        waiting.tally.last_failure = Some(error.to_string());
        waiting.batches.push_front(batch);
        waiting.lose_oldest();
    }
}

impl Waiting {
    fn begin_next(&mut self) -> Option<Batch> {
        self.under_way = self.batches.pop_front();
        self.under_way.clone()
    }

    fn bound(&mut self) {
        while self.batches.len() > WAITING_MAX {
            self.lose_oldest();
        }
    }

    fn lose_oldest(&mut self) -> bool {
        let Some(batch) = self.batches.pop_front() else { return false };
        self.tally.lost += batch.samples;
        self.tally.batches_lost += 1;
        true
    }
}

/// Sends the first batch and tells what became of it; then whatever is offered, until no more comes.
async fn push(
    collector: &Collector,
    queue: &Queue,
    (first, tell): (Batch, SyncSender<Result<(), PushError>>),
    mut ended: watch::Receiver<()>,
) {
    let answered = collector.send(first.body.clone()).await;
    let taken = answered.is_ok();
    if let Ok(answer) = &answered {
        queue.lock().tally.batches += 1;
        queue.on_taken(&first, (collector.rejected)(answer));
    }
    // Nobody else has an end of this channel, which has room for one.
    let _ = tell.send(answered.map(drop));
    if !taken {
        return;
    }
    let mut over = ended.clone();
    let last = async move {
        while over.changed().await.is_ok() {}
        let _ = tokio::time::timeout(LAST, std::future::pending::<()>()).await;
    };
    tokio::select! {
        () = empty(collector, queue, &mut ended) => {}
        () = last => {
            let words = || format!("it had not taken all within {} s after the end", LAST.as_secs());
            queue.lock().tally.last_failure.get_or_insert_with(words);
        }
    }
}

/// Sends what waits and what comes, and rests where a collector is down.
async fn empty(collector: &Collector, queue: &Queue, ended: &mut watch::Receiver<()>) {
    let (mut rest, mut asked_again) = (REST_FIRST, false);
    while let Some(batch) = queue.next(ended).await {
        let error = match collector.send(batch.body.clone()).await {
            Ok(answer) => {
                queue.on_taken(&batch, (collector.rejected)(&answer));
                rest = REST_FIRST;
                continue;
            }
            Err(error) => error,
        };
        if !error.is_passing() {
            queue.on_refused(batch, &error);
            continue;
        }
        queue.on_put_off(batch, &error);
        if ended.has_changed().is_err() {
            if asked_again {
                return;
            }
            asked_again = true;
            let _ = tokio::time::timeout(REST_FIRST, std::future::pending::<()>()).await;
            continue;
        }
        let asked = if let PushError::Refused { after, .. } = error { after } else { None };
        let pause = asked.unwrap_or(rest).clamp(rest, REST_MAX.max(rest));
        rest = (rest * 2).min(REST_MAX);
        // The end of the run ends the rest.
        let over = async { while ended.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(pause, over).await;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use http::HeaderMap;

    use super::*;

    fn batch() -> Batch {
        Batch { body: Bytes::from_static(b"body"), samples: 3 }
    }

    /// A collector that answers once, and is gone.
    fn once(answer: &'static str) -> Collector {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            drop(listener);
            let mut asked = Vec::new();
            while !asked.ends_with(b"body") {
                let mut more = [0; 1024];
                let read = stream.read(&mut more).unwrap();
                asked.extend(&more[..read]);
            }
            write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 1\r\n\r\n2").unwrap();
        });
        Collector {
            host: address.ip().to_string(),
            port: address.port(),
            authority: address.to_string(),
            path: "/".to_owned(),
            secured: None,
            headers: HeaderMap::new(),
            rejected: |answer| std::str::from_utf8(answer).unwrap().parse().unwrap(),
        }
    }

    #[test]
    fn whoever_offers_is_not_kept_waiting_and_what_there_is_no_room_for_is_counted() {
        let pushing = Pushing::begin(once("200 OK"), batch()).unwrap();
        assert_eq!((pushing.tally().taken, pushing.tally().lost), (1, 2), "it took the first without two of its three samples");
        for _ in 0..500 {
            pushing.offer(batch());
        }
        let waiting = pushing.queue.lock().batches.len();
        let tally = pushing.tally();
        assert!(waiting <= WAITING_MAX, "{waiting}");
        // One more may be on its way.
        assert!(tally.batches_lost >= 500 - WAITING_MAX as u64 - 1, "{tally:?}");
        let tally = pushing.finish();
        assert_eq!((tally.batches, tally.batches_lost, tally.taken, tally.lost), (501, 500, 1, 1_502));
        assert!(tally.last_failure.is_some_and(|why| why.starts_with("it cannot be reached (")));
    }

    #[test]
    fn what_is_under_way_when_nobody_waits_any_more_is_lost_and_counted_once() {
        let queue = Arc::new(Queue::default());
        let pushing = Pushing { queue: Arc::clone(&queue), end: None, thread: None };
        for _ in 0..4 {
            pushing.offer(batch());
        }
        let next = || queue.lock().begin_next().expect("one waits");
        queue.on_taken(&next(), 0);
        queue.on_put_off(next(), &PushError::Silent);
        queue.on_refused(next(), &PushError::Silent);
        let _unanswered = next();
        let tally = pushing.finish();
        assert_eq!((tally.batches, tally.batches_lost, tally.taken, tally.lost), (4, 3, 3, 9));
    }

    #[test]
    fn a_collector_that_does_not_take_the_first_is_refused_with_its_answer() {
        let error = Pushing::begin(once("401 Unauthorized"), batch()).unwrap_err();
        assert_eq!(error.to_string(), "it answered 401 Unauthorized");
    }
}
