//! From paths to routes: `/v2/54fa.../servers/detail` is a call of `/v2/{id}/servers/detail`.
//!
//! Owns the finding of routes in two passes: a `Templater` sees every call of the log, then `Routes` says for each call
//! which route it is. Refuses to keep the calls. Called by `pass`.
//!
//! A segment varies if it looks like a value (`segment`), or stands where very many rare names stand (`prune`). Memory is
//! bounded (`trie`), and so is the number of routes; where a bound was met, `Routes::notes` says so. No two routes of a
//! method match the same path with the same number of names, so that a gateway's router agrees: names before variables before
//! `{proxy+}`.

mod names;
mod prune;
mod segment;
mod target;
mod trie;

use std::collections::BTreeMap;

use crate::traffic::SeriesId;
use segment::Kind;
use target::Segments;
pub(super) use target::Target;
use trie::{Ends, METHODS, NODES_MAX, Trie, method_index};

/// Sees all calls of a log.
#[derive(Debug)]
pub(super) struct Templater {
    trie: Trie,
}

/// The routes of a log; the order of their ids is that of their paths.
#[derive(Debug)]
pub(super) struct Routes {
    trie: Trie,
    /// By node: where calls end, and where they go on.
    ends: Vec<[Option<SeriesId>; METHODS.len()]>,
    greedy: Vec<[Option<SeriesId>; METHODS.len()]>,
    all: Vec<Route>,
    notes: Vec<String>,
}

/// A method and a path pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Method; `ANY` for those that a gateway has no route of its own for.
    pub method: &'static str,
    /// Path with `{...}` where it varies.
    pub path: String,
}

impl Route {
    /// The route key: `GET /orders/{id}`.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Templater {
    pub(super) fn new() -> Self {
        Self { trie: Trie::new() }
    }

    /// Counts a call.
    pub(super) fn add(&mut self, method: &str, target: Target<'_>) {
        self.trie.add(method, target);
    }

    /// The routes of all calls that were seen.
    pub(super) fn finish(mut self) -> Routes {
        let mut notes = Vec::new();
        if self.trie.nodes.len() >= NODES_MAX {
            notes.push(format!(
                "the log has so many different paths that some past the first {NODES_MAX} positions are counted under {{proxy+}}"
            ));
        }
        prune::generalize(&mut self.trie);
        let given_up = prune::limit(&mut self.trie);
        if given_up > 0 {
            notes.push(format!(
                "the log has {given_up} more routes than the {} that are told apart; the rarest are counted under {{proxy+}}",
                prune::ROUTES_MAX
            ));
        }
        let size = self.trie.nodes.len();
        let none = || vec![[None; METHODS.len()]; size];
        let mut routes = Routes { trie: self.trie, ends: none(), greedy: none(), all: Vec::new(), notes };
        routes.name(0, "", &BTreeMap::new());
        routes
    }
}

impl Routes {
    /// The routes in the order of their ids.
    pub(super) fn all(&self) -> &[Route] {
        &self.all
    }

    /// Where bounds were met.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The route of a call that the templater has seen, as an HTTP API finds it: names before variables, and only where no
    /// path matches as a whole the longest one that ends in `{proxy+}`.
    pub(super) fn of(&self, method: &str, target: Target<'_>) -> Option<SeriesId> {
        let (path, method) = (target.segments(), method_index(method));
        self.whole(0, path.clone(), method).or_else(|| self.beginning(0, path, method))
    }

    /// There is a way back from each choice, but a node of a tree is visited at most once.
    fn whole(&self, mut at: usize, mut rest: Segments<'_>, method: usize) -> Option<SeriesId> {
        while let Some(first) = rest.next() {
            match self.below(at, first) {
                [Some(only), None] | [None, Some(only)] => at = only,
                [Some(name), Some(variable)] => {
                    return self.whole(name, rest.clone(), method).or_else(|| self.whole(variable, rest, method));
                }
                [None, None] => return None,
            }
        }
        self.ends[at][method]
    }

    fn beginning(&self, at: usize, mut rest: Segments<'_>, method: usize) -> Option<SeriesId> {
        let first = rest.next()?;
        let deeper = self.below(at, first).into_iter().flatten().find_map(|child| self.beginning(child, rest.clone(), method));
        deeper.or(self.greedy[at][method])
    }

    /// The named child, then the variable one.
    fn below(&self, at: usize, segment: &[u8]) -> [Option<usize>; 2] {
        let node = &self.trie.nodes[at];
        let variable = node.variable.as_ref().filter(|_| !segment.is_empty()).map(|(_, child)| *child);
        [node.names.get(segment), variable]
    }

    /// Gives ids to the routes of a subtree, in the order of their paths.
    fn name(&mut self, at: usize, path: &str, used: &BTreeMap<String, u32>) {
        let (ends, greedy) = (self.trie.nodes[at].ends, self.trie.nodes[at].greedy);
        self.ends[at] = self.add_routes(&ends, if path.is_empty() { "/" } else { path });
        self.greedy[at] = self.add_routes(&greedy, &format!("{path}/{{proxy+}}"));
        let mut names: Vec<_> = self.trie.nodes[at].names.iter().map(|(name, child)| (name.to_vec(), child)).collect();
        names.sort_unstable();
        for (name, child) in names {
            self.name(child, &format!("{path}/{}", String::from_utf8_lossy(&name)), used);
        }
        if let Some((kind, child)) = self.trie.nodes[at].variable.clone() {
            let mut used = used.clone();
            let name = unique(&kind, &mut used);
            self.name(child, &format!("{path}/{{{name}}}"), &used);
        }
    }

