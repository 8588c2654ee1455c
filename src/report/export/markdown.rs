//! Markdown for the summary of a pipeline's job: the answer first, then what it rests on, then what to do next.
//!
//! Owns the order, and that no name of a route or a profile becomes Markdown or HTML of its own (GitHub Flavored Markdown 0.29, sections 2.4, 4.10
//! and 6.1). Refuses to judge, and what has no room on a page that is read at a glance: the text report and `run.json` have it. Called by `command`.

use crate::measure::comparison::ComparisonRecord;
use crate::measure::record::{Answer, Doubt, LoadRecord, Quantiles, RunRecord, SeriesRecord, Stopped, Verdict, Weight};

use super::super::advice::{self, Advice, Piece};
use super::super::comparison::Comparison;
use super::super::conclusion::Conclusion;
use super::super::page::clean;
use super::super::quantity::{ABSENT, count, counted, duration_ns, planned_length, range, rate, share_of, value_or_absent};

/// More series than this are left to other formats.
const SERIES_MAX: usize = 20;

/// The summary of a run; ends with a line end.
pub fn write(record: &RunRecord) -> String {
    let conclusion = Conclusion::of(record);
    let mut page = Page::default();
    page.block(&format!("## {} {}", mark(conclusion), text(&conclusion.sentence(record))));
    page.block(&format!("{}, exit code {}", what(record), conclusion.exit_code()));
    answer(&mut page, record, conclusion);
    if let Some(compared) = &record.baseline {
        baseline(&mut page, compared, conclusion);
    }
    belief(&mut page, record);
    load(&mut page, record);
    series(&mut page, record);
    page.block("### What to do next");
    page.list(advice::next(record, conclusion).iter().map(advised));
    page.0
}

/// Blocks of Markdown with an empty line between them.
#[derive(Default)]
struct Page(String);

impl Page {
    fn block(&mut self, block: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(block);
        self.0.push('\n');
    }

    fn list(&mut self, items: impl IntoIterator<Item = String>) {
        let items: Vec<String> = items.into_iter().map(|item| format!("- {item}")).collect();
        self.block(&items.join("\n"));
    }

    /// Columns whose title begins with `<` are aligned left, the others right.
    fn table(&mut self, titles: &[&str], rows: impl Iterator<Item = Vec<String>>) {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let shown = titles.iter().map(|title| title.trim_start_matches('<').to_owned()).collect();
        let aligned = titles.iter().map(|title| if title.starts_with('<') { "---" } else { "---:" }.to_owned()).collect();
        let lines: Vec<String> = [line(shown), line(aligned)].into_iter().chain(rows.map(line)).collect();
        self.block(&lines.join("\n"));
    }
}

/// What was run, at what.
fn what(record: &RunRecord) -> String {
    let plan = &record.plan;
    let profile = text(&plan.profile);
    let played =
        plan.log.as_ref().map_or_else(|| format!("Run of {profile}"), |log| format!("Replay of {} with {profile}", text(log)));
    let at = match plan.target.as_str() {
        "mock" => "at the mock gateway".to_owned(),
        "model" => "by the model alone, nothing was sent".to_owned(),
        url => format!("at {}", text(url)),
    };
    let drift =
        if plan.drift.is_empty() { String::new() } else { format!(", the mock changed by {}", text(&plan.drift.join("; "))) };
    format!("{played} {at}, {}{drift}, started {}", planned_length(plan.duration_ns), text(&plan.started_at))
}

fn answer(page: &mut Page, record: &RunRecord, conclusion: Conclusion) {
    match &record.stopped {
        Some(Stopped::Failed(why)) => page.block(&text(why)),
        Some(Stopped::Aborted(abort)) => page.block(&format!("{}: met in second {}.", text(&abort.condition), abort.second)),
        Some(Stopped::Interrupted(_)) | None => {}
    }
    verdicts(page, &record.verdicts, ("predicted", "observed"), conclusion.is_judged());
}

/// What an earlier run says of this one.
fn baseline(page: &mut Page, record: &ComparisonRecord, conclusion: Conclusion) {
    let comparison = Comparison::of(record);
    page.block("### Baseline");
    let before = record.before.iter().map(|run| format!(" ({}, {})", text(&run.path), text(&run.started_at)));
    page.block(&format!("{}{}.", text(&comparison.sentence(record)), before.collect::<String>()));
    verdicts(page, &record.verdicts, ("before", "now"), conclusion.is_judged() && comparison != Comparison::NotComparable);
    let doubts: Vec<String> = record.doubts.iter().map(doubted).collect();
    if !doubts.is_empty() {
        page.list(doubts);
    }
}

