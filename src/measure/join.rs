//! Attempts and their lines in the gateway's access log, brought together by request id (method 3.5).
//!
//! Owns when a pair is a pair, the parts of its time, how much of the run is covered, and whether the parts add up; `trust` whether that is enough. Refuses files and their
//! order (`command` brings both sides together, sorted) and formats of logs (`import`). Pure.
//!
//! An access log has whole milliseconds. The documents do not say whether they are cut or rounded, so a logged `v` stands for a time from
//! `v - 0.5 ms` (rounded) to `v + 1 ms` (cut), and what is computed from several of them for the union of both readings: a claim is judged by
//! what is sure in either.

mod trust;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use sluicegate_policy::time::{Instant, Span};

use super::channel::growing;
use super::parts::{Joined, Known, Parts};
use super::rows::Row;
use super::sample::{Outcome, Sample};

/// The resolution of an access log.
pub const RESOLUTION: Span = Span::from_ms(1);

/// One line of an access log, as far as it is joined. Absent is what the log does not tell (`-`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// `$context.requestId`, or `$context.extendedRequestId` in a log that has no other.
    pub id: String,
    /// `$context.requestTimeEpoch`, in milliseconds since 1970.
    pub epoch_ms: Option<u64>,
    /// `$context.status`.
    pub status: Option<u16>,
    /// `$context.responseLatency`, in milliseconds.
    pub response_ms: Option<u64>,
    /// `$context.integrationLatency` or `$context.integration.latency`, in milliseconds.
    pub integration_ms: Option<u64>,
    /// `$context.authorizer.latency` or `$context.authorizer.integrationLatency`, in milliseconds.
    pub authorizer_ms: Option<u64>,
    /// `$context.integration.status`.
    pub integration_status: Option<u16>,
}

/// Which attempts are in question, and how long the slowest of them took: found in a first pass over the samples.
#[derive(Clone, Debug)]
pub struct Census {
    warmup: Span,
    service: Histogram<u64>,
    /// Attempts that were sent and never answered: slower than all others.
    unanswered: u64,
}

/// What was brought together, and what was not.
#[derive(Clone, Debug)]
pub struct Join {
    warmup: Span,
    /// Service times above this are the slowest hundredth.
    slow_above: Span,
    /// Joined and all, of the slowest hundredth and of the rest.
    slow: (u64, u64),
    rest: (u64, u64),
    /// Lines of the log whose id no attempt of the run has.
    pub strays: u64,
    /// Lines that say again what another line of the same id says.
    pub repeated: u64,
    /// Attempts whose id another attempt has, or of whose id the log says different things: they are not joined.
    pub ambiguous: u64,
    /// Joined attempts to which client and log ascribe different statuses.
    pub other_status: u64,
    /// Joined attempts whose line has no response latency, so that network and gateway are not known.
    pub no_response: u64,
    /// In microseconds of size, apart by sign: what the parts leave of the total.
    residuals: BTreeMap<i64, u64>,
    total: Histogram<u64>,
    /// The gateway's wall clock minus the client's, in milliseconds, and how often.
    offsets: BTreeMap<i64, u64>,
}

impl Census {
    /// Of a run of which so much of the beginning is left out.
    pub fn new(warmup: Span) -> Self {
        Self { warmup, service: growing(), unanswered: 0 }
    }

    /// Counts an attempt, if it is in question.
    pub fn on_sample(&mut self, sample: &Sample) {
        if !is_asked_for(sample, self.warmup) {
            return;
        }
        match service_time(sample) {
            Some(time) => self.service.record(time.as_ns()).expect("a histogram that grows takes what is below its bound"),
            None => self.unanswered += 1,
        }
    }

