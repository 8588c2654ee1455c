//! A comparison: its answer, whether it can be believed, and the numbers behind it; as text, as JSON, and as an exit code.
//!
//! Owns what is shown of a [`ComparisonRecord`]. Refuses to judge and to read runs. Called by `command` for `compare`.

use schemars::{Schema, schema_for};

use crate::measure::comparison::{ComparedRun, ComparedWith, ComparisonRecord, DistanceRecord, Family};
use crate::measure::record::{Answer, Doubt, LoadModel, Weight};

use super::json::{WriteError, pretty};
use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{count, counted, duration_ns, range, rate, share};
use super::text::answer;
use crate::measure::record::Unit;

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// What must be so before anything is judged is not.
    NotComparable,
    /// So many claims are violated.
    Violated(usize),
    /// So many claims could not be decided.
    Inconclusive(usize),
    /// Nothing was claimed.
    NothingClaimed,
    /// Every claim holds; so many.
    Holds(usize),
}

impl Comparison {
    /// What `record` comes to.
    pub fn of(record: &ComparisonRecord) -> Self {
        let with = |answer: Answer| record.verdicts.iter().filter(|verdict| verdict.answer == answer).count();
        match () {
            () if record.doubts.iter().any(|doubt| doubt.weight == Weight::Invalid) => Self::NotComparable,
            () if with(Answer::Violated) > 0 => Self::Violated(with(Answer::Violated)),
            () if with(Answer::Inconclusive) > 0 => Self::Inconclusive(with(Answer::Inconclusive)),
            () if record.verdicts.is_empty() => Self::NothingClaimed,
            () => Self::Holds(record.verdicts.len()),
        }
    }

    /// The exit code it means.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::NotComparable | Self::Inconclusive(_) => 4,
            Self::Violated(_) => 3,
            Self::NothingClaimed | Self::Holds(_) => 0,
        }
    }

    pub(super) const fn tone(self) -> Tone {
        match self {
            Self::Violated(_) => Tone::Bad,
            Self::NotComparable | Self::Inconclusive(_) => Tone::Unsure,
            Self::NothingClaimed => Tone::Plain,
            Self::Holds(_) => Tone::Good,
        }
    }

    pub(super) fn sentence(self, record: &ComparisonRecord) -> String {
        let claims = record.verdicts.len();
        let of_all = |n: usize| format!("{n} of {}", counted(claims as u64, "claim"));
        match self {
            Self::NotComparable => match record.against {
                ComparedWith::Run => "NOT COMPARABLE: nothing is judged by these runs".to_owned(),
                ComparedWith::OwnModel | ComparedWith::Model => "NOT JUDGED: no verdict stands on this run".to_owned(),
            },
            Self::Violated(n) => match record.against {
                ComparedWith::Run => format!("VIOLATED: {} no longer within the margin", are(n, &of_all(n))),
                ComparedWith::OwnModel | ComparedWith::Model => format!("VIOLATED: {} not so", are(n, &of_all(n))),
            },
            Self::Inconclusive(n) => format!("INCONCLUSIVE: {} could not be decided", of_all(n)),
            Self::NothingClaimed => {
                "NOTHING CLAIMED: the profile expects nothing; name a second run or a profile, or claim something with --expect"
                    .to_owned()
            }
            Self::Holds(1) => "HOLDS: the one claim holds".to_owned(),
            Self::Holds(n) => format!("HOLDS: all {n} claims hold"),
        }
    }
}

fn are(n: usize, which: &str) -> String {
    format!("{which} {}", if n == 1 { "is" } else { "are" })
}

/// The comparison as bytes of JSON; the same record gives the same bytes.
pub fn json(record: &ComparisonRecord) -> Result<Vec<u8>, WriteError> {
    pretty(record)
}

/// JSON Schema (draft 2020-12) of it.
pub fn schema() -> Schema {
    schema_for!(ComparisonRecord)
}

