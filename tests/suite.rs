//! The one integration binary.

/// Profiles derived from logs prove.
mod derived_profile;