    /// The join that is to follow.
    pub fn join(self) -> Join {
        let all = self.service.len() + self.unanswered;
        let quick = all - all / 100;
        let slow_above = if quick > self.service.len() {
            // More than a hundredth was never answered: they are the slowest.
            Span::from_ns(u64::MAX - 1)
        } else if self.service.is_empty() {
            Span::ZERO
        } else {
            Span::from_ns(self.service.value_at_quantile(quick as f64 / self.service.len() as f64))
        };
        Join {
            warmup: self.warmup,
            slow_above,
            slow: (0, 0),
            rest: (0, 0),
            strays: 0,
            repeated: 0,
            ambiguous: 0,
            other_status: 0,
            no_response: 0,
            residuals: BTreeMap::new(),
            total: growing(),
            offsets: BTreeMap::new(),
        }
    }
}

impl Join {
    /// All attempts and all lines of one id (of no id: of those attempts that have none); `each` gets what belongs together. `started` is the
    /// wall clock at the run's zero, since 1970.
    pub fn bring_together(&mut self, rows: &[Row], lines: &[Logged], started: Option<Span>, mut each: impl FnMut(&Joined)) {
        let Some((line, others)) = lines.split_first() else {
            for row in rows {
                self.cover(&row.sample, false);
            }
            return;
        };
        if rows.is_empty() {
            self.strays += lines.len() as u64;
            return;
        }
        let agree = others.iter().all(|other| other == line);
        if let ([row], true) = (rows, agree) {
            self.repeated += others.len() as u64;
            let joined = joined(&row.sample, line);
            self.cover(&row.sample, joined.is_some());
            if let Some(joined) = joined {
                self.note(&joined, line, started);
                each(&joined);
            }
        } else {
            self.ambiguous += rows.len() as u64;
            for row in rows {
                self.cover(&row.sample, false);
            }
        }
    }

    fn cover(&mut self, sample: &Sample, joined: bool) {
        if !is_asked_for(sample, self.warmup) {
            return;
        }
        let is_slow = service_time(sample).is_none_or(|time| time > self.slow_above);
        let counts = if is_slow { &mut self.slow } else { &mut self.rest };
        counts.0 += u64::from(joined);
        counts.1 += 1;
    }

    fn note(&mut self, joined: &Joined, line: &Logged, started: Option<Span>) {
        let Joined { sample, parts, .. } = joined;
        if !is_asked_for(sample, self.warmup) {
            return;
        }
        self.other_status += u64::from(line.status.is_some_and(|status| status != sample.status));
        if parts.network.is_none() {
            self.no_response += 1;
        } else {
            *self.residuals.entry(parts.residual_ns() / 1_000).or_default() += 1;
            self.total.record(parts.total.as_ns().min(super::channel::HIGHEST_NS)).expect("it is within the range");
        }
        if let (Some(epoch_ms), Some(started)) = (line.epoch_ms, started) {
            let ours = i64::try_from((started + sample.sent.since(Instant::ZERO)).as_ns() / 1_000_000).unwrap_or(i64::MAX);
            *self.offsets.entry(i64::try_from(epoch_ms).unwrap_or(i64::MAX).saturating_sub(ours)).or_default() += 1;
        }
    }

    /// Attempts after the warm-up that were sent: joined, and all.
    pub const fn covered(&self) -> (u64, u64) {
        (self.slow.0 + self.rest.0, self.slow.1 + self.rest.1)
    }

    /// Of the slowest hundredth alone.
    pub const fn covered_slow(&self) -> (u64, u64) {
        self.slow
    }

    /// Of all others.
    pub const fn covered_rest(&self) -> (u64, u64) {
        self.rest
    }

    /// Median of what the parts leave of the total, in nanoseconds, to the microsecond; `None` where no line has a response latency.
    pub fn residual_median_ns(&self) -> Option<i64> {
        median(&self.residuals).map(|us| us.saturating_mul(1_000))
    }

    /// Median of the total of those.
    pub fn total_median_ns(&self) -> Option<u64> {
        (!self.total.is_empty()).then(|| self.total.value_at_quantile(0.5))
    }

    /// Median of the gateway's wall clock minus the client's, in milliseconds; `None` where the log has no time.
    pub fn clock_offset_ms(&self) -> Option<i64> {
        median(&self.offsets)
    }
}

