//! The stage without sockets, in virtual time: who is given which turn, and that every one that is due is counted once.

use std::collections::VecDeque;
use std::task::Waker;

use sluicegate_policy::model::PerSecond;

use super::*;
use crate::engine::abort::Abort;
use crate::engine::conversation::place::KnownBy;
use crate::load::shaper::Ceilings;
use crate::measure::connections::Phases;
use crate::traffic::What;
use crate::traffic::catalog::TemplateId;
use crate::traffic::conversation::{Awaits, ClosedBy, Connect, Hears, Message, Text};

mod posting;

const SAY: SeriesId = SeriesId(1);
const PHASES: Phases = Phases { tcp: Span::ZERO, tls: None, upgrade: Span::ZERO };

fn ms(ms: u64) -> Instant {
    Instant::ZERO + Span::from_ms(ms)
}

/// One session that connects and says something every so often, for ever; it comes back at once.
struct Steady {
    begun: VecDeque<u32>,
    every: Span,
    awaits: Awaits,
    seq: u32,
}

impl Steady {
    fn turn(&mut self, session: u32, due: Due, act: Act) -> Turn {
        self.seq += 1;
        Turn { session, seq: self.seq, due, act }
    }

    fn connect(&mut self, session: u32, due: Due) -> Turn {
        let connect = Connect {
            series: SeriesId(0),
            identity: 0,
            what: What::Described { template: TemplateId(0), key: 0 },
            course: 0,
            attempt: 0,
            hears: Hears(0),
            named: None,
        };
        self.turn(session, due, Act::Connect(connect))
    }
}

impl Sessions for Steady {
    fn begin(&mut self) -> Option<Turn> {
        let session = self.begun.pop_front()?;
        Some(self.connect(session, Due::At(ms(1))))
    }

    fn next(&mut self, session: u32, event: Event) -> Option<Turn> {
        if let Happened::Closed { .. } | Happened::Refused { .. } = event.what {
            return Some(self.connect(session, Due::After(Span::ZERO)));
        }
        let message = Message {
            series: SAY,
            identity: 0,
            text: Text::Described { template: TemplateId(0), key: 0 },
            awaits: self.awaits,
            publishes: None,
        };
        let due = Due::At(event.intended + self.every);
        Some(self.turn(session, due, Act::Message(message)))
    }
}

fn stage(sessions: u32, every: Span, overload: Overload, ceilings: &Ceilings) -> Stage<Vec<Sample>> {
    let steady = Steady { begun: (0..sessions).collect(), every, awaits: Awaits::Nothing, seq: 0 };
    stage_of(steady, overload, ceilings)
}

fn stage_of(steady: Steady, overload: Overload, ceilings: &Ceilings) -> Stage<Vec<Sample>> {
    let rules = Rules {
        overload,
        shaper: Shaper::new(ceilings),
        horizon: Span::from_secs(10),
        grace: Span::from_secs(2),
        timeout: Span::from_secs(1),
        watch: Abort::default().watch(),
        catalog: Arc::new(Catalog::default()),
        published: Arc::new(Published::new(0)),
        audience: Arc::new(Audience::new(&Catalog::default())),
        posts: 2,
    };
    Stage::new(rules, Box::new(steady), Vec::new())
}

fn stamps(now: Instant) -> Stamps {
    Stamps { started: now, sent: now, first_byte: now }
}

impl Stage<Vec<Sample>> {
    fn open_all(&mut self, now: Instant) {
        for job in self.take_openings() {
            self.opening(&job, Waker::noop().clone(), now);
            self.opened(&job, stamps(now), &PHASES, now);
        }
    }

    /// What the task of a place was given is written.
    fn write(&mut self, at: u32, now: Instant) -> bool {
        let Some(job) = self.take(at) else { return false };
        self.written(&job, KnownBy::Order, Stamps { first_byte: Instant::MAX, ..stamps(now) }, (now, 1));
        true
    }

    fn conserves(&self) {
        assert_eq!(self.counts.intended, self.recorder.len() as u64);
    }
}

#[test]
fn late_stays_late_and_a_session_that_is_far_behind_says_everything_that_was_due() {
    let mut stage = stage(1, Span::from_ms(1), Overload::Queue, &Ceilings::default());
    stage.turn(ms(1), Urgency::None);
    stage.open_all(ms(2));
    let now = ms(5_000);
    stage.turn(now, Urgency::None);
    let mut said = 0;
    while stage.write(0, now) {
        said += 1;
    }
    assert_eq!(said, 4_999, "one for each millisecond after it was to connect");
    let intended: Vec<Instant> = stage.recorder.iter().skip(1).map(|sample| sample.intended).collect();
    assert!(intended.iter().copied().eq((2..=5_000).map(ms)));
    stage.conserves();
}

