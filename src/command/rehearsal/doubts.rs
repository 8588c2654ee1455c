//! Reasons to distrust a run that only the rehearsal sees.
//!
//! Owns their words. Refuses to find them (`rehearsal` does) and those that the measurements tell (`measure::doubt`).

use std::io;

use sluicegate_policy::time::Span;

use crate::command::run_folder::JOURNAL;
use crate::load::hash::ScriptHash;
use crate::measure::record::{Doubt, Weight};
use crate::verdict::Phase;

pub(super) fn unprobed(problem: &String) -> Doubt {
    Doubt {
        weight: Weight::Note,
        kind: "network-unknown".to_owned(),
        what: format!("the way to the target could not be probed: {problem}; the model takes it to be no way at all"),
        advice: "give it in the profile's `network`, or see that the target answers".to_owned(),
    }
}

/// More of the beginning was left out of the verdicts than was planned.
pub(super) fn cut_by(planned: Phase, judged: Phase) -> Option<Doubt> {
    (judged.warmup > planned.warmup).then(|| Doubt {
        weight: Weight::Note,
        kind: "settled-later".to_owned(),
        what: format!(
            "response times settled {} after the start (MSER-5); what came before is left out of the verdicts, and not of the tables",
            judged.warmup
        ),
        advice: "plan so long a warm-up".to_owned(),
    })
}

/// The model has not settled when the plan's warm-up ends.
pub(super) fn settles_later(planned: Span, warmup: Span) -> Option<Doubt> {
    (warmup > planned).then(|| Doubt {
        weight: Weight::Note,
        kind: "warmup-extended".to_owned(),
        what: format!(
            "the model takes {warmup} to settle (MSER-5), and the warm-up was planned to be {planned}: so much is left out"
        ),
        advice: "plan so long a warm-up, and a run that is longer by as much".to_owned(),
    })
}

/// The two worlds must have played the same script, to the nanosecond.
pub(super) fn other_script(simulated: ScriptHash, driven: ScriptHash) -> Option<Doubt> {
    (simulated != driven).then(|| Doubt {
        weight: Weight::Invalid,
        kind: "script-differs".to_owned(),
        what: format!("the lanes played the script {driven}, and what was simulated is {simulated}"),
        advice: "see that the log or trace does not change while it is replayed, and lower a rate that cannot be played"
            .to_owned(),
    })
}

/// Its answers were not those that the profile describes.
pub(super) fn troubled_mock(problem: &str) -> Doubt {
    Doubt {
        weight: Weight::Note,
        kind: "mock-problem".to_owned(),
        what: format!("the mock says: {problem}"),
        advice: "mend it in the profile or in what it names; what real functions printed is in functions.log of this run"
            .to_owned(),
    }
}

/// Had the run been killed, more than its last second would have been lost.
pub(super) fn lost_journal(error: &io::Error) -> Doubt {
    Doubt {
        weight: Weight::Note,
        kind: "journal-lost".to_owned(),
        what: format!("{JOURNAL} could not be written to the end of the run: {error}; nothing of this report is missing"),
        advice: "free space in the run's folder: a run that is killed leaves what stands in that file, and no more".to_owned(),
    }
}

pub(super) fn silent_mock(error: &dyn std::error::Error) -> Doubt {
    Doubt {
        weight: Weight::Note,
        kind: "receiver-silent".to_owned(),
        what: format!("the mock gave no account of what it received: {error}"),
        advice: "look for its own message above; without it the sent schedule has no independent proof".to_owned(),
    }
}
