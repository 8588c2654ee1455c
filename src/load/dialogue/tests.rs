//! The rules of sessions, one by one, and the law of their shares.

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::PerSecond;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use super::*;
use crate::load::sessions::{ClosedBy, Happened};
use crate::load::traffic::{Arrivals, Piece, Spacing};
use crate::traffic::catalog::TemplateId;
use crate::traffic::conversation::{Act, Awaits, Farewell, Hears, Message, StreamId, Text};
use crate::traffic::{SeriesId, What};

mod law;

fn secs(secs: u64) -> Span {
    Span::from_secs(secs)
}

fn at(ms: u64) -> Instant {
    Instant::ZERO + Span::from_ms(ms)
}

fn arrivals(per_second: u64, spacing: Spacing) -> Arrivals {
    let rate = PerSecond { tokens: per_second, per: secs(1) };
    Arrivals { pieces: vec![Piece { from: rate, to: rate, length: secs(1) }], spacing }
}

fn role(script: Vec<Step>) -> Role {
    Role {
        name: "one".into(),
        weight: 1,
        handshake: TemplateId(0),
        connects: SeriesId(0),
        hears: Hears(0),
        named: None,
        life: None,
        close: Farewell::Code(1000),
        script,
    }
}

/// One session a second for a thousand seconds, whose clients all do this.
fn plan(script: Vec<Step>) -> Dialogue {
    Dialogue {
        seed: Seed::new(1),
        duration: secs(1_000),
        identities: 10,
        arrivals: arrivals(1, Spacing::Even),
        connections: 100,
        reconnect: None,
        roles: vec![role(script)],
    }
}

fn wait(secs: u64) -> Step {
    Step::Wait(Latency::constant(Span::from_secs(secs)))
}

/// A message, whose template tells it from others.
fn say(template: u16) -> Step {
    Step::Send(Sending { series: SeriesId(1), template: TemplateId(template), awaits: Awaits::Nothing, publishes: None })
}

fn post(template: u16) -> Step {
    let posting =
        Posting { series: SeriesId(3), each: SeriesId(4), template: TemplateId(template), to: StreamId(1), at_once: 10 };
    Step::Post(posting)
}

fn ask(template: u16) -> Step {
    let awaits = Awaits::Next { timeout: secs(5) };
    Step::Send(Sending { series: SeriesId(1), template: TemplateId(template), awaits, publishes: None })
}

fn every(secs: u64, rounds: Rounds, steps: Vec<Step>) -> Step {
    Step::Repeat { rounds, every: Some(Span::from_secs(secs)), steps }
}

fn repeat(rounds: Rounds, steps: Vec<Step>) -> Step {
    Step::Repeat { rounds, every: None, steps }
}

/// Doubles from a second to eight, and goes on where it was.
fn coming_back() -> Reconnect {
    Reconnect { first: secs(1), factor: 2.0, most: secs(8), jitter: 0.0, attempts: None, resume: Resume::WhereItWas }
}

/// Plays the first session of a plan by hand.
struct Hand {
    source: Box<dyn Sessions>,
    session: u32,
    intended: Instant,
}

impl Hand {
    fn of(plan: &Dialogue) -> Self {
        let mut source = dialogue(plan, Share::ALL);
        let turn = source.begin().unwrap();
        Self { source, session: turn.session, intended: Instant::ZERO }
    }

    /// Tells what happened at a millisecond of the run; what the session does next, in words.
    fn tell(&mut self, what: Happened, ms: u64) -> String {
        let turn = self.source.next(self.session, Event { at: at(ms), intended: self.intended, what });
        turn.map_or_else(|| "nothing".to_owned(), |turn| words(&turn))
    }

    fn opened(&mut self, ms: u64) -> String {
        self.tell(Happened::Opened, ms)
    }

    fn sent(&mut self, ms: u64) -> String {
        self.tell(Happened::Sent, ms)
    }

    fn replied(&mut self, ms: u64) -> String {
        self.tell(Happened::Replied, ms)
    }

    fn closed(&mut self, by: ClosedBy, ms: u64) -> String {
        self.tell(Happened::Closed { by, code: 1001 }, ms)
    }

