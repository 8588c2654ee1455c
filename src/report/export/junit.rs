//! JUnit XML, as pipelines read test reports: each assumption a test case, and the run itself one before them.
//!
//! Owns what is a failure and what an error: there is one of them exactly where the exit code is not 0. A violated assumption is a failure, and so
//! is a run that a condition of its profile ended (exit code 3). An inconclusive one is an error, and not skipped: the run proved nothing of it and
//! exits with 4, and readers show what was skipped as passed. A run that is invalid, was interrupted, failed or did not end is an error of the run;
//! its assumptions are skipped, for no verdict stands on it. A run that was held against a baseline has a case for that, and one for each of its
//! claims. Refuses to judge. Called by `command`.
//!
//! The elements are those that Jenkins and GitLab read (GitLab's table of parsed elements, November 2026: it shows `classname` as the suite).

use std::borrow::Cow;
use std::path::Path;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::measure::comparison::ComparisonRecord;
use crate::measure::record::{Answer, Doubt, RunRecord, Stopped, Verdict, Weight};

use super::super::comparison::Comparison;
use super::super::conclusion::Conclusion;
use super::super::page::clean;
use super::super::quantity::{counted, range, value_or_absent};

/// The case that stands for the run itself.
const RUN: &str = "the run can be believed";

const NS_PER_S: f64 = 1e9;

/// One test case.
struct Case<'a> {
    name: Cow<'a, str>,
    ending: Ending,
}

/// How a test case ended.
enum Ending {
    Passed,
    Failed(Problem),
    Errored(Problem),
    Skipped(String),
}

/// Why a test case did not pass.
struct Problem {
    /// A word for it.
    kind: &'static str,
    /// In a line.
    message: String,
    /// More, line by line.
    lines: Vec<String>,
}

/// The run as a test report.
pub fn write(record: &RunRecord) -> Vec<u8> {
    let cases = cases(record);
    let count = |is: fn(&Ending) -> bool| cases.iter().filter(|case| is(&case.ending)).count().to_string();
    let counts = [
        ("tests", cases.len().to_string()),
        ("failures", count(|ending| matches!(ending, Ending::Failed(_)))),
        ("errors", count(|ending| matches!(ending, Ending::Errored(_)))),
        ("skipped", count(|ending| matches!(ending, Ending::Skipped(_)))),
        ("time", format!("{:.3}", record.plan.duration_ns as f64 / NS_PER_S)),
    ];
    let mut xml = Xml::new();
    let named = |name: &str| std::iter::once(("name", name.to_owned())).chain(counts.iter().cloned()).collect::<Vec<_>>();
    xml.open("testsuites", &named("sluicegate"));
    let mut suite = named(&record.plan.profile);
    suite.push(("timestamp", record.plan.started_at.clone()));
    xml.open("testsuite", &suite);
    properties(&mut xml, record);
    let class = format!("sluicegate.{}", stem(record));
    for case in &cases {
        xml.case(case, &class);
    }
    xml.close("testsuite");
    xml.close("testsuites");
    xml.into_bytes()
}

/// The run first, then its assumptions.
fn cases(record: &RunRecord) -> Vec<Case<'_>> {
    let conclusion = Conclusion::of(record);
    let run = Case { name: RUN.into(), ending: of_run(record, conclusion) };
    let is_judged = conclusion.is_judged();
    let verdicts = record.verdicts.iter();
    let verdicts = verdicts.map(|verdict| Case {
        name: verdict.assumption.as_str().into(),
        ending: of_verdict(verdict, ("predicted", "observed"), is_judged),
    });
    let baseline = record.baseline.iter().flat_map(|baseline| of_baseline(baseline, is_judged));
    std::iter::once(run).chain(verdicts).chain(baseline).collect()
}

