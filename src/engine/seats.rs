//! The places of a lane at which one exchange at a time can be in flight, and which of them is free.
//!
//! A seat is a connection in HTTP/1, a stream's place on a connection in HTTP/2. Owns who is free, who is busy and until when.
//! Refuses sockets: a worker sits on each seat (`worker`) and has the connection.

use std::task::Waker;

use sluicegate_policy::time::{Instant, Span};

use super::job::Job;

/// Scans for expired deadlines are at least this far apart, however densely they lie.
const SCAN_GAP: Span = Span::from_ms(1);

/// Why an exchange has to end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its time-out has passed.
    TimedOut,
    /// The run is over.
    Abandoned,
}

/// Whether the worker of a seat has a connection that was alive when it last looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Up,
    Down,
}

/// All seats of a lane.
#[derive(Debug)]
pub(super) struct Seats {
    all: Vec<Seat>,
    /// Free seats, most recently used last: a few warm connections are used rather than many cold ones.
    warm: Vec<u32>,
    /// Free seats without a connection.
    cold: Vec<u32>,
    /// No deadline is earlier than this.
    next_deadline: Instant,
}

#[derive(Debug)]
struct Seat {
    given: Option<Job>,
    waker: Option<Waker>,
    /// `Instant::MAX` while nothing is in flight.
    deadline: Instant,
    fate: Option<Fate>,
    link: Link,
    /// Since when it is free, if it is.
    since: Instant,
}

impl Seats {
    pub(super) fn new(count: u32) -> Self {
        let seat =
            |_| Seat { given: None, waker: None, deadline: Instant::MAX, fate: None, link: Link::Down, since: Instant::ZERO };
        let all = (0..count).map(seat).collect();
        // None is free until its worker has come (`wait`).
        Self { all, warm: Vec::with_capacity(count as usize), cold: Vec::new(), next_deadline: Instant::MAX }
    }

    pub(super) fn count(&self) -> u32 {
        self.all.len() as u32
    }

    pub(super) fn any_free(&self) -> bool {
        !(self.warm.is_empty() && self.cold.is_empty())
    }

    pub(super) fn busy(&self) -> usize {
        self.all.len() - self.warm.len() - self.cold.len()
    }

    /// A worker has nothing to do: its seat is free.
    pub(super) fn wait(&mut self, seat: u32, link: Link, (waker, now): (&Waker, Instant)) {
        let place = &mut self.all[seat as usize];
        place.waker = Some(waker.clone());
        place.link = link;
        place.since = now;
        match link {
            Link::Up => self.warm.push(seat),
            Link::Down => self.cold.push(seat),
        }
    }

    /// The connection of a waiting worker was closed; its seat is passed over while there are others.
    pub(super) fn lost(&mut self, seat: u32) {
        self.all[seat as usize].link = Link::Down;
    }

    /// Wakes the workers whose connections have been idle for so long, to close them.
    pub(super) fn wake_idle(&self, idle: Span, now: Instant) {
        for seat in &self.warm {
            let seat = &self.all[*seat as usize];
            match (seat.link, &seat.waker) {
                // The least recently used come first.
                (Link::Up, _) if now.since(seat.since) < idle => return,
                (Link::Up, Some(waker)) => waker.wake_by_ref(),
                (Link::Up | Link::Down, _) => {}
            }
        }
    }

    /// Gives a job to a free seat; hands it back if there is none.
    pub(super) fn give(&mut self, job: Job) -> Result<(), Job> {
        let Some(seat) = self.pick() else { return Err(job) };
        let seat = &mut self.all[seat as usize];
        seat.given = Some(job);
        seat.waker.as_ref().expect("a free seat has a waiting worker").wake_by_ref();
        Ok(())
    }

    /// The job that was given to a seat.
    pub(super) fn take(&mut self, seat: u32) -> Option<Job> {
        self.all[seat as usize].given.take()
    }

    /// An exchange begins; whether its deadline comes before all others.
    pub(super) fn begin(&mut self, seat: u32, deadline: Instant) -> Urgent {
        let place = &mut self.all[seat as usize];
        place.deadline = deadline;
        let urgent = if deadline < self.next_deadline { Urgent::Yes } else { Urgent::No };
        self.next_deadline = self.next_deadline.min(deadline);
        urgent
    }

    /// The exchange of a seat is over.
    pub(super) fn end(&mut self, seat: u32) {
        let place = &mut self.all[seat as usize];
        place.deadline = Instant::MAX;
        place.fate = None;
    }

    /// Whether the exchange of a seat has to end now; told once.
    pub(super) fn fate(&mut self, seat: u32) -> Option<Fate> {
        self.all[seat as usize].fate.take()
    }

    pub(super) const fn next_deadline(&self) -> Instant {
        self.next_deadline
    }

    /// Seals the fate of every exchange whose deadline has passed.
    pub(super) fn expire(&mut self, now: Instant) {
        if now < self.next_deadline {
            return;
        }
        let mut next = Instant::MAX;
        for seat in &mut self.all {
            if seat.deadline <= now {
                seat.seal(Fate::TimedOut);
            } else {
                next = next.min(seat.deadline);
            }
        }
        self.next_deadline = next.max(now + SCAN_GAP);
    }

    /// The run is over: whoever is busy abandons, whoever waits wakes up to leave.
    pub(super) fn dismiss(&mut self) {
        for seat in &mut self.all {
            seat.seal(Fate::Abandoned);
        }
    }

    fn pick(&mut self) -> Option<u32> {
        while let Some(seat) = self.warm.pop() {
            match self.all[seat as usize].link {
                Link::Up => return Some(seat),
                Link::Down => self.cold.push(seat),
            }
        }
        self.cold.pop()
    }
}

/// Whether a new deadline comes before all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgent {
    Yes,
    No,
}

impl Seat {
    fn seal(&mut self, fate: Fate) {
        self.deadline = Instant::MAX;
        self.fate = Some(fate);
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }
}
