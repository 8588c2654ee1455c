//! Who can be posted to: the open connections of all lanes that hear a stream, and what each of them is called.
//!
//! Owns the register, one lock for each stream: it is taken when a connection opens, says its name or ends, and once for each step that
//! posts. It holds no more entries than there are open connections, and none where nobody says a name. Refuses sockets, and to find names in
//! messages (`content`). Called by every lane's [`Stage`](super::stage::Stage).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::traffic::Catalog;
use crate::traffic::conversation::{Hears, StreamId};

/// Below this a stage has its connections (developer guide, "Use @connections commands in your backend service", 2023).
const CONNECTIONS: &str = "/@connections/";

/// What a path segment holds as it is (RFC 3986, section 2.3). The names of the gateway end with `=`, which is written `%3D` (as above).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names are some twenty bytes long; what is longer is none.
const NAME_BYTES_MAX: usize = 256;

/// The connections that hear each stream.
#[derive(Debug)]
pub(super) struct Audience(Vec<Mutex<Members>>);

/// Of a stream: by session the path that is posted to, once it is known.
type Members = BTreeMap<u32, Option<Arc<str>>>;

/// Who is to have a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Addressed {
    /// The paths that are posted to, in the order of the sessions.
    pub(super) paths: Vec<Arc<str>>,
    /// Connections that are open and hear the stream, and whose names nobody knows.
    pub(super) unnamed: u64,
}

impl Audience {
    /// Nobody is there yet. Where no session says what its connection is called, nobody ever is.
    pub(super) fn new(catalog: &Catalog) -> Self {
        let streams = if catalog.names.is_empty() { 0 } else { catalog.streams.len() };
        Self((0..streams).map(|_| Mutex::default()).collect())
    }

    /// A session has a connection.
    pub(super) fn opened(&self, session: u32, hears: Hears) {
        self.each(hears, |members| drop(members.insert(session, None)));
    }

    /// Its connection is called so; of what can be no name nothing is kept. Whether it is kept.
    pub(super) fn named(&self, session: u32, hears: Hears, name: &str) -> bool {
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
        if fits {
            let path: Arc<str> = format!("{CONNECTIONS}{}", utf8_percent_encode(name, ENCODED)).into();
            self.each(hears, |members| drop(members.insert(session, Some(Arc::clone(&path)))));
        }
        fits
    }

    /// Its connection is gone.
    pub(super) fn gone(&self, session: u32, hears: Hears) {
        self.each(hears, |members| drop(members.remove(&session)));
    }

    /// Who is to have what is posted to the stream now.
    pub(super) fn of(&self, stream: StreamId) -> Addressed {
        let Some(members) = self.0.get(usize::from(stream.0)) else { return Addressed::default() };
        let members = lock(members);
        let paths: Vec<Arc<str>> = members.values().flatten().cloned().collect();
        let unnamed = (members.len() - paths.len()) as u64;
        Addressed { paths, unnamed }
    }

    fn each(&self, hears: Hears, change: impl Fn(&mut Members)) {
        let heard = (0_u8..).zip(&self.0).filter(|(id, _)| hears.has(StreamId(*id)));
        heard.for_each(|(_, members)| change(&mut lock(members)));
    }
}

/// A lane that broke while it had the lock has left a whole map behind.
fn lock(members: &Mutex<Members>) -> MutexGuard<'_, Members> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::SeriesId;
    use crate::traffic::conversation::Stream;

    fn audience(names: &[&str]) -> Audience {
        let stream =
            |name: &str| Stream { name: name.to_owned(), series: SeriesId(0), number: vec!["n".to_owned()], named: None };
        Audience::new(&Catalog {
            streams: vec![stream("a"), stream("b")],
            names: names.iter().map(|name| vec![(*name).to_owned()]).collect(),
            ..Catalog::default()
        })
    }

    fn of(audience: &Audience, stream: u8) -> (Vec<String>, u64) {
        let Addressed { paths, unnamed } = audience.of(StreamId(stream));
        (paths.iter().map(ToString::to_string).collect(), unnamed)
    }

    #[test]
    fn whoever_is_open_and_hears_is_posted_to_by_its_name_and_counted_without_one() {
        let audience = audience(&["connectionId"]);
        audience.opened(7, Hears(0b01));
        audience.opened(3, Hears(0b11));
        assert_eq!(of(&audience, 0), (vec![], 2));
        assert!(audience.named(3, Hears(0b11), "L0SM9cOFvHcCIhw="));
        assert_eq!(of(&audience, 0), (vec!["/@connections/L0SM9cOFvHcCIhw%3D".to_owned()], 1));
        assert_eq!(of(&audience, 1), (vec!["/@connections/L0SM9cOFvHcCIhw%3D".to_owned()], 0));
        assert!(audience.named(7, Hears(0b01), "a/../b?c#d e"));
        assert_eq!(of(&audience, 0).0[1], "/@connections/a%2F..%2Fb%3Fc%23d%20e", "a name is one segment of the path");
        audience.gone(3, Hears(0b11));
        audience.gone(7, Hears(0b01));
        assert_eq!((of(&audience, 0), of(&audience, 1)), ((vec![], 0), (vec![], 0)));
    }

    #[test]
    fn what_can_be_no_name_is_not_kept() {
        let audience = audience(&["connectionId"]);
        audience.opened(1, Hears(1));
        assert!(!audience.named(1, Hears(1), "") && !audience.named(1, Hears(1), &"x".repeat(257)));
        assert_eq!(of(&audience, 0), (vec![], 1));
    }

    #[test]
    fn where_no_session_says_a_name_nothing_is_kept() {
        let audience = audience(&[]);
        audience.opened(1, Hears(1));
        assert_eq!((of(&audience, 0), of(&audience, 99)), ((vec![], 0), (vec![], 0)));
    }
}
