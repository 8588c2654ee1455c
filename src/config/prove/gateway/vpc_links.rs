//! Private links: load balancers, targets, health checks.
//!
//! Owns their defaults (the provider's, from the model), and that a target is either modelled or real. Refuses to reach one. Called by
//! `gateway`.

use sluicegate_policy::model::{
    AfterIdle, Balancer, CapacityId, ColdPath, Down, HealthCheck, ModelledTarget, Probe, Response, Serves, Target, VpcLink,
};
use sluicegate_policy::time::{Instant, Span};

use super::functions::filled_answer;
use super::{at_most, filled, latency, name, referred};
use crate::config::problem::{Spot, quoted};
use crate::config::raw::gateway as raw;
use crate::config::raw::gateway::vpc_link as link;
use crate::config::reader::{At, Reader};
use crate::config::value::{self, Count, Duration, Member, Named, Percent, ProbeKind, Text};

/// More than any load balancer has.
const MANY: u32 = 1_000_000;

/// The links, in the order of the profile.
pub(super) fn links(
    given: Option<&mut At<Named<Text, At<link::VpcLink>>>>,
    capacities: &[String],
    reader: &mut Reader,
) -> Option<Vec<VpcLink>> {
    let Some(given) = given else { return Some(Vec::new()) };
    if !at_most(given.value.0.len(), "private links", &given.spot, reader) {
        return None;
    }
    let proven: Vec<Option<VpcLink>> = given.value.0.iter_mut().map(|member| vpc_link(member, capacities, reader)).collect();
    proven.into_iter().collect()
}

fn vpc_link(member: &mut Member<Text, At<link::VpcLink>>, capacities: &[String], reader: &mut Reader) -> Option<VpcLink> {
    let named = name(&At { value: member.name.clone(), spot: member.spot.clone() }, "the name of a private link", reader);
    let spot = member.value.spot.clone();
    let given = &mut member.value.value;
    let balancer: Balancer = filled(&mut given.kind, &spot, "kind", || value::Balancer::Network).value.into();
    let answer = given.response.get_or_insert(raw::Answer { status: None, body: None });
    let (status, body) = filled_answer(answer, &spot, "{}");
    let check = health_check(&mut given.health_check, balancer, &spot, reader);
    let idle_timeout = filled(&mut given.idle_timeout, &spot, "idle_timeout", || Duration(balancer.idle_timeout())).clone();
    let after_idle: AfterIdle = filled(&mut given.after_idle, &spot, "after_idle", || value::AfterIdle::Retried).value.into();
    let cold_path = given.cold_path.as_ref().map(|cold| {
        let after = cold.value.after.value.0;
        latency(&cold.value.adds, reader).map(|adds| ColdPath { after, adds })
    });
    let targets = targets(&mut given.targets, capacities, reader);
    Some(VpcLink {
        name: named?,
        balancer,
        targets: targets?,
        response: Response { status, body },
        check: check?,
        idle_timeout: above_zero(&idle_timeout, reader)?,
        after_idle,
        cold_path: match cold_path {
            Some(cold) => Some(cold?),
            None => None,
        },
    })
}

fn above_zero(given: &At<Duration>, reader: &mut Reader) -> Option<Span> {
    if given.value.0 == Span::ZERO {
        reader.report_at(&given.spot, "this is no time at all; write more, e.g. 30s");
        return None;
    }
    Some(given.value.0)
}

