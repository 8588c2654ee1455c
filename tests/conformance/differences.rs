//! What waits for a later capability, and what differs on purpose: the list in `differences.yaml`, each with its reason.
//!
//! Owns the reading of the list, and finding what is stale in it. Refuses to excuse anything that is not there. Called by `main`.

use serde::Deserialize;

use crate::recorded::Scenario;

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Differences {
    waiting: Vec<Waiting>,
    differing: Vec<Differing>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    r#for: String,
    /// Ids; a `*` at the end stands for the rest.
    scenarios: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Differing {
    scenario: String,
    because: String,
}

/// What is said of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing<'d> {
    /// Nothing: it has to agree.
    Expected,
    /// It waits for this.
    Waits(&'d str),
    /// It differs on purpose, for this reason.
    Differs(&'d str),
}

impl Differences {
    pub(crate) fn read() -> Self {
        serde_saphyr::from_str(include_str!("differences.yaml")).expect("differences.yaml has its form")
    }

    /// What is said of this scenario.
    pub(crate) fn standing(&self, id: &str) -> Standing<'_> {
        if let Some(waiting) = self.waiting.iter().find(|waiting| waiting.scenarios.iter().any(|pattern| fits(pattern, id))) {
            return Standing::Waits(&waiting.r#for);
        }
        let differing = self.differing.iter().find(|differing| differing.scenario == id);
        differing.map_or(Standing::Expected, |differing| Standing::Differs(&differing.because))
    }

    /// What is waited for, and by how many.
    pub(crate) fn waiting<'d>(&'d self, scenarios: &'d [Scenario]) -> impl Iterator<Item = (&'d str, usize)> {
        self.waiting.iter().map(|waiting| {
            let waits = |scenario: &&Scenario| waiting.scenarios.iter().any(|pattern| fits(pattern, &scenario.id));
            (waiting.r#for.as_str(), scenarios.iter().filter(waits).count())
        })
    }

    /// Entries that fit no scenario.
    pub(crate) fn stale(&self, scenarios: &[Scenario]) -> Vec<String> {
        let patterns = self.waiting.iter().flat_map(|waiting| &waiting.scenarios);
        let all = patterns.chain(self.differing.iter().map(|differing| &differing.scenario));
        all.filter(|pattern| !scenarios.iter().any(|scenario| fits(pattern, &scenario.id)))
            .map(|pattern| format!("{pattern} in differences.yaml fits no scenario"))
            .collect()
    }
}

fn fits(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}
