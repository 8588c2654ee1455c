//! A request's body, as its bytes come: by length or in chunks. Pure.
//!
//! Owns where a body ends, and the bytes of it that are kept. Refuses to read from a socket, and the contents. Called by
//! `connection`; the decoder's own memory is a few numbers, and what is kept has a bound.

use bytes::{Bytes, BytesMut};

use super::framing::Length;
use crate::malformed::Malformed;

/// Most bytes of a line that says how long a chunk is. Extensions have no use here, but may be sent.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// Most bytes of all trailers together. They are left out (facts, section 1.2: `Trailer` is dropped).
const TRAILER_BYTES_MAX: usize = 8_192;

/// Where in a body the next byte belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoder {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// This many bytes of a body of known length are still to come.
    Sized(u64),
    /// A line that says how long the next chunk is.
    Size,
    /// This many bytes of a chunk are still to come.
    Chunk(u64),
    /// The end of the line behind a chunk.
    ChunkEnd,
    /// Trailers, of which there were this many bytes.
    Trailers(usize),
    Done,
}

/// What is kept of a body.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: BytesMut,
    bytes_max: usize,
    length: u64,
}

/// A body, or as much of it as anybody looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Body {
    /// The bytes; none if it is longer than the bound.
    pub(crate) bytes: Bytes,
    /// How long it is, as far as it was read or its head says.
    pub(crate) length: u64,
}

/// Whether a body is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More is to come.
    More,
    /// It is.
    Done,
}

impl Decoder {
    /// A decoder for a body of this length.
    pub(crate) const fn new(length: Length) -> Self {
        let state = match length {
            Length::Known(0) => State::Done,
            Length::Known(bytes) => State::Sized(bytes),
            Length::Chunked => State::Size,
        };
        Self { state }
    }

    /// Whether the body is over.
    pub(crate) const fn progress(&self) -> Progress {
        if matches!(self.state, State::Done) { Progress::Done } else { Progress::More }
    }

    /// Takes out of `input` all that belongs to the body, and nothing behind it.
    pub(crate) fn take(&mut self, input: &mut BytesMut, kept: &mut Kept) -> Result<Progress, Malformed> {
        loop {
            let next = match self.state {
                State::Sized(left) => {
                    take_data(input, left, kept).map(|left| if left == 0 { State::Done } else { State::Sized(left) })
                }
                State::Chunk(left) => {
                    take_data(input, left, kept).map(|left| if left == 0 { State::ChunkEnd } else { State::Chunk(left) })
                }
                State::Size => take_line(input, SIZE_LINE_BYTES_MAX)?.map(|line| size(&line)).transpose()?,
                State::ChunkEnd => take_line(input, 2)?.map(|_| State::Size),
                State::Trailers(so_far) => take_line(input, TRAILER_BYTES_MAX - so_far)?.map(|line| match line.len() {
                    0 => State::Done,
                    length => State::Trailers(so_far + length + 2),
                }),
                State::Done => None,
            };
            match next {
                Some(next) => self.state = next,
                None => return Ok(self.progress()),
            }
        }
    }
}

impl Kept {
    /// Keeps a body of at most `bytes_max`; of a longer one only the length.
    pub(crate) fn up_to(bytes_max: u64) -> Self {
        Self { bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX), ..Self::default() }
    }

    /// How many bytes are held.
    pub(crate) fn held(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes have come.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// Whether it is longer than what is kept.
    pub(crate) const fn overflowed(&self) -> bool {
        self.length > self.bytes_max as u64
    }

    /// More of it.
    pub(crate) fn push(&mut self, data: BytesMut) {
        self.length += data.len() as u64;
        if self.overflowed() {
            self.bytes = BytesMut::new();
        } else {
            // The usual body lies in one piece, and stays where it is.
            self.bytes.unsplit(data);
        }
    }

    /// What was kept.
    pub(crate) fn into_body(self) -> Body {
        Body { length: self.length, bytes: self.bytes.freeze() }
    }
}

/// Takes up to `left` bytes of data; how many are left then, or nothing if none were there.
fn take_data(input: &mut BytesMut, left: u64, kept: &mut Kept) -> Option<u64> {
    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
    if here == 0 {
        return None;
    }
    kept.push(input.split_to(here));
    Some(left - here as u64)
}

/// Takes a line of at most `bytes_max` bytes, its end included but not handed out; `None` if its end is not there yet.
fn take_line(input: &mut BytesMut, bytes_max: usize) -> Result<Option<BytesMut>, Malformed> {
    let window = &input[..input.len().min(bytes_max)];
    match memchr::memchr(b'\n', window) {
        Some(at) if at > 0 && input[at - 1] == b'\r' => {
            let mut line = input.split_to(at + 1);
            line.truncate(at - 1);
            Ok(Some(line))
        }
        None if window.len() < bytes_max => Ok(None),
        Some(_) | None => Err(Malformed::Chunk),
    }
}

