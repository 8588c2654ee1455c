//! Steps that post, without sockets: how many posts are under way, what becomes of each, and that the step is one sample.

use super::*;
use crate::engine::conversation::audience::Audience;
use crate::engine::conversation::posting::Errand;
use crate::traffic::conversation::{NameId, Post, Stream, StreamId};
use crate::traffic::template::{Generator, Template, TemplateParts};

const STEP: SeriesId = SeriesId(2);
const EACH: SeriesId = SeriesId(3);

/// Sessions that each post every so often, for ever.
struct Posters {
    begun: VecDeque<u32>,
    every: Span,
    at_once: u32,
    seq: u32,
}

impl Sessions for Posters {
    fn begin(&mut self) -> Option<Turn> {
        let session = self.begun.pop_front()?;
        Some(Turn { session, seq: 0, due: Due::At(ms(1)), act: connect() })
    }

    fn next(&mut self, session: u32, event: Event) -> Option<Turn> {
        self.seq += 1;
        let seq = self.seq;
        if let Happened::Closed { .. } | Happened::Refused { .. } = event.what {
            return Some(Turn { session, seq, due: Due::After(Span::from_secs(1)), act: connect() });
        }
        let (to, at_once) = (StreamId(0), self.at_once);
        let post = Post { series: STEP, each: EACH, identity: 0, template: TemplateId(0), key: 0, to, at_once };
        Some(Turn { session, seq, due: Due::At(event.intended + self.every), act: Act::Post(post) })
    }
}

fn connect() -> Act {
    let named = Some(NameId(0));
    Act::Connect(Connect {
        series: SeriesId(0),
        identity: 0,
        what: What::Described { template: TemplateId(0), key: 0 },
        course: 0,
        attempt: 0,
        hears: Hears(0),
        named,
    })
}

struct Desk {
    sessions: u32,
    receivers: u32,
    unnamed: u32,
    every: Span,
    at_once: u32,
    pool: u32,
    overload: Overload,
    ceilings: Ceilings,
}

/// One session that posts every two seconds to seven, three at a time.
fn desk() -> Desk {
    let (overload, ceilings) = (Overload::Queue, Ceilings::default());
    Desk { sessions: 1, receivers: 7, unnamed: 0, every: Span::from_secs(2), at_once: 3, pool: 100, overload, ceilings }
}

fn at_most(tokens: u64) -> Ceilings {
    Ceilings { series: vec![(EACH, PerSecond { tokens, per: Span::from_secs(1) })], ..Ceilings::default() }
}

impl Desk {
    /// Its sessions are connected at the first millisecond.
    fn open(self) -> Stage<Vec<Sample>> {
        let parts = TemplateParts {
            method: "GET".into(),
            path: "/".into(),
            body: Some("{number}".into()),
            fields: vec![("number".into(), Generator::Number)],
            ..TemplateParts::default()
        };
        let catalog = Catalog {
            templates: vec![Template::new(parts).unwrap()],
            streams: vec![Stream { name: "news".into(), series: SeriesId(4), number: vec!["n".into()], named: None }],
            names: vec![vec!["connectionId".into()]],
            ..Catalog::default()
        };
        let audience = Arc::new(Audience::new(&catalog));
        for receiver in 0..self.receivers + self.unnamed {
            audience.opened(1_000 + receiver, Hears(1));
            if receiver < self.receivers {
                audience.named(1_000 + receiver, Hears(1), &format!("c{receiver}"));
            }
        }
        let Self { sessions, every, at_once, .. } = self;
        let rules = Rules {
            overload: self.overload,
            shaper: Shaper::new(&self.ceilings),
            horizon: Span::from_secs(10),
            grace: Span::from_secs(2),
            timeout: Span::from_secs(1),
            watch: Abort::default().watch(),
            catalog: Arc::new(catalog),
            published: Arc::new(Published::new(1)),
            audience,
            posts: self.pool,
        };
        let posters = Posters { begun: (0..sessions).collect(), every, at_once, seq: 0 };
        let mut stage = Stage::new(rules, Box::new(posters), Vec::new());
        stage.turn(ms(1), Urgency::None);
        stage.open_all(ms(1));
        stage
    }
}

const OK: Ending = Ending { outcome: Outcome::Answered, status: 200, kind: None };

impl Stage<Vec<Sample>> {
    fn count(&self, series: SeriesId, outcome: Outcome) -> usize {
        self.recorder.iter().filter(|sample| sample.series == series && sample.outcome == outcome).count()
    }

    fn steps(&self) -> Vec<&Sample> {
        self.recorder.iter().filter(|sample| sample.series == STEP).collect()
    }

    /// What is under way since `begun` is answered, one after the other, and so is what follows; how many that were.
    fn answer_all(&mut self, errands: Vec<Errand>, begun: Instant, now: Instant) -> usize {
        let mut answered = 0;
        for errand in errands {
            let (mut next, mut begun) = (Some(errand), begun);
            while let Some(errand) = next {
                next = self.posted(&errand, (OK, stamps(begun)), now);
                begun = now;
                answered += 1;
            }
        }
        answered
    }

