//! The response cache: which answers are kept, for how long, and which are given again.
//!
//! Owns the keys, the ends and the sizes of kept answers. Refuses their bytes: an entry has a name here, and the mock keeps what
//! it stands for until the gateway says [`Forget`](crate::call::Action::Forget). Called by the gateway for each request that has
//! passed its checks, and for each answer to one that was not there.
//!
//! What the documentation says (developer guide, "Enable API caching", 2023): only `GET` by default; an answer of at most
//! 1,048,576 bytes; the key is the stage, the resource and the chosen parameters. What it does not say, and what is taken here:
//! - Answers of the integration alone are kept; which of them is a setting ([`CachedStatuses`]).
//! - The time to live runs from the instant of the reply that fills the entry; at its end the entry is gone.
//! - Beyond the capacity the entry that was not used for longest goes. Bodies alone count.
//! - An `ANY` route counts as no `GET`: it is kept only if the stage says so, and then by resource alone.
//! - A stage that moves to another deployment keeps its cache, as its canary does: an answer of the old one may be given until
//!   its time is up or the cache is flushed.
//! - Where several deployments set different times for one route key, the first in the stage's list holds.
//!
//! Bounded beside the capacity: a store holds at most 262,144 entries and 33,554,432 bytes of keys.

mod store;

use std::collections::VecDeque;
use std::sync::Arc;

use self::store::{Bounds, Store};
use crate::call::{Content, EntryId, Release};
use crate::model::{Cache, CachedStatuses, Model, RouteId, Stage, StageId};
use crate::routing::RouteKeys;
use crate::time::{Instant, Span};

/// Largest body that is kept (developer guide, "Enable API caching", 2023).
pub const ENTRY_BYTES_MAX: u64 = 1_048_576;
/// How many answers a store keeps at most, whatever its capacity.
pub const ENTRIES_MAX: usize = 262_144;
/// How many bytes the keys of a store may have together.
pub const KEY_BYTES_MAX: u64 = 33_554_432;

/// The response caches of all stages.
#[derive(Clone, Debug)]
pub struct Caches {
    stages: Vec<Option<Setting>>,
    stores: Vec<Store>,
    /// No entry ends before this.
    soonest: Instant,
    /// How many entries there were: the next one's name.
    named: u64,
    gone: VecDeque<EntryId>,
}

/// What one stage keeps, and where.
#[derive(Clone, Debug)]
struct Setting {
    /// By route; `None` keeps nothing.
    routes: Vec<Option<Place>>,
    /// Where the stage and its canary keep theirs.
    base: usize,
    canary: usize,
}

/// Where, under which route key and how long answers of a route are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    store: usize,
    route_key: u32,
    ttl: Span,
    statuses: CachedStatuses,
}

/// What will be kept, should the answer be worth it.
#[derive(Clone, Debug)]
pub struct Fill {
    place: Place,
    key: Arc<[u8]>,
}

impl Caches {
    /// Empty caches for the stages that have one.
    pub fn new(model: &Model) -> Self {
        let keys = RouteKeys::new(model);
        let mut stores = Vec::new();
        let stages = model.stages.iter().map(|stage| setting(model, &keys, stage, &mut stores)).collect();
        Self { stages, stores, soonest: Instant::MAX, named: 0, gone: VecDeque::new() }
    }

    /// Where answers of this route are kept; `None` if they are not.
    pub fn place(&self, stage: StageId, release: Release, route: RouteId) -> Option<Place> {
        let setting = self.stages.get(usize::from(stage.0))?.as_ref()?;
        let place = (*setting.routes.get(usize::from(route.0))?)?;
        let store = match release {
            Release::Base => setting.base,
            Release::Canary => setting.canary,
        };
        Some(Place { store, ..place })
    }

    /// What is kept there under this completed key.
    pub fn find(&mut self, now: Instant, place: Place, key: &[u8]) -> Option<(EntryId, Content)> {
        let store = self.stores.get_mut(place.store)?;
        store.expire(now, &mut self.gone);
        store.find(key)
    }

