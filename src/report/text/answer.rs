//! The answer: a verdict for each assumption, and whether the run may be believed.
//!
//! Owns the first block and the last line. Refuses to judge: verdicts and doubts stand in the record. Called by
//! [`super::report`].

use crate::measure::record::{AbortRecord, Answer, Doubt, RunRecord, Stopped, Verdict, Weight};

use super::super::advice;
use super::super::comparison;
use super::super::conclusion::Conclusion;
use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{ABSENT, count, counted, planned_length, range, share, share_of, value_or_absent};

/// The answer at the head of the report.
pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let conclusion = Conclusion::of(record);
    page.heading("Answer");
    page.marked(tone_of(conclusion), "", &conclusion.sentence(record));
    match &record.stopped {
        Some(Stopped::Failed(why)) => page.paragraph(4, Tone::Plain, why),
        Some(Stopped::Aborted(abort)) => aborted(page, abort),
        None if conclusion == Conclusion::Unfinished => unfinished(page, record),
        Some(Stopped::Interrupted(_)) | None => {}
    }
    verdicts(page, &record.verdicts, ("predicted", "observed"), conclusion.is_judged());
    for verdict in record.verdicts.iter().filter(|verdict| verdict.answer != Answer::Holds) {
        reason(page, verdict);
    }
    if let Some(baseline) = &record.baseline {
        comparison::baseline(page, baseline, conclusion.is_judged());
    }
    page.heading("Can it be believed?");
    if !record.complete {
        page.marked(Tone::Unsure, "", "The run did not come to its end: the numbers below are of a part of the plan.");
    } else if record.doubts.is_empty() {
        page.marked(Tone::Good, "", "Nothing was seen that speaks against it.");
    }
    let mut doubts: Vec<&Doubt> = record.doubts.iter().collect();
    doubts.sort_by_key(|doubt| std::cmp::Reverse(doubt.weight));
    for doubt in doubts {
        doubted(page, doubt);
    }
    page.heading("What to do next");
    for advice in advice::next(record, conclusion) {
        page.marked(Tone::Plain, "", &advice.text());
    }
}

/// The answer again in one line at the foot, where a terminal shows it, and where the record is.
pub(super) fn write_last(page: &mut Page, record: &RunRecord, kept_in: Option<&str>) {
    let conclusion = Conclusion::of(record);
    page.heading("Result");
    let sentence = conclusion.sentence(record);
    // A run that could not be kept exits with 1, whatever it came to.
    let Some(folder) = kept_in else { return page.marked(tone_of(conclusion), "", &sentence) };
    page.marked(tone_of(conclusion), "", &format!("{sentence} (exit code {})", conclusion.exit_code()));
    if let Some(Stopped::Aborted(abort)) = &record.stopped {
        page.entry("aborted by", &abort.condition);
    }
    page.entry("kept in", folder);
}

/// How much of it there is.
fn unfinished(page: &mut Page, record: &RunRecord) {
    if !record.seconds.is_empty() {
        let (there, planned) = (counted(record.seconds.len() as u64, "second"), planned_length(record.plan.duration_ns));
        page.paragraph(4, Tone::Plain, &format!("{there} of {planned} are there."));
    }
}

/// The condition, and what it was found met on.
fn aborted(page: &mut Page, abort: &AbortRecord) {
    page.paragraph(4, Tone::Plain, &format!("{}: met in second {}.", abort.condition, abort.second));
    if let Some(why) = &abort.why {
        page.paragraph(4, Tone::Plain, &format!("It failed from second {} on; at last: {why}.", abort.since));
    }
    if abort.seconds.is_empty() {
        return;
    }
    let counted = abort.counted.as_deref().unwrap_or("counted");
    let mut table = Table::new(vec!["second", "answers", "of them", "share"]);
    for row in &abort.seconds {
        let numbers = [row.second, row.trials, row.events].map(|n| Cell::from(count(n)));
        table.row(numbers.into_iter().chain([Cell::from(share_of(row.events, row.trials))]).collect());
    }
    let text = format!("Exceeded from second {} on; of the answers that came in each second ({counted}):", abort.since);
    page.paragraph(4, Tone::Plain, &text);
    page.table(&table);
}

