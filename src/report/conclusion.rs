//! What a run comes to, in one value: the line that a reader looks for, and the exit code that a pipeline looks for.
//!
//! Owns the order in which one thing outweighs another (design: exit codes, first that applies). Refuses what happened before
//! there was a record: wrong usage and refused targets. Called by the text report, and by `command` for the exit code.

use crate::measure::record::{Answer, RunRecord, Stopped, Weight};

use super::comparison::Comparison;
use super::quantity::counted;

/// What a run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The user ended it with this signal; assumptions are not judged.
    Interrupted(i32),
    /// A condition of the profile ended it in this second; assumptions are not judged.
    Aborted(u64),
    /// The run itself failed.
    Failed,
    /// The record was not closed: the run is still going on, or was killed.
    Unfinished,
    /// The generator missed its own script: no verdict stands on this run.
    Invalid,
    /// So many assumptions are violated.
    Violated(usize),
    /// So many assumptions could not be decided.
    Inconclusive(usize),
    /// What an earlier run says of it outweighs what its own assumptions come to: they hold, or there are none; or some are undecided,
    /// and the baseline is violated.
    Baseline(Comparison),
    /// Nothing was claimed, so nothing is judged.
    NothingClaimed,
    /// Every assumption holds; so many.
    Holds(usize),
}

impl Conclusion {
    /// What `record` comes to.
    pub fn of(record: &RunRecord) -> Self {
        let invalid = record.doubts.iter().any(|doubt| doubt.weight == Weight::Invalid);
        match &record.stopped {
            Some(Stopped::Interrupted(signal)) => Self::Interrupted(*signal),
            Some(Stopped::Failed(_)) => Self::Failed,
            // It may be the generator that was too slow, and not the target.
            Some(Stopped::Aborted(_)) if invalid => Self::Invalid,
            Some(Stopped::Aborted(abort)) => Self::Aborted(abort.second),
            None if !record.complete => Self::Unfinished,
            None if invalid => Self::Invalid,
            None => Self::judged(record),
        }
    }

    /// The same of a run on which verdicts stand: its own assumptions and its baseline, the worse answer first.
    fn judged(record: &RunRecord) -> Self {
        let with = |answer: Answer| record.verdicts.iter().filter(|verdict| verdict.answer == answer).count();
        let (violated, inconclusive) = (with(Answer::Violated), with(Answer::Inconclusive));
        if violated > 0 {
            return Self::Violated(violated);
        }
        let baseline = record.baseline.as_deref().map(Comparison::of);
        match baseline {
            Some(departed @ Comparison::Violated(_)) => Self::Baseline(departed),
            Some(_) | None if inconclusive > 0 => Self::Inconclusive(inconclusive),
            Some(open @ (Comparison::NotComparable | Comparison::Inconclusive(_))) => Self::Baseline(open),
            Some(same @ Comparison::Holds(_)) if record.verdicts.is_empty() => Self::Baseline(same),
            Some(Comparison::Holds(_) | Comparison::NothingClaimed) | None if record.verdicts.is_empty() => Self::NothingClaimed,
            Some(Comparison::Holds(_) | Comparison::NothingClaimed) | None => Self::Holds(record.verdicts.len()),
        }
    }

    /// The exit code it means.
    pub fn exit_code(self) -> u8 {
        match self {
            // A shell's own convention: 128 and the signal.
            Self::Interrupted(signal) => u8::try_from(signal).map_or(u8::MAX, |signal| signal.saturating_add(128)),
            Self::Failed | Self::Unfinished => 1,
            Self::Invalid | Self::Inconclusive(_) => 4,
            Self::Violated(_) | Self::Aborted(_) => 3,
            Self::Baseline(comparison) => comparison.exit_code(),
            Self::NothingClaimed | Self::Holds(_) => 0,
        }
    }

    /// Whether the single verdicts count.
    pub(super) const fn is_judged(self) -> bool {
        match self {
            Self::Violated(_) | Self::Inconclusive(_) | Self::Baseline(_) | Self::NothingClaimed | Self::Holds(_) => true,
            Self::Interrupted(_) | Self::Aborted(_) | Self::Failed | Self::Unfinished | Self::Invalid => false,
        }
    }