    fn refused(&mut self, ms: u64) -> String {
        self.tell(Happened::Refused { status: 503 }, ms)
    }
}

/// Template and key of a message.
fn drawn(message: &Message) -> (u16, u64) {
    match message.text {
        Text::Described { template, key } => (template.0, key),
        Text::Recorded(_) => panic!("{message:?}"),
    }
}

/// A turn in words: `say 3 in 2000`, `ask 3 at 5000`.
fn words(turn: &Turn) -> String {
    let act = match &turn.act {
        Act::Connect(connect) => format!("connect {}", connect.attempt),
        Act::Message(message) if message.awaits == Awaits::Nothing => format!("say {}", drawn(message).0),
        Act::Message(message) => format!("ask {}", drawn(message).0),
        Act::Post(post) => format!("post {} to {}", post.template.0, post.to.0),
        Act::Ping { .. } => "ping".to_owned(),
        Act::Close(farewell) => format!("{farewell:?}"),
    };
    match turn.due {
        Due::At(at) => format!("{act} at {}", at.as_ns() / 1_000_000),
        Due::After(span) => format!("{act} in {}", span.as_ns() / 1_000_000),
    }
}

fn begun(plan: &Dialogue, share: Share) -> Vec<Turn> {
    let mut source = dialogue(plan, share);
    std::iter::from_fn(|| source.begin()).collect()
}

#[test]
fn sessions_begin_as_planned_and_no_more_of_them_than_there_may_be_connections() {
    let plan = Dialogue { connections: 4, ..plan(vec![]) };
    let shown: Vec<String> = begun(&plan, Share::ALL).iter().map(words).collect();
    assert_eq!(shown, ["connect 0 at 0", "connect 0 at 1000", "connect 0 at 2000", "connect 0 at 3000"]);
    let few = Dialogue { duration: secs(2), ..plan };
    assert_eq!(begun(&few, Share::ALL).len(), 2, "the plan ends before");
}

#[test]
fn kinds_of_session_are_drawn_as_weighted_and_a_session_keeps_its_identity() {
    let mut plan = Dialogue { connections: 10_000, arrivals: arrivals(10_000, Spacing::Even), ..plan(vec![say(7)]) };
    plan.roles[0].weight = 9;
    plan.roles.push(Role { handshake: TemplateId(1), hears: Hears(2), ..role(vec![]) });
    let turns = begun(&plan, Share::ALL);
    let connect = |turn: &Turn| {
        let Act::Connect(connect) = &turn.act else { panic!("{turn:?}") };
        connect.clone()
    };
    let rare: Vec<&Turn> =
        turns.iter().filter(|turn| matches!(connect(turn).what, What::Described { template: TemplateId(1), .. })).collect();
    assert!((850..1_150).contains(&rare.len()), "{}", rare.len());
    assert!(rare.iter().all(|turn| connect(turn).hears == Hears(2)));
    let mut source = dialogue(&plan, Share::ALL);
    let first = source.begin().unwrap();
    let said = source.next(first.session, Event { at: at(5), intended: at(0), what: Happened::Opened }).unwrap();
    let Act::Message(message) = said.act else { panic!("{said:?}") };
    assert_eq!((message.identity, said.seq), (connect(&first).identity, 1));
    let What::Described { key, .. } = connect(&first).what else { panic!("{first:?}") };
    assert_ne!(drawn(&message).1, key, "each turn draws for itself");
}

#[test]
fn a_wait_counts_from_the_end_of_what_came_before() {
    let mut hand = Hand::of(&plan(vec![wait(2), ask(1), wait(3), wait(1), say(2), say(3), Step::Ping(SeriesId(2))]));
    assert_eq!(hand.opened(200), "ask 1 in 2000");
    assert_eq!(hand.replied(9_000), "say 2 in 4000");
    assert_eq!(hand.sent(13_500), "say 3 in 0");
    assert_eq!(hand.sent(13_600), "ping in 0");
    assert_eq!(hand.sent(13_700), "nothing", "it listens");
}

