//! Services behind routes, modelled and real, as their clients see them.

use super::*;
use crate::call::Effect;
use crate::model::{
    AccessKey, BackEnd, Mapping, ModelledBackEnd, Service, ServiceAccess, ServiceCall, ServiceId, ServiceIntegration, ServiceUse,
};

/// A route to this service.
fn behind(kind: ApiKind, back_end: BackEnd, timeout: Span) -> Build {
    let access = ServiceAccess {
        endpoint: "http://127.0.0.1:1".to_owned(),
        signing_name: "dynamodb".to_owned(),
        key: AccessKey { id: "AKID".to_owned(), secret: "the-secret".to_owned(), token: Some("the-token".to_owned()) },
    };
    let access = back_end.modelled().is_none().then_some(access);
    let service = Service { name: "dynamodb".to_owned(), back_end, access };
    let uri = "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem".parse().unwrap();
    let call = ServiceCall::Request { uri, method: None, mapping: Box::new(Mapping::default()) };
    let integration = Integration::Service(ServiceIntegration { service: ServiceId(0), call, timeout });
    gateway(kind).set(|model| model.services = vec![service]).route(integration)
}

fn taking(time: Span, failures: f64) -> ModelledBackEnd {
    ModelledBackEnd { failures, ..ModelledBackEnd::new(Latency::constant(time)) }
}

#[test]
fn a_modelled_service_takes_its_time_between_the_gateway_s_own() {
    let mut driven = behind(ApiKind::Rest, BackEnd::Modelled(taking(ms(20), 0.0)), TIMEOUT).start();
    let reply = driven.reply_to(at(0), 0);
    assert_eq!((reply.status, reply.at, reply.timing.integration), (200, at(24), Some(ms(20))));
    assert_eq!(driven.gateway.service_usage(ServiceId(0)), ServiceUse { asked: 1, retried: 0 });
}

#[test]
fn a_modelled_service_is_waited_for_no_longer_than_the_time_out() {
    for (kind, status) in [(ApiKind::Rest, 504), (ApiKind::Http, 503)] {
        let reply = behind(kind, BackEnd::Modelled(taking(ms(201), 0.0)), ms(200)).start().reply_to(at(0), 0);
        assert_eq!((reply.status, reply.reason, reply.at), (status, Reason::IntegrationTimeout, at(204)));
    }
}

#[test]
fn a_modelled_service_that_breaks_off_is_asked_again_as_often_as_is_set_and_no_more() {
    for (retries, ends) in [(0, 24), (2, 64)] {
        let built = behind(ApiKind::Rest, BackEnd::Modelled(taking(ms(20), 1.0)), TIMEOUT);
        let mut driven = built.set(|model| model.apis[0].unconfirmed.service_retries = retries).start();
        let reply = driven.reply_to(at(0), 0);
        assert_eq!((reply.status, reply.reason, reply.at), (504, Reason::IntegrationUnreachable, at(ends)));
        assert_eq!(driven.gateway.service_usage(ServiceId(0)).retried, u64::from(retries));
        assert_eq!(reply.blame(), crate::call::Blame::Integration);
    }
}

#[test]
fn retries_do_not_outlast_the_time_out() {
    let built = behind(ApiKind::Rest, BackEnd::Modelled(taking(ms(90), 1.0)), ms(200));
    let mut driven = built.set(|model| model.apis[0].unconfirmed.service_retries = 3).start();
    let reply = driven.reply_to(at(0), 0);
    assert_eq!((reply.reason, reply.at), (Reason::IntegrationTimeout, at(204)));
    assert_eq!(driven.gateway.service_usage(ServiceId(0)).retried, 2);
}

#[test]
fn so_many_calls_in_a_hundred_break_off_as_the_model_says() {
    let mut driven = behind(ApiKind::Rest, BackEnd::Modelled(taking(ms(1), 0.2)), TIMEOUT).start();
    let failed = (0..2_000).filter(|n| driven.reply_to(at(n * 10), 0).status == 504).count();
    assert!((330..470).contains(&failed), "{failed}");
}

#[test]
fn a_real_service_is_left_to_the_driver_unless_the_model_claims_its_time() {
    let asks_driver = |model: Model| {
        let mut driven = Build(model).start();
        driven.call(at(0), call(0));
        driven.gateway.advance(at(2));
        matches!(driven.gateway.take_action(), Some(Action::Start(_, Effect::Integrate { target: None, .. })))
    };
    let silent = behind(ApiKind::Rest, BackEnd::Real(None), TIMEOUT).0;
    assert!(asks_driver(silent.clone()) && asks_driver(silent.simulated()));
    let claimed = behind(ApiKind::Rest, BackEnd::Real(Some(taking(ms(20), 0.0))), TIMEOUT).0;
    assert!(asks_driver(claimed.clone()) && !asks_driver(claimed.simulated()));
}

#[test]
fn neither_the_secret_nor_the_token_of_a_service_is_shown() {
    let shown = format!("{:?}", behind(ApiKind::Rest, BackEnd::Real(None), TIMEOUT).0);
    assert!(shown.contains("AKID") && !shown.contains("the-secret") && !shown.contains("the-token"));
}
