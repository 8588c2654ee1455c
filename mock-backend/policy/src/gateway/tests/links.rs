//! Private links and HTTP back ends, as their clients see them.

use super::*;
use crate::call::Effect;
use crate::model::{BackEnd, LinkId, ModelledBackEnd, ModelledTarget, Serves, Target, TargetId, VpcLink};
use crate::vpc_link::Look;

const TARGET: TargetId = TargetId { link: LinkId(0), place: 0 };

/// A route through a link to these targets.
fn linked(kind: ApiKind, targets: Vec<Serves>, timeout: Span) -> Driven {
    let Integration::Http(back_end) = http(timeout) else { unreachable!() };
    let through = Integration::Http(HttpIntegration { connection: Connection::Link(LinkId(0)), ..back_end });
    let named = |serves| Target { name: "t".to_owned(), serves };
    let link = VpcLink::new("stock", targets.into_iter().map(named).collect());
    gateway(kind).route(through).set(|model| model.links = vec![link]).start()
}

fn taking(time: Span) -> Serves {
    Serves::Modelled(ModelledTarget::new(Latency::constant(time)))
}

#[test]
fn a_modelled_target_takes_its_time_between_the_gateway_s_own() {
    let reply = linked(ApiKind::Rest, vec![taking(ms(20))], TIMEOUT).reply_to(at(0), 0);
    assert_eq!((reply.status, reply.at, reply.timing.integration), (200, at(24), Some(ms(20))));
}

#[test]
fn a_modelled_target_is_waited_for_no_longer_than_the_time_out() {
    for (kind, status) in [(ApiKind::Rest, 504), (ApiKind::Http, 503)] {
        let reply = linked(kind, vec![taking(ms(201))], ms(200)).reply_to(at(0), 0);
        assert_eq!((reply.status, reply.reason, reply.at), (status, Reason::IntegrationTimeout, at(204)));
    }
}

#[test]
fn a_link_without_targets_is_a_network_error_of_the_integration() {
    for (kind, status) in [(ApiKind::Rest, 504), (ApiKind::Http, 503)] {
        let reply = linked(kind, Vec::new(), TIMEOUT).reply_to(at(0), 0);
        assert_eq!((reply.status, reply.reason), (status, Reason::IntegrationUnreachable));
        assert_eq!(reply.blame(), crate::call::Blame::Integration);
    }
}

#[test]
fn what_a_real_target_works_on_is_reset_when_it_becomes_unhealthy() {
    let mut driven = linked(ApiKind::Rest, vec![Serves::Real("127.0.0.1:1".to_owned())], TIMEOUT);
    driven.call(at(0), call(0));
    driven.gateway.advance(at(2));
    let Some(Action::Start(effect, Effect::Integrate { target, .. })) = driven.gateway.take_action() else {
        panic!("the driver was not asked");
    };
    assert_eq!(target, Some(TARGET));
    driven.gateway.on_look(at(10), TARGET, Look::Bad);
    assert_eq!(driven.gateway.take_action(), None);
    driven.gateway.on_look(at(20), TARGET, Look::Bad);
    assert_eq!(driven.gateway.take_action(), Some(Action::Cancel(effect)));
    driven.gateway.advance(at(22));
    let reply = driven.only_reply();
    assert_eq!((reply.status, reply.reason, reply.at), (504, Reason::IntegrationUnreachable, at(22)));
    // Its own end comes too late.
    driven.gateway.on_effect(at(30), effect, answered(200));
    driven.gateway.advance(at(60_000));
    assert_eq!((driven.gateway.take_action(), driven.gateway.in_flight()), (None, 0));
}

/// A route to an HTTP back end of which the model claims this.
fn claiming(kind: ApiKind, claimed: ModelledBackEnd, timeout: Span) -> Build {
    let Integration::Http(back_end) = http(timeout) else { unreachable!() };
    gateway(kind).route(Integration::Http(HttpIntegration { back_end: BackEnd::Real(Some(claimed)), ..back_end }))
}

#[test]
fn an_http_back_end_is_asked_for_real_and_simulated_by_what_is_claimed_of_it() {
    for (kind, unreachable) in [(ApiKind::Rest, 504), (ApiKind::Http, 503)] {
        let claimed = ModelledBackEnd::new(Latency::constant(ms(20)));
        let mut real = claiming(kind, claimed.clone(), TIMEOUT).start();
        real.call(at(0), call(0));
        real.gateway.advance(at(2));
        assert!(matches!(real.gateway.take_action(), Some(Action::Start(_, Effect::Integrate { target: None, .. }))));
        let simulated = |claimed: ModelledBackEnd, timeout| {
            let Build(model) = claiming(kind, claimed, timeout);
            let reply = Build(model.simulated()).start().reply_to(at(0), 0);
            (reply.status, reply.reason, reply.at)
        };
        assert_eq!(simulated(claimed.clone(), TIMEOUT), (200, Reason::Served, at(24)));
        assert_eq!(simulated(claimed.clone(), ms(10)).1, Reason::IntegrationTimeout);
        let failing = ModelledBackEnd { failures: 1.0, ..claimed };
        assert_eq!(simulated(failing, TIMEOUT), (unreachable, Reason::IntegrationUnreachable, at(24)));
    }
}
