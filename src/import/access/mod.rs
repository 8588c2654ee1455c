//! Access logs of API Gateway as they are written and exported, read for the join with the samples of a run.
//!
//! Owns the shapes (`shape`) and the variables (`line`) of such logs. Refuses to join (`measure::join`), and lines without a request id or
//! a latency: these are counted, with the number of the first. Called by `command` through [`read`]; `import` for replays is a matter of its
//! own: it needs methods and paths, which a join does not.

mod line;
mod shape;

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ImportError;
use crate::measure::join::Logged;

use self::line::Unusable;
use self::shape::Entries;

/// What became of the lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Entries in it.
    pub entries: u64,
    /// Those that can be joined.
    pub usable: u64,
    /// Why others cannot, how many, and where the first of them stands.
    pub unusable: Vec<Refused>,
    /// Why the file ended early, if it did (a gzip that was cut off).
    pub broke_off: Option<String>,
}

/// Lines that cannot be joined, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Where the first stands: the number of its line, or of its event in a file that is one document.
    pub first: u64,
}

/// Reads an access log, line by line or event by event; `each` gets what can be joined.
///
/// Known are JSON lines (of the bundled mock, and whatever API Gateway writes with a JSON format), the same behind a time stamp (exports to S3,
/// `aws logs tail`) or within events (`aws logs filter-log-events` and `get-log-events`, subscriptions, one document or one event a line), and
/// what Logs Insights exports (CSV, JSON); each plain or gzip. A file of which no line can be joined is an error that says why.
pub fn read(path: &Path, mut each: impl FnMut(Logged)) -> Result<Read, ImportError> {
    let mut entries = Entries::open(path)?;
    let mut refused: BTreeMap<Unusable, (u64, u64)> = BTreeMap::new();
    let mut read = Read::default();
    loop {
        let failed = |source| ImportError::Read { what: "read", path: path.to_owned(), source };
        let Some((number, found)) = entries.next().map_err(failed)? else { break };
        read.entries += 1;
        match found {
            Ok(logged) => {
                read.usable += 1;
                each(logged);
            }
            Err(why) => {
                let count = refused.entry(why).or_insert((0, number));
                count.0 += 1;
            }
        }
    }
    read.broke_off = entries.broke_off();
    read.unusable = refused.into_iter().map(|(why, (count, first))| Refused { why: why.to_string(), count, first }).collect();
    read.unusable.sort_by_key(|refused| std::cmp::Reverse(refused.count));
    match read.unusable.first() {
        _ if read.entries == 0 => Err(ImportError::Empty { path: path.to_owned() }),
        Some(Refused { why, first, .. }) if read.usable == 0 => {
            Err(ImportError::NotAccessLog { path: path.to_owned(), why: why.clone(), line: *first })
        }
        Some(_) | None => Ok(read),
    }
}

#[cfg(test)]
mod tests;
