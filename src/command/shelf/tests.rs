//! What lanes give away comes back, whether the run came to its end or was cut off anywhere.

use std::io::BufReader;
use std::sync::Arc;

use proptest::prelude::*;
use sluicegate_policy::time::{Instant, Span};

use super::*;
use crate::measure::journal::Journal;
use crate::measure::record::{LoadRecord, SecondRecord, SeriesRecord};
use crate::measure::recorder::{Detail, Layout};
use crate::measure::scripted::{answered, failed};
use crate::measure::{Outcome, Record, Recorder, Sample, summary};

/// Second, slot, values and their counts.
type Row = (u32, Slot, Vec<(u64, u32)>);

/// What a report shows of a recorder.
type Shown = (SeriesRecord, Vec<SeriesRecord>, Vec<SecondRecord>, LoadRecord);

const WARMUP: Span = Span::from_secs(2);
const DURATION: Span = Span::from_secs(40);

fn rows(intervals: &Intervals) -> Vec<Row> {
    intervals.iter().collect()
}

fn names() -> Vec<String> {
    ["GET /a", "GET /b"].map(str::to_owned).to_vec()
}

fn recorder() -> Recorder {
    let layout = Layout { series: names(), warmup: WARMUP, duration: DURATION, edges: Vec::new(), detail: Detail::Seconds };
    Recorder::new(Arc::new(layout))
}

fn shelf(folder: &Path) -> Shelf {
    Shelf::begin(folder, &names()).expect("a thread")
}

fn at(second: u32) -> Instant {
    Instant::ZERO + Span::from_secs(u64::from(second))
}

prop_compose! {
    /// Some of a third series, which has no name and so no room of its own; some late by seconds.
    fn any_sample()(
        second in 0.0_f64..12.0,
        ms in prop_oneof![0.0_f64..300.0, 0.0_f64..9e3],
        series in 0_u16..3,
        status in 0_usize..4,
        outcome in 0_usize..14,
        attempt in 0_u8..3,
    ) -> Sample {
        let outcome = Outcome::ALL[outcome];
        let sample = if outcome == Outcome::Answered {
            answered(second, ms).status([200, 404, 429, 503][status])
        } else {
            Sample { done: answered(second, ms).done, ..failed(second, outcome) }
        };
        Sample { attempt, ..sample.of_series(series) }
    }
}

/// Samples in the order of their ends, dealt to lanes.
fn dealt(mut samples: Vec<Sample>, lanes: usize) -> Vec<(usize, Sample)> {
    samples.sort_by_key(|sample| sample.done);
    samples.into_iter().enumerate().map(|(n, sample)| (n % lanes, sample)).collect()
}

fn told(shelved: &mut Shelved) -> Vec<Row> {
    let mut told = Vec::new();
    let each = |second: u32, intervals: &Intervals| {
        assert!(intervals.iter().all(|(of, ..)| of == second));
        told.extend(rows(intervals));
        Ok(())
    };
    shelved.tell(each).unwrap();
    told
}

/// What no journal tells is left out of what is compared.
fn shown(recorder: &Recorder) -> Shown {
    let told = |series: SeriesRecord| SeriesRecord {
        service_time: None,
        time_to_first_byte: None,
        schedule_lag: None,
        waited: None,
        ..series
    };
    let load = LoadRecord { schedule_lag: None, ..summary::load(recorder) };
    let series = summary::series(recorder).into_iter().map(told).collect();
    let seconds = summary::seconds(recorder, |second| recorder.intervals().shown(second));
    (told(summary::total(recorder)), series, seconds, load)
}

