//! The name of a run among all others.
//!
//! Owns how it is made: of a driven run from its moment and from what told it apart, of a simulation from all that decides it, so that
//! the same simulation has the same name. Refuses clocks: whoever has one brings the moment. Called by `command`.

use sluicegate_policy::seed::Seed;

/// Of a driven run: the moment for people (`20261122T175931`), and the rest to tell apart what began in the same second.
pub fn of_drive(moment: &str, told_apart_by: &[&str]) -> String {
    format!("{moment}-{:08x}", hash(told_apart_by) >> 32)
}

/// Of a simulation, from everything that decides it.
pub fn of_simulation(decided_by: &[&str]) -> String {
    format!("model-{:016x}", hash(decided_by))
}

/// The texts in their order, spread over 64 bits as the seed spreads names.
fn hash(texts: &[&str]) -> u64 {
    texts.iter().fold(Seed::new(0), |seed, text| seed.child(text)).root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_simulation_has_the_same_name_and_another_one_another() {
        assert_eq!(of_simulation(&["a", "b"]), of_simulation(&["a", "b"]));
        assert_ne!(of_simulation(&["a", "b"]), of_simulation(&["ab"]));
        let drive = of_drive("20261122T175931", &["1", "profile.yaml"]);
        assert!(drive.starts_with("20261122T175931-") && drive.len() == 24, "{drive}");
        assert_ne!(drive, of_drive("20261122T175931", &["2", "profile.yaml"]));
    }
}
