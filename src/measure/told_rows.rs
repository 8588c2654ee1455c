//! The file of what only the gateway can tell, `told.csv`: how often an answer was kept or an environment had to start, second by second.
//!
//! Owns its columns: `metric` (`authorizer hits`, `cold starts`, `cache hits`), `name` (of which authorizer, function or stage), `second` of the
//! run, `events` and `trials`; seconds without a trial, and those of the planned warm-up, have no line. Refuses to count, and to find the file
//! (`command`).

use super::csv_line;
use super::edges::SECONDS_MAX;

/// Events and trials of each second.
pub type Rows = Vec<(u32, u32)>;

/// A share, by its metric and the name of its part, and its rows.
pub type Named = (String, String, Rows);

const HEADER: &str = "metric,name,second,events,trials";

/// Why bytes are no such file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToldError {
    /// The first line is another one.
    #[error("does not begin with the line `{HEADER}`; is it a file of a run?")]
    Header,
    /// A line does not hold what it should.
    #[error(
        "line {line}: expected a metric, a name, the second of a run, and no more events than trials; was it cut off or edited?"
    )]
    Line {
        /// Which, from one.
        line: usize,
    },
}

/// The file.
pub fn write(all: &[Named]) -> Vec<u8> {
    let mut out = format!("{HEADER}\n").into_bytes();
    for (metric, name, rows) in all {
        for (second, (events, trials)) in rows.iter().enumerate().filter(|(_, row)| row.1 > 0) {
            csv_line::push(metric, &mut out);
            out.push(b',');
            csv_line::push(name, &mut out);
            out.extend_from_slice(format!(",{second},{events},{trials}\n").as_bytes());
        }
    }
    out
}

/// What a file says, in its order.
pub fn read(bytes: &[u8]) -> Result<Vec<Named>, ToldError> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = (1..).zip(text.lines());
    if lines.next().is_none_or(|(_, first)| first != HEADER) {
        return Err(ToldError::Header);
    }
    let mut all: Vec<Named> = Vec::new();
    for (line, text) in lines {
        let (metric, name, second, row) = parsed(text).ok_or(ToldError::Line { line })?;
        let at = all.iter().position(|known| known.0 == metric && known.1 == name).unwrap_or_else(|| {
            all.push((metric, name, Rows::new()));
            all.len() - 1
        });
        let rows = &mut all[at].2;
        if rows.len() <= second {
            rows.resize(second + 1, (0, 0));
        }
        rows[second] = row;
    }
    Ok(all)
}

fn parsed(line: &str) -> Option<(String, String, usize, (u32, u32))> {
    let values = csv_line::split(line)?;
    let [metric, name, second, events, trials] = values.as_slice() else { return None };
    let second = second.parse::<u64>().ok()?;
    let (events, trials) = (events.parse::<u32>().ok()?, trials.parse::<u32>().ok()?);
    let is_sound = second < SECONDS_MAX && events <= trials;
    is_sound.then(|| (metric.to_string(), name.to_string(), second as usize, (events, trials)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            all in proptest::collection::btree_map("[a\", ]{1,4}", proptest::collection::vec((0_u32..9, 9_u32..20), 1..6), 0..4),
        ) {
            let all: Vec<Named> = all.into_iter().map(|(name, rows)| ("cold starts".to_owned(), name, rows)).collect();
            prop_assert_eq!(read(&write(&all)), Ok(all));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            drop(read(&[HEADER.as_bytes(), b"\n", &bytes].concat()));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let said = |lines: &str| read(format!("{HEADER}\n{lines}").as_bytes());
        assert_eq!(read(b"metric\n"), Err(ToldError::Header));
        assert_eq!(
            said("cold starts,a,3,1,2\n"),
            Ok(vec![("cold starts".to_owned(), "a".to_owned(), vec![(0, 0), (0, 0), (0, 0), (1, 2)])])
        );
        for broken in
            ["cold starts,a,3,1", "cold starts,a,3,3,2", "cold starts,a,-1,1,2", "cold starts,a,9999999999,1,2", "\"a,b,1,1,1"]
        {
            assert_eq!(said(&format!("cold starts,a,2,1,2\n{broken}\n")), Err(ToldError::Line { line: 3 }), "{broken}");
        }
    }
}
