//! The bytes of the gateway's front door: what a request says, what templates make of it, and what an answer looks like. Pure.
//!
//! Owns everything between raw bytes and the policy's decisions: requests, `$context`, mapping templates, request validation,
//! gateway responses, answers and the lines of the logs. Refuses sockets, clocks, files and randomness (they come in as values), and
//! to decide: the policy asks this crate for evidence and says what happens. Called by the mock gateway for every request, by
//! the simulator where a decision needs a body, and by the product's `config`, which proves templates and schemas with it.

#![warn(missing_docs)]

pub mod access_log;
pub mod answer;
pub mod authorizer;
pub mod backend;
pub(crate) mod content;
pub mod context;
mod cors;
mod customised;
pub mod event;
pub mod examined;
pub mod execution_log;
mod expression;
pub mod front;
mod front_error;
pub mod function_answer;
mod identification;
pub mod ids;
mod keys;
mod mapping;
pub mod media;
mod mock;
mod naming;
mod parameter_mapping;
mod parameters;
pub mod proof;
pub mod refusal;
pub mod request;
mod request_mapping;
pub mod responses;
pub mod secured;
mod seen;
pub mod service;
mod store;
mod substitution;
pub mod validate;
pub mod vtl;
pub mod websocket;
