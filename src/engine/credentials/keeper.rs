//! Who obtains tokens before a drive and renews them beside it.
//!
//! Owns when each is renewed, how often a failed attempt is repeated, and the account of both. Refuses to make tokens (`fetch`,
//! `mint`). Its task runs on a thread of its own, and ends with the drive.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::clock::wall_epoch;
use sluicegate_timer::{Clock, Timer};
use tokio::sync::oneshot;

use super::TokenReport;
use super::fetch::{Refusal, Server, Token};
use super::mint::Mint;
use super::tokens::{Reader, Tokens};
use crate::engine::error::EngineError;
use crate::engine::prepare::alone;
use crate::engine::settings::Settings;
use crate::traffic::auth::{Bearer, Issuer};

/// Attempts before the run, for what may pass.
const ATTEMPTS: u32 = 5;
/// From one attempt to the next, doubled each time.
const BACKOFF: Span = Span::from_ms(200);
const BACKOFF_MAX: Span = Span::from_secs(5);
/// Tokens that fall due so close together are renewed together.
const TOGETHER: Span = Span::from_ms(100);

enum Source {
    Server(Box<Server>),
    Mint(Box<Mint>),
}

/// A token's times, by the keeper's clock.
#[derive(Clone, Copy)]
struct Times {
    /// When it is renewed; `Instant::MAX` for never.
    renew: Instant,
    /// When it expires; `Instant::MAX` for nobody knows.
    expires: Instant,
}

/// All of the tokens.
struct Stock {
    values: Vec<HeaderValue>,
    times: Vec<Times>,
    report: TokenReport,
}

/// Keeps a drive's tokens good.
pub(in crate::engine) struct Keeper {
    source: Source,
    tokens: Arc<Tokens>,
    stock: Mutex<Stock>,
    renew_before: Span,
    clock: Clock,
}

impl Keeper {
    /// Obtains all tokens. Blocks.
    pub(super) fn obtain(bearer: &Bearer, settings: &Settings) -> Result<Self, EngineError> {
        let source = match &bearer.issuer {
            Issuer::Server(client) => Source::Server(Box::new(Server::new(client, settings)?)),
            Issuer::Key(minted) => Source::Mint(Box::new(Mint::new(minted)?)),
        };
        let clock = Clock::starting_now();
        let renew_before = bearer.renew_before;
        let mut stock = Stock { values: Vec::new(), times: Vec::new(), report: TokenReport::default() };
        alone(async {
            let mut timer = Timer::new(clock).map_err(no_timer)?;
            for number in 0..bearer.tokens {
                let token = first(&source, number, (clock, &mut timer)).await?;
                stock.times.push(Times::of(&token, clock.now(), renew_before));
                stock.values.push(token.value);
            }
            Ok::<(), EngineError>(())
        })??;
        stock.report = TokenReport { tokens: bearer.tokens, took: clock.now().since(Instant::ZERO), ..TokenReport::default() };
        let tokens = Arc::new(Tokens::new(stock.values.clone()));
        Ok(Self { source, tokens, stock: Mutex::new(stock), renew_before, clock })
    }

    /// What one lane reads.
    pub(in crate::engine) fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.tokens))
    }

    /// Renews tokens until `over` comes. Blocks.
    pub(in crate::engine) fn keep(&self, over: oneshot::Receiver<()>) {
        // Without a runtime nothing is renewed, which the account of expired tokens shows.
        let _ = alone(async {
            tokio::select! {
                _ = over => {}
                _ = self.renew_for_ever() => {}
            }
        });
    }

    /// The account so far.
    pub(in crate::engine) fn report(&self) -> TokenReport {
        let now = self.clock.now();
        let stock = self.stock();
        let overdue = stock.times.iter().filter(|times| times.expires <= now).count() as u64;
        TokenReport { expired: stock.report.expired + overdue, ..stock.report.clone() }
    }

    fn stock(&self) -> std::sync::MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew_for_ever(&self) -> io::Result<()> {
        let mut timer = Timer::new(self.clock)?;
        let mut backoff = BACKOFF;
        loop {
            let next = self.stock().times.iter().map(|times| times.renew).min().unwrap_or(Instant::MAX);
            if next == Instant::MAX {
                return std::future::pending().await;
            }
            timer.until(next).await?;
            if self.renew_due().await {
                backoff = BACKOFF;
            } else {
                timer.until(self.clock.now() + backoff).await?;
                backoff = (backoff + backoff).min(BACKOFF_MAX);
            }
        }
    }

    /// Renews what is due, and lets the lanes see it. False if an attempt failed.
    async fn renew_due(&self) -> bool {
        let limit = self.clock.now() + TOGETHER;
        let due: Vec<u32> =
            self.stock().times.iter().enumerate().filter(|(_, it)| it.renew <= limit).map(|(at, _)| at as u32).collect();
        let mut fine = true;
        for number in due {
            let made = self.source.make(number).await;
            let now = self.clock.now();
            let mut stock = self.stock();
            match made {
                Ok(token) => {
                    let at = number as usize;
                    stock.report.expired += u64::from(stock.times[at].expires <= now);
                    stock.report.renewed += 1;
                    stock.times[at] = Times::of(&token, now, self.renew_before);
                    stock.values[at] = token.value;
                }
                Err(refusal) => {
                    stock.report.failed += 1;
                    stock.report.last_failure = Some(refusal.why);
                    fine = false;
                    // The others would fail alike; they are as due after the pause.
                    break;
                }
            }
        }
        let values = self.stock().values.clone();
        self.tokens.publish(values);
        fine
    }
}

impl Times {
    fn of(token: &Token, now: Instant, renew_before: Span) -> Self {
        let Some(lifetime) = token.lifetime else { return Self { renew: Instant::MAX, expires: Instant::MAX } };
        let half = Span::from_ns(lifetime.as_ns() / 2);
        Self { renew: now + lifetime.saturating_sub(renew_before).max(half), expires: now + lifetime }
    }
}

impl Source {
    async fn make(&self, number: u32) -> Result<Token, Refusal> {
        match self {
            Self::Server(server) => server.ask(number).await,
            Self::Mint(mint) => {
                let value = mint.token(number, wall_epoch());
                // A thousand of them take about a second: a drive that ends does not wait for the rest.
                tokio::task::yield_now().await;
                let value = value.map_err(|error| Refusal { why: error.to_string(), passing: false })?;
                Ok(Token { value, lifetime: Some(mint.lifetime()) })
            }
        }
    }
}

/// A token before the run: what may pass is tried again.
async fn first(source: &Source, number: u32, (clock, timer): (Clock, &mut Timer)) -> Result<Token, EngineError> {
    let mut backoff = BACKOFF;
    for attempt in 1.. {
        match source.make(number).await {
            Ok(token) => return Ok(token),
            Err(refusal) if refusal.passing && attempt < ATTEMPTS => {
                timer.until(clock.now() + backoff).await.map_err(no_timer)?;
                backoff += backoff;
            }
            Err(refusal) => return Err(EngineError::Token { why: refusal.why }),
        }
    }
    Err(EngineError::NoIssuer)
}

const fn no_timer(source: io::Error) -> EngineError {
    EngineError::Start { lane: 0, source }
}
