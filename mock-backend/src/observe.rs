//! Everything that watches an answer: metrics, access log, execution log.
//!
//! Owns what is counted and what is written of each answer, and the files for it. Refuses to decide, to make an answer late (lines
//! go to their files by threads of their own) and to word anything (`render` does). Told once per answer by `http`; read by `admin`.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use sluicegate_policy::model::{Model, Stage};
use sluicegate_render::access_log::Format;
use sluicegate_render::examined::{Examined, Told};
use sluicegate_render::execution_log;

use crate::log_file::LogFile;
use crate::metrics::{Answered, Metrics};
use crate::settings::MockError;
use crate::summary::LogSummary;

/// All that watches one server.
#[derive(Debug)]
pub(crate) struct Observer {
    metrics: Metrics,
    access: Option<AccessLog>,
    execution: Option<LogFile>,
}

/// An access log and what it needs to write a line.
#[derive(Debug)]
struct AccessLog {
    /// By stage; `None` where the stage has no log.
    formats: Vec<Option<Format>>,
    file: LogFile,
}

/// One request and its answer.
pub(crate) struct Observed<'a> {
    /// The request.
    pub(crate) examined: &'a Examined<'a>,
    /// What was decided, what is sent, and how long it took.
    pub(crate) told: &'a Told<'a>,
}

impl Observer {
    /// Proves the formats of the model's stages and opens the files; what is there stays there.
    pub(crate) fn open(model: &Arc<Model>, access: Option<&Path>, execution: Option<&Path>) -> Result<Self, MockError> {
        let formats = model.stages.iter().map(format).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            metrics: Metrics::new(Arc::clone(model)),
            access: access.map(|path| Ok::<_, MockError>(AccessLog { formats, file: open(path, "access-log")? })).transpose()?,
            execution: execution.map(|path| open(path, "execution-log")).transpose()?,
        })
    }

    /// An answer is on its way.
    pub(crate) fn on_answer(&mut self, seen: &Observed<'_>) {
        let Observed { examined, told } = *seen;
        self.metrics.on_answer(&Answered { reply: told.reply, latency: told.latency, bytes: told.data_processed() });
        if let Some(access) = &mut self.access {
            access.write(examined, told);
        }
        if let Some(file) = &mut self.execution {
            file.append(|out| execution_log::write(examined, told, out));
        }
    }

    /// What was counted.
    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Writes what is left to write; what became of the access log and of the execution log.
    pub(crate) fn close(&mut self) -> (Option<LogSummary>, Option<LogSummary>) {
        (self.access.take().map(|access| access.file.close()), self.execution.take().map(LogFile::close))
    }
}

impl AccessLog {
    fn write(&mut self, examined: &Examined<'_>, told: &Told<'_>) {
        let stage = told.reply.arrival.stage.and_then(|stage| self.formats.get(usize::from(stage.0)));
        if let Some(format) = stage.and_then(Option::as_ref) {
            self.file.append(|out| {
                format.write(&examined.context(told), out);
                1
            });
        }
    }
}

fn format(stage: &Stage) -> Result<Option<Format>, MockError> {
    let format = stage.access_log.as_deref().map(Format::parse).transpose();
    format.map_err(|source| MockError::Format { stage: stage.name.clone(), source })
}

/// A log whose lines come after what is there.
pub(crate) fn open(path: &Path, name: &str) -> Result<LogFile, MockError> {
    let refused = |source| MockError::Open { path: path.to_owned(), source };
    // Written at its end rather than in append mode: a failed write is cut off again, for which the place must be known.
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(refused)?;
    // What has no end (a pipe, a terminal) is written as it is.
    let _ = file.seek(SeekFrom::End(0));
    Ok(LogFile::start(file, name)?)
}
