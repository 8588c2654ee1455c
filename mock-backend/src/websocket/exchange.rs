//! A message on its way through the gateway, and the news that a connection is gone.
//!
//! Owns the order of things: note the arrival, select the route, have the message examined, ask the gateway, send what comes of it,
//! tell the observers. Refuses to decide (the policy does) and to word anything (the renderer does). Called by `connection`.

use std::rc::Rc;

use bytes::Bytes;
use sluicegate_policy::call::{Form, Purpose};
use sluicegate_policy::time::Instant;
use sluicegate_render::answer::Answer;
use sluicegate_render::examined::{Addressed, Told};
use sluicegate_render::request::{Head, Request};
use sluicegate_render::websocket::{Linked, selected};

use super::Socket;
use crate::driver::Entrance;
use crate::http::Desk;
use crate::observe::Observed;

/// Something that is told of a connection.
struct News {
    body: Bytes,
    purpose: Purpose,
    ended: Option<(u16, &'static str)>,
    entrance: Entrance,
}

/// That a message is under way.
struct UnderWay(Rc<Socket>);

impl Desk {
    /// A message came.
    pub(crate) async fn message(self: Rc<Self>, socket: Rc<Socket>, body: Bytes, form: Form, arrived: Instant) {
        let way = UnderWay(socket);
        let socket = &*way.0;
        self.driver.count_frames(|counts| counts.messages_in += 1);
        let selection = &self.model.apis[usize::from(socket.client.api.0)].websocket.selection;
        let key = if form == Form::Text { selected(&body, selection) } else { None };
        let entrance = self.driver.arrive_message(arrived, (socket.client.api, socket.stage), key.as_deref());
        let news = News { body, purpose: Purpose::Message(socket.id, form), ended: None, entrance };
        if let Some(frame) = self.through(socket, news).await {
            self.driver.send(socket.id, frame);
        }
    }

    /// A connection is gone; told as far as anybody wants to know, and without a promise.
    pub(crate) async fn disconnected(self: Rc<Self>, socket: Rc<Socket>, ended: (u16, &'static str)) {
        let now = self.clock.now();
        let Some(entrance) = self.driver.arrive_disconnect(now, (socket.client.api, socket.stage)) else { return };
        self.driver.count_frames(|counts| counts.disconnects += 1);
        let news = News { body: Bytes::new(), purpose: Purpose::Disconnect(socket.id), ended: Some(ended), entrance };
        self.through(&socket, news).await;
    }

    /// What the client gets.
    async fn through(&self, socket: &Socket, news: News) -> Option<Bytes> {
        let News { body, purpose, ended, entrance } = news;
        let number = self.on_arrival(entrance.at);
        let (head, bytes) = (socket.head(), body.len() as u64);
        let ids = self.front.ids(number, entrance.arrival.api, &head);
        let request = Request { head, body, source: socket.client.source, secured: socket.client.secured.clone() };
        let link = socket.link.borrow().clone();
        let linked = Linked { link: Some(&link), purpose, ended };
        let to = Addressed { arrival: entrance.arrival, route: entrance.route, path: "", link: Some(linked) };
        let mut examined = self.front.examine(&request, to, &ids, self.wall(entrance.at));
        let released = self.decided(&mut examined, (entrance.at, entrance.at), bytes, &mut None).await;
        let frame = examined.frame(&released.reply).filter(|_| ended.is_none());
        let answer = Answer::new(released.reply.status, frame.clone().unwrap_or_default());
        let (reply, latency) = (&released.reply, released.at.since(released.reply.timing.received));
        let told = Told { reply, answer: &answer, sent_bytes: answer.body.len() as u64, body_bytes: bytes, latency };
        self.observer.borrow_mut().on_answer(&Observed { examined: &examined, told: &told });
        frame
    }
}

impl Socket {
    /// What a message has of its connection's handshake.
    fn head(&self) -> Head {
        let agent = self.user_agent.as_deref().map(|agent| ("User-Agent", agent.as_bytes()));
        Head::new("POST", "/", [("Host", self.host.as_bytes())].into_iter().chain(agent))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let under_way = self.0.under_way.get();
        self.0.under_way.set(under_way - 1);
        // The connection may have stopped to read for it.
        self.0.mailbox.wake();
    }
}
