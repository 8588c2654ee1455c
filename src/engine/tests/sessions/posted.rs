//! What sessions post to connections: by HTTP, over connections that are kept, and each by its status.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};

use sluicegate_policy::time::{Instant, Span};

use super::peer::{Told, posted_to};
use super::talk::{Does, POST, PUSH, STEP, Talk, Talked, with};
use crate::engine::tests::server::Server;
use crate::load::sessions::Happened;
use crate::measure::Outcome;
use crate::traffic::conversation::Hears;

const LONG: Span = Span::from_secs(20);

/// One session that asks for its name, and then posts so often to all that hear it, itself among them.
fn posting(server: &Server, times: usize) -> Talk {
    let script = std::iter::once(Does::Asks(LONG)).chain(vec![Does::Posts(10); times]);
    with(server).does(script).set(|talk| (talk.hears, talk.settings.posts) = (Hears(1), 10))
}

fn gateway(answer: impl Fn(usize) -> Option<u16> + Send + Sync + 'static) -> (Server, Receiver<Told>) {
    let (tell, told) = channel();
    (posted_to(answer, tell), told)
}

/// How many posts were answered with each status.
fn statuses(talked: &Talked) -> BTreeMap<u16, usize> {
    let posts = talked.samples.iter().filter(|sample| sample.series == POST && sample.outcome == Outcome::Answered);
    posts.fold(BTreeMap::new(), |mut all, sample| {
        *all.entry(sample.status).or_insert(0) += 1;
        all
    })
}

#[test]
fn each_number_is_posted_to_whoever_hears_it_over_a_connection_that_is_kept() {
    let (server, told) = gateway(|_| Some(200));
    let talked = posting(&server, 20).run().expect(STEP, [(Outcome::Answered, 20)]);
    assert_eq!(statuses(&talked), BTreeMap::from([(200, 20)]));
    let stream = &talked.record.deliveries[0];
    assert_eq!((stream.delivered, stream.lost, stream.duplicated, talked.record.not_addressed), (20, 0, 0, 0));
    drop(server);
    let told: Vec<Told> = told.try_iter().collect();
    assert_eq!(told.iter().filter(|told| **told == Told::Connection).count(), 1);
    assert!(told[1..].iter().all(|told| matches!(told, Told::Post(path) if path == "/prod/@connections/c%2F0%3D")), "{told:?}");
    for post in talked.samples.iter().filter(|sample| sample.series == POST) {
        let step = talked.samples.iter().find(|it| it.series == STEP && it.seq == post.seq).unwrap();
        assert!(post.intended == step.intended && post.done <= step.done && post.sent == step.sent, "{post:?} {step:?}");
    }
    assert_eq!(talked.conversed.driven.counts.posts_sent, 0, "each is the first of its step");
}

#[test]
fn all_who_are_known_get_it_at_a_time_as_many_as_the_step_says() {
    let (server, told) = gateway(|_| Some(200));
    let talk = posting(&server, 5).set(|talk| (talk.sessions, talk.settings.connections) = (8, 8));
    let talked = talk.set(|talk| talk.settings.lanes = Some(2)).run().expect(STEP, [(Outcome::Answered, 40)]);
    let posts = statuses(&talked)[&200] as u64;
    // Some begin to post before others have a connection, or a name.
    assert!(posts > 40 && posts + talked.record.not_addressed <= 8 * 40, "{posts} and {}", talked.record.not_addressed);
    // A delivery may be a second one of a receiver that heard a higher number first: steps of several sessions overtake each other.
    let stream = &talked.record.deliveries[0];
    assert_eq!(stream.delivered + stream.duplicated, posts, "{stream:?}");
    drop(server);
    let connections = told.try_iter().filter(|told| *told == Told::Connection).count();
    assert!(connections <= 20, "{connections} for two lanes of ten");
}

#[test]
fn what_is_gone_or_throttled_is_counted_and_not_tried_again() {
    let (server, told) = gateway(|n| Some([200, 410, 429, 413, 403, 500][n % 6]));
    let talked = posting(&server, 12).run().expect(STEP, [(Outcome::Answered, 12)]);
    assert_eq!(statuses(&talked), BTreeMap::from([(200, 2), (403, 2), (410, 2), (413, 2), (429, 2), (500, 2)]));
    assert!(talked.samples.iter().filter(|it| it.series == POST).all(|it| it.kind.is_some() == (it.status != 200)));
    assert_eq!(talked.outcomes(PUSH)[&Outcome::Answered], 2);
    drop(server);
    assert_eq!(told.try_iter().filter(|told| *told != Told::Connection).count(), 12);
}

#[test]
fn a_post_without_an_answer_times_out_and_its_session_goes_on() {
    let (server, told) = gateway(|n| (n > 0).then_some(200));
    let talked = posting(&server, 2).set(|talk| talk.settings.timeout = Span::from_ms(60)).run();
    let talked = talked.expect(POST, [(Outcome::Answered, 1), (Outcome::TimedOut, 1)]).expect(STEP, [(Outcome::Answered, 2)]);
    assert_eq!(talked.told(), [Happened::Opened, Happened::Replied, Happened::Sent, Happened::Sent]);
    let late = talked.samples.iter().find(|sample| sample.outcome == Outcome::TimedOut).unwrap();
    assert!(late.done.since(late.started) >= Span::from_ms(60) && late.sent != Instant::MAX, "{late:?}");
    drop(server);
    assert_eq!(
        told.try_iter().filter(|told| *told == Told::Connection).count(),
        2,
        "a connection that owes an answer is not used"
    );
}

#[test]
fn a_post_that_is_open_when_the_run_ends_is_abandoned() {
    let (server, _told) = gateway(|_| None);
    let talk = posting(&server, 1).set(|talk| talk.settings.grace = Span::from_ms(80)).ends_at(300);
    let talked = talk.run().expect(POST, [(Outcome::Abandoned, 1)]).expect(STEP, [(Outcome::Abandoned, 1)]);
    assert_eq!(talked.record.open_at_end, 1);
}

#[test]
fn whoever_has_no_name_yet_is_counted_as_not_addressed() {
    let (server, _told) = gateway(|_| Some(200));
    let talked = with(&server).does([Does::Posts(10); 3]).set(|talk| talk.hears = Hears(1)).run();
    let talked = talked.expect(POST, []).expect(STEP, [(Outcome::Answered, 3)]);
    assert_eq!(talked.record.not_addressed, 3);
}
