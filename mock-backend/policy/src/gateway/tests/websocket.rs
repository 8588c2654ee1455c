//! Connections of WebSocket APIs: when they open, what their messages come to, and when they are closed.

use super::*;
use crate::call::{Ask, Closing, ConnectionId, Form};
use crate::model::{FanOut, Pings, Receivers, RouteResponse, SlowReader};

const CONNECT: u16 = 0;
const SEND: u16 = 1;

/// A `$connect` route that is answered with this status, and a route for messages.
fn chat(connect: u16) -> Build {
    let mut build = gateway(ApiKind::WebSocket).route(Integration::fixed(connect, "")).mock();
    build.0.routes[0].path = "$connect".to_owned();
    build.0.routes[1].path = "send".to_owned();
    build.0.apis[0].websocket.idle = Span::from_secs(10);
    build.0.apis[0].websocket.life = Span::from_secs(60);
    build
}

impl Driven {
    fn ask(&mut self, now: Instant, route: Option<u16>, purpose: Purpose, body: u64) {
        let size = Size { body, ..Size::default() };
        self.call(now, Call { route: route.map(RouteId), purpose, size, ..call(0) });
    }

    /// Knocks, and lets what is due soon happen.
    fn connect(&mut self, now: Instant, route: Option<u16>) -> (ConnectionId, Reply) {
        let arrival = self.gateway.arrive(now, ApiId(0), Some(StageId(0)));
        let id = self.gateway.knock(now, arrival);
        self.ask(now, route, Purpose::Connect(id), 0);
        (id, self.reply_within(now))
    }

    fn say(&mut self, now: Instant, id: ConnectionId) -> Reply {
        self.ask(now, Some(SEND), Purpose::Message(id, Form::Text), 10);
        self.reply_within(now)
    }

    fn reply_within(&mut self, now: Instant) -> Reply {
        let replies: Vec<_> = self.done(now + ms(10)).iter().filter_map(reply).collect();
        assert_eq!(replies.len(), 1);
        replies[0]
    }

    /// What is to be done by then.
    fn done(&mut self, until: Instant) -> Vec<Action> {
        self.gateway.advance(until);
        std::iter::from_fn(|| self.gateway.take_action()).collect()
    }

    fn callback(&mut self, now: Instant, id: Option<ConnectionId>, ask: Ask, body: u64) -> (u16, Vec<Action>) {
        self.ask(now, Some(2), Purpose::Callback(id, ask), body);
        let actions = self.done(now + ms(10));
        let status = actions.iter().find_map(reply).expect("a callback is answered").status;
        (status, actions)
    }
}

fn reply(action: &Action) -> Option<Reply> {
    if let Action::Reply(reply) = action { Some(*reply) } else { None }
}

fn closed(actions: &[Action]) -> Vec<(ConnectionId, Closing)> {
    let closed = actions.iter().filter_map(|action| if let Action::Close(id, why) = action { Some((*id, *why)) } else { None });
    closed.collect()
}

/// With the ways to connections, as any caller may use them.
fn called_back(build: Build) -> Driven {
    let mut build = build.mock();
    build.0.routes[2].path = "/@connections/{connectionId}".to_owned();
    build.start()
}

#[test]
fn a_connection_is_open_once_its_handshake_is_answered_with_success() {
    for (status, is_open) in [(200, true), (204, true), (301, false), (401, false), (500, false)] {
        let mut chat = chat(status).start();
        let (id, reply) = chat.connect(at(0), Some(CONNECT));
        assert_eq!((reply.status, reply.at), (status, at(4)));
        assert_eq!(chat.gateway.connection(id).is_some(), is_open, "{status}");
        assert_eq!(chat.gateway.connection_counts().open, u64::from(is_open));
    }
}

#[test]
fn without_a_connect_route_a_connection_is_open_at_once() {
    let mut chat = chat(200).start();
    let (id, reply) = chat.connect(at(0), None);
    assert_eq!((reply.status, reply.reason), (200, Reason::Served));
    assert_eq!(chat.gateway.connection(id).map(|it| (it.since, it.active)), Some((at(4), at(4))));
}

#[test]
fn more_new_connections_than_the_account_may_have_are_refused_at_the_handshake() {
    let mut chat = chat(200).set(|model| model.account.connects = per_second(2, 2)).start();
    let reasons = [0, 20, 40, 540].map(|now| {
        let arrival = chat.gateway.arrive(at(now), ApiId(0), Some(StageId(0)));
        let id = chat.gateway.knock(at(now), arrival);
        chat.ask(at(now), Some(CONNECT), Purpose::Connect(id), 0);
        let reply = chat.done(at(now) + ms(10)).iter().find_map(reply).unwrap();
        (reply.status, reply.reason)
    });
    let (fine, refused) = ((200, Reason::Served), (429, Reason::Throttled(Scope::Connects)));
    assert_eq!(reasons, [fine, fine, refused, fine]);
}

