//! Where recorded sessions are counted: under the routes of the gateway that the plan describes.
//!
//! Owns that a recorded message counts under the route that the gateway would choose for it, by the gateway's own selection. Refuses to read
//! recordings. Called by `command`, once for each message that is replayed.

use std::sync::Arc;

use sluicegate_policy::routing::Router;
use sluicegate_render::websocket::selected;

use super::Plan;
use super::prove::{CONNECT, NO_ROUTE};
use crate::traffic::{Catalog, SeriesId};

/// Which series a recorded message belongs to.
#[derive(Debug)]
pub struct Counting {
    selection: Vec<String>,
    /// Of the deployments that the stage serves, in the order in which they are asked.
    routers: Vec<Router>,
    /// By route of the model.
    series: Vec<Option<SeriesId>>,
    connects: SeriesId,
    unrouted: SeriesId,
    catalog: Arc<Catalog>,
}

impl Counting {
    /// Of the stage that a plan drives.
    pub fn of(plan: &Plan) -> Self {
        let mut catalog = plan.catalog.as_ref().clone();
        let mut named = |name: &str| {
            let at = catalog.series.iter().position(|known| known == name).unwrap_or_else(|| {
                catalog.series.push(name.to_owned());
                catalog.series.len() - 1
            });
            SeriesId(at as u16)
        };
        let routers: Vec<Router> = plan.deployments().into_iter().map(|id| Router::new(&plan.model, id)).collect();
        let connects = named(CONNECT);
        let takes_all = routers.iter().any(|router| router.of_message(None).is_some());
        let unrouted = if takes_all { connects } else { named(NO_ROUTE) };
        let selection = plan.model.api_of(plan.stage).websocket.selection.clone();
        Self { selection, routers, series: plan.series_of_routes(), connects, unrouted, catalog: Arc::new(catalog) }
    }

    /// The plan's catalog, with series for what the gateway has no routes for.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog)
    }

    /// The series of connects.
    pub const fn connects(&self) -> SeriesId {
        self.connects
    }

    /// The series of a message.
    pub fn message(&self, text: &str) -> SeriesId {
        let key = selected(text.as_bytes(), &self.selection);
        let route = self.routers.iter().find_map(|router| router.of_message(key.as_deref()));
        route.and_then(|route| self.series[usize::from(route.0)]).unwrap_or(self.unrouted)
    }
}
