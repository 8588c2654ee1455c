//! The laws of the simulated client, against models whose answers are known.

use proptest::prelude::*;
use sluicegate_policy::call::{Blame, Call, CallId, Credential, Purpose, Size};
use sluicegate_policy::gateway::{Gateway, Plain};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    Api, ApiId, ApiKind, Burst, Connection, DeploymentId, Function, FunctionId, HttpIntegration, Integration, PerSecond,
    Protocol, Response, Route, RouteId, Scaling, Throttle, Transfer,
};

use super::*;
use crate::load::script::script;
use crate::load::traffic::{Arrivals, Pace, Piece, Share as MixShare, Spacing, Traffic};
use crate::load::{Feedback, Share};
use crate::measure::{Outcome, Sample};
use crate::traffic::catalog::TemplateId;
use crate::traffic::template::{Generator, Template, TemplateParts};
use crate::traffic::{Due, Step};

mod door;
mod retries;

const MS: Span = Span::from_ms(1);
const NOTHING: u64 = 0;

fn per_second(tokens: u64) -> PerSecond {
    PerSecond { tokens, per: Span::from_secs(1) }
}

fn constant(ms: u64) -> Latency {
    Latency::constant(Span::from_ms(ms))
}

/// One function of constant `duration` behind `GET /slow/{id}`, a mock behind `GET /fast`, something real behind `GET /real`.
fn model(duration: Latency) -> Model {
    let route = |path: &str, integration| Route::new(DeploymentId(0), Some("GET"), path, integration);
    let function = Function {
        name: "slow".into(),
        memory_mb: 128,
        duration,
        cold_start: constant(NOTHING),
        failures: 0.0,
        concurrency: None,
        keep_alive: constant(600_000),
        scaling: Scaling::default(),
        response: Response { status: 200, body: String::new() },
        uses: None,
        echoes: false,
        code: sluicegate_policy::model::Code::Modelled,
    };
    let timeout = Span::from_secs(30);
    let real = HttpIntegration {
        protocol: Protocol::Proxy { parameters: vec![] },
        method: None,
        url: "http://127.0.0.1/".into(),
        connection: Connection::Internet,
        back_end: sluicegate_policy::model::BackEnd::Real(None),
        transfer: Transfer::Buffered,
        timeout,
    };
    let routes = vec![
        route("/slow/{id}", Integration::lambda(FunctionId(0), timeout)),
        route("/fast", Integration::fixed(200, "")),
        route("/real", Integration::Http(real)),
    ];
    Model { functions: vec![function], ..Model::of(Api::new(ApiKind::Http, "a"), &["prod"], routes) }
}

/// Templates 0 to 3, each a series of its own: slow, fast, real, and one without a route.
fn catalog() -> Catalog {
    let get = |path: &str, fields| {
        let parts = TemplateParts { method: "GET".into(), path: path.into(), fields, ..TemplateParts::default() };
        Template::new(parts).unwrap()
    };
    let id = vec![("id".to_owned(), Generator::Range { low: 1, high: 9 })];
    let templates = vec![get("/slow/{id}", id), get("/fast", vec![]), get("/real", vec![]), get("/none", vec![])];
    Catalog { series: ["slow", "fast", "real", "none"].map(str::to_owned).to_vec(), templates, ..Catalog::default() }
}

fn world(model: Model) -> World {
    World {
        model: Arc::new(model),
        stage: StageId(0),
        catalog: Arc::new(catalog()),
        connections: 64,
        streams: 1,
        timeout: Span::from_secs(10),
        overload: Overload::Queue,
        ceilings: Ceilings::default(),
        network: Network::default(),
        keeping: Keeping::FOR_EVER,
        wall: Span::ZERO,
        metering: None,
        end: Instant::MAX,
    }
}

fn traffic(template: u16, secs: u64, pace: Pace) -> Traffic {
    let mix = vec![MixShare { template: TemplateId(template), series: SeriesId(template), weight: 1 }];
    Traffic { seed: Seed::new(1), duration: Span::from_secs(secs), identities: 10, mix, pace }
}

