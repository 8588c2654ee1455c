//! When the days, weeks and months of a run begin, in UTC.
//!
//! Owns the present period of each kind and its number. Refuses time zones, and to read a clock. Called by the quotas for each
//! request that counts; the calendar is consulted once for each boundary.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use crate::model::Period;
use crate::time::{Instant, Span};

/// The present day, week and month.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    wall: Span,
    day: Present,
    week: Present,
    month: Present,
}

/// A period that has begun: how many came before it, and when it ends.
#[derive(Clone, Copy, Debug)]
struct Present {
    number: u64,
    end: Instant,
}

impl Calendar {
    /// The calendar of a run that starts `wall` after 1 January 1970, 00:00 UTC.
    pub(super) fn starting(wall: Span) -> Self {
        let first = |period| Present { number: 0, end: end(wall, Instant::ZERO, period) };
        Self { wall, day: first(Period::Day), week: first(Period::Week), month: first(Period::Month) }
    }

    /// The number of the period in which `now` lies, and when it ends. Numbers ascend; a period in which nobody asked has none.
    pub(super) fn period(&mut self, now: Instant, period: Period) -> (u64, Instant) {
        let present = match period {
            Period::Day => &mut self.day,
            Period::Week => &mut self.week,
            Period::Month => &mut self.month,
        };
        if now >= present.end && present.end < Instant::MAX {
            *present = Present { number: present.number + 1, end: end(self.wall, now, period) };
        }
        (present.number, present.end)
    }

    /// When a period ends that begins at `now`: after 24 hours, seven days, or at the same day and hour of the next month (its last
    /// day, if it has none so late); [`Instant::MAX`] beyond the end of the calendar.
    pub(super) fn after(&self, now: Instant, period: Period) -> Instant {
        let length = match period {
            Period::Day => 1.day(),
            Period::Week => 7.days(),
            Period::Month => 1.month(),
        };
        instant(self.wall, now, |now| now.checked_add(length))
    }
}

/// When the period ends in which `now` lies; [`Instant::MAX`] beyond the end of the calendar.
fn end(wall: Span, now: Instant, period: Period) -> Instant {
    instant(wall, now, |now| next(now.date(), period).map(|date| date.at(0, 0, 0, 0)))
}

/// What a rule of the calendar makes of `now`.
fn instant(wall: Span, now: Instant, rule: impl FnOnce(DateTime) -> Result<DateTime, jiff::Error>) -> Instant {
    let then = || {
        let ns = i128::from(wall.as_ns()) + i128::from(now.as_ns());
        let now = Offset::UTC.to_datetime(Timestamp::from_nanosecond(ns).ok()?);
        let then = Offset::UTC.to_timestamp(rule(now).ok()?).ok()?;
        u64::try_from(then.as_nanosecond() - i128::from(wall.as_ns())).ok()
    };
    then().map_or(Instant::MAX, Instant::from_ns)
}

/// The first day of the next period.
fn next(today: Date, period: Period) -> Result<Date, jiff::Error> {
    match period {
        Period::Day => today.tomorrow(),
        // Strictly after today, so that on a Sunday it is the next one.
        Period::Week => today.nth_weekday(1, Weekday::Sunday),
        Period::Month => today.first_of_month().checked_add(1.month()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// When, in seconds after the start, the period ends in which a run starts.
    fn first_end(wall: &str, period: Period) -> u64 {
        let wall: Timestamp = wall.parse().unwrap();
        Calendar::starting(Span::from_secs(wall.as_second() as u64)).period(Instant::ZERO, period).1.second()
    }

    #[test]
    fn days_begin_at_midnight_weeks_on_sunday_and_months_on_the_first() {
        const DAY: u64 = 86_400;
        assert_eq!(first_end("2026-07-31T23:59:50Z", Period::Day), 10);
        assert_eq!(first_end("2026-07-31T00:00:00Z", Period::Day), DAY);
        // A Friday, a Saturday, a Sunday.
        assert_eq!(first_end("2026-07-31T00:00:00Z", Period::Week), 2 * DAY);
        assert_eq!(first_end("2026-08-01T23:59:59Z", Period::Week), 1);
        assert_eq!(first_end("2026-08-02T00:00:00Z", Period::Week), 7 * DAY);
        assert_eq!(first_end("2026-08-31T23:59:59Z", Period::Month), 1);
        assert_eq!(first_end("2028-02-01T00:00:00Z", Period::Month), 29 * DAY);
        assert_eq!(first_end("2026-12-31T00:00:00Z", Period::Month), DAY);
    }

    #[test]
    fn numbers_ascend_and_time_does_not_run_backwards() {
        let mut calendar = Calendar::starting(Span::ZERO);
        let day = |n: u64| Instant::ZERO + Span::from_secs(86_400 * n);
        assert_eq!(calendar.period(day(0), Period::Day), (0, day(1)));
        assert_eq!(calendar.period(day(1), Period::Day), (1, day(2)));
        assert_eq!(calendar.period(day(5), Period::Day), (2, day(6)));
        assert_eq!(calendar.period(day(0), Period::Day), (2, day(6)));
    }

    #[test]
    fn a_month_that_begins_with_a_request_ends_at_the_same_day_and_hour_of_the_next() {
        let wall: Timestamp = "2027-01-31T10:00:00Z".parse().unwrap();
        let calendar = Calendar::starting(Span::from_secs(wall.as_second() as u64));
        let days = |n: u64| Instant::ZERO + Span::from_secs(86_400 * n);
        assert_eq!(calendar.after(days(0), Period::Month), days(28), "the last day of February");
        assert_eq!(calendar.after(days(1), Period::Month), days(29));
        assert_eq!([Period::Day, Period::Week].map(|period| calendar.after(days(3), period)), [days(4), days(10)]);
        assert_eq!(calendar.after(Instant::MAX, Period::Month), Instant::MAX);
    }

    proptest! {
        #[test]
        fn every_period_ends_after_the_instant_it_holds(wall in any::<u64>(), now in any::<u64>()) {
            for period in [Period::Day, Period::Week, Period::Month] {
                let now = Instant::from_ns(now);
                let end = end(Span::from_ns(wall), now, period);
                prop_assert!(end > now || end == Instant::MAX);
            }
        }
    }
}
