//! Where the difference to the model comes from, as a picture: from the predicted total, part by part, to the one that was measured.
//!
//! Owns the steps and the scale of each row. Each step is how much the predicted total moves when that part alone is replaced by what was measured;
//! parts that meet in a queue do more or less together than alone, and that is a step of its own. Refuses to judge: whether a part departed stands in its
//! table. Nothing is drawn without a joined log, or where it proves nothing.

use super::blocks::escaped;
use super::put;
use crate::measure::record::{AttributedRecord, Quantiles, RunRecord};
use crate::report::quantity::duration;

/// Width of a row in its own units.
const WIDTH: f64 = 1_000.0;
/// Series that are drawn; the tables have the others.
const SERIES_MAX: usize = 6;

/// What is taken of all times: name, of a distribution, and of a total with a part replaced.
type Taken = (&'static str, fn(&Quantiles) -> u64, fn((u64, u64, u64)) -> u64);

const TAKEN: [Taken; 2] = [("p50", |q| q.p50_ns, |(p50, ..)| p50), ("p95", |q| q.p95_ns, |(_, p95, _)| p95)];

pub(super) fn write(out: &mut String, record: &RunRecord) {
    let Some(parts) = &record.parts else { return };
    if parts.log.as_ref().is_none_or(|log| log.problem.is_some()) {
        return;
    }
    let drawn: Vec<String> = parts.attributed.iter().take(SERIES_MAX).filter_map(drawn).collect();
    if drawn.is_empty() {
        return;
    }
    put(
        out,
        format_args!(
            "<section>\n<h2>From the model to the run</h2>\n<p class=\"faint\">Each step is how much the predicted total moves when that part alone is \
             replaced by what was measured; \"together\" is what the parts do beyond that.</p>\n{}</section>\n",
            drawn.concat()
        ),
    );
}

fn drawn(attributed: &AttributedRecord) -> Option<String> {
    let tables: Vec<String> = TAKEN.iter().filter_map(|taken| table(attributed, taken)).collect();
    let name = escaped(attributed.series.as_deref().unwrap_or("all together"));
    (!tables.is_empty()).then(|| format!("<h3>{name}</h3>\n{}", tables.concat()))
}

/// A step: what it is, and from where to where it goes.
struct Step {
    what: String,
    from: f64,
    to: f64,
    whole: bool,
}

fn table(attributed: &AttributedRecord, (name, of, of_total): &Taken) -> Option<String> {
    let steps = steps(attributed, *of, *of_total)?;
    let most = steps.iter().flat_map(|step| [step.from, step.to]).fold(0.0, f64::max);
    let rows: String = steps.iter().map(|step| row(step, most)).collect();
    Some(format!("<table class=\"margins waterfall\">\n<caption>{name} of the service time</caption>\n{rows}</table>\n"))
}

/// From the predicted value to the observed one; `None` unless both and at least one part are known.
fn steps(attributed: &AttributedRecord, of: fn(&Quantiles) -> u64, of_total: fn((u64, u64, u64)) -> u64) -> Option<Vec<Step>> {
    let [predicted, observed] =
        [&attributed.total.predicted, &attributed.total.observed].map(|times| times.as_ref().map(|times| of(times) as f64));
    let (predicted, observed) = (predicted?, observed?);
    let whole = |what: &str, to| Step { what: what.to_owned(), from: 0.0, to, whole: true };
    let mut steps = vec![whole("model", predicted)];
    let mut at = predicted;
    for part in &attributed.parts {
        let Some(replaced) = part.total_if_replaced_ns else { continue };
        let to = at + of_total(replaced) as f64 - predicted;
        steps.push(Step { what: part.part.clone(), from: at, to, whole: false });
        at = to;
    }
    if steps.len() == 1 {
        return None;
    }
    steps.push(Step { what: "together".to_owned(), from: at, to: observed, whole: false });
    steps.push(whole("run", observed));
    Some(steps)
}

fn row(step: &Step, most: f64) -> String {
    let Step { what, from, to, whole } = step;
    let place = |value: f64| if most > 0.0 { (value / most * WIDTH).clamp(0.0, WIDTH) } else { 0.0 };
    let (left, right) = (place(from.min(*to)), place(from.max(*to)));
    let (class, shown) = match () {
        () if *whole => ("whole", duration(*to)),
        () if to > from => ("bad", format!("+{}", duration(to - from))),
        () if to < from => ("good", format!("-{}", duration(from - to))),
        () => ("faint", duration(0.0)),
    };
    let (what, said) = (escaped(what), escaped(&format!("{} to {}", duration(*from), duration(*to))));
    let left = left.min(WIDTH - 2.0);
    format!(
        "<tr><th class=\"left\" scope=\"row\">{what}</th><td class=\"drawn\"><svg viewBox=\"0 0 1000 32\" role=\"img\" preserveAspectRatio=\"none\">\
         <title>{said}</title><rect class=\"step {class}\" x=\"{left:.1}\" y=\"6\" width=\"{:.1}\" height=\"20\"/></svg></td><td>{}</td></tr>\n",
        (right - left).max(2.0),
        escaped(&shown)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::record::{AttributedPart, ComparedTimes, JoinRecord, PartsRecord};
    use crate::report::sample;

    fn times(p50_ns: u64) -> Quantiles {
        Quantiles { p50_ns, p95_ns: 2 * p50_ns, ..Quantiles::default() }
    }

    fn part(name: &str, p50: u64) -> AttributedPart {
        AttributedPart { part: name.to_owned(), total_if_replaced_ns: Some((p50, 2 * p50, 3 * p50)), ..AttributedPart::default() }
    }

    /// 10 ms were predicted and 18 ms measured; the integration alone makes 16 of them, the network 9.
    fn attributed() -> AttributedRecord {
        AttributedRecord {
            series: Some("GET /a<b>".to_owned()),
            total: ComparedTimes { predicted: Some(times(10_000_000)), observed: Some(times(18_000_000)), distance_ns: None },
            parts: vec![part("network", 9_000_000), part("integration", 16_000_000), AttributedPart::default()],
            ..AttributedRecord::default()
        }
    }

    fn record() -> RunRecord {
        let parts = PartsRecord { log: Some(JoinRecord::default()), attributed: vec![attributed()], ..PartsRecord::default() };
        RunRecord { parts: Some(parts), ..sample::holding() }
    }

    fn page(record: &RunRecord) -> String {
        let mut out = String::new();
        write(&mut out, record);
        out
    }

    #[test]
    fn the_steps_lead_from_the_model_to_the_run() {
        let steps = steps(&attributed(), |q| q.p50_ns, |(p50, ..)| p50).unwrap();
        let told: Vec<_> = steps.iter().map(|step| (step.what.as_str(), step.from / 1e6, step.to / 1e6)).collect();
        let wanted = [
            ("model", 0.0, 10.0),
            ("network", 10.0, 9.0),
            ("integration", 9.0, 15.0),
            ("together", 15.0, 18.0),
            ("run", 0.0, 18.0),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn every_step_stays_in_its_frame_and_has_its_value_beside_it() {
        let page = page(&record());
        assert_eq!(page.matches("<svg ").count(), 10, "p50 and p95: {page}");
        assert!(page.contains("GET /a&lt;b&gt;") && page.contains("+6.00 ms") && page.contains("-1.00 ms"), "{page}");
        let numbers = |name: &str| -> Vec<f64> {
            page.split(&format!(" {name}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect()
        };
        for (x, width) in numbers("x").into_iter().zip(numbers("width")) {
            assert!(x >= 0.0 && x + width <= WIDTH + 0.1, "{x} {width}");
        }
    }

    #[test]
    fn nothing_is_drawn_of_a_log_that_proves_nothing_or_is_not_there() {
        let mut record = record();
        record.parts.as_mut().unwrap().log.as_mut().unwrap().problem = Some("it has half of them".to_owned());
        assert_eq!(page(&record), "");
        record.parts.as_mut().unwrap().log = None;
        assert_eq!(page(&record), "");
    }
}
