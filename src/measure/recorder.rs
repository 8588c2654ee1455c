//! The recorder: counts samples. Each lane owns one, the simulator owns one, and at the end they merge.
//!
//! Owns what is counted where: before the warm-up's end only the seconds and the load, after it everything. Refuses to
//! compute a statistic (`summary`, `verdict`) and to grow with the number of requests: it holds a bounded number of
//! histograms, one row a second for at most a week, and says what it had no room for. Called once for every action.

mod counting;
mod giving;
mod restored;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use sluicegate_policy::time::Span;

use crate::traffic::SeriesId;

use super::assumption::{Edge, Event, PartAt, Ratio, Told};
use super::attempts::Attempts;
use super::channel::{Channel, growing};
use super::counts::{Load, SecondCounts};
use super::edges::{EdgeRows, SECONDS_MAX};
use super::intervals::Intervals;
use super::piece::Away;
use super::record::ConnectionsRecord;

/// Series that get histograms of their own, in the order of their ids; the others are in the total only, and counted.
pub const SERIES_MAX: usize = 256;

/// What a recorder is made for. The same for all recorders of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Names of the series, in the order of their ids.
    pub series: Vec<String>,
    /// What is intended before this is left out of everything but the seconds and the load.
    pub warmup: Span,
    /// Planned length of the run.
    pub duration: Span,
    /// Where to count exactly.
    pub edges: Vec<Edge>,
    /// Whether response times are kept second by second.
    pub detail: Detail,
}

/// Whether response times are kept second by second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// They are: for the interval log and for the quantiles of each second.
    #[default]
    Seconds,
    /// They are not: for simulations that are repeated many times.
    Totals,
}

/// What a recorder had no room for: counted, never silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Uncounted {
    /// Actions intended after the last second that is counted by seconds; they are in the histograms.
    pub beyond_seconds: u64,
    /// Actions of series beyond [`SERIES_MAX`] or unknown to the layout; they are in the total.
    pub beyond_series: u64,
    /// Response times that are in no interval.
    pub beyond_intervals: u64,
}

/// Counts samples.
#[derive(Clone, Debug)]
pub struct Recorder {
    layout: Arc<Layout>,
    /// For each series the indices of the edges that count it.
    edges_of: Vec<Vec<usize>>,
    /// Edges that count every series.
    edges_of_all: Vec<usize>,
    /// Made when a series is first seen.
    series: Vec<Option<Channel>>,
    /// All series that have no channel of their own.
    others: Option<Channel>,
    edges: Vec<EdgeRows>,
    seconds: Vec<SecondCounts>,
    intervals: Intervals,
    load: Load,
    attempts: Attempts,
    /// How late the generator turned to its actions by its own fault.
    own_lag: Histogram<u64>,
    /// Hits and requests of each authorizer after the warm-up, by second.
    told: BTreeMap<(Told, PartAt), EdgeRows>,
    uncounted: Uncounted,
    /// Whether parts of attempts are counted.
    parted: bool,
    /// Who takes what was measured while the run goes on.
    away: Option<Away>,
    /// What is given of connections that are kept open.
    connections: Option<Box<ConnectionsRecord>>,
    /// Second in which it was last asked to give some.
    given: u64,
}

impl Recorder {
    /// A recorder that has seen nothing.
    pub fn new(layout: Arc<Layout>) -> Self {
        let names = layout.series.len();
        let mut edges_of = vec![Vec::new(); names];
        let mut edges_of_all = Vec::new();
        for (index, edge) in layout.edges.iter().enumerate() {
            match edge.series {
                None => edges_of_all.push(index),
                Some(series) => {
                    if let Some(edges) = edges_of.get_mut(usize::from(series.0)) {
                        edges.push(index);
                    }
                }
            }
        }
        Self {
            edges_of,
            edges_of_all,
            series: vec![None; names.min(SERIES_MAX)],
            others: None,
            edges: vec![EdgeRows::default(); layout.edges.len()],
            seconds: Vec::new(),
            intervals: Intervals::default(),
            load: Load::default(),
            attempts: Attempts::new(),
            own_lag: growing(),
            told: BTreeMap::new(),
            uncounted: Uncounted::default(),
            parted: false,
            away: None,
            connections: None,
            given: 0,
            layout,
        }
    }

