//! How often authorizers had an answer kept, in the run and in the model.
//!
//! Owns the table. Refuses to measure, and to say what would be better. Called by [`super::report`].

use crate::measure::record::{AuthorizerRecord, KeptRecord, RunRecord};

use super::super::page::{Cell, Page, Table};
use super::super::quantity::{ABSENT, count, share};

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    if record.authorizers.is_empty() {
        return;
    }
    page.heading("Authorizers (hits: requests for which an answer was kept)");
    let table = |titles: &[&'static str], cells: &dyn Fn(&AuthorizerRecord) -> Vec<String>| {
        let mut table = Table::new(titles.to_vec());
        for authorizer in &record.authorizers {
            table.row(
                std::iter::once(Cell::from(&authorizer.name)).chain(cells(authorizer).into_iter().map(Cell::from)).collect(),
            );
        }
        table
    };
    let hits = |it: &AuthorizerRecord| vec![rate(it.observed.as_ref()), rate(it.predicted.as_ref())];
    let wide = table(&["<authorizer", "hits", "(model)", "asked", "(model)"], &|it| {
        [hits(it), vec![asked(it.observed.as_ref()), asked(it.predicted.as_ref())]].concat()
    });
    let fits = page.fits(&wide);
    page.table(&if fits { wide } else { table(&["<authorizer", "hits", "(model)"], &hits) });
}

fn rate(kept: Option<&KeptRecord>) -> String {
    kept.and_then(KeptRecord::share).map_or_else(|| ABSENT.to_owned(), share)
}

fn asked(kept: Option<&KeptRecord>) -> String {
    kept.map_or_else(|| ABSENT.to_owned(), |kept| count(kept.asked))
}
