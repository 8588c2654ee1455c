//! Private links: proven into the model with the provider's defaults, and broken in each part.

use sluicegate_policy::model::{BackEnd, Balancer, CapacityId, Connection, Integration, LinkId, Model, Probe, Serves};
use sluicegate_policy::time::{Instant, Span};

use super::*;

/// An HTTP API behind a link that uses every key.
const LINKS: &str = r#"
gateway:
  api: http
  stages: { $default: {} }
  capacities:
    db: { size: 3, service: 2ms, timeout: 1s }
  vpc_links:
    bare: { targets: { only: { duration: 5ms } } }
    sharing: { targets: { one: { duration: 5ms, uses: db } } }
    full:
      kind: alb
      targets:
        modelled: { duration: 5ms, failures: 1%, capacity: 4, queue: 9, down: [{ from: 1s, for: 2s }, { from: 5s, for: 1s }] }
        real: { address: "127.0.0.1:8080" }
      response: { status: 201, body: made }
      health_check: { interval: 5s, healthy_threshold: 3, unhealthy_threshold: 4, timeout: 2s, protocol: http, path: /healthz, matcher: 200-299 }
      idle_timeout: 90s
      after_idle: failed
      cold_path: { after: 10s, adds: 40ms }
  routes:
    GET /a: { integration: { http: { url: "http://a.internal/x", vpc_link: full } } }
    GET /b: { integration: { http: { url: "arn:of:a:listener", vpc_link: elsewhere } } }
    GET /d: { integration: { http: { url: "http://d.internal/", duration: 9ms, modelled: true } } }
    GET /c: { integration: { http: { url: "http://c.internal/", duration: 7ms, failures: 2%, response: { status: 203 } } } }
"#;

#[test]
fn a_link_is_what_the_profile_says_and_else_what_the_provider_has() {
    let model = plan(LINKS).unwrap_or_else(|error| panic!("{error}")).model;
    let [bare, sharing, full] = &model.links[..] else { panic!("{:?}", model.links) };
    assert_eq!((bare.balancer, &bare.check), (Balancer::Network, &Balancer::Network.health_check()));
    assert_eq!((bare.idle_timeout, bare.response.status), (Span::from_secs(350), 200));
    let Serves::Modelled(one) = &sharing.targets[0].serves else { panic!("{:?}", sharing.targets) };
    assert_eq!((one.uses, one.at_once, one.queue), (Some(CapacityId(0)), None, 0));
    assert_eq!((full.balancer, full.response.body.as_str()), (Balancer::Application, "made"));
    let check = &full.check;
    assert_eq!((check.interval, check.healthy_threshold, check.unhealthy_threshold), (Span::from_secs(5), 3, 4));
    assert_eq!(check.probe, Probe::Http { path: "/healthz".to_owned(), lowest: 200, highest: 299 });
    let Serves::Modelled(modelled) = &full.targets[0].serves else { panic!("{:?}", full.targets) };
    assert_eq!((modelled.failures, modelled.at_once, modelled.queue), (0.01, Some(4), 9));
    assert_eq!(modelled.down[1].until, Instant::ZERO + Span::from_secs(6));
    assert_eq!(full.targets[1].serves, Serves::Real("127.0.0.1:8080".to_owned()));
    let ways: Vec<&Connection> = model
        .routes
        .iter()
        .filter_map(|route| match &route.integration {
            Integration::Http(http) => Some(&http.connection),
            Integration::Mock(_) | Integration::Lambda(_) | Integration::Service(_) => None,
        })
        .collect();
    let elsewhere = Connection::VpcLink("elsewhere".to_owned());
    assert_eq!(ways, [&Connection::Link(LinkId(2)), &elsewhere, &Connection::Internet, &Connection::Internet]);
}

#[test]
fn what_is_claimed_of_an_http_back_end_is_for_the_simulation() {
    let model = plan(LINKS).unwrap_or_else(|error| panic!("{error}")).model;
    let claims = |model: &Model| {
        let Integration::Http(http) = &model.routes.last().expect("a route").integration else { panic!("no HTTP back end") };
        http.back_end.clone()
    };
    let BackEnd::Real(Some(claimed)) = claims(&model) else { panic!("{:?}", claims(&model)) };
    assert_eq!((claimed.duration.at(0.5), claimed.failures, claimed.response.status), (Span::from_ms(7), 0.02, 203));
    let simulated = Model::clone(&model).simulated();
    assert_eq!(claims(&simulated), BackEnd::Modelled(claimed));
}

