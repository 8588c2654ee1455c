//! What is kept, and what leaves.

use super::*;
use crate::model::{Api, ApiId, ApiKind, Canary, Deployment, DeploymentId, Integration, Invalidation, Route, StageCache};
use proptest::prelude::*;

const PROD: StageId = StageId(0);
const GET: RouteId = RouteId(0);
const POST: RouteId = RouteId(1);
/// The same key as `GET`, in another deployment.
const NEXT: RouteId = RouteId(2);

fn at(secs: u64) -> Instant {
    Instant::ZERO + Span::from_secs(secs)
}

/// A stage that keeps answers for ten seconds, and a canary.
fn model(capacity_bytes: u64, routes: &[(RouteId, Cache)], shares_cache: bool) -> Model {
    let route = |deployment, method| Route::new(DeploymentId(deployment), Some(method), "/a", Integration::fixed(200, ""));
    let routes_of_both = vec![route(0, "GET"), route(0, "POST"), route(1, "GET")];
    let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["prod", "dev"], routes_of_both);
    model.deployments.push(Deployment::new(ApiId(0), "next"));
    let default = Cache::For(Span::from_secs(10));
    let invalidation = Invalidation::Open;
    model.stages[0].cache = Some(StageCache { capacity_bytes, default, routes: routes.to_vec(), invalidation });
    model.stages[0].canary = Some(Canary { share: 0.5, deployment: DeploymentId(1), variables: Vec::new(), shares_cache });
    model
}

fn caches(capacity_bytes: u64) -> Caches {
    Caches::new(&model(capacity_bytes, &[], false))
}

fn key(place: Place, value: u32) -> Vec<u8> {
    let mut key = value.to_be_bytes().to_vec();
    place.complete(&mut key);
    key
}

fn place(caches: &Caches) -> Place {
    caches.place(PROD, Release::Base, GET).unwrap()
}

fn keep(caches: &mut Caches, now: Instant, value: u32, content: (u16, u64)) -> Option<u64> {
    let place = place(caches);
    let content = Content { status: content.0, bytes: content.1 };
    caches.keep(now, place.fill(&key(place, value)), content).map(|id| id.0)
}

fn find(caches: &mut Caches, now: Instant, value: u32) -> Option<u64> {
    let place = place(caches);
    caches.find(now, place, &key(place, value)).map(|(id, _)| id.0)
}

fn gone(caches: &mut Caches) -> Vec<u64> {
    std::iter::from_fn(|| caches.take_gone()).map(|id| id.0).collect()
}

#[test]
fn a_get_is_kept_by_default_and_anything_else_only_if_the_stage_says_so() {
    let caches = caches(100);
    assert!(caches.place(PROD, Release::Base, GET).is_some());
    assert_eq!(caches.place(PROD, Release::Base, POST), None);
    assert_eq!(caches.place(StageId(1), Release::Base, GET), None);
    assert_eq!(caches.place(StageId(9), Release::Base, GET), None);
    assert_eq!(caches.place(PROD, Release::Base, RouteId(9)), None);
    let post = Caches::new(&model(100, &[(POST, Cache::For(Span::from_secs(1))), (GET, Cache::Off)], false));
    assert!(post.place(PROD, Release::Base, POST).is_some());
    assert_eq!(post.place(PROD, Release::Base, GET), None);
    assert_eq!(post.place(PROD, Release::Base, NEXT), None, "the setting belongs to the route key");
    let zero = Caches::new(&model(100, &[(GET, Cache::For(Span::ZERO))], false));
    assert_eq!(zero.place(PROD, Release::Base, GET), None);
}

#[test]
fn another_deployment_s_route_of_the_same_key_finds_what_was_kept() {
    let mut caches = caches(100);
    let next = caches.place(PROD, Release::Base, NEXT).unwrap();
    assert_eq!(keep(&mut caches, at(0), 1, (200, 1)), Some(0));
    assert!(caches.find(at(1), next, &key(next, 1)).is_some());
}

#[test]
fn a_canary_has_a_store_of_its_own_unless_it_shares_the_stage_s() {
    for (shares, finds) in [(false, false), (true, true)] {
        let mut caches = Caches::new(&model(100, &[], shares));
        keep(&mut caches, at(0), 1, (200, 1));
        let canary = caches.place(PROD, Release::Canary, GET).unwrap();
        assert_eq!(caches.find(at(1), canary, &key(canary, 1)).is_some(), finds);
    }
}

