//! The recorder: counts samples. (being built)
/// (being built)
#[derive(Debug)]
pub struct Recorder;
