//! (being built)
#![allow(dead_code, unused_imports, reason="draft")]
mod problem;
mod reader;
mod raw;
mod tree;
pub mod value;
