//! A gate at which functions wait, so that "before" and "after" need no clock.

use std::net::{Ipv4Addr, SocketAddr};

use sluicegate_policy::model::{Code, Function, Real, Runs};
use sluicegate_policy::time::Span;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use crate::functions::real;

/// Where functions wait until they are let through.
pub(crate) struct Gate {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { address: listener.local_addr().unwrap(), listener }
    }

    /// This function waits here, if it ever waits.
    pub(crate) fn before(&self, function: &mut Function) {
        if let Code::Real(Real { runs: Runs::Process(process), .. }) = &mut function.code {
            process.environment.push(("GATE".to_owned(), self.address.to_string()));
        }
    }

    /// The next function that comes; dropping it lets it through.
    pub(crate) fn open(self) -> TcpListener {
        TcpListener::from_std(self.listener).unwrap()
    }
}

/// A function of one environment that does this, and waits at the gate if it ever waits.
pub(crate) fn gated(how: &str, gate: &Gate, timeout: Span) -> Function {
    let mut function = Function { concurrency: Some(1), ..real(how, timeout) };
    gate.before(&mut function);
    function
}

/// What a function says at the gate.
pub(crate) async fn told(function: &mut TcpStream) -> String {
    let mut told = String::new();
    function.read_to_string(&mut told).await.unwrap();
    told
}
