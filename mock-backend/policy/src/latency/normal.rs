//! The normal distribution: its inverse, fast, and its distribution function.

use statrs::function::erf::erfc;

/// The normal score: where the standard normal distribution function takes the value `p`, 0 < p < 1; relative error about 1e-16.
///
/// Michael J. Wichura: "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988),
/// 477-484, procedure PPND16. `p` at or outside 0 and 1 gives the infinity on that side.
pub fn inverse_normal(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&CENTRE.0, r) / polynomial(&CENTRE.1, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail <= 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-tail.ln()).sqrt();
    let score = if r <= 5.0 {
        polynomial(&NEAR.0, r - 1.6) / polynomial(&NEAR.1, r - 1.6)
    } else {
        polynomial(&FAR.0, r - 5.0) / polynomial(&FAR.1, r - 5.0)
    };
    score.copysign(q)
}

/// The share of the standard normal distribution below `z`.
pub(super) fn below(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The polynomial, in Estrin's order: half the steps of Horner's wait for each other, and this is in every draw.
fn polynomial(c: &[f64; 8], x: f64) -> f64 {
    let square = x * x;
    let low = (c[0] + c[1] * x) + (c[2] + c[3] * x) * square;
    let high = (c[4] + c[5] * x) + (c[6] + c[7] * x) * square;
    low + high * (square * square)
}

/// Numerator and denominator of a rational approximation, constant terms first.
type Rational = ([f64; 8], [f64; 8]);

/// AS 241, a and b: |p - 0.5| <= 0.425.
#[allow(clippy::excessive_precision, reason = "as published")]
const CENTRE: Rational = (
    [
        3.387_132_872_796_366_608,
        133.141_667_891_784_377_45,
        1_971.590_950_306_551_442_7,
        13_731.693_765_509_461_125,
        45_921.953_931_549_871_457,
        67_265.770_927_008_700_853,
        33_430.575_583_588_128_105,
        2_509.080_928_730_122_672_7,
    ],
    [
        1.0,
        42.313_330_701_600_911_252,
        687.187_007_492_057_908_3,
        5_394.196_021_424_751_107_7,
        21_213.794_301_586_595_867,
        39_307.895_800_092_710_61,
        28_729.085_735_721_942_674,
        5_226.495_278_852_854_561,
    ],
);

/// AS 241, c and d: the tails down to about 1.4e-11.
#[allow(clippy::excessive_precision, reason = "as published")]
const NEAR: Rational = (
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_9,
        5.769_497_221_460_691_405_5,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        0.241_780_725_177_450_611_77,
        0.022_723_844_989_269_184_583_3,
        7.745_450_142_783_414_076_4e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_4,
        0.689_767_334_985_100_004_55,
        0.148_103_976_427_480_074_59,
        0.015_198_666_563_616_457_196_6,
        5.475_938_084_995_344_946e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
);

/// AS 241, e and f: the far tails.
#[allow(clippy::excessive_precision, reason = "as published")]
const FAR: Rational = (
    [
        6.657_904_643_501_103_777_2,
        5.463_784_911_164_114_369_9,
        1.784_826_539_917_291_335_8,
        0.296_560_571_828_504_891_23,
        0.026_532_189_526_576_123_093,
        0.001_242_660_947_388_078_438_6,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        0.599_832_206_555_887_937_69,
        0.136_929_880_922_735_805_31,
        0.014_875_361_290_850_614_852_5,
        7.868_691_311_456_132_591e-4,
        1.846_318_317_510_054_681_8e-5,
        1.421_511_758_316_445_888_7e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_distribution_function_far_into_both_tails() {
        for step in -820_i32..=500 {
            let z = f64::from(step) / 100.0;
            // statrs' erfc is good for nine digits; above the centre a double blurs the probability itself.
            let blur = if z < 0.0 { 0.0 } else { 1e-15 / (-0.5 * z * z).exp() };
            let allowed = 1e-9 + blur;
            assert!((inverse_normal(below(z)) - z).abs() <= allowed, "{z}: {}", inverse_normal(below(z)));
        }
    }

    #[test]
    fn known_scores() {
        // p = 0.25, 0.001 and 1e-20 are published with the algorithm; the others are C's erfc(-z / sqrt 2) / 2.
        for (p, z) in [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_814),
            (1e-20, -9.262_340_089_798_408),
            (1.201_935_154_273_589_8e-16, -8.2),
            (9.865_876_450_376_98e-10, -6.0),
            (3.167_124_183_311_99e-5, -4.0),
        ] {
            assert!((inverse_normal(p) - z).abs() < 1e-13, "{p}: {}", inverse_normal(p));
        }
        assert_eq!(inverse_normal(0.5).to_bits(), 0_f64.to_bits());
    }

    #[test]
    fn the_ends_are_infinite() {
        assert!(inverse_normal(0.0).is_infinite() && inverse_normal(0.0) < 0.0);
        assert!(inverse_normal(1.0).is_infinite() && inverse_normal(1.0) > 0.0);
    }
}