fn read(bytes: &[u8]) -> Option<Journal> {
    Journal::read(BufReader::new(bytes)).expect("it is one")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_put_away_comes_back_as_if_it_had_stayed(
        samples in proptest::collection::vec(any_sample(), 0..300),
        lanes in 1_usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let mut giving: Vec<Recorder> = (0..lanes).map(|_| recorder().giving(shelf.away())).collect();
        let mut kept = recorder();
        for (lane, sample) in dealt(samples, lanes) {
            kept.on_sample(&sample);
            giving[lane].on_sample(&sample);
            for lane in &mut giving {
                lane.on_time(sample.done.min(at(60)));
            }
        }
        let (shelved, journal) = shelf.finish(giving.iter_mut().filter_map(Recorder::take_piece));
        prop_assert!(journal.is_ok());
        let mut shelved = shelved.unwrap();
        for _ in 0..2 {
            prop_assert_eq!(told(&mut shelved), rows(kept.intervals()));
        }
        let whole = std::fs::read(folder.path().join(JOURNAL)).unwrap();
        let journal = read(&whole).expect("its head is whole");
        prop_assert_eq!(journal.left_out, 0);
        let read_back = journal.into_recorder(WARMUP, DURATION);
        prop_assert_eq!(format!("{:?}", shown(&read_back)), format!("{:?}", shown(&kept)));
    }

    #[test]
    fn a_journal_that_was_cut_anywhere_has_what_had_been_written_whole_before(
        samples in proptest::collection::vec(any_sample(), 1..40),
        lanes in 1_usize..4,
        cuts in proptest::collection::vec(0.0..1.0_f64, 6),
    ) {
        // As the file's writer does, with a look at what each lane had seen when its piece was written.
        let (to, pieces) = sync_channel(1);
        let mut giving: Vec<_> = (0..lanes as u16).map(|lane| recorder().giving(Away::new(lane, to.clone()))).collect();
        let mut standing: Vec<Recorder> = (0..lanes).map(|_| recorder()).collect();
        let (mut seen, mut writer) = (standing.clone(), JournalWriter::default());
        let mut bytes = JournalWriter::head(&names());
        let merged = |lanes: &[Recorder]| lanes.iter().cloned().reduce(|mut all, one| { all.merge(one); all }).expect("a lane");
        let mut states = vec![(bytes.len(), merged(&standing))];
        for (lane, sample) in dealt(samples, lanes) {
            seen[lane].on_sample(&sample);
            giving[lane].on_sample(&sample);
            giving[lane].on_time(sample.done.min(at(60)));
            if let Ok(Some(piece)) = pieces.try_recv() {
                let times: Vec<_> = piece.intervals.into_packed().collect();
                bytes.extend(writer.line(piece.standing, &times));
                standing[lane] = seen[lane].clone();
                states.push((bytes.len(), merged(&standing)));
            }
        }
        let ends = states.iter().flat_map(|(end, _)| [end - 1, *end]);
        let anywhere = cuts.into_iter().map(|cut| (cut * bytes.len() as f64) as usize);
        for cut in anywhere.chain(ends).collect::<Vec<_>>() {
            let Some((end, state)) = states.iter().rfind(|(end, _)| *end <= cut) else {
                prop_assert!(read(&bytes[..cut]).is_none(), "the head is cut");
                continue;
            };
            let journal = read(&bytes[..cut]).expect("the head is whole");
            prop_assert_eq!(journal.left_out, (cut - end) as u64);
            // Whoever reads it as it grows has the same in the end.
            let mut followed = journal.clone();
            prop_assert_eq!(followed.go_on(&bytes[*end..]).unwrap(), (bytes.len() - end) as u64);
            let all = &states.last().expect("the head").1;
            prop_assert_eq!(format!("{:?}", shown(&followed.into_recorder(WARMUP, DURATION))), format!("{:?}", shown(all)));
            let read_back = journal.into_recorder(WARMUP, DURATION);
            prop_assert_eq!(format!("{:?}", shown(&read_back)), format!("{:?}", shown(state)), "cut at {}", cut);
        }
    }

    #[test]
    fn no_journal_panics_whatever_was_changed_in_it(at in 0.0..1.0_f64, byte: u8, more in proptest::collection::vec(any::<u8>(), 0..60)) {
        let (to, pieces) = sync_channel(1);
        let mut lane = recorder().giving(Away::new(0, to));
        for n in 0..20 {
            lane.on_sample(&answered(3.0, f64::from(n)));
        }
        lane.on_time(self::at(4));
        let piece = pieces.recv().unwrap().expect("a piece");
        let times: Vec<_> = piece.intervals.into_packed().collect();
        let mut bytes = [JournalWriter::head(&names()), JournalWriter::default().line(piece.standing, &times)].concat();
        let place = (at * bytes.len() as f64) as usize;
        bytes[place] = byte;
        bytes.extend(more);
        if let Ok(Some(journal)) = Journal::read(&*bytes) {
            drop(shown(&journal.into_recorder(WARMUP, DURATION)));
        }
    }
}

#[test]
fn seconds_that_are_over_leave_memory_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let shelf = shelf(folder.path());
    let mut lane = recorder().giving(shelf.away());
    for second in 0..2_000 {
        for n in 0..300 {
            lane.on_sample(&answered(f64::from(second), 1.0 + f64::from(n) * 0.005));
        }
        lane.on_time(at(second + 1));
    }
    let in_memory = lane.intervals().iter().count();
    let mut seconds = 0;
    let tell = |_: u32, intervals: &Intervals| {
        seconds += 1;
        assert_eq!(intervals.iter().map(|(.., values)| values.iter().map(|(_, count)| count).sum::<u32>()).sum::<u32>(), 300);
        Ok(())
    };
    shelf.finish(lane.take_piece().into_iter()).0.unwrap().tell(tell).unwrap();
    assert_eq!(seconds, 2_000);
    // So many pieces are taken even by one who comes too late to its work.
    assert!(in_memory <= 2_000 - WAITING_MAX, "{in_memory}");
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_at_the_end_and_no_hang() {
    let shelf = shelf(Path::new("/nonexistent/folder"));
    let mut lane = recorder().giving(shelf.away());
    for second in 0..500 {
        for n in 0..2_000 {
            lane.on_sample(&answered(f64::from(second), 1.0 + f64::from(n) * 0.005));
        }
        lane.on_time(at(second + 1));
    }
    let holds_its_end = lane.clone();
    let (shelved, journal) = shelf.finish(lane.take_piece().into_iter());
    assert!(shelved.is_err() && journal.is_err());
    drop(holds_its_end);
}

#[test]
fn a_journal_that_finds_no_room_takes_nothing_from_the_seconds() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join(JOURNAL)).unwrap();
    let shelf = shelf(folder.path());
    let mut lane = recorder().giving(shelf.away());
    for second in 0..10 {
        lane.on_sample(&answered(f64::from(second), 1.0));
        lane.on_time(at(second + 1));
    }
    let (shelved, journal) = shelf.finish(lane.take_piece().into_iter());
    assert_eq!(journal.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(told(&mut shelved.unwrap()).len(), 10);
}

#[test]
fn a_journal_of_another_version_and_a_foreign_file_are_told_apart() {
    let complaint = |text: &str| Journal::read(text.as_bytes()).expect_err("it is none").to_string();
    assert!(complaint("{\"journal\": 9, \"series\": []}\n").contains("format version 9"));
    assert!(complaint("hello\n").contains("is no journal of a run"));
    assert!(read(b"").is_none());
}
