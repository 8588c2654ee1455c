//! How response times lie in each second: counts in buckets of a logarithmic scale, and percentiles above them.
//!
//! Owns the grid, which is no larger for a day than for a minute. Refuses to draw. Called by the page's charts and by the live view.

use serde::Serialize;

use crate::measure::kept::KeptSeconds;

/// The grid of a page.
pub(super) const OF_A_PAGE: Grid = Grid { columns_max: 150, rows: 48 };
/// What the lines above the map show.
const SHARES: [f64; 3] = [0.5, 0.95, 0.99];

/// How fine a map is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Columns at most; a longer run has several seconds to a column.
    pub(super) columns_max: u32,
    /// Rows, from the fastest to the slowest.
    pub(super) rows: usize,
}

/// The map.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Heat {
    /// Seconds to a column.
    pub(super) seconds: u32,
    /// Lower end of the lowest row and upper end of the highest, in nanoseconds; rows between them are equally high on a logarithmic scale.
    pub(super) low_ns: f64,
    pub(super) high_ns: f64,
    pub(super) rows: usize,
    /// For each column its cells that hold something: row and count.
    pub(super) cells: Vec<Vec<(usize, u64)>>,
}

/// A column before it is drawn: values with their counts, in rising order of each second.
#[derive(Default)]
struct Column {
    values: Vec<(u64, u64)>,
}

/// First second of each column, its percentiles ([`SHARES`]) in nanoseconds, and the map; `None` of a run without answers. Columns without
/// an answer are left out.
pub(super) fn of(kept: &KeptSeconds, grid: Grid) -> Option<(Vec<f64>, Vec<[f64; 3]>, Heat)> {
    let last = kept.admitted_by_second(None, 0).map(|(second, _)| second).max()?;
    let seconds = (last + 1).div_ceil(grid.columns_max.max(1));
    let mut columns: Vec<Column> = Vec::new();
    columns.resize_with((last / seconds + 1) as usize, Column::default);
    let (mut low, mut high) = (u64::MAX, 1);
    for (second, values) in kept.admitted_by_second(None, 0) {
        for (ns, count) in values {
            (low, high) = (low.min(ns.max(1)), high.max(ns));
            columns[(second / seconds) as usize].values.push((ns.max(1), u64::from(count)));
        }
    }
    let mut heat = Heat {
        seconds,
        low_ns: low as f64,
        high_ns: (high as f64).max(low as f64 * 1.1),
        rows: grid.rows.max(1),
        cells: Vec::new(),
    };
    let (mut xs, mut quantiles) = (Vec::new(), Vec::new());
    for (at, mut column) in columns.into_iter().enumerate().filter(|(_, column)| !column.values.is_empty()) {
        column.values.sort_unstable();
        xs.push(at as f64 * f64::from(seconds));
        quantiles.push(SHARES.map(|share| column.quantile(share)));
        heat.cells.push(heat.cells_of(&column));
    }
    Some((xs, quantiles, heat))
}

impl Column {
    /// The value at the nearest rank.
    fn quantile(&self, share: f64) -> f64 {
        let all: u64 = self.values.iter().map(|(_, count)| count).sum();
        let rank = ((share * all as f64).ceil() as u64).max(1);
        let mut below = 0;
        let found = self.values.iter().find(|(_, count)| {
            below += count;
            below >= rank
        });
        found.map_or(0.0, |(ns, _)| *ns as f64)
    }
}

impl Heat {
    fn row(&self, ns: u64) -> usize {
        let share = (ns as f64 / self.low_ns).ln() / (self.high_ns / self.low_ns).ln();
        ((share * self.rows as f64) as usize).min(self.rows - 1)
    }

    fn cells_of(&self, column: &Column) -> Vec<(usize, u64)> {
        let mut cells: Vec<(usize, u64)> = Vec::new();
        for (ns, count) in &column.values {
            let row = self.row(*ns);
            match cells.last_mut() {
                Some(last) if last.0 == row => last.1 += count,
                _ => cells.push((row, *count)),
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::fate::Slot;
    use crate::measure::intervals::Intervals;

    fn kept(values: impl Iterator<Item = (u32, u64)>) -> KeptSeconds {
        let mut intervals = Intervals::default();
        for (second, ns) in values {
            intervals.record(second, Slot::default(), ns);
        }
        KeptSeconds::of(intervals)
    }

    #[test]
    fn a_run_without_answers_has_no_map() {
        assert!(of(&kept(std::iter::empty()), OF_A_PAGE).is_none());
    }

    #[test]
    fn every_answer_is_in_one_cell_of_its_column() {
        let (xs, quantiles, heat) = of(&kept((0..10_000).map(|n| (n as u32 / 100, 1_000_000 + n * 9_973))), OF_A_PAGE).unwrap();
        assert_eq!((xs.len(), heat.cells.len(), heat.seconds), (100, 100, 1));
        assert!(heat.cells.iter().all(|cells| cells.iter().map(|(_, count)| count).sum::<u64>() == 100));
        assert!(heat.cells.iter().flatten().all(|(row, _)| *row < OF_A_PAGE.rows));
        assert_eq!(heat.cells[0][0].0, 0, "the fastest is in the lowest row");
        assert_eq!(heat.cells[99].last().unwrap().0, OF_A_PAGE.rows - 1, "the slowest in the highest");
        assert!(quantiles.iter().all(|[p50, p95, p99]| p50 < p95 && p95 <= p99));
        // The nearest rank of 1 ms + n * 9,973 ns, n from 0 to 99: the 50th value.
        assert!((quantiles[0][0] - (1e6 + 49.0 * 9_973.0)).abs() < 2_000.0, "{:?}", quantiles[0]);
    }

    #[test]
    fn a_day_has_no_more_columns_than_fit_and_gaps_stay_gaps() {
        let seconds = (0..86_400_u32).filter(|second| !(40_000..50_000).contains(second));
        let (xs, _, heat) = of(&kept(seconds.map(|second| (second, 5_000_000))), OF_A_PAGE).unwrap();
        assert_eq!(heat.seconds, 576);
        assert!(xs.len() < 150 && xs.len() > 130, "{}", xs.len());
        assert!(xs.windows(2).any(|pair| pair[1] - pair[0] > 576.0 * 15.0), "the gap");
        assert_eq!(heat.cells.iter().flatten().map(|(_, count)| count).sum::<u64>(), 76_400);
    }
}
