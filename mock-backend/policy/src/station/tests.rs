//! Stations against the obvious ones: in turn, shared, with room and with patience.

use proptest::prelude::*;

use super::*;

const fn ms(ms: u64) -> Instant {
    Instant::from_ns(ms * 1_000_000)
}

fn station(servers: u32, room: Option<u32>, discipline: Discipline) -> Station {
    Station::new(model::Station { servers: Some(servers), room, discipline })
}

/// Lets customers come (after a gap, with work and patience, in milliseconds), and says when each left, how, and after which wait; none of
/// one who found no room.
fn played(mut station: Station, customers: &[(u64, u64, Option<u64>)]) -> Vec<Option<(Instant, Left)>> {
    let mut out = vec![None; customers.len()];
    let mut now = 0;
    for (id, (gap, work, patience)) in customers.iter().enumerate() {
        now += gap;
        drain(&mut station, ms(now), &mut out);
        let patience = patience.map_or(Span::MAX, Span::from_ms);
        let _ = station.enter(ms(now), Customer { id: id as u32, work: Span::from_ms(*work), patience });
    }
    drain(&mut station, Instant::MAX, &mut out);
    assert_eq!((station.inside(), station.busy()), (0, 0));
    out
}

fn drain(station: &mut Station, until: Instant, out: &mut [Option<(Instant, Left)>]) {
    while let Some(at) = station.next_deadline().filter(|at| *at <= until) {
        while let Some(left) = station.take_left(at) {
            out[left.id as usize] = Some((at, left));
        }
    }
}

/// First come, first served as anyone would write it: each customer in turn takes the server that is free first, unless it has lost
/// patience by then; room is counted over all that are there.
fn obvious(servers: usize, room: usize, customers: &[(u64, u64, Option<u64>)]) -> Vec<Option<(Instant, Left)>> {
    let mut free = vec![0; servers];
    let mut leaves: Vec<u64> = Vec::new();
    let mut now = 0;
    let serve = |(id, (gap, work, patience)): (usize, &(u64, u64, Option<u64>))| {
        now += gap;
        if leaves.iter().filter(|at| **at > now).count() >= room {
            return None;
        }
        let first = free.iter_mut().min().expect("a server");
        let begin = now.max(*first);
        let served = patience.is_none_or(|patience| begin <= now + patience);
        let (at, waited) =
            if served { (begin + work, begin - now) } else { (now + patience.unwrap_or(0), patience.unwrap_or(0)) };
        if served {
            *first = at;
        }
        leaves.push(at);
        Some((ms(at), Left { id: id as u32, waited: Span::from_ms(waited), served }))
    };
    customers.iter().enumerate().map(serve).collect()
}

fn customers() -> impl Strategy<Value = Vec<(u64, u64, Option<u64>)>> {
    prop::collection::vec((0_u64..20, 0_u64..60, prop::option::of(0_u64..50)), 0..120)
}

proptest! {
    #[test]
    fn in_turn_it_serves_as_the_obvious_station_does(servers in 1_u32..5, room in prop::option::of(1_u32..12), customers in customers()) {
        let found = played(station(servers, room, Discipline::FirstCome), &customers);
        let room = room.map_or(usize::MAX, |room| room as usize);
        prop_assert_eq!(found, obvious(servers as usize, room, &customers));
    }

    #[test]
    fn whoever_shares_gets_its_work_and_no_server_is_idle(servers in 1_u32..4, customers in customers()) {
        let customers: Vec<_> = customers.into_iter().map(|(gap, work, _)| (gap, work, None)).collect();
        let found = played(station(servers, None, Discipline::Shared), &customers);
        // Work is conserved: with as many servers as customers everybody is done after its own work, with one server the last of a
        // busy period is done when all the work of that period is.
        let (mut now, mut done) = (0, 0);
        let mut alone = 0;
        for ((gap, work, _), left) in customers.iter().zip(&found) {
            now += gap;
            let at = left.expect("there is room").0;
            prop_assert!(at >= ms(now + work), "nobody is served by more than one server");
            alone = alone.max(now) + work;
            done = done.max(at.as_ns());
        }
        let slack = customers.len() as u64;
        prop_assert!(done <= ms(alone).as_ns() + slack, "{} servers are not slower than one", servers);
        if servers == 1 {
            prop_assert!(done + slack >= ms(alone).as_ns());
        }
    }
}

#[test]
fn two_that_share_a_server_take_twice_as_long() {
    let found = played(station(1, None, Discipline::Shared), &[(0, 10, None), (0, 20, None)]);
    let at: Vec<Instant> = found.into_iter().map(|left| left.expect("room").0).collect();
    assert_eq!(at, [ms(20), ms(30)]);
}

#[test]
fn a_patience_that_is_longer_than_every_wait_is_not_kept_for_ever() {
    let mut station = station(1, None, Discipline::FirstCome);
    let mut out = vec![None; 10_000];
    for id in 0..10_000_u32 {
        let now = ms(u64::from(id) * 2);
        drain(&mut station, now, &mut out);
        let customer = |id, work| Customer { id, work: Span::from_ms(work), patience: Span::from_secs(3_600) };
        station.enter(now, customer(id, if id == 0 { 3 } else { 2 })).expect("room");
        let Served::InTurn(in_turn) = &station.served else { panic!("it serves in turn") };
        assert!(in_turn.patience.len() <= 128);
    }
    drain(&mut station, Instant::MAX, &mut out);
    let waited = |left: &Option<(Instant, Left)>| left.is_some_and(|(_, left)| left.waited == Span::from_ms(1) && left.served);
    assert_eq!(out.iter().filter(|left| waited(left)).count(), 9_999);
}
