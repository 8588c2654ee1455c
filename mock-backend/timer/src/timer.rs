//! One absolute high-resolution timer on a `timerfd`.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
use sluicegate_policy::time::Instant;
use tokio::io::unix::AsyncFd;

use crate::clock::Clock;

/// Wakes one waiter at an absolute instant of its clock, to within the kernel's high-resolution timers (tens of microseconds).
#[derive(Debug)]
pub struct Timer {
    fd: AsyncFd<OwnedFd>,
    clock: Clock,
}

impl Timer {
    /// A timer of `clock`. Needs a tokio runtime with IO; fails when the process has no descriptor left.
    pub fn new(clock: Clock) -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // SAFETY: the descriptor is owned, and stays inside this `AsyncFd`, unchanged, until both are dropped together.
        #[allow(unsafe_code, reason = "tokio's safe constructor is deprecated in favour of this promise about the descriptor")]
        let fd = unsafe { AsyncFd::register(fd) }.map_err(io::Error::from)?;
        Ok(Self { fd, clock })
    }

    /// Waits until `due`; returns at once if it has passed. Cancel-safe: the next call sets the timer anew.
    pub async fn until(&mut self, due: Instant) -> io::Result<()> {
        if self.clock.now() >= due {
            return Ok(());
        }
        self.set(due)?;
        loop {
            let mut ready = self.fd.readable().await?;
            match expirations(self.fd.get_ref()) {
                // A stale readiness of an earlier setting: wait on.
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(errno) => return Err(errno.into()),
                Ok(()) => {
                    ready.clear_ready();
                    return Ok(());
                }
            }
        }
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

fn expirations(fd: &OwnedFd) -> Result<(), Errno> {
    let mut count = [0_u8; 8];
    rustix::io::read(fd, &mut count).map(|_| ())
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
