//! What `$context` says of APIs, stages, routes and deployments, whatever the request.
//!
//! Owns these names, made once. Refuses what depends on a request ([`context`](crate::context)).

use sluicegate_policy::model::{Api, ApiId, ApiKind, Integration, Model, RouteId};
use sluicegate_policy::seed::Seed;

use crate::media::BinaryMedia;

/// The account that all mock gateways belong to: the placeholder of the provider's own examples, nobody's account.
pub(crate) const ACCOUNT_ID: &str = "123456789012";

/// The names of a model.
#[derive(Debug)]
pub(crate) struct Naming {
    apis: Vec<ApiNames>,
    routes: Vec<RouteNames>,
}

/// The names of an API.
#[derive(Debug)]
pub(crate) struct ApiNames {
    pub(crate) kind: ApiKind,
    pub(crate) id: String,
    /// The host name of its default endpoint.
    pub(crate) domain: String,
    /// `EDGE`, `REGIONAL`, `PRIVATE`.
    pub(crate) endpoint: String,
    /// The media types that are bytes (REST).
    pub(crate) binary: BinaryMedia,
}

/// The names of a route.
#[derive(Debug)]
pub(crate) struct RouteNames {
    /// `GET /orders/{id}`.
    pub(crate) key: String,
    /// `$context.resourceId`: six letters that stay with the path.
    pub(crate) resource_id: String,
    pub(crate) behind: Behind,
}

/// What is behind a route, as far as a log tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Mock,
    Function,
    Elsewhere,
}

impl Naming {
    pub(crate) fn new(model: &Model) -> Self {
        let routes = model.routes.iter().map(|route| RouteNames {
            key: route.key(),
            resource_id: resource_id(&route.path),
            behind: match route.integration {
                Integration::Mock(_) => Behind::Mock,
                Integration::Lambda(_) => Behind::Function,
                Integration::Http(_) | Integration::Service(_) => Behind::Elsewhere,
            },
        });
        Self { apis: model.apis.iter().map(|api| ApiNames::new(api, &model.region)).collect(), routes: routes.collect() }
    }

    /// Of an API that does not exist, the first: it is the one that listens.
    pub(crate) fn api(&self, api: ApiId) -> &ApiNames {
        self.apis.get(usize::from(api.0)).unwrap_or(&self.apis[0])
    }

    pub(crate) fn route(&self, route: RouteId) -> Option<&RouteNames> {
        self.routes.get(usize::from(route.0))
    }
}

impl ApiNames {
    fn new(api: &Api, region: &str) -> Self {
        Self {
            kind: api.kind,
            id: api.id.clone(),
            domain: format!("{}.execute-api.{region}.amazonaws.com", api.id),
            endpoint: api.endpoint.as_str().to_ascii_uppercase(),
            binary: BinaryMedia::new(api.binary_media_types.clone()),
        }
    }
}

fn resource_id(path: &str) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut stream = Seed::new(0).child(path).stream();
    (0..6).map(|_| char::from(LETTERS[stream.below(36) as usize])).collect()
}