#[test]
fn a_connection_without_messages_is_closed_when_its_idle_time_is_over_and_not_before() {
    let mut chat = chat(200).start();
    let (id, opened) = chat.connect(at(0), Some(CONNECT));
    let said = chat.say(at(8_000), id);
    let idle = said.at.max(at(8_000)) + Span::from_secs(10);
    assert_eq!(closed(&chat.done(at(8_000) + Span::from_secs(10) - ms(1))), []);
    let actions = chat.done(idle);
    assert_eq!(closed(&actions), [(id, Closing::Idle)]);
    assert!(opened.at < said.at);
    assert!(chat.gateway.connection(id).is_none());
    assert_eq!(chat.done(at(100_000)), [], "it ends once");
}

#[test]
fn a_connection_lives_for_as_long_as_it_may_however_much_is_said() {
    let mut chat = chat(200).start();
    let (id, opened) = chat.connect(at(0), Some(CONNECT));
    let mut ends = Vec::new();
    for second in 1..70 {
        chat.ask(at(second * 1_000), Some(SEND), Purpose::Message(id, Form::Text), 1);
        let actions = chat.done(at(second * 1_000 + 999));
        ends.extend(closed(&actions).into_iter().map(|(_, why)| (second, why)));
    }
    assert_eq!(ends, [((opened.at + Span::from_secs(60)).second(), Closing::Life)]);
}

#[test]
fn whether_a_ping_counts_as_a_message_is_a_setting() {
    for (pings, is_closed) in [(Pings::Ignored, true), (Pings::Counted, false)] {
        let mut chat = chat(200).set(|model| model.apis[0].websocket.pings = pings).start();
        let (id, _) = chat.connect(at(0), None);
        chat.gateway.on_ping(at(9_000), id);
        assert_eq!(!closed(&chat.done(at(12_000))).is_empty(), is_closed, "{pings:?}");
    }
}

#[test]
fn a_client_that_sends_more_than_its_route_lets_pass_is_closed() {
    let mut chat = chat(200).set(|model| model.stages[0].route_throttles.push((RouteId(SEND), per_second(1, 1)))).start();
    let (id, _) = chat.connect(at(0), None);
    assert_eq!(chat.say(at(2_000), id).status, 204);
    chat.ask(at(2_500), Some(SEND), Purpose::Message(id, Form::Text), 1);
    let actions = chat.done(at(2_600));
    assert_eq!(actions.iter().find_map(reply).map(|it| it.reason), Some(Reason::Throttled(Scope::Route)));
    assert_eq!(closed(&actions), [(id, Closing::Throttled)]);
    assert_eq!(Closing::Throttled.code(), Some(1008));
}

#[test]
fn bytes_and_too_much_at_once_close_the_connection() {
    for (form, bytes, why, code) in [
        (Form::Binary, 1, Closing::Binary, 1003),
        (Form::Oversized, 0, Closing::TooLarge, 1009),
        (Form::Text, (128 << 10) + 1, Closing::TooLarge, 1009),
    ] {
        let mut chat = chat(200).start();
        let (id, _) = chat.connect(at(0), None);
        chat.ask(at(100), Some(SEND), Purpose::Message(id, form), bytes);
        assert_eq!(closed(&chat.done(at(200))), [(id, why)]);
        assert_eq!(why.code(), Some(code));
    }
}

#[test]
fn a_message_for_no_route_is_refused_and_the_connection_stays() {
    let mut chat = chat(200).start();
    let (id, _) = chat.connect(at(0), None);
    chat.ask(at(100), None, Purpose::Message(id, Form::Text), 5);
    let actions = chat.done(at(200));
    assert_eq!(actions.iter().find_map(reply).map(|it| (it.status, it.reason)), Some((403, Reason::NoRoute)));
    assert_eq!(closed(&actions), []);
    assert!(chat.gateway.connection(id).is_some());
}

#[test]
fn connections_are_posted_to_asked_for_and_closed_as_long_as_they_are_open() {
    let mut chat = called_back(chat(200));
    let arrival = chat.gateway.arrive(at(0), ApiId(0), Some(StageId(0)));
    let early = chat.gateway.knock(at(0), arrival);
    assert_eq!(chat.callback(at(0), Some(early), Ask::Get, 0).0, 410, "its handshake is not answered yet");
    let (id, _) = chat.connect(at(1_000), None);
    assert_eq!(chat.callback(at(3_000), Some(id), Ask::Get, 0).0, 200);
    assert_eq!(chat.callback(at(3_100), Some(id), Ask::Post { unread: 0 }, 100).0, 200);
    assert_eq!(chat.callback(at(3_200), Some(id), Ask::Post { unread: 0 }, (128 << 10) + 1).0, 413);
    assert_eq!(chat.callback(at(3_300), None, Ask::Post { unread: 0 }, 1).0, 410);
    let (status, actions) = chat.callback(at(3_400), Some(id), Ask::Delete, 0);
    assert_eq!((status, closed(&actions)), (204, vec![(id, Closing::Deleted)]));
    assert_eq!(chat.callback(at(3_500), Some(id), Ask::Get, 0).0, 410);
}

