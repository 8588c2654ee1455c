//! Asking a URL whether somebody is well: one request, one status.
//!
//! Owns what counts as healthy. Refuses the lanes' connections: a target that has none left for its own health must be found ill.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header;
use http_body_util::Empty;
use sluicegate_policy::time::Span;
use sluicegate_timer::Timer;

use super::Watched;
use crate::engine::error::EngineError;
use crate::engine::prepare::{Engine, alone, route_to};
use crate::engine::settings::Protocol;
use crate::engine::transport::connect::Route;
use crate::engine::transport::once;
use crate::measure::record::AbortRecord;
use crate::traffic::endpoint::Endpoint;

/// A URL that is asked once a second.
#[derive(Clone, Debug)]
pub struct Health {
    /// As reports name the condition.
    pub name: String,
    /// The URL; its base path is what is asked for.
    pub endpoint: Endpoint,
    /// How often in a row it must fail; at least once.
    pub fails: u32,
    /// How long its answer is waited for.
    pub timeout: Span,
}

impl Engine {
    /// Asks once, before the run. Blocks; not to be called from within an async runtime.
    pub fn ask_health(&self, health: &Health) -> Result<(), EngineError> {
        let route = health.route(self)?;
        let asked = alone(health.ask(&route))?;
        asked.map_err(|why| EngineError::Health { url: health.endpoint.to_string(), why })
    }
}

impl Health {
    /// Asks in every second until it has failed often enough; nothing if the plan is at its end before.
    pub(super) async fn failed(&self, engine: &Engine, watched: &Watched) -> io::Result<Option<AbortRecord>> {
        let route = self.route(engine).map_err(io::Error::other)?;
        let mut timer = Timer::new(watched.clock)?;
        let (mut second, mut failed, mut since) = (1, 0, 0);
        while watched.until(second, &mut timer).await? {
            match self.ask(&route).await {
                Ok(()) => failed = 0,
                Err(why) => {
                    since = if failed == 0 { second } else { since };
                    failed += 1;
                    if failed >= self.fails {
                        let second = watched.clock.now().second();
                        let condition = self.name.clone();
                        return Ok(Some(AbortRecord { condition, second, since, why: Some(why), ..AbortRecord::default() }));
                    }
                }
            }
            // What takes longer than a second is not asked in the seconds that it takes.
            second = watched.clock.now().second().max(second) + 1;
        }
        Ok(None)
    }

    fn route(&self, engine: &Engine) -> Result<Route, EngineError> {
        let route = route_to(&self.endpoint, &engine.settings, Protocol::Http1)?;
        Ok(Route { timeout: self.timeout, ..route })
    }

    /// Whether it is healthy; else why not.
    async fn ask(&self, route: &Route) -> Result<(), String> {
        let limit = Duration::from_nanos(self.timeout.as_ns());
        let asked = tokio::time::timeout(limit, self.exchange(route)).await;
        let status = asked.unwrap_or_else(|_| Err(format!("no answer in {}", self.timeout)))?;
        // As Kubernetes takes the answer of an HTTP probe: any code from 200 on and below 400 is success.
        if (200..400).contains(&status) { Ok(()) } else { Err(format!("it answered {status}")) }
    }

    async fn exchange(&self, route: &Route) -> Result<u16, String> {
        let path = if self.endpoint.base_path.is_empty() { "/" } else { &self.endpoint.base_path };
        let request = http::Request::get(path)
            .header(header::HOST, self.endpoint.authority())
            .header(header::CONNECTION, "close")
            .body(Empty::<Bytes>::new());
        let request = request.map_err(|_| "the URL cannot be asked".to_owned())?;
        once::ask(route, request, async |answer| Ok(answer.status().as_u16())).await
    }
}