    /// Adds what another recorder of the same layout has seen. The order of merging does not matter.
    pub fn merge(&mut self, other: Self) {
        assert_eq!(self.layout, other.layout, "recorders of one run share one layout");
        let mine = self.series.iter_mut().chain([&mut self.others]);
        for (mine, theirs) in mine.zip(other.series.iter().chain([&other.others])) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_with(Channel::new).merge(theirs);
            }
        }
        for (mine, theirs) in self.edges.iter_mut().zip(&other.edges) {
            mine.merge(theirs);
        }
        if self.seconds.len() < other.seconds.len() {
            self.seconds.resize(other.seconds.len(), SecondCounts::default());
        }
        for (mine, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            mine.merge(theirs);
        }
        self.intervals.merge(other.intervals);
        self.load.merge(&other.load);
        self.attempts.merge(&other.attempts);
        self.own_lag.add(&other.own_lag).expect("a histogram that grows takes every value of another");
        for (at, theirs) in &other.told {
            self.told.entry(*at).or_default().merge(theirs);
        }
        self.parted |= other.parted;
        self.uncounted.beyond_seconds += other.uncounted.beyond_seconds;
        self.uncounted.beyond_series += other.uncounted.beyond_series;
    }

    /// The gateway tells, of each second, how often this was true of a part of it, and how often it could have been. Of the warm-up nothing is
    /// counted.
    pub fn on_told(&mut self, what: Told, at: PartAt, rows: &[(u32, u32)]) {
        let warm = self.layout.warmup.as_ns().div_ceil(1_000_000_000);
        let counted = |(second, row): (u64, &(u32, u32))| if second < warm { (0, 0) } else { *row };
        let rows = || (0..SECONDS_MAX).zip(rows).map(counted);
        self.told.entry((what, at)).or_default().add(rows());
        for (edge, counts) in self.layout.edges.iter().zip(&mut self.edges) {
            match edge.event {
                Event::Ratio(Ratio::Told(told, of)) if told == what && of.is_none_or(|of| of == at) => counts.add(rows()),
                Event::Ratio(_)
                | Event::SlowerThan(_)
                | Event::PerhapsOf(_)
                | Event::PartAbove(..)
                | Event::PartPerhapsAbove(..) => {}
            }
        }
    }

    /// What was told of each part, second by second.
    pub fn told_rows(&self) -> impl Iterator<Item = ((Told, PartAt), &[(u32, u32)])> {
        self.told.iter().map(|(of, rows)| (*of, rows.rows()))
    }

    /// How often it was true of one part, or of all, and how often it could have been, after the warm-up.
    pub fn told(&self, what: Told, of: Option<PartAt>) -> (u64, u64) {
        let told = self.told.iter().filter(|((told, at), _)| *told == what && of.is_none_or(|of| of == *at));
        told.flat_map(|(_, rows)| rows.rows())
            .fold((0, 0), |(events, trials), row| (events + u64::from(row.0), trials + u64::from(row.1)))
    }

    /// What it was made for.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Everything recorded for one series, or for all; `None` if the series was not seen (or has no room of its own).
    pub fn channel(&self, series: Option<SeriesId>) -> Option<Cow<'_, Channel>> {
        match series {
            None => Some(self.total()),
            Some(series) => self.series.get(usize::from(series.0))?.as_ref().map(Cow::Borrowed),
        }
    }

    /// All series together: added up when somebody asks, as it would cost a lane as much again to count each action twice.
    fn total(&self) -> Cow<'_, Channel> {
        let mut seen = self.series.iter().chain([&self.others]).flatten();
        let Some(first) = seen.next() else { return Cow::Owned(Channel::new()) };
        seen.fold(Cow::Borrowed(first), |mut total, more| {
            total.to_mut().merge(more);
            total
        })
    }

    /// Events and trials of each intended second at an edge of the layout; no rows if there is no such edge. Seconds of the
    /// warm-up hold nothing.
    pub fn edge_counts(&self, index: usize) -> &[(u32, u32)] {
        self.edges.get(index).map_or(&[], EdgeRows::rows)
    }

    /// Which edge of the layout this is.
    pub fn edge_index(&self, edge: &Edge) -> Option<usize> {
        self.layout.edges.iter().position(|known| known == edge)
    }

    /// Counts of every second, from zero, warm-up included.
    pub fn seconds(&self) -> &[SecondCounts] {
        &self.seconds
    }

    /// Times second by second, of every fate, warm-up included.
    pub const fn intervals(&self) -> &Intervals {
        &self.intervals
    }

    /// The same, counting the parts of attempts, too, if they are told.
    pub fn with_parts(self) -> Self {
        Self { parted: true, ..self }
    }

    /// Takes away all times second by second that were not given away before.
    pub fn take_intervals(&mut self) -> Intervals {
        self.intervals.take_all()
    }

    /// What became of the script's actions, warm-up included.
    pub const fn load(&self) -> &Load {
        &self.load
    }

    /// First attempts and retries apart.
    pub const fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// How late the generator turned to its actions by its own fault, after the warm-up.
    pub const fn own_lag(&self) -> &Histogram<u64> {
        &self.own_lag
    }

    /// What there was no room for.
    pub const fn uncounted(&self) -> Uncounted {
        Uncounted { beyond_intervals: self.intervals.left_out(), ..self.uncounted }
    }
}