    /// It in one sentence without a full stop; `record` is what it is the conclusion of.
    pub(super) fn sentence(self, record: &RunRecord) -> String {
        let claims = record.verdicts.len();
        let of_all = |n: usize| format!("{n} of {}", counted(claims as u64, "assumption"));
        match self {
            Self::Interrupted(signal) => {
                format!("INTERRUPTED by signal {signal}: what was measured until then; nothing is judged")
            }
            Self::Aborted(second) => format!("ABORTED in second {second} by a condition of the profile; nothing is judged"),
            Self::Failed => "FAILED: the run did not come to its end; nothing is judged".to_owned(),
            Self::Unfinished => "UNFINISHED: the run is still going on, or was killed; nothing is judged".to_owned(),
            Self::Invalid => "INVALID: the generator missed its own script; no verdict stands on this run".to_owned(),
            Self::Violated(n) if claims == 1 && n == 1 => "VIOLATED: the one assumption does not hold".to_owned(),
            Self::Violated(1) => format!("VIOLATED: {} does not hold", of_all(1)),
            Self::Violated(n) => format!("VIOLATED: {} do not hold", of_all(n)),
            Self::Inconclusive(n) => format!("INCONCLUSIVE: {} could not be decided", of_all(n)),
            Self::Baseline(comparison) => {
                let said = record.baseline.as_deref().map(|baseline| comparison.sentence(baseline));
                format!("BASELINE {}", said.unwrap_or_default())
            }
            Self::NothingClaimed => "NOTHING CLAIMED: the profile expects nothing, so nothing is judged".to_owned(),
            Self::Holds(1) => "HOLDS: the one assumption holds".to_owned(),
            Self::Holds(n) => format!("HOLDS: all {n} assumptions hold"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn each_outcome_has_the_exit_code_of_the_table() {
        let table: [(fn() -> RunRecord, u8); 6] = [
            (sample::holding, 0),
            (sample::violated, 3),
            (sample::inconclusive, 4),
            (sample::invalid, 4),
            (sample::interrupted, 130),
            (sample::aborted, 3),
        ];
        for (record, code) in table {
            assert_eq!(Conclusion::of(&record()).exit_code(), code);
        }
    }

    #[test]
    fn an_invalid_run_outweighs_a_violated_assumption() {
        let mut record = sample::violated();
        record.doubts = sample::invalid().doubts;
        assert_eq!(Conclusion::of(&record), Conclusion::Invalid);
    }

    #[test]
    fn an_abort_of_a_generator_that_missed_its_script_says_nothing_of_the_target() {
        let mut record = sample::aborted();
        record.doubts = sample::invalid().doubts;
        assert_eq!(Conclusion::of(&record), Conclusion::Invalid);
    }

    #[test]
    fn a_baseline_counts_where_the_design_has_it() {
        use Comparison::{Holds, Inconclusive, Violated};
        let held_against = |record: fn() -> RunRecord, baseline: fn() -> RunRecord| {
            let record = RunRecord { baseline: Some(Box::new(sample::comparison(baseline().verdicts))), ..record() };
            Conclusion::of(&record)
        };
        assert_eq!(held_against(sample::holding, sample::holding), Conclusion::Holds(3));
        assert_eq!(held_against(sample::holding, sample::violated), Conclusion::Baseline(Violated(1)));
        assert_eq!(held_against(sample::holding, sample::inconclusive), Conclusion::Baseline(Inconclusive(2)));
        assert_eq!(held_against(sample::inconclusive, sample::violated).exit_code(), 3, "what is proven outweighs what is open");
        assert_eq!(held_against(sample::inconclusive, sample::inconclusive), Conclusion::Inconclusive(2));
        assert_eq!(held_against(sample::violated, sample::holding), Conclusion::Violated(1));
        assert_eq!(held_against(sample::invalid, sample::violated), Conclusion::Invalid, "no verdict stands on it");
        assert_eq!(held_against(sample::aborted, sample::violated).exit_code(), 3);
        let unclaimed = || RunRecord { verdicts: Vec::new(), ..sample::holding() };
        assert_eq!(held_against(unclaimed, sample::holding), Conclusion::Baseline(Holds(3)));
        assert_eq!(held_against(unclaimed, unclaimed), Conclusion::NothingClaimed);
    }

    #[test]
    fn a_baseline_that_cannot_be_compared_is_no_pass() {
        let mut record = sample::holding();
        let mut baseline = sample::comparison(record.verdicts.clone());
        baseline.doubts = sample::invalid().doubts;
        record.baseline = Some(Box::new(baseline));
        assert_eq!(Conclusion::of(&record), Conclusion::Baseline(Comparison::NotComparable));
        assert_eq!(Conclusion::of(&record).exit_code(), 4);
    }

    #[test]
    fn a_record_that_nobody_closed_is_no_success() {
        let mut record = sample::holding();
        record.complete = false;
        assert_eq!(Conclusion::of(&record), Conclusion::Unfinished);
        assert_eq!(Conclusion::of(&record).exit_code(), 1);
    }
}
