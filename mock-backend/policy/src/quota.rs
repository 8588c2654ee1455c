//! How many requests a key has left in its period.
//!
//! Owns the counts of every seat with a quota, and the calendar that says when a period ends. Refuses any clock: `now` comes in,
//! and the wall time at the start of the run with it. Called by the gateway, which counts a request when all throttles have let
//! it pass, and what they refuse if the API is set to it ([`Unconfirmed::throttled_requests`]).
//!
//! [`Unconfirmed::throttled_requests`]: crate::model::Unconfirmed::throttled_requests

mod calendar;

use self::calendar::Calendar;
use crate::model::{Model, Quota, QuotaBegins, UsagePlan};
use crate::plans::{SeatId, seats};
use crate::time::{Instant, Span};

/// The counts of all seats.
#[derive(Clone, Debug)]
pub struct Quotas {
    /// By seat; `None` where the plan has no quota.
    counts: Vec<Option<Count>>,
    calendar: Calendar,
}

/// What one key has used of its quota.
#[derive(Clone, Copy, Debug)]
struct Count {
    quota: Quota,
    begins: QuotaBegins,
    /// The number of the period in which `used` was counted.
    period: u64,
    used: u64,
    /// When it ends, if it began with a request.
    end: Option<Instant>,
}

/// How far a key has used its quota in the present period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Requests counted.
    pub used: u64,
    /// Requests left.
    pub remaining: u64,
}

/// A quota is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When the next period begins.
    pub until: Instant,
}

impl Quotas {
    /// Nothing used. `wall` is the time from 1 January 1970, 00:00 UTC, to the start of the run.
    pub fn new(model: &Model, wall: Span) -> Self {
        let count = |plan: &UsagePlan| {
            let begins = begins(model, plan);
            plan.quota.map(|quota| Count { quota, begins, period: 0, used: 0, end: None })
        };
        Self { counts: seats(model).map(|seat| count(seat.plan)).collect(), calendar: Calendar::starting(wall) }
    }

    /// Whether this seat has one request left. An earlier `now` than before counts as the one before.
    pub fn check(&mut self, now: Instant, seat: SeatId) -> Result<(), Spent> {
        let Some(Some(count)) = self.counts.get_mut(seat.0 as usize) else { return Ok(()) };
        let until = count.roll(now, &mut self.calendar);
        if count.remaining() == 0 { Err(Spent { until }) } else { Ok(()) }
    }

    /// Counts one request, which [`Self::check`] has let pass at the same instant.
    pub fn count(&mut self, seat: SeatId) {
        if let Some(Some(count)) = self.counts.get_mut(seat.0 as usize) {
            count.used += 1;
        }
    }

    /// How far this seat's quota is used at `now`; `None` if it has none.
    pub fn usage(&self, now: Instant, seat: SeatId) -> Option<Usage> {
        let mut count = self.counts.get(seat.0 as usize).copied().flatten()?;
        count.roll(now, &mut self.calendar.clone());
        Some(Usage { used: count.used, remaining: count.remaining() })
    }
}

impl Count {
    /// Begins the period in which `now` lies, unless it has begun; when it ends.
    fn roll(&mut self, now: Instant, calendar: &mut Calendar) -> Instant {
        let (period, until) = match (self.begins, self.end) {
            (QuotaBegins::UtcMidnight, _) => calendar.period(now, self.quota.period),
            (QuotaBegins::FirstUse, Some(end)) if now < end || end == Instant::MAX => (self.period, end),
            (QuotaBegins::FirstUse, before) => {
                let end = calendar.after(now, self.quota.period);
                self.end = Some(end);
                (self.period + u64::from(before.is_some()), end)
            }
        };
        if self.period < period {
            (self.period, self.used) = (period, 0);
        }
        until
    }

    /// The offset is deducted in the first period alone.
    const fn remaining(&self) -> u64 {
        let offset = if self.period == 0 { self.quota.offset } else { 0 };
        self.quota.limit.saturating_sub(offset).saturating_sub(self.used)
    }
}

