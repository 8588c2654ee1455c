//! The report as one page for a browser: the same words and tables as the text report, and charts of what is seen better than read.
//!
//! Owns the order of the page, and that it is one file which asks the network for nothing: its style, its script and the chart library (uPlot, MIT)
//! stand in it, and a content policy forbids everything else. Refuses words and numbers of its own (`text` has them) and to judge. Called by
//! `command` for `report.html` of a run's folder, and by `sluicegate report`.

mod blocks;
mod charts;
mod margins;
mod waterfall;

use std::fmt::Write;

use crate::measure::kept::KeptSeconds;
use crate::measure::record::RunRecord;

use super::conclusion::Conclusion;
use super::page::Page;
use super::{json, text};

const STYLE: &str = include_str!("html/page.css");
const CHART_STYLE: &str = include_str!("html/uplot/uPlot.min.css");
const SCRIPT: &str = include_str!("html/page.js");
const CHART_SCRIPT: &str = include_str!("html/uplot/uPlot.iife.min.js");

/// Nothing is fetched, whatever stands in the record.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
/// The same for a page that is told what is new, by whoever served it.
const LIVE_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; connect-src 'self'";

/// The page of a run; `kept` are the response times of its seconds, or why its interval log cannot tell them.
pub fn report(record: &RunRecord, kept: Result<&KeptSeconds, &str>) -> Result<String, json::WriteError> {
    let sentence = Conclusion::of(record).sentence(record);
    let mut out = String::with_capacity(256 << 10);
    begin(&mut out, POLICY, &format!("{}: {sentence}", record.plan.profile));
    out.push_str("<main>\n");
    out.push_str(&content(record, kept)?);
    out.push_str("</main>\n");
    end(&mut out);
    Ok(out)
}

/// What stands in the page.
pub fn content(record: &RunRecord, kept: Result<&KeptSeconds, &str>) -> Result<String, json::WriteError> {
    let (mut head, mut numbers) = (Page::of_blocks(), Page::of_blocks());
    text::head(&mut head, record);
    text::numbers(&mut numbers, record);
    let charts = charts::of(record, kept.ok());
    let mut out = String::with_capacity(64 << 10);
    blocks::write(&mut out, &head.into_blocks());
    margins::write(&mut out, record);
    charts::write(&mut out, &charts, kept.err())?;
    waterfall::write(&mut out, record);
    blocks::write(&mut out, &numbers.into_blocks());
    plan(&mut out, record)?;
    Ok(out)
}

/// A page without content, which is told it by server-sent events from `events` beside it: `content` with the [`content`] as a JSON string, and
/// `over` when there is no more.
pub fn live(profile: &str) -> String {
    let mut out = String::with_capacity(128 << 10);
    begin(&mut out, LIVE_POLICY, &format!("{profile}: running"));
    out.push_str(
        "<p class=\"live\"><b id=\"state\">connecting</b> <label><input type=\"checkbox\" id=\"pause\"> pause the view (the run goes on)</label></p>\n\
         <main data-events=\"events\"></main>\n",
    );
    end(&mut out);
    out
}

fn begin(out: &mut String, policy: &str, title: &str) {
    let title = blocks::escaped(title);
    put(
        out,
        format_args!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
             content=\"{policy}\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" \
             content=\"light dark\">\n<title>{title}</title>\n<style>\n{CHART_STYLE}\n{STYLE}</style>\n</head>\n<body>\n"
        ),
    );
}

/// All that was asked for, and where it ran.
fn plan(out: &mut String, record: &RunRecord) -> Result<(), json::WriteError> {
    let pretty = |value: &dyn Fn() -> serde_json::Result<String>| value().map(|text| blocks::escaped(&text));
    let plan = pretty(&|| serde_json::to_string_pretty(&record.plan))?;
    let machine = pretty(&|| serde_json::to_string_pretty(&record.machine))?;
    put(
        out,
        format_args!(
            "<section>\n<h2>Plan and machine</h2>\n<details><summary>The resolved plan</summary>\n<pre>{plan}</pre></details>\n\
             <details><summary>The machine</summary>\n<pre>{machine}</pre></details>\n</section>\n"
        ),
    );
    Ok(())
}

fn end(out: &mut String) {
    put(out, format_args!("<script>\n{CHART_SCRIPT}\n</script>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
}

/// Adds to the page.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes what is written");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{arbitrary, sample};
    use super::*;

    fn page(record: &RunRecord) -> String {
        report(record, Err("latency.hlog: cannot be read")).unwrap()
    }

    /// The page without its style and scripts, which are ours.
    fn body(page: &str) -> String {
        let from = page.find("<main>").expect("a body");
        page[from..page.find("</main>").expect("it ends")].to_owned()
    }

    #[test]
    fn the_answer_comes_first_then_whether_to_believe_it_then_the_numbers() {
        let page = page(&sample::violated());
        let headings: Vec<&str> = page.split("<h2>").skip(1).map(|rest| rest.split('<').next().unwrap_or_default()).collect();
        assert!(headings[0].starts_with("sluicegate "), "{headings:?}");
        assert_eq!(headings[1..7], ["Answer", "Can it be believed?", "What to do next", "Margins", "Charts", "Load"]);
        assert_eq!(headings.last(), Some(&"Plan and machine"));
        assert!(page.contains("<title>profiles/quickstart.yaml: VIOLATED: 1 of 3 assumptions does not hold</title>"));
    }

    #[test]
    fn it_says_what_the_text_report_says() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        for record in [sample::violated(), sample::inconclusive(), sample::invalid(), sample::of_sessions()] {
            let page = words(&page(&record));
            for doubt in &record.doubts {
                assert!(page.contains(&words(&blocks::escaped(&doubt.advice))), "{}", doubt.advice);
            }
            for verdict in &record.verdicts {
                assert!(page.contains(&blocks::escaped(&verdict.assumption)), "{}", verdict.assumption);
            }
        }
    }

    #[test]
    fn it_asks_the_network_for_nothing() {
        let page = page(&sample::holding());
        for asking in [" src=", " href=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
            assert!(!page.contains(asking), "{asking}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_of_a_record_is_anything_but_text(record in arbitrary::record(), name in "[<>\"'&a-z/!\\-]{0,20}") {
            let mut record = record;
            record.plan.profile = format!("<script>{name}</script><!--");
            record.series.iter_mut().for_each(|series| series.name = format!("<img src=x onerror={name}>"));
            let body = body(&page(&record));
            prop_assert!(!body.contains("<img") && !body.contains("<!--"), "{}", body);
            // Those of the numbers, if there are charts.
            prop_assert_eq!(body.matches("<script").count(), body.matches("id=\"numbers\"").count());
            for (opens, closes) in [("<section>", "</section>"), ("<table", "</table>"), ("<dl>", "</dl>"), ("<tr>", "</tr>"), ("<figure>", "</figure>")] {
                prop_assert_eq!(body.matches(opens).count(), body.matches(closes).count(), "{}", opens);
            }
        }
    }
}
