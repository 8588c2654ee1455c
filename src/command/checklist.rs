//! `sluicegate checklist`: what to look at before production.
//!
//! Owns the order: read, check, simulate the gates, ask the endpoint, report. Refuses to judge (`design::checklist`) and to format (`report`).
//! Nothing is sent unless `--target` names an endpoint that the safety rules allow.

mod document;
mod facts;
mod gates;
mod probing;
mod variants;

#[cfg(test)]
mod tests;

use sluicegate_timer::Clock;

use self::document::Document;
use super::failure::Failure;
use super::terminal;
use crate::cli::{Checklist, ChecklistFormat, Service};
use crate::design::checklist::{self, Answers};
use crate::measure::checklist::{ChecklistRecord, ChecksRecord, CountsRecord, ExchangeRecord, SimulatedRecord, VERSION};
use crate::report::{self, json::WriteError, quantity};

/// Answers every question that can be; the exit code. Standard output is the same to the byte for the same seed, unless an endpoint is asked.
pub(super) fn checklist(asked: &Checklist) -> Result<u8, Failure> {
    known(&asked.waive)?;
    if asked.document.is_none() && asked.probe.target.is_none() {
        return listed(asked);
    }
    let document = asked.document.as_deref().map(|path| document::read(path, asked)).transpose()?;
    // Before anything is simulated: what is refused is refused at once.
    let target = probing::permitted(asked, document.as_ref())?;
    let mut answers = Answers::default();
    let mut simulated = None;
    if let Some(document) = &document {
        answers = checklist::judged(&facts::of(document));
        simulated = gated(asked, document, &mut answers)?;
    }
    let exchanges = match target {
        Some(endpoint) => probing::probe(asked, endpoint, document.as_ref(), &mut answers)?,
        None => Vec::new(),
    };
    let counts = answers.settle(&asked.waive);
    let record = record(asked, (document.as_ref(), simulated), (answers, counts), exchanges);
    shown(asked.format, &record)?;
    Ok(match counts {
        CountsRecord { fail: 1.., .. } => 3,
        CountsRecord { unknown: 1.., .. } if asked.strict => 4,
        CountsRecord { .. } => 0,
    })
}

/// The gates of a document.
fn gated(asked: &Checklist, document: &Document, answers: &mut Answers) -> Result<Option<SimulatedRecord>, Failure> {
    let clock = Clock::starting_now();
    let simulated = gates::judge(asked, document, answers)?;
    if let Some(simulated) = simulated.as_ref().filter(|_| !asked.quiet) {
        let took = quantity::duration_ns(clock.now().as_ns());
        terminal::tell(&format!("simulated {} in {took}\n", quantity::counted(simulated.requests, "request")));
    }
    Ok(simulated)
}

fn service(Service::ApiGateway: Service) -> String {
    "api-gateway".to_owned()
}

fn record(
    asked: &Checklist,
    (document, simulated): (Option<&Document>, Option<SimulatedRecord>),
    (answers, counts): (Answers, CountsRecord),
    exchanges: Vec<ExchangeRecord>,
) -> ChecklistRecord {
    let Answers { findings, not_applicable } = answers;
    ChecklistRecord {
        version: VERSION,
        sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
        service: service(asked.service),
        document: asked.document.as_ref().map(|path| path.display().to_string()),
        read_as: document.map(|document| document.read.as_str().to_owned()),
        stage: document.map(|document| document.plan.model.stage_name(document.plan.stage)),
        target: asked.probe.target.as_ref().map(ToString::to_string),
        simulated,
        counts,
        findings,
        not_applicable,
        exchanges,
    }
}

/// Every question there is.
fn listed(asked: &Checklist) -> Result<u8, Failure> {
    let record = ChecksRecord {
        version: VERSION,
        sluicegate: env!("CARGO_PKG_VERSION").to_owned(),
        service: service(asked.service),
        checks: checklist::records(),
    };
    match asked.format {
        ChecklistFormat::Text => terminal::print(report::checklist::list_text(&record, terminal::look()))?,
        ChecklistFormat::Markdown => terminal::print(report::checklist::list_markdown(&record))?,
        ChecklistFormat::Json => terminal::print(written(report::checklist::json(&record))?)?,
    }
    Ok(0)
}

fn shown(format: ChecklistFormat, record: &ChecklistRecord) -> Result<(), Failure> {
    match format {
        ChecklistFormat::Text => terminal::print(report::checklist::text(record, terminal::look())),
        ChecklistFormat::Markdown => terminal::print(report::checklist::markdown(record)),
        ChecklistFormat::Json => terminal::print(written(report::checklist::json(record))?),
    }
}

fn written(json: Result<Vec<u8>, WriteError>) -> Result<Vec<u8>, Failure> {
    json.map_err(|error| Failure::broken("writing the record", error))
}

/// A name that no check has would waive nothing, and nobody would notice.
fn known(waived: &[String]) -> Result<(), Failure> {
    let names: Vec<&str> = checklist::checks().iter().map(|check| check.id).collect();
    let Some(unknown) = waived.iter().find(|id| !names.contains(&id.as_str())) else { return Ok(()) };
    Err(Failure::usage(format!(
        "--waive {unknown:?}: there is no such check; `sluicegate checklist` lists them: {}",
        names.join(", ")
    )))
}
