//! A log as lines of bytes: bounded, fast, plain or gzip.
//!
//! Owns the buffer and the line's bound. Refuses to interpret. A gzip log is known by its first two bytes, not its name; one
//! that breaks off ends its lines there, and says so.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::error::ImportError;

/// Longest line; what is longer is one refused line.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;

const CHUNK: usize = 1 << 18;

/// Reads lines.
pub(super) struct Lines {
    input: Box<dyn Read>,
    buffer: Vec<u8>,
    /// What of the buffer is not given out yet.
    start: usize,
    /// Up to here the buffer holds no line end that has not been given out.
    searched: usize,
    /// A NUL byte was read: lines are looked at for one. Few logs have any, and none pays for the search in others.
    has_nul: bool,
    at_end: bool,
    /// Why the input ended early, if it did.
    broke_off: Option<io::Error>,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Without its line end.
    Whole(&'a [u8]),
    /// The same, with a NUL byte in it.
    WithNul(&'a [u8]),
    /// Longer than [`LINE_BYTES_MAX`]: its beginning.
    TooLong(&'a [u8]),
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        input(path).map(Self::over)
    }

    pub(super) fn over(input: impl Read + 'static) -> Self {
        let input = Box::new(input);
        Self { input, buffer: Vec::new(), start: 0, searched: 0, has_nul: false, at_end: false, broke_off: None }
    }

    /// Up to `count` lines from the beginning, without taking them; only before the first [`next`](Self::next).
    pub(super) fn peek(&mut self, count: usize) -> io::Result<Vec<&[u8]>> {
        while !self.at_end && (self.buffer.len() < CHUNK || self.is_within_its_first_line()) {
            self.fill()?;
        }
        let all = self.buffer.len();
        // A first line that is longer than any may be is looked at as far as it is known.
        let whole = if self.at_end { all } else { memchr::memrchr(b'\n', &self.buffer).unwrap_or(all) };
        Ok(self.buffer[..whole]
            .split(|byte| *byte == b'\n')
            .enumerate()
            .map(|(at, line)| trim(line, at == 0))
            .filter(|line| !line.is_empty())
            .take(count)
            .collect())
    }

    /// No line end is known yet, and one may still come.
    fn is_within_its_first_line(&self) -> bool {
        self.buffer.len() <= LINE_BYTES_MAX && memchr::memchr(b'\n', &self.buffer).is_none()
    }

    /// The next line; `first` is its number being one.
    pub(super) fn next(&mut self, first: bool) -> io::Result<Option<Line<'_>>> {
        loop {
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
                let (from, to) = (self.start, self.searched + found);
                (self.start, self.searched) = (to + 1, to + 1);
                return Ok(Some(self.line(from..to, first)));
            }
            self.searched = self.buffer.len();
            if self.buffer.len() - self.start > LINE_BYTES_MAX {
                let kept = self.skip_line()?;
                return Ok(Some(Line::TooLong(&self.buffer[..kept])));
            }
            if self.at_end {
                let from = std::mem::replace(&mut self.start, self.buffer.len());
                let rest = from..self.buffer.len();
                return Ok(if rest.is_empty() { None } else { Some(self.line(rest, first)) });
            }
            self.fill()?;
        }
    }