/// The state after a line that says how long the next chunk is.
fn size(line: &[u8]) -> Result<State, Malformed> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    // Sixteen digits are all that fit; nobody sends so much.
    if digits == 0 || digits > 15 {
        return Err(Malformed::Chunk);
    }
    let (digits, rest) = line.split_at(digits);
    let is_text = |byte: &u8| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f);
    let extension = rest.trim_ascii_start();
    if !(extension.is_empty() || extension.starts_with(b";")) || !rest.iter().all(is_text) {
        return Err(Malformed::Chunk);
    }
    let value = |sum: u64, digit: &u8| sum << 4 | u64::from((*digit as char).to_digit(16).unwrap_or(0));
    match digits.iter().fold(0, value) {
        0 => Ok(State::Trailers(0)),
        bytes => Ok(State::Chunk(bytes)),
    }
}

impl Body {
    /// A body of which only the length is known.
    pub(crate) const fn unread(length: u64) -> Self {
        Self { bytes: Bytes::new(), length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a decoder makes of `bytes`, cut at `cuts`: the body or the fault, and what it left.
    fn decoded(length: Length, bytes: &[u8], cuts: &[usize]) -> (Result<(Progress, Body), Malformed>, Vec<u8>) {
        let (mut decoder, mut kept, mut input) = (Decoder::new(length), Kept::up_to(64), BytesMut::new());
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
        at.sort_unstable();
        let mut result = Ok(decoder.progress());
        for part in at.windows(2) {
            input.extend_from_slice(&bytes[part[0]..part[1]]);
            if result.is_ok() {
                result = decoder.take(&mut input, &mut kept);
                assert!(kept.held() <= 64);
                // What waits here waits for the end of a line.
                assert!(result != Ok(Progress::More) || input.len() < TRAILER_BYTES_MAX);
            }
        }
        // What is left after a fault is nobody's: the connection ends.
        let rest = if result.is_ok() { input.to_vec() } else { Vec::new() };
        (result.map(|progress| (progress, kept.into_body())), rest)
    }

    type Whole = Result<(Progress, Vec<u8>), Malformed>;

    fn whole(length: Length, bytes: &[u8]) -> (Whole, Vec<u8>) {
        let (result, rest) = decoded(length, bytes, &[]);
        (result.map(|(progress, body)| (progress, body.bytes.to_vec())), rest)
    }

    #[test]
    fn a_body_of_known_length_ends_there() {
        assert_eq!(whole(Length::Known(4), b"bodyGET /"), (Ok((Progress::Done, b"body".to_vec())), b"GET /".to_vec()));
        assert_eq!(whole(Length::Known(0), b"GET /"), (Ok((Progress::Done, Vec::new())), b"GET /".to_vec()));
        assert_eq!(whole(Length::Known(4), b"bod"), (Ok((Progress::More, b"bod".to_vec())), Vec::new()));
    }

    #[test]
    fn chunks_are_joined_and_extensions_and_trailers_left_out() {
        let sent = b"4\r\nbody\r\nA ;x=\"y\"\r\n0123456789\r\n00\r\nX-Sum: 1\r\nX-Two: 2\r\n\r\nGET /";
        let (result, rest) = whole(Length::Chunked, sent);
        assert_eq!((result.unwrap(), &rest[..]), ((Progress::Done, b"body0123456789".to_vec()), b"GET /".as_slice()));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for sent in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            " 4\r\n",
            "0x4\r\n",
            "4\nbody",
            "4 4\r\n",
            "4\r\nbodyX\r\n",
            "4\r\nbody\n",
            "4\rbody\r\n",
            "1234567890123456\r\n",
            "4;\0\r\n",
            "0\r\n\n",
        ] {
            assert_eq!(whole(Length::Chunked, sent.as_bytes()).0, Err(Malformed::Chunk), "{sent:?}");
        }
    }

    #[test]
    fn what_never_ends_is_refused() {
        for endless in ["1;".to_owned() + &"x".repeat(300), "0\r\n".to_owned() + &"A: b\r\n".repeat(3_000)] {
            assert_eq!(whole(Length::Chunked, endless.as_bytes()).0, Err(Malformed::Chunk));
        }
    }

    #[test]
    fn of_a_body_above_the_bound_only_the_length_is_kept() {
        let (result, _) = decoded(Length::Known(65), &[b'x'; 65], &[10, 20]);
        assert_eq!(result, Ok((Progress::Done, Body::unread(65))));
        let (result, _) = decoded(Length::Known(64), &[b'x'; 64], &[10, 20]);
        assert_eq!(result.unwrap().1.bytes.len(), 64);
    }

    fn chunky() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"\r\n".to_vec()),
            Just(b"4\r\nbody\r\n".to_vec()),
            Just(b"1f;e\r\n".to_vec()),
            Just(b"0\r\n\r\n".to_vec()),
            Just(b"0\r\nA: b\r\n".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..40),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn it_makes_no_difference_how_the_bytes_are_split(
            bytes in chunky(),
            known in proptest::option::of(0_u64..100),
            cuts in proptest::collection::vec(any::<usize>(), 0..20),
        ) {
            let length = known.map_or(Length::Chunked, Length::Known);
            prop_assert_eq!(decoded(length, &bytes, &cuts), decoded(length, &bytes, &[]));
        }
    }
}