/// Whether the log should have it: it was sent, after the warm-up, and not cut off by the end of the run.
fn is_asked_for(sample: &Sample, warmup: Span) -> bool {
    sample.sent != Instant::MAX && sample.outcome != Outcome::Abandoned && sample.intended.since(Instant::ZERO) >= warmup
}

/// How long it took; `None` if it was never completely answered.
fn service_time(sample: &Sample) -> Option<Span> {
    sample
        .service_time()
        .filter(|_| sample.outcome == Outcome::Answered)
        .map(|time| time.min(Span::from_ns(super::channel::HIGHEST_NS)))
}

/// An attempt with its line. `None` of one that was not answered to the end: its time is not known.
fn joined(sample: &Sample, line: &Logged) -> Option<Joined> {
    let total = service_time(sample)?;
    let waited = line.integration_ms.unwrap_or(0) + line.authorizer_ms.unwrap_or(0);
    let terms = u64::from(line.integration_ms.is_some()) + u64::from(line.authorizer_ms.is_some());
    let parts = Parts {
        total,
        network: line.response_ms.map(|response| network(total, response)),
        gateway: line.response_ms.map(|response| gateway(response, waited, terms)),
        authorizer: line.authorizer_ms.map(logged),
        integration: line.integration_ms.map(logged),
    };
    Some(Joined { sample: *sample, parts, integration_status: line.integration_status })
}

/// A time that is logged as `ms`: rounded it is from half a millisecond less, cut it is up to one more.
fn logged(ms: u64) -> Known {
    let value = RESOLUTION * ms;
    Known { value, least: value.saturating_sub(Span::from_us(500)), most: value + RESOLUTION }
}

/// The client's time less the gateway's.
fn network(total: Span, response_ms: u64) -> Known {
    let of = logged(response_ms);
    Known { value: total.saturating_sub(of.value), least: total.saturating_sub(of.most), most: total.saturating_sub(of.least) }
}

/// The gateway's time less what it waited, which is a sum of so many logged times: rounded, each is off by half a millisecond to either side;
/// cut, the first is up to one longer and each of the others too.
fn gateway(response_ms: u64, waited_ms: u64, terms: u64) -> Known {
    let half = Span::from_us(500);
    let value = (RESOLUTION * response_ms).saturating_sub(RESOLUTION * waited_ms);
    let rounded = half * (terms + 1);
    let (less, more) = (rounded.max(RESOLUTION * terms), rounded.max(RESOLUTION));
    let high = (RESOLUTION * response_ms + more).saturating_sub(RESOLUTION * waited_ms);
    Known { value, least: value.saturating_sub(less), most: high }
}

fn median(counts: &BTreeMap<i64, u64>) -> Option<i64> {
    let all: u64 = counts.values().sum();
    let mut seen = 0;
    counts.iter().find_map(|(value, count)| {
        seen += count;
        (seen * 2 >= all).then_some(*value)
    })
}

#[cfg(test)]
mod tests {
    use super::super::parts::Part;
    use super::super::scripted::{answered, failed};
    use super::*;

    const MS: Span = Span::from_ms(1);

    fn row(second: f64, ms: f64, id: &str) -> Row {
        Row { sample: answered(second, ms), id: Some(id.into()) }
    }

    fn line(id: &str, response: u64, integration: Option<u64>) -> Logged {
        Logged { id: id.to_owned(), response_ms: Some(response), integration_ms: integration, ..Logged::default() }
    }

    /// Brings together what is given group by group.
    fn join(groups: &[(Vec<Row>, Vec<Logged>)]) -> (Join, Vec<Joined>) {
        let mut census = Census::new(Span::from_secs(1));
        groups.iter().flat_map(|(rows, _)| rows).for_each(|row| census.on_sample(&row.sample));
        let (mut join, mut all) = (census.join(), Vec::new());
        for (rows, lines) in groups {
            join.bring_together(rows, lines, None, |joined| all.push(*joined));
        }
        (join, all)
    }

