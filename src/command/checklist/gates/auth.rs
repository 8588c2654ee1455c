//! The auth path: the design as it is, a token that the gateway verifies itself, and a function with several times to live.
//!
//! Owns the variants, and what is assumed where the profile has no such authorizer. Refuses to judge.

use std::collections::BTreeSet;

use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{
    ApiKind, Authorizer, AuthorizerFormat, AuthorizerId, AuthorizerKind, IdentitySource, LambdaAuthorizer, LookUps,
    Model as Gateway,
};
use sluicegate_policy::time::Span;

use super::super::variants::{Ran, Variants, times};
use super::series_of;
use crate::design::checklist::Judged;
use crate::design::checklist::gates::{self, AuthVariant};
use crate::measure::Outcome;
use crate::measure::assumption::{Assumption, Metric, Ratio, Told};
use crate::measure::channel::Channel;
use crate::measure::parts::Part;
use crate::traffic::SeriesId;

/// Times to live that are tried: none, a minute, the provider's default, and its longest (API reference,
/// `Authorizer.authorizerResultTtlInSeconds`, 2026).
const TTLS: [Span; 4] = [Span::ZERO, Span::from_secs(60), Span::from_secs(300), Span::from_secs(3_600)];
/// What a verification by the gateway itself takes: placeholder, no source.
const VERIFIED: Span = Span::from_ms(1);
/// What a function that is asked takes, median and p99: placeholder, no source.
const ASKED: [(f64, Span); 2] = [(0.5, Span::from_ms(12)), (0.99, Span::from_ms(60))];

/// Who is asked, and by which requests.
struct Path {
    series: Vec<SeriesId>,
    authorizers: Vec<AuthorizerId>,
}

/// What the variants say.
pub(super) fn judged(variants: &Variants<'_>, own: &Ran) -> Judged {
    let plan = variants.plan;
    let model = plan.model.as_ref();
    if model.api_of(plan.stage).kind == ApiKind::WebSocket {
        return Err("a WebSocket connection is authorized once, when it is opened".to_owned());
    }
    let path = path(variants, own);
    if path.series.is_empty() {
        return Err("no driven route has an authorizer".to_owned());
    }
    let names: Vec<String> = path.series.iter().map(|series| plan.catalog.series[usize::from(series.0)].clone()).collect();
    let is_lambda = |id: &AuthorizerId| model.authorizers[usize::from(id.0)].lambda().is_some();
    let (any_lambda, all_lambda) = (path.authorizers.iter().any(is_lambda), path.authorizers.iter().all(is_lambda));
    let mut all = vec![variant("as it is", own, &path, variants)];
    let verified = if all_lambda { "JWT (1 ms)" } else { "no function" };
    if any_lambda {
        let mut ran = variant(verified, &played(variants, &path, verifying), &path, variants);
        // Nobody is asked: the variant is a look-up that takes as long as a verification.
        (ran.invocations, ran.hits) = (0, None);
        all.push(ran);
    }
    for ttl in TTLS {
        let ran = played(variants, &path, |authorizer| asking(authorizer, ttl));
        all.push(variant(&format!("Lambda, TTL {ttl}"), &ran, &path, variants));
    }
    let assumed = if all_lambda {
        "; that the gateway verifies a token itself is assumed to take 1 ms"
    } else {
        "; where a function is asked that the profile has not, p50 12 ms and p99 60 ms are assumed"
    };
    gates::auth(&names, &all, assumed)
}

fn path(variants: &Variants<'_>, own: &Ran) -> Path {
    let plan = variants.plan;
    let asks = |id| plan.model.authorization(id).is_some();
    let series: Vec<SeriesId> = series_of(plan, asks).into_iter().filter(|one| own.channel(&[*one]).is_some()).collect();
    let mut authorizers = BTreeSet::new();
    let by_route = plan.series_of_routes();
    for (at, route) in plan.model.routes.iter().enumerate() {
        if let (Some(authorization), Some(one)) = (&route.authorization, by_route[at])
            && series.contains(&one)
        {
            authorizers.insert(authorization.authorizer);
        }
    }
    Path { series, authorizers: authorizers.into_iter().collect() }
}

