//! HAR: the WebSocket sessions that a browser recorded become a trace of sessions.
//!
//! Owns the two passes (entries to sorted sessions, then sessions to the trace) and their counts. Refuses requests, which it counts only,
//! routes and profiles ([`sessions`](super::sessions) and `derive`). One session and the sort are in memory, never the document.
//!
//! The form is that of Chrome's developer tools, which Playwright and others write too: on the entry of a handshake `_webSocketMessages`,
//! each with `type` (`send`, `receive`), `time` (seconds since 1970), `opcode` (1 text, 2 binary as base64) and `data`. The HAR standard
//! (1.2) knows no messages; keys that begin with an underscore are its way to be extended.

mod elided;
mod entry;
mod secrets;
mod talk;

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use sluicegate_policy::time::Span;

use self::entry::Entry;
pub(super) use self::talk::Left;
use self::talk::Talk;
use super::error::ImportError;
use super::lines;
use super::options::Options;
use super::sessions::{ImportedSessions, Keys};
use crate::traffic::session_trace::{Provenance, SessionWriter, of_line, to_line};
use crate::traffic::sort::{Sorted, Sorter};

/// As much is looked at to see whether a file is a HAR.
const LOOKED_AT: u64 = 4 << 10;

/// Whether a file looks like a HAR: an object whose first key is `log`, which is an object. Only of a file: a pipe gives its bytes once.
pub fn looks_like_har(path: &Path) -> bool {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut begin = Vec::new();
    let read = is_file.then(|| lines::input(path).ok()).flatten();
    // What breaks off is looked at as far as it goes.
    let _ = read.map(|input| input.take(LOOKED_AT).read_to_end(&mut begin));
    let mut rest = begin.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&begin).trim_ascii_start();
    [&b"{"[..], b"\"log\"", b":", b"{"].iter().all(|token| {
        let found = rest.strip_prefix(*token);
        rest = found.unwrap_or_default().trim_ascii_start();
        found.is_some()
    })
}

/// Reads the HAR `input` and writes `trace`.
///
/// What of it is no session, or cannot be replayed, is counted in [`ImportedSessions`]; an error means that there is no trace worth keeping.
pub fn run(input: &Path, options: &Options, trace: &Path) -> Result<ImportedSessions, ImportError> {
    let folder = trace.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let sort_error = |source| ImportError::Sort { path: folder.to_owned(), source };
    let mut first = First {
        sorter: Sorter::new(folder, options.sort_bytes),
        reply: options.reply.as_deref(),
        clients: BTreeMap::new(),
        keys: Keys::default(),
        found: ImportedSessions { source: input.to_owned(), reply: options.reply.clone(), ..ImportedSessions::default() },
    };
    let mut unsorted = None;
    let broken = entry::read(lines::input(input)?, |entry| {
        first.on_entry(entry).inspect_err(|error| unsorted = Some(io::Error::new(error.kind(), error.to_string())))
    });
    if let Some(source) = unsorted {
        return Err(sort_error(source));
    }
    let First { sorter, keys, mut found, .. } = first;
    match broken {
        Err(why) if found.entries == 0 => return Err(ImportError::NotHar { path: input.to_owned(), why }),
        Err(why) => {
            let broken = format!("the HAR breaks off after entry {} ({why}); what comes before is imported", found.entries);
            found.notes.push(broken);
        }
        Ok(()) => {}
    }
    if found.sessions == 0 {
        return Err(ImportError::NoSessions { path: input.to_owned(), entries: found.entries, left: found.left_words() });
    }
    found.selection = keys.selection(found.said);
    let sorted = sorter.finish().map_err(sort_error)?;
    write(sorted, &mut found, trace, sort_error)?;
    found.tell();
    Ok(found)
}

/// The second pass: sessions in order of their connects go to the trace and into the counts of their routes.
fn write(
    mut sorted: Sorted,
    found: &mut ImportedSessions,
    trace: &Path,
    sort_error: impl Fn(io::Error) -> ImportError,
) -> Result<(), ImportError> {
    let mut writer: Option<(SessionWriter, i64)> = None;
    while let Some((started, line)) = sorted.next().map_err(&sort_error)? {
        let (writer, origin) = match &mut writer {
            Some((writer, origin)) => (writer, *origin),
            empty @ None => {
                let provenance = Provenance { reply: found.reply.clone(), origin_ns: started };
                let (writer, origin) = empty.insert((SessionWriter::create(trace, &provenance)?, started));
                (writer, *origin)
            }
        };
        let mut session = of_line(line).map_err(|why| sort_error(io::Error::other(why)))?;
        session.at = Span::from_ns(started.abs_diff(origin));
        found.count(&session);
        writer.write(&session)?;
    }
    match writer {
        Some((writer, origin)) => {
            found.origin_ns = origin;
            writer.finish().map(drop)?;
        }
        None => return Ok(()),
    }
    Ok(())
}

/// The first pass: every entry is looked at, counted, and sorted if it is a session.
struct First<'o> {
    sorter: Sorter,
    reply: Option<&'o [String]>,
    /// Pages by their names.
    clients: BTreeMap<String, u32>,
    keys: Keys,
    found: ImportedSessions,
}

impl First<'_> {
    fn on_entry(&mut self, entry: Entry) -> io::Result<()> {
        self.found.entries += 1;
        let client = self.client(entry.page());
        match talk::of(entry, self.reply, client) {
            Err(left) => self.found.leave(left, 1),
            Ok(Talk { started, session, left }) => {
                self.found.sessions += 1;
                for (why, count) in left {
                    self.found.leave(why, count);
                }
                for text in session.messages.iter().filter_map(talk::said) {
                    self.found.said += 1;
                    self.keys.on_text(text);
                }
                self.sorter.push(started, |out| out.extend_from_slice(&to_line(&session)))?;
            }
        }
        Ok(())
    }

    /// A number for a page; those after the first so many share the first.
    fn client(&mut self, page: Option<&str>) -> u32 {
        let Some(page) = page else { return 0 };
        if let Some(known) = self.clients.get(page) {
            return *known;
        }
        let next = self.clients.len() as u32;
        if next >= super::CLIENTS_MAX {
            return 0;
        }
        self.clients.insert(page.to_owned(), next);
        next
    }
}

impl Left {
    /// In words, of so many.
    pub(in crate::import) const fn words(&self) -> &'static str {
        match self {
            Self::Request => "requests, which are not read from a HAR",
            Self::NoTime => "sessions whose beginning is not said",
            Self::TooLong => "sessions longer than 16 MiB",
            Self::Binary => "binary messages that were sent: a gateway closes the connection for one (1003)",
            Self::Large => "messages that were sent and are larger than 128 KB, which a gateway does not take",
            Self::Control => "control frames and errors",
            Self::Untimed => "messages without a time",
            Self::Early => "messages before their connect, which are taken to come with it",
            Self::Header(_) | Self::Query(_) | Self::Protocol => "secrets",
        }
    }
}

#[cfg(test)]
mod tests;
