//! What one lane can do on this machine, found out before a run: a third of a second at full speed against a bare responder.
//!
//! Owns the length and the load of a calibration: loopback only, 16 connections, at most 250 ms of requests and as many wakes as fit in
//! 50 ms. The lane is that of a run: the same dispatch, transport and recorder. Refuses to relate it to a plan (`measure`). Called by
//! `command` before the target gets its first request.
//!
//! The ceiling is what a lane comes to when it never sleeps and its target costs nothing but the loopback; on a machine of one core the
//! responder shares it. A run should stay well below: what is due while the lane works waits.

use std::sync::Arc;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, Timer};

use super::abort::Abort;
use super::drive::Drive;
use super::error::EngineError;
use super::prepare::{Engine, alone};
use super::progress::Progress;
use super::responder::Responder;
use super::settings::Settings;
use super::stop::Stop;
use crate::load::shaper::{Ceilings, Shaper};
use crate::load::{Ended, Feedback, Share, Source};
use crate::measure::record::Quantiles;
use crate::measure::recorder::{Detail, Layout};
use crate::measure::{Outcome, Recorder, summary};
use crate::traffic::catalog::Recorded;
use crate::traffic::endpoint::{Endpoint, Scheme};
use crate::traffic::{Action, Catalog, Due, Request, SeriesId, Step, What};

const CONNECTIONS: u32 = 16;
/// How long requests are sent, and what of it opens the connections and warms the caches.
const LENGTH: Span = Span::from_ms(250);
const WARMUP: Span = Span::from_ms(50);
/// One request may take so long: more than all of it, so that a slow machine is slow and not broken.
const TIMEOUT: Span = Span::from_secs(2);
/// How long wakes are watched, and how far apart they are.
const WAKING: Span = Span::from_ms(50);
const WAKE_EVERY: Span = Span::from_us(500);

/// What one lane can do.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Requests per second of one lane at full speed, HTTP/1.1 in the clear on the loopback.
    pub lane_per_s: f64,
    /// Requests that this was counted on.
    pub requests: u64,
    /// How late this machine wakes a thread that sleeps until an instant.
    pub wake_late: Option<Quantiles>,
    /// How long all of it took.
    pub took: Span,
}

/// Measures this machine for about 300 ms. Nothing but the loopback is spoken to.
///
/// Blocks; not to be called from within an async runtime. An error says what could not be set up.
pub fn calibrate() -> Result<Calibration, EngineError> {
    let clock = Clock::starting_now();
    let wake_late = wakes()?;
    let responder = Responder::start().map_err(|source| EngineError::Start { lane: 0, source })?;
    let endpoint = Endpoint {
        scheme: Scheme::Http,
        host: responder.address.ip().to_string(),
        port: responder.address.port(),
        base_path: String::new(),
    };
    let settings = Settings {
        connections: CONNECTIONS,
        lanes: Some(1),
        timeout: TIMEOUT,
        connect_timeout: TIMEOUT,
        grace: TIMEOUT,
        ..Settings::for_target(endpoint)
    };
    let recorder = full_speed(&Engine::prepare(settings)?)?;
    drop(responder);
    let requests = recorder.channel(None).map_or(0, |all| all.ended(Outcome::Answered));
    let counted = LENGTH.saturating_sub(WARMUP).as_secs_f64();
    let took = clock.now().since(Instant::ZERO);
    Ok(Calibration { lane_per_s: requests as f64 / counted, requests, wake_late, took })
}

/// One lane, as fast as it can.
fn full_speed(engine: &Engine) -> Result<Recorder, EngineError> {
    let series = vec!["calibration".to_owned()];
    let layout = Arc::new(Layout { series, warmup: WARMUP, duration: LENGTH, detail: Detail::Totals, ..Layout::default() });
    let what =
        What::Recorded(Arc::new(Recorded { method: "GET".into(), target: "/".into(), headers: Vec::new(), body: Vec::new() }));
    let driven = engine.drive(&Drive {
        catalog: Arc::new(Catalog::default()),
        source: &|_: Share| Box::new(Users { begun: 0, what: what.clone() }),
        recorder: &|| Recorder::new(Arc::clone(&layout)),
        shaper: Shaper::new(&Ceilings::default()),
        clock: Clock::starting_now(),
        horizon: LENGTH,
        stop: Stop::new(),
        abort: &Abort::default(),
        on_abort: &|_| {},
        progress: Arc::new(Progress::default()),
        tracing: None,
    })?;
    Ok(driven.recorders.into_iter().next().unwrap_or_else(|| Recorder::new(layout)))
}

/// One user a connection, who asks again at once.
struct Users {
    begun: u32,
    what: What,
}

impl Users {
    fn step(&self, session: u32, seq: u32, due: Due) -> Step {
        let request = Request { series: SeriesId(0), identity: session, what: self.what.clone() };
        Step { session, seq, attempt: 0, due, action: Action::Request(request) }
    }
}

impl Source for Users {
    fn next(&mut self, feedback: Feedback) -> Option<Step> {
        match feedback {
            Feedback::Idle => {
                let session = self.begun;
                self.begun += 1;
                (session < CONNECTIONS).then(|| self.step(session, 0, Due::At(Instant::ZERO)))
            }
            Feedback::Ended(Ended { session, seq, at, .. }) => {
                (at < Instant::ZERO + LENGTH).then(|| self.step(session, seq + 1, Due::After(Span::ZERO)))
            }
        }
    }
}

/// How late this thread is woken.
fn wakes() -> Result<Option<Quantiles>, EngineError> {
    let watched = alone(async {
        let clock = Clock::starting_now();
        let mut timer = Timer::new(clock)?;
        let mut late = crate::measure::channel::full_range();
        let mut due = Instant::ZERO + WAKE_EVERY;
        while due < Instant::ZERO + WAKING {
            timer.until(due).await?;
            let now = clock.now();
            late.saturating_record(now.since(due).as_ns());
            // What a pause has swallowed is not waited for.
            while due <= now {
                due += WAKE_EVERY;
            }
        }
        Ok(late)
    })?;
    let late = watched.map_err(|source| EngineError::Start { lane: 0, source })?;
    Ok(summary::quantiles(&late))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_a_plausible_number_in_a_bounded_time() {
        let calibration = calibrate().unwrap();
        assert!(calibration.lane_per_s.is_finite() && calibration.lane_per_s > 0.0, "{calibration:?}");
        assert!(calibration.requests >= u64::from(CONNECTIONS), "every connection was used: {calibration:?}");
        let wakes = calibration.wake_late.unwrap();
        assert!(wakes.count > 0 && wakes.p50_ns <= wakes.p99_ns, "{wakes:?}");
        assert!(calibration.took >= LENGTH && calibration.took < LENGTH + WAKING + TIMEOUT + TIMEOUT, "{:?}", calibration.took);
    }

    #[test]
    fn two_at_a_time_do_not_meet() {
        let [one, other] =
            std::thread::scope(|scope| [scope.spawn(calibrate), scope.spawn(calibrate)].map(|it| it.join().unwrap()));
        assert!(one.unwrap().requests > 0 && other.unwrap().requests > 0);
    }
}