/// A row for each, and a reason where something does not hold; `words` are those for what they are held against and for what was seen.
fn verdicts(page: &mut Page, verdicts: &[Verdict], words: (&str, &str), is_judged: bool) {
    if verdicts.is_empty() {
        return;
    }
    let titles = ["<answer", "<assumption", words.0, words.1, "90 % interval", "allowed"];
    page.table(&titles, verdicts.iter().map(|verdict| judged(verdict, is_judged)));
    let open: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.answer != Answer::Holds).collect();
    if !open.is_empty() {
        let reason = |verdict: &&Verdict| {
            let because = if verdict.because.is_empty() { ABSENT.to_owned() } else { text(&verdict.because) };
            format!("**{}**: {because} ({})", text(&verdict.assumption), counted(verdict.requests, "request"))
        };
        page.list(open.iter().map(reason));
    }
}

fn judged(verdict: &Verdict, is_judged: bool) -> Vec<String> {
    let unit = verdict.unit;
    let word = match (verdict.answer, is_judged) {
        (Answer::Holds, true) => "✅ holds",
        (Answer::Violated, true) => "❌ **violated**",
        (Answer::Inconclusive, true) => "❔ inconclusive",
        (Answer::Holds | Answer::Violated | Answer::Inconclusive, false) => "not judged",
    };
    vec![
        word.to_owned(),
        text(&verdict.assumption),
        value_or_absent(unit, verdict.predicted),
        value_or_absent(unit, verdict.observed),
        range(unit, verdict.interval),
        range(unit, verdict.band),
    ]
}

fn belief(page: &mut Page, record: &RunRecord) {
    page.block("### Can it be believed?");
    if !record.complete {
        page.block("The run did not come to its end: the numbers below are of a part of the plan.");
    } else if record.doubts.is_empty() {
        page.block("Nothing was seen that speaks against it.");
    }
    let mut doubts: Vec<&Doubt> = record.doubts.iter().collect();
    doubts.sort_by_key(|doubt| std::cmp::Reverse(doubt.weight));
    if doubts.is_empty() {
        return;
    }
    page.list(doubts.into_iter().map(doubted));
}

fn doubted(doubt: &Doubt) -> String {
    let weight = match doubt.weight {
        Weight::Invalid => "❌ **invalid**",
        Weight::Note => "note",
    };
    let advice = if doubt.advice.is_empty() { String::new() } else { format!(" What to change: {}.", text(&doubt.advice)) };
    format!("{weight} ({}): {}.{advice}", text(&doubt.kind), text(&doubt.what))
}

fn load(page: &mut Page, record: &RunRecord) {
    page.block("### Load");
    let Some(LoadRecord { intended, sent, dropped, shed, abandoned, intended_per_s, achieved_per_s, schedule_lag, .. }) =
        &record.load
    else {
        return page.block("n/a: nothing was driven, or the run ended before it was counted.");
    };
    let lag = |of: fn(&Quantiles) -> u64| schedule_lag.as_ref().map_or_else(|| ABSENT.to_owned(), |lag| duration_ns(of(lag)));
    let rows = [
        ("intended", format!("{}, {}", counted(*intended, "action"), rate(*intended_per_s))),
        ("sent", format!("{} ({}), {}", counted(*sent, "action"), share_of(*sent, *intended), rate(*achieved_per_s))),
        ("not sent", format!("dropped {}, shed {}; abandoned at the end {}", count(*dropped), count(*shed), count(*abandoned))),
        ("schedule lag", format!("p50 {}, p99 {}, max {}", lag(|q| q.p50_ns), lag(|q| q.p99_ns), lag(|q| q.max_ns))),
    ];
    page.table(&["<", "<"], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]));
}

/// Response times of all together and of the busiest series, beside those of the model where there is one.
fn series(page: &mut Page, record: &RunRecord) {
    let Some(total) = &record.total else { return };
    page.block("### Response times");
    let modelled = record.predicted_total.is_some();
    let mut titles = vec!["<series", "actions", "p50", "p95", "p99", "max"];
    if modelled {
        titles.insert(3, "(model)");
        titles.insert(5, "(model)");
    }
    let mut busiest: Vec<&SeriesRecord> = record.series.iter().collect();
    busiest.sort_by_key(|it| (std::cmp::Reverse(it.count), &it.name));
    let shown = busiest.iter().take(SERIES_MAX);
    let predicted = |seen: &SeriesRecord| record.predicted_series.iter().find(|it| it.name == seen.name);
    let pairs = shown.map(|seen| (*seen, predicted(seen)));
    let rows = std::iter::once((total, record.predicted_total.as_ref())).chain(pairs).map(|(seen, model)| {
        let at = |of: fn(&Quantiles) -> u64| time(Some(seen), of);
        let model = |of: fn(&Quantiles) -> u64| modelled.then(|| time(model, of));
        let cells = [text(&seen.name), count(seen.count), at(|q| q.p50_ns)].into_iter().chain(model(|q| q.p50_ns));
        let cells = cells.chain([at(|q| q.p95_ns)]).chain(model(|q| q.p95_ns));
        cells.chain([at(|q| q.p99_ns), at(|q| q.max_ns)]).collect()
    });
    page.table(&titles, rows);
    if busiest.len() > SERIES_MAX {
        page.block(&format!("{} more series in run.json.", count((busiest.len() - SERIES_MAX) as u64)));
    }
}

