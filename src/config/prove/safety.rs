//! The safety rules, and that the plan keeps to them.
//!
//! Owns the check of planned rates and the ceilings. Refuses hosts of targets (`load` asks `Safety::permit`). Called by
//! `prove::plan`.

use crate::config::plan::Safety;
use crate::config::problem::{Spot, listed, suggestion};
use crate::config::raw::Profile;
use crate::config::raw::safety::Ceilings as RawCeilings;
use crate::config::reader::{At, Reader};
use crate::config::value::{Rate, Text};
use crate::load::shaper::Ceilings;
use crate::load::traffic::{Pace, Traffic};
use crate::traffic::SeriesId;

/// The rules; `traffic` is held against them, `series` are the names that ceilings may have (unknown if they have problems).
pub(super) fn safety(
    profile: &Profile,
    traffic: Option<&Traffic>,
    series: Option<&[String]>,
    reader: &mut Reader,
) -> Option<Safety> {
    let Some(At { value: raw, .. }) = &profile.safety else { return Some(Safety::default()) };
    let mut fine = true;
    if let (Some(max), Some(traffic)) = (&raw.max_rate, traffic) {
        fine &= within(max, traffic, &rate_spot(profile), reader);
    }
    let allow: Vec<Option<String>> = raw.allow.iter().flatten().map(|host| host_name(host, reader)).collect();
    let allow: Option<Vec<String>> = allow.into_iter().collect();
    let closed = traffic.is_some_and(|traffic| matches!(traffic.pace, Pace::Closed { .. }));
    let retried = profile.run.as_ref().is_some_and(|run| run.value.retries.is_some());
    let floor = raw.max_rate.as_ref().filter(|_| closed || retried);
    let ceilings = ceilings(raw.ceilings.as_ref(), floor, series, reader);
    let safety = Safety { max_rate: raw.max_rate.as_ref().map(|rate| rate.value.0), allow: allow?, ceilings: ceilings? };
    fine.then_some(safety)
}

/// Where the rate of the traffic was given, for the message.
fn rate_spot(profile: &Profile) -> Spot {
    let Some(At { value: traffic, spot }) = &profile.traffic else { return Spot::default() };
    let Some(At { value: arrivals, spot: arrivals_spot }) = &traffic.arrivals else { return spot.clone() };
    let simple = arrivals.constant.as_ref().or(arrivals.poisson.as_ref());
    simple.map_or_else(|| arrivals_spot.clone(), |rate| rate.spot.clone())
}

fn within(max: &At<Rate>, traffic: &Traffic, spot: &Spot, reader: &mut Reader) -> bool {
    let Pace::Open(arrivals) = &traffic.pace else { return true };
    let peak = arrivals.peak(traffic.duration);
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
