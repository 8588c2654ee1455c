//! The rules of recorded sessions, and the laws of their shares and of their time.

use proptest::prelude::*;
use sluicegate_policy::model::PerSecond;

use super::*;
use crate::load::hash::ScriptHash;
use crate::load::replay::ReplayPace;
use crate::load::sessions::ClosedBy;

const CONNECT: SeriesId = SeriesId(0);
const SAY: SeriesId = SeriesId(1);

/// A session: its connect, its messages, and its end, in milliseconds.
type Spec = (u64, Vec<u64>, Option<u64>);

struct Reel {
    sessions: Vec<Spec>,
    next: usize,
}

fn ms(ms: u64) -> Span {
    Span::from_ms(ms)
}

fn session(number: usize, (at, says, closes): &Spec, awaits: Awaits) -> RecordedSession {
    let say = |(n, at): (usize, &u64)| Say { at: ms(*at), series: SAY, text: format!("{number}-{n}").into(), awaits };
    RecordedSession {
        at: ms(*at),
        series: CONNECT,
        identity: number as u32,
        handshake: Arc::new(Recorded { method: "GET".into(), target: "/".into(), ..Recorded::default() }),
        says: says.iter().enumerate().map(say).collect(),
        closes: closes.map(|at| (ms(at), Farewell::Empty)),
    }
}

impl Tape for Reel {
    fn next(&mut self) -> Option<RecordedSession> {
        let next = session(self.next, self.sessions.get(self.next)?, Awaits::Nothing);
        self.next += 1;
        Some(next)
    }

    fn rewind(&mut self) {
        self.next = 0;
    }
}

fn length(sessions: &[Spec]) -> Span {
    let end = |(at, says, closes): &Spec| at + says.last().copied().unwrap_or(0).max(closes.unwrap_or(0));
    ms(sessions.iter().map(end).max().unwrap_or(0))
}

fn source(sessions: &[Spec], warp: Warp, share: Share) -> Box<dyn Sessions> {
    recorded(Box::new(Reel { sessions: sessions.to_vec(), next: 0 }), (warp, length(sessions)), share)
}

/// All turns of a share, if everything goes well: session, turn, nanoseconds, and what.
fn played(sessions: &[Spec], warp: Warp, share: Share) -> Vec<(u32, u32, u64, String)> {
    let mut source = source(sessions, warp, share);
    let mut turns = Vec::new();
    while let Some(first) = source.begin() {
        let mut ahead = Some(first);
        while let Some(turn) = ahead {
            let Due::At(at) = turn.due else { panic!("a recording names its instants: {turn:?}") };
            let (what, happened) = match &turn.act {
                Act::Connect(_) => ("connect".to_owned(), Happened::Opened),
                Act::Message(Message { text: Text::Recorded(text), .. }) => (text.to_string(), Happened::Sent),
                Act::Message(_) | Act::Post(_) | Act::Ping { .. } => panic!("it was not recorded: {turn:?}"),
                Act::Close(_) => ("close".to_owned(), Happened::Closed { by: ClosedBy::Client, code: 1000 }),
            };
            ahead = source.next(turn.session, Event { at, intended: at, what: happened });
            turns.push((turn.session, turn.seq, at.as_ns(), what));
        }
    }
    turns.sort_unstable();
    turns
}

fn begun(sessions: &[Spec], warp: Warp, share: Share) -> ScriptHash {
    let mut source = source(sessions, warp, share);
    let turns: Vec<Turn> = std::iter::from_fn(|| source.begin()).collect();
    turns.iter().collect()
}

/// In words and milliseconds.
fn shown(turns: &[(u32, u32, u64, String)]) -> Vec<String> {
    turns.iter().map(|(session, _, at, what)| format!("{session} {what} {}", *at as f64 / 1e6)).collect()
}

fn two() -> Vec<Spec> {
    vec![(0, vec![100, 250], Some(400)), (50, vec![10], None)]
}

#[test]
fn a_session_does_at_its_instants_what_was_recorded() {
    let turns = shown(&played(&two(), Warp::default(), Share::ALL));
    assert_eq!(turns, ["0 connect 0", "0 0-0 100", "0 0-1 250", "0 close 400", "1 connect 50", "1 1-0 60"]);
}

#[test]
fn speed_shortens_gaps_between_sessions_and_within_them() {
    let turns = shown(&played(&two(), Warp { speed: 10.0, ..Warp::default() }, Share::ALL));
    assert_eq!(turns, ["0 connect 0", "0 0-0 10", "0 0-1 25", "0 close 40", "1 connect 5", "1 1-0 6"]);
}

#[test]
fn a_lap_has_sessions_of_its_own_and_begins_after_all_that_was_recorded() {
    let turns = played(&two(), Warp { repeat: 2, ..Warp::default() }, Share::ALL);
    let connects: Vec<_> = shown(&turns).into_iter().filter(|turn| turn.contains("connect")).collect();
    // The mean gap between connects, 50 ms, after the last thing that is known, at 400 ms.
    assert_eq!(connects, ["0 connect 0", "1 connect 50", "2 connect 450", "3 connect 500"]);
}

