//! The one integration binary: what no single room can show.

mod arrows; // every `use crate::` line of the product respects the arrows of the house
mod derived_profile; // a profile derived from a log proves, and routes every call of that log
mod program; // how the program is run as its users run it

mod bad_input; // broken profiles, logs, targets, disks and processes: a clear message and the documented exit code
mod first_light; // the main job from end to end: holds, drift, replay, live targets
