//! How much of each limit was used: the vocabulary of bottlenecks.
//!
//! Owns what is limited, and the numbers. Refuses to measure (the gateway does) and to judge which of them is too high. Read by the
//! simulator, the mock and whoever shows both.

use crate::model::{CapacityId, FunctionId, Model, RouteId, StageId, TargetId};
use crate::time::Span;

/// Something that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limited {
    /// Requests per second of the account.
    AccountThrottle,
    /// New connections per second of the account's WebSocket APIs.
    Connects,
    /// Requests per second of a stage's route, which stands for all routes of its key.
    RouteThrottle(StageId, RouteId),
    /// Environments of the account, and the invocations per second that go with them.
    AccountConcurrency,
    /// Environments of a function that has some reserved, and the invocations per second that go with them; of another one, its share of
    /// the account's. With it goes how fast they may be added. What the account refused is told of the account alone.
    Function(FunctionId),
    /// Connections of a pool.
    Capacity(CapacityId),
    /// Requests that a target of a private link works on at once.
    Target(TargetId),
}

/// How much of a limit was used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Used {
    /// Of what.
    pub what: Limited,
    /// The limit: requests per second, environments, connections or requests at once; `None` of a target that has none that is known.
    pub limit: Option<f64>,
    /// How much of it was used in the mean over time, 0 to 1; above 1 where a bucket's burst was used, too.
    pub share: Option<f64>,
    /// How much work came to it: how long those who asked would keep it busy in the mean, all together, were each of them served. `None` of
    /// what has no queue in which work could wait.
    pub work: Option<Span>,
    /// Most that was in use at once; `None` of a rate.
    pub peak: Option<u64>,
    /// Most that waited for it at once; `None` where nobody waits.
    pub waiting_peak: Option<u64>,
    /// How often it said no.
    pub refused: u64,
    /// How often it became unhealthy; `None` of what has no health.
    pub unhealthy: Option<u64>,
}

impl Used {
    /// A limit that was used so much in the mean.
    pub const fn of(what: Limited, limit: f64, share: f64) -> Self {
        let (limit, share) = (Some(limit), Some(share));
        Self { what, limit, share, work: None, peak: None, waiting_peak: None, refused: 0, unhealthy: None }
    }
}

impl Limited {
    /// What it is called in reports.
    pub fn name(self, model: &Model) -> String {
        let function = |id: FunctionId| model.functions.get(usize::from(id.0)).map_or("", |function| &function.name);
        match self {
            Self::AccountThrottle => "throttle of the account".to_owned(),
            Self::Connects => "new connections of the account".to_owned(),
            Self::RouteThrottle(stage, route) => {
                let stage = model.stages.get(usize::from(stage.0)).map_or("", |stage| &stage.name);
                let route = model.routes.get(usize::from(route.0)).map(crate::model::Route::key).unwrap_or_default();
                format!("throttle of {route} in stage {stage}")
            }
            Self::AccountConcurrency => "concurrency of the account".to_owned(),
            Self::Function(id) => format!("concurrency of function {}", function(id)),
            Self::Capacity(id) => {
                format!("capacity {}", model.capacities.get(usize::from(id.0)).map_or("", |capacity| &capacity.name))
            }
            Self::Target(TargetId { link, place }) => {
                let link = model.links.get(usize::from(link.0));
                let target = link.and_then(|link| link.targets.get(usize::from(place)));
                format!("target {} of {}", target.map_or("", |target| &target.name), link.map_or("", |link| &link.name))
            }
        }
    }
}
