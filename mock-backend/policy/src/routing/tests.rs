//! Which route a request means, for both kinds of API.

use super::*;
use crate::model::ApiKind::{Http, Rest};
use crate::model::{Api, ApiId, Domain, Integration, Route, StageId};
use proptest::prelude::*;

/// A model of these route keys, each `METHOD /path` (`ANY` for all) or `$default`, with the stages `prod` and `$default`.
fn model(kind: ApiKind, keys: &[&str]) -> Model {
    let routes = keys.iter().map(|key| {
        let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
        let method = Some(method).filter(|method| *method != "ANY");
        Route::new(DeploymentId(0), method, path, Integration::fixed(200, ""))
    });
    Model::of(Api::new(kind, "a1b2c3"), &["prod", "$default"], routes.collect())
}

fn router(kind: ApiKind, keys: &[&str]) -> Router {
    Router::new(&model(kind, keys), DeploymentId(0))
}

/// Which of the keys `method path` means.
fn meant<'k>(api: ApiKind, keys: &[&'k str], request: &str) -> Option<&'k str> {
    let (method, path) = request.split_once(' ').unwrap();
    router(api, keys).in_stage(method, path).map(|id| keys[usize::from(id.0)])
}

#[test]
fn an_http_api_prefers_the_full_match_then_the_greedy_one_then_default() {
    let keys = ["GET /a/b", "GET /a/{x}", "ANY /a/{proxy+}", "POST /{proxy+}", "$default"];
    for (request, key) in [
        ("GET /a/b", "GET /a/b"),
        ("GET /a/c", "GET /a/{x}"),
        ("PUT /a/b", "ANY /a/{proxy+}"),
        ("GET /a/b/c", "ANY /a/{proxy+}"),
        ("POST /a/b", "ANY /a/{proxy+}"),
        ("POST /b", "POST /{proxy+}"),
        ("GET /b", "$default"),
        ("GET /", "$default"),
        ("GET /a", "$default"),
    ] {
        assert_eq!(meant(Http, &keys, request), Some(key), "{request}");
    }
    assert_eq!(meant(Http, &keys[..4], "GET /b"), None);
}

#[test]
fn a_full_match_comes_before_a_greedy_one_even_if_that_is_longer() {
    assert_eq!(meant(Http, &["ANY /a/{proxy+}", "GET /{x}/{y}"], "GET /a/b"), Some("GET /{x}/{y}"));
    assert_eq!(meant(Rest, &["ANY /a/{proxy+}", "GET /{x}/{y}"], "GET /a/b"), Some("ANY /a/{proxy+}"));
}

#[test]
fn any_covers_only_methods_without_a_route_of_their_own() {
    let keys = ["ANY /a", "GET /a"];
    assert_eq!(meant(Http, &keys, "GET /a"), Some("GET /a"));
    assert_eq!(meant(Http, &keys, "PURGE /a"), Some("ANY /a"));
    assert_eq!(meant(Rest, &keys, "PUT /a"), Some("ANY /a"));
    assert_eq!(meant(Rest, &keys, "PURGE /a"), None);
}

#[test]
fn a_method_that_a_resource_lacks_is_looked_for_at_a_less_exact_one() {
    let keys = ["GET /users", "ANY /{proxy+}", "GET /users/{id}"];
    for api in [Rest, Http] {
        assert_eq!(meant(api, &keys, "POST /users"), Some("ANY /{proxy+}"));
        assert_eq!(meant(api, &keys, "DELETE /users/7"), Some("ANY /{proxy+}"));
    }
    assert_eq!(meant(Rest, &["POST /users", "GET /{x}", "OPTIONS /{proxy+}"], "DELETE /users"), None);
    assert_eq!(meant(Rest, &keys, "GET /users/7/x"), Some("ANY /{proxy+}"));
    assert_eq!(meant(Rest, &keys, "GET /"), None);
}

#[test]
fn a_trailing_slash_matters_to_an_http_api_only() {
    assert_eq!(meant(Rest, &["GET /a"], "GET /a/"), Some("GET /a"));
    assert_eq!(meant(Rest, &["GET /a/{proxy+}"], "GET /a/"), None);
    assert_eq!(meant(Rest, &["GET /"], "GET /"), Some("GET /"));
    assert_eq!(meant(Http, &["GET /a", "GET /a/{x}", "GET /a/{x+}"], "GET /a/"), None);
    assert_eq!(meant(Http, &["GET /"], "GET /"), Some("GET /"));
}

/// Which stage and route of the keys `GET path` means, without a host.
fn entered(kind: ApiKind, keys: &[&str], path: &str) -> (Option<StageId>, Option<RouteId>) {
    let model = model(kind, keys);
    let entered = Doors::new(&model).enter(ApiId(0), None, path);
    (entered.stage, entered.stage.and_then(|_| Router::new(&model, DeploymentId(0)).in_stage("GET", entered.path)))
}

