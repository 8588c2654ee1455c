//! The law of shares: their union is the script, whatever their number, and in whatever order their player tells what happens.

use proptest::prelude::*;

use super::*;
use crate::load::hash::ScriptHash;

/// Three kinds of client that do all that there is.
fn every_kind(seed: u64, spacing: Spacing, resume: Resume) -> Dialogue {
    let think = Step::Wait(Latency::lognormal(Span::from_ms(300), 0.8).unwrap());
    let asking = repeat(Rounds::Forever, vec![think.clone(), ask(1), Step::Ping(SeriesId(2))]);
    let beating = every(1, Rounds::Forever, vec![ask(2), repeat(Rounds::Times(3), vec![say(3)])]);
    let leaving = vec![wait(1), every(2, Rounds::Times(2), vec![say(4), think, post(7)]), say(5)];
    let life = Some(Latency::exponential(secs(6)).unwrap());
    let roles =
        [vec![asking], vec![say(6), beating], leaving].map(|script| Role { life: life.clone(), weight: 2, ..role(script) });
    let reconnect = Some(Reconnect { jitter: 0.5, attempts: Some(4), resume, ..coming_back() });
    Dialogue {
        seed: Seed::new(seed),
        duration: secs(20),
        arrivals: arrivals(10, spacing),
        reconnect,
        roles: roles.to_vec(),
        ..plan(vec![])
    }
}

/// What happens to a turn: most things go well.
fn outcome(turn: &Turn, begins: Instant) -> Event {
    let draws = Seed::new(99).nth(u64::from(turn.session)).nth(u64::from(turn.seq));
    let later = begins + Span::from_ns((draws.unit(0) * 2e9) as u64);
    let (luck, lost) = (draws.unit(1), Happened::Closed { by: ClosedBy::Server, code: 1001 });
    let (at, what) = match &turn.act {
        Act::Connect(_) if luck < 0.1 => (later, Happened::Refused { status: 429 }),
        Act::Connect(_) => (begins, Happened::Opened),
        Act::Message(_) | Act::Post(_) | Act::Ping { .. } if luck < 0.05 => (later, lost),
        Act::Message(message) if message.awaits != Awaits::Nothing => {
            (later, if luck < 0.9 { Happened::Replied } else { Happened::Unanswered })
        }
        Act::Message(_) | Act::Ping { .. } => (begins, Happened::Sent),
        Act::Post(_) => (later, Happened::Sent),
        Act::Close(_) => (later, Happened::Closed { by: ClosedBy::Client, code: 1000 }),
    };
    Event { at, intended: begins, what }
}

/// Plays a session to its end; each of its turns with the instant at which it is done.
fn play(source: &mut dyn Sessions, first: Turn) -> Vec<(Turn, Instant)> {
    let (mut told, mut played) = (Instant::ZERO, Vec::new());
    let mut ahead = Some(first);
    while let Some(turn) = ahead {
        let due = match turn.due {
            Due::At(at) => at,
            Due::After(span) => told + span,
        };
        let event = outcome(&turn, due.max(told));
        told = event.at;
        ahead = source.next(turn.session, event);
        played.push((turn, due));
    }
    played
}

/// All turns of a share, by session.
fn played(plan: &Dialogue, share: Share, all_begin_first: bool) -> Vec<(Turn, Instant)> {
    let mut source = dialogue(plan, share);
    let mut turns = Vec::new();
    if all_begin_first {
        let begun: Vec<Turn> = std::iter::from_fn(|| source.begin()).collect();
        begun.into_iter().rev().for_each(|first| turns.extend(play(&mut *source, first)));
    } else {
        while let Some(first) = source.begin() {
            turns.extend(play(&mut *source, first));
        }
    }
    turns.sort_by_key(|(turn, _)| (turn.session, turn.seq));
    turns
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_union_of_all_shares_is_the_script_whatever_their_number(seed in any::<u64>(), poisson in any::<bool>(), anew in any::<bool>()) {
        let resume = if anew { Resume::FromTheBeginning } else { Resume::WhereItWas };
        let plan = every_kind(seed, if poisson { Spacing::Poisson } else { Spacing::Even }, resume);
        let whole = played(&plan, Share::ALL, false);
        let hash: ScriptHash = begun(&plan, Share::ALL).iter().collect();
        for of in [1, 2, 3, 7] {
            let shares = (0..of).map(|index| Share { index, of });
            let mut union = ScriptHash::default();
            shares.clone().for_each(|share| union.merge(begun(&plan, share).iter().collect()));
            prop_assert_eq!(union, hash);
            let mut all: Vec<(Turn, Instant)> = shares.flat_map(|share| played(&plan, share, true)).collect();
            all.sort_by_key(|(turn, _)| (turn.session, turn.seq));
            prop_assert!(all == whole, "{} turns in {of} shares, {} in one", all.len(), whole.len());
        }
    }

    #[test]
    fn turns_are_in_order_and_within_the_plan_and_never_share_a_name(seed in any::<u64>()) {
        let plan = every_kind(seed, Spacing::Poisson, Resume::WhereItWas);
        let begun = begun(&plan, Share::ALL);
        let due = |turn: &Turn| match turn.due {
            Due::At(at) => at,
            Due::After(_) => panic!("a beginning has its instant"),
        };
        prop_assert!(begun.windows(2).all(|pair| due(&pair[0]) <= due(&pair[1])));
        let turns = played(&plan, Share::ALL, false);
        prop_assert!(turns.len() > 500, "{} turns", turns.len());
        prop_assert!(turns.iter().all(|(_, due)| *due < Instant::ZERO + plan.duration));
        let is_next = |pair: &[(Turn, Instant)]| {
            let (one, next) = (&pair[0].0, &pair[1].0);
            if one.session == next.session { next.seq == one.seq + 1 } else { next.session > one.session && next.seq == 0 }
        };
        prop_assert!(turns.windows(2).all(is_next));
    }
}

#[test]
fn another_seed_is_another_script() {
    let hash = |seed| begun(&every_kind(seed, Spacing::Even, Resume::WhereItWas), Share::ALL).iter().collect::<ScriptHash>();
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn what_a_session_is_given_differs_from_session_to_session() {
    let turns = played(&every_kind(3, Spacing::Even, Resume::WhereItWas), Share::ALL, false);
    let mut lengths: Vec<usize> =
        (0..100).map(|session| turns.iter().filter(|(turn, _)| turn.session == session).count()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    assert!(lengths.len() > 10, "{lengths:?}");
}
