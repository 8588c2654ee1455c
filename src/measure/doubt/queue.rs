//! A queue to which more work comes than can be done: nothing about it settles, and that is known before anything is sent.
//!
//! Owns the words, and what to do. Refuses to measure. Called by `command` with what the model says, before a run.

use super::doubt;
use crate::measure::record::{Doubt, LimitRecord, Weight};

/// A note for each queue that grows for as long as requests come, with its utilisation.
pub fn overloaded(limits: &[LimitRecord]) -> Vec<Doubt> {
    let note = |limit: &LimitRecord| {
        let what = format!(
            "{} is unstable: utilisation {:.3}, its queue grows for as long as requests come, and so do all waits until it is full or \
             nobody waits any longer",
            limit.name,
            limit.overloaded()?
        );
        let advice = "what is predicted holds for this very duration only; lower the rate, or give it more capacity";
        Some(doubt(Weight::Note, "unstable", what, advice))
    };
    limits.iter().filter_map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::record::UseRecord;

    #[test]
    fn a_queue_to_which_more_comes_than_it_can_do_is_told_with_its_utilisation() {
        let limit = |name: &str, offered| LimitRecord {
            name: name.to_owned(),
            predicted: Some(UseRecord { share: Some(0.9), offered, ..UseRecord::default() }),
            ..LimitRecord::default()
        };
        let notes = overloaded(&[limit("capacity calm", Some(0.999)), limit("throttle", None), limit("capacity db", Some(1.25))]);
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert_eq!((note.weight, note.kind.as_str()), (Weight::Note, "unstable"));
        assert!(note.what.starts_with("capacity db is unstable: utilisation 1.250, its queue grows"), "{}", note.what);
    }
}
