//! Traces of sessions as they are played, as sentences.

use sluicegate_policy::model::PerSecond;
use tempfile::TempDir;

use super::*;
use crate::config::{Overrides, Script, load_text};
use crate::load::hash::ScriptHash;
use crate::load::sessions::{ClosedBy, Event, Happened};
use crate::traffic::conversation::{Act, Message, Text, Turn};
use crate::traffic::session_trace::{Provenance, SessionWriter};

const PROFILE: &str = "\
gateway:
  api: websocket
  stages: { prod: {} }
  route_selection: $request.body.op
  routes:
    say: { integration: { mock: { status: 200 } } }
    ask: { integration: { mock: { status: 200 } } }
run: { timeout: 3s }
";

fn ms(ms: u64) -> Span {
    Span::from_ms(ms)
}

fn said(at: u64, text: &str, replied: Option<u64>) -> Passed {
    Passed { at: ms(at), what: Way::Said { text: text.to_owned(), replied: replied.map(ms) } }
}

fn session(at: u64, messages: Vec<Passed>, closed: Option<(u64, Option<u16>)>) -> Session {
    let closed = closed.map(|(at, code)| Closed { at: ms(at), code });
    Session { at: ms(at), target: "/?room=1".to_owned(), client: 5, messages, closed, ..Session::default() }
}

fn three() -> Vec<Session> {
    let messages = vec![
        said(10, r#"{"op":"ask","id":1}"#, Some(30)),
        Passed { at: ms(30), what: Way::Heard { bytes: 7 } },
        said(40, r#"{"op":"other"}"#, None),
    ];
    vec![
        session(0, messages, Some((100, Some(3_001)))),
        session(50, vec![said(0, r#"{"op":"say"}"#, None)], Some((60, Some(1_006)))),
        session(120, vec![said(5, "hello", None)], None),
    ]
}

fn tape(dir: &TempDir, sessions: &[Session]) -> Arc<SessionTape> {
    let trace = dir.path().join("t.sessions");
    let provenance = Provenance { reply: Some(vec!["id".to_owned()]), origin_ns: 0 };
    let mut writer = SessionWriter::create(&trace, &provenance).unwrap();
    for session in sessions {
        writer.write(session).unwrap();
    }
    writer.finish().unwrap();
    let overrides = Overrides { script: Script::Recorded, ..Overrides::default() };
    let plan = load_text("p.yaml", PROFILE, &overrides, &[]).unwrap_or_else(|why| panic!("{why}"));
    Arc::new(SessionTape::open(&trace, Totals::of(&trace).unwrap(), &plan).unwrap())
}

/// All turns, if everything goes well.
fn played(tape: &Arc<SessionTape>) -> Vec<Turn> {
    let mut source = tape.play(&Warp::default(), Share::ALL);
    let mut turns = Vec::new();
    while let Some(first) = source.begin() {
        let mut ahead = Some(first);
        while let Some(turn) = ahead {
            let what = match &turn.act {
                Act::Connect(_) => Happened::Opened,
                Act::Message(message) if message.awaits != Awaits::Nothing => Happened::Replied,
                Act::Message(_) | Act::Post(_) | Act::Ping { .. } => Happened::Sent,
                Act::Close(_) => Happened::Closed { by: ClosedBy::Client, code: 1000 },
            };
            let event =
                Event { at: sluicegate_policy::time::Instant::ZERO, intended: sluicegate_policy::time::Instant::ZERO, what };
            ahead = source.next(turn.session, event);
            turns.push(turn);
        }
    }
    turns
}

#[test]
fn messages_count_under_the_routes_that_the_gateway_would_choose() {
    let dir = tempfile::tempdir().unwrap();
    let tape = tape(&dir, &three());
    let catalog = tape.catalog();
    let name = |turn: &Turn| match &turn.act {
        Act::Connect(connect) => catalog.name(connect.series).to_owned(),
        Act::Message(Message { series, text: Text::Recorded(_), awaits, .. }) => {
            let kind = if *awaits == Awaits::Nothing { "" } else { " ?" };
            format!("{}{kind}", catalog.name(*series))
        }
        Act::Message(_) | Act::Post(_) | Act::Ping { .. } => panic!("{turn:?} was not recorded"),
        Act::Close(farewell) => format!("{farewell:?}"),
    };
    let names: Vec<String> = played(&tape).iter().map(name).collect();
    // An end that no client can bring about is brought about without a code; whoever outlasted the recording does not end.
    let expected = ["$connect", "ask ?", "(no route)", "Code(3001)", "$connect", "say", "Empty", "$connect", "(no route)"];
    assert_eq!(names, expected);
    assert_eq!(catalog.correlations, [["id".to_owned()]]);
}

#[test]
fn lanes_read_a_trace_by_themselves_and_their_union_is_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let many: Vec<Session> = (0..200).map(|n| session(n * 3, vec![said(n, &format!("{n}"), None)], Some((500, None)))).collect();
    let tape = tape(&dir, &many);
    let hash = |share| {
        let mut source = tape.play(&Warp { repeat: 2, ..Warp::default() }, share);
        let turns: Vec<Turn> = std::iter::from_fn(|| source.begin()).collect();
        (turns.len(), turns.iter().collect::<ScriptHash>())
    };
    let (all, whole) = hash(Share::ALL);
    assert_eq!(all, 400);
    for of in [2, 3, 7] {
        let (mut count, mut union) = (0, ScriptHash::default());
        for (some, part) in (0..of).map(|index| hash(Share { index, of })) {
            count += some;
            union.merge(part);
        }
        assert_eq!((count, union), (all, whole), "{of} lanes");
    }
}

#[test]
fn what_is_known_of_a_whole_trace_tells_how_long_and_how_many_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    tape(&dir, &three());
    let totals = Totals::of(&dir.path().join("t.sessions")).unwrap();
    assert_eq!((totals.sessions, totals.turns, totals.peak, totals.endless), (3, 9, 2, 1));
    assert_eq!(totals.length, ms(125));
    let lap = Warp { repeat: 3, ..Warp::default() };
    // Who never closes is there in the next laps, too.
    assert_eq!((totals.connections(&Warp::default()), totals.connections(&lap)), (2, 4));
    let near = |seconds: f64, expected: f64| assert!((seconds - 0.5 - expected).abs() < 1e-9, "{seconds} is not {expected}");
    near(totals.replayed_s(&Warp::default()), 0.125);
    near(totals.replayed_s(&Warp { speed: 5.0, ..lap.clone() }), (3.0 * 0.125 + 2.0 * 0.06) / 5.0);
    let pace = ReplayPace::Rate(PerSecond { tokens: 2, per: Span::from_secs(1) });
    near(totals.replayed_s(&Warp { pace, ..Warp::default() }), 1.1);
    assert_eq!(totals.connections(&Warp { pace, ..lap }), 9);
}