#[test]
fn what_is_not_answered_is_left_behind_like_what_is() {
    let mut hand = Hand::of(&plan(vec![ask(1), wait(1), say(2)]));
    hand.opened(0);
    assert_eq!(hand.tell(Happened::Unanswered, 5_000), "say 2 in 1000");
}

#[test]
fn beats_count_from_intended_instants() {
    let mut hand = Hand::of(&plan(vec![wait(1), every(10, Rounds::Forever, vec![say(1), wait(2), say(2)])]));
    assert_eq!(hand.opened(500), "say 1 at 1500");
    assert_eq!(hand.sent(1_700), "say 2 in 2000", "within a round it counts from what came before");
    assert_eq!(hand.sent(3_900), "say 1 at 11500");
    assert_eq!(hand.sent(11_501), "say 2 in 2000");
    assert_eq!(hand.sent(13_501), "say 1 at 21500", "the plan does not move");
}

#[test]
fn a_beat_that_was_missed_is_due_at_once_and_none_is_left_out() {
    let mut hand = Hand::of(&plan(vec![every(2, Rounds::Times(4), vec![ask(1)]), say(2)]));
    assert_eq!(hand.opened(0), "ask 1 at 0");
    assert_eq!(hand.replied(5_000), "ask 1 at 2000");
    assert_eq!(hand.replied(5_100), "ask 1 at 4000");
    assert_eq!(hand.replied(5_200), "ask 1 at 6000");
    assert_eq!(hand.replied(6_500), "say 2 in 0", "no time passes after the last round");
}

#[test]
fn a_wait_at_the_beginning_of_a_round_counts_from_its_beat() {
    let mut hand = Hand::of(&plan(vec![every(10, Rounds::Forever, vec![wait(1), say(1)])]));
    assert_eq!(hand.opened(0), "say 1 at 1000");
    assert_eq!(hand.sent(1_200), "say 1 at 11000");
}

#[test]
fn repeats_stand_within_repeats() {
    let inner = repeat(Rounds::Times(2), vec![say(1)]);
    let mut hand = Hand::of(&plan(vec![every(10, Rounds::Times(2), vec![inner]), say(2)]));
    assert_eq!(hand.opened(0), "say 1 at 0");
    assert_eq!(hand.sent(1), "say 1 in 0");
    assert_eq!(hand.sent(2), "say 1 at 10000");
    assert_eq!(hand.sent(10_001), "say 1 in 0");
    assert_eq!(hand.sent(10_002), "say 2 in 0");
}

#[test]
fn life_counts_from_the_opening_and_ends_between_steps_but_never_while_a_question_is_open() {
    let mut plan = plan(vec![wait(4), ask(1), wait(4), ask(2)]);
    plan.roles[0].life = Some(Latency::constant(secs(10)));
    let mut hand = Hand::of(&plan);
    assert_eq!(hand.opened(1_000), "ask 1 in 4000");
    assert_eq!(hand.replied(5_500), "ask 2 in 4000");
    assert_eq!(hand.replied(12_000), "Code(1000) at 12000", "its life was over at 11000, and a question was open");
    let mut hand = Hand::of(&plan);
    hand.opened(1_000);
    assert_eq!(hand.replied(8_000), "Code(1000) at 11000", "the next step would come at 12000");
    assert_eq!(hand.closed(ClosedBy::Client, 11_100), "nothing");
}

#[test]
fn an_idle_client_listens_until_its_life_is_over() {
    let mut plan = plan(vec![]);
    assert_eq!(Hand::of(&plan).opened(5), "nothing");
    plan.roles[0].life = Some(Latency::constant(secs(60)));
    plan.roles[0].close = Farewell::Silent;
    assert_eq!(Hand::of(&plan).opened(5), "Silent at 60005");
}