/// The comparison as text.
pub fn text(record: &ComparisonRecord, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("sluicegate {}: {}", record.sluicegate, title(record)));
    for (label, run) in runs(record) {
        page.entry(label, &described(run));
    }
    if let Some(model) = &record.model {
        page.entry("model", &format!("{model}, simulated under the run's traffic, client and ceilings"));
    }
    page.entry("claims", family(record.family));
    let conclusion = Comparison::of(record);
    page.heading("Answer");
    page.marked(conclusion.tone(), "", &conclusion.sentence(record));
    let is_judged = conclusion != Comparison::NotComparable;
    let (predicted, observed) = match record.against {
        ComparedWith::Run => ("before", "after"),
        ComparedWith::OwnModel | ComparedWith::Model => ("predicted", "observed"),
    };
    answer::verdicts(&mut page, &record.verdicts, (predicted, observed), is_judged);
    if is_judged {
        for verdict in record.verdicts.iter().filter(|verdict| verdict.answer != Answer::Holds) {
            answer::reason(&mut page, verdict);
        }
    }
    believed(&mut page, record);
    distances(&mut page, record);
    page.heading("Result");
    page.marked(conclusion.tone(), "", &format!("{} (exit code {})", conclusion.sentence(record), conclusion.exit_code()));
    page.into_text()
}

fn title(record: &ComparisonRecord) -> &'static str {
    match record.against {
        ComparedWith::OwnModel => "a run and what its own model predicted",
        ComparedWith::Model => "a run and what a model predicts for its script",
        ComparedWith::Run => "a run and an earlier one",
    }
}

fn runs(record: &ComparisonRecord) -> impl Iterator<Item = (&'static str, &ComparedRun)> {
    let before = record.before.iter().map(|run| ("before", run));
    let label = if record.before.is_some() { "after" } else { "run" };
    before.chain([(label, &record.after)])
}

fn described(run: &ComparedRun) -> String {
    let model = match run.model {
        LoadModel::Open => "open model",
        LoadModel::Closed => "closed model",
    };
    let intended = run.intended_per_s.map(|per_s| format!(" at {}", rate(per_s))).unwrap_or_default();
    let drift = if run.drift.is_empty() { String::new() } else { format!(", drift: {}", run.drift.join("; ")) };
    format!(
        "{} ({} at {}, {}, {model}{intended}: {} in {} s after the warm-up{drift})",
        run.path,
        run.profile,
        run.target,
        run.started_at,
        counted(run.actions, "request"),
        count(run.seconds)
    )
}

const fn family(family: Family) -> &'static str {
    match family {
        Family::Run => "what the run's profile expects",
        Family::Model => "what the model's profile expects",
        Family::Asked => "what --expect says",
        Family::Default => "none in a profile: p50 and p95 of the latency, errors and throttled, with the default margins",
    }
}

fn believed(page: &mut Page, record: &ComparisonRecord) {
    page.heading("Can it be believed?");
    if record.doubts.is_empty() {
        page.marked(Tone::Good, "", "Nothing was seen that speaks against it.");
    }
    doubted(page, record);
}

/// The comparison with the baseline in the report of the run that was held against it; nothing of it counts where nothing of the run is judged.
pub(super) fn baseline(page: &mut Page, record: &ComparisonRecord, is_judged: bool) {
    page.heading("Baseline");
    if let Some(run) = &record.before {
        page.entry("held against", &described(run));
    }
    page.entry("claims", baseline_family(record.family));
    let comparison = Comparison::of(record);
    page.marked(comparison.tone(), "", &comparison.sentence(record));
    let is_judged = is_judged && comparison != Comparison::NotComparable;
    answer::verdicts(page, &record.verdicts, ("before", "now"), is_judged);
    if is_judged {
        for verdict in record.verdicts.iter().filter(|verdict| verdict.answer != Answer::Holds) {
            answer::reason(page, verdict);
        }
    }
    doubted(page, record);
}

const fn baseline_family(family: Family) -> &'static str {
    match family {
        Family::Run => "what the baseline's profile expects, around what the baseline was",
        Family::Model | Family::Asked | Family::Default => self::family(family),
    }
}

fn doubted(page: &mut Page, record: &ComparisonRecord) {
    let mut doubts: Vec<&Doubt> = record.doubts.iter().collect();
    doubts.sort_by_key(|doubt| std::cmp::Reverse(doubt.weight));
    for doubt in doubts {
        let (tone, word) = match doubt.weight {
            Weight::Invalid => (Tone::Bad, "NO VERDICT"),
            Weight::Note => (Tone::Strong, "note"),
        };
        page.marked(tone, word, &format!("{}: {}", doubt.kind, doubt.what));
        page.paragraph(6, Tone::Plain, &format!("What to change: {}", doubt.advice));
    }
}

