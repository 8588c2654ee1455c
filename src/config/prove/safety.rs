//! The safety rules, and that the plan keeps to them.
//!
//! Owns the check of planned rates and the ceilings. Refuses hosts of targets (`load` asks `Safety::permit`). Called by
//! `prove::plan`.

use sluicegate_policy::time::Span;

use super::traffic::Planned;
use crate::config::plan::Safety;
use crate::config::problem::{Spot, listed, suggestion};
use crate::config::raw::Profile;
use crate::config::raw::safety::Ceilings as RawCeilings;
use crate::config::reader::{At, Reader};
use crate::config::value::{Rate, Text};
use crate::load::shaper::Ceilings;
use crate::load::traffic::{Arrivals, Pace};
use crate::traffic::SeriesId;

/// The rules; what is planned is held against them, `series` are the names that ceilings may have (unknown if they have problems).
pub(super) fn safety(
    profile: &Profile,
    planned: Option<&Planned>,
    series: Option<&[String]>,
    reader: &mut Reader,
) -> Option<Safety> {
    let Some(At { value: raw, .. }) = &profile.safety else { return Some(Safety::default()) };
    let mut fine = true;
    let arrivals = match planned {
        None | Some(Planned::Nothing) => None,
        Some(Planned::Requests(traffic)) => match &traffic.pace {
            Pace::Open(arrivals) => Some((arrivals, traffic.duration)),
            Pace::Closed { .. } => None,
        },
        Some(Planned::Sessions(sessions)) => Some((&sessions.arrivals, sessions.duration)),
    };
    if let (Some(max), Some(arrivals)) = (&raw.max_rate, arrivals) {
        fine &= within(max, arrivals, &rate_spot(profile), reader);
    }
    let allow: Vec<Option<String>> = raw.allow.iter().flatten().map(|host| host_name(host, reader)).collect();
    let allow: Option<Vec<String>> = allow.into_iter().collect();
    // What users and sessions send is timed by answers, too.
    let closed = match planned {
        None | Some(Planned::Nothing) => false,
        Some(Planned::Requests(traffic)) => matches!(traffic.pace, Pace::Closed { .. }),
        Some(Planned::Sessions(_)) => true,
    };
    let retried = profile.run.as_ref().is_some_and(|run| run.value.retries.is_some());
    let floor = raw.max_rate.as_ref().filter(|_| closed || retried);
    let ceilings = ceilings(raw.ceilings.as_ref(), floor, series, reader);
    let max_rate = raw.max_rate.as_ref().map(|rate| rate.value.0);
    let max_cost = raw.max_cost.as_ref().map(|cost| cost.value.0);
    let safety = Safety { max_rate, max_cost, allow: allow?, ceilings: ceilings? };
    fine.then_some(safety)
}

/// Where the rate of the traffic was given, for the message.
fn rate_spot(profile: &Profile) -> Spot {
    let Some(At { value: traffic, spot }) = &profile.traffic else { return Spot::default() };
    let Some(At { value: arrivals, spot: arrivals_spot }) = &traffic.arrivals else { return spot.clone() };
    let simple = arrivals.constant.as_ref().or(arrivals.poisson.as_ref());
    simple.map_or_else(|| arrivals_spot.clone(), |rate| rate.spot.clone())
}

fn within(max: &At<Rate>, (arrivals, duration): (&Arrivals, Span), spot: &Spot, reader: &mut Reader) -> bool {
    let peak = arrivals.peak(duration);
    let fine = peak.as_f64() <= max.value.0.as_f64();
    if !fine {
        let what =
            format!("the traffic reaches {}, and safety.max_rate is {}; plan less, or raise the bound", Rate(peak), max.value);
        reader.report_at(spot, what);
    }
    fine
}

fn host_name(host: &At<Text>, reader: &mut Reader) -> Option<String> {
    let name = host.value.0.trim().trim_start_matches('[').trim_end_matches(']');
    let is_host = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'));
    // A port would never match, and `a:1` is no IPv6 address either.
    let is_address = name.contains(':') && name.parse::<std::net::Ipv6Addr>().is_err();
    if is_host && !is_address {
        return Some(name.to_owned());
    }
    let given = crate::config::problem::quoted(&host.value.0);
    reader.report_at(&host.spot, format!("{given} is not a host; write its name or address alone, e.g. \"staging.example.com\""));
    None
}

fn ceilings(
    raw: Option<&RawCeilings>,
    of_unplanned: Option<&At<Rate>>,
    series: Option<&[String]>,
    reader: &mut Reader,
) -> Option<Ceilings> {
    let target = raw.and_then(|raw| raw.target.as_ref()).or(of_unplanned).map(|rate| rate.value.0);
    let identity = raw.and_then(|raw| raw.identity.as_ref()).map(|rate| rate.value.0);
    let named = raw.and_then(|raw| raw.series.as_ref());
    let by_series: Vec<Option<_>> = named
        .iter()
        .flat_map(|named| &named.0)
        .map(|member| series_named(&member.name.0, &member.spot, series?, reader).map(|id| (id, member.value.value.0)))
        .collect();
    Some(Ceilings { target, series: by_series.into_iter().collect::<Option<_>>()?, identity })
}

/// The series of that name, or a problem that lists what there is.
pub(super) fn series_named(name: &str, spot: &Spot, series: &[String], reader: &mut Reader) -> Option<SeriesId> {
    if let Some(at) = series.iter().position(|known| known == name) {
        return Some(SeriesId(at as u16));
    }
    let names = || series.iter().map(String::as_str);
    let near = suggestion(name, names());
    let given = crate::config::problem::quoted(name);
    reader.report_at(spot, format!("no traffic is counted as {given}{near} there is: {}", listed(names())));
    None
}
