//! From a profile's path to a plan, with the failures that belong to it.

use std::path::Path;

use super::failure::Failure;
use crate::config::{self, Drift, LoadError, Overrides, Plan};

/// Reads and proves the profile at `path`.
pub(super) fn load(path: &Path, overrides: &Overrides) -> Result<Plan, Failure> {
    config::load(path, overrides, &[]).map_err(failure)
}

/// Proves the drifts before a mock is started with them.
pub(super) fn check_drifts(path: &Path, overrides: &Overrides, drifts: &[Drift]) -> Result<(), Failure> {
    config::load(path, overrides, drifts).map(|_| ()).map_err(failure)
}

/// Wrong profiles are wrong usage; a target that is not allowed is refused.
pub(super) fn failure(error: LoadError) -> Failure {
    match error {
        LoadError::Problems(problems) => Failure::usage(problems),
        LoadError::Refused(refusal) => Failure::Refused(Box::new(refusal)),
    }
}