    /// Every turn is one sample, and so is every post.
    fn conserves_posts(&self) {
        let posts = self.recorder.iter().filter(|sample| sample.series == EACH).count() as u64;
        assert_eq!((self.counts.intended, self.counts.posts), (self.recorder.len() as u64 - posts, posts));
        let sent = self.recorder.iter().filter(|sample| sample.series == EACH && sample.sent != Instant::MAX).count() as u64;
        let steps = self.steps().iter().filter(|sample| sample.sent != Instant::MAX).count() as u64;
        assert_eq!(self.counts.posts_sent, sent - steps, "the first post of each step is sent as the step");
    }
}

#[test]
fn a_step_has_no_more_posts_under_way_than_it_may_and_ends_with_the_last() {
    let mut stage = Desk { unnamed: 2, ..desk() }.open();
    stage.turn(ms(2_001), Urgency::None);
    let errands = stage.take_errands();
    assert_eq!(errands.len(), 3);
    assert_eq!(stage.next_turn().1, Waiting::ForTimeout, "nothing more begins by itself");
    assert_eq!(stage.answer_all(errands, ms(2_001), ms(2_050)), 7);
    stage.conserves_posts();
    let intended: Vec<_> = stage.recorder.iter().filter(|it| it.series == EACH).map(|it| (it.intended, it.own_lag())).collect();
    assert_eq!(intended, [(ms(2_001), Span::ZERO); 7], "what waits for the others of its step is not late by itself");
    let step = stage.steps()[0];
    assert_eq!((step.intended, step.done, step.outcome), (ms(2_001), ms(2_050), Outcome::Answered));
    assert_eq!(stage.connections.record(&[]).not_addressed, 2);
    stage.turn(ms(4_001), Urgency::None);
    assert_eq!(stage.take_errands().len(), 3, "the plan does not move");
}

#[test]
fn a_step_that_is_not_done_makes_the_next_one_late_and_none_is_left_out() {
    let mut stage = desk().open();
    stage.turn(ms(2_001), Urgency::None);
    let errands = stage.take_errands();
    stage.turn(ms(5_000), Urgency::None);
    assert!(stage.take_errands().is_empty(), "the one at 4001 ms waits");
    stage.answer_all(errands, ms(2_001), ms(5_000));
    stage.turn(ms(5_000), Urgency::None);
    let late = stage.take_errands();
    assert_eq!(late.iter().map(|errand| errand.intended).collect::<Vec<_>>(), [ms(4_001); 3]);
    stage.answer_all(late, ms(5_000), ms(5_010));
    let late = stage.recorder.iter().filter(|it| it.series == EACH && it.intended == ms(4_001));
    assert!(late.clone().count() == 7 && late.clone().all(|it| it.own_lag() == Span::ZERO), "it was kept by the step before");
    stage.conserves_posts();
}

#[test]
fn where_nobody_is_to_have_it_a_step_is_over_at_once_and_the_lane_goes_on() {
    let mut stage = Desk { receivers: 0, unnamed: 5, every: Span::from_ns(1), ..desk() }.open();
    for _ in 0..10 {
        stage.turn(ms(3), Urgency::None);
    }
    let steps = stage.steps().len();
    assert!(steps > 1_000 && steps < 4_000, "{steps}");
    assert!(stage.steps().iter().all(|step| step.outcome == Outcome::Answered && step.sent == Instant::MAX));
    assert_eq!(stage.connections.record(&[]).not_addressed, steps as u64 * 5);
    stage.conserves_posts();
}

#[test]
fn each_post_passes_the_ceiling_and_not_the_step() {
    let mut stage = Desk { ceilings: at_most(2), ..desk() }.open();
    stage.turn(ms(2_001), Urgency::None);
    let first = stage.take_errands();
    assert_eq!(first.len(), 1, "the burst of a ceiling of two a second");
    assert_eq!(stage.answer_all(first, ms(2_001), ms(2_002)), 1, "the next ones are held back");
    let mut made = 1;
    for half in 5..11 {
        let now = ms(half * 500 + 2);
        stage.turn(now, Urgency::None);
        let errands = stage.take_errands();
        assert!(errands.len() <= 1);
        made += stage.answer_all(errands, now, now);
    }
    assert_eq!((made, stage.steps().len()), (7, 1));
    assert!(stage.counts.shaped >= 6);
    let lags = stage.recorder.iter().filter(|it| it.series == EACH).map(Sample::own_lag);
    assert!(lags.max() < Some(Span::from_ms(600)));
    stage.conserves_posts();
}