fn open(tokens: u64, spacing: Spacing) -> Pace {
    let rate = per_second(tokens);
    Pace::Open(Arrivals { pieces: vec![Piece { from: rate, to: rate, length: Span::from_secs(1) }], spacing })
}

fn even(template: u16, tokens: u64, secs: u64) -> Traffic {
    traffic(template, secs, open(tokens, Spacing::Even))
}

fn closed(users: u32, think: Span, secs: u64) -> Traffic {
    traffic(0, secs, Pace::Closed { users, think: Latency::constant(think), ramp_up: Span::ZERO })
}

fn run(world: &World, traffic: &Traffic) -> (Vec<Sample>, SimSummary) {
    run_source(world, script(traffic, Share::ALL))
}

fn run_source(world: &World, source: Box<dyn Source>) -> (Vec<Sample>, SimSummary) {
    let mut samples = Vec::new();
    let summary = simulate(world, source, Seed::new(2), &mut samples);
    (samples, summary)
}

fn count(samples: &[Sample], is: impl Fn(&Sample) -> bool) -> usize {
    samples.iter().filter(|sample| is(sample)).count()
}

#[test]
fn without_network_and_with_constant_latency_the_response_time_is_that_latency() {
    let (samples, summary) = run(&world(model(constant(24))), &even(0, 200, 5));
    assert_eq!(samples.len(), 1_000);
    assert!(samples.iter().all(|sample| sample.response_time() == Some(Span::from_ms(24)) && sample.status == 200));
    // 200/s times 24 ms: five at a time.
    assert_eq!((summary.connections_opened, summary.reconnects, summary.answered), (5, 0, 1_000));
}

#[test]
fn the_way_takes_half_a_round_trip_each_way_and_a_new_connection_its_set_up() {
    let network = Network { round_trip: Span::from_us(501), connect: Span::from_ms(3) };
    let (samples, _) = run(&World { network, ..world(model(constant(24))) }, &even(0, 10, 1));
    let response = |at: usize| samples[at].response_time();
    assert_eq!(response(0), Some(Span::from_us(27_501)));
    assert_eq!(samples[0].service_time(), Some(Span::from_us(24_501)));
    assert!((1..10).all(|at| response(at) == Some(Span::from_us(24_501))));
}

#[test]
fn an_unknown_route_is_the_clients_fault_and_needs_no_function() {
    let (samples, _) = run(&world(model(constant(24))), &even(3, 10, 1));
    assert!(samples.iter().all(|sample| sample.status == 404 && sample.blame() == Blame::Client));
}

#[test]
fn throttles_refuse_exactly_as_many_as_the_policy_alone_does() {
    let mut model = model(constant(1));
    model.stages[0].throttle = Some(Throttle { rate: per_second(100), burst: Burst(20) });
    let plan = traffic(1, 20, open(150, Spacing::Poisson));
    let (samples, _) = run(&World { connections: 10_000, ..world(model.clone()) }, &plan);

    let mut gateway = Gateway::new(Arc::new(model.clone()), Seed::new(2));
    let mut source = script(&plan, Share::ALL);
    let mut refused = 0;
    while let Some(Step { due: Due::At(at), session, .. }) = source.next(Feedback::Idle) {
        let arrival = gateway.arrive(at, ApiId(0), Some(StageId(0)));
        let (purpose, key, size) = (Purpose::Answer, Credential::Absent, Size::default());
        let call = Call { id: CallId(u64::from(session)), arrival, route: Some(RouteId(1)), purpose, key, size };
        gateway.on_call(at, call, &mut Plain(&model));
        while let Some(action) = gateway.take_action() {
            refused += usize::from(matches!(action, sluicegate_policy::call::Action::Reply(reply) if reply.status == 429));
        }
    }
    assert_eq!(count(&samples, |sample| sample.status == 429), refused);
    assert!(refused > 500, "{refused}");
}

