//! How an action ended, as coarsely as every assumption can still be judged by it: what a kept second remembers of its actions.
//!
//! Owns the few kinds that there are, and their words in the tags of the interval log. Refuses times: a fate says what was waited for,
//! not how long. The rules of trials and events are those of `edges`, asked with an ending that stands for all of its fate. Called by
//! the recorder for every action, and by whoever reads a kept run.

use sluicegate_policy::call::{Blame, ErrorKind};

use super::assumption::{Event, Ratio};
use super::channel::Ending;
use super::edges::{Wait, ratio_event, wait_of};
use super::sample::Outcome;
use crate::traffic::SeriesId;

/// What became of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fate {
    /// How long it is taken to have waited.
    wait: Wait,
    /// Whose fault that is, if it is one.
    blame: Blame,
}

/// A series, and what became of its actions: where a second's times are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Which series.
    pub series: SeriesId,
    /// What became of them.
    pub fate: Fate,
}

impl From<SeriesId> for Slot {
    /// Where the answers of a series are that went well.
    fn from(series: SeriesId) -> Self {
        Self { series, fate: Fate::default() }
    }
}

impl Fate {
    /// Every fate.
    pub fn all() -> impl Iterator<Item = Self> {
        let blamed = |wait| Blame::ALL.into_iter().map(move |blame| Self { wait, blame });
        let unblamed = [Wait::CutOff, Wait::TurnedAway].map(|wait| Self { wait, blame: Blame::Nobody });
        let known = blamed(Wait::Known).filter(|fate| !matches!(fate.blame, Blame::Network | Blame::Generator));
        known.chain(blamed(Wait::Endless)).chain(unblamed)
    }

    /// Of an action that ended so.
    pub const fn of(ending: Ending) -> Self {
        let wait = wait_of(ending.outcome, ending.status);
        let blame = match wait {
            Wait::Known | Wait::Endless => ending.blame(),
            Wait::CutOff | Wait::TurnedAway => Blame::Nobody,
        };
        Self { wait, blame }
    }

    /// How long it is taken to have waited.
    pub const fn wait(self) -> Wait {
        self.wait
    }

    /// Whether there was a complete answer, whatever its status.
    pub const fn is_answered(self) -> bool {
        match self.wait {
            Wait::Known | Wait::TurnedAway => true,
            Wait::Endless => !matches!(self.blame, Blame::Network | Blame::Generator),
            Wait::CutOff => false,
        }
    }

    /// Whether it is an event of this ratio (or, of errors that may be a party's, perhaps one); `None` if it is no trial, or if the event
    /// is a matter of time.
    pub const fn event(self, event: Event) -> Option<bool> {
        let ending = self.ending();
        match event {
            Event::SlowerThan(_) | Event::PartAbove(..) | Event::PartPerhapsAbove(..) => None,
            Event::Ratio(ratio) => ratio_event(ratio, ending),
            Event::PerhapsOf(party) => match ratio_event(Ratio::Errors, ending) {
                None => None,
                Some(_) => Some(!matches!(party.is_blamed(ending.blame()), Some(false))),
            },
        }
    }

    /// A small number for it, another for each.
    pub const fn code(self) -> u8 {
        (self.wait as u8) << 4 | self.blame as u8
    }

    /// The fate of this number.
    pub fn of_code(code: u8) -> Option<Self> {
        Self::all().find(|fate| fate.code() == code)
    }

    /// What follows the tag of a series in the interval log; nothing for what went well.
    pub fn tag(self) -> String {
        match (self.wait, self.blame) {
            (Wait::Known, Blame::Nobody) => String::new(),
            (Wait::Known, blame) => format!(".{}", blame.as_str()),
            (Wait::Endless, blame) => format!(".failed-{}", blame.as_str()),
            (Wait::CutOff, _) => ".cut-off".to_owned(),
            (Wait::TurnedAway, _) => ".throttled".to_owned(),
        }
    }

    /// One of the endings that have this fate: every rule says the same of all of them.
    const fn ending(self) -> Ending {
        let kind = match self.blame {
            Blame::Nobody | Blame::Network | Blame::Generator => None,
            Blame::Client => Some(ErrorKind::OtherClient),
            Blame::Gateway => Some(ErrorKind::Configuration),
            Blame::Integration => Some(ErrorKind::BackEndError),
            Blame::GatewayOrIntegration => Some(ErrorKind::ServerError),
        };
        let outcome = match (self.wait, self.blame) {
            (Wait::CutOff, _) => Outcome::Abandoned,
            (Wait::Endless, Blame::Network) => Outcome::Reset,
            (Wait::Endless, Blame::Generator) => Outcome::Dropped,
            _ => Outcome::Answered,
        };
        let status = match (self.wait, outcome) {
            (_, Outcome::Abandoned | Outcome::Reset | Outcome::Dropped) => 0,
            (Wait::TurnedAway, _) => 429,
            (Wait::Endless, _) => 500,
            _ => 200,
        };
        Ending { outcome, status, kind }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::assumption::Party;
    use super::*;

    fn endings() -> impl Iterator<Item = Ending> {
        let answers = [200, 302, 403, 404, 429, 500, 503, 504].into_iter().flat_map(|status| {
            let kinds = [None].into_iter().chain(ErrorKind::ALL.into_iter().map(Some));
            kinds.map(move |kind| Ending { outcome: Outcome::Answered, status, kind })
        });
        let others = Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Answered);
        answers.chain(others.map(|outcome| Ending { outcome, status: 0, kind: None }))
    }

    #[test]
    fn every_rule_says_of_a_fate_what_it_says_of_each_ending_that_has_it() {
        let ratios = [Ratio::Throttled, Ratio::Errors].into_iter().chain(Party::ALL.map(Ratio::ErrorsOf));
        let events: Vec<Event> = ratios.map(Event::Ratio).chain(Party::ALL.map(Event::PerhapsOf)).collect();
        for ending in endings() {
            let fate = Fate::of(ending);
            assert_eq!(fate.is_answered(), ending.outcome == Outcome::Answered, "{ending:?}");
            assert_eq!(fate.wait(), wait_of(ending.outcome, ending.status), "{ending:?}");
            for event in &events {
                let sample = super::super::Sample {
                    outcome: ending.outcome,
                    status: ending.status,
                    kind: ending.kind,
                    ..super::super::scripted::answered(1.0, 1.0)
                };
                assert_eq!(fate.event(*event), super::super::edges::event_of(*event, &sample), "{ending:?} {event:?}");
            }
        }
    }

    #[test]
    fn every_fate_has_a_number_and_a_tag_of_its_own() {
        let fates: Vec<Fate> = endings().map(Fate::of).collect();
        assert!(fates.iter().all(|fate| Fate::of_code(fate.code()) == Some(*fate)), "{fates:?}");
        let (all, tags): (Vec<Fate>, BTreeSet<String>) = Fate::all().map(|fate| (fate, fate.tag())).unzip();
        assert_eq!(all.len(), tags.len());
        assert_eq!((Fate::default().tag(), Fate::default().code()), (String::new(), 0));
        assert_eq!(all.iter().min(), Some(&Fate::default()), "the first of a series");
    }
}
