//! The lowest point of a function of a few numbers, without its slope: the simplex of Nelder and Mead.
//!
//! Owns that search (J. Nelder, R. Mead, "A simplex method for function minimization", The Computer Journal 7, 1965, with its
//! usual coefficients). Refuses to know what is searched for; a value that is no number counts as the highest. Called by `likelihood`,
//! `profiled` and `loaded`.

/// When a search ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// Evaluations at most.
    pub(super) evaluations: usize,
    /// The simplex has come together when its values differ by less than this, relative to them.
    pub(super) tolerance: f64,
}

/// For a function that costs nothing and is smooth.
const EXACT: Until = Until { evaluations: 2_000, tolerance: 1e-11 };

/// Where the search ended, and what the function is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lowest {
    /// The point.
    pub(super) at: Vec<f64>,
    /// The value.
    pub(super) value: f64,
}

/// The lowest point near `start`; `step` is how far the first corners lie from it in each direction.
pub(super) fn minimise(start: &[f64], step: &[f64], f: impl FnMut(&[f64]) -> f64) -> Lowest {
    minimise_until(EXACT, start, step, f)
}

/// The same, to an end of the caller's.
pub(super) fn minimise_until(until: Until, start: &[f64], step: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> Lowest {
    let mut evaluations = 0;
    let mut value = |at: &[f64]| {
        evaluations += 1;
        let value = f(at);
        (if value.is_nan() { f64::INFINITY } else { value }, evaluations)
    };
    let mut corners = Vec::with_capacity(start.len() + 1);
    corners.push(Lowest { at: start.to_vec(), value: value(start).0 });
    for (direction, length) in step.iter().enumerate() {
        let mut at = start.to_vec();
        at[direction] += length;
        let found = value(&at).0;
        corners.push(Lowest { at, value: found });
    }
    loop {
        corners.sort_by(|a, b| a.value.total_cmp(&b.value));
        let (best, worst) = (corners[0].value, corners[start.len()].value);
        let spent = turn(&mut corners, &mut value);
        if spent >= until.evaluations || worst - best <= until.tolerance * (best.abs() + 1e-9) {
            corners.sort_by(|a, b| a.value.total_cmp(&b.value));
            return corners.swap_remove(0);
        }
    }
}

/// Replaces the worst corner, or draws all towards the best; how many evaluations there have been.
fn turn(corners: &mut [Lowest], value: &mut impl FnMut(&[f64]) -> (f64, usize)) -> usize {
    let last = corners.len() - 1;
    let centre: Vec<f64> =
        (0..last).map(|i| corners[..last].iter().map(|corner| corner.at[i]).sum::<f64>() / last as f64).collect();
    let along = |share: f64, from: &[f64]| -> Vec<f64> { centre.iter().zip(from).map(|(c, w)| c + share * (w - c)).collect() };
    let worst = corners[last].clone();
    let mut try_at = |at: Vec<f64>| {
        let (found, spent) = value(&at);
        (Lowest { at, value: found }, spent)
    };
    let (reflected, mut spent) = try_at(along(-1.0, &worst.at));
    let second = corners[last.saturating_sub(1)].value;
    let taken = if reflected.value < corners[0].value {
        let (expanded, now) = try_at(along(-2.0, &worst.at));
        spent = now;
        Some(if expanded.value < reflected.value { expanded } else { reflected })
    } else if reflected.value < second {
        Some(reflected)
    } else {
        let from = if reflected.value < worst.value { &reflected.at } else { &worst.at };
        let (contracted, now) = try_at(along(0.5, from));
        spent = now;
        (contracted.value < worst.value.min(reflected.value)).then_some(contracted)
    };
    if let Some(taken) = taken {
        corners[last] = taken;
        return spent;
    }
    let best = corners[0].at.clone();
    for corner in &mut corners[1..] {
        let at: Vec<f64> = best.iter().zip(&corner.at).map(|(b, c)| f64::midpoint(*b, *c)).collect();
        let (found, now) = try_at(at);
        (*corner, spent) = (found, now);
    }
    spent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_curved_valley_is_found() {
        // Rosenbrock's function, whose lowest point is (1, 1).
        let found = minimise(&[-1.2, 1.0], &[0.5, 0.5], |x| 100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2));
        assert!((found.at[0] - 1.0).abs() < 1e-3 && (found.at[1] - 1.0).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn one_number_is_found_too_and_what_is_no_number_is_left() {
        let found = minimise(&[5.0], &[1.0], |x| if x[0] < 0.0 { f64::NAN } else { (x[0] - 2.0).powi(2) });
        assert!((found.at[0] - 2.0).abs() < 1e-3, "{found:?}");
    }
}
