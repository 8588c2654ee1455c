//! The trace file: recorded traffic in our own format. (being built)
