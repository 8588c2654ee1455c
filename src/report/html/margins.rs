//! The margins as a picture: for each assumption the band that is allowed, the interval that was seen, and the prediction.
//!
//! Owns the scale of each row. Refuses words: the table of verdicts stands above it. Nothing is drawn where nothing is judged.

use super::blocks::escaped;
use super::put;
use crate::measure::record::{Answer, RunRecord, Verdict};
use crate::report::conclusion::Conclusion;
use crate::report::quantity::{range, value, value_or_absent};

/// Width of a row in its own units.
const WIDTH: f64 = 1_000.0;
/// What is left free on either side.
const EDGE: f64 = 40.0;

pub(super) fn write(out: &mut String, record: &RunRecord) {
    let rows: Vec<String> = record.verdicts.iter().filter_map(row).collect();
    if rows.is_empty() || !Conclusion::of(record).is_judged() {
        return;
    }
    put(
        out,
        format_args!(
            "<section>\n<h2>Margins</h2>\n<p class=\"faint\">The band is what is allowed, the bar the 90 % interval of what was observed (the block on it), \
             the line what was predicted. It holds where the bar lies within the band.</p>\n<table class=\"margins\">\n{}</table>\n</section>\n",
            rows.concat()
        ),
    );
}

fn row(verdict: &Verdict) -> Option<String> {
    let scale = Scale::of(verdict)?;
    let class = match verdict.answer {
        Answer::Holds => "good",
        Answer::Violated => "bad",
        Answer::Inconclusive => "unsure",
    };
    let mut drawn = String::new();
    if let Some(band) = verdict.band {
        let (left, wide) = scale.across(band);
        put(&mut drawn, format_args!("<rect class=\"band\" x=\"{left:.1}\" y=\"4\" width=\"{wide:.1}\" height=\"24\"/>"));
    }
    if let Some(interval) = verdict.interval {
        let (left, wide) = scale.across(interval);
        put(&mut drawn, format_args!("<rect class=\"seen {class}\" x=\"{left:.1}\" y=\"12\" width=\"{wide:.1}\" height=\"8\"/>"));
    }
    if let Some(at) = verdict.predicted.and_then(|it| scale.at(it)) {
        put(&mut drawn, format_args!("<rect class=\"predicted\" x=\"{:.1}\" y=\"0\" width=\"3\" height=\"32\"/>", at - 1.5));
    }
    if let Some(at) = verdict.observed.and_then(|it| scale.at(it)) {
        put(&mut drawn, format_args!("<rect class=\"seen {class}\" x=\"{:.1}\" y=\"6\" width=\"8\" height=\"20\"/>", at - 4.0));
    }
    let said = format!(
        "predicted {}, observed {}, 90 % interval {}, allowed {}",
        value_or_absent(verdict.unit, verdict.predicted),
        value_or_absent(verdict.unit, verdict.observed),
        range(verdict.unit, verdict.interval),
        range(verdict.unit, verdict.band),
    );
    let ends = [scale.low, scale.high].map(|end| escaped(&value(verdict.unit, end)));
    Some(format!(
        "<tr><th class=\"left\" scope=\"row\">{}</th><td class=\"end\">{}</td><td class=\"drawn\"><svg viewBox=\"0 0 1000 32\" role=\"img\" \
         preserveAspectRatio=\"none\"><title>{}</title>{drawn}</svg></td><td class=\"end left\">{}</td></tr>\n",
        escaped(&verdict.assumption),
        ends[0],
        escaped(&said),
        ends[1]
    ))
}

/// From values to places in a row.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Wide enough for all that is known and has an end; `None` if that is less than two values.
    fn of(verdict: &Verdict) -> Option<Self> {
        let pairs = [verdict.band, verdict.interval].into_iter().flatten().flat_map(|(low, high)| [low, high]);
        let known =
            || [verdict.predicted, verdict.observed].into_iter().flatten().chain(pairs.clone()).filter(|it| it.is_finite());
        let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), it| (low.min(it), high.max(it)));
        (low < high && (high - low).is_finite()).then_some(Self { low, high })
    }

    /// Where a value stands; `None` for one without end.
    fn at(&self, value: f64) -> Option<f64> {
        let share = (value - self.low) / (self.high - self.low);
        share.is_finite().then_some(EDGE + share * (WIDTH - 2.0 * EDGE))
    }

    /// From where and how far a range goes; one without end goes to the edge of the row.
    fn across(&self, (low, high): (f64, f64)) -> (f64, f64) {
        let (left, right) = (self.at(low).unwrap_or(0.0), self.at(high).unwrap_or(WIDTH));
        (left, (right - left).max(2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn every_judged_assumption_has_a_row_that_stays_in_its_frame() {
        for record in [sample::holding(), sample::violated(), sample::inconclusive()] {
            let mut out = String::new();
            write(&mut out, &record);
            assert_eq!(out.matches("<svg ").count(), record.verdicts.len());
            for place in out.split(" x=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()) {
                assert!((0.0..=WIDTH).contains(&place.parse::<f64>().unwrap()), "{place}");
            }
        }
    }

    #[test]
    fn nothing_is_drawn_of_a_run_that_judges_nothing() {
        let mut out = String::new();
        write(&mut out, &sample::invalid());
        write(&mut out, &sample::interrupted());
        assert_eq!(out, "");
    }
}