#[test]
fn the_first_segment_names_the_stage_or_else_it_is_the_default_one() {
    let (prod, default, a) = (Some(StageId(0)), Some(StageId(1)), Some(RouteId(0)));
    for (path, stage, route) in [
        ("/prod/a", prod, a),
        ("/prod", prod, None),
        ("/prod/prod/a", prod, None),
        ("/a", default, a),
        ("/production/a", default, None),
        ("/$default/a", default, None),
    ] {
        assert_eq!(entered(Http, &["GET /a"], path), (stage, route), "{path}");
    }
    let rest = ["GET /a", "GET /"];
    assert_eq!(entered(Rest, &rest, "/prod//a"), (prod, a));
    assert_eq!(entered(Rest, &rest, "/prod"), (prod, Some(RouteId(1))));
    assert_eq!(entered(Rest, &rest, "/a"), (None, None));
}

/// Two APIs with a stage `prod` each, the first with `$default` as well, and a custom domain over both.
fn two_apis() -> Model {
    let mut model = model(Http, &["GET /a"]);
    let second = ApiId(1);
    model.apis.push(Api::new(Rest, "d4e5f6"));
    model.deployments.push(crate::model::Deployment::new(second, "current"));
    model.stages.push(crate::model::Stage::new(second, "prod", DeploymentId(1)));
    let base_paths = [("v1", 0), ("v1/admin", 2), ("", 1)].map(|(path, stage)| (path.to_owned(), StageId(stage)));
    model.domains.push(Domain { name: "api.example.com".to_owned(), base_paths: base_paths.into(), truststore: None });
    model.domains.push(Domain {
        name: "old.example.com".to_owned(),
        base_paths: vec![("v1".to_owned(), StageId(0))],
        truststore: None,
    });
    model
}

#[test]
fn the_host_name_of_an_api_goes_before_the_listener_s_own_api() {
    let doors = Doors::new(&two_apis());
    let stage = |host, path| {
        let entered = doors.enter(ApiId(0), host, path);
        (entered.api.0, entered.stage.map(|stage| stage.0), entered.path.to_owned())
    };
    let found = |api, stage, path: &str| (api, stage, path.to_owned());
    assert_eq!(stage(None, "/prod/a"), found(0, Some(0), "/a"));
    assert_eq!(stage(Some("localhost:8080"), "/prod/a"), found(0, Some(0), "/a"));
    assert_eq!(stage(Some("d4e5f6.execute-api.us-east-1.amazonaws.com"), "/prod/a"), found(1, Some(2), "/a"));
    assert_eq!(stage(Some("D4E5F6.execute-api.localhost:443"), "/prod"), found(1, Some(2), ""));
    assert_eq!(stage(Some("d4e5f6.execute-api.us-east-1.amazonaws.com"), "/a"), found(1, None, "/a"));
    assert_eq!(stage(Some("zzzzzz.execute-api.us-east-1.amazonaws.com"), "/prod/a"), found(0, Some(0), "/a"));
    assert_eq!(stage(Some("d4e5f6.example.com"), "/prod/a"), found(0, Some(0), "/a"));
}

#[test]
fn below_a_custom_domain_the_longest_base_path_stands_for_the_stage() {
    let doors = Doors::new(&two_apis());
    for (path, stage, below) in [
        ("/v1/a", Some(0), "/a"),
        ("/v1", Some(0), ""),
        ("/v1/admin/a", Some(2), "/a"),
        ("/v1/administration", Some(0), "/administration"),
        ("/v10/a", Some(1), "/v10/a"),
        ("/prod/a", Some(1), "/prod/a"),
        ("/", Some(1), "/"),
        ("", Some(1), ""),
    ] {
        let entered = doors.enter(ApiId(0), Some("API.example.com:443"), path);
        assert_eq!((entered.stage.map(|stage| stage.0), entered.path), (stage, below), "{path}");
    }
    assert_eq!(doors.enter(ApiId(0), Some("old.example.com"), "/prod/a").stage, None);
}

#[test]
fn the_api_is_that_of_the_stage_which_the_base_path_means() {
    let doors = Doors::new(&two_apis());
    assert_eq!(doors.enter(ApiId(0), Some("api.example.com"), "/v1/admin/a").api, ApiId(1));
    assert_eq!(doors.enter(ApiId(1), Some("api.example.com"), "/v1/a").api, ApiId(0));
}

#[test]
fn parameters_are_named_and_not_decoded() {
    let http = |pattern, path| parameters(Http, pattern, path);
    assert_eq!(http("/a/{x}/b/{rest+}", "/a/1%202/b/c/d/"), [("x", "1%202"), ("rest", "c/d/")]);
    assert_eq!(http("$default", "/a/b"), []);
    assert_eq!(http("/a/{x}/b/{rest+}", "/x/1/b/c"), []);
    assert_eq!(http("/{x}", "/a/b"), []);
    assert_eq!(parameters(Rest, "/a/{rest+}", "/a/c/d/"), [("rest", "c/d")]);
}

