//! The front door as a client sees it: small models, one request each, whole answers.

pub(crate) mod door;
mod http;
mod rest;
mod templates;