#[cfg(test)]
mod tests {
    use super::super::assumption::{Event, Ratio};
    use super::super::record::SecondRecord;
    use super::super::sample::{Outcome, Sample};
    use super::super::scripted::{answered, failed};
    use super::super::{Record, summary};
    use super::*;
    use proptest::prelude::*;
    use sluicegate_policy::time::Instant;

    fn layout() -> Arc<Layout> {
        let slower = |ms| Edge { series: Some(SeriesId(0)), event: Event::SlowerThan(Span::from_ms(ms)) };
        let ratio = |ratio| Edge { series: None, event: Event::Ratio(ratio) };
        Arc::new(Layout {
            series: vec!["GET /a".to_owned(), "GET /b".to_owned()],
            warmup: Span::from_secs(2),
            duration: Span::from_secs(10),
            edges: vec![
                slower(20),
                ratio(Ratio::Throttled),
                ratio(Ratio::Errors),
                ratio(Ratio::Told(Told::AuthorizerHits, None)),
                ratio(Ratio::Told(Told::AuthorizerHits, Some(PartAt(1)))),
            ],
            detail: Detail::Seconds,
        })
    }

    fn recorded(samples: &[Sample]) -> Recorder {
        let mut recorder = Recorder::new(layout());
        for sample in samples {
            recorder.on_sample(sample);
        }
        recorder
    }

    fn at_edge(recorder: &Recorder, index: usize) -> (u32, u32) {
        recorder.edge_counts(index).iter().fold((0, 0), |(e, n), row| (e + row.0, n + row.1))
    }

    fn rows(recorder: &Recorder) -> Vec<SecondRecord> {
        summary::seconds(recorder, |second| recorder.intervals().shown(second))
    }

    /// All that can be read from a recorder.
    fn read(recorder: &Recorder) -> String {
        let edges: Vec<_> = (0..4).map(|index| recorder.edge_counts(index)).collect();
        let parts = (summary::total(recorder), summary::series(recorder), rows(recorder), summary::load(recorder));
        format!("{parts:?} {edges:?} {:?}", recorder.uncounted())
    }

