//! One absolute high-resolution timer on a `timerfd`, and how to be awake when it counts.
//!
//! Owns the descriptor, what has been learnt of the kernel's lateness, and the count of what was spent awake on purpose. Refuses to
//! know what is due.
//!
//! A core that sleeps takes tens to hundreds of microseconds to wake (a virtual one must be scheduled by its host first). So
//! [`Timer::precisely`] has itself woken by about as much too early as wakes were late until now, and stays awake for the rest.

use std::io;
use std::os::fd::OwnedFd;

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
use sluicegate_policy::time::{Instant, Span};
use tokio::io::unix::AsyncFd;

use crate::clock::Clock;

/// Wakes one waiter at an absolute instant of its clock, to within the kernel's high-resolution timers (tens of microseconds).
#[derive(Debug)]
pub struct Timer {
    fd: AsyncFd<OwnedFd>,
    clock: Clock,
    lead: Lead,
    spent: Span,
}

/// How much too early to be woken, so that all wakes but one of a hundred are in time: a late one spoils two gaps between arrivals.
#[derive(Clone, Copy, Debug)]
struct Lead(Span);

/// A round of the runtime in which nobody had anything to do is shorter than this; a longer one was work, not waiting.
const EMPTY_ROUND_MAX: Span = Span::from_us(3);

impl Timer {
    /// A timer of `clock`. Needs a tokio runtime with IO; fails when the process has no descriptor left.
    pub fn new(clock: Clock) -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: the descriptor is owned, and stays inside this `AsyncFd`, unchanged, until both are dropped together.
        #[allow(unsafe_code, reason = "tokio's safe constructor is deprecated in favour of this promise about the descriptor")]
        let fd = unsafe { AsyncFd::register(fd) }.map_err(io::Error::from)?;
        Ok(Self { fd, clock, lead: Lead::FIRST, spent: Span::ZERO })
    }

    /// Waits until `due`; returns at once if it has passed. Cancel-safe: the next call sets the timer anew.
    pub async fn until(&mut self, due: Instant) -> io::Result<()> {
        if self.clock.now() >= due {
            return Ok(());
        }
        self.set(due)?;
        loop {
            // Nobody reads how often it expired: setting it anew takes that back, and each time that it fires is told by itself.
            self.fd.readable().await?.clear_ready();
            // Before that instant it is a stale readiness of an earlier setting: wait on.
            if self.clock.now() >= due {
                return Ok(());
            }
        }
    }

    /// Waits until `due`, to within a few microseconds on a core that is not shared: the last moments are spent awake, in rounds in
    /// which everybody else on this runtime has a turn. At most 300 us of CPU for each wait. Cancel-safe.
    pub async fn precisely(&mut self, due: Instant) -> io::Result<()> {
        let early = due - self.lead.0;
        if self.clock.now() < early {
            self.until(early).await?;
            self.lead.on_woken(self.clock.now().since(early));
        }
        self.awake(due).await;
        Ok(())
    }

    /// Waits until `due` without ever sleeping, in rounds in which everybody else on this runtime has a turn. Cancel-safe.
    pub async fn awake(&mut self, due: Instant) {
        let mut now = self.clock.now();
        while now < due {
            tokio::task::yield_now().await;
            let after = self.clock.now();
            let round = after.since(now);
            if round < EMPTY_ROUND_MAX {
                self.spent += round;
            }
            now = after;
        }
    }

    /// CPU time that was spent waiting awake.
    pub const fn spent(&self) -> Span {
        self.spent
    }

    /// The clock whose instants this timer takes.
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    fn set(&self, due: Instant) -> io::Result<()> {
        let ns = self.clock.origin_ns().saturating_add(due.as_ns()).min(i64::MAX as u64);
        // Zero would disarm the timer instead of firing at once.
        let at = Timespec { tv_sec: (ns / 1_000_000_000).cast_signed(), tv_nsec: (ns % 1_000_000_000).max(1).cast_signed() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }
}

impl Lead {
    const FIRST: Self = Self(Span::from_us(50));
    const MAX: Span = Span::from_us(300);
    /// Steps in proportion 1 to 128 come to rest where one wake of 129 is later than the lead.
    const DOWN: Span = Span::from_ns(250);
    const UP: Span = Span::from_us(32);
    /// Later than this is no core that woke slowly but one that had other work, for which no lead would help.
    const BUSY: Span = Span::from_ms(1);

    fn on_woken(&mut self, late: Span) {
        if late > Self::BUSY {
            return;
        }
        self.0 = if late > self.0 { (self.0 + Self::UP).min(Self::MAX) } else { self.0.saturating_sub(Self::DOWN) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::time::Span;

    #[tokio::test(flavor = "current_thread")]
    async fn it_never_wakes_early() {
        let clock = Clock::starting_now();
        let mut timer = Timer::new(clock).unwrap();
        for _ in 0..50 {
            let due = clock.now() + Span::from_us(200);
            timer.until(due).await.unwrap();
            assert!(clock.now() >= due);
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn it_is_never_early_when_it_is_precise_and_counts_what_it_spends() {
        let clock = Clock::starting_now();
        let mut timer = Timer::new(clock).unwrap();
        for _ in 0..50 {
            let due = clock.now() + Span::from_us(300);
            timer.precisely(due).await.unwrap();
            assert!(clock.now() >= due);
        }
        assert!(timer.spent() <= clock.now().since(Instant::ZERO));
    }

    #[test]
    fn the_lead_comes_to_rest_where_nearly_all_wakes_are_in_time() {
        let mut lead = Lead::FIRST;
        for n in 0..10_000_u64 {
            lead.on_woken(Span::from_us(if n % 300 == 0 { 190 } else { 50 + n % 50 }));
        }
        assert!((Span::from_us(90)..=Span::from_us(140)).contains(&lead.0), "{lead:?}");
        let settled = lead.0;
        lead.on_woken(Span::from_ms(5));
        assert_eq!(lead.0, settled, "a busy core teaches nothing");
        (0..10_000).for_each(|_| lead.on_woken(Span::from_us(900)));
        assert_eq!(lead.0, Lead::MAX);
        (0..10_000).for_each(|_| lead.on_woken(Span::ZERO));
        assert!(lead.0 <= Lead::UP, "{lead:?}");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn an_abandoned_wait_does_not_end_the_next_one_early() {
        let clock = Clock::starting_now();
        let mut timer = Timer::new(clock).unwrap();
        let soon = clock.now() + Span::from_us(100);
        let later = clock.now() + Span::from_ms(5);
        // Dropped before it fires or just after: either way the next wait has its own instant.
        tokio::select! {
            biased;
            waited = timer.until(soon) => waited.unwrap(),
            () = std::future::ready(()) => {}
        }
        timer.until(later).await.unwrap();
        assert!(clock.now() >= later);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn what_has_passed_does_not_wait() {
        let mut timer = Timer::new(Clock::starting_now()).unwrap();
        timer.until(Instant::ZERO).await.unwrap();
    }
}
