//! `traces.jsonl`: the sampled requests of a run as spans, written while it lasts, and sent to a collector when it is over.
//!
//! Owns the thread that writes the file, what a lane gives it, and the bounds of sending: a line is a batch, the file is the queue, and nothing is sent
//! while anything is measured. Refuses ids (`measure::tracing`), formats (`report::spans`) and sockets (`serve::Collector`). What finds no room, or no
//! collector, is counted and told as a doubt: the run is what it is.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::{Builder, JoinHandle};

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

use super::handover::{Handover, between_threads};
use crate::measure::record::{Doubt, Weight};
use crate::measure::tracing::{Occasion, Tracing};
use crate::measure::{Outcome, Sample};
use crate::report::spans::{self, Common};
use crate::serve::Collector;

/// Name of the file within the run's folder.
pub(super) const TRACES: &str = "traces.jsonl";

/// So long the collector is given spans after the run; what is left then stays in the file.
const SENDING_MAX: Span = Span::from_secs(60);
/// How often a batch is tried.
const TRIES: u32 = 3;

/// Takes spans while a run lasts.
pub(super) struct TraceFile {
    away: SyncSender<Vec<Sample>>,
    keeper: JoinHandle<io::Result<u64>>,
    tracing: Tracing,
    told: Arc<[Told]>,
}

/// Which actions of a series are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// All: each is a request.
    All,
    /// Of a series of connections, those that were opened: a goodbye is no request.
    Openings,
    /// None: they are no requests.
    None,
}

/// The spans of a lane on their way to the file.
pub(super) struct Spans {
    away: Handover<Sample>,
    tracing: Tracing,
    told: Arc<[Told]>,
}

/// What the file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Spans in it.
    pub(super) spans: u64,
    /// Spans that found no room on their way to it.
    pub(super) refused: u64,
}

/// What a collector came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Spans that it took.
    pub(super) taken: u64,
    /// Spans that it has read and would not have.
    pub(super) rejected: u64,
    /// Why it was given no more, if it was not given all.
    pub(super) ended: Option<String>,
}

/// Series of WebSocket connections.
const CONNECT: &str = "$connect";

impl TraceFile {
    /// Begins the file in `folder`. Of sessions the handshakes are told, for nothing else that they say has a header.
    pub(super) fn begin(folder: &Path, common: Common, is_of_sessions: bool) -> io::Result<Self> {
        let told = common.series.iter().map(|name| match (is_of_sessions, &**name) {
            (false, _) => Told::All,
            (true, CONNECT) => Told::Openings,
            (true, _) => Told::None,
        });
        let (told, tracing) = (told.collect(), common.tracing);
        let file = BufWriter::new(File::create(folder.join(TRACES))?);
        let (away, batches) = between_threads();
        let keeper = Builder::new().name("traces".to_owned()).spawn(move || keep(file, &batches, &common))?;
        Ok(Self { away, keeper, tracing, told })
    }

    /// How requests are traced.
    pub(super) const fn tracing(&self) -> Tracing {
        self.tracing
    }

    /// What a lane gives.
    pub(super) fn spans(&self) -> Spans {
        Spans { away: Handover::new(self.away.clone()), tracing: self.tracing, told: Arc::clone(&self.told) }
    }

    /// Writes what the lanes still have, and ends the file.
    pub(super) fn finish(self, lanes: impl Iterator<Item = Spans>) -> io::Result<Kept> {
        let refused = lanes.map(|spans| spans.away.finish()).sum();
        drop(self.away);
        let written = self.keeper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        written.map(|spans| Kept { spans, refused })
    }
}

impl Spans {
    pub(super) fn on_sample(&mut self, sample: &Sample) {
        let told = match self.told.get(usize::from(sample.series.0)) {
            Some(Told::All) => true,
            Some(Told::Openings) => sample.status > 0 || sample.outcome != Outcome::Answered,
            Some(Told::None) | None => false,
        };
        if told && self.tracing.is_sampled(Occasion::of(sample)) {
            self.away.put(*sample);
        }
    }
}

fn keep(mut file: impl io::Write, batches: &Receiver<Vec<Sample>>, common: &Common) -> io::Result<u64> {
    let mut spans = 0;
    for batch in batches.iter().filter(|batch| !batch.is_empty()) {
        file.write_all(&spans::export(common, &batch))?;
        file.write_all(b"\n")?;
        spans += batch.len() as u64;
    }
    file.flush()?;
    Ok(spans)
}