/// Whether the run can be held against its baseline, and each claim of that.
fn of_baseline(record: &ComparisonRecord, is_judged: bool) -> impl Iterator<Item = Case<'_>> {
    let comparison = Comparison::of(record);
    let is_comparable = comparison != Comparison::NotComparable;
    let ending = match () {
        () if !is_judged => Ending::Skipped(NOT_JUDGED.to_owned()),
        () if is_comparable => Ending::Passed,
        () => Ending::Errored(Problem {
            kind: "not-comparable",
            message: comparison.sentence(record),
            lines: record.doubts.iter().filter(|doubt| doubt.weight == Weight::Invalid).flat_map(explained).collect(),
        }),
    };
    let first = Case { name: COMPARABLE.into(), ending };
    let verdicts = record.verdicts.iter().map(move |verdict| Case {
        name: format!("baseline: {}", verdict.assumption).into(),
        ending: of_verdict(verdict, ("before", "now"), is_judged && is_comparable),
    });
    std::iter::once(first).chain(verdicts)
}

/// The case that stands for the comparison with the baseline.
const COMPARABLE: &str = "the run can be held against its baseline";

/// Why an assumption of such a run is skipped.
const NOT_JUDGED: &str = "no verdict stands on this run";

fn of_run(record: &RunRecord, conclusion: Conclusion) -> Ending {
    let problem = |kind| Problem { kind, message: conclusion.sentence(record), lines: lines(record) };
    match conclusion {
        Conclusion::Violated(_)
        | Conclusion::Inconclusive(_)
        | Conclusion::Baseline(_)
        | Conclusion::NothingClaimed
        | Conclusion::Holds(_) => Ending::Passed,
        Conclusion::Aborted(_) => Ending::Failed(problem("aborted")),
        Conclusion::Interrupted(_) => Ending::Errored(problem("interrupted")),
        Conclusion::Failed => Ending::Errored(problem("failed")),
        Conclusion::Unfinished => Ending::Errored(problem("unfinished")),
        Conclusion::Invalid => Ending::Errored(problem("invalid")),
    }
}

/// What ended the run, and what speaks against it.
fn lines(record: &RunRecord) -> Vec<String> {
    let ended = match &record.stopped {
        Some(Stopped::Failed(why)) => Some(why.clone()),
        Some(Stopped::Aborted(abort)) => Some(format!("{}: met in second {}", abort.condition, abort.second)),
        Some(Stopped::Interrupted(_)) | None => None,
    };
    let invalid = record.doubts.iter().filter(|doubt| doubt.weight == Weight::Invalid);
    ended.into_iter().chain(invalid.flat_map(explained)).collect()
}

fn explained(Doubt { kind, what, advice, .. }: &Doubt) -> impl Iterator<Item = String> {
    let advice = (!advice.is_empty()).then(|| format!("What to change: {advice}"));
    std::iter::once(format!("{kind}: {what}")).chain(advice)
}

/// `words` are those for what it is held against and for what was seen.
fn of_verdict(verdict: &Verdict, words: (&str, &str), is_judged: bool) -> Ending {
    if !is_judged {
        return Ending::Skipped(NOT_JUDGED.to_owned());
    }
    let unit = verdict.unit;
    let message = format!(
        "{} {}, {} {}, 90 % interval {}, allowed {}",
        words.0,
        value_or_absent(unit, verdict.predicted),
        words.1,
        value_or_absent(unit, verdict.observed),
        range(unit, verdict.interval),
        range(unit, verdict.band),
    );
    let judged_on = format!("judged on {}", counted(verdict.requests, "request"));
    let problem = |kind| Problem { kind, message, lines: vec![verdict.because.clone(), judged_on] };
    match verdict.answer {
        Answer::Holds => Ending::Passed,
        Answer::Violated => Ending::Failed(problem("violated")),
        Answer::Inconclusive => Ending::Errored(problem("inconclusive")),
    }
}