#[test]
fn users_have_the_throughput_that_littles_law_gives() {
    // 10 users, 40 ms of latency, 60 ms of thinking: 100 requests a second.
    let (samples, summary) = run(&world(model(constant(40))), &closed(10, Span::from_ms(60), 20));
    assert_eq!(samples.len(), 2_000);
    assert!(samples.iter().all(|sample| sample.response_time() == Some(Span::from_ms(40))));
    assert_eq!(summary.intended, 2_000);
}

#[test]
fn what_waits_for_a_connection_is_late_and_stays_late() {
    // 2 connections, 10 ms each: 200/s of 300/s.
    let few = World { connections: 2, ..world(model(constant(10))) };
    let (samples, summary) = run(&few, &even(0, 300, 2));
    assert_eq!(count(&samples, |sample| sample.outcome == Outcome::Answered), 600);
    // 600 times 10 ms over two connections, the second of which is first needed at 3.3 ms.
    let last = samples.last().unwrap().done.since(Instant::ZERO);
    assert!((3_000..=3_010).contains(&(last.as_ns() / 1_000_000)), "{last}");
    assert!(samples.last().unwrap().schedule_lag() > Some(Span::from_ms(980)));
    assert!(samples.is_sorted_by_key(|sample| sample.started), "first in, first out");
    assert!((195..=200).contains(&summary.waiting_max), "{}", summary.waiting_max);
    assert!(samples.iter().all(|sample| sample.own_lag() == Span::ZERO), "virtual time is never late");
}

#[test]
fn the_overload_policy_drop_sends_only_what_starts_when_it_is_due() {
    let few = World { connections: 2, overload: Overload::Drop, ..world(model(constant(10))) };
    let (samples, summary) = run(&few, &even(0, 300, 2));
    assert!(samples.iter().all(|sample| sample.outcome == Outcome::Dropped || sample.schedule_lag() == Some(Span::ZERO)));
    assert_eq!(summary.dropped + summary.answered, 600);
    assert!(summary.dropped > 150, "{}", summary.dropped);
    assert_eq!(summary.waiting_max, 0);
}

#[test]
fn the_overload_policy_deadline_sheds_what_waited_too_long() {
    let limit = Span::from_ms(100);
    let few = World { connections: 2, overload: Overload::Deadline(limit), ..world(model(constant(10))) };
    let (samples, summary) = run(&few, &even(0, 300, 2));
    let answered: Vec<&Sample> = samples.iter().filter(|sample| sample.outcome == Outcome::Answered).collect();
    assert!(answered.iter().all(|sample| sample.schedule_lag() <= Some(limit)));
    assert!(summary.shed > 100 && summary.shed + summary.answered == 600, "{summary:?}");
}

#[test]
fn an_answer_after_the_time_out_comes_too_late_and_the_connection_is_lost() {
    let impatient = World { timeout: Span::from_ms(20), connections: 1, ..world(model(constant(50))) };
    let (samples, summary) = run(&impatient, &even(0, 10, 1));
    assert!(samples.iter().all(|sample| sample.outcome == Outcome::TimedOut && sample.blame() == Blame::Network));
    assert!(samples.iter().all(|sample| sample.response_time() == Some(Span::from_ms(20)) && sample.first_byte == Instant::MAX));
    assert_eq!((summary.timed_out, summary.connections_opened, summary.reconnects), (10, 10, 9));
}

#[test]
fn an_answer_in_the_last_nanosecond_is_in_time() {
    let (samples, _) = run(&World { timeout: Span::from_ms(50), ..world(model(constant(50))) }, &even(0, 10, 1));
    assert!(samples.iter().all(|sample| sample.outcome == Outcome::Answered));
}

#[test]
fn a_connection_that_takes_longer_than_the_time_out_is_never_written_to() {
    let network = Network { round_trip: MS, connect: Span::from_secs(20) };
    let (samples, summary) = run(&World { network, ..world(model(constant(1))) }, &even(0, 10, 1));
    assert!(samples.iter().all(|sample| sample.outcome == Outcome::TimedOut && sample.sent == Instant::MAX));
    assert_eq!(summary.sent, 0);
}

