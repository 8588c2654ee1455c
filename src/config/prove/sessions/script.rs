//! The script of a session: its steps, proven one after the other.
//!
//! Owns which keys go together, and that a script neither stands still without end nor sends without a pause. Refuses the rules of a
//! message (`message`). Called by `sessions`.

use sluicegate_policy::time::Span;

use super::{Desk, counted, message, post};
use crate::config::problem::Spot;
use crate::config::prove::latency;
use crate::config::prove::mix::series;
use crate::config::raw::session::{Step as Raw, StepKeys};
use crate::config::reader::{At, Reader};
use crate::load::dialogue::{Rounds, Step};
use crate::traffic::conversation::Awaits;

const STEPS_MAX: usize = 1_000;
/// Repeats within repeats.
const DEPTH_MAX: usize = 8;
/// So many messages one after the other, without any pause, are a burst; more are a flood.
const BURST_MAX: u64 = 10_000;

/// The steps; `None` means that problems were reported.
pub(super) fn script(raw: &mut At<Vec<At<Raw>>>, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Vec<Step>> {
    let count = steps_in(&raw.value);
    if count > STEPS_MAX {
        let what =
            format!("these are {count} steps, those of repeats included; write at most {STEPS_MAX}, and repeat what comes again");
        reader.report_at(&raw.spot, what);
        return None;
    }
    steps(&mut raw.value, 0, desk, reader)
}

fn steps_in(raw: &[At<Raw>]) -> usize {
    let of = |step: &At<Raw>| match &step.value {
        Raw::Ping => 1,
        Raw::Keys(keys) => 1 + keys.of.as_ref().map_or(0, |of| steps_in(&of.value)),
    };
    raw.iter().map(of).sum()
}

fn steps(raw: &mut [At<Raw>], depth: usize, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Vec<Step>> {
    let is_endless = |step: &At<Raw>| match &step.value {
        Raw::Ping => false,
        Raw::Keys(keys) => keys.repeat.as_ref().is_some_and(|repeat| repeat.value.0 == Rounds::Forever),
    };
    if let Some(pair) = raw.windows(2).find(|pair| is_endless(&pair[0])) {
        let what =
            "this step never comes, as the repeat before it goes on forever; write a number of rounds there, or remove the step";
        reader.report_at(&pair[1].spot, what);
        return None;
    }
    let proven: Vec<Option<Step>> = raw.iter_mut().map(|step| one(step, depth, desk, reader)).collect();
    proven.into_iter().collect()
}

fn one(step: &mut At<Raw>, depth: usize, desk: &mut Desk<'_>, reader: &mut Reader) -> Option<Step> {
    let spot = &step.spot;
    let keys = match &mut step.value {
        Raw::Ping => return Some(ping(desk)),
        Raw::Keys(keys) => &mut **keys,
    };
    let kind = kind(keys, spot, reader)?;
    fits(keys, kind, reader)?;
    match kind {
        Kind::Wait => keys.wait.as_ref().and_then(|wait| latency(wait, reader)).map(Step::Wait),
        Kind::Say => keys.say.as_ref().and_then(|text| message::say(keys, text, desk, reader)).map(Step::Send),
        Kind::Ask => message::ask(keys, spot, desk, reader).map(Step::Send),
        Kind::Publish => keys.publish.as_ref().and_then(|text| message::publish(keys, spot, text, desk, reader)).map(Step::Send),
        Kind::Post => post::post(keys, spot, desk, reader).map(Step::Post),
        Kind::Repeat => repeat(keys, spot, depth, (desk, reader)),
    }
}

fn ping(desk: &mut Desk<'_>) -> Step {
    Step::Ping(series(&mut desk.catalog, counted::pings(&desk.routes).to_owned()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Wait,
    Say,
    Ask,
    Publish,
    Post,
    Repeat,
}

/// The one key that says what a step does.
fn kind(keys: &StepKeys, spot: &Spot, reader: &mut Reader) -> Option<Kind> {
    let kinds = [
        (Kind::Wait, keys.wait.is_some()),
        (Kind::Say, keys.say.is_some()),
        (Kind::Ask, keys.ask.is_some()),
        (Kind::Publish, keys.publish.is_some()),
        (Kind::Post, keys.post.is_some()),
        (Kind::Repeat, keys.repeat.is_some()),
    ];
    let mut given = kinds.into_iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| kind);
    match (given.next(), given.next()) {
        (Some(kind), None) => Some(kind),
        (None, _) => {
            let what =
                "nothing is done here; write ping, or one of wait, say, ask, publish, post and repeat, e.g. \"- wait: 2s\"";
            reader.report_at(spot, what);
            None
        }
        (Some(_), Some(_)) => {
            let what =
                "a step does one thing; write wait, say, ask, publish, post and repeat one after the other, each after \"- \"";
            reader.report_at(spot, what);
            None
        }
    }
}

/// Whether every other key belongs to this kind.
fn fits(keys: &StepKeys, kind: Kind, reader: &mut Reader) -> Option<()> {
    let spot = |slot: Option<&Spot>| slot.cloned();
    let with = keys.with.as_ref().and_then(|with| with.0.first()).map(|member| &member.spot);
    let others: [(&str, &[Kind], Option<Spot>); 7] = [
        ("with", &[Kind::Say, Kind::Ask, Kind::Publish, Kind::Post], spot(with)),
        ("reply", &[Kind::Ask], spot(keys.reply.as_ref().map(|it| &it.spot))),
        ("timeout", &[Kind::Ask], spot(keys.timeout.as_ref().map(|it| &it.spot))),
        ("to", &[Kind::Publish, Kind::Post], spot(keys.to.as_ref().map(|it| &it.spot))),
        ("at_once", &[Kind::Post], spot(keys.at_once.as_ref().map(|it| &it.spot))),
        ("every", &[Kind::Repeat], spot(keys.every.as_ref().map(|it| &it.spot))),
        ("of", &[Kind::Repeat], spot(keys.of.as_ref().map(|it| &it.spot))),
    ];
    let mut fine = true;
    for (key, kinds, spot) in others {
        if let Some(spot) = spot.filter(|_| !kinds.contains(&kind)) {
            let owners: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let what = format!("{key} belongs to {}, and this step is {}; remove it", owners.join(", "), kind.name());
            reader.report_at(&spot, what);
            fine = false;
        }
    }
    fine.then_some(())
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Say => "say",
            Self::Ask => "ask",
            Self::Publish => "publish",
            Self::Post => "post",
            Self::Repeat => "repeat",
        }
    }
}

fn repeat(keys: &mut StepKeys, section: &Spot, depth: usize, (desk, reader): (&mut Desk<'_>, &mut Reader)) -> Option<Step> {
    let repeat = keys.repeat.clone()?;
    let rounds = repeat.value.0;
    let spot = &repeat.spot;
    if depth == DEPTH_MAX {
        reader.report_at(spot, format!("this repeat is within {DEPTH_MAX} others; write at most {DEPTH_MAX} within each other"));
        return None;
    }
    if depth > 0 && rounds == Rounds::Forever {
        let what =
            "this goes on forever, so that the repeat around it has no second round; write a number here, and forever outside";
        reader.report_at(spot, what);
        return None;
    }
    let every = match &keys.every {
        Some(every) if every.value.0 == Span::ZERO => {
            let what = "0s between rounds is no time at all; write a time above zero, e.g. 30s, or remove it";
            reader.report_at(&every.spot, what);
            return None;
        }
        every => every.as_ref().map(|every| every.value.0),
    };
    let Some(of) = &mut keys.of else {
        reader
            .report_at(section, "what is repeated is not said; write the steps beside repeat, e.g. \"of: [{ wait: 1s }, ping]\"");
        return None;
    };
    let steps = steps(&mut of.value, depth + 1, desk, reader)?;
    if messages(&steps) == 0 {
        reader.report_at(
            &of.spot,
            "nothing is sent in these steps, and they would be repeated for nothing; write say, ask, publish, post or ping",
        );
        return None;
    }
    let proven = Step::Repeat { rounds, every, steps };
    let at_once = at_once(&proven);
    if at_once > BURST_MAX {
        let how_many = if rounds == Rounds::Forever { "without end".to_owned() } else { format!("{at_once} times") };
        let what = format!(
            "this sends {how_many} without a pause; write every, e.g. every: 1s, or a wait among the steps (a burst is at most {BURST_MAX})"
        );
        reader.report_at(spot, what);
        return None;
    }
    Some(proven)
}

/// How much is sent in a round.
fn messages(steps: &[Step]) -> u64 {
    let of = |step: &Step| match step {
        Step::Wait(_) => 0,
        Step::Send(_) | Step::Post(_) | Step::Ping(_) => 1,
        Step::Repeat { rounds, steps, .. } => messages(steps).saturating_mul(times(*rounds)),
    };
    steps.iter().map(of).fold(0, u64::saturating_add)
}

fn times(rounds: Rounds) -> u64 {
    match rounds {
        Rounds::Times(times) => u64::from(times),
        Rounds::Forever => u64::MAX,
    }
}

/// How much a step sends without a pause; nothing, if there is a pause in each round.
fn at_once(step: &Step) -> u64 {
    match step {
        Step::Repeat { rounds, every: None, steps } if !steps.iter().any(waits) => messages(steps).saturating_mul(times(*rounds)),
        Step::Wait(_) | Step::Send(_) | Step::Post(_) | Step::Ping(_) | Step::Repeat { .. } => 0,
    }
}

/// Whether a step takes time by itself: a ping is over when it is written, and posts where nobody is to have them.
fn waits(step: &Step) -> bool {
    match step {
        Step::Wait(time) => time.mean() > Span::ZERO,
        Step::Send(sending) => sending.awaits != Awaits::Nothing,
        Step::Post(_) | Step::Ping(_) => false,
        Step::Repeat { rounds, every, steps } => {
            let has_pauses = every.is_some() && *rounds != Rounds::Times(1);
            has_pauses || steps.iter().any(waits)
        }
    }
}