    fn line(&self, place: Range<usize>, first: bool) -> Line<'_> {
        let bytes = &self.buffer[place];
        if bytes.len() > LINE_BYTES_MAX {
            Line::TooLong(&bytes[..256])
        } else if self.has_nul && memchr::memchr(0, bytes).is_some() {
            Line::WithNul(trim(bytes, first))
        } else {
            Line::Whole(trim(bytes, first))
        }
    }

    /// Why the input ended early, if it did.
    pub(super) fn broke_off(&self) -> Option<&io::Error> {
        self.broke_off.as_ref()
    }

    /// Drops the rest of a line that is too long; its beginning stays at the front of the buffer.
    fn skip_line(&mut self) -> io::Result<usize> {
        const KEPT: usize = 256;
        self.buffer.drain(..self.start);
        self.buffer.truncate(KEPT);
        loop {
            (self.start, self.searched) = (KEPT, KEPT);
            self.fill()?;
            if let Some(end) = memchr::memchr(b'\n', &self.buffer[KEPT..]) {
                (self.start, self.searched) = (KEPT + end + 1, KEPT + end + 1);
                return Ok(KEPT);
            }
            if self.at_end {
                (self.start, self.searched) = (self.buffer.len(), self.buffer.len());
                return Ok(KEPT);
            }
            self.buffer.truncate(KEPT);
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        // The front that has been given out is reused when it is most of the buffer, so that bytes are moved at most once.
        if self.start > CHUNK && self.start * 2 > self.buffer.len() {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        let end = self.buffer.len();
        self.buffer.reserve(CHUNK);
        let read = self.input.by_ref().take(CHUNK as u64).read_to_end(&mut self.buffer);
        self.has_nul = self.has_nul || memchr::memchr(0, &self.buffer[end..]).is_some();
        match read {
            Ok(0) => self.at_end = true,
            Ok(_) => {}
            // What the decompressor refuses is the file's fault: what came before is good.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
                ) =>
            {
                self.at_end = true;
                self.broke_off = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// The bytes of a file, plain or unpacked.
pub(super) fn input(path: &Path) -> Result<Box<dyn Read>, ImportError> {
    let read = |what| move |source| ImportError::Read { what, path: path.to_owned(), source };
    let what = file_kind(path).map_err(read("open"))?;
    if let Some(what) = what {
        return Err(ImportError::NotAFile { path: path.to_owned(), what });
    }
    let mut file = File::open(path).map_err(read("open"))?;
    let mut magic = Vec::new();
    Read::by_ref(&mut file).take(2).read_to_end(&mut magic).map_err(read("read"))?;
    let whole = io::Cursor::new(magic.clone()).chain(file);
    Ok(if magic == [0x1F, 0x8B] { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// What stands at `path` that holds no lines; `None` if it is a file or a pipe.
fn file_kind(path: &Path) -> io::Result<Option<&'static str>> {
    use std::os::unix::fs::FileTypeExt;
    let kind = std::fs::metadata(path)?.file_type();
    Ok(if kind.is_file() || kind.is_fifo() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    })
}

/// Without the carriage return, and in the first line without the mark of UTF-8.
fn trim(bytes: &[u8], first: bool) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    if first { bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes) } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn all(mut lines: Lines) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        while let Some(line) = lines.next(out.is_empty()).unwrap() {
            out.push(match line {
                Line::Whole(line) | Line::WithNul(line) => line.to_vec(),
                Line::TooLong(_) => b"too long".to_vec(),
            });
        }
        out
    }

    #[test]
    fn lines_end_at_line_ends_and_at_the_end() {
        let text = b"\xEF\xBB\xBFa\r\n\nb\nc";
        assert_eq!(all(Lines::over(&text[..])), [&b"a"[..], b"", b"b", b"c"]);
        assert!(all(Lines::over(&b""[..])).is_empty());
    }

    #[test]
    fn a_line_longer_than_the_bound_is_one_line_and_costs_no_memory() {
        let mut text = b"a\n".to_vec();
        text.extend(vec![b'x'; 5 * LINE_BYTES_MAX]);
        text.extend(b"\nb\n");
        assert_eq!(all(Lines::over(io::Cursor::new(text.clone()))), [&b"a"[..], b"too long", b"b"]);
        let mut lines = Lines::over(io::Cursor::new(text));
        while lines.next(false).unwrap().is_some() {}
        assert!(lines.buffer.capacity() <= 4 * LINE_BYTES_MAX, "{}", lines.buffer.capacity());
    }

    #[test]
    fn a_gzip_log_that_breaks_off_gives_what_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let text: Vec<u8> = (0..20_000).flat_map(|n| format!("line {n} {}\n", n * n).into_bytes()).collect();
        gz.write_all(&text).unwrap();
        let packed = gz.finish().unwrap();
        std::fs::write(&path, &packed).unwrap();
        assert_eq!(all(Lines::open(&path).unwrap()).len(), 20_000);
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let mut count = 0;
        while lines.next(false).unwrap().is_some() {
            count += 1;
        }
        assert!(count > 1_000 && lines.broke_off().is_some(), "{count}");
    }

    proptest! {
        #[test]
        fn lines_are_what_splitting_gives(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a')], 0..200)) {
            let mut expected: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            prop_assert_eq!(all(Lines::over(io::Cursor::new(text))), expected);
        }
    }
}
