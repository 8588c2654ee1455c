//! From all paths to a number of routes that a person can read.
//!
//! Owns the two judgements that need the whole log: a position with many rare names is a variable, and of too many routes the
//! rarest end in a `{proxy+}`.

use super::trie::{Ends, Trie};

/// Most routes (method and path) that are told apart.
pub(super) const ROUTES_MAX: usize = 200;

/// A position below the first with more names than this may be a variable; the first keeps this many times `ROOT_FACTOR`.
const WIDE: usize = 24;

/// The first segment names the parts of an API: it varies only where names are very many.
const ROOT_FACTOR: usize = 3;

/// A name with at least this share of the calls that reach its position stays a name: one in fifty.
const SHARE_OF_A_NAME: u64 = 50;

/// Makes variables of the positions with many rare names, from the root down.
pub(super) fn generalize(trie: &mut Trie) {
    let mut open = vec![0];
    while let Some(at) = open.pop() {
        let wide = if at == 0 { WIDE * ROOT_FACTOR } else { WIDE };
        let node = &trie.nodes[at];
        let light = (node.count / SHARE_OF_A_NAME).max(2);
        let rare = node.names.nodes().filter(|child| trie.nodes[*child].count < light).count();
        if node.names.len() > wide && rare > wide / 2 {
            trie.merge_names(at, 0, light);
        }
        open.extend(trie.children(at));
    }
}

/// Ends the rarest paths early until there are no more than [`ROUTES_MAX`] routes; says how many routes were given up.
pub(super) fn limit(trie: &mut Trie) -> usize {
    let all = routes_below(trie, 0) + routes_at(trie, 0);
    let mut left = all;
    let mut candidates = candidates(trie);
    candidates.sort_unstable();
    for (_, _, place) in candidates {
        if left <= ROUTES_MAX {
            break;
        }
        // What is given up, less the greedy routes that take its place.
        let (at, below) = match &place {
            Place::Below(at) => (*at, routes_below(trie, *at)),
            Place::Name(name) => {
                (0, trie.nodes[0].names.get(name).map_or(0, |child| routes_at(trie, child) + routes_below(trie, child)))
            }
        };
        left -= below + routes_at(trie, at);
        match place {
            Place::Below(at) => trie.collapse(at),
            Place::Name(name) => trie.collapse_name(&name),
        }
        left += routes_at(trie, at);
    }
    all.saturating_sub(left)
}

/// What can be given up.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Everything below a node.
    Below(usize),
    /// One of the first segments.
    Name(Box<[u8]>),
}

/// What can be given up, each with the calls it concerns and its height, so that the rarest and deepest come first.
fn candidates(trie: &Trie) -> Vec<(u64, usize, Place)> {
    let mut found = Vec::new();
    let mut open = vec![(0, usize::MAX)];
    while let Some((at, height)) = open.pop() {
        let node = &trie.nodes[at];
        let below: u64 = node.count - node.ends.iter().sum::<u64>();
        if at != 0 && !(node.names.is_empty() && node.variable.is_none()) {
            found.push((below, height, Place::Below(at)));
        }
        open.extend(trie.children(at).into_iter().map(|child| (child, height - 1)));
    }
    let root = &trie.nodes[0];
    found.extend(root.names.iter().map(|(name, child)| (trie.nodes[child].count, usize::MAX, Place::Name(name.into()))));
    found
}

fn routes_at(trie: &Trie, at: usize) -> usize {
    let methods = |ends: &Ends| ends.iter().filter(|count| **count > 0).count();
    methods(&trie.nodes[at].ends) + methods(&trie.nodes[at].greedy)
}

fn routes_below(trie: &Trie, at: usize) -> usize {
    trie.children(at).into_iter().map(|child| routes_at(trie, child) + routes_below(trie, child)).sum()
}
