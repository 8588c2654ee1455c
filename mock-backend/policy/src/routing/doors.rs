//! Which stage a host and a path mean.
//!
//! Owns custom domains with their base paths, the hosts of the APIs themselves, and stage prefixes. Refuses what is below the
//! stage (the deployment's [`Router`](super::Router)). Asked by the driver for each request, before its snapshot is fixed.

use super::{DEFAULT, split};
use crate::model::{ApiId, ApiKind, Domain, Model, StageId};

/// All ways in.
#[derive(Clone, Debug)]
pub struct Doors {
    apis: Vec<Entry>,
    domains: Vec<Domain>,
    /// Whose each stage is.
    apis_of_stages: Vec<ApiId>,
}

/// The ways into one API.
#[derive(Clone, Debug)]
struct Entry {
    /// The first label of its host name.
    id: String,
    stages: Vec<(String, StageId)>,
    default: Option<StageId>,
}

/// Where a request went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered<'p> {
    /// The API.
    pub api: ApiId,
    /// The stage; `None` if the path names none and there is no `$default`.
    pub stage: Option<StageId>,
    /// The path below the stage: it starts with `/`, or is empty.
    pub path: &'p str,
}

impl Doors {
    /// The doors of this model's APIs.
    pub fn new(model: &Model) -> Self {
        let apis = model.apis.iter().enumerate().map(|(at, api)| {
            let own = |id: ApiId| id == ApiId(at as u16);
            let stages = model.stages.iter().enumerate().filter(|(_, stage)| own(stage.api));
            let stages = stages.map(|(at, stage)| (stage.name.clone(), StageId(at as u16)));
            let (default, named): (Vec<_>, Vec<_>) = stages.partition(|(name, _)| name == DEFAULT);
            let default = default.first().map(|(_, id)| *id).filter(|_| api.kind == ApiKind::Http);
            Entry { id: api.id.clone(), stages: named, default }
        });
        let apis_of_stages = model.stages.iter().map(|stage| stage.api).collect();
        Self { apis: apis.collect(), domains: model.domains.clone(), apis_of_stages }
    }

    /// What `host` (with or without a port) and `path` (without its query) mean on the listener of `api`.
    ///
    /// A custom domain goes before the host name of an API, and that before the listener's own API. Below a custom domain the
    /// base path stands in the place of the stage. The first segment names a stage, or else the `$default` stage of an HTTP API
    /// gets the whole path (API Gateway developer guide, "Working with routes for HTTP APIs" and "API mappings", 2023).
    pub fn enter<'p>(&self, api: ApiId, host: Option<&str>, path: &'p str) -> Entered<'p> {
        let host = host.unwrap_or("");
        if let Some(domain) = self.domains.iter().find(|domain| domain.is(host)) {
            let (stage, path) = below_base_path(domain, path);
            let of_stage = stage.and_then(|stage| self.apis_of_stages.get(usize::from(stage.0)));
            return Entered { api: of_stage.copied().unwrap_or(api), stage, path };
        }
        let label = split_label(host);
        let named = self.apis.iter().position(|entry| label.is_some_and(|label| entry.id.eq_ignore_ascii_case(label)));
        let api = named.map_or(api, |at| ApiId(at as u16));
        let Some(entry) = self.apis.get(usize::from(api.0)) else { return Entered { api, stage: None, path } };
        let (first, _) = split(path.strip_prefix('/').unwrap_or(path));
        match entry.stages.iter().find(|(name, _)| *name == first) {
            Some((_, stage)) => Entered { api, stage: Some(*stage), path: &path[path.len().min(1 + first.len())..] },
            None => Entered { api, stage: entry.default, path },
        }
    }
}

/// The longest base path that fits.
fn below_base_path<'p>(domain: &Domain, path: &'p str) -> (Option<StageId>, &'p str) {
    let fitting = domain.base_paths.iter().filter_map(|(base, stage)| Some((below(base, path)?, *stage)));
    let longest = fitting.min_by_key(|(below, _)| below.len());
    longest.map_or((None, path), |(below, stage)| (Some(stage), below))
}

/// The rest of `path` below `base`.
fn below<'p>(base: &str, path: &'p str) -> Option<&'p str> {
    if base.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix('/')?.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The first label of a host name of the form `{api}.execute-api.{region}.…`.
fn split_label(host: &str) -> Option<&str> {
    let (label, rest) = host.split_once('.')?;
    rest.starts_with("execute-api.").then_some(label)
}
