//! Which route a request means, for both kinds of API.

use super::*;
use crate::model::Api::{Http, Rest};
use crate::model::{Account, Integration, Route, Stage};
use proptest::prelude::*;

/// A router of these route keys, each `METHOD /path` (`ANY` for all) or `$default`, with the stages `prod` and `$default`.
fn router(api: Api, keys: &[&str]) -> Router {
    let routes = keys.iter().map(|key| {
        let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
        let method = Some(method).filter(|method| *method != "ANY").map(str::to_owned);
        Route { method, path: path.to_owned(), integration: Integration::Mock { status: 200, body: String::new() } }
    });
    let stage = |name: &str| Stage { name: name.to_owned(), throttle: None, route_throttles: Vec::new(), access_log: None };
    Router::new(&Model {
        api,
        api_id: "a1b2c3".to_owned(),
        region: "us-east-1".to_owned(),
        account: Account::default_in("us-east-1"),
        overhead: crate::latency::Latency::constant(crate::time::Span::ZERO),
        refusal: crate::latency::Latency::constant(crate::time::Span::ZERO),
        stages: vec![stage("prod"), stage("$default")],
        functions: Vec::new(),
        routes: routes.collect(),
    })
}

/// Which of the keys `method path` means.
fn meant<'k>(api: Api, keys: &[&'k str], request: &str) -> Option<&'k str> {
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
fn a_rest_api_finds_the_resource_by_its_path_and_looks_no_further_for_the_method() {
    let keys = ["GET /users", "ANY /{proxy+}", "GET /users/{id}"];
    assert_eq!(meant(Rest, &keys, "POST /users"), None);
    assert_eq!(meant(Http, &keys, "POST /users"), Some("ANY /{proxy+}"));
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

#[test]
fn the_first_segment_names_the_stage_or_else_it_is_the_default_one() {
    let http = router(Http, &["GET /a"]);
    let (prod, default, a) = (Some(StageId(0)), Some(StageId(1)), Some(RouteId(0)));
    for (path, stage, route) in [
        ("/prod/a", prod, a),
        ("/prod", prod, None),
        ("/prod/prod/a", prod, None),
        ("/a", default, a),
        ("/production/a", default, None),
        ("/$default/a", default, None),
    ] {
        assert_eq!(http.resolve("GET", path), Resolved { stage, route }, "{path}");
    }
    let rest = router(Rest, &["GET /a", "GET /"]);
    assert_eq!(rest.resolve("GET", "/prod//a"), Resolved { stage: prod, route: a });
    assert_eq!(rest.resolve("GET", "/prod"), Resolved { stage: prod, route: Some(RouteId(1)) });
    assert_eq!(rest.resolve("GET", "/a"), Resolved { stage: None, route: None });
    assert_eq!(rest.resolve("GET", "/$default/a"), Resolved { stage: None, route: None });
}

#[test]
fn parameters_are_named_and_not_decoded() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let http = router(Http, &["GET /a/{x}/b/{rest+}", "$default"]);
    let found = http.parameters(RouteId(0), "/a/1%202/b/c/d/");
    assert_eq!(found, [pair("x", "1%202"), pair("rest", "c/d/")]);
    assert_eq!(http.parameters(RouteId(1), "/a/b"), []);
    assert_eq!(http.parameters(RouteId(9), "/a/b"), []);
    assert_eq!(http.parameters(RouteId(0), "/x/1/b/c"), []);
    assert_eq!(router(Http, &["GET /{x}"]).parameters(RouteId(0), "/a/b"), []);
    let rest = router(Rest, &["GET /a/{rest+}"]);
    assert_eq!(rest.parameters(RouteId(0), "/a/c/d/"), [pair("rest", "c/d")]);
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
fn fit(api: Api, key: &str, path: &[&str]) -> Option<Vec<u8>> {
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
fn by_trying_all(api: Api, keys: &[String], method: &str, path: &[&str]) -> Option<usize> {
    let end = path.iter().rposition(|s| !s.is_empty()).map_or(0, |at| at + 1);
    let start = path.iter().position(|s| !s.is_empty()).unwrap_or(0);
    let path = if api == Rest { &path[start.min(end)..end] } else { path };
    // The root is one empty segment to an HTTP API: no segment at all.
    let path = if path == [""] { &[] } else { path };
    let own = |key: &str| key.starts_with(method);
    let takes = |key: &str| own(key) || key.starts_with("ANY");
    let mut fits: Vec<_> = (0..keys.len()).filter_map(|at| fit(api, &keys[at], path).map(|ranks| (ranks, at))).collect();
    match api {
        Http => fits.retain(|(_, at)| takes(&keys[*at])),
        Rest => {
            let best = fits.iter().map(|(ranks, _)| ranks.clone()).min();
            fits.retain(|(ranks, at)| Some(ranks) == best.as_ref() && takes(&keys[*at]));
        }
    }
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
            let resolved = router.resolve(&method, &path);
            if let Some(route) = resolved.route {
                let _ = router.parameters(route, &path);
            }
        }
    }
}
