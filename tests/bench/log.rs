//! A log that a web server might have written: the same for the same number of lines, in the combined format.
//!
//! Owns its content: an hour of a shop with a few thousand distinct paths. Refuses randomness that is not seeded. Called by `replay`.
//! The format is that of Apache's `LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\""`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use sluicegate_policy::seed::{Seed, Stream};

/// Recorded time in seconds, over which the lines are spread evenly.
pub(crate) const LENGTH_S: u64 = 3_600;
/// Lines that tell how long one is.
const TRIED: u64 = 10_000;
const CLIENTS: u64 = 5_000;
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "okhttp/4.12.0",
    "python-requests/2.32.3",
];

/// Writes so many lines; how many bytes they are.
pub(crate) fn write(path: &Path, lines: u64) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut lines = Lines::of(lines);
    let mut bytes = 0;
    let mut line = Vec::new();
    while lines.next(&mut line)? {
        out.write_all(&line)?;
        bytes += line.len() as u64;
    }
    out.flush()?;
    Ok(bytes)
}

/// How many lines are at least so many bytes.
pub(crate) fn lines_of(bytes: u64) -> io::Result<u64> {
    let mut lines = Lines::of(TRIED);
    let (mut tried, mut line) = (0, Vec::new());
    while lines.next(&mut line)? {
        tried += line.len() as u64;
    }
    Ok((bytes * TRIED).div_ceil(tried) + TRIED)
}

struct Lines {
    draws: Stream,
    written: u64,
    all: u64,
}

impl Lines {
    fn of(all: u64) -> Self {
        Self { draws: Seed::new(1).child("log").stream(), written: 0, all }
    }

    /// The next line in place of the one before; whether there is one.
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        if self.written == self.all {
            return Ok(false);
        }
        let second = self.written * LENGTH_S / self.all;
        self.written += 1;
        let client = self.draws.below(CLIENTS);
        let (minute, second) = (second / 60, second % 60);
        write!(line, "10.{}.{}.{} - - [27/Nov/2026:10:{minute:02}:{second:02} +0000] \"", client >> 8, client & 255, 7)?;
        self.request(line)?;
        let status = match self.draws.below(100) {
            0 => 500,
            1..3 => 404,
            3..8 => 304,
            _ => 200,
        };
        let agent = AGENTS[self.draws.below(AGENTS.len() as u64) as usize];
        let bytes = 120 + self.draws.below(9_000);
        writeln!(line, " HTTP/1.1\" {status} {bytes} \"https://shop.example/start\" \"{agent}\"")?;
        Ok(true)
    }

    fn request(&mut self, line: &mut Vec<u8>) -> io::Result<()> {
        match self.draws.below(10) {
            0 => write!(line, "GET /health"),
            1 => write!(line, "POST /v1/orders"),
            2 | 3 => write!(line, "GET /v1/orders/{}", 100_000 + self.draws.below(1_500)),
            4 => write!(line, "GET /v1/customers/{}/cart", 1 + self.draws.below(1_000)),
            5 => write!(line, "GET /v1/search?q=shoes&page={}", 1 + self.draws.below(50)),
            _ => write!(line, "GET /v1/products/{}", 20_000 + self.draws.below(2_000)),
        }
    }
}