/// What somebody needs to find the run again, and to repeat it.
fn properties(xml: &mut Xml, record: &RunRecord) {
    let plan = &record.plan;
    let conclusion = Conclusion::of(record);
    let mut all = vec![
        ("sluicegate", plan.sluicegate.clone()),
        ("target", plan.target.clone()),
        ("seed", plan.seed.to_string()),
        ("script_hash", plan.script_hash.clone()),
        ("conclusion", conclusion.sentence(record)),
        ("exit_code", conclusion.exit_code().to_string()),
    ];
    all.extend(record.id.iter().map(|id| ("run", id.clone())));
    let baseline = record.baseline.iter().filter_map(|baseline| baseline.before.as_ref());
    all.extend(baseline.map(|before| ("baseline", before.path.clone())));
    all.extend(plan.log.iter().map(|log| ("log", log.clone())));
    all.extend((!plan.drift.is_empty()).then(|| ("drift", plan.drift.join("; "))));
    xml.open("properties", &[]);
    for (name, value) in all {
        xml.empty("property", &[("name", name.to_owned()), ("value", value)]);
    }
    xml.close("properties");
}

/// What the profile, or the log that was replayed, is called; a point would begin another package in some readers.
fn stem(record: &RunRecord) -> String {
    let name = record.plan.log.as_deref().unwrap_or(&record.plan.profile);
    let stem = Path::new(name).file_stem().unwrap_or_default();
    stem.to_string_lossy().replace('.', "_")
}

/// A document that is being written.
struct Xml(Writer<Vec<u8>>);

impl Xml {
    fn new() -> Self {
        let mut xml = Self(Writer::new_with_indent(Vec::new(), b' ', 2));
        xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        xml
    }

    fn open(&mut self, name: &str, attributes: &[(&str, String)]) {
        self.event(Event::Start(tag(name, attributes)));
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, String)]) {
        self.event(Event::Empty(tag(name, attributes)));
    }

    fn close(&mut self, name: &str) {
        self.event(Event::End(BytesEnd::new(name)));
    }

    fn case(&mut self, case: &Case<'_>, class: &str) {
        let attributes = [("name", case.name.clone().into_owned()), ("classname", class.to_owned())];
        let problem = match &case.ending {
            Ending::Passed => return self.empty("testcase", &attributes),
            Ending::Skipped(why) => {
                self.open("testcase", &attributes);
                self.empty("skipped", &[("message", why.clone())]);
                return self.close("testcase");
            }
            Ending::Failed(problem) => ("failure", problem),
            Ending::Errored(problem) => ("error", problem),
        };
        self.open("testcase", &attributes);
        let (name, Problem { kind, message, lines }) = problem;
        self.open(name, &[("type", (*kind).to_owned()), ("message", message.clone())]);
        let lines: Vec<String> = lines.iter().map(|line| printable(line)).collect();
        self.event(Event::Text(BytesText::new(&lines.join("\n"))));
        self.close(name);
        self.close("testcase");
    }

    fn event(&mut self, event: Event<'_>) {
        self.0.write_event(event).expect("a vector takes everything");
    }

    fn into_bytes(self) -> Vec<u8> {
        let mut bytes = self.0.into_inner();
        bytes.push(b'\n');
        bytes
    }
}

fn tag<'a>(name: &'a str, attributes: &[(&str, String)]) -> BytesStart<'a> {
    let mut tag = BytesStart::new(name);
    for (key, value) in attributes {
        tag.push_attribute((*key, printable(value).as_str()));
    }
    tag
}

