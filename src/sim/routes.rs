//! Which route a request means, found out once for a template where all its values mean the same.
//!
//! Owns that short cut. Refuses to know routing: the policy's router answers. Called by `simulation` for every call.

use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::model::{DeploymentId, RouteId};

use crate::traffic::{Catalog, Request, What};

/// Routes of the templates of a catalog.
#[derive(Debug)]
pub(super) struct Routes {
    /// By deployment, then by template.
    templates: Vec<Vec<Means>>,
    path: String,
}

/// What a template means.
#[derive(Clone, Copy, Debug)]
enum Means {
    /// Always the same: this route, or none.
    Always(Option<RouteId>),
    /// It depends on the values.
    ByPath,
}

impl Routes {
    pub(super) fn new(catalog: &Catalog, gateway: &Gateway) -> Self {
        let means = |deployment, template: &crate::traffic::template::Template| {
            let alike = gateway.router(deployment).resolve_alike(template.method(), &template.path_segments());
            alike.map_or(Means::ByPath, Means::Always)
        };
        let deployments = (0..gateway.model().deployments.len()).map(|at| DeploymentId(at as u16));
        let templates = deployments.map(|id| catalog.templates.iter().map(|template| means(id, template)).collect());
        Self { templates: templates.collect(), path: String::new() }
    }

    /// The route of a request in a deployment.
    pub(super) fn of(
        &mut self,
        request: &Request,
        deployment: DeploymentId,
        catalog: &Catalog,
        gateway: &Gateway,
    ) -> Option<RouteId> {
        match &request.what {
            What::Described { template, key } => match self.templates[usize::from(deployment.0)][usize::from(template.0)] {
                Means::Always(route) => route,
                Means::ByPath => {
                    let template = &catalog.templates[usize::from(template.0)];
                    template.fill_path(*key, request.identity, &mut self.path);
                    gateway.router(deployment).in_stage(template.method(), &self.path)
                }
            },
            What::Recorded(recorded) => {
                let path = recorded.target.split('?').next().unwrap_or_default();
                gateway.router(deployment).in_stage(&recorded.method, path)
            }
        }
    }
}