/// A verdict for each assumption; `titles` are those of what it is held against and of what was seen.
pub(in crate::report) fn verdicts(page: &mut Page, verdicts: &[Verdict], titles: (&'static str, &'static str), is_judged: bool) {
    if verdicts.is_empty() {
        return;
    }
    let mut table = Table::new(vec!["<", "<answer", "<assumption", titles.0, titles.1, "90 % interval", "allowed"]);
    for verdict in verdicts {
        let (tone, word) = words(verdict.answer, is_judged);
        table.row(vec![
            Cell::toned(tone, page.look().marks.of(tone)),
            Cell::toned(tone, word),
            Cell::from(&verdict.assumption),
            Cell::from(value_or_absent(verdict.unit, verdict.predicted)),
            Cell::from(value_or_absent(verdict.unit, verdict.observed)),
            Cell::from(range(verdict.unit, verdict.interval)),
            Cell::from(range(verdict.unit, verdict.band)),
        ]);
    }
    if page.fits(&table) {
        page.table(&table);
    } else {
        for verdict in verdicts {
            in_words(page, verdict, titles, is_judged);
        }
    }
}

/// A verdict as text, where the table has no room.
fn in_words(page: &mut Page, verdict: &Verdict, titles: (&str, &str), is_judged: bool) {
    let (tone, word) = words(verdict.answer, is_judged);
    page.marked(tone, word, &verdict.assumption);
    let unit = verdict.unit;
    let numbers = format!(
        "{} {}, {} {}, 90 % interval {}, allowed {}",
        titles.0,
        value_or_absent(unit, verdict.predicted),
        titles.1,
        value_or_absent(unit, verdict.observed),
        range(unit, verdict.interval),
        range(unit, verdict.band),
    );
    page.paragraph(6, Tone::Plain, &numbers);
}

/// Why an assumption does not hold, or what would decide it, and on how much data that rests.
pub(in crate::report) fn reason(page: &mut Page, verdict: &Verdict) {
    let mut basis = vec![counted(verdict.requests, "request")];
    if let Some(worth) = verdict.effective_requests.filter(|worth| worth.is_finite()) {
        basis.push(format!("worth {} independent ones", count(worth as u64)));
    }
    if let Some(power) = verdict.planned_power {
        basis.push(format!("planned power {}", share(power)));
    }
    let because = if verdict.because.is_empty() { ABSENT } else { &verdict.because };
    page.paragraph(4, Tone::Plain, &format!("{}: {because} [{}]", verdict.assumption, basis.join(", ")));
}

fn doubted(page: &mut Page, doubt: &Doubt) {
    let (tone, word) = match doubt.weight {
        Weight::Invalid => (Tone::Bad, "INVALID"),
        Weight::Note => (Tone::Strong, "note"),
    };
    page.marked(tone, word, &format!("{}: {}", doubt.kind, doubt.what));
    if !doubt.advice.is_empty() {
        page.paragraph(6, Tone::Plain, &format!("What to change: {}", doubt.advice));
    }
}

/// The tone and the word of an answer; in parentheses and without its mark where it does not count.
const fn words(answer: Answer, is_judged: bool) -> (Tone, &'static str) {
    match (answer, is_judged) {
        (Answer::Holds, true) => (Tone::Good, "holds"),
        (Answer::Violated, true) => (Tone::Bad, "VIOLATED"),
        (Answer::Inconclusive, true) => (Tone::Unsure, "inconclusive"),
        (Answer::Holds, false) => (Tone::Faint, "(holds)"),
        (Answer::Violated, false) => (Tone::Faint, "(violated)"),
        (Answer::Inconclusive, false) => (Tone::Faint, "(inconclusive)"),
    }
}

const fn tone_of(conclusion: Conclusion) -> Tone {
    match conclusion {
        Conclusion::Holds(_) => Tone::Good,
        Conclusion::Violated(_) | Conclusion::Aborted(_) | Conclusion::Failed | Conclusion::Invalid => Tone::Bad,
        Conclusion::Inconclusive(_) | Conclusion::Interrupted(_) | Conclusion::Unfinished => Tone::Unsure,
        Conclusion::NothingClaimed => Tone::Plain,
        Conclusion::Baseline(comparison) => comparison.tone(),
    }
}
