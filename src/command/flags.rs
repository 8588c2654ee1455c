//! From flags to what they change: overrides and drifts of a profile, settings of an import.
//!
//! Owns the mapping between the command line's words and the rooms' own types. Refuses to read a profile or a log.

use sluicegate_policy::model::PerSecond;
use sluicegate_policy::seed::Seed;

use super::failure::Failure;
use crate::cli::{DriftText, HttpVersion, LoadFlags, LogFlags, LogFormat, PacingMode, RateText, Stamp, Target, TargetFlags};
use crate::config::value::{Certificates, Pacing, Protocol, Rate};
use crate::config::{Drift, Overrides, Script, Wire};
use crate::import::fields::Field;
use crate::import::parsed::StampIs;
use crate::import::stamp::{TimeFormat, Unit};
use crate::import::{Format, Options};

/// What the load flags change in a profile.
pub(super) fn of_load(load: &LoadFlags, script: Script) -> Result<Overrides, Failure> {
    Ok(Overrides {
        script,
        connections: load.connections,
        duration: load.duration,
        warmup: load.warmup,
        rate: load.rate.as_ref().map(rate).transpose()?,
        seed: load.seed,
        stage: load.stage.clone(),
        timeout: load.timeout,
        overload: load.overload,
        ..Overrides::default()
    })
}

/// What the target flags change in addition.
pub(super) fn with_target(overrides: Overrides, target: &TargetFlags) -> Overrides {
    Overrides {
        target: target.target.as_ref().map(|target| match target {
            Target::Mock => "mock".to_owned(),
            Target::Live(endpoint) => endpoint.to_string(),
        }),
        headers: target.headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect(),
        certificates: target.insecure.then_some(Certificates::Unchecked),
        ca: target.ca.clone(),
        client_certificate: target.cert.clone(),
        client_key: target.key.clone(),
        tls: target.tls.then_some(Wire::Tls),
        allow_hosts: target.allow_host.clone(),
        lanes: target.lanes.map(u32::from),
        protocol: match target.http {
            HttpVersion::Auto => None,
            HttpVersion::Http1 => Some(Protocol::Http1),
            HttpVersion::Http2 => Some(Protocol::Http2),
        },
        disable_keepalive: target.disable_keepalive,
        streams: target.streams,
        sources: target.sources.clone(),
        lag_limit: target.lag_limit,
        pacing: target.pacing.map(|pacing| match pacing {
            PacingMode::Spin => Pacing::Spin,
            PacingMode::Hybrid => Pacing::Hybrid,
            PacingMode::Sleep => Pacing::Sleep,
        }),
        ..overrides
    }
}

/// The rate of `--rate`.
pub(super) fn rate(text: &RateText) -> Result<PerSecond, Failure> {
    text.0.parse().map(|Rate(rate)| rate).map_err(Failure::usage)
}

/// The drifts of `--drift`, in order.
pub(super) fn drifts(texts: &[DriftText]) -> Result<Vec<Drift>, Failure> {
    texts.iter().map(|text| text.0.parse().map_err(Failure::usage)).collect()
}

/// How a log is read.
pub(super) fn of_log(log: &LogFlags, seed: u64) -> Result<Options, Failure> {
    let mut fields = Vec::new();
    for field in &log.fields {
        fields.push((field.role.parse::<Field>().map_err(Failure::usage)?, field.key.clone()));
    }
    let pattern = || log.pattern.clone().unwrap_or_default();
    Ok(Options {
        format: match log.log_format {
            None => Format::Detect,
            Some(LogFormat::Common) => Format::Common,
            Some(LogFormat::Combined) => Format::Combined,
            Some(LogFormat::Json) => Format::Json,
            Some(LogFormat::Apigw) => Format::ApiGateway,
            Some(LogFormat::ApigwXml) => Format::GatewayXml,
            Some(LogFormat::ApigwCsv) => Format::GatewayCsv,
            Some(LogFormat::Nova) => Format::Nova,
            Some(LogFormat::Format) => Format::Pattern(pattern()),
            Some(LogFormat::Regex) => Format::Expression(pattern()),
        },
        stamp_is: log.stamp.map(|stamp| match stamp {
            Stamp::Start => StampIs::Start,
            Stamp::End => StampIs::End,
        }),
        time: log.time_format.clone().map(TimeFormat::Pattern),
        latency_unit: log.latency_unit.as_ref().and_then(|unit| Unit::from_word(&unit.0)),
        fields,
        reply: reply(log.reply.as_deref())?,
        seed: Seed::new(seed),
        ..Options::default()
    })
}

/// Keys deeper than so many are nobody's messages.
const KEYS_MAX: usize = 16;

/// The place of `--reply`.
pub(super) fn reply(path: Option<&str>) -> Result<Option<Vec<String>>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let keys: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
    let is_key = |key: &String| !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || c.is_control());
    if keys.len() <= KEYS_MAX && keys.iter().all(is_key) {
        return Ok(Some(keys));
    }
    Err(Failure::usage(format!(
        "--reply {path:?}: this is no place in a message; write keys with dots between them, e.g. id or detail.id"
    )))
}
