//! Sessions over WebSocket: plays their turns over connections that stay open, and sees what comes back and what does not.
//!
//! Owns everything between the script of sessions and the sockets. Refuses to make the script (`load`), to count (`measure`) and to know
//! frames (`transport::websocket`). Called through [`Engine::converse`](crate::engine::Engine::converse).
//!
//! Within: `drive` starts lanes; a `lane`'s conductor sleeps with the pacer and turns its `stage`, which decides everything and knows no
//! socket; a `player` is the task of one connection. `content` is what is looked for in messages, `published` and `heard` are the two
//! ends of a stream of pushed messages, `place` is what is kept of a session, and `memory` what all of it weighs. What a session posts to
//! others goes by HTTP: `audience` knows whom, `posting` is a step that posts, and a `courier` the task that makes its posts.

mod audience;
mod content;
mod courier;
mod drive;
mod heard;
mod lane;
mod memory;
mod place;
mod player;
mod posting;
mod published;
mod stage;

pub use drive::{Converse, Conversed};
pub use posting::POSTS_PER_LANE;
