//! `--export`: into which files a run is written too, and as what.
//!
//! Owns the words for the kinds, and which ending of a file's name means which. Refuses to open files (`command::exports`), and to know what is in
//! them (`report`). Called by the subcommands that have a run to write.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::value::ParseError;

/// Files that a run is written to, besides its folder and standard output.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportFlags {
    /// Write the run to this file too; may be repeated. Its ending says what it is: .json, .csv (a row for each series), seconds.csv (for each
    /// second), .parquet (for each attempt, of a run that keeps --samples), .hgrm and .hlog (for HDR tools), .xml (JUnit), .md (a summary), .html (the
    /// page); or a word before it: junit=FILE, 'hgrm:GET /a=FILE' of one series
    #[arg(long = "export", value_name = "FILE", help_heading = "Output")]
    pub export: Vec<Export>,
}

/// A file, and what a run is written to it as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// As what.
    pub kind: ExportKind,
    /// Whose times, where the kind has those of one series; of all together if it is absent.
    pub series: Option<String>,
    /// Where.
    pub path: PathBuf,
}

/// What a run can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// The record, as `run.json`.
    Json,
    /// Comma-separated values, a row for each series.
    Csv,
    /// Comma-separated values, a row for each second.
    CsvSeconds,
    /// The distribution of response times by percentile, as HDR tools print it.
    Hgrm,
    /// The response times of each second, as HDR tools log them.
    Hlog,
    /// Parquet, a row for each attempt.
    Parquet,
    /// A test report in JUnit's XML.
    Junit,
    /// A summary in Markdown.
    Markdown,
    /// The report as a page.
    Html,
}

/// Each kind, its word, and the endings that mean it. The first ending that fits counts.
const KINDS: [(ExportKind, &str, &[&str]); 9] = [
    (ExportKind::Json, "json", &[".json"]),
    (ExportKind::CsvSeconds, "csv-seconds", &["seconds.csv"]),
    (ExportKind::Csv, "csv", &[".csv"]),
    (ExportKind::Hgrm, "hgrm", &[".hgrm"]),
    (ExportKind::Hlog, "hlog", &[".hlog"]),
    (ExportKind::Parquet, "parquet", &[".parquet"]),
    (ExportKind::Junit, "junit", &[".xml"]),
    (ExportKind::Markdown, "md", &[".md", ".markdown"]),
    (ExportKind::Html, "html", &[".html", ".htm"]),
];

const EXAMPLE: &str = "results/gate.xml, junit=results/gate or 'hgrm:GET /orders/{id}=orders.hgrm'";

impl ExportFlags {
    /// Whether one of them is made from the samples of the run.
    pub fn need_samples(&self) -> bool {
        self.export.iter().any(|export| export.kind.needs_samples())
    }
}

impl ExportKind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, word, _)| word)
    }

    /// Whether it may be of one series.
    pub const fn has_series(self) -> bool {
        match self {
            Self::Hgrm | Self::Hlog => true,
            Self::Json | Self::Csv | Self::CsvSeconds | Self::Parquet | Self::Junit | Self::Markdown | Self::Html => false,
        }
    }

    /// Whether it is made from what each second of the run brought.
    pub const fn needs_seconds(self) -> bool {
        match self {
            Self::Hgrm | Self::Hlog | Self::CsvSeconds | Self::Html => true,
            Self::Json | Self::Csv | Self::Parquet | Self::Junit | Self::Markdown => false,
        }
    }

    /// Whether it is made from the samples of the run.
    pub const fn needs_samples(self) -> bool {
        match self {
            Self::Parquet => true,
            Self::Json | Self::Csv | Self::CsvSeconds | Self::Hgrm | Self::Hlog | Self::Junit | Self::Markdown | Self::Html => {
                false
            }
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        KINDS.iter().find(|(_, known, _)| *known == word).map(|(kind, ..)| *kind)
    }

    fn of_ending(file: &str) -> Option<Self> {
        let file = file.to_ascii_lowercase();
        KINDS.iter().find(|(.., endings)| endings.iter().any(|ending| file.ends_with(ending))).map(|(kind, ..)| *kind)
    }
}

impl FromStr for Export {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (kind, series, file) = match said(text)? {
            Some((kind, series, file)) => (kind, series, file),
            None => (ExportKind::of_ending(text).ok_or_else(|| unknown_ending(text))?, None, text),
        };
        let refuse = |why: String| Err(ParseError::new(why, EXAMPLE));
        match (file, series) {
            ("", _) => refuse(format!("\"{text}\" names no file")),
            ("-", _) => refuse("\"-\" is no file; `sluicegate report RUN --format` writes to standard output".to_owned()),
            (_, Some(_)) if !kind.has_series() => refuse(format!("{} is always of the whole run", kind.as_str())),
            (_, Some("")) => refuse(format!("\"{text}\" names no series")),
            (file, series) => Ok(Self { kind, series: series.map(str::to_owned), path: PathBuf::from(file) }),
        }
    }
}

