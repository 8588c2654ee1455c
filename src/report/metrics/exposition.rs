//! The metrics as Prometheus reads them from an endpoint.
//!
//! Owns the text format (Prometheus, "Exposition formats", text 0.0.4) and its escapes. Refuses values (`snapshot`) and to serve (`serve`).

use std::fmt::{self, Write};

use super::catalogue::{Kind, RUN};
use super::snapshot::{Family, Point, Snapshot, Value};

/// The whole text.
pub fn write(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for family in &snapshot.families {
        // Writing to a String cannot fail.
        let _ = write_family(&mut out, family, &snapshot.run);
    }
    out
}

fn write_family(out: &mut String, family: &Family, run: &str) -> fmt::Result {
    let metric = family.metric;
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    writeln!(out, "# HELP {} {}", metric.name, Escaped(metric.help, Quotes::AsTheyAre))?;
    writeln!(out, "# TYPE {} {kind}", metric.name)?;
    for Point { labels, value } in &family.points {
        let mut text = format!("{RUN}=\"{}\"", Escaped(run, Quotes::Escaped));
        for (name, label) in metric.labels.iter().zip(labels) {
            write!(text, ",{name}=\"{}\"", Escaped(label, Quotes::Escaped))?;
        }
        match value {
            Value::Count(count) => writeln!(out, "{}{{{text}}} {count}", metric.name)?,
            Value::Number(number) => writeln!(out, "{}{{{text}}} {number}", metric.name)?,
            Value::Times(times) => {
                for (bound, count) in times.up_to() {
                    writeln!(out, "{}_bucket{{{text},le=\"{bound}\"}} {count}", metric.name)?;
                }
                writeln!(out, "{}_bucket{{{text},le=\"+Inf\"}} {}", metric.name, times.count)?;
                writeln!(out, "{}_sum{{{text}}} {}", metric.name, times.sum_s)?;
                writeln!(out, "{}_count{{{text}}} {}", metric.name, times.count)?;
            }
        }
    }
    Ok(())
}

/// What becomes of quotes: they end a label's value, and nothing in a help text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    Escaped,
    AsTheyAre,
}

/// Text with backslash, line break and perhaps quote escaped.
struct Escaped<'a>(&'a str, Quotes);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.1 == Quotes::Escaped => f.write_str("\\\"")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
