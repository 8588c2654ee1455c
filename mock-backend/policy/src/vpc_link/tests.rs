//! Links against what is known of health checks and waiting lines, and against a naive line.

use proptest::prelude::*;

use super::*;
use crate::latency::Latency;
use crate::model::{Api, ApiKind, ColdPath, Down, Target};

const LINK: LinkId = LinkId(0);

fn ms(n: u64) -> Instant {
    Instant::ZERO + Span::from_ms(n)
}

fn target(modelled: ModelledTarget) -> Target {
    Target { name: "a".to_owned(), serves: Serves::Modelled(modelled) }
}

fn steady(duration: u64) -> ModelledTarget {
    ModelledTarget::new(Latency::constant(Span::from_ms(duration)))
}

fn links(link: VpcLink) -> Links {
    let model = Model { links: vec![link], ..Model::of(Api::new(ApiKind::Rest, "a"), &["prod"], Vec::new()) };
    Links::new(&Arc::new(model), Seed::new(7))
}

fn no_pools() -> Capacities {
    Capacities::new(&Model::of(Api::new(ApiKind::Rest, "a"), &["prod"], Vec::new()), Seed::new(7))
}

/// A link in turn over these targets, looked at every second; two bad looks, three good ones.
fn looked_at(targets: Vec<ModelledTarget>) -> VpcLink {
    let mut link = VpcLink::new("l", targets.into_iter().map(target).collect());
    link.balancer = Balancer::Application;
    link.check.interval = Span::from_secs(1);
    (link.check.unhealthy_threshold, link.check.healthy_threshold) = (2, 3);
    link
}

fn down(from: u64, until: u64) -> Vec<Down> {
    vec![Down { from: ms(from), until: ms(until) }]
}

#[test]
fn a_target_that_goes_down_is_asked_until_its_second_bad_look_and_again_after_three_good_ones() {
    let failing = ModelledTarget { down: down(2_500, 6_500), ..steady(1) };
    let mut links = links(looked_at(vec![failing, steady(1)]));
    let mut broken = Vec::new();
    let mut asked_again = None;
    for at in (0..12_000).step_by(100) {
        let before = links.usage(ms(1_000_000), TargetId { link: LINK, place: 0 }).unwrap().sent;
        if let Sent::Breaks(_) = links.send(ms(at), LINK, &mut no_pools()) {
            broken.push(at);
        }
        let is_asked = links.usage(ms(1_000_000), TargetId { link: LINK, place: 0 }).unwrap().sent > before;
        if at >= 4_000 && is_asked && asked_again.is_none() {
            asked_again = Some(at);
        }
    }
    // Bad looks at 3 s and 4 s, good ones at 7, 8 and 9 s.
    assert_eq!((broken.first(), broken.last()), (Some(&2_600), Some(&3_800)));
    assert_eq!(broken.len(), 7);
    assert!(asked_again.is_some_and(|at| (9_000..=9_100).contains(&at)), "{asked_again:?}");
    assert_eq!(links.usage(ms(1_000_000), TargetId { link: LINK, place: 0 }).unwrap().left, 1);
}

#[test]
fn all_are_asked_while_all_are_unhealthy() {
    let failing = || ModelledTarget { down: down(500, 20_000), ..steady(1) };
    let mut links = links(looked_at(vec![failing(), failing()]));
    for at in 0..10 {
        assert_eq!(links.send(ms(5_000 + at), LINK, &mut no_pools()), Sent::Breaks(ms(5_000 + at)));
    }
    for place in 0..2 {
        let target = TargetId { link: LINK, place };
        assert_eq!((links.health(target), links.usage(ms(1_000_000), target).unwrap().sent), (Some(Health::Unhealthy), 5));
    }
}

#[test]
fn without_a_target_there_is_no_answer() {
    for balancer in [Balancer::Network, Balancer::Application] {
        let mut links = links(VpcLink { balancer, ..looked_at(Vec::new()) });
        assert_eq!(links.send(ms(1), LINK, &mut no_pools()), Sent::Breaks(ms(1)));
        assert_eq!(links.send(ms(1), LinkId(9), &mut no_pools()), Sent::Breaks(ms(1)));
    }
}

