//! The tokens that lanes read while somebody else renews them.
//!
//! Owns how the two meet: a lane looks at one atomic number for each request, and takes the lock only when that has changed.
//! Refuses to know where tokens come from (`keeper`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;

/// Values of `authorization`, in turn by identity.
type Values = Arc<[HeaderValue]>;

/// The tokens of all lanes.
#[derive(Debug)]
pub(super) struct Tokens {
    /// Counts how often the values were replaced.
    edition: AtomicU64,
    values: Mutex<Values>,
}

/// One lane's view.
pub(in crate::engine) struct Reader {
    tokens: Arc<Tokens>,
    edition: u64,
    values: Values,
}

impl Tokens {
    pub(super) fn new(values: Vec<HeaderValue>) -> Self {
        Self { edition: AtomicU64::new(0), values: Mutex::new(values.into()) }
    }

    /// Replaces the values.
    pub(super) fn publish(&self, values: Vec<HeaderValue>) {
        *self.values.lock().unwrap_or_else(PoisonError::into_inner) = values.into();
        self.edition.fetch_add(1, Ordering::Release);
    }

    fn read(&self) -> (u64, Values) {
        // The edition first: values that are newer than it are read again, never missed.
        let edition = self.edition.load(Ordering::Acquire);
        (edition, Arc::clone(&self.values.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Reader {
    pub(super) fn new(tokens: Arc<Tokens>) -> Self {
        let (edition, values) = tokens.read();
        Self { tokens, edition, values }
    }

    /// The value that this identity sends.
    pub(in crate::engine) fn of(&mut self, identity: u32) -> Option<HeaderValue> {
        if self.tokens.edition.load(Ordering::Acquire) != self.edition {
            (self.edition, self.values) = self.tokens.read();
        }
        let turn = (identity as usize).checked_rem(self.values.len())?;
        self.values.get(turn).cloned()
    }
}