/// Sends the file of a run that is over, line by line, until it ends, the collector fails, or `is_stopped`.
pub(super) fn send(folder: &Path, collector: &Collector, is_stopped: impl Fn() -> bool) -> io::Result<Sent> {
    let mut file = BufReader::new(File::open(folder.join(TRACES))?);
    let (clock, mut sent, mut line) = (Clock::starting_now(), Sent::default(), String::new());
    loop {
        line.clear();
        if file.read_line(&mut line)? == 0 {
            return Ok(sent);
        }
        if is_stopped() {
            return Ok(Sent { ended: Some("the run was stopped at once".to_owned()), ..sent });
        }
        if clock.now() > Instant::ZERO + SENDING_MAX {
            return Ok(Sent { ended: Some(format!("{SENDING_MAX} were over")), ..sent });
        }
        let spans = spans::count(&line);
        match collector.take(line.trim_end().as_bytes(), TRIES) {
            Ok(rejected) => {
                let rejected = rejected.min(spans);
                sent.taken += spans - rejected;
                sent.rejected += rejected;
            }
            Err(error) => return Ok(Sent { ended: Some(error.to_string()), ..sent }),
        }
    }
}

/// What is missing in the file, if something is.
pub(super) fn missing(kept: &io::Result<Kept>) -> Option<Doubt> {
    let (kind, what) = match kept {
        Ok(Kept { refused: 0, .. }) => return None,
        Ok(Kept { spans, refused }) => {
            let all = spans + refused;
            (
                "traces-refused",
                format!(
                    "{refused} of {all} sampled requests found no room on their way to {TRACES}: they are in every number of this report, and not in that file"
                ),
            )
        }
        Err(error) => ("traces-lost", format!("{TRACES} could not be written whole: {error}")),
    };
    Some(Doubt {
        weight: Weight::Note,
        kind: kind.to_owned(),
        what,
        advice: "give the run's folder a faster disk with more room, or sample less (--trace-sample)".to_owned(),
    })
}

/// What the collector has not, if something is.
pub(super) fn unsent(sent: &io::Result<Sent>, spans: u64, collector: &Collector) -> Option<Doubt> {
    let what = match sent {
        Ok(Sent { taken, .. }) if *taken == spans => return None,
        Ok(Sent { taken, rejected, ended: None }) => {
            format!("the collector at {} took {taken} of {spans} spans and rejected {rejected}", collector.url())
        }
        Ok(Sent { taken, ended: Some(why), .. }) => {
            format!("the collector at {} took {taken} of {spans} spans, and was given no more: {why}", collector.url())
        }
        Err(error) => format!("the spans could not be read again, and are not at {}: {error}", collector.url()),
    };
    Some(Doubt {
        weight: Weight::Note,
        kind: "traces-unsent".to_owned(),
        what,
        advice: format!(
            "all of them are in {TRACES}, in lines that a collector reads from a file or takes one by one; nothing of the run is lost"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::scripted::{answered, failed};
    use crate::measure::tracing::Dialect;

    fn common(share: f64) -> Common {
        Common {
            tracing: Tracing::new(Dialect::W3c, "a run", share, Span::from_secs(1_795_370_371)),
            run: "a run".to_owned(),
            profile: "shop.yaml".to_owned(),
            series: vec!["GET /a".to_owned(), CONNECT.to_owned()],
            server: ("127.0.0.1".to_owned(), 80),
        }
    }

    #[test]
    fn the_sampled_requests_of_every_lane_are_spans_in_lines() {
        let folder = tempfile::tempdir().unwrap();
        let common = common(0.5);
        let file = TraceFile::begin(folder.path(), common.clone(), false).unwrap();
        let mut lanes = [file.spans(), file.spans()];
        let mut sampled = 0;
        for n in 0..4_000_u32 {
            let sample = Sample { session: n, ..answered(1.0, 5.0) };
            lanes[(n % 2) as usize].on_sample(&sample);
            sampled += u64::from(common.tracing.is_sampled(Occasion::of(&sample)));
        }
        let kept = file.finish(lanes.into_iter());
        assert_eq!(missing(&kept), None);
        assert_eq!(kept.unwrap(), Kept { spans: sampled, refused: 0 });
        let text = std::fs::read_to_string(folder.path().join(TRACES)).unwrap();
        assert!(text.lines().count() >= 8, "a line is a batch");
        assert_eq!(text.lines().map(spans::count).sum::<u64>(), sampled);
    }

    #[test]
    fn of_sessions_only_handshakes_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = TraceFile::begin(folder.path(), common(1.0), true).unwrap();
        let mut lane = file.spans();
        lane.on_sample(&answered(1.0, 5.0));
        lane.on_sample(&Sample { status: 101, ..answered(1.0, 5.0) }.of_series(1));
        lane.on_sample(&failed(1.0, Outcome::Refused).of_series(1));
        // A goodbye.
        lane.on_sample(&Sample { status: 0, ..answered(1.0, 5.0) }.of_series(1));
        assert_eq!(file.finish([lane].into_iter()).unwrap().spans, 2);
    }

    #[test]
    fn what_is_missing_is_told_with_its_number() {
        let said = |kept| missing(&kept).map(|doubt| doubt.what).unwrap_or_default();
        assert!(said(Ok(Kept { spans: 30, refused: 12 })).starts_with("12 of 42 sampled requests"));
        assert!(said(Err(io::Error::other("no room"))).contains("no room"));
    }
}
