//! How a recorder gives away what it has measured while the run goes on, once in each second.
//!
//! Owns when that is: with the first look at the clock after a second has ended, so that what is lost with the process is what came in its last
//! second. Refuses to wait, to write, and to do anything of it for a single sample. Called through [`Record::on_time`](crate::measure::Record).

use sluicegate_policy::time::Instant;

use super::Recorder;
use crate::measure::channel::Channel;
use crate::measure::intervals::Intervals;
use crate::measure::piece::{Away, Endings, NotTaken, Piece, Standing};
use crate::traffic::SeriesId;

impl Recorder {
    /// The same, giving a piece to `away` in each second.
    pub fn giving(self, away: Away) -> Self {
        Self { away: Some(away), ..self }
    }

    /// Whether a second has ended of which nothing is given yet, to somebody who takes it.
    pub(super) fn gives_in_second(&self, now: Instant) -> bool {
        self.away.is_some() && now.second() > self.given
    }

    pub(super) fn give_in_second(&mut self, now: Instant) {
        if !self.gives_in_second(now) {
            return;
        }
        self.given = now.second();
        let Some(piece) = self.take_piece() else { return };
        let back = self.away.as_ref().and_then(|away| away.give(piece).err());
        match back.map(|back| *back) {
            None => {}
            // It has another second.
            Some(NotTaken::Behind(piece)) => self.intervals.put_back(piece.intervals),
            Some(NotTaken::Gone(piece)) => {
                // Nobody need be asked again.
                self.away = None;
                self.intervals.put_back(piece.intervals);
            }
        }
    }

    /// What stands in no piece yet, to be given by whoever has the recorder; `None` if that is nothing, or if nobody takes it.
    pub fn take_piece(&mut self) -> Option<Piece> {
        let lane = self.away.as_ref()?.lane();
        // With those of the second that goes on: then times and counts are of the same instant.
        let intervals = self.intervals.take_all();
        if intervals.is_empty() {
            return None;
        }
        let standing = self.standing(lane, &intervals);
        Some(Piece { intervals, standing })
    }

    fn standing(&self, lane: u16, touched: &Intervals) -> Standing {
        let counts = |second: u32| self.seconds.get(second as usize).map(|counts| (second, *counts));
        let named = self.series.iter().zip(0..).map(|(channel, id)| (Some(SeriesId(id)), channel));
        let all = named.chain([(None, &self.others)]);
        Standing {
            lane,
            seconds: touched.seconds().into_iter().filter_map(counts).collect(),
            load: self.load,
            first: self.attempts.first,
            again: self.attempts.again,
            uncounted: self.uncounted(),
            own_lag: self.own_lag.clone(),
            series: all.filter_map(|(series, channel)| Some(endings(series, channel.as_ref()?))).collect(),
            connections: self.connections.clone(),
        }
    }
}

fn endings(series: Option<SeriesId>, channel: &Channel) -> Endings {
    Endings { series, saturated: channel.saturated(), ended: channel.endings().collect() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::measure::Record;
    use crate::measure::recorder::Layout;
    use crate::measure::scripted::answered;
    use sluicegate_policy::time::Span;

    fn recorder(away: Away) -> Recorder {
        Recorder::new(Arc::new(Layout { series: vec!["GET /a".to_owned()], ..Layout::default() })).giving(away)
    }

    fn at_ms(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    #[test]
    fn seconds_that_nobody_takes_stay() {
        for gone in [false, true] {
            // No room: a taker that is always behind.
            let (away, taker) = sync_channel(0);
            let taker = (!gone).then_some(taker);
            let mut recorder = recorder(Away::new(0, away));
            for second in 0_u32..50 {
                recorder.on_sample(&answered(f64::from(second), 1.0));
                recorder.on_time(at_ms(u64::from(second) * 1_000 + 1_000));
            }
            assert_eq!(recorder.intervals().iter().count(), 50);
            assert_eq!(recorder.away.is_some(), taker.is_some(), "one who has gone is not asked again");
        }
    }

    #[test]
    fn a_piece_is_given_once_in_each_second_whether_or_not_another_action_ends() {
        let (away, pieces) = sync_channel(8);
        let mut recorder = recorder(Away::new(3, away));
        recorder.on_sample(&answered(0.2, 1.0));
        recorder.on_time(at_ms(980));
        assert!(pieces.try_recv().is_err(), "its second goes on");
        recorder.on_time(at_ms(1_000));
        let piece = pieces.try_recv().unwrap().expect("a piece");
        assert_eq!((piece.standing.lane, piece.standing.load.intended, piece.intervals.iter().count()), (3, 1, 1));
        recorder.on_time(at_ms(1_020));
        recorder.on_time(at_ms(2_000));
        assert!(pieces.try_recv().is_err(), "nothing happened");
        // Late by three seconds, and one of the second that goes on.
        recorder.on_sample(&answered(0.3, 3_000.0));
        recorder.on_sample(&answered(4.001, 1.0));
        recorder.on_time(at_ms(4_010));
        let piece = pieces.try_recv().unwrap().expect("a piece");
        assert_eq!(piece.intervals.seconds(), [0, 4]);
        let seconds: Vec<_> = piece.standing.seconds.iter().map(|(second, counts)| (*second, counts.answered)).collect();
        assert_eq!(seconds, [(0, 2), (4, 1)], "as they stand");
    }
}
