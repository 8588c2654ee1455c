//! All paths seen so far, as a bounded tree of segments.
//!
//! Owns the nodes and their merging. Refuses to judge which positions vary beyond the look of a segment (`prune` does, and is
//! called here when a node has too many children). Memory: at most [`NODES_MAX`] nodes of at most [`CHILDREN_MAX`] names each;
//! paths that would need more are counted at a `{proxy+}` of the deepest node that there is.

use super::names::Names;
use super::segment::{self, Kind};
use super::target::Target;

/// Most nodes.
pub(super) const NODES_MAX: usize = 20_000;

/// Names at one position before the rarer half of them becomes a variable.
pub(super) const CHILDREN_MAX: usize = 128;

/// Segments of a path that are looked at; what follows is a `{proxy+}`.
pub(super) const DEPTH_MAX: usize = 24;

/// Methods that have routes of their own, and `ANY` for all others.
pub(super) const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "ANY"];

/// Which of [`METHODS`] a method is.
pub(super) fn method_index(method: &str) -> usize {
    // A match compares whole words; a search through the list would call a comparison for each.
    match method {
        "GET" => 0,
        "HEAD" => 1,
        "POST" => 2,
        "PUT" => 3,
        "PATCH" => 4,
        "DELETE" => 5,
        "OPTIONS" => 6,
        _ => METHODS.len() - 1,
    }
}

/// How many calls ended at a place, by method.
pub(super) type Ends = [u64; METHODS.len()];

/// One position after one beginning.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) names: Names,
    pub(super) variable: Option<(Kind, usize)>,
    /// Calls whose path passes or ends here.
    pub(super) count: u64,
    /// Calls whose path ends here.
    pub(super) ends: Ends,
    /// Calls whose path goes on, and is not followed.
    pub(super) greedy: Ends,
}

/// The tree; node 0 is the root.
#[derive(Debug)]
pub(super) struct Trie {
    pub(super) nodes: Vec<Node>,
    free: Vec<usize>,
}

impl Trie {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default()], free: Vec::new() }
    }

    /// Counts a call.
    pub(super) fn add(&mut self, method: &str, target: Target<'_>) {
        let method = method_index(method);
        let mut at = 0;
        for (depth, segment) in target.segments().enumerate() {
            self.nodes[at].count += 1;
            let next = if depth < DEPTH_MAX { self.child(at, segment) } else { None };
            let Some(next) = next else {
                self.nodes[at].greedy[method] += 1;
                return;
            };
            at = next;
        }
        self.nodes[at].count += 1;
        self.nodes[at].ends[method] += 1;
    }

    /// The node below `at` for `segment`, made if there is room.
    fn child(&mut self, at: usize, segment: &[u8]) -> Option<usize> {
        if let Some(found) = self.nodes[at].names.get(segment) {
            return Some(found);
        }
        // Two slashes in a row: neither a name nor a variable can stand between them.
        if segment.is_empty() {
            return None;
        }
        if let Some(kind) = segment::kind(segment) {
            return self.variable(at, &kind);
        }
        if self.nodes[at].names.len() >= CHILDREN_MAX {
            self.merge_names(at, CHILDREN_MAX / 2, u64::MAX);
        }
        let made = self.make()?;
        self.nodes[at].names.insert(segment.into(), made);
        Some(made)
    }

    /// The variable below `at`, made if there is room.
    pub(super) fn variable(&mut self, at: usize, kind: &Kind) -> Option<usize> {
        if let Some((known, child)) = &mut self.nodes[at].variable {
            known.with(kind);
            return Some(*child);
        }
        let made = self.make()?;
        self.nodes[at].variable = Some((kind.clone(), made));
        Some(made)
    }

    /// Makes the names at a position part of its variable, but for the `keep` most frequent and those with `light` calls or
    /// more.
    pub(super) fn merge_names(&mut self, at: usize, keep: usize, light: u64) {
        let all = self.nodes[at].names.iter();
        let mut names: Vec<_> = all.map(|(name, child)| (self.nodes[child].count, name.to_vec())).collect();
        names.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let rare = names.into_iter().skip(keep).filter(|(count, _)| *count < light);
        for (_, name) in rare.collect::<Vec<_>>() {
            let Some(variable) = self.variable(at, &Kind::Id) else { return };
            if let Some((kind, _)) = &mut self.nodes[at].variable {
                kind.with(&Kind::Id);
            }
            if let Some(child) = self.nodes[at].names.remove(&name) {
                self.merge(child, variable);
            }
        }
    }

    /// Adds the subtree `from` to the subtree `into`; `from` is gone afterwards.
    fn merge(&mut self, from: usize, into: usize) {
        let gone = self.release(from);
        let node = &mut self.nodes[into];
        node.count += gone.count;
        add(&mut node.ends, &gone.ends);
        add(&mut node.greedy, &gone.greedy);
        for (name, child) in gone.names.into_all() {
            match self.nodes[into].names.get(&name) {
                Some(same) => self.merge(child, same),
                None => self.nodes[into].names.insert(name, child),
            }
        }
        if let Some((kind, child)) = gone.variable {
            match &mut self.nodes[into].variable {
                Some((known, same)) => {
                    known.with(&kind);
                    let same = *same;
                    self.merge(child, same);
                }
                none => *none = Some((kind, child)),
            }
        }
    }

    /// Ends all paths that pass `at` there, in a `{proxy+}`.
    pub(super) fn collapse(&mut self, at: usize) {
        for child in self.children(at) {
            let below = self.take_ends(child);
            add(&mut self.nodes[at].greedy, &below);
        }
        self.nodes[at].names.clear();
        self.nodes[at].variable = None;
    }

    /// Ends all paths through one name below the root in the root's `{proxy+}`.
    pub(super) fn collapse_name(&mut self, name: &[u8]) {
        if let Some(child) = self.nodes[0].names.remove(name) {
            let below = self.take_ends(child);
            add(&mut self.nodes[0].greedy, &below);
        }
    }

    /// The nodes below `at`.
    pub(super) fn children(&self, at: usize) -> Vec<usize> {
        let node = &self.nodes[at];
        node.names.nodes().chain(node.variable.as_ref().map(|(_, child)| *child)).collect()
    }

    /// All calls of a subtree, which is gone afterwards.
    fn take_ends(&mut self, at: usize) -> Ends {
        let children = self.children(at);
        let gone = self.release(at);
        let mut ends = gone.ends;
        add(&mut ends, &gone.greedy);
        for child in children {
            add(&mut ends, &self.take_ends(child));
        }
        ends
    }

    fn make(&mut self) -> Option<usize> {
        if let Some(free) = self.free.pop() {
            return Some(free);
        }
        (self.nodes.len() < NODES_MAX).then(|| {
            self.nodes.push(Node::default());
            self.nodes.len() - 1
        })
    }

    fn release(&mut self, at: usize) -> Node {
        self.free.push(at);
        std::mem::take(&mut self.nodes[at])
    }
}

fn add(into: &mut Ends, more: &Ends) {
    for (sum, n) in into.iter_mut().zip(more) {
        *sum += n;
    }
}