/// The kind, the series and the file of a text that says its kind.
type Said<'a> = (ExportKind, Option<&'a str>, &'a str);

/// What a text says; `None` if it is a file's name alone.
fn said(text: &str) -> Result<Option<Said<'_>>, ParseError> {
    let unknown = |word: &str| {
        let known: Vec<&str> = KINDS.iter().map(|(_, word, _)| *word).collect();
        ParseError::new(format!("\"{word}\" is no kind of export ({} are)", known.join(", ")), EXAMPLE)
    };
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let with_series = text.split_once(':').and_then(|(word, rest)| Some((ExportKind::of_word(word)?, rest)));
    if let Some((kind, rest)) = with_series {
        // A series may have an equals sign in its name: the last one begins the file's.
        let (series, file) = rest.rsplit_once('=').unwrap_or((rest, ""));
        return Ok(Some((kind, Some(series), file)));
    }
    match text.split_once('=') {
        Some((word, file)) if is_word(word) => Ok(Some((ExportKind::of_word(word).ok_or_else(|| unknown(word))?, None, file))),
        Some(_) | None => Ok(None),
    }
}

fn unknown_ending(text: &str) -> ParseError {
    let known: Vec<&str> = KINDS.iter().flat_map(|(.., endings)| *endings).copied().collect();
    let words: Vec<&str> = KINDS.iter().map(|(_, word, _)| *word).collect();
    let why = format!(
        "the name \"{text}\" does not say what to write ({} do); say it before the name ({})",
        known.join(", "),
        words.join(", ")
    );
    ParseError::new(why, EXAMPLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (ExportKind, Option<String>, String) {
        let Export { kind, series, path } = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        (kind, series, path.display().to_string())
    }

    #[test]
    fn the_ending_of_a_name_says_what_is_written() {
        for (text, kind) in [
            ("out/run.json", ExportKind::Json),
            ("series.csv", ExportKind::Csv),
            ("seconds.csv", ExportKind::CsvSeconds),
            ("out/gate-seconds.CSV", ExportKind::CsvSeconds),
            ("all.hgrm", ExportKind::Hgrm),
            ("all.hlog", ExportKind::Hlog),
            ("runs/friday/samples.parquet", ExportKind::Parquet),
            ("gate.xml", ExportKind::Junit),
            ("summary.md", ExportKind::Markdown),
            ("page.html", ExportKind::Html),
            ("./a=b.csv", ExportKind::Csv),
        ] {
            assert_eq!(read(text), (kind, None, text.to_owned()));
        }
    }

    #[test]
    fn a_word_before_the_name_says_it_too_and_may_name_a_series() {
        assert_eq!(read("junit=results/gate"), (ExportKind::Junit, None, "results/gate".to_owned()));
        assert_eq!(read("md=/tmp/a=b"), (ExportKind::Markdown, None, "/tmp/a=b".to_owned()));
        let of_one = |text| (ExportKind::Hgrm, Some(text), "o.hgrm".to_owned());
        assert_eq!(read("hgrm:GET /orders/{id}=o.hgrm"), of_one("GET /orders/{id}".to_owned()));
        assert_eq!(read("hgrm:GET /a?b=c=o.hgrm"), of_one("GET /a?b=c".to_owned()));
    }

    #[test]
    fn every_kind_has_one_word_and_is_read_from_it() {
        for (kind, word, _) in KINDS {
            assert_eq!((kind.as_str(), read(&format!("{word}=x"))), (word, (kind, None, "x".to_owned())));
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_with_what_would_work() {
        for (text, why) in [
            ("gate.txt", "does not say what to write"),
            (
                "junitt=gate.xml",
                "\"junitt\" is no kind of export (json, csv-seconds, csv, hgrm, hlog, parquet, junit, md, html are)",
            ),
            ("csv:GET /a=x.csv", "csv is always of the whole run"),
            ("hgrm:=x.hgrm", "names no series"),
            ("junit=", "names no file"),
            ("junit:gate.xml", "names no file"),
            ("md=-", "--format"),
            ("", "does not say what to write"),
        ] {
            let error = text.parse::<Export>().expect_err(text).to_string();
            assert!(error.contains(why) && error.contains("; write e.g. results/gate.xml"), "{text}: {error}");
        }
    }
}