fn health_check(
    slot: &mut Option<At<link::HealthCheck>>,
    balancer: Balancer,
    link: &Spot,
    reader: &mut Reader,
) -> Option<HealthCheck> {
    let provider = balancer.health_check();
    let absent = || link::HealthCheck {
        interval: None,
        healthy_threshold: None,
        unhealthy_threshold: None,
        timeout: None,
        protocol: None,
        path: None,
        matcher: None,
    };
    let check = slot.get_or_insert_with(|| At::default_for(link, "health_check", absent()));
    let spot = check.spot.clone();
    let check = &mut check.value;
    let kind = filled(&mut check.protocol, &spot, "protocol", || match balancer {
        Balancer::Network => ProbeKind::Tcp,
        Balancer::Application => ProbeKind::Http,
    });
    let kind = kind.value;
    let timeout = match (balancer, kind) {
        (Balancer::Network, ProbeKind::Http) => Span::from_secs(6),
        (Balancer::Network, ProbeKind::Tcp) | (Balancer::Application, _) => provider.timeout,
    };
    let interval = filled(&mut check.interval, &spot, "interval", || Duration(provider.interval)).clone();
    let timeout = filled(&mut check.timeout, &spot, "timeout", || Duration(timeout)).clone();
    let healthy = filled(&mut check.healthy_threshold, &spot, "healthy_threshold", || Count(provider.healthy_threshold));
    let healthy_threshold = threshold(healthy, reader);
    let unhealthy = filled(&mut check.unhealthy_threshold, &spot, "unhealthy_threshold", || Count(provider.unhealthy_threshold));
    let unhealthy_threshold = threshold(unhealthy, reader);
    if interval.value.0 < Span::from_ms(50) {
        reader
            .report_at(&interval.spot, "a target is not looked at that often; write 50ms or more (the provider has 5s or more)");
    }
    let probe = probe(check, (kind, balancer), &spot, reader);
    let timeout = above_zero(&timeout, reader)?;
    Some(HealthCheck {
        interval: interval.value.0,
        healthy_threshold: healthy_threshold?,
        unhealthy_threshold: unhealthy_threshold?,
        timeout,
        probe: probe?,
    })
}

/// The provider has 2 to 10; 1 is allowed for tests.
fn threshold(given: &At<Count>, reader: &mut Reader) -> Option<u32> {
    if (1..=10).contains(&given.value.0) {
        return Some(given.value.0);
    }
    reader.report_at(&given.spot, "this is no number of looks in a row; write 1 to 10 (the provider has 2 to 10)");
    None
}

fn probe(
    check: &mut link::HealthCheck,
    (kind, balancer): (ProbeKind, Balancer),
    spot: &Spot,
    reader: &mut Reader,
) -> Option<Probe> {
    if kind == ProbeKind::Tcp {
        let path = check.path.as_ref().map(|path| &path.spot);
        if let Some(given) = path.or(check.matcher.as_ref().map(|matcher| &matcher.spot)) {
            reader.report_at(given, "a connection has neither path nor status; write protocol: http, or remove this");
        }
        return Some(Probe::Tcp);
    }
    let path = filled(&mut check.path, spot, "path", || Text("/".to_owned())).clone();
    if !path.value.0.starts_with('/') || path.value.0.contains(char::is_whitespace) {
        let what = format!("{} is not a path; write e.g. \"/healthz\"", quoted(&path.value.0));
        reader.report_at(&path.spot, what);
    }
    let default = || Text(if balancer == Balancer::Network { "200-399" } else { "200" }.to_owned());
    let matcher = filled(&mut check.matcher, spot, "matcher", default);
    let (lowest, highest) = matcher.value.0.split_once('-').unwrap_or((&matcher.value.0, &matcher.value.0));
    let statuses = lowest.trim().parse().ok().zip(highest.trim().parse().ok());
    let Some((lowest, highest)) = statuses.filter(|(low, high)| (100..=599).contains(low) && (*low..=599).contains(high)) else {
        let what = format!("{} is neither a status nor a range of them; write e.g. \"200-399\"", quoted(&matcher.value.0));
        reader.report_at(&matcher.spot, what);
        return None;
    };
    Some(Probe::Http { path: path.value.0, lowest, highest })
}

fn targets(given: &mut At<Named<Text, At<link::LinkTarget>>>, capacities: &[String], reader: &mut Reader) -> Option<Vec<Target>> {
    if !at_most(given.value.0.len(), "targets", &given.spot, reader) {
        return None;
    }
    let proven: Vec<Option<Target>> = given.value.0.iter_mut().map(|member| target(member, capacities, reader)).collect();
    proven.into_iter().collect()
}

