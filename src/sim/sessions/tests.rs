//! The simulated sessions, as sentences.

use std::sync::Arc;

use sluicegate_policy::call::{Closing, ErrorKind};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Api, ApiKind, Burst, DeploymentId, Drop, FanOut, Function, FunctionId, Integration, MockIntegration, Model, PerSecond,
    Receivers, Route, RouteId, RouteResponse, Throttle,
};

use super::*;
use crate::load::overload::Overload;
use crate::measure::record::ConnectionsRecord;
use crate::sim::Network;
use crate::traffic::catalog::TemplateId;
use crate::traffic::conversation::{Connect, Hears, Message, NameId, Post, Stream, Text};
use crate::traffic::template::{Generator, Template, TemplateParts};
use crate::traffic::{Catalog, What};

const MS: Span = Span::from_ms(1);
const CONNECT: SeriesId = SeriesId(0);
const ASK: SeriesId = SeriesId(1);
const PUSH: SeriesId = SeriesId(2);
const STEP: SeriesId = SeriesId(3);
const POST: SeriesId = SeriesId(4);

/// Sessions that each begin at their instant and then do this, one after the other; closed by others they come back after 100 ms.
struct Script {
    begin: Vec<Instant>,
    hears: Hears,
    acts: Vec<(Span, Act)>,
    begun: u32,
    at: Vec<usize>,
    seq: Vec<u32>,
}

impl Script {
    fn turn(&mut self, session: u32, due: Due, act: Act) -> Turn {
        let seq = &mut self.seq[session as usize];
        *seq += 1;
        Turn { session, seq: *seq - 1, due, act }
    }
}

fn connect(hears: Hears) -> Act {
    Act::Connect(Connect {
        series: CONNECT,
        identity: 0,
        what: What::Described { template: TemplateId(0), key: 0 },
        course: 0,
        attempt: 0,
        hears,
        named: Some(NameId(0)),
    })
}

impl Sessions for Script {
    fn begin(&mut self) -> Option<Turn> {
        let at = *self.begin.get(self.begun as usize)?;
        let session = self.begun;
        self.begun += 1;
        self.at.push(0);
        self.seq.push(0);
        Some(self.turn(session, Due::At(at), connect(self.hears)))
    }

    fn next(&mut self, session: u32, event: Event) -> Option<Turn> {
        match event.what {
            Happened::Closed { by: ClosedBy::Client, .. } | Happened::Refused { .. } => None,
            Happened::Closed { .. } => {
                let again = connect(self.hears);
                Some(self.turn(session, Due::After(MS * 100), again))
            }
            Happened::Opened | Happened::Sent | Happened::Replied | Happened::Unanswered => {
                let at = &mut self.at[session as usize];
                let (after, act) = self.acts.get(*at).cloned()?;
                *at += 1;
                Some(self.turn(session, Due::After(after), act))
            }
        }
    }
}

fn script(sessions: u64, acts: Vec<(Span, Act)>) -> Box<dyn Sessions> {
    Box::new(hearing(Hears(1), sessions, acts))
}

fn hearing(hears: Hears, sessions: u64, acts: Vec<(Span, Act)>) -> Script {
    let begin = (0..sessions).map(|n| Instant::ZERO + MS * n).collect();
    Script { begin, hears, acts, begun: 0, at: Vec::new(), seq: Vec::new() }
}

fn ask(timeout: Span) -> Act {
    message(TemplateId(1), Awaits::Next { timeout }, None)
}

fn publish() -> Act {
    message(TemplateId(2), Awaits::Nothing, Some(StreamId(0)))
}

fn post(at_once: u32) -> Act {
    let (template, to) = (TemplateId(2), StreamId(0));
    Act::Post(Post { series: STEP, each: POST, identity: 0, template, key: 0, to, at_once })
}

fn message(template: TemplateId, awaits: Awaits, publishes: Option<StreamId>) -> Act {
    Act::Message(Message { series: ASK, identity: 0, text: Text::Described { template, key: 0 }, awaits, publishes })
}

fn template(body: Option<&str>, number: bool) -> Template {
    let fields = if number { vec![("number".to_owned(), Generator::Number)] } else { Vec::new() };
    let parts = TemplateParts {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        body: body.map(str::to_owned),
        fields,
        ..TemplateParts::default()
    };
    Template::new(parts).unwrap()
}