/// What XML 1.0 has no way to write (section 2.2, Char: control characters, U+FFFE and U+FFFF) is shown as an escape.
fn printable(text: &str) -> String {
    clean(text).replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

#[cfg(test)]
mod tests {
    use super::super::super::{arbitrary, sample};
    use super::*;
    use proptest::prelude::*;
    use roxmltree::{Document, Node};

    fn text(record: &RunRecord) -> String {
        String::from_utf8(write(record)).unwrap()
    }

    /// Of all test cases together: how many there are of an element.
    fn elements(document: &Document<'_>, name: &str) -> usize {
        document.descendants().filter(|node| node.has_tag_name(name)).count()
    }

    fn case<'a>(document: &'a Document<'a>, name: &str) -> Node<'a, 'a> {
        document.descendants().find(|node| node.has_tag_name("testcase") && node.attribute("name") == Some(name)).unwrap()
    }

    #[test]
    fn a_violated_assumption_is_a_failure_and_what_holds_passes() {
        insta::assert_snapshot!(text(&sample::violated()));
    }

    #[test]
    fn an_inconclusive_assumption_is_an_error_as_the_exit_code_is_not_zero() {
        let text = text(&sample::inconclusive());
        let document = Document::parse(&text).unwrap();
        assert_eq!((elements(&document, "error"), elements(&document, "skipped"), elements(&document, "failure")), (2, 0, 0));
        let error = case(&document, "throttled").first_element_child().unwrap();
        assert_eq!(error.attribute("type"), Some("inconclusive"));
        assert!(error.text().unwrap().contains("about 12,000 more"), "{text}");
    }

    #[test]
    fn an_invalid_run_is_an_error_of_the_run_and_its_assumptions_are_skipped() {
        let text = text(&sample::invalid());
        let document = Document::parse(&text).unwrap();
        assert_eq!((elements(&document, "error"), elements(&document, "skipped")), (1, 3));
        let error = case(&document, RUN).first_element_child().unwrap();
        assert_eq!(error.attribute("type"), Some("invalid"));
        assert!(error.text().unwrap().contains("What to change: raise --connections"), "{text}");
        assert!(!error.text().unwrap().contains("reconnects"), "a note invalidates nothing: {text}");
    }

    #[test]
    fn a_claim_of_the_baseline_that_is_violated_is_a_failure_of_its_own() {
        let mut record = sample::holding();
        record.baseline = Some(Box::new(sample::comparison(sample::violated().verdicts)));
        let text = text(&record);
        let document = Document::parse(&text).unwrap();
        assert_eq!((elements(&document, "failure"), elements(&document, "testcase")), (1, 8));
        let failure = case(&document, "baseline: GET /orders/{id} latency p95").first_element_child().unwrap();
        assert_eq!(failure.attribute("type"), Some("violated"));
        assert!(failure.attribute("message").is_some_and(|it| it.starts_with("before ") && it.contains(", now ")), "{text}");
        let property = document.descendants().find(|node| node.attribute("name") == Some("baseline")).unwrap();
        assert_eq!(property.attribute("value"), Some("runs/before"));
    }

    #[test]
    fn a_run_that_claims_nothing_still_has_a_test_case() {
        let mut record = sample::holding();
        record.verdicts.clear();
        let text = text(&record);
        let document = Document::parse(&text).unwrap();
        assert_eq!(elements(&document, "testcase"), 1);
        assert_eq!(document.root_element().attribute("failures"), Some("0"));
    }

    #[test]
    fn a_name_with_quotes_and_control_characters_is_still_to_be_read() {
        let mut record = sample::holding();
        record.verdicts[0].assumption = "a\"b'<c>&d\u{0}\u{1b}[2J\u{ffff}\nnext".to_owned();
        let text = text(&record);
        let document = Document::parse(&text).unwrap();
        case(&document, "a\"b'<c>&d\\u{0}\\u{1b}[2J\\u{ffff} next");
    }

    proptest! {
        #[test]
        fn any_record_is_well_formed_and_fails_exactly_where_the_exit_code_is_not_zero(record in arbitrary::record()) {
            let text = text(&record);
            let document = Document::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
            let root = document.root_element();
            let told = |name: &str| root.attribute(name).and_then(|count| count.parse::<usize>().ok());
            for (count, element) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")] {
                prop_assert_eq!(told(count), Some(elements(&document, element)), "{}", count);
            }
            let failed = elements(&document, "failure") + elements(&document, "error") > 0;
            let code = Conclusion::of(&record).exit_code();
            prop_assert_eq!(failed, code != 0);
            prop_assert_eq!(elements(&document, "failure") > 0, code == 3, "{}", text);
        }
    }
}
