//! Where a quantity changed in the course of many runs: the change points of a history.
//!
//! The rule. Runs of one load come one after the other. The first that can stand for anything is the reference of a quantity (a latency quantile
//! or a share, of one route or of all): a prediction with its own standard error, as in a comparison of two runs ([`earlier`](super::earlier)). Each
//! later run is judged against it. Where the quantity is proven to lie outside the margin around the reference, there is a change point, and that
//! run is the next reference; a run that cannot stand for anything leaves the place to the next. A quantity that creeps by less than a margin from
//! run to run is held against where it began, and found once it has left the margin. That nothing is marked proves nothing: a change that the data
//! are too few for is found in a later run, or not at all.
//!
//! How often it is wrong. A trend makes ever more comparisons, so that each must be surer than the one before. The j-th comparison of a trend, in
//! which m quantities are judged, has of the level of "violated" (1 %) the part 1 / (j (j + 1)), which Holm's procedure shares among the m; these
//! parts add up to 1 over any number of comparisons. The band is wider by so many of the reference's standard errors that its own noise breaks one
//! of m claims with that same probability. So where no quantity has left its margin, a whole history, however long, has a false change point
//! by the noise of the later runs with a probability of 1 % at most, and by that of the references likewise: 2 % together. Its level does not
//! depend on what comes later: a mark that was made stays. The price: after twenty comparisons a change must stand out by some four and a half
//! standard errors beyond the margin, and not by two.
//!
//! Owns the rule and the level. Refuses to read runs, and to choose which runs are of one load. Pure; called by `command` for `history`.

use std::collections::BTreeMap;

use crate::measure::assumption::{Assumption, Prediction};

use super::claim::Claim;
use super::judge::{Judged, VIOLATED_ALPHA};

/// A quantity as one run shows it.
pub struct Shown<'a> {
    /// What is asked, and the margin that counts while this run is the reference; by its name it is found in other runs.
    pub assumption: &'a Assumption,
    /// What this run predicts of later ones, or why it cannot.
    pub predict: &'a dyn Fn(&Assumption) -> Result<Prediction, String>,
    /// What becomes in this run of the claim that it is as in the reference.
    pub judge: &'a dyn Fn(&Claim) -> Judged,
}

/// A quantity that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which, by its place among those that were shown.
    pub quantity: usize,
    /// The run that it was held against, by its number.
    pub reference: usize,
    /// What it was there.
    pub before: f64,
    /// What it is now.
    pub after: Option<f64>,
    /// What the data prove.
    pub because: String,
}

/// The trend of one load, run by run.
#[derive(Debug, Default)]
pub struct Trend {
    references: BTreeMap<String, Reference>,
    /// Runs so far.
    runs: usize,
    /// Runs so far in which anything was judged.
    compared: usize,
}

/// The first run since the last change.
#[derive(Debug)]
struct Reference {
    run: usize,
    assumption: Assumption,
    prediction: Prediction,
}

impl Trend {
    /// The next run: what changed with it.
    pub fn on_run(&mut self, shown: &[Shown<'_>]) -> Vec<Change> {
        let run = self.runs;
        self.runs += 1;
        let known = shown.iter().filter(|one| self.references.contains_key(&one.assumption.name)).count();
        self.compared += usize::from(known > 0);
        let family = parts(self.compared).saturating_mul(known);
        let mut judged: Vec<(usize, Judged)> = Vec::new();
        for (at, one) in shown.iter().enumerate() {
            let Some(Reference { assumption, prediction, .. }) = self.references.get(&one.assumption.name) else { continue };
            judged.extend(Claim::after_run(assumption, Some(prediction), family).map(|claim| (at, (one.judge)(&claim))));
        }
        let changes: Vec<Change> = rejected(judged, family).into_iter().filter_map(|it| self.change(shown, it)).collect();
        for change in &changes {
            self.references.remove(&shown[change.quantity].assumption.name);
        }
        for one in shown.iter().filter(|one| !self.references.contains_key(&one.assumption.name)).collect::<Vec<_>>() {
            if let Ok(prediction) = (one.predict)(one.assumption) {
                let reference = Reference { run, assumption: one.assumption.clone(), prediction };
                self.references.insert(one.assumption.name.clone(), reference);
            }
        }
        changes
    }

    fn change(&self, shown: &[Shown<'_>], (quantity, judged): (usize, Judged)) -> Option<Change> {
        let reference = self.references.get(&shown[quantity].assumption.name)?;
        Some(Change {
            quantity,
            reference: reference.run,
            before: reference.prediction.value,
            after: judged.verdict.observed,
            because: judged.against?.because,
        })
    }
}

/// Into how many parts the level of the whole trend is divided for the j-th comparison.
const fn parts(comparison: usize) -> usize {
    comparison.saturating_mul(comparison.saturating_add(1))
}

/// Those that Holm's procedure rejects, from the smallest p-value on, in the order of the quantities. `family` is by how many the level is
/// divided for the first.
fn rejected(mut judged: Vec<(usize, Judged)>, family: usize) -> Vec<(usize, Judged)> {
    let p_value = |judged: &Judged| judged.against.as_ref().map_or(1.0, |against| against.p_value);
    judged.sort_by(|a, b| p_value(&a.1).total_cmp(&p_value(&b.1)));
    let all = judged.len();
    let level = VIOLATED_ALPHA * all as f64 / family.max(1) as f64;
    let count = judged.iter().zip(0..).take_while(|((_, one), done)| p_value(one) <= level / (all - done) as f64).count();
    judged.truncate(count);
    judged.sort_by_key(|(quantity, _)| *quantity);
    judged
}

#[cfg(test)]
mod tests;