#[test]
fn a_post_keeps_a_connection_from_being_idle() {
    let mut chat = called_back(chat(200));
    let (id, _) = chat.connect(at(0), None);
    chat.callback(at(9_000), Some(id), Ask::Post { unread: 0 }, 1);
    assert_eq!(closed(&chat.done(at(19_000))), []);
    assert_eq!(closed(&chat.done(at(19_100))), [(id, Closing::Idle)]);
}

#[test]
fn whoever_posts_to_a_client_that_does_not_read_is_refused_and_a_setting_says_what_becomes_of_the_client() {
    for (slow_reader, expected) in [(SlowReader::Kept, 0), (SlowReader::Closed, 1)] {
        let mut chat = called_back(chat(200).set(|model| {
            model.apis[0].websocket.unread_bytes = 1_000;
            model.apis[0].websocket.slow_reader = slow_reader;
        }));
        let (id, _) = chat.connect(at(0), None);
        assert_eq!(chat.callback(at(2_000), Some(id), Ask::Post { unread: 900 }, 100).0, 200);
        let (status, actions) = chat.callback(at(3_000), Some(id), Ask::Post { unread: 950 }, 100);
        assert_eq!((status, closed(&actions).len()), (429, expected), "{slow_reader:?}");
    }
}

#[test]
fn a_modelled_function_posts_to_all_that_are_connected_so_many_at_a_time() {
    let each = Latency::constant(ms(5));
    let mut chat =
        chat(200).set(|model| model.routes[1].fan_out = Some(FanOut { to: Receivers::Others, at_once: 2, each })).start();
    let ids: Vec<_> = (0..6).map(|n| chat.connect(at(n * 20), None).0).collect();
    chat.gateway.on_gone(at(7_000), ids[3]);
    chat.ask(at(7_000), Some(SEND), Purpose::Message(ids[0], Form::Text), 3);
    let mut pushed = Vec::new();
    for now in 7_000..7_020 {
        for action in chat.done(at(now)) {
            if let Action::Push(_, to) = action {
                pushed.push((now, to));
            } else if let Action::Pushed(_) = action {
                pushed.push((now, ids[0]));
            } else {
                assert!(reply(&action).is_some_and(|reply| reply.fan_out.is_some()), "{action:?}");
            }
        }
    }
    assert_eq!(pushed, [(7_004, ids[1]), (7_004, ids[2]), (7_009, ids[4]), (7_009, ids[5]), (7_009, ids[0])]);
    assert_eq!(chat.gateway.connection_counts().pushed, 4);
}

#[test]
fn all_are_closed_at_once_when_somebody_wants_it_and_no_deadline_is_left() {
    let mut chat = chat(200)
        .set(|model| model.apis[0].websocket.idle = Span::from_secs(600))
        .set(|model| model.apis[0].websocket.life = Span::from_secs(7_200))
        .start();
    for n in 0..3_000 {
        chat.connect(at(n * 20), None);
    }
    assert_eq!(chat.gateway.close_all(at(60_000), Some(StageId(0)), Closing::Fault(1012)), 3_000);
    assert_eq!(closed(&chat.done(at(60_000))).len(), 3_000);
    assert_eq!(chat.gateway.connection_counts().open, 0);
    while let Some(due) = chat.gateway.next_deadline() {
        chat.gateway.advance(due);
    }
    assert_eq!(chat.gateway.close_all(at(60_000), None, Closing::Cut), 0);
}

#[test]
fn a_drop_of_the_model_closes_the_connections_of_its_stage_when_its_time_comes() {
    let drop = crate::model::Drop { at: Span::from_secs(5), stage: StageId(0), why: Closing::Cut };
    let mut chat = chat(200).set(|model| model.drops.push(drop)).start();
    let ids = [0, 20, 40].map(|now| chat.connect(at(now), None).0);
    assert_eq!(closed(&chat.done(at(4_999))), []);
    assert_eq!(closed(&chat.done(at(5_000))), ids.map(|id| (id, Closing::Cut)));
    let (late, _) = chat.connect(at(6_000), None);
    assert!(chat.gateway.connection(late).is_some());
}

#[test]
fn an_answer_of_the_integration_goes_to_the_client_only_where_the_route_says_so() {
    // Seen by the idle time: what goes to the client counts.
    for (response, idle_from) in [(RouteResponse::Absent, 9_000), (RouteResponse::Present, 9_004)] {
        let mut chat = chat(200).set(|model| model.routes[1].response = response).start();
        let (id, _) = chat.connect(at(0), None);
        chat.say(at(9_000), id);
        assert_eq!(closed(&chat.done(at(idle_from) + Span::from_secs(10) - Span::from_ns(1))), []);
        assert_eq!(closed(&chat.done(at(idle_from) + Span::from_secs(10))), [(id, Closing::Idle)]);
    }
}