    #[test]
    fn the_parts_of_a_pair_add_up_to_what_the_client_waited() {
        let logged = Logged { authorizer_ms: Some(8), ..line("a", 35, Some(24)) };
        let (join, all) = join(&[(vec![row(2.0, 36.2, "a")], vec![logged])]);
        let parts = all[0].parts;
        let value = |part| parts.of(part).map(|known| known.value);
        assert_eq!(Part::ALL.map(value), [Some(Span::from_us(1_200)), Some(MS * 3), Some(MS * 8), Some(MS * 24)]);
        assert_eq!((join.residual_median_ns(), join.covered()), (Some(0), (1, 1)));
        let known = parts.integration.expect("it is logged");
        assert_eq!((known.least, known.most), (Span::from_us(23_500), MS * 25));
        let known = parts.gateway.expect("it is known");
        assert_eq!((known.least, known.most), (MS, Span::from_us(4_500)), "rounded by 1.5 ms, or cut by 2 ms");
    }

    #[test]
    fn a_gateway_that_was_slower_than_its_client_leaves_a_residual_below_zero() {
        let (join, _) = join(&[(vec![row(2.0, 10.0, "a")], vec![line("a", 30, Some(20))])]);
        assert_eq!(join.residual_median_ns(), Some(-20_000_000));
    }

    #[test]
    fn what_is_there_twice_is_one_if_it_says_the_same_and_none_if_not() {
        let (same, all) = join(&[(vec![row(2.0, 10.0, "a")], vec![line("a", 9, None), line("a", 9, None)])]);
        assert_eq!((same.repeated, same.ambiguous, all.len()), (1, 0, 1));
        let (other, all) = join(&[(vec![row(2.0, 10.0, "a")], vec![line("a", 9, None), line("a", 8, None)])]);
        assert_eq!((other.ambiguous, other.covered(), all.len()), (1, (0, 1), 0));
        let twins = vec![row(2.0, 10.0, "a"), row(3.0, 10.0, "a")];
        let (twins, all) = join(&[(twins, vec![line("a", 9, None)])]);
        assert_eq!((twins.ambiguous, all.len()), (2, 0));
    }

    #[test]
    fn coverage_is_told_apart_for_the_slowest_hundredth() {
        let quick = (0..990).map(|n| (vec![row(2.0, 10.0 + f64::from(n) / 1e3, "q")], vec![line("q", 9, None)]));
        let slow = (0..10).map(|n| (vec![row(2.0, 500.0 + f64::from(n), "s")], Vec::new()));
        let (join, _) = join(&quick.chain(slow).collect::<Vec<_>>());
        assert_eq!((join.covered_slow(), join.covered_rest()), ((0, 10), (990, 990)));
    }

    #[test]
    fn what_was_never_answered_is_among_the_slowest_and_not_joined() {
        let answered = (0..95).map(|_| (vec![row(2.0, 10.0, "q")], vec![line("q", 9, None)]));
        let lost = Row { sample: failed(2.0, Outcome::TimedOut), id: None };
        let unsent = Row { sample: failed(2.0, Outcome::Refused), id: None };
        let unsent = Row { sample: Sample { sent: Instant::MAX, ..unsent.sample }, ..unsent };
        let groups: Vec<_> = answered.chain([(vec![lost; 5], Vec::new()), (vec![unsent], Vec::new())]).collect();
        let (join, _) = join(&groups);
        assert_eq!((join.covered(), join.covered_slow()), ((95, 100), (0, 5)), "what was not sent is in no log");
    }

    #[test]
    fn a_line_of_somebody_else_is_a_stray_and_the_warm_up_is_nobody_s_business() {
        let (join, all) = join(&[(Vec::new(), vec![line("x", 9, None)]), (vec![row(0.5, 10.0, "a")], vec![line("a", 9, None)])]);
        assert_eq!((join.strays, join.covered(), all.len()), (1, (0, 0), 1));
    }
}
