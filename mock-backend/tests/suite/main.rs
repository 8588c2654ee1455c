//! The mock gateway on real sockets of the loopback interface, every port chosen by the system.

#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

/// Who may come from where, and whose signature is taken.
mod access;
/// What each decision looks like to a client, for both kinds of API.
mod answers;
/// Who may ask, by the model and by tokens.
mod authorized;
/// Real functions as authorizers: processes that say yes, no and nonsense.
mod authorizers;
/// HTTP back ends behind the door.
mod behind;
/// Requests that are none, clients that are slow, and bytes as they were spelled.
mod broken;
/// Keep-alive, HTTP/2, clients that leave, limits, and the end.
mod connections;
/// HTTP back ends that break off, stall and lie.
mod deficient;
/// Real functions: processes that serve, and end.
mod functions;
/// Keys of issuers that stand at a URL.
mod jwks;
/// The access log and the record of arrivals agree with what was sent.
mod records;
/// Real functions on the provider's own runtime for Python.
mod runtimes;
/// Functions whose answers come bit by bit.
mod streamed;
/// Tokens of every broken kind.
mod tokens;
/// HTTP back ends whose answers come bit by bit.
mod trickling;
/// Real functions that misbehave.
mod unruly;

/// The policy alone decides again as it did under load on the wire.
mod replayed;
/// TLS, several listeners, and the names by which an API is reached.
mod secure;
/// Services of the provider behind the door: moto, broken ones, and modelled ones.
mod services;
/// WebSocket connections.
mod websocket;

/// Where functions wait.
mod gate;
/// A model, a server and a client in a few words.
mod mock;
/// What nobody has confirmed of the real gateway.
mod unconfirmed;
/// Metrics, the admin endpoint and the execution log, beside real traffic.
mod watching;
