//! All assumptions of a run together.
//!
//! Owns Holm's correction (S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
//! Statistics 6, 1979): "some assumption is violated" is said of many at once and must stay rare when all are true; "all
//! hold" needs no correction (method 3.9). Owns the withholding of all verdicts of an invalid run. Called by `command`.

use crate::measure::record::{Answer, Doubt, Verdict, Weight};

use super::judge::{Against, Judged, VIOLATED_ALPHA};

/// The verdicts of a run's whole family, in the order given.
pub fn decide(all: Vec<Judged>) -> Vec<Verdict> {
    let violated = rejected(&all);
    let family = all.iter().filter(|judged| judged.against.is_some()).count();
    all.into_iter()
        .zip(violated)
        .map(|(Judged { verdict, against }, violated)| match against {
            Some(against) if violated => Verdict { answer: Answer::Violated, because: against.because, more_s: None, ..verdict },
            Some(against) if against.p_value <= VIOLATED_ALPHA => alone_only(verdict, &against, family),
            _ => verdict,
        })
        .collect()
}

/// No verdict stands on an invalid run: all become inconclusive, with the first reason.
pub fn withhold(verdicts: Vec<Verdict>, doubts: &[Doubt]) -> Vec<Verdict> {
    let Some(doubt) = doubts.iter().find(|doubt| doubt.weight == Weight::Invalid) else { return verdicts };
    let withheld = |verdict: Verdict| Verdict {
        answer: Answer::Inconclusive,
        more_s: None,
        because: format!("the run is invalid ({}): {}", doubt.kind, doubt.what),
        ..verdict
    };
    verdicts.into_iter().map(withheld).collect()
}

/// Which of them Holm's procedure rejects: from the smallest p-value on, each against what is left of the family.
fn rejected(all: &[Judged]) -> Vec<bool> {
    let mut order: Vec<(usize, f64)> =
        all.iter().enumerate().filter_map(|(index, judged)| judged.against.as_ref().map(|a| (index, a.p_value))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let family = order.len();
    let mut violated = vec![false; all.len()];
    for (done, (index, p_value)) in order.into_iter().enumerate() {
        if p_value > VIOLATED_ALPHA / (family - done) as f64 {
            break;
        }
        violated[index] = true;
    }
    violated
}

/// It would be violated if it were the only one.
fn alone_only(verdict: Verdict, against: &Against, family: usize) -> Verdict {
    let because = format!(
        "{}; alone that would be a violation (p = {:.4}), among {family} assumptions it may be chance; run longer",
        against.because, against.p_value
    );
    Verdict { answer: Answer::Inconclusive, because, ..verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::record::Unit;

    fn judged(p_value: Option<f64>) -> Judged {
        let verdict = Verdict {
            assumption: "GET /a latency p95".to_owned(),
            unit: Unit::Ns,
            answer: Answer::Holds,
            predicted: None,
            observed: None,
            interval: None,
            band: None,
            requests: 0,
            effective_requests: None,
            planned_power: None,
            standard_error: None,
            design_effect: None,
            more_s: None,
            because: String::new(),
        };
        Judged { verdict, against: p_value.map(|p_value| Against { p_value, because: "above".to_owned() }) }
    }

    fn answers(p_values: &[Option<f64>]) -> Vec<Answer> {
        decide(p_values.iter().copied().map(judged).collect()).into_iter().map(|verdict| verdict.answer).collect()
    }

    #[test]
    fn holm_rejects_from_the_smallest_on_until_one_stands() {
        use Answer::{Holds, Inconclusive, Violated};
        assert_eq!(answers(&[Some(0.009)]), [Violated]);
        // Of three: .01 / 3, then .01 / 2, then .01.
        assert_eq!(answers(&[Some(0.003), Some(0.0049), Some(0.0099)]), [Violated, Violated, Violated]);
        assert_eq!(answers(&[Some(0.004), Some(1.0), Some(0.0049)]), [Inconclusive, Holds, Inconclusive]);
        assert_eq!(answers(&[Some(0.0099), None, Some(0.0001)]), [Violated, Holds, Violated]);
        assert_eq!(answers(&[]), []);
    }

    #[test]
    fn no_verdict_stands_on_an_invalid_run() {
        let doubt =
            |weight| Doubt { weight, kind: "rate-missed".to_owned(), what: "sent 90 %".to_owned(), advice: String::new() };
        let verdicts = || decide(vec![judged(Some(1e-6)), judged(None)]);
        let kept = withhold(verdicts(), &[doubt(Weight::Note)]);
        assert_eq!(kept[0].answer, Answer::Violated);
        let withheld = withhold(verdicts(), &[doubt(Weight::Note), doubt(Weight::Invalid)]);
        assert!(withheld.iter().all(|verdict| verdict.answer == Answer::Inconclusive && verdict.because.contains("rate-missed")));
    }
}
