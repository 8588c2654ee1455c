//! The record of a history: the kept runs below a folder, and how their routes went on from run to run.
//!
//! Owns the shape of what `history --format json` writes, versioned from 1; times are nanoseconds, shares 0 to 1, absent is no key. Refuses to
//! compute: `command` reads runs, `verdict::trend` says where something changed, `report` shows it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::{LoadModel, SeriesRecord, Unit};
use super::sample::Outcome;

/// Version of the format.
pub const VERSION: u32 = 1;

/// The kept runs below a folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// The folder, as given.
    pub folder: String,
    /// The runs that were asked for, newest last.
    pub runs: Vec<RunRow>,
    /// Runs that are not among them, by what was asked for.
    pub left_out: u64,
    /// Records that could not be read, and folders that could not be looked into.
    #[serde(default)]
    pub broken: Vec<BrokenRun>,
    /// Searches for a rate, whose steps are not listed.
    pub searches: u64,
    /// Folders that were not looked into: there are more, or they lie deeper, than is looked at.
    pub unvisited: u64,
    /// How routes went on from run to run, if that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trends: Vec<TrendRecord>,
}

/// A kept run in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRow {
    /// Its folder.
    pub folder: String,
    /// Wall clock at its start, RFC 3339.
    pub started_at: String,
    /// Its profile, as given.
    pub profile: String,
    /// The recorded log that was replayed, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Where its traffic went: a URL; for the bundled mock `mock`, for a simulation alone `model`.
    pub target: String,
    /// What `--drift` changed in its mock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// Whether its arrivals waited for answers.
    pub model: LoadModel,
    /// Planned length.
    pub duration_ns: u64,
    /// Actions that were intended, per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_per_s: Option<f64>,
    /// Actions after the warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Median response time of complete answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<u64>,
    /// Their 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ns: Option<u64>,
    /// Their 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
    /// Share of errors, as assumptions count them: answers of 5xx and failures of the network, among what was admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<f64>,
    /// Share of answers with 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<f64>,
    /// What it came to.
    pub answer: RunAnswer,
    /// The exit code that this means.
    pub exit_code: u8,
    /// The run that it was held against, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

/// What a run came to, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunAnswer {
    /// All that was claimed holds.
    Held,
    /// An assumption, or the baseline, is violated.
    Violated,
    /// Something could not be decided.
    Inconclusive,
    /// The generator missed its own script.
    Invalid,
    /// Nothing was claimed.
    NoVerdicts,
    /// A condition of the profile ended it.
    Aborted,
    /// A signal ended it.
    Interrupted,
    /// It failed by itself.
    Failed,
    /// It is still going on, or was killed.
    Unfinished,
}

/// A record that could not be read, or a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BrokenRun {
    /// Which.
    pub path: String,
    /// Why, and what would help.
    pub why: String,
}

/// Runs of one profile at one target and of one load, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrendRecord {
    /// The profile of the first, as given.
    pub profile: String,
    /// The log, if one was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Where the traffic went.
    pub target: String,
    /// Actions that the first intended, per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended_per_s: Option<f64>,
    /// Runs of the same profile and target that are not among the points: they are invalid or incomplete, or their seconds cannot be read.
    pub unusable: u64,
    /// Valid runs before the first point: only the newest are looked at.
    pub earlier: u64,
    /// The runs, oldest first.
    pub runs: Vec<TrendRun>,
    /// All together, and each route.
    pub series: Vec<TrendSeries>,
}

/// A run of a trend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrendRun {
    /// Its folder.
    pub folder: String,
    /// Wall clock at its start, RFC 3339.
    pub started_at: String,
    /// What it came to.
    pub answer: RunAnswer,
}

/// A route from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrendSeries {
    /// Its name; `all` for all together.
    pub name: String,
    /// What it was in each of the runs, in their order.
    pub points: Vec<TrendPoint>,
}

/// A route in one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrendPoint {
    /// Median of the response time, as assumptions have it: of what was admitted, failures being infinitely slow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<f64>,
    /// Its 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ns: Option<f64>,
    /// Share of errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<f64>,
    /// Share of answers with 429.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<f64>,
    /// What changed with this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<ChangeRecord>,
}

/// A change point: a quantity that is proven to lie outside the margin around what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeRecord {
    /// Which: `latency p50`, `errors`, ...
    pub metric: String,
    /// The unit of the numbers below.
    pub unit: Unit,
    /// What it was in the run that it is held against: the first since the last change.
    pub before: f64,
    /// What it is in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<f64>,
    /// The run that it is held against.
    pub reference: String,
    /// What the data prove, in words.
    pub because: String,
}

impl RunAnswer {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Violated => "violated",
            Self::Inconclusive => "inconclusive",
            Self::Invalid => "invalid",
            Self::NoVerdicts => "no verdicts",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Shares of errors and of 429 among the actions of a series, by the rules of `edges`; `None` of nothing.
pub fn shares(series: &SeriesRecord) -> (Option<f64>, Option<f64>) {
    let (mut answered, mut throttled, mut admitted, mut errors) = (0_u64, 0_u64, 0_u64, 0_u64);
    for ending in &series.outcomes {
        // The numbers may come from a file: no sum is too high.
        let add = |sum: &mut u64| *sum = sum.saturating_add(ending.count);
        if ending.outcome == Outcome::Answered.as_str() {
            add(&mut answered);
            match ending.status {
                Some(429) => add(&mut throttled),
                status => {
                    add(&mut admitted);
                    if status.is_some_and(|status| status >= 500) {
                        add(&mut errors);
                    }
                }
            }
        } else if ending.blame == "network" {
            add(&mut admitted);
            add(&mut errors);
        }
    }
    let share = |events: u64, trials: u64| (trials > 0).then(|| events as f64 / trials as f64);
    (share(errors, admitted), share(throttled, answered))
}

#[cfg(test)]
mod tests {
    use super::super::record::OutcomeRecord;
    use super::*;

    #[test]
    fn errors_and_throttled_are_counted_as_assumptions_count_them() {
        let ended = |outcome: &str, status, blame: &str, count| OutcomeRecord {
            outcome: outcome.to_owned(),
            status,
            blame: blame.to_owned(),
            kind: None,
            count,
        };
        let outcomes = vec![
            ended("answered", Some(200), "nobody", 80),
            ended("answered", Some(404), "client", 5),
            ended("answered", Some(429), "gateway", 20),
            ended("answered", Some(502), "integration", 10),
            ended("reset", None, "network", 5),
            ended("dropped", None, "generator", 1_000),
        ];
        let series = SeriesRecord { outcomes, ..SeriesRecord::default() };
        // 15 of 100 admitted; 20 of 115 answered.
        assert_eq!(shares(&series), (Some(0.15), Some(20.0 / 115.0)));
        assert_eq!(shares(&SeriesRecord::default()), (None, None));
    }
}
