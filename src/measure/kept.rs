//! The seconds of a kept run, read back from its interval log: what happened in each, to any assumption's question.
//!
//! Owns reading the log, and counting events and trials by second at any threshold, by the rules of `edges`. A time is known as exactly as
//! its bucket (within 0.1 %, [`bucket_width`]): the method allows a tenth of a margin. Refuses files and verdicts. Called by
//! `command` for comparisons.

use std::time::Duration;

use base64::Engine as _;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry, LogIteratorError};
use sluicegate_policy::time::Span;

use super::assumption::Event;
use super::channel::growing;
use super::edges::{SECONDS_MAX, Wait};
use super::fate::{Fate, Slot};
use super::interval_log::{FATES, slugs};
use super::intervals::{Intervals, bucket_ends};
use crate::traffic::SeriesId;

/// What a run has kept of its seconds.
#[derive(Clone, Debug)]
pub struct KeptSeconds {
    seconds: Intervals,
    tells_fates: bool,
}

/// Why bytes are no interval log of a run.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A line is not one of a log.
    #[error("line {line} is no line of an interval log; was it cut off when it was written or copied?")]
    Line {
        /// Which, from one.
        line: usize,
    },
    /// A line's histogram cannot be read.
    #[error("the histogram of second {second} under the tag `{tag}` cannot be read ({why}); was it cut off or edited?")]
    Histogram {
        /// Second of the run.
        second: u64,
        /// The tag.
        tag: String,
        /// What the decoder says.
        why: String,
    },
    /// A tag is none of the run's series.
    #[error("the tag `{tag}` is none of the run's series; is it the log of another run?")]
    Tag {
        /// The tag.
        tag: String,
    },
}

impl KeptSeconds {
    /// Reads the log of a run that has these series.
    pub fn read(log: &[u8], series: &[String]) -> Result<Self, LogError> {
        let tags = slugs(series);
        let mut seconds = Intervals::default();
        let mut decoder = Deserializer::new();
        for entry in IntervalLogIterator::new(log) {
            let entry = entry.map_err(|LogIteratorError::ParseError { offset }| {
                let before = log.get(..offset).unwrap_or(log);
                // The pieces between line ends are one more than these.
                LogError::Line { line: before.split(|byte| *byte == b'\n').count() }
            })?;
            let LogEntry::Interval(line) = entry else { continue };
            let tag = line.tag().map(|tag| tag.as_str().to_owned()).unwrap_or_default();
            let second = line.start_timestamp();
            let unreadable = |why: String| LogError::Histogram { second: second.as_secs(), tag: tag.clone(), why };
            if second >= Duration::from_secs(SECONDS_MAX) {
                return Err(unreadable("no run has this second".to_owned()));
            }
            let slot = slot_of(&tag, &tags).ok_or_else(|| LogError::Tag { tag: tag.clone() })?;
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(line.encoded_histogram())
                .map_err(|error| unreadable(error.to_string()))?;
            let histogram: Histogram<u64> =
                decoder.deserialize(&mut bytes.as_slice()).map_err(|error| unreadable(error.to_string()))?;
            let values = histogram.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value()));
            seconds.add_values(second.as_secs() as u32, slot, values);
        }
        let head = FATES.as_bytes();
        Ok(Self { seconds, tells_fates: log.split(|byte| *byte == b'\n').take(8).any(|line| line == head) })
    }

    /// What a recorder has seen of each second.
    pub const fn of(seconds: Intervals) -> Self {
        Self { seconds, tells_fates: true }
    }

    /// Whether it tells what became of the actions; an earlier version kept the times of answers alone, whatever their status.
    pub const fn tells_fates(&self) -> bool {
        self.tells_fates
    }

    /// Events and trials of each second from zero on, of a series or of all; those before `from` hold nothing.
    pub fn rows(&self, series: Option<SeriesId>, event: Event, from: u32) -> Vec<(u32, u32)> {
        let mut rows = Vec::new();
        for (second, fate, values) in self.slots(series, from) {
            let (events, trials) = counted(fate, event, &values);
            if rows.len() <= second as usize {
                rows.resize(second as usize + 1, (0_u32, 0_u32));
            }
            let row = &mut rows[second as usize];
            *row = (row.0.saturating_add(events), row.1.saturating_add(trials));
        }
        rows
    }

    /// From the intended instant, of those that were admitted and did not fail, from second `from` on.
    pub fn admitted(&self, series: Option<SeriesId>, from: u32) -> Histogram<u64> {
        let mut all = growing();
        for (.., values) in self.slots(series, from).filter(|(_, fate, _)| fate.wait() == Wait::Known) {
            add(&mut all, &values);
        }
        all
    }

    /// The admitted times of each second that has some, in order: second, and values with their counts in rising order.
    pub fn admitted_by_second(&self, series: Option<SeriesId>, from: u32) -> impl Iterator<Item = (u32, Vec<(u64, u32)>)> {
        self.slots(series, from).filter(|(_, fate, _)| fate.wait() == Wait::Known).map(|(second, _, values)| (second, values))
    }

    /// From the intended instant, of complete answers of any status, from second `from` on: what a record calls the response time.
    pub fn answered(&self, series: Option<SeriesId>, from: u32) -> Histogram<u64> {
        let mut all = growing();
        for (.., values) in self.slots(series, from).filter(|(_, fate, _)| fate.is_answered()) {
            add(&mut all, &values);
        }
        all
    }

    /// The same for each second in which something was answered, in order.
    pub fn answered_by_second(&self, series: Option<SeriesId>) -> impl Iterator<Item = (u32, Histogram<u64>)> {
        let mut rest = self.slots(series, 0).filter(|(_, fate, _)| fate.is_answered()).peekable();
        std::iter::from_fn(move || {
            let (second, _, values) = rest.next()?;
            let mut all = growing();
            add(&mut all, &values);
            while let Some((.., values)) = rest.next_if(|(other, ..)| *other == second) {
                add(&mut all, &values);
            }
            Some((second, all))
        })
    }

    /// The same second by second with the series they are of: values with their counts in rising order.
    pub fn answered_times(&self, from: u32) -> impl Iterator<Item = (SeriesId, Vec<(u64, u32)>)> {
        let wanted = move |second, slot: Slot| second >= from && slot.fate.is_answered();
        self.seconds.iter_of(wanted).map(|(_, slot, values)| (slot.series, values))
    }

    /// Mean of the natural logarithm of the response time of all answers in one second; `None` if nothing was answered in it.
    pub fn mean_log(&self, second: u32) -> Option<f64> {
        self.seconds.mean_log(second)
    }

    /// Actions of a series or of all, however they ended, from second `from` on.
    pub fn actions(&self, series: Option<SeriesId>, from: u32) -> u64 {
        self.slots(series, from).map(|(.., values)| sum(&values)).sum()
    }

    fn slots(&self, series: Option<SeriesId>, from: u32) -> impl Iterator<Item = (u32, Fate, Vec<(u64, u32)>)> {
        let wanted = move |second, slot: Slot| second >= from && series.is_none_or(|series| series == slot.series);
        self.seconds.iter_of(wanted).map(|(second, slot, values)| (second, slot.fate, values))
    }
}