fn target(member: &mut Member<Text, At<link::LinkTarget>>, capacities: &[String], reader: &mut Reader) -> Option<Target> {
    let named = name(&At { value: member.name.clone(), spot: member.spot.clone() }, "the name of a target", reader);
    let spot = member.value.spot.clone();
    let given = &mut member.value.value;
    let serves = match (&given.duration, &given.address) {
        (None, Some(address)) => real(given, address, reader),
        (Some(duration), None) => {
            let duration = latency(duration, reader);
            modelled(given, &spot, capacities, reader)
                .zip(duration)
                .map(|(target, duration)| ModelledTarget { duration, ..target })
                .map(Serves::Modelled)
        }
        (None, None) | (Some(_), Some(_)) => {
            reader.report_at(&spot, "a target is either modelled or real; write one of duration and address");
            None
        }
    };
    Some(Target { name: named?, serves: serves? })
}

fn real(given: &link::LinkTarget, address: &At<Text>, reader: &mut Reader) -> Option<Serves> {
    let failures = given.failures.as_ref().map(|it| &it.spot);
    let capacity = given.capacity.as_ref().or(given.queue.as_ref()).map(|it| &it.spot);
    let capacity = capacity.or(given.uses.as_ref().map(|it| &it.spot));
    let down = given.down.iter().flatten().next().map(|it| &it.spot);
    if let Some(spot) = failures.or(capacity).or(down) {
        reader.report_at(spot, "a real target does what it does; remove this, or model it with duration in place of address");
    }
    let text = &address.value.0;
    let authority =
        text.parse::<http::uri::Authority>().ok().filter(|authority| authority.port_u16().is_some_and(|port| port > 0));
    if authority.is_none_or(|authority| authority.as_str().contains('@')) {
        let what = format!("{} is no place where something listens; write host:port, e.g. \"127.0.0.1:8080\"", quoted(text));
        reader.report_at(&address.spot, what);
        return None;
    }
    Some(Serves::Real(text.clone()))
}

/// All of a modelled target but its duration.
fn modelled(given: &mut link::LinkTarget, spot: &Spot, capacities: &[String], reader: &mut Reader) -> Option<ModelledTarget> {
    let failures = filled(&mut given.failures, spot, "failures", || Percent::nearest(0.0)).value.share();
    let at_once = given.capacity.as_ref().map(|capacity| capacity.value.0);
    if let Some(capacity) = given.capacity.as_ref().filter(|capacity| !(1..=MANY).contains(&capacity.value.0)) {
        let what = format!("a target works on 1 to {MANY} requests at once; to have it refuse all, write when it is down");
        reader.report_at(&capacity.spot, what);
    }
    let uses = uses(given, capacities, reader);
    if let Some(queue) = given.queue.as_ref().filter(|_| at_once.is_none()) {
        reader.report_at(&queue.spot, "without a capacity nobody waits; write capacity, too, or remove this");
    }
    let queue = at_once.map_or(0, |_| filled(&mut given.queue, spot, "queue", || Count(1_000)).value.0.min(MANY));
    let mut down: Vec<Down> = Vec::new();
    for time in given.down.iter().flatten() {
        let from = Instant::ZERO + time.value.from.value.0;
        let until = from + above_zero(&time.value.r#for, reader)?;
        if down.last().is_some_and(|before| from <= before.until) {
            reader.report_at(&time.spot, "this begins before the one in front of it is over; write them apart, in their order");
        }
        down.push(Down { from, until });
    }
    let duration = sluicegate_policy::latency::Latency::constant(Span::ZERO);
    Some(ModelledTarget { duration, failures, uses, at_once, queue, down })
}

/// The pool that the target uses, in place of a capacity of its own.
fn uses(given: &link::LinkTarget, capacities: &[String], reader: &mut Reader) -> Option<CapacityId> {
    let uses = given.uses.as_ref()?;
    if let Some(own) = &given.capacity {
        let what = "a target that uses a shared capacity is held by that one, which has a queue of its own; remove this, or uses";
        reader.report_at(&own.spot, what);
    }
    let at = referred(&uses.value.0, &uses.spot, ("capacity", "gateway.capacities"), capacities, reader)?;
    Some(CapacityId(at as u16))
}
