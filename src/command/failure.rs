//! A command that could not do what was asked, and the exit code that says so.
//!
//! Owns the failures that have no run record: wrong usage, a refused target, something broken. What a run came to is
//! [`Conclusion`](crate::report::Conclusion)'s. Refuses to print and to exit: `main` does.

use std::error::Error;

/// A command that could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line or the profile is wrong.
    #[error(transparent)]
    Usage(Box<dyn Error + Send + Sync>),
    /// The safety policy forbids it; not one byte was sent.
    #[error(transparent)]
    Refused(Box<dyn Error + Send + Sync>),
    /// It broke: a file, a socket, a process.
    #[error("{what}")]
    Broken {
        /// What was being done.
        what: String,
        /// Why it could not be.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Whoever read the output has gone; nothing is left to say.
    #[error("standard output is closed")]
    OutputClosed,
}

impl Failure {
    /// The exit code.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Refused(_) => 5,
            Self::Broken { .. } => 1,
            // As a shell has it for a process that a closed pipe ends: 128 and SIGPIPE.
            Self::OutputClosed => 141,
        }
    }

    /// What was asked for cannot be.
    pub fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Usage(error.into())
    }

    /// Says what was being done when `source` got in the way.
    pub fn broken(what: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Broken { what: what.into(), source: source.into() }
    }
}
