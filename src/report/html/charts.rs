//! What is drawn: percentile curves, distributions, rates, percentiles and connections over time, as numbers for the page's script.
//!
//! Owns which lines stand in which chart, and that a chart stays small however long the run was. Refuses to draw (`page.js`, by uPlot) and numbers
//! that the record and its seconds do not have: a chart without numbers is left out.

use serde::Serialize;

use super::blocks::escaped;

use super::put;
use crate::measure::kept::KeptSeconds;
use crate::measure::record::{ConnectionSecond, CurvePoint, RunRecord, SecondRecord, SeriesRecord};
use crate::report::heat::{self, Heat};
use crate::report::json;

/// Points of a line over time; a longer run has several seconds to a point.
const POINTS_MAX: usize = 600;

/// A chart.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Chart {
    id: &'static str,
    title: &'static str,
    note: String,
    x: Axis,
    y: Axis,
    /// Rising.
    xs: Vec<f64>,
    lines: Vec<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heat: Option<Heat>,
}

/// An axis.
#[derive(Clone, Copy, Debug, Serialize)]
struct Axis {
    label: &'static str,
    unit: AxisUnit,
    log: bool,
}

/// What the numbers of an axis are, and how the script writes them.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum AxisUnit {
    /// Nanoseconds.
    Ns,
    /// Seconds since the run began.
    Second,
    /// One in how many is beyond: 100 is p99.
    OneIn,
    /// 0 to 1.
    Share,
    /// Things in a second.
    PerSecond,
    /// Things.
    Count,
}

/// A line; `None` where it has no point.
#[derive(Clone, Debug, Serialize)]
struct Line {
    label: &'static str,
    look: LineLook,
    values: Vec<Option<f64>>,
}

/// How a line is told from the others.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum LineLook {
    /// What was measured, or meant most.
    Seen,
    /// What the model says.
    Model,
    /// A second thing that was measured.
    Other,
    /// What is no good.
    Bad,
    /// What is refused.
    Unsure,
}

const RESPONSE: Axis = Axis { label: "response time", unit: AxisUnit::Ns, log: true };
const TIME: Axis = Axis { label: "second of the run", unit: AxisUnit::Second, log: false };

impl Chart {
    /// One without numbers yet, with these axes across and up.
    fn empty(id: &'static str, title: &'static str, note: &str, (x, y): (Axis, Axis)) -> Self {
        Self { id, title, note: note.to_owned(), x, y, xs: Vec::new(), lines: Vec::new(), heat: None }
    }
}

