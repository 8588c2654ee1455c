//! What is asked of a design before production is: each question with its rule, its cure and its source.
//!
//! Owns the questions and how facts and simulated numbers answer them. Refuses to read documents, to simulate, to send and to format:
//! `command` does the first three and hands over what came of it, `report` shows the findings.
//!
//! The design, in eight lines:
//!
//! 1. A question has a name, an area and a cure; what is the provider's rule names its source.
//! 2. Pass and fail rest on something that was read, simulated or answered; whatever the document cannot tell is unknown, with what would tell.
//! 3. A question that does not arise (CORS of a WebSocket API) is no answer: it is listed apart, with the reason.
//! 4. Static checks read the proven model, and what stands around it in a template ([`Outside`]).
//! 5. Gates ([`gates`]) read numbers of simulated variants: one design, changed in one thing, under the same traffic and chances.
//! 6. Budgets are the profile's own ceilings; without one a gate shows its numbers and does not decide.
//! 7. Probes ([`probes`]) read what a live endpoint answered to a handful of requests.
//! 8. A user may waive a question by its name: it is answered all the same, and no longer counts.

#![allow(clippy::unnecessary_wraps, reason = "all judges have one type, whether or not their question always arises")]

pub mod facts;
pub mod gates;
pub mod probes;

mod alarms;
mod auth;
mod cors;
mod logs;
mod secrets;
mod stages;
mod throttle;
mod timeouts;
mod tls;

use crate::measure::checklist::{
    Answered, CheckRecord, CountsRecord, FigureRecord, FindingRecord, Measure, NotApplicableRecord, TableRecord,
};

pub use facts::{Alarm, Budget, Demand, DomainName, Facts, FunctionTimeout, Limited, LogGroup, Outside, Read};

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Area {
    /// Cross-origin sharing.
    Cors,
    /// Who may call.
    Auth,
    /// What is refused by rate.
    Throttle,
    /// Limits against the expected traffic.
    Quotas,
    /// What is logged.
    Logs,
    /// What wakes somebody.
    Alarms,
    /// What somebody looks at.
    Dashboards,
    /// What is encrypted on the way.
    Tls,
    /// What is kept of answers.
    Caching,
    /// How long is waited.
    Timeouts,
    /// What separates stages.
    Stages,
    /// What must not be read.
    Secrets,
    /// What the simulator decides.
    Gates,
    /// What a live endpoint answers.
    Live,
}

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name: `cors.credentials`.
    pub id: &'static str,
    /// What it is about.
    pub area: Area,
    /// The question.
    pub asks: &'static str,
    /// What to do about a fail.
    pub cure: &'static str,
    /// Where the rule is from, if it is the provider's.
    pub source: Option<&'static str>,
}

/// A question that is answered by what was read.
struct Static {
    check: Check,
    judge: fn(&Facts<'_>) -> Judged,
}

/// An answer, or why the question does not arise.
pub type Judged = Result<Judgement, String>;

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The answer.
    pub answer: Answered,
    /// What was looked at.
    pub looked_at: String,
    /// Why the answer is this one.
    pub because: String,
    /// The numbers that it rests on.
    pub figures: Vec<FigureRecord>,
    /// Numbers beside each other.
    pub tables: Vec<TableRecord>,
    /// What would tell, of an unknown.
    pub tells: Option<&'static str>,
}

/// What came of questions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// Those that arise.
    pub findings: Vec<FindingRecord>,
    /// Those that do not.
    pub not_applicable: Vec<NotApplicableRecord>,
}

/// The questions that are answered by what was read, area by area.
const STATIC: [&[Static]; 9] = [
    cors::CHECKS,
    auth::CHECKS,
    throttle::CHECKS,
    logs::CHECKS,
    alarms::CHECKS,
    tls::CHECKS,
    timeouts::CHECKS,
    stages::CHECKS,
    secrets::CHECKS,
];

/// Every question, in the order of the areas.
pub fn checks() -> Vec<Check> {
    let read = STATIC.into_iter().flatten().map(|one| one.check);
    let mut all: Vec<Check> = read.chain(gates::CHECKS).chain(probes::CHECKS).collect();
    all.sort_by_key(|check| check.area);
    all
}

/// Every question as a record.
pub fn records() -> Vec<CheckRecord> {
    let record = |check: Check| CheckRecord {
        id: check.id.to_owned(),
        area: check.area.as_str().to_owned(),
        asks: check.asks.to_owned(),
        cure: check.cure.to_owned(),
        source: check.source.map(str::to_owned),
    };
    checks().into_iter().map(record).collect()
}

/// What the facts say.
pub fn judged(facts: &Facts<'_>) -> Answers {
    let mut answers = Answers::default();
    for one in STATIC.into_iter().flatten() {
        answers.add(one.check, (one.judge)(facts));
    }
    answers
}