#[test]
fn nothing_is_intended_at_the_end_of_the_plan_or_after_it() {
    let mut short = Dialogue { duration: secs(10), reconnect: Some(coming_back()), ..plan(vec![wait(9), say(1)]) };
    assert_eq!(Hand::of(&short).opened(999), "say 1 in 9000");
    assert_eq!(Hand::of(&short).opened(1_000), "nothing");
    assert_eq!(Hand::of(&short).refused(8_999), "connect 1 in 1000");
    assert_eq!(Hand::of(&short).refused(9_000), "nothing");
    short.roles[0].life = Some(Latency::constant(secs(9)));
    assert_eq!(Hand::of(&short).opened(1_000), "nothing");
    short.roles[0].script = vec![every(4, Rounds::Forever, vec![say(1)])];
    short.roles[0].life = None;
    let mut hand = Hand::of(&short);
    assert_eq!(hand.opened(0), "say 1 at 0");
    assert_eq!(hand.sent(0), "say 1 at 4000");
    assert_eq!(hand.sent(4_000), "say 1 at 8000");
    assert_eq!(hand.sent(8_000), "nothing");
}

#[test]
fn without_a_word_about_it_nobody_comes_back() {
    let plan = plan(vec![say(1)]);
    assert_eq!(Hand::of(&plan).refused(10), "nothing");
    let mut hand = Hand::of(&plan);
    hand.opened(0);
    assert_eq!(hand.closed(ClosedBy::Server, 10), "nothing");
    assert_eq!(hand.opened(20), "nothing", "it is over");
}

#[test]
fn who_was_refused_or_lost_the_connection_comes_back_after_growing_pauses() {
    let plan = Dialogue { reconnect: Some(coming_back()), ..plan(vec![]) };
    let mut hand = Hand::of(&plan);
    assert_eq!(hand.refused(0), "connect 1 in 1000");
    assert_eq!(hand.refused(1_000), "connect 2 in 2000");
    assert_eq!(hand.opened(3_000), "nothing");
    assert_eq!(hand.closed(ClosedBy::Network, 10_999), "connect 3 in 4000", "it was not open for longer than the longest pause");
    assert_eq!(hand.refused(15_000), "connect 4 in 8000");
    assert_eq!(hand.refused(23_000), "connect 5 in 8000");
    hand.opened(31_000);
    assert_eq!(hand.closed(ClosedBy::Server, 39_001), "connect 6 in 1000", "it was");
    hand.opened(40_001);
    assert_eq!(hand.closed(ClosedBy::ClientProtest, 60_000), "connect 7 in 1000", "nobody's script ended it");
    hand.opened(61_000);
    assert_eq!(hand.closed(ClosedBy::Client, 70_000), "nothing", "it ended the connection itself");
    assert_eq!(hand.refused(80_000), "nothing");
}

#[test]
fn attempts_in_a_row_have_an_end_if_the_plan_says_so() {
    let reconnect = Reconnect { attempts: Some(2), ..coming_back() };
    let mut hand = Hand::of(&Dialogue { reconnect: Some(reconnect), ..plan(vec![]) });
    assert_eq!(hand.refused(0), "connect 1 in 1000");
    assert_eq!(hand.refused(1_000), "connect 2 in 2000");
    assert_eq!(hand.refused(3_000), "nothing");
    assert_eq!(hand.opened(4_000), "nothing", "it is over");
}

#[test]
fn jitter_spreads_the_pause_downwards() {
    let pause = |jitter, draw| Reconnect { jitter, ..coming_back() }.pause(3, draw).as_ns();
    assert_eq!((pause(0.0, 0.5), pause(1.0, 0.75), pause(0.2, 0.5)), (4_000_000_000, 1_000_000_000, 3_600_000_000));
    assert_eq!(Reconnect { factor: 10.0, ..coming_back() }.pause(u32::MAX, 0.5), secs(8), "no number of attempts is too large");
    let plan = Dialogue { reconnect: Some(Reconnect { jitter: 1.0, ..coming_back() }), ..plan(vec![]) };
    let mut source = dialogue(&plan, Share::ALL);
    let mut pauses: Vec<Span> = (0..50)
        .map(|_| {
            let session = source.begin().unwrap().session;
            let event = Event { at: at(0), intended: at(0), what: Happened::Refused { status: 503 } };
            let Due::After(pause) = source.next(session, event).unwrap().due else { panic!("a pause") };
            pause
        })
        .collect();
    pauses.sort_unstable();
    pauses.dedup();
    assert!(pauses.len() == 50 && pauses[49] < secs(1), "{pauses:?}");
}