#[test]
fn what_was_due_while_a_question_had_no_reply_is_as_late_as_that_made_it() {
    let awaits = Awaits::Next { timeout: Span::from_ms(100) };
    let steady = Steady { begun: [0].into(), every: Span::from_ms(10), awaits, seq: 0 };
    let mut stage = stage_of(steady, Overload::Queue, &Ceilings::default());
    stage.turn(ms(1), Urgency::None);
    stage.open_all(ms(1));
    for now in [11, 111, 211].map(ms) {
        stage.turn(now, Urgency::None);
        assert!(stage.write(0, now), "{now:?}: as soon as the one before has timed out");
    }
    let asked: Vec<_> = stage.recorder.iter().filter(|sample| sample.series == SAY).collect();
    assert!(asked.iter().all(|sample| sample.outcome == Outcome::TimedOut));
    let told: Vec<_> = asked.iter().map(|sample| (sample.intended, sample.waited)).collect();
    assert_eq!(told, [(ms(11), Span::ZERO), (ms(21), Span::from_ms(90))]);
}

#[test]
fn a_session_whose_turns_are_all_dropped_does_not_go_on_without_end() {
    let ceilings = Ceilings { series: vec![(SAY, PerSecond { tokens: 1, per: Span::from_secs(100) })], ..Ceilings::default() };
    let mut stage = stage(1, Span::from_ns(1), Overload::Drop, &ceilings);
    stage.turn(ms(1), Urgency::None);
    stage.open_all(ms(1));
    // A million turns are due. Some are given up in each turn of the stage, and the lane goes on.
    for _ in 0..10 {
        stage.turn(ms(2), Urgency::None);
        stage.write(0, ms(2));
    }
    assert!(stage.recorder.len() > 1_000 && stage.recorder.len() < 4_000, "{}", stage.recorder.len());
    stage.conserves();
}

#[test]
fn what_a_ceiling_holds_back_for_a_connection_that_ends_is_closed_and_not_said_on_the_next() {
    let ceilings = Ceilings { series: vec![(SAY, PerSecond { tokens: 2, per: Span::from_secs(1) })], ..Ceilings::default() };
    let mut stage = stage(1, Span::from_ms(10), Overload::Queue, &ceilings);
    stage.turn(ms(1), Urgency::None);
    stage.open_all(ms(1));
    stage.turn(ms(11), Urgency::None);
    assert!(stage.write(0, ms(11)), "the first one passes");
    stage.turn(ms(21), Urgency::None);
    assert!(!stage.write(0, ms(21)), "the second one is held back");
    let end = End { by: ClosedBy::Server, code: Some(1001), outcome: Outcome::Closed };
    stage.gone(0, end, None, ms(30));
    stage.turn(ms(31), Urgency::None);
    stage.open_all(ms(31));
    stage.turn(ms(600), Urgency::None);
    let closed = stage.recorder.iter().filter(|sample| sample.outcome == Outcome::Closed).count();
    assert_eq!(closed, 1);
    stage.turn(ms(700), Urgency::AtOnce);
    stage.gone(0, End { by: ClosedBy::Client, code: None, outcome: Outcome::Abandoned }, None, ms(700));
    stage.conserves();
}

#[test]
fn turns_that_are_void_do_not_pile_up() {
    let mut stage = stage(1, Span::from_secs(5), Overload::Queue, &Ceilings::default());
    let end = End { by: ClosedBy::Network, code: None, outcome: Outcome::Closed };
    stage.turn(ms(1), Urgency::None);
    // It loses its connection every other millisecond, and each time a turn is ahead of it that is due in five seconds.
    for n in 1..2_000 {
        let now = ms(1 + n * 2);
        stage.open_all(now);
        stage.gone(0, end, None, now);
        stage.turn(now + Span::from_ms(1), Urgency::None);
    }
    assert!(stage.later.len() <= STALE_MAX + 2, "{} are kept", stage.later.len());
    stage.open_all(ms(5_000));
    stage.conserves();
}

#[test]
fn places_are_used_again_when_sessions_are_over() {
    let mut stage = stage(3, Span::from_secs(100), Overload::Queue, &Ceilings::default());
    stage.turn(ms(1), Urgency::None);
    stage.open_all(ms(1));
    assert_eq!((stage.places.taken(), stage.open()), (3, 3));
    stage.turn(Instant::ZERO + Span::from_secs(10), Urgency::None);
    let end = End { by: ClosedBy::Client, code: Some(1001), outcome: Outcome::Closed };
    for at in 0..3 {
        stage.gone(at, end, None, Instant::ZERO + Span::from_secs(10));
    }
    assert_eq!((stage.places.taken(), stage.open()), (0, 0));
    stage.turn(Instant::ZERO + Span::from_secs(11), Urgency::None);
    assert!(stage.is_over());
    stage.conserves();
}
