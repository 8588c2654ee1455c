//! A search for the highest rate: its answer, its steps, and `search.json`.
//!
//! Owns text, JSON and exit code of a [`SearchRecord`], and the lines that are shown while it goes on. Refuses to search and to judge.
//! Called by `command` after a search, and by `sluicegate report`.

use crate::measure::search::{Ended, SearchRecord, Standing, StepAnswer, StepRecord, ThresholdRecord, VERSION};

use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, counted, duration_or_absent, planned_length, rate, share, value_or_absent};

/// The search could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the record of the search cannot be written as JSON")]
pub struct WriteError(#[from] serde_json::Error);

/// A file is not the record of a search.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is something else.
    #[error("it is not the record of a search; name the folder of one, or its search.json")]
    Foreign(#[from] serde_json::Error),
    /// It was written by another version of this program.
    #[error("it has version {0}, and this program reads version {VERSION}; read it with the version that wrote it")]
    Version(u32),
}

/// The record as the bytes of `search.json`; the same record gives the same bytes.
pub fn json(record: &SearchRecord) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec_pretty(record)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads `search.json`.
pub fn read(bytes: &[u8]) -> Result<SearchRecord, ReadError> {
    let record: SearchRecord = serde_json::from_slice(bytes)?;
    if record.version == VERSION { Ok(record) } else { Err(ReadError::Version(record.version)) }
}

/// The exit code that the search means.
pub fn exit_code(record: &SearchRecord) -> u8 {
    match &record.ended {
        Some(Ended::Found | Ended::AtCeiling) => 0,
        Some(Ended::BelowFloor) => 3,
        Some(Ended::GeneratorLimit | Ended::OutOfSteps) => 4,
        // A shell's own convention: 128 and the signal.
        Some(Ended::Interrupted(signal)) => u8::try_from(*signal).map_or(u8::MAX, |signal| signal.saturating_add(128)),
        Some(Ended::Failed(_)) | None => 1,
    }
}

/// The search as text. `kept_in` is where its folder is.
pub fn text(record: &SearchRecord, look: Look, kept_in: Option<&str>) -> String {
    let mut page = Page::new(look);
    heading(&mut page, record);
    page.heading("Answer");
    answer(&mut page, record);
    steps(&mut page, record);
    page.heading("Result");
    let (tone, sentence) = conclusion(record);
    match kept_in {
        // A search that could not be kept exits with 1, whatever it came to.
        None => page.marked(tone, "", &sentence),
        Some(folder) => {
            page.marked(tone, "", &format!("{sentence} (exit code {})", exit_code(record)));
            page.entry("kept in", folder);
        }
    }
    page.into_text()
}

/// What would be searched, and how, before anything is sent; `steps_max` is how many steps there may be.
pub fn plan(record: &SearchRecord, steps_max: u32, look: Look) -> String {
    let mut page = Page::new(look);
    heading(&mut page, record);
    let longest = u64::from(steps_max).saturating_mul(record.plan.step_ns + record.plan.warmup_ns);
    let planned = planned_length(longest);
    page.entry("at most", &format!("{}, {planned}, and the wait for last answers", counted(u64::from(steps_max), "step")));
    page.into_text()
}

/// One line that says that a step begins.
pub fn begins(number: usize, rate_per_s: f64) -> String {
    format!("step {number}: {}\n", rate(rate_per_s))
}

/// One line that says what a step came to.
pub fn came_to(step: &StepRecord) -> String {
    let why = if step.because.is_empty() { String::new() } else { format!(": {}", step.because.join("; ")) };
    format!("  {}{why}\n", word(step.answer))
}

/// Why a threshold did not hold, in words; `None` if it did.
pub fn failing(threshold: &ThresholdRecord) -> Option<String> {
    let ThresholdRecord { threshold: name, events, trials, .. } = threshold;
    match threshold.standing {
        Standing::Held => None,
        Standing::Exceeded => Some(format!("{name}: was {}, {events} of {trials} exceeded it", observed(threshold))),
        Standing::Undecided => Some(format!("{name}: {} are too few to say", counted(*trials, "request"))),
    }
}

fn observed(threshold: &ThresholdRecord) -> String {
    match threshold.observed {
        None if threshold.trials > 0 => "endless".to_owned(),
        observed => value_or_absent(threshold.unit, observed),
    }
}

fn heading(page: &mut Page, record: &SearchRecord) {
    let plan = &record.plan;
    page.heading(&format!("sluicegate {}: search for the highest rate of {}", plan.sluicegate, plan.profile));
    page.entry("started", &plan.started_at);
    page.entry("target", &plan.target);
    page.entry("must hold", &plan.thresholds.join(", "));
    page.entry(
        "rates",
        &format!("from {}, between {} and {}", rate(plan.start_per_s), rate(plan.floor_per_s), rate(plan.ceiling_per_s)),
    );
    let (step, warmup) = (planned_length(plan.step_ns), planned_length(plan.warmup_ns));
    page.entry("each step", &format!("{step} after a warm-up of {warmup}, open model, seed {}", plan.seed));
    page.entry(
        "rule",
        &format!(
            "confirmed is what has held {} before it failed twice; precision {}",
            counted(u64::from(plan.passes), "time"),
            share(plan.precision)
        ),
    );
    let machine = &record.machine;
    page.entry("machine", &format!("{}, {}, {}", machine.cpu, counted(u64::from(machine.cores), "core"), machine.os));
}

fn answer(page: &mut Page, record: &SearchRecord) {
    let (tone, sentence) = conclusion(record);
    page.marked(tone, "", &sentence);
    if let Some(Ended::Failed(why)) = &record.ended {
        page.paragraph(4, Tone::Plain, why);
    }
    if record.ended == Some(Ended::GeneratorLimit) {
        for why in record.steps.iter().rev().take(2).rev().flat_map(|step| &step.because) {
            page.paragraph(4, Tone::Plain, &format!("{why}."));
        }
        page.paragraph(4, Tone::Plain, "Keep other work off this machine, or give the generator more cores, and search again.");
    }
    let rate_or_none = |per_s: Option<f64>| per_s.map_or_else(|| "none".to_owned(), rate);
    page.entry("confirmed", &rate_or_none(record.found_per_s));
    if record.unconfirmed_per_s.is_some() {
        page.entry("unconfirmed", &format!("{} held, but not often enough", rate_or_none(record.unconfirmed_per_s)));
    }
    page.entry("refuted", &rate_or_none(record.refuted_per_s));
    for (at, failed) in record.failed_first.iter().enumerate() {
        page.entry(if at == 0 { "failed there" } else { "" }, failed);
    }
    page.entry("sent", &format!("{} in {}", counted(record.requests, "request"), counted(record.steps.len() as u64, "step")));
}

fn conclusion(record: &SearchRecord) -> (Tone, String) {
    let found = record.found_per_s.map(rate);
    let until_then =
        found.as_ref().map_or("no rate was confirmed until then".to_owned(), |found| format!("{found} was confirmed until then"));
    match &record.ended {
        Some(Ended::Found) => (Tone::Good, format!("FOUND: {} holds", found.as_deref().unwrap_or(ABSENT))),
        Some(Ended::AtCeiling) => {
            let what = "which is as high as it may go; the limit of the target is beyond it";
            (Tone::Good, format!("FOUND: {} holds, {what}", found.as_deref().unwrap_or(ABSENT)))
        }
        Some(Ended::BelowFloor) => (
            Tone::Bad,
            format!("NONE HOLDS: not even {}, the lowest rate at which such steps decide", rate(record.plan.floor_per_s)),
        ),
        Some(Ended::GeneratorLimit) => {
            (Tone::Unsure, format!("THE GENERATOR'S OWN LIMIT: it missed its script in two steps in a row; {until_then}"))
        }
        Some(Ended::OutOfSteps) => {
            (Tone::Unsure, format!("UNDECIDED: all steps that a search may have are used up; {until_then}"))
        }
        Some(Ended::Interrupted(signal)) => (Tone::Unsure, format!("INTERRUPTED by signal {signal}; {until_then}")),
        Some(Ended::Failed(_)) => (Tone::Bad, format!("FAILED: a step could not be made; {until_then}")),
        None => (Tone::Unsure, format!("UNFINISHED: the search is still going on, or was killed; {until_then}")),
    }
}

const fn word(answer: StepAnswer) -> &'static str {
    match answer {
        StepAnswer::Passed => "held",
        StepAnswer::Failed => "failed",
        StepAnswer::Invalid => "invalid",
        StepAnswer::Interrupted => "interrupted",
    }
}