    prop_compose! {
        fn any_sample()(second in 0.0_f64..12.0, ms in 0.0_f64..1e5, series in 0_u16..4, status in 0_usize..4, outcome in 0_usize..Outcome::ALL.len())
            -> Sample {
            let outcome = Outcome::ALL[outcome];
            let sample = if outcome == Outcome::Answered {
                answered(second, ms).status([200, 404, 429, 503][status])
            } else {
                failed(second, outcome)
            };
            sample.of_series(series)
        }
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_commutative_and_loses_nothing(
            a in proptest::collection::vec(any_sample(), 0..40),
            b in proptest::collection::vec(any_sample(), 0..40),
            c in proptest::collection::vec(any_sample(), 0..40),
        ) {
            let merge = |mut left: Recorder, right: Recorder| { left.merge(right); left };
            let (ra, rb, rc) = (recorded(&a), recorded(&b), recorded(&c));
            let left = merge(merge(ra.clone(), rb.clone()), rc.clone());
            let right = merge(ra, merge(rb.clone(), rc.clone()));
            let turned = merge(rc, merge(rb, recorded(&a)));
            prop_assert_eq!(read(&left), read(&right));
            // Mean and deviation are sums of floating point numbers over the same counts in the same order.
            prop_assert_eq!(read(&left), read(&turned));
            prop_assert_eq!(read(&left), read(&recorded(&[a, b, c].concat())));
        }

        #[test]
        fn every_action_is_counted_once_in_each_place(samples in proptest::collection::vec(any_sample(), 0..80)) {
            let recorder = recorded(&samples);
            let counted = recorder.channel(None).map_or(0, |all| all.count());
            let warm = samples.iter().filter(|sample| sample.intended.second() >= 2).count() as u64;
            prop_assert_eq!(counted, warm);
            let own: u64 = (0..2).filter_map(|id| recorder.channel(Some(SeriesId(id)))).map(|own| own.count()).sum();
            prop_assert_eq!(own + recorder.uncounted().beyond_series, warm);
            let by_ending: u64 = recorder.channel(None).map_or(0, |all| all.endings().map(|(_, count)| count).sum());
            prop_assert_eq!(by_ending, warm);
            let by_second: u64 = recorder.seconds().iter().map(|row| u64::from(row.intended)).sum();
            prop_assert_eq!(by_second, samples.len() as u64);
            prop_assert_eq!(recorder.load().intended, samples.len() as u64);
        }
    }

    #[test]
    fn what_is_intended_before_the_warm_up_ends_goes_to_the_seconds_alone() {
        let recorder = recorded(&[answered(1.999, 500.0), answered(2.0, 30.0)]);
        assert_eq!(recorder.channel(None).map(|all| all.count()), Some(1));
        assert_eq!(recorder.seconds()[1].answered, 1);
        assert_eq!(at_edge(&recorder, 0), (1, 1));
        assert_eq!(recorder.load().intended, 2);
    }

    #[test]
    fn a_late_completion_counts_in_its_intended_second() {
        let recorder = recorded(&[answered(9.0, 1.0), answered(3.0, 29_000.0)]);
        assert_eq!(recorder.edge_counts(0)[3], (1, 1));
        let rows = rows(&recorder);
        assert_eq!(rows.len(), 10);
        assert!(rows[3].p50_ns.is_some_and(|ns| (28_900_000_000..29_100_000_000).contains(&ns)));
        assert_eq!(rows[4].p50_ns, None);
    }

    #[test]
    fn what_is_not_answered_is_infinitely_slow() {
        let failures = [Outcome::TimedOut, Outcome::Dropped, Outcome::Shed, Outcome::Refused, Outcome::Reset];
        let recorder = recorded(&failures.map(|outcome| failed(3.0, outcome)));
        assert_eq!(at_edge(&recorder, 0), (5, 5));
        assert_eq!(recorder.channel(None).map(|all| all.response().len()), Some(0));
    }

    #[test]
    fn what_the_end_of_the_run_cut_off_is_slow_only_if_it_had_waited_longer() {
        let cut = |ms| Sample { outcome: Outcome::Abandoned, ..answered(3.0, ms) };
        let recorder = recorded(&[cut(21.0), cut(20.0), failed(3.0, Outcome::Abandoned)]);
        assert_eq!(at_edge(&recorder, 0), (1, 1));
    }

