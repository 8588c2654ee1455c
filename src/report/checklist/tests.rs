//! Checklists as people and machines read them.

use super::super::look::Look;
use super::*;
use crate::measure::checklist::{CheckRecord, ExchangeRecord, NotApplicableRecord, RowRecord, SimulatedRecord, VERSION};

fn finding(id: &str, area: &str, answer: Answered) -> FindingRecord {
    FindingRecord {
        id: id.to_owned(),
        area: area.to_owned(),
        asks: "Is it as it should be?".to_owned(),
        answer,
        waived: false,
        looked_at: "2 stages".to_owned(),
        because: "no access log: prod".to_owned(),
        figures: Vec::new(),
        tables: Vec::new(),
        cure: (answer != Answered::Pass).then(|| "set one".to_owned()),
        source: Some("developer guide".to_owned()),
    }
}

fn figure(what: &str, value: f64, unit: Measure) -> FigureRecord {
    FigureRecord { what: what.to_owned(), value, unit }
}

fn gate() -> FindingRecord {
    let figures = vec![
        figure("budget", 0.001, Measure::Share),
        figure("spent after", 3.0 * 86_400e9, Measure::Ns),
        figure("noticed after at most", 60e9, Measure::Ns),
        figure("peak", 120.0, Measure::PerSecond),
        figure("requests", 259_200_000.0, Measure::Count),
    ];
    let row = |name: &str, cells| RowRecord { name: name.to_owned(), cells };
    let numbers = TableRecord {
        title: "Who spends it".to_owned(),
        columns: vec![Column::Failed, Column::Share, Column::P99, Column::Month, Column::Exhausted],
        rows: vec![row(
            "integrations",
            vec![
                CellRecord::Number(1_000.0),
                CellRecord::Number(0.01),
                CellRecord::Number(124e6),
                CellRecord::Number(12.5),
                CellRecord::Absent,
            ],
        )],
    };
    let words = TableRecord {
        title: "What differs".to_owned(),
        columns: vec![Column::Throttle],
        rows: vec![row("dev|x", vec![CellRecord::Words("10/s, burst 5".to_owned())])],
    };
    FindingRecord { figures, tables: vec![numbers, words], ..finding("gate.error-budget", "Gates, simulated", Answered::Fail) }
}

fn record() -> ChecklistRecord {
    let waived = FindingRecord { waived: true, ..finding("alarms.latency", "Alarms", Answered::Fail) };
    let findings = vec![
        finding("cors.credentials", "CORS", Answered::Pass),
        finding("logs.access", "Logs", Answered::Fail),
        finding("logs.fields", "Logs", Answered::Unknown),
        waived,
        gate(),
    ];
    let not_applicable = vec![NotApplicableRecord { id: "tls.policy".to_owned(), because: "there is none".to_owned() }];
    ChecklistRecord {
        version: VERSION,
        sluicegate: "0.1.0".to_owned(),
        service: "api-gateway".to_owned(),
        document: Some("profiles/<shop>.yaml".to_owned()),
        read_as: Some("a profile".to_owned()),
        stage: Some("prod".to_owned()),
        target: None,
        simulated: Some(SimulatedRecord { seed: 1, replications: 4, counted_s: 27.0, requests: 48_000 }),
        counts: CountsRecord::of(&findings, &not_applicable),
        findings,
        not_applicable,
        exchanges: vec![ExchangeRecord {
            sent: "GET https://api.example.com/a".to_owned(),
            answered: "401".to_owned(),
            took_ns: 12_000_000,
        }],
    }
}

#[test]
fn a_checklist_with_every_answer_and_a_gate() {
    insta::assert_snapshot!(text(&record(), Look::default()));
}

#[test]
fn it_fits_a_narrow_terminal() {
    let narrow = text(&record(), Look { width: 40, ..Look::default() });
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
}

#[test]
fn the_markdown_has_what_fails_first_and_no_markup_from_outside() {
    let page = markdown(&record());
    insta::assert_snapshot!(page);
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut wanted = None;
    for line in page.lines() {
        if line.starts_with('|') {
            assert_eq!(*wanted.get_or_insert(columns(line)), columns(line), "{line}");
        } else {
            wanted = None;
        }
    }
}

#[test]
fn the_json_is_as_its_schema_says() {
    let value: serde_json::Value = serde_json::from_slice(&json(&record()).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut broken = value;
    broken["findings"][0]["answer"] = "maybe".into();
    assert!(!validator.is_valid(&broken));
}

#[test]
fn the_list_has_every_question_in_both_formats() {
    let check = CheckRecord {
        id: "cors.credentials".to_owned(),
        area: "CORS".to_owned(),
        asks: "Are they kept?".to_owned(),
        cure: "name a|b".to_owned(),
        source: None,
    };
    let record =
        ChecksRecord { version: VERSION, sluicegate: "0.1.0".to_owned(), service: "api-gateway".to_owned(), checks: vec![check] };
    let list = list_text(&record, Look::default());
    assert!(list.contains("1 check for api-gateway") && list.contains("cors.credentials: Are they kept?"), "{list}");
    assert!(list_markdown(&record).contains("| cors.credentials | CORS | Are they kept? | name a\\|b |"));
}
