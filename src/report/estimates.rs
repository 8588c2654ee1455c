//! Quantities of a model with their standard errors.
//!
//! Owns how an uncertainty is written, and the table of them. Refuses to estimate. Called by the reports of profiles, cases and sweeps.

use crate::measure::estimate::EstimateRecord;

use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, share, value};

/// A value and its standard error: `93.2 ms ± 1.1 ms`.
pub(super) fn within(estimate: &EstimateRecord) -> String {
    let shown = value(estimate.unit, estimate.value);
    match estimate.standard_error {
        Some(error) if error > 0.0 => format!("{shown} ± {}", value(estimate.unit, error)),
        _ => shown,
    }
}

/// All of them, if there are several replications.
pub(super) fn write(page: &mut Page, estimates: &[EstimateRecord]) {
    if !estimates.iter().any(|estimate| estimate.standard_error.is_some()) {
        return;
    }
    page.heading("Precision (standard error of the model's own values, from its replications)");
    let mut table = Table::new(vec!["<of", "<quantity", "value", "± error", "of it"]);
    for estimate in estimates.iter().filter(|estimate| estimate.value > 0.0) {
        let error = estimate.standard_error;
        table.row(
            [
                estimate.of.clone().unwrap_or_else(|| "all".to_owned()),
                estimate.metric.clone(),
                value(estimate.unit, estimate.value),
                error.map_or_else(|| ABSENT.to_owned(), |error| value(estimate.unit, error)),
                error.map_or_else(|| ABSENT.to_owned(), |error| share(error / estimate.value)),
            ]
            .into_iter()
            .map(Cell::from)
            .collect(),
        );
    }
    page.table(&table);
}
