//! The lines of a journal as JSON: values to text, and text that somebody may have changed to values.
//!
//! Owns the keys, which are short for what stands in each line, and that a line is read whole or not at all. Refuses to add lines up. Called by
//! [`super`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use sluicegate_policy::call::ErrorKind;

use super::PackedTimes;
use crate::measure::Outcome;
use crate::measure::attempts::Tries;
use crate::measure::channel::{Ending, growing};
use crate::measure::counts::{Load, SecondCounts};
use crate::measure::edges::SECONDS_MAX;
use crate::measure::fate::{Fate, Slot};
use crate::measure::intervals::Intervals;
use crate::measure::piece::{Endings, Standing};
use crate::measure::record::ConnectionsRecord;
use crate::measure::recorder::Uncounted;
use crate::traffic::SeriesId;

/// A higher count is none: so much no lane counts in a week, and all lanes together can be added up.
const COUNT_MAX: u64 = 1 << 40;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) journal: u32,
    pub(super) series: Vec<String>,
}

/// A piece.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    lane: u16,
    /// Second, intended, retries, answered, throttled, errors.
    seconds: Vec<[u32; 6]>,
    load: Load,
    first: Tries,
    again: Tries,
    #[serde(default)]
    uncounted: Uncounted,
    own_lag: String,
    series: Vec<Series>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connections: Option<Box<ConnectionsRecord>>,
    /// Second, series, fate, values.
    times: Vec<(u32, u16, u8, String)>,
}

/// How the actions of a series ended.
#[derive(Serialize, Deserialize)]
struct Series {
    /// Absent for those that have no room of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u16>,
    #[serde(default)]
    saturated: u64,
    /// Outcome, status, kind of error (empty if it is none), count.
    ended: Vec<(String, u16, String, u64)>,
}

/// A piece that was read.
pub(super) struct Read {
    pub(super) standing: Standing,
    pub(super) times: Vec<PackedTimes>,
    /// Own lag since the lane's line before: values and their counts.
    pub(super) own_lag: Vec<(u64, u32)>,
}

impl Head {
    pub(super) fn written(&self) -> Vec<u8> {
        written(self)
    }

    pub(super) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

impl Line {
    pub(super) fn of<'a>(
        standing: &Standing,
        times: &[PackedTimes],
        own_lag: &[u8],
        changed: impl Iterator<Item = &'a Endings>,
    ) -> Self {
        let second = |(second, counts): &(u32, SecondCounts)| {
            let SecondCounts { intended, retries, answered, throttled, errors } = *counts;
            [*second, intended, retries, answered, throttled, errors]
        };
        let time = |(second, slot, packed): &PackedTimes| (*second, slot.series.0, slot.fate.code(), BASE64.encode(packed));
        Self {
            lane: standing.lane,
            seconds: standing.seconds.iter().map(second).collect(),
            load: standing.load,
            first: standing.first,
            again: standing.again,
            uncounted: standing.uncounted,
            own_lag: BASE64.encode(own_lag),
            series: changed.map(Series::of).collect(),
            connections: standing.connections.clone(),
            times: times.iter().map(time).collect(),
        }
    }

    pub(super) fn written(&self) -> Vec<u8> {
        written(self)
    }

    /// The piece of a line; `None` if any of it is none.
    pub(super) fn read(line: &[u8]) -> Option<Read> {
        let line: Self = serde_json::from_slice(line).ok()?;
        let in_a_run = |second: u32| u64::from(second) < SECONDS_MAX;
        let time = |(second, series, fate, values): &(u32, u16, u8, String)| {
            let slot = Slot { series: SeriesId(*series), fate: Fate::of_code(*fate)? };
            in_a_run(*second).then_some((*second, slot, packed(values)?))
        };
        let second = |row: &[u32; 6]| {
            let [second, intended, retries, answered, throttled, errors] = *row;
            in_a_run(second).then_some((second, SecondCounts { intended, retries, answered, throttled, errors }))
        };
        let mut lag = Intervals::default();
        lag.add_packed(0, Slot::default(), &packed(&line.own_lag)?);
        let standing = Standing {
            lane: line.lane,
            seconds: line.seconds.iter().map(second).collect::<Option<_>>()?,
            load: line.load,
            first: line.first,
            again: line.again,
            uncounted: line.uncounted,
            own_lag: growing(),
            series: line.series.iter().map(Series::read).collect::<Option<_>>()?,
            connections: line.connections.clone(),
        };
        let times = line.times.iter().map(time).collect::<Option<_>>()?;
        standing_is_possible(&standing).then_some(())?;
        Some(Read { standing, times, own_lag: lag.iter().flat_map(|(.., values)| values).collect() })
    }
}

impl Series {
    fn of(endings: &Endings) -> Self {
        let ended = |(ending, count): &(Ending, u64)| {
            let kind = ending.kind.map_or("", ErrorKind::as_str);
            (ending.outcome.as_str().to_owned(), ending.status, kind.to_owned(), *count)
        };
        Self {
            id: endings.series.map(|series| series.0),
            saturated: endings.saturated,
            ended: endings.ended.iter().map(ended).collect(),
        }
    }

    fn read(&self) -> Option<Endings> {
        let ended = |(outcome, status, kind, count): &(String, u16, String, u64)| {
            let outcome = Outcome::ALL.into_iter().find(|known| known.as_str() == outcome)?;
            let kind = if kind.is_empty() { None } else { Some(ErrorKind::named(kind)?) };
            Some((Ending { outcome, status: *status, kind }, *count))
        };
        let ended = self.ended.iter().map(ended).collect::<Option<_>>()?;
        Some(Endings { series: self.id.map(SeriesId), saturated: self.saturated, ended })
    }
}

fn standing_is_possible(standing: &Standing) -> bool {
    let Standing { lane: _, seconds: _, load, first, again, uncounted, own_lag: _, series, connections: _ } = standing;
    let Load { intended, sent, dropped, shed, abandoned, unnoticed, unsendable, no_sockets } = load;
    let load = [intended, sent, dropped, shed, abandoned, unnoticed, unsendable, no_sockets];
    let tries = [first, again].into_iter().flat_map(|tries| [&tries.begun, &tries.sent, &tries.answered, &tries.throttled]);
    let Uncounted { beyond_seconds, beyond_series, beyond_intervals } = uncounted;
    let series = series.iter().flat_map(|endings| endings.ended.iter().map(|(_, count)| count).chain([&endings.saturated]));
    let all = load.into_iter().chain(tries).chain([beyond_seconds, beyond_series, beyond_intervals]).chain(series);
    all.into_iter().all(|count| *count <= COUNT_MAX)
}

fn packed(text: &str) -> Option<Box<[u8]>> {
    let bytes = BASE64.decode(text).ok()?;
    Intervals::is_packed(&bytes).then(|| bytes.into_boxed_slice())
}

fn written(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("numbers and words are JSON");
    bytes.push(b'\n');
    bytes
}