#[test]
fn the_policy_gives_up_each_post_that_a_ceiling_does_not_let_pass() {
    let mut stage = Desk { ceilings: at_most(1), overload: Overload::Drop, ..desk() }.open();
    stage.turn(ms(2_001), Urgency::None);
    let errands = stage.take_errands();
    assert_eq!(stage.answer_all(errands, ms(2_002), ms(2_002)), 1);
    assert_eq!((stage.count(EACH, Outcome::Answered), stage.count(EACH, Outcome::Dropped), stage.steps().len()), (1, 6, 1));
    stage.conserves_posts();
    let mut stage = Desk { ceilings: at_most(1), overload: Overload::Deadline(Span::from_ms(1_500)), ..desk() }.open();
    stage.turn(ms(2_001), Urgency::None);
    let errands = stage.take_errands();
    stage.answer_all(errands, ms(2_002), ms(2_002));
    for now in [3_002, 4_002].map(ms) {
        stage.turn(now, Urgency::None);
        let errands = stage.take_errands();
        stage.answer_all(errands, now, now);
    }
    assert_eq!((stage.count(EACH, Outcome::Answered), stage.count(EACH, Outcome::Shed), stage.steps().len()), (2, 5, 1));
    stage.conserves_posts();
}

#[test]
fn what_has_not_begun_ends_with_the_connection_and_what_is_under_way_by_itself() {
    let mut stage = Desk { ceilings: at_most(2), ..desk() }.open();
    stage.turn(ms(2_001), Urgency::None);
    let under_way = stage.take_errands();
    assert_eq!((under_way.len(), stage.posts.held.len()), (1, 2));
    stage.gone(0, End { by: ClosedBy::Server, code: Some(1001), outcome: Outcome::Closed }, None, ms(2_010));
    assert_eq!((stage.count(EACH, Outcome::Closed), stage.count(STEP, Outcome::Closed)), (4, 1));
    assert_eq!(stage.answer_all(under_way, ms(2_020), ms(2_020)), 1);
    stage.turn(ms(9_000), Urgency::None);
    assert!(stage.take_errands().is_empty(), "what a ceiling held back is given up when its turn comes");
    assert_eq!(stage.count(EACH, Outcome::Closed), 6);
    stage.turn(ms(9_500), Urgency::AtOnce);
    stage.conserves_posts();
}

#[test]
fn steps_that_share_a_pool_take_turns() {
    let mut stage = Desk { sessions: 3, receivers: 4, pool: 2, ..desk() }.open();
    stage.turn(ms(2_001), Urgency::None);
    let errands = stage.take_errands();
    assert_eq!(errands.len(), 2);
    assert_eq!(stage.answer_all(errands, ms(2_010), ms(2_010)), 12);
    assert_eq!(stage.steps().len(), 3);
    assert!(stage.posts.is_quiet());
    stage.conserves_posts();
}

#[test]
fn a_stop_lets_what_is_under_way_end_and_begins_nothing_more() {
    let mut stage = desk().open();
    stage.turn(ms(2_001), Urgency::None);
    let errands = stage.take_errands();
    stage.turn(ms(2_002), Urgency::Graceful);
    assert_eq!(stage.count(EACH, Outcome::Abandoned), 4);
    assert!(!stage.is_over());
    assert_eq!(stage.answer_all(errands, ms(2_100), ms(2_100)), 3);
    assert_eq!(stage.count(STEP, Outcome::Abandoned), 1, "not all of it was done");
    stage.turn(ms(2_200), Urgency::Graceful);
    stage.gone(0, End { by: ClosedBy::Client, code: Some(1001), outcome: Outcome::Closed }, None, ms(2_210));
    stage.turn(ms(2_220), Urgency::Graceful);
    assert!(stage.is_over());
    stage.conserves_posts();
}

#[test]
fn the_end_of_the_plan_waits_for_posts_that_were_due_before_it() {
    let mut stage = Desk { every: Span::from_ms(9_998), ..desk() }.open();
    stage.turn(ms(9_999), Urgency::None);
    let mut errands = stage.take_errands();
    stage.turn(ms(10_010), Urgency::None);
    stage.turn(ms(10_100), Urgency::None);
    let last = errands.pop().unwrap();
    assert_eq!(stage.answer_all(errands, ms(10_200), ms(10_200)), 6, "they are still made");
    assert!(stage.steps().is_empty());
    stage.turn(ms(13_000), Urgency::None);
    assert!(stage.is_over(), "the grace is over");
    assert!(stage.posted(&last, (Ending::unanswered(Outcome::Abandoned), stamps(ms(13_000))), ms(13_000)).is_none());
    stage.gone(0, End { by: ClosedBy::Client, code: None, outcome: Outcome::Abandoned }, None, ms(13_000));
    assert_eq!((stage.count(EACH, Outcome::Answered), stage.count(EACH, Outcome::Abandoned)), (6, 1));
    assert_eq!(stage.count(STEP, Outcome::Abandoned), 1);
    stage.conserves_posts();
}
