//! `samples.csv`: what became of each attempt, kept while a run lasts, and read again.
//!
//! Owns the thread that writes the file, and what a lane gives it: batches, never waited for. What finds no room is counted, and told as a doubt.
//! Refuses to know columns (`measure::rows`). Where no samples are asked for none of this is there.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::{Builder, JoinHandle};

use sluicegate_policy::time::Instant;

use super::handover::{Handover, between_threads};
use super::traces::{Spans, TraceFile};
use crate::measure::connections::Connections;
use crate::measure::record::{Doubt, SamplesRecord, Weight};
use crate::measure::rows::{HEADER, Reader, Row};
use crate::measure::{Record, Recorder, Sample};
use crate::traffic::conversation::Stream;

/// Name of the file within the run's folder.
pub(super) const SAMPLES: &str = "samples.csv";

/// Takes rows while a run lasts.
pub(super) struct SampleFile {
    away: SyncSender<Vec<Row>>,
    keeper: JoinHandle<io::Result<u64>>,
}

/// What a lane records: always a recorder, and rows and spans where they are asked for.
pub(super) struct Recording {
    pub(super) recorder: Recorder,
    pub(super) rows: Option<Rows>,
    pub(super) spans: Option<Spans>,
}

/// The rows of a lane on their way to the file.
pub(super) struct Rows {
    away: Handover<Row>,
    /// What the gateway calls the attempt that is told next.
    id: Option<Box<str>>,
}

impl SampleFile {
    /// Begins the file in `folder`, for series of these names.
    pub(super) fn begin(folder: &Path, series: Vec<String>) -> io::Result<Self> {
        let file = BufWriter::new(File::create(folder.join(SAMPLES))?);
        let (away, batches) = between_threads();
        let keeper = Builder::new().name("samples".to_owned()).spawn(move || keep(file, &batches, &series))?;
        Ok(Self { away, keeper })
    }

    /// Writes what the lanes still have, and ends the file. What was refused is counted in the record.
    pub(super) fn finish(self, lanes: impl Iterator<Item = Rows>) -> io::Result<SamplesRecord> {
        let refused = lanes.map(|rows| rows.away.finish()).sum();
        drop(self.away);
        let written = self.keeper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.map(|rows| SamplesRecord { file: SAMPLES.to_owned(), rows, refused })
    }
}

impl Recording {
    /// With rows for `file` and spans for `traces`, if there are such.
    pub(super) fn new(recorder: Recorder, file: Option<&SampleFile>, traces: Option<&TraceFile>) -> Self {
        let rows = file.map(|file| Rows { away: Handover::new(file.away.clone()), id: None });
        Self { recorder, rows, spans: traces.map(TraceFile::spans) }
    }
}

impl Record for Recording {
    fn on_sample(&mut self, sample: &Sample) {
        self.recorder.on_sample(sample);
        if let Some(rows) = &mut self.rows {
            rows.away.put(Row { sample: *sample, id: rows.id.take() });
        }
        if let Some(spans) = &mut self.spans {
            spans.on_sample(sample);
        }
    }

    fn on_request_id(&mut self, id: Box<str>) {
        if let Some(rows) = &mut self.rows {
            rows.id = Some(id);
        }
    }

    fn on_settled(&mut self, since: Instant, last: &Sample) {
        self.recorder.on_settled(since, last);
    }

    fn on_connections(&mut self, now: Instant, connections: &Connections, streams: &[Stream]) {
        self.recorder.on_connections(now, connections, streams);
    }

    fn on_time(&mut self, now: Instant) {
        self.recorder.on_time(now);
    }
}

fn keep(mut file: impl io::Write, batches: &Receiver<Vec<Row>>, series: &[String]) -> io::Result<u64> {
    file.write_all(HEADER.as_bytes())?;
    file.write_all(b"\n")?;
    let (mut rows, mut text) = (0, Vec::new());
    for batch in batches {
        text.clear();
        for row in &batch {
            row.write(series, &mut text);
        }
        file.write_all(&text)?;
        rows += batch.len() as u64;
    }
    file.flush()?;
    Ok(rows)
}

/// The file of a run that is over, row by row.
pub(super) struct KeptSamples {
    path: PathBuf,
    file: BufReader<File>,
    reader: Reader,
    end: LastLine,
    line: String,
    number: u64,
}

/// What the last line of a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastLine {
    /// Whole: the run closed its file.
    Whole,
    /// Cut off anywhere: the run was killed, or its disk was full. Then it is left out.
    MayBeCut,
}

/// Why the samples of a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum SamplesError {
    /// They are not there.
    #[error("{}: the samples of the run cannot be read ({source}); only a run with --samples keeps them", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// They are something else.
    #[error("{}:{line}: this is no row of the samples of this run; was it edited, or is it of another run?", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: u64,
    },
}

impl KeptSamples {
    /// Opens the file in `folder`, of a run whose series have these names.
    pub(super) fn open(folder: &Path, series: &[String], end: LastLine) -> Result<Self, SamplesError> {
        let path = folder.join(SAMPLES);
        match File::open(&path) {
            Ok(file) => {
                Ok(Self { path, file: BufReader::new(file), reader: Reader::new(series), end, line: String::new(), number: 0 })
            }
            Err(source) => Err(SamplesError::File { path, source }),
        }
    }