/// How wide the bucket is in which a time was counted, in nanoseconds.
pub fn bucket_width(time: Span) -> Span {
    let (first, last) = bucket_ends(time.as_ns());
    Span::from_ns(last - first + 1)
}

fn slot_of(tag: &str, tags: &[String]) -> Option<Slot> {
    let (of, fate) = match tag.find('.') {
        None => (tag, Fate::default()),
        Some(at) => (&tag[..at], Fate::all().find(|fate| fate.tag() == tag[at..])?),
    };
    let series = tags.iter().position(|known| known == of)?;
    Some(Slot { series: SeriesId(u16::try_from(series).ok()?), fate })
}

/// Events and trials among the actions of one fate.
fn counted(fate: Fate, event: Event, values: &[(u64, u32)]) -> (u32, u32) {
    let bounded = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let all = bounded(sum(values));
    let Event::SlowerThan(limit) = event else {
        return fate.event(event).map_or((0, 0), |event| (if event { all } else { 0 }, all));
    };
    let slower = || bounded(values.iter().filter(|(ns, _)| *ns > limit.as_ns()).map(|(_, count)| u64::from(*count)).sum());
    match fate.wait() {
        Wait::Known => (slower(), all),
        Wait::Endless => (all, all),
        Wait::CutOff => (slower(), slower()),
        Wait::TurnedAway => (0, 0),
    }
}

fn add(all: &mut Histogram<u64>, values: &[(u64, u32)]) {
    for (ns, count) in values {
        all.record_n(*ns, u64::from(*count)).expect("a bucket's value fits into a histogram that grows");
    }
}

