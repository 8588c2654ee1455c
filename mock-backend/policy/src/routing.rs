//! Which stage and route a host, a path and a method mean.
//!
//! Owns the match of a path against the routes of an API, as HTTP and REST APIs do it. Refuses to look at anything but method
//! and path (a method override is the driver's business), and to decode: segments are compared as they came. Called by the
//! mock for each request, by the simulator once for each template, and by `config`, which proves patterns with [`pattern`].

mod alike;
mod doors;
mod keys;
pub mod pattern;

use std::collections::BTreeMap;

use crate::model::{ApiKind, DeploymentId, Model, RouteId};

pub use self::doors::{Doors, Entered};
pub(crate) use self::keys::RouteKeys;
pub use self::pattern::{PatternError, check_pattern, conflicts};
use self::pattern::{Segment, segments};

/// Name of the stage without a prefix, and of the route that catches everything (HTTP APIs).
pub(crate) const DEFAULT: &str = "$default";
/// The methods that `ANY` stands for in a REST API (API Gateway developer guide, "Set up an HTTP method", 2023).
const REST_ANY: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const ROOT: usize = 0;

/// The routes of a deployment as a tree of path segments. Matching a path allocates nothing.
#[derive(Clone, Debug)]
pub struct Router {
    api: ApiKind,
    default_route: Option<RouteId>,
    /// Of a WebSocket API, by route key.
    keyed: BTreeMap<Box<str>, RouteId>,
    nodes: Vec<Node>,
}

/// What follows the segments from the root to here.
#[derive(Clone, Debug, Default)]
struct Node {
    /// Ordered by name.
    named: Vec<(Box<str>, usize)>,
    variable: Option<usize>,
    here: Methods,
    greedy: Methods,
}

/// The routes of one path, by method; `None` is `ANY`.
#[derive(Clone, Debug, Default)]
struct Methods(Vec<(Option<Box<str>>, RouteId)>);

impl Router {
    /// The router of a deployment's routes. Of routes that conflict the first one wins.
    ///
    /// Panics if the model has no such deployment or API.
    pub fn new(model: &Model, deployment: DeploymentId) -> Self {
        let api = model.apis[usize::from(model.deployments[usize::from(deployment.0)].api.0)].kind;
        let mut router = Self { api, default_route: None, keyed: BTreeMap::new(), nodes: vec![Node::default()] };
        for (id, route) in model.routes_of(deployment) {
            if route.path == DEFAULT {
                router.default_route = router.default_route.or(Some(id).filter(|_| api != ApiKind::Rest));
            } else if api == ApiKind::WebSocket && !route.path.starts_with('/') {
                router.keyed.entry(route.path.as_str().into()).or_insert(id);
            } else {
                router.insert(&route.path, route.method.as_deref(), id);
            }
        }
        router
    }

    /// The route that `method` and `path` mean within any stage; the path without stage prefix and query.
    pub fn in_stage(&self, method: &str, path: &str) -> Option<RouteId> {
        self.relative(method, path.strip_prefix('/').unwrap_or(path))
    }

    /// The route that `method` and all paths of this form mean within any stage, if they all mean the same; `None` if they do
    /// not, or if there are too many cases to tell. A segment `None` stands for any text that is neither empty nor holds a `/`.
    #[allow(clippy::option_option, reason = "unknown, no route and a route are three answers")]
    pub fn resolve_alike(&self, method: &str, segments: &[Option<&str>]) -> Option<Option<RouteId>> {
        alike::resolve(self, method, segments)
    }

    /// The route of this key (WebSocket): `$connect`, `$disconnect`, or what messages are selected by.
    pub fn of_key(&self, key: &str) -> Option<RouteId> {
        self.keyed.get(key).copied()
    }

    /// The route of a message whose selection gives `key`; what no other route is for is for `$default`. Of `$connect` and `$disconnect` no
    /// message is one. Source: developer guide, "Working with routes for WebSocket APIs", 2023.
    pub fn of_message(&self, key: Option<&str>) -> Option<RouteId> {
        let own = key.filter(|key| !key.starts_with('$')).and_then(|key| self.of_key(key));
        own.or(self.default_route)
    }

    fn insert(&mut self, path: &str, method: Option<&str>, id: RouteId) {
        let mut at = ROOT;
        for segment in segments(path) {
            at = match segment {
                Segment::Named(name) => self.named_child(at, name),
                Segment::Variable(_) => self.variable_child(at),
                Segment::Greedy(_) => return self.nodes[at].greedy.0.push((method.map(Into::into), id)),
            };
        }
        self.nodes[at].here.0.push((method.map(Into::into), id));
    }

    fn named_child(&mut self, at: usize, name: &str) -> usize {
        match self.nodes[at].place(name) {
            Ok(place) => self.nodes[at].named[place].1,
            Err(place) => {
                let new = self.grow();
                self.nodes[at].named.insert(place, (name.into(), new));
                new
            }
        }
    }