fn played(variants: &Variants<'_>, path: &Path, change: impl Fn(&mut Authorizer)) -> Ran {
    let mut gateway: Gateway = variants.plan.model.as_ref().clone();
    for id in &path.authorizers {
        change(&mut gateway.authorizers[usize::from(id.0)]);
    }
    variants.play(gateway, variants.plan.stage)
}

/// The gateway verifies by itself what a function was asked.
fn verifying(authorizer: &mut Authorizer) {
    if let AuthorizerKind::Lambda(lambda) = &mut authorizer.kind {
        (lambda.function, lambda.ttl) = (None, Span::ZERO);
        authorizer.latency = Latency::constant(VERIFIED);
        authorizer.failures = 0.0;
    }
}

/// A function is asked, and its answer kept for so long.
fn asking(authorizer: &mut Authorizer, ttl: Span) {
    match &mut authorizer.kind {
        AuthorizerKind::Lambda(lambda) => lambda.ttl = ttl,
        AuthorizerKind::Jwt(_) | AuthorizerKind::Cognito(_) | AuthorizerKind::Iam(_) => {
            let identity = match &authorizer.kind {
                AuthorizerKind::Jwt(jwt) => jwt.identity.clone(),
                AuthorizerKind::Cognito(cognito) => cognito.identity.clone(),
                AuthorizerKind::Iam(_) | AuthorizerKind::Lambda(_) => IdentitySource::Header("authorization".to_owned()),
            };
            authorizer.kind = AuthorizerKind::Lambda(LambdaAuthorizer {
                function: None,
                format: AuthorizerFormat::default(),
                identity: vec![identity],
                validation: None,
                ttl,
                look_ups: LookUps::default(),
                denials: 0.0,
                principal: "user".to_owned(),
                context: Vec::new(),
                api_key: None,
            });
            authorizer.latency = Latency::quantiles(&ASKED).unwrap_or_else(|_| Latency::constant(ASKED[0].1));
        }
    }
}

fn variant(name: &str, ran: &Ran, path: &Path, variants: &Variants<'_>) -> AuthVariant {
    let plan = variants.plan;
    let warmup_s = plan.run.warmup.as_ns().div_ceil(1_000_000_000) as usize;
    let channel = ran.channel(&path.series);
    let asked = channel.as_ref().map_or(0, Channel::count);
    let share = |status: u16| {
        let answered = |outcome, had| outcome == Outcome::Answered && had == status;
        let count: u64 = channel
            .iter()
            .flat_map(Channel::endings)
            .filter(|(ending, _)| answered(ending.outcome, ending.status))
            .map(|(_, count)| count)
            .sum();
        count as f64 / asked.max(1) as f64
    };
    let parts = channel.as_ref().and_then(Channel::parts);
    let added = parts.map(|parts| {
        let waited = parts.of(Part::Authorizer);
        times(waited, parts.total().len().saturating_sub(waited.len()))
    });
    let concerns = |one: &Assumption| {
        let metric = matches!(
            one.metric,
            Metric::Latency(_)
                | Metric::Ratio(Ratio::Errors | Ratio::Told(Told::AuthorizerHits, _))
                | Metric::Part(Part::Authorizer, _)
        );
        metric && one.series.is_none_or(|series| path.series.contains(&series))
    };
    AuthVariant {
        name: name.to_owned(),
        asked,
        added: added.unwrap_or_default(),
        response: channel.as_ref().map_or_else(Default::default, |channel| times(channel.admitted(), 0)),
        invocations: ran.invocations(&path.authorizers),
        hits: ran.hits(&path.authorizers, warmup_s),
        refused: [401, 403, 500].map(share),
        held: ran.held(&plan.expectations, concerns),
    }
}