#[test]
fn paths_of_one_form_mean_one_route_unless_a_name_comes_between() {
    let keys = ["GET /orders/{id}", "GET /items/{id}", "GET /items/new", "GET /{x}/{y}/z"];
    let http = router(Http, &keys);
    assert_eq!(http.resolve_alike("GET", &[Some("orders"), None]), Some(Some(RouteId(0))));
    assert_eq!(http.resolve_alike("GET", &[Some("items"), None]), None);
    assert_eq!(http.resolve_alike("GET", &[Some("items"), Some("new")]), Some(Some(RouteId(2))));
    assert_eq!(http.resolve_alike("GET", &[None, None, Some("z")]), Some(Some(RouteId(3))));
    assert_eq!(http.resolve_alike("PUT", &[None, None]), Some(None));
    assert_eq!(http.resolve_alike("GET", &[]), Some(None));
    assert_eq!(http.resolve_alike("GET", &[Some("orders/1")]), None);
}

fn some_keys() -> impl Strategy<Value = Vec<String>> {
    let segment = prop::sample::select(vec!["a", "b", "{v}"]);
    let path = (prop::collection::vec(segment, 0..4), prop::sample::select(vec!["", "{p+}"])).prop_map(|(segments, end)| {
        let mut path: String = segments.into_iter().flat_map(|s| ["/", s]).collect();
        if !end.is_empty() || path.is_empty() {
            path = path + "/" + end;
        }
        path
    });
    let key = (prop::sample::select(vec!["GET", "PUT", "ANY"]), path).prop_map(|(method, path)| format!("{method} {path}"));
    prop::collection::btree_set(key, 0..8).prop_map(|keys| keys.into_iter().collect())
}

fn some_path() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", ""]), 0..5)
}

/// How well `key` fits the segments, in the terms of the documentation: the smaller, the better; `None` if not at all.
fn fit(api: ApiKind, key: &str, path: &[&str]) -> Option<Vec<u8>> {
    let pattern: Vec<&str> = key.split_once(' ').unwrap().1.split('/').filter(|s| !s.is_empty()).collect();
    let greedy = pattern.last().is_some_and(|s| s.ends_with("+}"));
    let fixed = if greedy { &pattern[..pattern.len() - 1] } else { &pattern[..] };
    if (greedy && (path.len() <= fixed.len() || path[fixed.len()..].join("/").is_empty()))
        || (!greedy && path.len() != fixed.len())
    {
        return None;
    }
    let mut ranks = vec![u8::from(greedy && api == Http)];
    for (pattern, text) in fixed.iter().zip(path) {
        match *pattern {
            "{v}" if !text.is_empty() => ranks.push(1),
            named if named == *text => ranks.push(0),
            _ => return None,
        }
    }
    if greedy {
        ranks.push(2);
    }
    Some(ranks)
}

/// The routes tried one by one, the best fit taken.
fn by_trying_all(api: ApiKind, keys: &[String], method: &str, path: &[&str]) -> Option<usize> {
    let end = path.iter().rposition(|s| !s.is_empty()).map_or(0, |at| at + 1);
    let start = path.iter().position(|s| !s.is_empty()).unwrap_or(0);
    let path = if api == Rest { &path[start.min(end)..end] } else { path };
    // The root is one empty segment to an HTTP API: no segment at all.
    let path = if path == [""] { &[] } else { path };
    let own = |key: &str| key.starts_with(method);
    let takes = |key: &str| own(key) || key.starts_with("ANY");
    let taking = (0..keys.len()).filter(|at| takes(&keys[*at]));
    let fits = taking.filter_map(|at| fit(api, &keys[at], path).map(|ranks| (ranks, at)));
    fits.into_iter().min_by_key(|(ranks, at)| (ranks.clone(), !own(&keys[*at]))).map(|(_, at)| at)
}

proptest! {
    #[test]
    fn the_tree_decides_as_trying_all_routes_does(keys in some_keys(), path in some_path(), rest in any::<bool>()) {
        let api = if rest { Rest } else { Http };
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let router = router(api, &names);
        for method in ["GET", "PUT", "POST"] {
            let found = router.in_stage(method, &format!("/{}", path.join("/"))).map(|id| usize::from(id.0));
            prop_assert_eq!(found, by_trying_all(api, &keys, method, &path), "{} {:?} among {:?}", method, path, keys);
        }
    }

    #[test]
    fn what_is_said_of_all_paths_holds_for_each(
        keys in some_keys(),
        form in prop::collection::vec(prop::sample::select(vec![Some("a"), Some("b"), None]), 0..4),
        texts in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 4),
    ) {
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let router = router(Http, &names);
        let path: Vec<&str> = form.iter().zip(&texts).map(|(fixed, text)| fixed.unwrap_or(text)).collect();
        if let Some(said) = router.resolve_alike("GET", &form) {
            prop_assert_eq!(router.in_stage("GET", &format!("/{}", path.join("/"))), said);
        }
    }

    #[test]
    fn no_path_panics(method in "\\PC{0,5}", path in "[/a{}+]{0,20}|\\PC{0,20}") {
        for api in [Http, Rest] {
            let router = router(api, &["GET /a/{x}", "ANY /a/{p+}", "GET /"]);
            let _ = router.in_stage(&method, &path);
            let _ = parameters(api, "/a/{x}/{p+}", &path);
            let _ = Doors::new(&model(api, &[])).enter(ApiId(0), Some(&method), &path);
        }
    }
}
