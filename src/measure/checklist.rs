//! What a checklist says of a design: an answer to every question, with the numbers it rests on.
//!
//! Owns the shape of the record. Refuses to answer (`design` does) and to format. Filled by `design` and `command`, read by `report`.

use schemars::JsonSchema;
use serde::Serialize;

/// Version of the format of a checklist.
pub const VERSION: u32 = 1;

/// All answers.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChecklistRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// The service that is asked about.
    pub service: String,
    /// Path of the profile or document, as given; absent where only an endpoint was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// What the document was read as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_as: Option<String>,
    /// The stage that is driven.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The endpoint that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the gates were simulated with; absent where nothing was simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<SimulatedRecord>,
    /// How many answers there are of each kind.
    pub counts: CountsRecord,
    /// The answers, in the order of the areas.
    pub findings: Vec<FindingRecord>,
    /// Questions that do not arise here.
    pub not_applicable: Vec<NotApplicableRecord>,
    /// What was sent to the endpoint, and what came back.
    pub exchanges: Vec<ExchangeRecord>,
}

/// What was simulated.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SimulatedRecord {
    /// The seed of everything random.
    pub seed: u64,
    /// How often each variant was simulated.
    pub replications: u32,
    /// How much of each run is counted, in seconds.
    pub counted_s: f64,
    /// Requests of all variants together.
    pub requests: u64,
}

/// How many answers there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CountsRecord {
    /// Passes.
    pub pass: u32,
    /// Fails that nobody waived.
    pub fail: u32,
    /// What cannot be told from what was given, and nobody waived.
    pub unknown: u32,
    /// Fails and unknowns that were waived.
    pub waived: u32,
    /// Questions that do not arise.
    pub not_applicable: u32,
}

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answered {
    /// It is as it should be.
    Pass,
    /// It is not.
    Fail,
    /// What was given does not tell.
    Unknown,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FindingRecord {
    /// The question's name: `cors.credentials`.
    pub id: String,
    /// What it is about: `CORS`.
    pub area: String,
    /// The question.
    pub asks: String,
    /// The answer.
    pub answer: Answered,
    /// Whether the user said that this answer may stand.
    pub waived: bool,
    /// What was looked at.
    pub looked_at: String,
    /// Why the answer is this one.
    pub because: String,
    /// The numbers that it rests on.
    pub figures: Vec<FigureRecord>,
    /// Numbers beside each other, of what was simulated.
    pub tables: Vec<TableRecord>,
    /// What to do, of a fail; what would tell, of an unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// Where the rule is from, if it is the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A question that does not arise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotApplicableRecord {
    /// The question's name.
    pub id: String,
    /// Why it does not arise.
    pub because: String,
}

/// A number.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FigureRecord {
    /// What it is.
    pub what: String,
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: Measure,
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Nanoseconds.
    Ns,
    /// A share, 0 to 1; of a budget above 1 where it is overspent.
    Share,
    /// In each second.
    PerSecond,
    /// A number of things.
    Count,
    /// US dollars.
    Dollars,
    /// A text.
    Text,
}

/// Numbers beside each other.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TableRecord {
    /// What it shows.
    pub title: String,
    /// What the cells of a row are, in their order.
    pub columns: Vec<Column>,
    /// Rows.
    pub rows: Vec<RowRecord>,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RowRecord {
    /// What it is of.
    pub name: String,
    /// A cell for each column.
    pub cells: Vec<CellRecord>,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum CellRecord {
    /// A number, in the unit of its column.
    Number(f64),
    /// Words.
    Words(String),
    /// Nothing is known.
    Absent,
}

/// What a column of a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    /// Requests that were counted.
    Requests,
    /// Response time, median, in nanoseconds.
    P50,
    /// Response time, 95th percentile, in nanoseconds.
    P95,
    /// Response time, 99th percentile, in nanoseconds.
    P99,
    /// What the authorizer adds, median over all requests that were asked for it, in nanoseconds.
    AddedP50,
    /// The same, 95th percentile.
    AddedP95,
    /// The same, 99th percentile.
    AddedP99,
    /// How often a function was invoked to authorize.
    Invocations,
    /// Share of the requests with an identity for which an answer was kept.
    Hits,
    /// Share of the requests answered 401.
    Status401,
    /// Share of the requests answered 403.
    Status403,
    /// Share of the requests answered 500.
    Status500,
    /// Share of the requests answered 429.
    Throttled,
    /// Share of the admitted requests that failed: 5xx, or no answer.
    Errors,
    /// Share of the requests that the response cache answered.
    CacheHits,
    /// US dollars a month, at the prices of us-east-1.
    Month,
    /// From when in the run, in nanoseconds.
    From,
    /// How long, in nanoseconds.
    Lasts,
    /// Requests that failed.
    Failed,
    /// Share of the requests.
    Share,
    /// How many in the period.
    InPeriod,
    /// Share of the error budget of the period.
    OfBudget,
    /// After how long it is spent, in nanoseconds.
    Exhausted,
    /// The throttle, in words.
    Throttle,
    /// The response cache, in words.
    Cache,
    /// Names of stage variables.
    Variables,
    /// The canary, in words.
    Canary,
    /// Logs and metrics, in words.
    Logs,
}

/// A request to the endpoint, and what came back.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ExchangeRecord {
    /// What was sent, without secrets.
    pub sent: String,
    /// What came back.
    pub answered: String,
    /// How long that took, in nanoseconds.
    pub took_ns: u64,
}

/// Every question there is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChecksRecord {
    /// Version of this format.
    pub version: u32,
    /// Version of sluicegate.
    pub sluicegate: String,
    /// The service that is asked about.
    pub service: String,
    /// The questions, in the order of the areas.
    pub checks: Vec<CheckRecord>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CheckRecord {
    /// Its name.
    pub id: String,
    /// What it is about.
    pub area: String,
    /// The question.
    pub asks: String,
    /// What to do about a fail.
    pub cure: String,
    /// Where the rule is from, if it is the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Column {
    /// The unit of its cells.
    pub const fn measure(self) -> Measure {
        match self {
            Self::P50
            | Self::P95
            | Self::P99
            | Self::AddedP50
            | Self::AddedP95
            | Self::AddedP99
            | Self::From
            | Self::Lasts
            | Self::Exhausted => Measure::Ns,
            Self::Hits
            | Self::Status401
            | Self::Status403
            | Self::Status500
            | Self::Throttled
            | Self::Errors
            | Self::CacheHits
            | Self::Share
            | Self::OfBudget => Measure::Share,
            Self::Requests | Self::Invocations | Self::Failed | Self::InPeriod => Measure::Count,
            Self::Month => Measure::Dollars,
            Self::Throttle | Self::Cache | Self::Variables | Self::Canary | Self::Logs => Measure::Text,
        }
    }
}

impl CountsRecord {
    /// The counts of these.
    pub fn of(findings: &[FindingRecord], not_applicable: &[NotApplicableRecord]) -> Self {
        let mut counts = Self { not_applicable: not_applicable.len() as u32, ..Self::default() };
        for finding in findings {
            *match (finding.answer, finding.waived) {
                (Answered::Pass, _) => &mut counts.pass,
                (Answered::Fail, false) => &mut counts.fail,
                (Answered::Unknown, false) => &mut counts.unknown,
                (Answered::Fail | Answered::Unknown, true) => &mut counts.waived,
            } += 1;
        }
        counts
    }
}
