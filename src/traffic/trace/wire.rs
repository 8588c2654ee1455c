//! Numbers, texts and methods as bytes: LEB128 varints, length-prefixed strings, and a number for each usual method.
//!
//! Owns the encoding that the trace file and the import's temporary runs share. Refuses to know records.

/// Appends `n` as a varint of one to ten bytes.
pub(crate) fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Appends the length of `text` and its bytes.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Methods that are written as their place here and one; others as zero and a text.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"];

/// Appends a method.
pub(crate) fn put_method(out: &mut Vec<u8>, method: &str) {
    // A match compares whole words; a search through the list would call a comparison for each.
    out.push(match method {
        "GET" => 1,
        "HEAD" => 2,
        "POST" => 3,
        "PUT" => 4,
        "DELETE" => 5,
        "PATCH" => 6,
        "OPTIONS" => 7,
        "CONNECT" => 8,
        "TRACE" => 9,
        other => {
            out.push(0);
            return put_text(out, other.as_bytes());
        }
    });
}

/// What has not been read yet; every read returns `None` at an impossible or missing byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest<'a>(pub(crate) &'a [u8]);

impl<'a> Rest<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut n = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7F);
            if shift == 63 && bits > 1 {
                return None;
            }
            n |= bits << shift;
            if byte < 0x80 {
                return Some(n);
            }
        }
        None
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length)
    }

    pub(crate) fn utf8(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.text()?).ok()
    }

    pub(crate) fn method(&mut self) -> Option<&'a str> {
        match usize::from(self.byte()?) {
            0 => self.utf8(),
            place => METHODS.get(place - 1).copied(),
        }
    }

    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.number()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_method_reads_back_as_it_was_written() {
        for method in METHODS.into_iter().chain(["PROPFIND", ""]) {
            let mut out = Vec::new();
            put_method(&mut out, method);
            assert_eq!(out.len() > 1, !METHODS.contains(&method), "{method}");
            assert_eq!(Rest(&out).method(), Some(method));
        }
        assert_eq!(Rest(&[10]).method(), None);
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_it_was_written(n in any::<u64>(), shift in 0_u32..64) {
            let mut out = Vec::new();
            put_number(&mut out, n >> shift);
            let mut rest = Rest(&out);
            prop_assert_eq!(rest.number(), Some(n >> shift));
            prop_assert!(rest.0.is_empty());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut rest = Rest(&bytes);
            while rest.text().is_some() || rest.number().is_some() {}
        }
    }
}