#[test]
fn what_has_not_ended_when_the_run_is_over_is_abandoned() {
    // 1 connection, 100 ms each, 100/s for a second: 20 are answered by then, one is under way, the rest waits.
    let end = Instant::ZERO + Span::from_ms(2_050);
    let few = World { connections: 1, end, ..world(model(constant(100))) };
    let (samples, summary) = run(&few, &even(0, 100, 1));
    assert_eq!((summary.intended, summary.answered, summary.abandoned), (100, 20, 80));
    let abandoned: Vec<&Sample> = samples.iter().filter(|sample| sample.outcome == Outcome::Abandoned).collect();
    assert!(abandoned.len() == 80 && abandoned.iter().all(|sample| sample.done == end));
    assert_eq!(abandoned.iter().filter(|sample| sample.sent != Instant::MAX).count(), 1);
}

#[test]
fn a_ceiling_is_kept_and_what_it_holds_back_is_counted() {
    let ceilings = Ceilings { target: Some(per_second(100)), ..Ceilings::default() };
    let (samples, summary) = run(&World { ceilings, ..world(model(constant(1))) }, &even(0, 200, 2));
    assert!((198..400).contains(&summary.shaped), "{}", summary.shaped);
    assert_eq!(summary.answered, 400);
    for (at, sample) in samples.iter().enumerate() {
        let allowed = (sample.sent.as_ns() / 10_000_000) as usize + 1;
        assert!(at < allowed, "{at} sent by {:?}", sample.sent);
    }
    // 400 at 100/s: the last one starts after 3.99 s.
    assert_eq!(samples.last().unwrap().started, Instant::ZERO + Span::from_ms(3_990));
}

#[test]
fn the_ceiling_of_a_series_leaves_the_others_alone() {
    let ceilings = Ceilings { series: vec![(SeriesId(0), per_second(10))], ..Ceilings::default() };
    let mut plan = even(0, 100, 2);
    plan.mix.push(MixShare { template: TemplateId(1), series: SeriesId(1), weight: 1 });
    let (samples, _) = run(&World { ceilings, ..world(model(constant(1))) }, &plan);
    assert!(samples.iter().filter(|sample| sample.series == SeriesId(1)).all(|sample| sample.schedule_lag() == Some(Span::ZERO)));
    assert!(samples.iter().any(|sample| sample.schedule_lag() > Some(Span::from_secs(5))));
}

#[test]
fn what_has_no_model_is_answered_and_counted_as_unpredicted() {
    let (samples, summary) = run(&world(model(constant(1))), &even(2, 10, 1));
    assert_eq!(summary.unpredicted, [(SeriesId(2), 10)]);
    assert_eq!(count(&samples, |sample| sample.outcome == Outcome::Answered), 10);
    assert!(run(&world(model(constant(1))), &even(0, 10, 1)).1.unpredicted.is_empty());
}

#[test]
fn users_whose_steps_take_no_time_do_not_stop_the_clock() {
    let nothing_takes_time = world(model(constant(NOTHING)));
    let dropping = World { connections: 1, overload: Overload::Drop, ..world(model(constant(10))) };
    for world in [nothing_takes_time, dropping] {
        let (samples, _) = run(&world, &closed(3, Span::ZERO, 1));
        assert!((300..=3_003).contains(&samples.len()), "{}", samples.len());
    }
}

/// Several shares as one source, in order of their instants.
struct Union(Vec<(Option<Step>, Box<dyn Source>)>);

impl Union {
    fn of(traffic: &Traffic, shares: u16) -> Self {
        let share = |index| {
            let mut source = script(traffic, Share { index, of: shares });
            (source.next(Feedback::Idle), source)
        };
        Self((0..shares).map(share).collect())
    }
}