    #[test]
    fn the_generators_own_lag_is_counted_after_the_warm_up_without_what_it_waited() {
        let sample = answered(3.0, 30.0);
        let waited = Sample { started: sample.done, waited: Span::from_ms(30), ..sample };
        let late = Sample { started: sample.done, ..answered(4.0, 30.0) };
        let recorder = recorded(&[waited, late, Sample { intended: Instant::ZERO, ..late }]);
        let mut merged = recorder.clone();
        merged.merge(recorder);
        assert_eq!((merged.own_lag().len(), merged.own_lag().min()), (4, 0));
    }

    #[test]
    fn ratios_have_the_denominators_of_the_method() {
        let recorder = recorded(&[
            answered(3.0, 1.0),
            answered(3.0, 1.0).status(429),
            answered(3.0, 1.0).status(503),
            answered(3.0, 1.0).status(404),
            failed(3.0, Outcome::TimedOut),
            failed(3.0, Outcome::Refused),
            failed(3.0, Outcome::Dropped),
            failed(3.0, Outcome::NoSockets),
            failed(3.0, Outcome::Abandoned),
        ]);
        assert_eq!(at_edge(&recorder, 1), (1, 4), "throttled among the answered");
        assert_eq!(at_edge(&recorder, 2), (3, 5), "errors among the admitted");
    }

    #[test]
    fn what_only_the_gateway_tells_is_counted_after_the_warm_up_and_merged() {
        let mut recorder = recorded(&[answered(3.0, 1.0)]);
        let (first, second, hits) = (PartAt(0), PartAt(1), Told::AuthorizerHits);
        recorder.on_told(hits, first, &[(5, 9), (5, 9), (1, 4), (3, 3)]);
        let mut other = recorded(&[]);
        other.on_told(hits, first, &[(0, 0), (0, 0), (0, 2)]);
        other.on_told(hits, second, &[(9, 9), (9, 9), (8, 8)]);
        other.on_told(Told::ColdStarts, second, &[(0, 0), (0, 0), (1, 2)]);
        recorder.merge(other);
        assert_eq!(recorder.edge_counts(3), [(0, 0), (0, 0), (9, 14), (3, 3)], "all of them");
        assert_eq!(recorder.edge_counts(4), [(0, 0), (0, 0), (8, 8)], "the second alone");
        assert_eq!([None, Some(first), Some(second)].map(|of| recorder.told(hits, of)), [(12, 17), (4, 9), (8, 8)]);
        assert_eq!(recorder.told(Told::ColdStarts, None), (1, 2));
        assert_eq!(at_edge(&recorder, 1), (0, 1), "nobody else is concerned");
    }

    #[test]
    fn values_beyond_a_day_and_seconds_beyond_a_week_are_cut_off_and_counted() {
        let recorder = recorded(&[answered(3.0, 1e9), answered(604_800.0, 1.0)]);
        let total = summary::total(&recorder);
        assert_eq!((total.count, total.saturated), (2, 2), "response and service time");
        assert_eq!(recorder.uncounted().beyond_seconds, 1);
        assert!(recorder.seconds().len() < 10);
    }

    #[test]
    fn memory_does_not_grow_with_the_requests() {
        let mut recorder = Recorder::new(layout());
        for n in 0..200_000_u32 {
            recorder.on_sample(&answered(3.0, 10.0 + f64::from(n % 100)));
        }
        assert_eq!(recorder.edge_counts(0).len(), 4);
        assert!(recorder.intervals().iter().all(|(.., values)| values.len() <= 100));
        assert!(recorder.channel(None).is_some_and(|all| all.response().distinct_values() < 30_000));
    }

    #[test]
    fn a_series_that_was_not_seen_has_no_distribution() {
        let series = summary::series(&recorded(&[answered(3.0, 1.0)]));
        assert_eq!(series[1].name, "GET /b");
        assert_eq!((series[1].count, &series[1].response_time), (0, &None));
        assert!(series[0].response_time.is_some());
    }
}
