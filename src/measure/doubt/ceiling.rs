//! A reason to distrust a run before it begins: its plan comes near to what this machine can send.
//!
//! Owns the share of the ceiling that a plan may reach without a word. Refuses to call anything invalid: a calibration is an estimate, and
//! what the lanes then used decides. Called by `command` before a run.
//!
//! The limit is that of a lane's CPU during a run, 80 %: at the ceiling a lane is busy all the time, and what is due meanwhile waits.

use super::{CPU_MAX, doubt};
use crate::measure::record::{CalibrationRecord, Doubt, Weight};

/// A note if the plan's peak is near the ceiling or above it.
pub fn near_ceiling(calibration: &CalibrationRecord) -> Option<Doubt> {
    let CalibrationRecord { lanes, ceiling_per_s, .. } = calibration;
    let peak = calibration.peak_per_s?;
    (peak > CPU_MAX * ceiling_per_s).then(|| {
        let what = format!(
            "the plan's peak is {peak:.0}/s, and this machine's ceiling about {ceiling_per_s:.0}/s with {lanes} lane(s); from {:.0} % of it \
             on a run is likely to miss its script",
            CPU_MAX * 100.0
        );
        doubt(Weight::Note, "near-ceiling", what, "lower the rate, give the generator more lanes (--lanes), or use more machines")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_doubted_from_four_fifths_of_the_ceiling_on() {
        let near = |peak_per_s| {
            let calibration =
                CalibrationRecord { lanes: 2, ceiling_per_s: 100_000.0, peak_per_s, ..CalibrationRecord::default() };
            near_ceiling(&calibration)
        };
        assert_eq!((near(None), near(Some(80_000.0))), (None, None));
        let note = near(Some(1e9)).unwrap();
        assert_eq!((note.weight, note.kind.as_str()), (Weight::Note, "near-ceiling"));
        assert!(note.what.contains("1000000000/s") && note.what.contains("about 100000/s with 2 lane(s)"), "{}", note.what);
    }
}
