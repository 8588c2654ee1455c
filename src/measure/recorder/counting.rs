//! What a recorder does with one sample: into which second, which series and which edges it goes.
//!
//! Owns the cut of the warm-up and the bound of the seconds. Refuses to keep anything itself. Called by whoever emits samples.

use sluicegate_policy::time::{Instant, Span};

use super::{Detail, Recorder};
use crate::measure::Record;
use crate::measure::channel::{Channel, Ending, HIGHEST_NS};
use crate::measure::connections::Connections;
use crate::measure::edges::{SECONDS_MAX, row_of};
use crate::measure::fate::{Fate, Slot};
use crate::measure::parts::Parts;
use crate::measure::sample::Sample;
use crate::traffic::conversation::Stream;

impl Recorder {
    fn on_second(&mut self, sample: &Sample) {
        if sample.intended.second() >= SECONDS_MAX {
            self.uncounted.beyond_seconds += 1;
            return;
        }
        row_of(&mut self.seconds, sample.intended).on_sample(sample);
        if self.layout.detail == Detail::Seconds {
            // What never ended has no time, and is counted as the shortest.
            let time = sample.response_time().unwrap_or(Span::ZERO);
            let slot = Slot { series: sample.series, fate: Fate::of(Ending::of(sample)) };
            self.intervals.record(sample.intended.second() as u32, slot, time.as_ns());
        }
    }

    fn on_edges(&mut self, sample: &Sample) {
        if sample.intended.second() >= SECONDS_MAX {
            return;
        }
        let own = self.edges_of.get(usize::from(sample.series.0)).map_or(&[][..], Vec::as_slice);
        for index in own.iter().chain(&self.edges_of_all) {
            self.edges[*index].on_sample(&self.layout.edges[*index], sample);
        }
    }
}

impl Record for Recorder {
    fn on_sample(&mut self, sample: &Sample) {
        self.load.on_sample(sample);
        self.attempts.on_sample(sample);
        self.on_second(sample);
        if sample.intended.since(Instant::ZERO) < self.layout.warmup {
            return;
        }
        let own_lag = sample.own_lag().as_ns().min(HIGHEST_NS);
        self.own_lag.record(own_lag).expect("a value up to 24 h fits into a histogram that grows");
        let channel = if let Some(series) = self.series.get_mut(usize::from(sample.series.0)) {
            series
        } else {
            self.uncounted.beyond_series += 1;
            &mut self.others
        };
        channel.get_or_insert_with(Channel::new).on_sample(sample);
        self.on_edges(sample);
    }

    /// Of admitted attempts alone: what was answered 429 spent its time nowhere.
    fn on_parts(&mut self, sample: &Sample, parts: &Parts) {
        if !self.parted || sample.status == 429 || sample.intended.since(Instant::ZERO) < self.layout.warmup {
            return;
        }
        let channel = self.series.get_mut(usize::from(sample.series.0)).unwrap_or(&mut self.others);
        channel.get_or_insert_with(Channel::new).on_parts(parts);
        if sample.intended.second() >= SECONDS_MAX {
            return;
        }
        let own = self.edges_of.get(usize::from(sample.series.0)).map_or(&[][..], Vec::as_slice);
        for index in own.iter().chain(&self.edges_of_all) {
            self.edges[*index].on_parts(&self.layout.edges[*index], sample, parts);
        }
    }

    fn on_connections(&mut self, now: Instant, connections: &Connections, streams: &[Stream]) {
        if self.gives_in_second(now) {
            self.connections = Some(Box::new(connections.counts(streams)));
        }
    }

    fn on_time(&mut self, now: Instant) {
        self.give_in_second(now);
    }

    fn on_settled(&mut self, since: Instant, last: &Sample) {
        if since.since(Instant::ZERO) >= self.layout.warmup {
            self.attempts.on_settled(since, last);
        }
    }
}
