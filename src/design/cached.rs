//! The same gateway without its response cache, or with one of another size.
//!
//! Owns these changes of a model. Refuses to simulate what comes of them. Called by `command`.

use sluicegate_policy::model::{ApiKind, Cache, Invalidation, Model, ParameterRule, Source, StageCache, StageId};
use sluicegate_policy::time::Span;

use super::item::CACHE_GB;

/// How long a REST API keeps an answer, unless it is told otherwise: 300 s (developer guide, "Enabling API caching", 2023).
const TTL: Span = Span::from_secs(300);

/// Whether the API of a stage may have a cache at all.
pub fn may_cache(model: &Model, stage: StageId) -> bool {
    model.api_of(stage).kind == ApiKind::Rest
}

/// The gateway whose stage has no cache.
pub fn without_cache(model: &Model, stage: StageId) -> Model {
    let mut changed = model.clone();
    changed.stages[usize::from(stage.0)].cache = None;
    changed
}

/// The gateway whose stage has a cache of the n-th size of [`CACHE_GB`].
///
/// One that it has keeps its settings. A new one keeps answers of all `GET` routes for 300 s, told apart by their path parameters: values of
/// the query are not among its keys, unless the profile says so.
pub fn with_cache(model: &Model, stage: StageId, size: u8) -> Model {
    let mut changed = model.clone();
    let gb = CACHE_GB[usize::from(size).min(CACHE_GB.len() - 1)];
    let capacity_bytes = (gb * f64::from(1 << 30)) as u64;
    let served = &mut changed.stages[usize::from(stage.0)];
    if let Some(cache) = &mut served.cache {
        cache.capacity_bytes = capacity_bytes;
        return changed;
    }
    let (default, invalidation) = (Cache::For(TTL), Invalidation::default());
    served.cache = Some(StageCache { capacity_bytes, default, routes: Vec::new(), invalidation });
    for route in changed.routes.iter_mut().filter(|route| route.cache.parameters.is_empty()) {
        route.cache.parameters = path_parameters(&route.path);
    }
    changed
}

/// `{id}` and `{proxy+}` of a path pattern.
fn path_parameters(path: &str) -> Vec<ParameterRule> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| ParameterRule { source: Source::Path, name: name.trim_end_matches('+').to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::model::{Api, DeploymentId, Integration, Route};

    #[test]
    fn a_new_cache_tells_requests_apart_by_their_path_and_an_old_one_keeps_its_settings() {
        let route = Route::new(DeploymentId(0), Some("GET"), "/a/{b}/c/{rest+}", Integration::fixed(200, "ok"));
        let model = Model::of(Api::new(ApiKind::Rest, "a"), &["prod"], vec![route]);
        let fresh = with_cache(&model, StageId(0), 1);
        let names: Vec<&str> = fresh.routes[0].cache.parameters.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names, ["b", "rest"]);
        let mut settled = fresh.clone();
        settled.stages[0].cache.as_mut().unwrap().default = Cache::For(Span::from_secs(9));
        let larger = with_cache(&settled, StageId(0), 7).stages[0].cache.clone().unwrap();
        assert_eq!((larger.default, larger.capacity_bytes), (Cache::For(Span::from_secs(9)), 237 << 30));
        assert_eq!(without_cache(&settled, StageId(0)).stages[0].cache, None);
    }
}