#[test]
fn what_is_under_way_breaks_off_when_its_target_goes_down_and_its_line_is_gone() {
    let only = ModelledTarget { at_once: Some(1), queue: 5, down: down(50, 60), ..steady(40) };
    let mut links = links(looked_at(vec![only]));
    assert_eq!(links.send(ms(0), LINK, &mut no_pools()), Sent::Answers(ms(40)));
    assert_eq!(links.send(ms(1), LINK, &mut no_pools()), Sent::Breaks(ms(50)));
    assert_eq!(links.send(ms(2), LINK, &mut no_pools()), Sent::Breaks(ms(50)));
    assert_eq!(links.send(ms(55), LINK, &mut no_pools()), Sent::Breaks(ms(55)));
    assert_eq!(links.send(ms(60), LINK, &mut no_pools()), Sent::Answers(ms(100)));
}

#[test]
fn a_real_target_leaves_by_the_looks_that_are_reported() {
    let mut link = looked_at(vec![steady(1)]);
    link.targets.push(Target { name: "b".to_owned(), serves: Serves::Real("127.0.0.1:1".to_owned()) });
    let mut links = links(link);
    let real = TargetId { link: LINK, place: 1 };
    let looks = [Look::Bad, Look::Good, Look::Bad, Look::Bad, Look::Bad, Look::Good, Look::Good, Look::Good];
    let left: Vec<bool> = looks.into_iter().map(|look| links.on_look(real, look)).collect();
    assert_eq!(left, [false, false, false, true, false, false, false, false]);
    assert_eq!(links.health(real), Some(Health::Healthy));
    assert!((0..4).any(|_| links.send(ms(1), LINK, &mut no_pools()) == Sent::Real(real)));
}

#[test]
fn an_idle_link_loses_its_connections_and_its_path_grows_cold() {
    let cold_path = Some(ColdPath { after: Span::from_secs(5), adds: Latency::constant(Span::from_ms(30)) });
    let idle_timeout = Span::from_secs(60);
    let link = VpcLink { cold_path, idle_timeout, after_idle: AfterIdle::Failed, ..looked_at(vec![steady(10)]) };
    let mut links = links(link);
    assert_eq!(links.send(ms(0), LINK, &mut no_pools()), Sent::Answers(ms(40)));
    assert_eq!(links.send(ms(4_999), LINK, &mut no_pools()), Sent::Answers(ms(5_009)));
    assert_eq!(links.send(ms(9_999), LINK, &mut no_pools()), Sent::Answers(ms(10_039)));
    assert_eq!(links.send(ms(69_999), LINK, &mut no_pools()), Sent::Breaks(ms(69_999)));
    assert_eq!(links.send(ms(70_000), LINK, &mut no_pools()), Sent::Answers(ms(70_010)));
}

#[test]
fn a_network_load_balancer_spreads_flows_over_the_healthy_ones() {
    let link = VpcLink { balancer: Balancer::Network, ..looked_at((0..4).map(|_| steady(1)).collect()) };
    let mut links = links(link);
    for at in 0..8_000 {
        links.send(ms(at), LINK, &mut no_pools());
    }
    for place in 0..4 {
        let sent = links.usage(ms(1_000_000), TargetId { link: LINK, place }).unwrap().sent;
        // Five standard deviations of a binomial around 2,000.
        assert!((1_806..=2_194).contains(&sent), "{sent}");
    }
}

#[test]
fn how_a_target_was_used_is_told_until_now() {
    let only = ModelledTarget { at_once: Some(1), queue: 1, ..steady(40) };
    let mut links = links(looked_at(vec![only]));
    for at in [0, 10, 20] {
        links.send(ms(at), LINK, &mut no_pools());
    }
    let target = TargetId { link: LINK, place: 0 };
    let told = |now| links.usage(ms(now), target).map(|used| (used.busy, used.sent, used.broken, used.refused)).unwrap();
    assert_eq!(told(30), (Span::from_ms(30), 3, 1, 1));
    assert_eq!(told(200), (Span::from_ms(80), 3, 1, 1));
    let used = links.usage(ms(200), target).unwrap();
    assert_eq!((used.busy_peak, used.waiting_peak), (1, 1));
}

