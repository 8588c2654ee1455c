//! Which routes have the same key.
//!
//! Owns a small number for each route key of an API, so that what belongs to a key rather than to a route (a stage's buckets, a
//! plan's, what the response cache keeps) outlives a move to another deployment. Refuses everything else. Asked by
//! [`throttle`](crate::throttle) and [`cache`](crate::cache).

use std::collections::BTreeMap;

use crate::model::{ApiId, Model, RouteId};

/// The numbers of all route keys, counted from zero within each API.
#[derive(Clone, Debug)]
pub(crate) struct RouteKeys {
    of_routes: Vec<(ApiId, u32)>,
    of_apis: Vec<usize>,
}

impl RouteKeys {
    /// Panics if a route's deployment, or its API, is not in the model.
    pub(crate) fn new(model: &Model) -> Self {
        let mut known: Vec<BTreeMap<String, u32>> = vec![BTreeMap::new(); model.apis.len()];
        let number = |route: &crate::model::Route| {
            let api = model.deployments[usize::from(route.deployment.0)].api;
            let known = &mut known[usize::from(api.0)];
            let next = known.len() as u32;
            (api, *known.entry(route.key()).or_insert(next))
        };
        let of_routes = model.routes.iter().map(number).collect();
        Self { of_routes, of_apis: known.iter().map(BTreeMap::len).collect() }
    }

    /// The number of a route's key; `None` if the model has no such route.
    pub(crate) fn of(&self, route: RouteId) -> Option<u32> {
        self.of_routes.get(usize::from(route.0)).map(|(_, key)| *key)
    }

    /// The number of a route's key; `None` if the API has no such route.
    pub(crate) fn within(&self, api: ApiId, route: RouteId) -> Option<u32> {
        self.of_routes.get(usize::from(route.0)).filter(|(whose, _)| *whose == api).map(|(_, key)| *key)
    }

    /// How many keys an API has.
    pub(crate) fn count(&self, api: ApiId) -> usize {
        self.of_apis.get(usize::from(api.0)).copied().unwrap_or_default()
    }

    /// What is set for a route key of an API: of several settings the first.
    pub(crate) fn setting<T: Copy>(&self, settings: &[(RouteId, T)], api: ApiId, key: u32) -> Option<T> {
        settings.iter().find(|(route, _)| self.within(api, *route) == Some(key)).map(|(_, setting)| *setting)
    }
}
