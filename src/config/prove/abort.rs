//! When a run is to end itself: thresholds and health checks.
//!
//! Owns their defaults and bounds. Refuses to count and to ask (`engine`), and to decide whether a host is allowed (`load` asks
//! `Safety::permit`). Called by `prove::plan`.

use sluicegate_policy::time::Span;

use super::filled;
use crate::config::plan::{Abort, Health};
use crate::config::problem::{Spot, quoted};
use crate::config::raw::abort as raw;
use crate::config::reader::{At, Reader};
use crate::config::value::{Compared, Count, Duration, Threshold};
use crate::measure::abort;
use crate::measure::assumption::Event;
use crate::traffic::endpoint::Endpoint;

/// Each is counted for every answer.
const CONDITIONS_MAX: usize = 32;
const FAILS_MAX: u32 = 86_400;
const TIMEOUT_MAX: Span = Span::from_secs(60);

/// The conditions, in the order of the profile.
pub(super) fn abort(slot: &mut Option<Vec<At<raw::Abort>>>, reader: &mut Reader) -> Option<Abort> {
    let mut abort = Abort::default();
    let Some(conditions) = slot else { return Some(abort) };
    if let Some(beyond) = conditions.get(CONDITIONS_MAX) {
        let what = format!("more than {CONDITIONS_MAX} abort conditions; keep those that mean harm");
        reader.report_at(&beyond.spot.clone(), what);
        return None;
    }
    let mut fine = true;
    for condition in conditions {
        let spot = condition.spot.clone();
        match &mut condition.value {
            raw::Abort::Threshold(threshold) => {
                let new = threshold_of(*threshold);
                if abort.thresholds.iter().any(|old| old.name == new.name) {
                    reader.report_at(&spot, format!("{} stands here twice; keep one of them", quoted(&new.name)));
                    fine = false;
                }
                abort.thresholds.push(new);
            }
            raw::Abort::Health(health) => match health_of(health, &spot, reader) {
                Some(health) => abort.health.push(health),
                None => fine = false,
            },
        }
    }
    fine.then_some(abort)
}

/// A quantile is above a time exactly when more than the rest of the answers is slower.
fn threshold_of(threshold: Threshold) -> abort::Threshold {
    let (event, over) = match threshold.excess {
        Compared::Latency(p, limit) => (Event::SlowerThan(limit), 1.0 - p),
        Compared::Ratio(ratio, limit) => (Event::Ratio(ratio), limit.share()),
    };
    abort::Threshold { name: threshold.to_string(), event, over, seconds: threshold.seconds }
}

fn health_of(health: &mut raw::Health, spot: &Spot, reader: &mut Reader) -> Option<Health> {
    let endpoint = reader.accept(&health.health.spot.clone(), health.health.value.0.parse::<Endpoint>());
    let fails = filled(&mut health.fails, spot, "fails", || Count(3)).clone();
    let fine = (1..=FAILS_MAX).contains(&fails.value.0);
    if !fine {
        let what = format!("{} is not how often a health check must fail; write 1 to {FAILS_MAX}", fails.value);
        reader.report_at(&fails.spot, what);
    }
    let timeout = filled(&mut health.timeout, spot, "timeout", || Duration(Span::from_secs(1))).clone();
    let in_time = Span::ZERO < timeout.value.0 && timeout.value.0 <= TIMEOUT_MAX;
    if !in_time {
        let what =
            format!("{} is not how long a health check may take; write a time above 0s, at most {TIMEOUT_MAX}", timeout.value);
        reader.report_at(&timeout.spot, what);
    }
    let endpoint = endpoint?;
    let times = if fails.value.0 == 1 { "once".to_owned() } else { format!("{} times", fails.value) };
    let name = format!("health {endpoint} fails {times}");
    let at = health.health.spot.clone();
    (fine && in_time).then_some(Health { name, endpoint, fails: fails.value.0, timeout: timeout.value.0, at })
}
