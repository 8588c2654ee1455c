//! The names at one position of the tree, looked up for each segment of each line.
//!
//! Owns their order and the lookup. A number made of a name's bytes is what the names are sorted by; with the length it is the whole of
//! a short name, so that most lookups compare numbers alone: a hash map was the import's costliest step. Refuses to judge names.

/// Names and the nodes below them.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Sorted by head.
    all: Vec<Name>,
}

#[derive(Debug)]
struct Name {
    head: Head,
    text: Box<[u8]>,
    node: usize,
}

/// Of names of one length, no two of up to [`Head::WHOLE`] bytes have the same; of longer ones it is the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head(u64);

/// Names that are looked at one by one.
const FEW: usize = 8;

impl Head {
    const WHOLE: usize = 8;

    fn of(text: &[u8]) -> Self {
        if let Some(first) = text.first_chunk() {
            return Self(u64::from_le_bytes(*first));
        }
        // Two halves that overlap: no loop over the bytes.
        Self(match (text.first_chunk(), text.last_chunk()) {
            (Some(first), Some(last)) => u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)),
            _ => text.iter().fold(0, |head, byte| head << 8 | u64::from(*byte)),
        })
    }
}

impl Names {
    pub(super) fn get(&self, text: &[u8]) -> Option<usize> {
        self.find(text).map(|at| self.all[at].node)
    }

    /// Adds a name that is not there.
    pub(super) fn insert(&mut self, text: Box<[u8]>, node: usize) {
        let head = Head::of(&text);
        self.all.insert(self.first(head), Name { head, text, node });
    }

    pub(super) fn remove(&mut self, text: &[u8]) -> Option<usize> {
        self.find(text).map(|at| self.all.remove(at).node)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.all.iter().map(|name| (&*name.text, name.node))
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = usize> {
        self.all.iter().map(|name| name.node)
    }

    pub(super) fn into_all(self) -> impl Iterator<Item = (Box<[u8]>, usize)> {
        self.all.into_iter().map(|name| (name.text, name.node))
    }

    fn first(&self, head: Head) -> usize {
        self.all.partition_point(|name| name.head < head)
    }

    fn find(&self, text: &[u8]) -> Option<usize> {
        let head = Head::of(text);
        // A search by halves pays where names are many.
        let first = if self.all.len() > FEW { self.first(head) } else { 0 };
        let to_come = self.all[first..].iter().take_while(|name| name.head <= head);
        // What a head and a length tell whole needs no second look.
        let is = |name: &Name| {
            name.head == head && name.text.len() == text.len() && (text.len() <= Head::WHOLE || *name.text == *text)
        };
        to_come.zip(first..).find(|(name, _)| is(name)).map(|(_, at)| at)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::btree_map::Entry;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn names_are_found_as_in_a_map(
            steps in proptest::collection::vec((any::<bool>(), "[ab\0]{0,9}|aaaaaaaa[ab]{0,3}|\0{0,9}"), 0..200),
        ) {
            let (mut names, mut map) = (Names::default(), BTreeMap::<Box<[u8]>, usize>::new());
            for (node, (keep, text)) in steps.into_iter().enumerate() {
                let text: Box<[u8]> = text.into_bytes().into();
                prop_assert_eq!(names.get(&text), map.get(&text).copied());
                if !keep {
                    prop_assert_eq!(names.remove(&text), map.remove(&text));
                } else if let Entry::Vacant(free) = map.entry(text.clone()) {
                    free.insert(node);
                    names.insert(text, node);
                }
                prop_assert_eq!(names.len(), map.len());
            }
            prop_assert_eq!(names.into_all().collect::<BTreeMap<_, _>>(), map);
        }
    }
}
