//! `sluicegate run`: the traffic that a profile describes.

use std::fs;

use super::failure::Failure;
use super::rehearsal::{Ceiling, Prediction, Rehearsal};
use super::script::Script;
use super::{find_rate, flags, profile};
use crate::cli::Run;
use crate::config::{self, Overrides};

/// Runs the profile; the exit code.
pub(super) fn run(run: &Run) -> Result<u8, Failure> {
    if let Some(held) = &run.find.find_rate {
        return find_rate::find_rate(run, held);
    }
    let overrides = flags::with_target(flags::of_load(&run.load, config::Script::Described)?, &run.target);
    let overrides = Overrides { method: run.method.clone(), body: run.body.clone(), ..overrides };
    let drifts = flags::drifts(&run.target.drift)?;
    let plan = profile::load(&run.profile, &overrides)?;
    profile::check_drifts(&run.profile, &overrides, &drifts)?;
    let Some(script) = Script::described(&plan) else {
        return Err(Failure::usage(format!(
            "{}: it describes no traffic; add `traffic`, or replay a log with it: sluicegate replay LOG {}",
            run.profile.display(),
            run.profile.display()
        )));
    };
    let text =
        fs::read_to_string(&run.profile).map_err(|error| Failure::broken(format!("reading {}", run.profile.display()), error))?;
    let prediction = if run.drive_only { Prediction::NotWanted } else { Prediction::Wanted };
    Rehearsal {
        plan: &plan,
        script,
        profile_name: run.profile.display().to_string(),
        profile_text: text,
        drifts,
        log: None,
        output: &run.output,
        baseline: run.earlier.baseline.as_ref(),
        prediction,
        ceiling: if run.target.calibrate { Ceiling::Wanted } else { Ceiling::WhenFast },
    }
    .perform()
}