#[test]
fn who_comes_back_goes_on_where_it_was() {
    let script = vec![say(1), wait(10), ask(2), say(3)];
    let mut hand = Hand::of(&Dialogue { reconnect: Some(coming_back()), ..plan(script) });
    hand.opened(0);
    assert_eq!(hand.sent(0), "ask 2 in 10000");
    hand.closed(ClosedBy::Server, 4_000);
    assert_eq!(hand.opened(5_000), "ask 2 in 5000", "it had not been asked, and the wait goes on");
    hand.closed(ClosedBy::Server, 11_000);
    assert_eq!(hand.opened(12_000), "ask 2 in 0", "it had no reply");
    assert_eq!(hand.replied(12_500), "say 3 in 0");
    assert_eq!(hand.sent(12_600), "nothing");
    hand.closed(ClosedBy::Server, 30_000);
    assert_eq!(hand.opened(31_000), "nothing", "its script was over");
}

#[test]
fn beats_go_on_where_they_were_and_late_stays_late() {
    let script = vec![every(10, Rounds::Forever, vec![say(1)])];
    let mut hand = Hand::of(&Dialogue { reconnect: Some(coming_back()), ..plan(script) });
    hand.opened(0);
    hand.sent(0);
    hand.closed(ClosedBy::Server, 1_000);
    assert_eq!(hand.opened(25_000), "say 1 at 10000");
    assert_eq!(hand.sent(25_001), "say 1 at 20000");
    assert_eq!(hand.sent(25_002), "say 1 at 30000");
}

#[test]
fn who_comes_back_may_begin_anew() {
    let reconnect = Reconnect { resume: Resume::FromTheBeginning, ..coming_back() };
    let script = vec![say(1), every(10, Rounds::Forever, vec![say(2)])];
    let mut hand = Hand::of(&Dialogue { reconnect: Some(reconnect), ..plan(script) });
    hand.opened(0);
    hand.sent(0);
    assert_eq!(hand.sent(0), "say 2 at 10000");
    hand.closed(ClosedBy::Server, 1_000);
    assert_eq!(hand.opened(2_000), "say 1 in 0");
    assert_eq!(hand.sent(2_100), "say 2 at 2100");
}

#[test]
fn the_life_of_each_connection_is_its_own() {
    let mut plan = Dialogue { reconnect: Some(coming_back()), ..plan(vec![]) };
    plan.roles[0].life = Some(Latency::constant(secs(60)));
    let mut hand = Hand::of(&plan);
    assert_eq!(hand.opened(0), "Code(1000) at 60000");
    hand.closed(ClosedBy::Server, 10_000);
    assert_eq!(hand.opened(11_000), "Code(1000) at 71000");
}

#[test]
fn what_belongs_to_no_session_or_to_no_step_changes_nothing() {
    let mut source = dialogue(&plan(vec![say(1), say(2)]), Share::ALL);
    let told = |what| Event { at: at(0), intended: at(0), what };
    assert!(source.next(77, told(Happened::Opened)).is_none());
    source.begin();
    assert!(source.next(0, told(Happened::Sent)).is_none(), "it has no connection");
    assert_eq!(source.next(0, told(Happened::Opened)).map(|turn| words(&turn)).as_deref(), Some("say 1 in 0"));
}

#[test]
fn a_step_that_posts_is_over_when_its_posts_are() {
    let mut hand = Hand::of(&plan(vec![wait(1), post(1), wait(2), say(2)]));
    assert_eq!(hand.opened(0), "post 1 to 1 in 1000");
    assert_eq!(hand.sent(5_000), "say 2 in 2000");
    let mut hand = Hand::of(&plan(vec![every(2, Rounds::Forever, vec![post(1)])]));
    assert_eq!(hand.opened(0), "post 1 to 1 at 0");
    assert_eq!(hand.sent(7_000), "post 1 to 1 at 2000", "the plan does not move");
}
