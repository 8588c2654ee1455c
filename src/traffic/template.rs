//! Request templates: what a described request says, with fields drawn from a key.

use super::catalog::Outgoing;

/// (being built)
#[derive(Clone, Debug)]
pub struct Template;

impl Template {
    /// (being built)
    pub fn fill(&self, _key: u64, _identity: u32, _out: &mut Outgoing) {}
}