    /// Keeps an answer, if it is one to keep; else `None`.
    pub fn keep(&mut self, now: Instant, fill: Fill, content: Content) -> Option<EntryId> {
        let store = self.stores.get_mut(fill.place.store)?;
        store.expire(now, &mut self.gone);
        let is_kept = fill.place.statuses.keeps(content.status) && content.bytes <= ENTRY_BYTES_MAX;
        if !is_kept || !store.holds(fill.key.len(), content.bytes) {
            return None;
        }
        let id = EntryId(self.named);
        self.named += 1;
        let end = now + fill.place.ttl;
        self.soonest = self.soonest.min(end);
        store.keep(fill.key, (id, content), end, &mut self.gone);
        Some(id)
    }

    /// Drops all that has ended.
    pub fn expire(&mut self, now: Instant) {
        if self.soonest > now {
            return;
        }
        for store in &mut self.stores {
            store.expire(now, &mut self.gone);
        }
        self.soonest = self.stores.iter().filter_map(Store::first_end).min().unwrap_or(Instant::MAX);
    }

    /// Drops all that a stage keeps, and its canary.
    pub fn flush(&mut self, stage: StageId) {
        let Some(Some(setting)) = self.stages.get(usize::from(stage.0)) else { return };
        for at in [setting.base, setting.canary] {
            self.stores[at].clear(&mut self.gone);
        }
    }

    /// Drops one entry, wherever it is.
    pub fn drop_entry(&mut self, id: EntryId) {
        for store in &mut self.stores {
            store.drop_entry(id, &mut self.gone);
        }
    }

    /// The next entry that is gone and has not been told of.
    pub fn take_gone(&mut self) -> Option<EntryId> {
        self.gone.pop_front()
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.stores.iter().map(Store::len).sum()
    }
}

impl Place {
    /// Makes the values of the route's parameters a whole key: unlike that of any other route.
    pub fn complete(self, key: &mut Vec<u8>) {
        // At the end, where its fixed length keeps it apart from the values.
        key.extend_from_slice(&self.route_key.to_be_bytes());
    }

    /// What is to be kept under this completed key, once its answer is there.
    pub fn fill(self, key: &[u8]) -> Fill {
        Fill { place: self, key: key.into() }
    }
}

fn setting(model: &Model, keys: &RouteKeys, stage: &Stage, stores: &mut Vec<Store>) -> Option<Setting> {
    let cache = stage.cache.as_ref()?;
    let bounds = Bounds { body_bytes: cache.capacity_bytes, key_bytes: KEY_BYTES_MAX, entries: ENTRIES_MAX };
    let base = stores.len();
    stores.push(Store::new(bounds));
    let has_own = stage.canary.as_ref().is_some_and(|canary| !canary.shares_cache);
    if has_own {
        stores.push(Store::new(bounds));
    }
    let api = model.apis.get(usize::from(stage.api.0));
    let statuses = api.map_or(CachedStatuses::default(), |api| api.unconfirmed.cached_statuses);
    let place = |at: usize| {
        let route_key = keys.within(stage.api, RouteId(at as u16))?;
        let own = keys.setting(&cache.routes, stage.api, route_key);
        let is_get = model.routes[at].method.as_deref() == Some("GET");
        let ttl = ttl(own.or(Some(cache.default).filter(|_| is_get))?)?;
        Some(Place { store: base, route_key, ttl, statuses })
    };
    Some(Setting { routes: (0..model.routes.len()).map(place).collect(), base, canary: base + usize::from(has_own) })
}

/// How long an answer is kept; a time to live of zero keeps nothing.
fn ttl(setting: Cache) -> Option<Span> {
    match setting {
        Cache::Off => None,
        Cache::For(ttl) => Some(ttl).filter(|ttl| *ttl > Span::ZERO),
    }
}

#[cfg(test)]
mod tests;