const fn tone(answer: StepAnswer) -> Tone {
    match answer {
        StepAnswer::Passed => Tone::Good,
        StepAnswer::Failed => Tone::Bad,
        StepAnswer::Invalid | StepAnswer::Interrupted => Tone::Unsure,
    }
}

fn steps(page: &mut Page, record: &SearchRecord) {
    if record.steps.is_empty() {
        return;
    }
    page.heading("Steps (latency of admitted requests, from the intended instant)");
    let mut table = Table::new(vec!["step", "rate", "achieved", "p50", "p99", "errors", "throttled", "<verdict"]);
    for (at, step) in record.steps.iter().enumerate() {
        let share = |it: Option<f64>| Cell::from(it.map_or_else(|| ABSENT.to_owned(), share));
        table.row(vec![
            Cell::from((at + 1).to_string()),
            Cell::from(rate(step.rate_per_s)),
            Cell::from(rate(step.achieved_per_s)),
            Cell::from(duration_or_absent(step.p50_ns)),
            Cell::from(duration_or_absent(step.p99_ns)),
            share(step.error_share),
            share(step.throttled_share),
            Cell::toned(tone(step.answer), word(step.answer)),
        ]);
    }
    page.table(&table);
    for (at, step) in record.steps.iter().enumerate() {
        if let Some(why) = &step.unkept {
            page.paragraph(2, Tone::Faint, &format!("The run of step {} could not be kept: {why}.", at + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;
    use crate::measure::record::{Machine, Unit};
    use crate::measure::search::SearchPlan;

    fn step(rate_per_s: f64, answer: StepAnswer) -> StepRecord {
        let threshold = ThresholdRecord {
            threshold: "throttled < 1%".to_owned(),
            unit: Unit::Share,
            observed: Some(0.2),
            events: 150,
            trials: 750,
            standing: if answer == StepAnswer::Passed { Standing::Held } else { Standing::Exceeded },
        };
        StepRecord {
            folder: "steps/01-600".to_owned(),
            unkept: None,
            rate_per_s,
            achieved_per_s: rate_per_s,
            sent: 900,
            p50_ns: Some(240_000),
            p99_ns: None,
            error_share: Some(0.0),
            throttled_share: Some(0.2),
            answer,
            because: failing(&threshold).into_iter().collect(),
            thresholds: vec![threshold],
        }
    }

    fn found() -> SearchRecord {
        SearchRecord {
            version: VERSION,
            plan: SearchPlan {
                sluicegate: "0.1.0".to_owned(),
                profile: "p.yaml".to_owned(),
                target: "mock".to_owned(),
                seed: 7,
                started_at: "2026-11-27T13:00:00Z".to_owned(),
                thresholds: vec!["throttled < 1%".to_owned()],
                floor_per_s: 300.0,
                start_per_s: 300.0,
                ceiling_per_s: 2_000.0,
                precision: 0.05,
                passes: 3,
                step_ns: 1_000_000_000,
                warmup_ns: 200_000_000,
            },
            machine: Machine { os: "Linux 6".to_owned(), cpu: "A processor".to_owned(), cores: 2, calibration: None },
            ended: Some(Ended::Found),
            found_per_s: Some(600.0),
            unconfirmed_per_s: None,
            refuted_per_s: Some(625.0),
            failed_first: vec!["throttled < 1%: was 20 %, 150 of 750 exceeded it".to_owned()],
            requests: 1_800,
            steps: vec![step(600.0, StepAnswer::Passed), step(750.0, StepAnswer::Failed)],
        }
    }

    #[test]
    fn a_search_is_shown_with_its_answer_and_every_step() {
        insta::assert_snapshot!(text(&found(), Look::default(), Some("sluicegate-runs/x")));
    }

    #[test]
    fn every_end_has_its_exit_code_and_says_what_was_found_until_then() {
        for (ended, code, said) in [
            (Some(Ended::Found), 0, "FOUND: 600/s holds"),
            (Some(Ended::AtCeiling), 0, "the limit of the target is beyond it"),
            (Some(Ended::BelowFloor), 3, "NONE HOLDS: not even 300/s"),
            (Some(Ended::GeneratorLimit), 4, "600/s was confirmed until then"),
            (Some(Ended::OutOfSteps), 4, "600/s was confirmed until then"),
            (Some(Ended::Interrupted(2)), 130, "600/s was confirmed until then"),
            (Some(Ended::Failed("no mock".to_owned())), 1, "no mock"),
            (None, 1, "still going on, or was killed"),
        ] {
            let record = SearchRecord { ended, ..found() };
            assert_eq!(exit_code(&record), code);
            let shown = text(&record, Look::default(), None).split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(shown.contains(said), "{said}: {shown}");
        }
    }

    #[test]
    fn a_search_reads_back_as_it_was_written_and_keeps_its_schema() {
        let bytes = json(&found()).unwrap();
        assert_eq!(json(&read(&bytes).unwrap()).unwrap(), bytes);
        let validator = jsonschema::validator_for(&schema_for!(SearchRecord).to_value()).unwrap();
        assert!(validator.is_valid(&serde_json::from_slice(&bytes).unwrap()));
        assert!(matches!(read(b"{}"), Err(ReadError::Foreign(_))));
        let newer = json(&SearchRecord { version: VERSION + 1, ..found() }).unwrap();
        assert!(matches!(read(&newer), Err(ReadError::Version(_))));
    }

    #[test]
    fn why_a_threshold_did_not_hold_is_said_with_numbers() {
        let mut threshold = step(750.0, StepAnswer::Failed).thresholds.remove(0);
        assert_eq!(failing(&threshold).unwrap(), "throttled < 1%: was 20 %, 150 of 750 exceeded it");
        threshold.observed = None;
        assert_eq!(failing(&threshold).unwrap(), "throttled < 1%: was endless, 150 of 750 exceeded it");
        threshold.standing = Standing::Undecided;
        assert_eq!(failing(&threshold).unwrap(), "throttled < 1%: 750 requests are too few to say");
        threshold.standing = Standing::Held;
        assert_eq!(failing(&threshold), None);
    }
}
