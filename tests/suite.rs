//! The one integration binary: what no single room can show.

mod arrows; // every `use crate::` line of the product respects the arrows of the house
