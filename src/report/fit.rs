//! What a fit found: each parameter, its interval, and whether it can be known; and the phases that would tell the rest.
//!
//! Owns the text and the JSON of both. Refuses to estimate: `command` fills them from what the estimators found. Called by `command`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{count, duration_ns};

/// What runs told of a profile.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FitReport {
    /// Ids of the runs.
    pub runs: Vec<String>,
    /// Each parameter.
    pub parameters: Vec<FittedParameter>,
    /// Files that were written.
    pub written: Vec<String>,
}

/// A parameter and its provenance; numbers as the profile writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FittedParameter {
    /// Its path.
    pub path: String,
    /// Its value, if a point may be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its 95 % interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(String, String)>,
    /// What the data were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How it was found.
    pub method: String,
    /// Whether it can be known: yes, set, no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifiable: Option<String>,
    /// What else must be known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The phases that would tell what is missing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FitPlan {
    /// The profile.
    pub profile: String,
    /// Each phase.
    pub phases: Vec<FitPhase>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// Files that were written.
    pub written: Vec<String>,
}

/// A phase.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FitPhase {
    /// Its name, also that of its file.
    pub name: String,
    /// What is sent.
    pub traffic: String,
    /// What it identifies.
    pub identifies: Vec<String>,
    /// How long it takes.
    pub duration_ns: u64,
    /// How many requests it sends.
    pub requests: u64,
    /// What `safety.max_rate` must be raised to, where it is too low.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raise_max_rate: Option<String>,
}

/// It could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("it cannot be written as JSON")]
pub struct WriteError(#[from] serde_json::Error);

/// A fit as text.
pub fn text(report: &FitReport, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("fitted to {}", report.runs.join(", ")));
    let (told, left): (Vec<_>, Vec<_>) = report.parameters.iter().partition(|one| one.identifiable.is_some());
    let mut table = Table::new(vec!["<parameter", "value", "95 % interval", "<known", "<from"]);
    for one in &told {
        let interval = one.interval.as_ref().map_or_else(|| "n/a".to_owned(), |(low, high)| format!("{low} to {high}"));
        let known = one.identifiable.clone().unwrap_or_default();
        let tone = match known.as_str() {
            "yes" => Tone::Good,
            "set" => Tone::Unsure,
            _ => Tone::Faint,
        };
        table.row(vec![
            Cell::from(&one.path),
            Cell::from(one.value.as_deref().unwrap_or("n/a")),
            Cell::from(interval),
            Cell::toned(tone, &known),
            Cell::from(one.tier.as_deref().unwrap_or_default()),
        ]);
    }
    page.table(&table);
    notes(&mut page, "What to know of them", &told);
    if !left.is_empty() {
        page.heading("Left as documented");
        for one in &left {
            page.paragraph(2, Tone::Plain, &format!("{}: {}", one.path, one.note.as_deref().unwrap_or_default()));
        }
    }
    if told.iter().any(|one| one.identifiable.as_deref() == Some("set")) {
        page.heading("Sets");
        page.paragraph(
            2,
            Tone::Plain,
            "what is known as a set has no point: a prediction must be made for both ends of its interval",
        );
    }
    for written in &report.written {
        page.entry("written", written);
    }
    page.into_text()
}

/// Each note once, with what it is about.
fn notes(page: &mut Page, heading: &str, told: &[&FittedParameter]) {
    let mut about: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in told {
        if let Some(note) = &one.note {
            about.entry(note).or_default().push(&one.path);
        }
    }
    if about.is_empty() {
        return;
    }
    page.heading(heading);
    for (note, paths) in about {
        page.paragraph(2, Tone::Plain, &format!("{}: {note}", paths.join(", ")));
    }
}

/// The phases as text.
pub fn plan_text(plan: &FitPlan, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("phases that would tell the parameters of {}", plan.profile));
    if plan.phases.is_empty() {
        page.paragraph(2, Tone::Plain, "nothing is missing that a phase could tell");
    }
    for phase in &plan.phases {
        page.heading(&phase.name);
        page.entry("sends", &phase.traffic);
        page.entry("takes", &format!("{}, {} requests", duration_ns(phase.duration_ns), count(phase.requests)));
        page.entry("tells", &phase.identifies.join(", "));
        if let Some(rate) = &phase.raise_max_rate {
            page.entry(
                "first",
                &format!("raise safety.max_rate to {rate} in this phase's profile: as it is, the run is refused"),
            );
        }
    }
    for note in &plan.notes {
        page.entry("note", note);
    }
    for written in &plan.written {
        page.entry("written", written);
    }
    page.into_text()
}

/// A fit as JSON.
pub fn json(report: &FitReport) -> Result<Vec<u8>, WriteError> {
    bytes(report)
}

/// The phases as JSON.
pub fn plan_json(plan: &FitPlan) -> Result<Vec<u8>, WriteError> {
    bytes(plan)
}

fn bytes(value: &impl Serialize) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