impl Source for Union {
    fn next(&mut self, feedback: Feedback<'_>) -> Option<Step> {
        if let Feedback::Ended(_) = feedback {
            return self.0[0].1.next(feedback);
        }
        let at = |step: &Option<Step>| match step.as_ref().map(|step| (step.due, step.session)) {
            Some((Due::At(at), session)) => (at, session),
            _ => (Instant::MAX, u32::MAX),
        };
        let (head, source) = self.0.iter_mut().min_by_key(|(head, _)| at(head))?;
        std::mem::replace(head, source.next(Feedback::Idle))
    }
}

#[test]
fn two_connections_of_32_streams_serve_64_at_a_time_and_are_set_up_once() {
    let network = Network { round_trip: Span::ZERO, connect: Span::from_ms(3) };
    let shared = World { connections: 2, streams: 32, network, ..world(model(constant(10))) };
    let plan = closed(65, MS, 1);
    let (samples, summary) = run(&shared, &plan);
    let first = |ms| count(&samples, |sample| sample.seq == 0 && sample.response_time() == Some(Span::from_ms(ms)));
    assert_eq!((first(13), first(23)), (64, 1), "64 wait for the set-up, one for a seat");
    assert_eq!((summary.connections_opened, summary.reconnects), (2, 0));
    let late = count(&samples, |sample| sample.seq > 1 && sample.service_time() != Some(Span::from_ms(10)));
    assert_eq!(late, 0, "an open connection costs no set-up");
    let (_, alone) = run(&World { streams: 1, ..shared }, &plan);
    assert!(alone.answered * 20 < summary.answered, "{} {}", alone.answered, summary.answered);
}

#[test]
fn connections_are_closed_as_the_client_keeps_them_and_opened_anew() {
    let network = Network { round_trip: Span::ZERO, connect: MS * 3 };
    let opened = |keeping, plan: &Traffic| {
        let (samples, summary) = run(&World { keeping, network, connections: 1, ..world(model(constant(1))) }, plan);
        let set_up = count(&samples, |sample| sample.response_time() == Some(MS * 4));
        assert_eq!((set_up as u64, summary.answered), (summary.connections_opened, samples.len() as u64));
        assert_eq!(summary.reconnects + 1, summary.connections_opened);
        summary.connections_opened
    };
    let plan = even(0, 100, 2);
    assert_eq!(opened(Keeping::FOR_EVER, &plan), 1);
    assert_eq!(opened(Keeping { requests: 3, ..Keeping::FOR_EVER }, &plan), 67);
    assert_eq!(opened(Keeping { share: 0, ..Keeping::FOR_EVER }, &plan), 200);
    assert_eq!(opened(Keeping { lifetime: MS * 495, ..Keeping::FOR_EVER }, &plan), 4);
    assert_eq!(opened(Keeping { idle: MS * 5, ..Keeping::FOR_EVER }, &plan), 200);
    assert_eq!(opened(Keeping { idle: MS * 20, ..Keeping::FOR_EVER }, &plan), 1);
    // 100/s for 2 s: after 100 ms, 200 ms and so on a connection is closed; the last request begins before 2 s.
    assert_eq!(opened(Keeping { renewal: MS * 100, ..Keeping::FOR_EVER }, &plan), 20);
    let half = Keeping { share: 500_000, ..Keeping::FOR_EVER };
    // Sessions are numbered as they come; the last one's connection is not needed again.
    let last = (0..199).filter(|session| half.is_last(*session, 0, 0)).count() as u64;
    assert_eq!(opened(half, &plan), 1 + last);
}

#[test]
fn a_stream_that_times_out_leaves_a_connection_alone_over_which_others_are_answered() {
    let silent = World { timeout: Span::from_ms(20), connections: 1, streams: 4, ..world(model(constant(50))) };
    let (_, summary) = run(&silent, &even(0, 10, 1));
    assert_eq!((summary.connections_opened, summary.reconnects, summary.timed_out), (10, 9, 10));
    let spread = model(Latency::lognormal(Span::from_ms(10), 1.0).expect("a distribution"));
    let busy = World { model: Arc::new(spread), streams: 64, ..silent };
    let (_, summary) = run(&busy, &even(0, 1_000, 1));
    assert!(summary.timed_out > 100 && summary.reconnects < summary.timed_out / 20, "{summary:?}");
}