#[test]
fn only_answers_with_2xx_of_at_most_a_mebibyte_that_fit_are_kept() {
    let mut caches = caches(2_000_000);
    let kept = [(200, 0), (299, 1_048_576), (200, 1_048_577), (199, 0), (304, 0), (404, 0), (500, 0)]
        .map(|content| keep(&mut caches, at(0), 1, content).is_some());
    assert_eq!(kept, [true, true, false, false, false, false, false]);
    let mut small = self::caches(10);
    assert_eq!((keep(&mut small, at(0), 1, (200, 11)), keep(&mut small, at(0), 1, (200, 10))), (None, Some(0)));
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let mut caches = caches(10);
    for value in 0..3 {
        keep(&mut caches, at(0), value, (200, 3));
    }
    assert_eq!(find(&mut caches, at(1), 0), Some(0));
    keep(&mut caches, at(1), 3, (200, 5));
    assert_eq!(gone(&mut caches), [1, 2]);
    assert_eq!([0, 1, 2, 3].map(|value| find(&mut caches, at(1), value)), [Some(0), None, None, Some(3)]);
}

#[test]
fn a_new_answer_takes_the_place_of_the_old_one() {
    let mut caches = caches(10);
    keep(&mut caches, at(0), 0, (200, 4));
    keep(&mut caches, at(0), 1, (200, 4));
    keep(&mut caches, at(5), 0, (200, 6));
    assert_eq!(gone(&mut caches), [0]);
    assert_eq!((find(&mut caches, at(12), 0), find(&mut caches, at(12), 1)), (Some(2), None));
    assert_eq!(gone(&mut caches), [1]);
    caches.expire(at(15));
    assert_eq!((gone(&mut caches), caches.entries()), (vec![2], 0));
}

#[test]
fn an_answer_that_is_not_kept_leaves_the_old_one_where_it_is() {
    let mut caches = caches(10);
    keep(&mut caches, at(0), 0, (200, 4));
    assert_eq!(keep(&mut caches, at(1), 0, (500, 4)), None);
    assert_eq!(find(&mut caches, at(2), 0), Some(0));
}

#[test]
fn the_number_of_entries_is_bounded_whatever_the_capacity() {
    let mut caches = caches(u64::MAX);
    for value in 0..=ENTRIES_MAX as u32 {
        keep(&mut caches, at(0), value, (200, 0));
    }
    assert_eq!((caches.entries(), gone(&mut caches)), (ENTRIES_MAX, vec![0]));
}

#[test]
fn the_bytes_of_keys_are_bounded_whatever_the_capacity() {
    let mut caches = caches(u64::MAX);
    let place = place(&caches);
    let content = Content { status: 200, bytes: 0 };
    let long = |first: u8| {
        let mut key = vec![0; KEY_BYTES_MAX as usize / 2];
        key[0] = first;
        place.fill(&key)
    };
    for first in 0..3 {
        assert!(caches.keep(at(0), long(first), content).is_some());
    }
    assert_eq!((caches.entries(), gone(&mut caches)), (2, vec![0]));
    let too_long = vec![0; KEY_BYTES_MAX as usize + 1];
    assert_eq!(caches.keep(at(0), place.fill(&too_long), content), None);
}

proptest! {
    #[test]
    fn what_is_kept_never_exceeds_its_room_and_every_entry_leaves_once(
        steps in prop::collection::vec((0_u64..3, 0_u32..6, 0_u64..12, any::<bool>()), 0..200),
    ) {
        let mut caches = caches(20);
        let (mut now, mut sizes, mut left) = (0, std::collections::BTreeMap::new(), std::collections::BTreeSet::new());
        for (gap, value, bytes, finds) in steps {
            now += gap;
            if finds {
                find(&mut caches, at(now), value);
            } else if let Some(id) = keep(&mut caches, at(now), value, (200, bytes)) {
                sizes.insert(id, bytes);
            }
            for id in gone(&mut caches) {
                prop_assert!(left.insert(id) && sizes.remove(&id).is_some());
            }
            prop_assert_eq!(caches.entries(), sizes.len());
            prop_assert!(sizes.values().sum::<u64>() <= 20);
        }
        caches.flush(PROD);
        prop_assert_eq!(gone(&mut caches).len(), sizes.len());
    }
}

#[test]
fn an_entry_that_is_dropped_is_missed_and_told_once() {
    let mut caches = caches(100);
    let entries: Vec<_> = (0..3).map(|value| keep(&mut caches, at(0), value, (200, 10)).unwrap()).collect();
    for _ in 0..2 {
        caches.drop_entry(EntryId(entries[1]));
    }
    assert_eq!(gone(&mut caches), [entries[1]]);
    assert_eq!([0, 1, 2].map(|value| find(&mut caches, at(1), value)), [Some(entries[0]), None, Some(entries[2])]);
}
