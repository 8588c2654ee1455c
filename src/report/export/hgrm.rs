//! `.hgrm`: a distribution of times by percentile, as text, in milliseconds.
//!
//! Owns the lines, which are those of `AbstractHistogram.outputPercentileDistribution` in HdrHistogram's Java library (version 2.2, read in
//! November 2026): value, percentile as a share, how many values are not above it, and 1/(1-percentile), for five steps in each half of the way to
//! 100 %; the last line has no fourth number. HdrHistogram's plotters read it. Refuses to choose whose times they are: `command` hands them in.

use std::io::Write as _;

use hdrhistogram::Histogram;

/// Steps in each half of the way to 100 %, as the Java library has them by default.
const STEPS_PER_HALF: u32 = 5;

const NS_PER_MS: f64 = 1e6;

/// The distribution of times in nanoseconds; of no times it has no lines but the first and the last.
pub fn write(times: &Histogram<u64>) -> Vec<u8> {
    let mut out = Vec::new();
    line(&mut out, format_args!("{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)"));
    let mut seen = 0;
    // Of nothing there is no percentile.
    for step in times.iter_quantiles(STEPS_PER_HALF).take_while(|_| !times.is_empty()) {
        seen += step.count_since_last_iteration();
        let (value, share) = (step.value_iterated_to() as f64 / NS_PER_MS, step.quantile_iterated_to());
        if share < 1.0 {
            line(&mut out, format_args!("{value:12.3} {share:.12} {seen:10} {:14.2}", 1.0 / (1.0 - share)));
        } else {
            line(&mut out, format_args!("{value:12.3} {share:.12} {seen:10}"));
        }
    }
    let in_ms = |ns: f64| ns / NS_PER_MS;
    let (mean, stdev, max) = (in_ms(times.mean()), in_ms(times.stdev()), in_ms(times.max() as f64));
    line(&mut out, format_args!("#[Mean    = {mean:12.3}, StdDeviation   = {stdev:12.3}]"));
    line(&mut out, format_args!("#[Max     = {max:12.3}, Total count    = {:12}]", times.len()));
    line(&mut out, format_args!("#[Buckets = {:12}, SubBuckets     = {:12}]", times.buckets(), sub_buckets(times)));
    out
}

/// Buckets of equal width within each power of two: the least power of two that tells twice the largest number of so many digits apart.
fn sub_buckets(times: &Histogram<u64>) -> u64 {
    (2 * 10_u64.pow(u32::from(times.sigfig()))).next_power_of_two()
}

fn line(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("a vector takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(values: &[u64]) -> Histogram<u64> {
        let mut times = Histogram::new_with_bounds(1_000, 86_400_000_000_000, 3).unwrap();
        for value in values {
            times.record(*value).unwrap();
        }
        times
    }

    fn text(times: &Histogram<u64>) -> String {
        String::from_utf8(write(times)).unwrap()
    }

    #[test]
    fn a_distribution_is_written_as_the_java_library_prints_it() {
        let few: Vec<u64> = (1..=4).map(|ms| ms * 1_000_000).collect();
        insta::assert_snapshot!(text(&times(&few)));
    }

    #[test]
    fn of_no_times_there_are_no_percentiles_and_the_count_is_zero() {
        let text = text(&times(&[]));
        assert_eq!(text.lines().filter(|line| !line.is_empty() && !line.starts_with("#[")).count(), 1, "{text}");
        assert!(text.contains("Total count    =            0]"), "{text}");
    }

    proptest! {
        #[test]
        fn every_line_tells_how_many_values_are_not_above_its_own(values in proptest::collection::vec(1_000_u64..60_000_000_000, 1..200)) {
            let times = times(&values);
            let text = text(&times);
            let rows: Vec<Vec<f64>> = text.lines().skip(2).take_while(|line| !line.starts_with('#'))
                .map(|line| line.split_whitespace().map(|number| number.parse().unwrap()).collect()).collect();
            let mut seen = 0;
            let recorded: Vec<(String, u64)> = times.iter_recorded().map(|it| {
                seen += it.count_at_value();
                (format!("{:.3}", it.value_iterated_to() as f64 / NS_PER_MS), seen)
            }).collect();
            for row in &rows {
                prop_assert!(recorded.contains(&(format!("{:.3}", row[0]), row[2] as u64)), "{} of {:?} in {}", row[0], recorded, text);
                prop_assert!(row[1] <= row[2] / values.len() as f64 + 1e-9, "{}", text);
                prop_assert_eq!(row.get(3).is_some(), row[1] < 1.0);
            }
            prop_assert_eq!(rows.last().map(|row| (row[1], row[2] as usize)), Some((1.0, values.len())));
            prop_assert!(rows.is_sorted_by(|a, b| a[0] <= b[0] && a[1] < b[1]));
        }
    }
}