/// What the API of a plan's first stage says.
fn begins(model: &Model, plan: &UsagePlan) -> QuotaBegins {
    let stage = plan.stages.first().and_then(|stage| model.stages.get(usize::from(stage.0)));
    let api = stage.and_then(|stage| model.apis.get(usize::from(stage.api.0)));
    api.map_or(QuotaBegins::default(), |api| api.unconfirmed.quota_begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Api, ApiKind, KeyId, Period, StageId};

    const SEAT: SeatId = SeatId(0);

    /// Two keys with this quota; the run starts on Friday, 2026-07-31, at 23:59:50 UTC.
    fn quotas(limit: u64, period: Period, offset: u64) -> Quotas {
        beginning(QuotaBegins::UtcMidnight, Quota { limit, period, offset })
    }

    fn beginning(begins: QuotaBegins, quota: Quota) -> Quotas {
        let mut model = Model::of(Api::new(ApiKind::Rest, "a1b2c3"), &["prod"], Vec::new());
        model.apis[0].unconfirmed.quota_begins = begins;
        model.plans.push(UsagePlan {
            name: String::new(),
            stages: vec![StageId(0)],
            keys: vec![KeyId(0), KeyId(1)],
            throttle: None,
            route_throttles: Vec::new(),
            quota: Some(quota),
        });
        Quotas::new(&model, Span::from_secs(1_785_542_390))
    }

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    fn passes(quotas: &mut Quotas, now: Instant, seat: SeatId) -> bool {
        let passes = quotas.check(now, seat).is_ok();
        if passes {
            quotas.count(seat);
        }
        passes
    }

    #[test]
    fn a_key_has_as_many_requests_as_its_quota_says_and_then_waits_for_the_next_period() {
        let mut quotas = quotas(2, Period::Day, 0);
        assert_eq!([0, 1, 2].map(|now| passes(&mut quotas, at(now), SEAT)), [true, true, false]);
        assert_eq!(quotas.check(at(3), SEAT), Err(Spent { until: at(10) }));
        assert!(!passes(&mut quotas, Instant::from_ns(9_999_999_999), SEAT));
        assert_eq!([10, 10, 10].map(|now| passes(&mut quotas, at(now), SEAT)), [true, true, false]);
    }

    #[test]
    fn each_key_of_a_plan_has_the_whole_quota() {
        let mut quotas = quotas(1, Period::Day, 0);
        assert!(passes(&mut quotas, at(0), SEAT) && passes(&mut quotas, at(0), SeatId(1)));
        assert!(!passes(&mut quotas, at(0), SEAT) && !passes(&mut quotas, at(0), SeatId(1)));
    }

    #[test]
    fn the_offset_is_deducted_in_the_first_period_only() {
        let mut quotas = quotas(3, Period::Day, 2);
        assert_eq!([0, 0].map(|now| passes(&mut quotas, at(now), SEAT)), [true, false]);
        assert_eq!([10; 4].map(|now| passes(&mut quotas, at(now), SEAT)), [true, true, true, false]);
        assert!(quotas.check(at(0), SeatId(1)).is_ok(), "time does not run backwards");
    }

    #[test]
    fn a_period_of_first_use_begins_with_each_key_s_first_request_and_the_next_with_the_first_after_it() {
        const DAY: u64 = 86_400;
        let mut quotas = beginning(QuotaBegins::FirstUse, Quota { limit: 2, period: Period::Day, offset: 1 });
        assert!(passes(&mut quotas, at(5), SEAT));
        assert_eq!(quotas.check(at(10), SEAT), Err(Spent { until: at(5 + DAY) }), "midnight means nothing");
        assert!(passes(&mut quotas, at(100), SeatId(1)));
        assert_eq!(quotas.usage(at(5 + DAY), SEAT), Some(Usage { used: 0, remaining: 2 }));
        assert_eq!([0, 0, 0].map(|_| passes(&mut quotas, at(7 + DAY), SEAT)), [true, true, false]);
        assert_eq!(quotas.check(at(8 + DAY), SEAT), Err(Spent { until: at(7 + 2 * DAY) }));
        assert!(!passes(&mut quotas, at(99 + DAY), SeatId(1)));
        assert!(passes(&mut quotas, at(100 + DAY), SeatId(1)));
    }

    #[test]
    fn an_offset_above_the_limit_leaves_nothing() {
        let mut quotas = quotas(1, Period::Week, 5);
        assert!(!passes(&mut quotas, at(0), SEAT));
        assert_eq!(quotas.usage(at(0), SEAT), Some(Usage { used: 0, remaining: 0 }));
    }

    #[test]
    fn usage_is_told_for_the_present_period_without_counting() {
        let mut quotas = quotas(5, Period::Day, 1);
        passes(&mut quotas, at(0), SEAT);
        assert_eq!(quotas.usage(at(0), SEAT), Some(Usage { used: 1, remaining: 3 }));
        assert_eq!(quotas.usage(at(10), SEAT), Some(Usage { used: 0, remaining: 5 }));
        assert_eq!(quotas.usage(at(0), SEAT), Some(Usage { used: 1, remaining: 3 }));
        assert_eq!(quotas.usage(at(0), SeatId(9)), None);
    }
}
