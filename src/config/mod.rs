//! (being built)
mod problem;
mod tree;
