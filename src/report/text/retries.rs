//! What was tried again, in the run and in the model.
//!
//! Owns the block on retries. Refuses to measure, and to say what would be better. Called by [`super::report`].

use crate::measure::record::{Quantiles, RetryRecord, RunRecord};

use super::super::page::Page;
use super::super::quantity::{ABSENT, count, duration_ns, share};

/// What the run says, and the model beside it; where the run says nothing, the model alone.
struct Beside<'a> {
    seen: Option<&'a RetryRecord>,
    model: Option<&'a RetryRecord>,
}

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let Some(retries) = &record.retries else { return };
    let both = Beside { seen: retries.observed.as_ref(), model: retries.predicted.as_ref() };
    page.heading("Retries (requests that were tried again; a retry is an attempt of its own everywhere else)");
    let per_request = |it: &RetryRecord| it.attempts_per_request.map(|per_request| format!("{per_request:.3}"));
    page.entry(
        "sent again",
        &format!(
            "{} for {} first attempts, {} attempts for each request",
            both.counted(|it| it.retries),
            both.counted(|it| it.first_attempts),
            both.shown(per_request)
        ),
    );
    page.entry(
        "success",
        &format!(
            "{} requests succeeded only by a retry, {} failed in every attempt",
            both.counted(|it| it.recovered),
            both.counted(|it| it.exhausted)
        ),
    );
    page.entry(
        "refused",
        &format!(
            "{} by the budget; {} decided on and never begun, for the run ended or nothing was free",
            both.counted(|it| it.refused),
            both.counted(|it| it.unsent)
        ),
    );
    page.entry(
        "throttled",
        &format!(
            "of first attempts {}, of retries {}",
            both.shown(|it| it.first_throttled.map(share)),
            both.shown(|it| it.retries_throttled.map(share))
        ),
    );
    let at =
        |quantile: fn(&Quantiles) -> u64| both.shown(move |it| it.user_time.as_ref().map(|time| duration_ns(quantile(time))));
    page.entry(
        "users' time",
        &format!(
            "p50 {}, p99 {}: from the first attempt's intended instant to the last attempt's answer",
            at(|time| time.p50_ns),
            at(|time| time.p99_ns)
        ),
    );
}

impl Beside<'_> {
    fn counted(&self, of: impl Fn(&RetryRecord) -> u64) -> String {
        self.shown(|it| Some(count(of(it))))
    }

    fn shown(&self, of: impl Fn(&RetryRecord) -> Option<String>) -> String {
        let of = |it: Option<&RetryRecord>| it.map(|it| of(it).unwrap_or_else(|| ABSENT.to_owned()));
        match (of(self.seen), of(self.model)) {
            (Some(seen), Some(model)) => format!("{seen} (model {model})"),
            (Some(alone), None) | (None, Some(alone)) => alone,
            (None, None) => ABSENT.to_owned(),
        }
    }
}
