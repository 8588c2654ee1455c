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
    because: String,
    /// Ids; a `*` at the end stands for the rest.
    scenarios: Vec<String>,
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
        let holds = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, id));
        if let Some(waiting) = self.waiting.iter().find(|waiting| holds(&waiting.scenarios)) {
            return Standing::Waits(&waiting.r#for);
        }
        let differing = self.differing.iter().find(|differing| holds(&differing.scenarios));
        differing.map_or(Standing::Expected, |differing| Standing::Differs(&differing.because))
    }

    /// A line for each thing that is waited for, and for each that differs on purpose, with how many scenarios it concerns.
    pub(crate) fn told(&self, scenarios: &[Scenario]) -> Vec<String> {
        let concerned = |patterns: &[String]| {
            scenarios.iter().filter(|scenario| patterns.iter().any(|pattern| fits(pattern, &scenario.id))).count()
        };
        let waiting = self.waiting.iter().map(|each| format!("waiting: {} for {}", concerned(&each.scenarios), each.r#for));
        let differing = self.differing.iter().map(|each| format!("deliberate: {}: {}", concerned(&each.scenarios), each.because));
        waiting.chain(differing).collect()
    }

    /// Entries that fit no scenario.
    pub(crate) fn stale(&self, scenarios: &[Scenario]) -> Vec<String> {
        let waiting = self.waiting.iter().flat_map(|waiting| &waiting.scenarios);
        let all = waiting.chain(self.differing.iter().flat_map(|differing| &differing.scenarios));
        all.filter(|pattern| !scenarios.iter().any(|scenario| fits(pattern, &scenario.id)))
            .map(|pattern| format!("{pattern} in differences.yaml fits no scenario"))
            .collect()
    }
}

fn fits(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}
