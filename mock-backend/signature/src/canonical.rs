//! The canonical form of a request: the text whose hash is signed.
//!
//! Owns the order and the encoding of its parts, and the buffers that are used again. Refuses keys and dates (`lib`).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::Unsigned;

/// All but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In a path the slashes stay.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

/// How a service takes paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    /// As they are sent: S3 alone.
    AsSent,
    /// Without dot segments and empty ones, and encoded once more: everybody else.
    EncodedAgain,
}

#[derive(Debug, Default)]
pub(crate) struct Canonical {
    text: String,
    signed: String,
    pairs: Vec<(String, String)>,
    order: Vec<usize>,
}

impl Canonical {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Names of the headers that are covered, joined by `;`.
    pub(crate) fn signed_headers(&self) -> &str {
        &self.signed
    }

    /// Writes the form of `request`, to which the headers of `own` are added.
    pub(crate) fn write(&mut self, request: &Unsigned<'_>, own: &[Option<(&str, &str)>; 3], paths: Paths, content: &str) {
        self.text.clear();
        self.text.push_str(request.method);
        self.text.push('\n');
        match paths {
            Paths::AsSent => self.text.push_str(if request.path.is_empty() { "/" } else { request.path }),
            Paths::EncodedAgain => self.push_path(request.path),
        }
        self.text.push('\n');
        if !request.query.is_empty() {
            self.push_query(request.query);
        }
        self.text.push('\n');
        self.push_headers(request.headers, own);
        self.text.push('\n');
        self.text.push_str(&self.signed);
        self.text.push('\n');
        self.text.push_str(content);
    }

    fn push_path(&mut self, path: &str) {
        self.text.push('/');
        let begun = self.text.len();
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    // The segment before, and the slash before that.
                    let rest = self.text[begun..].trim_end_matches('/').rfind('/').map_or(begun, |at| begun + at + 1);
                    self.text.truncate(rest);
                }
                segment => {
                    self.text.extend(percent_encode(segment.as_bytes(), RESERVED_IN_PATH));
                    self.text.push('/');
                }
            }
        }
        // As botocore has it: a path that ends in a dot segment ends in no slash.
        if !path.ends_with('/') && self.text.len() > begun {
            self.text.pop();
        }
    }

    fn push_query(&mut self, query: &str) {
        self.pairs.clear();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        self.pairs.extend(pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded_anew(name), encoded_anew(value))
        }));
        self.pairs.sort_unstable();
        for (at, (name, value)) in self.pairs.iter().enumerate() {
            let and = if at == 0 { "" } else { "&" };
            self.text.extend([and, name, "=", value]);
        }
    }

    fn push_headers(&mut self, given: &[(&str, &str)], own: &[Option<(&str, &str)>; 3]) {
        self.signed.clear();
        self.order.clear();
        let header = |at: usize| if at < given.len() { Some(given[at]) } else { own[at - given.len()] };
        self.order.extend((0..given.len() + own.len()).filter(|at| header(*at).is_some()));
        // Stable: the values of one name stay in their order.
        self.order.sort_by_key(|at| header(*at).map(|(name, _)| name));
        let mut last = "";
        for (name, value) in self.order.iter().filter_map(|at| header(*at)) {
            if last == name {
                self.text.pop();
                self.text.push(',');
            } else {
                self.signed.extend([if self.signed.is_empty() { "" } else { ";" }, name]);
                self.text.extend([name, ":"]);
            }
            for (at, word) in value.split_ascii_whitespace().enumerate() {
                self.text.extend([if at == 0 { "" } else { " " }, word]);
            }
            self.text.push('\n');
            last = name;
        }
    }
}

/// A name or value of a query in the one encoding that is signed; `+` is a space, as in forms.
fn encoded_anew(text: &str) -> String {
    let plain = text.replace('+', " ");
    let decoded: Vec<u8> = percent_decode(plain.as_bytes()).collect();
    percent_encode(&decoded, RESERVED).to_string()
}