    fn add_routes(&mut self, ends: &Ends, path: &str) -> [Option<SeriesId>; METHODS.len()] {
        let mut ids = [None; METHODS.len()];
        for (at, method) in METHODS.into_iter().enumerate().filter(|(at, _)| ends[*at] > 0) {
            ids[at] = Some(SeriesId(self.all.len() as u16));
            self.all.push(Route { method, path: path.to_owned() });
        }
        ids
    }
}

/// `id`, then `id2`, `id3`: a name that the path does not have yet.
fn unique(kind: &Kind, used: &mut BTreeMap<String, u32>) -> String {
    let times = used.entry(kind.name().to_owned()).or_insert(0);
    *times += 1;
    let name = if *times == 1 { kind.name().to_owned() } else { format!("{}{times}", kind.name()) };
    if *times > 1 {
        used.entry(name.clone()).or_insert(1);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn routes(calls: &[(&str, String)]) -> (Routes, BTreeMap<String, u64>) {
        let mut templater = Templater::new();
        for (method, target) in calls {
            templater.add(method, Target::of(target.as_bytes()));
        }
        let routes = templater.finish();
        let mut counts = BTreeMap::new();
        for (method, target) in calls {
            let id = routes.of(method, Target::of(target.as_bytes())).unwrap_or_else(|| panic!("{method} {target} has no route"));
            *counts.entry(routes.all()[usize::from(id.0)].key()).or_insert(0) += 1;
        }
        (routes, counts)
    }

    fn keys(calls: &[(&str, &str)]) -> Vec<String> {
        let calls: Vec<_> = calls.iter().map(|(method, target)| (*method, (*target).to_owned())).collect();
        routes(&calls).1.into_keys().collect()
    }

    #[test]
    fn values_become_variables_and_names_stay() {
        let found = keys(&[
            ("GET", "/v2/54fadb412c4e40cdbaed9335e4c35a9e/servers/detail?x=1"),
            ("GET", "/v2/e9746973ac574c6b8a9e8857f56a7608/servers/b9000564-fe1a-409b-b8cc-1e88b294cd1d"),
            ("DELETE", "/v2/e9746973ac574c6b8a9e8857f56a7608/servers/b9000564-fe1a-409b-b8cc-1e88b294cd1d"),
            ("GET", "/v2/54fadb412c4e40cdbaed9335e4c35a9e/flavors/2"),
            ("PROPFIND", "/latest/meta-data/"),
            ("GET", "/"),
        ]);
        assert_eq!(
            found,
            [
                "ANY /latest/meta-data",
                "DELETE /v2/{id}/servers/{uuid}",
                "GET /",
                "GET /v2/{id}/flavors/{id2}",
                "GET /v2/{id}/servers/detail",
                "GET /v2/{id}/servers/{uuid}",
            ]
        );
    }

    #[test]
    fn a_position_with_many_rare_names_is_a_variable_and_its_frequent_names_stay() {
        let word = |n: usize| format!("{}{}", char::from(b'a' + (n % 26) as u8), char::from(b'a' + (n / 26 % 26) as u8));
        let mut calls: Vec<_> = (0..300).map(|n| ("GET", format!("/users/{}/orders", word(n)))).collect();
        calls.extend((0..300).map(|_| ("GET", "/users/myself/orders".to_owned())));
        let (_, counts) = routes(&calls);
        assert_eq!(
            counts.into_iter().collect::<Vec<_>>(),
            [("GET /users/myself/orders".into(), 300), ("GET /users/{id}/orders".into(), 300)]
        );
    }

    #[test]
    fn route_patterns_in_the_log_keep_their_names() {
        assert_eq!(keys(&[("GET", "/pets/%7BpetId%7D/toys/%7BpetId%7D")]), ["GET /pets/{petId}/toys/{petId2}"]);
    }

    #[test]
    fn a_hostile_log_stays_within_the_bounds() {
        let name = |n: usize| -> String { format!("{n:05}").bytes().map(|b| char::from(b - b'0' + b'a')).collect() };
        let calls: Vec<_> = (0..60_000).map(|n| ("GET", format!("/{}/{}/x{}", name(n % 100), name(n / 100), name(n)))).collect();
        let (routes, counts) = routes(&calls);
        assert!(routes.trie.nodes.len() <= NODES_MAX);
        assert!(routes.all().len() <= prune::ROUTES_MAX, "{}", routes.all().len());
        assert_eq!(counts.values().sum::<u64>(), 60_000);
        assert!(!routes.notes().is_empty());
        let deep = keys(&[("GET", &"/a".repeat(1_000))]);
        assert!(deep[0].ends_with("/a/{proxy+}") && deep[0].len() < 100, "{deep:?}");
    }

    proptest! {
        #[test]
        fn every_call_has_a_route_and_keys_are_unique(
            calls in proptest::collection::vec(("(GET|POST|X)", "(/([a-c]|[0-9]|%7Ba%7D|%7Bb%7D|)){1,4}"), 1..60)
        ) {
            let calls: Vec<_> = calls.iter().map(|(method, target)| (method.as_str(), target.clone())).collect();
            let (routes, counts) = routes(&calls);
            prop_assert_eq!(counts.values().sum::<u64>(), calls.len() as u64);
            let mut keys: Vec<_> = routes.all().iter().map(Route::key).collect();
            keys.sort();
            keys.dedup();
            prop_assert_eq!(keys.len(), routes.all().len());
        }
    }
}