/// All charts of a run that have something to show.
pub(super) fn of(record: &RunRecord, kept: Option<&KeptSeconds>) -> Vec<Chart> {
    let curves = Curves::of(record);
    let seconds = Grouped::of(&record.seconds);
    [
        curves.percentiles(),
        curves.distribution(),
        kept.and_then(over_time).or_else(|| seconds.percentiles()),
        seconds.rates(),
        record.connections.as_ref().and_then(|it| connections(&it.seconds)),
        record.connections.as_ref().and_then(|it| messages(&it.seconds)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Places for the charts, and their numbers; `missing` is why those of single seconds are not all there.
pub(super) fn write(out: &mut String, charts: &[Chart], missing: Option<&str>) -> Result<(), json::WriteError> {
    if charts.is_empty() {
        return Ok(());
    }
    out.push_str("<section>\n<h2>Charts</h2>\n");
    if let Some(why) = missing {
        put(out, format_args!("<p class=\"unsure\">No heat map: {}</p>\n", escaped(why)));
    }
    out.push_str("<div class=\"charts\">\n");
    for chart in charts {
        let (title, note) = (escaped(chart.title), escaped(&chart.note));
        put(
            out,
            format_args!(
                "<figure><figcaption><b>{title}</b> <span class=\"faint\">{note}</span></figcaption><div class=\"chart\" id=\"{}\" role=\"img\" \
                 aria-label=\"{title}\"></div></figure>\n",
                chart.id
            ),
        );
    }
    // Within a script nothing is escaped: whatever could end it must not stand there.
    let numbers = serde_json::to_string(charts)?.replace('<', "\\u003c");
    put(out, format_args!("</div>\n<noscript><p>Charts need the page's script.</p></noscript>\n"));
    put(out, format_args!("<script type=\"application/json\" id=\"numbers\">{numbers}</script>\n</section>\n"));
    Ok(())
}

/// The percentile curves of what was measured, of the model and of the baseline.
struct Curves<'a> {
    seen: &'a [CurvePoint],
    model: &'a [CurvePoint],
    /// Of the run that it is held against besides: at the mock, say, where this one was at a live target.
    baseline: &'a [CurvePoint],
}

impl<'a> Curves<'a> {
    fn of(record: &'a RunRecord) -> Self {
        let of = |series: &'a Option<SeriesRecord>| series.as_ref().map(|series| &*series.admitted).unwrap_or_default();
        let before = record.baseline.as_ref().and_then(|baseline| baseline.before.as_ref());
        let baseline = before.map(|run| &*run.admitted).unwrap_or_default();
        Self { seen: of(&record.total), model: of(&record.predicted_total), baseline }
    }

    /// Over how rare it is, so that the tail has as much room as the rest.
    fn percentiles(&self) -> Option<Chart> {
        let one_in = |point: &CurvePoint| (1.0 / (1.0 - point.share), point.ns as f64);
        self.chart(
            one_in,
            Chart::empty(
                "percentiles",
                "Percentile curve",
                "of what was admitted and did not fail; from the intended instant",
                (Axis { label: "percentile", unit: AxisUnit::OneIn, log: true }, RESPONSE),
            ),
        )
    }

    fn distribution(&self) -> Option<Chart> {
        self.chart(
            |point| (point.ns as f64, point.share),
            Chart::empty(
                "distribution",
                "Distribution",
                "share that was no slower",
                (RESPONSE, Axis { label: "share", unit: AxisUnit::Share, log: false }),
            ),
        )
    }

    /// The chart with both curves in it; `place` is where a point stands.
    fn chart(&self, place: impl Fn(&CurvePoint) -> (f64, f64), chart: Chart) -> Option<Chart> {
        let curves = [
            ("observed", LineLook::Seen, self.seen),
            ("model", LineLook::Model, self.model),
            ("baseline", LineLook::Other, self.baseline),
        ];
        let told = curves.into_iter().filter(|(.., points)| !points.is_empty());
        let places = told.map(|(label, look, points)| (label, look, points.iter().map(&place).collect::<Vec<_>>()));
        let places: Vec<_> = places.collect();
        let (xs, lines) = together(&places);
        (!xs.is_empty()).then_some(Chart { xs, lines, ..chart })
    }
}

/// A line with places of its own.
type Placed = (&'static str, LineLook, Vec<(f64, f64)>);

/// Such lines over the places of all of them.
fn together(lines: &[Placed]) -> (Vec<f64>, Vec<Line>) {
    let on_axis = |x: f64| x.is_finite() && x > 0.0;
    let mut xs: Vec<f64> = lines.iter().flat_map(|(.., places)| places).map(|(x, _)| *x).filter(|x| on_axis(*x)).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    let line = |(label, look, places): &Placed| {
        // Of several at one place the last is the highest: curves rise.
        let at = |x: &f64| places.iter().rev().find(|place| place.0.total_cmp(x).is_eq()).map(|place| place.1);
        Line { label, look: *look, values: xs.iter().map(at).collect() }
    };
    let lines = lines.iter().map(line).collect();
    (xs, lines)
}

/// How response times lie in each second.
fn over_time(kept: &KeptSeconds) -> Option<Chart> {
    let (xs, quantiles, heat) = heat::of(kept, heat::OF_A_PAGE)?;
    let line = |label, look, at: usize| Line { label, look, values: quantiles.iter().map(|all| Some(all[at])).collect() };
    let note = if heat.seconds == 1 { "by intended second".to_owned() } else { format!("{} seconds to a column", heat.seconds) };
    Some(Chart {
        id: "over-time",
        title: "Response time over time",
        note: format!("of what was admitted and did not fail; darker: more; {note}"),
        x: TIME,
        y: RESPONSE,
        lines: vec![line("p50", LineLook::Seen, 0), line("p95", LineLook::Unsure, 1), line("p99", LineLook::Bad, 2)],
        xs,
        heat: Some(heat),
    })
}

/// The seconds of a run, several to a point if there are many.
struct Grouped<'a> {
    seconds: &'a [SecondRecord],
    size: usize,
}

impl<'a> Grouped<'a> {
    fn of(seconds: &'a [SecondRecord]) -> Self {
        Self { seconds, size: seconds.len().div_ceil(POINTS_MAX).max(1) }
    }

    fn xs(&self) -> Vec<f64> {
        self.seconds.chunks(self.size).filter_map(|chunk| chunk.first()).map(|row| row.second as f64).collect()
    }

    /// The mean per second.
    fn mean(&self, of: impl Fn(&SecondRecord) -> u64) -> Vec<Option<f64>> {
        let mean = |chunk: &[SecondRecord]| chunk.iter().map(|row| of(row) as f64).sum::<f64>() / chunk.len() as f64;
        self.seconds.chunks(self.size).map(|chunk| Some(mean(chunk))).collect()
    }

    /// The largest in a second.
    fn worst(&self, of: impl Fn(&SecondRecord) -> Option<u64>) -> Vec<Option<f64>> {
        self.seconds.chunks(self.size).map(|chunk| chunk.iter().filter_map(&of).max().map(|ns| ns as f64)).collect()
    }

    fn note(&self, of_several: &str) -> String {
        if self.size == 1 { "by intended second".to_owned() } else { format!("{of_several} of {} seconds", self.size) }
    }

    fn rates(&self) -> Option<Chart> {
        let line = |label, look, values| Line { label, look, values };
        (!self.seconds.is_empty()).then(|| Chart {
            id: "rates",
            title: "Rates",
            note: self.note("mean"),
            x: TIME,
            y: Axis { label: "per second", unit: AxisUnit::PerSecond, log: false },
            xs: self.xs(),
            lines: vec![
                line("intended", LineLook::Model, self.mean(|row| row.intended)),
                line("answered", LineLook::Seen, self.mean(|row| row.answered)),
                line("throttled", LineLook::Unsure, self.mean(|row| row.throttled)),
                line("errors", LineLook::Bad, self.mean(|row| row.errors)),
            ],
            heat: None,
        })
    }

    /// Where there is no interval log.
    fn percentiles(&self) -> Option<Chart> {
        self.seconds.iter().any(|row| row.p50_ns.is_some()).then(|| Chart {
            id: "over-time",
            title: "Response time over time",
            note: format!("of all answers; {}", self.note("worst")),
            x: TIME,
            y: RESPONSE,
            xs: self.xs(),
            lines: vec![
                Line { label: "p50", look: LineLook::Seen, values: self.worst(|row| row.p50_ns) },
                Line { label: "p99", look: LineLook::Bad, values: self.worst(|row| row.p99_ns) },
            ],
            heat: None,
        })
    }
}

/// What a line of connections tells of a second.
type Told = fn(&ConnectionSecond) -> u64;

fn connections(seconds: &[ConnectionSecond]) -> Option<Chart> {
    let chart = Chart::empty(
        "connections",
        "Connections",
        "open at the end of a second; opened, refused, lost and returned in it",
        (TIME, Axis { label: "connections", unit: AxisUnit::Count, log: false }),
    );
    let lines: [(&str, LineLook, Told); 5] = [
        ("open", LineLook::Seen, |row| row.open),
        ("opened", LineLook::Model, |row| row.opened),
        ("returned", LineLook::Other, |row| row.returned),
        ("refused", LineLook::Unsure, |row| row.refused),
        ("closed", LineLook::Bad, |row| row.closed),
    ];
    of_connections(seconds, &lines, chart)
}

fn messages(seconds: &[ConnectionSecond]) -> Option<Chart> {
    let chart = Chart::empty(
        "messages",
        "Messages",
        "written and read",
        (TIME, Axis { label: "per second", unit: AxisUnit::PerSecond, log: false }),
    );
    of_connections(seconds, &[("up", LineLook::Seen, |row| row.up), ("down", LineLook::Other, |row| row.down)], chart)
}

fn of_connections(seconds: &[ConnectionSecond], lines: &[(&'static str, LineLook, Told)], chart: Chart) -> Option<Chart> {
    let size = seconds.len().div_ceil(POINTS_MAX).max(1);
    let largest = |of: Told| seconds.chunks(size).map(|rows| rows.iter().map(of).max().map(|most| most as f64)).collect();
    let lines = lines.iter().map(|(label, look, of)| Line { label, look: *look, values: largest(*of) }).collect();
    let several = if size == 1 { String::new() } else { format!("; the most of {size} seconds") };
    let xs = seconds.chunks(size).filter_map(|rows| rows.first()).map(|row| row.second as f64).collect();
    (!seconds.is_empty()).then(|| Chart { xs, lines, note: chart.note.clone() + &several, ..chart })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn points(pairs: &[(f64, u64)]) -> Vec<CurvePoint> {
        pairs.iter().map(|(share, ns)| CurvePoint { share: *share, ns: *ns }).collect()
    }

    fn titled(charts: &[Chart]) -> Vec<&'static str> {
        charts.iter().map(|chart| chart.id).collect()
    }

    #[test]
    fn a_chart_without_numbers_is_left_out() {
        assert_eq!(titled(&of(&sample::interrupted(), None)), Vec::<&str>::new());
        let mut record = sample::holding();
        record.seconds[0].p50_ns = Some(5);
        assert_eq!(titled(&of(&record, None)), ["over-time", "rates"]);
        record.total.as_mut().unwrap().admitted = points(&[(0.5, 10), (0.99, 30)]);
        assert_eq!(titled(&of(&record, None)), ["percentiles", "distribution", "over-time", "rates"]);
    }

    #[test]
    fn curves_of_both_worlds_and_of_a_baseline_stand_over_one_axis() {
        let (seen, model, baseline) =
            (points(&[(0.5, 10), (0.75, 20), (0.9, 20)]), points(&[(0.5, 12), (0.99, 40)]), points(&[(0.75, 10)]));
        let curves = Curves { seen: &seen, model: &model, baseline: &baseline };
        let percentiles = curves.percentiles().unwrap();
        assert_eq!(percentiles.xs.len(), 4);
        assert_eq!(percentiles.lines[2].values, [None, Some(10.0), None, None]);
        assert_eq!(percentiles.lines[0].values, [Some(10.0), Some(20.0), Some(20.0), None]);
        assert_eq!(percentiles.lines[1].values, [Some(12.0), None, None, Some(40.0)]);
        let distribution = curves.distribution().unwrap();
        assert_eq!(distribution.xs, [10.0, 12.0, 20.0, 40.0]);
        assert_eq!(distribution.lines[0].values, [Some(0.5), None, Some(0.9), None], "the last of those at one place");
        assert_eq!(distribution.lines[2].values, [Some(0.75), None, None, None]);
    }

    #[test]
    fn a_long_run_has_no_more_points_than_a_short_one_and_loses_nothing_of_its_counts() {
        let row = |second| SecondRecord { second, intended: 7, p99_ns: Some(second), ..SecondRecord::default() };
        let seconds: Vec<SecondRecord> = (0..86_400).map(row).collect();
        let grouped = Grouped::of(&seconds);
        let rates = grouped.rates().unwrap();
        assert_eq!((rates.xs.len(), rates.lines[0].values.len()), (600, 600));
        assert!(rates.lines[0].values.iter().all(|mean| *mean == Some(7.0)));
        assert_eq!(grouped.worst(|row| row.p99_ns).last().copied().flatten(), Some(86_399.0));
        assert!(rates.note.contains("144 seconds"), "{}", rates.note);
    }

    #[test]
    fn no_text_of_a_record_ends_the_script_with_its_numbers() {
        let mut out = String::new();
        let chart = Chart { note: "</script><b>".to_owned(), ..connections(&[ConnectionSecond::default()]).unwrap() };
        write(&mut out, &[chart], Some("<gone>")).unwrap();
        assert!(out.contains("&lt;gone&gt;"), "{out}");
        assert_eq!(out.matches("</script>").count(), 1, "{out}");
    }
}
