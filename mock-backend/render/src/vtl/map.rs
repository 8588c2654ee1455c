//! The entries of a map, in the order in which they were put.
//!
//! Owns look-up by key that stays quick in large maps. Refuses what a value is. Used by `heap`.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::value::{Text, Value};

/// So many entries are searched one by one; more get an index.
const SEARCHED_MAX: usize = 16;

/// Entries by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries<'v> {
    entries: Vec<(Text<'v>, Value<'v>)>,
    index: BTreeMap<Rc<str>, usize>,
}

impl<'v> Entries<'v> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Text<'v>, Value<'v>)> {
        self.entries.iter()
    }

    fn find(&self, key: &str) -> Option<usize> {
        if self.index.is_empty() {
            return self.entries.iter().position(|(known, _)| **known == *key);
        }
        self.index.get(key).copied()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value<'v>> {
        self.find(key).map(|at| &self.entries[at].1)
    }

    /// Puts a value; the one that was there before.
    pub(super) fn put(&mut self, key: Text<'v>, value: Value<'v>) -> Option<Value<'v>> {
        if let Some(at) = self.find(&key) {
            return Some(std::mem::replace(&mut self.entries[at].1, value));
        }
        if !self.index.is_empty() {
            self.index.insert((&*key).into(), self.entries.len());
        }
        self.entries.push((key, value));
        if self.index.is_empty() && self.entries.len() > SEARCHED_MAX {
            self.number();
        }
        None
    }

    /// Takes an entry out; costs as much as the map is long.
    pub(super) fn remove(&mut self, key: &str) -> Option<Value<'v>> {
        let at = self.find(key)?;
        let (_, value) = self.entries.remove(at);
        self.index.clear();
        if self.entries.len() > SEARCHED_MAX {
            self.number();
        }
        Some(value)
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.index.clear();
    }

    fn number(&mut self) {
        self.index = self.entries.iter().enumerate().map(|(at, (key, _))| (Rc::from(&**key), at)).collect();
    }
}