#[test]
fn a_slice_holds_the_sessions_that_connect_in_it() {
    let slice = Some((ms(20), ms(90)));
    let three = [two(), vec![(90, vec![], None)]].concat();
    let turns = shown(&played(&three, Warp { slice, repeat: 2, ..Warp::default() }, Share::ALL));
    assert_eq!(turns, ["0 connect 30", "0 1-0 40", "1 connect 100", "1 1-0 110"]);
    // A recording that ends before its slice: so long as something is known of it, and a gap.
    let turns = shown(&played(&two(), Warp { slice, repeat: 2, ..Warp::default() }, Share::ALL));
    assert_eq!(turns, ["0 connect 30", "0 1-0 40", "1 connect 440", "1 1-0 450"]);
}

#[test]
fn a_rate_spaces_the_connects_and_leaves_each_session_its_own_time() {
    let pace = ReplayPace::Rate(PerSecond { tokens: 100, per: Span::from_secs(1) });
    let turns = shown(&played(&two(), Warp { pace, ..Warp::default() }, Share::ALL));
    assert_eq!(turns, ["0 connect 0", "0 0-0 100", "0 0-1 250", "0 close 400", "1 connect 10", "1 1-0 20"]);
}

#[test]
fn what_follows_a_late_reply_keeps_its_own_instant() {
    let mut source = source(&two(), Warp::default(), Share::ALL);
    source.begin().unwrap();
    let late = Instant::ZERO + ms(9_000);
    let event = |what| Event { at: late, intended: Instant::ZERO, what };
    assert_eq!(source.next(0, event(Happened::Opened)).unwrap().due, Due::At(Instant::ZERO + ms(100)));
    assert_eq!(source.next(0, event(Happened::Unanswered)).unwrap().due, Due::At(Instant::ZERO + ms(250)));
}

#[test]
fn a_session_that_is_refused_or_closed_is_over() {
    for what in [Happened::Refused { status: 403 }, Happened::Closed { by: ClosedBy::Server, code: 1001 }] {
        let mut source = source(&two(), Warp::default(), Share::ALL);
        source.begin().unwrap();
        let event = |what| Event { at: Instant::ZERO, intended: Instant::ZERO, what };
        assert_eq!(source.next(0, event(what)), None);
        assert_eq!(source.next(0, event(Happened::Opened)), None, "nothing is left of it");
    }
}

#[test]
fn the_hash_knows_every_message_its_instant_and_the_end() {
    let of = |spec: Spec| begun(&[spec], Warp::default(), Share::ALL);
    let base = of((0, vec![100], Some(400)));
    assert_eq!(of((0, vec![100], Some(400))), base);
    for other in [(0, vec![101], Some(400)), (0, vec![100, 200], Some(400)), (0, vec![100], None), (1, vec![100], Some(400))] {
        assert_ne!(of(other.clone()), base, "{other:?}");
    }
    assert_ne!(begun(&[(0, vec![100], Some(400))], Warp { speed: 2.0, ..Warp::default() }, Share::ALL), base);
    let asks = Awaits::Same { correlation: 0, timeout: ms(1) };
    let laps = Laps::new(Warp::default(), Span::ZERO);
    let of = |awaits| course(&session(0, &(0, vec![100], None), awaits), &laps);
    assert_ne!(of(asks), of(Awaits::Nothing));
}

#[test]
fn an_empty_recording_ends_at_once_however_often_it_is_repeated() {
    assert!(played(&[], Warp { repeat: u32::MAX, ..Warp::default() }, Share::ALL).is_empty());
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let one = (0_u64..5_000, prop::collection::vec(0_u64..3_000, 0..6), prop::option::of(3_000_u64..4_000));
    prop::collection::vec(one, 1..40).prop_map(|mut sessions| {
        for (_, says, _) in &mut sessions {
            says.sort_unstable();
        }
        sessions.sort_by_key(|(at, ..)| *at);
        sessions
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_union_of_all_shares_is_the_replay_whatever_their_number(sessions in specs(), repeat in 1_u32..3, speed in 0.5_f64..4.0) {
        let warp = Warp { speed, repeat, ..Warp::default() };
        let whole = played(&sessions, warp.clone(), Share::ALL);
        let hash = begun(&sessions, warp.clone(), Share::ALL);
        for of in [1, 2, 3, 7] {
            let shares = (0..of).map(|index| Share { index, of });
            let mut union = ScriptHash::default();
            shares.clone().for_each(|share| union.merge(begun(&sessions, warp.clone(), share)));
            prop_assert_eq!(union, hash);
            let mut all: Vec<_> = shares.flat_map(|share| played(&sessions, warp.clone(), share)).collect();
            all.sort_unstable();
            prop_assert_eq!(&all, &whole);
        }
    }

    #[test]
    fn every_instant_is_the_recorded_one_through_the_speed(sessions in specs(), speed in 0.01_f64..1_000.0) {
        let recorded = played(&sessions, Warp::default(), Share::ALL);
        let warped = played(&sessions, Warp { speed, ..Warp::default() }, Share::ALL);
        prop_assert_eq!(recorded.len(), warped.len());
        for (one, other) in recorded.iter().zip(&warped) {
            prop_assert_eq!((one.0, one.1, &one.3), (other.0, other.1, &other.3));
            // Connect and distance are each rounded down to a nanosecond.
            prop_assert!((one.2 as f64 / speed - other.2 as f64).abs() <= 3.0, "{one:?} {other:?}");
        }
    }
}