impl Answers {
    /// One more answer.
    pub fn add(&mut self, check: Check, judged: Judged) {
        let id = check.id.to_owned();
        match judged {
            Err(because) => self.not_applicable.push(NotApplicableRecord { id, because }),
            Ok(Judgement { answer, looked_at, because, figures, tables, tells }) => {
                let cure = match answer {
                    Answered::Pass => None,
                    Answered::Fail => Some(check.cure),
                    Answered::Unknown => Some(tells.unwrap_or(check.cure)),
                };
                self.findings.push(FindingRecord {
                    id,
                    area: check.area.as_str().to_owned(),
                    asks: check.asks.to_owned(),
                    answer,
                    waived: false,
                    looked_at,
                    because,
                    figures,
                    tables,
                    cure: cure.map(str::to_owned),
                    source: check.source.map(str::to_owned),
                });
            }
        }
    }

    /// In the order of the areas, and without counting what may stand.
    pub fn settle(&mut self, waived: &[String]) -> CountsRecord {
        let order: Vec<&str> = checks().iter().map(|check| check.id).collect();
        let at = |id: &str| order.iter().position(|known| *known == id);
        self.findings.sort_by_key(|finding| at(&finding.id));
        self.not_applicable.sort_by_key(|one| at(&one.id));
        for finding in &mut self.findings {
            finding.waived = waived.contains(&finding.id) && finding.answer != Answered::Pass;
        }
        CountsRecord::of(&self.findings, &self.not_applicable)
    }
}

impl Judgement {
    fn of(answer: Answered, looked_at: impl Into<String>, because: impl Into<String>) -> Self {
        let (looked_at, because) = (looked_at.into(), because.into());
        Self { answer, looked_at, because, figures: Vec::new(), tables: Vec::new(), tells: None }
    }

    fn pass(looked_at: impl Into<String>, because: impl Into<String>) -> Self {
        Self::of(Answered::Pass, looked_at, because)
    }

    fn fail(looked_at: impl Into<String>, because: impl Into<String>) -> Self {
        Self::of(Answered::Fail, looked_at, because)
    }

    /// `tells` says what would tell.
    fn unknown(looked_at: impl Into<String>, because: impl Into<String>, tells: &'static str) -> Self {
        Self { tells: Some(tells), ..Self::of(Answered::Unknown, looked_at, because) }
    }

    fn with(mut self, what: impl Into<String>, value: f64, unit: Measure) -> Self {
        self.figures.push(FigureRecord { what: what.into(), value, unit });
        self
    }

    fn with_table(mut self, table: TableRecord) -> Self {
        self.tables.push(table);
        self
    }
}

impl Area {
    /// As reports have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cors => "CORS",
            Self::Auth => "Authorization",
            Self::Throttle => "Throttling",
            Self::Quotas => "Quotas and limits",
            Self::Logs => "Logs",
            Self::Alarms => "Alarms",
            Self::Dashboards => "Dashboards",
            Self::Tls => "TLS",
            Self::Caching => "Caching",
            Self::Timeouts => "Time-outs",
            Self::Stages => "Stages",
            Self::Secrets => "Secrets",
            Self::Gates => "Gates, simulated",
            Self::Live => "Live endpoint",
        }
    }
}

/// Names that are shown of a list; the others are counted.
const SHOWN: usize = 5;

/// `GET /a, GET /b and 3 more`.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// `1 route`, `3 routes`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_one_name_and_says_what_it_asks_and_what_to_do() {
        let all = checks();
        let mut names: Vec<&str> = all.iter().map(|check| check.id).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for check in all {
            assert!(check.asks.ends_with('?') && !check.cure.is_empty(), "{}", check.id);
        }
    }

    #[test]
    fn a_waived_fail_stays_a_fail_and_does_not_count() {
        let mut answers = Answers::default();
        let check = |id| checks().into_iter().find(|check| check.id == id).unwrap();
        answers.add(check("logs.access"), Ok(Judgement::fail("a", "b")));
        answers.add(check("cors.credentials"), Ok(Judgement::unknown("a", "b", "c")));
        answers.add(check("auth.routes"), Ok(Judgement::pass("a", "b")));
        answers.add(check("tls.policy"), Err("none".to_owned()));
        let counts = answers.settle(&["logs.access".to_owned(), "auth.routes".to_owned()]);
        assert_eq!(counts, CountsRecord { pass: 1, fail: 0, unknown: 1, waived: 1, not_applicable: 1 });
        let shown: Vec<_> = answers.findings.iter().map(|it| (it.id.as_str(), it.answer, it.waived)).collect();
        assert_eq!(
            shown,
            [
                ("cors.credentials", Answered::Unknown, false),
                ("auth.routes", Answered::Pass, false),
                ("logs.access", Answered::Fail, true)
            ]
        );
        assert_eq!(answers.findings[0].cure.as_deref(), Some("c"));
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(listed(&["a", "b"]), "a, b");
        assert_eq!(listed(&["a", "b", "c", "d", "e", "f", "g"]), "a, b, c, d, e and 2 more");
    }
}
