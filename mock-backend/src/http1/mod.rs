//! HTTP/1.1 as the gateway speaks it: a codec over bytes, and the connection around it.
//!
//! Owns request heads as they were spelled, bodies in both framings, the bytes of an answer, and the life of a connection from its
//! first head to its last answer. Refuses to route, to decide and to word an answer (`http` does, through the policy and the
//! renderer). Called by `accept`. It stands in hyper's place because hyper hides the spelling and order of header names, and
//! answers what it cannot parse by itself.

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod date;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod pipes;
pub(crate) mod write;