fn distances(page: &mut Page, record: &ComparisonRecord) {
    if record.distances.is_empty() {
        return;
    }
    page.heading("Distance of the latencies (a description: nothing is judged by it)");
    let mut table = Table::new(vec!["<series", "W1 / median", "90 % interval", "own noise", "<part most at", "before", "after"]);
    for distance in &record.distances {
        let DistanceRecord { series, w1_over_median, interval, own_noise, parts_at_ns, share_before, share_after } = distance;
        table.row(vec![
            Cell::from(series),
            Cell::from(share(*w1_over_median)),
            Cell::from(range(Unit::Share, *interval)),
            Cell::from(own_noise.map_or_else(|| super::quantity::ABSENT.to_owned(), share)),
            Cell::from(duration_ns(*parts_at_ns)),
            Cell::from(share(*share_before)),
            Cell::from(share(*share_after)),
        ]);
    }
    page.table(&table);
    page.paragraph(
        2,
        Tone::Faint,
        "How far an answer had to be moved in the mean to make one distribution the other; own noise: the same between the two halves of \
         what the run is held against. Behind it the time up to which the shares of answers differ most.",
    );
}

#[cfg(test)]
mod tests {
    use super::super::{Paint, sample};
    use super::*;

    fn run(path: &str) -> ComparedRun {
        ComparedRun {
            path: path.to_owned(),
            profile: "profiles/quickstart.yaml".to_owned(),
            target: "mock".to_owned(),
            started_at: "2026-11-22T17:59:31Z".to_owned(),
            script_hash: "0123456789abcdef0123456789abcdef".to_owned(),
            drift: Vec::new(),
            model: LoadModel::Open,
            intended_per_s: Some(200.0),
            seconds: 18,
            actions: 3_600,
            admitted: Vec::new(),
        }
    }

    fn violated() -> ComparisonRecord {
        let mut after = run("runs/after");
        after.drift.push("functions.orders.duration * 1.5".to_owned());
        ComparisonRecord {
            version: 1,
            sluicegate: "0.1.0".to_owned(),
            against: ComparedWith::Run,
            model: None,
            before: Some(run("runs/before")),
            after,
            family: Family::Run,
            doubts: vec![Doubt {
                weight: Weight::Note,
                kind: "other-schedule".to_owned(),
                what: "the two runs had different schedules of one process".to_owned(),
                advice: "use the same seed".to_owned(),
            }],
            verdicts: sample::violated().verdicts,
            distances: vec![DistanceRecord {
                series: "all".to_owned(),
                w1_over_median: 0.52,
                interval: Some((0.49, 0.55)),
                own_noise: Some(0.011),
                parts_at_ns: 31_200_000,
                share_before: 0.71,
                share_after: 0.29,
            }],
        }
    }

    #[test]
    fn two_runs_beside_each_other() {
        insta::assert_snapshot!(text(&violated(), Look::default()));
    }

    #[test]
    fn what_cannot_be_compared_says_why_and_nothing_is_judged() {
        let mut record = violated();
        record.doubts.push(Doubt {
            weight: Weight::Invalid,
            kind: "other-load".to_owned(),
            what: "not the same load: the rate of the first is 200/s, of the second 260/s (30 % apart, 1 % may be)".to_owned(),
            advice: "drive both with one script".to_owned(),
        });
        assert_eq!(Comparison::of(&record).exit_code(), 4);
        let text = text(&record, Look { width: 40, paint: Paint::Plain, ..Look::default() });
        assert!(text.contains("NOT COMPARABLE") && text.contains("(violated)") && text.contains("260/s"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }

    #[test]
    fn every_answer_has_its_exit_code() {
        let with = |verdicts| Comparison::of(&ComparisonRecord { verdicts, ..violated() });
        assert_eq!(with(Vec::new()), Comparison::NothingClaimed);
        assert_eq!(with(sample::holding().verdicts).exit_code(), 0);
        assert_eq!(with(sample::violated().verdicts).exit_code(), 3);
        assert_eq!(with(sample::inconclusive().verdicts).exit_code(), 4);
    }

    #[test]
    fn it_is_as_its_schema_says() {
        let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
        let value = serde_json::from_slice(&json(&violated()).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}
