//! Whether all paths of one form mean the same route.
//!
//! A free segment matters only by which named segment it equals, so it is enough to try each name that the tree has at its
//! place, and one text that equals none.

use super::{ROOT, Router};
use crate::model::RouteId;

/// A text that no proven pattern holds.
const OTHER: &str = "\u{1}";
/// How many concrete paths are tried before "cannot say".
const PATHS_MAX: usize = 4_096;

#[allow(clippy::option_option, reason = "unknown, no route and a route are three answers")]
pub(super) fn resolve(router: &Router, method: &str, segments: &[Option<&str>]) -> Option<Option<RouteId>> {
    let mut search = Search { router, method, found: None, tried: 0 };
    search.explore(&[ROOT], String::new(), segments)?;
    search.found
}

#[allow(clippy::option_option, reason = "none tried yet, no route and a route are three states")]
struct Search<'r> {
    router: &'r Router,
    method: &'r str,
    found: Option<Option<RouteId>>,
    tried: usize,
}

impl Search<'_> {
    /// Tries all continuations of `path`, which may have led to any of the nodes; `None` as soon as two of them disagree.
    fn explore(&mut self, nodes: &[usize], path: String, segments: &[Option<&str>]) -> Option<()> {
        let Some((first, below)) = segments.split_first() else { return self.compare(&path) };
        match first {
            Some(text) if text.contains('/') => None,
            Some(text) => self.explore(&self.children(nodes, text), path + "/" + text, below),
            None => {
                let mut names: Vec<&str> = nodes.iter().flat_map(|at| self.router.nodes[*at].names()).collect();
                names.sort_unstable();
                names.dedup();
                names.push(OTHER);
                names.into_iter().try_for_each(|name| {
                    let longer = format!("{path}/{name}");
                    self.explore(&self.children(nodes, name), longer, below)
                })
            }
        }
    }

    fn children(&self, nodes: &[usize], segment: &str) -> Vec<usize> {
        nodes.iter().flat_map(|at| self.router.nodes[*at].children(segment)).flatten().collect()
    }

    fn compare(&mut self, path: &str) -> Option<()> {
        self.tried += 1;
        let route = self.router.in_stage(self.method, path);
        let agrees = *self.found.get_or_insert(route) == route;
        (agrees && self.tried <= PATHS_MAX).then_some(())
    }
}