    fn variable_child(&mut self, at: usize) -> usize {
        if let Some(child) = self.nodes[at].variable {
            return child;
        }
        let new = self.grow();
        self.nodes[at].variable = Some(new);
        new
    }

    fn grow(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// The route for a path without its leading slash.
    fn relative(&self, method: &str, path: &str) -> Option<RouteId> {
        let path = non_empty(trimmed(self.api, path));
        match self.api {
            // Of a WebSocket API the ways to its connections, by path and method.
            ApiKind::Rest | ApiKind::WebSocket => self.resource(ROOT, path, method),
            ApiKind::Http => {
                let full = self.full(ROOT, path, method);
                full.or_else(|| self.greedy(ROOT, path, method)).or(self.default_route)
            }
        }
    }

    /// REST: at each segment the named child, else the variable, else the greedy variable. A resource without the method is
    /// passed over: of `POST /test` and `OPTIONS /{proxy+}`, the second answered `OPTIONS /test` (recorded against the service by
    /// `LocalStack`, `test_proxy_routing_with_hardcoded_resource_sibling`).
    fn resource(&self, at: usize, path: Option<&str>, method: &str) -> Option<RouteId> {
        let node = &self.nodes[at];
        let Some(path) = path else { return node.here.find(method, ApiKind::Rest) };
        let (first, below) = split(path);
        let deeper = node.children(first).into_iter().flatten().find_map(|child| self.resource(child, below, method));
        deeper.or_else(|| node.greedy.find(method, ApiKind::Rest))
    }

    /// HTTP, first choice: a route without a greedy variable, named segments before variables.
    fn full(&self, at: usize, path: Option<&str>, method: &str) -> Option<RouteId> {
        let node = &self.nodes[at];
        let Some(path) = path else { return node.here.find(method, ApiKind::Http) };
        let (first, below) = split(path);
        node.children(first).into_iter().flatten().find_map(|child| self.full(child, below, method))
    }

    /// HTTP, second choice: the greedy route with the longest way to its variable, which is never empty.
    fn greedy(&self, at: usize, path: Option<&str>, method: &str) -> Option<RouteId> {
        let node = &self.nodes[at];
        let path = path?;
        let (first, below) = split(path);
        let deeper = node.children(first).into_iter().flatten().find_map(|child| self.greedy(child, below, method));
        deeper.or_else(|| node.greedy.find(method, ApiKind::Http).filter(|_| !path.is_empty()))
    }
}

impl Node {
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.named.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(name, _)| &**name)
    }

    /// The named child, then the variable one.
    fn children(&self, segment: &str) -> [Option<usize>; 2] {
        [self.place(segment).ok().map(|place| self.named[place].1), self.variable.filter(|_| !segment.is_empty())]
    }
}

impl Methods {
    /// The method's own route, else the one for `ANY`.
    fn find(&self, method: &str, api: ApiKind) -> Option<RouteId> {
        let own = self.0.iter().find(|(known, _)| known.as_deref() == Some(method));
        let any = || self.0.iter().find(|(known, _)| known.is_none() && (api == ApiKind::Http || REST_ANY.contains(&method)));
        own.or_else(any).map(|(_, id)| *id)
    }
}

/// Names and values of the path parameters of `pattern`, as they stand in `path` (without stage prefix and query, not
/// decoded). Empty if the path is not one of the pattern's.
pub fn parameters<'p>(kind: ApiKind, pattern: &'p str, path: &'p str) -> Vec<(&'p str, &'p str)> {
    if pattern == DEFAULT {
        return Vec::new();
    }
    let mut rest = non_empty(trimmed(kind, path.strip_prefix('/').unwrap_or(path)));
    let mut found = Vec::new();
    for segment in segments(pattern) {
        let Some(text) = rest else { return Vec::new() };
        let (first, below) = split(text);
        match segment {
            Segment::Named(name) if name != first => return Vec::new(),
            Segment::Named(_) => {}
            Segment::Variable(name) => found.push((name, first)),
            Segment::Greedy(name) => {
                found.push((name, text));
                return found;
            }
        }
        rest = below;
    }
    if rest.is_some() { Vec::new() } else { found }
}

/// A trailing slash, and several leading ones, make no difference to a REST API; to an HTTP API `/a/` is not `/a`.
fn trimmed(kind: ApiKind, path: &str) -> &str {
    match kind {
        ApiKind::Http => path,
        ApiKind::Rest | ApiKind::WebSocket => path.trim_start_matches('/').trim_end_matches('/'),
    }
}

/// The first segment, and what is below it, if there is another slash.
fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(first, below)| (first, Some(below)))
}

/// The root has no segments at all, not an empty one.
fn non_empty(path: &str) -> Option<&str> {
    Some(path).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests;