#[test]
fn how_the_script_is_dealt_to_lanes_does_not_change_the_simulated_result() {
    let spread = world(model(Latency::lognormal(Span::from_ms(24), 0.5).unwrap()));
    for plan in [traffic(0, 3, open(300, Spacing::Poisson)), closed(40, MS, 3)] {
        let whole = run(&spread, &plan);
        for shares in [2, 7] {
            assert_eq!(run_source(&spread, Box::new(Union::of(&plan, shares))), whole);
        }
    }
}

#[test]
fn replicas_come_in_the_order_of_their_seeds_and_each_is_the_run_of_its_seed() {
    let spread = world(model(Latency::lognormal(Span::from_ms(24), 0.5).unwrap()));
    let plan = traffic(0, 2, open(100, Spacing::Poisson));
    let seeds: Vec<Seed> = (0..5).map(|r| Seed::new(1).child("policy").child("simulate").nth(r)).collect();
    let source = || script(&plan, Share::ALL);
    let script = || Play::Steps(source());
    let replicas = replicate(&spread, &script, &seeds, &Vec::new);
    for (replica, seed) in replicas.iter().zip(&seeds) {
        let mut alone = Vec::new();
        let summary = simulate(&spread, source(), *seed, &mut alone);
        assert_eq!((&replica.recorded, &replica.summary), (&alone, &summary));
    }
    assert_eq!(replicas.len(), 5);
    assert_ne!(replicas[0].recorded, replicas[1].recorded);
    assert_eq!(replicas[0].summary.script, replicas[1].summary.script);
}

fn any_world() -> impl Strategy<Value = World> {
    let overload = prop_oneof![Just(Overload::Queue), Just(Overload::Drop), Just(Overload::Deadline(Span::from_ms(30)))];
    let network = (0_u64..3_000, 0_u64..40_000)
        .prop_map(|(trip, connect)| Network { round_trip: Span::from_us(trip), connect: Span::from_us(connect) });
    let ceiling = prop::option::of(20_u64..400).prop_map(|tokens| tokens.map(per_second));
    let end = prop_oneof![Just(Instant::MAX), (100_u64..1_200).prop_map(|ms| Instant::ZERO + Span::from_ms(ms))];
    let client = ((1_u32..8, 1_u32..4), 5_u64..60, overload, end);
    (client, network, ceiling.clone(), ceiling).prop_map(
        |(((connections, streams), timeout_ms, overload, end), network, target, identity)| World {
            end,
            connections,
            streams,
            timeout: Span::from_ms(timeout_ms),
            overload,
            network,
            ceilings: Ceilings { target, identity, series: vec![] },
            ..world(model(Latency::lognormal(Span::from_ms(10), 1.0).expect("a distribution")))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_step_gives_exactly_one_sample_and_all_of_it_repeats_from_the_seed(world in any_world(), users in any::<bool>(), again in any::<bool>()) {
        let plan = if users { closed(12, MS, 1) } else { traffic(0, 1, open(250, Spacing::Poisson)) };
        let run = || if again { run_source(&world, retries::client(&plan, retries::policy())) } else { run(&world, &plan) };
        let (samples, summary) = run();
        let mut steps: Vec<_> = samples.iter().map(|sample| (sample.session, sample.seq, sample.attempt)).collect();
        steps.sort_unstable();
        steps.dedup();
        prop_assert_eq!(steps.len(), samples.len());
        prop_assert_eq!(samples.len() as u64, summary.intended + summary.retries);
        prop_assert_eq!(summary.intended + summary.retries, summary.answered + summary.timed_out + summary.dropped + summary.shed + summary.abandoned);
        prop_assert!(samples.is_sorted_by_key(|sample| sample.done));
        for sample in samples.iter().filter(|sample| sample.outcome == Outcome::Answered) {
            prop_assert!(sample.intended <= sample.started && sample.started <= sample.sent && sample.sent <= sample.done);
        }
        prop_assert_eq!(run(), (samples, summary));
    }
}