#[test]
fn an_http_back_end_that_is_modelled_answers_by_its_claims_in_both_worlds() {
    let model = plan(LINKS).unwrap_or_else(|error| panic!("{error}")).model;
    let Integration::Http(http) = &model.routes[2].integration else { panic!("no HTTP back end") };
    let BackEnd::Modelled(modelled) = &http.back_end else { panic!("{:?}", http.back_end) };
    assert_eq!((modelled.duration.at(0.5), modelled.response.status), (Span::from_ms(9), 200));
}

/// What is written in place of what, and what the message says.
const BREAKS: &[(&str, &str, &str)] = &[
    ("only: { duration: 5ms }", "only: {}", "either modelled or real"),
    ("only: { duration: 5ms }", "only: { duration: 5ms, address: \"127.0.0.1:1\" }", "either modelled or real"),
    ("only: { duration: 5ms }", "only: { duration: 5ms, queue: 3 }", "without a capacity nobody waits"),
    ("only: { duration: 5ms }", "only: { duration: 5ms, capacity: 0 }", "works on 1 to 1000000 requests"),
    ("only: { duration: 5ms }", "\"not a name\": { duration: 5ms }", "is not the name of a target"),
    ("uses: db", "uses: database", "there is no capacity"),
    ("uses: db", "uses: db, capacity: 4", "held by that one"),
    (
        "real: { address: \"127.0.0.1:8080\" }",
        "real: { address: \"127.0.0.1:8080\", uses: db }",
        "a real target does what it does",
    ),
    ("vpc_link: full", "vpc_link: full, duration: 3ms", "its targets answer, each in its own time"),
    ("duration: 7ms, failures: 2%", "failures: 2%", "without its duration"),
    ("duration: 7ms, failures: 2%, response", "response", "answers by itself"),
    ("duration: 9ms, modelled: true", "modelled: true", "without its duration the model says nothing of it"),
    ("vpc_link: full", "vpc_link: full, modelled: true", "behind a private link its targets are modelled"),
    ("bare:", "\"not a name\":", "is not the name of a private link"),
    ("{ from: 5s, for: 1s }", "{ from: 2s, for: 1s }", "before the one in front of it is over"),
    ("{ from: 5s, for: 1s }", "{ from: 5s, for: 0s }", "no time at all"),
    ("real: { address: \"127.0.0.1:8080\" }", "real: { address: \"127.0.0.1\" }", "write host:port"),
    ("real: { address: \"127.0.0.1:8080\" }", "real: { address: \"a@127.0.0.1:8080\" }", "write host:port"),
    (
        "real: { address: \"127.0.0.1:8080\" }",
        "real: { address: \"127.0.0.1:8080\", failures: 1% }",
        "a real target does what it does",
    ),
    ("interval: 5s", "interval: 1ms", "not looked at that often"),
    ("unhealthy_threshold: 4", "unhealthy_threshold: 0", "no number of looks"),
    ("timeout: 2s", "timeout: 0s", "no time at all"),
    ("protocol: http", "protocol: tcp", "neither path nor status"),
    ("path: /healthz", "path: healthz", "is not a path"),
    ("matcher: 200-299", "matcher: 299-200", "neither a status nor a range"),
    ("matcher: 200-299", "matcher: all", "neither a status nor a range"),
    ("idle_timeout: 90s", "idle_timeout: 0s", "no time at all"),
    ("after_idle: failed", "after_idle: reset", "write retried or failed"),
    ("kind: alb", "kind: clb", "write nlb or alb"),
    ("http://a.internal/x", "https://a.internal/x", "without TLS"),
    ("http://a.internal/x", "a.internal/x", "is not the URL of a back end"),
];

#[test]
fn a_broken_link_says_where_and_what_would_work() {
    for (from, to, said) in BREAKS {
        let text = LINKS.replacen(from, to, 1);
        assert_ne!(text, LINKS, "{from}");
        let message = plan(&text).expect_err(to);
        assert!(message.contains(said) && message.contains("p.yaml:"), "{to}: {message}");
    }
}
