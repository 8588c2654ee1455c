//! Growth: the same design with other volumes, in several regions, with and without a cache.
//!
//! Owns the combinations, and which limit of the gateway a volume would meet. Shares (what is refused, cached, cold) stay as they were
//! simulated: fewer calls have more cold starts and fewer hits than that, and more calls the other way round. Refuses to simulate. Called by
//! `command`.

use super::bill::{FreeTier, bill};
use super::meters::{Counted, Meter};
use super::prices::{Missing, Prices};
use crate::measure::cost::GrowthRecord;

/// A design, as it was simulated.
#[derive(Clone, Debug)]
pub struct Design {
    /// The cache that it has.
    pub caching: String,
    /// What is paid for.
    pub counted: Counted,
    /// Calls a month.
    pub calls: f64,
    /// Limits of the gateway, by name, and how much of each was used in the mean, 0 to 1.
    pub limits: Vec<(String, f64)>,
}

/// Every combination of volume, regions and design, in that order; or the prices that are missing.
///
/// Regions share the volume evenly; each has its own tiers, caches and load balancers. A free tier is the account's: one region has it.
pub fn growth(
    designs: &[Design],
    volumes: &[f64],
    regions: &[u32],
    (prices, free_tier): (&Prices, FreeTier),
) -> Result<Vec<GrowthRecord>, Vec<Missing>> {
    let mut records = Vec::new();
    for &volume in volumes {
        for &count in regions {
            for design in designs {
                let each = volume / f64::from(count.max(1));
                let meters: Vec<Meter> = design.counted.meters.iter().map(|meter| meter.at_volume(each)).collect();
                let first = bill(&meters, prices, free_tier)?.record.total;
                let others = bill(&meters, prices, FreeTier::Ignored)?.record.total * f64::from(count.saturating_sub(1));
                let (calls, total) = (design.calls * volume, first + others);
                records.push(GrowthRecord {
                    volume,
                    regions: count,
                    caching: design.caching.clone(),
                    calls,
                    total,
                    per_million: (calls > 0.0).then(|| total / calls * 1e6),
                    beyond: beyond(&design.limits, each),
                });
            }
        }
    }
    Ok(records)
}

/// The limit that so many times the calls would go beyond first.
fn beyond(limits: &[(String, f64)], times: f64) -> Option<String> {
    let most = limits.iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (most.1 * times > 1.0).then(|| most.0.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_that_is_used_most_is_met_first() {
        let limits = [("throttle of the account".to_owned(), 0.02), ("concurrency of function orders".to_owned(), 0.05)];
        assert_eq!(beyond(&limits, 20.0), None);
        assert_eq!(beyond(&limits, 20.1).as_deref(), Some("concurrency of function orders"));
        assert_eq!(beyond(&[], 1e9), None);
    }
}