/// A gateway that needs 4 ms for each call, with a route that answers and one that publishes.
fn world(change: impl FnOnce(&mut Model)) -> World {
    let api = Api { overhead: Latency::constant(MS * 4), ..Api::new(ApiKind::WebSocket, "a") };
    let route = |key: &str| {
        Route::new(DeploymentId(0), None, key, Integration::Mock(MockIntegration::Fixed { status: 200, body: "yes".to_owned() }))
    };
    let fixed = Integration::Mock(MockIntegration::Fixed { status: 200, body: String::new() });
    let callbacks = Route::new(DeploymentId(0), Some("POST"), "/@connections/{connectionId}", fixed);
    let mut model = Model::of(api, &["prod"], vec![route("ask"), route("publish"), callbacks]);
    model.routes[0].response = RouteResponse::Present;
    model.routes[1].fan_out = Some(FanOut { to: Receivers::Everyone, at_once: 100, each: Latency::constant(MS) });
    model.account.connects = Throttle { rate: PerSecond { tokens: 1_000_000, per: MS * 1_000 }, burst: Burst(1_000_000) };
    change(&mut model);
    let stream = Stream { name: "news".to_owned(), series: PUSH, number: vec!["n".to_owned()], named: None };
    let templates = vec![
        template(None, false),
        template(Some(r#"{{"action":"ask"}}"#), false),
        template(Some(r#"{{"action":"publish","n":"{number}"}}"#), true),
    ];
    let catalog = Catalog { templates, streams: vec![stream], names: vec![vec!["id".to_owned()]], ..Catalog::default() };
    World {
        model: Arc::new(model),
        stage: sluicegate_policy::model::StageId(0),
        catalog: Arc::new(catalog),
        connections: 1,
        streams: 1,
        timeout: MS * 1_000,
        overload: Overload::Queue,
        ceilings: crate::load::shaper::Ceilings::default(),
        network: Network { round_trip: MS * 2, connect: MS },
        keeping: crate::load::keeping::Keeping::FOR_EVER,
        wall: Span::ZERO,
        metering: None,
        end: Instant::ZERO + MS * 11_000,
    }
}

fn played(world: &World, sessions: Box<dyn Sessions>) -> (Vec<Sample>, ConnectionsRecord) {
    let mut samples = Vec::new();
    let (summary, connections) = converse(world, sessions, Seed::new(1), &mut |sample: &Sample| samples.push(*sample));
    let turns = samples.iter().filter(|sample| ![PUSH, POST].contains(&sample.series)).count() as u64;
    assert_eq!(summary.intended, turns, "every turn is one sample");
    (samples, connections.record(&world.catalog.streams))
}

fn of(samples: &[Sample], series: SeriesId) -> Vec<Sample> {
    samples.iter().filter(|sample| sample.series == series).copied().collect()
}

#[test]
fn a_handshake_takes_the_way_the_gateway_s_time_and_the_way_back() {
    let (samples, record) = played(&world(|_| ()), script(3, Vec::new()));
    let connects = of(&samples, CONNECT);
    assert_eq!(connects.iter().map(|it| (it.status, it.response_time())).collect::<Vec<_>>(), [(101, Some(MS * 7)); 3]);
    assert_eq!((record.asked, record.opened, record.open_at_end), (3, 3, 3));
}

#[test]
fn a_question_has_its_reply_and_the_session_goes_on_with_it() {
    let (samples, record) = played(&world(|_| ()), script(1, vec![(MS * 10, ask(MS * 100)), (MS * 10, ask(MS * 100))]));
    let asked = of(&samples, ASK);
    assert_eq!(asked.iter().map(Sample::response_time).collect::<Vec<_>>(), [Some(MS * 6); 2]);
    assert_eq!(asked[1].intended, asked[0].done + MS * 10);
    assert_eq!((record.messages_up, record.messages_down), (2, 2));
}

#[test]
fn a_question_to_a_route_that_sends_no_answers_is_unanswered() {
    let (samples, _) =
        played(&world(|model| model.routes[0].response = RouteResponse::Absent), script(1, vec![(MS, ask(MS * 100))]));
    let asked = of(&samples, ASK);
    assert_eq!((asked[0].outcome, asked[0].response_time()), (Outcome::TimedOut, Some(MS * 100)));
}

#[test]
fn a_question_that_its_function_posts_to_its_sender_has_its_reply_by_that() {
    let echoing = world(|model| {
        model.routes[0].response = RouteResponse::Absent;
        model.routes[0].fan_out = Some(FanOut { to: Receivers::Sender, at_once: 1, each: Latency::constant(MS) });
    });
    let say = message(TemplateId(1), Awaits::Nothing, None);
    let (samples, record) = played(&echoing, script(1, vec![(MS * 10, ask(MS * 100)), (MS * 10, say)]));
    let asked = of(&samples, ASK);
    assert_eq!(asked[0].response_time(), Some(MS * 6));
    assert_eq!(asked[1].intended, asked[0].done + MS * 10);
    assert_eq!((record.messages_down, record.unexpected), (2, 1), "what was only said comes back, and nobody waits for it");
}

#[test]
fn what_is_published_comes_to_all_who_hear_it() {
    let (samples, record) = played(&world(|_| ()), script(5, vec![(MS * 50, publish())]));
    let pushed = of(&samples, PUSH);
    // Each of five publishes to five: the way there, the gateway, the way back.
    assert_eq!(pushed.len(), 25);
    assert!(pushed.iter().all(|push| push.response_time() == Some(MS * 6)), "{pushed:?}");
    assert_eq!((record.deliveries[0].delivered, record.deliveries[0].lost), (25, 0));
}

#[test]
fn what_is_pushed_to_those_who_do_not_hear_it_is_unexpected() {
    let (samples, record) = played(&world(|_| ()), Box::new(hearing(Hears(0), 3, vec![(MS * 50, publish())])));
    assert_eq!(of(&samples, PUSH).len(), 0);
    assert_eq!((record.messages_down, record.unexpected, record.deliveries[0].expected), (9, 9, 0));
}

#[test]
fn whoever_is_dropped_comes_back() {
    let drop = Drop { at: MS * 2_000, stage: sluicegate_policy::model::StageId(0), why: Closing::Fault(1012) };
    let (samples, record) = played(&world(|model| model.drops.push(drop)), script(20, Vec::new()));
    assert_eq!(of(&samples, CONNECT).len(), 40);
    assert_eq!((record.closed[0].by.as_str(), record.closed[0].code, record.closed[0].count), ("server", Some(1012), 20));
    let returning = record.returning.unwrap();
    assert_eq!((returning.returned, returning.refused), (20, 0));
    // From hearing of it: the pause, the connection, and the handshake.
    let (away, expected) = (returning.away.unwrap().max_ns, (MS * 107).as_ns());
    assert!(away.abs_diff(expected) < expected / 1_000, "{away}: to the three digits of a histogram");
}

#[test]
fn a_throttled_client_reads_an_error_and_is_closed() {
    let one = Throttle { rate: PerSecond { tokens: 1, per: MS * 60_000 }, burst: Burst(1) };
    let throttled = world(|model| model.stages[0].route_throttles.push((RouteId(0), one)));
    let (samples, record) = played(&throttled, script(1, vec![(MS, ask(MS * 100)), (MS, ask(MS * 100))]));
    let asked = of(&samples, ASK);
    assert_eq!((asked[0].kind, asked[1].kind), (None, Some(ErrorKind::Throttled)));
    assert_eq!((record.closed[0].code, record.closed[0].count), (Some(1008), 1));
}

#[test]
fn a_goodbye_is_answered_after_a_whole_round_trip() {
    let (samples, record) = played(&world(|_| ()), script(1, vec![(MS, Act::Close(Farewell::Code(1000)))]));
    let goodbye = samples.iter().find(|sample| sample.seq == 1).unwrap();
    assert_eq!((goodbye.outcome, goodbye.response_time()), (Outcome::Answered, Some(MS * 2)));
    assert_eq!((record.closed[0].by.as_str(), record.closed[0].code), ("client", Some(1000)));
}

#[test]
fn the_same_seed_gives_the_same_samples() {
    let world = world(|model| model.apis[0].overhead = Latency::lognormal(MS * 4, 0.5).unwrap());
    let acts = || vec![(MS * 10, ask(MS * 100)), (MS * 5, publish())];
    assert_eq!(played(&world, script(30, acts())), played(&world, script(30, acts())));
}

#[test]
fn what_is_posted_comes_to_all_who_hear_it_and_are_known_and_each_post_has_its_status() {
    let (samples, record) = played(&world(|_| ()), script(5, vec![(MS, ask(MS * 100)), (MS * 50, post(100))]));
    let posts = of(&samples, POST);
    assert_eq!((posts.len(), of(&samples, STEP).len(), record.not_addressed), (25, 5, 0));
    assert!(posts.iter().all(|post| (post.status, post.outcome) == (200, Outcome::Answered)));
    // The first step opens its connections: that, the way there, the gateway, the way back. The others find them open.
    let times = |of: &[Sample]| of.iter().map(|it| it.response_time().unwrap()).collect::<Vec<_>>();
    assert_eq!(times(&posts[..5]), [MS * 7; 5]);
    assert_eq!(times(&of(&samples, PUSH)[..5]), [MS * 7; 5]);
    assert_eq!((record.deliveries[0].delivered, record.unexpected), (25, 0));
}

#[test]
fn so_many_posts_of_a_step_are_under_way_at_a_time_and_it_ends_with_the_last() {
    let one = |sessions| hearing(Hears(1), sessions, vec![(MS, ask(MS * 100)), (MS * 50, post(1))]);
    let (samples, _) = played(&world(|_| ()), Box::new(one(4)));
    let first = of(&samples, STEP)[0];
    assert_eq!(first.response_time(), Some(MS * (7 + 3 * 6)), "one connection is opened, and kept");
    let of_it: Vec<_> = of(&samples, POST).into_iter().filter(|it| it.intended == first.intended).collect();
    assert_eq!(of_it.iter().map(|it| it.response_time().unwrap()).collect::<Vec<_>>(), [7, 13, 19, 25].map(|ms| MS * ms));
    assert!(of_it.iter().all(|it| it.own_lag() == Span::ZERO));
}

#[test]
fn who_has_not_said_its_name_is_not_addressed() {
    let (samples, record) = played(&world(|_| ()), script(3, vec![(MS * 50, post(10))]));
    assert_eq!((of(&samples, POST).len(), of(&samples, STEP).len(), record.not_addressed), (0, 3, 9));
    assert!(of(&samples, STEP).iter().all(|step| step.response_time() == Some(Span::ZERO) && step.sent == Instant::MAX));
}

#[test]
fn posts_are_throttled_as_calls_are_and_what_is_refused_is_not_delivered() {
    let two = Throttle { rate: PerSecond { tokens: 1, per: MS * 60_000 }, burst: Burst(2) };
    let throttled = world(|model| model.stages[0].route_throttles.push((RouteId(2), two)));
    let (samples, record) = played(&throttled, script(3, vec![(MS, ask(MS * 100)), (MS * 50, post(10))]));
    let statuses: Vec<u16> = of(&samples, POST).iter().map(|post| post.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 2, "{statuses:?}");
    assert!(statuses.len() == 9 && statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert!(of(&samples, POST).iter().all(|post| (post.status == 429) == (post.kind == Some(ErrorKind::Throttled))));
    assert_eq!(record.deliveries[0].delivered, 2);
}

#[test]
fn who_has_left_is_gone_to_whoever_posts() {
    let short = world(|model| model.apis[0].websocket.life = MS * 60);
    let acts = vec![(MS, ask(MS * 100)), (MS * 43, post(1))];
    let (samples, record) = played(&short, script(6, acts));
    let posts = of(&samples, POST);
    let many = |fits: fn(&Sample) -> bool| posts.iter().filter(|post| fits(post)).count();
    let (served, gone) = (many(|post| post.status == 200), many(|post| post.status == 410));
    // One after the other they are closed, while posts are on their way to them; a step ends with the connection of its own session.
    assert!(served > 0 && gone > 0, "{served} and {gone}");
    assert_eq!(served + gone + many(|post| post.outcome == Outcome::Closed), 36);
    assert_eq!(of(&samples, STEP).len(), 6);
    assert!(record.deliveries[0].delivered <= served as u64);
}

#[test]
fn a_step_whose_session_loses_its_connection_ends_with_it() {
    let drop = Drop { at: MS * 70, stage: sluicegate_policy::model::StageId(0), why: Closing::Fault(1012) };
    let acts = vec![(MS, ask(MS * 100)), (MS * 50, post(1))];
    let (samples, _) = played(&world(|model| model.drops.push(drop)), script(5, acts));
    let steps = of(&samples, STEP);
    assert!(steps.iter().any(|step| step.outcome == Outcome::Closed), "{steps:?}");
    let posts = of(&samples, POST);
    assert!(posts.iter().any(|post| post.outcome == Outcome::Closed && post.sent == Instant::MAX), "{posts:?}");
}

fn per_second(tokens: u64) -> PerSecond {
    PerSecond { tokens, per: MS * 1_000 }
}

/// A world in which no more than so many turns a second leave, and what cannot leave at once meets this policy.
fn held_back(tokens: u64, overload: Overload) -> World {
    let ceilings = crate::load::shaper::Ceilings { target: Some(per_second(tokens)), ..Default::default() };
    World { overload, ceilings, ..world(|_| ()) }
}

#[test]
fn a_ceiling_holds_back_what_would_be_more_and_the_session_goes_on_when_it_is_through() {
    let acts = || vec![(MS * 10, ask(MS * 100)), (MS * 10, ask(MS * 100))];
    let (samples, record) = played(&held_back(100, Overload::Queue), script(40, acts()));
    let (asked, connects) = (of(&samples, ASK), of(&samples, CONNECT));
    assert_eq!((record.opened, asked.len(), connects.len()), (40, 80, 40));
    let mut started: Vec<_> = samples.iter().map(|sample| sample.started).collect();
    started.sort_unstable();
    // A hundred a second and no burst: none follows another within less than 10 ms.
    assert!(started.windows(2).all(|pair| pair[1].since(pair[0]) >= MS * 10), "{started:?}");
    assert!(samples.iter().all(|it| it.outcome == Outcome::Answered && it.own_lag() == Span::ZERO), "the wait is told apart");
    assert!(samples.iter().all(|it| it.waited == it.started.since(it.intended)));
}

#[test]
fn what_a_ceiling_does_not_let_pass_is_dropped_or_shed_if_the_plan_says_so_and_the_session_goes_on() {
    let acts = || vec![(MS * 30, ask(MS * 100)), (Span::ZERO, ask(MS * 100))];
    for (overload, outcome) in [(Overload::Drop, Outcome::Dropped), (Overload::Deadline(MS * 15), Outcome::Shed)] {
        let ceilings = crate::load::shaper::Ceilings { series: vec![(ASK, per_second(20))], ..Default::default() };
        let (samples, record) = played(&World { overload, ceilings, ..world(|_| ()) }, script(20, acts()));
        let asked = of(&samples, ASK);
        assert_eq!((record.opened, asked.len()), (20, 40), "{overload:?}: every session comes to its second question");
        let given_up: Vec<_> = asked.iter().filter(|it| it.outcome == outcome).collect();
        assert!(given_up.len() > 10 && given_up.len() < 40, "{overload:?}: {}", given_up.len());
        assert!(given_up.iter().all(|it| it.sent == Instant::MAX && it.started == Instant::MAX), "{given_up:?}");
        // It must not run in circles around what refuses at once.
        let mut pairs = asked.iter().filter(|it| it.seq == 2).filter_map(|again| {
            given_up.iter().find(|first| (first.session, first.seq) == (again.session, 1)).map(|first| (first, again))
        });
        assert!(pairs.clone().count() > 5 && pairs.all(|(first, again)| again.intended == first.done + MS), "{asked:?}");
    }
}

#[test]
fn what_is_held_back_ends_with_its_connection_or_with_the_plan() {
    let one =
        crate::load::shaper::Ceilings { series: vec![(ASK, PerSecond { tokens: 1, per: MS * 60_000 })], ..Default::default() };
    let drop = Drop { at: MS * 2_000, stage: sluicegate_policy::model::StageId(0), why: Closing::Fault(1012) };
    let acts = || vec![(MS * 10, ask(MS * 100))];
    let until_the_end = World { ceilings: one.clone(), ..world(|_| ()) };
    let (samples, _) = played(&until_the_end, script(3, acts()));
    let ends = |samples: &[Sample]| of(samples, ASK).iter().map(|it| it.outcome).collect::<Vec<_>>();
    assert_eq!(ends(&samples), [Outcome::Answered, Outcome::Abandoned, Outcome::Abandoned]);
    assert!(of(&samples, ASK)[1..].iter().all(|it| it.done == Instant::ZERO + MS * 10_000), "when the plan is at its end");
    // Those whose connections are dropped come back, and have nothing more to say.
    let dropped = World { ceilings: one, end: Instant::ZERO + MS * 91_000, ..world(|model| model.drops.push(drop)) };
    let (samples, _) = played(&dropped, script(3, acts()));
    assert_eq!(ends(&samples), [Outcome::Answered, Outcome::Closed, Outcome::Closed]);
}

#[test]
fn each_post_of_a_step_passes_the_ceilings_and_the_step_waits_for_them() {
    let of_posts = || crate::load::shaper::Ceilings { series: vec![(POST, per_second(100))], ..Default::default() };
    let acts = || vec![(MS, ask(MS * 100)), (MS * 50, post(100))];
    let (samples, record) = played(&World { ceilings: of_posts(), ..world(|_| ()) }, script(5, acts()));
    let (posts, steps) = (of(&samples, POST), of(&samples, STEP));
    assert_eq!((posts.len(), steps.len(), record.deliveries[0].delivered), (25, 5, 25));
    let mut started: Vec<_> = posts.iter().map(|it| it.started).collect();
    started.sort_unstable();
    assert!(started.windows(2).all(|pair| pair[1].since(pair[0]) >= MS * 10), "{started:?}");
    assert!(posts.iter().all(|it| it.waited == it.started.since(it.intended)));
    let last = started.last().unwrap();
    assert!(steps.iter().any(|step| step.done > *last), "the last step ends with its last post");
    let dropping = World { ceilings: of_posts(), overload: Overload::Drop, ..world(|_| ()) };
    let (samples, record) = played(&dropping, script(5, acts()));
    let sent = of(&samples, POST).iter().filter(|it| it.outcome == Outcome::Answered).count();
    assert_eq!((of(&samples, POST).len(), of(&samples, STEP).len()), (25, 5));
    assert!((1..25).contains(&sent) && record.deliveries[0].delivered == sent as u64, "{sent}");
    assert!(of(&samples, POST).iter().all(|it| (it.outcome == Outcome::Dropped) == (it.sent == Instant::MAX)));
}

fn function() -> Function {
    Function {
        name: "leaves".to_owned(),
        memory_mb: 128,
        duration: Latency::constant(MS),
        cold_start: Latency::constant(MS),
        failures: 0.0,
        concurrency: None,
        keep_alive: Latency::constant(MS * 600_000),
        scaling: sluicegate_policy::model::Scaling::default(),
        response: sluicegate_policy::model::Response { status: 200, body: String::new() },
        uses: None,
        echoes: false,
        code: sluicegate_policy::model::Code::Modelled,
    }
}

#[test]
fn whoever_wants_to_know_is_told_once_that_a_connection_is_over() {
    let told = |change: fn(&mut Model), acts: Vec<(Span, Act)>| {
        let world = world(|model| {
            model.functions.push(function());
            let asks_it = Integration::lambda(FunctionId(0), MS * 29_000);
            model.routes.push(Route::new(DeploymentId(0), None, "$disconnect", asks_it));
            change(model);
        });
        let (summary, connections) = converse(&world, script(7, acts), Seed::new(1), &mut |_: &Sample| ());
        let invoked = summary.told.slots().flat_map(|(_, slots)| slots).map(|slot| u64::from(slot.trials));
        let closed = connections.record(&[]).closed;
        (invoked.sum::<u64>(), closed.iter().map(|how| how.count).sum::<u64>())
    };
    let goodbye = || vec![(MS * 20, Act::Close(Farewell::Code(1000)))];
    assert_eq!(told(|_| (), goodbye()), (7, 7));
    assert_eq!(told(|_| (), vec![(MS * 20, Act::Close(Farewell::Reset))]), (7, 7));
    assert_eq!(told(|_| (), Vec::new()), (0, 0), "those that are open when the plan is at its end are nobody's concern");
    // They come back, and are closed again.
    let (invoked, closed) = told(|model| model.apis[0].websocket.idle = MS * 500, Vec::new());
    assert!(invoked == closed && closed > 7, "{invoked} and {closed}");
    // A goodbye that crosses the gateway's own.
    let (invoked, closed) = told(|model| model.apis[0].websocket.life = MS * 20, goodbye());
    assert!(invoked == closed && closed > 7, "{invoked} and {closed}");
}
