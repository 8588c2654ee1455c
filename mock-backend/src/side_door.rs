//! The doors beside the gateway's own: the admin endpoint, the issuer, and the Runtime API of each environment.
//!
//! Owns a listener with a bound on its connections, and what happens when it fails. Refuses to know what is said there, and traffic:
//! what the mock is there for comes in through `accept`, which counts. Nobody is turned away here: whoever comes while all places
//! are taken waits in the listener's queue until one of them is free.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use sluicegate_policy::time::Span;
use sluicegate_timer::{Clock, Timer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::patience::{For, Wait};
use crate::server::listen;

/// Pause after an error of the listener, so that one that repeats does not take the thread.
const PAUSE: Span = Span::from_ms(20);

/// A listener.
#[derive(Debug)]
pub(crate) struct SideDoor {
    listener: TcpListener,
    address: SocketAddr,
    pause: Timer,
}

impl SideDoor {
    /// Listens there.
    pub(crate) fn bind(address: SocketAddr, clock: Clock) -> io::Result<Self> {
        let listener = listen(address)?;
        Ok(Self { address: listener.local_addr()?, listener, pause: Timer::new(clock)? })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves each connection, at most so many at a time, until it is dropped; those that are open end with it.
    pub(crate) async fn open<C: Future<Output = ()> + 'static>(mut self, most: usize, serve: impl Fn(TcpStream) -> C) {
        self.accept(most, &serve, &mut JoinSet::new()).await;
    }

    /// The same until the one client has ended; what that is. What it had sent before is served to its end, for so long at most: its
    /// connections are closed by then, unless somebody else holds them.
    pub(crate) async fn open_to<C: Future<Output = ()> + 'static, T>(
        mut self,
        most: usize,
        serve: impl Fn(TcpStream) -> C,
        (ended, patience): (impl Future<Output = T>, Span),
    ) -> T {
        let mut connections = JoinSet::new();
        let end = tokio::select! {
            end = ended => end,
            () = self.accept(most, &serve, &mut connections) => unreachable!("it never ends by itself"),
        };
        let due = self.pause.clock().now() + patience;
        let Self { listener, mut pause, .. } = self;
        let rest = async {
            // Those that wait in the queue are there at once, and no more of them are served at a time than before.
            loop {
                while connections.len() >= most {
                    connections.join_next().await;
                }
                tokio::select! {
                    biased;
                    Ok((stream, _)) = listener.accept() => drop(connections.spawn_local(serve(stream))),
                    () = std::future::ready(()) => break,
                }
            }
            while connections.join_next().await.is_some() {}
        };
        tokio::select! {
            () = rest => {}
            _ = pause.until(due) => {}
        }
        end
    }

    async fn accept<C: Future<Output = ()> + 'static>(
        &mut self,
        most: usize,
        serve: &impl Fn(TcpStream) -> C,
        connections: &mut JoinSet<()>,
    ) {
        let Self { listener, pause, .. } = self;
        loop {
            while connections.len() >= most {
                connections.join_next().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => {
                    while connections.try_join_next().is_some() {}
                    connections.spawn_local(serve(stream));
                }
                // A timer that fails has no descriptor to wait on: the listener will say the same again.
                Err(_) => drop(pause.until(pause.clock().now() + PAUSE).await),
            }
        }
    }
}

/// One connection, one request: nothing is left open when the mock ends, nor while somebody is silent.
pub(crate) async fn one_request<F>(stream: TcpStream, wait: Wait, answer: impl Fn(Request<Incoming>) -> F)
where
    F: Future<Output = Response<Full<Bytes>>>,
{
    let service = service_fn(|request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut connection = pin!(http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service));
    wait.begin(For::Slow);
    poll_fn(|cx| match connection.as_mut().poll(cx) {
        // Whoever asks sees a broken connection himself.
        Poll::Ready(_) => Poll::Ready(()),
        Poll::Pending => wait.poll_expired(cx),
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::net::Ipv4Addr;
    use std::rc::Rc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Says when each of its connections begins and ends, which takes long enough for the next one to be taken if it could be.
    async fn noted(stream: TcpStream, told: Rc<RefCell<Vec<&'static str>>>) {
        told.borrow_mut().push("begins");
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        told.borrow_mut().push("ends");
        drop(stream);
    }

    async fn two_clients() -> (SideDoor, [TcpStream; 2]) {
        let door = SideDoor::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Clock::starting_now()).unwrap();
        let address = door.address();
        (door, [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()])
    }

    #[test]
    fn whoever_comes_while_all_places_are_taken_waits_for_one() {
        let told = Rc::new(RefCell::new(Vec::new()));
        crate::runtime().unwrap().block_on(async {
            let (door, _clients) = two_clients().await;
            let (ended, mut both) = tokio::sync::mpsc::channel(2);
            let serve = |stream| {
                let (told, ended) = (Rc::clone(&told), ended.clone());
                async move {
                    noted(stream, told).await;
                    ended.send(()).await.unwrap();
                }
            };
            tokio::select! {
                () = door.open(1, serve) => unreachable!("it is open until it is dropped"),
                () = async { for _ in 0..2 { both.recv().await.unwrap(); } } => {}
            }
        });
        assert_eq!(*told.borrow(), ["begins", "ends", "begins", "ends"]);
    }

    #[test]
    fn whoever_waits_at_the_end_waits_for_a_place_too() {
        let told = Rc::new(RefCell::new(Vec::new()));
        crate::runtime().unwrap().block_on(async {
            let (door, _clients) = two_clients().await;
            let end = (std::future::ready(()), Span::from_secs(60));
            door.open_to(1, |stream| noted(stream, Rc::clone(&told)), end).await;
        });
        assert_eq!(*told.borrow(), ["begins", "ends", "begins", "ends"]);
    }

    #[test]
    fn what_a_client_sent_before_its_end_is_served_unless_somebody_holds_its_connection() {
        crate::runtime().unwrap().block_on(async {
            let heard = Rc::new(RefCell::new(Vec::new()));
            let hear = |mut stream: TcpStream| {
                let heard = Rc::clone(&heard);
                async move {
                    let mut bytes = Vec::new();
                    stream.read_to_end(&mut bytes).await.unwrap();
                    heard.borrow_mut().push(bytes);
                }
            };
            for (is_held, patience) in [(false, Span::from_secs(60)), (true, Span::ZERO)] {
                let door = SideDoor::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Clock::starting_now()).unwrap();
                let mut client = TcpStream::connect(door.address()).await.unwrap();
                client.write_all(b"last words").await.unwrap();
                let held = is_held.then_some(client);
                assert_eq!(door.open_to(1, hear, (std::future::ready("ended"), patience)).await, "ended");
                drop(held);
            }
            assert_eq!(*heard.borrow(), [b"last words"]);
        });
    }
}
