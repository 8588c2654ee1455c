//! The file of connections second by second, `connections.csv`.
//!
//! Owns its columns, those of [`ConnectionSecond`] in their order. Refuses to count, and to find the file (`command`).

use std::fmt::Write as _;

use super::record::ConnectionSecond;

const HEADER: &str = "second,asked,opened,refused,closed,returned,open,up,down";

/// The file.
pub fn write(seconds: &[ConnectionSecond]) -> String {
    let mut out = format!("{HEADER}\n");
    for row in seconds {
        let ConnectionSecond { second, asked, opened, refused, closed, returned, open, up, down } = row;
        // A text takes all that is written.
        let _ = writeln!(out, "{second},{asked},{opened},{refused},{closed},{returned},{open},{up},{down}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_value_for_each_column() {
        let rows = [ConnectionSecond { second: 1, asked: 2, opened: 3, ..ConnectionSecond::default() }; 2];
        let text = write(&rows);
        assert_eq!(text.lines().nth(1), Some("1,2,3,0,0,0,0,0,0"));
        assert!(text.lines().all(|line| line.split(',').count() == HEADER.split(',').count()));
        assert_eq!(text.lines().count(), 3);
    }
}