#[test]
fn a_real_target_works_on_what_has_not_ended() {
    let mut link = looked_at(Vec::new());
    link.targets = vec![Target { name: "b".to_owned(), serves: Serves::Real("127.0.0.1:1".to_owned()) }];
    let mut links = links(link);
    let target = TargetId { link: LINK, place: 0 };
    for at in [0, 10] {
        assert_eq!(links.send(ms(at), LINK, &mut no_pools()), Sent::Real(target));
    }
    links.on_end(ms(30), target, ms(0), true);
    links.on_end(ms(40), target, ms(10), false);
    links.send(ms(50), LINK, &mut no_pools());
    let used = links.usage(ms(60), target).unwrap();
    assert_eq!((used.sent, used.broken, used.busy_peak, used.busy), (3, 1, 2, Span::from_ms(60)));
}

/// Erlang's loss formula.
fn erlang_b(load: f64, servers: u32) -> f64 {
    (1..=servers).fold(1.0, |blocked, n| load * blocked / (f64::from(n) + load * blocked))
}

#[test]
fn a_target_without_a_queue_refuses_what_erlang_s_formula_says() {
    let duration = Latency::exponential(Span::from_ms(100)).unwrap();
    let only = ModelledTarget { at_once: Some(5), ..ModelledTarget::new(duration) };
    let mut links = links(looked_at(vec![only]));
    let mut stream = Seed::new(3).stream();
    let (mut now, mut refused, requests) = (Instant::ZERO, 0_u32, 200_000_u32);
    for _ in 0..requests {
        // 40 a second at 100 ms each: a load of 4.
        now += Span::from_secs_f64(stream.exponential() / 40.0);
        refused += u32::from(links.send(now, LINK, &mut no_pools()) == Sent::Breaks(now));
    }
    let share = f64::from(refused) / f64::from(requests);
    let expected = erlang_b(4.0, 5);
    assert!((share - expected).abs() < 0.006, "{share} is not {expected}");
}

/// A line that looks through everything it ever took.
fn naive(at_once: usize, queue: usize, coming: &[(u64, u64)]) -> Vec<Option<u64>> {
    let mut taken: Vec<(u64, u64)> = Vec::new();
    let mut ends = Vec::new();
    for (now, takes) in coming {
        let waiting = taken.iter().filter(|(begins, _)| begins > now).count();
        let busy_at = |at: u64| taken.iter().filter(|(_, end)| *end > at).count();
        let mut candidates: Vec<u64> = taken.iter().map(|(_, end)| *end).filter(|end| end > now).collect();
        candidates.push(*now);
        candidates.sort_unstable();
        // It begins when fewer than all places are taken by those in front of it.
        let begins = candidates.into_iter().find(|at| busy_at(*at) < at_once).unwrap();
        if begins > *now && waiting >= queue {
            ends.push(None);
            continue;
        }
        taken.push((begins, begins + takes));
        ends.push(Some(begins + takes));
    }
    ends
}

proptest! {
    #[test]
    fn a_target_s_line_is_first_come_first_served(
        at_once in 1_u32..4,
        queue in 0_u32..4,
        gaps in proptest::collection::vec(0_u64..12, 1..60),
        takes in 1_u64..25,
    ) {
        let only = ModelledTarget { at_once: Some(at_once), queue, ..steady(takes) };
        let mut links = links(looked_at(vec![only]));
        let mut now = 0;
        let coming: Vec<(u64, u64)> = gaps.iter().map(|gap| { now += gap; (now, takes) }).collect();
        let expected = naive(at_once as usize, queue as usize, &coming);
        for ((at, _), expected) in coming.iter().zip(expected) {
            let sent = links.send(ms(*at), LINK, &mut no_pools());
            prop_assert_eq!(sent, expected.map_or(Sent::Breaks(ms(*at)), |end| Sent::Answers(ms(end))));
        }
    }
}
