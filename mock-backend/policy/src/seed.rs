//! Every random choice, from one printed number.
//!
//! Owns the PRNG: `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014), used two
//! ways. As a *counter*, [`Seed::draw`] gives the n-th value of a stream without computing the others, so that any second of
//! a script and any call of a part can be drawn alone. As a *stream*, [`Seed::stream`] gives one value after the other.
//! Refuses OS randomness. Streams are named: `seed.child("policy").child("authorizer")`.

use std::fmt;

/// The golden-ratio increment of `SplitMix64`.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A named source of randomness: a key, not a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seed(u64);

impl Seed {
    /// The root of a run, as the user wrote it with `--seed`.
    pub const fn new(root: u64) -> Self {
        Self(root)
    }

    /// The independent source called `name` below this one.
    pub fn child(self, name: &str) -> Self {
        // FNV-1a spreads the name, the finaliser of SplitMix64 spreads the rest.
        let spread = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3));
        Self(mix(mix(self.0.wrapping_add(GAMMA)) ^ spread))
    }

    /// The independent source number `n` below this one (a second, a call, a replica).
    pub const fn nth(self, n: u64) -> Self {
        Self(mix(mix(self.0.wrapping_add(GAMMA)) ^ mix(n.wrapping_add(GAMMA)).rotate_left(17)))
    }

    /// Value number `n` of this source: 64 uniform bits, the same whenever it is asked.
    pub const fn draw(self, n: u64) -> u64 {
        mix(self.0.wrapping_add(n.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// Value number `n` as a number in the open interval (0, 1).
    pub fn unit(self, n: u64) -> f64 {
        open_unit(self.draw(n))
    }

    /// This source as a stream.
    pub const fn stream(self) -> Stream {
        Stream { state: self.0 }
    }

    /// The number itself, to print it.
    pub const fn root(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One value after the other.
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The next 64 uniform bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// The next number in the open interval (0, 1).
    pub fn unit(&mut self) -> f64 {
        open_unit(self.next_u64())
    }

    /// A whole number in `0..n`, without modulo bias worth naming (n / 2^64). `n` above zero.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// An exponential number with mean one.
    pub fn exponential(&mut self) -> f64 {
        -self.unit().ln()
    }
}

/// The finaliser of `SplitMix64`: spreads every bit of `z` over all of the result; a bijection.
pub const fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// 52 bits and a half step: never 0, never 1, so that logarithms and inverse distributions are finite.
fn open_unit(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_splitmix64() {
        // First outputs for seed 1234567, as published with the reference code at prng.di.unimi.it (public domain).
        let mut stream = Seed::new(1_234_567).stream();
        assert_eq!(stream.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(stream.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_counter_and_a_stream_give_the_same_values() {
        let seed = Seed::new(7).child("arrivals");
        let mut stream = seed.stream();
        for n in 0..100 {
            assert_eq!(seed.draw(n), stream.next_u64());
        }
    }

    #[test]
    fn children_do_not_follow_each_other() {
        let root = Seed::new(1);
        assert_ne!(root.child("a"), root.child("b"));
        assert_ne!(root.child("a").child("b"), root.child("b").child("a"));
        assert_ne!(root.nth(0), root.nth(1));
        let mean = (0..100_000).map(|n| root.nth(n).unit(0)).sum::<f64>() / 100_000.0;
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
    }
}
