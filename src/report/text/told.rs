//! Shares that only the gateway can tell, in the run and in the model.
//!
//! Owns the table. Refuses to measure, and to say what would be better. Called by [`super::report`].

use crate::measure::record::{RunRecord, ShareRecord, ToldRecord};

use super::super::page::{Cell, Page, Table};
use super::super::quantity::{ABSENT, count, share};

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    if record.told.is_empty() {
        return;
    }
    page.heading("Told by the gateway (of: requests that had a part in it)");
    let table = |titles: &[&'static str], cells: &dyn Fn(&ToldRecord) -> Vec<String>| {
        let mut table = Table::new(titles.to_vec());
        for told in &record.told {
            let lead = [Cell::from(&told.metric), Cell::from(&told.name)];
            table.row(lead.into_iter().chain(cells(told).into_iter().map(Cell::from)).collect());
        }
        table
    };
    let shares = |it: &ToldRecord| vec![rate(it.observed.as_ref()), rate(it.predicted.as_ref())];
    let wide = table(&["<what", "<of", "share", "(model)", "of", "(model)"], &|it| {
        [shares(it), vec![trials(it.observed.as_ref()), trials(it.predicted.as_ref())]].concat()
    });
    let fits = page.fits(&wide);
    page.table(&if fits { wide } else { table(&["<what", "<of", "share", "(model)"], &shares) });
}

fn rate(counted: Option<&ShareRecord>) -> String {
    counted.and_then(ShareRecord::share).map_or_else(|| ABSENT.to_owned(), share)
}

fn trials(counted: Option<&ShareRecord>) -> String {
    counted.map_or_else(|| ABSENT.to_owned(), |counted| count(counted.trials))
}
