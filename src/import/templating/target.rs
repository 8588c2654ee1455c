//! A target as routes see it: its path, cut where a router cuts it.
//!
//! Owns which slashes mean nothing. Refuses to know routes. Read once for each call and pass: whoever needs a part of it takes it
//! from here.

/// The path of a target, without its query and without the slashes that make no route of their own: no route key can hold them.
#[derive(Clone, Copy, Debug)]
pub(in crate::import) struct Target<'a> {
    trimmed: &'a [u8],
    pub(in crate::import) has_query: bool,
    /// Slashes at its beginning or end mean nothing to a route: a REST API ignores them, an HTTP API does not.
    pub(in crate::import) has_idle_slash: bool,
}

/// What of a path has not been walked; none at its end.
#[derive(Clone, Debug)]
pub(super) struct Segments<'a>(Option<&'a [u8]>);

impl<'a> Target<'a> {
    /// Of path and query.
    pub(in crate::import) fn of(target: &'a [u8]) -> Self {
        let query = memchr::memchr(b'?', target);
        let path = &target[..query.unwrap_or(target.len())];
        let is_none = |byte: &u8| *byte != b'/';
        let start = path.iter().position(is_none).unwrap_or(path.len());
        let end = path.iter().rposition(is_none).map_or(start, |last| last + 1);
        let trimmed = &path[start..end];
        Self { trimmed, has_query: query.is_some(), has_idle_slash: trimmed.len() + 1 < path.len() }
    }

    /// None for `/`.
    pub(super) fn segments(self) -> Segments<'a> {
        Segments((!self.trimmed.is_empty()).then_some(self.trimmed))
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        // Segments are short: looking at each byte is faster than a call that looks at many.
        let Some(slash) = rest.iter().position(|byte| *byte == b'/') else { return self.0.take() };
        self.0 = Some(&rest[slash + 1..]);
        Some(&rest[..slash])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_ends_make_no_segments_and_those_within_do() {
        for (target, segments, has_query, has_idle_slash) in [
            ("/", &[][..], false, false),
            ("//", &[], false, true),
            ("/a/b", &["a", "b"], false, false),
            ("/a//b/?c/d", &["a", "", "b"], true, true),
            ("//a?", &["a"], true, true),
            ("", &[], false, false),
        ] {
            let found = Target::of(target.as_bytes());
            assert_eq!(found.segments().map(String::from_utf8_lossy).collect::<Vec<_>>(), segments, "{target}");
            assert_eq!((found.has_query, found.has_idle_slash), (has_query, has_idle_slash), "{target}");
        }
    }
}
