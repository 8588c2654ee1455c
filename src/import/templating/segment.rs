//! Whether a segment of a path is a name or a value.
//!
//! Owns the look of identifiers. Refuses context: a value that looks like a name is found by how many others stand in its
//! place (`prune`).

/// What a variable position is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{id}`.
    Id,
    /// `{uuid}`.
    Uuid,
    /// As the log itself calls it, where it holds route patterns instead of paths.
    Named(String),
}

impl Kind {
    /// What to call a position that holds both.
    pub(super) fn with(&mut self, other: &Self) {
        if self != other {
            *self = Self::Id;
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Id => "id",
            Self::Uuid => "uuid",
            Self::Named(name) => name,
        }
    }
}

/// Longest segment that can be a name.
const NAME_BYTES_MAX: usize = 80;

/// The kind of value that `segment` is by its look, or `None` if it is a name.
pub(super) fn kind(segment: &[u8]) -> Option<Kind> {
    // First what is most frequent.
    if !segment.is_empty() && segment.iter().all(u8::is_ascii_digit) {
        return Some(Kind::Id);
    }
    if let Some(name) = placeholder(segment) {
        return Some(Kind::Named(name));
    }
    // What a route pattern cannot hold as it is, or not without quoting, is a value.
    let plain = segment.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~:@".contains(b));
    if !plain || segment.len() > NAME_BYTES_MAX {
        return Some(Kind::Id);
    }
    if is_uuid(segment) {
        return Some(Kind::Uuid);
    }
    let body = without_prefix(segment);
    (is_hex(body) || is_token(body) || (body.len() < segment.len() && is_uuid(body))).then_some(Kind::Id)
}

/// `%7Bname%7D`: an encoded `{name}`.
fn placeholder(segment: &[u8]) -> Option<String> {
    let name = segment.strip_prefix(b"%7B")?.strip_suffix(b"%7D")?;
    let fits = (1..=40).contains(&name.len()) && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    String::from_utf8(name.to_vec()).ok().filter(|_| fits)
}

/// `8-4-4-4-12` hexadecimal digits.
fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// At least ten hexadecimal digits, two of them decimal (so that no word is one).
fn is_hex(text: &[u8]) -> bool {
    text.len() >= 10 && text.iter().all(u8::is_ascii_hexdigit) && count(text, u8::is_ascii_digit) >= 2
}

/// A random text such as `01ARZ3NDEKTSV4RRFFQ69G5FAV` or `NffrFeUfNV2Hib9x`: long, one piece, digits among letters of more than one
/// case or of capitals.
fn is_token(text: &[u8]) -> bool {
    let (digits, small, capital) =
        (count(text, u8::is_ascii_digit), count(text, u8::is_ascii_lowercase), count(text, u8::is_ascii_uppercase));
    let one_piece = digits + small + capital == text.len();
    one_piece && text.len() >= 16 && digits >= 2 && capital >= 2 && (small >= 2 || digits >= 4)
}

/// `cus_NffrFeUfNV2Hib9x` without `cus_`: one short word of letters before a `-` or `_`.
fn without_prefix(segment: &[u8]) -> &[u8] {
    let letters = segment.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(segment.len());
    match segment.get(letters) {
        Some(b'-' | b'_') if (1..=12).contains(&letters) => &segment[letters + 1..],
        _ => segment,
    }
}

fn count(text: &[u8], is: impl Fn(&u8) -> bool) -> usize {
    text.iter().filter(|byte| is(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        for name in [
            "",
            "servers",
            "detail",
            "v2",
            "2013-10-17",
            "logstash-puppetconf-2012",
            "index.html",
            "deadbeef",
            "meta_data.json",
            "os-server-external-events",
            "feedface",
            "~user",
            "apple-touch-icon-120x120-precomposed.png",
        ] {
            assert_eq!(kind(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn values_are_told_by_their_look() {
        for value in [
            "1",
            "2026",
            "54fadb412c4e40cdbaed9335e4c35a9e",
            "0123456789ab",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "cus_NffrFeUfNV2Hib9x",
            "i-0abcdef1234567890",
            "req-b9000564-fe1a-409b-b8cc-1e88b294cd1d",
            "a%20b",
            "a+b",
            "$default",
        ] {
            assert_eq!(kind(value.as_bytes()), Some(Kind::Id), "{value}");
        }
        assert_eq!(kind(b"b9000564-fe1a-409b-b8cc-1e88b294cd1d"), Some(Kind::Uuid));
        assert_eq!(kind(b"%7BpetId%7D"), Some(Kind::Named("petId".into())));
        assert_eq!(kind(&[b'a'; 81]), Some(Kind::Id));
    }
}