    /// The next row, and its line; nothing after the last.
    pub(super) fn next(&mut self) -> Result<Option<(&str, Row)>, SamplesError> {
        loop {
            self.line.clear();
            let read = self.file.read_line(&mut self.line);
            if read.map_err(|source| SamplesError::File { path: self.path.clone(), source })? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.end == LastLine::MayBeCut && !self.line.ends_with('\n') {
                return Ok(None);
            }
            let text = self.line.trim_end_matches(['\n', '\r']);
            if self.number == 1 && text == HEADER {
                continue;
            }
            let row = self.reader.read(text);
            let row = row.ok_or_else(|| SamplesError::Row { path: self.path.clone(), line: self.number })?;
            return Ok(Some((self.line.trim_end_matches(['\n', '\r']), row)));
        }
    }
}

/// What is missing in the file.
pub(super) fn doubt(record: &SamplesRecord) -> Option<Doubt> {
    (record.refused > 0).then(|| Doubt {
        weight: Weight::Note,
        kind: "samples-refused".to_owned(),
        what: format!(
            "{} of {} attempts found no room on their way to {}: they are in every number of this report, and not in that file",
            record.refused,
            record.rows + record.refused,
            record.file
        ),
        advice:
            "give the run's folder a faster disk, or lower the rate; what is joined by that file may lack the busiest moments"
                .to_owned(),
    })
}

/// The file could not be written.
pub(super) fn lost(error: &io::Error) -> Doubt {
    Doubt {
        weight: Weight::Note,
        kind: "samples-lost".to_owned(),
        what: format!("{SAMPLES} could not be written whole: {error}"),
        advice: "free space in the run's folder; without samples no access log can be joined".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::measure::recorder::Layout;
    use crate::measure::scripted::answered;

    fn layout() -> Arc<Layout> {
        Arc::new(Layout { series: vec!["GET /a".to_owned()], ..Layout::default() })
    }

    #[test]
    fn every_attempt_of_every_lane_is_a_row_with_its_own_id() {
        let folder = tempfile::tempdir().unwrap();
        let file = SampleFile::begin(folder.path(), layout().series.clone()).unwrap();
        let lane = |first: u32| {
            let mut lane = Recording::new(Recorder::new(layout()), Some(&file), None);
            for n in first..first + 1_000 {
                if n % 2 == 0 {
                    lane.on_request_id(n.to_string().into());
                }
                lane.on_sample(&Sample { session: n, ..answered(1.0, 5.0) });
            }
            lane
        };
        let lanes = vec![lane(0), lane(1_000)];
        let record = file.finish(lanes.into_iter().filter_map(|lane| lane.rows)).unwrap();
        assert_eq!((record.rows, record.refused), (2_000, 0));
        let text = std::fs::read_to_string(folder.path().join(SAMPLES)).unwrap();
        let reader = Reader::new(&layout().series);
        let mut seen: Vec<_> = text.lines().skip(1).map(|line| reader.read(line).expect("a row")).collect();
        seen.sort_by_key(|row| row.sample.session);
        for (n, row) in (0..).zip(&seen) {
            let id = (n % 2 == 0).then(|| n.to_string());
            assert_eq!((row.sample.session, row.id.as_deref()), (n, id.as_deref()));
        }
        assert_eq!(seen.len(), 2_000);
        assert_eq!(doubt(&record), None);
    }

    #[test]
    fn attempts_that_found_no_room_are_told() {
        let record = SamplesRecord { file: SAMPLES.to_owned(), rows: 4_352, refused: 5_648 };
        assert!(doubt(&record).is_some_and(|doubt| doubt.what.contains("5648 of 10000")));
    }

    #[test]
    fn of_a_file_that_was_cut_off_every_whole_line_is_a_row() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = Vec::from(format!("{HEADER}\n").as_bytes());
        for second in [1.0, 2.0, 3.0] {
            Row { sample: answered(second, 5.0), id: None }.write(&layout().series, &mut text);
        }
        std::fs::write(folder.path().join(SAMPLES), &text[..text.len() - 5]).unwrap();
        let rows = |end| {
            let mut kept = KeptSamples::open(folder.path(), &layout().series, end)?;
            let mut seconds = Vec::new();
            while let Some((_, row)) = kept.next()? {
                seconds.push(row.sample.intended.second());
            }
            Ok::<_, SamplesError>(seconds)
        };
        assert_eq!(rows(LastLine::MayBeCut).unwrap(), [1, 2]);
        assert!(rows(LastLine::Whole).unwrap_err().to_string().contains("samples.csv:4: this is no row"));
    }

    #[test]
    fn without_a_file_a_lane_keeps_nothing_but_its_counts() {
        let mut lane = Recording::new(Recorder::new(layout()), None, None);
        lane.on_sample(&answered(1.0, 5.0));
        assert!(lane.rows.is_none());
        assert_eq!(lane.recorder.load().intended, 1);
    }
}