fn time(series: Option<&SeriesRecord>, of: fn(&Quantiles) -> u64) -> String {
    series.and_then(|it| it.response_time.as_ref()).map_or_else(|| ABSENT.to_owned(), |times| duration_ns(of(times)))
}

/// Words as text from outside, what is typed as code.
fn advised(advice: &Advice) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Said(words) => text(words),
        // A backtick would end it.
        Piece::Code(typed) => format!("`{}`", clean(typed).replace('`', "'")),
    };
    advice.pieces().iter().map(piece).collect()
}

const fn mark(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Holds(_) | Conclusion::Baseline(Comparison::Holds(_) | Comparison::NothingClaimed) => "✅",
        Conclusion::Violated(_)
        | Conclusion::Baseline(Comparison::Violated(_))
        | Conclusion::Aborted(_)
        | Conclusion::Failed
        | Conclusion::Invalid => "❌",
        Conclusion::Inconclusive(_)
        | Conclusion::Baseline(Comparison::Inconclusive(_) | Comparison::NotComparable)
        | Conclusion::Interrupted(_)
        | Conclusion::Unfinished => "❔",
        Conclusion::NothingClaimed => "ℹ️",
    }
}

/// Text from outside as text, also within a table: what Markdown would read is escaped, and line ends are spaces.
pub(in crate::report) fn text(from_outside: &str) -> String {
    let mut out = String::with_capacity(from_outside.len());
    for c in clean(from_outside).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' | '!' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::super::{arbitrary, sample};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_summary_has_the_answer_first_and_ends_with_what_to_do() {
        insta::assert_snapshot!(write(&sample::violated()));
    }

    #[test]
    fn what_to_do_next_is_another_thing_for_each_conclusion() {
        let next = |record: RunRecord| {
            let page = write(&record);
            page.split_once("### What to do next\n\n").unwrap().1.to_owned()
        };
        let mut unclaimed = sample::holding();
        unclaimed.verdicts.clear();
        let all = vec![
            sample::holding(),
            sample::violated(),
            sample::inconclusive(),
            sample::invalid(),
            sample::interrupted(),
            sample::aborted(),
            unclaimed,
        ];
        let mut said: Vec<String> = all.into_iter().map(next).collect();
        assert!(said[3].contains("Raise --connections"), "{said:?}");
        said.sort();
        said.dedup();
        assert_eq!(said.len(), 7, "{said:?}");
    }

    #[test]
    fn verdicts_of_a_run_that_is_not_judged_are_not_shown_as_answers() {
        let page = write(&sample::invalid());
        assert!(page.starts_with("## ❌ INVALID"), "{page}");
        assert_eq!(page.matches("| not judged |").count(), 3, "{page}");
    }

    #[test]
    fn a_name_from_outside_is_neither_markup_nor_another_cell() {
        let mut record = sample::holding();
        record.series[1].name = "GET /a|b <img src=x> `c` *d*\n## e".to_owned();
        let page = write(&record);
        assert!(page.contains("| GET /a\\|b &lt;img src=x&gt; \\`c\\` \\*d\\* \\#\\# e |"), "{page}");
    }

    #[test]
    fn the_busiest_series_are_shown_and_the_others_counted() {
        let mut record = sample::holding();
        let one = record.series[0].clone();
        let named = |at: usize| SeriesRecord { name: format!("GET /{at}"), count: 1_000 + at as u64, ..one.clone() };
        record.series = (0..23).map(named).collect();
        let page = write(&record);
        assert!(page.contains("| GET /22 |") && page.contains("| GET /3 |"), "{page}");
        assert!(!page.contains("| GET /2 |"), "{page}");
        assert!(page.contains("\n3 more series in run.json.\n"), "{page}");
    }

    /// Cells of a row, where an escaped bar ends none.
    fn cells(row: &str) -> usize {
        row.replace("\\\\", "").replace("\\|", "").matches('|').count() - 1
    }

    proptest! {
        #[test]
        fn every_row_of_any_record_has_as_many_cells_as_its_table(record in arbitrary::record()) {
            let page = write(&record);
            prop_assert!(page.chars().all(|c| c == '\n' || !c.is_control()));
            let mut columns = None;
            for line in page.lines() {
                if line.starts_with("| ") {
                    prop_assert_eq!(*columns.get_or_insert(cells(line)), cells(line), "{}", line);
                } else {
                    columns = None;
                }
            }
        }
    }
}
