//! Another profile's model, simulated under the load of a kept run.
//!
//! Owns putting the two together, and that what was simulated is the run's own script. Refuses to judge (`compare`).

use std::path::Path;

use serde_json::{Value, json};

use super::again::Again;
use super::compare::DEFAULT_FAMILY;
use super::failure::Failure;
use super::kept_run::{self, KeptRun};
use super::predict::Predicted;
use super::{profile, told};
use crate::config::{self, KeptRun as Load, Network};
use crate::fit::provenance::may_validate;
use crate::measure::assumption::{Assumption, Metric, Ratio};
use crate::measure::comparison::Family;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{Doubt, Weight};
use crate::measure::recorder::Detail;
use crate::sim;
use crate::traffic::SeriesId;
use crate::verdict::Phase;
use crate::verdict::distance::Batches;

/// A model under a run's load.
pub(super) struct Simulated {
    again: Again,
    /// What it predicts.
    pub(super) predicted: Predicted,
    /// Whose claims are judged.
    pub(super) family: Family,
    /// The times of one of its runs.
    seconds: KeptSeconds,
}

/// Simulates the profile at `path` with the traffic, the client and the ceilings of `run`; claims that were `said` come before its own.
pub(super) fn simulate(run: &KeptRun, path: &Path, said: &[String]) -> Result<Simulated, Failure> {
    let kept = &run.record.plan;
    if let Some(log) = &kept.log {
        return Err(Failure::usage(format!(
            "{}: its script was replayed from {log}, and is not kept with the run; drive it again: sluicegate replay {log} {}",
            run.path.display(),
            path.display()
        )));
    }
    let resolved = kept.resolved.get("profile").unwrap_or(&Value::Null);
    let (otherwise, other_family) = match run.claims() {
        Some(list) => (list.clone(), Family::Run),
        None => (json!(DEFAULT_FAMILY), Family::Default),
    };
    let loaded = config::load_for_run(path, Load { resolved, said, otherwise: &otherwise }).map_err(profile::failure)?;
    let family = match () {
        () if !said.is_empty() => Family::Asked,
        () if loaded.own_claims => Family::Model,
        () => other_family,
    };
    may_validate(&loaded.plan.fitted_on, run.record.id.as_deref())
        .map_err(|refusal| Failure::usage(format!("{}: {refusal}", path.display())))?;
    let Some(again) = Again::planned(loaded.plan, &run.record) else {
        return Err(Failure::usage(format!("{}: its record has no traffic to simulate the profile with", run.path.display())));
    };
    let network = match again.plan.network {
        Network::Given { round_trip, connect } if loaded.own_network => sim::Network { round_trip, connect },
        Network::Given { .. } | Network::Probed => again.network,
    };
    let (predicted, seconds) = {
        let model = again.model(&again.plan, network);
        let layout = model.layout(Vec::new(), Detail::Seconds);
        let mut one = model.replicate(0..1, &layout);
        let seconds = one.first_mut().map(|replica| replica.recorded.take_intervals()).unwrap_or_default();
        (model.predict(), KeptSeconds::of(seconds))
    };
    Ok(Simulated { again, predicted, family, seconds })
}

impl Simulated {
    /// What is claimed, in the order of the predictions.
    pub(super) fn claims(&self) -> &[Assumption] {
        &self.again.plan.expectations
    }

    /// The name of a series of the model's plan.
    pub(super) fn series_name(&self, id: SeriesId) -> Option<&str> {
        self.again.plan.catalog.series.get(usize::from(id.0)).map(String::as_str)
    }

    /// The name of the part of the model's gateway that a claim is about; `None` if it is about all.
    pub(super) fn part(&self, claim: &Assumption) -> Option<String> {
        let Metric::Ratio(Ratio::Told(told, Some(at))) = claim.metric else { return None };
        Some(told::name(&self.again.plan.model, told, at))
    }

    /// The admitted times of one simulated run, of the series that has this place in `run`.
    pub(super) fn batches(&self, run: &KeptRun, series: Option<SeriesId>, phase: Phase) -> Batches {
        let of = match series {
            None => None,
            Some(id) => {
                let name = run.names.get(usize::from(id.0));
                let at = self.again.plan.catalog.series.iter().position(|known| Some(known) == name);
                let Some(at) = at.and_then(|at| u16::try_from(at).ok()) else { return Batches::new() };
                Some(SeriesId(at))
            }
        };
        kept_run::batches(&self.seconds, of, phase)
    }

    /// A note if what was simulated is not, to the nanosecond, what was driven.
    pub(super) fn other_script(&self, run: &KeptRun) -> Option<Doubt> {
        let (simulated, driven) = (self.predicted.script.to_string(), &run.record.plan.script_hash);
        (simulated != *driven).then(|| Doubt {
            weight: Weight::Note,
            kind: "other-schedule".to_owned(),
            what: format!(
                "the run played the script {driven}, and what was simulated is {simulated}: another schedule of the same process"
            ),
            advice: "see that the run was driven by this version of sluicegate".to_owned(),
        })
    }
}