fn sum(values: &[(u64, u32)]) -> u64 {
    values.iter().map(|(_, count)| u64::from(*count)).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::super::assumption::{Edge, Party, Ratio};
    use super::super::interval_log::IntervalLog;
    use super::super::recorder::{Detail, Layout};
    use super::super::scripted::{answered, failed};
    use super::super::{Outcome, Record, Recorder, Sample};
    use super::*;

    const WARMUP: u32 = 2;

    fn names() -> Vec<String> {
        ["GET /a", "GET /b"].map(str::to_owned).to_vec()
    }

    fn questions() -> Vec<Edge> {
        let events = [Event::SlowerThan(Span::from_ms(40)), Event::SlowerThan(Span::from_ms(600))].into_iter();
        let ratios = [Ratio::Throttled, Ratio::Errors].into_iter().chain(Party::ALL.map(Ratio::ErrorsOf)).map(Event::Ratio);
        let events = events.chain(ratios).chain(Party::ALL.map(Event::PerhapsOf));
        events.flat_map(|event| [None, Some(SeriesId(1))].map(|series| Edge { series, event })).collect()
    }

    fn log_of(recorder: &Recorder) -> Vec<u8> {
        let mut log = IntervalLog::new(Vec::new(), &names(), SystemTime::UNIX_EPOCH).expect("memory");
        log.write(recorder.intervals()).expect("memory");
        log.into_inner()
    }

    fn recorded(samples: &[Sample]) -> Recorder {
        let layout = Layout {
            series: names(),
            warmup: Span::from_secs(u64::from(WARMUP)),
            duration: Span::from_secs(10),
            edges: questions(),
            detail: Detail::Seconds,
        };
        let mut recorder = Recorder::new(Arc::new(layout));
        for sample in samples {
            recorder.on_sample(sample);
        }
        recorder
    }

    prop_compose! {
        /// No time is as near to a threshold as a bucket is wide.
        fn any_sample()(second in 0.0_f64..10.0, ms in 1_u32..100, series in 0_u16..2, status in 0_usize..4, outcome in 0_usize..Outcome::ALL.len()) -> Sample {
            let ms = f64::from(ms) * 20.0 + 5.0;
            let outcome = Outcome::ALL[outcome];
            let sample = if outcome == Outcome::Answered {
                answered(second, ms).status([200, 404, 429, 503][status])
            } else {
                Sample { done: answered(second, ms).done, ..failed(second, outcome) }
            };
            sample.of_series(series)
        }
    }

    proptest! {
        #[test]
        fn a_kept_run_answers_every_question_as_it_was_answered_when_it_was_asked_before(
            samples in proptest::collection::vec(any_sample(), 0..120),
        ) {
            let recorder = recorded(&samples);
            let kept = KeptSeconds::read(&log_of(&recorder), &names()).expect("a log");
            prop_assert!(kept.tells_fates());
            let filled = |mut rows: Vec<(u32, u32)>| { rows.resize(12, (0, 0)); rows };
            for (index, edge) in questions().iter().enumerate() {
                let then = filled(recorder.edge_counts(index).to_vec());
                prop_assert_eq!(filled(kept.rows(edge.series, edge.event, WARMUP)), then, "{:?}", edge);
            }
            for series in [None, Some(SeriesId(0))] {
                let (mine, theirs) = (kept.admitted(series, WARMUP), recorder.channel(series));
                prop_assert_eq!(mine.len(), theirs.as_ref().map_or(0, |theirs| theirs.admitted().len()));
                prop_assert_eq!(kept.actions(series, WARMUP), theirs.as_ref().map_or(0, |theirs| theirs.count()));
                let answered = theirs.as_ref().map(|theirs| theirs.response()).filter(|times| !times.is_empty());
                prop_assert_eq!(Some(kept.answered(series, WARMUP)).filter(|times| !times.is_empty()), answered);
                let mut all = growing();
                kept.answered_by_second(series).for_each(|(_, of_second)| all.add(of_second).expect("it grows"));
                prop_assert_eq!(all, kept.answered(series, 0));
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0.0..1.0_f64) {
            drop(KeptSeconds::read(&bytes, &names()));
            let log = log_of(&recorded(&[answered(3.0, 5.0), answered(4.0, 7.0).status(503)]));
            drop(KeptSeconds::read(&log[..(log.len() as f64 * cut) as usize], &names()));
        }
    }

    #[test]
    fn a_bucket_is_narrower_than_a_thousandth() {
        for ms in [1, 24, 300, 5_000] {
            let time = Span::from_ms(ms);
            assert!(bucket_width(time).as_ns() * 1_000 <= time.as_ns(), "{ms} ms: {}", bucket_width(time));
        }
    }

    #[test]
    fn a_log_of_an_earlier_version_says_that_it_knows_no_fates() {
        let log = log_of(&recorded(&[answered(3.0, 5.0)]));
        let text = String::from_utf8(log).expect("text").replace(FATES, "#[Something else]");
        let kept = KeptSeconds::read(text.as_bytes(), &names()).expect("a log");
        assert!(!kept.tells_fates());
        assert_eq!(kept.rows(None, Event::SlowerThan(Span::from_ms(1)), 0)[3], (1, 1));
    }

    #[test]
    fn what_is_wrong_with_a_log_is_said_with_its_place() {
        let log = String::from_utf8(log_of(&recorded(&[answered(3.0, 5.0)]))).expect("text");
        let said = |text: &str| KeptSeconds::read(text.as_bytes(), &names()).expect_err("it is broken").to_string();
        assert!(said(&log.replace("Tag=get-a,", "Tag=get-x,")).contains("`get-x` is none of the run's series"));
        assert!(said(&log.replace("Tag=get-a,", "Tag=get-a.odd,")).contains("`get-a.odd` is none"));
        assert!(said(&log.replace(",HISTF", ",HISTX")).contains("second 3 under the tag `get-a`"));
        assert!(said(&(log + "nonsense\n")).contains("is no line of an interval log"));
    }
}
