//! What HTTP has to do with WebSocket connections: handshakes, and `@connections`.
//!
//! Owns how a request is known to be about a connection, and what follows from its answer. Refuses the connections themselves
//! ([`websocket`](crate::websocket)) and to decide. A part of the desk.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use percent_encoding::percent_decode_str;
use sluicegate_policy::call::{Ask, ConnectionId, Purpose, Reason, Reply};
use sluicegate_policy::model::ApiKind;
use sluicegate_policy::model::StageId;
use sluicegate_render::answer::Answer;
use sluicegate_render::event::PayloadFormat;
use sluicegate_render::examined::Examined;
use sluicegate_render::request::Head;
use sluicegate_render::websocket::{Link, Linked, told_of};

use super::{Client, Desk};
use crate::driver::Entrance;
use crate::http1::write::Outgoing;
use crate::websocket::handshake::Handshake;
use crate::websocket::{Knocked, Socket, Upgrade};

/// Below this a stage has its connections.
const CONNECTIONS: &str = "/@connections/";

/// What a request is about.
pub(super) enum Errand {
    /// No connection.
    Request,
    /// One that it asks for.
    Connect(Handshake, RefCell<Option<Knocked>>),
    /// One that is there, if it is.
    Callback(Option<ConnectionId>, Ask),
}

impl Desk {
    /// A client asks for a connection.
    pub(super) fn knock(&self, handshake: Handshake, client: Client, (head, entrance): (&Head, Entrance)) -> Errand {
        let text = |name: &str| head.header(name).map(|value| String::from_utf8_lossy(value).into_owned().into_boxed_str());
        let (host, user_agent) = (text("host").unwrap_or_default(), text("user-agent"));
        let Some(stage) = entrance.arrival.stage else { return Errand::Request };
        let knocked = self.driver.knock(entrance, |id| {
            let link = Link { id: self.front.connection_name(id).into(), connected: self.wall(entrance.at), authorizer: None };
            let most = self.model.apis[usize::from(client.api.0)].websocket.unread_bytes;
            Socket::new((id, stage), RefCell::new(link), client, (host, user_agent), most)
        });
        Errand::Connect(handshake, RefCell::new(Some(knocked)))
    }

    /// What any other request is about.
    pub(super) fn errand(&self, entrance: Entrance, (method, path): (&str, &str)) -> Errand {
        if self.kind(entrance.arrival.api) != ApiKind::WebSocket {
            return Errand::Request;
        }
        let Some(name) = path.strip_prefix(CONNECTIONS) else { return Errand::Request };
        let name = percent_decode_str(name).decode_utf8().ok();
        // A connection of another stage is none of this one's.
        let id = name.and_then(|name| self.front.connection_named(&name));
        let id = id.filter(|id| self.driver.stage_of(*id).is_none_or(|stage: StageId| Some(stage) == entrance.arrival.stage));
        let ask = match method {
            "GET" => Ask::Get,
            "DELETE" => Ask::Delete,
            _ => Ask::Post { unread: id.map_or(0, |id| self.driver.unread(id)) },
        };
        Errand::Callback(id, ask)
    }

    /// What was decided of a connection is done; the answer.
    pub(super) fn done(&self, errand: &Errand, examined: &mut Examined<'_>, reply: &Reply) -> Answer {
        let answer = examined.answer(reply);
        let Errand::Callback(Some(id), ask) = errand else { return answer };
        if reply.reason != Reason::Served {
            return answer;
        }
        match ask {
            Ask::Post { .. } => {
                self.driver.send(*id, examined.request().body.clone());
                answer
            }
            // The gateway has told the connection itself.
            Ask::Delete => answer,
            Ask::Get => self.told_of(*id, answer),
        }
    }

    fn told_of(&self, id: ConnectionId, mut answer: Answer) -> Answer {
        let Some((connection, socket)) = self.driver.connection(id) else { return answer };
        let at = |instant| {
            let ns = i128::from(self.wall(instant).as_ns());
            jiff::Timestamp::from_nanosecond(ns).map(|at| at.to_string()).unwrap_or_default()
        };
        let (connected, active) = (at(connection.since), at(connection.active));
        let told = told_of(&connected, &active, &socket.client.source.to_string(), socket.user_agent.as_deref());
        answer.body = told.body;
        answer
    }
}

impl Errand {
    /// What `$connect` is told of the connection.
    pub(super) fn link(&self) -> Option<Link> {
        match self {
            Self::Connect(_, knocked) => knocked.borrow().as_ref().map(|knocked| knocked.socket.link.borrow().clone()),
            Self::Request | Self::Callback(..) => None,
        }
    }

    /// What the call has to do with a connection.
    pub(super) fn linked<'l>(&self, link: Option<&'l Link>) -> Option<Linked<'l>> {
        let purpose = match self {
            Self::Request => return None,
            Self::Connect(_, knocked) => Purpose::Connect(knocked.borrow().as_ref()?.socket.id),
            Self::Callback(id, ask) => Purpose::Callback(*id, *ask),
        };
        Some(Linked { link, purpose, ended: None })
    }

    /// The answer as it goes out: a handshake that was answered with success opens its connection.
    pub(super) fn outgoing(self, examined: &Examined<'_>, reply: &Reply, answer: Answer) -> Outgoing {
        let method = examined.request().head.method();
        let Self::Connect(handshake, knocked) = self else { return Outgoing::to(method, answer) };
        let is_open = reply.reason == Reason::Served && (200..300).contains(&reply.status);
        let Some(knocked) = knocked.take().filter(|_| is_open) else { return Outgoing::to(method, answer) };
        knocked.socket.link.borrow_mut().authorizer = examined.authorizer(PayloadFormat::WebSocket).map(Box::new);
        Outgoing::upgrade(handshake.answer(&answer), Upgrade::of(knocked))
    }
}

impl Socket {
    fn new(
        (id, stage): (ConnectionId, StageId),
        link: RefCell<Link>,
        client: Client,
        (host, user_agent): (Box<str>, Option<Box<str>>),
        most: u64,
    ) -> Rc<Self> {
        let mailbox = crate::websocket::Mailbox::of_at_most(most);
        Rc::new(Self { id, stage, link, client, host, user_agent, mailbox, under_way: Cell::new(0) })
    }
}
