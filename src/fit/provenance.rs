//! A model is never validated on the run that it was fitted on (method 4.2.6).
//!
//! Owns that rule and its words. Refuses to look for the ids: a profile has them under `fitted`, a run in its record. Called by
//! `command`, wherever a run is held against a model.

/// A run that says nothing of this model, for it is where the model comes from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "run {run} is one of those that this model was fitted on: it agrees with it by construction, and proves nothing; compare it with a \
     run that `fitted.runs` does not list, e.g. a new one of the same profile"
)]
pub struct FittedOnIt {
    /// The run's id.
    pub run: String,
}

/// Whether a run may be held against a model that was fitted on `runs`. One without an id was kept by a version that gave none, and fitted
/// nothing.
pub fn may_validate(runs: &[String], run: Option<&str>) -> Result<(), FittedOnIt> {
    match run {
        Some(run) if runs.iter().any(|one| one == run) => Err(FittedOnIt { run: run.to_owned() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_not_validated_on_the_run_it_was_fitted_on_and_may_be_on_any_other() {
        let runs = ["a-1".to_owned(), "b-2".to_owned()];
        let refusal = may_validate(&runs, Some("b-2")).unwrap_err().to_string();
        assert!(refusal.starts_with("run b-2 is one of those that this model was fitted on"), "{refusal}");
        assert_eq!(
            (may_validate(&runs, Some("c-3")), may_validate(&runs, None), may_validate(&[], Some("a-1"))),
            (Ok(()), Ok(()), Ok(()))
        );
    }
}
