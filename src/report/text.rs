//! The report in words: the answer, whether to believe it, and the numbers behind it, in that order.
//!
//! Owns the text report, and the order of the parts, which other formats lay out in their own way; each part is a file below this one. Refuses to judge and to compute statistics: what is not in
//! the record is `n/a` or left out. Called by `command` after a run, by `sluicegate report`, and by
//! [`super::html`].

pub(super) mod answer;
mod connections;
mod errors;
mod heading;
mod latency;
mod limits;
mod load;
mod outcomes;
mod parts;
mod retries;
mod series;
mod told;

use crate::measure::record::RunRecord;

use super::estimates;
use super::look::Look;
use super::page::Page;

/// The report of a run. `kept_in` is where the run's folder is; without one no exit code is named, for what could not be kept
/// exits with another.
///
/// No line is wider than the look allows; there are no control characters in it but line ends and the look's own paint.
pub fn report(record: &RunRecord, look: Look, kept_in: Option<&str>) -> String {
    let mut page = Page::new(look);
    head(&mut page, record);
    numbers(&mut page, record);
    answer::write_last(&mut page, record, kept_in);
    page.into_text()
}

/// What was run, the answer, and whether to believe it.
pub(super) fn head(page: &mut Page, record: &RunRecord) {
    heading::write(page, record);
    answer::write(page, record);
}

/// The numbers behind the answer.
pub(super) fn numbers(page: &mut Page, record: &RunRecord) {
    load::write(page, record);
    retries::write(page, record);
    connections::write(page, record);
    latency::write(page, record);
    estimates::write(page, &record.estimates);
    parts::write(page, record);
    outcomes::write(page, record);
    errors::write(page, record);
    series::write(page, record);
    limits::write(page, record);
    told::write(page, record);
}

#[cfg(test)]
mod tests {
    use super::super::look::{Marks, Paint};
    use super::super::{arbitrary, sample};
    use super::*;
    use crate::measure::cost::{BillRecord, RunCostRecord};
    use proptest::prelude::*;

    /// Full reports stand in `snapshots/`, where they can be read as they are shown.
    fn shown(record: &RunRecord) -> String {
        report(record, Look::default(), Some("sluicegate-runs/20261122T175931-quickstart"))
    }

    #[test]
    fn a_run_that_holds() {
        insta::assert_snapshot!(shown(&sample::holding()));
    }

    #[test]
    fn a_run_that_violates_an_assumption() {
        insta::assert_snapshot!(shown(&sample::violated()));
    }

    #[test]
    fn a_run_that_decides_nothing() {
        insta::assert_snapshot!(shown(&sample::inconclusive()));
    }

    #[test]
    fn a_run_that_is_invalid() {
        insta::assert_snapshot!(shown(&sample::invalid()));
    }

    #[test]
    fn a_run_that_was_interrupted_before_it_measured_anything() {
        insta::assert_snapshot!(shown(&sample::interrupted()));
    }

    #[test]
    fn a_run_that_a_condition_of_the_profile_ended() {
        let text = shown(&sample::aborted());
        let answer: Vec<&str> = text.lines().skip_while(|line| *line != "Answer").take_while(|line| *line != "Load").collect();
        let result: Vec<&str> = text.lines().skip_while(|line| *line != "Result").collect();
        insta::assert_snapshot!([answer, result].concat().join("\n"));
    }

    #[test]
    fn a_closed_run_says_what_it_cannot_have_seen() {
        let text = shown(&sample::closed());
        let latency =
            text.lines().skip_while(|line| !line.starts_with("Latency")).take_while(|line| !line.starts_with("Outcomes"));
        insta::assert_snapshot!(latency.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_run_that_tried_again_says_how_often_and_with_what_success() {
        let text = shown(&sample::retried());
        let shown = text.lines().skip_while(|line| !line.starts_with("Retries")).take_while(|line| !line.starts_with("Latency"));
        let ends = text.lines().find(|line| line.starts_with("Outcomes"));
        insta::assert_snapshot!(shown.chain(ends).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_run_of_sessions_says_what_became_of_their_connections() {
        let text = shown(&sample::of_sessions());
        let shown =
            text.lines().skip_while(|line| !line.starts_with("Connections")).take_while(|line| !line.starts_with("Latency"));
        insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_terminal_of_forty_columns() {
        let look = Look { width: 40, paint: Paint::Plain, marks: Marks::Ascii };
        insta::assert_snapshot!(report(&sample::violated(), look, None));
    }

    #[test]
    fn what_a_run_costs_at_its_target_stands_with_its_load() {
        let mut record = sample::holding();
        assert!(!shown(&record).contains("this run costs"));
        let bill = BillRecord { total: 12.5, ..BillRecord::default() };
        record.cost = Some(RunCostRecord { bill, dated: "2026-09-20".to_owned() });
        assert!(shown(&record).contains("this run costs about 12.50 USD at the target"), "{}", shown(&record));
    }

    #[test]
    fn colour_adds_escapes_and_changes_nothing_else() {
        for record in [sample::holding(), sample::violated(), sample::inconclusive(), sample::invalid()] {
            for width in [40, 100] {
                let look = |paint| Look { width, paint, marks: Marks::Unicode };
                let painted = report(&record, look(Paint::Ansi), None);
                assert!(painted.contains("\x1b["));
                assert_eq!(without_escapes(&painted), report(&record, look(Paint::Plain), None));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_record_has_a_report_that_keeps_to_its_page(record in arbitrary::record(), width in 0_usize..140) {
            let look = Look { width, paint: Paint::Plain, marks: Marks::Unicode };
            let text = report(&record, look, Some("folder"));
            prop_assert!(text.lines().all(|line| line.chars().count() <= look.columns()), "{text}");
            prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
        }
    }

    fn without_escapes(text: &str) -> String {
        let mut parts = text.split("\x1b[");
        let first = parts.next().unwrap_or_default().to_owned();
        first + &parts.map(|part| part.split_once('m').expect("an escape ends").1).collect::<String>()
    }
}
